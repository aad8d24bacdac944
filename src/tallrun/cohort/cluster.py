"""Worker processes by Dask: a cluster of our own on the loopback interface, or a scheduler that is running already.

Work is handed out one piece to a worker, never queued on it: a worker that dies takes one session with it, and an
interrupted run has nothing half done but what was in hand.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import resource_tracker
from typing import Any

from tallrun.errors import UsageError

EXTRA_MISSING = "many sessions at once need the extra 'cluster': pip install 'tallrun[cluster]'"
#: Addresses of schedulers over a network; ``inproc`` and bare words make Dask wait and trip over itself.
_ADDRESS = re.compile(r"(tcp|tls|ws|wss)://[^\s/]+:\d{1,5}")
SCHEDULER_LOST = "the scheduler went away; what was finished is kept, call again when it is back"
CONNECT_S = 10.0
#: A session is tried this many times more when its worker dies: the death may be another process's fault.
RETRIES = 1
#: One thread a worker: the engine is compiled and serial, so more would only fight for the same cores.
ONE_THREAD = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)
_LOGGERS = ("distributed", "tornado", "asyncio", "bokeh")


class Pool:
    """Workers that take one piece of work each at a time."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def prepare(self, *steps: Callable[[], Any]) -> None:
        """Run ``steps`` on one worker of each machine, then on all: what is cached on a disk is made once.

        Raises UsageError when a worker cannot run them, as when it lacks tallrun.
        """
        workers = list(self._client.nthreads())
        first = list({_host(address): address for address in workers}.values())
        for group in (first, [address for address in workers if address not in first]):
            for step in steps if group else ():
                try:
                    self._client.run(step, workers=group)
                except Exception as error:
                    text = " ".join(str(error).split())[:200]
                    raise UsageError(
                        f"a worker is not ready for tallrun ({type(error).__name__}: {text}); "
                        "install the same tallrun on every worker"
                    ) from error

    def run(
        self, task: Callable[..., Any], work: Iterable[tuple[str, tuple[Any, ...]]]
    ) -> Iterator[tuple[str, Any, str | None]]:
        """Yield (name, result, None) or (name, None, why not) for each (name, arguments), as they are done.

        Raises UsageError when the scheduler is lost.
        """
        from distributed import as_completed

        waiting = iter(work)
        names: dict[str, str] = {}
        done = as_completed(loop=self._client.loop)

        def top_up() -> None:
            while len(names) < max(1, self._n_threads()):
                item = next(waiting, None)
                if item is None:
                    return
                name, arguments = item
                future = self._client.submit(task, *arguments, pure=False)
                names[future.key] = name
                done.add(future)

        try:
            top_up()
            while names:
                future = next(done)
                if future.status == "cancelled":
                    raise UsageError(SCHEDULER_LOST)
                name = names.pop(future.key)
                top_up()  # before the result is used, so that the worker does not wait for our disk
                if future.status == "error":
                    yield name, None, _why(future.exception())
                else:
                    yield name, future.result(), None
                future.release()
        except (OSError, CancelledError, TimeoutError) as error:
            raise UsageError(SCHEDULER_LOST) from error

    def _n_threads(self) -> int:
        return sum(self._client.nthreads().values())


def require_dask() -> None:
    """Raise UsageError, with what to install, when Dask is not there."""
    if find_spec("dask") is None or find_spec("distributed") is None:
        raise UsageError(EXTRA_MISSING)


@contextmanager
def open_pool(n_workers: int, scheduler: str | None = None) -> Iterator[Pool]:
    """Give workers: ``n_workers`` processes of our own, or those of ``scheduler`` (``tcp://host:port``).

    Our own cluster listens on 127.0.0.1 only, behind certificates made for this run (another user of the machine
    could otherwise hand it code), and without a dashboard.

    Raises UsageError when Dask is not installed, or the scheduler does not answer or has no worker.
    """
    require_dask()
    from distributed import Client, LocalCluster
    from distributed.security import Security

    with (
        _quiet(),
        tempfile.TemporaryDirectory(prefix="tallrun-cohort-") as scratch,
        _settings(scratch),
    ):
        if scheduler is not None:
            if not _ADDRESS.fullmatch(scheduler):
                raise UsageError(
                    f"a scheduler is named as tcp://host:8786 or tls://host:8786, got {scheduler!r}"
                )
            with _connected(Client, scheduler) as client:
                yield Pool(client)
            return
        cluster = None
        try:
            with _interrupts_held():
                cluster = LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    protocol="tls",
                    security=Security.temporary(),
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                    silence_logs=logging.CRITICAL,
                    local_directory=scratch,
                    env=ONE_THREAD | _kernel_cache(),
                )
            with Client(cluster, set_as_default=False) as client:
                yield Pool(client)
        finally:
            if cluster is not None:
                cluster.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait, and keep it from threads and processes started meanwhile, and from those these start.

    A terminal sends it to the whole process group. Workers leave it to the process that started them, which ends
    them in order; one that answered by itself would only print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would let Ctrl-C through again when it is started later
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def _connected(client_type: Any, scheduler: str) -> Iterator[Any]:
    try:
        client = client_type(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {scheduler!r} ({type(error).__name__}); "
            "expected something like tcp://host:8786"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            raise UsageError(f"the scheduler at {scheduler!r} has no worker; start some first") from error
        yield client


def _settings(scratch: str) -> Any:
    import dask

    settings = {
        "temporary-directory": scratch,
        "distributed.scheduler.allowed-failures": RETRIES,
        "distributed.scheduler.work-stealing": False,
        # Dask opens its web server in any case; without routes there is nothing on it.
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        # What a large session leaves behind in the allocator must not pause its worker for good.
        "distributed.worker.memory.pause": False,
        "distributed.worker.profile.enabled": False,
        "logging.distributed": "critical",
    }
    return dask.config.set(settings)


def _host(address: str) -> str:
    return address.partition("://")[2].rpartition(":")[0]


def _kernel_cache() -> dict[str, str]:
    folder = os.environ.get("NUMBA_CACHE_DIR")
    return {"NUMBA_CACHE_DIR": folder} if folder else {}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own talk off stderr: what a user needs to know comes back as a row or an error."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for (
        name,
        item,
    ) in logging.root.manager.loggerDict.items():  # Dask gives some of its own a level of their own
        if isinstance(item, logging.Logger) and name.partition(".")[0] in _LOGGERS:
            loggers.append(item)
    before = [item.level for item in loggers]
    for item in loggers:
        item.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for item, level in zip(loggers, before, strict=True):
            item.setLevel(level)


def _why(error: BaseException) -> str:
    if type(error).__name__ == "KilledWorker":
        return "its worker process died, perhaps for lack of memory; it is tried again at the next call"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:300]
