"""A store with one runner, for tests of store, insight and the record-keeping commands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tallrun.recovery.model import PainScore, RunSession
from tallrun.store import Store
from tallrun.store.models import RunnerRow

ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=ZONE)


def profile(**changes: object) -> dict[str, object]:
    return {
        "side": "right", "site": "sit_bone", "time_zone": ZONE.key, "born_on": date(1985, 6, 30), "height_m": 1.78,
        "leg_length_m": 0.93, "mass_kg": 71.0, "easy_speed_mps": 2.6, "fast_speed_mps": 4.0,
    } | changes  # fmt: skip


def runner_in(store: Store, code: str = "me", now: datetime = NOW) -> str:
    runner_id = store.add_runner(code, now)
    store.add_row(RunnerRow, runner_id, at=now, by="runner", now=now, **profile())
    return runner_id


def open_store(folder: Path) -> tuple[Store, str]:
    store = Store.open(folder)
    return store, runner_in(store)


def score(value: int = 2, at: datetime = NOW, kind: str = "morning", **more: object) -> PainScore:
    fields: dict[str, object] = {"side": "right", "site": "sit_bone"} | more
    return PainScore(pain_id="", at=at, kind=kind, score=value, **fields)  # type: ignore[arg-type]


def run_at(start: datetime = NOW - timedelta(days=1), minutes: float = 30, **more: object) -> RunSession:
    name = str(more.pop("session_id", f"run-{start.astimezone(UTC):%Y%m%dT%H%M}"))
    return RunSession(name, start, start + timedelta(minutes=minutes), **more)  # type: ignore[arg-type]
