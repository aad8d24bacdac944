"""A whole emulated run with its page served, in a thread of its own; and a wire that can freeze and break."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tallrun import simulate
from tallrun.cli.live_server import make_gate, serving
from tallrun.gait.warm import warm_up
from tallrun.live.devices import Emulation, run_radio
from tallrun.live.end import RawRun
from tallrun.live.hub import LiveHub
from tallrun.live.run import run_once
from tallrun.live.setup import RunWishes
from tallrun.numerics.recording import Recording
from tallrun.web.app import create_app


def long_run(seconds: float) -> Recording:
    """Stand, then run: both feet, at a low rate so that a loaded machine keeps up."""
    bouts = (simulate.Bout("stand", 5.0), simulate.Bout("run", seconds, 2.8))
    recording, _ = simulate.run(
        simulate.Programme(bouts), simulate.Runner(), simulate.three_sensors(100.0), seed=3
    )
    feet = {name: item for name, item in recording.sensors.items() if name != "pelvis"}
    return Recording(feet, runner=recording.runner)


class LiveThread:
    """``with LiveThread(...) as live``: the run goes on beside the test until it is stopped by a tap."""

    def __init__(self, folder: Path, recording: Recording, speed: float = 1.0) -> None:
        self.folder, self.out = folder, folder / "run"
        self.hub: LiveHub | None = None
        self.raw: RawRun | None = None
        self.error: BaseException | None = None
        self.states: list[dict[str, Any]] = []
        self.troubles: list[str] = []
        self.loop: Any = None
        self._emulation = Emulation(recording, None, {}, speed)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> LiveThread:
        warm_up()
        self._thread.start()
        assert self._ready.wait(60), f"the run did not begin: {self.error}"
        assert self.error is None, self.error
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive() and self.loop is not None:
            self.loop.session._loop.call_soon_threadsafe(self.loop.session.stop)
        self._thread.join(60)

    def wait_ended(self, longest_s: float = 30.0) -> bool:
        self._thread.join(longest_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        async def main() -> None:
            self.hub = LiveHub()
            gate = make_gate(False, False)

            async def began(loop: Any) -> None:
                self.loop = loop
                self._ready.set()

            async with serving(create_app(gate, self.hub), gate, 0, self.folder) as served:
                self.url, self.key = served.url, served.gate.key
                self.port = int(served.url.rpartition(":")[2])
                self.raw = await run_once(
                    self.folder, self._emulation, self.out, RunWishes(minutes=10.0), self.hub,
                    on_notice=lambda notice: None, on_trouble=self.troubles.append, on_view=self.states.append,
                    companions=(began,),
                )  # fmt: skip

        try:
            run_radio(main(), self._emulation)
        except BaseException as error:
            self.error = error
        finally:
            self._ready.set()


class Wire:
    """A TCP wire to a port: ``freeze`` holds every byte in both directions, ``reset`` breaks what is open."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._is_frozen = threading.Event()
        self._is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._is_frozen.set()

    def thaw(self) -> None:
        self._is_frozen.clear()

    def reset(self) -> None:
        """Break every connection; what was held is lost."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    end.close()

    def close(self) -> None:
        self._is_closed = True
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._pairs.append((near, far))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with suppress(OSError, ValueError):
            while True:
                if self._is_frozen.is_set():
                    time.sleep(0.01)
                    if near.fileno() < 0:
                        return
                    continue
                for end in select.select([near, far], [], [], 0.05)[0]:
                    if self._is_frozen.is_set():
                        break
                    data = end.recv(65536)
                    if not data:
                        return
                    other[end].sendall(data)
