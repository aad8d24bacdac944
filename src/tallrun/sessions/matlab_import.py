"""MATLAB files in the layout of the University of Toronto foot-mounted data (doi 10.21227/v1z6-9z84).

``imu`` (n, 6): specific force x, y, z, then angular rate x, y, z; ``ts`` (n,): seconds; ``gt``, the reference path,
is not read.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from tallrun.errors import FormatError
from tallrun.sessions._files import size_of_file
from tallrun.sessions._tables import MAX_ROWS
from tallrun.sessions.assembling import Imported, ImportFacts, Stream, assemble
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
) -> Imported:
    """Read ``imu`` and ``ts`` of one ``.mat`` file (level 5 or 7; not 7.3) into a recording of one sensor.

    Raises
    ------
    FormatError
        The file is missing, too large, no MATLAB file, of level 7.3, or lacks a variable or its shape.
    SignalError
        Values cannot be in the declared unit, or time goes back.
    """
    variables = _load(path)
    imu, stamps = variables.get("imu"), variables.get("ts")
    if imu is None or stamps is None:
        found = ", ".join(sorted(variables)) or "none of them"
        raise FormatError(f"{path}: expected variables imu (n x 6) and ts (n); found {found}")
    if imu.ndim != 2 or imu.shape[1] != 6 or imu.dtype.kind not in "fiu":
        raise FormatError(f"{path}: imu must be numbers of shape n x 6, found {imu.dtype} {imu.shape}")
    if stamps.dtype.kind not in "fiu" or stamps.size != imu.shape[0] or imu.shape[0] > MAX_ROWS:
        raise FormatError(f"{path}: ts must be {imu.shape[0]} numbers, found {stamps.dtype} {stamps.shape}")
    values = imu.astype(np.float64)
    ticks = stamps.astype(np.float64).ravel()
    stream = Stream(
        placement=placement,
        where=path.name,
        t_s=(ticks - ticks[:1]) * unit_factor(TIME_UNITS, time_unit, "ts"),
        declared=Declared(time_unit, acc_unit, gyr_unit),
        acc_mps2=values[:, :3] * unit_factor(ACC_UNITS, acc_unit, "imu columns 1 to 3"),
        gyr_radps=values[:, 3:] * unit_factor(GYR_UNITS, gyr_unit, "imu columns 4 to 6"),
    )
    return assemble([stream], facts, f"imported from MATLAB: {path.name}")


def _load(path: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    size_of_file(path, MAX_FILE_BYTES)
    with path.open("rb") as file:
        start = file.read(20)
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise FormatError(
            f"{path} is of MATLAB level 7.3; save it again with: save(name, 'imu', 'ts', '-v7')"
        )
    try:
        content = loadmat(path, variable_names=["imu", "ts"])
    except (*_BROKEN, MatReadError) as error:
        raise FormatError(f"{path} is truncated or no MATLAB file ({type(error).__name__})") from error
    return {name: np.asarray(value) for name, value in content.items() if not name.startswith("__")}
