"""How samples reach the receiver: stamps with jitter, skew and offset; lost and doubled packets; missing axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import UsageError
from tallrun.numerics.recording import FloatArray, SensorRecording, SensorSpec
from tallrun.simulate.imu import Sampled, SensorSetup

AXIS_NAMES = ("acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z")


def stamps(setup: SensorSetup, t_true_s: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return what the receiver believes the sample times to be; always strictly rising."""
    if not len(t_true_s) or setup.is_ideal:
        return t_true_s
    t = t_true_s[0] + np.arange(len(t_true_s)) / setup.rate_hz + setup.offset_s
    if setup.jitter_s > 0.0:
        t = np.sort(t + setup.jitter_s * rng.standard_normal(len(t)))
        least = 0.02 / setup.rate_hz
        t = np.maximum.accumulate(t - least * np.arange(len(t))) + least * np.arange(len(t))
    return t


def lost_packets(n: int, loss: float, burst: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which of ``n`` packets are lost: a two-state chain with the given share and mean burst length."""
    if loss <= 0.0:
        return np.zeros(n, dtype=bool)
    leave = 1.0 / max(burst, 1.0)
    enter = min(1.0, loss * leave / (1.0 - loss))
    draws = rng.random(n)
    lost = np.zeros(n, dtype=bool)
    state = False
    for k in range(n):
        state = draws[k] >= leave if state else draws[k] < enter
        lost[k] = state
    return lost


def deliver(
    setup: SensorSetup, sampled: Sampled, rng: np.random.Generator
) -> tuple[SensorRecording, dict[str, Any]]:
    """Make the recording of one sensor and the truth about how it arrived."""
    t = stamps(setup, sampled.t_true_s, rng)
    n = len(t)
    packet = np.arange(n) // setup.packet_samples
    n_packets = int(packet[-1]) + 1 if n else 0
    lost = lost_packets(n_packets, 0.0 if setup.is_ideal else setup.loss, setup.burst_packets, rng)
    doubled = rng.random(n_packets) < (0.0 if setup.is_ideal else setup.duplicate)
    doubled &= ~lost
    order = _delivery_order(n, setup.packet_samples, lost, doubled)
    acc, gyr = sampled.acc_mps2[order].copy(), sampled.gyr_radps[order].copy()
    for name in setup.missing_axes:
        if name not in AXIS_NAMES:
            raise UsageError(f"missing_axes must name some of {', '.join(AXIS_NAMES)}; got {name!r}")
        column = AXIS_NAMES.index(name)
        (acc if column < 3 else gyr)[:, column % 3] = np.nan
    spec = SensorSpec(
        placement=setup.placement,
        rate_hz=setup.rate_hz,
        acc_range_g=setup.acc_range_g,
        gyr_range_dps=setup.gyr_range_dps if setup.has_gyroscope else None,
        has_gyroscope=setup.has_gyroscope,
        model=setup.model,
    )
    recording = SensorRecording(spec, t[order], acc, gyr if setup.has_gyroscope else None)
    lost_samples = int(lost[packet].sum()) if n else 0
    truth = {
        "mounting_body_from_sensor": sampled.mounting.tolist(),
        "n_samples": len(order),
        "lost_share": lost_samples / n if n else 0.0,
        "lost_spans_s": _spans(sampled.t_true_s, lost[packet] if n else np.zeros(0, bool), setup.rate_hz),
        "duplicated_packets": int(doubled.sum()),
        "jitter_s": setup.jitter_s,
        "clock": {"skew_ppm": setup.skew_ppm, "offset_s": setup.offset_s},
        **sampled.errors,
    }
    return recording, truth


def _delivery_order(
    n: int, size: int, lost: NDArray[np.bool_], doubled: NDArray[np.bool_]
) -> NDArray[np.int64]:
    index = np.arange(n)
    if not lost.any() and not doubled.any():
        return index
    pieces = []
    for k in np.flatnonzero(~lost):
        piece = index[k * size : (k + 1) * size]
        pieces.append(np.repeat(piece, 2) if doubled[k] else piece)
    return np.concatenate(pieces) if pieces else index[:0]


def _spans(t_s: FloatArray, marked: NDArray[np.bool_], rate_hz: float) -> list[list[float]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return [
        [float(t_s[a]), float(t_s[b - 1] + 1.0 / rate_hz)]
        for a, b in zip(edges[0::2], edges[1::2], strict=True)
    ]
