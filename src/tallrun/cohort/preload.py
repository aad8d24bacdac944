"""Loads what every worker needs: the process that workers are forked from imports this (``cohort.forking``).

Nothing here may start a thread, which a fork would leave behind; a test counts them.
"""

from __future__ import annotations

import gc
from importlib import import_module

#: What ``cohort.work`` imports once it has a session.
_NEEDED = ("tallrun.cohort.row", "tallrun.cohort.work", "tallrun.pipeline.analysis", "tallrun.sessions")


def load() -> None:
    """Load libraries and, where they are compiled, the kernels; none of it is looked through for garbage again."""
    gc.disable()  # what is loaded stays
    from tallrun.cohort.forking import load_dask
    from tallrun.gait.warm import warm_up
    from tallrun.garbage import look_seldom
    from tallrun.kernel_cache import is_ready

    for name in _NEEDED:
        import_module(name)
    load_dask()
    if is_ready():
        warm_up()
    gc.freeze()
    look_seldom()
    gc.enable()


load()
