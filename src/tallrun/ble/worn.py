"""What a session knows about its sensors: which is worn where, how its link does, and what to tell about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallrun.ble.pairing import PairedSensor
from tallrun.sensors.codecs.open_packet import HEADER_BYTES, SAMPLE_BYTES
from tallrun.sensors.codecs.wire import SIZES
from tallrun.sensors.config import FirmwareConfig

LinkState = Literal["waiting", "connecting", "streaming", "lost", "refused", "closed"]
NoticeKind = Literal[
    "connected",
    "missing",
    "lost",
    "silent",
    "returned",
    "refused",
    "small_packets",
    "dropped",
    "bluetooth_away",
    "bluetooth_back",
]

PLACE_WORDS = {
    "foot_left": "left foot sensor",
    "foot_right": "right foot sensor",
    "pelvis": "pelvis sensor",
    "trunk": "trunk sensor",
    "treadmill": "treadmill",
    "heart_rate": "heart-rate strap",
    "foot_pod": "foot pod",
}


@dataclass(frozen=True)
class Worn:
    """A paired sensor with the firmware config that reads it."""

    paired: PairedSensor
    config: FirmwareConfig

    @property
    def sensor(self) -> str:
        """The name this sensor's packets carry: its place."""
        return self.paired.placement


@dataclass(frozen=True)
class Notice:
    """Something the runner may want to know about a sensor, as one plain sentence."""

    host_time_s: float
    sensor: str
    kind: NoticeKind
    text: str


@dataclass
class LinkStatus:
    """How one sensor's link is doing; times are session seconds, None before the first packet."""

    state: LinkState = "waiting"
    packets: int = 0
    last_packet_s: float | None = None
    reconnects: int = 0
    late_packets: int = 0
    rssi_dbm: int | None = None
    has_streamed: bool = False


def needed_payload_bytes(config: FirmwareConfig) -> dict[str, int]:
    """Return the fewest bytes a notification of each data characteristic needs, by UUID: header and one sample.

    A characteristic whose packets may be of any length is absent.
    """
    needed: dict[str, int] = {}
    for packet in config.packets:
        if packet.codec == "open_packet":
            least = HEADER_BYTES + SAMPLE_BYTES
        elif packet.codec == "fixed" and packet.framing == "none":
            sample = sum(SIZES[item.type] * len(item.axes) + item.skip_bytes for item in packet.fields)
            least = packet.samples_at + sample + packet.trailing_bytes
        else:
            continue
        uuid = config.uuid(packet.characteristic)
        needed[uuid] = max(needed.get(uuid, 0), least)
    return needed


def properties_of(config: FirmwareConfig, role: str) -> tuple[str, ...]:
    """Return what the characteristic with ``role`` can do; nothing for an unknown role."""
    return next(
        (
            item.properties
            for service in config.services
            for item in service.characteristics
            if item.role == role
        ),
        (),
    )
