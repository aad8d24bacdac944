"""What a worn sensor makes of the true motion, in the order in which real parts spoil it.

Mounting -> bandwidth of the mechanical part -> clip at the range -> scale, misalignment, bias, random walk,
g-sensitivity, noise -> digital low-pass -> decimation -> quantisation (sci:D9). Stamps, loss and duplicates
follow in ``delivery``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from tallrun.errors import UsageError
from tallrun.numerics.recording import PLACEMENTS, FloatArray
from tallrun.units import RAD_PER_DEG, STANDARD_GRAVITY_MPS2

DEFAULT_ARM_M = {
    "foot_left": (0.05, 0.0, 0.07),
    "foot_right": (0.05, 0.0, 0.07),
    "pelvis": (-0.10, 0.0, 0.02),
    "trunk": (-0.08, 0.0, 0.35),
}
INNER_RATE_HZ = 800.0
LEAD_IN_S = 0.3
CHUNK_SAMPLES = 65536


@dataclass(frozen=True)
class SensorSetup:
    """One simulated sensor: where it sits, how good it is, and how its samples arrive.

    mounting_body_from_sensor : 3 x 3 rotation M with ``v_body = M v_sensor`` as nested tuples, "aligned", or
        "random" (drawn from the seed; truth holds the matrix).
    is_ideal : the exact signals at the sample instants, only turned into the mounting; nothing else applies.
    ``*_sd`` are standard deviations from which this sensor's own constant errors are drawn.
    jitter_s : SD of the error of each stamp. skew_ppm : the sensor's clock runs slow by this much (its stamps
        are not corrected). offset_s : constant error of its stamps.
    loss : share of packets of ``packet_samples`` lost, in bursts of ``burst_packets`` on average.
    ringing : whether shoe ringing and soft tissue disturb the signals (they are not motion of the bone).
    duplicate : share of packets delivered twice. slip_at_s, slip_deg : the sensor turns on its mount once.
    """

    placement: str
    rate_hz: float = 200.0
    acc_range_g: float = 16.0
    gyr_range_dps: float = 2000.0
    has_gyroscope: bool = True
    model: str = "simulated"
    mounting_body_from_sensor: tuple[tuple[float, float, float], ...] | str = "random"
    arm_m: tuple[float, float, float] | None = None
    is_ideal: bool = False
    bandwidth_hz: float = 250.0
    acc_noise_mps2_per_rthz: float = 0.0015
    gyr_noise_dps_per_rthz: float = 0.008
    acc_bias_sd_mps2: float = 0.05
    gyr_bias_sd_dps: float = 0.4
    gyr_bias_ramp_dps_per_h: float = 0.0
    gyr_walk_dps_per_rts: float = 0.002
    scale_sd: float = 0.003
    misalignment_sd_deg: float = 0.3
    g_sensitivity_dps_per_g: float = 0.01
    bits: int = 16
    jitter_s: float = 0.0
    skew_ppm: float = 0.0
    offset_s: float = 0.0
    packet_samples: int = 16
    loss: float = 0.0
    burst_packets: float = 1.0
    duplicate: float = 0.0
    slip_at_s: float | None = None
    slip_deg: float = 15.0
    missing_axes: tuple[str, ...] = ()
    ringing: bool = True

    def __post_init__(self) -> None:
        if self.placement not in PLACEMENTS:
            raise UsageError(f"placement must be one of {', '.join(PLACEMENTS)}; got {self.placement!r}")
        if not 20.0 <= self.rate_hz <= 4000.0:
            raise UsageError(f"rate_hz must lie within 20..4000; got {self.rate_hz}")
        for name, value in (("loss", self.loss), ("duplicate", self.duplicate)):
            if not 0.0 <= value < 1.0:
                raise UsageError(f"{name} is a share of packets within 0..1; got {value}")

    def rotation(self, rng: np.random.Generator) -> FloatArray:
        """Return the mounting matrix, drawn when it is "random"."""
        drawn = rng.standard_normal(4)
        if isinstance(self.mounting_body_from_sensor, str):
            if self.mounting_body_from_sensor == "aligned":
                return np.eye(3)
            if self.mounting_body_from_sensor == "random":
                return _rotation_from_quaternion(drawn / np.linalg.norm(drawn))
            raise UsageError(
                f"mounting must be aligned, random or a 3 x 3 matrix; got {self.mounting_body_from_sensor!r}"
            )
        matrix = np.array(self.mounting_body_from_sensor, dtype=np.float64)
        if matrix.shape != (3, 3) or not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-6):
            raise UsageError("mounting must be a 3 x 3 rotation matrix (rows of unit length, orthogonal)")
        return matrix


@dataclass(frozen=True)
class Sampled:
    """Samples before delivery. t_true_s float64 (n,), acc and gyr float64 (n, 3); errors as drawn."""

    t_true_s: FloatArray
    acc_mps2: FloatArray
    gyr_radps: FloatArray
    mounting: FloatArray
    errors: dict[str, object]


def _rotation_from_quaternion(q: FloatArray) -> FloatArray:
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _about(axis: FloatArray, angle: float) -> FloatArray:
    half = angle / 2.0
    return _rotation_from_quaternion(np.concatenate([[math.cos(half)], math.sin(half) * axis]))


class _LowPass:
    """Second-order Butterworth over columns, keeping its state between chunks."""

    def __init__(self, cutoff_hz: float, rate_hz: float) -> None:
        self.sections = butter(2, cutoff_hz, fs=rate_hz, output="sos")
        self.delay_s = math.sqrt(2.0) / (2.0 * math.pi * cutoff_hz)
        self.state: FloatArray | None = None

    def __call__(self, x: FloatArray) -> FloatArray:
        if self.state is None:
            self.state = sosfilt_zi(self.sections)[:, :, None] * x[0]
        y, self.state = sosfilt(self.sections, x, axis=0, zi=self.state)
        return y


Signals = Callable[[FloatArray], FloatArray]


def sample_times(setup: SensorSetup, duration_s: float, phase_s: float) -> FloatArray:
    """Return the true instants of the samples within the session, float64 (n,)."""
    step = (1.0 + setup.skew_ppm * 1e-6) / setup.rate_hz
    count = max(0, math.ceil((duration_s - phase_s) / step))
    return phase_s + step * np.arange(count, dtype=np.float64)


def sample(setup: SensorSetup, duration_s: float, signals: Signals, rng: np.random.Generator) -> Sampled:
    """Turn ideal body signals into samples.

    Parameters
    ----------
    setup : the sensor.
    duration_s : length of the session.
    signals : ideal specific force and turn rate, float64 (n, 6), in body axes at the sensor's place, at times
        in seconds since the session's start (may begin a little before zero).
    rng : this sensor's own source of randomness.
    """
    mounting = setup.rotation(rng)
    axis = rng.standard_normal(3)
    axis /= np.linalg.norm(axis)
    phase = 0.0 if setup.is_ideal else float(rng.uniform(0.0, 1.0 / setup.rate_hz))
    t = sample_times(setup, duration_s, phase)
    if setup.is_ideal:
        body = signals(t)
        return Sampled(t, body[:, :3] @ mounting, body[:, 3:] @ mounting, mounting, {})

    factor = max(2, math.ceil(INNER_RATE_HZ / setup.rate_hz))
    inner_hz = setup.rate_hz * factor / (1.0 + setup.skew_ppm * 1e-6)
    mechanical = _LowPass(min(setup.bandwidth_hz, 0.45 * inner_hz), inner_hz)
    digital = _LowPass(0.4 * setup.rate_hz, inner_hz)
    delay = mechanical.delay_s + digital.delay_s
    lead = math.ceil(LEAD_IN_S * setup.rate_hz) * factor

    limit = np.repeat([setup.acc_range_g * STANDARD_GRAVITY_MPS2, setup.gyr_range_dps * RAD_PER_DEG], 3)
    sd = np.repeat([setup.acc_bias_sd_mps2, setup.gyr_bias_sd_dps * RAD_PER_DEG], 3)
    bias = sd * rng.standard_normal(6)
    gain = np.eye(6)
    for block in (slice(0, 3), slice(3, 6)):
        errors = np.diag(setup.scale_sd * rng.standard_normal(3))
        errors += np.triu(setup.misalignment_sd_deg * RAD_PER_DEG * rng.standard_normal((3, 3)), 1)
        gain[block, block] += errors
    leak = setup.g_sensitivity_dps_per_g * RAD_PER_DEG / STANDARD_GRAVITY_MPS2
    gain[:3, 3:] += leak * rng.standard_normal((3, 3))
    density = np.repeat([setup.acc_noise_mps2_per_rthz, setup.gyr_noise_dps_per_rthz * RAD_PER_DEG], 3)
    noise = density * math.sqrt(inner_hz / 2.0)
    walk_s = np.arange(0.0, duration_s + 2.0)
    walk = np.cumsum(rng.standard_normal((len(walk_s), 3)), axis=0) * setup.gyr_walk_dps_per_rts * RAD_PER_DEG
    walk += setup.gyr_bias_ramp_dps_per_h * RAD_PER_DEG / 3600.0 * walk_s[:, None]

    total = lead + len(t) * factor
    out = np.empty((len(t), 6))
    done = 0
    clipped = np.zeros(2, dtype=np.int64)
    chunk = CHUNK_SAMPLES // factor * factor
    for begin in range(0, total, chunk):
        index = np.arange(begin, min(begin + chunk, total))
        at = phase + (index - lead) / inner_hz
        body = signals(at + delay)
        sensor = np.concatenate([body[:, :3] @ mounting, body[:, 3:] @ mounting], axis=1)
        _slip(sensor, at, setup, axis)
        sensor = mechanical(sensor)
        over = np.abs(sensor) > limit
        clipped += np.array([over[:, :3].any(1).sum(), over[:, 3:].any(1).sum()])
        np.clip(sensor, -limit, limit, out=sensor)
        sensor = sensor @ gain + bias
        for k in range(3):
            sensor[:, 3 + k] += np.interp(at, walk_s, walk[:, k])
        sensor += noise * rng.standard_normal(sensor.shape, dtype=np.float32)
        sensor = digital(sensor)
        kept = sensor[(-begin) % factor :: factor]
        skip = max(0, lead // factor - math.ceil(begin / factor))
        kept = kept[skip:]
        out[done : done + len(kept)] = kept
        done += len(kept)
    step = limit / 2 ** (setup.bits - 1)
    np.clip(np.round(out / step) * step, -limit, limit - step, out=out)
    errors_drawn = {
        "acc_bias_mps2": bias[:3].tolist(),
        "gyr_bias_radps": bias[3:].tolist(),
        "clipped_share_acc": float(clipped[0] / max(total, 1)),
        "clipped_share_gyr": float(clipped[1] / max(total, 1)),
    }
    return Sampled(t, out[:, :3], out[:, 3:], mounting, errors_drawn)


def _slip(sensor: FloatArray, at: FloatArray, setup: SensorSetup, axis: FloatArray) -> None:
    """From ``slip_at_s`` on the sensor sits turned on its mount; the turn itself is over at once."""
    if setup.slip_at_s is None:
        return
    late = at >= setup.slip_at_s
    turned = _about(axis, setup.slip_deg * RAD_PER_DEG)
    sensor[late, :3] = sensor[late, :3] @ turned
    sensor[late, 3:] = sensor[late, 3:] @ turned
