"""Export of everything kept about a runner: JSON and CSV, as it is or de-identified.

De-identified means: new random ids, dates moved by a random whole number of weeks (order, weekday and clock
time stay), no time zone, no free text, no names, rounded body measures. It is not anonymous: a rare history
can still be recognised, and the recorded signals are left out for that reason.
"""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import string
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import select

from tallrun.errors import StoreError
from tallrun.recovery.model import (
    GAIT_STEPS,
    PAIN_KINDS,
    PAINKILLERS,
    QUALITIES,
    RUNGS,
    SIDES,
    STATES,
    STOP_REASONS,
    SURFACES,
)
from tallrun.store.location import is_safe_name, make_private_file, make_private_folder
from tallrun.store.models import ENTRY_MODELS, AccessRow, Base, DerivedFile, RunnerKey, SessionRow
from tallrun.store.schema import HEAD
from tallrun.store.store import IndexedSession, Store

FORMAT = "tallrun-export"
VERSION = 1
#: Words that say nothing about who somebody is; any other text is removed when de-identifying.
_WORDS = frozenset(
    {
        *PAIN_KINDS, *SIDES, *QUALITIES, *PAINKILLERS, *STOP_REASONS, *SURFACES, *GAIT_STEPS, *RUNGS, *STATES,
        "sit_bone", "double_leg_bridge", "single_leg_bridge", "sitting", "lying", "level_walking",
        "begun", "target", "withdrawn", "runner", "clinician", "import", "tallrun", "typed", "sensor",
        "run", "walk", "stand", "other",
    }
)  # fmt: skip
_ID_COLUMNS = frozenset(
    {model.key for model in ENTRY_MODELS} | {"runner_id", "session_id", "supersedes", "session_ids"}
)
_ROUNDING = {"height_m": 0.05, "leg_length_m": 0.05, "mass_kg": 5.0}
_LETTERED = ("shoe", "strap")
_LEFT_OUT = frozenset(
    {"code", "folder", "path", "text", "note", "time_zone", "at_utc", "started_at_utc", "entered_at"}
)

Rows = list[dict[str, Any]]


def read_everything(store: Store, runner_id: str) -> dict[str, Rows]:
    """Return every row about one runner, replaced ones included: ``{table name: rows}``."""
    tables: dict[str, Rows] = {}
    models: tuple[type[Base], ...] = (RunnerKey, *ENTRY_MODELS, SessionRow, DerivedFile, AccessRow)
    with store.read() as connection:
        for model in models:
            table = model.__table__
            rows = connection.execute(select(table).where(table.c.runner_id == runner_id))
            tables[model.__tablename__] = [dict(row._mapping) for row in rows]
    return tables


def export(
    store: Store,
    runner_id: str,
    folder: Path,
    now: datetime,
    *,
    with_sessions: bool = True,
    deidentify: Random | None = None,
) -> list[Path]:
    """Write ``tallrun-export.json``, ``csv/*.csv`` and the session folders into a new folder.

    deidentify : source of randomness for a de-identified export (session folders are then left out).
    Returns the files written. Raises StoreError when the folder exists or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} exists and is not empty; choose a new folder")
    tables = read_everything(store, runner_id)
    if deidentify is not None:
        tables = deidentified(tables, deidentify)
    payload = {
        "format": FORMAT, "version": VERSION, "schema": HEAD, "de_identified": deidentify is not None,
        "exported_at": None if deidentify is not None else now.isoformat(), "tables": tables,
    }  # fmt: skip
    written = []
    try:
        make_private_folder(folder)
        written.append(
            _write(
                folder / "tallrun-export.json", json.dumps(payload, indent=1, default=str, allow_nan=False)
            )
        )
        make_private_folder(folder / "csv")
        for name, rows in tables.items():
            written.append(_write(folder / "csv" / f"{name}.csv", _as_csv(rows)))
        if with_sessions and deidentify is None:
            written += _copy_sessions(store.sessions(runner_id), folder / "sessions")
    except OSError as error:
        raise StoreError(f"the export could not be written to {folder}: {error}") from error
    return written


def _write(path: Path, text: str) -> Path:
    make_private_file(path)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def _as_csv(rows: Rows) -> str:
    out = io.StringIO()
    names = list(rows[0]) if rows else []
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Return a value fit for a spreadsheet: text that would be taken for a formula gets a quote in front."""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, datetime | date):
        value = value.isoformat()
    if isinstance(value, str) and value.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def _copy_sessions(rows: Iterable[IndexedSession], target: Path) -> list[Path]:
    copied: list[Path] = []
    for row in rows:
        source = row.folder
        # The id becomes a folder's name: one that came with a restored backup may be anything.
        if (source / "session.json").is_file() and is_safe_name(row.session_id) and "/" not in row.session_id:
            make_private_folder(target)
            goal = target / row.session_id
            shutil.copytree(source, goal, symlinks=True, ignore=_links_in)
            copied += [path for path in goal.rglob("*") if path.is_file()]
    return copied


def _links_in(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_symlink()]


def deidentified(tables: Mapping[str, Rows], random: Random) -> dict[str, Rows]:
    """Return the tables without what says who the runner is (see the module's head). Pure."""
    hide = _Hiding(random, tables)
    kept = {name: rows for name, rows in tables.items() if name not in ("access_log", "derived_files")}
    return {name: [hide.row(name, row) for row in rows] for name, rows in kept.items()}


class _Hiding:
    """Consistent replacements for one export; the key is never written down."""

    def __init__(self, random: Random, tables: Mapping[str, Rows]) -> None:
        self._random = random
        self._ids: dict[str, str] = {}
        self._letters: dict[tuple[str, str], str] = {}
        self._shift = timedelta(weeks=random.randint(52, 520))
        starts = [
            row["at"] for rows in tables.values() for row in rows if isinstance(row.get("at"), datetime)
        ]
        self._today = min(starts, key=lambda at: at.timestamp()).date() if starts else None

    def row(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in row.items():
            if name in _LEFT_OUT or (table == "runners" and name == "created_at"):
                continue
            if name == "born_on":
                found["age_years"] = self._age(value)
            else:
                found[name] = self._value(name, value)
        return found

    def _value(self, name: str, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if name in _ID_COLUMNS:
            return [self._id(item) for item in value] if isinstance(value, list) else self._id(value)
        if isinstance(value, datetime):
            return (value.replace(tzinfo=None) - self._shift).isoformat(timespec="minutes")
        if isinstance(value, date):
            return (value - self._shift).isoformat()
        if name in _ROUNDING:
            return round(round(value / _ROUNDING[name]) * _ROUNDING[name], 2)
        if isinstance(value, (int, float)):
            return value
        if name in _LETTERED:
            return self._letter(name, str(value))
        if name in _FOREIGN and isinstance(value, Mapping):
            return self._known(value)
        return self._words(value)

    def _known(self, value: Any) -> Any:
        """Keep what tallrun itself writes there: any other key came with the file, and may be a patient's number."""
        if isinstance(value, Mapping):
            return {key: self._known(item) for key, item in value.items() if key in _KNOWN_KEYS}
        if isinstance(value, (list, tuple)):
            return [self._known(item) for item in value]
        return self._words(value)

    def _words(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._words(item) for key, item in value.items() if _is_plain_key(key)}
        if isinstance(value, (list, tuple)):
            return [self._words(item) for item in value]
        if isinstance(value, str):
            return value if value in _WORDS or _is_rule(value) else None
        return value

    def _id(self, value: Any) -> str:
        return self._ids.setdefault(str(value), str(UUID(int=self._random.getrandbits(128), version=4)))

    def _letter(self, name: str, value: str) -> str:
        taken = sum(1 for key in self._letters if key[0] == name)
        return self._letters.setdefault((name, value), string.ascii_uppercase[taken % 26])

    def _age(self, born_on: date | None) -> int | None:
        if born_on is None or self._today is None:
            return None
        years = math.floor((self._today - born_on).days / 365.2425)
        return min(years, 90)


#: Columns that hold what a session's own files say.
_FOREIGN = frozenset({"context", "summary"})
_KNOWN_KEYS = frozenset(
    {
        "surface", "session_kind", "incline_pct", "speed_mps", "planned_minutes", "cambered", "warm_up", "gait", "step",
        "session_of_fade", "probe", "duration_s", "share_in_band", "speed_change", "n_contacts", "n_steps",
        "n_steps_reason", "run_time_s", "walk_time_s", "cadence_spm", "stride_length_m", "stance_time_s",
        "flight_time_s", "foot_strike_angle_deg", "peak_impact_g", "pelvic_tilt_deg", "vertical_oscillation_m",
        "asymmetry_contact_pct", "median", "p05", "p95", "n", "value", "reason", "flags", "flag", "start_s", "end_s",
        "evidence", "window_s", "n_strides", "reference", "reference_kind", "terms", "uncertainty", "quality",
        "valid_strides_pct", "calibration", "gain_found", "gain_applied", "is_calibrated", "algorithm",
    }
)  # fmt: skip


def _is_plain_key(key: Any) -> bool:
    return isinstance(key, str) and len(key) <= 48 and all(part.isalnum() for part in key.split("_") if part)


def _is_rule(text: str) -> bool:
    return len(text) <= 5 and text[:2].isupper() and text[2:].isdigit()
