"""tallrun: a running-gait monitor for commodity foot and pelvis sensors.

As a library (``import tallrun as tr``): ``tr.read``, ``tr.recording_of``, ``tr.analyze``, ``tr.running``, ``tr.flags``,
``tr.compare``, ``tr.verdict``, ``tr.draw``, and the simulator ``tr.simulate.run``; the names in ``__all__`` are the
contract and load on first use.

The rooms, from the ground up (imports go downwards only; see docs/architecture.md):
``numerics`` · ``gait`` · ``sensors`` · ``simulate`` · ``coaching`` · ``recovery`` · ``insight`` ·
``pipeline`` · ``sessions`` · ``store`` · ``ble`` · ``report`` · ``journal`` ·
``cohort`` · ``web`` · ``cli``.
"""

from typing import Any

from tallrun._version import __version__
from tallrun.errors import TallrunError
from tallrun.kernel_cache import use_kernel_cache

__all__ = [
    "TallrunError",
    "__version__",
    "analyze",
    "compare",
    "draw",
    "flags",
    "read",
    "recording_of",
    "running",
    "simulate",
    "verdict",
]

_FUNCTIONS = ("analyze", "compare", "flags", "read", "recording_of", "running", "verdict")

use_kernel_cache()  # before anything imports numba


def __getattr__(name: str) -> Any:
    """Load the library, or the simulator, on first use, so that ``import tallrun`` stays quick."""
    from importlib import import_module

    if name in _FUNCTIONS:
        return getattr(import_module("tallrun.library"), name)
    if name == "draw":
        return import_module("tallrun.picture").draw
    if name == "simulate":
        return import_module("tallrun.simulate")
    raise AttributeError(f"module 'tallrun' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
