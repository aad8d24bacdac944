"""Watch files as archives hold them: folders, .gz and .zip (Strava's and Garmin's bulk exports), told apart by content.

Members are unpacked one at a time into a folder that vanishes; names inside an archive are never used as paths.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tallrun.errors import FormatError
from tallrun.sessions._files import size_of_file

MAX_MEMBERS = 100_000
MAX_MEMBER_BYTES = 200 * 1024**2
MAX_ARCHIVE_BYTES = 16 * 1024**3
MAX_TOTAL_BYTES = 32 * 1024**3
_MOST_DEPTH = 3
#: Text of one letter packs a thousandfold; what a watch writes, thirty at the most.
_MAX_RATIO, _FREE_BYTES = 300, 4 * 1024**2
_PIECE_BYTES = 1024**2
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class WatchFile:
    """One file found.

    kind : fit, tcx, gpx, apple, polar, suunto or None (no watch file). trouble : why it cannot be read.
    """

    name: str
    path: Path | None
    kind: str | None
    trouble: str | None = None


def watch_files(paths: list[Path]) -> Iterator[WatchFile]:
    """Yield every file at ``paths``, in folders and archives too; each is there until the next is asked for.

    Raises FormatError when a path does not exist.
    """
    with tempfile.TemporaryDirectory(prefix="tallrun-") as folder:
        left = [MAX_TOTAL_BYTES]
        for path in paths:
            if path.is_dir():
                for inner in sorted(path.rglob("*")):
                    hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
                    if inner.is_file() and not inner.is_symlink() and not hidden:
                        yield from _open(inner, str(inner.relative_to(path)), Path(folder), 0, left)
            else:
                size_of_file(path, MAX_ARCHIVE_BYTES)
                yield from _open(path, path.name, Path(folder), 0, left)


def _open(path: Path, name: str, folder: Path, depth: int, left: list[int]) -> Iterator[WatchFile]:
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)[-120:]
    try:
        with path.open("rb") as file:
            start = file.read(64 * 1024)
    except OSError as error:
        yield WatchFile(shown, None, None, f"cannot be read ({error.strerror or error})")
        return
    if start.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        if depth >= _MOST_DEPTH:
            yield WatchFile(shown, None, None, "is an archive too deep inside others, which is refused")
            return
        inside = _gzip_member if start.startswith(b"\x1f\x8b") else _zip_members
        try:
            yield from inside(path, shown, folder, depth, left)
        except _BROKEN as error:
            yield WatchFile(shown, None, None, f"is a damaged archive ({str(error)[:80]})")
        return
    yield WatchFile(shown, path, _kind(start))


def _kind(start: bytes) -> str | None:
    if start[8:12] == b".FIT":
        return "fit"
    head = start.replace(b"\0", b"")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        marks = ((b'"TimeISO8601"', "suunto"), (b'"DeviceLog"', "suunto"), (b'"exercises"', "polar"))
        return next((kind for mark, kind in marks if mark in head), None)
    for mark, kind in ((b"<gpx", "gpx"), (b"<TrainingCenterDatabase", "tcx"), (b"<HealthData", "apple")):
        if mark in head or (kind == "apple" and b"<!DOCTYPE HealthData" in head):
            return kind
    return None


def _gzip_member(path: Path, name: str, folder: Path, depth: int, left: list[int]) -> Iterator[WatchFile]:
    with gzip.open(path) as source:
        yield from _member(source, name.removesuffix(".gz"), folder, depth, left, path.stat().st_size)


def _zip_members(path: Path, name: str, folder: Path, depth: int, left: list[int]) -> Iterator[WatchFile]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            yield WatchFile(
                name, None, None, f"holds {len(members)} files; at most {MAX_MEMBERS} are accepted"
            )
            return
        routes = {Path(info.filename).name: info for info in members if "workout-routes/" in info.filename}
        apple = next((info for info in members if Path(info.filename).name == "export.xml"), None)
        if apple is not None:
            # The way of each workout stands in a file beside it.
            with tempfile.TemporaryDirectory(dir=folder) as home:
                (Path(home) / "workout-routes").mkdir()
                for route, info in routes.items():
                    with suppress(FormatError), archive.open(info) as source:
                        _write(
                            source,
                            Path(home) / "workout-routes" / route,
                            info.compress_size,
                            left,
                            MAX_MEMBER_BYTES,
                        )
                with archive.open(apple) as source:
                    _write(source, Path(home) / "export.xml", apple.compress_size, left, MAX_ARCHIVE_BYTES)
                yield WatchFile(f"{name}/export.xml", Path(home) / "export.xml", "apple")
            members = [info for info in members if info is not apple and info not in routes.values()]
        for info in members:
            if not info.is_dir():
                try:
                    with archive.open(info) as source:
                        yield from _member(
                            source, f"{name}/{info.filename}", folder, depth, left, info.compress_size
                        )
                except _BROKEN as error:
                    yield WatchFile(
                        f"{name}/{info.filename}"[-120:], None, None, f"is damaged ({str(error)[:80]})"
                    )


def _member(
    source: IO[bytes] | gzip.GzipFile, name: str, folder: Path, depth: int, left: list[int], packed: int
) -> Iterator[WatchFile]:
    descriptor, text = tempfile.mkstemp(dir=folder)
    os.close(descriptor)
    path = Path(text)
    try:
        try:
            _write(
                source, path, packed, left, MAX_ARCHIVE_BYTES if name.endswith(".zip") else MAX_MEMBER_BYTES
            )
        except FormatError as error:
            yield WatchFile(name[-120:], None, None, str(error))
            return
        yield from _open(path, name, folder, depth + 1, left)
    finally:
        path.unlink(missing_ok=True)


def _write(
    source: IO[bytes] | gzip.GzipFile, path: Path, packed: int, left: list[int], most_bytes: int
) -> None:
    """Unpack to ``path``. Raises FormatError beyond what a file of that packed size can hold."""
    most = min(most_bytes, _FREE_BYTES + _MAX_RATIO * packed, left[0])
    written = 0
    with path.open("wb") as sink:
        while piece := source.read(_PIECE_BYTES):
            written += len(piece)
            if written > most:
                path.unlink(missing_ok=True)
                raise FormatError(f"unpacks to more than {most} bytes, which no watch file does")
            sink.write(piece)
    left[0] -= written
