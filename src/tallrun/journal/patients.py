"""All runners of one data folder as a clinician's list: who needs to be looked at first, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tallrun.errors import TallrunError
from tallrun.insight.pain import pain_after
from tallrun.journal.advice import advise
from tallrun.journal.desk import Records
from tallrun.recovery.model import History
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.timeline import Clock
from tallrun.recovery.wording import state_name
from tallrun.report.pages import day_words
from tallrun.store import Store

#: Mornings drawn beside a name, those looked at for missing ones, and how many may be missing.
SHOWN_MORNINGS, LOOKED_AT_MORNINGS, MAY_MISS = 14, 7, 1
#: A score above the limit is told for so long; silence is told after so many days without any entry.
OVER_DAYS, SILENT_DAYS = 3, 3
#: Flags of an older recording say nothing of today.
FLAG_DAYS = 28
#: The gravest first; within a kind the longer list of alerts comes first.
_WEIGHT = {
    "unreadable": 5, "red_flag": 4, "over_limit": 3, "red_run": 2, "no_reply": 1, "missed_mornings": 1,
    "gait_flag": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """One reason to look. kind : a key of the weights. text : one sentence with its number."""

    kind: str
    text: str


def patients(store: Store, now: datetime) -> list[dict[str, Any]]:
    """Return every runner with side, stage, last run, mornings and alerts, the one in greatest need first.

    Mornings are scores by local date, null where none was given: missing is never 0. A runner whose records cannot be
    read is listed with that as the alert.
    """
    rows = [
        _patient(Records(store, runner_id, now), code) for code, runner_id in store.runner_codes().items()
    ]
    return sorted(rows, key=lambda row: (-_need(row), row["code"].casefold()))


def _need(row: dict[str, Any]) -> float:
    weights = [_WEIGHT[item["kind"]] for item in row["alerts"]]
    return max(weights, default=0) + 0.1 * len(weights)


def _patient(mine: Records, code: str) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "code": code, "side": None, "site": None, "state": None, "name": None, "rung": None, "phase": None,
        "last_run_at": None, "last_run_minutes": None, "last_grade": None, "mornings": [], "alerts": [],
    }  # fmt: skip
    try:
        protocol = mine.protocol
        runner = mine.runner
        found = advise(mine, mine.local_now.isoformat())
        history = mine.store.history(mine.runner_id, mine.now)
    except TallrunError as error:
        return empty | {"alerts": [asdict(Alert("unreadable", str(error)))]}
    graded = pain_after(protocol, history, mine.now)
    runs = sorted(
        (run for run in history.sessions if run.started_at <= mine.now), key=lambda run: run.started_at
    )
    grades = {item.session_id: item.grade for item in graded}
    last = runs[-1] if runs else None
    grade = None if last is None else grades.get(last.session_id)
    clock = Clock(mine.zone.key, protocol.windows.day_starts_hour)
    mornings = _mornings(history, clock, mine.now)
    alerts = [
        *_flags(found.state, found.rules, protocol),
        *_over(history, protocol, mine.now, mine.zone),
        *([red_run(last.started_at.astimezone(mine.zone).date(), is_walk=last.rung == "V0")]
          if last is not None and grade == "RED" else []),
        *_silent(history, mine.now),
        *_missed(mornings),
        *_last_flags(mine),
    ]  # fmt: skip
    return empty | {
        "side": runner.side, "site": runner.site, "state": found.state,
        "name": state_name(protocol, found.state, found.rules), "rung": found.rung,
        "phase": found.inputs.get("exercise_phase"),
        "last_run_at": None if last is None else last.started_at,
        "last_run_minutes": None if last is None else last.minutes, "last_grade": grade,
        "mornings": mornings, "alerts": [asdict(item) for item in alerts],
    }  # fmt: skip


def red_run(day: date, *, is_walk: bool) -> Alert:
    """Say that the last run or walk was graded RED."""
    return Alert("red_run", f"The last {'walk' if is_walk else 'run'}, on {day_words(day)}, was graded RED.")


def _flags(state: str, rules: tuple[str, ...], protocol: Protocol) -> list[Alert]:
    if state != "REFER":
        return []
    told = protocol.texts.rules.get(rules[0], "") if rules else ""
    return [Alert("red_flag", f"Red flag: {told or 'the screening asks for a doctor.'}")]


def _over(history: History, protocol: Protocol, now: datetime, zone: ZoneInfo) -> list[Alert]:
    limit = protocol.pain.green_limit
    recent = [
        row
        for row in history.scores
        if now - timedelta(days=OVER_DAYS) <= row.at <= now and row.score > limit
    ]
    if not recent:
        return []
    worst = max(recent, key=lambda row: (row.score, row.at))
    day = day_words(worst.at.astimezone(zone))
    return [Alert("over_limit", f"Pain {worst.score} of 10 on {day}, over the limit of {limit}.")]


def _silent(history: History, now: datetime) -> list[Alert]:
    entered = [row.at for row in history.scores if row.at <= now]
    entered += [row.at for row in history.exercises if row.at <= now]
    entered += [run.ended_at for run in history.sessions if run.ended_at <= now]
    if not entered:
        return [Alert("no_reply", "Nothing was entered yet.")]
    days = (now - max(entered)).days
    return [Alert("no_reply", f"No reply for {days} days.")] if days >= SILENT_DAYS else []


def gait_flags(day: date, flags: Iterable[str]) -> list[Alert]:
    """Name the flags of the newest analysed recording: how somebody ran, not how it hurt."""
    names = ", ".join(sorted({flag.replace("_", " ") for flag in flags}))
    return [Alert("gait_flag", f"Flag in the last recording, of {day_words(day)}: {names}.")] if names else []


def _last_flags(mine: Records) -> list[Alert]:
    recent = mine.store.sessions(mine.runner_id, since=mine.now - timedelta(days=FLAG_DAYS))
    analysed = [row for row in recent if row.summary and row.started_at <= mine.now]
    if not analysed:
        return []
    last = analysed[-1]
    day = last.started_at.astimezone(mine.zone).date()
    return gait_flags(day, (str(item["flag"]) for item in last.summary.get("flags") or []))


def _mornings(history: History, clock: Clock, now: datetime) -> list[dict[str, Any]]:
    today = clock.day(now.timestamp())
    worst: dict[int, int] = {}
    for row in history.scores:
        if row.kind == "morning" and row.at <= now:
            day = clock.day(row.at.timestamp())
            worst[day] = max(worst.get(day, 0), row.score)
    return [
        {"date": datetime.fromordinal(day).date(), "score": worst.get(day)}
        for day in range(today - SHOWN_MORNINGS + 1, today + 1)
    ]


def _missed(mornings: list[dict[str, Any]]) -> list[Alert]:
    # today's may still come
    looked_at = mornings[-LOOKED_AT_MORNINGS - 1 : -1]
    missing = sum(row["score"] is None for row in looked_at)
    if missing <= MAY_MISS:
        return []
    return [Alert("missed_mornings", f"{missing} of the {len(looked_at)} mornings before today are missing.")]
