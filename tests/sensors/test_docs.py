"""docs/sensors.md names every shipped config and every key of the schema."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from tallrun.sensors import config, config_packets
from tallrun.sensors.config import FirmwareConfig

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "sensors.md").read_text(encoding="utf-8")
MODELS = [
    item
    for module in (config, config_packets)
    for item in vars(module).values()
    if isinstance(item, type)
    and issubclass(item, BaseModel)
    and item.__module__.startswith("tallrun.sensors.config")
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_documented(model):
    keys = set(model.model_fields) - (
        {"name"} if model is FirmwareConfig else set()
    )  # the file's stem is no key
    assert [key for key in keys if f"`{key}`" not in DOCS and f"[{key}]" not in DOCS] == []


def test_every_config_is_listed(configs):
    assert [item.name for item in configs if f"`{item.name}`" not in DOCS] == []


def test_every_codec_is_listed():
    union = get_args(config_packets.Packet)[0]
    codecs = {name for model in get_args(union) for name in get_args(model.model_fields["codec"].annotation)}
    assert "fixed" in codecs
    assert [name for name in codecs if f"`{name}`" not in DOCS and f'codec = "{name}"' not in DOCS] == []
