"""Firmware configs: what tallrun must know about one sensor model and mode, as data (docs/sensors.md).

Pure: text in, frozen models out. Reading files is the caller's business.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from tallrun.errors import ConfigError, UsageError
from tallrun.sensors.config_packets import FixedPacket, Packet
from tallrun.sensors.config_parts import HexBytes, Role, Strict, Uuid

SCHEMA_VERSION = 1


class MatchRule(Strict):
    """A sensor matches when every given criterion holds; a config matches when any of its rules does."""

    name_prefix: str | None = None
    service_uuid: Uuid | None = None
    company_id: Annotated[int, Field(ge=0, le=0xFFFF)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> MatchRule:
        if self.name_prefix is None and self.service_uuid is None and self.company_id is None:
            raise ValueError("a match rule needs name_prefix, service_uuid or company_id")
        return self

    def matches(self, advertisement: Advertisement) -> bool:
        """Say whether every given criterion holds for ``advertisement``."""
        return (
            (self.name_prefix is None or (advertisement.name or "").startswith(self.name_prefix))
            and (self.service_uuid is None or self.service_uuid in advertisement.service_uuids)
            and (self.company_id is None or self.company_id in advertisement.company_ids)
        )


class Characteristic(Strict):
    """One characteristic: the role other keys call it by, its UUID and what it can do."""

    role: Role
    uuid: Uuid
    properties: tuple[Literal["read", "write", "write_without_response", "notify", "indicate"], ...]


class Service(Strict):
    """One GATT service; ``optional`` ones may be missing on a real sensor."""

    uuid: Uuid
    characteristics: tuple[Characteristic, ...]
    optional: bool = False


class Reply(Strict):
    """What the sensor answers to a step.

    prefix_hex : how the expected answer begins. A step fails when a required one does not come in time.
    example_hex : a whole answer, as documented or captured; emulated sensors send it.
    """

    characteristic: Role
    prefix_hex: HexBytes = b""
    example_hex: HexBytes = b""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    required: bool = True

    @model_validator(mode="after")
    def _example_fits(self) -> Reply:
        if self.example_hex and not self.example_hex.startswith(self.prefix_hex):
            raise ValueError("example_hex does not begin with prefix_hex")
        return self


class Step(Strict):
    """One step of the start or stop sequence.

    ``write`` sends ``value_hex`` followed by ``value_ascii``. ``negotiate`` sends them too, reads the
    offered settings from the reply in ``settings_format``, picks ``prefer`` (or the next lower offer) and
    writes ``start_hex`` followed by the chosen settings, whose answer is ``start_reply``.
    """

    action: Literal["subscribe", "unsubscribe", "write", "read", "wait", "negotiate"]
    characteristic: Role | None = None
    value_hex: HexBytes = b""
    value_ascii: str = ""
    with_response: bool = True
    wait_s: Annotated[float, Field(ge=0, le=30)] = 0.0
    reply: Reply | None = None
    settings_format: Literal["polar_tlv"] | None = None
    prefer: dict[Literal["rate_hz", "resolution_bits", "range", "channels"], int] = Field(
        default_factory=dict
    )
    start_hex: HexBytes = b""
    start_reply: Reply | None = None
    only_if_offered: bool = False

    @property
    def value(self) -> bytes:
        """All bytes of the first write of this step."""
        return self.value_hex + self.value_ascii.encode()

    @model_validator(mode="after")
    def _is_whole(self) -> Step:
        if (self.characteristic is None) != (self.action == "wait"):
            raise ValueError(
                f"step {self.action}: every step but wait names a characteristic, and wait names none"
            )
        if self.action in ("write", "negotiate") and not self.value:
            raise ValueError(f"step {self.action}: value_hex or value_ascii is missing")
        if self.action == "negotiate" and not (self.settings_format and self.reply and self.start_hex):
            raise ValueError("step negotiate needs settings_format, reply and start_hex")
        if self.action == "wait" and self.wait_s <= 0:
            raise ValueError("step wait needs wait_s")
        return self


class TimeModel(Strict):
    """How samples get their time.

    stamp : which sample the packet's stamp belongs to; ``none`` means arrival times and counting only.
    unit_s, bits : size of one tick and width of the stamp, for unwrapping.
    counter_bits : width of the packet counter; None when packets carry none.
    rate_tolerance : how far the true rate may lie from ``rate_hz``, as a fraction; bounds the clock fit of
        sensors without stamps.
    """

    stamp: Literal["first_sample", "last_sample", "none"]
    unit_s: Annotated[float, Field(gt=0, le=1)] | None = None
    bits: Annotated[int, Field(ge=8, le=64)] | None = None
    counter_bits: Annotated[int, Field(ge=4, le=32)] | None = None
    rate_tolerance: Annotated[float, Field(gt=0, le=0.2)] = 0.05

    @model_validator(mode="after")
    def _is_whole(self) -> TimeModel:
        if (self.stamp == "none") != (self.unit_s is None) or (self.unit_s is None) != (self.bits is None):
            raise ValueError("time: a stamp needs unit_s and bits, and stamp = none has neither")
        return self


class Imu(Strict):
    """The inertial sensor as this mode runs it. A range is None when the firmware does not tell."""

    rate_hz: Annotated[float, Field(gt=0, le=10_000)]
    acc_range_g: Annotated[float, Field(gt=0)] | None = None
    gyr_range_dps: Annotated[float, Field(gt=0)] | None = None
    has_gyroscope: bool = True
    rates_hz: tuple[float, ...] = ()
    acc_ranges_g: tuple[float, ...] = ()
    gyr_ranges_dps: tuple[float, ...] = ()
    time: TimeModel


class BatterySource(Strict):
    """Where the battery state comes from. ``request_hex`` is written to ``request_to`` when it must be asked for."""

    characteristic: Role
    format: Literal["level_pct", "metamotion", "movella_dot", "witmotion"]
    request_to: Role | None = None
    request_hex: HexBytes = b""


class Limit(Strict):
    """Something a gait recorder must warn about. ``placements`` empty means wherever the sensor is worn."""

    text: str
    placements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advertisement:
    """What a scan saw of one device. The name is untrusted text."""

    name: str | None = None
    service_uuids: tuple[str, ...] = ()
    company_ids: tuple[int, ...] = ()


def _check_schema_version(version: int) -> int:
    if version != SCHEMA_VERSION:
        raise ValueError(f"this tallrun reads schema_version {SCHEMA_VERSION}, not {version}")
    return version


class FirmwareConfig(Strict):
    """One sensor model in one mode: how to find it, start it, read it and stop it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    schema_version: Annotated[int, AfterValidator(_check_schema_version)]
    title: str
    kind: Literal["imu", "treadmill", "heart_rate", "foot_pod"]
    verified: Literal["hardware", "documents"] = "documents"
    sources: tuple[str, ...] = ()
    match: tuple[MatchRule, ...]
    services: tuple[Service, ...]
    start: tuple[Step, ...]
    stop: tuple[Step, ...] = ()
    packets: tuple[Packet, ...]
    imu: Imu | None = None
    battery: BatterySource | None = None
    limits: tuple[Limit, ...] = ()

    @classmethod
    def from_toml(cls, text: str, name: str) -> FirmwareConfig:
        """Read one config; ``name`` is its id (the file's stem).

        Raises ConfigError with the first thing that breaks the schema and where it stands.
        """
        try:
            return cls.model_validate({"name": name, **tomllib.loads(text)})
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"firmware config {name}: not TOML: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the whole file"
            raise ConfigError(f"firmware config {name}: {place}: {first['msg']}") from error

    @model_validator(mode="after")
    def _hangs_together(self) -> FirmwareConfig:
        roles = [item.role for service in self.services for item in service.characteristics]
        if len(set(roles)) != len(roles):
            raise ValueError("two characteristics share a role")
        for role in self._roles_used():
            if role not in roles:
                raise ValueError(
                    f"no characteristic has the role {role!r}; there are {', '.join(sorted(roles))}"
                )
        if (self.kind == "imu") != (self.imu is not None):
            raise ValueError("a config of kind imu, and only such, has an [imu] table")
        if self.imu is not None:
            for packet in self.packets:
                if isinstance(packet, FixedPacket):
                    packet.check_against(self.imu.acc_range_g, self.imu.gyr_range_dps)
        return self

    def _roles_used(self) -> list[str]:
        steps = [*self.start, *self.stop]
        used = [step.characteristic for step in steps]
        used += [reply.characteristic for step in steps for reply in (step.reply, step.start_reply) if reply]
        used += [role for packet in self.packets for role in packet.roles()]
        if self.battery:
            used += [self.battery.characteristic, self.battery.request_to]
        return [role for role in used if role is not None]

    @property
    def sha256(self) -> str:
        """Hash of the content (not of comments or layout), stored with each session."""
        content = json.dumps(self.model_dump(mode="json", exclude_unset=True), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def uuid(self, role: str) -> str:
        """Return the UUID of the characteristic with ``role``; raises UsageError for an unknown role."""
        for service in self.services:
            for item in service.characteristics:
                if item.role == role:
                    return item.uuid
        raise UsageError(f"firmware config {self.name} has no characteristic with the role {role!r}")

    def role(self, uuid: str) -> str | None:
        """Return the role of the characteristic with ``uuid``, None when the config does not know it."""
        for service in self.services:
            for item in service.characteristics:
                if item.uuid == uuid:
                    return item.role
        return None

    def matches(self, advertisement: Advertisement) -> bool:
        """Say whether a scanned device looks like this sensor."""
        return any(rule.matches(advertisement) for rule in self.match)


class ConfigSet:
    """Every known firmware config by name; a user's config replaces a shipped one of the same name."""

    def __init__(self, configs: Mapping[str, FirmwareConfig]) -> None:
        self._configs = dict(sorted(configs.items()))

    @classmethod
    def from_texts(cls, shipped: Mapping[str, str], user: Mapping[str, str] | None = None) -> ConfigSet:
        """Read configs from ``{name: TOML text}``; raises ConfigError as ``FirmwareConfig.from_toml``."""
        texts = {**shipped, **(user or {})}
        return cls({name: FirmwareConfig.from_toml(text, name) for name, text in texts.items()})

    def __iter__(self) -> Any:
        return iter(self._configs.values())

    def __len__(self) -> int:
        return len(self._configs)

    def get(self, name: str) -> FirmwareConfig:
        """Return the config called ``name``; raises ConfigError naming the known ones."""
        try:
            return self._configs[name]
        except KeyError:
            raise ConfigError(f"no firmware config {name!r}; there are {', '.join(self._configs)}") from None

    def matching(self, advertisement: Advertisement) -> list[FirmwareConfig]:
        """Return the configs a scanned device fits, in order of name."""
        return [config for config in self._configs.values() if config.matches(advertisement)]
