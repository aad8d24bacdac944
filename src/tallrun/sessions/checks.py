"""What a sensor's signals must fulfil to be believed: order in time, declared rate, units.

The unit checks rest on physics, not on style of movement. Averaged over a second, the magnitude of specific
force cannot be much below gravity (a body that neither flies off nor sinks is held up by 1 g), and no runner's
foot averages 8 g. No wearable gyroscope reads 2300 degrees per second for 0.5 % of the time. What is impaired
rather than wrong (NaN samples, equal stamps, gaps, jitter, clipping, a missing axis) passes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import SignalError
from tallrun.numerics.percentiles import percentiles
from tallrun.numerics.recording import FloatArray, SensorRecording
from tallrun.units import DEG_PER_RAD, STANDARD_GRAVITY_MPS2

MAX_RATE_HZ = 10_000.0
#: Longest distance of a sample from the session's start: thirty days. Unix time stamps lie far beyond it.
MAX_TIME_S = 30 * 86_400.0
RATE_TOLERANCE = 0.25
_MIN_JUDGED_S = 0.5
_MIN_JUDGED_SAMPLES = 10
_LOW_MEAN_G = 0.5
_LOW_MEAN_AXIS_MISSING_G = 0.25
_HIGH_MEAN_G = 8.0
_IMPOSSIBLE_TURN_RADPS = 40.0
#: Units are judged on this many rows, spread evenly: enough for a mean and a 99.5th percentile.
_JUDGED_ROWS = 20_000
_MOST_NAMES = 30


def check_sensor(sensor: SensorRecording, where: str) -> None:
    """Raise SignalError, naming ``where``, when a sensor's samples cannot be what they claim to be.

    Empty sensors and sensors of NaN only pass; pieces shorter than 0.5 s are not judged for rate and unit.
    """
    check_shapes(sensor, where)
    check_time(sensor.t_s, where)
    check_rate(sensor.t_s, sensor.spec.rate_hz, where)
    check_specific_force(sensor.t_s, sensor.acc_mps2, where)
    if sensor.gyr_radps is not None:
        check_angular_rate(sensor.gyr_radps, where)


def check_shapes(sensor: SensorRecording, where: str) -> None:
    """Raise SignalError unless t_s is (n,) and acc_mps2 and gyr_radps are (n, 3), all of floating point."""
    n = sensor.t_s.shape[0] if sensor.t_s.ndim == 1 else -1
    shapes = {"t_s": (sensor.t_s, (n,)), "acc_mps2": (sensor.acc_mps2, (n, 3))}
    if sensor.gyr_radps is not None:
        shapes["gyr_radps"] = (sensor.gyr_radps, (n, 3))
    for name, (values, shape) in shapes.items():
        if values.shape != shape or not np.issubdtype(values.dtype, np.floating):
            expected = "(n,)" if name == "t_s" else f"({max(n, 0)}, 3)"
            raise SignalError(
                f"{where}: {name} must be floating point of shape {expected}, "
                f"got {values.dtype} {values.shape}"
            )


def check_time(t_s: FloatArray, where: str) -> None:
    """Raise SignalError unless stamps are finite, never go back, and lie within thirty days of the start."""
    bad = np.flatnonzero(~np.isfinite(t_s))
    if bad.size:
        raise SignalError(
            f"{where}: t_s must be finite, found {t_s[bad[0]]} in row {bad[0]} ({bad.size} such rows)"
        )
    back = np.flatnonzero(t_s[1:] < t_s[:-1])
    if back.size:
        row = int(back[0])
        raise SignalError(
            f"{where}: time goes back from {t_s[row]:.6f} s to {t_s[row + 1]:.6f} s at row {row + 1} "
            f"({back.size} such rows); sort the rows or split the file at the clock reset"
        )
    if t_s.size and max(abs(float(t_s[0])), abs(float(t_s[-1]))) > MAX_TIME_S:
        raise SignalError(
            f"{where}: t_s runs from {t_s[0]:.6g} to {t_s[-1]:.6g}; "
            "expected seconds since started_at, not a date"
        )


def check_rate(t_s: FloatArray, rate_hz: float, where: str) -> None:
    """Raise SignalError when ``rate_hz`` is impossible or contradicts the stamps by over a quarter.

    Loss lowers the mean rate and batch stamps spoil the median interval, so one agreeing estimate is enough.
    """
    if not (np.isfinite(rate_hz) and 0.0 < rate_hz <= MAX_RATE_HZ):
        raise SignalError(f"{where}: rate_hz must lie between 0 and {MAX_RATE_HZ:.0f}, got {rate_hz}")
    if t_s.size < _MIN_JUDGED_SAMPLES:
        return
    span_s = float(t_s[-1] - t_s[0])
    if span_s <= 0.0:
        raise SignalError(f"{where}: all {t_s.size} rows carry the same t_s {t_s[0]:.6f}; time must advance")
    if abs((t_s.size - 1) / span_s / rate_hz - 1.0) <= RATE_TOLERANCE:
        return
    steps_s = np.diff(t_s)
    usual_hz = 1.0 / float(np.median(steps_s[steps_s > 0.0]))
    if abs(usual_hz / rate_hz - 1.0) > RATE_TOLERANCE:
        raise SignalError(
            f"{where}: rate_hz {rate_hz:g} is declared, but the stamps advance like "
            f"{usual_hz:.4g} Hz; correct rate_hz or the unit of time"
        )


def check_specific_force(t_s: FloatArray, acc_mps2: FloatArray, where: str) -> None:
    """Raise SignalError when the mean specific force is impossible for a worn sensor in m/s^2."""
    judged = _spread_rows(acc_mps2.shape[0])
    t_s, acc_mps2 = t_s[judged], acc_mps2[judged]
    axes = np.isfinite(acc_mps2).any(axis=0)
    rows = np.isfinite(acc_mps2[:, axes]).all(axis=1)
    if not axes.any() or not _long_enough(t_s[rows]):
        return
    mean_mps2 = float(np.mean(np.linalg.norm(acc_mps2[rows][:, axes], axis=1)))
    low_g = _LOW_MEAN_G if axes.all() else _LOW_MEAN_AXIS_MISSING_G
    if low_g * STANDARD_GRAVITY_MPS2 <= mean_mps2 <= _HIGH_MEAN_G * STANDARD_GRAVITY_MPS2:
        return
    raise SignalError(
        f"{where}: specific force averages {mean_mps2:.3g} m/s^2 where gravity alone gives 9.81; "
        f"{_acceleration_remedy(mean_mps2)}"
    )


def _acceleration_remedy(mean_mps2: float) -> str:
    if mean_mps2 > _HIGH_MEAN_G * STANDARD_GRAVITY_MPS2:
        if mean_mps2 > 40.0 * STANDARD_GRAVITY_MPS2:
            return "the values look like mg or raw counts: convert them to m/s^2"
        return "the values look like m/s^2 declared as g: declare m/s^2"
    if mean_mps2 > 0.7:
        return "the values look like g: multiply by 9.80665, or declare g when importing"
    return "gravity seems to be removed (linear acceleration): export the raw accelerometer with gravity"


def check_angular_rate(gyr_radps: FloatArray, where: str) -> None:
    """Raise SignalError when angular rate is too fast for any wearable gyroscope in rad/s."""
    rate_radps = _finite_norms(gyr_radps)
    if rate_radps.size < _MIN_JUDGED_SAMPLES:
        return
    high_radps = percentiles(rate_radps, [99.5])[0]
    if high_radps > _IMPOSSIBLE_TURN_RADPS:
        raise SignalError(
            f"{where}: angular rate reaches {high_radps:.3g} rad/s ({high_radps * DEG_PER_RAD:.0f} deg/s) "
            "for 0.5 % of the time, beyond any wearable gyroscope; the values look like deg/s: "
            "multiply by pi/180, or declare deg/s when importing"
        )


def _finite_norms(values: FloatArray) -> FloatArray:
    values = values[_spread_rows(values.shape[0])]
    norms: FloatArray = np.linalg.norm(values[np.isfinite(values).all(axis=1)], axis=1)
    return norms


def _spread_rows(n_rows: int) -> NDArray[np.intp]:
    return np.linspace(0, n_rows - 1, min(n_rows, _JUDGED_ROWS)).astype(np.intp)


def _long_enough(t_s: FloatArray) -> bool:
    return t_s.size >= _MIN_JUDGED_SAMPLES and float(t_s[-1] - t_s[0]) >= _MIN_JUDGED_S


def names_of_strangers(names: Iterable[str]) -> str:
    """Return names a file uses as one line, sorted: what cannot be printed is ``?``, what is long or many is cut."""
    clean = sorted({"".join(c if c.isprintable() else "?" for c in name)[:40] for name in names})
    more = len(clean) - _MOST_NAMES
    return ", ".join(clean[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
