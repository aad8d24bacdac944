"""Where compiled kernels are kept between runs.

Numba does not notice edits in a helper that lives in another file than the kernel, and would silently run
the old machine code. The cache folder is therefore named after the text of all kernel sources.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path

#: Beside these, ``tallrun.units``, whose numbers are compiled in.
KERNEL_ROOMS = ("numerics", "gait", "simulate")


def kernel_fingerprint(package: Path = Path(__file__).parent) -> str:
    """Return a short hash over name and text of every kernel source in a ``tallrun`` package."""
    digest = sha256()
    sources = [
        package / "units.py",
        *(path for room in KERNEL_ROOMS for path in sorted((package / room).glob("*.py"))),
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
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    from platformdirs import user_cache_path

    folder = str(user_cache_path("tallrun") / "kernels" / kernel_fingerprint())
    os.environ["NUMBA_CACHE_DIR"] = folder
    if numba := sys.modules.get("numba"):
        numba.config.CACHE_DIR = folder


def note_if_cold() -> None:
    """Say so on stderr when the first call will have to compile; a silent minute looks like a hang."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder and not any(Path(folder).rglob("*.nbi")):
        sys.stderr.write("Preparing the stride engine: about a minute, once after each update.\n")
