"""Who runs: side, time zone, birth date, measures, usual pace, and what was said about the pain at set-up."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tallrun.errors import EntryError
from tallrun.gait.flag_terms import LEG_PER_HEIGHT
from tallrun.journal.desk import load_protocol
from tallrun.recovery.course import Course
from tallrun.recovery.model import Diagnosis, PhaseEntry, Runner, SetupBaseline, check_score
from tallrun.recovery.timeline import Timeline
from tallrun.store import Store
from tallrun.store.models import RunnerRow

PROFILE_FIELDS = (
    "side", "site", "time_zone", "born_on", "height_m", "leg_length_m", "mass_kg", "easy_speed_mps",
    "fast_speed_mps",
)  # fmt: skip
_BOUNDS = {"height_m": (0.5, 2.6), "leg_length_m": (0.3, 1.5), "mass_kg": (20, 300)}
_SPEEDS_MPS = (0.5, 12.5)
DiagnosedBy = Literal["clinician", "own", "none"]


def known_profile(store: Store, runner_id: str | None) -> dict[str, Any]:
    """Return the profile in force with its ``profile_id``; empty before set-up."""
    row = None if runner_id is None else store.latest(RunnerRow, runner_id)
    return {} if row is None else {name: row._mapping[name] for name in ("profile_id", *PROFILE_FIELDS)}


def estimated(profile: Mapping[str, Any]) -> dict[str, float]:
    """Return the height or leg length that follows from the other one, where only one was measured.

    It is worked out where it is shown and never kept: an estimate must not pass for a measurement.
    """
    height_m, leg_m = profile.get("height_m"), profile.get("leg_length_m")
    if leg_m is None and height_m is not None:
        return {"leg_length_m": round(LEG_PER_HEIGHT * height_m, 2)}
    if height_m is None and leg_m is not None:
        return {"height_m": round(leg_m / LEG_PER_HEIGHT, 2)}
    return {}


def guessed_zone() -> str | None:
    """Return the time zone this computer is set to, as an IANA name; None when it does not say."""
    told = [os.environ.get("TZ", "").lstrip(":")]
    with contextlib.suppress(OSError):
        told.append(os.path.realpath("/etc/localtime").partition("zoneinfo/")[2])
    for name in told:
        with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
            if name:
                return ZoneInfo(name).key
    return None


def set_up(
    store: Store,
    code: str,
    given: dict[str, Any],
    *,
    by: str,
    now: datetime,
    diagnosed_by: DiagnosedBy | None = None,
    diagnosis_text: str = "",
    phase: int | None = None,
    morning_scores: Sequence[int] = (),
    load_test: str | None = None,
) -> dict[str, Any]:
    """Set a runner up, or change what is known; returns the profile now in force.

    given : fields of ``PROFILE_FIELDS``; None leaves as it was. morning_scores : bridge scores of three or
    more mornings. Raises EntryError when something cannot be true; then nothing is kept.
    """
    if not code.strip():
        raise EntryError("A runner needs a name or code, such as me.")
    known = store.runner_codes().get(code)
    old = known_profile(store, known)
    typed = {name: given[name] for name in PROFILE_FIELDS if given.get(name) is not None}
    profile = dict.fromkeys(PROFILE_FIELDS) | {"site": "sit_bone"} | old | typed
    if profile["side"] is None or profile["time_zone"] is None:
        raise EntryError("A new runner needs the side that hurts and a time zone.")
    _check(profile, now.date())
    local_now = now.astimezone(ZoneInfo(str(profile["time_zone"])))
    if load_test is None and morning_scores:
        load_test = _test_of(store, known, phase, local_now)
    about = _about(diagnosed_by, diagnosis_text, phase, morning_scores, load_test, local_now)
    runner_id = known or store.add_runner(code, local_now)
    profile_id = profile.pop("profile_id", None)
    if profile_id is None:
        store.add_row(RunnerRow, runner_id, at=local_now, by=by, now=local_now, **profile)
    elif any(profile[name] != old[name] for name in profile):
        store.supersede(RunnerRow, runner_id, profile_id, by=by, now=local_now, **profile, at=local_now)
    if about:
        store.add_all(runner_id, about, by=by, now=local_now)
    return profile


def _check(profile: dict[str, Any], today: date) -> None:
    Runner(
        time_zone=profile["time_zone"], side=profile["side"], site=profile["site"], born_on=profile["born_on"],
        easy_speed_mps=profile["easy_speed_mps"],
    )  # fmt: skip
    for name, (low, high) in _BOUNDS.items():
        value = profile[name]
        if value is not None and not low <= value <= high:
            raise EntryError(f"{name} lies between {low} and {high}, got {value:g}; check the unit.")
    if profile["born_on"] is not None and not date(1900, 1, 1) <= profile["born_on"] <= today:
        raise EntryError(f"The birth date {profile['born_on']} cannot be right.")
    easy, fast = profile["easy_speed_mps"], profile["fast_speed_mps"]
    for value in (easy, fast):
        if value is not None and not _SPEEDS_MPS[0] <= value <= _SPEEDS_MPS[1]:
            raise EntryError(f"A usual speed of {value * 3.6:.1f} km/h cannot be right; check the unit.")
    if easy is not None and fast is not None and fast < easy:
        raise EntryError("The fast pace is slower than the easy pace; swap them.")


def _about(
    diagnosed_by: DiagnosedBy | None, text: str, phase: int | None, mornings: Sequence[int],
    load_test: str | None, now: datetime,
) -> list[Any]:  # fmt: skip
    found: list[Any] = []
    if diagnosed_by in ("clinician", "own"):
        found.append(Diagnosis(at=now, by_clinician=diagnosed_by == "clinician", text=text))
    if phase is not None:
        found.append(PhaseEntry(at=now, phase=phase))
    if mornings:
        for score in mornings:
            check_score("A morning score", score)
        scores = sorted(mornings)
        if len(scores) < 3:
            raise EntryError(f"A baseline needs the scores of at least 3 mornings, got {len(scores)}.")
        assert load_test is not None
        found.append(SetupBaseline(at=now, score=scores[(len(scores) - 1) // 2], load_test=load_test))
    return found


def _test_of(store: Store, runner_id: str | None, phase: int | None, now: datetime) -> str:
    """Return the morning test of the phase that is told, else of the one in force; a new runner begins with 1."""
    protocol = load_protocol()
    if phase is None and runner_id is not None:
        course = Course(Timeline(protocol, store.history(runner_id, now), now))
        phase = course.phase(now.timestamp()).phase
    exercise = protocol.exercise
    return exercise.late_test if (phase or 1) >= exercise.late_test_from_phase else exercise.early_test
