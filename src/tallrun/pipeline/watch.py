"""What a watch says of a run, summed up in the words of a summary; none of it was measured by tallrun."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallrun.numerics.percentiles import percentiles
from tallrun.numerics.recording import FloatArray, Recording, WatchData

#: A rise counts as climb from here on; less is the noise of a barometer or of positions [m].
_LEAST_RISE_M = 3.0
#: Summary key, column of the rows, factor.
_MEASURES = (
    ("cadence_spm", "cadence_spm", 1.0), ("speed_mps", "speed_mps", 1.0), ("stride_length_m", "step_length_m", 2.0),
    ("stance_time_s", "stance_time_s", 1.0), ("vertical_oscillation_m", "vertical_oscillation_m", 1.0),
    ("pelvic_tilt_deg", "pelvic_tilt_deg", 1.0),
)  # fmt: skip
#: Slower is standing; strides of a stop are no strides of the run.
_MOVING_SPM = 1.0
#: From here on a row is running: nobody walks with so many steps a minute, and few so fast. What a row does not say is
#: taken from the other quantity; seconds that say neither may make up this share, or the running is not known.
_RUNNING_SPM, _RUNNING_MPS = 140.0, 2.0
_MOST_UNKNOWN_SHARE = 0.1
#: A row speaks until the next one, but not for longer than this: then the watch was paused [s].
_LONGEST_ROW_S = 15.0
_MINUTE_S = 60.0


def watch_summary(recording: Recording) -> dict[str, Any] | None:
    """Return what the watch of a session recorded, summed up; None where no watch did.

    ``duration_s`` (first to last row), ``recorded_s`` (pauses left out), ``distance_m``, mean ``speed_mps`` over the
    time recorded, ``run_s`` (the part of it with the steps or the speed of running), ``fastest_minute_mps``,
    ``heart_rate_bpm`` and ``max_heart_rate_bpm``, ``climb_m``, ``sport``, ``laps`` (a list), and ``measures``:
    distributions ``{median, p05, p95, n}`` under a summary's names. What is unknown is None or absent.
    """
    watch = recording.watch
    if watch is None or not watch.rows["t_s"].size:
        return None
    said = recording.info.get("activity")
    facts: dict[str, Any] = said if isinstance(said, dict) else {}
    duration_s = float(watch.rows["t_s"][-1])
    recorded_s = _number(facts.get("timer_s"), duration_s)
    distance_m = _number(facts.get("distance_m"), None)
    heart = _known(watch, "heart_rate_bpm")
    lap_heart = _of_laps(watch, "heart_rate_bpm")
    highest = heart if heart.size else watch.laps.get("max_heart_rate_bpm", np.zeros(0))
    highest = highest[np.isfinite(highest)]
    return {
        "duration_s": duration_s,
        "recorded_s": recorded_s,
        "distance_m": distance_m,
        "speed_mps": distance_m / recorded_s if distance_m is not None and recorded_s else None,
        "run_s": _run_s(watch, duration_s if recorded_s is None else recorded_s),
        "fastest_minute_mps": _fastest_minute_mps(watch),
        "heart_rate_bpm": float(heart.mean()) if heart.size else lap_heart,
        "max_heart_rate_bpm": float(highest.max()) if highest.size else None,
        "climb_m": _number(facts.get("climb_m"), climb_m(watch.rows.get("altitude_m", np.zeros(0)))),
        "sport": facts.get("sport"),
        "measures": _measures(watch),
        "laps": _laps(watch),
    }


def climb_m(altitude_m: FloatArray) -> float | None:
    """Return the metres climbed, rises under 3 m left out as noise; None when the altitude is not known."""
    known = altitude_m[np.isfinite(altitude_m)]
    if known.size < 2:
        return None
    low = top = float(known[0])
    total = 0.0
    for value in known.tolist():
        if value > top:
            top = value
        elif top - value >= _LEAST_RISE_M or value < low:
            total += top - low if top - low >= _LEAST_RISE_M else 0.0
            low = top = value
    return total + (top - low if top - low >= _LEAST_RISE_M else 0.0)


def _run_s(watch: WatchData, recorded_s: float) -> float | None:
    """Return the seconds of running; None where the rows do not tell it for over a tenth of the time."""
    t_s = watch.rows["t_s"]
    nothing = np.full(t_s.size, np.nan)
    cadence_spm, speed_mps = watch.rows.get("cadence_spm", nothing), watch.rows.get("speed_mps", nothing)
    length_s = np.minimum(np.diff(t_s, append=t_s[-1]), _LONGEST_ROW_S)
    total_s = float(length_s.sum())
    # A foot pod that was lost leaves 0 steps at the speed of running; that is no standing.
    runs = np.where(cadence_spm >= _MOVING_SPM, cadence_spm >= _RUNNING_SPM, speed_mps >= _RUNNING_MPS)
    unknown = ~np.isfinite(cadence_spm) & ~np.isfinite(speed_mps)
    if total_s <= 0.0 or float(length_s[unknown].sum()) > _MOST_UNKNOWN_SHARE * total_s:
        return None
    # What is not known counts as running: less would make the load smaller than it was.
    return recorded_s * float(length_s[runs | unknown].sum()) / total_s


def _fastest_minute_mps(watch: WatchData) -> float | None:
    """Return the highest mean speed over a minute; None without a minute of known speed."""
    t_s, speed_mps = watch.rows["t_s"], watch.rows.get("speed_mps", np.zeros(0))
    if speed_mps.size != t_s.size or t_s[-1] < _MINUTE_S:
        return None
    length_s = np.minimum(np.diff(t_s, append=t_s[-1]), _LONGEST_ROW_S)
    known = np.isfinite(speed_mps)
    way_m = np.concatenate(([0.0], np.cumsum(np.where(known, speed_mps, 0.0) * length_s)))
    known_s = np.concatenate(([0.0], np.cumsum(np.where(known, length_s, 0.0))))
    last = np.searchsorted(t_s, t_s + _MINUTE_S, side="right") - 1
    first = np.arange(t_s.size)
    whole = (known_s[last] - known_s[first] >= (1.0 - _MOST_UNKNOWN_SHARE) * _MINUTE_S) & (
        t_s[last] - t_s[first] <= _MINUTE_S
    )
    if not whole.any():
        return None
    return float(((way_m[last] - way_m[first])[whole] / (known_s[last] - known_s[first])[whole]).max())


def _number(value: Any, otherwise: float | None) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    return float(value) if known else otherwise


def _known(watch: WatchData, name: str) -> FloatArray:
    values = watch.rows.get(name, np.zeros(0))
    return values[np.isfinite(values)]


def _of_laps(watch: WatchData, name: str) -> float | None:
    """Return the laps' mean of a quantity, each by its length; None unless every lap says both."""
    values, lengths = watch.laps.get(name, np.zeros(0)), watch.laps.get("duration_s", np.zeros(0))
    if (
        not values.size
        or not np.isfinite(values).all()
        or not np.isfinite(lengths).all()
        or lengths.sum() <= 0.0
    ):
        return None
    return float(np.average(values, weights=lengths))


def _measures(watch: WatchData) -> dict[str, Any]:
    cadence_spm = watch.rows.get("cadence_spm", np.full(watch.rows["t_s"].size, np.nan))
    moving = ~(cadence_spm < _MOVING_SPM)
    result: dict[str, Any] = {}
    for key, column, factor in _MEASURES:
        values = factor * watch.rows.get(column, np.zeros(0))
        values = values[moving & np.isfinite(values)] if values.size else values
        if values.size:
            low, middle, high = percentiles(values, (5.0, 50.0, 95.0))
            result[key] = {"median": middle, "p05": low, "p95": high, "n": int(values.size)}
    return result


def _laps(watch: WatchData) -> list[dict[str, float | None]]:
    names = list(watch.laps)
    rows = zip(*(watch.laps[name].tolist() for name in names), strict=True)
    return [
        {name: value if np.isfinite(value) else None for name, value in zip(names, row, strict=True)}
        for row in rows
    ]
