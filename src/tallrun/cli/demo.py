"""``tallrun demo``: the whole loop with emulated sensors, from live page to next morning's advice."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import typer

from tallrun.errors import UsageError

if TYPE_CHECKING:
    from tallrun.cli.live_parts import RawRun, RunResult
    from tallrun.cli.live_session import LiveLoop
    from tallrun.numerics.recording import Recording
    from tallrun.recovery.verdicts import Verdict
    from tallrun.store import Store
    from tallrun.web.hub import LiveHub

SCRIPT = "demo script"
#: Where the invented runner may live: somewhere it is day now, or the scripted mornings would lie ahead.
ZONES = (
    "Europe/Amsterdam", "Asia/Dubai", "Asia/Singapore", "Australia/Brisbane", "Pacific/Auckland", "Pacific/Honolulu",
    "America/Los_Angeles", "America/New_York",
)  # fmt: skip
DAY_HOURS = range(9, 21)
#: (session second, score): what the scripted runner taps.
TAPS = ((70.0, 1), (150.0, 2))
PAGE_STAYS_S = 2.0


def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the demo's session, report and records.")
    ] = Path("out/demo"),
    session: Annotated[
        Path | None, typer.Option(help="Session to emulate; default: the bundled demo run.")
    ] = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="At the speed of life, about 4 minutes.")
    ] = False,
    speed: Annotated[float, typer.Option(min=0.5, max=50.0, help="Times real time.")] = 8.0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the live page.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 0,
) -> None:
    """Show the whole loop without hardware: live run, cues, report, pain questions, advice. Ends by itself."""
    from tallrun.cli.live import live_run
    from tallrun.cli.live_parts import RunWishes
    from tallrun.cli.radio import Emulation

    folder = fresh_folder(out)
    records = folder / "records"
    records.mkdir(mode=0o700)
    recording = demo_recording(session)
    pace = 1.0 if real_time else speed
    _say("1 · Before the run")
    _say("  An invented runner with a sore left sit bone is set up in its own records. Today's advice:")
    now = datetime.now(UTC).replace(microsecond=0)
    invent_runner(records, now)
    _tell_advice(records, now)
    _say("")
    _say("2 · The run")
    _say(
        f"  Two foot sensors, a pelvis sensor, a treadmill and a heart-rate strap are emulated, {pace:g} × real time."
    )
    _say("  The runner lands far ahead with slow steps in the middle part; watch for the cue.")
    minutes = max(1.0, _length_s(recording) / 60.0)
    wishes = RunWishes(
        minutes=minutes, surface="treadmill", port=port, learning_s=80.0, probe_s=30.0,
        companions=(scripted_taps,),
        on_served=lambda served: (webbrowser.open(f"{served.url}/live"), None)[1] if browser else None,
        after=show_end,
    )  # fmt: skip
    result = live_run(records, Emulation(recording, None, {}, pace), folder / "demo-run", wishes)
    _tell_cues(folder / "demo-run")
    _say("")
    _say("3 · After the run")
    for line in result.lines:
        _say(f"  {line}")
    _say(f"  Report: {result.report}")
    _say("")
    _say("4 · The evening, the next morning and the day after (answered by a script, not by a person)")
    morning, next_day = answer_questions(records, result, now)
    _say("  Pain after the run 2, next morning 1, a day later 1, limping no. Advice for the next morning:")
    _tell_advice(records, morning)
    _say("  And for the day after it:")
    _tell_advice(records, next_day)
    _say("")
    _say("Everything is on this computer only:")
    _say(f"  session {folder / 'demo-run'}, report {result.report}, records {records}")
    _say(f"  look around: {_command()} serve --data-dir {records}")


def day_zone(now: datetime) -> ZoneInfo:
    """Return the first zone in which it is day at ``now``."""
    zones = [ZoneInfo(name) for name in ZONES]
    return next((zone for zone in zones if now.astimezone(zone).hour in DAY_HOURS), zones[0])


def fresh_folder(out: Path) -> Path:
    """Return ``out``, or ``out-2``, ``out-3`` ... when it is taken: an earlier demo is never overwritten."""
    for number in range(1, 1000):
        folder = out if number == 1 else out.with_name(f"{out.name}-{number}")
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            return folder
    raise UsageError(f"{out} and 998 folders after it are taken; remove some")


def demo_recording(session: Path | None) -> Recording:
    """Return the session to emulate: the given one, the bundled one, or the same one simulated anew."""
    from tallrun.sessions import read_session

    if session is not None:
        return read_session(session)
    bundled = Path(__file__).parents[3] / "recordings" / "demo_treadmill"
    if bundled.is_dir():
        return read_session(bundled)
    from tallrun import simulate

    return simulate.run("demo", seed=1)[0]


async def scripted_taps(loop: LiveLoop) -> None:
    """Tap pain scores as the invented runner would."""
    from tallrun.pipeline.taps import Tap

    for at_s, score in TAPS:
        await asyncio.sleep(max(0.0, at_s - loop.session.now_s))
        loop.hub.tap({"type": "pain", "score": Tap("pain", score).score, "tap_id": str(uuid4())})


async def show_end(raw: RawRun, hub: LiveHub) -> None:
    """Let open pages show that the run has ended."""
    from tallrun.web.live_state import after_state

    hub.publish(
        after_state(
            "The run has ended and is saved on this computer.",
            ["The numbers and the report are on the computer's screen."],
            "Next questions: tonight and tomorrow morning.",
            None,
            ask_pain=False,
        )
    )
    if hub.n_pages:
        await asyncio.sleep(PAGE_STAYS_S)


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

    zone = day_zone(now)
    today = now.astimezone(zone).date()
    with Store.open(folder) as store:
        runner_id = store.add_runner("demo", now)
        start = now - timedelta(days=21)
        store.add_row(
            RunnerRow, runner_id, at=start, by=SCRIPT, now=now, time_zone=zone.key, side="left", site="sit_bone",
            born_on=date(today.year - 38, 5, 14), easy_speed_mps=3.2, fast_speed_mps=4.2, height_m=1.74,
            leg_length_m=0.91, mass_kg=67.0,
        )  # fmt: skip
        questions = _protocol().screening.questions
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
        if (at := now - timedelta(minutes=25)) and not any(
            getattr(item, "kind", "") == "morning" and item.at.astimezone(zone).date() == today
            for item in entries
        ):
            entries.append(_score(at, "morning", 1, load_test="single_leg_bridge"))
        entries.append(_score(now - timedelta(minutes=20), "before", 1))
        for entry in entries:
            if getattr(entry, "at", now) <= now:
                store.add(runner_id, entry, by=SCRIPT, now=now)


def answer_questions(folder: Path, result: RunResult, now: datetime) -> tuple[datetime, datetime]:
    """Add the scripted answers; return the two moments the advice is shown for."""
    from tallrun.store import Store

    zone = day_zone(now)
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


def _protocol() -> Any:
    from tallrun.cli.recovery_common import load_protocol

    return load_protocol()


def _tell_advice(folder: Path, at: datetime) -> None:
    from tallrun.journal.desk import protocol_in_force
    from tallrun.recovery.verdicts import verdict
    from tallrun.recovery.wording import state_name
    from tallrun.store import Store

    with Store.open(folder) as store:
        runner_id = store.find_runner()
        found: Verdict = verdict(
            protocol_in_force(store, runner_id, at), store.history(runner_id), None, at, None
        )
        if at <= datetime.now(UTC):
            store.note_advice(runner_id, found, at)
    name = state_name(_protocol(), found.state, found.rules)
    head = name if found.rung is None else f"{name}, level {found.rung}"
    _say(f"    {head}")
    for sentence in found.sentences:
        _say(f"    {sentence}")
    _say(f"    Rule {', '.join(found.rules)}; source: {'; '.join(found.sources)}")
    _say(f"    What would change it: {found.changes_if}")


def _tell_cues(session: Path) -> None:
    import json

    cues = json.loads((session / "derived" / "cues.json").read_text(encoding="utf-8"))
    if not cues:
        _say("  No cue was needed.")
    for row in cues:
        answer = row["answer"] or {}
        before, after = answer.get("before"), answer.get("after")
        effect = (
            "the strides after it were too few to tell"
            if before is None or after is None
            else f"before it {before:.0f}, in the 30 strides after it {after:.0f} "
            "(this runner is a recording and does not react)"
        )
        _say(
            f"  Cue at {int(row['at_s'] // 60)}:{int(row['at_s'] % 60):02d}: “{row['sentence']}”, "
            f"{row['value']:.0f} steps a minute against {row['low']:.0f}–{row['high']:.0f}; {effect}"
        )


def _command() -> str:
    """Return the command as it was called, so that the line can be copied (.venv/bin/tallrun in a checkout)."""
    called = Path(sys.argv[0])
    return str(called) if called.name.startswith("tallrun") else "tallrun"


def _length_s(recording: Recording) -> float:
    return max(float(item.t_s[-1]) for item in recording.sensors.values())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
