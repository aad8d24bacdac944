"""What cannot be true is refused at entry, with one line that says what to do.

The data classes of ``recovery.model`` check each value by itself; these functions check an entry against the
clock, the runner and what is there already. They return warnings where an entry is kept but will not count
as the person may expect.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from tallrun.errors import EntryError
from tallrun.recovery.model import PainScore, PlannedSession, Runner, RunSession

#: Clocks of two devices may differ a little; more than this ahead is a mistake.
CLOCK_TOLERANCE = timedelta(minutes=2)
LONGEST_RUN = timedelta(hours=24)
FASTEST_MPS = 12.5
_MORNING = (time(3), time(12))


def check_not_future(at: datetime, now: datetime, what: str) -> None:
    """Raise EntryError when ``at`` lies ahead of ``now``."""
    if at > now + CLOCK_TOLERANCE:
        raise EntryError(
            f"{what} cannot lie in the future: {at.isoformat(timespec='minutes')} is after now "
            f"({now.astimezone(at.tzinfo).isoformat(timespec='minutes')}); check the date and time"
        )


def known_by(at: datetime, now: datetime) -> datetime:
    """Return an instant that another clock puts a little ahead as ``now``: what is accepted counts at once."""
    return now.astimezone(at.tzinfo) if now < at <= now + CLOCK_TOLERANCE else at


_NEW_PLACE = " If the pain really is somewhere new, add --new-place."


def check_pain(score: PainScore, runner: Runner, now: datetime, *, new_place: bool = False) -> list[str]:
    """Refuse a score from the future or, unless ``new_place``, from another side or site than the index one.

    Returns warnings, each one sentence.
    """
    check_not_future(score.at, now, "A pain score")
    if score.painkiller_at is not None and score.painkiller == "none":
        raise EntryError(
            "A time for a painkiller was given but no painkiller; say which, or leave the time out."
        )
    if score.painkiller_at is not None:
        check_not_future(score.painkiller_at, now, "A painkiller")
    if not new_place:
        if runner.side != "both" and score.side != runner.side:
            raise EntryError(
                f"Your records are about the {runner.side} side, this score says {score.side}.",
                command=_NEW_PLACE,
            )
        if score.site != runner.site:
            raise EntryError(
                f"Your records are about the site {runner.site!r}, this score says {score.site!r}.",
                command=_NEW_PLACE,
            )
    warnings = []
    local = score.at.astimezone(ZoneInfo(runner.time_zone)).time()
    if score.kind == "morning" and not _MORNING[0] <= local <= _MORNING[1]:
        warnings.append(
            f"A morning score counts between 03:00 and 12:00; this one is from {local.strftime('%H:%M')}."
        )
    if score.painkiller != "none":
        warnings.append("A score under a painkiller can make the plan stricter, never freer.")
    return warnings


def check_run(run: RunSession, others: Iterable[RunSession], now: datetime) -> None:
    """Refuse a run that ends in the future, overlaps another one, or contradicts itself."""
    check_not_future(run.ended_at, now, "The end of a run")
    length = run.ended_at - run.started_at
    if not timedelta(0) < length <= LONGEST_RUN:
        raise EntryError(f"A run lasts between 1 minute and 24 hours, this one {run.minutes:g} minutes.")
    if run.run_minutes is not None and run.run_minutes > run.minutes + 0.5:
        raise EntryError(
            f"{run.run_minutes:g} minutes of running do not fit into {run.minutes:g} minutes; check both."
        )
    if run.session_rpe is not None and not 0 <= run.session_rpe <= 10:
        raise EntryError(f"The effort (session RPE) must be from 0 to 10, got {run.session_rpe:g}.")
    if run.distance_m is not None and run.distance_m > FASTEST_MPS * length.total_seconds():
        raise EntryError(
            f"{run.distance_m:g} m in {run.minutes:g} minutes is faster than anyone runs; is the distance in metres?"
        )
    _check_speed_and_incline(run.speed_mps, run.incline_min_pct, run.incline_max_pct)
    for other in others:
        if (
            other.session_id != run.session_id
            and other.started_at < run.ended_at
            and run.started_at < other.ended_at
        ):
            raise EntryError(
                f"This run overlaps the one from {other.started_at.isoformat(timespec='minutes')} to "
                f"{other.ended_at.isoformat(timespec='minutes')}; correct that one or this one."
            )


def check_plan(plan: PlannedSession) -> None:
    """Refuse a plan with a speed or incline nobody runs at."""
    _check_speed_and_incline(plan.speed_mps, plan.incline_min_pct, plan.incline_max_pct)


def _check_speed_and_incline(speed_mps: float | None, low_pct: float | None, high_pct: float | None) -> None:
    if speed_mps is not None and speed_mps > FASTEST_MPS:
        raise EntryError(f"{speed_mps * 3.6:.1f} km/h is faster than anyone runs; check the unit.")
    for incline in (low_pct, high_pct):
        if incline is not None and not -45 <= incline <= 45:
            raise EntryError(f"An incline lies between -45 and 45 percent, got {incline:g}.")
    if low_pct is not None and high_pct is not None and low_pct > high_pct:
        raise EntryError(
            f"The lowest incline ({low_pct:g} %) is above the highest ({high_pct:g} %); swap them."
        )
