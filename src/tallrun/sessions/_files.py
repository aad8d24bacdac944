"""Files that appear whole or not at all, readable by their owner only.

Everything is written under a temporary name beside its target, forced to disk, and renamed. A crash leaves
either the old state or the new one, plus at most a hidden ``.NAME.partial-*`` beside it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from tallrun.errors import FormatError, SessionError, TallrunError
from tallrun.numerics.json_ready import json_ready

_LOCKED_BYTE = 2**31 - 2
OWNER_FILE_MODE = 0o600
OWNER_FOLDER_MODE = 0o700
MAX_JSON_BYTES = 64 * 1024 * 1024


_IS_A_FILE = "a file stands where a folder is to be"


def make_owner_folder(folder: Path) -> None:
    """Create ``folder`` and its parents; the last one is readable by its owner only. Raises OSError."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=OWNER_FOLDER_MODE, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        # Which of the two it is, and its words ("File exists"), hang on how deep the file lies.
        raise NotADirectoryError(errno.ENOTDIR, _IS_A_FILE, error.filename) from error


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk, where the platform lets folders be opened (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_file(path: Path) -> None:
    """Force a written file to disk and make it readable by its owner only."""
    path.chmod(OWNER_FILE_MODE)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write; on leaving without an error it becomes ``path``, whole and on disk.

    Raises SessionError when the disk refuses (full, read-only, forbidden).
    """
    partial = path.with_name(f".{path.name}.partial-{uuid4().hex}")
    try:
        # Made here and now: neither a file somebody put there nor one behind a link.
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        os.close(os.open(partial, flags, OWNER_FILE_MODE))
        yield partial
        sync_file(partial)
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        # A folder that cannot be entered refuses this too, with an error that would hide the first.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; on leaving without an error it becomes ``folder``, whole and on disk.

    Raises SessionError when ``folder`` exists and is not empty, or when the disk refuses.
    """
    refuse_existing(folder)
    partial = folder.with_name(f".{folder.name}.partial-{uuid4().hex}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=OWNER_FOLDER_MODE)
        yield partial
        for inner in (*(path for path in partial.rglob("*") if path.is_dir()), partial):
            sync_folder(inner)
        if folder.is_dir():
            folder.rmdir()
        partial.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise _not_written(folder, error) from error
    except TallrunError as error:
        # The temporary name is gone when a person reads this.
        raise type(error)(str(error).replace(str(partial), str(folder))) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _not_written(path: Path, error: OSError) -> SessionError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return SessionError(f"{path} could not be written ({_IS_A_FILE})")
    if isinstance(error, FileNotFoundError):
        return SessionError(f"{path} could not be written: {path.parent} is no folder; make it first")
    reason = error.strerror or str(error)
    return SessionError(f"{path} could not be written ({reason}); check free space and permissions")


def refuse_existing(path: Path) -> None:
    """Raise SessionError unless ``path`` is absent or an empty folder, and its place can be looked at."""
    try:
        taken = path.is_symlink() or (path.exists() and not (path.is_dir() and not any(path.iterdir())))
    except OSError as error:
        raise _not_written(path, error) from error
    if taken:
        raise SessionError(
            f"{path} exists already; nothing is ever overwritten: choose another name or remove it first"
        )


def refuse_other_page(path: Path) -> None:
    """Raise SessionError unless a page may be written to ``path``: a new or empty file, or an earlier page."""
    if not path.name or path.is_dir():
        raise SessionError(f"{path} is a folder; name the page, as in {path / 'page.html'}")
    try:
        if not path.exists():
            return
        begins = b"-"  # what is no regular file may never end
        if path.is_file():
            with path.open("rb") as file:
                begins = file.read(4096).lstrip().lower()
    except OSError as error:
        raise _not_written(path, error) from error
    if begins and not begins.startswith(b"<!doctype html"):
        raise SessionError(
            f"{path} exists already and is no page; nothing else is ever overwritten: choose another name"
        )


def is_there(path: Path) -> bool:
    """Tell whether ``path`` exists. Raises SessionError when its folder does not let anybody look."""
    try:
        return path.exists()
    except OSError as error:
        raise SessionError(
            f"{path} cannot be read ({(error.strerror or str(error)).lower()}); check its owner"
        ) from error


def size_of_file(path: Path, most_bytes: int) -> int:
    """Return the size of a file a person named.

    Raises FormatError when it is missing, cannot be opened, is larger than ``most_bytes``, or is a folder, a pipe or a
    device (which may have no end).
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise FormatError(f"{path} cannot be read: it is a folder, expected a file")
        if not stat.S_ISREG(found.st_mode):
            raise FormatError(f"{path} cannot be read: it is a pipe or device, expected a file on disk")
        with path.open("rb"):
            pass
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror or error})") from error
    if found.st_size > most_bytes:
        raise FormatError(f"{path} has {found.st_size} bytes; at most {most_bytes} are accepted")
    return found.st_size


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON, whole; NaN and infinities become null, numpy values plain ones.

    Raises SessionError for a value JSON has no form for, or when the disk refuses.
    """
    try:
        text = json.dumps(json_ready(value), ensure_ascii=False, indent=1, allow_nan=False)
        content = (text + "\n").encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise SessionError(f"{path.name} cannot hold what it was given ({str(error)[:100]})") from error
    with whole_file(path) as partial:
        partial.write_bytes(content)


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object from ``path``.

    Raises SessionError when the file is missing, too large, not UTF-8, not JSON, holds NaN, or is no object.
    """
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise SessionError(f"{path} has {size} bytes; at most {MAX_JSON_BYTES} are accepted")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SessionError(f"{path} is missing") from None
    except OSError as error:
        raise SessionError(f"{path} cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise SessionError(f"{path} is not UTF-8 text (byte {error.start})") from error
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SessionError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise SessionError(f"{path} must hold a JSON object, found {type(value).__name__}")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not allowed, unknown values are null")


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this program alone; False when another one holds it. The lock ends with the descriptor.

    True as well where the file system knows no locks: nothing is known against it then.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)  # beyond the content, which stays readable
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True
