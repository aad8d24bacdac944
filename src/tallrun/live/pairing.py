"""Which sensor is worn where: the only one heard that fits, and whether the feet are right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallrun.errors import EntryError, RadioError
from tallrun.live.calibration import collect
from tallrun.live.devices import Emulation, load_configs, open_air

if TYPE_CHECKING:
    from tallrun.ble import Notice, PairedSensor, Pairing, Radio, Sighting
    from tallrun.sensors.config import ConfigSet, FirmwareConfig

_LIFT_S = 4.0
_STEADY_S = 1.0
_STRONG_DBM, _WEAK_DBM = -70, -85
#: A link may fail once without a reason; who asked for the battery would only ask again.
BATTERY_TRIES = 2


async def sensors_heard(
    folder: Path, emulation: Emulation | None, seconds: float, battery: bool, everything: bool
) -> list[dict[str, Any]]:
    """Return the sensors in the air that some config fits, or all, each with its signal and, if asked, its battery."""
    from tallrun.ble import scan
    from tallrun.ble.link import held

    configs = load_configs(folder)
    rows = []
    async with open_air(folder, emulation) as air:
        emulated = (
            {} if air.virtual is None else {item.paired.address: item.sensor for item in air.virtual.worn()}
        )
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
                    "emulates": emulated.get(sighting.address),
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
    """Connect and read the battery; None when the sensor does not tell or answers neither time."""
    from tallrun.ble.link import SensorLink, connected
    from tallrun.errors import PacketError, RadioError
    from tallrun.sensors.codecs.battery import decode_battery

    source = config.battery
    if source is None or source.request_to is not None:
        return None
    uuid = config.uuid(source.characteristic)
    for _ in range(BATTERY_TRIES):
        link = SensorLink(sighting.address, radio, lambda packet: None, lambda: None)
        try:
            async with connected(link, sighting):
                state = decode_battery(source.format, await link.read(uuid)) if link.has(uuid) else None
        except RadioError:
            continue
        except PacketError:
            return None
        return None if state is None or state.level_pct is None else float(state.level_pct)
    return None


def known_sightings(found: list[Sighting], configs: ConfigSet) -> list[tuple[Sighting, list[FirmwareConfig]]]:
    """Return the sightings some config fits, strongest first, each with its configs."""
    pairs = [(sighting, configs.matching(sighting.advertisement)) for sighting in found]
    return [(sighting, known) for sighting, known in pairs if known]


async def choose_sensor(
    folder: Path,
    emulation: Emulation | None,
    pairing: Pairing,
    place: str,
    address: str | None,
    config_name: str | None,
    seconds: float,
) -> tuple[PairedSensor, list[str]]:
    """Return the one sensor heard that can be worn at ``place``, and what it cannot do there; nothing is stored.

    Raises RadioError when none or several could be meant, EntryError for a place or config that is none.
    """
    from tallrun.ble import PairedSensor, scan
    from tallrun.ble.pairing import WEARABLE
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
            f"no unpaired sensor for {place} was heard; switch it on and bring it near",
            command=" ('tallrun scan --all')",
        )
    if len(fitting) > 1:
        heard = ", ".join(
            f"{item.address} {plain(item.advertisement.name)} ({item.rssi_dbm} dBm)"
            for item, _ in fitting[:8]
        )
        raise RadioError(
            f"{len(fitting)} sensors could be the one for {place}: {heard}",
            command=". Say which with --address",
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
        raise EntryError(
            f"{sighting.address} fits several configs ({names})", command="; say which with --config"
        )
    return known[0]


async def lifted_foot(
    folder: Path, emulation: Emulation | None, on_notice: Callable[[Notice], None]
) -> str | None:
    """Return the place whose sensor moved while the left foot was lifted, None when that is not clear."""
    from tallrun.ble.checks import lifted_foot as moved

    async with open_air(folder, emulation) as air:
        feet = [worn for worn in air.worn if worn.sensor in ("foot_left", "foot_right")]
        if len(feet) != 2:
            raise EntryError("pair foot_left and foot_right first")
        samples = await collect(feet, air.radio, _STEADY_S, _LIFT_S, on_notice)
    return moved({place: acc for place, (_, acc, _) in samples.items()})


def plain(text: str | None, longest: int = 40) -> str:
    """Return a sensor-made text fit for a terminal: printable characters only, not too long."""
    kept = "".join(character for character in text or "" if character.isprintable())
    return kept[:longest]
