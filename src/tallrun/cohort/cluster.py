"""Worker processes by Dask: a cluster of our own on the loopback interface, or a scheduler that is running already.

Work is handed out one piece to a worker, never queued on it: a worker that dies takes one session with it, and an
interrupted run has nothing half done but what was in hand.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from typing import Any

from tallrun.cohort.forking import ONE_THREAD, begin_loading, interrupts_held, load_dask
from tallrun.errors import UsageError

EXTRA_MISSING = "many sessions at once need the extra 'cluster': pip install 'tallrun[cluster]'"
#: Addresses of schedulers over a network; ``inproc`` and bare words make Dask wait and trip over itself.
_ADDRESS = re.compile(r"(tcp|tls|ws|wss)://[^\s/]+:\d{1,5}")
SCHEDULER_LOST = "the scheduler went away; what was finished is kept, call again when it is back"
CONNECT_S = 10.0
#: A session is tried this many times more when its worker dies: the death may be another process's fault.
RETRIES = 1
#: What Dask's client raises when its scheduler is gone.
_LOST = (OSError, CancelledError, TimeoutError)
_LOGGERS = ("distributed", "tornado", "asyncio", "bokeh")


class Pool:
    """Workers that take one piece of work each at a time. n_threads : tells how many there are now."""

    def __init__(self, client: Any, n_threads: Callable[[], int]) -> None:
        self._client = client
        self._n_threads = n_threads

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

        A worker gets its next piece while the caller still has the result before in hand; at most as many results as
        there are workers wait for the caller. Raises UsageError when the scheduler is lost.
        """
        done: SimpleQueue[Any] = SimpleQueue()
        waiting = iter(work)
        names: dict[str, str] = {}  # of what was handed out and has not been yielded
        in_hand: set[str] = set()  # what a worker has
        lock, is_over = threading.Lock(), threading.Event()

        def top_up() -> None:
            with lock:
                n_workers = max(1, self._n_threads())
                while len(in_hand) < n_workers and len(names) < 2 * n_workers and not is_over.is_set():
                    item = next(waiting, None)
                    if item is None:
                        return
                    name, arguments = item
                    future = self._client.submit(task, *arguments, pure=False)
                    names[future.key] = name
                    in_hand.add(future.key)
                    future.add_done_callback(finished)

        def finished(future: Any) -> None:  # in a thread of its own
            in_hand.discard(future.key)
            try:
                if future.status != "cancelled":
                    top_up()
            except Exception as error:  # the caller, who waits for what is done, raises it
                done.put(error)
            done.put(future)

        try:
            top_up()
            while names:
                future = _next(done)
                if isinstance(future, BaseException):
                    raise future
                if future.status == "cancelled":
                    raise UsageError(SCHEDULER_LOST)
                result, why = (
                    (None, _why(future.exception())) if future.status == "error" else (future.result(), None)
                )
                yield names[future.key], result, why
                del names[future.key]
                future.release()
                top_up()
        except _LOST as error:
            raise UsageError(SCHEDULER_LOST) from error
        finally:
            is_over.set()


def _next(queue: SimpleQueue[Any]) -> Any:
    """Return the next item; looked for ever and again, as Windows lets no Ctrl-C into a wait without an end."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=1.0)


def require_dask() -> None:
    """Raise UsageError, with what to install, when Dask is not there."""
    if find_spec("dask") is None or find_spec("distributed") is None:
        raise UsageError(EXTRA_MISSING)


def begin() -> None:
    """Load what workers of our own take: they in the process they are forked from, we in this one meanwhile."""
    begin_loading()
    load_dask()
    import_module("cryptography.x509")


@contextmanager
def open_pool(n_workers: int, scheduler: str | None = None) -> Iterator[Pool]:
    """Give workers: ``n_workers`` processes of our own, or those of ``scheduler`` (``tcp://host:port``).

    Our own cluster listens on 127.0.0.1 only, behind certificates made for this run (another user of the machine
    could otherwise hand it code), and without a dashboard.

    Raises UsageError when Dask is not installed, or the scheduler does not answer or has no worker.
    """
    require_dask()
    is_forked = scheduler is None and begin_loading()
    from distributed import Client, LocalCluster
    from distributed.security import Security

    with (
        _quiet(),
        tempfile.TemporaryDirectory(prefix="tallrun-cohort-") as scratch,
        _settings(scratch, is_forked),
    ):
        if scheduler is not None:
            if not _ADDRESS.fullmatch(scheduler):
                raise UsageError(
                    f"a scheduler is named as tcp://host:8786 or tls://host:8786, got {scheduler!r}"
                )
            with _connected(Client, scheduler) as client:
                yield Pool(client, lambda: sum(client.nthreads().values()))
            return
        cluster = None
        try:
            with interrupts_held():
                cluster = running = LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    protocol="tls",
                    security=Security.temporary(),
                    dashboard_address=None,
                    scheduler_kwargs={
                        # Workers come by network, and this process's own client without one.
                        "host": ["127.0.0.1", ""],
                        "port": [0, 0],
                        "protocol": ["tls", "inproc"],
                        "dashboard": False,
                        "dashboard_address": "127.0.0.1:0",
                    },
                    scheduler_sync_interval="10s",
                    silence_logs=logging.CRITICAL,
                    local_directory=scratch,
                    env=ONE_THREAD | _kernel_cache(),
                )
            # Results come from the workers straight: by the scheduler they would be packed and encrypted twice.
            with Client(
                running.scheduler.listeners[1].contact_address,
                loop=running.loop,
                security=running.security,
                direct_to_workers=True,
                set_as_default=False,
            ) as client:
                yield Pool(client, lambda: running.scheduler.total_nthreads)
        finally:
            if cluster is not None:
                cluster.close()


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


def _settings(scratch: str, is_forked: bool) -> Any:
    import dask
    import distributed.nanny
    import distributed.utils

    # Dask would load pandas, and more, only to list them for a fork server, which runs already.
    distributed.utils._forkserver_preload_set = True
    # It looks so often whether a worker has started.
    distributed.nanny.WorkerProcess._init_msg_interval = 0.01

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
        "distributed.worker.multiprocessing-method": "forkserver" if is_forked else "spawn",
        # Each of these wakes every process from its work.
        "distributed.admin.tick.interval": "1s",
        "distributed.admin.system-monitor.interval": "5s",
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
