"""A device that was found: by a scan, or because the system holds a connection to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tallrun.sensors.config import Advertisement


@dataclass(frozen=True)
class Sighting:
    """One device a scan heard, or one the system holds a connection to and that therefore says nothing.

    address : what pairing pins (macOS gives a UUID instead of an address).
    rssi_dbm : None for a held device. device : bleak's own word for it.
    """

    address: str
    advertisement: Advertisement
    rssi_dbm: int | None
    device: Any = field(repr=False, compare=False)
