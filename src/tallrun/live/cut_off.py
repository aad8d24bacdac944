"""Runs that a crash or a power cut ended: made sessions of, and found by the records, before anything new begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tallrun.errors import UsageError
from tallrun.live.devices import BEGUN_FILE, load_configs, read_private, write_private

FINISHED = "An earlier run was cut off; what was recorded of it is now in {place}"
NOT_FINISHED = "An earlier run in {place} could not be finished: {error}"


def note_begun(folder: Path, session: Path) -> None:
    """Note where a run of these records is being recorded; a note that cannot be written costs itself only."""
    if folder.is_dir():
        with suppress(UsageError):
            _write_begun(folder, {*_begun(folder), session.resolve()})


def note_ended(folder: Path, session: Path) -> None:
    """Note that a run is a session now."""
    begun = _begun(folder)
    if session.resolve() in begun:
        _write_begun(folder, begun - {session.resolve()})


def _begun(folder: Path) -> set[Path]:
    try:
        return {Path(item) for item in json.loads(read_private(folder / BEGUN_FILE) or "[]")}
    except (ValueError, TypeError, RecursionError):
        return set()


def _write_begun(folder: Path, places: set[Path]) -> None:
    write_private(folder / BEGUN_FILE, json.dumps(sorted(map(str, places))))


def finish_interrupted(root: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Make sessions of runs that were cut off, under ``root`` or begun for these records, and say so, a line each.

    One that was begun for the records of ``folder``, or lies in it, is indexed there if they have one runner, so that
    what was tapped in the run is held against today's advice from now on; with several, a page asks whose it is.
    """
    from tallrun.errors import TallrunError
    from tallrun.live.rebuild import rebuild
    from tallrun.sessions.recorder import is_being_recorded, recover, unfinished_sessions

    configs, begun = load_configs(folder), _begun(folder)
    places = {path.resolve() for path in unfinished_sessions(root)}
    places |= {path for path in begun if path in unfinished_sessions(path.parent)}
    for unfinished in sorted(places):
        if is_being_recorded(unfinished):
            continue
        try:
            recover(unfinished, lambda start, packets: rebuild(start, packets, configs))
            say(FINISHED.format(place=unfinished))
            if unfinished in begun or unfinished.is_relative_to(folder.resolve()):
                _index(folder, unfinished)
                note_ended(folder, unfinished)
        except TallrunError as error:
            say(NOT_FINISHED.format(place=unfinished, error=error))


def _index(folder: Path, session: Path) -> None:
    from tallrun.journal.desk import Records
    from tallrun.journal.sessions import scan
    from tallrun.store import Store

    with Store.open(folder) as store:
        if len(store.runner_codes()) == 1:
            scan(Records(store, store.find_runner(None), datetime.now(UTC)), session)
