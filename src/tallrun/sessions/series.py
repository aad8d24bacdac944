"""The parts of a session that are no sensor signal: belt, heart rate, watch and markers, checked both ways."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa

from tallrun.errors import SessionError, SignalError
from tallrun.numerics.recording import (
    MARKER_KINDS,
    FloatArray,
    HeartRate,
    Marker,
    Recording,
    Treadmill,
    WatchData,
)
from tallrun.sessions._files import is_there
from tallrun.sessions._tables import number_column, read_table, text_column, write_table
from tallrun.sessions.checks import check_time

_MAX_MARKER_TEXT = 10_000


def write_series(folder: Path, recording: Recording) -> None:
    """Write the belt, heart rate and markers a recording has into a session folder."""
    if recording.treadmill is not None:
        belt = recording.treadmill
        columns = {"t_s": belt.t_s, "speed_mps": belt.speed_mps, "incline_pct": belt.incline_pct}
        write_table(folder / "signals" / "treadmill.parquet", pa.table(columns))
    if recording.heart_rate is not None:
        heart = recording.heart_rate
        write_table(folder / "signals" / "heart_rate.parquet", pa.table({"t_s": heart.t_s, "bpm": heart.bpm}))
    if recording.markers:
        write_table(folder / "markers.parquet", _marker_table(recording.markers))
    if recording.watch is not None:
        write_table(folder / "watch.parquet", pa.table(recording.watch.rows))
        if len(recording.watch.laps.get("start_s", ())):
            write_table(folder / "laps.parquet", pa.table(recording.watch.laps))


def check_series(recording: Recording, where: str) -> None:
    """Raise SessionError or SignalError when belt, heart rate or markers could not be read back."""
    if recording.treadmill is not None:
        belt = recording.treadmill
        _check_values(
            belt.t_s, {"speed_mps": belt.speed_mps, "incline_pct": belt.incline_pct}, f"{where}: treadmill"
        )
    if recording.heart_rate is not None:
        _check_values(recording.heart_rate.t_s, {"bpm": recording.heart_rate.bpm}, f"{where}: heart_rate")
    if recording.watch is not None:
        check_time(recording.watch.rows["t_s"], f"{where}: watch")
    for marker in recording.markers:
        check_marker(marker, where)


def read_treadmill(path: Path) -> Treadmill:
    """Read ``treadmill.parquet``."""
    table = read_table(path, ("t_s", "speed_mps", "incline_pct"))
    t_s, speed_mps, incline_pct = (
        number_column(table, name, path) for name in ("t_s", "speed_mps", "incline_pct")
    )
    _check_values(t_s, {"speed_mps": speed_mps, "incline_pct": incline_pct}, str(path))
    return Treadmill(t_s, speed_mps, incline_pct)


def read_heart_rate(path: Path) -> HeartRate:
    """Read ``heart_rate.parquet``."""
    table = read_table(path, ("t_s", "bpm"))
    t_s, bpm = number_column(table, "t_s", path), number_column(table, "bpm", path)
    _check_values(t_s, {"bpm": bpm}, str(path))
    return HeartRate(t_s, bpm)


def read_watch(folder: Path) -> WatchData | None:
    """Read ``watch.parquet`` and ``laps.parquet`` of a session folder; None when no watch recorded it."""
    path = folder / "watch.parquet"
    if not is_there(path):
        return None
    table = read_table(path, ("t_s",))
    rows = {name: number_column(table, name, path) for name in table.column_names}
    check_time(rows["t_s"], str(path))
    laps: dict[str, FloatArray] = {}
    if is_there(folder / "laps.parquet"):
        table = read_table(folder / "laps.parquet", ("start_s",))
        laps = {name: number_column(table, name, folder / "laps.parquet") for name in table.column_names}
    return WatchData(rows, laps)


#: What a series may hold: (lowest, highest, unit). NaN is unknown and passes.
_SERIES_LIMITS = {
    "speed_mps": (-0.1, 15.0, "m/s; the values look like km/h or min/km"),
    "incline_pct": (-60.0, 60.0, "percent"),
    "bpm": (0.0, 300.0, "beats per minute"),
}


def _check_values(t_s: FloatArray, values: dict[str, FloatArray], where: str) -> None:
    check_time(t_s, where)
    for name, column in values.items():
        if column.shape != t_s.shape:
            raise SignalError(
                f"{where}: {name} has shape {column.shape}, t_s {t_s.shape}; they must be equal"
            )
        low, high, unit = _SERIES_LIMITS[name]
        wrong = np.flatnonzero((column < low) | (column > high))
        if wrong.size:
            raise SignalError(
                f"{where}: {name} is {column[wrong[0]]:g} in row {wrong[0]}, "
                f"expected {low:g} to {high:g} {unit}"
            )


def read_markers(path: Path) -> tuple[Marker, ...]:
    """Read ``markers.parquet``."""
    table = read_table(path, ("t_s", "kind", "text"))
    rows = zip(
        number_column(table, "t_s", path),
        text_column(table, "kind", path),
        text_column(table, "text", path),
        strict=True,
    )
    markers = tuple(Marker(float(t_s), kind, text) for t_s, kind, text in rows)
    for marker in markers:
        check_marker(marker, str(path))
    return markers


def check_marker(marker: Marker, where: str) -> None:
    """Raise SessionError or SignalError, naming ``where``, for a mark the format has no room for."""
    if marker.kind not in MARKER_KINDS:
        raise SessionError(
            f"{where}: marker kind must be one of {', '.join(MARKER_KINDS)}, found {marker.kind[:40]!r}"
        )
    if not math.isfinite(marker.t_s):
        raise SignalError(
            f"{where}: marker {marker.kind} has t_s {marker.t_s}; expected seconds since started_at"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in marker.text):
        raise SessionError(
            f"{where}: marker text holds half a character (a lone surrogate), which no file can hold"
        )
    if len(marker.text) > _MAX_MARKER_TEXT:
        raise SessionError(
            f"{where}: marker text has {len(marker.text)} characters; at most {_MAX_MARKER_TEXT} are accepted"
        )


def _marker_table(markers: tuple[Marker, ...]) -> pa.Table:
    return pa.table(
        {
            "t_s": pa.array([marker.t_s for marker in markers], pa.float64()),
            "kind": pa.array([marker.kind for marker in markers], pa.string()),
            "text": pa.array([marker.text for marker in markers], pa.string()),
        }
    )
