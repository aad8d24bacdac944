"""What comes from the radio, and what ingest tells of it: one small frozen class per kind of news.

Times are seconds since the session's start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tallrun.numerics.recording import SampleBlock


class Packet(NamedTuple):
    """One value from a sensor as it came, notified or read, and as the packet log keeps it.

    host_time_s : the host's monotonic clock less the session's start.
    characteristic : full lower-case UUID.
    """

    host_time_s: float
    sensor: str
    characteristic: str
    payload: bytes


@dataclass(frozen=True)
class Gap:
    """Samples that never came; nothing is filled in.

    ``start_s`` is the last sample before, ``end_s`` the first after. ``inferred`` marks a sensor without
    stamps or counter, where the loss was found from arrival times only.
    """

    sensor: str
    start_s: float
    end_s: float
    missing_samples: int
    inferred: bool = False


@dataclass(frozen=True)
class ClockReset:
    """The sensor's own clock jumped by ``step_s`` (it restarted, or stepped); the time line goes on."""

    sensor: str
    t_s: float
    step_s: float


@dataclass(frozen=True)
class Battery:
    """Battery state; each number is None when the sensor does not tell it."""

    sensor: str
    t_s: float
    level_pct: float | None = None
    voltage_v: float | None = None


@dataclass(frozen=True)
class TreadmillReading:
    """Belt state as the machine tells it; ``incline_pct`` is up positive; None where not told."""

    sensor: str
    t_s: float
    speed_mps: float | None = None
    incline_pct: float | None = None
    total_distance_m: float | None = None
    elapsed_s: float | None = None


@dataclass(frozen=True)
class HeartRateReading:
    """Heart rate; ``has_contact`` is None when the strap cannot tell.

    bpm : NaN when unknown: the strap sent 0, or said that it has no contact to the skin.
    """

    sensor: str
    t_s: float
    bpm: float
    rr_s: tuple[float, ...] = ()
    has_contact: bool | None = None


@dataclass(frozen=True)
class FootPodReading:
    """Summary of a running-speed pod; cadence is steps of both feet, by the config's multiplier."""

    sensor: str
    t_s: float
    speed_mps: float | None = None
    cadence_spm: float | None = None
    stride_length_m: float | None = None
    total_distance_m: float | None = None
    is_running: bool | None = None


@dataclass(frozen=True)
class UnknownPacket:
    """Bytes that no decoder of this sensor took, and why. ``why`` is plain text, without sensor-made text."""

    sensor: str
    t_s: float
    characteristic: str
    payload: bytes
    why: str


@dataclass(frozen=True)
class TapAlignment:
    """Sensors tapped together: how far each one's taps lie from the common instants.

    offsets_s : by sensor, after the clock fit [s]; empty when no two sensors felt two common taps.
    residual_s : largest spread between the sensors over the matched taps once the offsets are removed;
        None when nothing matched.
    applied : whether the clocks are corrected by it (the first one found; later ones are only a check).
    """

    t_s: float
    offsets_s: dict[str, float] = field(hash=False)
    residual_s: float | None
    applied: bool


SensorEvent = (
    SampleBlock
    | Gap
    | ClockReset
    | Battery
    | TreadmillReading
    | HeartRateReading
    | FootPodReading
    | UnknownPacket
    | TapAlignment
)
