"""Where compiled kernels are kept between runs, and whether they are all there.

Those of the gait room are object files named after all they follow from (``tallrun.machine_code``). Those of the
simulator are numba's own, which does not notice edits in a helper that lives in another file than the kernel, and would
silently run the old machine code: the folder is named after the text of their sources.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

#: Rooms that numba keeps kernels of; beside these, ``tallrun.units``, whose numbers are compiled in.
NUMBA_ROOMS = ("numerics", "simulate")
#: Rooms that any kernels follow from.
KERNEL_ROOMS = (*NUMBA_ROOMS, "gait")
#: Kernels of another version go when nothing has used them for so long.
KEPT_DAYS = 30.0
_DAY_S = 86400.0
_END = "all"  # a mark that was cut off vouches for nothing
_NAME = re.compile(r"[0-9a-f]{16}")


def kernel_fingerprint(rooms: tuple[str, ...] = NUMBA_ROOMS, package: Path = Path(__file__).parent) -> str:
    """Return a short hash over name and text of every source in these rooms of a ``tallrun`` package."""
    digest = sha256()
    sources = [
        package / "units.py",
        *(path for room in rooms for path in sorted((package / room).glob("*.py"))),
    ]
    for source in sources:
        text = source.read_bytes()
        digest.update(f"{source.relative_to(package).as_posix()}:{len(text)};".encode() + text)
    return digest.hexdigest()[:16]


def use_kernel_cache() -> None:
    """Point numba at that folder. A set NUMBA_CACHE_DIR wins.

    ``import tallrun`` does it, for whoever uses the rooms as a library, too. Numba reads the setting when it is
    imported; one that was imported before is told.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    folder = own_folder() / kernel_fingerprint()
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    with suppress(OSError):
        os.utime(folder)  # in use: it stays
    if numba := sys.modules.get("numba"):
        numba.config.CACHE_DIR = str(folder)


def own_folder() -> Path:
    """Return where the kernels of all versions lie, each in a folder of its own."""
    from platformdirs import user_cache_path

    return user_cache_path("tallrun") / "kernels"


def is_ready() -> bool:
    """Return whether every kernel of this copy of the package is there for this Python and this machine."""
    mark = _mark()
    try:
        *names, end = mark.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return False
    return end == _END and all(os.access(mark.parent / name, os.R_OK) for name in names)


def prepare(warm_up: Callable[[], None], load: bool = False) -> None:
    """Compile what is not compiled yet and say so on stderr: a silent minute looks like a hang.

    Half compiled is not ready: only a ``warm_up`` that came to its end leaves the mark that is looked for, with the
    names of the files it loaded. Then kernels of other versions that nothing has used for ``KEPT_DAYS`` are removed.
    load : call ``warm_up`` all the same where all is ready, so that no live sample waits for a file.
    """
    if is_ready():
        if load:
            warm_up()
        return
    with suppress(OSError, ValueError):
        sys.stderr.write("Preparing the stride engine: a minute or so, the first time and after an update.\n")
    warm_up()
    with suppress(OSError):
        from tallrun.machine_code import LOADED

        mark = _mark()
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        names = sorted(path.name for path in LOADED if path.parent == mark.parent)
        mark.write_text("\n".join([*names, _END]), encoding="utf-8")
        remove_unused(own_folder(), kernel_fingerprint(), time.time())


def _mark() -> Path:
    from tallrun.machine_code import machine

    told = (
        kernel_fingerprint(KERNEL_ROOMS), str(Path(__file__).parent), sys.version, sys.flags.optimize,
        machine(),
    )  # fmt: skip
    return (
        Path(os.environ.get("NUMBA_CACHE_DIR", "")) / f"ready-{sha256(repr(told).encode()).hexdigest()[:16]}"
    )


def remove_unused(folder: Path, own: str, now_s: float) -> list[str]:
    """Remove the kernels of other versions not used for ``KEPT_DAYS``; return their names.

    Only folders with the name of a fingerprint are looked at, never links, and of ``own`` the object files alone. What
    cannot be removed stays.
    """
    gone = []
    for place in (folder / own).glob("*.o*"):  # with what a killed process left of one
        with suppress(OSError):
            if now_s - place.lstat().st_mtime > KEPT_DAYS * _DAY_S:
                place.unlink()
                gone.append(place.name)
    for place in folder.iterdir():
        if place.name == own or not _NAME.fullmatch(place.name) or place.is_symlink() or not place.is_dir():
            continue
        with suppress(OSError):
            used_s = max(item.lstat().st_mtime for item in (place, *place.rglob("*")))
            if now_s - used_s > KEPT_DAYS * _DAY_S:
                shutil.rmtree(place)
                gone.append(place.name)
    return gone
