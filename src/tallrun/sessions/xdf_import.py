"""XDF (Lab Streaming Layer) in: named streams with accelerometer and gyroscope channels to one recording.

Clock offsets between streams are taken out by pyxdf; its smoothing of stamps (dejittering) is left off, since it would
hide gaps.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tallrun.errors import FormatError
from tallrun.numerics.recording import FloatArray
from tallrun.sessions._files import size_of_file
from tallrun.sessions.assembling import Imported, ImportFacts, Stream, assemble
from tallrun.sessions.checks import names_of_strangers
from tallrun.sessions.csv_import import HEADER_UNITS, bracketed_unit
from tallrun.sessions.door import behind_door
from tallrun.sessions.foreign_units import ACC_UNITS, GYR_UNITS, Declared, unit_factor

MAX_FILE_BYTES = 4 * 1024**3
_ACC = re.compile(r"acc|^a[xyz]$", re.I)
#: A label of another quantity: its x is none of ours.
_NAMED = re.compile(r"acc|gyr|ang|rate|omega|mag|quat|ori|rot|eul|temp", re.I)
_GYR = re.compile(r"gyr|ang\w*[ _.-]*vel|rate|omega|^[gw][xyz]$", re.I)
#: Acceleration without gravity is another quantity.
_NO_GRAVITY = re.compile(r"lin|free|user", re.I)
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
    acc_channels: str | None = None,
    gyr_channels: str | None = None,
) -> Imported:
    """Read the named streams of an XDF file.

    placements : by the stream's name, ``#number`` or source id. Channels are found by their labels (``acc ... x``, or
    ``x`` in a stream of accelerations), or given by number (``acc_channels="1,2,3"``, 1 is the first).

    Raises FormatError when the file is damaged, a stream or its channels are missing or ambiguous, a unit is unknown,
    or pyxdf is not installed; SignalError when values cannot be in the declared unit.
    """
    if find_spec("pyxdf") is None:
        raise FormatError("reading XDF needs the extra formats: pip install 'tallrun[formats]'")
    numbers = {"acc": _channel_numbers(acc_channels), "gyr": _channel_numbers(gyr_channels)}
    parts, notes = behind_door(
        _read_xdf,
        path,
        placements,
        numbers,
        acc_unit,
        gyr_unit,
        most_bytes=MAX_FILE_BYTES,
        may_be_packed=True,
    )
    imported = assemble(parts, facts, f"imported from XDF: {path.name}")
    return replace(imported, notes=(*imported.notes, *notes))


def _read_xdf(
    path: Path, placements: dict[str, str], numbers: dict[str, list[int] | None], acc_unit: str | None,
    gyr_unit: str | None,
) -> tuple[list[Stream], list[str]]:  # fmt: skip
    streams, notes = _load(path), _cut_notes(path)
    parts: list[Stream] = []
    taken: list[int] = []
    for key, placement in placements.items():
        stream = _find(path, key, streams)
        taken.append(_number(stream))
        parts.append(_stream(path, key, placement, stream, numbers, acc_unit, gyr_unit, notes))
        declared = _text((stream.get("footer") or {}).get("info", {}), "sample_count")
        if declared.isdigit() and int(declared) != len(stream["time_stamps"]):
            notes.append(
                f"stream {key}: {len(stream['time_stamps'])} of {declared} samples could be read; the file is damaged"
            )
    others = [stream for stream in streams if _number(stream) not in taken]
    if others:
        notes.append("not kept, streams that were not asked for: " + "; ".join(map(_described, others[:20])))
    return parts, notes


def _find(path: Path, key: str, streams: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the one stream a person means by name, number or source. Raises FormatError for none or several."""
    found = [
        stream
        for stream in streams
        if key in (_text(stream["info"], "name"), f"#{_number(stream)}", _text(stream["info"], "source_id"))
    ]
    listed = "; ".join(_described(stream) for stream in streams) or "none"
    if not found:
        raise FormatError(f"{path} has no stream {key!r}; it has {listed}")
    if len(found) > 1:
        raise FormatError(
            f"{path} has {len(found)} streams {key!r}; choose one by its number, such as --stream "
            f"'#{_number(found[0])}=foot_left': {listed}"
        )
    return found[0]


def _described(stream: dict[str, Any]) -> str:
    info = stream["info"]
    source = _text(info, "source_id")
    return (
        f"#{_number(stream)} {_text(info, 'name')!r} ({_text(info, 'type') or 'no type'}, "
        f"{f'source {source}, ' if source else ''}{len(stream['time_stamps'])} samples)"
    )


def _number(stream: dict[str, Any]) -> int:
    return int(stream["info"].get("stream_id", 0))


def _load(path: Path) -> list[dict[str, Any]]:
    import pyxdf

    size_of_file(path, MAX_FILE_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False, verbose=False)
    except _BROKEN as error:
        raise FormatError(f"{path} is truncated or no XDF file ({str(error)[:100]})") from error
    return list(streams)


def _cut_notes(path: Path) -> list[str]:
    """Return what the chunks say of a recording that was cut off; pyxdf reads such a file without a word."""
    footers: set[bytes] = set()
    headers: set[bytes] = set()
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(4)
        while file.tell() < size:
            n_bytes = int.from_bytes(file.read(1), "little")
            length = int.from_bytes(file.read(n_bytes), "little") if n_bytes in (1, 4, 8) else -1
            if length < 2 or file.tell() + length > size:
                return [
                    f"the file is cut off or damaged at byte {file.tell()} of {size}: samples after it are missing"
                ]
            tag, start = int.from_bytes(file.read(2), "little"), file.tell()
            if tag in (2, 6):
                (headers if tag == 2 else footers).add(file.read(4))
            file.seek(start + length - 2)
    open_ended = len(headers - footers)
    return (
        [
            f"{open_ended} stream(s) have no end mark: the recorder stopped before its end, samples may be missing"
        ]
        if open_ended
        else []
    )


def _stream(
    path: Path,
    name: str,
    placement: str,
    stream: dict[str, Any],
    numbers: dict[str, list[int] | None],
    acc_unit: str | None,
    gyr_unit: str | None,
    notes: list[str],
) -> Stream:
    where = f"{path.name} stream {name}"
    values = np.asarray(stream["time_series"])
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise FormatError(f"{where}: expected numbers in channels, found shape {values.shape}")
    if len(values) < 2:
        raise FormatError(f"{where} holds {len(values)} sample(s): nothing to import")
    labels, units = _channels(stream["info"], values.shape[1])
    kind = f"{_text(stream['info'], 'type')} {_text(stream['info'], 'name')}"
    shown = ", ".join(f"{i + 1} {label!r}" for i, label in enumerate(labels[:30]))
    places = {
        "acc": _places(
            where, _ACC, kind, labels, None if _is_only(_GYR, _ACC, kind, labels) else numbers["acc"]
        ),
        "gyr": _places(
            where, _GYR, kind, labels, None if _is_only(_ACC, _GYR, kind, labels) else numbers["gyr"]
        ),
    }
    acc_mps2, acc_unit = _axes(where, "acc", places["acc"], labels, units, values, acc_unit)
    gyr_radps, gyr_unit = _axes(where, "gyr", places["gyr"], labels, units, values, gyr_unit)
    if acc_mps2 is None and gyr_radps is None:
        raise FormatError(
            f"{where}: no accelerometer or gyroscope found among its channels {shown}; give them by number: "
            "--acc-channels 1,2,3 (and --gyr-channels)"
        )
    read = [place for found in places.values() for place in found or ()]
    left = {label or f"channel {i + 1}" for i, label in enumerate(labels) if i not in read}
    if left:
        notes.append(f"stream {name}: not kept, channels {names_of_strangers(left)}")
    if not any(labels) and not any(numbers.values()):
        notes.append(f"stream {name}: channels without labels were taken for x, y and z in their order")
    return Stream(
        placement=placement,
        where=where,
        t_s=np.asarray(stream["time_stamps"], np.float64),
        acc_mps2=acc_mps2,
        gyr_radps=gyr_radps,
        declared=Declared(acc=acc_unit, gyr=gyr_unit),
    )


def _is_only(what: re.Pattern[str], other: re.Pattern[str], kind: str, labels: list[str]) -> bool:
    """Tell whether a stream of unlabelled channels calls itself the one and not the other."""
    return not any(labels) and bool(what.search(kind)) and not other.search(kind)


def _places(
    where: str, pattern: re.Pattern[str], kind: str, labels: list[str], numbers: list[int] | None
) -> list[int] | None:
    """Return the places of x, y, z, given by number or found by label; None where the stream has no such signal."""
    return _by_number(where, numbers, len(labels)) if numbers else _by_label(where, pattern, kind, labels)


def _axes(
    where: str, what: str, places: list[int] | None, labels: list[str], units: list[str], values: np.ndarray,
    declared: str | None,
) -> tuple[FloatArray | None, str | None]:  # fmt: skip
    known = ACC_UNITS if what == "acc" else GYR_UNITS
    if places is None:
        return None, None
    result, unit = np.empty((values.shape[0], 3)), declared
    for axis, place in enumerate(places):
        written = HEADER_UNITS.get(units[place].strip().casefold()) or bracketed_unit(
            labels[place].casefold()
        )
        unit = declared or (written if written in known else None)
        if unit is None:
            raise FormatError(
                f"{where}: channel {labels[place] or place + 1!r} does not say its unit; declare it "
                f"({', '.join(known)})"
            )
        if written in known and written != unit:
            raise FormatError(
                f"{where}: channel {labels[place]!r} says {written}, but {unit} was declared; declare {written}"
            )
        result[:, axis] = values[:, place] * unit_factor(known, unit, labels[place])
    return result, unit


def _by_label(where: str, pattern: re.Pattern[str], kind: str, labels: list[str]) -> list[int] | None:
    """Return the places of x, y, z by their labels; bare axes count in a stream that says what it is; else None."""
    axes = [_axis_of(label) for label in labels]
    named = [
        i for i, label in enumerate(labels) if pattern.search(_bare(label)) and not _NO_GRAVITY.search(label)
    ]
    if not named and pattern.search(kind):
        named = [i for i, label in enumerate(labels) if not _NAMED.search(label)]
        if len(labels) == 3 and not any(labels):
            return [0, 1, 2]
    numbered = [re.sub(r"\D", "", labels[i]) for i in named]
    if len(named) == 3 and not any(axes[i] for i in named) and numbered in (["0", "1", "2"], ["1", "2", "3"]):
        return named
    named = [i for i in named if axes[i]]
    if not named:
        return None
    places = [[i for i in named if axes[i] == axis] for axis in "xyz"]
    if any(len(found) != 1 for found in places):
        raise FormatError(
            f"{where}: x, y and z cannot be told from the labels {', '.join(labels)}; give channels by number: "
            "--acc-channels 1,2,3 (and --gyr-channels)"
        )
    return [found[0] for found in places]


def _bare(label: str) -> str:
    """Return a label without the unit in brackets at its end."""
    return re.sub(r"\s*[(\[][^)\]\d]*[)\]]\s*$", "", label).strip()


def _axis_of(label: str) -> str | None:
    """Return x, y or z where that letter stands alone in a label, or ends (``AccX``, ``ax``) it; else None."""
    words = re.split(r"[\W_]+", re.sub(r"([a-z])([XYZ])(?![a-z])", r"\1 \2", _bare(label)))
    alone = [word.casefold() for word in words if word.casefold() in ("x", "y", "z")]
    if alone:
        return alone[-1]
    last = _bare(label).casefold()[-1:]
    return last if last and last in "xyz" else None


def _by_number(where: str, numbers: list[int], n_channels: int) -> list[int]:
    if max(numbers) > n_channels:
        raise FormatError(f"{where} has {n_channels} channels, but channel {max(numbers)} was asked for")
    return [number - 1 for number in numbers]


def _channel_numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(re.fullmatch(r"[1-9]\d{0,3}", part) for part in parts):
        raise FormatError(
            f"expected three channel numbers separated by commas (1 is the first), got {text[:40]!r}"
        )
    return [int(part) for part in parts]


def _channels(info: dict[str, Any], n_channels: int) -> tuple[list[str], list[str]]:
    try:
        channels = list(info["desc"][0]["channels"][0]["channel"])
    except (KeyError, IndexError, TypeError):
        channels = []
    channels = (channels + [{}] * n_channels)[:n_channels]
    return [_text(channel, "label") for channel in channels], [_text(channel, "unit") for channel in channels]


def _text(node: dict[str, Any] | None, key: str) -> str:
    value = (node.get(key) if isinstance(node, dict) else None) or [""]  # an element without content is None
    first = value[0] if isinstance(value, list) else value
    return "" if first is None else str(first)
