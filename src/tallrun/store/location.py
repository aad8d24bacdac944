"""Where the records live, and who may read them.

One folder holds everything tallrun keeps about people: the database, session folders, reports and other
derived files. It is made readable by its owner only. Places in it are kept relative to it, so that the whole
folder can be moved or restored elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tallrun.errors import StoreError

DATABASE_NAME = "tallrun.sqlite"
SESSIONS_FOLDER = "sessions"
REPORTS_FOLDER = "reports"
#: What stands beside a SQLite database while it is open, or after a crash.
SIDE_FILES = ("-wal", "-shm", "-journal")
DATA_DIR_VARIABLE = "TALLRUN_DATA_DIR"

_OWNER_FOLDER = 0o700
_OWNER_FILE = 0o600
_DEEPEST, _LONGEST_NAME = 16, 255


def data_folder(chosen: Path | str | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the data folder: ``chosen``, else ``TALLRUN_DATA_DIR``, else the platform's own place.

    The folder is not created here. Raises nothing.
    """
    if chosen:
        return Path(chosen).expanduser()
    from_environment = (os.environ if environ is None else environ).get(DATA_DIR_VARIABLE)
    if from_environment:
        return Path(from_environment).expanduser()
    from platformdirs import user_data_path

    return user_data_path("tallrun", appauthor=False)


def is_url(where: Path | str | None) -> bool:
    """Tell a SQLAlchemy URL from a folder."""
    return isinstance(where, str) and "://" in where


def make_private_folder(folder: Path) -> Path:
    """Create ``folder`` if needed and let only its owner in; raises StoreError when that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_OWNER_FOLDER)
        folder.chmod(_OWNER_FOLDER)
    except OSError as error:
        raise StoreError(
            f"the data folder {folder} cannot be made private: {error.strerror or error}; "
            "choose another with --data-dir"
        ) from error
    return folder


def make_private_file(path: Path) -> Path:
    """Create ``path`` empty if it is missing and let only its owner read it.

    SQLite gives its side files (-wal, -shm) the permissions of the database, so this is done before the
    first connection.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _OWNER_FILE))
        path.chmod(_OWNER_FILE)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened for writing: {error.strerror or error}; check the folder's owner "
            "or choose another with --data-dir"
        ) from error
    return path


def open_new(path: Path) -> int:
    """Create a file that is not there yet, for its owner only, and return its descriptor.

    Never opens what somebody else put there, nor goes through a link. Raises OSError.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.open(path, flags, _OWNER_FILE)


def kept_place(path: Path, home: Path | None) -> str:
    """Return how a place is written into the records: relative to the data folder, absolute if outside it."""
    real = Path(os.path.realpath(path))
    if home is not None:
        real_home = Path(os.path.realpath(home))
        if real != real_home and real.is_relative_to(real_home):
            return real.relative_to(real_home).as_posix()
    return str(path.absolute())


def found_place(kept: str, home: Path | None) -> Path:
    """Return the place a record names. It may be anywhere: check with ``is_within`` before changing anything."""
    path = Path(kept)
    return path if home is None or path.is_absolute() else home.absolute() / path


def is_within(path: Path, folder: Path) -> bool:
    """Tell whether a place, all links resolved, lies inside a folder (and is not the folder itself)."""
    try:
        real, outer = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    except (OSError, ValueError):
        return False
    return real != outer and real.is_relative_to(outer)


def is_safe_name(name: str) -> bool:
    """Tell whether a relative name with ``/`` can be made inside a folder and inside it only."""
    parts = name.split("/")
    reserved = '<>:"|?*' if os.name == "nt" else ""
    return (
        name.isprintable()
        and not name.startswith("/")
        and "\\" not in name
        and len(parts) <= _DEEPEST
        and all(part not in ("", ".", "..") and len(os.fsencode(part)) <= _LONGEST_NAME for part in parts)
        and not any(letter in reserved for letter in name)
        and PurePosixPath(name).as_posix() == name
    )
