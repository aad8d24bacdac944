"""``tallrun replay`` and ``tallrun compare``: what a clinician opens beside the runner."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.output import get_engine_ready, print_json, progress_bar
from tallrun.errors import UsageError
from tallrun.words import counted

if TYPE_CHECKING:
    from tallrun.gait.summary import Gait
    from tallrun.insight import SessionBlocks
    from tallrun.numerics.recording import Recording
    from tallrun.report.compare import Side
    from tallrun.report.corrections import Corrected
    from tallrun.report.paper import Sheet
    from tallrun.report.replay_data import Replayed

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the records: adds the runner's own history. Default: without it."
    ),
]
Runner = Annotated[
    str | None, typer.Option("--runner", help="Whose records; needed only with several runners.")
]
_PART = re.compile(r"(\d+):([0-5]\d)-(\d+):([0-5]\d)")


def register(app: typer.Typer) -> None:
    """Add ``replay`` and ``compare``."""
    app.command("replay")(replay)
    app.command("compare")(compare)


def replay(
    session: Annotated[Path, typer.Argument(help="Session folder.")],
    from_packets: Annotated[
        bool, typer.Option("--from-packets", help="Decode the samples anew from packets.arrow.")
    ] = False,
    target_spm: Annotated[
        float | None, typer.Option(help="What if the cadence target had been this?")
    ] = None,
    focus: Annotated[
        str | None, typer.Option(help="What if the focus had been: cadence, tall, tilt, none?")
    ] = None,
    band_pct: Annotated[float | None, typer.Option(help="What if the band had been this wide, ± %?")] = None,
    hold_s: Annotated[
        float | None, typer.Option(help="What if a cue had waited this long out of band?")
    ] = None,
    green_limit: Annotated[
        int | None, typer.Option(help="What if the green pain limit had been this?")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the events as JSON and end.")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the replay page.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Run a recorded session through the live pipeline again, and look at it stride by stride."""
    from tallrun.pipeline.batch import samples_end_s
    from tallrun.report.corrections import corrected
    from tallrun.report.overlays import read_overlays
    from tallrun.report.replay_data import WhatIf, replay_summary

    wish = WhatIf(target_spm, focus, band_pct, hold_s, green_limit)
    recording, notes = load_recording(session, from_packets, data_dir)
    entries = read_overlays(session)
    get_engine_ready()
    done = _replayed(recording, wish, quiet=as_json)
    fixed = corrected(done.tables.strides, entries, samples_end_s(recording))
    if as_json:
        print_json(
            {"session": session.name, "from_packets": from_packets, "notes": notes}
            | replay_summary(done, fixed)
        )
        return
    for line in [*notes, *_replay_lines(done), *_correction_lines(fixed)]:
        typer.echo(line)
    if browser:
        serve_replay(session, recording, port)


def compare(
    a: Annotated[Path, typer.Argument(help="Session folder, the earlier one.")],
    b: Annotated[
        Path, typer.Argument(help="Session folder, the later one; may be the same with another part.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the comparison as one HTML page.")
    ] = None,
    handout: Annotated[
        Path | None, typer.Option("--handout", help="Write a page for the patient, plain words.")
    ] = None,
    note: Annotated[str, typer.Option(help="The clinician's words on the hand-out.")] = "",
    for_whom: Annotated[str, typer.Option("--for", help="Name on the hand-out.")] = "",
    speed_kmh: Annotated[
        float | None, typer.Option(help="Compare at this speed. Default: the one both ran longest.")
    ] = None,
    part_a: Annotated[str | None, typer.Option(help="Only this part of A, as 2:00-8:00.")] = None,
    part_b: Annotated[str | None, typer.Option(help="Only this part of B, as 2:00-8:00.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
    data_dir: DataDir = None,
    runner: Runner = None,
) -> None:
    """Compare two sessions, or two parts of one, at matched speed; what is inside measurement error is said to be."""
    from tallrun.journal.desk import current_time, load_protocol, rules_for
    from tallrun.journal.sessions import runner_of_sessions
    from tallrun.report.compare import compare as compare_sides
    from tallrun.report.compare_page import build_compare_page, build_handout, text_lines
    from tallrun.report.stop_signs import stop_signs
    from tallrun.sessions import write_text
    from tallrun.sessions._files import refuse_other_page

    for page in (out, handout):
        if page is not None:
            refuse_other_page(page)
    sides = [_side(a, part_a, as_json), _side(b, part_b, as_json)]
    if data_dir is not None:
        runner = runner or runner_of_sessions(data_dir, a, b)
    history = known_history(data_dir, runner, leave_out=(), gait=sides[0].gait)
    found = compare_sides(sides[0], sides[1], history, None if speed_kmh is None else speed_kmh / 3.6)
    if out is not None:
        write_text(out, build_compare_page(found, sheet=sheet_of_records(data_dir, runner, wants_plan=False)))
    if handout is not None:
        rules = load_protocol() if data_dir is None else rules_for(data_dir, runner, current_time())
        sheet = sheet_of_records(data_dir, runner, wants_plan=True)
        write_text(handout, build_handout(found, note, for_whom, stop_signs(rules), sheet=sheet))
    if as_json:
        print_json(found.as_json())
        return
    for line in text_lines(found):
        typer.echo(line)
    for path in (out, handout):
        if path is not None:
            typer.echo(str(path))


def sheet_of_records(data_dir: Path | None, runner: str | None, wants_plan: bool) -> Sheet:
    """Return what the records add to a printed page; nothing without ``--data-dir``."""
    from tallrun.report.paper import Sheet

    if data_dir is None:
        return Sheet()
    from tallrun.cli.recovery_common import records
    from tallrun.journal.clinic import read_clinic
    from tallrun.journal.handout import handout_plan

    with records(str(data_dir), runner) as mine:
        plan = handout_plan(mine) if wants_plan else None
        return Sheet(mine.code, read_clinic(mine.store).letterhead, lambda: plan)


def load_recording(session: Path, from_packets: bool, data_dir: Path | None) -> tuple[Recording, list[str]]:
    """Return the recording as stored, or decoded anew from its packets, and what must be said about it."""
    from tallrun.sessions import read_session

    recording = read_session(session)
    if not from_packets:
        return recording, []
    from tallrun.cli.radio import data_folder
    from tallrun.live.from_packets import recording_from_packets

    return recording_from_packets(session, recording, data_folder(data_dir))


def known_history(
    data_dir: Path | None, runner: str | None, leave_out: tuple[str, ...], gait: Gait = "run"
) -> tuple[SessionBlocks, ...]:
    """Return the runner's own analysed sessions of a gait; nothing without ``--data-dir``."""
    if data_dir is None:
        return ()
    from tallrun.cli.recovery_common import read_earlier_runs, records
    from tallrun.report.history import own_history

    read_earlier_runs(data_dir, runner)
    with records(str(data_dir), runner) as mine:
        return own_history(
            mine.store, mine.runner_id, mine.protocol, mine.now, leave_out=leave_out, gait=gait
        )


def _replayed(recording: Recording, wish: Any, quiet: bool) -> Replayed:
    from tallrun.cli.recovery_common import load_protocol
    from tallrun.report.replay_data import replay as run_again

    if not quiet:
        sys.stderr.write("Replaying ...\n")
    return run_again(recording, load_protocol(), wish)


def _replay_lines(done: Replayed) -> list[str]:
    """Return the cues and stops of a replay as plain lines."""
    from tallrun.report.pages import clock

    lines = []
    if not done.known.is_recorded:
        lines.append("This session has no record of how it was coached; the defaults were used.")
    if not done.what_if.is_empty:
        lines.append("With the changed settings:")
    cues = done.cues
    lines.append(f"{counted(len(cues), 'cue')}, {_stops_in_words(len(done.stops))}.")
    for row in cues:
        lines.append(f"  {clock(row['at_s'])}  cue {row['focus']} {row['direction']}: {row['value']:.0f} against "
                     f"{row['low']:.0f}–{row['high']:.0f}")  # fmt: skip
    for row in done.stops:
        lines.append(f"  {clock(row['at_s'])}  {row['action']} {row['rule'] or ''}: {row['sentence']}")
    if done.same_cues is not None:
        lines.append(
            "The same cues as in the live run."
            if done.same_cues
            else "These are NOT the cues of the live run."
        )
    return lines


def _correction_lines(fixed: Corrected) -> list[str]:
    """Return what was corrected by hand as plain lines; nothing without corrections."""
    many, touched = fixed.n_applied, fixed.n_changed
    lines = [] if not many else [
        f"{counted(many, 'contact')} corrected by hand, which changes {counted(touched, 'stride')}; "
        "cues and flags are those of what was detected."
    ]  # fmt: skip
    return lines + [f"A correction does not fit: {why}." for why in fixed.not_applied.values()]


def serve_replay(session: Path, recording: Recording, port: int) -> None:
    """Serve the replay page of one session on this machine until Ctrl-C."""
    import asyncio

    from tallrun.cli.live_server import make_gate, serving
    from tallrun.cli.recovery_common import load_protocol
    from tallrun.web.app import create_app
    from tallrun.web.problems import add_problem_handlers
    from tallrun.web.replay_api import replay_router

    gate = make_gate(lan=False, tls=False)
    router = replay_router(lambda session_id: session, load_protocol, load=lambda folder: recording)

    app = create_app(gate, routers=[router])
    add_problem_handlers(app)

    async def go() -> None:
        async with serving(app, gate, port, session) as served:
            page = f"/replay/{session.resolve().name}"
            sys.stderr.write(f"Replay page: {served.address(page)}  (Ctrl-C ends it)\n")
            served.open_browser(page)
            await asyncio.Event().wait()

    asyncio.run(go())


def _side(session: Path, part: str | None, quiet: bool) -> Side:
    from tallrun.pipeline import analyse
    from tallrun.report.compare import side_of
    from tallrun.sessions import read_session

    recording = read_session(session)
    get_engine_ready()
    with progress_bar(f"analysing {session.name}", not quiet) as show:
        found = analyse(recording, record_waves=True, progress=show)
    return side_of(found, session.resolve().name, _part(part))


def _part(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    match = _PART.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"a part is written as minutes:seconds-minutes:seconds (2:00-8:00), got {text!r}")
    start_min, start_s, end_min, end_s = (int(item) for item in match.groups())
    return 60.0 * start_min + start_s, 60.0 * end_min + end_s


def _stops_in_words(count: int) -> str:
    return (
        "the safety rules did not step in"
        if count == 0
        else f"the safety rules stepped in {counted(count, 'time')}"
    )
