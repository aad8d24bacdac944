"""An experiment of one runner: opened, its next run revealed, its runs answered, closed and told.

The order lies sealed in the records and is revealed run by run; the key and the whole order are told at the end, so
that anybody can check the seal. The rules of every day outrank it: where the day allows no run at its dose it waits,
and a red session ends it.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tallrun.errors import EntryError
from tallrun.insight.experiment import (
    LEAST_PAIRS,
    MOST_PAIRS,
    Finding,
    Outcome,
    Registration,
    judge,
    pairs_needed,
    register,
    words_of,
)
from tallrun.insight.pain import SessionPain, pain_after, unmasked_mornings
from tallrun.journal.advice import advise
from tallrun.journal.desk import NotThereError, Records
from tallrun.journal.entries import visa_h
from tallrun.recovery.course import Course
from tallrun.recovery.model import RUNGS, RunSession
from tallrun.recovery.timeline import Clock, Timeline
from tallrun.store.models import ExperimentRow

#: What a runner may try alone: the first change of gait of the plan. Any other two ways need a clinician.
RUNNERS_WAYS = ("own cadence", "cued cadence")
#: A pair whose two counted runs lie further apart tells of two different times, so it counts as missing.
PAIR_DAYS = 14
#: A VISA-H form so many days before the opening stands for the time before.
FORM_DAYS = 14


@dataclass(frozen=True)
class Opened:
    """An experiment of the record. rung, run_minutes : its dose. runs : (session id, run as told) as answered."""

    experiment_id: str
    opened_at: datetime
    by: str
    plan: Registration
    rung: str
    run_minutes: float
    load_test: str
    runs: tuple[tuple[str, bool], ...]
    closed_at: datetime | None
    closed_why: str | None


def open_one(
    mine: Records, *, by: str, way_a: str = RUNNERS_WAYS[0], way_b: str = RUNNERS_WAYS[1], washout_runs: int = 0,
    worthwhile: float = 1.0, key: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Fix and seal an experiment at today's level; its length follows from this runner's own mornings after runs.

    key : the seed of the order; drawn if None. Raises EntryError where one is open, the day is no running day, the last
    session was not green, the ways are not the runner's to choose, or no length can be reckoned.
    """
    current = _latest(mine)
    if current is not None and current.closed_at is None:
        raise EntryError("A trial is open already; close it first.")
    if by == "runner" and (way_a, way_b) != RUNNERS_WAYS:
        raise EntryError(
            "A runner may try cued cadence against own cadence; other ways need a clinician's name."
        )
    if not way_a.strip() or not way_b.strip() or way_a.strip() == way_b.strip():
        raise EntryError("Name two different ways of running.")
    if not 0 <= washout_runs <= 3 or not 0.5 <= worthwhile <= 5.0:
        raise EntryError("A wash-out has 0 to 3 runs, and a difference worth finding 0.5 to 5 points.")
    today = advise(mine)
    if today.state != "RUN" or today.rung is None or today.run_minutes is None:
        raise EntryError("A trial opens on a day with a run in the plan; today has none.")
    pains = pain_after(mine.protocol, mine.store.history(mine.runner_id, mine.now), mine.now)
    if not pains or pains[-1].grade != "GREEN":
        raise EntryError("A trial opens after a green session; the last one was not.")
    test = _due_test(mine)
    after = _mornings_after(mine, test)
    scores = [
        score
        for run in mine.store.runs(mine.runner_id)
        if run.rung == today.rung and (score := after(run)) is not None
    ]
    n_pairs = _length(scores, worthwhile, today.rung)
    plan = register(
        way_a.strip(), way_b.strip(), n_pairs, secrets.randbits(120) if key is None else key,
        washout_runs=washout_runs, worthwhile=worthwhile,
    )  # fmt: skip
    kept = asdict(plan) | {
        "order": "".join(plan.order), "key": str(plan.key), "rung": today.rung, "run_minutes": today.run_minutes,
        "load_test": test,
    }  # fmt: skip
    mine.store.add_row(
        ExperimentRow, mine.runner_id, at=mine.local_now, by=by, now=mine.now, registration=kept, runs=[],
        closed_at=None, closed_why=None,
    )  # fmt: skip
    return status(mine)


def _length(scores: list[int], worthwhile: float, rung: str) -> int:
    if len(scores) < LEAST_PAIRS:
        raise EntryError(
            f"A trial's length is reckoned from {LEAST_PAIRS} next-morning scores after runs at {rung}; "
            f"there are {len(scores)}."
        )
    if len(set(scores)) == 1:
        raise EntryError(
            f"Your mornings after runs at {rung} were all {scores[0]}; how many runs a trial needs cannot be reckoned."
        )
    n_pairs = pairs_needed(scores, worthwhile)
    if n_pairs is None:
        raise EntryError(
            f"Your mornings differ so much from run to run that {2 * MOST_PAIRS} runs would not be enough to find "
            f"{worthwhile:g} points; a trial would tell nothing."
        )
    return n_pairs


def answer(mine: Records, *, as_told: bool, by: str, session_id: str | None = None) -> dict[str, Any]:
    """Say whether a run was run as told; only then it counts. session_id : None is the last run of the record.

    Raises EntryError when no trial is open, or the run was before it, is answered already, or was not at its dose.
    """
    found = _open(mine)
    since = [run for run in mine.store.runs(mine.runner_id) if run.started_at >= found.opened_at]
    if session_id is not None:
        since = [run for run in since if run.session_id == session_id]
    answered = {name for name, _ in found.runs}
    run = max((run for run in since if run.rung != "V0"), key=lambda item: item.started_at, default=None)
    if run is None:
        raise NotThereError("There is no such run since the trial was opened.")
    if run.session_id in answered:
        raise EntryError("This run is answered already.")
    last = [item for item in mine.store.runs(mine.runner_id) if item.session_id in answered]
    if last and run.started_at < max(item.started_at for item in last):
        raise EntryError("A later run is answered already; a trial's runs are answered in their order.")
    state = status(mine)
    if state["state"] in ("ended", "finished"):
        raise EntryError("The trial has ended; close it.")
    if as_told and (reason := _off_dose(mine, found, run)):
        raise EntryError(f"{reason} Say that it was not run as told; it does not count then.")
    mine.store.supersede(
        ExperimentRow, mine.runner_id, found.experiment_id, by=by, now=mine.now,
        runs=[*({"session_id": name, "as_told": told} for name, told in found.runs),
              {"session_id": run.session_id, "as_told": as_told}],
    )  # fmt: skip
    return status(mine)


def close(mine: Records, *, by: str, why: str = "") -> dict[str, Any]:
    """End the open trial and tell what it says as registered; one closed before its last run tells nothing."""
    found = _open(mine)
    mine.store.supersede(
        ExperimentRow, mine.runner_id, found.experiment_id, by=by, now=mine.now, closed_at=mine.local_now,
        closed_why=why.strip()[:500] or None,
    )  # fmt: skip
    return status(mine)


def status(mine: Records) -> dict[str, Any]:
    """Return where the newest trial stands, as plain values.

    state : ``none``, ``open``, ``waiting`` (the day allows no run at its dose), ``ended`` (a red session),
    ``finished`` or ``closed``. next : way and words of the next run, None where there is none now. The order and its
    key are told only of a finished, ended or closed trial.
    """
    found = _latest(mine)
    if found is None:
        return {"state": "none", "sentences": ["No trial is open."]}
    steps, done = found.plan.steps, [name for name, told in found.runs if told]
    reds = _reds_since(mine, found)
    finding = _finding(mine, found, bool(reds))
    outcomes_open = _awaits_morning(mine, found)
    if found.closed_at is not None:
        state = "closed"
    elif reds:
        state = "ended"
    elif len(done) >= len(steps):
        state = "waiting" if outcomes_open else "finished"
    else:
        state = "open"
    upcoming = None
    if state == "open":
        today = advise(mine)
        allowed = (
            today.state == "RUN"
            and today.rung is not None
            and RUNGS.index(today.rung) >= RUNGS.index(found.rung)
        )
        if allowed:
            way, counts = steps[len(done)]
            name = found.plan.way_a if way == "A" else found.plan.way_b
            upcoming = {"way": name, "counts": counts, "rung": found.rung, "run_minutes": found.run_minutes}
        else:
            state = "waiting"
    is_over = state in ("ended", "finished", "closed")
    told = standing(state, upcoming, len(done), len(steps), words_of(found.plan, finding) if is_over else "")
    return {
        "experiment_id": found.experiment_id, "state": state, "opened_at": found.opened_at, "opened_by": found.by,
        "way_a": found.plan.way_a, "way_b": found.plan.way_b, "rung": found.rung, "run_minutes": found.run_minutes,
        "n_pairs": found.plan.n_pairs, "washout_runs": found.plan.washout_runs, "worthwhile": found.plan.worthwhile,
        "load_test": found.load_test, "seal": found.plan.seal, "runs_done": len(done), "runs_in_all": len(steps),
        "next": upcoming, "closed_at": found.closed_at, "closed_why": found.closed_why,
        "visa_h": _forms(mine, found),
        "finding": asdict(finding) if is_over else None,
        "order": "".join(found.plan.order) if is_over else None, "key": str(found.plan.key) if is_over else None,
        "sentences": told,
    }  # fmt: skip


def standing(
    state: str, upcoming: dict[str, Any] | None, n_done: int, n_in_all: int, finding: str
) -> list[str]:
    """Say where a trial stands. upcoming : its next run, None for none now. finding : of one that is over."""
    told = []
    if upcoming is not None:
        told.append(
            f"Next run: {upcoming['way']}, level {upcoming['rung']}, {upcoming['run_minutes']:g} min of running. "
            + ("It counts." if upcoming["counts"] else "It is for getting used to it and does not count.")
        )
    elif state == "waiting" and n_done < n_in_all:
        told.append(
            "Today's plan allows no run at the trial's dose, so the trial waits. The plan comes first."
        )
    elif state == "waiting":
        told.append("All runs are done. The morning after the last one is still to come.")
    elif state == "ended":
        told.append("A red session came, so the trial has ended. Close it.")
    if finding:
        told.append(finding)
    return [*told, f"Runs done: {n_done} of {n_in_all}."]


def _latest(mine: Records) -> Opened | None:
    rows = mine.store.entries(ExperimentRow, mine.runner_id)
    if not rows:
        return None
    row = max(rows, key=lambda item: (item.at, item.entered_at))
    kept = row.registration
    plan = Registration(
        kept["way_a"], kept["way_b"], tuple(kept["order"]), kept["n_pairs"], kept["washout_runs"],
        kept["worthwhile"], int(kept["key"]), kept["seal"],
    )  # fmt: skip
    return Opened(
        row.experiment_id, row.at, row.entered_by, plan, kept["rung"], kept["run_minutes"], kept["load_test"],
        tuple((item["session_id"], item["as_told"]) for item in row.runs), row.closed_at, row.closed_why,
    )  # fmt: skip


def _open(mine: Records) -> Opened:
    found = _latest(mine)
    if found is None or found.closed_at is not None:
        raise NotThereError("No trial is open.")
    return found


def _off_dose(mine: Records, found: Opened, run: RunSession) -> str | None:
    """Return why a run was not at the registered dose; the limits are those of "as advised" and of a whole session."""
    ladder = mine.protocol.ladder
    if run.rung != found.rung:
        return f"The trial's runs are at level {found.rung}; this one was {run.rung or 'at no level'}."
    ran, dose = run.run_minutes, found.run_minutes
    if ran is None or not ladder.complete_share * dose <= ran <= ladder.as_advised_share * dose:
        had = "an unknown time" if ran is None else f"{ran:g} min"
        return f"The trial's runs have {dose:g} min of running; this one had {had}."
    return None


def _outcomes(mine: Records, found: Opened) -> list[Outcome]:
    """Next-morning scores of the counted runs, in order; None for both of a pair that was torn apart."""
    after = _mornings_after(mine, found.load_test)
    runs = {run.session_id: run for run in mine.store.runs(mine.runner_id)}
    done = [runs.get(name) for name, told in found.runs if told]
    counted = [(way, run) for (way, counts), run in zip(found.plan.steps, done, strict=False) if counts]
    outcomes = []
    for place, (way, run) in enumerate(counted):
        pair = [item for _, item in counted[place - place % 2 : place - place % 2 + 2] if item is not None]
        apart = (
            max(item.started_at for item in pair) - min(item.started_at for item in pair)
            if pair
            else timedelta(0)
        )
        is_torn = apart > timedelta(days=PAIR_DAYS)
        outcomes.append(Outcome(way, None if run is None or is_torn else after(run)))
    return outcomes


def _finding(mine: Records, found: Opened, is_red: bool) -> Finding:
    return judge(
        found.plan, _outcomes(mine, found), stopped_for_pain=is_red, closed=found.closed_at is not None
    )


def _awaits_morning(mine: Records, found: Opened) -> bool:
    """Tell whether the morning after the last counted run can still come."""
    runs = {run.session_id: run for run in mine.store.runs(mine.runner_id)}
    done = [runs[name] for name, told in found.runs if told and name in runs]
    if not done or _mornings_after(mine, found.load_test)(done[-1]) is not None:
        return False
    clock = _clock(mine)
    closes = clock.starts_s(
        clock.day(done[-1].started_at.timestamp()) + 1, mine.protocol.windows.morning_until_hour
    )
    return mine.now.timestamp() <= closes


def _reds_since(mine: Records, found: Opened) -> list[SessionPain]:
    """Red sessions from the opening on, until the end where there is one."""
    last = found.closed_at or mine.now
    history = mine.store.history(mine.runner_id, mine.now)
    return [
        item
        for item in pain_after(mine.protocol, history, mine.now)
        if item.grade == "RED" and found.opened_at <= item.started_at <= last
    ]


def _mornings_after(mine: Records, test: str) -> Any:
    history = mine.store.history(mine.runner_id, mine.now)
    known = dict(unmasked_mornings(mine.protocol, history, mine.now, days=366, load_test=test))
    clock = _clock(mine)
    return lambda run: known.get(date.fromordinal(clock.day(run.started_at.timestamp()) + 1))


def _due_test(mine: Records) -> str:
    history = mine.store.history(mine.runner_id, mine.now)
    return Course(Timeline(mine.protocol, history, mine.now)).due_test(mine.now.timestamp())


def _clock(mine: Records) -> Clock:
    return Clock(mine.zone.key, mine.protocol.windows.day_starts_hour)


def _forms(mine: Records, found: Opened) -> dict[str, int | None]:
    """VISA-H before and since, told beside the finding: two forms are too few to be judged."""
    forms = [form for form in visa_h(mine) if found.closed_at is None or form.at <= found.closed_at]
    earliest = found.opened_at - timedelta(days=FORM_DAYS)
    before = [form.total for form in forms if earliest <= form.at <= found.opened_at]
    since = [form.total for form in forms if form.at > found.opened_at]
    return {"before": before[-1] if before else None, "since": since[-1] if since else None}
