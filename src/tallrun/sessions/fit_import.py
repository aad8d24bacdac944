"""FIT activities in: heart rate, speed, cadence and native running dynamics, one row for each record.

Running cadence is stored in strides per minute and doubled here, once. A native field wins over a developer field of
the same name; speed comes from ``enhanced_speed`` before ``speed``.
"""

from __future__ import annotations

import struct
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tallrun.errors import FormatError
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
    content = _content(path)
    columns: dict[str, list[float | None]] = {name: [] for name in ROW_COLUMNS[1:]}
    stamps: list[datetime] = []
    sport: str | None = None
    sub_sport: str | None = None
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
            with fitdecode.FitReader(content, check_crc=fitdecode.CrcCheck.RAISE) as reader:
                for frame in reader:
                    if not isinstance(frame, fitdecode.FitDataMessage):
                        continue
                    if frame.name == "session":
                        sport, sub_sport = (
                            _native(frame).get("sport", sport),
                            _native(frame).get("sub_sport", sub_sport),
                        )
                    elif frame.name == "record":
                        _take(frame, columns, stamps)
                    if len(stamps) > MAX_ACTIVITY_ROWS:
                        break
    except broken as error:
        reason = str(error).strip().splitlines()[:1]
        raise FormatError(
            f"{path} is truncated or no FIT file ({reason[0] if reason else 'damaged'})"
        ) from error
    if sport not in _ON_FOOT:
        raise FormatError(f"{path} is an activity of sport {sport}; only running and walking are imported")
    try:
        started_at, rows = watch_rows(columns, stamps)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    return Activity(started_at, rows, sub_sport == "treadmill", f"imported from FIT: {path.name}")


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise FormatError(
                f"{path} has {path.stat().st_size} bytes; at most {MAX_FILE_BYTES} are accepted"
            )
        return path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror or error})") from error


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
