"""Whose records, at which moment, under which rules; and reading instants as people type them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tallrun.errors import EntryError

if TYPE_CHECKING:
    from pathlib import Path

    from tallrun.recovery.model import Runner
    from tallrun.recovery.protocol import Protocol
    from tallrun.store import Store

_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2200


class NotThereError(EntryError):
    """What was asked for by its id is not in these records."""


@dataclass(frozen=True)
class Records:
    """An open store, whose records, and the moment the command or request was given."""

    store: Store
    runner_id: str
    now: datetime

    @property
    def code(self) -> str:
        """What the runner is called in these records."""
        return next(code for code, known in self.store.runner_codes().items() if known == self.runner_id)

    @property
    def runner(self) -> Runner:
        """Who runs; raises EntryError before set-up."""
        return self.store.runner(self.runner_id)

    @property
    def protocol(self) -> Protocol:
        """The rules in force for this runner now: the shipped file and the clinician's entries."""
        return self.protocol_at(self.now)

    def protocol_at(self, at: datetime) -> Protocol:
        """Return the rules in force at another instant."""
        return protocol_in_force(self.store, self.runner_id, at)

    @property
    def zone(self) -> ZoneInfo:
        """The runner's time zone."""
        return ZoneInfo(self.runner.time_zone)

    @property
    def local_now(self) -> datetime:
        """The moment in the runner's time zone."""
        return self.now.astimezone(self.zone)


def current_time() -> datetime:
    """Return the wall clock's time (the only place where records are entered that looks at it)."""
    return datetime.now(UTC).replace(microsecond=0)


@lru_cache(maxsize=4)
def load_protocol(name: str = "pht") -> Protocol:
    """Return a shipped protocol, before any clinician's entry; raises ConfigError when there is none of that name.

    Nothing that tells, grades or limits a runner goes by it: that is ``Records.protocol``. It serves what is about
    no runner, and the check of an entry that is about to be made.
    """
    from tallrun.errors import ConfigError
    from tallrun.recovery.protocol import Protocol
    from tallrun.resources import protocol_texts

    texts = protocol_texts()
    if name not in texts:
        raise ConfigError(f"there is no protocol {name!r}; there are: {', '.join(texts)}")
    return Protocol.from_toml(texts[name])


def protocol_in_force(store: Store, runner_id: str, now: datetime) -> Protocol:
    """Return the rules in force for a runner at an instant: the one object that every limit is read from."""
    from tallrun.recovery.model import ClinicianEntry
    from tallrun.store.checks import known_by
    from tallrun.store.models import ClinicianRow
    from tallrun.store.records import from_rows

    entries = from_rows(ClinicianEntry, store.entries(ClinicianRow, runner_id))
    return load_protocol().in_force((replace(row, at=known_by(row.at, now)) for row in entries), now)


def rules_for(where: Path | str | None, code: str | None, now: datetime) -> Protocol:
    """Return the rules in force for a runner of a data folder; the shipped ones where nobody is set up.

    code : whose; None for the only runner there is, and the shipped rules where there are several.
    """
    from tallrun.store import Store

    with Store.open(where) as store:
        codes = store.runner_codes()
        if not codes or (code is None and len(codes) > 1):
            return load_protocol()
        return protocol_in_force(store, store.find_runner(code), now)


def read_instant(text: str | None, zone: ZoneInfo, now: datetime) -> datetime:
    """Turn what a person typed into an instant in the runner's zone; None is ``now``.

    Raises EntryError when it cannot be read or falls into the hour a clock change skipped.
    """
    local_now = now.astimezone(zone)
    if text is None:
        return local_now
    typed = text.strip()
    if re.fullmatch(r"\d{1,2}:\d{2}", typed, re.ASCII):
        typed = f"{local_now.date().isoformat()}T{typed.zfill(5)}"
    try:
        found = datetime.fromisoformat(typed)
    except ValueError as error:
        raise EntryError(
            f"The time {text!r} cannot be read; write 2026-03-01T07:30, 2026-03-01T07:30+01:00 or 07:30."
        ) from error
    if not _EARLIEST_YEAR < found.year < _LATEST_YEAR:
        raise EntryError(f"The year {found.year} cannot be right; check the date.")
    if found.tzinfo is not None:
        return found
    local = found.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != found:
        raise EntryError(
            f"{text} does not exist in {zone.key}: the clock was put forward then; give the time with an offset."
        )
    return local
