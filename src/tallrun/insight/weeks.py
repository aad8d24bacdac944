"""A calendar of weeks: what was planned, what was done, the worst pain, and the running of each in plain words.

Described, never scored: no ratio of one week to another, no colour, no word of risk (sci:B5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from tallrun.words import counted, minute_words

DAYS = 7
#: How a planned walk is named among what was planned.
WALK = "V0"
WeekStart = Literal["monday", "sunday"]


@dataclass(frozen=True)
class WeekDay:
    """One local date. planned : what was planned, in words. n_runs, n_walks : sessions logged.

    n_advised : of these, as the advice of the day said and without a plan for them.
    worst : highest pain score, None where none was given. n_masked : scores with a painkiller. is_ahead : to come.
    """

    day: date
    planned: tuple[str, ...] = ()
    n_runs: int = 0
    n_walks: int = 0
    n_advised: int = 0
    run_minutes: float = 0.0
    walk_minutes: float = 0.0
    worst: int | None = None
    n_masked: int = 0
    n_exercises: int = 0
    is_ahead: bool = False

    @property
    def n_met(self) -> int:
        """Planned sessions of this date that were logged: a walk is no planned run, nor a run a planned walk."""
        walks = sum(item == WALK for item in self.planned)
        return min(walks, self.n_walks) + min(len(self.planned) - walks, self.n_runs)


@dataclass(frozen=True)
class Week:
    """Seven days in order, and what is to be said about them."""

    days: tuple[WeekDay, ...]
    sentences: tuple[str, ...]


def week_start(day: date, starts: WeekStart = "monday") -> date:
    """Return the first date of the week a date lies in."""
    return day - timedelta(days=(day.weekday() + (1 if starts == "sunday" else 0)) % DAYS)


def weeks(
    known: Mapping[date, WeekDay], today: date, count: int, starts: WeekStart = "monday"
) -> tuple[Week, ...]:
    """Return the last ``count`` weeks, oldest first, the last one up to its end; a date nobody knows of is empty.

    known : may reach further back: the week before the first one is compared with where all its days are there.
    """
    first = week_start(today, starts) - timedelta(days=DAYS * (count - 1))
    out: list[Week] = []
    before = [known.get(first - timedelta(days=DAYS - place)) for place in range(DAYS)]
    earlier = None if None in before else _minutes([item for item in before if item is not None])
    for number in range(count):
        begin = first + timedelta(days=DAYS * number)
        days = []
        for place in range(DAYS):
            at = begin + timedelta(days=place)
            days.append(known.get(at) or WeekDay(at, is_ahead=at > today))
        out.append(Week(tuple(days), _told(days, earlier, is_over=begin + timedelta(days=DAYS) <= today)))
        earlier = _minutes(days)
    return tuple(out)


def _minutes(days: Sequence[WeekDay]) -> float:
    return sum(item.run_minutes for item in days)


def _told(days: Sequence[WeekDay], earlier_min: float | None, is_over: bool) -> tuple[str, ...]:
    planned, met = sum(len(item.planned) for item in days), sum(item.n_met for item in days)
    runs, walks = sum(item.n_runs for item in days), sum(item.n_walks for item in days)
    done = " and ".join(counted(count, word) for count, word in ((runs, "run"), (walks, "walk")) if count)
    lines = []
    advised = sum(item.n_advised for item in days)
    so_far = "" if is_over else " so far"
    # A share needs what was foreseen: a plan says that. Of the advice only what was done by it is known here.
    if planned:
        lines.append(f"You did {met} of {planned} planned{so_far}.")
    if advised:
        lines.append(f"{counted(advised, 'session')}{' more' if planned else ''} as advised{so_far}.")
    lines.append(f"{done[:1].upper()}{done[1:]}." if done else "No run logged.")
    minutes = _minutes(days)
    if runs:
        change = None if earlier_min is None or not is_over else round(minutes) - round(earlier_min)
        than = (
            ""
            if change is None
            else ", as much as the week before"
            if change == 0
            else f", {abs(change)} {'more' if change > 0 else 'less'} than the week before"
        )
        lines.append(f"{minute_words(minutes)} of running{than}.")
    scores = [item.worst for item in days if item.worst is not None]
    masked = sum(item.n_masked for item in days)
    if scores:
        with_killer = f", {counted(masked, 'score')} with a painkiller" if masked else ""
        lines.append(f"Worst pain {max(scores)} of 10{with_killer}.")
    else:
        lines.append("No pain score.")
    return tuple(lines)
