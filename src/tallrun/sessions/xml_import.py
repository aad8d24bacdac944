"""TCX and GPX in: time, distance, heart rate, speed, cadence and laps of a run; both are XML from strangers.

lxml reads what it can of a damaged file. Document types and entities are refused; size, depth and number of elements
are capped, elements are dropped as soon as they are read. A value that is no number is unknown, and counted.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from tallrun.errors import FormatError
from tallrun.sessions._files import size_of_file
from tallrun.sessions.activity import Activity
from tallrun.sessions.door import behind_door
from tallrun.sessions.sports import refuse_other_sports, sport_on_foot
from tallrun.sessions.watch_points import (
    MAX_ACTIVITY_ROWS,
    Points,
    moment,
    watch_table,
)

MAX_FILE_BYTES = 200 * 1024 * 1024
_MOST_DEPTH, _MOST_CHILDREN = 100, 1000
_MOST_ELEMENTS = 40 * MAX_ACTIVITY_ROWS
#: Names of elements (any namespace, any case) that hold a value, by our column.
_NAMES = {
    "hr": "heart_rate_bpm", "heartrate": "heart_rate_bpm", "heart_rate": "heart_rate_bpm", "bpm": "heart_rate_bpm",
    "heartratebpm": "heart_rate_bpm", "pulse": "heart_rate_bpm",
    "cad": "cadence", "cadence": "cadence", "runcadence": "cadence", "run_cadence": "cadence",
    "stepsperminute": "cadence_spm", "steps_per_minute": "cadence_spm", "spm": "cadence_spm",
    "speed": "speed_mps", "ele": "altitude_m", "altitudemeters": "altitude_m",
    "power": "power_w", "powerinwatts": "power_w", "watts": "power_w",
    "distancemeters": "distance_m", "distance": "distance_m", "latitudedegrees": "lat_deg",
    "longitudedegrees": "lon_deg",
}  # fmt: skip
#: OpenTracks counts metres since the point before under the name others use for metres since the start.
_LEG_SPACE = "opentracks"
#: Elements of a track in which programs say its sport.
_SPORT_NAMES = ("type", "sport", "activity", "activitytype", "typetranslated")
#: Names that Strava and Runkeeper give by themselves: "Morning Ride", "Cycling 5/1/25 8:00 am".
_GIVEN_NAME = re.compile(
    r"(?:(?:morning|lunch|afternoon|evening|night) (?P<day>[a-z -]+)|(?P<first>[a-z ]+) \d[\d/.: apm-]*)",
    re.I,
)
#: Where two names of a point mean one column, the runner's own wins over the bicycle's.
_FIRST = ("runcadence",)
_WORDS = {
    "heart_rate_bpm": "heart rate", "cadence": "cadence", "speed_mps": "speed", "altitude_m": "altitude",
    "power_w": "power",
    "distance_m": "distance", "lat_deg": "latitude", "lon_deg": "longitude", "duration_s": "lap time",
    "max_heart_rate_bpm": "highest heart rate",
}  # fmt: skip
_LAP_NAMES = {
    "TotalTimeSeconds": "duration_s", "DistanceMeters": "distance_m", "AverageHeartRateBpm": "heart_rate_bpm",
    "MaximumHeartRateBpm": "max_heart_rate_bpm", "Cadence": "cadence", "AvgRunCadence": "cadence",
}  # fmt: skip
#: Old MyTracks and OpenTracks write a pause as latitude 100 and its end as 200.
_PAUSE_LATITUDES = (100.0, 200.0)
#: What a file is when it is no activity, by the element that says so.
_PLANS = {"Course": "a course", "Workout": "a workout plan", "rtept": "a route", "wpt": "way points"}


@dataclass
class _Found:
    points: Points = field(default_factory=Points)
    part: int = 0
    sports: list[str | None] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    begun: datetime | None = None
    n_activities: int = 0
    plans: dict[str, int] = field(default_factory=dict)
    writer: list[str] = field(default_factory=list)
    zoneless: int = 0
    root: str = ""


def import_tcx(path: Path, cadence: str = "auto") -> Activity:
    """Read a TCX activity.

    Raises FormatError when it is missing, too large, no XML, not one run (a course, a workout, several), not on foot.
    """
    return behind_door(_read_tcx, path, cadence, most_bytes=MAX_FILE_BYTES)


def import_gpx(path: Path, cadence: str = "auto") -> Activity:
    """Read a GPX track. Distance follows the positions.

    cadence : what the file counts, ``strides`` or ``steps`` a minute; ``auto`` takes one value over 125 for steps. What
    was taken is in ``extra["cadence_stored_as"]``. Raises FormatError as ``import_tcx`` does.
    """
    return behind_door(_read_gpx, path, cadence, most_bytes=MAX_FILE_BYTES)


def read_gpx_points(path: Path) -> Points:
    """Return the points of a GPX track that goes with another file. Raises FormatError as ``import_gpx`` does."""
    return _read(path, ("trkpt",), ()).points


def _read_tcx(path: Path, cadence: str) -> Activity:
    return _activity(path, _read(path, ("Trackpoint", "trkpt"), ("Course", "Workout")), "TCX", cadence)


def _read_gpx(path: Path, cadence: str) -> Activity:
    return _activity(path, _read(path, ("trkpt", "Trackpoint"), ("Course", "Workout")), "GPX", cadence)


def _activity(path: Path, found: _Found, kind: str, cadence: str) -> Activity:
    points = found.points
    positions_first = "GPX" in found.root.upper()
    if found.n_activities > 1:
        refuse_other_sports(path, found.sports)
        raise FormatError(
            f"{path} holds {found.n_activities} activities; export each run to a file of its own"
        )
    if len(points.laps) and not isinstance(points.laps[0].get("at"), datetime) and found.begun is not None:
        points.laps[0]["at"] = found.begun if found.begun.tzinfo else found.begun.replace(tzinfo=UTC)
    if kind not in found.root.upper() and not (kind == "TCX" and "TRAININGCENTER" in found.root.upper()):
        points.notes.append(f"the file is {found.root[:40]!r} where {kind} was expected")
    if not points.at and not points.laps and found.plans:
        what = _PLANS[next(iter(found.plans))]
        raise FormatError(f"{path} is {what}, a plan and no run that took place; nothing was imported")
    if positions_first and points.at and not any(isinstance(at, datetime) for at in points.at):
        raise FormatError(
            f"{path}: none of its {len(points.at)} points has a time: a planned route, no run that took place; nothing "
            "was imported"
        )
    if not any(sport_on_foot(name)[0] for name in found.sports):
        given = [_GIVEN_NAME.fullmatch(title) for title in found.titles]
        found.sports += [match["day"] or match["first"] for match in given if match]
    sport, notes = refuse_other_sports(path, found.sports)
    if found.zoneless:
        points.notes.append(f"{found.zoneless} time(s) without a zone were read as UTC")
    try:
        table = watch_table(points, cadence, " ".join(found.writer), positions_first=positions_first)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    treadmill = "treadmill" in (sport or "").casefold()
    return Activity.of(table, treadmill, f"imported from {kind}: {path.name}", sport, notes)


def _read(path: Path, point_names: tuple[str, ...], skipped: tuple[str, ...]) -> _Found:
    """Read every element called one of ``point_names``; all others are dropped when they end, for small memory."""
    from lxml import etree

    size_of_file(path, MAX_FILE_BYTES)
    _refuse_document_type(path)
    found, names = _Found(), []
    point_at: int | None = None
    plan_at: int | None = None
    n_children = 0
    try:
        with path.open("rb") as file:
            parsed = etree.iterparse(
                file, events=("start", "end"), recover=True, resolve_entities=False, no_network=True, load_dtd=False,
                remove_comments=True, remove_pis=True, encoding=_go_to_start(file),
            )  # fmt: skip
            for number, (event, element) in enumerate(parsed):
                if number > 2 * _MOST_ELEMENTS:
                    raise FormatError(f"{path} holds over {_MOST_ELEMENTS} elements, more than any run")
                name = _local(element.tag)
                if event == "start":
                    names.append(name)
                    if len(names) > _MOST_DEPTH:
                        raise FormatError(f"{path} is nested over {_MOST_DEPTH} deep, which no activity is")
                    if len(names) == 1:
                        _begin(path, element, found)
                    if point_at is not None:
                        n_children += 1
                        if n_children > _MOST_CHILDREN:
                            raise FormatError(
                                f"{path} holds a point with over {_MOST_CHILDREN} values, which none has"
                            )
                    elif name in _PLANS and plan_at is None:
                        found.plans[name] = found.plans.get(name, 0) + 1
                        plan_at = len(names) if name in skipped else None
                    elif name in point_names:
                        point_at, n_children = len(names), 0
                    elif name in ("trkseg", "Track", "trk"):
                        found.part += 1
                    elif name == "Activity" and plan_at is None:
                        found.n_activities += 1
                        found.sports.append(element.get("Sport"))
                    continue
                if point_at == len(names):
                    if plan_at is None:
                        _take_point(element, found)
                    point_at = None
                if point_at is None:
                    if plan_at is None:
                        _take_other(element, names, found)
                    element.clear(keep_tail=False)
                    while element.getprevious() is not None:
                        del element.getparent()[0]
                if plan_at == len(names):
                    plan_at = None
                names.pop()
            _tell_damage(path, parsed, found)
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror or error})") from error
    except (etree.LxmlError, ValueError, LookupError, OverflowError, AttributeError, AssertionError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise FormatError(f"{path} is truncated or no valid XML ({reason})") from error
    return found


def _go_to_start(file: IO[bytes]) -> str | None:
    """Skip blanks before the first letter, which Strava writes; return the encoding where the file says a wrong one."""
    start = file.read(4096)
    bare = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(len(start) - len(bare))
    said_wide = re.match(rb"<\?xml[^>]*encoding=[\"']utf-?16", bare, re.I)
    return "utf-8" if said_wide else None


def _refuse_document_type(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(1024 * 1024)
    # In two bytes a letter (UTF-16) the words look the same once the zeros are out.
    plain = start.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise FormatError(f"{path} declares a document type or entities, which is refused")


def _begin(path: Path, element: Any, found: _Found) -> None:
    info = element.getroottree().docinfo
    if info.internalDTD is not None or info.doctype:
        raise FormatError(f"{path} declares a document type or entities, which is refused")
    found.root = _local(element.tag)
    found.writer.append(str(element.get("creator") or ""))


def _tell_damage(path: Path, parsed: Any, found: _Found) -> None:
    fatal = [
        entry
        for entry in parsed.error_log
        if entry.level_name in ("FATAL", "ERROR") and "NS_ERR" not in entry.type_name
    ]
    if not fatal and found.root:
        return
    reason = f"line {fatal[0].line}: {fatal[0].message.strip()[:80]}" if fatal else "nothing in it"
    if not found.points.at and not found.points.laps:
        raise FormatError(f"{path} is truncated or no valid XML ({reason})")
    found.points.notes.append(f"the file is damaged or cut off ({reason}); what could be read was kept")


def _take_point(element: Any, found: _Found) -> None:
    values: dict[str, float] = {}
    at: datetime | None = None
    lat_text, lon_text = element.get("lat"), element.get("lon")
    for name, text in (("lat_deg", lat_text), ("lon_deg", lon_text)):
        if text is not None:
            _put(values, name, text, element, found)
    for child in element.iter():
        name = _local(child.tag)
        if name.casefold() == "time" and at is None:
            at = _time(child, found)
            continue
        column = _NAMES.get(name.casefold())
        if column == "distance_m" and _LEG_SPACE in str(child.tag):
            column = "leg_m"
        if column is None and child is not element and not len(child) and (child.text or "").strip():
            if _local(child.getparent().tag).casefold() not in _NAMES:  # <HeartRateBpm><Value>
                found.points.left.add(name)
        if column is None or (column in values and name.casefold() not in _FIRST):
            continue
        if column == "heart_rate_bpm" and len(child):
            child = child[0]
        if child.text and child.text.strip():
            _put(values, column, child.text, child, found)
    if values.get("lat_deg") in _PAUSE_LATITUDES and element.get("lat") is not None:
        found.part += 1
        return
    for name, most in (("lat_deg", 90.0), ("lon_deg", 180.0)):
        if abs(values.get(name, 0.0)) > most:
            found.points.note_odd(_WORDS[name], _place(element))
            values.pop("lat_deg", None)
            values.pop("lon_deg", None)
    found.points.add(at, found.part, values)


def _take_other(element: Any, names: list[str], found: _Found) -> None:
    """Take what stands outside the points: the sport, laps and their totals, the program that wrote the file."""
    name, parent = names[-1], names[-2] if len(names) > 1 else ""
    text = (element.text or "").strip()
    if name.casefold() in _SPORT_NAMES and text and ("trk" in names or "metadata" in names):
        found.sports.append(text)
    elif name == "name" and parent == "trk":
        found.titles.append(text)
    elif name == "Id" and parent == "Activity":
        found.begun = moment(text)
    elif name == "Name" and parent in ("Creator", "Author"):
        found.writer.append(text)
    elif name == "Lap" and parent == "Activity":
        lap = found.points.laps[-1] if found.points.laps and "at" not in found.points.laps[-1] else {}
        if not lap:
            found.points.laps.append(lap)
        lap["at"] = _time_of(element.get("StartTime") or "", found, _place(element))
    elif name in _LAP_NAMES and (parent == "Lap" or ("Lap" in names[:-1] and "Track" not in names)):
        _open_lap(found)
        values: dict[str, float] = {}
        _put(values, _LAP_NAMES[name], text, element, found)
        found.points.laps[-1].update(values)
    elif name == "Value" and parent in _LAP_NAMES and text:
        _open_lap(found)
        values = {}
        _put(values, _LAP_NAMES[parent], text, element, found)
        found.points.laps[-1].update(values)


def _open_lap(found: _Found) -> None:
    if not found.points.laps or "at" in found.points.laps[-1]:
        found.points.laps.append({})


def _put(values: dict[str, float], name: str, text: str, element: Any, found: _Found) -> None:
    text = text.strip()
    if not text:
        return
    try:
        value = float(_plain_number(text))
    except ValueError:
        value = math.nan
    if math.isfinite(value) and "_" not in text:
        values[name] = value
    else:
        found.points.note_odd(_WORDS.get(name, name), _place(element))


def _plain_number(text: str) -> str:
    """Return a number as Python reads it: ``10,5`` and ``1,234.5`` are ways of some phones' languages."""
    if "." in text and "," in text:
        last = max(text.rfind("."), text.rfind(","))
        return re.sub("[.,]", "", text[:last]) + "." + text[last + 1 :]
    return text.replace(",", ".") if text.count(",") == 1 else text


def _time(element: Any, found: _Found) -> datetime | None:
    return _time_of(element.text or "", found, _place(element))


def _time_of(text: str, found: _Found, place: str) -> datetime | None:
    if not text.strip():
        return None
    stamp = moment(text)
    if stamp is None:
        found.points.note_odd("time", place)
    elif stamp.tzinfo is None:
        found.zoneless += 1
        stamp = stamp.replace(tzinfo=UTC)
    return stamp


def _place(element: Any) -> str:
    return f"line {element.sourceline}"


def _local(tag: Any) -> str:
    # A prefix that was never declared stays in the name.
    return str(tag).rpartition("}")[2].rpartition(":")[2]
