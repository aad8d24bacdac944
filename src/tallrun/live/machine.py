"""What this machine can do for a run, one check a thing, and what to do where it cannot."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tallrun.errors import TallrunError
from tallrun.kernel_cache import is_ready

_HOUR_BYTES = 60 * 2**20  # three sensors at 208 Hz: packets and signals of one hour, with room
_LEAST_FREE_BYTES = 500 * 2**20
_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "firefox",
    "microsoft-edge",
)
_LEAST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One check: ``remedy`` is empty when all is well."""

    check: str
    ok: bool
    text: str
    remedy: str = ""


#: Without these no run can be recorded.
NEEDED = ("python", "bluetooth", "folder", "disk")


def _python(_data_dir: Path | None) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= _LEAST_PYTHON
    return Finding("python", fine, f"Python {version}", "" if fine else "install Python 3.11 or newer")


def _bluetooth(_data_dir: Path | None) -> Finding:
    from tallrun.ble import Radio, adapter_state

    async def ask() -> Finding:
        state = await adapter_state(Radio())
        return Finding("bluetooth", state.is_usable, state.text, state.remedy)

    return asyncio.run(ask())


def _emulator(_data_dir: Path | None) -> Finding:
    there = importlib.util.find_spec("bumble") is not None
    text = (
        "emulated sensors can be used"
        if there
        else "emulated sensors ('tallrun demo', --emulate) are not installed"
    )
    return Finding("emulator", there, text, "" if there else "pip install 'tallrun[emulator]'")


def _folder(data_dir: Path | None) -> Finding:
    from tallrun.store.location import data_folder, make_private_folder

    folder = data_folder(data_dir)
    try:
        make_private_folder(folder)
        probe = folder / ".doctor"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except (TallrunError, OSError) as error:
        return Finding(
            "folder", False, f"{folder} cannot be written: {error}", "choose another with --data-dir"
        )
    is_private = os.name == "nt" or folder.stat().st_mode & 0o077 == 0
    remedy = "" if is_private else f"chmod 700 '{folder}'"
    return Finding(
        "folder", is_private, f"{folder} is {'private' if is_private else 'open to others'}", remedy
    )


def _disk(data_dir: Path | None) -> Finding:
    from tallrun.store.location import data_folder

    place = data_folder(data_dir)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:.1f} GB free, about {free // _HOUR_BYTES} hours of three sensors"
    fine = free >= _LEAST_FREE_BYTES
    return Finding("disk", fine, text, "" if fine else "free at least 500 MB before a run")


def _browser(_data_dir: Path | None) -> Finding:
    import webbrowser

    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        try:
            found = webbrowser.get().name
        except webbrowser.Error:
            remedy = "open the address 'tallrun serve' prints in a browser of another device (--lan)"
            return Finding("browser", False, "no browser on this machine", remedy)
    return Finding("browser", True, f"pages can be opened with {found}")


def kernels(_data_dir: Path | None) -> Finding:
    """Tell whether every kernel of this copy of the package is compiled."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR", ""))
    compiled = sum(1 for _ in folder.rglob("*.o")) if folder.is_dir() else 0
    if is_ready():
        return Finding("kernels", True, f"{compiled} compiled kernels are ready")
    remedy = "the first run compiles them (a minute or so); 'tallrun doctor --compile' does it beforehand"
    return Finding(
        "kernels", False, "kernels half compiled" if compiled else "no compiled kernels yet", remedy
    )


CHECKS: tuple[Callable[[Path | None], Finding], ...] = (
    _python,
    _bluetooth,
    _emulator,
    _folder,
    _disk,
    _browser,
    kernels,
)
