"""``tallrun run`` and ``tallrun demo`` from the command line, on emulated sensors."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tallrun import simulate
from tallrun.cli.app import build_app
from tallrun.live import state as live_state
from tallrun.recovery import wording
from tallrun.sessions import read_session, write_session
from tallrun.store import Store

pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture(scope="module")
def short_run(tmp_path_factory) -> Path:
    """Stand, then run with slow steps: 75 s with treadmill and both feet."""
    programme = simulate.Programme(
        (
            simulate.Bout("stand", 6.0),
            simulate.Bout("run", 34.0, 2.8),
            simulate.Bout("run", 45.0, 2.8, cadence_shift_spm=-15.0),
        ),
        surface="treadmill",
    )
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(100.0), seed=5)
    feet = {name: item for name, item in recording.sensors.items() if name != "pelvis"}
    folder = tmp_path_factory.mktemp("emulated") / "short"
    write_session(folder, replace(recording, sensors=feet))
    return folder


def invoke(*args: str):
    return CliRunner().invoke(build_app(), [str(item) for item in args])


def test_run_records_cues_and_reports(short_run, tmp_path):
    out = tmp_path / "run"
    result = invoke(
        "run",
        "--out",
        out,
        "--emulate",
        short_run,
        "--speed",
        20,
        "--minutes",
        2,
        "--data-dir",
        tmp_path / "data",
    )
    assert result.exit_code == 0, result.output
    recording = read_session(out)
    assert recording.info["source"] == "tallrun record"
    assert {"foot_left", "foot_right"} <= set(recording.sensors)
    assert any(item.kind == "stop" and item.text == "end" for item in recording.markers)
    summary = json.loads((out / "derived" / "summary.json").read_text())
    assert summary["run_time_s"] > 60
    assert 140 < summary["cadence_spm"]["median"] < 180
    assert (out / "derived" / "report.html").stat().st_size < 8_000_000
    assert isinstance(json.loads((out / "derived" / "cues.json").read_text()), list)


def test_an_existing_session_is_never_overwritten(short_run, tmp_path):
    result = invoke("run", "--out", short_run, "--emulate", short_run, "--data-dir", tmp_path)
    assert result.exit_code == 1
    assert "exists already" in str(result.exception)


def test_wishes_that_cannot_be_are_one_line(short_run, tmp_path):
    for args, match in (
        (("--focus", "arms"), "--focus must be one of"),
        (("--mode", "drum"), "--mode must be one of"),
        (("--tls",), "--tls belongs to --lan"),
        (("--walk", "--focus", "cadence"), "--walk records a walk without cues"),
        (("--walk", "--against-advice"), "--walk records a walk without cues"),
    ):
        result = invoke(
            "run", "--out", tmp_path / "x", "--emulate", short_run, *args, "--data-dir", tmp_path / "data"
        )
        assert result.exit_code == 1
        assert re.search(match, str(result.exception))


def test_nobody_is_cued_on_a_day_that_is_none_for_a_run_whatever_was_asked(short_run, tmp_path):
    data = tmp_path / "data"
    told = invoke("setup", "--data-dir", data, "--side", "left", "--time-zone", "Europe/Amsterdam", "--born-on",
                  "1985-06-30", "--diagnosis", "clinician")  # fmt: skip
    assert told.exit_code == 0, told.output
    out = tmp_path / "run"
    result = invoke("run", "--out", out, "--emulate", short_run, "--speed", 20, "--minutes", 2, "--data-dir", data,
                    "--focus", "cadence")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Log first" in result.output
    assert "No cues today" in result.output
    assert json.loads((out / "derived" / "cues.json").read_text()) == []
    assert read_session(out).info["live_setup"]["focus"] is None


@pytest.mark.parametrize("is_set_up", [True, False], ids=["set up", "nobody"])
def test_a_walk_is_recorded_as_on_the_phone(tmp_path, is_set_up):
    programme = simulate.Programme((simulate.Bout("stand", 4.0), simulate.Bout("walk", 40.0, 1.4)))
    recording, _ = simulate.run(programme, simulate.Runner(), simulate.three_sensors(100.0), seed=5)
    write_session(tmp_path / "walk", recording)
    data, out = tmp_path / "data", tmp_path / "out"
    if is_set_up:
        told = invoke("setup", "--data-dir", data, "--side", "left", "--time-zone", "Europe/Amsterdam", "--born-on",
                      "1985-06-30", "--diagnosis", "clinician")  # fmt: skip
        assert told.exit_code == 0, told.output
    result = invoke(
        "run", "--walk", "--out", out, "--emulate", tmp_path / "walk", "--speed", 20, "--data-dir", data
    )
    assert result.exit_code == 0, result.output
    assert "Parts: walk 30 min." in result.output
    assert "Distance walked" in result.output
    assert "Cues" not in result.output
    known = read_session(out).info["live_setup"]
    assert (known["focus"], known["rung"]) == (None, "V0")
    if is_set_up:
        with Store.open(data) as store:
            (run,) = store.runs(store.find_runner())
        assert (run.rung, run.run_minutes) == ("V0", 0.0)


def test_with_several_runners_a_run_asks_whose_it_is(short_run, tmp_path):
    data = tmp_path / "data"
    for code in ("ann", "bob"):
        invoke("setup", "--data-dir", data, "--runner", code, "--side", "left", "--time-zone", "Europe/Amsterdam",
               "--born-on", "1985-06-30")  # fmt: skip
    result = invoke("run", "--out", tmp_path / "run", "--emulate", short_run, "--data-dir", data)
    assert result.exit_code == 1
    assert "several runners (ann, bob)" in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_demo_walks_the_whole_loop(short_run, tmp_path):
    result = invoke("demo", "--no-browser", "--session", short_run, "--speed", 20, "--out", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    for part in ("1 · Before the run", "2 · The run", "3 · After the run", "4 · The evening"):
        assert part in result.output
    assert "answered by a script" in result.output
    assert "Rule " in result.output
    assert (tmp_path / "demo" / "demo-run" / "derived" / "report.html").exists()
    again = invoke("demo", "--no-browser", "--session", short_run, "--speed", 20, "--out", tmp_path / "demo")
    assert again.exit_code == 0
    assert (tmp_path / "demo-2" / "demo-run").exists()


def test_every_sentence_of_the_live_page_passes_the_lint():
    sentences = [
        *live_state.STOP_REASONS.values(),
        *(f"{text.capitalize()}." for text in live_state.BLOCK_WORDS.values()),
    ]
    for sentence in sentences:
        assert not wording.lint(sentence), sentence


def test_the_emulated_run_keeps_every_sample(short_run, tmp_path):
    out = tmp_path / "whole"
    invoke(
        "run",
        "--out",
        out,
        "--emulate",
        short_run,
        "--speed",
        20,
        "--minutes",
        2,
        "--data-dir",
        tmp_path / "data",
    )
    sent, got = read_session(short_run), read_session(out)
    for name, item in sent.sensors.items():
        assert got.sensors[name].t_s.size >= 0.99 * item.t_s.size
        assert np.all(np.diff(got.sensors[name].t_s) > 0)
