"""Runs that a crash or a power cut ended: made sessions of, and found by the records, before anything new begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tallrun.errors import UsageError
from tallrun.journal.begun import BEGUN_FILE, UNREADABLE_FILE, read_begun, runner_of_begun, unreadable_begun
from tallrun.live.devices import load_configs

if TYPE_CHECKING:
    from tallrun.sessions.recorder import Recovered

FINISHED = "An earlier run was cut off; what was recorded of it is now in {place}"
NOT_FINISHED = "An earlier run in {place} could not be finished: {error}"


def note_begun(folder: Path, session: Path, runner: str | None = None) -> None:
    """Note where a run of these records is being recorded, and whose it is; a note that fails costs itself only."""
    if folder.is_dir():
        with suppress(UsageError, OSError):
            _write_begun(folder, read_begun(folder) | {session.resolve(): runner})


def note_ended(folder: Path, session: Path) -> None:
    """Note that a run is a session now, and known to the records."""
    begun = read_begun(folder)
    if session.resolve() in begun:
        _write_begun(folder, {place: whose for place, whose in begun.items() if place != session.resolve()})


def _write_begun(folder: Path, places: dict[Path, str | None]) -> None:
    from tallrun.sessions import write_text

    if folder / BEGUN_FILE in unreadable_begun(folder):
        (folder / BEGUN_FILE).replace(folder / UNREADABLE_FILE)  # it goes on holding
    write_text(folder / BEGUN_FILE, json.dumps({str(place): whose for place, whose in places.items()}))


def finish_interrupted(root: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Make sessions of runs that were cut off, under ``root`` or begun for these records, and say so, a line each.

    One that was begun for the records of ``folder``, or lies in it, is indexed there for the runner it is of, so that
    what was tapped in the run is held against today's advice from now on; where that is not known and there are
    several, a page asks.
    """
    from tallrun.errors import TallrunError
    from tallrun.live.rebuild import rebuild
    from tallrun.sessions.recorder import is_being_recorded, recover, unfinished_sessions

    configs, begun = load_configs(folder), read_begun(folder)
    places = {path.resolve() for path in unfinished_sessions(root)}
    places |= {path for path in begun if path in unfinished_sessions(path.parent)}
    mine = set(begun) | {path for path in places if path.is_relative_to(folder.resolve())}
    for place in sorted(places | mine):
        if is_being_recorded(place):
            continue
        try:
            if place in places:
                recover(place, lambda start, packets: rebuild(start, packets, configs))
                say(FINISHED.format(place=place))
            if place in mine:
                _index(folder, place, begun.get(place))
                note_ended(folder, place)
        except TallrunError as error:
            say(NOT_FINISHED.format(place=place, error=error))


def bring_back(place: Path, folder: Path) -> Recovered | None:
    """Make a session of one run that was cut off and index it as ``finish_interrupted`` does.

    Returns None for one begun for these records that was a session already and is now indexed. Raises SessionError for
    any other finished session, one that is being recorded or one without packets.
    """
    from tallrun.live.rebuild import rebuild
    from tallrun.sessions.recorder import is_being_recorded, recover

    place, begun, recovered = place.resolve(), read_begun(folder), None
    was_session = (place / "session.json").exists() and not is_being_recorded(place)
    if not (was_session and place in begun):
        configs = load_configs(folder)
        recovered = recover(place, lambda start, packets: rebuild(start, packets, configs))
    if place in begun or place.is_relative_to(folder.resolve()):
        _index(folder, place, begun.get(place))
        note_ended(folder, place)
    return recovered


def _index(folder: Path, session: Path, runner: str | None) -> None:
    """Index a session that is there; one that is gone, or of nobody known, stays out."""
    from tallrun.journal.desk import Records
    from tallrun.journal.sessions import scan
    from tallrun.store import Store

    if not session.is_dir():
        return
    with Store.open(folder) as store:
        runner_id = runner_of_begun(store, runner)
        if runner_id is not None:
            scan(Records(store, runner_id, datetime.now(UTC)), session)
