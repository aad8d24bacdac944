"""Where the records live, and who may read them.

One folder holds everything tallrun keeps about people: the database, session folders, reports and other
derived files. It is made readable by its owner only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tallrun.errors import StoreError

DATABASE_NAME = "tallrun.sqlite"
SESSIONS_FOLDER = "sessions"
REPORTS_FOLDER = "reports"
DATA_DIR_VARIABLE = "TALLRUN_DATA_DIR"

_OWNER_FOLDER = 0o700
_OWNER_FILE = 0o600


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
