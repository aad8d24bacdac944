"""Apple Health's ``export.xml`` in: every workout on foot as an activity of its own.

Heart rate and the numbers of running come from the records within the workout's time, the way from its route file, the
rest from its totals.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from datetime import datetime
from pathlib import Path
from typing import Any

from tallrun.errors import FormatError
from tallrun.sessions.activity import Activity
from tallrun.sessions.door import behind_door
from tallrun.sessions.sports import sport_on_foot
from tallrun.sessions.watch_points import Points, watch_table
from tallrun.sessions.xml_import import read_gpx_points

MAX_FILE_BYTES = 8 * 1024**3
MAX_WORKOUTS = 20_000
_MOST_RECORDS = 20_000_000
_HEART = "HKQuantityTypeIdentifierHeartRate"
#: Type of a record, column of a point, factor to our unit by the unit it says. The running stride length is not among
#: them: it does not say whether it is a stride's or a step's.
RECORDS: dict[str, tuple[str, dict[str | None, float]]] = {
    _HEART: ("heart_rate_bpm", {"count/min": 1.0, None: 1.0}),
    "HKQuantityTypeIdentifierRunningSpeed": (
        "speed_mps", {"m/s": 1.0, "km/hr": 1.0 / 3.6, "km/h": 1.0 / 3.6, "mi/hr": 0.44704},
    ),
    "HKQuantityTypeIdentifierRunningPower": ("power_w", {"W": 1.0}),
    "HKQuantityTypeIdentifierRunningVerticalOscillation": ("vertical_oscillation_m", {"cm": 0.01, "m": 1.0}),
    "HKQuantityTypeIdentifierRunningGroundContactTime": ("stance_time_s", {"ms": 0.001, "s": 1.0}),
}  # fmt: skip
_DISTANCE = "HKQuantityTypeIdentifierDistanceWalkingRunning"
_METRES = {"m": 1.0, "km": 1000.0, "mi": 1609.344, "yd": 0.9144, "ft": 0.3048}
_SECONDS = {"s": 1.0, "min": 60.0, "hr": 3600.0, "h": 3600.0}


def import_apple(path: Path) -> tuple[list[Activity], int]:
    """Return (the workouts on foot, how many others there were) of an ``export.xml``.

    Raises FormatError when the file is missing, too large, damaged or holds no workout.
    """
    return behind_door(_read_apple, path, most_bytes=MAX_FILE_BYTES)


def _read_apple(path: Path) -> tuple[list[Activity], int]:
    from lxml import etree

    records: list[tuple[float, str, float]] = []
    workouts: list[dict[str, Any]] = []
    with path.open("rb") as file:
        if b"<!ENTITY" in file.read(1024 * 1024).replace(b"\0", b"").upper():
            raise FormatError(f"{path} declares entities, which is refused")
    try:
        with path.open("rb") as file:
            for _, element in etree.iterparse(
                file, events=("end",), tag=("Record", "Workout", "Correlation", "ActivitySummary"), recover=True,
                resolve_entities=False, no_network=True, load_dtd=False,
            ):  # fmt: skip
                if element.tag == "Record" and len(records) < _MOST_RECORDS:
                    column, units = RECORDS.get(element.get("type"), ("", {}))
                    at, value = _when(element.get("startDate")), _number(element.get("value"))
                    factor = units.get(element.get("unit"))
                    if at is not None and value is not None and factor is not None:
                        records.append((at.timestamp(), column, factor * value))
                elif element.tag == "Workout" and len(workouts) < MAX_WORKOUTS:
                    workouts.append(_workout(element))
                element.clear(keep_tail=False)
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except (etree.LxmlError, OSError, ValueError) as error:
        raise FormatError(f"{path} is truncated or no valid XML ({str(error)[:100]})") from error
    records.sort()
    found, others = [], 0
    for workout in workouts:
        if sport_on_foot(workout["sport"])[1] is not True:
            others += 1
        elif workout["start"] is not None:
            found.append(_activity(path, workout, records))
    if not workouts:
        raise FormatError(f"{path} holds no workouts")
    return found, others


def _workout(element: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "sport": str(element.get("workoutActivityType") or "").removeprefix("HKWorkoutActivityType"),
        "start": _when(element.get("startDate")),
        "end": _when(element.get("endDate")),
        "duration_s": _measure(element, "duration", "durationUnit", _SECONDS),
        "distance_m": _measure(element, "totalDistance", "totalDistanceUnit", _METRES),
        "indoor": False,
        "route": None,
    }
    for child in element.iter():
        if child.tag == "WorkoutStatistics" and child.get("type") == _DISTANCE and said["distance_m"] is None:
            said["distance_m"] = _measure(child, "sum", "unit", _METRES)
        elif child.tag == "WorkoutStatistics" and child.get("type") == _HEART:
            said["heart_rate_bpm"] = _number(child.get("average"))
            said["max_heart_rate_bpm"] = _number(child.get("maximum"))
        elif child.tag == "FileReference":
            said["route"] = child.get("path")
        elif child.tag == "MetadataEntry" and child.get("key") == "HKIndoorWorkout":
            said["indoor"] = child.get("value") == "1"
    return said


def _activity(path: Path, workout: dict[str, Any], records: list[tuple[float, str, float]]) -> Activity:
    points, start = Points(), workout["start"]
    end_s = (
        workout["end"].timestamp() if workout["end"] else start.timestamp() + (workout["duration_s"] or 0.0)
    )
    first = bisect_left(records, start.timestamp(), key=lambda record: record[0])
    last = bisect_right(records, end_s, key=lambda record: record[0])
    points.add(start, 0, {})
    points.add(datetime.fromtimestamp(end_s, start.tzinfo), 0, {})
    for at_s, column, value in records[first:last]:
        points.add(datetime.fromtimestamp(at_s, start.tzinfo), 0, {column: value})
    route = workout["route"]
    if route:
        # The reference is a path of the phone's archive; only its own folder of routes is looked into.
        file = path.parent / "workout-routes" / Path(str(route).replace("\\", "/")).name
        if file.is_file() and not file.is_symlink():
            way = read_gpx_points(file)
            for at, part, values in zip(way.at, way.part, way.values, strict=True):
                points.add(at, part, values)
        else:
            points.notes.append(f"its route {file.name[:60]} is not there: distance from the totals")
    names = ("duration_s", "distance_m", "heart_rate_bpm", "max_heart_rate_bpm")
    lap: dict[str, object] = {"at": start}
    lap |= {name: workout[name] for name in names if workout.get(name) is not None}
    if "duration_s" not in lap and workout["end"] is not None:
        lap["duration_s"] = end_s - start.timestamp()
    points.laps.append(lap)
    table = watch_table(points, positions_first=True)
    return Activity.of(
        table, workout["indoor"], "imported from Apple Health: export.xml", workout["sport"], ()
    )


def _when(text: str | None) -> datetime | None:
    try:
        at = datetime.strptime(text or "", "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None
    return at


def _measure(element: Any, name: str, unit: str, units: dict[str, float]) -> float | None:
    value, factor = _number(element.get(name)), units.get(str(element.get(unit) or ""))
    return None if value is None or factor is None else value * factor


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
