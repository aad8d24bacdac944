from __future__ import annotations

import asyncio
import time

import pytest

from tallrun.ble import clock
from tallrun.ble.clock import HostLoop, run_virtual
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


def test_a_suspension_counts_for_real_sensors_and_ends_what_could_be_undone(monkeypatch) -> None:
    asleep_s = 0.0
    monkeypatch.setattr(clock, "counted_s", lambda: time.monotonic() + asleep_s)

    async def main() -> float:
        nonlocal asleep_s
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        acted = loop.create_future()
        loop.call_later(8.0, acted.set_result, True)
        asleep_s = 600.0
        await asyncio.wait_for(acted, 20.0)
        return loop.time() - begin_s

    with asyncio.Runner(loop_factory=HostLoop) as runner:
        assert runner.run(main()) == pytest.approx(600.0, abs=5.0)


def test_a_suspension_moves_the_virtual_clock_at_once_and_tells_before_any_timer(monkeypatch) -> None:
    asleep_s = 0.0
    monkeypatch.setattr(clock, "awake_s", lambda: time.monotonic() - asleep_s)
    monkeypatch.setattr(clock, "counted_s", time.monotonic)

    async def main() -> tuple[float, list[str]]:
        nonlocal asleep_s
        loop = asyncio.get_running_loop()
        order: list[str] = []
        loop.on_waking.append(lambda: order.append("woken"))
        loop.call_later(1.0, order.append, "timer")
        begin_s = loop.time()
        asleep_s = 6.0
        await asyncio.sleep(2.0)
        return loop.time() - begin_s, order

    passed_s, order = run_virtual(main(), speed=100.0)
    assert order == ["woken", "timer"]
    assert passed_s == pytest.approx(600.0, abs=2.0)
