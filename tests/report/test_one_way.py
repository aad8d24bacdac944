"""Every way of looking at a recording shows the same tables: those of the set-up its run used."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import tallrun
from support.report_sources import PROTOCOL, limping
from tallrun.cli.app import build_app
from tallrun.coaching import plan_session
from tallrun.cohort.work import _shard_of
from tallrun.errors import SessionError
from tallrun.gait.flag_terms import BaselineBin, OwnBaseline
from tallrun.pipeline import PipelineSetup, analyse
from tallrun.pipeline.live_run import LiveSetup
from tallrun.pipeline.replay import replay_run
from tallrun.pipeline.setup_record import KEY, setup_record
from tallrun.report.session_report import analysed
from tallrun.sessions import read_session, write_session
from tallrun.web.kept import KeptSessions

GAIN = 1.06


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> Path:
    """A run with everything a set-up can hold, as a live run leaves it."""
    recording = replace(limping(0.0), treadmill=None)
    own = OwnBaseline((BaselineBin(2.8, 190.0, float("nan"), float("nan"), 0.1, 1.0),))
    pipeline = replace(
        PipelineSetup.of(recording), stride_gain=GAIN, is_calibrated=True, typed_speed_mps=2.7, baseline=own
    )
    setup = LiveSetup(pipeline, plan_session(80.0), PROTOCOL, focus="cadence")
    run = replay_run(recording, setup)
    folder = tmp_path_factory.mktemp("one") / "run"
    write_session(
        folder,
        replace(recording, info=recording.info | {KEY: setup_record(setup)}, markers=tuple(run.markers)),
    )
    return folder


def test_every_way_gives_the_tables_of_the_run_itself(session, tmp_path):
    recording = read_session(session)
    wanted = analyse(recording).tables
    assert wanted.summary["quality"]["calibration"]["gain_applied"] == GAIN
    assert wanted.strides["belt_speed_mps"].dropna().unique().tolist() == [2.7]
    assert all(item["evidence"]["reference_kind"] == "own_baseline" for item in wanted.flags
               if item["flag"] == "low_cadence")  # fmt: skip
    assert any(item["flag"] == "low_cadence" for item in wanted.flags)
    kept = KeptSessions(lambda session_id: session, lambda: PROTOCOL)
    ways = {
        "replay": analyse(recording, PROTOCOL).tables,
        "report": analysed(recording, "run", PROTOCOL).tables,
        "comparison": kept.get("run").side.tables,
        "replay page": kept.get("run").done.tables,
    }
    for name, tables in ways.items():
        pd.testing.assert_frame_equal(tables.strides, wanted.strides, check_exact=True, obj=name)
        pd.testing.assert_frame_equal(tables.timeline, wanted.timeline, check_exact=True, obj=name)
        assert (tables.flags, tables.summary) == (wanted.flags, wanted.summary), name
    for words in (["analyze", str(session), "--out", str(tmp_path / "a")],
                  ["export", str(session), "--to", "parquet", "-o", str(tmp_path / "b")]):  # fmt: skip
        done = CliRunner().invoke(build_app(), words)
        assert done.exit_code == 0, done.output
    written = [pd.read_parquet(tmp_path / "a" / "strides.parquet")]
    written += [pd.read_parquet(path) for path in (tmp_path / "b").rglob("strides.parquet")]
    shard, _, _ = _shard_of(session)
    (tmp_path / "shard.parquet").write_bytes(shard)
    written.append(pd.read_parquet(tmp_path / "shard.parquet"))
    assert len(written) == 3
    for strides in written:
        np.testing.assert_array_equal(strides["stride_length_m"], wanted.strides["stride_length_m"])
        np.testing.assert_array_equal(strides["belt_speed_mps"], wanted.strides["belt_speed_mps"])


def test_a_session_is_analysed_once_for_all_pages(session):
    loads = []

    def load(folder):
        loads.append(folder)
        return read_session(folder)

    kept = KeptSessions(lambda session_id: session, lambda: PROTOCOL, load)
    assert kept.get("run") is kept.get("run")
    assert len(loads) == 1


@pytest.mark.parametrize(
    ("key", "value"), [("stride_gain", 7.0), ("stride_gain", None), ("typed_speed_mps", -1.0)]
)
def test_a_set_up_that_cannot_be_is_refused_everywhere(session, key, value):
    recording = read_session(session)
    broken = replace(recording, info=recording.info | {KEY: recording.info[KEY] | {key: value}})
    for rules in (None, PROTOCOL):
        with pytest.raises(SessionError, match="live_setup is damaged"):
            analyse(broken, rules)


def test_nothing_else_makes_tables_from_a_recording():
    root = Path(tallrun.__file__).parent
    allowed = {"pipeline/analysis.py", "pipeline/batch.py", "pipeline/replay.py", "pipeline/live_run.py"}
    called = re.compile(r"(?<!def )\b(run_recording|replay_run|GaitPipeline|analyze_recording)\(")
    found = {
        str(path.relative_to(root)) for path in root.rglob("*.py") if called.search(path.read_text("utf-8"))
    }
    assert found <= allowed
