"""Data files shipped inside the package, read as text. Rooms above ``pipeline`` read; rooms below receive text."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def firmware_config_texts() -> dict[str, str]:
    """Return the shipped firmware configs, ``{stem: TOML text}`` (wheel first, then the source tree)."""
    packaged = files("tallrun").joinpath("firmware_configs")
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "firmware_configs"
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda item: item.name)
        if entry.name.endswith(".toml")
    }


def protocol_texts() -> dict[str, str]:
    """Return the shipped recovery protocols, ``{stem: TOML text}``."""
    folder = files("tallrun.recovery").joinpath("protocols")
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda item: item.name)
        if entry.name.endswith(".toml")
    }
