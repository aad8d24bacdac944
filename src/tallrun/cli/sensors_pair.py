"""``tallrun pair``: which sensor is worn where, pinned by identity; and whether the feet are right."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.radio import (
    DataDir,
    Emulate,
    data_folder,
    load_configs,
    load_emulation,
    load_pairing,
    open_air,
    plain,
    run_radio,
    save_pairing,
    tell,
)
from tallrun.errors import EntryError, RadioError

if TYPE_CHECKING:
    from tallrun.ble import PairedSensor, Pairing, Sighting
    from tallrun.sensors.config import FirmwareConfig

_LIFT_S = 4.0
_STEADY_S = 1.0


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
            _choose(folder, emulation, pairing, place, address, config, seconds), emulation
        )
        save_pairing(folder, pairing.with_sensor(paired))
        typer.echo(f"{place}: {paired.address} {plain(paired.name)} as {paired.config}")
        for text in limits:
            typer.echo(f"  note: {text}")


def _list(pairing: Pairing) -> None:
    if not pairing.sensors:
        typer.echo("Nothing is paired yet. Start with 'tallrun scan'.")
    for sensor in pairing.sensors:
        typer.echo(f"{sensor.placement:<11} {sensor.address}  {plain(sensor.name)}  {sensor.config}")


async def _choose(
    folder: Path,
    emulation: Any,
    pairing: Pairing,
    place: str,
    address: str | None,
    config_name: str | None,
    seconds: float,
) -> tuple[PairedSensor, list[str]]:
    from tallrun.ble import PairedSensor, scan
    from tallrun.ble.pairing import WEARABLE
    from tallrun.cli.sensors_scan import known_sightings
    from tallrun.sensors.warnings import placement_warnings

    if place not in WEARABLE:
        raise EntryError(f"no place called {place!r}; there are {', '.join(WEARABLE)}")
    configs = load_configs(folder)
    async with open_air(folder, emulation) as air:
        found = known_sightings(await scan(air.radio, seconds, {address} if address else ()), configs)
    elsewhere = {sensor.address for sensor in pairing.sensors if sensor.placement != place}
    fitting = [
        (sighting, [item for item in known if _suits(item, place)])
        for sighting, known in found
        if (sighting.address == address if address else sighting.address not in elsewhere)
    ]
    fitting = [(sighting, known) for sighting, known in fitting if known]
    sighting, known = _only(fitting, place)
    chosen = _config(known, config_name, sighting)
    limits = placement_warnings(chosen, place)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    name = sighting.advertisement.name or ""
    return PairedSensor(place, sighting.address, chosen.name, name, now), limits


def _suits(config: FirmwareConfig, place: str) -> bool:
    return config.kind == place if place in ("treadmill", "heart_rate", "foot_pod") else config.kind == "imu"


def _only(
    fitting: list[tuple[Sighting, list[FirmwareConfig]]], place: str
) -> tuple[Sighting, list[FirmwareConfig]]:
    if not fitting:
        raise RadioError(
            f"no unpaired sensor for {place} was heard; switch it on and bring it near ('tallrun scan --all')"
        )
    if len(fitting) > 1:
        heard = ", ".join(
            f"{item.address} {plain(item.advertisement.name)} ({item.rssi_dbm} dBm)"
            for item, _ in fitting[:8]
        )
        raise RadioError(
            f"{len(fitting)} sensors could be the one for {place}: {heard}. Say which with --address"
        )
    return fitting[0]


def _config(known: list[FirmwareConfig], name: str | None, sighting: Sighting) -> FirmwareConfig:
    names = ", ".join(item.name for item in known)
    if name is not None:
        for item in known:
            if item.name == name:
                return item
        raise EntryError(f"{sighting.address} does not fit the config {name!r}; it fits {names}")
    if len(known) > 1:
        raise EntryError(f"{sighting.address} fits several configs ({names}); say which with --config")
    return known[0]


def _check_feet(folder: Path, emulation: Any, pairing: Pairing, yes: bool) -> None:
    typer.echo("Stand still on both feet. Then lift the LEFT foot, shake it a little and put it down.")
    lifted = run_radio(_lifted(folder, emulation), emulation)
    if lifted is None:
        raise RadioError("it is not clear which foot moved; stand still on the right foot and try again")
    if lifted == "foot_left":
        typer.echo("Right: the left foot's sensor moved.")
        return
    typer.echo("The sensors are swapped: the one paired as foot_right moved.")
    if emulation is None and (yes or typer.confirm("Change them over?", default=True)):
        save_pairing(folder, pairing.feet_swapped())
        typer.echo("Changed over.")


async def _lifted(folder: Path, emulation: Any) -> str | None:
    from tallrun.ble.checks import lifted_foot
    from tallrun.cli.sensors_calibrate import collect

    async with open_air(folder, emulation) as air:
        feet = [worn for worn in air.worn if worn.sensor in ("foot_left", "foot_right")]
        if len(feet) != 2:
            raise EntryError("pair foot_left and foot_right first")
        samples = await collect(feet, air.radio, _STEADY_S, _LIFT_S, tell)
    return lifted_foot({place: acc for place, (_, acc, _) in samples.items()})
