"""Own baselines: what is usual for this runner, at this speed, in these shoes.

The median over at least three GREEN sessions of each session's median at ±5 % of the speed. A new shoe starts
foot metrics afresh, a new strap (or its new place) those of the pelvis. Source: design, the three flags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tallrun.gait.flag_terms import BaselineBin, OwnBaseline
from tallrun.insight.blocks import ASYMMETRY, METRICS, PELVIS_METRICS, OwnSessions, SessionBlocks

SPEED_TOLERANCE = 0.05
LEAST_SESSIONS = 3
NEWEST_SESSIONS = 10
#: Speeds of two baselines differ by at least this share.
_SPEED_STEP = 0.10


@dataclass(frozen=True)
class Baseline:
    """What is usual for one metric at one speed.

    value : median of session medians. spread : standard deviation between sessions (robust).
    """

    metric: str
    speed_mps: float
    value: float
    spread: float
    session_ids: tuple[str, ...]
    shoe: str | None
    strap: str | None


def own_baseline(
    sessions: Iterable[SessionBlocks],
    metric: str,
    speed_mps: float,
    *,
    shoe: str | None = None,
    strap: str | None = None,
    tolerance: float = SPEED_TOLERANCE,
    least_sessions: int = LEAST_SESSIONS,
) -> Baseline | None:
    """Return the baseline of one metric at one speed, or None (reason ``no_baseline``) when it is not known.

    shoe, strap : what is worn now; only sessions with the same count (None matches None only, so a runner
    who never names shoes is compared with all own sessions). The newest ten that fit are used.
    """
    own = OwnSessions.of(sessions)
    values = own.medians_at(speed_mps, tolerance)[:, METRICS.index(metric)]
    fitting = []
    for place in sorted(range(len(own)), key=lambda at: own[at].started_at):
        session = own[place]
        worn, now = (session.strap, strap) if metric in PELVIS_METRICS else (session.shoe, shoe)
        if session.grade == "GREEN" and worn == now and np.isfinite(values[place]):
            fitting.append((session.session_id, float(values[place])))
    fitting = fitting[-NEWEST_SESSIONS:]
    if len(fitting) < least_sessions:
        return None
    medians = np.array([value for _, value in fitting])
    return Baseline(
        metric, speed_mps, float(np.median(medians)), _robust_spread(medians),
        tuple(session_id for session_id, _ in fitting), shoe, strap,
    )  # fmt: skip


def own_baselines(
    sessions: Sequence[SessionBlocks],
    *,
    shoe: str | None = None,
    strap: str | None = None,
    metrics: Sequence[str] = METRICS,
) -> tuple[Baseline, ...]:
    """Return every baseline there is, at the speeds this runner runs at; empty when there is none."""
    sessions = OwnSessions.of(sessions)
    key = ("own_baselines", shoe, strap, tuple(metrics))
    if key in sessions.memo:
        return tuple(sessions.memo[key])
    found = []
    for speed_mps in usual_speeds(sessions):
        for metric in metrics:
            baseline = own_baseline(sessions, metric, speed_mps, shoe=shoe, strap=strap)
            if baseline is not None:
                found.append(baseline)
    sessions.memo[key] = tuple(found)
    return tuple(found)


def usual_speeds(sessions: Sequence[SessionBlocks]) -> tuple[float, ...]:
    """Return speeds [m/s], at least 10 % apart, that at least three sessions share; slowest first."""
    return OwnSessions.of(sessions).speeds(SPEED_TOLERANCE, _SPEED_STEP, LEAST_SESSIONS)


def flag_baseline(
    sessions: Sequence[SessionBlocks], *, shoe: str | None = None, strap: str | None = None
) -> OwnBaseline:
    """Return the baselines in the form the flag engine takes; without bins when nothing is known yet."""
    by_speed: dict[float, dict[str, Baseline]] = {}
    for item in own_baselines(sessions, shoe=shoe, strap=strap):
        by_speed.setdefault(item.speed_mps, {})[item.metric] = item

    def value(found: dict[str, Baseline], metric: str) -> float:
        return found[metric].value if metric in found else float("nan")

    return OwnBaseline(
        tuple(
            BaselineBin(
                speed_mps=speed_mps,
                cadence_spm=value(found, "cadence_spm"),
                pelvic_tilt_deg=value(found, "pelvic_tilt_deg"),
                foot_ahead_m=value(found, "foot_ahead_m"),
                asymmetry_contact_pct=value(found, ASYMMETRY),
                asymmetry_contact_sd_pct=found[ASYMMETRY].spread if ASYMMETRY in found else float("nan"),
            )
            for speed_mps, found in sorted(by_speed.items())
        )
    )


def _robust_spread(values: np.ndarray) -> float:
    """Return the standard deviation, from the median absolute deviation or plain, whichever is larger."""
    mad = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return max(mad, float(np.std(values, ddof=1)))
