"""The clinician's list: who needs to be looked at first, silence told apart from a zero, names signed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tallrun.errors import EntryError
from tallrun.journal import entries
from tallrun.journal.clinic import CLINIC_FILE, Clinic, read_clinic, write_clinic
from tallrun.journal.desk import Records
from tallrun.journal.handout import handout_plan
from tallrun.journal.patients import patients
from tallrun.journal.profile import set_up
from tallrun.store import Store

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def enrol(store, code, scores, *, yes=()):
    """A runner whose mornings of the last days had these scores, None where none was given; oldest first."""
    start = NOW - timedelta(days=30)
    given = {"side": "left", "time_zone": "UTC", "born_on": date(1980, 1, 1)}
    set_up(store, code, given, by="t", now=start, diagnosed_by="clinician", phase=2, morning_scores=[1, 1, 1])
    runner_id = store.runner_codes()[code]
    questions = Records(store, runner_id, NOW).protocol.screening.questions
    answers = {item.id: item.id in yes for item in questions}
    entries.keep_screen(Records(store, runner_id, NOW - timedelta(hours=3)), answers, by="t")
    for back, score in enumerate(reversed(scores)):
        if score is not None:
            at = NOW - timedelta(days=back, hours=1)
            given = {
                "score": score,
                "kind": "morning",
                "load_test": "single_leg_bridge",
                "at": at.isoformat(),
            }
            entries.add_pain(Records(store, runner_id, at), given, by="t")
    return runner_id


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path) as made:
        yield made


def test_the_one_in_greatest_need_comes_first_and_each_alert_says_why(store):
    enrol(store, "calm", [1] * 10)
    enrol(store, "quiet", [1, 1, 1, 1, 1, None, None, None, None])
    enrol(store, "sore", [1] * 9 + [5])
    enrol(store, "flag", [1] * 10, yes=("saddle_numbness",))
    rows = patients(store, NOW)
    assert [row["code"] for row in rows] == ["flag", "sore", "quiet", "calm"]
    kinds = {row["code"]: [item["kind"] for item in row["alerts"]] for row in rows}
    assert kinds == {
        "flag": ["red_flag"],
        "sore": ["over_limit"],
        "quiet": ["no_reply", "missed_mornings"],
        "calm": [],
    }
    sore = next(row for row in rows if row["code"] == "sore")
    assert sore["alerts"][0]["text"] == "Pain 5 of 10 on 2 March, over the limit of 3."


def test_a_morning_without_a_score_is_null_and_never_zero(store):
    enrol(store, "gaps", [0, None, 2, 1])
    (row,) = patients(store, NOW)
    assert [item["score"] for item in row["mornings"][-4:]] == [0, None, 2, 1]
    assert [item["score"] for item in row["mornings"][:-4]] == [None] * 10


def test_a_runner_without_set_up_or_entries_is_listed_and_breaks_no_other(store):
    enrol(store, "fine", [1] * 10)
    store.add_runner("bare", NOW)
    rows = {row["code"]: row for row in patients(store, NOW)}
    assert rows["bare"]["alerts"][0]["kind"] == "unreadable"
    assert rows["bare"]["side"] is None
    assert rows["fine"]["alerts"] == []


def test_a_flag_of_the_newest_recording_is_named_and_one_of_before_is_not(store, tmp_path):
    runner_id = enrol(store, "low", [1] * 10)
    for days, flags in ((5, ["low_cadence"]), (2, ["asymmetry", "low_cadence", "asymmetry"])):
        store.index_session(
            runner_id, session_id=f"s{days}", started_at=NOW - timedelta(days=days), folder=tmp_path / f"s{days}",
            duration_s=60.0, context={}, summary={"flags": [{"flag": name} for name in flags]},
        )  # fmt: skip
    (row,) = patients(store, NOW)
    assert row["alerts"] == [
        {"kind": "gait_flag", "text": "Flag in the last recording, of 28 February: asymmetry, low cadence."}
    ]
    store.index_session(
        runner_id, session_id="s1", started_at=NOW - timedelta(days=1), folder=tmp_path / "s1", duration_s=60.0,
        context={}, summary={"flags": []},
    )  # fmt: skip
    assert patients(store, NOW)[0]["alerts"] == []


def test_name_and_letterhead_are_kept_and_a_broken_file_is_none(store, tmp_path):
    assert read_clinic(store) == Clinic()
    write_clinic(store, Clinic(" A. Therapist ", "Praxis\nStreet 1"))
    assert read_clinic(store) == Clinic("A. Therapist", "Praxis\nStreet 1")
    for text in ("", "[]", '{"clinician": 1}', "{" * 50):
        (tmp_path / CLINIC_FILE).write_text(text)
        assert read_clinic(store) == Clinic()
    with pytest.raises(EntryError, match="at most"):
        write_clinic(store, Clinic("x" * 81, ""))


def test_a_hand_out_has_limits_and_exercises_but_none_where_a_doctor_comes_first(store):
    calm = Records(store, enrol(store, "calm", [1] * 10), NOW)
    plan = handout_plan(calm)
    assert any("Pain of 3 or less" in line for line in plan.limits)
    assert plan.exercises
    flag = Records(store, enrol(store, "flag", [1] * 10, yes=("saddle_numbness",)), NOW)
    assert handout_plan(flag).exercises == ()
