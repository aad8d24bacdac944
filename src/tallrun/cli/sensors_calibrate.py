"""``tallrun calibrate``: standing still before a run, for the pelvis's neutral and for straps that moved."""

from __future__ import annotations

from typing import Annotated

import typer

from tallrun.cli.output import print_json
from tallrun.cli.radio import DataDir, Emulate, data_folder, load_emulation, tell
from tallrun.live.devices import run_radio


def calibrate(
    seconds: Annotated[float, typer.Option(min=5, max=30, help="How long to stand [s].")] = 8.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    emulate: Emulate = None,
    data_dir: DataDir = None,
) -> None:
    """Stand still, upright, feet under the hips. Exit 1 when a sensor's check fails, with the reason."""
    from tallrun.live import calibration

    folder = data_folder(data_dir)
    emulation = load_emulation(emulate, None, None, None)
    if not as_json:
        typer.echo(f"Stand still and upright for {seconds:g} s once the sensors are connected.")
    results = run_radio(calibration.calibrate(folder, emulation, seconds, tell), emulation)
    if as_json:
        print_json(results)
    else:
        for place, row in results.items():
            typer.echo(f"{place:<11} {'pass' if row['passed'] else 'FAIL: ' + row['reason']}")
            if row["strap_moved_deg"] is not None:
                typer.echo(
                    f"            tilted by {row['strap_moved_deg']:.0f} deg against last time: was the strap moved?"
                )
    if not all(row["passed"] for row in results.values()):
        typer.echo("Nothing was stored. Stand still and run 'tallrun calibrate' again.", err=True)
        raise typer.Exit(1)
