"""Several exercises of one evening are one strength session; the same exercise again is another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from oracle.build import NOW, VerdictRow
from tallrun.recovery import ExerciseSession, Protocol
from tallrun.recovery.timeline import Timeline
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


def test_the_same_again_the_next_day_or_another_phase_is_another_session():
    assert len(sessions(done("hold", 0), done("hold", 120))) == 2
    assert len(sessions(done("hold", 0), done("curl", 1440))) == 2
    assert len(sessions(done("hold", 0), done("curl", 10, phase=2))) == 2
    assert len(sessions(done("", 0), done("", 10))) == 2
