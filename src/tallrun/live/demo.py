"""The invented runner, of the demo and for trying the pages: three weeks of records, and the answers after the run.

The invented days end ``DAYS_BACK`` days ago, so that the evening and the mornings after a run are past, too, and no
entry is dated ahead of the clock.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from tallrun.coaching import lay_out
from tallrun.errors import EntryError, UsageError
from tallrun.journal.desk import Records
from tallrun.live.rebuild import local_time_zone

if TYPE_CHECKING:
    from tallrun.live.loop import LiveLoop
    from tallrun.recovery.verdicts import Verdict
    from tallrun.store import Store

SCRIPT = "demo script"
#: What the demo's run is made of: two runs of 100 s with a walk after each.
PARTS = lay_out(2, 100.0, 15.0, warm_up_s=25.0, cool_down_s=10.0)
DAYS_BACK = 3
#: When the invented runner's day begins, and goes on after a night: the question of a day later is open then.
MORNING = "10:00"


#: (session second, score): what the scripted runner taps.
TAPS = ((70.0, 1), (150.0, 2))


def home_zone() -> ZoneInfo:
    """Return the time zone of this computer, where the invented runner lives, too."""
    return ZoneInfo(local_time_zone())


def invented_day(now: datetime) -> datetime:
    """Return the moment at which the invented runner's day of the run begins."""
    zone = home_zone()
    return _local(now.astimezone(zone).date() - timedelta(days=DAYS_BACK), MORNING, zone)


def is_invented(store: Store) -> bool:
    """Return whether the only runner of these records is an invented one."""
    codes = list(store.runner_codes().values())
    try:
        return len(codes) == 1 and bool(store.profile(codes[0]).entered_by == SCRIPT)
    except EntryError:
        return False


def last_moment(store: Store) -> datetime:
    """Return when the invented runner was last heard of: the last score or the end of the last run."""
    known = store.history(store.find_runner())
    return max([item.at for item in known.scores] + [item.ended_at for item in known.sessions])


def next_morning(now: datetime) -> datetime:
    """Return when the invented runner's next day begins."""
    zone = home_zone()
    return _local(now.astimezone(zone).date() + timedelta(days=1), MORNING, zone)


def invent_runner(folder: Path, now: datetime) -> None:
    """Fill the demo's records with an invented runner on the first run level; every row says who wrote it."""
    from tallrun.recovery.model import (
        Advice,
        Diagnosis,
        ExerciseSession,
        PhaseEntry,
        RunSession,
        Screen,
    )
    from tallrun.store import Store
    from tallrun.store.models import RunnerRow

    zone = home_zone()
    today = now.astimezone(zone).date()
    with Store.open(folder) as store:
        runner_id = store.add_runner("demo", now)
        start = now - timedelta(days=21)
        store.add_row(
            RunnerRow, runner_id, at=start, by=SCRIPT, now=now, time_zone=zone.key, side="left", site="sit_bone",
            born_on=date(today.year - 38, 5, 14), easy_speed_mps=3.2, fast_speed_mps=4.2, height_m=1.74,
            leg_length_m=0.91, mass_kg=67.0,
        )  # fmt: skip
        questions = Records(store, runner_id, now).protocol.screening.questions
        entries: list[Any] = [
            Diagnosis(start, by_clinician=True, text="proximal hamstring tendinopathy, left (invented)"),
            Screen(now - timedelta(days=2), {item.id: False for item in questions}, frozenset({"ache"})),
            PhaseEntry(start, phase=2),
        ]
        for day in range(14, -1, -1):
            at = _local(today - timedelta(days=day), "07:15", zone)
            if at <= now:
                entries.append(_score(at, "morning", 1, load_test="single_leg_bridge"))
        for day in (12, 9, 6, 4, 2, 1):
            entries.append(
                ExerciseSession(
                    str(uuid4()),
                    _local(today - timedelta(days=day), "18:00", zone),
                    phase=2,
                    name="slow single-leg bridge",
                    sets=3,
                    reps=8,
                    pain_before=1,
                    pain_during=2,
                    pain_after=1,
                )
            )  # fmt: skip
        for day, rung, minutes in ((6, "V0", 0.0), (3, "V1", 8.0)):
            begin = _local(today - timedelta(days=day), "17:00", zone)
            end = begin + timedelta(minutes=34)
            entries.append(
                RunSession(
                    str(uuid4()),
                    begin,
                    end,
                    rung=rung,
                    run_minutes=minutes,
                    surface="treadmill",
                    speed_mps=2.8,
                    limping=False,
                    advised=Advice("WALK" if rung == "V0" else "RUN", rung, minutes or None),
                )
            )
            entries += [
                _score(begin - timedelta(minutes=20), "before", 1),
                _score(end - timedelta(minutes=1), "during", 2),
                _score(end + timedelta(hours=2), "after", 2),
                _score(end + timedelta(hours=24), "h24", 1),
                _score(end + timedelta(hours=47), "h48", 1),
            ]
        entries.append(_score(now - timedelta(minutes=20), "before", 1))
        for entry in entries:
            if getattr(entry, "at", now) <= now:
                store.add(runner_id, entry, by=SCRIPT, now=now)


def fresh_folder(out: Path) -> Path:
    """Return ``out``, or ``out-2``, ``out-3`` ... when it is taken: an earlier demo is never overwritten."""
    for number in range(1, 1000):
        folder = out if number == 1 else out.with_name(f"{out.name}-{number}")
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            return folder
    raise UsageError(f"{out} and 998 folders after it are taken; remove some")


async def scripted_taps(loop: LiveLoop) -> None:
    """Tap pain scores as the invented runner would."""
    import asyncio

    from tallrun.pipeline.taps import Tap

    for at_s, score in TAPS:
        await asyncio.sleep(max(0.0, at_s - loop.session.now_s))
        loop.take(Tap("pain", score), f"script-{at_s:.0f}")


def advice_at(folder: Path, at: datetime) -> tuple[Verdict, str]:
    """Return the advice of a moment and what its state is called; it is noted as given."""
    from tallrun.recovery.verdicts import verdict
    from tallrun.recovery.wording import state_name
    from tallrun.store import Store

    with Store.open(folder) as store:
        mine = Records(store, store.find_runner(), at)
        found = verdict(mine.protocol, store.history(mine.runner_id), None, at, None)
        store.note_advice(mine.runner_id, found, at)
        return found, state_name(mine.protocol, found.state, found.rules)


def answer_questions(folder: Path, now: datetime) -> tuple[datetime, datetime]:
    """Add the scripted answers of the days after ``now``; return the two moments the advice is shown for."""
    from tallrun.store import Store

    zone = home_zone()
    today = now.astimezone(zone).date()
    morning = _local(today + timedelta(days=1), "08:00", zone)
    next_day = _local(today + timedelta(days=2), "18:30", zone)
    with Store.open(folder) as store:
        runner_id = store.find_runner()
        run = store.runs(runner_id)[-1]
        answers = [
            _score(run.ended_at + timedelta(minutes=30), "after", 2, run.session_id),
            _score(morning - timedelta(minutes=45), "morning", 1, load_test="single_leg_bridge"),
            _score(run.ended_at + timedelta(hours=24), "h24", 1, run.session_id),
            _score(next_day - timedelta(hours=11), "morning", 1, load_test="single_leg_bridge"),
        ]
        for entry in answers:
            store.add(runner_id, entry, by=SCRIPT, now=entry.at)
        _answer_limping(store, runner_id, run.session_id, now)
    return morning, next_day


def _answer_limping(store: Store, runner_id: str, session_id: str, now: datetime) -> None:
    """Answer the limping question of the run, by superseding its row."""
    from tallrun.store.models import RunRow

    row = next(item for item in store.entries(RunRow, runner_id) if item.session_id == session_id)
    store.supersede(RunRow, runner_id, row.run_id, by=SCRIPT, now=now, limping=False)


def _score(at: datetime, kind: str, score: int, session_id: str | None = None, **more: Any) -> Any:
    from tallrun.recovery.model import PainScore

    return PainScore(
        str(uuid4()), at, kind, score, "left", "sit_bone", "ache", session_id, entered_by=SCRIPT, **more  # type: ignore[arg-type]
    )  # fmt: skip


def _local(day: date, clock: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), zone)
