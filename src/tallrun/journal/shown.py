"""How numbers are shown to the people of a data folder: the unit of way, and with which day a week begins.

One file beside the records; without one, kilometres and Monday. Records on a server have no such file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tallrun.errors import EntryError
from tallrun.report.lengths import LengthUnit
from tallrun.sessions import write_text
from tallrun.store import Store

SHOWN_FILE = "shown.json"


@dataclass(frozen=True)
class ShownAs:
    """length : of distance and pace. week_starts : first day of a week in calendars."""

    length: LengthUnit = "km"
    week_starts: Literal["monday", "sunday"] = "monday"


def read_shown(store: Store) -> ShownAs:
    """Return what was set; the usual where nothing was, or where the file cannot be read."""
    try:
        told = (
            {}
            if store.folder is None
            else json.loads((store.folder / SHOWN_FILE).read_text(encoding="utf-8"))
        )
        return ShownAs(
            "mile" if told.get("length") == "mile" else "km",
            "sunday" if told.get("week_starts") == "sunday" else "monday",
        )
    except (OSError, ValueError, AttributeError):
        return ShownAs()


def shown_in(folder: Path) -> ShownAs:
    """Return what was set for a data folder."""
    with Store.open(folder) as store:
        return read_shown(store)


def write_shown(store: Store, shown: ShownAs) -> ShownAs:
    """Keep it; raises EntryError for records without a folder."""
    if store.folder is None:
        raise EntryError("These records are on a server and keep no settings of this kind.")
    write_text(store.folder / SHOWN_FILE, json.dumps(asdict(shown)))
    return shown
