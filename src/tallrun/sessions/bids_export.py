"""BIDS-Motion out, for sharing: one tracking system for each sensor, since sensors need not share a clock tick.

No date, name or body measure is written; the participant label is chosen by the caller. Sample times are the LATENCY
channel, so gaps and jitter survive. Source: BIDS specification 1.9.0, Motion (bids-specification.readthedocs.io).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tallrun._version import __version__
from tallrun.errors import FormatError
from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.sessions._files import make_owner_folder, whole_file, whole_folder, write_json

BIDS_VERSION = "1.9.0"
_TRACKED_POINTS = {"foot_left": "LeftFoot", "foot_right": "RightFoot", "pelvis": "Pelvis", "trunk": "Trunk"}


def export_bids(recording: Recording, folder: Path, subject: str = "01", task: str = "running") -> int:
    """Write a BIDS dataset of one subject into a new ``folder``; return the number of tracking systems.

    Raises FormatError when a label is not made of letters and digits or there is no sensor, SessionError when the
    folder exists or the disk refuses.
    """
    for label in (subject, task):
        if not re.fullmatch(r"[A-Za-z0-9]{1,40}", label):
            raise FormatError(f"BIDS labels are letters and digits only, got {label!r}")
    if not recording.sensors:
        raise FormatError("the session has no sensor: nothing to share as BIDS-Motion")
    with whole_folder(folder) as partial:
        motion = partial / f"sub-{subject}" / "motion"
        make_owner_folder(motion)
        write_json(partial / "dataset_description.json", _description(recording))
        _write_text(partial / "README", "Running-gait recording in BIDS-Motion form, written by tallrun.\n")
        _write_text(partial / "participants.tsv", f"participant_id\nsub-{subject}\n")
        for placement, sensor in recording.sensors.items():
            system = placement.title().replace("_", "")
            stem = f"sub-{subject}_task-{task}_tracksys-{system}"
            write_json(motion / f"{stem}_motion.json", _sidecar(sensor, task))
            _write_tsv(motion / f"{stem}_channels.tsv", _channels(sensor), header=True)
            _write_tsv(motion / f"{stem}_motion.tsv", _samples(sensor), header=False)
    return len(recording.sensors)


def _description(recording: Recording) -> dict[str, Any]:
    return {
        "Name": "Running gait, foot and pelvis IMUs",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": str(recording.info.get("licence", "n/a")),
        "GeneratedBy": [{"Name": "tallrun", "Version": __version__}],
    }


def _sidecar(sensor: SensorRecording, task: str) -> dict[str, Any]:
    turning = sensor.gyr_radps is not None
    return {
        "TaskName": task,
        "SamplingFrequency": sensor.spec.rate_hz,
        "SamplingFrequencyEffective": _effective_rate_hz(sensor),
        "TrackingSystemName": f"{_TRACKED_POINTS[sensor.spec.placement]} IMU",
        "ManufacturersModelName": sensor.spec.model or "n/a",
        "RecordingType": "continuous",
        "TrackedPointsCount": 1,
        "MotionChannelCount": 7 if turning else 4,
        "ACCELChannelCount": 3,
        "GYROChannelCount": 3 if turning else 0,
        "LATENCYChannelCount": 1,
    }


def _effective_rate_hz(sensor: SensorRecording) -> float | None:
    span_s = float(sensor.t_s[-1] - sensor.t_s[0]) if sensor.t_s.size > 1 else 0.0
    return (sensor.t_s.size - 1) / span_s if span_s > 0.0 else None


def _channels(sensor: SensorRecording) -> pd.DataFrame:
    point = _TRACKED_POINTS[sensor.spec.placement]
    rate_hz = f"{sensor.spec.rate_hz:g}"
    rows = [("latency", "n/a", "LATENCY", "n/a", "s", rate_hz)]
    rows += [(f"{point}_acc_{axis}", axis, "ACCEL", point, "m/s^2", rate_hz) for axis in "xyz"]
    if sensor.gyr_radps is not None:
        rows += [(f"{point}_gyro_{axis}", axis, "GYRO", point, "rad/s", rate_hz) for axis in "xyz"]
    columns = ["name", "component", "type", "tracked_point", "units", "sampling_frequency"]
    return pd.DataFrame(rows, columns=columns)


def _samples(sensor: SensorRecording) -> pd.DataFrame:
    parts = [sensor.t_s[:, None], sensor.acc_mps2]
    if sensor.gyr_radps is not None:
        parts.append(sensor.gyr_radps)
    return pd.DataFrame(np.hstack(parts))


def _write_tsv(path: Path, frame: pd.DataFrame, header: bool) -> None:
    with whole_file(path) as partial:
        frame.to_csv(
            partial,
            sep="\t",
            index=False,
            header=header,
            na_rep="n/a",
            float_format="%.9g",
            lineterminator="\n",
        )


def _write_text(path: Path, text: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
