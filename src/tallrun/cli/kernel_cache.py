"""Where compiled kernels are kept between runs.

Numba does not notice edits in a helper that lives in another file than the kernel, and would silently run
the old machine code. The cache folder is therefore named after the state of all kernel sources.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path

KERNEL_ROOMS = ("numerics", "gait", "simulate")


def kernel_fingerprint() -> str:
    """Return a short hash over name, size and modification time of every kernel source."""
    package = Path(__file__).parents[1]
    digest = sha256()
    for room in KERNEL_ROOMS:
        for source in sorted((package / room).glob("*.py")):
            stat = source.stat()
            digest.update(f"{room}/{source.name}:{stat.st_size}:{stat.st_mtime_ns};".encode())
    return digest.hexdigest()[:16]


def use_kernel_cache() -> None:
    """Point numba at that folder; call before numba is imported. A set NUMBA_CACHE_DIR wins."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    from platformdirs import user_cache_path

    os.environ["NUMBA_CACHE_DIR"] = str(user_cache_path("tallrun") / "kernels" / kernel_fingerprint())


def note_if_cold() -> None:
    """Say so on stderr when the first call will have to compile; a silent minute looks like a hang."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder and not any(Path(folder).rglob("*.nbi")):
        sys.stderr.write("Preparing the stride engine: about a minute, once after each update.\n")
