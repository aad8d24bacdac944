"""``tallrun demo``: the whole loop with emulated sensors, from live page to next morning's advice."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass

STORY = (
    "A short walk, two runs with a walk between them, a short walk: less than the plan, so that it is soon over.",
    "In the first run the usual steps are learnt; then a cue asks for quicker ones. The runner was made up to answer",
    "late, in part, and to forget. Cues are given here at once; for a person they open after three green runs.",
)
PAGES_STAY_S = 15.0
#: How long usual steps are learnt; shorter than in a real run, which has more minutes.
LEARNING_S = 60.0


def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the demo's session, report and records.")
    ] = Path("out/demo"),
    session: Annotated[
        Path | None,
        typer.Option(
            help="Session to emulate, as it was recorded. Default: a simulated runner who answers cues."
        ),
    ] = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="At the speed of life, about 4 minutes.")
    ] = False,
    speed: Annotated[float, typer.Option(min=0.5, max=50.0, help="Times real time.")] = 8.0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the live page.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 0,
) -> None:
    """Show the whole loop without hardware: live run, cues, report, pain questions, advice. Ends by itself."""
    from tallrun.cli.live_run import live_run
    from tallrun.live.answering import answering_emulation
    from tallrun.live.demo import (
        DAYS_BACK,
        PARTS,
        answer_questions,
        fresh_folder,
        invent_runner,
        invented_day,
        scripted_taps,
    )
    from tallrun.live.devices import Emulation, require_emulator
    from tallrun.live.setup import RunWishes
    from tallrun.pipeline.batch import samples_end_s
    from tallrun.sessions import read_session

    require_emulator()
    folder = fresh_folder(out)
    records = folder / "records"
    records.mkdir(mode=0o700)
    pace = 1.0 if real_time else speed
    recorded = None if session is None else read_session(session)
    clock = datetime.now(UTC).replace(microsecond=0)
    now = invented_day(clock)
    emulation = answering_emulation(PARTS, pace) if recorded is None else Emulation(recorded, None, {}, pace)
    emulation = replace(emulation, away=now - clock)
    _say("1 · Before the run")
    _say("  An invented runner with a sore left sit bone is set up in its own records. Its days lie")
    _say(f"  {DAYS_BACK} days back, so that the mornings after the run are past, too. The advice of the day:")
    invent_runner(records, now)
    _tell_advice(records, now)
    _say("")
    _say("2 · The run")
    _say(
        f"  Two foot sensors, a pelvis sensor, a treadmill and a heart-rate strap are emulated, {pace:g} × real time."
    )
    if recorded is None:
        for line in STORY:
            _say(f"  {line}")
    minutes = max(1.0, samples_end_s(emulation.recording) / 60.0)
    wishes = RunWishes(
        minutes=minutes, surface="treadmill", learning_s=LEARNING_S, probe_s=30.0,
        intervals=PARTS if recorded is None else (),
    )  # fmt: skip
    result = live_run(
        records, emulation, folder / "demo-run", wishes,
        port=port, companions=(scripted_taps,), pages_stay_s=PAGES_STAY_S,
        on_served=lambda served: served.open_browser("/live") if browser else None,
    )  # fmt: skip
    _tell_cues(folder / "demo-run", is_recording=recorded is not None)
    _say("")
    _say("3 · After the run")
    for name, value in result.rows:
        _say(f"  {name:<16} {value}")
    for line in result.lines:
        _say(f"  {line}")
    _say(f"  Report: {result.report}")
    _say("")
    _say("4 · The evening, the next morning and the day after (answered by a script, not by a person)")
    morning, next_day = answer_questions(records, now)
    _say("  Pain after the run 2, next morning 1, a day later 1, limping no. Advice for the next morning:")
    _tell_advice(records, morning)
    _say("  And for the day after it:")
    _tell_advice(records, next_day)
    _say("")
    _say("Everything is on this computer only:")
    _say(f"  session {folder / 'demo-run'}, report {result.report}, records {records}")
    _say(f"  look around: {_command()} serve --data-dir {records}")


def _tell_advice(folder: Path, at: datetime) -> None:
    from tallrun.live.demo import advice_at

    found, name = advice_at(folder, at)
    head = name if found.rung is None else f"{name}, level {found.rung}"
    _say(f"    {head}")
    for sentence in found.sentences:
        _say(f"    {sentence}")
    _say(f"    Rule {', '.join(found.rules)}; source: {'; '.join(found.sources)}")
    _say(f"    What would change it: {found.changes_if}")


def _tell_cues(session: Path, is_recording: bool) -> None:
    import json

    from tallrun.coaching.ledger import against_band
    from tallrun.report.goal import cue_sentences

    cues = json.loads((session / "derived" / "cues.json").read_text(encoding="utf-8"))
    if not cues:
        _say("  No cue was given.")
    for row, told in zip(cues, cue_sentences(cues), strict=True):
        _say(
            f"  Cue at {int(row['at_s'] // 60)}:{int(row['at_s'] % 60):02d}: “{row['sentence']}”, "
            f"{against_band(row['value'], row['low'], row['high'])} steps a minute."
        )
        _say(f"    {told}")
    if is_recording:
        _say("  This runner is a recording: nothing answers in it.")


def _command() -> str:
    """Return the command as it was called, so that the line can be copied (.venv/bin/tallrun in a checkout)."""
    called = Path(sys.argv[0])
    return str(called) if called.name.startswith("tallrun") else "tallrun"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
