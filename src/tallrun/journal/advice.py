"""Today's verdict with its reasons, doses to scale, the ladder, and planned sessions against it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from tallrun.errors import EntryError, StoreError
from tallrun.journal.desk import Records, read_instant
from tallrun.journal.offers import careful_verdict
from tallrun.recovery.model import STATES, PlannedSession
from tallrun.recovery.plan_guard import PlanAnswer, plan_guard, walk_answer
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.rungs import shape
from tallrun.recovery.timeline import Clock
from tallrun.recovery.verdicts import Verdict, verdict
from tallrun.recovery.wording import state_name
from tallrun.store.checks import check_plan as check_entry
from tallrun.store.models import AdviceRow, PlanRow
from tallrun.store.records import from_rows

#: Keys of ``tallrun advise --json`` (design 5.5).
CONTRACT_KEYS = (
    "state", "rung", "rules", "inputs", "sources", "notices", "changes_if", "protocol", "as_of", "valid_until",
    "reason", "way_out",
)  # fmt: skip
#: What the verdict looked at, in the runner's words.
INPUT_WORDS = {
    "pain_today": "worst pain today",
    "baseline": "your usual morning",
    "trend": "mornings over 7 days",
    "days_since_run": "days since the last run",
    "last_grade": "pain grade of the last session",
    "exercise_sessions_7d": "strength sessions in 7 days",
    "exercise_phase": "strength phase",
    "diagnosed": "diagnosis by a clinician",
}
#: What an unknown input says, where it is unknown because nothing was done yet.
_NOT_KNOWN = {
    "days_since_run": "no run yet",
    "last_grade": "no session yet",
    "pain_today": "none in the record yet",
}


@dataclass(frozen=True)
class DosePart:
    """One block of a dose: run or walk, and its minutes."""

    mode: Literal["run", "walk"]
    minutes: float


@dataclass(frozen=True)
class PlanWish:
    """A planned session as a person gives it; None is left out. at : as ``read_instant`` takes it."""

    at: str | None = None
    rung: str | None = None
    run_minutes: float | None = None
    distance_m: float | None = None
    fastest_mps: float | None = None
    incline_min_pct: float | None = None
    incline_max_pct: float | None = None
    surface: str | None = None
    cambered: bool = False
    kinds: tuple[str, ...] = ()
    runs_per_week: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was given."""
        return self == PlanWish(runs_per_week=self.runs_per_week)


def advise(mine: Records, as_of: str | None = None, plan: PlannedSession | None = None) -> Verdict:
    """Return the verdict at a moment, by default now; nothing is kept of it."""
    at = read_instant(as_of, mine.zone, mine.now)
    return careful_verdict(mine, at, mine.store.history(mine.runner_id, mine.now), plan)


def tell(mine: Records) -> Verdict:
    """Return the verdict of now as something a person is told: it is kept in the ladder history."""
    found = advise(mine)
    with suppress(StoreError):  # a full disk must not keep today's advice from being read
        mine.store.note_advice(mine.runner_id, found, mine.now)
    return found


def yesterdays(mine: Records, found: Verdict) -> Verdict:
    """Return the verdict as it stood at the end of the day before: what has been told already."""
    clock = Clock(mine.zone.key, mine.protocol.windows.day_starts_hour)
    ended = clock.local(clock.starts_s(clock.day(found.as_of.timestamp())) - 1.0)
    history = mine.store.history(mine.runner_id, mine.now)
    return verdict(mine.protocol_at(ended), history, None, ended)


def news(found: Verdict, before: Verdict, protocol: Protocol) -> tuple[str, ...]:
    """Return the notices that were not told the day before; said once, they stay quiet until they change.

    That a trend is not known is no news to somebody who has just begun.
    """
    texts = protocol.texts
    no_trend = texts.notices["TREND"].format(trend=texts.trends["UNKNOWN"])
    is_new = (
        "screen" in before.inputs["missing"] and before.inputs["pain_today"] is None
    )  # nobody was here yet
    told = () if is_new else before.notices
    return tuple(notice for notice in found.notices if notice not in (*told, no_trend))


def why(found: Verdict, before: Verdict, protocol: Protocol) -> str:
    """Return the reason in one sentence; a higher score with milder advice than yesterday's says why."""
    now, then = found.inputs["pain_today"], before.inputs["pain_today"]
    is_milder = STATES.index(found.state) > STATES.index(before.state)
    if now is None or then is None or not now > then or not is_milder or not before.rules:
        return found.reason
    told = protocol.texts.rules.get(before.rules[0], "").format(worst=then)
    return f"{found.reason} Today's {now} is higher than yesterday's {then}, but yesterday something else held: {told}"


def contract(found: Verdict) -> dict[str, Any]:
    """Return the verdict as the contract has it."""
    payload = found.as_json()
    return {key: payload[key] for key in CONTRACT_KEYS}


def reasons(found: Verdict, protocol: Protocol) -> list[dict[str, Any]]:
    """Return each decisive rule with its sentence and its sources."""
    return [
        {
            "rule": rule,
            "text": protocol.texts.rules.get(rule, "").format(worst=found.inputs["pain_today"]),
            "sources": list(protocol.sources_of((rule,))),
        }
        for rule in found.rules
    ]


def lead_count(found: Verdict) -> int:
    """Return how many of the first sentences say what today is; the rest say why."""
    if found.rung is None:
        return len(found.sentences)
    return 2 if found.state == "WALK" and "TD2" in found.rules else 1


def inputs_in_words(found: Verdict, protocol: Protocol) -> list[tuple[str, str]]:
    """Return (what was looked at, its value in words); nothing when there is no level to explain."""
    if found.rung is None:
        return []
    told = []
    for name, words in INPUT_WORDS.items():
        value = found.inputs.get(name)
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif name == "trend":
            value = protocol.texts.trends[str(value)]
        elif name == "last_grade" and value is not None:
            value = "no grade, for something is missing" if value == "UNKNOWN" else str(value).lower()
        told.append((words, _NOT_KNOWN.get(name, "not known") if value is None else str(value)))
    return told


def for_report(found: Verdict, protocol: Protocol) -> dict[str, Any]:
    """Return the verdict as a report takes it: its plain values, what its state is called, what was looked at."""
    return found.as_json() | {
        "name": state_name(protocol, found.state, found.rules),
        "looked_at": inputs_in_words(found, protocol),
    }


def offers_walk(found: Verdict, protocol: Protocol) -> bool:
    """Return whether a walk is what today is for: the verdict calls one fine, or a run waits for one.

    Never on a day for a run, where somebody is referred, or where walking hurts (PG1).
    """
    if found.state == "RUN" or not walk_answer(protocol, found).accepted:
        return False
    asked = (item.earliest for item in found.way_out if item.ask == "walk")
    return found.state != "REST_DAY" or any(at is not None and at <= found.as_of for at in asked)


def dose_of(found: Verdict, protocol: Protocol) -> tuple[DosePart, ...]:
    """Return today's dose in blocks; empty when nothing is to be run or walked today."""
    if found.rung is None or found.state not in ("RUN", "WALK"):
        return ()
    rung = "V0" if found.state == "WALK" else found.rung
    times, run_min, walk_min = shape(protocol, rung, found.run_minutes)
    if not times:
        return (DosePart("walk", walk_min),)
    if not walk_min:
        return (DosePart("run", float(round(run_min))),) if run_min else ()
    return (DosePart("run", run_min), DosePart("walk", walk_min)) * times


def ladder(mine: Records, as_of: str | None = None, days: int = 90) -> dict[str, Any]:
    """Return the ladder with the level advised now, and the advice given so far."""
    protocol = mine.protocol
    found = advise(mine, as_of)
    rows = mine.store.entries(AdviceRow, mine.runner_id, since=mine.now - timedelta(days=days))
    return {
        "state": found.state,
        "rung": found.rung,
        "rules": list(found.rules),
        "ladder": [
            {
                "rung": rung,
                "work": work.format(dose=f"{protocol.run_min[rung]:.0f}"),
                "here": rung == found.rung,
            }
            for rung, work in protocol.work.items()
        ],
        "advice": [{"at": row.at, "state": row.state, "rung": row.rung, "rules": row.rules} for row in rows],
    }


def make_plan(mine: Records, wish: PlanWish) -> PlannedSession:
    """Return the planned session; raises EntryError for what cannot be."""
    plan = PlannedSession(
        starts_at=read_instant(wish.at, mine.zone, mine.now),
        rung=None if wish.rung is None else wish.rung.upper(),
        run_minutes=wish.run_minutes,
        distance_m=wish.distance_m,
        speed_mps=wish.fastest_mps,
        incline_min_pct=wish.incline_min_pct,
        incline_max_pct=wish.incline_max_pct,
        surface=wish.surface,  # type: ignore[arg-type]  # checked by PlannedSession
        cambered=wish.cambered,
        kinds=frozenset(wish.kinds),
        runs_per_week=wish.runs_per_week,
    )
    check_entry(plan)
    return plan


def keep_plan(mine: Records, wish: PlanWish, by: str) -> tuple[str, PlannedSession]:
    """Write a planned session down; returns its id and what was kept."""
    plan = make_plan(mine, wish)
    return mine.store.add(mine.runner_id, plan, by=by, now=mine.now), plan


def plans(mine: Records, since_days: int = 1) -> list[dict[str, Any]]:
    """Return the planned sessions from yesterday on, oldest first, with their ids."""
    rows = mine.store.entries(PlanRow, mine.runner_id, since=mine.now - timedelta(days=since_days))
    found = from_rows(PlannedSession, rows)
    return [{"plan_id": row.plan_id, **plan_fields(plan)} for row, plan in zip(rows, found, strict=True)]


def plan_fields(plan: PlannedSession) -> dict[str, Any]:
    """Return a planned session as plain values."""
    return asdict(plan) | {"kinds": sorted(plan.kinds)}


def check_plan(
    mine: Records, wish: PlanWish, as_of: str | None = None
) -> tuple[PlannedSession, Verdict, PlanAnswer]:
    """Check the session given, or the one planned for today when nothing was given, against today's verdict.

    Raises EntryError when nothing was given and nothing is planned.
    """
    plan = planned_today(mine, as_of) if wish.is_empty else make_plan(mine, wish)
    found = advise(mine, as_of, plan)
    history = mine.store.history(mine.runner_id, mine.now)
    return plan, found, plan_guard(mine.protocol_at(found.as_of), history, None, found.as_of, plan, found)


def planned_today(mine: Records, as_of: str | None = None) -> PlannedSession:
    """Return the newest plan for the local date; raises EntryError when there is none."""
    day = read_instant(as_of, mine.zone, mine.now).date()
    found = from_rows(PlannedSession, mine.store.entries(PlanRow, mine.runner_id))
    today = [plan for plan in found if plan.starts_at.astimezone(mine.zone).date() == day]
    if not today:
        raise EntryError(
            f"Nothing is planned for {day}",
            command="; plan it with: tallrun plan set, or say which session to check.",
        )
    return today[-1]
