"""XDF (Lab Streaming Layer) in: named streams with accelerometer and gyroscope channels to one recording.

Clock offsets between streams are taken out by pyxdf; its smoothing of stamps (dejittering) is left off, since it would
hide gaps.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tallrun.errors import FormatError
from tallrun.numerics.recording import FloatArray
from tallrun.sessions._files import size_of_file
from tallrun.sessions.assembling import Imported, ImportFacts, Stream, assemble
from tallrun.sessions.csv_import import HEADER_UNITS
from tallrun.sessions.foreign_units import ACC_UNITS, GYR_UNITS, Declared, unit_factor

MAX_FILE_BYTES = 4 * 1024**3
_ACC = re.compile(r"acc", re.I)
_GYR = re.compile(r"gyr|ang.*vel|rate", re.I)
_BROKEN = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, EOFError, MemoryError, OverflowError,
    struct.error, SyntaxError, ZeroDivisionError,
)  # fmt: skip


def stream_placements(pairs: Sequence[str]) -> dict[str, str]:
    """Return ``{stream name: placement}`` of ``NAME=PLACEMENT`` texts. Raises FormatError when one has no ``=``."""
    split = [pair.rpartition("=") for pair in pairs]
    if not all(name and placement for name, _, placement in split):
        raise FormatError(f"expected NAME=PLACEMENT for each --stream, got {', '.join(pairs)}")
    return {name: placement for name, _, placement in split}


def import_xdf(
    path: Path,
    placements: dict[str, str],
    facts: ImportFacts,
    *,
    acc_unit: str | None = None,
    gyr_unit: str | None = None,
) -> Imported:
    """Read the named streams of an XDF file; channels are found by their labels (``acc ... x``, ``gyr ... x``).

    Raises FormatError when the file is damaged, a stream or its channels are missing, a unit is unknown, or pyxdf is
    not installed; SignalError when values cannot be in the declared unit.
    """
    streams = _load(path)
    names = {_text(stream["info"], "name"): stream for stream in streams}
    missing = [name for name in placements if name not in names]
    if missing:
        raise FormatError(
            f"{path} has no stream {missing[0]!r}; it has {', '.join(map(repr, names)) or 'none'}"
        )
    parts = [
        _stream(path, name, placement, names[name], acc_unit, gyr_unit)
        for name, placement in placements.items()
    ]
    return assemble(parts, facts, f"imported from XDF: {path.name}")


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        import pyxdf
    except ImportError:
        raise FormatError("reading XDF needs the extra formats: pip install 'tallrun[formats]'") from None
    size_of_file(path, MAX_FILE_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False, verbose=False)
    except _BROKEN as error:
        raise FormatError(f"{path} is truncated or no XDF file ({str(error)[:100]})") from error
    return list(streams)


def _stream(
    path: Path, name: str, placement: str, stream: dict[str, Any], acc_unit: str | None, gyr_unit: str | None
) -> Stream:
    labels, units = _channels(stream["info"])
    where = f"{path.name} stream {name}"
    values = np.asarray(stream["time_series"])
    if values.ndim != 2 or values.dtype.kind not in "fiu" or values.shape[1] != len(labels):
        raise FormatError(
            f"{where}: expected numbers with {len(labels)} labelled channels, found shape {values.shape}"
        )
    acc_mps2, acc_unit = _axes(where, _ACC, labels, units, values, acc_unit, ACC_UNITS)
    gyr_radps, gyr_unit = _axes(where, _GYR, labels, units, values, gyr_unit, GYR_UNITS)
    return Stream(
        placement=placement,
        where=where,
        t_s=np.asarray(stream["time_stamps"], np.float64),
        acc_mps2=acc_mps2,
        gyr_radps=gyr_radps,
        declared=Declared(acc=acc_unit, gyr=gyr_unit),
    )


def _axes(
    where: str,
    kind: re.Pattern[str],
    labels: list[str],
    units: list[str],
    values: np.ndarray,
    declared: str | None,
    known: dict[str, float],
) -> tuple[FloatArray | None, str | None]:
    found = [
        [i for i, label in enumerate(labels) if kind.search(label) and label[-1:].lower() == axis]
        for axis in "xyz"
    ]
    if not any(found):
        return None, None
    if any(len(places) != 1 for places in found):
        raise FormatError(f"{where}: x, y and z cannot be told from the labels {', '.join(labels)}")
    result, unit = np.empty((values.shape[0], 3)), declared
    for axis, (place,) in enumerate(found):
        written = HEADER_UNITS.get(units[place].strip().casefold())
        unit = declared or (written if written in known else None)
        if unit is None:
            raise FormatError(
                f"{where}: channel {labels[place]!r} does not say its unit; declare it ({', '.join(known)})"
            )
        result[:, axis] = values[:, place] * unit_factor(known, unit, labels[place])
    return result, unit


def _channels(info: dict[str, Any]) -> tuple[list[str], list[str]]:
    try:
        channels = info["desc"][0]["channels"][0]["channel"]
    except (KeyError, IndexError, TypeError):
        channels = []
    return [_text(channel, "label") for channel in channels], [_text(channel, "unit") for channel in channels]


def _text(node: dict[str, Any], key: str) -> str:
    value = node.get(key) or [""]
    return str(value[0] if isinstance(value, list) else value)
