"""Runs that a crash or a power cut ended: made sessions of, and found by the records, before anything new begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tallrun.live.devices import load_configs

FINISHED = "An earlier run was cut off; what was recorded of it is now in {place}"
NOT_FINISHED = "An earlier run in {place} could not be finished: {error}"


def finish_interrupted(root: Path, folder: Path, say: Callable[[str], None]) -> None:
    """Make sessions of runs under ``root`` that were cut off, and say so, a line each.

    With one runner in the records of ``folder`` the session is indexed there, so that what was tapped in the run is
    held against today's advice from now on; with several, a page asks whose it is.
    """
    from tallrun.errors import TallrunError
    from tallrun.live.rebuild import rebuild
    from tallrun.sessions.recorder import is_being_recorded, recover, unfinished_sessions

    configs = load_configs(folder)
    for unfinished in unfinished_sessions(root):
        if is_being_recorded(unfinished):
            continue
        try:
            recover(unfinished, lambda start, packets: rebuild(start, packets, configs))
            say(FINISHED.format(place=unfinished))
            _index(folder, unfinished)
        except TallrunError as error:
            say(NOT_FINISHED.format(place=unfinished, error=error))


def _index(folder: Path, session: Path) -> None:
    from tallrun.journal.desk import Records
    from tallrun.journal.sessions import scan
    from tallrun.store import Store

    with Store.open(folder) as store:
        if len(store.runner_codes()) == 1:
            scan(Records(store, store.find_runner(None), datetime.now(UTC)), session)
