"""Clinician's notes and event corrections: overlays beside the recording, appended and never overwritten.

``derived/overlays.jsonl`` holds one line for each entry, with who and when. Taking one back is another line.
The recording, its signals and its markers are not touched.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import uuid4

from tallrun.errors import EntryError, SessionError

OverlayKind = Literal[
    "note", "contact_moved", "contact_removed", "contact_added", "flag_doubted", "taken_back"
]
FILE_NAME = "overlays.jsonl"
MOST_TEXT = 2000
MOST_NAME = 80
MOST_ENTRIES = 10_000


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
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SessionError(f"{path} cannot be read ({error})") from error
    out = []
    for number, line in enumerate(lines, start=1):
        try:
            out.append(Overlay(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise SessionError(
                f"{path}, line {number} is no overlay ({error}); repair or remove that line"
            ) from error
    return out


def overlays_in_force(entries: list[Overlay]) -> list[Overlay]:
    """Return the entries that were not taken back, in order of time on the session."""
    gone = {item.about for item in entries if item.kind == "taken_back"}
    kept = [item for item in entries if item.kind != "taken_back" and item.overlay_id not in gone]
    return sorted(kept, key=lambda item: item.t_s)


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
) -> Overlay:
    """Append one entry and force it to disk; returns it.

    Raises EntryError for what is no entry, SessionError when the disk refuses.
    """
    entry = Overlay(
        str(uuid4()), at.isoformat(timespec="seconds"), by.strip(), kind, t_s, text.strip(), foot, moved_to_s, about  # type: ignore[arg-type]
    )  # fmt: skip
    entries = read_overlays(session)
    _check(entry, entries)
    folder = session / "derived"
    path = folder / FILE_NAME
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, (json.dumps(asdict(entry), ensure_ascii=False) + "\n").encode("utf-8"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SessionError(f"{path} could not be written ({error.strerror or error})") from error
    return entry


def _check(entry: Overlay, before: list[Overlay]) -> None:
    if entry.kind not in get_args(OverlayKind):
        raise EntryError(f"an overlay is one of {', '.join(get_args(OverlayKind))}, got {entry.kind!r}")
    if not entry.by or len(entry.by) > MOST_NAME:
        raise EntryError(f"say who enters this, in 1 to {MOST_NAME} letters")
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
    if entry.moved_to_s is not None and not (math.isfinite(entry.moved_to_s) and entry.moved_to_s >= 0.0):
        raise EntryError(f"the new time must be seconds from 0 on, got {entry.moved_to_s}")
    known = {item.overlay_id for item in before if item.kind != "taken_back"}
    if entry.kind == "taken_back" and entry.about not in known:
        raise EntryError("only an entry that is there can be taken back; its id is not in this session")
    if len(before) >= MOST_ENTRIES:
        raise EntryError(f"this session has {MOST_ENTRIES} entries; no more are kept")


def as_rows(entries: list[Overlay]) -> list[dict[str, Any]]:
    """Return entries as plain data."""
    return [asdict(item) for item in entries]
