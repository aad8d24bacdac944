"""``tallrun run``: the live run with cues, a page for the phone, and the record kept as it happens."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli.radio import DataDir, Emulate, Faults, Model, Speed, data_folder, load_emulation
from tallrun.errors import UsageError
from tallrun.live.setup import NO_CUES

if TYPE_CHECKING:
    from tallrun.live.end import RunResult

FREE_MINUTES = 30.0


def register(app: typer.Typer) -> None:
    """Add ``run`` and ``demo``."""
    from tallrun.cli.demo import demo

    app.command("run")(run)
    app.command("demo")(demo)


def run(
    out: Annotated[Path, typer.Option("--out", help="Session folder to make; it must not exist.")],
    minutes: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            max=600.0,
            help="A free run, or with --walk a walk, of this length. Default: the run and walk parts of today's level; "
            "30 where nobody is set up or today has none, and for a walk.",
        ),
    ] = None,
    walk: Annotated[
        bool,
        typer.Option("--walk", help="Record a walk, without cues: level V0, as Record a walk on the phone."),
    ] = False,
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
    """Run with live cues, or walk. STOP on the page, or Ctrl-C, ends the run and saves it."""
    from tallrun.cli.live_run import live_run
    from tallrun.cli.recovery_common import read_earlier_runs
    from tallrun.live.cut_off import finish_interrupted
    from tallrun.live.setup import RunWishes, part_lines, plan_lines, plan_of, wishes_for, with_focus

    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise UsageError(f"{out} exists already; choose another folder for --out")
    for name, value, allowed in (
        ("--focus", focus or NO_CUES, ("cadence", "tall", "tilt", NO_CUES)),
        ("--mode", mode, ("metronome", "tone", "voice", "visual")),
    ):
        if value not in allowed:
            raise UsageError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    if walk and (focus not in (None, NO_CUES) or target_spm is not None or against_advice):
        raise UsageError(
            "--walk records a walk without cues; leave out --focus, --target-spm and --against-advice"
        )
    folder = data_folder(data_dir)
    finish_interrupted(out.parent, folder, partial(typer.echo, err=True))
    read_earlier_runs(folder, runner)
    plan = plan_of(folder, runner)
    wishes = RunWishes(
        minutes=FREE_MINUTES if minutes is None else minutes, focus="cadence", target_spm=target_spm,
        step_session=step_session or 1, mode=mode, recall_phrase=recall_phrase, is_uncued=uncued,
        speed_mps=None if speed_kmh is None else speed_kmh / 3.6, surface=surface,
        plan=plan, runner=runner,
    )  # fmt: skip
    wishes = wishes_for(wishes, minutes, walk, against_advice, step_session is not None)
    for line in [
        *(plan_lines(plan, focus, wishes.rung == "V0") if plan else ()),
        *part_lines(wishes.intervals),
    ]:
        typer.echo(line)
    wishes = with_focus(wishes, focus, step_session)
    # An emulated run serves its page as well, so it must keep pace with a clock: real time unless asked otherwise.
    emulation = load_emulation(emulate, faults, model, (speed or 1.0) if emulate else speed)

    def tell_result(result: RunResult) -> None:
        for name, value in result.rows:
            typer.echo(f"{name:<16} {value}")
        for line in result.lines:
            typer.echo(line)
        typer.echo(f"Saved: {out}")
        if result.report is not None:
            typer.echo(f"Report: {result.report}")

    result = live_run(
        folder,
        emulation,
        out,
        wishes,
        lan=lan,
        tls=tls,
        port=port,
        terminal=terminal,
        tell_result=tell_result,
    )
    if result.failures:
        raise typer.Exit(1)
