"""MATLAB files in the layout of the University of Toronto foot-mounted data (doi 10.21227/v1z6-9z84).

``imu`` (n, 6): specific force x, y, z, then angular rate x, y, z; ``ts`` (n,): seconds; ``gt``, the reference path,
is not read.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tallrun.errors import FormatError
from tallrun.sessions._tables import MAX_ROWS
from tallrun.sessions.assembling import Imported, ImportFacts, Stream, assemble
from tallrun.sessions.checks import names_of_strangers
from tallrun.sessions.door import behind_door
from tallrun.sessions.foreign_units import ACC_UNITS, GYR_UNITS, TIME_UNITS, Declared, unit_factor

MAX_FILE_BYTES = 1024**3
_MOST_DEPTH = 4
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

    imu_variable : its name in the file; (n, 6) or (6, n) specific force x, y, z, then angular rate. ``ACC,GYR`` names
    two of three axes each, ``data.imu`` one inside a structure. time_variable : n stamps; with ``facts.rate_hz`` it may
    be missing, and rows are counted.

    Raises
    ------
    FormatError
        The file is missing, too large, no MATLAB file, of level 7.3, or lacks a variable or its shape.
    SignalError
        Values cannot be in the declared unit, or time goes back.
    """
    imu, stamps, others = behind_door(
        _read_matlab, path, imu_variable, time_variable, facts.rate_hz is not None, most_bytes=MAX_FILE_BYTES
    )
    values = imu.astype(np.float64)
    if stamps is None:
        t_s = np.arange(len(values)) / float(facts.rate_hz or 1.0)
    else:
        ticks = stamps.astype(np.float64).ravel()
        t_s = (ticks - ticks[:1]) * unit_factor(TIME_UNITS, time_unit, time_variable)
    stream = Stream(
        placement=placement,
        where=path.name,
        t_s=t_s,
        declared=Declared(None if stamps is None else time_unit, acc_unit, gyr_unit),
        acc_mps2=values[:, :3] * unit_factor(ACC_UNITS, acc_unit, f"{imu_variable} columns 1 to 3"),
        gyr_radps=values[:, 3:] * unit_factor(GYR_UNITS, gyr_unit, f"{imu_variable} columns 4 to 6"),
    )
    imported = assemble([stream], facts, f"imported from MATLAB: {path.name}")
    note = f"not kept, other variables of the file: {names_of_strangers(others)}"
    return replace(imported, notes=(*imported.notes, note)) if others else imported


def _read_matlab(
    path: Path, imu_variable: str, time_variable: str, may_count: bool
) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    with path.open("rb") as file:
        start = file.read(20)
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise FormatError(
            f"{path} is of MATLAB level 7.3; save it again with: save(name, 'imu', 'ts', '-v7')"
        )
    asked = [name.strip() for name in imu_variable.split(",")]
    tops = list(dict.fromkeys(name.partition(".")[0] for name in (*asked, time_variable)))
    try:
        shapes = {name: shape for name, shape, _ in whosmat(path)}
        for name in tops:
            if math.prod(shapes.get(name, ())) > 6 * MAX_ROWS:
                raise FormatError(f"{path}: {name} is said to be {shapes[name]}, longer than any recording")
        wanted = tops if all(name in shapes for name in tops) else list(shapes)
        content = loadmat(path, variable_names=wanted, struct_as_record=False)
    except (*_BROKEN, MatReadError) as error:
        raise FormatError(f"{path} is truncated or no MATLAB file ({type(error).__name__})") from error
    held = _numbers_in({name: content[name] for name in wanted if name in content})
    missing = [name for name in asked if name not in held]
    if missing and missing[0] in shapes:
        raise FormatError(
            f"{path}: {missing[0]} must be numbers of shape n x 6, found {shapes[missing[0]]} of another kind"
        )
    if missing or (time_variable not in held and not may_count):
        every = {name: array.shape for name, array in held.items()}
        every |= {
            name: shape for name, shape in shapes.items() if not any(_inside(name, one) for one in held)
        }
        shown = ", ".join(f"{name[:40]} {shape}" for name, shape in list(every.items())[:20]) or "nothing"
        raise FormatError(
            f"{path}: expected variables {imu_variable} (n x 6) and {time_variable} (n); it has {shown}; "
            f"{_suggested(every)}"
        )
    imu = _upright(path, [held[name] for name in asked], asked)
    stamps = held.get(time_variable)
    if stamps is not None and (stamps.size != imu.shape[0] or imu.shape[0] > MAX_ROWS):
        raise FormatError(
            f"{path}: {time_variable} must be {imu.shape[0]} numbers, found {stamps.dtype} {stamps.shape}"
        )
    others = [name for name in shapes if name not in tops]
    others += [name for name in held if "." in name and name not in (*asked, time_variable)]
    return imu, stamps, others


def _inside(name: str, one: str) -> bool:
    return one == name or one.startswith(f"{name}.")


def _numbers_in(content: dict[str, Any], before: str = "", depth: int = 0) -> dict[str, np.ndarray]:
    """Return arrays of numbers by name; those inside structures as ``structure.field``."""
    found: dict[str, np.ndarray] = {}
    for name, value in content.items():
        array = np.asarray(value)
        inner: Any = array.flat[0] if array.dtype == object and array.size == 1 else None
        if array.dtype.kind in "fiu" and array.ndim <= 2:
            found[before + name] = array
        elif hasattr(inner, "_fieldnames") and depth < _MOST_DEPTH:
            fields = {field: getattr(inner, field) for field in inner._fieldnames}
            found |= _numbers_in(fields, f"{before}{name}.", depth + 1)
    return found


def _upright(path: Path, parts: list[np.ndarray], names: list[str]) -> np.ndarray:
    """Return (n, 6) of one variable or two of three axes; rows and columns may be the other way round."""
    n_axes = 6 // len(parts) if len(parts) in (1, 2) else 0
    turned = []
    for part, name in zip(parts, names, strict=True):
        if part.ndim == 2 and part.shape[1] != n_axes and part.shape[0] == n_axes:
            part = part.T
        if part.ndim != 2 or part.shape[1] != n_axes:
            raise FormatError(
                f"{path}: {name} must be numbers of shape n x {n_axes or 6}, found {part.dtype} {part.shape}"
            )
        turned.append(part)
    if len({len(part) for part in turned}) != 1:
        raise FormatError(f"{path}: {names[0]} and {names[-1]} differ in length")
    return np.hstack(turned)


def _suggested(held: dict[str, tuple[int, ...]]) -> str:
    """Return the options that fit where the signals and the n stamps can be told by their shapes and names."""
    both = [
        (name, max(shape))
        for name, shape in held.items()
        if len(shape) == 2 and 6 in shape and max(shape) > 6
    ]
    threes = [
        (name, max(shape))
        for name, shape in held.items()
        if len(shape) == 2 and 3 in shape and max(shape) > 3
    ]
    acc = [pair for pair in threes if re.search("acc", pair[0], re.I)]
    gyr = [pair for pair in threes if re.search("gyr|omega|ang.*vel", pair[0], re.I)]
    signals = both if len(both) == 1 else []
    if not signals and len(acc) == len(gyr) == 1 and acc[0][1] == gyr[0][1]:
        signals = [(f"{acc[0][0]},{gyr[0][0]}", acc[0][1])]
    if len(signals) == 1:
        times = [name for name, shape in held.items() if math.prod(shape) == signals[0][1]]
        if len(times) == 1:
            return f"perhaps --imu-variable {signals[0][0]} --time-variable {times[0]}"
        if not times:
            return f"perhaps --imu-variable {signals[0][0]} and --rate-hz"
    return "name them with --imu-variable and --time-variable (or --rate-hz where there are no stamps)"
