"""Replay data for page and command line; what-if; overlays that never touch the recording."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from support.report_sources import PROTOCOL, RECORDINGS, demo_source
from tallrun.coaching import plan_session
from tallrun.errors import EntryError, SessionError, UsageError
from tallrun.numerics.recording import Marker
from tallrun.pipeline import PipelineSetup
from tallrun.pipeline.live_run import LiveSetup
from tallrun.pipeline.replay import replay_run
from tallrun.pipeline.setup_record import KEY, known_setup, setup_record
from tallrun.report.overlays import add_overlay, overlays_in_force, read_overlays
from tallrun.report.replay_data import WAVE_GAP, WAVE_SCALES, WhatIf, page_data, replay, wave_bytes

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def coached():
    """The demo session as a live run would have left it: with its set-up and its marks."""
    recording = demo_source().recording
    setup = LiveSetup(
        PipelineSetup.of(recording), plan_session(225.0, learning_s=80.0, probe_s=20.0), PROTOCOL
    )
    run = replay_run(recording, setup)
    assert any(item.kind == "cue" for item in run.markers), (
        "no cue came, so the tests below would say nothing"
    )
    return replace(recording, info=recording.info | {KEY: setup_record(setup)}, markers=tuple(run.markers))


def test_a_recorded_set_up_comes_back_whole(coached):
    found = known_setup(coached, PROTOCOL)
    assert found.is_recorded
    assert setup_record(found.setup) == coached.info[KEY]


def test_a_damaged_set_up_is_one_clear_error(coached):
    broken = replace(coached, info=coached.info | {KEY: {"plan": 3}})
    with pytest.raises(SessionError, match="live_setup is damaged"):
        known_setup(broken, PROTOCOL)


def test_replay_gives_the_recorded_cues_and_notices_when_it_does_not(coached):
    assert replay(coached, PROTOCOL).same_cues is True
    marks = (*coached.markers, Marker(200.0, "cue", "9 metronome up: quick, light steps"))
    assert replay(replace(coached, markers=marks), PROTOCOL).same_cues is False


def test_what_if_changes_cues_and_nothing_else(coached):
    was = replay(coached, PROTOCOL)
    easy = replay(coached, PROTOCOL, WhatIf(target_spm=150.0))
    silent = replay(coached, PROTOCOL, WhatIf(focus="none"))
    assert len(was.cues) >= 1
    assert silent.cues == []
    assert [row["high"] for row in easy.cues] != [row["high"] for row in was.cues]
    assert easy.tables.strides.equals(was.tables.strides)
    assert easy.same_cues is None


@pytest.mark.parametrize(
    "wish",
    [
        WhatIf(target_spm=80.0),
        WhatIf(focus="speed"),
        WhatIf(band_pct=0.0),
        WhatIf(hold_s=1e9),
        WhatIf(green_limit=9),
    ],
)
def test_a_wish_out_of_bounds_is_refused(coached, wish):
    with pytest.raises(UsageError, match="must be"):
        replay(coached, PROTOCOL, wish)


def test_wave_bytes_hold_left_then_right_in_the_order_of_contacts():
    source = demo_source()
    content, rows = wave_bytes(source.waves)
    whole = np.frombuffer(content, "<i2").reshape(-1, 51, 4)
    for start, foot in ((0, "left"), (rows["left"], "right")):
        assert rows[foot] == (source.tables.strides["foot"] == foot).sum()
        part = whole[start : start + rows[foot]]
        shapes = source.waves[foot][:, ::2, :]
        known = np.isfinite(shapes[:, :, 2])
        assert (part[:, :, 2] == WAVE_GAP)[~known].all()
        back = part[:, :, 2] / WAVE_SCALES[2]
        assert np.abs(back - shapes[:, :, 2])[known].max() <= 0.5 / WAVE_SCALES[2] + 1e-12


def test_page_data_keeps_sides_and_hides_no_gap(coached):
    done = replay(coached, PROTOCOL, record_waves=True)
    page = page_data(done, "demo")
    strides = done.tables.strides
    assert page["strides"]["foot"] == strides["foot"].tolist()
    unknown = strides["stride_length_m"].isna().to_numpy()
    assert [item is None for item in page["strides"]["stride_length_m"]] == unknown.tolist()
    assert set(page["typical"]) == {"left", "right"}
    assert page["same_cues_as_recorded"] is True


def test_overlays_are_appended_logged_and_leave_the_recording_alone(tmp_path):
    import shutil

    session = tmp_path / "s"
    shutil.copytree(RECORDINGS / "one_foot", session)

    def digest():
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in session.rglob("*")
            if path.is_file() and path.name != "overlays.jsonl"
        }

    before = digest()
    first = add_overlay(session, at=NOW, by="Dr A", kind="note", t_s=12.5, text="מאוד ‮ <b>look</b>")
    moved = add_overlay(
        session, at=NOW, by="Dr A", kind="contact_moved", t_s=14.0, foot="right", moved_to_s=14.02
    )
    add_overlay(session, at=NOW, by="Dr B", kind="taken_back", t_s=12.5, about=first.overlay_id)
    entries = read_overlays(session)
    assert [item.kind for item in entries] == ["note", "contact_moved", "taken_back"]
    assert entries[0].text == "מאוד ‮ <b>look</b>"
    assert (entries[2].by, entries[2].at) == ("Dr B", "2026-11-21T09:00:00+00:00")
    assert overlays_in_force(entries) == [moved]
    assert digest() == before


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        ({"kind": "note", "text": ""}, "needs some text"),
        ({"kind": "note", "text": "x", "by": " "}, "who"),
        ({"kind": "erase", "text": "x"}, "is one of"),
        ({"kind": "contact_removed"}, "left or the right"),
        ({"kind": "contact_moved", "foot": "left"}, "needs the time"),
        ({"kind": "taken_back", "about": "nothing"}, "is there"),
        ({"kind": "note", "text": "x", "t_s": float("nan")}, "time line"),
    ],
)
def test_what_is_no_overlay_is_refused(tmp_path, entry, match):
    with pytest.raises(EntryError, match=match):
        add_overlay(tmp_path, **({"at": NOW, "by": "Dr A", "t_s": 1.0} | entry))
    assert read_overlays(tmp_path) == []
