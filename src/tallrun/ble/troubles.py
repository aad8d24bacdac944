"""What can be wrong with Bluetooth on this machine, and what to do about it on each system."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from tallrun.errors import RadioError

Trouble = Literal[
    "no_adapter", "no_low_energy", "powered_off", "permission_denied", "user_refused", "no_service", "unknown"
]
System = Literal["linux", "macos", "windows"]

WHAT: dict[Trouble, str] = {
    "no_adapter": "This computer has no Bluetooth adapter that can be used",
    "no_low_energy": "The Bluetooth adapter cannot talk to low-energy sensors",
    "powered_off": "Bluetooth is switched off",
    "permission_denied": "This program is not allowed to use Bluetooth",
    "user_refused": "The system's message bus refuses this program's user",
    "no_service": "The system's Bluetooth service does not answer",
    "unknown": "Bluetooth cannot be used, and the system does not say why",
}

REMEDY: dict[Trouble, dict[System, str]] = {
    "no_adapter": {
        "linux": "plug in a Bluetooth 4.0 or newer USB adapter; 'bluetoothctl list' must show it",
        "macos": "check System Settings > Bluetooth; in a virtual machine pass a USB adapter through",
        "windows": "plug in a Bluetooth 4.0 or newer adapter and check Device Manager > Bluetooth",
    },
    "no_low_energy": {
        "linux": "use a Bluetooth 4.0 or newer USB adapter, and remove 'ControllerMode = bredr' from main.conf",
        "macos": "use a Mac from 2012 or newer",
        "windows": "use a Bluetooth 4.0 or newer adapter",
    },
    "powered_off": {
        "linux": "run 'rfkill unblock bluetooth' and then 'bluetoothctl power on'",
        "macos": "switch it on in System Settings > Bluetooth",
        "windows": "switch it on in Settings > Bluetooth & devices",
    },
    "permission_denied": {
        "linux": "add yourself to the group 'bluetooth' (sudo usermod -aG bluetooth $USER) and log in again",
        "macos": "allow your terminal in System Settings > Privacy & Security > Bluetooth, then start it again",
        "windows": "allow desktop apps in Settings > Privacy & security > Bluetooth (Radios)",
    },
    "user_refused": {
        "linux": "in a container run with the user id that the system outside knows (for Docker: --user $(id -u)); "
        "elsewhere start it from your own login",
        "macos": "start it from your own login",
        "windows": "start it from your own login",
    },
    "no_service": {
        "linux": "install BlueZ and start it: 'sudo systemctl enable --now bluetooth'; in a container pass in "
        "/run/dbus/system_bus_socket",
        "macos": "restart the computer",
        "windows": "start the service 'Bluetooth Support Service' (bthserv)",
    },
    "unknown": {
        "linux": "restart it: 'sudo systemctl restart bluetooth', then look at 'journalctl -u bluetooth'",
        "macos": "switch Bluetooth off and on in System Settings, then try again",
        "windows": "switch Bluetooth off and on in Settings, then try again",
    },
}


def this_system(platform: str = sys.platform) -> System:
    """Return which of the three systems this is; anything that is neither macOS nor Windows counts as Linux."""
    if platform == "darwin":
        return "macos"
    return "windows" if platform.startswith("win") else "linux"


class AdapterError(RadioError):
    """Bluetooth itself cannot be used here; ``trouble`` says why, ``remedy`` what to do on this system."""

    def __init__(self, trouble: Trouble, detail: str = "", system: System | None = None) -> None:
        self.trouble = trouble
        self.remedy = REMEDY[trouble][system or this_system()]
        told = f" ({detail})" if detail else ""
        super().__init__(f"{WHAT[trouble]}{told}. What to do: {self.remedy}.")


class LinkError(RadioError):
    """One sensor cannot be reached or does not do what its config says; other sensors are not affected."""

    def __init__(self, sensor: str, text: str, *, command: str = "") -> None:
        self.sensor = sensor
        super().__init__(text, command=command)


class RefusedError(LinkError):
    """The sensor answered, and refused its settings; trying again will not help."""


@dataclass(frozen=True)
class AdapterState:
    """What ``tallrun doctor`` tells about Bluetooth; ``remedy`` is empty when all is well."""

    is_usable: bool
    text: str
    remedy: str = ""
