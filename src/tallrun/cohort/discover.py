"""Finds the sessions below a folder: any folder with a ``session.json``, however deep.

Symbolic links to folders are not followed (a link may lead out of the data, or back into it). Hidden folders are
half-written or foreign; ``signals`` and ``derived`` belong to the session they lie in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tallrun.errors import SessionError

_OF_A_SESSION = ("signals", "derived")


@dataclass(frozen=True)
class FoundSession:
    """One session. name : path relative to the folder searched, with ``/``; ``.`` for that folder itself.

    problem : why it cannot be read, when that is known without opening it; None otherwise.
    """

    name: str
    folder: Path
    problem: str | None = None


def find_sessions(root: Path, leave_out: Path | None = None) -> list[FoundSession]:
    """Return all sessions below ``root`` in order of their names; ``leave_out`` is not searched.

    A run that was cut off and a folder that cannot be opened are listed with their problem: what is left out
    silently would be taken for not recorded.
    Raises SessionError when ``root`` is no folder.
    """
    if not root.is_dir():
        raise SessionError(f"{root} is not a folder; expected a folder with session folders in it")
    skipped = None if leave_out is None else leave_out.resolve()
    found = []
    pending = [root]  # a list of its own: hostile depth must not end in a recursion error
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                names = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
        except OSError as error:
            text = f"the folder cannot be opened ({error.strerror or error}); sessions in it are not counted"
            found.append(FoundSession(_name(root, folder), folder, text))
            continue
        if "session.json" in names:
            found.append(FoundSession(_name(root, folder), folder))
        elif "packets.arrow" in names and "recording.json" in names:
            text = "a run that was not finished; bring it back with tallrun recover"
            found.append(FoundSession(_name(root, folder), folder, text))
        for name, is_folder in names.items():
            inner = folder / name
            if not is_folder or name.startswith("."):
                continue
            if name in _OF_A_SESSION and "session.json" in names:
                continue
            if skipped is None or inner.resolve() != skipped:
                pending.append(inner)
    return sorted(found, key=lambda item: (item.name, os.fsencode(item.folder)))


def _name(root: Path, folder: Path) -> str:
    # A name need not be text; bytes that are none are shown as \xNN.
    return os.fsencode(folder.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")
