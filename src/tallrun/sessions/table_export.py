"""CSV and Parquet out: every signal and table of a session with its unit in the header.

Text cells that a spreadsheet would run as a formula are made harmless with a leading apostrophe; numbers are left
alone. The CSV signal files can be read back with ``tallrun import csv --preset tallrun``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow.csv import write_csv

from tallrun.columns import TABLES
from tallrun.errors import UsageError
from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.sessions._files import whole_file, whole_folder
from tallrun.sessions._tables import harmless_text, with_definitions, write_table

KINDS = ("csv", "parquet")


def export_tables(
    recording: Recording, tables: dict[str, pd.DataFrame], folder: Path, kind: str
) -> list[str]:
    """Write one file for each signal of ``recording`` and each of ``tables`` into a new ``folder``; return their names.

    Signals get columns such as ``acc_x [m/s^2]``; ``tables`` keep their names, which carry the unit already.
    Raises UsageError for an unknown kind, SessionError when the folder exists or the disk refuses.
    """
    if kind not in KINDS:
        raise UsageError(f"tables are written as one of {', '.join(KINDS)}, got {kind!r}")
    frames = signal_frames(recording) | tables
    with whole_folder(folder) as partial:
        for name, frame in frames.items():
            write_frame(partial / f"{name}.{kind}", frame)
    return [f"{name}.{kind}" for name in frames]


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as CSV (text cells made harmless) or Parquet, by the path's ending, whole."""
    if path.suffix == ".parquet":
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if path.stem in TABLES:
            table = table.cast(with_definitions(table.schema, path.stem))
        write_table(path, table)
        return
    with whole_file(path) as partial:
        write_csv(pa.Table.from_pandas(harmless(frame), preserve_index=False), partial)


def signal_frames(recording: Recording) -> dict[str, pd.DataFrame]:
    """Return the signals and markers of a recording as tables with units in their column names."""
    frames = {name: _sensor_frame(sensor) for name, sensor in recording.sensors.items()}
    if recording.treadmill is not None:
        belt = recording.treadmill
        columns = {"t [s]": belt.t_s, "speed [m/s]": belt.speed_mps, "incline [%]": belt.incline_pct}
        frames["treadmill"] = pd.DataFrame(columns)
    if recording.heart_rate is not None:
        heart = recording.heart_rate
        frames["heart_rate"] = pd.DataFrame({"t [s]": heart.t_s, "heart_rate [1/min]": heart.bpm})
    if recording.watch is not None:
        # These names carry their unit already, as those of the computed tables do.
        frames["watch"] = pd.DataFrame(recording.watch.rows)
        if len(recording.watch.laps.get("start_s", ())):
            frames["laps"] = pd.DataFrame(recording.watch.laps)
    if recording.markers:
        rows = [(marker.t_s, marker.kind, marker.text) for marker in recording.markers]
        frames["markers"] = pd.DataFrame(rows, columns=["t [s]", "kind", "text"])
    return frames


def _sensor_frame(sensor: SensorRecording) -> pd.DataFrame:
    columns = {"t [s]": sensor.t_s}
    for axis, letter in enumerate("xyz"):
        columns[f"acc_{letter} [m/s^2]"] = sensor.acc_mps2[:, axis].astype(np.float32)
    if sensor.gyr_radps is not None:
        for axis, letter in enumerate("xyz"):
            columns[f"gyr_{letter} [rad/s]"] = sensor.gyr_radps[:, axis].astype(np.float32)
    return pd.DataFrame(columns)


def harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Return ``frame`` with an apostrophe before every text cell a spreadsheet would take for a formula."""
    safe = frame.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name].dtype):
            safe[name] = safe[name].map(_harmless_cell)
    return safe


def _harmless_cell(value: object) -> object:
    return harmless_text(value) if isinstance(value, str) else value
