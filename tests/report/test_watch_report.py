"""A run known only by its watch: the report tells what a watch knows, says what is missing, and claims nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from math import nan

import numpy as np
import pytest

from support.report_sources import PROTOCOL
from support.session_files import watch_session
from tallrun.report import build_report
from tallrun.report.session_report import analysed
from tallrun.report.watch import MISSING, lap_rows, watch_rows
from tallrun.sessions import read_session


def text_of(recording):
    html = build_report(analysed(recording, "Evening run", PROTOCOL))
    body = html[html.index("<body>") : html.find("<script", html.index("<body>"))]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.fixture
def recording(tmp_path):
    blocks = ((5.0, 110.0, 1.4), (20.0, 165.0, 2.5))
    watch_session(tmp_path / "w", "2026-03-01T18:00:00+01:00", blocks, climb_m=40.0)
    found = read_session(tmp_path / "w")
    laps = {
        "start_s": np.array([0.0, 300.0]), "duration_s": np.array([300.0, 1200.0]),
        "distance_m": np.array([420.0, nan]),
        "heart_rate_bpm": np.array([120.0, 150.0]), "cadence_spm": np.array([110.0, 165.0]),
        "max_heart_rate_bpm": np.array([nan, 160.0]),
    }  # fmt: skip
    return replace(found, watch=replace(found.watch, laps=laps))


def test_it_tells_what_the_watch_knows_and_what_is_missing(recording):
    text = text_of(recording)
    for words in (
        "20.0 min running, 5.0 min walking or standing, by the watch", "25:00 min", "3.42 km", "7:19 min/km",
        "fastest minute 6:40 min/km", "165 steps/min", "140 beats/min", "40 m", MISSING, "0.42",
    ):  # fmt: skip
        assert words in text, words
    assert "No step was found" not in text
    assert "0 steps" not in text
    assert " 0.0 min running" not in text
    assert "No flag was up" not in text
    assert "nan" not in text.casefold().replace("finance", "")


def test_what_the_watch_did_not_record_is_named_so(tmp_path):
    watch_session(tmp_path / "w", None, ((10.0, nan, nan),))
    found = read_session(tmp_path / "w")
    rows = {name: found.watch.rows[name] for name in ("t_s",)}
    bare = replace(found, watch=replace(found.watch, rows=rows), heart_rate=None)
    text = text_of(bare)
    for label in ("Distance", "Pace", "Cadence", "Heart rate", "Climb"):
        assert f"{label} not recorded" in text
    assert "running not told from walking" in text
    assert "running time not known" in text


def test_laps_and_rows_hold_no_nan(recording):
    summary = analysed(recording, "x", PROTOCOL).tables.summary["watch"]
    assert lap_rows(summary)[1] == ["2", "20:00 min", "–", "–", "165", "150"]
    assert not any("nan" in cell for row in watch_rows(summary) for cell in row)
