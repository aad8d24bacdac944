"""Workers are forked from a process that has loaded, once, what they need, while this one loads what it needs itself.

That process is multiprocessing's fork server: it has one thread and runs nothing, so a fork leaves nothing half done.
On Linux only: macOS has libraries that do not survive a fork, Windows has no fork. Workers load for themselves there.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: One thread a worker: the engine is compiled and serial, so more would only fight for the same cores.
ONE_THREAD = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
#: Arrow carries two allocators more than it uses; one of them starts a thread as soon as it is loaded.
_NO_THREAD_OF_ARROW = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}


def begin_loading() -> bool:
    """Start the process that workers are forked from, unless it runs; return whether there is one.

    It ends with this process, however that ends. A process has one of them: where ``sessions.door`` needed it first,
    it has loaded what that needs, and workers forked from it load the rest.
    """
    if sys.platform != "linux":
        return False
    from multiprocessing import forkserver

    multiprocessing.get_context("forkserver").set_forkserver_preload(["tallrun.cohort.preload"])
    try:
        with interrupts_held(), _environment(ONE_THREAD | _NO_THREAD_OF_ARROW):
            forkserver.ensure_running()
    except OSError:  # as where the path of the folder for temporary files is too long for a socket
        return False
    return True


def load_dask() -> None:
    """Load Dask, and what it looks for at its first connection: versions on the disk, certificates of the system."""
    import distributed.nanny
    import distributed.versions
    import tornado.netutil

    distributed.versions.get_versions()
    # Our own certificates are the only ones that count; tornado reads the others all the same.
    getattr(tornado.netutil, "_client_ssl_defaults", bool)()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait, and keep it from threads and processes started meanwhile, and from those these start.

    A terminal sends it to the whole process group. Workers leave it to the process that started them, which ends
    them in order; one that answered by itself would only print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would let Ctrl-C through again when it is started later
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
