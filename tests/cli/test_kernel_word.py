"""Every command that analyses says that it compiles, before a minute of silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallrun.cli import main

ONE_FOOT = str(Path(__file__).resolve().parents[2] / "recordings" / "one_foot")


@pytest.mark.parametrize(
    "command",
    [
        ["analyze", ONE_FOOT, "--out", "{out}"],
        ["report", ONE_FOOT, "--out", "{out}.html"],
        ["replay", ONE_FOOT, "--json"],
        ["compare", ONE_FOOT, ONE_FOOT, "--json"],
        ["export", ONE_FOOT, "--to", "csv", "-o", "{out}"],
    ],
)
def test_an_analysis_waits_for_the_engine_with_a_word(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tallrun.kernel_cache.is_ready", lambda: False)
    monkeypatch.setattr("tallrun.kernel_cache._mark", lambda: tmp_path / "ready-x")
    with pytest.raises(SystemExit) as done:
        main([item.format(out=tmp_path / "out") for item in command])
    assert not done.value.code
    assert "Preparing the stride engine" in capsys.readouterr().err
