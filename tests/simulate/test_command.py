"""``tallrun simulate`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tallrun.cli.simulate import register
from tallrun.errors import TallrunError
from tallrun.sessions import read_session


def _call(*arguments: str):
    app = typer.Typer()
    register(app)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["simulate", *arguments])


def test_list_names_every_programme_with_a_line() -> None:
    shown = _call("--list")
    assert shown.exit_code == 0
    names = json.loads(_call("--list", "--json").output)
    assert {"demo", "steady", "overstride", "limp", "intervals", "treadmill60", "nuisance"} <= set(names)
    assert all(name in shown.output and line for name, line in names.items())


def test_session_folder_has_signals_and_truth(tmp_path: Path) -> None:
    out = tmp_path / "session"
    shown = _call(
        "--minutes", "0.5", "--speed-kmh", "11", "--seed", "5", "--loss-pct", "2", "--out", str(out), "--json"
    )
    assert shown.exit_code == 0, shown.output
    facts = json.loads(shown.output)
    recording = read_session(out)
    truth = json.loads((out / "truth.json").read_text())
    assert facts["contacts"] == len(truth["strides"]) > 80
    assert facts["duration_s"] == 50.0
    assert truth["seed"] == 5
    assert set(recording.sensors) == {"foot_left", "foot_right", "pelvis"}
    assert recording.treadmill is not None
    assert recording.treadmill.speed_mps.max() == pytest.approx(11 / 3.6, abs=0.01)
    assert any(row["kind"] == "loss" for row in truth["impairments"])
    for row in truth["strides"]:
        assert set(row) >= {
            "foot",
            "initial_contact_s",
            "final_contact_s",
            "stride_length_m",
            "foot_strike_angle_deg",
            "foot_ahead_m",
            "braking_dv_mps",
        }


def test_same_seed_writes_the_same_samples(tmp_path: Path) -> None:
    for name in ("one", "two"):
        arguments = ("--minutes", "0.2", "--placement", "pelvis", "--no-gyroscope", "--seed", "3")
        shown = _call(*arguments, "--out", str(tmp_path / name))
        assert shown.exit_code == 0
        assert "1 January 2026" in shown.output, "a day that is not today is said"
    assert len({(tmp_path / name / "session.json").read_text() for name in ("one", "two")}) == 1
    one, two = (read_session(tmp_path / name).sensors["pelvis"] for name in ("one", "two"))
    np.testing.assert_array_equal(one.acc_mps2, two.acc_mps2)
    assert one.gyr_radps is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--programme", "nope", "--out", "x"), "no programme named 'nope'"),
        ((), "where to"),
        (("--programme", "demo", "--minutes", "2", "--out", "x"), "not both"),
        (("--minutes", "1", "--speed-kmh", "90", "--out", "x"), "speed_mps between"),
        (("--placement", "wrist", "--out", "x"), "placement must be one of"),
    ],
)
def test_impossible_options_end_in_one_clear_line(arguments: tuple[str, ...], message: str) -> None:
    result = _call(*arguments)
    assert isinstance(result.exception, TallrunError)
    assert message in str(result.exception)
