"""The one door to the records: open, add, supersede, read what is in force.

Every call is one transaction. Time is handed in by the caller (``now``), so that a simulated year and a real
one go through the same code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Row, delete, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tallrun.errors import EntryError, StoreError
from tallrun.recovery.model import Advice, History, PainScore, Runner, RunSession
from tallrun.store.checks import known_by
from tallrun.store.engine import make_engine, make_reading_engine, reading, writing
from tallrun.store.location import (
    DATABASE_NAME,
    data_folder,
    found_place,
    is_url,
    kept_place,
    make_private_file,
    make_private_folder,
)
from tallrun.store.models import (
    AccessRow,
    AdviceRow,
    ClinicianRow,
    DerivedFile,
    PainRow,
    RunnerKey,
    RunnerRow,
    ScreenRow,
    SessionRow,
    sort_key,
)
from tallrun.store.records import HISTORY, runner_of
from tallrun.store.rows import entries, in_force, insert_record, insert_row, records
from tallrun.store.schema import HEAD, ensure_schema, schema_revision
from tallrun.store.work import clean_leftovers, has_room

if TYPE_CHECKING:
    from tallrun.recovery.verdicts import Verdict


@dataclass(frozen=True)
class IndexedSession:
    """A recorded session in the index; ``folder`` is where it is on this machine, or was."""

    session_id: str
    runner_id: str
    started_at: datetime
    duration_s: float | None
    folder: Path
    context: dict[str, Any]
    summary: dict[str, Any]


class Store:
    """Records of one installation, for one runner or many.

    Use ``Store.open``; close it, or use it as a context manager. Safe to share between threads; several
    processes may have the same store open.
    """

    def __init__(self, engine: Engine, folder: Path | None, *, is_read_only: bool = False) -> None:
        self.engine = engine
        self.folder = folder
        self.is_read_only = is_read_only

    @classmethod
    def open(cls, where: Path | str | None = None) -> Store:
        """Open the records in a data folder (made if missing) or at a SQLAlchemy URL (SQLite or PostgreSQL).

        where : folder, URL, or None for ``TALLRUN_DATA_DIR`` and then the platform's data folder.
        The schema is brought up to date. Raises StoreError when the place cannot be used, the database
        belongs to another program, or a newer tallrun wrote it.
        """
        if is_url(where):
            return cls._open_url(str(where))
        folder = data_folder(where)
        database = folder / DATABASE_NAME
        try:
            make_private_folder(folder)
            clean_leftovers(folder)
            make_private_file(database)
        except StoreError:
            # A disk that may only be read still shows what is on it.
            if not database.is_file() or os.access(database, os.W_OK):
                raise
            return cls._only_reading(database, folder)
        return cls._ready(make_engine(f"sqlite:///{database}"), folder)

    @classmethod
    def _open_url(cls, url: str) -> Store:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise StoreError(f"the database URL cannot be read: {error}") from error
        folder = None
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            database = Path(str(parsed.database)).absolute()
            folder = make_private_folder(database.parent) if not database.parent.exists() else database.parent
            make_private_file(database)
        return cls._ready(make_engine(url), folder)

    @classmethod
    def _ready(cls, engine: Engine, folder: Path | None) -> Store:
        try:
            ensure_schema(engine, folder)
        except StoreError:
            engine.dispose()
            database = cls(engine, folder).database_path
            if database is None or not database.is_file() or database.stat().st_size == 0:
                raise
            if has_room(database.parent):
                raise
            return cls._only_reading(database, folder)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, folder)

    @classmethod
    def _only_reading(cls, database: Path, folder: Path | None) -> Store:
        """Open what cannot be written now; raises StoreError when it cannot be read so, or is of another version."""
        engine = make_reading_engine(database)
        try:
            with reading(engine) as connection:
                if schema_revision(connection) != HEAD:
                    raise StoreError(
                        "the records must be upgraded first, and the disk cannot be written; free space"
                    )
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, folder, is_read_only=True)

    @property
    def database_path(self) -> Path | None:
        """The database file, or None when the records are on a server or in memory."""
        name = self.engine.url.database
        if self.engine.dialect.name != "sqlite" or name in (None, "", ":memory:"):
            return None
        return Path(str(name))

    @property
    def place(self) -> str:
        """Where the records are, to be shown: the folder, or the URL without its password."""
        return str(self.folder or self.engine.url.render_as_string(hide_password=True))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # runners

    def add_runner(self, code: str, now: datetime) -> str:
        """Create a runner and return its id; raises EntryError if the code is taken."""
        runner_id = str(uuid4())
        with self.write() as connection:
            taken = connection.execute(select(RunnerKey.runner_id).where(RunnerKey.code == code)).first()
            if taken:
                raise EntryError(f"there is already a runner called {code!r}; choose another code")
            connection.execute(insert(RunnerKey).values(runner_id=runner_id, code=code, created_at=now))
        return runner_id

    def runner_codes(self) -> dict[str, str]:
        """Return ``{code: runner_id}``, oldest first."""
        with self.read() as connection:
            rows = connection.execute(
                select(RunnerKey.code, RunnerKey.runner_id).order_by(RunnerKey.created_at)
            )
            return {code: runner_id for code, runner_id in rows}

    def find_runner(self, code: str | None = None) -> str:
        """Return the runner's id; without a code, the only runner there is.

        Raises EntryError when there is none, or several and no code was given.
        """
        codes = self.runner_codes()
        if code is not None:
            if code in codes:
                return codes[code]
            raise EntryError(f"there is no runner called {code!r}; known: {', '.join(codes) or 'none'}")
        if not codes:
            raise EntryError("nothing is set up yet", command="; run: tallrun setup")
        if len(codes) > 1:
            raise EntryError(
                f"there are several runners ({', '.join(codes)}); say which", command=" with --runner"
            )
        return next(iter(codes.values()))

    # entries

    def add(self, runner_id: str, record: Any, *, by: str, now: datetime, **more: Any) -> str:
        """Add one record of ``recovery.model`` and return the new row's id.

        more : columns the data class does not have (``source``, ``shoe`` and ``strap`` of a run).
        Raises UsageError for a class the store does not keep, StoreError when the database refuses it.
        """
        return self.add_all(runner_id, [record], by=by, now=now, **more)[0]

    def add_all(
        self, runner_id: str, records: Sequence[Any], *, by: str, now: datetime, **more: Any
    ) -> list[str]:
        """Add many records in one transaction, all or none, and return their ids."""
        with self.write() as connection:
            return [
                insert_record(connection, runner_id, record, by=by, now=now, more=more) for record in records
            ]

    def add_row(
        self, model: type[Any], runner_id: str, *, at: datetime, by: str, now: datetime, **columns: Any
    ) -> str:
        """Add one entry that has no data class (profile, advice, cue, baseline) and return its id."""
        with self.write() as connection:
            return insert_row(connection, model, runner_id, at=at, by=by, now=now, columns=columns)

    def supersede(
        self, model: type[Any], runner_id: str, entry_id: str, *, by: str, now: datetime, **changes: Any
    ) -> str:
        """Put a corrected entry in the place of an earlier one and return the new id; the old row stays.

        changes : the columns that differ, ``at`` among them if the time was wrong; ``withdrawn=True`` takes
        the entry back. Raises EntryError when the entry is unknown or was replaced already.
        """
        table = model.__table__
        with self.write() as connection:
            old = connection.execute(
                select(table).where(table.c[model.key] == entry_id, table.c.runner_id == runner_id)
            ).first()
            if old is None:
                raise EntryError(f"there is no entry {entry_id}; list them to see their ids")
            later = connection.execute(
                select(table.c[model.key]).where(table.c.supersedes == entry_id)
            ).scalar()
            if later is not None:
                raise EntryError(f"entry {entry_id} was already replaced by {later}; correct that one")
            columns = {
                name: value
                for name, value in old._mapping.items()
                if name not in {model.key, "runner_id", "at_utc", "entered_at", "entered_by", "supersedes"}
            }
            columns.update(changes)
            return insert_row(
                connection, model, runner_id,
                at=columns.pop("at"), by=by, now=now, columns=columns, supersedes=entry_id,
            )  # fmt: skip

    def entries(
        self,
        model: type[Any],
        runner_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        every: bool = False,
        newest: int | None = None,
    ) -> list[Row[Any]]:
        """Return entries in order of time; those in force, or ``every`` one including replaced ones.

        since, until : inclusive bounds on ``at``. newest : at most this many, the latest ones.
        """
        with self.read() as connection:
            return entries(connection, model, runner_id, since=since, until=until, every=every, newest=newest)

    def latest(self, model: type[Any], runner_id: str, *, until: datetime | None = None) -> Row[Any] | None:
        """Return the newest entry in force, or None."""
        rows = self.entries(model, runner_id, until=until, newest=1)
        return rows[0] if rows else None

    def find_entry(self, model: type[Any], runner_id: str, start_of_id: str) -> str:
        """Return the full id of the entry in force whose id starts so; raises EntryError if not exactly one."""
        table = model.__table__
        column = table.c[model.key]
        with self.read() as connection:
            query = in_force(model).with_only_columns(column)
            query = query.where(column.startswith(start_of_id, autoescape=True))
            found = connection.execute(query, {"of_runner": runner_id}).scalars().all()
        if len(found) == 1 and start_of_id:
            return str(found[0])
        raise EntryError(
            f"{'no entry' if not found else f'{len(found)} entries'} in force with an id starting with "
            f"{start_of_id!r}; list them to see their ids"
        )

    # what the rules read

    def runner(self, runner_id: str) -> Runner:
        """Return who runs, from the profile in force; raises EntryError before set-up."""
        return runner_of(self.profile(runner_id))

    def profile(self, runner_id: str) -> Row[Any]:
        """Return the profile row in force (body measures, usual paces, side); EntryError before set-up."""
        row = self.latest(RunnerRow, runner_id)
        if row is None:
            raise EntryError("the runner is not set up yet", command="; run: tallrun setup")
        return row

    def history(self, runner_id: str, now: datetime | None = None) -> History:
        """Return everything in force for one runner, in one consistent snapshot, for ``recovery.verdict``.

        now : scores, exercises, screens and clinician's entries that another device's clock puts a little ahead of
        it are dated ``now``, for the rules leave out what is later. None: everything as it was entered.
        """
        with self.read() as connection:
            profiles = entries(connection, RunnerRow, runner_id, newest=1)
            if not profiles:
                raise EntryError("the runner is not set up yet", command="; run: tallrun setup")
            found = {name: records(connection, record, runner_id) for name, record in HISTORY.items()}
        if now is not None:
            for name in ("scores", "exercises", "screens", "clinician"):
                found[name] = tuple(
                    replace(row, at=known_by(row.at, now)) if row.at > now else row for row in found[name]
                )
        return History(runner=runner_of(profiles[0]), **found)

    # runs and the advice they followed

    def runs(self, runner_id: str) -> tuple[RunSession, ...]:
        """Return the runs in force, oldest first."""
        with self.read() as connection:
            return records(connection, RunSession, runner_id)

    def add_run(
        self, runner_id: str, run: RunSession, scores: Sequence[PainScore] = (), *, by: str, now: datetime,
        source: str = "typed", shoe: str | None = None, strap: str | None = None,
    ) -> str:  # fmt: skip
        """Add a run together with the scores given for it, all or none; returns the row's id."""
        with self.write() as connection:
            more: dict[str, Any] = {"source": source, "shoe": shoe, "strap": strap}
            run_id = insert_record(connection, runner_id, run, by=by, now=now, more=more)
            for score in scores:
                insert_record(connection, runner_id, score, by=by, now=now)
        return run_id

    def note_advice(self, runner_id: str, verdict: Verdict, now: datetime) -> None:
        """Keep what was advised (ladder history), unless the newest entry of the same day says the same."""
        told = {
            "state": verdict.state, "rung": verdict.rung, "run_minutes": verdict.run_minutes,
            "rules": list(verdict.rules), "protocol": verdict.protocol,
        }  # fmt: skip
        last = self.latest(AdviceRow, runner_id)
        same_day = last is not None and last.at.date() == verdict.as_of.astimezone(last.at.tzinfo).date()
        if last is None or not same_day or any(last._mapping[name] != value for name, value in told.items()):
            self.add_row(AdviceRow, runner_id, at=verdict.as_of, by="tallrun", now=now, **told)

    def advice_before(self, runner_id: str, start: datetime, zone: ZoneInfo) -> Advice | None:
        """Return what was advised last on the local date of a run and before it.

        None if nobody asked, or if something was entered after asking, whatever time it is about: the rules then
        work out what they would
        have said at the start (somebody told to log first, who logs and runs, has not run against advice).
        """
        row = self.latest(AdviceRow, runner_id, until=start)
        if row is None or row.at.astimezone(zone).date() != start.astimezone(zone).date():
            return None
        for model in (PainRow, ScreenRow, ClinicianRow):
            for entry in self.entries(model, runner_id, until=start):
                # A correction made after the start does not change what was told before it.
                is_later_fix = entry.supersedes is not None and entry.entered_at > start
                if entry.at > row.at or (entry.entered_at >= row.entered_at and not is_later_fix):
                    return None
        return Advice(state=row.state, rung=row.rung, run_minutes=row.run_minutes)

    # sessions and files made from them

    def index_session(
        self,
        runner_id: str,
        *,
        session_id: str,
        started_at: datetime,
        folder: Path,
        duration_s: float | None,
        context: dict[str, Any],
        summary: dict[str, Any],
    ) -> None:
        """Note where a recorded session is and what was computed from it; a second call rewrites the note."""
        with self.write() as connection:
            connection.execute(delete(SessionRow).where(SessionRow.session_id == session_id))
            connection.execute(
                insert(SessionRow).values(
                    session_id=session_id, runner_id=runner_id, started_at=started_at,
                    started_at_utc=sort_key(started_at), duration_s=duration_s,
                    folder=kept_place(folder, self.folder), context=context, summary=summary,
                )
            )  # fmt: skip

    def sessions(self, runner_id: str | None, *, since: datetime | None = None) -> list[IndexedSession]:
        """Return the indexed sessions, or those that began at ``since`` or later, by their start; None: everybody's."""
        table = SessionRow.__table__
        query = select(table).order_by(table.c.started_at_utc)
        if since is not None:
            query = query.where(table.c.started_at_utc >= sort_key(since))
        if runner_id is not None:
            query = query.where(table.c.runner_id == runner_id)
        with self.read() as connection:
            return [
                IndexedSession(
                    row.session_id, row.runner_id, row.started_at, row.duration_s,
                    found_place(row.folder, self.folder), row.context, row.summary,
                )
                for row in connection.execute(query)
            ]  # fmt: skip

    def note_file(self, runner_id: str, path: Path, kind: str, now: datetime) -> None:
        """Remember a report or other file made from the records, so that erasing finds it."""
        place = kept_place(path, self.folder)
        with self.write() as connection:
            connection.execute(delete(DerivedFile).where(DerivedFile.path == place))
            connection.execute(
                insert(DerivedFile).values(path=place, runner_id=runner_id, kind=kind, made_at=now)
            )

    # who looked

    def log_access(
        self, runner_id: str | None, actor: str, action: str, now: datetime, detail: str | None = None
    ) -> None:
        """Add a line to the log the runner can read; nothing on a disk that cannot be written."""
        if self.is_read_only:
            return
        with self.write() as connection:
            connection.execute(
                insert(AccessRow).values(
                    runner_id=runner_id, at=now, actor=actor, action=action, detail=detail
                )
            )

    def access_log(self, runner_id: str) -> list[Row[Any]]:
        """Return the log lines about one runner and about the whole store, oldest first."""
        table = AccessRow.__table__
        with self.read() as connection:
            return list(
                connection.execute(
                    select(table)
                    .where((table.c.runner_id == runner_id) | table.c.runner_id.is_(None))
                    .order_by(table.c.access_id)
                )
            )

    # connections

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection in one consistent snapshot."""
        with reading(self.engine) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection inside one transaction: all of it is kept, or nothing."""
        if self.is_read_only:
            raise StoreError("the disk is full or may not be written; nothing was changed, reading goes on")
        with writing(self.engine) as connection:
            yield connection
