"""``tallrun pair``: which sensor is worn where, pinned by identity; and whether the feet are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli.radio import DataDir, Emulate, data_folder, load_emulation, tell
from tallrun.errors import RadioError
from tallrun.live.devices import Emulation, load_pairing, run_radio, save_pairing

if TYPE_CHECKING:
    from tallrun.ble import Pairing


def pair_sensor(
    place: Annotated[
        str | None,
        typer.Argument(help="foot_left, foot_right, pelvis, trunk, treadmill, heart_rate or foot_pod."),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Identity from 'tallrun scan'; else the only one heard.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="Firmware config, where a sensor fits several.")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=120, help="How long to listen [s].")] = 5.0,
    check_feet: Annotated[
        bool, typer.Option("--check-feet", help="Find swapped feet by lifting the left one.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Forget the sensor of PLACE.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Change swapped feet over without asking.")] = False,
    emulate: Emulate = None,
    data_dir: DataDir = None,
) -> None:
    """Say which sensor is worn where. Without PLACE: list what is paired."""
    from tallrun.live.pairing import choose_sensor, plain

    folder = data_folder(data_dir)
    emulation = load_emulation(emulate, None, None, None)
    pairing = load_pairing(folder)
    if check_feet:
        _check_feet(folder, emulation, pairing, yes)
    elif place is None:
        _list(pairing)
    elif forget:
        save_pairing(folder, pairing.without(place))
        typer.echo(f"{place}: forgotten")
    else:
        paired, limits = run_radio(
            choose_sensor(folder, emulation, pairing, place, address, config, seconds), emulation
        )
        save_pairing(folder, pairing.with_sensor(paired))
        typer.echo(f"{place}: {paired.address} {plain(paired.name)} as {paired.config}")
        for text in limits:
            typer.echo(f"  note: {text}")


def _list(pairing: Pairing) -> None:
    from tallrun.live.pairing import plain

    if not pairing.sensors:
        typer.echo("Nothing is paired yet. Start with 'tallrun scan'.")
    for sensor in pairing.sensors:
        typer.echo(f"{sensor.placement:<11} {sensor.address}  {plain(sensor.name)}  {sensor.config}")


def _check_feet(folder: Path, emulation: Emulation | None, pairing: Pairing, yes: bool) -> None:
    from tallrun.live.pairing import lifted_foot

    typer.echo("Stand still on both feet. Then lift the LEFT foot, shake it a little and put it down.")
    lifted = run_radio(lifted_foot(folder, emulation, tell), emulation)
    if lifted is None:
        raise RadioError("it is not clear which foot moved; stand still on the right foot and try again")
    if lifted == "foot_left":
        typer.echo("Right: the left foot's sensor moved.")
        return
    typer.echo("The sensors are swapped: the one paired as foot_right moved.")
    if emulation is None and (yes or typer.confirm("Change them over?", default=True)):
        save_pairing(folder, pairing.feet_swapped())
        typer.echo("Changed over.")
