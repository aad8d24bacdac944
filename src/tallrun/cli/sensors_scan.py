"""``tallrun scan``: which sensors are in the air, how strong, and what tallrun can do with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.output import print_json
from tallrun.cli.radio import (
    DataDir,
    Emulate,
    data_folder,
    load_configs,
    load_emulation,
    open_air,
    plain,
    run_radio,
)

if TYPE_CHECKING:
    from tallrun.ble import Radio, Sighting
    from tallrun.sensors.config import ConfigSet, FirmwareConfig

_STRONG_DBM, _WEAK_DBM = -70, -85


def scan_sensors(
    seconds: Annotated[float, typer.Option(min=0.5, max=120, help="How long to listen [s].")] = 5.0,
    battery: Annotated[bool, typer.Option("--battery", help="Connect to each known sensor and ask.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="List unknown devices too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    emulate: Emulate = None,
    data_dir: DataDir = None,
) -> None:
    """List the sensors in the air that tallrun knows."""
    folder = data_folder(data_dir)
    emulation = load_emulation(emulate, None, None, None)
    rows = run_radio(_scan(folder, emulation, seconds, battery, everything), emulation)
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(
            "No sensor heard. Switch it on, bring it near, and make sure no phone holds its connection."
        )
        return
    for row in rows:
        level = "" if row["battery_pct"] is None else f"  battery {row['battery_pct']:.0f} %"
        heard = row["signal"] if row["rssi_dbm"] is None else f"{row['rssi_dbm']} dBm, {row['signal']}"
        typer.echo(f"{row['address']}  {row['name'] or '(no name)':<24} {heard}{level}")
        for title in row["titles"]:
            typer.echo(f"    {title}")
    typer.echo("Next: tallrun pair PLACE, for example 'tallrun pair foot_left'.")


async def _scan(
    folder: Path, emulation: Any, seconds: float, battery: bool, everything: bool
) -> list[dict[str, Any]]:
    from tallrun.ble import scan
    from tallrun.ble.link import held

    configs = load_configs(folder)
    rows = []
    async with open_air(folder, emulation) as air:
        paired = {worn.paired.address: worn.config for worn in air.worn}
        left_open = [] if emulation else [item for item in await held(air.radio) if item.address in paired]
        for sighting in [*await scan(air.radio, seconds), *left_open]:
            known = configs.matching(sighting.advertisement)
            if sighting.rssi_dbm is None:
                known = known or [paired[sighting.address]]
            if not known and not everything:
                continue
            level = await _battery_pct(sighting, known[0], air.radio) if battery and known else None
            rows.append(
                {
                    "address": sighting.address,
                    "name": plain(sighting.advertisement.name),
                    "rssi_dbm": sighting.rssi_dbm,
                    "signal": signal_word(sighting.rssi_dbm),
                    "configs": [config.name for config in known],
                    "titles": [config.title for config in known],
                    "battery_pct": level,
                }
            )
    return rows


def signal_word(rssi_dbm: int | None) -> str:
    """Return the signal strength in a word; a sensor without one was not heard but is connected."""
    if rssi_dbm is None:
        return "connected to this computer since an earlier program"
    if rssi_dbm >= _STRONG_DBM:
        return "strong"
    return "fair" if rssi_dbm >= _WEAK_DBM else "weak"


async def _battery_pct(sighting: Sighting, config: FirmwareConfig, radio: Radio) -> float | None:
    """Connect and read the battery; None when the sensor does not tell or does not answer."""
    from tallrun.ble.link import SensorLink, connected
    from tallrun.errors import PacketError, RadioError
    from tallrun.sensors.codecs.battery import decode_battery

    source = config.battery
    if source is None or source.request_to is not None:
        return None
    link = SensorLink(sighting.address, radio, lambda packet: None, lambda: None)
    try:
        async with connected(link, sighting):
            uuid = config.uuid(source.characteristic)
            state = decode_battery(source.format, await link.read(uuid)) if link.has(uuid) else None
    except (RadioError, PacketError):
        return None
    return None if state is None or state.level_pct is None else float(state.level_pct)


def known_sightings(found: list[Sighting], configs: ConfigSet) -> list[tuple[Sighting, list[FirmwareConfig]]]:
    """Return the sightings some config fits, strongest first, each with its configs."""
    pairs = [(sighting, configs.matching(sighting.advertisement)) for sighting in found]
    return [(sighting, known) for sighting, known in pairs if known]
