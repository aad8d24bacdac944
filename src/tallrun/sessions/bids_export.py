"""BIDS-Motion out, for sharing: one tracking system for each sensor, since sensors need not share a clock tick.

No date, name or body measure is written; the participant label is chosen by the caller. Sample times are the LATENCY
channel, counted from the first sample, so gaps and jitter survive; ``scans.tsv`` gives each system's first sample on
the session's clock, on a day the specification sets aside for dates that were taken away (before 1925).
Source: BIDS specification 1.9.0, Motion and Scans file (bids-specification.readthedocs.io).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tallrun._version import __version__
from tallrun.errors import FormatError
from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.sessions._files import make_owner_folder, whole_file, whole_folder, write_json

BIDS_VERSION = "1.9.0"
#: Dates before 1925 say that the real one was taken away (BIDS, common principles, units).
_NO_DATE = datetime(1900, 1, 1)  # BIDS writes local times without offset
_CHANNEL_KINDS = ("ACCEL", "ANGACC", "GYRO", "JNTANG", "LATENCY", "MAGN", "MISC", "ORNT", "POS", "VEL")
_CHANNEL_NOTES = {
    "reference_frame": {
        "Description": "Frame the axes x, y and z belong to",
        "Levels": {"sensor": {"Description": "The sensor's own axes, as it was mounted on the body"}},
    }
}
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
        scans: list[tuple[str, str]] = []
        motion = partial / f"sub-{subject}" / "motion"
        make_owner_folder(motion)
        write_json(partial / "dataset_description.json", _description(recording))
        _write_text(partial / "README", "Running-gait recording in BIDS-Motion form, written by tallrun.\n")
        _write_text(partial / "participants.tsv", f"participant_id\nsub-{subject}\n")
        for placement, sensor in recording.sensors.items():
            stem = f"sub-{subject}_task-{task}_tracksys-{_system(placement)}"
            write_json(motion / f"{stem}_motion.json", _sidecar(sensor, task))
            _write_tsv(motion / f"{stem}_channels.tsv", _channels(sensor), header=True)
            write_json(motion / f"{stem}_channels.json", _CHANNEL_NOTES)
            _write_tsv(motion / f"{stem}_motion.tsv", _samples(sensor), header=False)
            scans.append((f"motion/{stem}_motion.tsv", _acquired_at(sensor)))
        frame = pd.DataFrame(scans, columns=["filename", "acq_time"])
        _write_tsv(partial / f"sub-{subject}" / f"sub-{subject}_scans.tsv", frame, header=True)
    return len(recording.sensors)


def _description(recording: Recording) -> dict[str, Any]:
    licence = recording.info.get("licence")
    return {
        "Name": "Running gait, foot and pelvis IMUs",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "tallrun", "Version": __version__}],
    } | ({"License": licence} if isinstance(licence, str) and licence.strip() else {})


def _system(placement: str) -> str:
    return placement.title().replace("_", "")


def _acquired_at(sensor: SensorRecording) -> str:
    first_s = float(sensor.t_s[0]) if sensor.t_s.size else 0.0
    return (_NO_DATE + timedelta(seconds=first_s)).isoformat(timespec="microseconds")


def _sidecar(sensor: SensorRecording, task: str) -> dict[str, Any]:
    turning = sensor.gyr_radps is not None
    counts = dict.fromkeys(_CHANNEL_KINDS, 0) | {"ACCEL": 3, "GYRO": 3 if turning else 0, "LATENCY": 1}
    effective_hz = _effective_rate_hz(sensor)
    sidecar = {
        "TaskName": task,
        "TaskDescription": "Running or walking with worn motion sensors",
        "SamplingFrequency": sensor.spec.rate_hz,
        # The validator wants the label of the file's name here.
        "TrackingSystemName": _system(sensor.spec.placement),
        "TrackedPointsCount": 1,
        "MotionChannelCount": 6 if turning else 3,
        **{f"{kind}ChannelCount": count for kind, count in counts.items()},
        "MissingValues": "n/a",
        "SpatialAxes": "n/a",
        "RotationRule": "n/a",
        "RotationOrder": "n/a",
        "SubjectArtefactDescription": "n/a",
    }
    known = {"SamplingFrequencyEffective": effective_hz, "ManufacturersModelName": sensor.spec.model}
    return sidecar | {key: value for key, value in known.items() if value is not None}


def _effective_rate_hz(sensor: SensorRecording) -> float | None:
    span_s = float(sensor.t_s[-1] - sensor.t_s[0]) if sensor.t_s.size > 1 else 0.0
    return (sensor.t_s.size - 1) / span_s if span_s > 0.0 else None


def _channels(sensor: SensorRecording) -> pd.DataFrame:
    point = _TRACKED_POINTS[sensor.spec.placement]
    rate_hz = f"{sensor.spec.rate_hz:g}"
    rows = [("latency", "n/a", "LATENCY", "n/a", "s", "n/a", rate_hz, "n/a")]
    rows += [(f"{point}_acc_{x}", x, "ACCEL", point, "m/s^2", point, rate_hz, "sensor") for x in "xyz"]
    if sensor.gyr_radps is not None:
        rows += [(f"{point}_gyro_{x}", x, "GYRO", point, "rad/s", point, rate_hz, "sensor") for x in "xyz"]
    columns = [
        "name", "component", "type", "tracked_point", "units", "placement", "sampling_frequency", "reference_frame",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _samples(sensor: SensorRecording) -> pd.DataFrame:
    parts = [sensor.acc_mps2] if sensor.gyr_radps is None else [sensor.acc_mps2, sensor.gyr_radps]
    frame = pd.DataFrame(np.hstack(parts))
    # Seconds with decimals, as the specification asks; a number of few digits would be written with an exponent.
    frame.insert(0, "latency", [f"{value:.6f}" for value in sensor.t_s - sensor.t_s[:1]])
    return frame


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
