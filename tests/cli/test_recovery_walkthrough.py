"""The page of simulated runners: made by its command, the same each time, and in words that pass the lint."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tallrun.cli.recovery_common import load_protocol
from tallrun.recovery.wording import lint

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_walkthrough", DOCS / "make_walkthrough.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_walkthrough"] = module  # data classes look their module up by name
    spec.loader.exec_module(module)
    return module


def test_the_story_begins_the_same_each_time(maker: ModuleType) -> None:
    first = maker.tell(maker._steady(), 24)
    assert first == maker.tell(maker._steady(), 24)
    text = "\n".join(first)
    assert "Log first · level V0" in text
    assert "Run today · level V1" in text


def test_a_sudden_strain_is_referred_and_gets_no_level(maker: ModuleType) -> None:
    runner = maker._reinjured()
    runner.events = {9: "sprint"}
    text = "\n".join(maker.tell(runner, 20))
    assert "See a doctor today** (SC3)" in text
    assert "Last day, 24 Jan: **See a doctor today**" in text


def test_the_page_in_the_docs_is_that_of_this_protocol() -> None:
    text = (DOCS / "walkthrough.md").read_text(encoding="utf-8")
    protocol = load_protocol()
    assert f"protocol {protocol.name} {protocol.version}" in text
    assert re.findall(r"^## (\w+)", text, re.MULTILINE) == ["Anna", "Ben", "Carla"]
    assert text.count("### Month") == 18


def test_the_page_speaks_as_it_should() -> None:
    for line in (DOCS / "walkthrough.md").read_text(encoding="utf-8").splitlines():
        wrong = [item for item in lint(line) if not item.startswith(("has a sentence", "reads at"))]
        assert wrong == [], line
