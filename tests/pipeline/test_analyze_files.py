"""``tallrun analyze`` from the command line: files and columns of the contract on every recording in hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from support.contract import check_output, strict_json
from tallrun.cli import main
from tallrun.sessions import read_session

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"
REAL = (
    *(
        f"pyshoe_jog_2017-11-27-{name}"
        for name in ("11-11-24", "11-12-18", "11-13-10", "11-13-41", "11-24-07")
    ),
    "pyshoe_walk_2017-11-22-11-25-20",
    "pyshoe_walk_2017-11-22-11-36-45",
    "sacrum_treadmill_row02",
    "sacrum_treadmill_row05",
)


def command(*argv: object) -> int:
    try:
        main([str(part) for part in argv])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def analyse(session: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    assert command("analyze", session, "--out", out, "--json") == 0
    printed = strict_json(capsys.readouterr().out)
    recording = read_session(session)
    end_s = max((float(item.t_s[-1]) for item in recording.sensors.values() if item.t_s.size), default=0.0)
    summary = check_output(out, end_s)
    assert printed.pop("measurement_error").keys() <= summary.keys()
    assert printed == summary
    return summary


def test_the_bundled_treadmill_session(tmp_path, capsys):
    summary = analyse(RECORDINGS / "demo_treadmill", tmp_path / "out", capsys)
    assert 150.0 < summary["cadence_spm"]["median"] < 180.0
    assert summary["n_steps"] == summary["n_contacts"]
    assert 170.0 < summary["run_time_s"] < 200.0
    assert summary["pelvic_tilt_deg"]["n"] > 100
    assert {item["flag"] for item in summary["flags"]} >= {"overstriding"}


def test_the_bundled_session_of_one_foot(tmp_path, capsys):
    summary = analyse(RECORDINGS / "one_foot", tmp_path / "out", capsys)
    assert summary["n_steps"] == 2 * summary["n_contacts"]
    assert summary["flight_time_s"] == {"value": None, "reason": "one_foot"}
    assert summary["pelvic_tilt_deg"] == {"value": None, "reason": "no_pelvis"}
    assert summary["asymmetry_contact_pct"] == {"value": None, "reason": "one_foot"}


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_every_public_session(name, real_data, tmp_path, capsys):
    summary = analyse(real_data / name, tmp_path / "out", capsys)
    assert summary["n_steps"] > 0
    if "jog" in name:
        assert summary["walk_time_s"] == 0.0
        assert 145.0 < summary["cadence_spm"]["median"] < 170.0
    elif "walk" in name:
        assert summary["run_time_s"] == 0.0
    else:
        assert summary["n_contacts"] == 0
        assert summary["stride_length_m"]["reason"] == "no_feet"
        assert 0.15 < summary["stance_time_s"]["median"] < 0.35


@pytest.mark.real_data
def test_jogs_have_one_contact_for_each_optical_stride(real_data, tmp_path, capsys):
    import pandas as pd

    name = REAL[0]
    analyse(real_data / name, tmp_path / "out", capsys)
    contact = pd.read_parquet(tmp_path / "out" / "strides.parquet")["initial_contact_s"].to_numpy()
    optical = pd.read_csv(real_data / name / "zero_velocity_instants.csv")["t_s"].to_numpy()
    counts = np.histogram(contact, bins=optical)[0]
    np.testing.assert_array_equal(counts, 1)


def test_what_is_no_session_gets_one_line_and_exit_1(tmp_path, capsys):
    assert command("analyze", tmp_path / "nowhere", "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err.strip()
    assert said
    assert "\n" not in said
    assert not (tmp_path / "out").exists()


def test_an_analysis_may_be_made_again_in_place(tmp_path, capsys):
    first = analyse(RECORDINGS / "one_foot", tmp_path / "out", capsys)
    assert analyse(RECORDINGS / "one_foot", tmp_path / "out", capsys) == first
