"""The one door for files of strangers: a file on disk, of bounded size, read in a child process with bounded means.

A parser that crashes, hangs or fills memory then costs one line and not the program. Small time is lost: where the
system can fork, the child starts in milliseconds with everything loaded.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from tallrun.errors import FormatError, TallrunError
from tallrun.sessions._files import size_of_file

T = TypeVar("T")
#: Memory beyond what the process holds already: a share for every byte of the file, and room to start with.
_ROOM_BYTES, _BYTES_PER_BYTE, _MOST_ROOM_BYTES = 768 * 1024**2, 30, 24 * 1024**3
#: How gzip and zip (and with it .xlsx) begin.
_PACKED = (b"\x1f\x8b", b"PK\x03\x04")
_PRELOADED = ["tallrun.sessions.xml_import", "tallrun.sessions.fit_import", "tallrun.sessions.csv_import"]
_ROOM_S, _BYTES_PER_S, _MOST_S = 60.0, 2e6, 900.0


def behind_door(
    read: Callable[..., T],
    path: Path,
    *args: Any,
    most_bytes: int,
    more: tuple[Path, ...] = (),
    may_be_packed: bool = False,
    **options: Any,
) -> T:
    """Return ``read(path, *args, **options)``, worked out in a child process with limits to memory and time.

    more : further files that ``read`` opens. may_be_packed : ``read`` unpacks what is packed. What the child raises is
    raised here.

    Raises FormatError when a file is missing, is no regular file or is larger than ``most_bytes``, and when reading
    takes too long, needs too much memory or ends the child.
    """
    n_bytes = sum(size_of_file(one, most_bytes) for one in (path, *more))
    if n_bytes == 0:
        raise FormatError(f"{path} is empty")
    for one in () if may_be_packed else (path, *more):
        with one.open("rb") as file:
            if file.read(4).startswith(_PACKED):
                raise FormatError(
                    f"{one} is packed (or a spreadsheet's own file): unpack it, or save it as text; of watch files "
                    "tallrun import watch reads .gz and .zip as they are"
                )
    limit_s = min(_MOST_S, _ROOM_S + n_bytes / _BYTES_PER_S)
    room_bytes = min(_MOST_ROOM_BYTES, _ROOM_BYTES + _BYTES_PER_BYTE * n_bytes)
    context = _context()
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(
        target=_child,
        args=(theirs, read, (path, *args), options, room_bytes, math.ceil(limit_s)),
        daemon=True,
    )
    child.start()
    theirs.close()
    try:
        kind, content = _answer(ours, child, path, limit_s)
    finally:
        ours.close()
        if child.is_alive():
            child.kill()
        child.join()
    if kind == "value":
        return content  # type: ignore[no-any-return]
    if isinstance(content, TallrunError):
        raise content
    if isinstance(content, MemoryError):
        raise FormatError(
            f"{path} needs more memory to read than {room_bytes // 1024**2} MB, far more than its size explains"
        )
    reason = (str(content).strip().splitlines() or [""])[0][:100]
    raise FormatError(f"{path} is damaged or not what it claims to be ({type(content).__name__}: {reason})")


def _context() -> Any:
    """Return how to start the child: forking is quick, but not safe beside other threads."""
    methods = multiprocessing.get_all_start_methods()
    if "fork" in methods and sys.platform != "darwin":
        if threading.active_count() == 1:
            return multiprocessing.get_context("fork")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        return context
    return multiprocessing.get_context("spawn")


def _answer(ours: Connection, child: Any, path: Path, limit_s: float) -> tuple[str, Any]:
    # Twice the time of the processor: a busy machine is no fault of the file.
    if not ours.poll(2.0 * limit_s):
        raise FormatError(f"{path} takes more than {limit_s:.0f} s to read, far more than its size explains")
    try:
        kind, content = pickle.loads(ours.recv_bytes())  # made by our own child
        return kind, content
    except (EOFError, OSError):
        child.join(5.0)
    code = child.exitcode or 0
    if -code == getattr(signal, "SIGXCPU", None):
        raise FormatError(f"{path} takes more than {limit_s:.0f} s to read, far more than its size explains")
    name = signal.Signals(-code).name if code < 0 else f"exit {code}"
    raise FormatError(
        f"{path} cannot be read: its content ends the reader ({name}); the file is damaged or hostile"
    )


def _child(
    pipe: Connection, read: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], room_bytes: int,
    limit_s: int,
) -> None:  # fmt: skip
    try:
        _limit(room_bytes, limit_s)
        answer = pickle.dumps(("value", read(*args, **options)), protocol=pickle.HIGHEST_PROTOCOL)
    except BaseException as error:
        error.__cause__ = error.__context__ = None
        try:
            answer = pickle.dumps(("error", error))
            pickle.loads(answer)  # some exceptions pickle and do not come back
        except Exception:
            answer = pickle.dumps(("error", ValueError(f"{type(error).__name__}: {str(error)[:200]}")))
    with suppress(OSError):
        pipe.send_bytes(answer)
        pipe.close()
    # Nothing the parent opened (terminal, database) may be flushed or closed by the child.
    os._exit(0)


def _limit(room_bytes: int, limit_s: int) -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        held = 0
        with suppress(OSError, ValueError, IndexError):
            held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        if held:
            resource.setrlimit(resource.RLIMIT_AS, (held + room_bytes, held + room_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for quiet in (1, 2):
        # A parser's own complaints on the terminal are no line of ours.
        with suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, quiet)
            os.close(null)
