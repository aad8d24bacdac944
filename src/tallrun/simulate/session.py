"""One call from a programme to a recording with its truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import numpy as np

from tallrun.errors import UsageError
from tallrun.numerics.recording import (
    FloatArray,
    HeartRate,
    Recording,
    RunnerProfile,
    SensorRecording,
    Treadmill,
)
from tallrun.simulate.delivery import deliver
from tallrun.simulate.disturbance import Disturbance
from tallrun.simulate.imu import DEFAULT_ARM_M, SensorSetup, sample
from tallrun.simulate.library import named_programme
from tallrun.simulate.motion import Motion, make_motion
from tallrun.simulate.programme import TREADMILL, Programme, Runner
from tallrun.simulate.truth import (
    TRUTH_VERSION,
    flag_rows,
    impairment_rows,
    pelvis_series,
    segment_rows,
    stride_rows,
)

STREAMS = {
    "motion": 0,
    "foot_left": 1,
    "foot_right": 2,
    "pelvis": 3,
    "trunk": 4,
    "heart_rate": 5,
    "identity": 6,
}
STARTED_AT = "2026-01-01T08:00:00+00:00"


def _rng(seed: int, stream: str, part: int = 0) -> np.random.Generator:
    """Independent randomness per purpose, so that adding a sensor changes no other sensor."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(STREAMS[stream], part)))


def three_sensors(rate_hz: float = 200.0, **changes: Any) -> tuple[SensorSetup, ...]:
    """Both feet and the pelvis, all alike but for ``placement``; ``changes`` are ``SensorSetup`` fields."""
    return tuple(SensorSetup(place, rate_hz, **changes) for place in ("foot_left", "foot_right", "pelvis"))


def motion_of(programme: Programme | str, runner: Runner | None = None, seed: int = 0) -> Motion:
    """Return the exact motion that ``run`` would measure with the same arguments."""
    chosen = named_programme(programme) if isinstance(programme, str) else programme
    return make_motion(chosen, runner or Runner(), _rng(seed, "motion"))


def run(
    programme: Programme | str,
    runner: Runner | None = None,
    sensors: Sequence[SensorSetup] | None = None,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[Recording, dict[str, Any]]:
    """Simulate a session.

    Parameters
    ----------
    programme : a ``Programme`` or the name of one from ``programme_names()``.
    runner : who runs; the default is a rearfoot runner of 1.75 m.
    sensors : what is worn; the default is ``three_sensors()``. At most one per placement.
    seed : the same arguments and seed give the same arrays, bit for bit.
    progress : called with (placement, share of that sensor done) now and then.

    Returns
    -------
    The recording (sensor axes as mounted) and the truth as plain JSON data.

    Raises
    ------
    UsageError
        When a programme name is unknown or a placement occurs twice.
    """
    motion = motion_of(programme, runner, seed)
    setups = three_sensors() if sensors is None else tuple(sensors)
    if len({setup.placement for setup in setups}) != len(setups):
        raise UsageError("each placement can carry one sensor; two were given for the same one")
    duration = motion.programme.duration_s
    recorded: dict[str, SensorRecording] = {}
    facts: dict[str, dict[str, Any]] = {}
    for setup in setups:
        recorded[setup.placement], facts[setup.placement] = _measure(motion, setup, seed, duration, progress)
    identity = UUID(bytes=_rng(seed, "identity").bytes(16), version=4)
    who = motion.runner
    recording = Recording(
        sensors=recorded,
        treadmill=treadmill_of(motion, duration),
        heart_rate=heart_rate_of(motion, duration, _rng(seed, "heart_rate")),
        markers=motion.programme.markers,
        runner=RunnerProfile(who.height_m, who.leg_length_m, who.mass_kg),
        info={
            "session_id": str(identity),
            "started_at": STARTED_AT,
            "time_zone": "UTC",
            "context": {"surface": motion.programme.surface, "session_kind": motion.programme.name},
            "source": f"tallrun simulate, programme {motion.programme.name}, seed {seed}",
        },
    )
    truth = {
        "version": TRUTH_VERSION,
        "seed": seed,
        "programme": motion.programme.name,
        "strides": stride_rows(motion, duration),
        "segments": segment_rows(motion, duration),
        "pelvis": pelvis_series(motion, duration),
        "flags": flag_rows(motion, duration),
        "impairments": impairment_rows(motion, facts, duration),
        "sensors": facts,
        "contact_offsets_s": {
            name: {"initial": pair[0], "final": pair[1]}
            for name, pair in zip(("left", "right"), motion.contact_offsets_s, strict=True)
        },
        "pelvis_lag_s": motion.pelvis_lag_s,
        "runner": asdict(who),
    }
    return recording, truth


def _measure(
    motion: Motion,
    setup: SensorSetup,
    seed: int,
    duration_s: float,
    progress: Callable[[str, float], None] | None,
) -> tuple[SensorRecording, dict[str, Any]]:
    place = setup.placement
    arm = np.array(DEFAULT_ARM_M[place] if setup.arm_m is None else setup.arm_m)
    disturbance = None if setup.is_ideal else Disturbance(place, motion, setup.ringing, _rng(seed, place, 1))

    def signals(t_s: FloatArray) -> FloatArray:
        body = motion.inertial(place, t_s, arm)
        if disturbance is not None:
            disturbance.add(t_s, body)
        if progress is not None and len(t_s):
            progress(place, min(1.0, max(0.0, float(t_s[-1]) / duration_s)))
        return body

    sampled = sample(setup, duration_s, signals, _rng(seed, place))
    recording, facts = deliver(setup, sampled, _rng(seed, place, 2))
    facts["arm_m"] = arm.tolist()
    facts["mount_slip_at_s"] = setup.slip_at_s
    return recording, facts


def treadmill_of(motion: Motion, duration_s: float) -> Treadmill | None:
    """Rows as a treadmill reports them: once a second, speed in steps of 0.01 km/h, incline of 0.1 %."""
    if motion.programme.surface != TREADMILL:
        return None
    t = np.arange(0.0, duration_s, 1.0)
    speed = np.round(motion.grid.at("speed_mps", t) * 360.0) / 360.0
    incline = np.round(np.tan(motion.grid.at("slope_rad", t)) * 1000.0) / 10.0
    return Treadmill(t, speed, incline)


def heart_rate_of(motion: Motion, duration_s: float, rng: np.random.Generator) -> HeartRate | None:
    """First-order response to speed and slope with a lag of 40 s, whole beats per minute, once a second."""
    if not motion.programme.has_heart_rate:
        return None
    t = np.arange(0.0, duration_s, 1.0)
    effort = motion.grid.at("speed_mps", t) * (1.0 + 3.0 * np.maximum(motion.grid.at("slope_rad", t), 0.0))
    target = 68.0 + 27.0 * effort
    rate = np.empty(len(t), dtype=np.float64)
    level = target[0]
    for k in range(len(t)):
        level += (target[k] - level) / 40.0
        rate[k] = level
    bpm = np.clip(rate + rng.standard_normal(len(t)), 40.0, 200.0)
    return HeartRate(t, np.asarray(np.round(bpm), dtype=np.float64))
