"""Runs that something else than ``tallrun run`` wrote: offered to the record, counted, merged with one that is there.

A session of the index waits until it is counted, is the same run as one in the record, or is left out by the runner.
While it waits no advice is freer than it would be with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from tallrun.errors import EntryError, TallrunError
from tallrun.insight.due import Due, Form
from tallrun.insight.exposure import UPHILL_PCT
from tallrun.journal.begun import Begun, begun_runs
from tallrun.journal.desk import NotThereError, Records, read_instant
from tallrun.journal.entries import RunAnswers, keep_run
from tallrun.pipeline.tapped import NOTHING_TAPPED, Tapped, tapped_during
from tallrun.pipeline.unheard import unheard
from tallrun.pipeline.way import way_m
from tallrun.recovery.model import (
    RUNGS,
    STATES,
    SURFACES,
    Advice,
    History,
    PainScore,
    PlannedSession,
    RunSession,
)
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.rungs import V9, WARM_UP_MIN, intervals, run_minutes, whole_minutes
from tallrun.recovery.timeline import Clock
from tallrun.recovery.verdicts import Verdict, verdict
from tallrun.recovery.way_out import Condition
from tallrun.sessions import read_session
from tallrun.sessions.activity import watch_run
from tallrun.sessions.folder import read_info
from tallrun.store.checks import FASTEST_MPS, LONGEST_RUN
from tallrun.store.models import RunRow
from tallrun.store.store import IndexedSession

#: Offered so long after the run; older ones change no rule of today and are counted from the list of sessions.
OFFERED_DAYS = 42
#: A run that waits is held against today's advice so long.
CAREFUL_DAYS = 14
#: Two records of one run share at least this part of the shorter one.
_SAME_SHARE = 0.5
#: A typed run of the same date is like a session when its minutes differ by no more than the greater of these.
_LIKE_SHARE, _LIKE_MIN = 0.25, 10.0
#: A watch that saw more running than the record by over this share and so many minutes saw what the record missed.
_MORE_SHARE, _MORE_MIN = 0.1, 2.0
#: Running below this is the step onto the kerb of somebody who walks [min].
_LEAST_RUN_MIN = 1.0
#: Keys in the context of an index entry: the run of the record a session is another view of; not to be counted.
SAME_RUN_KEY, LEFT_OUT_KEY = "same_run_as", "left_out"
QUESTION = "count"


@dataclass(frozen=True)
class Waiting:
    """A session that the record of runs does not have.

    run : as it would be counted with nothing answered. by : watch or sensors. minutes : recorded, pauses left out.
    is_dated : whether the session says when it was. twin : a run of the record that may be the same one. plan : the
    advice of that day, where its length is all that speaks for it and the runner must say whether it was the plan.
    told : what was tapped while it went on; it is in ``run`` already, but for the scores.
    """

    row: IndexedSession
    run: RunSession
    by: str
    minutes: float
    is_dated: bool
    climb_m: float | None = None
    heart_rate_bpm: float | None = None
    twin: RunSession | None = None
    plan: Advice | None = None
    told: Tapped = NOTHING_TAPPED


@dataclass(frozen=True)
class Counted:
    """What became of a session. what : counted, merged or left_out. run_id : the run of the record it belongs to."""

    what: str
    run_id: str | None
    pain_scores: int = 0


def waiting(mine: Records, at: datetime, days: int = OFFERED_DAYS) -> tuple[Waiting, ...]:
    """Return the sessions of the last days that wait, newest first; of several views of one run the best.

    One that began but by its own clock ends later than ``at`` waits, too: it is held against the advice, not offered.
    """
    since = at - timedelta(days=days)
    rows = mine.store.entries(RunRow, mine.runner_id)
    known = {row.session_id for row in rows}
    found: list[Waiting] = []
    for entry in mine.store.sessions(mine.runner_id):
        if since <= entry.started_at <= at and not _is_settled(entry, known):
            item = _measured(mine, entry)
            if item is not None and not _merged(item, rows):
                found.append(item)
    found.sort(key=lambda item: (item.by == "sensors", item.minutes), reverse=True)
    best: list[Waiting] = []
    for item in found:
        if not any(_shared(item.run, other.run) >= _SAME_SHARE for other in best):
            best.append(_placed(mine, item, rows))
    return tuple(sorted(best, key=lambda item: item.run.started_at, reverse=True))


def _is_settled(entry: IndexedSession, known: set[str]) -> bool:
    return (
        entry.session_id in known
        or entry.context.get(SAME_RUN_KEY) in known
        or bool(entry.context.get(LEFT_OUT_KEY))
    )


def _merged(item: Waiting, rows: Sequence[Any]) -> str | None:
    """Return the id of the measured run this session is another view of; a typed run is asked about, not guessed."""
    views = [
        (share, row.session_id)
        for row in rows
        if row.source != "typed" and (share := _shared_s(item.run, row.at, row.ended_at)) >= _SAME_SHARE
    ]
    return max(views)[1] if views and item.is_dated else None


def _shared(one: RunSession, other: RunSession) -> float:
    return _shared_s(one, other.started_at, other.ended_at)


def _shared_s(run: RunSession, start: datetime, end: datetime) -> float:
    """Return the common time of two runs as a share of the shorter one."""
    both = (min(run.ended_at, end) - max(run.started_at, start)).total_seconds()
    shorter = min((run.ended_at - run.started_at).total_seconds(), (end - start).total_seconds())
    return both / shorter if shorter > 0.0 and both > 0.0 else 0.0


def _measured(mine: Records, entry: IndexedSession) -> Waiting | None:
    """Return what a session says of its run; None when it cannot be read, holds no time or lies in the future."""
    try:
        facts = _facts(entry.folder, (entry.folder / "session.json").stat().st_mtime_ns)
        if facts is None or not 0.0 < facts["duration_s"] <= LONGEST_RUN.total_seconds():
            return None
        start = entry.started_at.astimezone(mine.zone)
        told = tapped_during(facts["markers"], mine.protocol_at(start))
        run = RunSession(
            session_id=entry.session_id,
            started_at=start,
            ended_at=start + timedelta(seconds=facts["duration_s"]),
            rung="V0" if facts["run_minutes"] == 0.0 else None,
            run_minutes=facts["run_minutes"],
            distance_m=facts["distance_m"],
            surface=facts["surface"],
            speed_mps=facts["fastest_mps"],
            incline_max_pct=facts["incline_max_pct"],
            limping=True if told.limped else None,
            stop_reason="pain" if told.stopped else "none",
            live_rules=told.rules,
        )
    except (TallrunError, OSError, ValueError, OverflowError):
        return None
    return Waiting(
        entry,
        run,
        facts["by"],
        facts["minutes"],
        facts["is_dated"],
        facts["climb_m"],
        facts["heart_rate_bpm"],
        told=told,
    )


@lru_cache(maxsize=256)
def _facts(folder: Path, stamp_ns: int) -> dict[str, Any] | None:
    """Read what a session says of its run; ``run_minutes`` None where walking is not told from running."""
    info = read_info(folder)
    recording = read_session(folder)
    context = recording.context
    surface, kind = context.get("surface"), str(context.get("session_kind", "run"))
    facts: dict[str, Any] = {
        "surface": surface if surface in SURFACES else None, "is_dated": info.get("started_at") is not None,
        "markers": recording.markers,
        "distance_m": None, "fastest_mps": None, "incline_max_pct": None, "climb_m": None, "heart_rate_bpm": None,
    }  # fmt: skip
    if recording.sensors:
        # Long recordings are analysed once, when they are counted; until then all of it may have been running.
        end_s = max(
            (float(item.t_s[-1]) for item in recording.sensors.values() if item.t_s.size), default=0.0
        )
        return facts | {"by": "sensors", "duration_s": end_s, "minutes": end_s / 60.0, "run_minutes": None}
    watch = watch_run(recording)
    if watch is None:
        return None
    ran = watch.run_minutes
    if ran is not None and ran < _LEAST_RUN_MIN and watch.minutes > 2.0 * _LEAST_RUN_MIN:
        ran = 0.0
    elif ran is None and kind in ("walk", "hike"):
        ran = 0.0
    longest_min = watch.duration_s / 60.0
    # A speed nobody runs at is a fault of the watch, and unknown.
    distance_m = watch.distance_m
    if distance_m is not None and not 0.0 <= distance_m <= FASTEST_MPS * watch.duration_s:
        distance_m = None
    fastest_mps = watch.fastest_mps if watch.fastest_mps is None or watch.fastest_mps <= FASTEST_MPS else None
    # What is climbed over the whole way is the least the steepest part can have been.
    steep = None
    if watch.climb_m is not None and distance_m:
        steep = 100.0 * watch.climb_m / distance_m
    return facts | {
        "by": "watch", "duration_s": watch.duration_s, "minutes": min(watch.minutes, longest_min),
        "run_minutes": None if ran is None else min(ran, longest_min),
        "distance_m": distance_m, "fastest_mps": fastest_mps, "climb_m": watch.climb_m,
        "heart_rate_bpm": watch.heart_rate_bpm,
        "incline_max_pct": steep if steep is not None and UPHILL_PCT < steep <= 45.0 else None,
    }  # fmt: skip


def _placed(mine: Records, item: Waiting, rows: Sequence[Any]) -> Waiting:
    """Add what the record says about that day: the advice, the level done, a typed run that may be the same."""
    protocol, run = mine.protocol, item.run
    told = mine.store.advice_before(mine.runner_id, run.started_at, mine.zone)
    advised = told if told is not None else _advice_at(mine, run.started_at)
    plan = None
    if run.rung is None and run.run_minutes is None:
        if advised is not None and advised.state == "RUN" and advised.rung is not None:
            dose = advised.run_minutes
            whole = whole_minutes(protocol, advised.rung, dose)
            if protocol.ladder.complete_share * whole <= item.minutes <= whole + WARM_UP_MIN:
                plan = advised
    elif run.rung is None:
        run = replace(run, rung=_rung(protocol, advised, run_minutes(run)))
    if run.run_minutes is None:
        run = replace(run, run_minutes=item.minutes)
    clock = Clock(mine.zone.key, protocol.windows.day_starts_hour)
    day = clock.day(run.started_at.timestamp())
    twin = None
    views = {entry.context.get(SAME_RUN_KEY) for entry in mine.store.sessions(mine.runner_id)}
    for row in rows:
        overlap = _shared_s(run, row.at, row.ended_at)
        minutes = (row.ended_at - row.at).total_seconds() / 60.0
        is_like = abs(minutes - item.minutes) <= max(_LIKE_MIN, _LIKE_SHARE * max(minutes, item.minutes))
        typed = row.source == "typed" and clock.day(row.at.timestamp()) == day and row.session_id not in views
        if overlap > 0.0 or (typed and is_like):
            twin = next(
                known for known in mine.store.runs(mine.runner_id) if known.session_id == row.session_id
            )
            break
    return replace(item, run=replace(run, advised=told), plan=plan, twin=twin)


def _advice_at(mine: Records, start: datetime) -> Advice:
    """Return what the rules say of a run's start, where nobody looked before it: two levels may have one dose."""
    at = start.astimezone(mine.zone)
    history = mine.store.history(mine.runner_id, mine.now)
    found = verdict(mine.protocol_at(at), history, None, at)
    return Advice(state=found.state, rung=found.rung, run_minutes=found.run_minutes)


def _rung(protocol: Protocol, advised: Advice | None, ran_min: float) -> str | None:
    """Return the level whose dose the measured minutes of running are, within what counts as the plan; else None."""
    least, most = protocol.ladder.complete_share, protocol.ladder.as_advised_share
    if advised is not None and advised.state == "RUN" and advised.rung is not None:
        dose = advised.run_minutes if advised.run_minutes is not None else protocol.run_min[advised.rung]
        if least * dose <= ran_min <= most * dose:
            return advised.rung
    return next((rung for rung in RUNGS[1 : V9 + 1] if ran_min <= most * protocol.run_min[rung]), None)


# what is asked


def offered(mine: Records, at: datetime) -> tuple[Due, ...]:
    """Return "count this run?" for every session that waits, newest first."""
    return tuple(_question(mine, item) for item in waiting(mine, at) if item.run.ended_at <= at)


def brought_back_first(mine: Records, at: datetime) -> Condition | None:
    """Return what must happen before begun runs can be offered; None where there are none."""
    begun = begun_runs(mine, at)
    runs = [_of_begun(mine, item).run for item in begun]
    return not_in_record(runs, at.astimezone(mine.zone), begun=begun)[0] if begun else None


def question_of(mine: Records, session_id: str) -> Due:
    """Return the same question for one session, however old. Raises EntryError when it is no run to count."""
    entry = next((row for row in mine.store.sessions(mine.runner_id) if row.session_id == session_id), None)
    if entry is None:
        raise NotThereError(f"There is no session with the id {session_id!r} in the records.")
    rows = mine.store.entries(RunRow, mine.runner_id)
    known = {row.session_id for row in rows}
    if session_id in known or entry.context.get(SAME_RUN_KEY) in known:
        raise EntryError("This session is in your record of runs already.")
    item = _measured(mine, entry)
    if item is None:
        raise EntryError("This session cannot be read, or holds no run; log the run by its minutes instead.")
    return _question(mine, _placed(mine, item, rows))


def _question(mine: Records, item: Waiting) -> Due:
    name = item.row.session_id
    asks = {"same_run": "yes_no"} if item.twin is not None else {QUESTION: "yes_no"}
    if not item.is_dated:
        asks["at"] = "time"
    if item.plan is not None:
        asks["as_planned"] = "yes_no"
    if not item.told.stopped:
        asks["stopped_for_pain"] = "yes_no"
    if not item.told.limped:
        asks["limping"] = "yes_no"
    if not item.told.scores:
        asks["pain_during"] = "score"
    asks["pain_after"] = "score"
    flags = " ".join(f"--{ask.replace('_', '-')} {{{ask}}}" for ask in asks)
    form = Form(
        f"/api/sessions/{name}/run", {}, asks, f"tallrun log-run --session {name} {flags}",
        optional=tuple(ask for ask in ("limping", "pain_during", "pain_after") if ask in asks),
    )  # fmt: skip
    end = item.run.ended_at
    closes = max(end, item.run.started_at + timedelta(days=OFFERED_DAYS))
    return Due(QUESTION, words_of(mine, item), end, end, closes, name, form=form)


def words_of(mine: Records, item: Waiting) -> str:
    """Return the question about a session: what it is, in numbers, and what it may be."""
    facts = [f"{item.minutes:.0f} min"]
    if item.run.distance_m is not None:
        facts.append(f"{item.run.distance_m / 1000.0:.1f} km")
    if item.climb_m is not None and item.climb_m >= 10.0:
        facts.append(f"{item.climb_m:.0f} m up")
    if item.heart_rate_bpm is not None:
        facts.append(f"heart rate {item.heart_rate_bpm:.0f}")
    thing = "walk" if item.run.rung == "V0" else "run"
    started = item.run.started_at.astimezone(mine.zone)
    date = f"of {started:%A %d %B, %H:%M}" if item.is_dated else "without a date"
    source = "from a watch" if item.by == "watch" else "from sensors"
    text = f"A {thing} {date} ({', '.join(facts)}, {source}) is not in your record. {_told_words(item.told)}"
    if item.twin is not None:
        told = item.twin.started_at.astimezone(mine.zone)
        return text + f"Is it the {item.twin.minutes:.0f} min you have there from {told:%H:%M} that day?"
    text += "Count it?"
    if item.plan is not None and item.plan.rung is not None:
        return (
            text + f" It does not tell walking from running: was it the plan of that day ({item.plan.rung})?"
        )
    return text


def _told_words(told: Tapped) -> str:
    """Say what was tapped during the run; empty where nothing was."""
    parts = []
    if told.scores:
        values = [str(score) for _, score in told.scores]
        parts.append(f"pain {' and '.join([', '.join(values[:-1])] * (len(values) > 1) + values[-1:])}")
    if told.limped:
        parts.append("limping")
    if "LV2" in told.rules:
        parts.append("a warning sign")
    return f"While it went on you told: {', '.join(parts)}. " if parts else ""


# what is answered


def count(
    mine: Records, session_id: str, told: RunAnswers, *, by: str, count: bool = True, same_run: bool | None = None,
    as_planned: bool | None = None,
) -> Counted:  # fmt: skip
    """Make a run of the record of a session, tie it to the run it is another view of, or leave it out.

    told : the answers that grade it; what else is given there stands in for what the session says. Raises EntryError
    when it is counted already, when a question that only the runner can answer is open, or for an impossible run.
    """
    rows = mine.store.entries(RunRow, mine.runner_id)
    entry = next((row for row in mine.store.sessions(mine.runner_id) if row.session_id == session_id), None)
    if entry is None:
        raise NotThereError(f"There is no session with the id {session_id!r} in the records.")
    known = {row.session_id for row in rows}
    if session_id in known or entry.context.get(SAME_RUN_KEY) in known:
        raise EntryError("This session is in your record of runs already.")
    if not count:
        _note(mine, entry, {LEFT_OUT_KEY: True})
        return Counted("left_out", None)
    item = _measured(mine, entry)
    if item is None:
        raise EntryError("This session cannot be read, or holds no run; log the run by its minutes instead.")
    if told.at is None and not item.is_dated:
        raise EntryError("This session does not say when it was; give its start", command=" (--at).")
    if told.at is not None:
        start = read_instant(told.at, mine.zone, mine.now)
        length = item.run.ended_at - item.run.started_at
        item = replace(item, run=replace(item.run, started_at=start, ended_at=start + length), is_dated=True)
    merged = _merged(item, rows)
    if merged is not None:
        _tie(mine, entry, item, merged, by)
        return Counted("merged", merged)
    item = _placed(mine, _analysed(item), rows)
    if item.twin is not None and same_run is None:
        raise EntryError(words_of(mine, item), command=" Say which (--same-run yes or no).")
    if item.twin is not None and same_run:
        _tie(mine, entry, item, item.twin.session_id, by)
        return Counted("merged", item.twin.session_id)
    if told.stop_reason is None and not item.told.stopped:
        raise EntryError(
            "Say whether you stopped because of pain", command=" (--stopped-for-pain yes or no)."
        )
    run = _as_told(mine.protocol, item, told, as_planned)
    scores = keep_run(
        mine,
        run,
        told.pain,
        by=by,
        source=item.by,
        shoe=told.shoe or _shoe(entry),
        tapped=_scores(mine, item),
    )
    _note(mine, entry, {LEFT_OUT_KEY: None})
    settle(mine, by=by)
    return Counted("counted", session_id, len(scores))


def _shoe(entry: IndexedSession) -> str | None:
    named = entry.context.get("shoes")
    return str(named)[:80] if named else None


def _analysed(item: Waiting) -> Waiting:
    """Tell walking from running in a recording of sensors; a watch's was told from its rows."""
    if item.by != "sensors":
        return item
    from tallrun.pipeline import analyse

    recording = read_session(item.row.folder)
    tables = analyse(recording).tables
    summary = tables.summary
    if not summary["n_steps"]:
        return item
    ran = summary["run_time_s"] / 60.0
    ran = 0.0 if ran < _LEAST_RUN_MIN < summary["walk_time_s"] / 60.0 else ran
    gaps = unheard(recording)
    unheard_min = sum(end - start for start, end in gaps) / 60.0
    # a gap may last until STOP, long after the last sample
    last = timedelta(seconds=max((end for _, end in gaps), default=0.0))
    is_walk = item.row.context.get("session_kind") == "walk"
    if ran or (unheard_min >= _LEAST_RUN_MIN and not is_walk):
        # What was done while no sensor was heard counts as running; before it and after it may be walks only.
        ran += unheard_min
    run = replace(item.run, ended_at=max(item.run.ended_at, item.run.started_at + last),
                  run_minutes=ran, rung="V0" if ran == 0.0 else None,
                  distance_m=way_m(tables.strides), speed_mps=summary["speed_mps"].get("p95"))  # fmt: skip
    return replace(item, run=run)


def _as_told(protocol: Protocol, item: Waiting, told: RunAnswers, as_planned: bool | None) -> RunSession:
    run = item.run
    if as_planned and item.plan is not None and item.plan.rung is not None:
        parts = intervals(protocol.work[item.plan.rung])
        dose = (
            item.plan.run_minutes if item.plan.run_minutes is not None else protocol.run_min[item.plan.rung]
        )
        # Level without walk breaks: what was recorded is what was run.
        run = replace(run, rung=item.plan.rung, run_minutes=item.minutes if parts is None else dose)
    given = {
        "rung": None if told.rung is None else told.rung.upper(), "run_minutes": told.run_minutes,
        "distance_m": told.distance_m, "surface": told.surface, "speed_mps": told.fastest_mps,
        "incline_min_pct": told.incline_min_pct, "incline_max_pct": told.incline_max_pct,
    }  # fmt: skip
    return replace(
        run, **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        cambered=told.cambered, session_rpe=told.session_rpe, sharp_change=told.sharp_change,
        # what was tapped in the run is not unsaid after it
        limping=run.limping or told.limping,
        stop_reason="pain" if item.told.stopped else told.stop_reason or "none",  # type: ignore[arg-type]
    )  # fmt: skip


def _scores(mine: Records, item: Waiting, session_id: str | None = None) -> list[PainScore]:
    """Return the pain taps of a session as scores of its run, none outside it."""
    side, site = mine.runner.side, mine.runner.site
    length_s = (item.run.ended_at - item.run.started_at).total_seconds()
    return [
        PainScore(
            "", item.run.started_at + timedelta(seconds=min(max(t_s, 0.0), length_s)), "during", score, side, site,
            session_id=session_id or item.run.session_id,
        )
        for t_s, score in item.told.scores
    ]  # fmt: skip


def _with_told(run: RunSession, told: Tapped) -> dict[str, Any]:
    """Return what the taps of another view of a run add to it; nothing is taken away."""
    added: dict[str, Any] = {}
    if rules := tuple(rule for rule in told.rules if rule not in run.live_rules):
        added["live_rules"] = (*run.live_rules, *rules)
    if told.limped and not run.limping:
        added["limping"] = True
    if told.stopped and run.stop_reason != "pain":
        added["stop_reason"] = "pain"
    return added


def settle(mine: Records, *, by: str = "tallrun") -> list[str]:
    """Tie every waiting session to the measured run it is another view of; returns their ids. Writes nothing else."""
    rows = mine.store.entries(RunRow, mine.runner_id)
    known = {row.session_id for row in rows}
    tied = []
    for entry in mine.store.sessions(mine.runner_id):
        # Only sessions beside a run are opened: an archive of years holds thousands.
        near = any(row.at - timedelta(days=1) < entry.started_at < row.ended_at for row in rows)
        if not near or _is_settled(entry, known):
            continue
        item = _measured(mine, entry)
        run_id = None if item is None else _merged(item, rows)
        if item is not None and run_id is not None:
            _tie(mine, entry, item, run_id, by)
            tied.append(entry.session_id)
            rows = mine.store.entries(RunRow, mine.runner_id)
    return tied


def _tie(mine: Records, entry: IndexedSession, item: Waiting, run_id: str, by: str) -> None:
    """Note that a session is another view of a run, and fill in what that run does not know; answers stay."""
    row = next(row for row in mine.store.entries(RunRow, mine.runner_id) if row.session_id == run_id)
    changes: dict[str, Any] = {
        name: value
        for name in ("distance_m", "surface", "speed_mps", "incline_max_pct")
        if row._mapping[name] is None and (value := getattr(item.run, name)) is not None
    }
    old = next(run for run in mine.store.runs(mine.runner_id) if run.session_id == run_id)
    ran, had = item.run.run_minutes, run_minutes(old)
    # Sensors put on late or run empty, or a slip of the memory: what was run is the longer of the two.
    if ran is not None and ran > had + max(_MORE_MIN, _MORE_SHARE * had):
        changes["run_minutes"] = ran
        if row.rung == "V0":
            changes["rung"] = None
    changes |= _with_told(old, item.told)
    if changes:
        mine.store.supersede(RunRow, mine.runner_id, row.run_id, by=by, now=mine.now, **changes)
    if scores := _scores(mine, item, run_id):
        mine.store.add_all(mine.runner_id, scores, by=by, now=mine.now)
    _note(mine, entry, {SAME_RUN_KEY: run_id})


def _note(mine: Records, entry: IndexedSession, changes: dict[str, Any]) -> None:
    context = {key: value for key, value in (dict(entry.context) | changes).items() if value is not None}
    mine.store.index_session(
        mine.runner_id, session_id=entry.session_id, started_at=entry.started_at, folder=entry.folder,
        duration_s=entry.duration_s, context=context, summary=dict(entry.summary),
    )  # fmt: skip


# what waits makes no day freer


def careful_verdict(
    mine: Records, at: datetime, history: History, plan: PlannedSession | None = None
) -> Verdict:
    """Return the verdict; while runs wait, the stricter of those without them and with them, and what to do.

    So it is for a run that was begun and is not in the index: one that goes on now or that a crash ended.
    """
    protocol = mine.protocol_at(at)
    found = verdict(protocol, history, None, at, plan)
    since = at - timedelta(days=CAREFUL_DAYS)
    items = [
        item
        for item in waiting(mine, at)
        if item.told.is_something or (item.twin is None and item.run.started_at >= since)
    ]
    begun = [item for item in begun_runs(mine, at) if item.entry.started_at >= since]
    items += [_of_begun(mine, item) for item in begun]
    if not items:
        return found
    other = verdict(protocol, _as_if_counted(mine, history, items), None, at, plan)
    runs, local = [item.run for item in items], at.astimezone(mine.zone)
    if _freedom(other) >= _freedom(found):
        if not any(item.told.is_something for item in items):
            return found
        # else "no score" would be said to somebody who gave one
        ask, told = not_in_record(runs, local, moves=False, begun=begun)
        if "today" in found.inputs["missing"] and "today" not in other.inputs["missing"]:
            return replace(found, reason=told, way_out=(ask, *found.way_out))
        return replace(found, notices=(*found.notices, told), way_out=(ask, *found.way_out))
    ask, told = not_in_record(runs, local, begun=begun)
    return replace(other, notices=(*other.notices, told), way_out=(ask, *found.way_out))


def _of_begun(mine: Records, item: Begun) -> Waiting:
    """Return a run that is not in the index as one that waits; its length is what is known of it."""
    start, length_s = item.entry.started_at.astimezone(mine.zone), item.entry.duration_s or 0.0
    told = tapped_during(item.markers, mine.protocol_at(start))
    run = RunSession(
        session_id=item.entry.session_id,
        started_at=start,
        ended_at=start + timedelta(seconds=length_s),
        limping=True if told.limped else None,
        stop_reason="pain" if told.stopped else "none",
        live_rules=told.rules,
    )
    return Waiting(item.entry, run, "sensors", length_s / 60.0, True, told=told)


def not_in_record(
    runs: Sequence[RunSession], at: datetime, moves: bool = True, begun: Sequence[Begun] = ()
) -> tuple[Condition, str]:
    """Say that runs wait, as a condition of ``at`` (local time), and what that means for today's advice.

    moves : whether today's advice would be another one without them. begun : those of them that the index lacks.
    """
    last = max(run.started_at for run in runs).astimezone(at.tzinfo)
    if len(runs) == 1:
        text = f"A run of {last:%A} is not in your record yet"
        told = f"{text}; until you say what it was, today's advice holds as if you had run it."
    else:
        text = f"{len(runs)} runs are not in your record yet"
        told = f"{text}; until you say what they were, today's advice holds as if you had run them."
    if not moves:
        told = f"{text}; what you told while running is not among your scores until you say that it counts."
    if any(item.is_list for item in begun):
        text = "Which runs were begun is not known"
        told = f"{text}; until it is, today's advice holds as if you had run."
    action = "Say whether it counts, and how it felt."
    for item in begun:
        name = item.entry.folder.name
        first = (
            f"End the run that is being recorded ({name})."
            if item.is_going_on
            else f"The list of runs that were begun ({name}, beside your records) cannot be read. Bring back each run "
            "that was cut off with tallrun recover, then delete that file."
            if item.is_list
            else f"Bring back the run that was cut off ({name}): start tallrun serve again, or tallrun recover."
        )
        action = f"{first} {action}"
    if len(begun) == len(runs):
        # nothing is asked before it is in the index
        return Condition(QUESTION, False, f"{text}.", action, "runner", at), told
    return Condition(QUESTION, False, f"{text}.", action, "runner", at, QUESTION), told


def _as_if_counted(mine: Records, history: History, items: Sequence[Waiting]) -> History:
    """Return the history with these sessions as runs of it, each with what was tapped in it."""
    twins = {item.twin.session_id: item for item in items if item.twin is not None}
    sessions = tuple(
        replace(run, **_with_told(run, twins[run.session_id].told)) if run.session_id in twins else run
        for run in history.sessions
    )
    scores = [
        score for item in items for score in _scores(mine, item, item.twin.session_id if item.twin else None)
    ]
    new = (item.run for item in items if item.twin is None)
    return replace(history, sessions=(*sessions, *new), scores=(*history.scores, *scores))


def _freedom(found: Verdict) -> tuple[int, int, float]:
    rung = -1 if found.rung is None else RUNGS.index(found.rung)
    return STATES.index(found.state), rung, found.run_minutes or 0.0
