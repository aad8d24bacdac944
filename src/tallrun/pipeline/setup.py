"""What the pipeline must know before the first sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from tallrun.errors import SessionError
from tallrun.gait.flag_terms import BaselineBin, OwnBaseline
from tallrun.numerics.recording import FloatArray, Recording, RunnerProfile, SensorSpec

#: Bounds of the belt calibration (sci:A2): beyond them the sensor or the belt is wrong, not the runner.
STRIDE_GAIN_BOUNDS = (0.9, 1.1)
#: A kept gyroscope bias beyond 12 deg/s is no bias.
MOST_BIAS_RADPS = 0.2
#: Key of ``session.json`` that says what a live run was set up with.
KEY = "live_setup"
_SPEC_KEYS = ("placement", "rate_hz", "acc_range_g", "gyr_range_dps", "has_gyroscope", "model")


@dataclass(frozen=True)
class PipelineSetup:
    """Everything fixed for one session.

    ``stride_gain`` comes from an earlier belt calibration of this runner; 1.0 with ``is_calibrated`` False
    otherwise. ``pelvis_neutral`` is the standing attitude from ``tallrun calibrate`` (sensor axes, unit
    vector of gravity), None to learn it from standing in the session. ``kept_biases_radps`` are the gyroscope biases
    (3,) [rad/s] known by placement from the last standing or run, sensor axes.
    """

    specs: tuple[SensorSpec, ...]
    runner: RunnerProfile = field(default_factory=RunnerProfile)
    baseline: OwnBaseline | None = None
    stride_gain: float = 1.0
    is_calibrated: bool = False
    pelvis_neutral: FloatArray | None = None
    kept_biases_radps: Mapping[str, FloatArray] = field(default_factory=dict)
    #: Belt or typed speed that holds for the whole session when no treadmill reports one.
    typed_speed_mps: float | None = None
    #: Keep strides for the tables; a live run over hours does without and is analysed from its recording.
    keep_strides: bool = True
    #: Keep every stride's shape, for reports and replay.
    record_waves: bool = False

    @classmethod
    def of(
        cls, recording: Recording, baseline: OwnBaseline | None = None, record_waves: bool = False
    ) -> PipelineSetup:
        """Set up for a recorded session with what the run itself used, else with what its ``session.json`` says.

        The one place that decides about stride gain, standing neutral, typed speed, own baseline and sensors, so
        that every table made from a recording is the same one. ``baseline`` takes the place of the run's own.
        Raises SessionError when the record of the run's set-up is damaged.
        """
        speed = recording.context.get("speed_mps")
        told = cls(
            specs=tuple(item.spec for item in recording.sensors.values()),
            runner=recording.runner,
            record_waves=record_waves,
            pelvis_neutral=standing_neutral(recording.info),
            kept_biases_radps=kept_biases(recording.info),
            typed_speed_mps=float(speed) if isinstance(speed, (int, float)) and speed > 0 else None,
        )
        record = recording.info.get(KEY)
        if record is not None:
            try:
                told = _as_recorded(told, record)
            except (TypeError, KeyError, ValueError, AttributeError) as error:
                raise damaged_record(error) from error
        return told if baseline is None else replace(told, baseline=baseline)


def damaged_record(error: Exception) -> SessionError:
    """Return what is said about a record of the set-up that cannot be read."""
    return SessionError(f"session.json: key {KEY} is damaged ({error}); remove it to go on with defaults")


def pipeline_record(setup: PipelineSetup) -> dict[str, Any]:
    """Return the part of the set-up record from which ``PipelineSetup.of`` builds this set-up again."""
    return {
        "typed_speed_mps": setup.typed_speed_mps,
        "stride_gain": setup.stride_gain,
        "is_calibrated": setup.is_calibrated,
        "pelvis_neutral": setup.pelvis_neutral,
        "baseline": None if setup.baseline is None else [asdict(item) for item in setup.baseline.bins],
        "specs": [{key: getattr(spec, key) for key in _SPEC_KEYS} for spec in setup.specs],
    }


def _as_recorded(told: PipelineSetup, record: dict[str, Any]) -> PipelineSetup:
    neutral, bins, typed = (record.get(key) for key in ("pelvis_neutral", "baseline", "typed_speed_mps"))
    gain = float(record.get("stride_gain", 1.0))
    if not STRIDE_GAIN_BOUNDS[0] <= gain <= STRIDE_GAIN_BOUNDS[1]:
        raise ValueError(f"stride_gain is {gain:g}")
    if typed is not None and not 0.0 < float(typed) < math.inf:
        raise ValueError(f"typed_speed_mps is {typed}")
    specs = {
        item["placement"]: SensorSpec(**{key: item[key] for key in _SPEC_KEYS}) for item in record["specs"]
    }

    def known(spec: SensorSpec) -> SensorSpec:
        # the engine of a sensor follows from its signals; a recording cut to accelerometers stays readable
        found = specs.get(spec.placement)
        return spec if found is None or found.has_gyroscope != spec.has_gyroscope else found

    return replace(
        told,
        specs=tuple(known(item) for item in told.specs),
        typed_speed_mps=None if typed is None else float(typed),
        stride_gain=gain,
        is_calibrated=bool(record.get("is_calibrated", False)),
        pelvis_neutral=None if neutral is None else np.array(neutral, dtype=np.float64),
        baseline=None if bins is None else OwnBaseline(tuple(_bin(item) for item in bins)),
    )


def _bin(item: dict[str, Any]) -> BaselineBin:
    return BaselineBin(**{key: math.nan if value is None else float(value) for key, value in item.items()})


def standing_neutral(info: dict[str, Any]) -> FloatArray | None:
    """Return the pelvis sensor's up direction from the calibration kept with a session; None without one."""
    try:
        up = np.array(info["standing"]["pelvis"]["up_sensor"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    size = float(np.linalg.norm(up)) if up.shape == (3,) else 0.0
    return up / size if np.isfinite(size) and size > 0.5 else None


def kept_biases(info: dict[str, Any]) -> dict[str, FloatArray]:
    """Return the gyroscope biases (3,) [rad/s] by placement from the calibration kept with a session; none without."""
    standing = info.get("standing")
    found = {}
    for place, entry in standing.items() if isinstance(standing, dict) else ():
        try:
            bias = np.array(entry["gyr_bias_radps"], dtype=np.float64)
        except (KeyError, TypeError, ValueError):
            continue
        if bias.shape == (3,) and float(np.abs(bias).max()) < MOST_BIAS_RADPS:
            found[place] = bias
    return found
