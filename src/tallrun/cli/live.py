"""``tallrun run``: the live run with cues, a page for the phone, and the record kept as it happens."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.kernel_cache import note_if_cold
from tallrun.cli.radio import (
    DataDir,
    Emulate,
    Faults,
    Model,
    Speed,
    data_folder,
    load_emulation,
    open_air,
    run_radio,
    tell,
)
from tallrun.errors import UsageError

if TYPE_CHECKING:
    from tallrun.cli.live_parts import RunResult, RunWishes
    from tallrun.cli.radio import Emulation
    from tallrun.journal.run_plan import RunPlan

NO_CUES = "none"


def register(app: typer.Typer) -> None:
    """Add ``run`` and ``demo``."""
    from tallrun.cli.demo import demo

    app.command("run")(run)
    app.command("demo")(demo)


def run(
    out: Annotated[Path, typer.Option("--out", help="Session folder to make; it must not exist.")],
    minutes: Annotated[
        float, typer.Option(min=1.0, max=600.0, help="Planned length, for the blocks.")
    ] = 30.0,
    focus: Annotated[
        str | None,
        typer.Option(
            help="cadence, tall, tilt, or none for no cues. Default: what your plan says; cadence where nobody is "
            "set up."
        ),
    ] = None,
    target_spm: Annotated[
        float | None, typer.Option(min=120.0, max=220.0, help="Cadence set by your clinician.")
    ] = None,
    step_session: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Which session of this gait step it is; cues fade from the 5th. Default: from your plan.",
        ),
    ] = None,
    mode: Annotated[str, typer.Option(help="metronome, tone, voice or visual.")] = "metronome",
    recall_phrase: Annotated[str | None, typer.Option(help="Your own words for the cue.")] = None,
    speed_kmh: Annotated[
        float | None, typer.Option(min=1.0, max=25.0, help="Belt speed, when no treadmill tells it.")
    ] = None,
    uncued: Annotated[
        bool,
        typer.Option(help="Blocks without cues, as your plan has it after a session that was not green."),
    ] = False,
    against_advice: Annotated[
        bool,
        typer.Option(help="Record a run on a day that is no day for one; without cues, and logged as such."),
    ] = False,
    surface: Annotated[str | None, typer.Option(help="treadmill, road, track or trail.")] = None,
    lan: Annotated[bool, typer.Option(help="Let one paired phone on this network open the page.")] = False,
    tls: Annotated[bool, typer.Option(help="With --lan: https with a certificate made here.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 0,
    terminal: Annotated[bool, typer.Option(help="Show the run in this terminal, too.")] = False,
    emulate: Emulate = None,
    faults: Faults = None,
    model: Model = None,
    speed: Speed = None,
    data_dir: DataDir = None,
    runner: Annotated[
        str | None, typer.Option("--runner", help="Who runs; needed only when several are set up.")
    ] = None,
) -> None:
    """Run with live cues. STOP on the page, or Ctrl-C, ends the run and saves it."""
    from tallrun.cli.live_parts import RunWishes

    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise UsageError(f"{out} exists already; choose another folder for --out")
    for name, value, allowed in (
        ("--focus", focus or NO_CUES, ("cadence", "tall", "tilt", NO_CUES)),
        ("--mode", mode, ("metronome", "tone", "voice", "visual")),
    ):
        if value not in allowed:
            raise UsageError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    folder = data_folder(data_dir)
    plan = plan_of(folder, runner)
    wishes = RunWishes(
        minutes=minutes, focus="cadence", target_spm=target_spm,
        step_session=step_session or 1, mode=mode, recall_phrase=recall_phrase, is_uncued=uncued,
        speed_mps=None if speed_kmh is None else speed_kmh / 3.6, surface=surface,
        lan=lan, tls=tls, port=port, terminal=terminal, plan=plan, runner=runner,
    )  # fmt: skip
    if plan is not None:
        wishes = planned(wishes, plan, against_advice, step_session is not None)
        for line in plan_lines(plan, focus):
            typer.echo(line)
    may_cue = plan is None or plan.may_cue
    if focus is not None and focus != wishes.focus and (may_cue or focus == NO_CUES):
        # the place in the fade belongs to the step of the plan, not to another one
        wishes = replace(wishes, focus=None if focus == NO_CUES else focus, step_session=step_session or 1)
    # An emulated run serves its page as well, so it must keep pace with a clock: real time unless asked otherwise.
    emulation = load_emulation(emulate, faults, model, (speed or 1.0) if emulate else speed)
    result = live_run(folder, emulation, out, wishes)
    for line in result.lines:
        typer.echo(line)
    typer.echo(f"Saved: {out}")
    if result.report is not None:
        typer.echo(f"Report: {result.report}")


def plan_of(folder: Path, runner: str | None = None) -> RunPlan | None:
    """Return what the records say about a run now; None where nobody is set up.

    Raises EntryError when several are and ``runner`` names none of them: nobody is coached by a guess.
    """
    from tallrun.errors import TallrunError
    from tallrun.journal.desk import Records, current_time
    from tallrun.journal.run_plan import plan_run
    from tallrun.store import Store

    with Store.open(folder) as store:
        if not store.runner_codes():
            return None
        mine = Records(store, store.find_runner(runner), current_time())
        try:
            store.profile(mine.runner_id)
        except TallrunError:
            return None
        return plan_run(mine)


def planned(wishes: RunWishes, plan: RunPlan, against_advice: bool, is_session_told: bool) -> RunWishes:
    """Return the wishes as the plan has them; raises UsageError on a day that is no day for a run."""
    if plan.forbids_running and not against_advice:
        raise UsageError(
            f"{' '.join(plan.verdict.sentences)} (rule {', '.join(plan.verdict.rules)}). "
            "A run is recorded only with --against-advice, and then without cues."
        )
    fade = plan.decision.session_of_fade
    return replace(
        wishes,
        focus=plan.focus,
        step_session=wishes.step_session if is_session_told or fade is None else fade,
        is_uncued=wishes.is_uncued or (plan.focus is not None and not plan.decision.cued),
    )


def plan_lines(plan: RunPlan, focus: str | None) -> list[str]:
    """Say what today is for and what is coached, each with its rule."""
    from tallrun.recovery.wording import state_name

    found, decision = plan.verdict, plan.decision
    head = state_name(plan.protocol, found.state, found.rules) + (
        "" if found.rung is None else f", level {found.rung}"
    )
    lines = [f"Today: {head} (rule {', '.join(found.rules)})."]
    if not plan.may_cue:
        if not plan.forbids_running:
            lines.append(found.sentences[0])
        lines.append("A run now counts as against your plan.")
        wanted = focus not in (None, NO_CUES)
        lines.append("No cues today, --focus or not: they are for run days." if wanted else "No cues today.")
        return lines
    lines.append(f"{decision.sentence} (rule {decision.rule})")
    if focus is not None and focus != (plan.focus or NO_CUES):
        lines.append(f"You chose {'no cues' if focus == NO_CUES else f'the focus {focus}'} instead.")
    return lines


def live_run(folder: Path, emulation: Emulation | None, out: Path, wishes: RunWishes) -> RunResult:
    """Run once, from warm engines to a saved and analysed session."""
    from tallrun.cli.live_parts import finish_run
    from tallrun.gait.warm import warm_up

    note_if_cold()
    warm_up()
    raw = run_radio(_go(folder, emulation, out, wishes), emulation)
    return finish_run(folder, out, raw)


async def _go(folder: Path, emulation: Emulation | None, out: Path, wishes: RunWishes) -> Any:
    from tallrun.ble import SensorSession
    from tallrun.cli.flight import start_info
    from tallrun.cli.live_parts import RawRun, live_setup, run_context
    from tallrun.cli.live_server import make_gate, serving, show_addresses
    from tallrun.cli.live_session import LiveLoop
    from tallrun.cli.sensors_calibrate import load_standing
    from tallrun.cli.sensors_record import endings, stop_on_interrupt
    from tallrun.cli.terminal_view import terminal_view
    from tallrun.pipeline.live_run import LiveRun
    from tallrun.pipeline.setup_record import KEY as SETUP_KEY
    from tallrun.pipeline.setup_record import setup_record
    from tallrun.sensors.ingest import Binding, Ingest
    from tallrun.sessions.recorder import FlightRecorder
    from tallrun.web.app import create_app
    from tallrun.web.hub import LiveHub

    hub = LiveHub()
    gate = make_gate(wishes.lan, wishes.tls)
    async with (
        serving(create_app(gate, hub), gate, wishes.port, folder) as served,
        open_air(folder, emulation) as air,
    ):
        show_addresses(served)
        if wishes.on_served is not None:
            wishes.on_served(served)
        async with SensorSession(air.worn, air.radio, tell) as session:
            setup = live_setup(folder, air.worn, wishes)
            start = start_info(air.worn, run_context(wishes), load_standing(folder), session.now_s)
            start[SETUP_KEY] = setup_record(setup)
            recorder = FlightRecorder(
                out,
                start,
                on_trouble=lambda trouble: typer.echo(trouble.message, err=True),
                auto_flush=False,
            )
            with terminal_view() if wishes.terminal else nullcontext(lambda state: None) as show:
                loop = LiveLoop(
                    run=LiveRun(setup),
                    session=session,
                    recorder=recorder,
                    ingest=Ingest([Binding(worn.sensor, worn.config) for worn in air.worn]),
                    hub=hub,
                    on_view=show,
                )
                tasks = [asyncio.create_task(item) for item in endings(session, air, None)]
                tasks += [asyncio.create_task(item(loop)) for item in wishes.companions]
                with stop_on_interrupt(session):
                    try:
                        await loop.go(flush_in_thread=emulation is None)
                    finally:
                        for task in tasks:
                            task.cancel()
                        await asyncio.gather(*tasks, return_exceptions=True)
        raw = RawRun(start, recorder, loop.run, setup, loop.latencies_s, served, wishes)
        if wishes.after is not None:
            await wishes.after(raw, hub)
        return raw
