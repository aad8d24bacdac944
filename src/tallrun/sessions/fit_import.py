"""FIT activities in: heart rate, speed, cadence and native running dynamics, one row for each record.

Running cadence is stored in strides per minute and doubled here, once. A native field wins over a developer field of
the same name; speed comes from ``enhanced_speed`` before ``speed``.
"""

from __future__ import annotations

import struct
import warnings
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tallrun.errors import FormatError
from tallrun.sessions._files import size_of_file
from tallrun.sessions.activity import MAX_ACTIVITY_ROWS, ROW_COLUMNS, Activity, watch_rows
from tallrun.units import STEPS_PER_STRIDE

MAX_FILE_BYTES = 200 * 1024 * 1024
#: Column, FIT field, factor to our unit. Earlier lines win.
_FIELDS = (
    ("heart_rate_bpm", "heart_rate", 1.0),
    ("speed_mps", "enhanced_speed", 1.0),
    ("speed_mps", "speed", 1.0),
    ("distance_m", "distance", 1.0),
    ("stance_time_s", "stance_time", 1e-3),
    ("duty_factor", "stance_time_percent", 1e-2),
    ("stance_left_pct", "stance_time_balance", 1.0),
    ("vertical_oscillation_m", "vertical_oscillation", 1e-3),
    ("step_length_m", "step_length", 1e-3),
    ("foot_strike_angle_left_deg", "foot_strike_angle_left_deg", 1.0),
    ("foot_strike_angle_right_deg", "foot_strike_angle_right_deg", 1.0),
    ("pelvic_tilt_deg", "pelvic_tilt_deg", 1.0),
    ("overstride_index", "overstride_index", 1.0),
    ("n_cues", "n_cues", 1.0),
)
_ON_FOOT = ("running", "walking", "hiking", "generic", None)


def import_fit(path: Path) -> Activity:
    """Read a FIT activity.

    Raises FormatError when the file is missing, too large, damaged, no activity on foot, or fitdecode is not installed.
    """
    try:
        import fitdecode
    except ImportError:
        raise FormatError("reading FIT needs the extra fit: pip install 'tallrun[fit]'") from None
    if size_of_file(path, MAX_FILE_BYTES) == 0:
        raise FormatError(f"{path} is empty; expected a FIT activity")
    columns: dict[str, list[float | None]] = {name: [] for name in ROW_COLUMNS[1:]}
    stamps: list[datetime] = []
    sessions: list[dict[str, Any]] = []
    offset: timedelta | None = None
    broken = (
        fitdecode.FitError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        struct.error,
        OverflowError,
        EOFError,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fitdecode.FitReader(path.read_bytes(), check_crc=fitdecode.CrcCheck.RAISE) as reader:
                for frame in reader:
                    if not isinstance(frame, fitdecode.FitDataMessage):
                        continue
                    if frame.name == "session":
                        sessions.append(_native(frame))
                    elif frame.name == "activity":
                        offset = _offset(_native(frame))
                    elif frame.name == "record":
                        _take(frame, columns, stamps)
                    if len(stamps) > MAX_ACTIVITY_ROWS:
                        break
    except broken as error:
        reason = str(error).strip().splitlines()[:1]
        raise FormatError(
            f"{path} is truncated or no FIT file ({reason[0] if reason else 'damaged'})"
        ) from error
    others = [session.get("sport") for session in sessions if session.get("sport") not in _ON_FOOT]
    if others:
        raise FormatError(
            f"{path} is an activity of sport {str(others[0])[:40]}; only running and walking are imported"
        )
    try:
        started_at, rows = watch_rows(columns, stamps)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    treadmill = any(session.get("sub_sport") == "treadmill" for session in sessions)
    extra = _totals(sessions, bool(rows["distance_m"].isna().all()))
    if offset is not None:
        started_at = started_at.astimezone(timezone(offset))
    return Activity(started_at, rows, treadmill, f"imported from FIT: {path.name}", extra)


def _offset(values: dict[str, Any]) -> timedelta | None:
    """Return how far the watch's clock was from UTC, to a quarter of an hour; None when it does not say."""
    at, local = values.get("timestamp"), values.get("local_timestamp")
    if not (isinstance(at, datetime) and isinstance(local, datetime)):
        return None
    ahead_s = (local.replace(tzinfo=None) - at.replace(tzinfo=None)).total_seconds()
    offset = timedelta(seconds=900 * round(ahead_s / 900.0))
    return offset if abs(offset) <= timedelta(hours=15) else None


def _totals(sessions: list[dict[str, Any]], distance_unknown: bool) -> dict[str, Any]:
    """Return what only the summary of a file knows: its timer, and the distance when no row has one."""
    totals: dict[str, Any] = {}
    for key, name in (("timer_s", "total_timer_time"), ("distance_m", "total_distance")):
        values = [session[name] for session in sessions if isinstance(session.get(name), int | float)]
        if values and len(values) == len(sessions) and (key != "distance_m" or distance_unknown):
            totals[key] = float(sum(values))
    return totals


def _native(frame: Any) -> dict[str, Any]:
    """Return the values of a message by name, native fields before developer fields."""
    values: dict[str, Any] = {}
    for item in sorted(
        frame.fields, key=lambda item: bool(item.field_def is not None and item.field_def.is_dev)
    ):
        if item.value is not None:
            values.setdefault(item.name, item.value)
    return values


def _take(frame: Any, columns: dict[str, list[float | None]], stamps: list[datetime]) -> None:
    values = _native(frame)
    stamp = values.get("timestamp")
    if not isinstance(stamp, datetime):
        return
    row: dict[str, float] = {}
    for column, name, factor in _FIELDS:
        value = values.get(name)
        if isinstance(value, int | float) and column not in row:
            row[column] = float(value) * factor
    strides_per_min = values.get("cadence")
    if isinstance(strides_per_min, int | float):
        fraction = values.get("fractional_cadence")
        whole = float(strides_per_min) + (float(fraction) if isinstance(fraction, int | float) else 0.0)
        row["cadence_spm"] = STEPS_PER_STRIDE * whole
    stamps.append(stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC))
    for name, values_of in columns.items():
        values_of.append(row.get(name))
