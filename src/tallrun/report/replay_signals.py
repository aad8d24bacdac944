"""Raw signals for the replay page: |f| and turning rate of every sensor, handed out window by window.

Magnitudes do not depend on how a sensor sat on shoe or belt, so nothing has to be learned to draw them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import UsageError
from tallrun.numerics.recording import FloatArray, Recording, SensorRecording
from tallrun.units import DEG_PER_RAD, STANDARD_GRAVITY_MPS2

#: One answer never spans more; the page asks for ten seconds at a time.
MOST_WINDOW_S = 60.0
#: Samples of one sensor in one answer; more are thinned to the least and greatest force of each piece.
MOST_POINTS = 4000
#: Samples further apart than this many sample times are a gap: the line breaks there.
GAP_SAMPLES = 3.0
_PLACES = ("foot_left", "foot_right", "pelvis", "trunk")


@dataclass(frozen=True)
class _Trace:
    """t_s : float64 (n,). force_g, turn_dps : float32 (n,), NaN unknown; turn_dps None without a gyroscope."""

    t_s: FloatArray
    force_g: NDArray[np.float32]
    turn_dps: NDArray[np.float32] | None
    step_s: float


class SignalStrip:
    """Magnitudes of all sensors of a recording; an hour of three sensors at 200 Hz takes 35 MB."""

    def __init__(self, recording: Recording) -> None:
        self._traces = {
            place: _trace(recording.sensors[place])
            for place in _PLACES
            if place in recording.sensors and recording.sensors[place].t_s.size
        }

    def scales(self) -> dict[str, dict[str, float | None]]:
        """Return the top of each sensor's axes, so that they stay put while the page plays; None unknown."""
        return {
            place: {"force_g": _top(trace.force_g, 1.0), "turn_dps": _top(trace.turn_dps, 100.0)}
            for place, trace in self._traces.items()
        }

    def window(self, start_s: float, end_s: float) -> dict[str, Any]:
        """Return the samples within [start_s, end_s), columns by sensor; JSON-ready, unknown is None.

        A gap has one row of None. Raises UsageError for a window that is empty, not finite or too long.
        """
        if not (math.isfinite(start_s) and math.isfinite(end_s) and 0.0 <= start_s < end_s):
            raise UsageError("a window of signals starts at 0 s or later and ends after it starts")
        if end_s - start_s > MOST_WINDOW_S:
            raise UsageError(
                f"a window of signals is at most {MOST_WINDOW_S:.0f} s long, got {end_s - start_s:.0f} s"
            )
        sensors = {place: _columns(trace, start_s, end_s) for place, trace in self._traces.items()}
        return {"start_s": start_s, "end_s": end_s, "sensors": sensors}


def _trace(sensor: SensorRecording) -> _Trace:
    force = _norm(sensor.acc_mps2) / STANDARD_GRAVITY_MPS2
    turn = None if sensor.gyr_radps is None else (_norm(sensor.gyr_radps) * DEG_PER_RAD).astype(np.float32)
    return _Trace(sensor.t_s, force.astype(np.float32), turn, 1.0 / sensor.spec.rate_hz)


def _norm(vectors: FloatArray) -> FloatArray:
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))


def _top(values: NDArray[np.float32] | None, unit: float) -> float | None:
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    return (
        None if known.size == 0 else float(unit * math.ceil(float(np.quantile(known, 0.999)) / unit + 1e-9))
    )


def _columns(trace: _Trace, start_s: float, end_s: float) -> dict[str, list[float | None] | None]:
    first, last = np.searchsorted(trace.t_s, [start_s, end_s])
    # one sample more on either side, so that neighbouring windows join without a hole
    part = np.arange(max(0, first - 1), min(len(trace.t_s), last + 1))
    # a window wholly past the end, or before the beginning, has no line to join
    if first == len(trace.t_s) or last == 0:
        part = part[:0]
    part = part[_extremes(trace.force_g[part])] if len(part) > MOST_POINTS else part
    t_s = trace.t_s[part]
    columns = [t_s, trace.force_g[part].astype(np.float64)]
    if trace.turn_dps is not None:
        columns.append(trace.turn_dps[part].astype(np.float64))
    # a gap is told by its place among all samples, also where they are thinned
    holes = [
        at + 1
        for at in np.flatnonzero(np.diff(t_s) > GAP_SAMPLES * trace.step_s)
        if np.diff(trace.t_s[part[at] : part[at + 1] + 1]).max() > GAP_SAMPLES * trace.step_s
    ]
    columns = [np.insert(column, holes, np.nan) for column in columns]
    named = dict(zip(("t_s", "force_g", "turn_dps"), map(_rounded, columns, (4, 3, 1)), strict=False))
    return {"turn_dps": None, **named}


def _extremes(force_g: NDArray[np.float32]) -> NDArray[np.int64]:
    """Places of the least and the greatest force of each of ``MOST_POINTS`` / 2 pieces, in order."""
    edges = np.linspace(0, len(force_g), MOST_POINTS // 2 + 1).astype(np.int64)
    filled = np.nan_to_num(force_g, nan=0.0)
    found = [
        start + pick(filled[start:end]) for start, end in pairwise(edges) for pick in (np.argmin, np.argmax)
    ]
    return np.unique(found)


def _rounded(values: FloatArray, digits: int) -> list[float | None]:
    return [None if value != value else value for value in np.round(values, digits).tolist()]
