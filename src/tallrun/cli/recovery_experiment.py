"""``tallrun experiment``: open, status, run, close."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tallrun.cli.output import visible
from tallrun.cli.recovery_common import AsJson, DataDir, RunnerCode, read_yes_no, records, show
from tallrun.errors import EntryError

By = Annotated[str, typer.Option("--by", help="Who enters this: runner, or the name of the clinician.")]


def register(app: typer.Typer) -> None:
    """Add ``tallrun experiment``."""
    group = typer.Typer(
        no_args_is_help=True, help="Two ways of running in turn, at one dose: which suits you?"
    )
    group.command("open")(open_one)
    group.command("status")(status)
    group.command("run")(run)
    group.command("close")(close)
    app.add_typer(group, name="experiment")


def open_one(
    way_a: Annotated[str, typer.Option("--way-a", help="First way, in words.")] = "own cadence",
    way_b: Annotated[str, typer.Option("--way-b", help="Second way, in words.")] = "cued cadence",
    washout_runs: Annotated[
        int, typer.Option("--washout", min=0, max=3, help="Runs after each change of way that do not count.")
    ] = 0,
    worthwhile: Annotated[
        float, typer.Option("--worthwhile", min=0.5, max=5.0, help="Difference worth finding, in points.")
    ] = 1.0,
    by: By = "runner",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Fix an experiment at today's level; its length follows from your own mornings after runs."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import experiment

        _show(
            as_json,
            experiment.open_one(
                mine, by=by, way_a=way_a, way_b=way_b, washout_runs=washout_runs, worthwhile=worthwhile
            ),
        )


def status(data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False) -> None:
    """Say how the next run is run, or what the finished experiment says."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import experiment

        _show(as_json, experiment.status(mine))


def run(
    as_told: Annotated[str, typer.Option("--as-told", help="yes or no: was the run as the trial asked?")],
    session: Annotated[str | None, typer.Option("--session", help="Id of the run; default: the last.")] = None,
    by: By = "runner",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say whether the last run was run as the experiment asked."""
    told = read_yes_no(as_told, "As told")
    if told is None:
        raise EntryError("Say yes or no: was the run as the trial asked?")
    with records(data_dir, runner) as mine:
        from tallrun.journal import experiment

        _show(as_json, experiment.answer(mine, as_told=told, by=by, session_id=session))


def close(
    why: Annotated[str, typer.Option("--why", help="In words.")] = "",
    by: By = "runner",
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """End the experiment and tell what it says; closed before its last run it tells nothing."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import experiment

        _show(as_json, experiment.close(mine, by=by, why=why))


def _show(as_json: bool, found: dict[str, Any]) -> None:
    lines = [visible(text) for text in found["sentences"]]
    if found["state"] != "none":
        lines.append(f"Seal: {found['seal']}")
    if found.get("key"):
        lines.append(f"Order: {found['order']}, key: {found['key']}")
    show(as_json, found, *lines)
