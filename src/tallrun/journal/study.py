"""Put a simulated study into records: sessions, runs, the scores around them and mornings, by the normal doors."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

from tallrun.errors import UsageError
from tallrun.gait.flags import ASYMMETRY_POPULATION_LIMIT_PCT
from tallrun.journal import entries, sessions
from tallrun.journal.desk import Records
from tallrun.journal.profile import set_up
from tallrun.pipeline import analyse
from tallrun.recovery.model import RunSession
from tallrun.report.cycles import pelvis_cycles, pitch_cycles
from tallrun.report.earlier import keep_cycles
from tallrun.report.measured import pace_mps
from tallrun.sessions import write_session, write_tables, write_text
from tallrun.simulate.study import PEOPLE, SPEED_MPS, Person, Visit, seeded_truth, visits
from tallrun.store import Store
from tallrun.store.location import SESSIONS_FOLDER

BY = "study"
MORNING = time(7, 15)
#: A morning score this far above the green limit, on the last mornings of who gets worse.
_BEFORE_START_DAYS = 3


@dataclass(frozen=True)
class Study:
    """What was written: sessions by code, and the scores beside them."""

    folder: Path
    sessions: dict[str, int]
    scores: int

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"folder": str(self.folder), "sessions": self.sessions, "scores": self.scores}


def write_study(
    folder: Path,
    start: datetime,
    now: datetime,
    *,
    weeks: int = 8,
    per_week: int = 2,
    minutes: float = 4.0,
    seed: int = 0,
    people: tuple[Person, ...] = PEOPLE,
    progress: Callable[[float], None] = lambda share: None,
) -> Study:
    """Simulate a study into a new data folder, with ``study.json``: see ``announced``.

    start : the first day, with a named time zone. Everything is entered as of the moment it would have been.
    Raises UsageError when the folder holds records already or the study would end in the future.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; a study goes into a data folder of its own")
    end = start + timedelta(weeks=weeks)
    if end.date() > now.astimezone(start.tzinfo).date():
        raise UsageError(
            f"the study would end on {end.date()}, which is still to come; give an earlier start"
        )
    planned = list(visits(start, weeks=weeks, per_week=per_week, minutes=minutes, seed=seed, people=people))
    counted: dict[str, int] = {}
    n_scores = 0
    with Store.open(folder) as store:
        place = folder / SESSIONS_FOLDER
        for code, mine_visits in groupby(planned, lambda item: item.person.code):
            own = list(mine_visits)
            person = own[0].person
            runner_id = _enrol(store, person, start)
            counted[code] = len(own)
            by_day = {item.started_at.date(): item for item in own}
            for day in _days(start.date() - timedelta(days=_BEFORE_START_DAYS), end.date()):
                n_scores += _morning(store, runner_id, person, day, start, weeks)
                if day in by_day:
                    n_scores += _session(store, runner_id, by_day[day], place)
                    progress(
                        sum(counted.values()) / len(planned)
                        - (len(own) - by_day[day].number - 1) / len(planned)
                    )
    write_text(folder / "study.json", json.dumps(announced(planned, people), indent=1))
    return Study(folder, counted, n_scores)


def announced(planned: Sequence[Visit], people: tuple[Person, ...]) -> dict[str, Any]:
    """Return what the study holds: the seeded changes as far as they came, and what each session was made with.

    In ``sessions``, ``seeded`` is the value without, ``made_with`` the one with that day's scatter, which a single day
    can carry three of its standard deviations away; ``truth.json`` beside each session has every stride.
    """
    told = seeded_truth(people)
    ends = {item.person.code: item.week for item in planned}  # the last session of each
    for person in people:
        for change, row in zip(person.changes, told["people"][person.code], strict=True):
            row["at_last_session"] = change.at(ends[person.code])
    return told | {
        "asymmetry_is_flagged_beyond_pct": ASYMMETRY_POPULATION_LIMIT_PCT,  # without an own baseline
        "sessions": [_made_with(item) for item in planned],
    }


def _made_with(visit: Visit) -> dict[str, Any]:
    person, body, bout = visit.person, visit.body, visit.programme.bouts[-1]
    made = {
        "cadence_spm": body.expected_cadence_spm(SPEED_MPS) + bout.cadence_shift_spm,
        "tilt_deg": body.running_tilt_deg,
        "contact_share": body.contact_time_scale,
        "asymmetry_pct": bout.contact_asymmetry_pct,
    }
    return {
        "session": session_name(visit),
        "week": visit.week,
        "seeded": {name: round(person.value(name, visit.week), 3) for name in made},
        "made_with": {name: round(value, 3) for name, value in made.items()},
    }


def session_name(visit: Visit) -> str:
    """Return the folder's name of a session."""
    return f"{visit.person.code}-{visit.number + 1:02d}"


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=k) for k in range((last - first).days)]


def _enrol(store: Store, person: Person, start: datetime) -> str:
    body = person.body
    at = start - timedelta(days=_BEFORE_START_DAYS + 1)
    given = {
        "side": person.side, "time_zone": getattr(start.tzinfo, "key", "UTC"), "born_on": date(person.born_year, 6, 1),
        "height_m": body.height_m, "leg_length_m": body.leg_length_m, "mass_kg": body.mass_kg,
        "easy_speed_mps": SPEED_MPS,
    }  # fmt: skip
    set_up(
        store, person.code, given, by=BY, now=at, diagnosed_by="clinician", phase=2,
        morning_scores=[person.pain[0]] * 3,
    )  # fmt: skip
    runner_id = store.runner_codes()[person.code]
    mine = Records(store, runner_id, at)
    questions = mine.protocol.screening.questions
    entries.keep_screen(mine, {item.id: False for item in questions}, by=BY, qualities=("ache",))
    return runner_id


def _score(person: Person, day: date, start: datetime, weeks: int) -> int:
    """Return what hurts on a day: from the first score to the last over the middle of the study."""
    week = (day - start.date()).days / 7.0
    first, last = person.pain
    if last > first:  # who gets worse does so in the last days, so that there is something to see on the list
        return last if week >= weeks - 0.5 else first
    share = min(max((week - weeks / 4.0) / (weeks / 2.0), 0.0), 1.0)
    return round(first + share * (last - first))


def _morning(store: Store, runner_id: str, person: Person, day: date, start: datetime, weeks: int) -> int:
    is_silent = (start.date() + timedelta(weeks=weeks) - day).days <= person.stays_silent_days
    if is_silent:
        return 0
    at = datetime.combine(day, MORNING, tzinfo=start.tzinfo)
    mine = Records(store, runner_id, at)
    test = mine.protocol.exercise.late_test
    answers = {
        "score": _score(person, day, start, weeks),
        "kind": "morning",
        "load_test": test,
        "at": at.isoformat(),
    }
    entries.add_pain(mine, answers, by=BY)
    return 1


def _session(store: Store, runner_id: str, visit: Visit, place: Path) -> int:
    """Write, analyse, index and count one session with the scores before, during and after it, and the next day's."""
    person = visit.person
    folder = place / session_name(visit)
    recording, truth = visit.recorded()
    recording = replace(recording, info=recording.info | {"runner": {"subject_id": person.code}})
    write_session(folder, recording, truth=truth)
    found = analyse(recording, record_waves=True)
    tables = found.tables
    write_tables(folder / sessions.DERIVED, tables)
    cycles = pitch_cycles(found.waves, tables.strides) + pelvis_cycles(found.pelvis_angles, tables.strides)
    keep_cycles(folder / sessions.DERIVED, cycles, pace_mps(tables.strides))
    length = timedelta(seconds=visit.programme.duration_s)
    mine = Records(store, runner_id, visit.started_at + length + timedelta(minutes=10))
    sessions.scan(mine, folder)
    run = RunSession(
        session_id=str(recording.info.get("session_id") or uuid4()), started_at=visit.started_at,
        ended_at=visit.started_at + length, run_minutes=tables.summary["run_time_s"] / 60.0, surface="treadmill",
        speed_mps=(tables.summary.get("speed_mps") or {}).get("p95"), limping=False,
    )  # fmt: skip
    low = min(person.pain)
    kept = entries.keep_run(mine, run, (low, low, low), by=BY, source="sensors", shoe="blue")
    later = run.ended_at + timedelta(hours=24)
    entries.add_pain(
        Records(store, runner_id, later),
        {"score": low, "kind": "h24", "at": later.isoformat(), "session_id": run.session_id},
        by=BY,
    )
    return len(kept) + 1
