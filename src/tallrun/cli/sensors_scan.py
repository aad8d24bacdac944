"""``tallrun scan``: which sensors are in the air, how strong, and what tallrun can do with them."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from tallrun.cli.output import print_json
from tallrun.cli.radio import DataDir, Emulate, data_folder, load_emulation
from tallrun.live.devices import run_radio


def scan_sensors(
    seconds: Annotated[float, typer.Option(min=0.5, max=120, help="How long to listen [s].")] = 5.0,
    battery: Annotated[bool, typer.Option("--battery", help="Connect to each known sensor and ask.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="List unknown devices too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    emulate: Emulate = None,
    data_dir: DataDir = None,
) -> None:
    """List the sensors in the air that tallrun knows."""
    from tallrun.live.pairing import sensors_heard

    folder = data_folder(data_dir)
    emulation = load_emulation(emulate, None, None, None)
    rows = run_radio(sensors_heard(folder, emulation, seconds, battery, everything), emulation)
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(
            "No sensor heard. Switch it on, bring it near, and make sure no phone holds its connection."
        )
        return
    for row in rows:
        level = "  battery not known" if battery and row["titles"] else ""
        if row["battery_pct"] is not None:
            level = f"  battery {row['battery_pct']:.0f} %"
        heard = row["signal"] if row["rssi_dbm"] is None else f"{row['rssi_dbm']} dBm, {row['signal']}"
        typer.echo(f"{row['address']}  {row['name'] or '(no name)':<24} {heard}{level}")
        for title in row["titles"]:
            typer.echo(f"    {title}")
    more = "" if emulate is None else f" --emulate {shlex.quote(str(emulate))}"
    typer.echo(f"Next: tallrun pair PLACE{more}, for example 'tallrun pair foot_left{more}'.")
