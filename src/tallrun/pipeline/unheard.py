"""When no sensor was heard in a recording: what was done then is not known, and is not nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallrun.numerics.recording import Marker, Recording
from tallrun.pipeline.taps import marker_tap

#: A foot or back sensor that is silent for so long counts as lost (LV7).
SILENT_S = 2.0
_PLACES = ("foot_left", "foot_right", "pelvis", "trunk")


def recorded_s(recording: Recording) -> float:
    """Return when the last sample came or the run was ended, whichever is later [s]; never nothing."""
    ends = [float(item.t_s[-1]) for item in recording.sensors.values() if len(item.t_s)]
    return max([1.0, *ends, *(item.t_s for item in recording.markers)])


def pressed_stop_s(markers: Sequence[Marker]) -> float | None:
    """Return when the runner pressed STOP [s], not when it could no longer be undone; None where nobody did."""
    pressed_s, stopped_s = None, None
    for marker in markers:
        tap = marker_tap(marker)
        if tap is not None and tap.kind == "held" and tap.item == "stop":
            pressed_s = marker.t_s
        elif tap is not None and tap.kind == "stop":
            stopped_s = marker.t_s
    return stopped_s if stopped_s is None or pressed_s is None else pressed_s


def unheard(recording: Recording) -> list[tuple[float, float]]:
    """Return from when to when [s] no foot and no back sensor was heard, up to the runner's own STOP; empty for never.

    The computer was suspended, or every sensor was away.
    """
    pressed_s = pressed_stop_s(recording.markers)
    end_s = recorded_s(recording) if pressed_s is None else pressed_s
    times = [item.t_s for place, item in recording.sensors.items() if place in _PLACES]
    heard = np.sort(np.concatenate([*times, [end_s]]))
    heard = heard[heard <= end_s]
    at = np.flatnonzero(np.diff(heard) > SILENT_S)
    return list(zip(heard[at].tolist(), heard[at + 1].tolist(), strict=True))
