"""Erasing, with a receipt that says only what was found gone by looking afterwards.

Erased are: every row (overwritten inside the file), the database with its side files, session folders, reports and
other files tallrun made from the records, and copies that killed programs left. Paths in the records are not
believed: every one is resolved, links and all, and nothing outside the data folder is touched unless the person
names the folder it is in. What is not ours to remove, or could not be, is listed as left.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, func, or_, select

from tallrun.errors import StoreError
from tallrun.store.backup import SAFETY_COPY, unpack_database, write_archive
from tallrun.store.engine import make_engine, reading, rewrite_tables, writing
from tallrun.store.location import (
    DATABASE_NAME,
    REPORTS_FOLDER,
    SESSIONS_FOLDER,
    SIDE_FILES,
    found_place,
    is_within,
)
from tallrun.store.models import ENTRY_MODELS, AccessRow, Base, DerivedFile, RunnerKey, SessionRow
from tallrun.store.schema import ensure_schema
from tallrun.store.store import IndexedSession, Store
from tallrun.store.takeover import session_id_in
from tallrun.store.work import ARCHIVE, clean_leftovers, work_folder

_TABLES: tuple[type[Base], ...] = (*ENTRY_MODELS, SessionRow, DerivedFile, AccessRow, RunnerKey)
#: What tallrun writes into a session folder. Anything else there is somebody's own and stays.
_SESSION_FILES = frozenset(
    {"session.json", "truth.json", "markers.parquet", "packets.arrow", "recording.json"}
)
_SESSION_FOLDERS = frozenset({"signals", "derived"})
_DERIVED = "derived"
_DRAFT = re.compile(r"\..+\.partial-[0-9a-f]{8,32}")
#: Made beside the records: paired sensors, the last standing check, paired phones, the certificate of ``--tls``.
_OWN_FILES = re.compile(
    r"(pairing|standing|standing-emulated|clinic|shown|begun|begun-unreadable|phones)\.json|tls-[0-9a-f.:]+\.(key|pem)"
)
_CHUNK = 2**20
_MOST_HEAD_BYTES = 4 * 2**20


@dataclass
class Receipt:
    """What was erased. ``removed`` and ``left`` hold ``{"what", "path", ...}``; rows are per table."""

    erased_at: str
    scope: str
    rows: dict[str, int] = field(default_factory=dict)
    removed: list[dict[str, Any]] = field(default_factory=list)
    left: list[dict[str, Any]] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether nothing of the asked-for was left behind."""
        return not any(item.get("asked", True) for item in self.left)

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as plain data."""
        return asdict(self) | {"complete": self.complete}

    def leave(self, what: str, path: Path | str, why: str, asked: bool = False) -> None:
        """Note once what stays. asked : it should have gone."""
        item = {"what": what, "path": str(path), "asked": asked, "why": why}
        if item not in self.left:
            self.left.append(item)


def erase(
    store: Store, now: datetime, *, runner_id: str | None = None, also_outside: Sequence[Path] = ()
) -> Receipt:
    """Erase one runner, or everything (``runner_id`` None), and return the receipt.

    also_outside : folders outside the data folder; sessions of the runner that are in one, or are one, go too.
    The store is closed afterwards when everything is erased. Raises StoreError when the database stays busy.
    """
    return _Erasing(store, runner_id, also_outside, now).run()


class _Erasing:
    def __init__(
        self, store: Store, runner_id: str | None, also_outside: Sequence[Path], now: datetime
    ) -> None:
        self._store, self._runner_id, self._now = store, runner_id, now
        self._home = store.folder
        self._named = tuple(Path(os.path.realpath(folder)) for folder in also_outside)
        self._receipt = Receipt(now.isoformat(), "one runner" if runner_id else "everything")
        database = store.database_path
        self._is_home_ours = self._home is not None and database == self._home / DATABASE_NAME
        self._others: list[Path] = []
        self._sessions: list[IndexedSession] = []
        self._files: list[Path] = []
        self._ids: set[str] = set()
        self._secrets: list[bytes] = []
        self._code: str | None = None
        self._is_damaged = False
        try:
            self._read()
        except StoreError:
            if runner_id is not None:
                raise
            # What cannot be read any more can still be removed, with the whole folder.
            self._is_damaged = True

    def _read(self) -> None:
        """Read from the records what there is to remove, before the rows go."""
        store, runner_id = self._store, self._runner_id
        everyone = store.sessions(None)
        self._sessions = [row for row in everyone if runner_id in (None, row.runner_id)]
        self._others = [
            Path(os.path.realpath(row.folder)) for row in everyone if runner_id not in (None, row.runner_id)
        ]
        self._files = self._noted_files()
        self._ids = {row.session_id for row in self._sessions} | self._run_ids()
        self._secrets = _secrets(store.engine, runner_id)
        self._code = next((code for code, own in store.runner_codes().items() if own == runner_id), None)

    def run(self) -> Receipt:
        """Do it, look again, and return the receipt."""
        receipt = self._receipt
        self._clean_copies()
        try:
            receipt.rows = delete_rows(self._store.engine, self._runner_id)
        except StoreError:
            if not self._is_damaged or not self._is_home_ours:
                raise
        if self._is_damaged:
            receipt.verified.append(
                "the database was damaged: session folders elsewhere that it named could not be listed"
            )
        for row in self._sessions:
            self._remove_session(row.folder, row.session_id)
        if self._home is not None:
            for folder in _folders_in(self._home / SESSIONS_FOLDER):
                self._remove_found(folder)
        for path in self._files:
            self._remove_file(path)
        if self._runner_id is None:
            self._remove_store()
        else:
            self._clean_safety_copies()
            self._verify_rows()
        self._list_rest()
        self._look_again()
        # What was passed over for one reason may have gone for another: only what stays is told as left.
        receipt.left = [
            item for item in receipt.left if item["what"].endswith("rows") or os.path.lexists(item["path"])
        ]
        if self._store.database_path is None:
            receipt.leave(
                "database server", self._store.place,
                "the rows are deleted; its own logs and backups are the server's",
            )  # fmt: skip
        return receipt

    # what there is

    def _noted_files(self) -> list[Path]:
        query = select(DerivedFile.path).order_by(DerivedFile.path)
        if self._runner_id is not None:
            query = query.where(DerivedFile.runner_id == self._runner_id)
        with self._store.read() as connection:
            return [found_place(path, self._home) for path in connection.execute(query).scalars()]

    def _run_ids(self) -> set[str]:
        found: set[str] = set()
        with self._store.read() as connection:
            for model in ENTRY_MODELS:
                column = model.__table__.c.get("session_id")
                if column is not None:
                    query = select(column).where(column.is_not(None)).distinct()
                    if self._runner_id is not None:
                        query = query.where(model.__table__.c.runner_id == self._runner_id)
                    found |= set(connection.execute(query).scalars())
        return found

    # where a path leads

    def _is_inside(self, path: Path) -> bool:
        """Tell whether a place is in the part of the data folder that is ours alone."""
        if self._home is None:
            return False
        if self._is_home_ours:
            return is_within(path, self._home)
        return any(is_within(path, self._home / name) for name in (SESSIONS_FOLDER, REPORTS_FOLDER))

    def _is_named(self, path: Path) -> bool:
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(folder) for folder in self._named)

    def _holds_more(self, real: Path) -> bool:
        """Tell whether a folder is the records themselves, or around them."""
        if self._home is None:
            return False
        home = Path(os.path.realpath(self._home))
        return any(
            place.is_relative_to(real) for place in (home, home / SESSIONS_FOLDER, home / REPORTS_FOLDER)
        )

    # session folders

    def _remove_session(self, folder: Path, session_id: str | None) -> None:
        """Remove one session folder, if it is one and may go."""
        try:
            if not os.path.lexists(folder):
                return
            real = Path(os.path.realpath(folder))
        except (OSError, ValueError):
            return
        if not real.exists():
            return
        receipt = self._receipt
        if not (self._is_inside(real) or self._is_named(real)):
            receipt.leave(
                "folder outside the data folder", real,
                "nothing outside is removed unless --also-outside names its folder",
            )  # fmt: skip
            return
        found = session_id_in(real)
        if not _is_session(real):
            receipt.leave("folder that is not a session", real, "it has no session.json of ours")
            return
        if session_id is not None and found is not None and found != session_id:
            receipt.leave("folder of another session", real, "its session.json carries another id")
            return
        if self._holds_more(real):
            receipt.leave("folder that holds more than a session", real, "the records are in it")
            return
        if any(other.is_relative_to(real) or real.is_relative_to(other) for other in self._others):
            receipt.leave(
                "folder another runner's records name too", real, "erase it with that runner", asked=True
            )
            return
        self._empty_session(real)

    def _remove_found(self, folder: Path) -> None:
        """Remove a folder found under ``sessions`` that is in no index: ours by its id, or everything's."""
        if not self._is_inside(folder) or folder.is_symlink():
            return
        is_draft = _DRAFT.fullmatch(folder.name) is not None
        if self._runner_id is not None and session_id_in(folder) not in self._ids:
            return
        if is_draft or _is_unfinished(folder):
            if not any(other.is_relative_to(folder) for other in self._others):
                self._empty_session(folder)
        elif _is_session(folder):
            self._remove_session(folder, None)

    def _empty_session(self, folder: Path) -> None:
        """Remove what tallrun wrote into a folder, and the folder itself once it is empty."""
        size, gone = 0, []
        is_draft = _DRAFT.fullmatch(folder.name) is not None
        for path in sorted(folder.iterdir()):
            ours = path.name in (_SESSION_FILES | _SESSION_FOLDERS) or _DRAFT.fullmatch(path.name) or is_draft
            if not ours:
                self._receipt.leave("file that tallrun did not make", path, "it lies in a session folder")
                continue
            if path.is_symlink():
                self._receipt.leave("what a link led to", os.path.realpath(path), "only the link is removed")
            try:
                size += _size(path)
                _delete(path)
                gone.append(path)
            except OSError as error:
                self._receipt.leave("session file", path, error.strerror or str(error), asked=True)
        try:
            folder.rmdir()
            self._receipt.removed.append({"what": "session folder", "path": str(folder), "bytes": size})
        except OSError:
            self._receipt.removed += [{"what": "session file", "path": str(path)} for path in gone]

    # other files

    def _remove_file(self, path: Path) -> None:
        """Remove a report the records name, where tallrun writes reports and nowhere else."""
        try:
            if not os.path.lexists(path):
                return
            real = Path(os.path.realpath(path))
        except (OSError, ValueError):
            return
        receipt = self._receipt
        inside = self._is_inside(path) and self._is_inside(path.parent / "x") and self._home is not None
        if not inside and not self._is_named(real):
            receipt.leave(
                "file outside the data folder", real,
                "nothing outside is removed unless --also-outside names its folder",
            )  # fmt: skip
            return
        in_reports = self._home is not None and is_within(path, self._home / REPORTS_FOLDER)
        if not (in_reports or path.parent.name == _DERIVED) or path.suffix != ".html" or not real.is_file():
            receipt.leave("file the records name", real, "tallrun writes no reports there")
            return
        if any(real.is_relative_to(other) for other in self._others):
            receipt.leave("file of another runner's session", real, "the records name it, it is not theirs")
            return
        self._remove(path, "file made from the records")

    def _clean_copies(self) -> None:
        """Remove copies of the database that killed programs left."""
        if self._home is None:
            return
        found = clean_leftovers(self._home)
        for path in found.removed:
            self._receipt.removed.append({"what": "copy that a killed program left", "path": str(path)})
        for path in found.busy:
            self._receipt.leave(
                "copy in use", path, "a backup or restore is running; erase again when it is done", asked=True
            )

    def _safety_copies(self) -> list[Path]:
        if self._home is None:
            return []
        return [path for path in sorted(self._home.glob(f"{SAFETY_COPY}*.zip")) if not path.is_symlink()]

    def _reports(self) -> list[Path]:
        """Return the reports in their own folder."""
        folder = None if self._home is None else self._home / REPORTS_FOLDER
        if folder is None or folder.is_symlink() or not folder.is_dir():
            return []
        return [path for path in sorted(folder.glob("*.html")) if path.is_file() and not path.is_symlink()]

    def _clean_safety_copies(self) -> None:
        """Take the runner out of the copies that earlier restores kept; other runners stay in them."""
        for path in self._safety_copies():
            try:
                self._rewrite(path)
                self._receipt.verified.append(f"{path.name} written anew without this runner")
            except (StoreError, OSError) as error:
                why = (
                    f"it may hold this runner and cannot be rewritten ({' '.join(str(error).split())[:120]})"
                )
                self._receipt.leave("safety copy", path, f"{why}; delete it yourself", asked=True)

    def _rewrite(self, path: Path) -> None:
        assert self._home is not None
        with work_folder(self._home) as folder:
            database = unpack_database(path, folder)
            engine = make_engine(f"sqlite:///{database}")
            try:
                ensure_schema(engine, self._home)
                with reading(engine) as connection:
                    who = or_(RunnerKey.runner_id == self._runner_id, RunnerKey.code == self._code)
                    found = set(connection.execute(select(RunnerKey.runner_id).where(who)).scalars())
                for runner_id in found | {str(self._runner_id)}:
                    delete_rows(engine, runner_id)
            finally:
                engine.dispose()
            if any(secret in part for part in _parts(database) for secret in self._secrets):
                raise StoreError("its rows cannot all be found")
            write_archive(folder / ARCHIVE, {DATABASE_NAME: database}, self._now)
            (folder / ARCHIVE).replace(path)

    def _remove_store(self) -> None:
        store, home = self._store, self._home
        database = store.database_path
        store.close()
        if database is None:
            return
        for path in (database, *(database.with_name(database.name + end) for end in SIDE_FILES)):
            self._remove(path, "database" if path == database else "database side file")
        if home is None or not self._is_home_ours:
            return  # a database at a URL of its own: the folder around it is not ours
        for path in self._safety_copies():
            self._remove(path, "safety copy")
        for path in self._reports():
            self._remove(path, "report")
        for path in sorted(home.iterdir()):
            if path.is_file() and not path.is_symlink() and _OWN_FILES.fullmatch(path.name):
                self._remove(path, "settings made beside the records")
        for name in (SESSIONS_FOLDER, REPORTS_FOLDER):
            self._remove_empty(home / name, f"{name} folder")
        self._remove_empty(home, "data folder")

    def _remove_empty(self, folder: Path, what: str) -> None:
        if folder.is_symlink() or not folder.is_dir():
            return
        try:
            folder.rmdir()
            self._receipt.removed.append({"what": what, "path": str(folder)})
        except OSError:
            pass  # what is in it is listed one by one

    def _remove(self, path: Path, what: str) -> None:
        if not os.path.lexists(path):
            return
        try:
            size = _size(path)
            _delete(path)
        except OSError as error:
            self._receipt.leave(what, path, error.strerror or str(error), asked=True)
            return
        self._receipt.removed.append({"what": what, "path": str(path), "bytes": size})

    # looking afterwards

    def _list_rest(self) -> None:
        """List what stays in the data folder and belongs to nobody in the records any more."""
        home = self._home
        if home is None or not self._is_home_ours or not home.is_dir():
            return
        told = {item["path"] for item in self._receipt.left}
        kept = [*self._others, *(Path(path) for path in told)]
        if self._runner_id is not None:
            for folder in _folders_in(home / SESSIONS_FOLDER):
                real = Path(os.path.realpath(folder))
                if not any(real.is_relative_to(other) or other.is_relative_to(real) for other in kept):
                    self._receipt.leave("folder in no index", folder, "whose it is is not known")
            with self._store.read() as connection:
                noted = {
                    os.path.realpath(found_place(path, home))
                    for path in connection.execute(select(DerivedFile.path)).scalars()
                }
            for path in self._reports():
                if os.path.realpath(path) not in noted:
                    self._receipt.leave("report that no record names", path, "whose it is is not known")
            return
        for path in sorted(home.iterdir()):
            if path.name in (SESSIONS_FOLDER, REPORTS_FOLDER) and path.is_dir() and not path.is_symlink():
                for inner in sorted(path.iterdir()):
                    if not any(place.is_relative_to(inner) for place in map(Path, told)):
                        self._receipt.leave("other file", inner, "tallrun did not make it")
            elif str(path) not in told:
                self._receipt.leave("other file", path, "not part of the records")

    def _verify_rows(self) -> None:
        with self._store.read() as connection:
            for model in _TABLES:
                table = model.__table__
                count = connection.execute(
                    select(func.count()).select_from(table).where(table.c.runner_id == self._runner_id)
                ).scalar_one()
                if count:
                    self._receipt.leave(f"{count} rows", model.__tablename__, "not deleted", asked=True)
        self._receipt.verified.append(f"{len(_TABLES)} tables hold no row of this runner")

    def _look_again(self) -> None:
        receipt = self._receipt
        for item in [item for item in receipt.removed if os.path.lexists(item["path"])]:
            receipt.removed.remove(item)
            receipt.leave(item["what"], item["path"], "still there after removal", asked=True)
        receipt.verified.append(
            f"{len(receipt.removed)} files and folders looked for afterwards and not found"
        )
        looked = 0
        for path in self._files_to_search():
            looked += 1
            try:
                traced = any(secret in part for part in _parts(path) for secret in self._secrets)
            except OSError as error:
                receipt.leave("file that cannot be searched", path, error.strerror or str(error))
                continue
            if traced:
                is_ours = path.name.startswith((DATABASE_NAME, SAFETY_COPY))
                why = "it was not rewritten" if is_ours else "tallrun did not make it"
                receipt.leave("file that holds an id of these records", path, why, asked=is_ours)
        if self._secrets:
            receipt.verified.append(f"{looked} files that stay searched byte by byte for the ids erased")

    def _files_to_search(self) -> Iterator[Path]:
        """Yield every file that stays in the data folder, but for other runners' sessions."""
        database = self._store.database_path
        if database is not None:
            yield from (
                path
                for path in (database, *(database.with_name(database.name + end) for end in SIDE_FILES))
                if path.is_file()
            )
        if self._home is None or not self._is_home_ours:
            return
        for folder, inner, files in os.walk(self._home):
            inner[:] = [
                name for name in inner if Path(os.path.realpath(Path(folder, name))) not in self._others
            ]
            for name in files:
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink() and not name.startswith(DATABASE_NAME):
                    yield path


def delete_rows(engine: Engine, runner_id: str | None) -> dict[str, int]:
    """Delete every row of a runner, or all rows, and leave no old page that holds one; returns counts by table."""
    counts = {}
    with writing(engine) as connection:
        for model in _TABLES:
            command = delete(model)
            if runner_id is not None:
                command = command.where(model.__table__.c.runner_id == runner_id)
            counts[model.__tablename__] = connection.execute(command).rowcount
    if engine.dialect.name == "postgresql":
        rewrite_tables(engine, (model.__tablename__ for model in _TABLES))
    if engine.dialect.name == "sqlite":
        # Rebuilt, and the write-ahead log emptied, so that no old page keeps a copy.
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            raw.close()
        if busy:
            raise StoreError(
                "the rows are deleted, but another program keeps the log file open; close it and repeat"
            )
    return {name: count for name, count in counts.items() if count}


def _secrets(engine: Engine, runner_id: str | None) -> list[bytes]:
    """Return byte strings that must not be found afterwards: ids and the code."""
    found: list[str] = []
    with reading(engine) as connection:
        models: tuple[type[Base], ...] = (RunnerKey, SessionRow, *ENTRY_MODELS)
        for model in models:
            table = model.__table__
            for name in ("code", "runner_id", "session_id", getattr(model, "key", None)):
                if name is not None and name in table.c:
                    query = select(table.c[name]).where(table.c[name].is_not(None))
                    if runner_id is not None:
                        query = query.where(table.c.runner_id == runner_id)
                    found += connection.execute(query).scalars()
    # A short code could stand there by chance.
    return sorted({str(text).encode("utf-8", "surrogatepass") for text in found if len(str(text)) >= 8})


def _folders_in(sessions: Path) -> Iterator[Path]:
    """Yield the folders in a sessions folder and theirs, deepest first; links are not followed."""
    if sessions.is_symlink() or not sessions.is_dir():
        return
    for folder in sorted(path for path in sessions.iterdir() if path.is_dir() and not path.is_symlink()):
        if not (_is_session(folder) or _is_unfinished(folder) or _DRAFT.fullmatch(folder.name)):
            yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
        yield folder


def _is_session(folder: Path) -> bool:
    head = folder / "session.json"
    try:
        if head.is_symlink() or head.stat().st_size > _MOST_HEAD_BYTES:
            return False
        return _FORMAT.search(head.read_bytes()) is not None
    except OSError:
        return False


_FORMAT = re.compile(rb'"format"\s*:\s*"tallrun-session"')


def _is_unfinished(folder: Path) -> bool:
    """Tell whether a recording was begun here and never ended."""
    return (folder / "recording.json").is_file() and (folder / "packets.arrow").is_file()


def _parts(path: Path) -> Iterator[bytes]:
    """Yield the content of a file in overlapping parts; of an archive, that of its members."""
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    with archive.open(name) as member:
                        yield from _overlapping(member)
            return
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, EOFError):
            pass
    with path.open("rb") as file:
        yield from _overlapping(file)


def _overlapping(file: Any) -> Iterable[bytes]:
    before = b""
    while block := file.read(_CHUNK):
        yield before + block
        before = block[-400:]


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(
            item.stat().st_size for item in path.rglob("*") if item.is_file() and not item.is_symlink()
        )
    return path.lstat().st_size
