"""FIT activities in: heart rate, speed, cadence, laps and native running dynamics, one row for each record.

FIT counts running cadence in strides per minute, some programs write steps. A native field wins over a developer field
of the same name; speed comes from ``enhanced_speed`` before ``speed``. A file that was never closed (the watch died) is
read as far as its records are whole.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tallrun.errors import FormatError
from tallrun.sessions.activity import Activity
from tallrun.sessions.door import behind_door
from tallrun.sessions.watch_points import Points, watch_table

MAX_FILE_BYTES = 200 * 1024 * 1024
#: Column, FIT field, factor to our unit. Earlier lines win.
_FIELDS = (
    ("heart_rate_bpm", "heart_rate", 1.0),
    ("speed_mps", "enhanced_speed", 1.0),
    ("speed_mps", "speed", 1.0),
    ("distance_m", "distance", 1.0),
    ("altitude_m", "enhanced_altitude", 1.0),
    ("altitude_m", "altitude", 1.0),
    ("power_w", "power", 1.0),
    ("lat_deg", "position_lat", 180.0 / 2**31),
    ("lon_deg", "position_long", 180.0 / 2**31),
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
#: Fields of a record that become a row's time, cadence or distance; a field of another name is told as not kept.
_READ = frozenset({"timestamp", "cadence", "fractional_cadence", *(name for _, name, _ in _FIELDS)})
_PLANS = ("course", "workout", "schedules")
_ON_FOOT = ("running", "walking", "hiking", "generic", None)
_INDOOR_RUNS = ("treadmill", "indoor_running", "virtual_activity", "indoor_walking")
_LAP_FIELDS = (
    ("duration_s", "total_timer_time"), ("duration_s", "total_elapsed_time"), ("distance_m", "total_distance"),
    ("heart_rate_bpm", "avg_heart_rate"), ("max_heart_rate_bpm", "max_heart_rate"),
    ("cadence", "avg_running_cadence"), ("cadence", "avg_cadence"),
)  # fmt: skip
_UNCLOSED = (
    "the file was never closed (the watch or phone stopped before): read as far as its records are whole"
)


@dataclass
class _Found:
    points: Points = field(default_factory=Points)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    sports: list[dict[str, Any]] = field(default_factory=list)
    kinds: list[Any] = field(default_factory=list)
    writer: list[str] = field(default_factory=list)
    offset: timedelta | None = None
    part: int = 0


def import_fit(path: Path, cadence: str = "auto", *, damaged: bool = False) -> Activity:
    """Read a FIT activity.

    cadence : what the file counts, ``strides`` or ``steps`` a minute; ``auto`` takes one value over 125 for steps.
    damaged : read a file whose checksum is wrong as far as it goes.

    Raises FormatError when the file is missing, too large, damaged, no activity on foot (a course, a workout), or
    fitdecode is not installed.
    """
    return behind_door(_read_fit, path, cadence, damaged, most_bytes=MAX_FILE_BYTES)


def _read_fit(path: Path, cadence: str, damaged: bool) -> Activity:
    content, unclosed, junk = _closed(path, path.read_bytes())
    found, error = _frames(content, unclosed or damaged)
    if error is not None:
        if not found.points.at or not (unclosed or damaged):
            remedy = "; to read it as far as it goes: --damaged" if found.points.at else ""
            raise FormatError(f"{path} is truncated or no FIT file ({error}){remedy}")
        if damaged:
            found.points.notes.append(
                f"the file is damaged ({error}): read as far as it goes, values may be wrong"
            )
    if unclosed:
        found.points.notes.append(_UNCLOSED)
    elif damaged:
        found.points.notes.append("checksums were not looked at: values of a damaged file may be wrong")
    if junk:
        found.points.notes.append(f"{junk} bytes after the end of the activity left out")
    sport, sub_sport = _sport(path, found)
    if sport in (None, "generic"):
        when = "ends before it says" if unclosed else "does not say"
        found.points.notes.append(f"the file {when} its sport; it was read as a run")
    if len(found.sessions) > 1:
        found.points.notes.append(
            f"the file holds {len(found.sessions)} runs one after another; they were read as one"
        )
    if not found.points.laps and (not found.points.at or len(found.sessions) > 1):
        found.points.laps = [_lap(session) for session in found.sessions]
    found.points.total_m = _sum(found.sessions, "total_distance") or None
    try:
        table = watch_table(found.points, cadence, " ".join(found.writer))
    except FormatError as refusal:
        raise FormatError(f"{path}: {refusal}") from None
    activity = Activity.of(table, sub_sport == "treadmill", f"imported from FIT: {path.name}", sport, ())
    extra = activity.extra | _totals(found.sessions, activity)
    started_at = activity.started_at
    if found.offset is not None and started_at is not None:
        started_at = started_at.astimezone(timezone(found.offset))
    return replace(activity, started_at=started_at, extra=extra)


def _closed(path: Path, content: bytes) -> tuple[bytes, bool, int]:
    """Return (content whose header tells its true length, whether it was never closed, bytes of no use after it)."""
    if len(content) < 12 or content[8:12] != b".FIT" or content[0] not in (12, 14):
        raise FormatError(f"{path} is truncated or no FIT file (it does not begin like one)")
    header, said = content[0], int.from_bytes(content[4:8], "little")
    end = header + said + 2
    if said and end <= len(content):
        if content[end + 8 : end + 12] == b".FIT":
            return content, False, 0
        whole = _is_whole(content[:end])
        if whole and header == 14 and content[12:14] != b"\0\0" and not _is_whole(content[:14]):
            # The header's own checksum is wrong, that of the whole fits: zeros stand for "none".
            content = content[:12] + b"\0\0" + content[14 : end - 2] + b"\0\0" + content[end:]
        if whole or end == len(content):
            return content[:end], False, len(content) - end
    fixed = bytearray(content)
    fixed[4:8] = (len(content) - header).to_bytes(4, "little")
    if header == 14:
        fixed[12:14] = b"\0\0"
    return bytes(fixed), True, 0


def _is_whole(content: bytes) -> bool:
    """Tell whether the checksum at the end fits."""
    from fitdecode.utils import compute_crc

    return bool(compute_crc(content[:-2]) == int.from_bytes(content[-2:], "little"))


def _frames(content: bytes, unchecked: bool) -> tuple[_Found, str | None]:
    """Return what the messages hold, and why reading ended before the end of the file."""
    try:
        import fitdecode
    except ImportError:
        raise FormatError("reading FIT needs the extra fit: pip install 'tallrun[fit]'") from None
    found = _Found()
    broken = (
        fitdecode.FitError, ValueError, TypeError, KeyError, IndexError, struct.error, OverflowError, EOFError,
        AttributeError,
    )  # fmt: skip
    check = fitdecode.CrcCheck.DISABLED if unchecked or content[-2:] == b"\0\0" else fitdecode.CrcCheck.RAISE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fitdecode.FitReader(content, check_crc=check) as reader:
                for frame in reader:
                    if isinstance(frame, fitdecode.FitDataMessage):
                        _take(frame, found)
    except broken as error:
        reason = str(error).strip().splitlines()[:1]
        return found, (reason[0] if reason else "damaged")[:120]
    return found, None


def _take(frame: Any, found: _Found) -> None:
    if frame.name == "record":
        _take_record(_native(frame), found)
        return
    if frame.name not in (
        "session",
        "sport",
        "activity",
        "lap",
        "file_id",
        "event",
        "file_creator",
        "device_info",
        "hr",
    ):
        return
    values = _native(frame)
    if frame.name == "session":
        found.sessions.append(values)
    elif frame.name == "sport":
        found.sports.append(values)
    elif frame.name == "activity":
        found.offset = _offset(values) or found.offset
    elif frame.name == "lap":
        found.points.laps.append(_lap(values))
    elif frame.name == "hr":
        bpm, at = _number(values.get("filtered_bpm")), _stamp(values.get("timestamp"))
        if bpm is not None and at is not None:
            found.points.add(at, found.part, {"heart_rate_bpm": bpm})
        else:
            found.points.left.add("heart rate a strap stored")
    elif frame.name == "event":
        if values.get("event") == "timer" and values.get("event_type") in ("stop", "stop_all", "start"):
            found.part += 1
    else:
        if frame.name == "file_id":
            found.kinds.append(values.get("type"))
        found.writer += [str(values[name]) for name in ("product_name", "manufacturer") if name in values]


def _lap(values: dict[str, Any]) -> dict[str, object]:
    lap: dict[str, object] = {"at": _stamp(values.get("start_time"))}
    for column, name in _LAP_FIELDS:
        value = _number(values.get(name))
        if value is not None:
            lap.setdefault(column, value)
    return lap


def _sum(sessions: list[dict[str, Any]], name: str) -> float | None:
    """Return the sum of a field of the sessions; None where one does not have it."""
    values = [_number(session.get(name)) for session in sessions]
    known = [value for value in values if value is not None]
    return float(sum(known)) if known and len(known) == len(values) else None


def _sport(path: Path, found: _Found) -> tuple[str | None, str | None]:
    """Return (sport, sub sport) in FIT's words. Raises FormatError, naming it, for what is no activity on foot."""
    plans = [str(kind) for kind in found.kinds if kind not in ("activity", None)]
    if plans and (not found.sessions or plans[0] in _PLANS):
        raise FormatError(
            f"{path} is a FIT file of kind {plans[0][:40]}, no run that took place; nothing was imported"
        )
    said = found.sessions if any(part.get("sport") for part in found.sessions) else found.sports
    for part in said:
        sport, sub_sport = part.get("sport"), part.get("sub_sport")
        if sport not in _ON_FOOT and not (sport == "fitness_equipment" and sub_sport in _INDOOR_RUNS):
            raise FormatError(
                f"{path} is an activity of sport {str(sport)[:40]}; only running and walking are imported"
            )
    sports = [str(part["sport"]) for part in said if part.get("sport")]
    sub_sports = [part.get("sub_sport") for part in said]
    treadmill = "treadmill" if any(sub in _INDOOR_RUNS[:2] for sub in sub_sports) else None
    return (sports[0] if sports else None), treadmill


def _offset(values: dict[str, Any]) -> timedelta | None:
    """Return how far the watch's clock was from UTC, to a quarter of an hour; None when it does not say."""
    at, local = values.get("timestamp"), values.get("local_timestamp")
    if not (isinstance(at, datetime) and isinstance(local, datetime)):
        return None
    ahead_s = (local.replace(tzinfo=None) - at.replace(tzinfo=None)).total_seconds()
    offset = timedelta(seconds=900 * round(ahead_s / 900.0))
    return offset if abs(offset) <= timedelta(hours=15) else None


def _totals(sessions: list[dict[str, Any]], activity: Activity) -> dict[str, Any]:
    """Return what only the summary of a file knows: its timer, its climb, and the distance when no row has one."""
    totals: dict[str, Any] = {}
    for key, name in (("timer_s", "total_timer_time"), ("climb_m", "total_ascent")):
        total = _sum(sessions, name)
        if total is not None:
            totals[key] = total
    total_m = _sum(sessions, "total_distance")
    if total_m and activity.rows["distance_m"].isna().all():
        totals["distance_m"] = total_m
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


def _take_record(values: dict[str, Any], found: _Found) -> None:
    row: dict[str, float] = {}
    for column, name, factor in _FIELDS:
        value = _number(values.get(name))
        if value is not None and column not in row:
            row[column] = value * factor
    per_min = _number(values.get("cadence"))
    if per_min is not None:
        row["cadence"] = per_min + (_number(values.get("fractional_cadence")) or 0.0)
    found.points.left.update(name for name in values if name not in _READ)
    found.points.add(_stamp(values.get("timestamp")), found.part, row)


def _stamp(value: Any) -> datetime | float | None:
    """Return a FIT time; a number counts seconds of a watch whose clock was never set."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return _number(value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
