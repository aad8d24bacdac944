"""Live rules, plan guard, gait steps and exercise phases beyond the worked examples."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oracle.build import NOW, VerdictRow
from oracle.others import _exercises
from tallrun.errors import EntryError
from tallrun.recovery import (
    GaitFacts,
    GaitSession,
    LiveEvent,
    LiveRules,
    PlannedSession,
    Probe,
    Protocol,
    exercise_phase,
    gait_steps,
    grade_session,
    is_jump,
    live_rules,
    plan_guard,
)  # fmt: skip
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])
OVER = frozenset({"overstriding", "anterior_pelvic_tilt"})


def run(*events):
    actions, state = live_rules(PROTOCOL, [LiveEvent(*event) for event in events])
    return [action.action for action in actions], state


def test_no_answer_after_the_walk_stops_at_its_own_time():
    actions, state = live_rules(PROTOCOL, [LiveEvent(100, "score", 4), LiveEvent(400, "tick")])
    assert [(a.t_s, a.action) for a in actions] == [(100, "WALK"), (220, "ASK"), (280, "STOP")]
    assert (state.grade, state.rules, state.cues_allowed) == ("AMBER", ("LV6",), False)


def test_nothing_but_a_red_flag_counts_after_a_stop():
    actions, state = run((1, "limping", 1), (2, "score", 0), (3, "red_flag"), (4, "red_flag"))
    assert actions == ["STOP", "REFER"]
    assert (state.refer, state.grade) == (True, "RED")


def test_a_second_jump_after_the_sensor_check_stops_without_a_grade():
    actions, state = run((0, "score", 0), (1, "jump"), (70, "jump"))
    assert actions == ["GO_ON", "WALK", "GO_ON", "STOP"]
    assert state.grade is None


def test_a_lost_sensor_silences_jumps_but_not_pain():
    actions, state = run((0, "sensor_lost"), (1, "jump"), (2, "score", 7))
    assert actions == ["GO_ON", "STOP"]
    assert "LV7" in state.rules


def test_events_in_any_chunks_give_the_same_actions():
    events = [LiveEvent(0, "score", 2), LiveEvent(700, "jump"), LiveEvent(730, "score", 5)]
    whole = live_rules(PROTOCOL, events)[0]
    rules = LiveRules(PROTOCOL)
    ticks = [LiveEvent(float(t), "tick") for t in range(0, 800, 7)]
    pieces = [a for e in sorted(events + ticks, key=lambda e: e.t_s) for a in rules.feed(e)]
    assert pieces == whole
    assert whole[-1].rule == "LV3"


def test_time_going_back_and_bad_scores_are_refused():
    rules = LiveRules(PROTOCOL)
    rules.feed(LiveEvent(5, "tick"))
    with pytest.raises(EntryError, match="order of time"):
        rules.feed(LiveEvent(4, "tick"))
    with pytest.raises(EntryError, match="0 to 10"):
        rules.feed(LiveEvent(6, "score", 11))


@pytest.mark.parametrize(
    ("points", "sd", "strides", "quality", "jump"),
    [(4.1, 1, 100, 1, True), (4.0, 1, 100, 1, False), (4.1, 3, 100, 1, False), (15.1, 9, 20, 1, True),
     (-15.1, 9, 20, 1, True), (15.1, 9, 19, 1, False), (20, 1, 100, 0.59, False), (float("nan"), 1, 100, 1, False)],
)  # fmt: skip
def test_jump(points, sd, strides, quality, jump):
    assert is_jump(PROTOCOL, points, sd, strides, quality) is jump


def guard(row, plan, **changes):
    history, _ = VerdictRow(*row, PROTOCOL).build()
    history = replace(history, **changes)
    return plan_guard(PROTOCOL, history, None, NOW, plan)


@pytest.mark.parametrize(
    ("row", "plan", "rules"),
    [
        (("V4", "G", ""), {"rung": "V4"}, ()),
        (("V4", "G", ""), {"rung": "V5"}, ("PG2",)),
        (("V4", "G", "gap=1"), {"rung": "V4"}, ("PG1",)),
        (("V4", "G", ""), {"rung": "V4", "incline_max_pct": 3.0}, ("PG6",)),
        (("V4", "G", ""), {"rung": "V4", "surface": "trail"}, ("PG2", "MV9")),
        (("I1", "G", "P=3"), {"rung": "I1", "kinds": frozenset({"I", "H"})}, ("PG7",)),
        (("V4", "G", "screen=SC3"), {"rung": "V0"}, ("PG1",)),
        (("V4", "G", "p=-"), {"rung": "V0"}, ()),
    ],
)
def test_plan_guard(row, plan, rules):
    got = guard(row, PlannedSession(NOW, **plan))
    assert (got.accepted, got.rules) == (not rules, rules)


def test_no_qualifying_run_allows_only_the_first_rungs():
    got = guard(("V4", "G", "gap=33"), PlannedSession(NOW, rung="V4"))
    assert "PG4" in got.rules


def gait(*sessions, state="RUN", moved=False, **facts):
    facts = {"tilt_change_deg": 7, "tilt_uncertainty_deg": 2, **facts}
    return gait_steps(PROTOCOL, GaitFacts(tuple(sessions), state, moved, **facts))


GREEN = GaitSession("GREEN", OVER)


def test_the_next_step_opens_only_when_the_last_is_kept_without_cues():
    faded = [GREEN] * 3 + [GaitSession("GREEN", OVER, "cadence")] * 8
    good = GaitSession("GREEN", OVER, "cadence", Probe(60, 0.8))
    assert gait(*faded, good).step == "cadence"
    assert (gait(*faded, good, good).action, gait(*faded, good, good).step) == ("start", "tall")
    off_speed = replace(good, probe=Probe(60, 0.9, 0.06))
    assert gait(*faded, good, off_speed).step == "cadence"
    bad = replace(good, probe=Probe(60, 0.79))
    assert gait(*faded, bad, bad).action == "again"


def test_pain_silences_and_withdraws_a_step():
    step = GaitSession("GREEN", OVER, "cadence")
    amber = replace(step, grade="AMBER")
    assert gait(GREEN, GREEN, GREEN, step, amber).cued is False
    assert gait(GREEN, GREEN, GREEN, amber, amber).action == "withdrawn"
    assert gait(GREEN, GREEN, GREEN, replace(step, grade="RED")).rule == "GT6"


def test_tilt_needs_certainty_and_an_unmoved_strap():
    tilt = GaitSession("GREEN", frozenset({"anterior_pelvic_tilt"}))
    first = {"first_step": "tilt"}
    assert gait(tilt, tilt, tilt, **first).step == "tilt"
    assert gait(tilt, tilt, tilt, tilt_change_deg=1, **first).rule == "GT8"
    assert gait(tilt, tilt, tilt, strap_moved=True, **first).rule == "GT8"


def test_no_step_starts_after_a_bad_grade_or_off_a_running_day():
    assert gait(GREEN, GREEN, GREEN, GaitSession("AMBER", OVER)).rule == "GT2"
    assert gait(GREEN, GREEN, GREEN, state="LOG_FIRST").rule == "GT2"
    assert gait(GREEN, GREEN).action == "wait"


@pytest.mark.parametrize(
    ("phase", "grades", "expected"),
    [(1, ["GREEN"] * 2, 1), (1, ["GREEN"] * 3, 2), (2, ["AMBER"], 2), (2, ["AMBER", "AMBER"], 1),
     (2, ["LATE", "AMBER"], 1), (3, ["RED"], 2), (2, ["GREEN"] * 5, 3)],
)  # fmt: skip
def test_exercise_phase(phase, grades, expected):
    assert exercise_phase(PROTOCOL, _exercises(phase, grades, PROTOCOL), NOW).phase == expected


def test_deadlifts_open_only_after_three_green_sessions_in_the_phase():
    names = {n: {d.name for d in exercise_phase(PROTOCOL, _exercises(2, ["AMBER"] * (n == 0) + ["GREEN"] * n, PROTOCOL),
                                                NOW).exercises} for n in (0, 2)}  # fmt: skip
    assert all("Romanian deadlift" not in found for found in names.values())


def test_grade_session_names_what_is_missing():
    history, _ = VerdictRow("V4", "U", "", PROTOCOL).build()
    last = max(history.sessions, key=lambda session: session.started_at)
    graded = grade_session(PROTOCOL, history, last.session_id, NOW)
    assert (graded.grade, graded.missing) == ("UNKNOWN", ("limping",))
    with pytest.raises(EntryError, match="no session"):
        grade_session(PROTOCOL, history, "nope", NOW)
