"""The open records behind the pages: one store for all requests, opened again after an erase."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Query, Request

from tallrun.errors import StoreError
from tallrun.gait.summary import Gait
from tallrun.insight import SessionBlocks
from tallrun.journal.clinic import read_clinic
from tallrun.journal.desk import NotThereError, Records, current_time, load_protocol, protocol_in_force
from tallrun.journal.handout import handout_plan
from tallrun.journal.sessions import called_in, find, folder_of, scan
from tallrun.recovery import Protocol
from tallrun.report.history import own_history
from tallrun.report.paper import Sheet
from tallrun.store import Store
from tallrun.store.location import SESSIONS_FOLDER
from tallrun.store.store import IndexedSession
from tallrun.web.problems import NotSetUpError
from tallrun.web.security import THIS_COMPUTER


class Desk:
    """Opens the records for each request.

    where : data folder or URL of a database, as ``Store.open`` takes it. sessions_folder : what a scan looks
    through; default: the sessions folder of the records. clock : gives the present moment.
    """

    def __init__(
        self,
        where: Path | str | None = None,
        sessions_folder: Path | None = None,
        clock: Callable[[], datetime] = current_time,
    ) -> None:
        self.where = where
        self.clock = clock
        self._chosen_sessions = sessions_folder
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._file: tuple[int, int] | None = None
        self._seen: set[tuple[str, str, str]] = set()

    @property
    def store(self) -> Store:
        """The open store.

        Opened anew when its file was erased or replaced meanwhile: nothing may go into a file nobody can find.
        """
        with self._lock:
            if self._store is not None and _file_of(self._store) != self._file:
                self._store.close()
                self._store = None
                self._seen.clear()
            if self._store is None:
                self._store = Store.open(self.where)
                self._file = _file_of(self._store)
            return self._store

    @property
    def sessions_folder(self) -> Path | None:
        """Where recorded sessions are looked for; None when the records have no folder."""
        if self._chosen_sessions is not None:
            return self._chosen_sessions
        return None if self.store.folder is None else self.store.folder / SESSIONS_FOLDER

    def close(self) -> None:
        """Close the store; the next request opens it again."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
            self._seen.clear()

    def records(self, code: str | None) -> Records:
        """Return the records of one runner now; raises NotSetUpError before the first set-up."""
        store = self.store
        if not store.runner_codes():
            raise NotSetUpError
        return Records(store, store.find_runner(code), self.clock())

    def session(self, session_id: str) -> tuple[Records, IndexedSession]:
        """Return an indexed session, whoever's it is, and the records it belongs to; raises NotThereError."""
        for runner_id in self.store.runner_codes().values():
            mine = Records(self.store, runner_id, self.clock())
            with contextlib.suppress(NotThereError):
                return mine, find(mine, session_id)
        raise NotThereError(f"There is no session with the id {session_id!r} in the records.")

    def session_folder(self, session_id: str) -> Path:
        """Return a session's folder; raises NotThereError or, when the folder is gone, SessionError."""
        return folder_of(self.session(session_id)[1])

    def session_name(self, session_id: str) -> str:
        """Return what a session is called."""
        return called_in(*self.session(session_id))

    def history_around(self, session_id: str, gait: Gait = "run") -> tuple[SessionBlocks, ...]:
        """Return the analysed sessions of a gait of the runner a session belongs to, that one among them."""
        mine = self.session(session_id)[0]
        return own_history(mine.store, mine.runner_id, mine.protocol, mine.now, gait=gait)

    def sheet(self, session_id: str) -> Sheet:
        """Return what printed pages about a session bear: code, letterhead, and the runner's plan when asked for."""
        mine = self.session(session_id)[0]
        return Sheet(mine.code, read_clinic(self.store).letterhead, lambda: handout_plan(mine))

    def whose(self, session_id: str) -> str:
        """Return the code of the runner a session belongs to; empty where the records are one runner's."""
        mine = self.session(session_id)[0]
        return mine.code if len(self.store.runner_codes()) > 1 else ""

    def rules(self) -> Protocol:
        """Return the rules in force for the only runner; the shipped ones where there are none or several."""
        codes = list(self.store.runner_codes().values())
        return protocol_in_force(self.store, codes[0], self.clock()) if len(codes) == 1 else load_protocol()

    def signature(self, given: str) -> str:
        """Return who an entry, an export or a look is signed with: the clinician's name where one is set.

        A name that somebody typed stays.
        """
        name = read_clinic(self.store).clinician
        return name if name and given in ("runner", "clinician", THIS_COMPUTER) else given

    def note_look(self, mine: Records, who: str) -> None:
        """Note in the access log that the records were looked at: once a day for each kind of page."""
        who = self.signature(who)
        key = (mine.runner_id, mine.local_now.date().isoformat(), who)
        with self._lock:
            if key in self._seen:
                return
            self._seen.add(key)
        with contextlib.suppress(StoreError):  # a full disk must not keep the records from being read
            mine.store.log_access(mine.runner_id, who, "looked at in the web app", mine.now)


def _file_of(store: Store) -> tuple[int, int] | None:
    """Return device and number of the database file; None when there is none to find."""
    path = store.database_path
    try:
        found = None if path is None else path.stat()
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def desk_of(request: Request) -> Desk:
    """Return the application's desk."""
    found: Desk = request.app.state.desk
    return found


def records_of(
    request: Request,
    desk: Annotated[Desk, Depends(desk_of)],
    runner: Annotated[
        str | None,
        Query(max_length=80, description="Whose records; needed only when there are several runners."),
    ] = None,
) -> Records:
    """Return the records a request is about, and note that they were looked at."""
    mine = desk.records(runner)
    desk.note_look(mine, request.state.who)
    return mine


OpenDesk = Annotated[Desk, Depends(desk_of)]
Mine = Annotated[Records, Depends(records_of)]


def look_for_sessions(desk: Desk) -> str:
    """Index what lies in the sessions folder, so that the first page is not empty; nothing is analysed.

    Returns one line to print, empty where nothing new was found. With no runner, or several, nothing is done: the
    page asks, for only a person knows whose recordings they are.
    """
    folder = desk.sessions_folder
    if folder is None or not folder.is_dir() or len(desk.store.runner_codes()) != 1:
        return ""
    found = scan(desk.records(None), folder)
    parts = []
    if found.added:
        parts.append(f"{len(found.added)} new")
    if found.moved:
        parts.append(f"{len(found.moved)} found again in another folder")
    if found.refused:
        parts.append(f"{len(found.refused)} left out (Sessions says why)")
    return f"Sessions in {folder}: {', '.join(parts)}." if parts else ""
