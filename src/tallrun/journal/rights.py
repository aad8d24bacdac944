"""Export and backup as one file each, for a download; erase with its receipt."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from random import SystemRandom

from tallrun.errors import StoreError
from tallrun.journal.desk import Records
from tallrun.store.backup import back_up
from tallrun.store.export import export
from tallrun.store.location import make_private_file
from tallrun.store.work import work_folder


def export_zip(mine: Records, *, by: str, deidentify: bool, with_sessions: bool) -> Path:
    """Write everything kept about a runner to one zip in a private folder of its own, and return the file.

    The caller removes the folder (``discard``). The access log says who took it.
    """
    mine.store.log_access(
        mine.runner_id, by, "de-identified export" if deidentify else "export", mine.now, "web download"
    )
    place = private_place(mine.store.folder)
    try:
        files = export(
            mine.store, mine.runner_id, place / "tallrun-export", mine.now, with_sessions=with_sessions,
            deidentify=SystemRandom() if deidentify else None,
        )  # fmt: skip
        target = make_private_file(place / "tallrun-export.zip")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for path in files:
                if path.is_file():
                    archive.write(path, path.relative_to(place).as_posix())
                    continue
                for inner in sorted(item for item in path.rglob("*") if item.is_file()):
                    archive.write(inner, inner.relative_to(place).as_posix())
    except BaseException:
        discard(place)
        raise
    return target


def backup_file(mine: Records, *, by: str, with_sessions: bool) -> Path:
    """Write a backup of all records to a private folder of its own, and return the file; ``discard`` it later."""
    mine.store.log_access(None, by, "backup", mine.now, "web download")
    place = private_place(mine.store.folder)
    try:
        return back_up(mine.store, place / "tallrun-backup.zip", mine.now, with_sessions=with_sessions).path
    except BaseException:
        discard(place)
        raise


def private_place(home: Path | None) -> Path:
    """Return a new folder only its owner can enter; ``discard`` removes it, or the next start if this is killed."""
    try:
        if home is None:  # records on a server
            return Path(tempfile.mkdtemp(prefix="tallrun-"))
        held = ExitStack()
        place = held.enter_context(work_folder(home))
    except OSError as error:
        raise StoreError(f"there is no room for temporary files: {error.strerror or error}") from error
    _HELD[place] = held
    return place


def discard(place: Path) -> None:
    """Remove such a folder and what is in it."""
    held = _HELD.pop(place, None)
    if held is not None:
        held.close()
    else:
        shutil.rmtree(place, ignore_errors=True)


#: Folders in use, with what removes them: a download is sent after its function has returned.
_HELD: dict[Path, ExitStack] = {}
