"""TCX and GPX in: time, distance, heart rate, speed and cadence of a run; both are XML from strangers.

Document types and entities are refused (defusedxml), size is capped, elements are dropped as soon as they are read.
TCX ``RunCadence`` is strides per minute. GPX files carry strides or, from some apps, steps per minute; a median above
125 cannot be strides of a runner and is taken for steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
CADENCES = ("auto", "strides", "steps")
_MOST_STRIDES_PER_MIN = 125.0
_MOST_DEPTH, _MOST_CHILDREN = 100, 1000
_MOST_ELEMENTS = 40 * MAX_ACTIVITY_ROWS
_EARTH_RADIUS_M = 6_371_008.8
Point = tuple[datetime, dict[str, float]]


def import_tcx(path: Path) -> Activity:
    """Read a TCX activity. Raises FormatError when it is missing, too large, damaged, not one run, or not running."""
    activities: list[Element] = []
    points = _points(path, "Trackpoint", _tcx_point, lambda element: _note(element, "Activity", activities))
    sports = {element.get("Sport", "") for element in activities}
    others = sorted(sport for sport in sports if sport.casefold() not in ("", "running", "other"))
    if others:
        raise FormatError(f"{path} is an activity of sport {others[0][:40]}; only running is imported")
    if len(activities) > 1:
        raise FormatError(f"{path} holds {len(activities)} activities; export each run to a file of its own")
    for _, row in points:
        if "cadence" in row:
            row["cadence_spm"] = STEPS_PER_STRIDE * row.pop("cadence")
    return _activity(path, points, "TCX")


def import_gpx(path: Path, cadence: str = "auto") -> Activity:
    """Read a GPX track. Distance follows the positions.

    cadence : what the file counts, ``strides`` or ``steps`` a minute; ``auto`` takes a median over 125 for steps. What
    was taken is in ``extra["cadence_stored_as"]``. Raises FormatError as ``import_tcx`` does.
    """
    if cadence not in CADENCES:
        raise FormatError(f"--cadence must be one of {', '.join(CADENCES)}, got {cadence!r}")
    points = _points(path, "trkpt", _gpx_point)
    raw = np.array([row["cadence"] for _, row in points if row.get("cadence", 0.0) > 0.0])
    if cadence == "auto":
        cadence = "steps" if raw.size and float(np.median(raw)) > _MOST_STRIDES_PER_MIN else "strides"
    distance_m, last = 0.0, None
    for _, row in points:
        if "cadence" in row:
            row["cadence_spm"] = row.pop("cadence") * (STEPS_PER_STRIDE if cadence == "strides" else 1)
        here = (row.pop("lat_rad"), row.pop("lon_rad"))
        if last is not None:
            distance_m += _arc_m(last, here)
        row["distance_m"], last = distance_m, here
    activity = _activity(path, points, "GPX")
    return replace(activity, extra={"cadence_stored_as": cadence}) if raw.size else activity


def _activity(path: Path, points: list[Point], kind: str) -> Activity:
    columns = {name: [row.get(name) for _, row in points] for name in ROW_COLUMNS[1:]}
    try:
        started_at, rows = watch_rows(columns, [stamp for stamp, _ in points])
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    return Activity(started_at, rows, treadmill=False, source=f"imported from {kind}: {path.name}")


def _points(
    path: Path,
    point_name: str,
    read_point: Callable[[Element], Point | None],
    on_start: Callable[[Element], None] = lambda _element: None,
) -> list[Point]:
    """Read every element called ``point_name``; all others are dropped when they end, so that memory stays small."""
    points: list[Point] = []
    open_elements: list[Element] = []
    point_depth: int | None = None
    size_of_file(path, MAX_FILE_BYTES)
    try:
        with path.open("rb") as file:
            parsed = iterparse(file, events=("start", "end"), forbid_dtd=True)
            for number, (event, element) in enumerate(parsed):
                if number > 2 * _MOST_ELEMENTS:
                    raise FormatError(f"{path} holds over {_MOST_ELEMENTS} elements, more than any run")
                if event == "start":
                    open_elements.append(element)
                    on_start(element)
                    if len(open_elements) > _MOST_DEPTH:
                        raise FormatError(f"{path} is nested over {_MOST_DEPTH} deep, which no activity is")
                    if point_depth is None and _local(element.tag) == point_name:
                        point_depth = len(open_elements)
                    continue
                if point_depth == len(open_elements):
                    point = read_point(element)
                    points += [] if point is None else [point]
                    point_depth = None
                    if len(points) > MAX_ACTIVITY_ROWS:
                        raise FormatError(f"{path} holds more than {MAX_ACTIVITY_ROWS} points")
                open_elements.pop()
                if point_depth is None and open_elements:
                    del open_elements[-1][:]
                elif point_depth is not None and len(open_elements[-1]) > _MOST_CHILDREN:
                    raise FormatError(
                        f"{path} holds a point with over {_MOST_CHILDREN} values, which none has"
                    )
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror or error})") from error
    except DefusedXmlException as error:
        raise FormatError(f"{path} declares a document type or entities, which is refused") from error
    except (ParseError, ValueError, LookupError, OverflowError) as error:
        raise FormatError(f"{path} is truncated or no valid XML ({str(error)[:100]})") from error
    return points


def _note(element: Element, name: str, found: list[Element]) -> None:
    if _local(element.tag) == name:
        found.append(element)


def _tcx_point(element: Element) -> Point | None:
    values = {_local(child.tag): child for child in element.iter()}
    row: dict[str, float] = {}
    _put(row, "distance_m", values.get("DistanceMeters"))
    _put(row, "speed_mps", values.get("Speed"))
    heart = values.get("HeartRateBpm")
    _put(row, "heart_rate_bpm", None if heart is None else next(iter(heart), None))
    _put(row, "cadence", values.get("RunCadence", values.get("Cadence")))
    return _stamped(values.get("Time"), row)


def _gpx_point(element: Element) -> Point | None:
    values = {_local(child.tag): child for child in element.iter()}
    row: dict[str, float] = {}
    _put(row, "heart_rate_bpm", values.get("hr"))
    _put(row, "speed_mps", values.get("speed"))
    _put(row, "cadence", values.get("cad"))
    row["lat_rad"] = np.radians(_position(element, "lat", 90.0))
    row["lon_rad"] = np.radians(_position(element, "lon", 180.0))
    return _stamped(values.get("time"), row)


def _stamped(element: Element | None, row: dict[str, float]) -> Point | None:
    if element is None or not element.text:
        return None
    stamp = datetime.fromisoformat(element.text.strip())
    return (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)), row


def _put(row: dict[str, float], name: str, element: Element | None) -> None:
    if element is not None and element.text and element.text.strip():
        row[name] = _number(element.text)


def _number(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(f"{text!r} is no number")
    return value


def _position(element: Element, name: str, most_deg: float) -> float:
    text = element.get(name)
    value = np.nan if text is None else _number(text)
    if not abs(value) <= most_deg:
        raise ValueError(f"a point has {name} {text}, expected degrees up to {most_deg:g}")
    return value


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def _arc_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance between two (latitude, longitude) pairs in radians (haversine)."""
    half = np.sin((b[0] - a[0]) / 2) ** 2 + np.cos(a[0]) * np.cos(b[0]) * np.sin((b[1] - a[1]) / 2) ** 2
    return float(2.0 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(min(1.0, half))))
