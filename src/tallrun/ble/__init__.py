"""Bluetooth: the central that keeps sensors connected, and a virtual radio that plays recordings as sensors.

* ``link``, ``sequence``, ``settings``, ``watchdog``: one sensor's connection. Only ``link``, ``bluez`` (links
  that BlueZ holds already) and the virtual radio's ``bumble_backend`` import bleak.
* ``session``, ``worn``, ``packets``, ``pairing``: several worn sensors, one stream of packets.
* ``checks``: wrong foot, standing still, moved strap.
* ``radio``, ``peripheral``, ``sources``, ``playback``, ``faults``, ``bumble_backend``: emulated sensors
  (import ``tallrun.ble.radio`` for them; it needs the extra ``emulator``).
* ``clock``: an event loop that can run faster than the wall clock.
"""

from tallrun.ble.link import Limits, Radio, adapter_state, scan
from tallrun.ble.pairing import PairedSensor, Pairing
from tallrun.ble.session import SensorSession
from tallrun.ble.sighting import Sighting
from tallrun.ble.troubles import AdapterError, AdapterState, LinkError, RefusedError
from tallrun.ble.worn import LinkStatus, Notice, Worn
from tallrun.sensors.events import Packet

__all__ = [
    "AdapterError",
    "AdapterState",
    "Limits",
    "LinkError",
    "LinkStatus",
    "Notice",
    "Packet",
    "PairedSensor",
    "Pairing",
    "Radio",
    "RefusedError",
    "SensorSession",
    "Sighting",
    "Worn",
    "adapter_state",
    "scan",
]
