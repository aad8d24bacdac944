"""TCX and GPX in: time, distance, heart rate, speed and cadence of a run; both are XML from strangers.

Document types and entities are refused (defusedxml), size is capped, elements are dropped as soon as they are read.
TCX ``RunCadence`` is strides per minute. GPX files carry strides or, from some apps, steps per minute; a median above
125 cannot be strides of a runner and is taken for steps.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from tallrun.errors import FormatError
from tallrun.sessions._files import size_of_file
from tallrun.sessions.activity import MAX_ACTIVITY_ROWS, ROW_COLUMNS, Activity, watch_rows
from tallrun.units import STEPS_PER_STRIDE

MAX_FILE_BYTES = 200 * 1024 * 1024
_MOST_STRIDES_PER_MIN = 125.0
_EARTH_RADIUS_M = 6_371_008.8
Point = tuple[datetime, dict[str, float]]


def import_tcx(path: Path) -> Activity:
    """Read a TCX activity. Raises FormatError when it is missing, too large, damaged, or not running."""
    sports: list[str] = []
    points = _points(
        path, {"Trackpoint": _tcx_point, "Activity": lambda element: _note_sport(element, sports)}
    )
    if sports and sports[0].casefold() not in ("running", "other"):
        raise FormatError(f"{path} is an activity of sport {sports[0][:40]}; only running is imported")
    for _, row in points:
        if "strides_per_min" in row:
            row["cadence_spm"] = STEPS_PER_STRIDE * row.pop("strides_per_min")
    return _activity(path, points, "TCX")


def import_gpx(path: Path) -> Activity:
    """Read a GPX track. Distance follows the positions. Raises FormatError as ``import_tcx`` does."""
    points = _points(path, {"trkpt": _gpx_point})
    raw = np.array([row["strides_per_min"] for _, row in points if row.get("strides_per_min", 0.0) > 0.0])
    factor = 1 if raw.size and float(np.median(raw)) > _MOST_STRIDES_PER_MIN else STEPS_PER_STRIDE
    distance_m, last = 0.0, None
    for _, row in points:
        if "strides_per_min" in row:
            row["cadence_spm"] = factor * row.pop("strides_per_min")
        here = (row.pop("lat_rad"), row.pop("lon_rad"))
        if last is not None:
            distance_m += _arc_m(last, here)
        row["distance_m"], last = distance_m, here
    return _activity(path, points, "GPX")


def _activity(path: Path, points: list[Point], kind: str) -> Activity:
    columns = {name: [row.get(name) for _, row in points] for name in ROW_COLUMNS[1:]}
    try:
        started_at, rows = watch_rows(columns, [stamp for stamp, _ in points])
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    return Activity(started_at, rows, treadmill=False, source=f"imported from {kind}: {path.name}")


def _points(path: Path, readers: dict[str, Callable[[Element], Point | None]]) -> list[Point]:
    points: list[Point] = []
    size_of_file(path, MAX_FILE_BYTES)
    try:
        with path.open("rb") as file:
            for _, element in iterparse(file, events=("end",), forbid_dtd=True):
                reader = readers.get(_local(element.tag))
                if reader is None:
                    continue
                point = reader(element)
                element.clear()
                if point is not None:
                    points.append(point)
                if len(points) > MAX_ACTIVITY_ROWS:
                    raise FormatError(f"{path} holds more than {MAX_ACTIVITY_ROWS} points")
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror or error})") from error
    except DefusedXmlException as error:
        raise FormatError(f"{path} declares a document type or entities, which is refused") from error
    except (ParseError, ValueError, LookupError) as error:
        raise FormatError(f"{path} is truncated or no valid XML ({str(error)[:100]})") from error
    return points


def _note_sport(element: Element, sports: list[str]) -> None:
    sports.append(element.get("Sport", ""))


def _tcx_point(element: Element) -> Point | None:
    values = {_local(child.tag): child for child in element.iter()}
    row: dict[str, float] = {}
    _put(row, "distance_m", values.get("DistanceMeters"))
    _put(row, "speed_mps", values.get("Speed"))
    heart = values.get("HeartRateBpm")
    _put(row, "heart_rate_bpm", None if heart is None else next(iter(heart), None))
    _put(row, "strides_per_min", values.get("RunCadence", values.get("Cadence")))
    return _stamped(values.get("Time"), row)


def _gpx_point(element: Element) -> Point | None:
    values = {_local(child.tag): child for child in element.iter()}
    row: dict[str, float] = {}
    _put(row, "heart_rate_bpm", values.get("hr"))
    _put(row, "speed_mps", values.get("speed"))
    _put(row, "strides_per_min", values.get("cad"))
    row["lat_rad"] = np.radians(_number(element.get("lat")))
    row["lon_rad"] = np.radians(_number(element.get("lon")))
    return _stamped(values.get("time"), row)


def _stamped(element: Element | None, row: dict[str, float]) -> Point | None:
    if element is None or not element.text:
        return None
    stamp = datetime.fromisoformat(element.text.strip())
    return (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)), row


def _put(row: dict[str, float], name: str, element: Element | None) -> None:
    if element is not None and element.text and element.text.strip():
        row[name] = _number(element.text)


def _number(text: Any) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return value


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def _arc_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance between two (latitude, longitude) pairs in radians (haversine)."""
    half = np.sin((b[0] - a[0]) / 2) ** 2 + np.cos(a[0]) * np.cos(b[0]) * np.sin((b[1] - a[1]) / 2) ** 2
    return float(2.0 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(min(1.0, half))))
