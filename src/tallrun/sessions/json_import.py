"""Polar's and Suunto's own JSON in, as their archives of all one's data hold it.

Layouts after the field names public readers use. Polar: ``exercises`` with ``samples`` of ``dateTime`` and ``value``,
times on the runner's clock, speed in km/h. Suunto: samples with ``TimeISO8601``, rates in Hz, positions in radians.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tallrun.errors import FormatError
from tallrun.sessions.activity import Activity
from tallrun.sessions.door import behind_door
from tallrun.sessions.sports import refuse_other_sports
from tallrun.sessions.watch_points import Points, watch_table

MAX_FILE_BYTES = 200 * 1024 * 1024
#: Polar's name of a series, column of a point, factor to our unit.
POLAR_SERIES = (
    ("heartRate", "heart_rate_bpm", 1.0), ("speed", "speed_mps", 1.0 / 3.6), ("distance", "distance_m", 1.0),
    ("cadence", "cadence", 1.0), ("altitude", "altitude_m", 1.0), ("power", "power_w", 1.0),
)  # fmt: skip
_POLAR_READ = frozenset({"recordedRoute", *(name for name, _, _ in POLAR_SERIES)})
#: Suunto's name, column. The barometer's altitude goes before that of positions: the two must not be mixed.
SUUNTO_FIELDS = (
    ("HR", "heart_rate_bpm"), ("Cadence", "cadence"), ("Speed", "speed_mps"), ("Distance", "distance_m"),
    ("Altitude", "altitude_m"), ("GPSAltitude", "altitude_m"), ("Power", "power_w"), ("Latitude", "lat_deg"),
    ("Longitude", "lon_deg"),
)  # fmt: skip
_SUUNTO_READ = frozenset({"Events", "TimeISO8601", "UTC", *(name for name, _ in SUUNTO_FIELDS)})
#: Suunto's numbers of sports, as far as public readers agree on them.
_SUUNTO_SPORTS = {
    3: "running", 4: "cycling", 5: "mountain biking", 6: "swimming", 8: "skating", 10: "yoga", 11: "trekking",
    12: "walking", 13: "sailing", 14: "kayaking", 15: "rowing", 16: "climbing", 17: "indoor cycling", 19: "triathlon",
    20: "alpine skiing", 21: "snowboarding", 22: "cross-country skiing", 23: "weight training", 51: "diving",
    52: "diving", 82: "trail running", 83: "openwater swimming",
}  # fmt: skip
#: No heart and no leg is faster [Hz]: above, the file counts per minute; no angle is larger [rad]: above, degrees.
_MOST_HZ = 10.0
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")


def import_polar(path: Path, cadence: str = "auto") -> list[Activity]:
    """Read a training session of Polar's archive: one activity for each of its exercises.

    Raises FormatError when it is missing, too large, no such JSON, a plan, or of a sport not on foot.
    """
    return behind_door(_read_polar, path, cadence, most_bytes=MAX_FILE_BYTES)


def import_suunto(path: Path, cadence: str = "auto") -> Activity:
    """Read a recording of Suunto's app. Raises FormatError as ``import_polar`` does."""
    return behind_door(_read_suunto, path, cadence, most_bytes=MAX_FILE_BYTES)


def _read_polar(path: Path, cadence: str) -> list[Activity]:
    content = _content(path)
    done = [
        part
        for part in _dicts(content.get("exercises"))
        if isinstance(part.get("startTime"), str) and (part.get("duration") or part.get("samples"))
    ]
    if not done:
        raise FormatError(f"{path} tells of no exercise that took place (a plan?); nothing was imported")
    names = [part.get("sport") for part in done]
    if any(not isinstance(name, str) for name in names):
        raise FormatError(
            f"{path} is a layout of Polar's that is not known here; export the run as TCX or FIT"
        )
    refuse_other_sports(path, names)  # the whole file, before any part of it is taken
    return [_polar_activity(path, content, part, cadence) for part in done]


def _polar_activity(path: Path, session: dict[str, Any], part: dict[str, Any], cadence: str) -> Activity:
    sport, notes = refuse_other_sports(path, [part["sport"]])
    points = Points()
    minutes = _number(
        part.get("timezoneOffset", session.get("timeZoneOffset", session.get("timezoneOffset")))
    )
    zone = None
    if minutes is not None and abs(minutes) <= 15 * 60:
        zone = timezone(timedelta(minutes=minutes))
    else:
        zone = timezone.utc  # noqa: UP017
        points.notes.append("times without a zone were read as UTC")

    def when(text: Any) -> datetime | None:
        at = _time(text)
        return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at

    start = when(part["startTime"])
    if start is None:
        raise FormatError(f"{path}: the start {str(part['startTime'])[:40]!r} is no date")
    samples = part.get("samples")
    rows: dict[datetime | None, dict[str, float]] = {}
    for name, column, factor in POLAR_SERIES:
        for sample in _dicts(_of(samples, name)):
            value, at = _number(sample.get("value")), when(sample.get("dateTime"))
            if value is not None:
                rows.setdefault(at, {})[column] = factor * value
    if isinstance(samples, dict):
        points.left.update(name for name in samples if name not in _POLAR_READ)
    for place in _dicts(_of(samples, "recordedRoute")):
        values = rows.setdefault(when(place.get("dateTime")), {})
        for name, column in (("latitude", "lat_deg"), ("longitude", "lon_deg"), ("altitude", "altitude_m")):
            value = _number(place.get(name))
            if value is not None:
                values.setdefault(column, value)
    for at, values in rows.items():
        points.add(at, 0, values)
    ended = 0.0
    for lap in _dicts(part.get("laps")) or _dicts(part.get("autoLaps")):
        points.laps.append({"at": start + timedelta(seconds=ended), **_polar_totals(lap)})
        ended += _seconds(lap.get("duration")) or 0.0
    if not points.laps:
        points.laps.append({"at": start, **_polar_totals(part)})
    treadmill = "TREADMILL" in str(part["sport"]).upper()
    return _activity(path, points, cadence, "Polar", sport, notes, treadmill)


def _polar_totals(part: dict[str, Any]) -> dict[str, float]:
    heart, cadence = part.get("heartRate"), part.get("cadence")
    said = {
        "duration_s": _seconds(part.get("duration")),
        "distance_m": _number(part.get("distance")),
        "heart_rate_bpm": _number(_of(heart, "avg")),
        "max_heart_rate_bpm": _number(_of(heart, "max")),
        "cadence": _number(_of(cadence, "avg")),
    }
    return {name: value for name, value in said.items() if value is not None}


def _read_suunto(path: Path, cadence: str) -> Activity:
    content = _content(path)
    found = list(_suunto_samples(content))
    if not found:
        raise FormatError(f"{path} is no recording of Suunto's app (no samples in it)")
    sports, points, rows = _suunto_sports(content, found), Points(), dict[tuple[int, int], dict[str, float]]()
    moments: dict[tuple[int, int], datetime] = {}
    sport, notes = refuse_other_sports(path, sports)
    has_barometer = any(_number(sample.get("Altitude")) is not None for _, sample in found)
    fields = [pair for pair in SUUNTO_FIELDS if pair[0] != ("GPSAltitude" if has_barometer else "Altitude")]
    part = undated = 0
    for at, sample in found:
        part += sum(isinstance(event.get("Pause"), dict) for event in _dicts(sample.get("Events")))
        values = {}
        for name, column in fields:
            value = _number(sample.get(name))
            if value is not None:
                values[column] = value
        points.left.update(name for name in sample if name not in _SUUNTO_READ)
        if not values:
            continue
        if at is None:
            undated += 1
            continue
        # Each quantity has samples of its own; those of one second stand in one row.
        key = (part, math.floor(at.timestamp()))
        moments.setdefault(key, at.replace(microsecond=0))
        for column, value in values.items():
            rows.setdefault(key, {}).setdefault(column, value)
    if undated:
        points.notes.append(f"{undated} sample(s) without a time left out")
    _to_our_units(rows)
    for key, values in rows.items():
        points.add(moments[key], key[0], values)
    return _activity(path, points, cadence, "Suunto", sport, notes, False)


def _suunto_samples(content: dict[str, Any]) -> Iterator[tuple[datetime | None, dict[str, Any]]]:
    """Yield (time, values) of every sample, however deep this version of the app puts them."""
    for home in (content, content.get("DeviceLog"), content.get("Data")):
        for entry in _dicts(_of(home, "Samples")):
            attributes = entry.get("Attributes", entry)
            if isinstance(attributes, str):
                try:
                    attributes = json.loads(attributes)
                except ValueError:
                    continue
            inner = _of(attributes, "suunto/sml")
            sample = _of(inner, "Sample") if inner is not None else attributes
            if isinstance(sample, dict):
                at = _time(entry.get("TimeISO8601"))
                yield (at if at is not None and at.tzinfo is not None else None), sample


def _suunto_sports(
    content: dict[str, Any], found: list[tuple[datetime | None, dict[str, Any]]]
) -> list[str | None]:
    numbers = [_of(_of(content.get("DeviceLog"), "Header"), "ActivityType")]
    for _, sample in found:
        numbers += [_of(event.get("Activity"), "ActivityType") for event in _dicts(sample.get("Events"))]
    return [
        _SUUNTO_SPORTS.get(number, f"number {number}")
        for number in dict.fromkeys(numbers)
        if isinstance(number, int)
    ]


def _to_our_units(rows: dict[tuple[int, int], dict[str, float]]) -> None:
    """Turn Hz to a minute and radians to degrees, unless a value shows that the file does not use them."""
    for column in ("heart_rate_bpm", "cadence"):
        if max((values.get(column, 0.0) for values in rows.values()), default=0.0) <= _MOST_HZ:
            for values in rows.values():
                if column in values:
                    values[column] *= 60.0
    angles = [
        abs(values[name]) for values in rows.values() for name in ("lat_deg", "lon_deg") if name in values
    ]
    if angles and max(angles) <= math.pi:
        for values in rows.values():
            for name in ("lat_deg", "lon_deg"):
                if name in values:
                    values[name] = math.degrees(values[name])


def _activity(
    path: Path, points: Points, cadence: str, maker: str, sport: str | None, notes: tuple[str, ...], treadmill: bool
) -> Activity:  # fmt: skip
    try:
        table = watch_table(points, cadence)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    return Activity.of(table, treadmill, f"imported from {maker} JSON: {path.name}", sport, notes)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is truncated or no valid JSON ({str(error)[:80]})") from None
    if not isinstance(content, dict):
        raise FormatError(f"{path} is JSON of another kind, no run")
    return content


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    """Return a finite number; Polar writes the word NaN where it knew nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _time(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        if at is not None and at.tzinfo is not None:
            at.timestamp()
    except (ValueError, OverflowError):
        return None
    return at


def _seconds(value: Any) -> float | None:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = (float(part or 0.0) for part in match.groups())
    return 3600.0 * hours + 60.0 * minutes + seconds
