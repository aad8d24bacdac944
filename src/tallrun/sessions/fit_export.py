"""FIT activity out: native running dynamics for what has a native field, developer fields for the rest.

FIT counts running cadence in strides per minute; this is the one place where steps are halved.
"""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from tallrun.errors import FormatError
from tallrun.numerics.recording import Recording
from tallrun.sessions._files import whole_file
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
    ("stance_time", "stance_time_s", 1000.0, 6000.0),
    ("stance_time_percent", "duty_factor", 100.0, 100.0),
    ("stance_time_balance", "stance_left_pct", 1.0, 100.0),
    ("vertical_oscillation", "vertical_oscillation_m", 1000.0, 6000.0),
    ("step_length", "step_length_m", 1000.0, 6000.0),
)
_APPLICATION_ID = b"tallrun running "


def export_fit(recording: Recording, strides: pd.DataFrame, path: Path) -> int:
    """Write a FIT activity, one record a second; return the number of records.

    Raises FormatError when ``started_at`` is unknown, fit-tool is not installed, or the file exists.
    """
    try:
        from fit_tool.fit_file_builder import FitFileBuilder
    except ImportError:
        raise FormatError("writing FIT needs the extra fit: pip install 'tallrun[fit]'") from None
    started_at = recording.info.get("started_at")
    if started_at is None:
        raise FormatError(f"{path.name}: FIT needs the date and time of the run, but started_at is unknown")
    if path.exists():
        raise FormatError(f"{path} exists already; choose another name")
    start_ms = round(datetime.fromisoformat(started_at).timestamp() * 1000.0)
    rows = activity_rows(recording, strides, recording_duration_s(recording))
    builder = FitFileBuilder(auto_define=True, min_string_size=32)
    developer = _developer_fields()
    for message in (*_opening(start_ms), *_developer_messages()):
        builder.add(message)
    for values in rows.itertuples(index=False, name=None):
        builder.add(_record(start_ms, dict(zip(rows.columns, values, strict=True)), developer))
    for message in _closing(start_ms, rows, recording.context.get("surface") == "treadmill"):
        builder.add(message)
    with whole_file(path) as partial:
        partial.write_bytes(builder.build().to_bytes())
    return len(rows)


def recording_duration_s(recording: Recording) -> float:
    """Return the time of the last sample of anything in the recording; 0 when it is empty."""
    parts: list[Any] = [*recording.sensors.values(), recording.treadmill, recording.heart_rate]
    return max((float(part.t_s[-1]) for part in parts if part is not None and part.t_s.size), default=0.0)


def _record(start_ms: int, row: dict[str, float], developer: dict[str, Any]) -> Any:
    from fit_tool.developer_field import DeveloperField
    from fit_tool.profile.messages.record_message import RecordMessage

    known = {name: row[name] for name, *_ in DEVELOPER_FIELDS if not math.isnan(row[name])}
    message = RecordMessage(
        developer_fields=[DeveloperField.from_developer_field(developer[name]) for name in known]
    )
    message.timestamp = start_ms + round(1000.0 * row["t_s"])
    for name, column, factor, highest in _NATIVE:
        value = row[column] * factor
        if not math.isnan(value) and 0.0 <= value <= highest:
            setattr(message, name, round(value) if name == "heart_rate" else value)
    if not math.isnan(row["cadence_spm"]):
        strides_per_min, fraction = divmod(row["cadence_spm"] / STEPS_PER_STRIDE, 1.0)
        message.cadence = int(strides_per_min)
        message.fractional_cadence = min(fraction, 127.0 / 128.0)
    if row["step_length_m"] > 0.0 and not math.isnan(row["vertical_oscillation_m"]):
        message.vertical_ratio = 100.0 * row["vertical_oscillation_m"] / row["step_length_m"]
    for name, value in known.items():
        _, number, _, whole = next(item for item in DEVELOPER_FIELDS if item[0] == name)
        message.get_developer_field(0, number).set_value(0, int(value) if whole else value)
    return message


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


def _closing(start_ms: int, rows: pd.DataFrame, treadmill: bool) -> list[Any]:
    from fit_tool.profile.messages.activity_message import ActivityMessage
    from fit_tool.profile.messages.event_message import EventMessage
    from fit_tool.profile.messages.lap_message import LapMessage
    from fit_tool.profile.messages.session_message import SessionMessage
    from fit_tool.profile.profile_type import Event, EventType, Sport, SubSport

    elapsed_s = float(rows["t_s"].iloc[-1])
    end_ms = start_ms + round(1000.0 * elapsed_s)
    stop = EventMessage()
    stop.event, stop.event_type, stop.timestamp = Event.TIMER, EventType.STOP_ALL, end_ms
    messages: list[Any] = [stop]
    for kind in (LapMessage, SessionMessage):
        message = kind()
        message.timestamp, message.start_time = end_ms, start_ms
        message.total_elapsed_time = message.total_timer_time = elapsed_s
        message.total_distance = float(rows["distance_m"].iloc[-1])
        message.sport = Sport.RUNNING
        message.sub_sport = SubSport.TREADMILL if treadmill else SubSport.GENERIC
        cadence_spm = float(rows["cadence_spm"].median())
        if not math.isnan(cadence_spm):
            whole, fraction = divmod(cadence_spm / STEPS_PER_STRIDE, 1.0)
            message.avg_running_cadence = int(whole)
            message.avg_fractional_cadence = min(fraction, 127.0 / 128.0)
        messages.append(message)
    closing = ActivityMessage()
    closing.timestamp, closing.total_timer_time, closing.num_sessions = end_ms, elapsed_s, 1
    return [*messages, closing]
