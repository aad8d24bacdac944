"""FIT activity out: native running dynamics for what has a native field, developer fields for the rest.

FIT counts running cadence in strides per minute; this is the one place where steps are halved.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from tallrun.errors import FormatError
from tallrun.gait.summary import Gait
from tallrun.numerics.recording import Recording
from tallrun.pipeline.belt import climb_m
from tallrun.pipeline.watch import watch_summary
from tallrun.sessions._files import refuse_existing, whole_file
from tallrun.sessions.activity import activity_rows
from tallrun.units import STEPS_PER_STRIDE

#: Developer fields: column of the rows, number, unit, whether a whole number.
DEVELOPER_FIELDS = (
    ("foot_strike_angle_left_deg", 0, "deg", False),
    ("foot_strike_angle_right_deg", 1, "deg", False),
    ("pelvic_tilt_deg", 2, "deg", False),
    ("overstride_index", 3, "", False),
    ("n_cues", 4, "cues", True),
)
#: Native record fields: name in the profile, column, factor from our unit, highest value the field can hold.
_NATIVE = (
    ("heart_rate", "heart_rate_bpm", 1.0, 254.0),
    ("enhanced_speed", "speed_mps", 1.0, 60.0),
    ("distance", "distance_m", 1.0, 4.0e7),
    ("power", "power_w", 1.0, 65534.0),
    ("stance_time", "stance_time_s", 1000.0, 6000.0),
    ("stance_time_percent", "duty_factor", 100.0, 100.0),
    ("stance_time_balance", "stance_left_pct", 1.0, 100.0),
    ("vertical_oscillation", "vertical_oscillation_m", 1000.0, 6000.0),
    ("step_length", "step_length_m", 1000.0, 6000.0),
)
#: Medians of a lap or session: name in the profile, column, factor, highest value.
_SUMMED = (
    ("avg_stance_time", "stance_time_s", 1000.0, 6000.0),
    ("avg_stance_time_percent", "duty_factor", 100.0, 100.0),
    ("avg_stance_time_balance", "stance_left_pct", 1.0, 100.0),
    ("avg_vertical_oscillation", "vertical_oscillation_m", 1000.0, 6000.0),
    ("avg_step_length", "step_length_m", 1000.0, 6000.0),
)
_WHOLE = ("heart_rate", "power", "total_ascent")
#: FIT counts seconds from 1989-12-31T00:00Z.
FIT_EPOCH_S = 631_065_600
_FIRST_MS, _LAST_MS = 631_152_000_000, 4_102_444_800_000
_APPLICATION_ID = b"tallrun running "


def require_fit_tool() -> None:
    """Raise FormatError, with what to install, when fit-tool is not there."""
    if find_spec("fit_tool") is None:
        raise FormatError("writing FIT needs the extra fit: pip install 'tallrun[fit]'")


def export_fit(recording: Recording, strides: pd.DataFrame, path: Path, gait: Gait = "run") -> int:
    """Write a FIT activity, one record a second; return the number of records.

    gait : what the strides were; a walk is one whatever the session was begun as.

    Raises FormatError when ``started_at`` is unknown or beyond FIT's calendar or fit-tool is not installed,
    SessionError when the file exists or the disk refuses.
    """
    require_fit_tool()
    from fit_tool.fit_file_builder import FitFileBuilder

    started_at = recording.info.get("started_at")
    if started_at is None:
        raise FormatError(f"{path.name}: FIT needs the date and time of the run, but started_at is unknown")
    refuse_existing(path)
    start = datetime.fromisoformat(started_at)
    start_ms = round(start.timestamp() * 1000.0)
    if not _FIRST_MS <= start_ms <= _LAST_MS:
        raise FormatError(f"{path.name}: FIT holds dates from 1990 to 2100, but started_at is {started_at}")
    rows = activity_rows(recording, strides, recording_duration_s(recording))
    builder = FitFileBuilder(auto_define=True, min_string_size=32)
    developer = _developer_fields()
    for message in (*_opening(start_ms), *_developer_messages()):
        builder.add(message)
    for values in rows.itertuples(index=False, name=None):
        builder.add(_record(start_ms, dict(zip(rows.columns, values, strict=True)), developer))
    for message in _closing(recording, strides, rows, start, _sport(recording, gait)):
        builder.add(message)
    with whole_file(path) as partial:
        partial.write_bytes(builder.build().to_bytes())
    return len(rows)


def recording_duration_s(recording: Recording) -> float:
    """Return the time of the last sample of anything in the recording; 0 when it is empty."""
    parts: list[Any] = [*recording.sensors.values(), recording.treadmill, recording.heart_rate]
    times = [part.t_s for part in parts if part is not None]
    times += [] if recording.watch is None else [recording.watch.rows["t_s"]]
    return max((float(t_s[-1]) for t_s in times if t_s.size), default=0.0)


def _record(start_ms: int, row: dict[str, float], developer: dict[str, Any]) -> Any:
    from fit_tool.developer_field import DeveloperField
    from fit_tool.profile.messages.record_message import RecordMessage

    known = {name: row[name] for name, *_ in DEVELOPER_FIELDS if not math.isnan(row[name])}
    message = RecordMessage(
        developer_fields=[DeveloperField.from_developer_field(developer[name]) for name in known]
    )
    message.timestamp = start_ms + round(1000.0 * row["t_s"])
    for name, column, factor, highest in _NATIVE:
        _put(message, name, row[column] * factor, highest)
    if -450.0 <= row.get("altitude_m", math.nan) <= 9000.0:
        message.enhanced_altitude = row["altitude_m"]
    _put_cadence(message, "cadence", "fractional_cadence", row["cadence_spm"])
    if row["step_length_m"] > 0.0 and not math.isnan(row["vertical_oscillation_m"]):
        message.vertical_ratio = 100.0 * row["vertical_oscillation_m"] / row["step_length_m"]
    for name, value in known.items():
        _, number, _, whole = next(item for item in DEVELOPER_FIELDS if item[0] == name)
        message.get_developer_field(0, number).set_value(0, min(int(value), 254) if whole else value)
    return message


def _put(message: Any, name: str, value: float, highest: float = math.inf) -> None:
    """Set a field unless the value is unknown or beyond what the field can hold: absent, never 0."""
    if not math.isnan(value) and 0.0 <= value <= highest:
        setattr(message, name, round(value) if name.endswith(_WHOLE) else value)


def _put_cadence(message: Any, whole_field: str, fraction_field: str, cadence_spm: float) -> None:
    if not math.isnan(cadence_spm):
        # Steps of 1/128: rounding the whole number first keeps 85.999 from becoming 86 + 127/128.
        whole, parts = divmod(round(128.0 * cadence_spm / STEPS_PER_STRIDE), 128)
        setattr(message, whole_field, whole)
        setattr(message, fraction_field, parts / 128.0)


def _developer_fields() -> dict[str, Any]:
    from fit_tool.base_type import BaseType
    from fit_tool.developer_field import DeveloperField

    return {
        name: DeveloperField(
            field_id=number,
            name=name,
            units=unit,
            base_type=BaseType.UINT8 if whole else BaseType.FLOAT32,
            size=1 if whole else 4,
            developer_data_index=0,
        )
        for name, number, unit, whole in DEVELOPER_FIELDS
    }


def _developer_messages() -> list[Any]:
    from fit_tool.base_type import BaseType
    from fit_tool.profile.messages.developer_data_id_message import DeveloperDataIdMessage
    from fit_tool.profile.messages.field_description_message import FieldDescriptionMessage

    owner = DeveloperDataIdMessage()
    owner.developer_data_index = 0
    owner.application_id = _APPLICATION_ID
    messages: list[Any] = [owner]
    for name, number, unit, whole in DEVELOPER_FIELDS:
        description = FieldDescriptionMessage()
        description.developer_data_index = 0
        description.field_definition_number = number
        description.fit_base_type_id = (BaseType.UINT8 if whole else BaseType.FLOAT32).value
        description.field_name = name
        description.units = unit
        messages.append(description)
    return messages


def _opening(start_ms: int) -> list[Any]:
    from fit_tool.profile.messages.event_message import EventMessage
    from fit_tool.profile.messages.file_id_message import FileIdMessage
    from fit_tool.profile.profile_type import Event, EventType, FileType, Manufacturer

    identity = FileIdMessage()
    identity.type = FileType.ACTIVITY
    identity.manufacturer = Manufacturer.DEVELOPMENT.value
    identity.product = 0
    identity.serial_number = 1
    identity.time_created = start_ms
    begin = EventMessage()
    begin.event, begin.event_type, begin.timestamp = Event.TIMER, EventType.START, start_ms
    return [identity, begin]


def _sport(recording: Recording, gait: Gait) -> Any:
    from fit_tool.profile.profile_type import Sport

    kinds = {"walk": Sport.WALKING, "hike": Sport.HIKING}
    seen = Sport.WALKING if gait == "walk" else Sport.RUNNING
    return kinds.get(str(recording.context.get("session_kind")), seen)


def _closing(
    recording: Recording, strides: pd.DataFrame, rows: pd.DataFrame, start: datetime, sport: Any
) -> list[Any]:
    """Return the messages that sum the run up: laps at the lap marks, one session, the activity with its local time."""
    from fit_tool.profile.messages.activity_message import ActivityMessage
    from fit_tool.profile.messages.event_message import EventMessage
    from fit_tool.profile.messages.lap_message import LapMessage
    from fit_tool.profile.messages.session_message import SessionMessage
    from fit_tool.profile.profile_type import Activity, Event, EventType, LapTrigger, SessionTrigger

    end_s = float(rows["t_s"].iloc[-1])
    end_ms = round(1000.0 * (start.timestamp() + end_s))
    stop = EventMessage()
    stop.event, stop.event_type, stop.timestamp = Event.TIMER, EventType.STOP_ALL, end_ms
    messages: list[Any] = [stop]
    marks = {marker.t_s for marker in recording.markers if marker.kind == "lap" and 0.0 < marker.t_s < end_s}
    borders_s = [0.0, *sorted(marks), end_s]
    for number, (first_s, last_s) in enumerate(pairwise(borders_s)):
        lap = LapMessage()
        lap.message_index, lap.event = number, Event.LAP
        lap.lap_trigger = LapTrigger.SESSION_END if last_s == end_s else LapTrigger.MANUAL
        lap.sport = sport
        messages.append(_summed(lap, recording, strides, rows, start, (first_s, last_s)))
    session = SessionMessage()
    session.message_index, session.event, session.trigger = 0, Event.SESSION, SessionTrigger.ACTIVITY_END
    session.first_lap_index, session.num_laps = 0, len(borders_s) - 1
    session.sport = sport
    messages.append(_summed(session, recording, strides, rows, start, (0.0, end_s)))
    _put_watch_totals(session, recording)
    closing = ActivityMessage()
    closing.timestamp, closing.total_timer_time, closing.num_sessions = end_ms, end_s, 1
    closing.type, closing.event, closing.event_type = Activity.MANUAL, Event.ACTIVITY, EventType.STOP
    closing.local_timestamp = _local_fit_seconds(start, end_s, recording.info.get("time_zone"))
    return [*messages, closing]


def _put_watch_totals(session: Any, recording: Recording) -> None:
    """Set what only the summary of a watch's run knows: time without pauses, climb, distance when no row has one."""
    watch = watch_summary(recording)
    if watch is None:
        return
    session.total_timer_time = watch["recorded_s"]
    for name, key in (("total_ascent", "climb_m"), ("total_distance", "distance_m")):
        if watch[key] is not None:
            _put(session, name, watch[key], 65534.0 if name == "total_ascent" else 4.0e7)


def _summed(
    message: Any, recording: Recording, strides: pd.DataFrame, rows: pd.DataFrame, start: datetime,
    span_s: tuple[float, float],
) -> Any:  # fmt: skip
    from fit_tool.profile.profile_type import EventType, SubSport

    first_s, last_s = span_s
    message.event_type = EventType.STOP
    message.start_time = round(1000.0 * (start.timestamp() + first_s))
    message.timestamp = round(1000.0 * (start.timestamp() + last_s))
    message.total_elapsed_time = message.total_timer_time = last_s - first_s
    treadmill = recording.context.get("surface") == "treadmill"
    message.sub_sport = SubSport.TREADMILL if treadmill else SubSport.GENERIC
    at_s, along_m = rows["t_s"].to_numpy(), rows["distance_m"].to_numpy()
    known = np.isfinite(along_m)
    at_s, along_m = at_s[known], along_m[known]
    distance_m = math.nan
    if known.any():
        distance_m = float(np.interp(last_s, at_s, along_m) - np.interp(first_s, at_s, along_m))
    _put(message, "total_distance", distance_m)
    if last_s > first_s:
        _put(message, "enhanced_avg_speed", distance_m / (last_s - first_s), 60.0)
    if (
        recording.treadmill is not None
        and (climbed_m := climb_m(recording.treadmill, first_s, last_s)) is not None
    ):
        _put(message, "total_ascent", climbed_m, 65534.0)
    inside = rows[(rows["t_s"] >= first_s) & (rows["t_s"] <= last_s)]
    for name, column, factor, highest in _SUMMED:
        _put(message, name, float(inside[column].median()) * factor, highest)
    heart_bpm = inside["heart_rate_bpm"]
    _put(message, "avg_heart_rate", float(heart_bpm.mean()), 254.0)
    _put(message, "max_heart_rate", float(heart_bpm.max()), 254.0)
    _put_cadence(
        message, "avg_running_cadence", "avg_fractional_cadence", float(inside["cadence_spm"].median())
    )
    moving = strides[strides["mode"].isin(["run", "walk"])]
    if len(moving):
        contacts = moving["initial_contact_s"].between(first_s, last_s, inclusive="left").sum()
        # One foot sensor sees every stride once; both feet, and the pelvis (which names no foot), see it twice.
        message.total_strides = round(
            int(contacts) / (1 if moving["foot"].nunique() == 1 else STEPS_PER_STRIDE)
        )
    return message


def _local_fit_seconds(start: datetime, end_s: float, time_zone: Any) -> int:
    """Return the run's end on the runner's clock, in FIT's seconds; a run may cross a change to summer time."""
    end = start + timedelta(seconds=end_s)
    try:
        offset = end.astimezone(ZoneInfo(str(time_zone))).utcoffset() if time_zone else start.utcoffset()
    except (ValueError, OSError, ZoneInfoNotFoundError):
        offset = start.utcoffset()
    shift_s = 0.0 if offset is None else offset.total_seconds()
    return round(end.timestamp() + shift_s) - FIT_EPOCH_S
