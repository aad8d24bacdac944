"""What a hostile tester found: each case made a day freer than the entries allow. Named after the symptom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from oracle.build import VerdictRow, at, clear_answers
from support.commands import commands
from support.records import NOW, ZONE, open_store, score
from tallrun.errors import SessionError
from tallrun.insight.due import questions_due
from tallrun.recovery import PainScore, Protocol, Screen, verdict
from tallrun.recovery.model import ClinicianEntry
from tallrun.report.overlays import FILE_NAME, read_overlays
from tallrun.resources import protocol_texts
from tallrun.store.models import AdviceRow

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])


def plain_day():
    return VerdictRow("V3", "G", "", PROTOCOL).build()[0]


@pytest.fixture
def tallrun(tmp_path, capsys, monkeypatch):
    run = commands(tmp_path, capsys, monkeypatch)
    assert run("setup", "--side", "right", "--time-zone", ZONE.key, "--born-on", "1985-06-30").code == 0
    return run


def test_importing_a_worse_score_of_the_same_minute_keeps_it(tallrun, tmp_path):
    file = tmp_path / "scores.csv"
    file.write_text("at,kind,score\n2026-03-02T08:00,morning,1\n2026-03-02T08:00,morning,8\n")
    assert tallrun("pain", "import", file, "--json").json == {"imported": 2, "already_there": 0}
    assert tallrun("pain", "import", file, "--json").json == {"imported": 0, "already_there": 2}
    assert tallrun("advise", "--json").json["state"] == "REST48"


@pytest.mark.parametrize("seconds", [1, 119])
def test_a_score_a_little_ahead_counts_at_once(tallrun, seconds):
    ahead = (NOW + timedelta(seconds=seconds)).isoformat()
    assert tallrun("pain", "add", "--score", "8", "--kind", "rest", "--at", ahead).code == 0
    assert tallrun("advise", "--json").json["inputs"]["pain_today"] == 8


def test_a_score_from_a_device_whose_clock_is_ahead_counts_at_once(tmp_path):
    store, runner = open_store(tmp_path)
    with store:
        store.add(runner, score(8, NOW + timedelta(seconds=90), "rest"), by="runner", now=NOW)
        (found,) = store.history(runner, NOW).scores
    assert found.at == NOW


def test_a_red_flag_in_the_second_of_a_clearing_entry_counts():
    history = plain_day()
    flag = Screen(at(0, 8), {**clear_answers(PROTOCOL), "saddle_numbness": True})
    both = replace(
        history, clinician=(ClinicianEntry(at(0, 8), clears=True),), screens=(*history.screens, flag)
    )
    assert verdict(PROTOCOL, both, None, at(0, 18)).state == "REFER"


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "Pacific/Auckland"])
def test_changing_the_time_zone_does_not_free_a_walk_day(zone):
    history = plain_day()
    felt = PainScore("f", at(0, 4).replace(tzinfo=ZoneInfo("UTC")), "rest", 5)
    low = PainScore("l", at(0, 19, 30), "rest", 1)
    moved = replace(history.runner, time_zone=zone)
    said = verdict(
        PROTOCOL, replace(history, runner=moved, scores=(*history.scores, felt, low)), None, at(0, 20)
    )
    assert said.inputs["pain_today"] == 5
    assert said.state != "RUN"


def test_where_somebody_is_referred_no_load_test_is_due():
    history = plain_day()
    flag = Screen(at(0, 8), {**clear_answers(PROTOCOL), "saddle_numbness": True})
    asked = questions_due(PROTOCOL, replace(history, screens=(*history.screens, flag)), at(0, 9))
    assert not {"morning", "exercise"} & {item.question for item in asked}
    assert "morning" in {item.question for item in questions_due(PROTOCOL, history, at(0, 9))}


def test_a_back_dated_score_makes_earlier_advice_stale(tmp_path):
    store, runner = open_store(tmp_path)
    with store:
        store.add_row(AdviceRow, runner, at=NOW, by="tallrun", now=NOW, state="RUN", rung="V4", run_minutes=20.0,
                      rules=["TD5"], protocol={})  # fmt: skip
        start = NOW + timedelta(hours=1)
        assert store.advice_before(runner, start, ZONE) is not None
        store.add(runner, score(4, NOW - timedelta(hours=1)), by="runner", now=NOW + timedelta(minutes=5))
        assert store.advice_before(runner, start, ZONE) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("t_s", "1" + "0" * 400), ("foot", "[]"), ("about", "[1]"), ("kind", '"odd"'), ("text", "[" * 100_000)],
)
def test_a_damaged_overlay_is_one_line_that_names_file_and_line(tmp_path, name, value):
    fields = {"overlay_id": '"a"', "at": '"b"', "by": '"c"', "kind": '"note"', "t_s": "1.0"} | {name: value}
    (tmp_path / "derived").mkdir()
    line = "{" + ", ".join(f'"{key}": {item}' for key, item in fields.items()) + "}\n"
    (tmp_path / "derived" / FILE_NAME).write_text(line)
    with pytest.raises(SessionError, match=rf"{FILE_NAME}, line 1 is no overlay") as told:
        read_overlays(tmp_path)
    assert "\n" not in str(told.value)


def test_a_screen_with_a_yes_says_at_once_what_follows(tallrun):
    said = tallrun("screen", "--yes", "saddle_numbness", "--rest-no").out
    assert said.startswith("Go to an emergency department now.")
