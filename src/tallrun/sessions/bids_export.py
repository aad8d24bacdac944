"""BIDS-Motion out, for sharing: one tracking system for each sensor, since sensors need not share a clock tick.

A study has subjects, a session for each day and a run for each recording of that day; the strides are a derivative
data set of their own under ``derivatives/tallrun``, one events file for each recording. No date, name or body measure
is written; labels are the caller's. Sample times are the LATENCY
channel, counted from the first sample, so gaps and jitter survive; ``scans.tsv`` gives each system's first sample on
the session's clock, on a day the specification sets aside for dates that were taken away (before 1925).
Source: BIDS specification 1.9.0, Motion and Scans file (bids-specification.readthedocs.io).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tallrun._version import __version__
from tallrun.columns import described
from tallrun.errors import FormatError
from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.sessions._files import make_owner_folder, whole_file, whole_folder, write_json

BIDS_VERSION = "1.9.0"
#: Dates before 1925 say that the real one was taken away (BIDS, common principles, units).
_NO_DATE = datetime(1900, 1, 1)  # BIDS writes local times without offset
_CHANNEL_KINDS = ("ACCEL", "ANGACCEL", "GYRO", "JNTANG", "LATENCY", "MAGN", "MISC", "ORNT", "POS", "VEL")
_CHANNEL_NOTES = {
    "reference_frame": {
        "Description": "Frame the axes x, y and z belong to",
        "Levels": {"sensor": {"Description": "The sensor's own axes, as it was mounted on the body"}},
    }
}
_TRACKED_POINTS = {"foot_left": "LeftFoot", "foot_right": "RightFoot", "pelvis": "Pelvis", "trunk": "Trunk"}


_README = """\
{name}

Recordings of foot, pelvis and trunk motion sensors during running and walking, in BIDS-Motion form, written by
tallrun {version}. Each sensor is a tracking system of its own, because sensors need not share a clock tick: sample
times are the LATENCY channel, counted from the sensor's first sample, and scans.tsv gives each first sample on the
common clock. Dates were taken away (scans.tsv counts from 1 January 1900). A session is a day, a run a recording of
that day. derivatives/tallrun holds one row for each initial contact that was found.
"""


@dataclass(frozen=True)
class StudyRun:
    """One recording of a study. subject, session : labels of letters and digits; None: not divided into sessions.

    run : number within the session, from 1; None: the only one. day : whole days from the subject's first session.
    task : label of what was done, running or walking.
    """

    recording: Recording
    subject: str
    session: str | None = None
    run: int | None = None
    day: int | None = None
    strides: pd.DataFrame | None = None
    task: str = "running"

    @property
    def stem(self) -> str:
        """Begin of every file's name."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def place(self) -> str:
        """Folder in the data set."""
        return f"sub-{self.subject}" + (f"/ses-{self.session}" if self.session else "")


@dataclass(frozen=True)
class StudyFacts:
    """What the caller knows about the data set. licence : None takes that of the recordings, if they agree."""

    name: str = "Running gait, foot and pelvis IMUs"
    authors: tuple[str, ...] = ()
    licence: str | None = None


def export_bids_study(runs: Iterable[StudyRun], folder: Path, facts: StudyFacts) -> tuple[int, int]:
    """Write a BIDS dataset of many recordings, taken one after the other, into a new ``folder``.

    Returns how many tracking systems of how many subjects. Raises FormatError when a label is not made of letters and
    digits, there is no sensor, or two recordings would have one name; SessionError when the folder exists or the disk
    refuses.
    """
    scans: dict[str, list[tuple[str, str]]] = {}
    subjects: dict[str, set[str | None]] = {}
    days: dict[str, dict[str, int | None]] = {}
    licences: set[Any] = set()
    n_systems, n_runs = 0, dict[str, int]()
    with whole_folder(folder) as partial:
        for item in runs:
            _check(item)
            lines = scans.setdefault(item.place, [])
            for placement, sensor in item.recording.sensors.items():
                name = _write_sensor(partial, item, placement, sensor)
                if any(name == known for known, _ in lines):
                    raise FormatError(f"two recordings would be called {name}; give each its own run number")
                lines.append((name, _acquired_at(sensor)))
                n_systems += 1
            if item.strides is not None:
                _write_strides(partial / "derivatives" / "tallrun", item)
            subjects.setdefault(item.subject, set()).add(item.session)
            n_runs[item.subject] = n_runs.get(item.subject, 0) + 1
            if item.session is not None:
                days.setdefault(item.subject, {})[item.session] = item.day
            licences.add(item.recording.info.get("licence"))
        if not n_systems:
            raise FormatError("there is no session with a sensor: nothing to share as BIDS-Motion")
        for place, lines in scans.items():
            stem = place.replace("/", "_")
            _write_tsv(
                partial / place / f"{stem}_scans.tsv", pd.DataFrame(lines, columns=["filename", "acq_time"])
            )
        for subject, found in days.items():
            _write_sessions(partial / f"sub-{subject}" / f"sub-{subject}_sessions", found)
        known = next(iter(licences)) if len(licences) == 1 else None
        licence = facts.licence or (known if isinstance(known, str) and known.strip() else None)
        _write_description(partial, facts, licence, "raw")
        if (partial / "derivatives").is_dir():
            _write_description(partial / "derivatives" / "tallrun", facts, licence, "derivative")
        rows = [(f"sub-{name}", len(found), n_runs[name]) for name, found in sorted(subjects.items())]
        _write_tsv(
            partial / "participants.tsv",
            pd.DataFrame(rows, columns=["participant_id", "n_sessions", "n_recordings"]),
        )
        write_json(partial / "participants.json", _PARTICIPANT_NOTES)
    return n_systems, len(subjects)


_PARTICIPANT_NOTES = {
    "n_sessions": {"Description": "Days with a recording of this participant"},
    "n_recordings": {"Description": "Recordings of this participant"},
}


def _check(item: StudyRun) -> None:
    for label in (item.subject, item.task, *([item.session] if item.session is not None else [])):
        if not re.fullmatch(r"[A-Za-z0-9]{1,40}", label):
            raise FormatError(f"BIDS labels are letters and digits only, got {label!r}")
    if not item.recording.sensors:
        raise FormatError("the session has no sensor: nothing to share as BIDS-Motion")


def _entities(item: StudyRun, placement: str | None = None) -> str:
    # In the order BIDS asks for: task, tracksys, run.
    system = f"_tracksys-{_system(placement)}" if placement else ""
    return f"{item.stem}_task-{item.task}{system}" + (f"_run-{item.run:02d}" if item.run else "")


def _write_sensor(root: Path, item: StudyRun, placement: str, sensor: SensorRecording) -> str:
    """Write the four files of a sensor; return the name ``scans.tsv`` lists."""
    motion = root / item.place / "motion"
    make_owner_folder(motion)
    stem = _entities(item, placement)
    write_json(motion / f"{stem}_motion.json", _sidecar(sensor, item.task))
    _write_tsv(motion / f"{stem}_channels.tsv", _channels(sensor))
    write_json(motion / f"{stem}_channels.json", _CHANNEL_NOTES)
    _write_tsv(motion / f"{stem}_motion.tsv", _samples(sensor), header=False)
    return f"motion/{stem}_motion.tsv"


def _write_strides(root: Path, item: StudyRun) -> None:
    """Write the strides as events: ``onset`` is the contact from the recording's start, ``duration`` the stride."""
    assert item.strides is not None
    place = root / item.place / "motion"
    make_owner_folder(place)
    stem = f"{_entities(item)}_events"
    frame = item.strides.drop(columns=["emitted_at_s"])
    frame.insert(0, "onset", frame["initial_contact_s"])
    frame.insert(1, "duration", frame["stride_time_s"])
    frame.insert(2, "trial_type", "stride")
    _write_tsv(place / f"{stem}.tsv", frame.sort_values("onset", kind="stable"))
    notes = {
        name: {"Description": found["definition"]} | ({"Units": found["unit"]} if "unit" in found else {})
        for name, found in described("strides", frame.columns[3:]).items()
    }
    head: dict[str, Any] = {
        "Description": "Initial contacts found by tallrun, each with its stride",
        "onset": {"Description": "Initial contact, from the start of the recording", "Units": "s"},
        "duration": {"Description": "Stride time; n/a where the stride has no next contact", "Units": "s"},
        "trial_type": {
            "Description": "What the row is",
            "Levels": {"stride": "One initial contact and its stride"},
        },
    }
    write_json(place / f"{stem}.json", head | notes)


def _write_sessions(stem: Path, days: dict[str, int | None]) -> None:
    rows = [(f"ses-{name}", "n/a" if day is None else day) for name, day in sorted(days.items())]
    _write_tsv(stem.with_suffix(".tsv"), pd.DataFrame(rows, columns=["session_id", "day"]))
    note = {"Description": "Whole days from the participant's first session", "Units": "d"}
    write_json(stem.with_suffix(".json"), {"day": note})


def _write_description(root: Path, facts: StudyFacts, licence: str | None, kind: str) -> None:
    write_json(
        root / "dataset_description.json",
        {
            "Name": facts.name if kind == "raw" else f"{facts.name}: strides",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": kind,
            "GeneratedBy": [{"Name": "tallrun", "Version": __version__}],
        }
        | ({"Authors": list(facts.authors)} if facts.authors else {})
        | ({"License": licence} if licence else {}),
    )
    _write_text(root / "README", _README.format(name=facts.name, version=__version__))


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


def _write_tsv(path: Path, frame: pd.DataFrame, header: bool = True) -> None:
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
