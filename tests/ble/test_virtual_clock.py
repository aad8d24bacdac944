from __future__ import annotations

import asyncio
import time

import pytest

from tallrun.ble.clock import run_virtual
from tallrun.errors import UsageError


def test_an_hour_of_sleeping_takes_no_time_and_ends_on_the_dot() -> None:
    async def main() -> tuple[float, list[str]]:
        loop = asyncio.get_running_loop()
        order: list[str] = []

        async def after(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        begin_s = loop.time()
        await asyncio.gather(after(3600, "late"), after(1.5, "early"), after(60, "middle"))
        return loop.time() - begin_s, order

    wall_s = time.monotonic()
    elapsed_s, order = run_virtual(main())
    assert elapsed_s == pytest.approx(3600, abs=1e-6)
    assert order == ["early", "middle", "late"]
    assert time.monotonic() - wall_s < 5.0


def test_a_finite_speed_keeps_pace_with_the_wall_clock() -> None:
    async def main() -> float:
        begin_s = asyncio.get_running_loop().time()
        for _ in range(10):
            await asyncio.sleep(1.0)
        return asyncio.get_running_loop().time() - begin_s

    wall_s = time.monotonic()
    assert run_virtual(main(), speed=100.0) == pytest.approx(10.0, abs=1e-6)
    assert time.monotonic() - wall_s >= 0.099


def test_timeouts_run_on_the_virtual_clock() -> None:
    async def main() -> float:
        begin_s = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20.0):
                await asyncio.get_running_loop().create_future()
        return asyncio.get_running_loop().time() - begin_s

    assert run_virtual(main()) == pytest.approx(20.0)


def test_a_speed_of_zero_is_refused() -> None:
    async def main() -> None: ...

    coroutine = main()
    with pytest.raises(UsageError, match="above 0"):
        run_virtual(coroutine, speed=0.0)
    coroutine.close()


def test_two_runs_give_the_same_packets_at_the_same_times() -> None:
    from support.virtual_radio import numbered_recording, play
    from tallrun.ble.faults import SensorFaults

    faults = SensorFaults(loss=0.05, duplicates=0.05, burst_every_s=1.0, skew_ppm=40)
    first = play(numbered_recording(4.0), default=faults)
    second = play(numbered_recording(4.0), default=faults)
    assert first.packets == second.packets
    assert play(numbered_recording(4.0), default=faults, seed=2).packets != first.packets
