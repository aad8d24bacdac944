"""Who keeps these records as a clinic: the name every entry is signed with, and the letterhead of what is printed.

One file beside the records; a runner who keeps records alone has none. Records on a server have no such file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tallrun.errors import EntryError
from tallrun.sessions import write_text
from tallrun.store import Store

CLINIC_FILE = "clinic.json"
_MOST_NAME, _MOST_HEAD = 80, 400


@dataclass(frozen=True)
class Clinic:
    """clinician : signs exports, notes and limits, empty for nobody. letterhead : lines on top of printed pages."""

    clinician: str = ""
    letterhead: str = ""


def read_clinic(store: Store) -> Clinic:
    """Return what was set; an empty one where nothing was, or where the file cannot be read."""
    place = _place(store)
    try:
        told = {} if place is None else json.loads(place.read_text(encoding="utf-8"))
        return Clinic(str(told["clinician"])[:_MOST_NAME], str(told["letterhead"])[:_MOST_HEAD])
    except (OSError, ValueError, KeyError, TypeError):
        return Clinic()


def write_clinic(store: Store, clinic: Clinic) -> Clinic:
    """Keep name and letterhead; raises EntryError for records without a folder or texts that are too long."""
    place = _place(store)
    if place is None:
        raise EntryError("These records are on a server and keep no letterhead.")
    kept = Clinic(clinic.clinician.strip(), clinic.letterhead.strip())
    if len(kept.clinician) > _MOST_NAME or len(kept.letterhead) > _MOST_HEAD:
        raise EntryError(f"A name has at most {_MOST_NAME} letters and a letterhead {_MOST_HEAD}.")
    write_text(place, json.dumps(asdict(kept), ensure_ascii=False, indent=1))
    return kept


def _place(store: Store) -> Path | None:
    return None if store.folder is None else store.folder / CLINIC_FILE
