"""Everything the first page shows: the verdict card, what is due, fourteen days, the exercise of the phase."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from tallrun.insight.due import Due, everything_due
from tallrun.insight.pain import pain_after
from tallrun.journal import entries
from tallrun.journal.advice import (
    advise,
    contract,
    dose_of,
    inputs_in_words,
    lead_count,
    news,
    offers_walk,
    reasons,
    why,
    yesterdays,
)
from tallrun.journal.desk import Records
from tallrun.journal.offers import careful_verdict, offered
from tallrun.recovery.exercise import exercise_phase
from tallrun.recovery.rungs import run_minutes
from tallrun.recovery.timeline import Clock
from tallrun.recovery.verdicts import Verdict
from tallrun.recovery.wording import state_name

STRIP_DAYS = 14
#: What is done rather than answered.
_ON_FOOT = ("walk", "run")
DOINGS = (*_ON_FOOT, "strength")
_JUST_NOW = timedelta(minutes=1)


def today(mine: Records) -> dict[str, Any]:
    """Return verdict, due questions, strip and exercise as plain values.

    ``exercise`` is None where the verdict refers to a doctor or clinician: then there is no other advice.
    """
    verdict = card(mine)
    return {
        "runner": who(mine),
        "verdict": verdict,
        "due": due(mine),
        "strip": strip(mine),
        "exercise": None if verdict["state"] in ("REFER", "CLINICIAN") else exercise(mine),
    }


def who(mine: Records) -> dict[str, Any]:
    """Return side, site and time zone of the runner."""
    runner = mine.runner
    return {"side": runner.side, "site": runner.site, "time_zone": runner.time_zone}


def card(mine: Records) -> dict[str, Any]:
    """Return the verdict with its dose in blocks, its reasons and what it looked at."""
    found = advise(mine)
    protocol = mine.protocol
    before = yesterdays(mine, found)
    return contract(found) | {
        "reason": why(found, before, protocol),
        "news": list(news(found, before, protocol)),
        "name": state_name(protocol, found.state, found.rules),
        "n_lead": lead_count(found),
        "sentences": list(found.sentences),
        "run_minutes": found.run_minutes,
        "offers_walk": offers_walk(found, protocol),
        "dose": [asdict(part) for part in dose_of(found, protocol)],
        "reasons": reasons(found, protocol),
        "looked_at": [{"what": what, "value": value} for what, value in inputs_in_words(found, protocol)],
    }


def due(mine: Records) -> list[dict[str, Any]]:
    """Return the questions that are open or coming, by the time they close; the morning names its bridge test."""
    return due_at(mine, mine.now)


def all_due(mine: Records, at: datetime) -> tuple[Due, ...]:
    """Return everything due at a moment: open questions, runs to count, what there is to do, then what comes later."""
    found = everything_due(mine.protocol_at(at), mine.store.history(mine.runner_id, mine.now), at)
    runs = offered(mine, at)
    # A run that is done is counted before the next one is done or logged a second time.
    asked = [item for item in found if item.is_open(at) and item.question not in DOINGS]
    if any(item.question in _ON_FOOT for item in found):
        advised = careful_verdict(mine, at, mine.store.history(mine.runner_id, mine.now))
        found = tuple(item for item in found if _is_allowed(item, advised))
    return (*asked, *runs, *(item for item in found if item not in asked))


def _is_allowed(item: Due, advised: Verdict) -> bool:
    """Tell whether today's advice, held back by runs that wait, lets somebody do what is due."""
    if item.question == "run":
        return advised.state == "RUN" and item.form is not None and item.form.body["rung"] == advised.rung
    return item.question != "walk" or advised.state not in ("REFER", "CLINICIAN", "REST48")


def due_at(mine: Records, at: datetime) -> list[dict[str, Any]]:
    """Return what is due at a moment, with the form of each answer, as plain values.

    Of an earlier moment the forms say when it was: an answer sent without that would be one of now.
    """
    found = all_due(mine, at)
    rows = [asdict(item) | {"open": item.is_open(at)} for item in found]
    if at < mine.now - _JUST_NOW:
        for row in rows:
            _dated(row["form"], at.astimezone(mine.zone))
    for row in rows:
        if row["form"]["path"] == "/api/setup":
            row["form"]["body"]["code"] = mine.code
    return rows


def _dated(form: dict[str, Any], at: datetime) -> None:
    """Put the time into a form that would take now: a run began its minutes before it is told."""
    if form["path"] not in ("/api/pain", "/api/runs", "/api/exercises") or "at" in form["body"]:
        return
    began = at - timedelta(minutes=form["body"]["minutes"]) if form["path"] == "/api/runs" else at
    told = began.isoformat(timespec="minutes")
    form["body"] = {**form["body"], "at": told}
    form["asks"] = {name: kind for name, kind in form["asks"].items() if name != "at"}
    form["command"] += f" --at {told}"


def strip(mine: Records, days: int = STRIP_DAYS) -> list[dict[str, Any]]:
    """Return one row a local date, oldest first: minutes run and walked, grades, scores, strength sessions.

    Minutes are 0 where no run was logged; a score that was not given is absent, never 0.
    """
    protocol, zone = mine.protocol, mine.zone
    clock = Clock(zone.key, protocol.windows.day_starts_hour)
    last = clock.day(mine.now.timestamp())
    history = mine.store.history(mine.runner_id, mine.now)
    rows: dict[int, dict[str, Any]] = {
        day: {
            "date": date.fromordinal(day), "run_minutes": 0.0, "walk_minutes": 0.0, "grades": [], "scores": [],
            "exercises": 0,
        }
        for day in range(last - days + 1, last + 1)
    }  # fmt: skip
    graded = {item.session_id: item for item in pain_after(protocol, history, mine.now)}
    for run in history.sessions:
        row = rows.get(clock.day(run.started_at.timestamp()))
        if row is None or run.started_at > mine.now:
            continue
        minutes = run_minutes(run)
        row["run_minutes"] += minutes
        row["walk_minutes"] += max(run.minutes - minutes, 0.0)
        if run.session_id in graded:
            item = graded[run.session_id]
            row["grades"].append(
                {
                    "session_id": run.session_id, "grade": item.grade, "rule": item.rule,
                    "text": protocol.texts.grades[item.grade],
                }
            )  # fmt: skip
    for score in history.scores:
        row = rows.get(clock.day(score.at.timestamp()))
        if row is not None and score.at <= mine.now:
            row["scores"].append(
                {
                    "kind": score.kind,
                    "score": score.score,
                    "at": score.at,
                    "masked": score.painkiller != "none",
                }
            )
    moves: dict[int, set[str]] = defaultdict(set)
    for done in history.exercises:
        moves[clock.day(done.at.timestamp())].add(done.name)
    for day, names in moves.items():
        if day in rows:
            rows[day]["exercises"] = len(names)
    return list(rows.values())


def exercise(mine: Records) -> dict[str, Any]:
    """Return the phase, its exercises with doses, and how often each was done today and in 7 days."""
    protocol = mine.protocol
    plan = exercise_phase(protocol, mine.store.history(mine.runner_id, mine.now), mine.now)
    logged = entries.exercises(mine, 7)
    clock = Clock(mine.zone.key, protocol.windows.day_starts_hour)
    day = clock.day(mine.now.timestamp())
    done_today = {item.name: item.exercise_id for item in logged if clock.day(item.at.timestamp()) == day}
    since = mine.now - timedelta(days=7)
    return {
        "phase": plan.phase,
        "title": plan.title,
        "goal": plan.goal,
        "sentences": list(plan.sentences),
        "rules": list(plan.rules),
        "sources": list(plan.sources),
        "greens_in_a_row": plan.greens_in_a_row,
        "sessions_in_7_days": plan.sessions_in_7_days,
        "exercises": [
            {
                "name": dose.name,
                "dose": dose.dose,
                "per_week": dose.per_week,
                "source": dose.source,
                "done_today": done_today.get(dose.name),
                "done_7d": sum(item.name == dose.name and item.at >= since for item in logged),
            }
            for dose in plan.exercises
        ],
    }
