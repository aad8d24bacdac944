"""``tallrun serve`` as a process of its own, on a computer whose lid can be shut."""

from __future__ import annotations

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


def serve_on_a_laptop(folder: str, speed: float, cell: str) -> None:
    """Serve for ever. As after a true suspension the monotonic clock has stood still for as long as ``cell`` says."""
    from tallrun.ble import clock
    from tallrun.cli.serve import serve

    with Path(cell).open("r+b") as file:
        asleep = mmap.mmap(file.fileno(), 8)
    clock.awake_s = lambda: time.monotonic() - struct.unpack("d", asleep[:8])[0]
    serve(data_dir=folder, port=0, browser=False, emulate="runner", speed=speed)


class Laptop:
    """The process; ``url`` is where its pages are, ``key_url`` opens them."""

    def __init__(self, folder: Path, speed: float) -> None:
        self.folder, self.speed, self.slept_s = folder, speed, 0.0
        self._cell = tempfile.NamedTemporaryFile()
        self._cell.write(struct.pack("d", 0.0))
        self._cell.flush()

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
            self._cell.seek(0)
            self._cell.write(struct.pack("d", self.slept_s))
            self._cell.flush()
            self.process.send_signal(signal.SIGCONT)
