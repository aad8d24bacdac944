"""The session folder, ``tallrun-session`` version 1: read with clear errors, written whole.

The format is described in docs/session-format.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa

from tallrun.errors import SessionError, SignalError
from tallrun.numerics.recording import (
    PLACEMENTS,
    Recording,
    RunnerProfile,
    SensorRecording,
    SensorSpec,
)
from tallrun.sessions._files import is_there, make_owner_folder, read_json, whole_folder, write_json
from tallrun.sessions._tables import opened_table, signal_columns, write_table
from tallrun.sessions.checks import check_sensor
from tallrun.sessions.series import (
    check_series,
    read_heart_rate,
    read_markers,
    read_treadmill,
    read_watch,
    write_series,
)

FORMAT_NAME = "tallrun-session"
FORMAT_VERSION = 1
ACC_COLUMNS = ("acc_x", "acc_y", "acc_z")
GYR_COLUMNS = ("gyr_x", "gyr_y", "gyr_z")
_SPEC_KEYS = ("rate_hz", "model", "acc_range_g", "gyr_range_dps")
_RUNNER_KEYS = ("height_m", "leg_length_m", "mass_kg")
#: Nobody is taller or heavier; a larger number is in another unit.
_MOST_MEASURE = {"height_m": 3.0, "leg_length_m": 2.0, "mass_kg": 500.0}
_T = TypeVar("_T")


@dataclass(frozen=True)
class StoredSensor(SensorRecording):
    """A sensor read from a folder; columns we do not know (magnetometer ...) are kept for writing."""

    other_columns: pa.Table | None = None


def read_session(folder: str | Path) -> Recording:
    """Read a session folder.

    Returns
    -------
    Recording
        Samples as float64 in the sensor's own axes; NaN samples, equal stamps and gaps are kept as they are.
        Unknown keys of ``session.json`` are in ``info``, unknown keys of a sensor in its ``spec.extra``.

    Raises
    ------
    SessionError
        The folder or a file of it is missing, damaged, of another format or version, or too large.
    SignalError
        A column has the wrong type, time goes back, or a declared unit or rate cannot be right.
    """
    folder = Path(folder)
    info = read_info(folder)
    runner = _runner(folder, info)
    sensors: dict[str, SensorRecording] = {}
    for placement, declared in info.pop("sensors").items():
        sensors[placement] = _read_sensor(folder, _spec(folder, placement, declared))
    for placement in PLACEMENTS:
        path = _signal_path(folder, placement)
        if placement not in sensors and is_there(path):
            raise SessionError(
                f"{path} exists, but session.json does not list sensor {placement} with its rate_hz"
            )
    return Recording(
        sensors=sensors,
        treadmill=_read_optional(folder / "signals" / "treadmill.parquet", read_treadmill),
        heart_rate=_read_optional(folder / "signals" / "heart_rate.parquet", read_heart_rate),
        markers=_read_optional(folder / "markers.parquet", read_markers) or (),
        runner=runner,
        info=info,
        watch=read_watch(folder),
    )


def read_info(folder: Path) -> dict[str, Any]:
    """Read and check ``session.json`` alone; the result lacks the checked ``format`` and ``version``."""
    if not folder.is_dir():
        raise SessionError(f"{folder} is not a folder; expected a session folder with session.json in it")
    path = folder / "session.json"
    if not is_there(path) and is_there(folder / "packets.arrow"):
        raise SessionError(
            f"{folder} is a run that was not finished",
            command=f"; bring it back with: tallrun recover {folder}",
        )
    info = read_json(path)
    found = info.pop("format", None)
    if found != FORMAT_NAME:
        raise SessionError(f"{path}: format must be {FORMAT_NAME!r}, found {found!r}")
    version = info.pop("version", None)
    if version != FORMAT_VERSION or isinstance(version, bool):
        remedy = "; it needs a newer tallrun" if isinstance(version, int) and version > FORMAT_VERSION else ""
        raise SessionError(f"{path}: version must be {FORMAT_VERSION}, found {version!r}{remedy}")
    check_calendar(info, path)
    if not isinstance(info.get("sensors"), dict):
        raise SessionError(
            f"{path}: key sensors is missing or no object; expected {{placement: {{rate_hz: ...}}}}"
        )
    return info


def check_calendar(info: dict[str, Any], where: Path | str) -> None:
    """Raise SessionError unless ``started_at`` is ISO 8601 with an offset and ``time_zone`` a known zone, if given."""
    started_at, time_zone = info.get("started_at"), info.get("time_zone")
    try:
        known = started_at is None or datetime.fromisoformat(started_at).tzinfo is not None
    except (TypeError, ValueError):
        known = False
    if not known:
        raise SessionError(
            f"{where}: started_at must be ISO 8601 with an offset (2026-05-01T08:00:00+02:00), found {started_at!r}"
        )
    try:
        if time_zone is not None:
            ZoneInfo(time_zone)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        raise SessionError(
            f"{where}: time_zone must be an IANA name (Europe/Berlin), found {time_zone!r}"
        ) from None


def write_session(
    folder: str | Path,
    recording: Recording,
    truth: dict[str, Any] | None = None,
) -> None:
    """Write a new session folder: all of it, or nothing.

    What cannot be read back is refused before anything is written. ``truth`` becomes ``truth.json``.

    Raises
    ------
    SessionError
        The folder exists and is not empty, or the disk refuses.
    SignalError
        The recording breaks a rule of the format (see ``sessions.checks``).
    """
    folder = Path(folder)
    check_recording(recording, str(folder))
    with whole_folder(folder) as partial:
        write_contents(partial, recording)
        if truth is not None:
            write_json(partial / "truth.json", truth)


def write_contents(folder: Path, recording: Recording) -> None:
    """Write signals, markers and, last, ``session.json`` of a checked recording into an existing folder."""
    make_owner_folder(folder / "signals")
    for placement, sensor in recording.sensors.items():
        write_table(_signal_path(folder, placement), _sensor_table(sensor))
    write_series(folder, recording)
    write_json(folder / "session.json", session_json(recording))


def session_json(recording: Recording) -> dict[str, Any]:
    """Return the content of ``session.json`` for a recording, unknown keys included."""
    kept = {
        key: value
        for key, value in recording.info.items()
        if key not in ("format", "version", "sensors", "runner")
    }
    content: dict[str, Any] = {"format": FORMAT_NAME, "version": FORMAT_VERSION}
    content |= {key: kept.pop(key) for key in ("session_id", "started_at", "time_zone") if key in kept}
    content["sensors"] = {
        placement: _spec_json(sensor.spec) for placement, sensor in recording.sensors.items()
    }
    runner = {
        key: getattr(recording.runner, key)
        for key in _RUNNER_KEYS
        if getattr(recording.runner, key) is not None
    }
    runner = dict(recording.info.get("runner", {})) | runner
    if runner:
        content["runner"] = runner
    return content | kept


def check_recording(recording: Recording, where: str) -> None:
    """Raise SignalError or SessionError when a recording could not be read back after writing."""
    check_calendar(recording.info, where)
    for placement, sensor in recording.sensors.items():
        if placement not in PLACEMENTS or sensor.spec.placement != placement:
            raise SessionError(
                f"{where}: sensor placement must be one of {', '.join(PLACEMENTS)}, "
                f"got {placement!r} ({sensor.spec.placement!r})"
            )
        check_sensor(sensor, f"{where}: {placement}")
    check_series(recording, where)


def read_truth(folder: str | Path) -> dict[str, Any] | None:
    """Read ``truth.json`` of a simulated session; None when there is none.

    Raises SessionError when it is damaged.
    """
    path = Path(folder) / "truth.json"
    return read_json(path) if is_there(path) else None


def _signal_path(folder: Path, placement: str) -> Path:
    return folder / "signals" / f"{placement}.parquet"


def _spec(folder: Path, placement: str, declared: Any) -> SensorSpec:
    where = f"{folder / 'session.json'}: sensor {placement!r}"
    if placement not in PLACEMENTS:
        raise SessionError(f"{where} is no known placement; use one of {', '.join(PLACEMENTS)}")
    if not isinstance(declared, dict) or declared.get("rate_hz") is None:
        raise SessionError(f"{where} lacks rate_hz, its sampling rate in Hz")
    model = declared.get("model")
    return SensorSpec(
        placement=placement,
        rate_hz=_positive(declared["rate_hz"], f"{where}: rate_hz"),
        acc_range_g=_positive_or_none(declared.get("acc_range_g"), f"{where}: acc_range_g"),
        gyr_range_dps=_positive_or_none(declared.get("gyr_range_dps"), f"{where}: gyr_range_dps"),
        model=None if model is None else str(model),
        extra={key: value for key, value in declared.items() if key not in _SPEC_KEYS},
    )


def _spec_json(spec: SensorSpec) -> dict[str, Any]:
    known = {key: getattr(spec, key) for key in _SPEC_KEYS if getattr(spec, key) is not None}
    return known | {key: value for key, value in spec.extra.items() if key not in _SPEC_KEYS}


def read_runner(folder: Path) -> RunnerProfile:
    """Return the body measures of a session alone; raises SessionError as ``read_session`` does."""
    return _runner(folder, dict(read_info(folder)))


def _runner(folder: Path, info: dict[str, Any]) -> RunnerProfile:
    declared = info.pop("runner", None) or {}
    where = f"{folder / 'session.json'}: runner"
    if not isinstance(declared, dict):
        raise SessionError(f"{where} must be an object with {', '.join(_RUNNER_KEYS)}")
    unknown = {key: value for key, value in declared.items() if key not in _RUNNER_KEYS}
    if unknown:
        info["runner"] = unknown
    values = {key: _positive_or_none(declared.get(key), f"{where}: {key}") for key in _RUNNER_KEYS}
    for key, most in _MOST_MEASURE.items():
        value = values[key]
        if value is not None and value > most:
            raise SessionError(
                f"{where}: {key} must be at most {most:g}, found {value:g}; leave it out if unknown"
            )
    return RunnerProfile(**values)


def _positive(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < 1e300:
        told = repr(value) if len(repr(value)) <= 60 else f"a number of {len(repr(value))} digits"
        raise SessionError(f"{where} must be a positive number, found {told}")
    return float(value)


def _positive_or_none(value: Any, where: str) -> float | None:
    return None if value is None else _positive(value, where)


def _read_sensor(folder: Path, spec: SensorSpec) -> StoredSensor:
    path = _signal_path(folder, spec.placement)
    with opened_table(path, ("t_s", *ACC_COLUMNS)) as file:
        names = file.schema_arrow.names
        gyroscope = [name for name in GYR_COLUMNS if name in names]
        if gyroscope and len(gyroscope) < len(GYR_COLUMNS):
            absent = ", ".join(name for name in GYR_COLUMNS if name not in gyroscope)
            raise SessionError(
                f"{path} lacks column {absent}; give all three gyroscope columns (NaN for a missing axis) or none"
            )
        kind = file.schema_arrow.field("t_s").type
        if kind != pa.float64():
            raise SignalError(f"{path}: column t_s must be float64 seconds, found {kind}")
        others = [name for name in names if name not in ("t_s", *ACC_COLUMNS, *gyroscope)]
        sensor = StoredSensor(
            spec=replace(spec, has_gyroscope=bool(gyroscope)),
            t_s=signal_columns(file, ("t_s",), path)[:, 0],
            acc_mps2=signal_columns(file, ACC_COLUMNS, path),
            gyr_radps=signal_columns(file, GYR_COLUMNS, path) if gyroscope else None,
            other_columns=file.read(columns=others).replace_schema_metadata() if others else None,
        )
    check_sensor(sensor, str(path))
    return sensor


def _sensor_table(sensor: SensorRecording) -> pa.Table:
    columns = {"t_s": np.asarray(sensor.t_s, np.float64)}
    for axis, name in enumerate(ACC_COLUMNS):
        columns[name] = np.asarray(sensor.acc_mps2[:, axis], np.float32)
    if sensor.gyr_radps is not None:
        for axis, name in enumerate(GYR_COLUMNS):
            columns[name] = np.asarray(sensor.gyr_radps[:, axis], np.float32)
    # Where no value can be null a fifth of the work of reading is saved; what is not known is NaN.
    fields = [
        pa.field(name, pa.from_numpy_dtype(column.dtype), nullable=False) for name, column in columns.items()
    ]
    table = pa.table(columns, schema=pa.schema(fields))
    others = sensor.other_columns if isinstance(sensor, StoredSensor) else None
    if others is not None and others.num_rows == table.num_rows:
        for name in others.column_names:
            table = table.append_column(others.schema.field(name), others.column(name))
    return table


def _read_optional(path: Path, reader: Callable[[Path], _T]) -> _T | None:
    return reader(path) if is_there(path) else None
