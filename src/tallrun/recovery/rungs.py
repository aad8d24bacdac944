"""Arithmetic on the rungs of the ladder and what counts as one session of it (decision-table section 1)."""

from __future__ import annotations

import math
import re

from tallrun.recovery.model import RUNGS, Advice, Runner, RunSession
from tallrun.recovery.protocol import Protocol

INDEX = {rung: index for index, rung in enumerate(RUNGS)}
V0, V1, V9 = INDEX["V0"], INDEX["V1"], INDEX["V9"]
F1, F2, I1, I2, H1 = INDEX["F1"], INDEX["F2"], INDEX["I1"], INDEX["I2"], INDEX["H1"]
TOP = len(RUNGS) - 1


def down(rung: int, steps: int) -> int:
    """Rung ``steps`` lower, not below V0; from I or H never above F2 (MV3, MV5, MV6)."""
    lower = max(V0, rung - steps)
    return min(lower, F2) if rung >= I1 else lower


def run_minutes(session: RunSession) -> float:
    """Minutes of running; the whole duration when walk breaks are not known apart."""
    if session.run_minutes is not None:
        return session.run_minutes
    return 0.0 if session.rung == "V0" else session.minutes


def done_rung(protocol: Protocol, session: RunSession) -> int:
    """Rung that was done; a free run takes the lowest V rung whose dose holds its minutes (F1 beyond V9)."""
    if session.rung is not None:
        return INDEX[session.rung]
    minutes = run_minutes(session)
    for rung in RUNGS[: V9 + 1]:
        if minutes <= protocol.run_min[rung]:
            return INDEX[rung]
    return F1


def is_walk(protocol: Protocol, session: RunSession) -> bool:
    """Whether a session is a V0 walk."""
    return done_rung(protocol, session) == V0


def dose_minutes(protocol: Protocol, rung: str, longest_qualifying_min: float | None) -> float:
    """Run minutes advised at a rung; from V9 on grown from the longest qualifying run of 30 days.

    V9: min(45, floor(11 x longest / 10)), never below the dose of V8; the factor is ``ladder.spike_share``.
    """
    if INDEX[rung] < V9:
        return protocol.run_min[rung]
    base = protocol.run_min["V8"] if longest_qualifying_min is None else longest_qualifying_min
    grown = math.floor(protocol.ladder.spike_share * base + 1e-9)
    return float(min(protocol.ladder.longest_run_min, max(grown, 1)))


def is_complete(protocol: Protocol, session: RunSession, advice: Advice) -> bool:
    """At least 80 % of the planned run minutes; at V9 of the 45-minute dose; any walk that was not cut short."""
    ladder = protocol.ladder
    rung = done_rung(protocol, session)
    planned = session.planned_run_minutes
    if planned is None:
        planned = advice.run_minutes if advice.run_minutes is not None else protocol.run_min[RUNGS[rung]]
    if rung == V0:
        return session.stop_reason == "none"
    if rung == V9:
        planned = max(planned, ladder.longest_run_min)
    return run_minutes(session) >= ladder.complete_share * planned - 1e-9


def differences(
    protocol: Protocol, session: RunSession, advice: Advice, runner: Runner
) -> tuple[tuple[str, float | str | None, float | str | None], ...]:
    """MV7: in what a session was not what was advised, as (what, done, advised); empty when it was.

    what : state, rung, minutes, speed or incline. An allowed V0 walk is as advised.
    """
    ladder = protocol.ladder
    rung = done_rung(protocol, session)
    if rung == V0 and advice.state in ("RUN", "WALK", "REST_DAY", "LOG_FIRST", "REST48"):
        return ()
    found: list[tuple[str, float | str | None, float | str | None]] = []
    if advice.state != "RUN" or advice.rung is None:
        return (("state", None, advice.state),)
    if rung > INDEX[advice.rung]:
        found.append(("rung", RUNGS[rung], advice.rung))
    dose = advice.run_minutes if advice.run_minutes is not None else protocol.run_min[advice.rung]
    if run_minutes(session) > ladder.as_advised_share * dose + 1e-9:
        found.append(("minutes", run_minutes(session), dose))
    fast = session.speed_mps is not None and runner.easy_speed_mps is not None
    if rung < I1 and fast and (session.speed_mps or 0.0) > (runner.easy_speed_mps or 0.0):
        found.append(("speed", session.speed_mps, runner.easy_speed_mps))
    if rung < H1 and is_sloped(protocol, session.incline_min_pct, session.incline_max_pct):
        steepest = max(
            (pct for pct in (session.incline_min_pct, session.incline_max_pct) if pct is not None), key=abs
        )
        found.append(("incline", steepest, ladder.level_incline_pct))
    return tuple(found)


def is_against_advice(protocol: Protocol, session: RunSession, advice: Advice, runner: Runner) -> bool:
    """MV7: not what was advised, by state, rung, dose, speed or incline. An allowed V0 walk is as advised."""
    return bool(differences(protocol, session, advice, runner))


_INTERVALS = re.compile(r"(\d+) × \((\d+) min run / (\d+) min walk\)")
#: Walking before and after that a session of walk breaks may hold beside its plan.
WARM_UP_MIN = 15.0


def intervals(work: str) -> tuple[int, float, float] | None:
    """Return (times, run minutes, walk minutes) of a dose with walk breaks; None for any other."""
    match = _INTERVALS.fullmatch(work)
    return None if match is None else (int(match[1]), float(match[2]), float(match[3]))


def shape(protocol: Protocol, rung: str, run_min: float | None) -> tuple[int, float, float]:
    """Return a session of a rung as (runs, minutes of each, minutes of walking after each); no runs: one walk."""
    parts = intervals(protocol.work[rung])
    if parts is not None:
        return parts
    if rung == "V0":
        return 0, 0.0, whole_minutes(protocol, rung, None)
    return 1, protocol.run_min[rung] if run_min is None else run_min, 0.0


def whole_minutes(protocol: Protocol, rung: str, run_min: float | None) -> float:
    """Return how long a session of a rung takes, walk breaks included, warm-up not."""
    parts = intervals(protocol.work[rung])
    if parts is not None:
        return parts[0] * (parts[1] + parts[2])
    if rung == "V0":
        return float(re.sub(r"\D", "", protocol.work[rung]))
    return protocol.run_min[rung] if run_min is None else run_min


def running_of(protocol: Protocol, rung: str | None, minutes: float) -> float | None:
    """Return the minutes of running in a session told by its level and whole length; None where nothing is known.

    A level with walk breaks, done for as long as it takes and some warm-up, is the level's own running; one that
    went on longer had running in the same share.
    """
    if rung == "V0":
        return 0.0
    parts = None if rung is None else intervals(protocol.work[rung])
    if rung is None or parts is None:
        return None
    whole = whole_minutes(protocol, rung, None)
    if minutes <= whole + WARM_UP_MIN:
        return protocol.run_min[rung] * min(1.0, minutes / whole)
    return protocol.run_min[rung] * minutes / whole


def is_sloped(protocol: Protocol, lowest_pct: float | None, highest_pct: float | None) -> bool:
    """Whether a known incline leaves the level band."""
    level = protocol.ladder.level_incline_pct
    return any(pct is not None and abs(pct) > level for pct in (lowest_pct, highest_pct))
