"""What a hand-out says beside the comparison: this week's plan, the limits in force and the exercises of the phase."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tallrun.journal.advice import advise, plans
from tallrun.journal.clinician import entries, in_words
from tallrun.journal.desk import Records
from tallrun.journal.today import exercise
from tallrun.report.pages import day_words
from tallrun.report.paper import HandoutPlan

_WEEK = timedelta(days=7)
#: Where the advice is to see somebody, nothing else is advised beside it.
_NO_EXERCISE = ("REFER", "CLINICIAN")


def handout_plan(mine: Records) -> HandoutPlan:
    """Return the plan of the next seven days as it stands now; empty parts where nothing was planned or limited."""
    found = advise(mine, mine.local_now.isoformat())
    protocol = mine.protocol
    planned = [
        row for row in plans(mine) if mine.now - timedelta(hours=12) <= row["starts_at"] < mine.now + _WEEK
    ]
    shown = [] if found.state in _NO_EXERCISE else exercise(mine)["exercises"]
    return HandoutPlan(
        as_of=mine.local_now,
        today=tuple(found.sentences[:3]),
        week=tuple(_planned(mine, row) for row in planned),
        limits=(
            *_pain_limits(protocol.pain.green_limit, protocol.pain.stop_above),
            *own_limits(entries(mine)),
        ),
        exercises=tuple((row["name"], row["dose"]) for row in shown),
    )


def _pain_limits(green: int, stop: int) -> tuple[str, ...]:
    return (
        f"Pain of {green} or less is fine, during the run and after it.",
        f"Pain above {stop}: stop, and walk home easy.",
        "The next morning the pain is back to what it was before the run.",
    )


def own_limits(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Say what the entries in force hold, each as one sentence."""
    told = [f"{in_words(row)}." for row in rows if row["in_force"]]
    return [text[0].upper() + text[1:] for text in told if len(text) > 1]


def _planned(mine: Records, row: dict[str, object]) -> str:
    at = row["starts_at"].astimezone(mine.zone)  # type: ignore[attr-defined]
    what = [str(row["rung"])] if row["rung"] else []
    if row["rung"]:
        dose = mine.protocol.run_min.get(str(row["rung"]))
        what = [f"{row['rung']}: {mine.protocol.work[str(row['rung'])].format(dose=f'{dose or 0:.0f}')}"]
    if row["run_minutes"] is not None:
        what.append(f"{row['run_minutes']:g} min of running")
    return f"{at:%A} {day_words(at)}: {', '.join(what) or 'a session'}"
