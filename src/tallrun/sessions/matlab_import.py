"""MATLAB files in the layout of the University of Toronto foot-mounted data (doi 10.21227/v1z6-9z84).

``imu`` (n, 6): specific force x, y, z, then angular rate x, y, z; ``ts`` (n,): seconds; ``gt``, the reference path,
is not read.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from tallrun.errors import FormatError
from tallrun.sessions._tables import MAX_ROWS
from tallrun.sessions.assembling import Imported, ImportFacts, Stream, assemble
from tallrun.sessions.checks import names_of_strangers
from tallrun.sessions.door import behind_door
from tallrun.sessions.foreign_units import ACC_UNITS, GYR_UNITS, TIME_UNITS, Declared, unit_factor

MAX_FILE_BYTES = 1024**3
_BROKEN = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, EOFError, MemoryError, OverflowError,
    NotImplementedError, struct.error, zlib.error,
)  # fmt: skip


def import_matlab(
    path: Path,
    placement: str,
    facts: ImportFacts,
    *,
    acc_unit: str = "mps2",
    gyr_unit: str = "radps",
    time_unit: str = "s",
    imu_variable: str = "imu",
    time_variable: str = "ts",
) -> Imported:
    """Read two variables of one ``.mat`` file (level 5 or 7; not 7.3) into a recording of one sensor.

    imu_variable : its name in the file; (n, 6) specific force x, y, z, then angular rate. time_variable : n stamps.

    Raises
    ------
    FormatError
        The file is missing, too large, no MATLAB file, of level 7.3, or lacks a variable or its shape.
    SignalError
        Values cannot be in the declared unit, or time goes back.
    """
    imu, stamps, others = behind_door(
        _read_matlab, path, imu_variable, time_variable, most_bytes=MAX_FILE_BYTES
    )
    values = imu.astype(np.float64)
    ticks = stamps.astype(np.float64).ravel()
    stream = Stream(
        placement=placement,
        where=path.name,
        t_s=(ticks - ticks[:1]) * unit_factor(TIME_UNITS, time_unit, time_variable),
        declared=Declared(time_unit, acc_unit, gyr_unit),
        acc_mps2=values[:, :3] * unit_factor(ACC_UNITS, acc_unit, f"{imu_variable} columns 1 to 3"),
        gyr_radps=values[:, 3:] * unit_factor(GYR_UNITS, gyr_unit, f"{imu_variable} columns 4 to 6"),
    )
    imported = assemble([stream], facts, f"imported from MATLAB: {path.name}")
    note = f"not kept, other variables of the file: {names_of_strangers(others)}"
    return replace(imported, notes=(*imported.notes, note)) if others else imported


def _read_matlab(
    path: Path, imu_variable: str, time_variable: str
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    with path.open("rb") as file:
        start = file.read(20)
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise FormatError(
            f"{path} is of MATLAB level 7.3; save it again with: save(name, 'imu', 'ts', '-v7')"
        )
    try:
        held = {name: shape for name, shape, _ in whosmat(path)}
        for name in (imu_variable, time_variable):
            if math.prod(held.get(name, ())) > 6 * MAX_ROWS:
                raise FormatError(f"{path}: {name} is said to be {held[name]}, longer than any recording")
        content = loadmat(path, variable_names=[imu_variable, time_variable])
    except (*_BROKEN, MatReadError) as error:
        raise FormatError(f"{path} is truncated or no MATLAB file ({type(error).__name__})") from error
    if imu_variable not in content or time_variable not in content:
        shown = ", ".join(f"{name[:40]} {shape}" for name, shape in list(held.items())[:20]) or "nothing"
        raise FormatError(
            f"{path}: expected variables {imu_variable} (n x 6) and {time_variable} (n); it has {shown}; "
            f"{_suggested(held)}"
        )
    imu, stamps = np.asarray(content[imu_variable]), np.asarray(content[time_variable])
    if imu.ndim != 2 or imu.shape[1] != 6 or imu.dtype.kind not in "fiu":
        raise FormatError(
            f"{path}: {imu_variable} must be numbers of shape n x 6, found {imu.dtype} {imu.shape}"
        )
    if stamps.dtype.kind not in "fiu" or stamps.size != imu.shape[0] or imu.shape[0] > MAX_ROWS:
        raise FormatError(
            f"{path}: {time_variable} must be {imu.shape[0]} numbers, found {stamps.dtype} {stamps.shape}"
        )
    return imu, stamps, [name for name in held if name not in (imu_variable, time_variable)]


def _suggested(held: dict[str, tuple[int, ...]]) -> str:
    """Return the options that fit where one variable alone is n x 6 and one alone has n values."""
    signals = [(name, shape[0]) for name, shape in held.items() if len(shape) == 2 and shape[1] == 6]
    if len(signals) == 1:
        times = [name for name, shape in held.items() if math.prod(shape) == signals[0][1]]
        if len(times) == 1:
            return f"perhaps --imu-variable {signals[0][0]} --time-variable {times[0]}"
    return "name them with --imu-variable and --time-variable"
