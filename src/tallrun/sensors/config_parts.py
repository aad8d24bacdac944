"""Small types every part of a firmware config is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from tallrun.errors import UsageError
from tallrun.sensors.uuids import canonical_uuid


class Strict(BaseModel):
    """Base of all config models: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _uuid(text: str) -> str:
    try:
        return canonical_uuid(text)
    except UsageError as error:
        raise ValueError(str(error)) from error


def _bytes_of_hex(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise ValueError(f"expected hex bytes such as '01 0A', got {value!r}") from error


Uuid = Annotated[str, AfterValidator(_uuid)]
#: Bytes written as hex text in the TOML.
HexBytes = Annotated[
    bytes,
    BeforeValidator(_bytes_of_hex),
    PlainSerializer(lambda raw: raw.hex(), return_type=str, when_used="json"),
]
#: Name by which the other keys of a config call a characteristic.
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
NumberType = Literal["u8", "s8", "u16", "s16", "u24", "s24", "u32", "s32", "f32", "u64"]
Offset = Annotated[int, Field(ge=0, le=512)]
