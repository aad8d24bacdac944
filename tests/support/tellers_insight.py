"""What a runner's own history says: patterns, trends, trials, weeks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from support.report_sources import PROTOCOL
from support.telling import NOW, Said, teller
from tallrun.insight import experiment as trial
from tallrun.insight.crossing import MORE_WORDS, Estimate, LagResult, cross
from tallrun.insight.trends import morning_trend
from tallrun.insight.weeks import WeekDay, week_start, weeks


@teller()
def patterns() -> Said:
    def told(estimates: Iterable[tuple[str, float, float]], n: int) -> str:
        return LagResult("h24", n, {}, tuple(Estimate(*item) for item in estimates), {}).sentence

    return {
        "holds": [
            told([(column, sign, 0.01)], 14)
            for column in (*MORE_WORDS, "new_column_m")
            for sign in (0.5, -0.5)
        ],
        "fails": [told([("run_minutes", 0.1, 0.6)], 14)],
        "unknown": [told([], n) for n in (0, 1, 11, 12, 40)],
        "empty": [item.sentence for item in cross([])],
        "contradictory": [told([("run_minutes", 0.5, 0.01), ("distance_m", -0.5, 0.02)], 14)],
    }


@teller()
def trends() -> Said:
    def told(scores: Iterable[int], days: int = 7) -> str:
        return morning_trend(
            PROTOCOL, [(10 + k, score) for k, score in enumerate(scores)], 16, days=days
        ).sentence

    return {
        "holds": [
            told((0, 1, 2, 3, 4, 5, 6)),
            told((6, 5, 4, 3, 2, 1, 0)),
            told((1, 1, 2, 1, 2, 2, 2)),
            told((3, 0, 4, 1)),
        ],
        "fails": [told((2, 2, 2, 2, 2, 2, 2))],
        "unknown": [told((2,)), told((2, 3)), told((2, 3, 2, 3), 28)],
        "empty": [told(())],
        "contradictory": [told((0, 10, 0, 10, 0, 10, 0))],
    }


@teller()
def trial_findings() -> Said:
    plan = trial.register("own cadence", "cued cadence", 6, 3)

    def told(scores: Iterable[int | None], **more: bool) -> str:
        runs = [trial.Outcome(way, score) for way, score in zip(plan.order, scores, strict=False)]
        return trial.words_of(plan, trial.judge(plan, runs, **({"stopped_for_pain": False} | more)))

    cued = [1 if way == "B" else 4 for way in plan.order]
    return {
        "holds": [told(cued), told([5 - score for score in cued])],
        "fails": [told([1, 2] * 6)],
        "unknown": [told([None] * 12), told([2] * 3 + [None] * 9)],
        "empty": [told([]), told([], closed=True)],
        "contradictory": [told(cued, stopped_for_pain=True), told([2] * 12, closed=True)],
    }


@teller(r"worst pain")
def calendar_of_weeks() -> Said:
    def told(*days: WeekDay, over: bool = True) -> list[str]:
        at = NOW.date() + timedelta(days=20 if over else 0)
        found = weeks({item.day: item for item in days}, at, 4 if over else 1)
        return [text for week in found for text in week.sentences]

    first = week_start(NOW.date())
    day = WeekDay(first, ("V4",), n_runs=1, n_walks=1, run_minutes=12.0, worst=3, n_masked=1)
    next_week = replace(day, day=first + timedelta(days=7), run_minutes=20.0)
    return {
        "holds": [
            *told(day, next_week),
            *told(day, over=False),
            *told(replace(day, planned=(), n_advised=1)),
            *told(replace(day, n_advised=1)),
        ],
        "fails": told(day, replace(next_week, n_runs=0, n_walks=0, run_minutes=0.0)),
        "unknown": told(replace(day, worst=None, n_masked=0)),
        "empty": told(),
        "contradictory": told(replace(day, planned=(), run_minutes=0.0), next_week),
    }
