"""Replay data for page and command line; what-if; overlays that never touch the recording."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from support.report_sources import PROTOCOL, RECORDINGS, demo_source, one_foot_source
from tallrun.coaching import plan_session
from tallrun.errors import EntryError, SessionError, UsageError
from tallrun.numerics.recording import Marker
from tallrun.pipeline import PipelineSetup
from tallrun.pipeline.live_run import LiveSetup
from tallrun.pipeline.replay import replay_run
from tallrun.pipeline.setup_record import KEY, known_setup, setup_record
from tallrun.report.overlays import add_overlay, overlays_in_force, read_overlays
from tallrun.report.replay_data import (
    WAVE_GAP,
    WAVE_SCALES,
    WhatIf,
    page_data,
    replay,
    replay_summary,
    wave_bytes,
)

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


SEPARATORS = "one\u2028two\u0085three\x0bfour\r\nfive"


def test_a_note_with_line_separators_is_one_entry(tmp_path):
    add_overlay(tmp_path, at=NOW, by="Dr\u2028A", kind="note", t_s=1.0, text=SEPARATORS)
    add_overlay(tmp_path, at=NOW, by="Dr B", kind="note", t_s=2.0, text="next")
    assert [item.text for item in read_overlays(tmp_path)] == [SEPARATORS, "next"]


def test_half_a_letter_is_refused(tmp_path):
    with pytest.raises(EntryError, match="half a letter"):
        add_overlay(tmp_path, at=NOW, by="Dr A", kind="note", t_s=1.0, text="\ud800")
    assert read_overlays(tmp_path) == []


def test_a_line_that_a_crash_cut_off_is_no_entry_and_costs_none(tmp_path):
    add_overlay(tmp_path, at=NOW, by="Dr A", kind="note", t_s=1.0, text="whole")
    path = tmp_path / "derived" / "overlays.jsonl"
    whole = path.read_bytes()
    for tail in (whole[: len(whole) // 2], "ä".encode()[:1]):
        path.write_bytes(whole + tail)
        assert [item.text for item in read_overlays(tmp_path)] == ["whole"]
    add_overlay(tmp_path, at=NOW, by="Dr A", kind="note", t_s=2.0, text="after")
    assert [item.text for item in read_overlays(tmp_path)] == ["whole", "after"]
    path.write_bytes(whole.rstrip(b"\n"))  # written by hand, without an end of line
    add_overlay(tmp_path, at=NOW, by="Dr A", kind="note", t_s=2.0, text="again")
    assert [item.text for item in read_overlays(tmp_path)] == ["whole", "again"]


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        '{"overlay_id": 1}',
        "no json",
        '{"overlay_id": "a", "at": "", "by": "b", "kind": "note", "t_s": "1"}',
    ],
)
def test_a_damaged_line_is_one_clear_error(tmp_path, line):
    path = tmp_path / "derived" / "overlays.jsonl"
    path.parent.mkdir()
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(SessionError, match="line 1 is no overlay"):
        read_overlays(tmp_path)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from tallrun.report.overlays import add_overlay
for number in range(25):
    now = datetime.now(UTC)
    add_overlay(Path(sys.argv[1]), at=now, by=sys.argv[2], kind="note", t_s=float(number), text="x" * 1500)
"""


def test_pages_and_programs_that_write_at_once_lose_no_entry(tmp_path):
    import subprocess
    import sys
    from concurrent.futures import ThreadPoolExecutor

    programs = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), f"program {at}"]) for at in (1, 2)
    ]
    with ThreadPoolExecutor(4) as pool:
        for number in range(40):
            pool.submit(add_overlay, tmp_path, at=NOW, by="page", kind="note", t_s=1.0, text=f"note {number}")
    assert [program.wait(60) for program in programs] == [0, 0]
    entries = read_overlays(tmp_path)
    assert len({item.overlay_id for item in entries}) == len(entries) == 90
    assert sorted(item.text for item in entries if item.by == "page") == sorted(
        f"note {n}" for n in range(40)
    )


def test_an_entry_is_checked_against_all_that_are_there(tmp_path):
    """Of two that exclude each other only one can win, however near in time they come."""
    from concurrent.futures import ThreadPoolExecutor

    def only_first(before, entry):
        if any(item.kind == "contact_removed" for item in before):
            raise EntryError("that contact is gone already")

    def add(number):
        try:
            add_overlay(
                tmp_path,
                at=NOW,
                by=f"p{number}",
                kind="contact_removed",
                t_s=1.0,
                foot="left",
                check=only_first,
            )
        except EntryError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(16))) == 1
    assert len(read_overlays(tmp_path)) == 1


def test_cues_of_a_session_that_nobody_coached_are_not_told_as_given(coached):
    plain = replace(
        coached, info={key: value for key, value in coached.info.items() if key != KEY}, markers=()
    )
    page = page_data(replay(plain, PROTOCOL), "demo")
    assert page["was_live"] is False
    assert page["given_cues"] == []
    page = page_data(replay(coached, PROTOCOL), "demo")
    assert page["was_live"] is True
    assert [item["t_s"] for item in page["given_cues"]] == [
        item.t_s for item in coached.markers if item.kind == "cue"
    ]


def test_the_summary_counts_corrections_and_leaves_the_numbers(coached):
    from tallrun.report.corrections import corrected
    from tallrun.report.overlays import Overlay

    done = replay(coached, PROTOCOL)
    first = float(done.tables.strides["initial_contact_s"].iloc[100])
    foot = str(done.tables.strides["foot"].iloc[100])
    entries = [
        Overlay("a", NOW.isoformat(), "Dr A", "contact_moved", first, "", foot, first + 0.01),
        Overlay("b", NOW.isoformat(), "Dr A", "contact_removed", 1e6, "", foot),
    ]
    found = replay_summary(done, corrected(done.tables.strides, entries, 229.0))
    assert found["corrections"] == {
        "applied": 1, "not_applied": 1, "strides_changed": 3, "contacts_removed": 0, "contacts_added": 0,
    }  # fmt: skip
    plain = replay_summary(done)
    assert {**found, "corrections": None} == plain


def test_the_command_counts_corrections_and_says_which_do_not_fit(tmp_path, capsys, monkeypatch):
    import json
    import shutil

    from tallrun.cli import main

    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("clinic",))
    session = tmp_path / "s"
    shutil.copytree(RECORDINGS / "one_foot", session)
    worn = one_foot_source().tables.strides
    contact, foot = float(worn["initial_contact_s"].iloc[20]), str(worn["foot"].iloc[20])
    add_overlay(session, at=NOW, by="A", kind="contact_removed", t_s=contact, foot=foot)
    add_overlay(session, at=NOW, by="A", kind="contact_removed", t_s=contact + 0.3, foot=foot)
    with pytest.raises(SystemExit) as stop:
        main(["replay", str(session), "--json"])
    assert stop.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["corrections"] == {
        "applied": 1, "not_applied": 1, "strides_changed": 1, "contacts_removed": 1, "contacts_added": 0,
    }  # fmt: skip
    assert told["n_contacts"] == len(worn)
    with pytest.raises(SystemExit) as stop:
        main(["replay", str(session), "--no-browser"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert "1 contact corrected by hand, which changes 1 stride;" in said
    assert "A correction does not fit: there is no detected contact" in said
