"""Runs that were begun for these records and are not in them yet: going on now, or cut off by a crash.

One file beside the records names where each is being recorded. Until it is a session of the index, what its folder
tells is held against the advice like a run that waits to be counted. A list that cannot be read holds as one run that
began when it was last written to: which runs it named is not known. Records on a server have no such file, for a run is
begun for the records of a folder only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from tallrun.errors import TallrunError
from tallrun.journal.desk import Records
from tallrun.numerics.recording import Marker
from tallrun.sessions.folder import read_info
from tallrun.sessions.recorder import (
    START_FILE,
    inspect_packets,
    is_being_recorded,
    logged_markers,
    packet_log,
)
from tallrun.store import Store
from tallrun.store.checks import LONGEST_RUN
from tallrun.store.store import IndexedSession

BEGUN_FILE = "begun.json"
#: A list that could not be read, put aside when a new one is begun.
UNREADABLE_FILE = "begun-unreadable.json"


@dataclass(frozen=True)
class Begun:
    """entry : as the index would have it, with its length as far as it is known. markers : what was tapped so far.

    is_list : it is no run, but a list of runs that cannot be read.
    """

    entry: IndexedSession
    markers: tuple[Marker, ...]
    is_going_on: bool
    is_list: bool = False


def read_begun(folder: Path) -> dict[Path, str | None]:
    """Return where runs of these records were begun, and whose each is; see also ``unreadable_begun``."""
    return _read(folder / BEGUN_FILE) or {}


def unreadable_begun(folder: Path) -> list[Path]:
    """Return the lists of begun runs that cannot be read: whatever they named still holds."""
    aside, current = folder / UNREADABLE_FILE, folder / BEGUN_FILE
    return [aside] * aside.exists() + [current] * (_read(current) is None)


def _read(path: Path) -> dict[Path, str | None] | None:
    """Return what a list names, nothing for none, None for one that cannot be read."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(known, list):  # written before it was kept whose a run is
            known = dict.fromkeys(known)
        return {Path(place): None if whose is None else str(whose) for place, whose in known.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def runner_of_begun(store: Store, named: str | None) -> str | None:
    """Return the id of the runner a begun run is of; None where it is not known and there are several."""
    codes = store.runner_codes()
    return codes.get(named or "") or (next(iter(codes.values())) if len(codes) == 1 else None)


def begun_runs(mine: Records, at: datetime) -> tuple[Begun, ...]:
    """Return this runner's runs begun until ``at`` that the index does not have; one that is gone is left out."""
    if mine.store.folder is None:
        return ()
    named, unreadable = read_begun(mine.store.folder), unreadable_begun(mine.store.folder)
    if not named and not unreadable:
        return ()
    known = mine.store.sessions(None)
    places, ids = {row.folder.resolve() for row in known}, {row.session_id for row in known}
    # whose the runs of an unreadable list are is not known either, so it holds for everybody
    lost = [_begun(path, mine.runner_id, at, is_list=True) for path in unreadable]
    found = [item for item in lost if item is not None and item.entry.started_at <= at]
    for place, whose in named.items():
        if place in places or runner_of_begun(mine.store, whose) != mine.runner_id:
            continue
        item = _begun(place, mine.runner_id, at)
        if item is not None and item.entry.started_at <= at and item.entry.session_id not in ids:
            found.append(item)
    return tuple(found)


def _begun(place: Path, runner_id: str, at: datetime, is_list: bool = False) -> Begun | None:
    log = packet_log(place)
    try:
        stamp = (log if log.exists() else place).stat()
    except OSError:
        return None
    length_s, markers = (None, ()) if is_list else _logged(place, stamp.st_mtime_ns)
    info = {} if is_list else _info(place)
    try:
        started_at = datetime.fromisoformat(info["started_at"])
        started_at = started_at if started_at.tzinfo else started_at.replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError):
        # Nothing was written down at its start: the last that was written is later, and no freer.
        started_at = datetime.fromtimestamp(stamp.st_mtime, UTC)
        if is_list:  # of a day tried out before it, it is not known either
            started_at = min(started_at, at - timedelta(seconds=1.0))
    if length_s is None:
        # The longest it can have been: until its file was last written to.
        most_s = min((at - started_at).total_seconds(), LONGEST_RUN.total_seconds())
        written_s = stamp.st_mtime - started_at.timestamp()
        length_s = min(most_s, written_s) if written_s > 0.0 else most_s
    context = info.get("context")
    return Begun(
        IndexedSession(
            str(info.get("session_id") or place.name), runner_id, started_at, length_s, place,
            context if isinstance(context, dict) else {}, {},
        ),
        markers,
        not is_list and is_being_recorded(place),
        is_list,
    )  # fmt: skip


def _info(place: Path) -> dict[str, Any]:
    """Return what the folder says of the run: as a session, else as it was begun; nothing where neither is read."""
    try:
        if (place / "session.json").exists():
            return read_info(place)
        found = json.loads((place / START_FILE).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (TallrunError, OSError, ValueError, RecursionError):
        return {}


@lru_cache(maxsize=16)
def _logged(place: Path, stamp_ns: int) -> tuple[float | None, tuple[Marker, ...]]:
    """Return how long the packets go on [s], None where that cannot be read, and the marks among them."""
    if not packet_log(place).exists():
        return 0.0, ()
    try:
        state = inspect_packets(place)
        if state.n_packets == 0 and state.torn_bytes:
            return None, ()
        length_s = min(max(state.last_host_time_s or 0.0, 0.0), LONGEST_RUN.total_seconds())
        return length_s, tuple(logged_markers(place)[0])
    except (TallrunError, OSError, ValueError):
        return None, ()
