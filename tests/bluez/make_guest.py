"""Make the guest of the Bluetooth tests, ``vmlinuz`` and ``initrd.gz`` in a folder, out of Debian packages.

    python tests/bluez/make_guest.py FOLDER

Once, about a minute. Needs root on Debian or Ubuntu: installs qemu and D-Bus, and unpacks a kernel, BlueZ and busybox
without installing them. A guest that is there and made by this very code is left as it is.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
INSTALLED = (
    "qemu-system-x86 gcc libc6-dev dbus-daemon dbus-system-bus-common "
    "libglib2.0-0 libdw1 libreadline8 libudev1 libasound2"
)
UNPACKED = "bluez busybox-static"
MODULES = "virtio_pci virtio_net cmac ecb ecdh_generic algif_hash algif_skcipher uhid bluetooth hci_vhci"
APPLETS = (
    "sh mount mkdir insmod ifconfig sleep cat cut ls kill killall echo ps rm touch grep head tail id dmesg"
)
FILES = {
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nmessagebus:x:101:101::/:/bin/false\nrunner:x:1000:1000::/:/bin/sh\n",
    "etc/group": "root:x:0:\nmessagebus:x:101:\nbluetooth:x:102:\nrunner:x:1000:\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "var/lib/dbus/machine-id": "0123456789abcdef0123456789abcdef\n",
}
FOLDERS = "proc sys dev run/dbus tmp root var/run var/lib/bluetooth"


class Archive:
    """A cpio archive in the format the kernel unpacks."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[int, bytes]] = {}

    def add(self, path: str, content: bytes, mode: int = 0o100755) -> None:
        """Add a file, and the folders above it."""
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts)):
            self.entries.setdefault("/".join(parts[:depth]), (0o040755, b""))
        self.entries["/".join(parts)] = (mode, content)

    def add_program(self, source: Path, target: str) -> None:
        """Add a program and the libraries it is linked with."""
        self.add(target, source.read_bytes())
        listed = subprocess.run(["ldd", source], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            self.add(library, Path(library).resolve().read_bytes())

    def write(self, path: Path) -> None:
        """Write the archive, compressed."""
        with gzip.open(path, "wb", 1) as out:
            for number, (name, (mode, content)) in enumerate(
                [*sorted(self.entries.items()), ("TRAILER!!!", (0, b""))], 1
            ):
                head = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
                entry = b"070701" + b"".join(b"%08X" % value for value in head) + name.encode() + b"\0"
                out.write(entry + b"\0" * (-len(entry) % 4) + content + b"\0" * (-len(content) % 4))


def modules(root: Path) -> list[Path]:
    """Return the files of ``MODULES`` and all they depend on, in the order to load them."""
    known = {path.stem.replace("-", "_"): path for path in (root / "lib/modules").rglob("*.ko")}
    ordered: dict[str, Path] = {}

    def need(name: str) -> None:
        name = name.replace("-", "_")
        if name in ordered or name not in known:
            return
        for depends in re.findall(rb"\0depends=([^\0]*)\0", known[name].read_bytes()):
            for other in filter(None, depends.decode().split(",")):
                need(other)
        ordered[name] = known[name]

    for name in MODULES.split():
        need(name)
    return list(ordered.values())


def make(folder: Path) -> None:
    """Install, unpack, compile and pack."""
    quiet = {
        "check": True,
        "stdout": subprocess.DEVNULL,
        "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    }
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *INSTALLED.split()], **quiet
    )
    depends = subprocess.run(
        ["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=True
    )
    kernel = re.search(r"Depends: (linux-image-\S+)", depends.stdout)
    if kernel is None:
        raise SystemExit("no kernel package: is this Debian?")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        subprocess.run(["apt-get", "download", "-qq", kernel[1], *UNPACKED.split()], cwd=root, **quiet)
        for package in root.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, root], check=True)
        subprocess.run(["gcc", "-O2", "-static", "-o", root / "relay", HERE / "guest/relay.c"], check=True)
        archive = Archive()
        for path in (loaded := modules(root)):
            archive.add(f"lib/modules/{path.stem}.ko", path.read_bytes())
        archive.add("modules", "\n".join(path.stem for path in loaded).encode())
        archive.add("bin/busybox", (root / "bin/busybox").read_bytes())
        for applet in APPLETS.split():
            archive.entries[f"bin/{applet}"] = (0o120777, b"/bin/busybox")
        archive.add("bin/relay", (root / "relay").read_bytes())
        archive.add_program(root / "usr/libexec/bluetooth/bluetoothd", "usr/libexec/bluetooth/bluetoothd")
        for tool in ("bluetoothctl", "btmgmt"):
            archive.add_program(root / "usr/bin" / tool, f"usr/bin/{tool}")
        archive.add_program(Path("/usr/bin/dbus-daemon"), "usr/bin/dbus-daemon")
        archive.add(
            "usr/share/dbus-1/system.conf", Path("/usr/share/dbus-1/system.conf").read_bytes(), 0o100644
        )
        for name in ("etc/dbus-1/system.d/bluetooth.conf", "etc/bluetooth/main.conf"):
            archive.add(name, (root / name).read_bytes(), 0o100644)
        for name, text in FILES.items():
            archive.add(name, text.encode(), 0o100644)
        for name in FOLDERS.split():
            archive.add(f"{name}/.keep", b"")
        archive.add("init", (HERE / "guest/init").read_bytes())
        folder.mkdir(parents=True, exist_ok=True)
        archive.write(folder / "initrd.gz")
        image = next((root / "boot").glob("vmlinuz-*"))
        (folder / "vmlinuz").write_bytes(image.read_bytes())


def made_by() -> str:
    """Return what tells guests of different code apart."""
    sources = [Path(__file__), *sorted((HERE / "guest").iterdir())]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def is_made(folder: Path) -> bool:
    """Say whether the guest in ``folder`` was made by this code."""
    stamp = folder / "made_by"
    return stamp.exists() and stamp.read_text() == made_by()


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if not is_made(target):
        make(target)
        (target / "made_by").write_text(made_by())
