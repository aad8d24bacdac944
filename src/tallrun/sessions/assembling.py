"""From columns of foreign files to a ``Recording``: units, time axes, and the merging of separate streams.

Every importer of sensor signals ends here, so a unit that cannot be right is refused in one place with one wording.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import FormatError
from tallrun.numerics.recording import (
    PLACEMENTS,
    FloatArray,
    Recording,
    RunnerProfile,
    SensorRecording,
    SensorSpec,
)
from tallrun.sessions.checks import RATE_TOLERANCE, check_sensor, check_time
from tallrun.sessions.foreign_units import (
    Declared,
    check_declared_acc,
    check_declared_gyr,
    check_declared_rate,
    check_declared_time,
    check_rest,
)

#: So few samples, so little late, are packets that overtook each other; more is a clock that was set back.
_MOST_LATE_SHARE, _MOST_LATE_S, _FEW_LOST = 0.01, 0.5, 3


_PARTS = ("acc_mps2", "gyr_radps")


@dataclass(frozen=True)
class Stream:
    """One triaxial signal (or two on one clock) of one placement, already in SI. Either part may be None."""

    placement: str
    where: str
    t_s: FloatArray
    acc_mps2: FloatArray | None
    gyr_radps: FloatArray | None
    declared: Declared = field(default_factory=Declared)


@dataclass(frozen=True)
class ImportFacts:
    """What the person importing knows and the file does not say; None or empty where unknown."""

    rate_hz: float | None = None
    model: str | None = None
    acc_range_g: float | None = None
    gyr_range_dps: float | None = None
    runner: RunnerProfile = field(default_factory=RunnerProfile)
    info: dict[str, Any] = field(default_factory=dict)
    same_clock: bool = True


@dataclass(frozen=True)
class Imported:
    """A recording made from foreign files, and what was done to the data, in plain sentences."""

    recording: Recording
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what came in, a line a sensor."""
        told = []
        for placement, sensor in self.recording.sensors.items():
            span_s = float(sensor.t_s[-1] - sensor.t_s[0]) if sensor.t_s.size else 0.0
            signals = "accelerometer and gyroscope" if sensor.gyr_radps is not None else "accelerometer only"
            told.append(
                f"{placement}: {sensor.t_s.size} samples, {span_s:.1f} s at {sensor.spec.rate_hz:g} Hz, {signals}"
            )
        return told


def unwrap_counter(ticks: FloatArray, modulus: float) -> FloatArray:
    """Return a device counter made to go on rising where it wrapped at ``modulus``."""
    wraps = np.diff(ticks, prepend=ticks[:1]) < -modulus / 2.0
    return ticks + modulus * np.cumsum(wraps)


def spread_batches(t_s: FloatArray) -> tuple[FloatArray, bool]:
    """Give the samples of a batch that share one stamp their own times; report whether that was needed.

    A stamp is that of the batch's first sample. Batches are recognised when at least half of all steps are zero;
    single equal stamps are left alone.
    """
    steps_s = np.diff(t_s)
    if t_s.size < 4 or np.count_nonzero(steps_s == 0.0) * 2 < steps_s.size or not np.any(steps_s > 0.0):
        return t_s, False
    stamps_s, first, counts = np.unique(t_s, return_index=True, return_counts=True)
    sample_step_s = float(np.median(np.diff(stamps_s) / counts[:-1]))
    within = np.arange(t_s.size) - np.repeat(first, counts)
    room_s = np.append(np.diff(stamps_s), np.inf)
    step_s = np.minimum(sample_step_s, room_s / counts)
    return np.repeat(stamps_s, counts) + within * np.repeat(step_s, counts), True


def estimate_rate_hz(t_s: FloatArray, where: str) -> float:
    """Return the sampling rate the stamps show: the inverse of the median step, repeated stamps left out.

    Raises FormatError when fewer than two different stamps are there.
    """
    steps_s = np.diff(t_s)
    steps_s = steps_s[steps_s > 0.0]
    if steps_s.size == 0:
        raise FormatError(
            f"{where}: the rate cannot be found from {t_s.size} row(s) of time; declare it with --rate-hz"
        )
    return float(np.round(1.0 / np.median(steps_s), 2))


def assemble(streams: Iterable[Stream], facts: ImportFacts, source: str) -> Imported:
    """Join streams into one recording that starts at 0 s.

    An accelerometer and a gyroscope of the same placement that came apart are joined by interpolating the gyroscope
    at the accelerometer's stamps (not across gaps). Streams on one clock keep their offsets.

    Raises
    ------
    FormatError
        Two streams claim the same part of a placement, an accelerometer is missing, or clocks do not overlap.
    SignalError
        Values cannot be what was declared; the message says which unit they look like.
    """
    merged, notes = _merge(list(streams))
    origins_s = _origins(merged, facts.same_clock)
    sensors: dict[str, SensorRecording] = {}
    for placement in (name for name in PLACEMENTS if name in merged):
        stream = merged[placement]
        if stream.acc_mps2 is None:
            raise FormatError(
                f"{stream.where}: no accelerometer for {placement}; give its file or columns too"
            )
        sensors[placement] = _sensor(stream, stream.acc_mps2, origins_s[placement], facts, notes)
    info = {"session_id": str(uuid4()), **facts.info}
    info.setdefault("source", source)
    return Imported(Recording(sensors=sensors, runner=facts.runner, info=info), tuple(notes))


def _merge(streams: list[Stream]) -> tuple[dict[str, Stream], list[str]]:
    merged: dict[str, Stream] = {}
    notes: list[str] = []
    for stream in streams:
        if stream.placement not in PLACEMENTS:
            raise FormatError(
                f"{stream.where}: placement must be one of {', '.join(PLACEMENTS)}, got {stream.placement!r}"
            )
        stream = _in_order(stream, notes)
        from_zero_s = stream.t_s - (stream.t_s[0] if stream.t_s.size else 0.0)
        if np.all(np.diff(from_zero_s) >= 0.0):
            check_declared_time(from_zero_s, stream.declared.time, stream.where)
        check_time(from_zero_s, stream.where)
        t_s, spread = spread_batches(stream.t_s)
        if spread:
            notes.append(f"{stream.where}: samples of a batch shared one stamp and were spread evenly")
        other, own = merged.get(stream.placement), replace(stream, t_s=t_s)
        merged[stream.placement] = own if other is None else _join(other, own, notes)
    if not merged:
        raise FormatError("nothing to import: no file was given")
    return merged, notes


def _in_order(stream: Stream, notes: list[str]) -> Stream:
    """Return the stream with a few samples that came late in the place of their time; a clock that went back stays.

    A few samples without a stamp are left out.
    """
    lost = ~np.isfinite(stream.t_s)
    if (
        lost.any()
        and lost.sum() <= max(_FEW_LOST, _MOST_LATE_SHARE * lost.size)
        and 2 * lost.sum() < lost.size
    ):
        notes.append(f"{stream.where}: {lost.sum()} sample(s) without a stamp left out")
        stream = _taken(stream, ~lost)
    for part in (stream.acc_mps2, stream.gyr_radps):
        if part is not None and np.isinf(part).any():
            notes.append(f"{stream.where}: {int(np.isinf(part).sum())} endless value(s) count as unknown")
            part[np.isinf(part)] = np.nan
    # A packet that was overtaken lies behind the latest stamp; after a clock was set back all that follow do.
    behind_s = np.maximum.accumulate(stream.t_s) - stream.t_s if stream.t_s.size else np.zeros(0)
    late = int(np.count_nonzero(behind_s > 0.0))
    if not late or late > max(_FEW_LOST, _MOST_LATE_SHARE * stream.t_s.size) or behind_s.max() > _MOST_LATE_S:
        return stream
    order = np.argsort(stream.t_s, kind="stable")
    notes.append(f"{stream.where}: {late} sample(s) that came late were put in the place of their time")
    return _taken(stream, order)


def _taken(stream: Stream, which: NDArray[Any]) -> Stream:
    acc, gyr = (None if part is None else part[which] for part in (stream.acc_mps2, stream.gyr_radps))
    return replace(stream, t_s=stream.t_s[which], acc_mps2=acc, gyr_radps=gyr)


def _join(first: Stream, second: Stream, notes: list[str]) -> Stream:
    pieces = sorted((first, second), key=lambda stream: float(stream.t_s[0]) if stream.t_s.size else 0.0)
    if all((getattr(first, part) is None) == (getattr(second, part) is None) for part in _PARTS) and (
        pieces[0].t_s.size and pieces[1].t_s.size and pieces[0].t_s[-1] < pieces[1].t_s[0]
    ):
        gap_s = float(pieces[1].t_s[0] - pieces[0].t_s[-1])
        notes.append(
            f"{first.placement}: {second.where} follows {first.where} after {gap_s:.2f} s and was put behind it"
        )
        acc, gyr = (
            None if getattr(first, part) is None else np.vstack([getattr(piece, part) for piece in pieces])
            for part in _PARTS
        )
        t_s = np.concatenate([piece.t_s for piece in pieces])
        return replace(pieces[0], t_s=t_s, acc_mps2=acc, gyr_radps=gyr)
    for part in _PARTS:
        if getattr(first, part) is not None and getattr(second, part) is not None:
            raise FormatError(
                f"{first.where} and {second.where} both hold the {part[:3]} signal of {first.placement}; "
                "give each file its own placement"
            )
    force, turn = (first, second) if first.acc_mps2 is not None else (second, first)
    if turn.gyr_radps is None or force.acc_mps2 is None:
        raise FormatError(f"{first.where} and {second.where} do not hold an accelerometer and a gyroscope")
    notes.append(f"{first.placement}: gyroscope of {turn.where} interpolated at the accelerometer's stamps")
    return Stream(
        force.placement,
        force.where,
        force.t_s,
        force.acc_mps2,
        interpolate(force.t_s, turn.t_s, turn.gyr_radps),
        replace(force.declared, gyr=turn.declared.gyr),
    )


def interpolate(at_s: FloatArray, t_s: FloatArray, values: FloatArray) -> FloatArray:
    """Return ``values`` (n, k) linearly interpolated at ``at_s``; NaN outside and across gaps of over 5 samples."""
    result = np.full((at_s.size, values.shape[1]), np.nan)
    if t_s.size < 2:
        return result
    steps_s = np.diff(t_s)
    longest_s = 5.0 * float(np.median(steps_s))
    right = np.clip(np.searchsorted(t_s, at_s, side="right"), 1, t_s.size - 1)
    hit = (at_s == t_s[right - 1]) | (at_s == t_s[right])
    inside = (at_s >= t_s[0]) & (at_s <= t_s[-1]) & (hit | (steps_s[right - 1] <= longest_s))
    for axis in range(values.shape[1]):
        result[inside, axis] = np.interp(at_s[inside], t_s, values[:, axis])
    return result


def _origins(merged: dict[str, Stream], same_clock: bool) -> dict[str, float]:
    spans = {name: (stream.t_s[0], stream.t_s[-1]) for name, stream in merged.items() if stream.t_s.size}
    if not same_clock:
        return {name: spans[name][0] if name in spans else 0.0 for name in merged}
    start_s = min((first for first, _ in spans.values()), default=0.0)
    if spans and max(first for first, _ in spans.values()) > min(last for _, last in spans.values()):
        shown = "; ".join(f"{name} {first:.3f} to {last:.3f} s" for name, (first, last) in spans.items())
        raise FormatError(
            f"the sensors' clocks do not overlap ({shown}); if each has a clock of its own and all started together, "
            "import with --own-clocks"
        )
    return dict.fromkeys(merged, start_s)


def _sensor(
    stream: Stream, acc_mps2: FloatArray, origin_s: float, facts: ImportFacts, notes: list[str]
) -> SensorRecording:
    t_s = stream.t_s - origin_s
    equal = int(np.count_nonzero(np.diff(t_s) == 0.0))
    if equal:
        notes.append(f"{stream.placement}: {equal} samples repeat the stamp before them (kept)")
    where = f"{stream.where}: {stream.placement}"
    if facts.rate_hz is not None and facts.rate_hz > 0.0:
        check_declared_rate(t_s, facts.rate_hz, RATE_TOLERANCE, where)
    check_declared_acc(t_s, acc_mps2, stream.declared.acc, where)
    if stream.gyr_radps is not None:
        check_declared_gyr(acc_mps2, stream.gyr_radps, stream.declared.gyr, stream.placement, where)
    rate_hz = facts.rate_hz if facts.rate_hz is not None else estimate_rate_hz(t_s, stream.where)
    check_rest(t_s, acc_mps2, rate_hz, stream.declared.acc, where)
    sensor = SensorRecording(
        spec=SensorSpec(
            placement=stream.placement,
            rate_hz=rate_hz,
            acc_range_g=facts.acc_range_g,
            gyr_range_dps=facts.gyr_range_dps if stream.gyr_radps is not None else None,
            has_gyroscope=stream.gyr_radps is not None,
            model=facts.model,
        ),
        t_s=t_s,
        acc_mps2=acc_mps2,
        gyr_radps=stream.gyr_radps,
    )
    check_sensor(sensor, where)
    return sensor
