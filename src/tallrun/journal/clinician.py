"""A clinician's dated entries: they tighten, hold, permit or clear; listed and ended, never edited."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from tallrun.errors import EntryError
from tallrun.journal.desk import Records, load_protocol, read_instant
from tallrun.recovery.model import ClinicianEntry, Diagnosis
from tallrun.store.checks import check_not_future, known_by
from tallrun.store.models import ClinicianRow, DiagnosisRow
from tallrun.store.records import from_rows


def enter(
    mine: Records, *, by: str, at: str | None = None, expires_on: date | None = None, **limits: Any
) -> dict[str, Any]:
    """Keep one entry (limits: fields of ``ClinicianEntry``) and return it with its id.

    expires_on : last local date it holds. Raises EntryError or ConfigError for what would loosen the rules.
    """
    start = _not_ahead(mine, at)
    if tighten := limits.get("tighten"):
        load_protocol().tightened(tighten)
    entry = ClinicianEntry(at=start, expires_at=_end_of(mine, expires_on, start), entered_by=by, **limits)
    clinician_id = mine.store.add(mine.runner_id, entry, by=by, now=mine.now)
    return _fields(entry) | {"clinician_id": clinician_id, "in_force": holds(entry, mine.now)}


def entries(mine: Records) -> list[dict[str, Any]]:
    """Return the entries with their ids and whether they hold now, oldest first."""
    rows = mine.store.entries(ClinicianRow, mine.runner_id)
    return [
        _fields(entry) | {"clinician_id": row.clinician_id, "in_force": holds(entry, mine.now)}
        for entry, row in zip(from_rows(ClinicianEntry, rows), rows, strict=True)
    ]


def end(mine: Records, clinician_id: str, *, by: str) -> str:
    """End an entry now (its id or the first letters); it stays as one that held until now. Returns the full id."""
    full_id = mine.store.find_entry(ClinicianRow, mine.runner_id, clinician_id)
    mine.store.supersede(ClinicianRow, mine.runner_id, full_id, by=by, now=mine.now, expires_at=mine.now)
    return full_id


def diagnose(mine: Records, text: str, *, by: str, at: str | None = None) -> Diagnosis:
    """Record that a clinician has made the diagnosis."""
    entry = Diagnosis(at=_not_ahead(mine, at), by_clinician=True, text=text)
    mine.store.add(mine.runner_id, entry, by=by, now=mine.now)
    return entry


def diagnosis(mine: Records) -> Diagnosis | None:
    """Return the newest diagnosis on record, None when there is none."""
    row = mine.store.latest(DiagnosisRow, mine.runner_id)
    return None if row is None else from_rows(Diagnosis, [row])[0]


def holds(entry: ClinicianEntry, now: datetime) -> bool:
    """Tell whether an entry is in force."""
    return entry.at <= now and (entry.expires_at is None or now < entry.expires_at)


def in_words(entry: dict[str, Any]) -> str:
    """Say what an entry does."""
    parts = []
    if entry["clears"]:
        parts.append("earlier referrals and stops are cleared")
    if entry["hold"]:
        parts.append("no running")
    if entry["cap"]:
        parts.append(f"level at most {entry['cap']}")
    if entry["permits_rung"]:
        parts.append(f"levels up to {entry['permits_rung']} permitted")
    if entry["green_limit"] is not None:
        parts.append(f"green up to {entry['green_limit']}")
    if entry["first_gait_step"]:
        parts.append(f"first change of gait: {entry['first_gait_step']}")
    if entry["max_cadence_rise_pct"] is not None:
        parts.append(f"cadence at most {entry['max_cadence_rise_pct']:g} % above own")
    parts += [f"{name} = {value:g}" for name, value in entry["tighten"].items()]
    if entry["note"]:
        parts.append(entry["note"])
    until = entry["expires_at"]
    return "; ".join(parts) + (
        "" if until is None else f" (until the end of {until - timedelta(seconds=1):%Y-%m-%d})"
    )


def _fields(entry: ClinicianEntry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in ClinicianEntry.__dataclass_fields__}
    return values | {"tighten": dict(entry.tighten)}


def _not_ahead(mine: Records, at: str | None) -> datetime:
    start = read_instant(at, mine.zone, mine.now)
    check_not_future(start, mine.now, "A clinician's entry")
    start = known_by(start, mine.now)
    return start


def _end_of(mine: Records, last: date | None, start: datetime) -> datetime | None:
    if last is None:
        return None
    if not 1900 < last.year < 2200:
        raise EntryError(f"The year {last.year} cannot be right; check the date.")
    ends = datetime.combine(last + timedelta(days=1), time(0), mine.zone)
    if ends <= start:
        raise EntryError(f"The entry would end on {last}, before it begins.")
    return ends
