"""Units a person declares for a foreign file, and whether the numbers can be in them.

The units of one quantity lie factors of ten to a thousand apart, so numbers in the wrong one are impossible by far, and
the one that fits can be named together with the option that sets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tallrun.errors import FormatError, SignalError
from tallrun.numerics.recording import FloatArray
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

ACC_UNITS = {"mps2": 1.0, "g": STANDARD_GRAVITY_MPS2, "mg": STANDARD_GRAVITY_MPS2 / 1000.0}
GYR_UNITS = {"radps": 1.0, "dps": RAD_PER_DEG, "mdps": RAD_PER_DEG / 1000.0}
#: A spreadsheet counts days.
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "days": 86_400.0}
#: Slower than any sensor that shows a step, faster than any that is worn.
_RATE_HZ = (5.0, 10_000.0)
#: Mean over half a second or more: gravity is always in it (but may lie on a missing axis), no foot averages 8 g.
_FORCE_G = (0.5, 8.0)
_FORCE_AXIS_MISSING_G = 0.25
#: 99.5th percentile, beyond any wearable gyroscope (2300 deg/s).
_FASTEST_RADPS = 40.0
#: What a unit that fits makes of the numbers; narrower than a step between units, so that at most one fits.
_LIKELY_RATE_HZ = (12.0, 4000.0)
_LIKELY_FORCE_G = (0.6, 5.0)
_LIKELY_TURN_RADPS = (0.7, 35.0)
#: A second counts as rest when the magnitude stays within this share; a good sensor is within a few percent of gravity.
_STILL_SHARE = 0.01
_REST_TOLERANCE_G = 0.15
_MIN_JUDGED_SAMPLES = 10
_MIN_JUDGED_S = 0.5
_JUDGED_ROWS = 20_000


@dataclass(frozen=True)
class Declared:
    """Units a person or a preset declared; None where nothing was declared (or time was counted in samples)."""

    time: str | None = None
    acc: str | None = None
    gyr: str | None = None


class UnitWords(NamedTuple):
    """How whoever reads a refusal sets the unit that fits: in words of the terminal unless told otherwise."""

    time: str = "--time-unit {unit}"
    acc: str = "--acc-unit {unit}"
    gyr: str = "--gyr-unit {unit}"


TERMINAL = UnitWords()


def unit_factor(units: dict[str, float], unit: str, what: str) -> float:
    """Return the factor to SI for ``unit``. Raises FormatError naming the known units."""
    if unit not in units:
        raise FormatError(f"unit of {what} must be one of {', '.join(units)}, got {unit!r}")
    return units[unit]


def check_declared_time(t_s: FloatArray, unit: str | None, where: str, words: UnitWords = TERMINAL) -> None:
    """Raise SignalError when the stamps, taken in ``unit``, advance at a rate no worn sensor has."""
    steps_s = np.diff(t_s)
    steps_s = steps_s[steps_s > 0.0]
    if t_s.size < _MIN_JUDGED_SAMPLES or steps_s.size == 0:
        return
    # Stamps of batches stand still within a batch: the mean counts there, the median where samples were lost.
    rates_hz = (1.0 / float(np.median(steps_s)), (t_s.size - 1) / float(t_s[-1] - t_s[0]))
    if any(_RATE_HZ[0] <= rate_hz <= _RATE_HZ[1] for rate_hz in rates_hz):
        return
    found = "s" if unit is None else unit
    fit = _fitting(TIME_UNITS, found, 1.0 / rates_hz[0], (1.0 / _LIKELY_RATE_HZ[1], 1.0 / _LIKELY_RATE_HZ[0]))
    remedy = (
        f"they fit {words.time.format(unit=fit)}"
        if fit
        else f"no unit of {', '.join(TIME_UNITS)} fits: is it the right column?"
    )
    raise SignalError(
        f"{where}: stamps in {found} advance at {rates_hz[0]:.4g} Hz, expected {_RATE_HZ[0]:g} to "
        f"{_RATE_HZ[1]:g} Hz; {remedy}"
    )


def check_sample_numbers(numbers: FloatArray, where: str) -> None:
    """Raise SignalError unless a column counts samples: whole numbers that rise by one where none is lost."""
    steps = np.diff(numbers)
    if numbers.size < _MIN_JUDGED_SAMPLES:
        return
    step = float(np.median(steps))
    if step != 1.0 or not np.all(numbers == np.round(numbers)):
        raise SignalError(
            f"{where}: expected sample numbers rising by 1, found steps of {step:.4g}; if the column holds time, give "
            f"its unit with --time-unit ({', '.join(TIME_UNITS)})"
        )


def check_declared_rate(t_s: FloatArray, rate_hz: float, tolerance: float, where: str) -> None:
    """Raise SignalError when a typed sampling rate contradicts the stamps by over ``tolerance``."""
    steps_s = np.diff(t_s)
    if t_s.size < _MIN_JUDGED_SAMPLES or not np.any(steps_s > 0.0):
        return
    rates_hz = (1.0 / float(np.median(steps_s[steps_s > 0.0])), (t_s.size - 1) / float(t_s[-1] - t_s[0]))
    if all(abs(found / rate_hz - 1.0) > tolerance for found in rates_hz):
        raise SignalError(
            f"{where}: --rate-hz {rate_hz:g} was given, but the stamps advance at {rates_hz[0]:.4g} Hz; leave "
            "--rate-hz out, or correct --time-unit"
        )


def check_declared_acc(
    t_s: FloatArray, acc_mps2: FloatArray, unit: str | None, where: str, words: UnitWords = TERMINAL
) -> None:
    """Raise SignalError when specific force, taken in ``unit``, cannot come from a worn sensor."""
    rows = _spread(acc_mps2.shape[0])
    axes = np.isfinite(acc_mps2[rows]).any(axis=0)
    known = rows[np.isfinite(acc_mps2[rows][:, axes]).all(axis=1)]
    if unit is None or not axes.any() or known.size < _MIN_JUDGED_SAMPLES:
        return
    if t_s[known[-1]] - t_s[known[0]] < _MIN_JUDGED_S:
        return
    mean_g = float(np.mean(np.linalg.norm(acc_mps2[known][:, axes], axis=1))) / STANDARD_GRAVITY_MPS2
    if (_FORCE_G[0] if axes.all() else _FORCE_AXIS_MISSING_G) <= mean_g <= _FORCE_G[1]:
        return
    fit = _fitting(ACC_UNITS, unit, mean_g, _LIKELY_FORCE_G)
    doubt = " (or gravity was removed: then export the raw accelerometer)" if mean_g < _FORCE_G[0] else ""
    remedy = (
        f"it fits {words.acc.format(unit=fit)}{doubt}"
        if fit
        else f"no unit of {', '.join(ACC_UNITS)} fits: are these raw counts, or was gravity removed?"
    )
    raise SignalError(
        f"{where}: specific force in {unit} averages {mean_g * STANDARD_GRAVITY_MPS2:.3g} m/s^2, where gravity alone "
        f"gives 9.81; {remedy}"
    )


def check_rest(t_s: FloatArray, acc_mps2: FloatArray, rate_hz: float, unit: str | None, where: str) -> None:
    """Raise SignalError when a sensor that lies or stands still for a second does not read gravity.

    Counts taken for mg may well average what a runner's foot does; only at rest is the true value known. A recording
    without rest, or with a missing axis, is not judged.
    """
    n = round(rate_hz)
    n_windows = acc_mps2.shape[0] // max(n, 1)
    if unit is None or n < _MIN_JUDGED_SAMPLES or n_windows == 0:
        return
    force_g = np.linalg.norm(acc_mps2[: n * n_windows], axis=1).reshape(n_windows, n) / STANDARD_GRAVITY_MPS2
    means, spreads = force_g.mean(axis=1), force_g.std(axis=1)
    still = np.flatnonzero(spreads < _STILL_SHARE * means)
    if still.size == 0:
        return
    quietest = still[np.argmin(spreads[still] / means[still])]
    if abs(means[quietest] - 1.0) > _REST_TOLERANCE_G:
        raise SignalError(
            f"{where}: at rest (from {t_s[quietest * n]:.1f} s) specific force in {unit} is {means[quietest]:.3g} g, "
            "where gravity gives 1; are these raw counts of another scale? Convert them and give --acc-unit"
        )


def check_declared_gyr(
    acc_mps2: FloatArray,
    gyr_radps: FloatArray,
    unit: str | None,
    placement: str,
    where: str,
    words: UnitWords = TERMINAL,
) -> None:
    """Raise SignalError when angular rate, taken in ``unit``, is beyond any gyroscope, or too slow for a moving sensor.

    A gyroscope of nothing but zeros is not judged, nor is the slow side of a sensor that hardly moves.
    """
    rate_radps, force_mps2 = _norms(gyr_radps), _norms(acc_mps2)
    if unit is None or rate_radps.size < _MIN_JUDGED_SAMPLES:
        return
    high_radps = float(np.percentile(rate_radps, 99.5))
    moves = min(force_mps2.size, rate_radps.size) >= 100 and float(np.std(force_mps2)) >= 3.0
    slowest_radps = 0.6 if placement.startswith("foot") else 0.15
    if high_radps <= _FASTEST_RADPS and (not moves or high_radps == 0.0 or high_radps >= slowest_radps):
        return
    fit = _fitting(GYR_UNITS, unit, high_radps, _LIKELY_TURN_RADPS)
    why = (
        "beyond any wearable gyroscope"
        if high_radps > _FASTEST_RADPS
        else "too slow for a sensor that moves so"
    )
    remedy = (
        f"it fits {words.gyr.format(unit=fit)}"
        if fit
        else f"no unit of {', '.join(GYR_UNITS)} fits: are these raw counts?"
    )
    raise SignalError(
        f"{where}: angular rate in {unit} reaches {high_radps:.3g} rad/s ({high_radps / RAD_PER_DEG:.3g} deg/s), "
        f"{why}; {remedy}"
    )


def _fitting(units: dict[str, float], declared: str, value: float, likely: tuple[float, float]) -> str | None:
    """Return the unit that brings ``value`` (SI, as declared) between ``likely``, when it is another one."""
    raw = value / units[declared]
    fits = [
        unit for unit, factor in units.items() if unit != declared and likely[0] <= raw * factor <= likely[1]
    ]
    return fits[0] if fits else None


def _norms(values: FloatArray) -> FloatArray:
    values = values[_spread(values.shape[0])]
    norms: FloatArray = np.linalg.norm(values[np.isfinite(values).all(axis=1)], axis=1)
    return norms


def _spread(n_rows: int) -> np.ndarray:
    return np.linspace(0, n_rows - 1, min(n_rows, _JUDGED_ROWS)).astype(np.intp)
