"""A recorded run decoded anew from its packets, and how far that is from the signals that were kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tallrun.errors import SessionError
from tallrun.live.devices import load_configs
from tallrun.live.rebuild import bindings_of, rebuild
from tallrun.numerics.recording import Recording
from tallrun.sessions.folder import read_info
from tallrun.sessions.recorder import OWN_SENSOR, read_packets


def recording_from_packets(session: Path, stored: Recording, folder: Path) -> tuple[Recording, list[str]]:
    """Decode ``packets.arrow`` as the live run did; markers are those of the session. folder : of the records.

    Returns the recording and what must be said about it.
    Raises SessionError when the session has no packets, ConfigError when it does not say how to decode them.
    """
    if not (session / "packets.arrow").exists():
        raise SessionError(
            f"{session} has no packets.arrow (imported or simulated)",
            command="; replay it without --from-packets",
        )
    start = {key: value for key, value in read_info(session).items() if key != "sensors"}
    configs = load_configs(folder)
    used = bindings_of(start, configs)
    packets = (packet for packet in read_packets(session) if packet.sensor != OWN_SENSOR)
    found = replace(rebuild(start, packets, configs), markers=stored.markers)
    notes = ["Samples were decoded anew from packets.arrow, not read from the frozen signals."]
    for place, config in used.items():
        if start["bindings"][place].get("sha256") not in (None, config.sha256):
            notes.append(f"The sensor config {config.name} ({place}) has changed since; values may differ.")
    for place, sensor in found.sensors.items():
        frozen = stored.sensors.get(place)
        if frozen is None or len(frozen.t_s) != len(sensor.t_s):
            notes.append(
                f"{place}: {len(sensor.t_s)} samples decoded, {0 if frozen is None else len(frozen.t_s)} frozen."
            )
        elif len(sensor.t_s) and (off := float(abs(sensor.t_s - frozen.t_s).max())) > 0.0:
            notes.append(f"{place}: decoded times differ from the frozen ones by up to {1000 * off:.3f} ms.")
    return found, notes
