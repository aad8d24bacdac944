"""``tallrun serve`` as a process of its own, on a computer whose lid can be shut."""

from __future__ import annotations

import asyncio
import mmap
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: For how long it was suspended [s], and how fast the emulated time goes.
_CELL = struct.Struct("dd")


def serve_on_a_laptop(folder: str, speed: float, cell: str) -> None:
    """Serve for ever. As after a true suspension the monotonic clock has stood still for as long as ``cell`` says.

    At a signal the emulated time goes on at the speed that stands there.
    """
    from tallrun.ble import clock
    from tallrun.cli.serve import serve

    with Path(cell).open("r+b") as file:
        told = mmap.mmap(file.fileno(), _CELL.size)
    clock.awake_s = lambda: time.monotonic() - _CELL.unpack(told[:])[0]
    signal.signal(signal.SIGUSR1, lambda *_: asyncio.get_running_loop().pace(_CELL.unpack(told[:])[1]))
    serve(data_dir=folder, port=0, browser=False, emulate="runner", speed=speed)


class Laptop:
    """The process; ``url`` is where its pages are, ``key_url`` opens them."""

    def __init__(self, folder: Path, speed: float) -> None:
        self.folder, self.speed, self.slept_s = folder, speed, 0.0
        self._cell = tempfile.NamedTemporaryFile()
        self._tell()

    def __enter__(self) -> Laptop:
        given = f"{str(self.folder)!r}, {self.speed}, {self._cell.name!r}"
        call = f"from support.lid import serve_on_a_laptop as go; go({given})"
        self._errors = (self.folder.parent / "laptop.txt").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", call], cwd=Path(__file__).parents[1], stderr=self._errors
        )
        path = Path(self._errors.name)
        while not (found := re.search(r"Pages: (\S+)", path.read_text())):
            assert self.process.poll() is None, path.read_text()
            time.sleep(0.1)
        self.key_url = found[1]
        self.url = re.match(r"https?://[^/]+", self.key_url)[0]
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
        self._errors.close()
        self._cell.close()

    def _tell(self) -> None:
        self._cell.seek(0)
        self._cell.write(_CELL.pack(self.slept_s, self.speed))
        self._cell.flush()

    def pace(self, speed: float) -> None:
        """Let the emulated time go on at another speed: at that of life where something is seen for seconds only."""
        self.speed = speed
        self._tell()
        self.process.send_signal(signal.SIGUSR1)

    @contextmanager
    def asleep(self, least_s: float = 0.0) -> Iterator[None]:
        """Suspend it for as long as the block takes."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        from_s = time.monotonic()
        try:
            yield
        finally:
            time.sleep(max(0.0, from_s + least_s - time.monotonic()))
            self.last_s = time.monotonic() - from_s
            self.slept_s += self.last_s
            self._tell()
            self.process.send_signal(signal.SIGCONT)
