"""What the way out says, silence against pain, and the test around a change of phase."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from oracle.build import NOW, VerdictRow
from support.recovery_histories import random_history
from tallrun.insight.due import everything_due
from tallrun.journal.desk import load_protocol
from tallrun.recovery import (
    ClinicianEntry,
    Diagnosis,
    ExerciseSession,
    History,
    PainScore,
    PhaseEntry,
    Runner,
    RunSession,
    Screen,
    verdict,
    wording,
)
from tallrun.recovery.rungs import running_of, whole_minutes
from tallrun.recovery.timeline import Timeline
from tallrun.recovery.verdicts import assessed, assessor
from tallrun.recovery.way_out import mask_ends_s

PROTOCOL = load_protocol()
CLEAR = {question.id: False for question in PROTOCOL.screening.questions}
ASKED_AFTER_A_WALK = {"during", "after", "limping", "h24", "h48", "morning"}


def test_every_state_but_run_says_how_it_ends_and_what_the_runner_can_do_is_asked():
    for seed in range(120):
        history, now, _ = random_history(seed, PROTOCOL)
        said = verdict(PROTOCOL, history, None, now)
        assert (said.way_out == ()) == (said.state == "RUN"), seed
        due = everything_due(PROTOCOL, history, now)
        asked = {item.question for item in due}
        unmet = [item for item in said.way_out if not item.met]
        assert unmet or said.state == "RUN", seed
        why = next((item.text for item in unmet if item.ask == "screen"), "")
        assert all(item.text.endswith(why) for item in due if item.question == "screen"), (seed, why)
        for item in unmet:
            if item.ask == "walk" and "baseline" in said.inputs["missing"]:
                assert "does not count for this" in item.action, seed
        for item in unmet:
            assert item.who in ("runner", "time", "clinician") or item.id == "pain", (seed, item)
            assert item.earliest is None or item.earliest >= now, (seed, item)
            if item.who == "runner" and not (item.ask == "walk" and said.state == "REST48"):
                wanted = ASKED_AFTER_A_WALK if item.ask == "after_walk" else {item.ask}
                assert wanted & asked or (item.ask == "walk" and not said.walking_allowed), (
                    seed,
                    item,
                    asked,
                )
        for text in (
            said.reason,
            *(part for item in said.way_out for part in (item.text, item.action or "")),
        ):
            assert wording.lint(text) == (), (seed, text)


def after_a_flare(mornings: dict[int, int], rests: dict[int, int] | None = None, days: int = 11) -> History:
    """Calm mornings, a run that hurt 6 on day 0, then the scores given by days since, seen ``days`` later."""
    day = NOW - timedelta(days=days)
    start = day.replace(hour=17)
    scores = [PainScore(f"b{k}", day.replace(hour=7) - timedelta(days=k), "morning", 1, load_test="double_leg_bridge")
              for k in range(14)]  # fmt: skip
    scores.append(PainScore("red", start + timedelta(minutes=20), "during", 6))
    for k, score in mornings.items():
        at = day.replace(hour=7) + timedelta(days=k)
        scores.append(PainScore(f"m{k}", at, "morning", score, load_test="double_leg_bridge"))
    for k, score in (rests or {}).items():
        scores.append(PainScore(f"r{k}", day.replace(hour=16) + timedelta(days=k), "rest", score))
    run = RunSession("r", start, start + timedelta(minutes=30), rung="V3", run_minutes=15, limping=False)
    return History(
        Runner("Europe/Amsterdam", born_on=date(1985, 6, 30)), tuple(scores), (run,),
        screens=(Screen(NOW - timedelta(hours=3), CLEAR, frozenset({"ache"})),),
        diagnoses=(Diagnosis(day, True),), phases=(PhaseEntry(day - timedelta(days=20), 1),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mornings", "rests", "state"),
    [
        ({}, {}, "LOG_FIRST"),  # silence asks for mornings, not for a clinician
        ({1: 2, 2: 1}, {11: 1}, "WALK"),  # settled: from V3 two levels down, and its surface is new
        ({1: 4, 2: 4}, {}, "CLINICIAN"),  # logged and not settled
        ({}, {1: 5}, "LOG_FIRST"),  # the day after is the flare itself
        ({}, {3: 5}, "CLINICIAN"),  # silence after a score that was still bad
        ({}, {11: 4}, "CLINICIAN"),  # and a bad one after the silence
        ({9: 1, 10: 1}, {11: 1}, "LOG_FIRST"),  # two calm mornings are no baseline yet
        ({9: 1, 10: 1, 11: 1}, {}, "WALK"),
        ({1: 4, 9: 1, 10: 1, 11: 1}, {}, "CLINICIAN"),  # a later calm score never ends a clinician's stop
    ],
)
def test_silence_after_a_flare_is_no_pain_and_no_all_clear(mornings, rests, state):
    said = verdict(PROTOCOL, after_a_flare(mornings, rests), None, NOW)
    assert said.state in ({state} | ({"RUN", "REST_DAY"} if state == "WALK" else set())), said
    if state == "LOG_FIRST":
        assert "settled" in said.inputs["missing"]
        assert "HD2" not in said.rules
    if state == "CLINICIAN":
        assert "HD2" in said.rules
        assert [item.who for item in said.way_out] == ["clinician"]


def test_a_screen_that_is_asked_again_says_why():
    clear = (Screen(NOW - timedelta(hours=3), CLEAR, frozenset({"ache"})),)

    def asked(*scores, screens=clear):
        history = History(Runner("Europe/Amsterdam", born_on=date(1985, 6, 30)), scores, screens=screens)
        return [item.text for item in everything_due(PROTOCOL, history, NOW) if item.question == "screen"]

    after = NOW - timedelta(hours=1)
    assert asked() == []
    assert "A full screen: there is none yet." in asked(screens=())[0]
    assert "after the red session or score" in asked(PainScore("p", after, "rest", 7))[0]
    assert "the pain feels new" in asked(PainScore("p", after, "rest", 2, quality="burning"))[0]
    old = (replace(clear[0], at=NOW - timedelta(days=30)),)
    assert "the last is over 28 days old" in asked(screens=old)[0]


def test_a_red_that_goes_on_is_screened_for_again_when_its_rest_ends_and_a_new_one_at_once():
    history = after_a_flare({1: 4}, days=1)
    day = NOW.replace(hour=9)
    history = replace(history, screens=(replace(history.screens[0], at=day - timedelta(hours=14)),))

    def screen(more=()):
        asked = replace(history, scores=(*history.scores, *more))
        return next(item for item in everything_due(PROTOCOL, asked, day) if item.question == "screen")

    again = screen()
    assert "after the red session or score" in again.text
    assert again.opens_at.date() == (day + timedelta(days=2)).date()
    assert not screen([PainScore("new", day, "rest", 6)]).is_open(day)
    assert screen([PainScore("new", day, "rest", 7)]).is_open(day), "worse than what was screened for"
    later = (PainScore("new", day + timedelta(days=3), "rest", 6),)
    (asked,) = [
        item
        for item in everything_due(PROTOCOL, replace(history, scores=history.scores + later), later[0].at)
        if item.question == "screen"
    ]
    assert asked.is_open(later[0].at), "another RED"


def test_a_door_that_closes_is_announced_before():
    said = verdict(PROTOCOL, after_a_flare({}, {}, days=5), None, NOW)
    assert any("calm morning score by" in notice for notice in said.notices)
    history, _ = VerdictRow("V6", "G G", "gap=6", PROTOCOL).build()
    assert any("Without a run by" in notice for notice in verdict(PROTOCOL, history, None, NOW).notices)


def test_a_phase_that_moves_up_keeps_the_test_until_the_new_one_has_its_mornings():
    day = NOW - timedelta(days=9)
    mornings = [PainScore(f"m{k}", day.replace(hour=7) + timedelta(days=k), "morning", 1) for k in range(10)]
    moves = [ExerciseSession(f"e{k}", day.replace(hour=16) + timedelta(days=2 * k), 1, pain_during=1, pain_after=1)
             for k in range(5)]  # fmt: skip
    later = [PainScore(f"h{k}", move.at + timedelta(hours=24), "h24", 1) for k, move in enumerate(moves)]
    history = History(
        Runner("Europe/Amsterdam", side="left", born_on=date(1985, 6, 30)),
        tuple(replace(score, side="left") for score in (*mornings, *later)), exercises=tuple(moves),
        screens=(Screen(day, CLEAR, frozenset({"ache"})),), phases=(PhaseEntry(day, 1),),
    )  # fmt: skip
    said = verdict(PROTOCOL, history, None, NOW)
    assert said.inputs["exercise_phase"] == 2
    assert said.inputs["baseline"] == 1
    assert "both_tests" in {item.question for item in everything_due(PROTOCOL, history, NOW)}
    assert PROTOCOL.texts.notices["TEST_BOTH"] in said.notices


def test_a_level_told_by_its_whole_length_is_its_own_running():
    assert whole_minutes(PROTOCOL, "V1", None) == 24
    assert running_of(PROTOCOL, "V1", 24) == 8
    assert running_of(PROTOCOL, "V1", 34) == 8, "ten minutes of warm-up are not the plan's"
    assert running_of(PROTOCOL, "V1", 12) == 4
    assert running_of(PROTOCOL, "V1", 60) == 20, "an hour of it is more than the plan"
    assert running_of(PROTOCOL, "V0", 30) == 0
    assert running_of(PROTOCOL, "V8", 30) is None
    assert running_of(PROTOCOL, None, 30) is None


def test_a_session_off_the_plan_says_what_differed():
    history, _ = VerdictRow("V6", "G", "", PROTOCOL).build()
    run = history.sessions[-1]
    long = replace(history, sessions=(*history.sessions[:-1], replace(run, run_minutes=30.0)))
    said = verdict(PROTOCOL, long, None, NOW)
    assert "MV7" in said.rules
    assert "It had 30 minutes of running against 24 in the plan." in said.sentences


def test_a_clinicians_clearing_entry_ends_the_wait_after_silence():
    history = replace(after_a_flare({}), clinician=(ClinicianEntry(NOW - timedelta(hours=1), clears=True),))
    assert "settled" not in verdict(PROTOCOL, history, None, NOW).inputs["missing"]


def test_the_day_named_for_enough_days_since_the_last_run_is_the_first_that_has_them():
    dated = 0
    for seed in range(120):
        history, now, _ = random_history(seed, PROTOCOL)
        at, found = assessed(PROTOCOL, history, now)
        spacing = next(
            (item for item in verdict(PROTOCOL, history, None, now).way_out if item.id == "spacing"), None
        )
        if spacing is None or spacing.met:
            continue
        dated += 1
        for k in range(1, 8):
            later = now + timedelta(days=k)
            day = at.timeline.clock.day(later.timestamp())
            # The rules as they stand on that day, had nothing else been logged.
            is_met = at.ladder.spacing_met(found.move.rung, later.timestamp(), day)
            assert is_met or day < at.timeline.clock.day(spacing.earliest.timestamp()), (seed, k, spacing)
            assert not is_met or day >= at.timeline.clock.day(spacing.earliest.timestamp()), (
                seed,
                k,
                spacing,
            )
    assert dated > 5


def test_with_all_else_met_the_first_day_to_run_is_the_one_the_way_out_named():
    history = after_a_flare({})
    start = NOW.replace(hour=17) - timedelta(days=3)
    mornings = tuple(PainScore(f"d{k}", NOW.replace(hour=7) + timedelta(days=k), "morning", 1,
                               load_test="double_leg_bridge") for k in range(-30, 8))  # fmt: skip
    run = RunSession("r", start, start + timedelta(minutes=5), rung="V1", run_minutes=5, limping=False)
    screen = Screen(NOW - timedelta(days=3), CLEAR, frozenset({"ache"}))
    calm = replace(history, scores=mornings, sessions=(run,), screens=(screen,))
    named = set()
    for k in range(-3, 6):
        now = NOW.replace(hour=19) + timedelta(days=k)
        said = verdict(PROTOCOL, calm, None, now)
        spacing = next((item for item in said.way_out if item.id == "spacing"), None)
        if spacing is not None and not spacing.met:
            named.add(spacing.earliest.date())
        assert ("TD4" in said.rules) == (spacing is not None and not spacing.met)
    assert named == {start.date() + timedelta(days=2)}


def test_a_painkiller_works_in_both_legs():
    test, at = PROTOCOL.exercise.late_test, NOW - timedelta(hours=6)
    taken = PainScore("o", at, "rest", 1, side="left", load_test=test, painkiller="oral")
    own = PainScore("n", NOW - timedelta(minutes=5), "rest", 1, side="right")
    other = replace(own, pain_id="l", side="left", load_test=test)
    history, _ = VerdictRow("V6", "G", "", PROTOCOL).build()
    history = replace(
        history, runner=replace(history.runner, side="right"), scores=(*history.scores, taken, own, other)
    )
    timeline = Timeline(PROTOCOL, history, NOW)
    (mark,) = [mark for mark in timeline.marks if mark.row is own]
    assert mark.masked, "named with a score of the other leg, it masks this one"
    assert timeline.is_masked(other.at.timestamp(), other), "and a later score of that leg that names none"
    at_now = assessor(PROTOCOL, history, None, NOW)[0]
    assert mask_ends_s(at_now, NOW.timestamp()) == at.timestamp() + PROTOCOL.windows.masked_h * 3600.0 + 1.0
