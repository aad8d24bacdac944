"""Every run counts, whatever wrote it: offered, counted once, merged with what is there, never a freer day."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from math import nan
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.lives import KINDS, ZONE, JournalDoor, Life
from support.records import NOW, runner_in
from support.session_files import small_recording, watch_session
from tallrun import simulate
from tallrun.errors import EntryError
from tallrun.journal import advice, course, entries, offers, sessions, today
from tallrun.journal.desk import Records
from tallrun.journal.entries import RunAnswers
from tallrun.journal.told import told_of
from tallrun.numerics.recording import Marker, Recording, WatchData
from tallrun.pipeline.tapped import tapped_during
from tallrun.pipeline.taps import END_TEXT, Tap, tap_marker
from tallrun.recovery.model import RUNGS, STATES, PainScore
from tallrun.recovery.verdicts import verdict
from tallrun.sessions import write_session
from tallrun.store import Store
from tallrun.store.models import PainRow, RunRow

WALK, RUN = (110.0, 1.4), (165.0, 2.6)
FELT = RunAnswers(limping=False, stop_reason="none", pain=(None, 1, 1))
YESTERDAY = NOW - timedelta(days=1)


@pytest.fixture
def mine(tmp_path):
    with Store.open(tmp_path / "records") as store:
        yield Records(store, runner_in(store, now=NOW - timedelta(days=60)), NOW)


def found_in(mine, tmp_path, name="one", start=YESTERDAY, blocks=((30.0, *RUN),), **more):
    """A watch's session in the folder, after the scan."""
    session_id = watch_session(tmp_path / "files" / name, start and start.isoformat(), blocks, **more)
    sessions.scan(mine, tmp_path / "files")
    return session_id


def asked(mine):
    return [row for row in today.due(mine) if row["question"] == "count"]


def runs(mine):
    return mine.store.runs(mine.runner_id)


def test_a_session_in_the_folder_is_offered_and_becomes_a_run(mine, tmp_path):
    session_id = found_in(mine, tmp_path, climb_m=80.0)
    (row,) = asked(mine)
    assert row["session_id"] == session_id
    assert row["open"]
    assert row["text"] == (
        "A run of Sunday 01 March, 09:00 (30 min, 4.7 km, 80 m up, heart rate 140, from a watch) is not in your "
        "record. Count it?"
    )
    assert set(row["form"]["asks"]) == {"count", "stopped_for_pain", "limping", "pain_during", "pain_after"}
    counted = offers.count(mine, session_id, FELT, by="runner")
    assert (counted.what, counted.run_id, counted.pain_scores) == ("counted", session_id, 2)
    (run,) = runs(mine)
    assert (run.session_id, run.minutes, run.limping) == (session_id, 30.0, False)
    assert run.run_minutes == pytest.approx(30.0)
    assert run.distance_m == pytest.approx(4680.0)
    assert run.speed_mps == pytest.approx(2.6)
    assert run.incline_max_pct == pytest.approx(100 * 80 / 4680, rel=0.01)
    assert asked(mine) == []
    (shown,) = course.course(mine)["sessions"]
    assert (shown["heart_rate_bpm"], shown["gait"]["cadence_spm"]) == (140.0, 165.0)
    assert shown["climb_m"] == pytest.approx(80.0)
    assert sessions.one(mine, session_id)["counts_as_run"]
    with pytest.raises(EntryError, match="already"):
        offers.count(mine, session_id, FELT, by="runner")


def test_walk_breaks_are_told_from_running_and_give_the_level(mine, tmp_path):
    session_id = found_in(mine, tmp_path, blocks=((5.0, *WALK), *((1.0, *RUN), (2.0, *WALK)) * 8))
    offers.count(mine, session_id, FELT, by="runner")
    (run,) = runs(mine)
    assert run.minutes == 29.0
    assert run.run_minutes == pytest.approx(8.0, abs=0.2)
    assert run.rung == "V1"


def test_a_walk_is_a_walk_whatever_it_was_recorded_as(mine, tmp_path):
    for name, kind, days in (("a", "walk", 3), ("b", "hike", 2), ("c", "run", 1)):
        session_id = found_in(mine, tmp_path, name, NOW - timedelta(days=days), ((40.0, *WALK),), kind=kind)
        assert " walk of " in asked(mine)[0]["text"].replace("A walk", " walk")
        offers.count(mine, session_id, FELT, by="runner")
    assert {(run.rung, run.run_minutes) for run in runs(mine)} == {("V0", 0.0)}


def test_what_tells_no_running_counts_as_running_unless_it_was_the_plan(mine, tmp_path):
    session_id = found_in(mine, tmp_path, blocks=((24.0, nan, nan),))
    offers.count(mine, session_id, FELT, by="runner")
    assert runs(mine)[0].run_minutes == pytest.approx(24.0)


@pytest.mark.parametrize(("kind", "run_minutes"), [("run", 5.0), ("walk", 0.0)])
def test_what_no_sensor_heard_counts_as_running_though_only_walking_was_seen(
    mine, tmp_path, kind, run_minutes
):
    session_id = str(uuid4())
    bouts = (simulate.Bout("stand", 6.0), simulate.Bout("walk", 90.0, 1.4))
    recording, _ = simulate.run(simulate.Programme(bouts), None, simulate.three_sensors(100.0), seed=3)
    end_s = max(item.t_s[-1] for item in recording.sensors.values()) + 300.0
    recording = replace(
        recording,
        info=recording.info | {"started_at": YESTERDAY.isoformat(), "session_id": session_id,
                               "context": {"session_kind": kind}},
        markers=(*recording.markers, Marker(end_s, "stop", END_TEXT)),
    )  # fmt: skip
    write_session(tmp_path / "files" / "cut", recording)
    sessions.scan(mine, tmp_path / "files")
    offers.count(mine, session_id, FELT, by="runner")
    (run,) = runs(mine)
    assert (run.rung == "V0") is (kind == "walk")
    assert run.run_minutes == pytest.approx(run_minutes, abs=0.1)


def test_without_the_answers_a_run_is_unknown_and_what_is_missing_is_asked(mine, tmp_path):
    session_id = found_in(mine, tmp_path, start=NOW - timedelta(hours=20))
    with pytest.raises(EntryError, match="stopped because of pain"):
        offers.count(mine, session_id, RunAnswers(), by="runner")
    offers.count(mine, session_id, RunAnswers(stop_reason="none"), by="runner")
    (shown,) = course.course(mine)["sessions"]
    assert shown["grade"] == "UNKNOWN"
    assert ("limping", session_id) in {(row["question"], row["session_id"]) for row in today.due(mine)}


def test_a_watch_without_a_clock_is_asked_for_its_day(mine, tmp_path):
    session_id = found_in(mine, tmp_path, start=None)
    # No date: the index takes that of the file.
    mine = Records(mine.store, mine.runner_id, datetime.now(ZONE) + timedelta(days=1))
    (row,) = asked(mine)
    assert row["form"]["asks"]["at"] == "time"
    with pytest.raises(EntryError, match="does not say when"):
        offers.count(mine, session_id, FELT, by="runner")
    told = RunAnswers(limping=False, stop_reason="none", at="2026-03-01T07:00")
    offers.count(mine, session_id, told, by="runner")
    assert runs(mine)[0].started_at == datetime(2026, 3, 1, 7, tzinfo=ZONE)


def test_what_is_not_a_run_of_mine_is_asked_once(mine, tmp_path):
    session_id = found_in(mine, tmp_path)
    assert offers.count(mine, session_id, RunAnswers(), by="runner", count=False).what == "left_out"
    sessions.scan(mine, tmp_path / "files")
    assert asked(mine) == []
    assert runs(mine) == ()
    assert offers.count(mine, session_id, FELT, by="runner").what == "counted", "a slip can be put right"


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(3)), st.integers(-4, 8), st.booleans())
def test_views_of_one_run_count_once_in_any_order(tmp_path_factory, order, shift_min, has_distance):
    """A run of sensors, a watch and the watch's copy in another format, scanned and counted in any order."""
    folder = tmp_path_factory.mktemp("views")
    with Store.open(folder / "records") as store:
        mine = Records(store, runner_in(store, now=NOW - timedelta(days=60)), NOW)
        for k in order:
            start = YESTERDAY + timedelta(minutes=shift_min if k else 0)
            speed = 2.6 if has_distance else nan
            watch_session(folder / "files" / f"view{k}", start.isoformat(), ((30.0 + k, 165.0, speed),))
            sessions.scan(mine, folder / "files")
            for row in asked(mine):
                offers.count(mine, row["session_id"], FELT, by="runner")
        assert asked(mine) == []
        assert len(runs(mine)) == 1
        assert all(item["counts_as_run"] for item in sessions.listing(mine))


def test_a_watch_fills_in_what_the_sensors_run_does_not_know(mine, tmp_path):
    run = entries.log_run(mine, RunAnswers(20.0, at=YESTERDAY.isoformat()), by="runner")[0]
    row = mine.store.latest(RunRow, mine.runner_id)
    mine.store.supersede(
        RunRow, mine.runner_id, row.run_id, by="tallrun", now=NOW, source="sensors", run_minutes=20.0
    )
    session_id = found_in(mine, tmp_path, start=YESTERDAY - timedelta(minutes=1), blocks=((32.0, *RUN),))
    assert asked(mine) == []
    (known,) = runs(mine)
    assert known.session_id == run.session_id
    assert known.run_minutes == pytest.approx(32.0), "the sensors fell silent; the legs did not"
    assert known.distance_m == pytest.approx(32 * 60 * 2.6)
    assert sessions.one(mine, session_id)["counts_as_run"]
    assert course.course(mine)["sessions"][0]["heart_rate_bpm"] == 140.0


def test_a_typed_run_of_the_day_is_asked_about_not_guessed(mine, tmp_path):
    typed = entries.log_run(
        mine,
        RunAnswers(33.0, at=(YESTERDAY + timedelta(hours=3)).isoformat(), limping=False, pain=(None, 2, 2)),
        by="runner",
    )[0]
    session_id = found_in(mine, tmp_path)
    (row,) = asked(mine)
    assert row["text"].endswith("Is it the 33 min you have there from 12:00 that day?")
    assert "same_run" in row["form"]["asks"]
    with pytest.raises(EntryError, match="--same-run yes or no"):
        offers.count(mine, session_id, FELT, by="runner")
    assert offers.count(mine, session_id, RunAnswers(), by="runner", same_run=True).run_id == typed.session_id
    (run,) = runs(mine)
    assert (run.limping, run.minutes, run.distance_m) == (False, 33.0, pytest.approx(4680.0))
    assert asked(mine) == []


def test_a_typed_run_of_the_day_may_be_another_one(mine, tmp_path):
    entries.log_run(mine, RunAnswers(33.0, at=(YESTERDAY + timedelta(hours=3)).isoformat()), by="runner")
    session_id = found_in(mine, tmp_path)
    assert offers.count(mine, session_id, FELT, by="runner", same_run=False).what == "counted"
    assert len(runs(mine)) == 2


def test_a_session_file_cannot_decide_that_it_is_counted(mine, tmp_path):
    entries.log_run(mine, RunAnswers(30.0, at=(NOW - timedelta(days=5)).isoformat()), by="runner")
    recording = small_recording()
    recording.info["started_at"] = YESTERDAY.isoformat()
    recording.info["context"] |= {offers.SAME_RUN_KEY: runs(mine)[0].session_id, offers.LEFT_OUT_KEY: True}
    write_session(tmp_path / "files" / "hostile", recording)
    sessions.scan(mine, tmp_path / "files")
    assert len(asked(mine)) == 1


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["cadence_spm", "speed_mps", "distance_m", "altitude_m", "heart_rate_bpm"]),
        st.lists(st.sampled_from([nan, 0.0, -5.0, 40.0, 170.0, 9000.0, 1e9]), min_size=5, max_size=5),
    ),
    st.lists(st.sampled_from([0.0, 1.0, 60.0, 600.0, 3600.0, 90000.0]), min_size=4, max_size=4, unique=True),
    st.sampled_from([None, 0.0, 1.0, 1e7]),
)
def test_whatever_a_watch_wrote_an_offer_can_be_answered(tmp_path_factory, values, times, timer_s):
    """What is offered can be counted or left out, and nothing a file holds keeps today's advice from being read."""
    folder = tmp_path_factory.mktemp("odd")
    info = {"session_id": str(uuid4()), "started_at": YESTERDAY.isoformat(), "activity": {"timer_s": timer_s}}
    rows = {"t_s": np.array([0.0, *sorted(time + 0.5 for time in times)])}
    rows |= {name: np.array(column) for name, column in values.items()}
    write_session(folder / "files" / "odd", Recording(sensors={}, info=info, watch=WatchData(rows)))
    with Store.open(folder / "records") as store:
        mine = Records(store, runner_in(store, now=NOW - timedelta(days=60)), NOW)
        sessions.scan(mine, folder / "files")
        advice.advise(mine)
        for row in asked(mine):
            offers.count(mine, row["session_id"], FELT, by="runner")
        assert asked(mine) == []
        course.course(mine)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Records of eight steady days; each example gets a copy."""
    folder = tmp_path_factory.mktemp("lived") / "records"
    with Store.open(folder) as store:
        Life(KINDS[0], JournalDoor(store, "me", Life.at(0, 6.0)), 3).live(8)
    return folder


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 20), st.floats(2.0, 60.0), st.booleans(), st.integers(3, 40))
def test_a_run_that_waits_makes_no_day_freer_than_the_truth(
    lived, tmp_path_factory, hours, minutes, knows, look_h
):
    """As strict as with the run in the record, answers unknown; and the way out says to answer."""
    folder = tmp_path_factory.mktemp("waits")
    shutil.copytree(lived, folder / "records")
    store = Store.open(folder / "records")
    runner_id, before = store.find_runner(), Life.at(7, 23.0)
    start = before + timedelta(hours=hours)
    block = (minutes, *RUN) if knows else (minutes, nan, nan)
    watch_session(folder / "files" / "one", start.isoformat(), (block,))
    mine = Records(store, runner_id, start + timedelta(hours=look_h))
    without = advice.advise(mine)
    sessions.scan(mine, folder / "files")
    waits = advice.advise(mine)
    for item in offers.waiting(mine, mine.now):
        offers.count(mine, item.row.session_id, RunAnswers(stop_reason="none"), by="runner")
    truth = verdict(mine.protocol, mine.store.history(mine.runner_id, mine.now), None, mine.now)
    assert free(waits) <= free(truth)
    assert free(waits) <= free(without)
    if free(waits) < free(without):
        assert waits.way_out[0].ask == "count"
        assert any("not in your record yet" in notice for notice in waits.notices)
    mine.store.close()


TAPS = st.one_of(
    st.integers(0, 10).map(lambda score: Tap("pain", score)),
    st.sampled_from(
        [Tap("limping"), Tap("held", item="limping"), Tap("red_flag", item="night_pain"), Tap("stop")]
    ),
)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.0, 1700.0), TAPS), min_size=1, max_size=4),
    st.booleans(),
    st.integers(3, 40),
)
def test_what_was_tapped_in_a_run_that_was_cut_off_counts_as_if_it_had_been_noted(
    lived, tmp_path_factory, taps, typed, look_h
):
    """While it waits no day is freer than the truth; counted or merged, every score and rule is in the record."""
    folder = tmp_path_factory.mktemp("cut")
    shutil.copytree(lived, folder / "records")
    store = Store.open(folder / "records")
    start = Life.at(7, 23.0) + timedelta(hours=2)
    marks = tuple(tap_marker(t_s, tap) for t_s, tap in sorted(taps, key=lambda item: item[0]))
    name = watch_session(folder / "files" / "one", start.isoformat(), ((30.0, *RUN),), markers=marks)
    mine = Records(store, store.find_runner(), start + timedelta(hours=look_h))
    if typed:
        entries.log_run(
            mine, RunAnswers(minutes=30.0, at=start.isoformat(), limping=False, stop_reason="none"), by="x"
        )
    told = tapped_during(marks, mine.protocol)
    sessions.scan(mine, folder / "files")
    waits = advice.advise(mine)
    answers = RunAnswers(stop_reason="none", limping=False)
    counted = offers.count(mine, name, answers, by="runner", same_run=typed or None)
    (run,) = [item for item in mine.store.runs(mine.runner_id) if item.session_id == counted.run_id]
    assert set(run.live_rules) == set(told.rules)
    assert (run.limping, run.stop_reason == "pain") == (told.limped, told.stopped)
    kept = mine.store.history(mine.runner_id, mine.now).scores
    assert sorted(score for _, score in told.scores) == sorted(
        item.score for item in kept if item.session_id == counted.run_id
    )
    assert free(waits) <= free(advice.advise(mine))
    mine.store.close()


def test_who_told_a_score_in_a_run_that_waits_is_not_told_that_there_is_none(lived, tmp_path):
    shutil.copytree(lived, tmp_path / "records")
    with Store.open(tmp_path / "records") as store:
        mine = Records(store, store.find_runner(), Life.at(8, 12.0))
        assert "There is no score for today" in advice.advise(mine).reason
        marks = (tap_marker(60.0, Tap("pain", 2)),)
        watch_session(tmp_path / "files" / "one", Life.at(8, 8.0).isoformat(), ((30.0, *RUN),), markers=marks)
        sessions.scan(mine, tmp_path / "files")
        assert "is not among your scores until you say that it counts" in advice.advise(mine).reason


def test_a_run_that_ends_later_by_its_own_clock_waits_and_is_offered_when_it_has_ended(mine, tmp_path):
    """As when a clock is fast, or an emulated run was played fast."""
    found_in(mine, tmp_path, start=NOW - timedelta(minutes=5))
    assert asked(mine) == []
    assert len(offers.waiting(mine, NOW)) == 1
    assert len(asked(Records(mine.store, mine.runner_id, NOW + timedelta(minutes=30)))) == 1


def test_the_question_says_what_was_tapped_and_does_not_ask_it_again(mine, tmp_path):
    marks = [
        tap_marker(60.0, Tap("pain", 2)),
        tap_marker(90.0, Tap("pain", 6)),
        tap_marker(95.0, Tap("limping")),
    ]
    found_in(mine, tmp_path, markers=tuple(marks))
    assert any("not in your record yet" in text for text in advice.advise(mine).notices)
    (row,) = asked(mine)
    assert "While it went on you told: pain 2 and 6. Count it?" in row["text"]
    assert set(row["form"]["asks"]) == {"count", "limping", "pain_after"}


def free(found):
    return STATES.index(found.state), -1 if found.rung is None else RUNGS.index(found.rung)


def test_what_is_told_after_a_report_makes_it_stale_and_stands_in_the_next(mine, tmp_path):
    session_id = found_in(mine, tmp_path)
    sessions.analyse(mine, session_id)
    report = sessions.report_path(mine, session_id)
    assert not sessions.one(mine, session_id)["is_report_stale"]
    assert "No score was entered" in report.read_text(encoding="utf-8")
    score = {"score": 2, "kind": "during", "session_id": session_id, "at": YESTERDAY + timedelta(minutes=30)}
    pain_id = mine.store.add(mine.runner_id, PainScore(pain_id="", **score), by="runner", now=NOW)
    assert sessions.one(mine, session_id)["is_report_stale"]
    assert not sessions.analyse(mine, session_id)["is_report_stale"]
    page = report.read_text(encoding="utf-8")
    assert "2 of 10 worst during it" in page
    assert "No score was entered for this" not in page
    mine.store.supersede(PainRow, mine.runner_id, pain_id, by="runner", now=NOW, withdrawn=True)
    assert sessions.one(mine, session_id)["is_report_stale"], "taken back is told, too"


def test_a_tap_of_the_run_is_not_told_twice(mine, tmp_path):
    session_id = found_in(mine, tmp_path)
    at = YESTERDAY + timedelta(minutes=10)
    tap = PainScore(pain_id="", at=at, kind="during", score=4, session_id=session_id)
    mine.store.add(mine.runner_id, tap, by="runner", now=NOW)
    assert told_of(mine, session_id, tmp_path, [(600.0, 4)]).scores == []
    assert told_of(mine, session_id, tmp_path, [(600.0, 3)]).scores == [("during", 4)]
