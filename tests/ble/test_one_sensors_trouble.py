"""Whatever one sensor's link does, at whatever moment, the others lose nothing and the one comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import numpy as np
import pytest

from support.virtual_radio import CONFIGS, Played, ingest, numbered_recording
from tallrun.ble import Limits, SensorSession, link
from tallrun.ble.bumble_backend import System, _BumbleClient
from tallrun.ble.clock import run_virtual
from tallrun.ble.radio import VirtualRadio
from tallrun.ble.watchdog import guarded

pytestmark = pytest.mark.radio

ONE = "pelvis"
PLACES = ("foot_left", ONE, "foot_right")
SECONDS = 6.0
LIMITS = Limits(connect_s=3.0, call_s=1.0, find_s=3.0, retry_s=0.5, silence_s=1.0)
N_END_WAITS = 12
SYSTEMS: tuple[System, ...] = ("bluez", "corebluetooth", "winrt")


class Stepped:
    """An awaitable that tells each time it is about to wait."""

    def __init__(self, inner: Awaitable[Any], on_wait: Callable[[], None]) -> None:
        self._inner, self._on_wait = inner, on_wait

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._inner.__await__()
        give: Callable[[], Any] = lambda: next(inner)  # noqa: E731
        while True:
            try:
                waited_for = give()
            except StopIteration as end:
                return end.value
            self._on_wait()
            try:
                sent = yield waited_for
            except BaseException as error:
                give = lambda error=error: inner.throw(error)  # noqa: E731
            else:
                give = lambda sent=sent: inner.send(sent)  # noqa: E731


def run(
    system: System, at_wait: int | None, trouble: Callable[[VirtualRadio], Awaitable[None]]
) -> tuple[Played, int]:
    """Run three sensors; at the ``at_wait``-th wait that concerns one of them, let ``trouble`` happen."""
    played, waits, tasks = Played(), 0, set()

    async def main() -> None:
        radio = VirtualRadio(CONFIGS, numbered_recording(SECONDS, PLACES), system=system, lead_s=1.0)
        played.worn = [worn for place in PLACES for worn in radio.worn() if worn.sensor == place]

        def waiting() -> None:
            nonlocal waits
            waits += 1
            if waits == at_wait:
                tasks.add(asyncio.ensure_future(trouble(radio)))

        async def step(call: Awaitable[Any]) -> Any:
            return await Stepped(call, waiting)

        async def stepped(call: Awaitable[Any], limit_s: float, sensor: str, doing: str) -> Any:
            return await guarded(step(call) if sensor == ONE else call, limit_s, sensor, doing)

        async def answered(client: _BumbleClient, call: Awaitable[Any]) -> Any:
            is_one = client.ether.address(client.address) == radio.sensors[ONE].address
            return await answer(client, step(call) if is_one else call)

        answer = _BumbleClient._answered

        class Session(SensorSession):
            async def _keep(self, keeper: Any, sighting: Any) -> None:
                call = super()._keep(keeper, sighting)
                await (Stepped(call, waiting) if keeper.worn.sensor == ONE else call)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(link, "guarded", stepped)
            patch.setattr(_BumbleClient, "_answered", answered)
            await radio.switch_on()
            async with Session(played.worn, radio.radio(LIMITS), played.notices.append) as session:

                async def stop() -> None:
                    await radio.played()
                    await asyncio.sleep(0.3)
                    session.stop()

                stopping = asyncio.create_task(stop())
                played.packets = [packet async for packet in session.packets()]
                await stopping
                played.link = session.status
            await asyncio.gather(*tasks)
            await radio.switch_off()

    run_virtual(main())
    played.events, played.status = ingest(played)
    return played, waits


async def cut(radio: VirtualRadio) -> None:
    await radio.cut(ONE)


async def half_open(radio: VirtualRadio) -> None:
    radio.set_half_open(ONE, True)
    await asyncio.sleep(2.5)
    radio.set_half_open(ONE, False)


def assert_others_lost_nothing(played: Played, at: str) -> None:
    for sensor in set(PLACES) - {ONE}:
        assert played.kinds(sensor) == ["connected"], (at, played.notices)
        _, number = played.numbers(sensor)
        np.testing.assert_array_equal(np.diff(number), 1, err_msg=f"{at}: {sensor} has holes")


@pytest.mark.parametrize("trouble", [cut, half_open], ids=lambda trouble: trouble.__name__)
@pytest.mark.parametrize("system", SYSTEMS)
def test_trouble_at_every_wait_of_a_sensors_life(
    system: System, trouble: Callable[[VirtualRadio], Awaitable[None]], every_wait: bool
) -> None:
    calm, n_waits = run(system, None, trouble)
    assert n_waits > 30
    assert_others_lost_nothing(calm, "calm")
    end_s = max(packet.host_time_s for packet in calm.packets)
    every = 1 if every_wait else 2 if (system, trouble) == ("bluez", cut) else 9
    for at_wait in range(1, n_waits + 1, every):
        played, _ = run(system, at_wait, trouble)
        at = f"{system}, {trouble.__name__} at wait {at_wait} of {n_waits}"
        assert_others_lost_nothing(played, at)
        last_s = max((p.host_time_s for p in played.packets if p.sensor == ONE), default=0.0)
        # the last waits are those of the end, where nothing is left to come back to
        assert last_s > end_s - 0.5 or at_wait > n_waits - N_END_WAITS, (at, played.notices, last_s, end_s)
