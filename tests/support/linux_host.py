"""A Linux host with a real Bluetooth stack: kernel, bluetoothd and D-Bus in a small virtual machine.

tallrun runs here, with bleak as it is; the guest's adapter is a bumble controller beside our emulated sensors.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SESSION = ROOT / "recordings" / "demo_treadmill"
ADDRESSES = {
    "foot_left": "C0:DE:00:00:00:01",
    "foot_right": "C0:DE:00:00:00:02",
    "pelvis": "C0:DE:00:00:00:03",
}
BOOT_S = 120.0
QEMU = (
    "qemu-system-x86_64 -machine q35 -accel tcg -cpu max -smp 1 -m 256 "
    "-nographic -nodefaults -no-reboot -monitor none"
)
KERNEL_WORDS = "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable no_timer_check audit=0"


def free_port() -> int:
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return int(some.getsockname()[1])


def wait_for(what: str, is_so: object, seconds: float) -> None:
    end_s = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        if time.monotonic() > end_s:
            pytest.fail(f"{what} did not come within {seconds:g} s")
        time.sleep(0.2)


@dataclass
class Host:
    """The guest, the air around it, and tallrun beside it."""

    folder: Path
    guest: Path
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(4)])
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    programs: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self) -> None:
        hci, _, bus, other_bus = self.ports
        console = self.folder / "console.log"
        doors = "".join(
            f",hostfwd=tcp:127.0.0.1:{port}-:{9000 + door}" for door, port in enumerate(self.ports)
        )
        words = [*QEMU.split(), "-serial", f"file:{console}", "-netdev", f"user,id=n0{doors}"]
        words += ["-device", "virtio-net-pci,netdev=n0,romfile="]
        words += ["-kernel", str(self.guest / "vmlinuz"), "-initrd", str(self.guest / "initrd.gz")]
        self._run([*words, "-append", KERNEL_WORDS], "qemu.log")
        wait_for("the guest", lambda: console.exists() and b"GUEST-UP" in console.read_bytes(), BOOT_S)
        script = ROOT / "tests" / "bluez" / "air.py"
        numbers = [str(port) for port in (hci, bus, other_bus)]
        self._run([sys.executable, str(script), str(self.folder), *numbers, str(SESSION)], "air.log")
        wait_for("the air", (self.folder / "air").exists, 60.0)
        self.wait_powered()

    def wait_powered(self) -> None:
        wait_for("an adapter that is on", lambda: "Powered: yes" in self.sh("bluetoothctl show"), 60.0)

    def _run(self, words: list[str], log: str) -> None:
        words = ["setpriv", "--pdeathsig", "KILL", *words]  # a test run that is killed leaves no guest behind
        # Radio and sensors have processors of their own: tests beside them must not take their time (root may say so).
        words = ["nice", "-n", "-10", *words]
        with (self.folder / log).open("wb") as out:
            self.processes.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out))

    def log(self, name: str) -> str:
        """Return the end of what a process of this host wrote."""
        return (self.folder / name).read_text(errors="replace")[-4000:]

    def stop(self) -> None:
        self.end_programs()
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def sh(self, line: str) -> str:
        """Run a line in the guest's shell."""
        with socket.create_connection(("127.0.0.1", self.ports[1]), 20) as shell:
            shell.sendall(f"{line}\nexit\n".encode())
            return b"".join(iter(lambda: shell.recv(65536), b"")).decode(errors="replace")

    def air(self, line: str) -> None:
        """Let something happen in the air; see ``air.py``."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(20)
            door.connect(str(self.folder / "air"))
            door.sendall(f"{line}\n".encode())
            assert door.recv(1000) == b"ok\n"

    def start_tallrun(self, *words: str, bus: str = "bus") -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder / bus}",
            "TALLRUN_DATA_DIR": str(self.folder / "data"),
        }
        program = subprocess.Popen(
            [str(Path(sys.executable).with_name("tallrun")), *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.programs.append(program)
        return program

    def end_programs(self) -> None:
        """End what a failed test left running."""
        while self.programs:
            program = self.programs.pop()
            program.kill()
            program.wait()

    def tallrun(self, *words: str, bus: str = "bus", seconds: float = 120.0) -> tuple[int, str]:
        """Run a command; return its exit code and all it said."""
        process = self.start_tallrun(*words, bus=bus)
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"tallrun {' '.join(words)} did not end: {process.communicate()[0]}")
        return process.returncode, said

    def connected(self) -> set[str]:
        """Return the addresses BlueZ is connected to."""
        listed = self.sh("bluetoothctl devices Connected")
        return {address for address in ADDRESSES.values() if address in listed}
