"""Clinician's notes and event corrections: overlays beside the recording, appended and never overwritten.

``derived/overlays.jsonl`` holds one line for each entry, with who and when. Taking one back is another line.
The recording, its signals and its markers are not touched.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import uuid4

from tallrun.errors import EntryError, SessionError

try:
    import fcntl
except ImportError:  # a system without it: one program at a time has to do
    fcntl = None  # type: ignore[assignment]

OverlayKind = Literal[
    "note", "contact_moved", "contact_removed", "contact_added", "flag_doubted", "taken_back"
]
FILE_NAME = "overlays.jsonl"
#: What a kind of entry is called where people read it.
ENTRY_WORDS: dict[str, str] = {
    "note": "note", "contact_moved": "contact is elsewhere", "contact_removed": "no contact here",
    "contact_added": "contact missed here", "flag_doubted": "flag is doubtful",
}  # fmt: skip
MOST_TEXT = 2000
#: A contact that is moved by less is where it was.
LEAST_MOVE_S = 0.0005
MOST_NAME = 80
MOST_ENTRIES = 10_000
#: A place on the time line this far past the end of the session is taken for its end, not for a mistake.
PAST_END_S = 1.0
#: What reading a line that is no entry raises; the last two by whole numbers beyond any float and by deep nesting.
_NO_ENTRY = (ValueError, TypeError, OverflowError, RecursionError)
_IN_THIS_PROGRAM = threading.Lock()


@dataclass(frozen=True)
class Overlay:
    """One entry. t_s : where on the time line. moved_to_s : only for ``contact_moved``. about : id taken back."""

    overlay_id: str
    at: str
    by: str
    kind: OverlayKind
    t_s: float
    text: str = ""
    foot: str | None = None
    moved_to_s: float | None = None
    about: str | None = None


def read_overlays(session: Path) -> list[Overlay]:
    """Return every entry ever made, oldest first; empty without a file.

    Raises SessionError when a line cannot be read.
    """
    path = session / "derived" / FILE_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SessionError(f"{path} cannot be read ({error.strerror or error})") from error
    return _entries(content, path)


def _entries(content: bytes, path: Path) -> list[Overlay]:
    # bytes, because a text's own "lines" also end at separators that a note may hold
    *lines, tail = content.split(b"\n")
    if _is_whole(tail):
        lines.append(tail)
    out = []
    for number, line in enumerate(lines, start=1):
        try:
            out.append(_entry(line))
        except _NO_ENTRY as error:
            raise SessionError(
                f"{path}, line {number} is no overlay ({error}); repair or remove that line"
            ) from error
    return out


def _is_whole(tail: bytes) -> bool:
    """Whether a last line without its end is an entry; one that a crash cut off was never confirmed to anybody."""
    try:
        _entry(tail)
    except _NO_ENTRY:
        return False
    return True


def _entry(line: bytes) -> Overlay:
    entry = Overlay(**json.loads(line.decode("utf-8")))
    texts: tuple[object, ...] = (entry.overlay_id, entry.at, entry.by, entry.kind, entry.text)
    texts += tuple(item for item in (entry.foot, entry.about) if item is not None)
    times = [entry.t_s] + ([] if entry.moved_to_s is None else [entry.moved_to_s])
    if not all(isinstance(item, str) for item in texts) or not all(
        type(item) in (int, float) for item in times
    ):
        raise TypeError("a text or a time is missing or something else")
    if entry.kind not in get_args(OverlayKind):
        raise ValueError("there is no entry of that kind")
    if not all(math.isfinite(item) for item in times):
        raise ValueError("a time is not finite")
    return entry


def entries_in_force(entries: Sequence[Overlay]) -> list[Overlay]:
    """Return the entries that were not taken back, oldest first."""
    gone = {item.about for item in entries if item.kind == "taken_back"}
    return [item for item in entries if item.kind != "taken_back" and item.overlay_id not in gone]


def overlays_in_force(entries: list[Overlay]) -> list[Overlay]:
    """Return the entries that were not taken back, in order of time on the session."""
    return sorted(entries_in_force(entries), key=lambda item: item.t_s)


def add_overlay(
    session: Path,
    *,
    at: datetime,
    by: str,
    kind: str,
    t_s: float,
    text: str = "",
    foot: str | None = None,
    moved_to_s: float | None = None,
    about: str | None = None,
    check: Callable[[list[Overlay], Overlay], None] = lambda before, entry: None,
) -> Overlay:
    """Append one entry and force it to disk; returns it.

    check : told the entries there are and the new one; raises EntryError for one that does not fit the session. It
    and the writing are one step: no other page can slip an entry in between.
    Raises EntryError for what is no entry, SessionError when the disk refuses.
    """
    entry = Overlay(
        str(uuid4()), at.isoformat(timespec="seconds"), by.strip(), kind, t_s, text.strip(), foot, moved_to_s, about  # type: ignore[arg-type]
    )  # fmt: skip
    folder = session / "derived"
    path = folder / FILE_NAME
    try:
        with _alone(session):
            before = read_overlays(session)
            _check(entry, before)
            check(before, entry)
            folder.mkdir(mode=0o700, exist_ok=True)
            _append(path, (json.dumps(asdict(entry), ensure_ascii=False) + "\n").encode("utf-8"))
    except OSError as error:
        raise SessionError(f"{path} could not be written ({error.strerror or error})") from error
    return entry


@contextmanager
def _alone(session: Path) -> Iterator[None]:
    """Hold the session's overlays: against other threads, and where the system can, against other programs."""
    with _IN_THIS_PROGRAM:
        descriptor = None if fcntl is None else os.open(session, os.O_RDONLY)
        try:
            if descriptor is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        content = path.read_bytes()
        tail = content[content.rfind(b"\n") + 1 :]
        if _is_whole(tail):
            line = b"\n" + line
        elif tail:
            os.ftruncate(descriptor, len(content) - len(tail))
        while line:
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(entry: Overlay, before: list[Overlay]) -> None:
    if entry.kind not in get_args(OverlayKind):
        raise EntryError(f"an overlay is one of {', '.join(get_args(OverlayKind))}, got {entry.kind!r}")
    if not entry.by or len(entry.by) > MOST_NAME:
        raise EntryError(f"say who enters this, in 1 to {MOST_NAME} letters")
    try:
        f"{entry.by}{entry.text}{entry.about}".encode()
    except UnicodeEncodeError as error:
        raise EntryError("the words hold half a letter that cannot be written down") from error
    if not math.isfinite(entry.t_s) or entry.t_s < 0.0:
        raise EntryError(f"the place on the time line must be seconds from 0 on, got {entry.t_s}")
    if len(entry.text) > MOST_TEXT:
        raise EntryError(f"a note has at most {MOST_TEXT} letters, got {len(entry.text)}")
    if entry.kind == "note" and not entry.text:
        raise EntryError("a note needs some text")
    if entry.kind.startswith("contact_") and entry.foot not in ("left", "right"):
        raise EntryError(f"a contact belongs to the left or the right foot, got {entry.foot!r}")
    if (entry.kind == "contact_moved") != (entry.moved_to_s is not None):
        raise EntryError("contact_moved, and only that, needs the time it is moved to")
    if entry.moved_to_s is not None and abs(entry.moved_to_s - entry.t_s) < LEAST_MOVE_S:
        raise EntryError("The contact is there already: a correction moves it by a millisecond or more.")
    if entry.moved_to_s is not None and not (math.isfinite(entry.moved_to_s) and entry.moved_to_s >= 0.0):
        raise EntryError(f"the new time must be seconds from 0 on, got {entry.moved_to_s}")
    known = {item.overlay_id for item in before if item.kind != "taken_back"}
    if entry.kind == "taken_back" and entry.about not in known:
        raise EntryError("only an entry that is there can be taken back; its id is not in this session")
    if len(before) >= MOST_ENTRIES:
        raise EntryError(f"this session has {MOST_ENTRIES} entries; no more are kept")


def check_within(entry: Overlay, end_s: float) -> None:
    """Raise EntryError for a place past the end of the session [s]; taking back is about an entry, not a place."""
    if entry.kind != "taken_back" and entry.t_s > end_s + PAST_END_S:
        raise EntryError(f"{entry.t_s:.6g} s lies outside of the session, which lasts {end_s:.3f} s")


def as_rows(entries: list[Overlay]) -> list[dict[str, Any]]:
    """Return entries as plain data."""
    return [asdict(item) for item in entries]
