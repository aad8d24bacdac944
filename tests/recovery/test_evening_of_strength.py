"""Several exercises of one evening are one strength session; the same exercise again is another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from oracle.build import NOW, VerdictRow
from tallrun.recovery import ExerciseSession, Protocol
from tallrun.recovery.model import RunSession
from tallrun.recovery.timeline import Timeline
from tallrun.recovery.verdicts import assessor
from tallrun.resources import protocol_texts

PROTOCOL = Protocol.from_toml(protocol_texts()["pht"])
EVENING = datetime(2026, 1, 7, 19, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))
BASE = VerdictRow("V3", "G G", "", PROTOCOL).build()[0]


def sessions(*rows):
    return Timeline(PROTOCOL, replace(BASE, exercises=rows), NOW + timedelta(days=3650)).exercises


def done(name, minutes, during=1, phase=1):
    return ExerciseSession(
        name + str(minutes), EVENING + timedelta(minutes=minutes), phase, name, pain_during=during
    )


def test_an_evening_is_one_session_with_its_worst_score():
    (one,) = sessions(done("hold", 0, 3), done("curl", 10, 1), done("bridge", 20, 2))
    assert one.pain_during == 3
    assert one.exercise_id == "bridge20"


def test_a_missing_score_stays_missing():
    (one,) = sessions(done("hold", 0, 3), done("curl", 10, None))
    assert one.pain_during is None


ORDER = ("GREEN", "UNKNOWN", "AMBER", "LATE", "RED")


def worst_grade(*rows):
    at, now_s = assessor(PROTOCOL, replace(BASE, exercises=rows), None, EVENING + timedelta(hours=60))
    grades = [at.course.exercise_grade(k, now_s).grade for k in range(len(at.timeline.exercises))]
    return max(map(ORDER.index, grades))


@pytest.mark.parametrize("scores", list(product((1, 4, 7, None), repeat=2)))
def test_an_evening_is_never_graded_better_than_its_worst_exercise(scores):
    """Neither an easier exercise after it nor a missing score takes a bad one away."""
    evening = [done(name, 20 * k, score) for k, (name, score) in enumerate(zip("ab", scores, strict=True))]
    assert worst_grade(*evening) >= max(worst_grade(item) for item in evening)


def test_a_run_between_two_exercises_parts_them():
    run = RunSession("r", EVENING + timedelta(minutes=5), EVENING + timedelta(minutes=15), run_minutes=10.0)
    rows = (done("hold", 0), done("curl", 20))
    history = replace(BASE, exercises=rows, sessions=(*BASE.sessions, run))
    assert len(Timeline(PROTOCOL, history, NOW + timedelta(days=3650)).exercises) == 2


def test_the_same_again_the_next_day_or_another_phase_is_another_session():
    assert len(sessions(done("hold", 0), done("hold", 120))) == 2
    assert len(sessions(done("hold", 0), done("curl", 1440))) == 2
    assert len(sessions(done("hold", 0), done("curl", 10, phase=2))) == 2
    assert len(sessions(done("", 0), done("", 10))) == 2
