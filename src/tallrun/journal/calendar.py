"""The calendar of weeks that Today and Recovery show."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

from tallrun.insight.weeks import DAYS, WeekDay, weeks
from tallrun.journal.advice import plans
from tallrun.journal.desk import Records
from tallrun.journal.shown import read_shown
from tallrun.journal.today import strip
from tallrun.recovery.rungs import is_against_advice, is_walk
from tallrun.recovery.timeline import Clock


def calendar_weeks(mine: Records, count: int = 2) -> list[dict[str, Any]]:
    """Return the last weeks up to the end of this one, oldest first: each day planned and done, and sentences."""
    clock = Clock(mine.zone.key, mine.protocol.windows.day_starts_hour)
    today = date.fromordinal(clock.day(mine.now.timestamp()))
    n_days = DAYS * (count + 1)
    known: dict[date, WeekDay] = {}
    for row in strip(mine, n_days):
        scores = row["scores"]
        known[row["date"]] = WeekDay(
            row["date"], run_minutes=row["run_minutes"], walk_minutes=row["walk_minutes"],
            worst=max((item["score"] for item in scores), default=None),
            n_masked=sum(item["masked"] for item in scores), n_exercises=row["exercises"],
        )  # fmt: skip
    history = mine.store.history(mine.runner_id, mine.now)
    for run in history.sessions:
        day = date.fromordinal(clock.day(run.started_at.timestamp()))
        if day in known and run.started_at <= mine.now:
            walked = is_walk(mine.protocol, run)
            was = known[day]
            as_told = (
                run.advised is not None
                and run.advised.state in ("RUN", "WALK")
                and not is_against_advice(mine.protocol, run, run.advised, history.runner)
            )
            known[day] = replace(
                was,
                n_runs=was.n_runs + (not walked),
                n_walks=was.n_walks + walked,
                n_advised=was.n_advised + as_told,
            )
    for plan in plans(mine, n_days):
        day = _local_date(plan["starts_at"], mine)
        was = known.get(day, WeekDay(day, is_ahead=day > today))
        words = plan["rung"] or ("run" if plan["run_minutes"] is None else f"{plan['run_minutes']:.0f} min")
        # what a plan foresaw is held against the plan, not against the advice
        known[day] = replace(was, planned=(*was.planned, words), n_advised=max(0, was.n_advised - 1))
    found = weeks(known, today, count, read_shown(mine.store).week_starts)
    return [
        {
            "days": [asdict(day) | {"n_met": day.n_met, "is_today": day.day == today} for day in week.days],
            "sentences": list(week.sentences),
        }
        for week in found
    ]


def _local_date(at: datetime, mine: Records) -> date:
    return (at.astimezone(mine.zone) - timedelta(hours=mine.protocol.windows.day_starts_hour)).date()
