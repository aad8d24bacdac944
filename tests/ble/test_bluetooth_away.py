"""Bluetooth itself goes away, before the first sensor streams or later, and comes back: said, waited for, recorded."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from support.virtual_radio import CONFIGS, numbered_recording
from tallrun.ble import Limits, SensorSession
from tallrun.ble.bumble_backend import Away
from tallrun.ble.clock import run_virtual
from tallrun.ble.radio import VirtualRadio
from tallrun.errors import RadioError

pytestmark = pytest.mark.radio

LIMITS = Limits(connect_s=3.0, call_s=1.0, find_s=2.0, retry_s=0.5, silence_s=1.0)
PLACES = ("foot_left", "pelvis")


def run(
    away: Away, leaves_s: float, returns_s: float | None, ends_s: float = 18.0
) -> tuple[list[str], dict[str, int]]:
    """Start a session, let Bluetooth go and return at these times; return what was told and packets by sensor."""
    told: list[str] = []

    async def main() -> dict[str, int]:
        radio = VirtualRadio(CONFIGS, numbered_recording(20.0, PLACES), lead_s=0.5)
        await radio.switch_on()
        loop = asyncio.get_running_loop()
        begin_s, tasks = loop.time(), set()

        def at(after_s: float, what: Away | None) -> None:
            loop.call_later(after_s, lambda: tasks.add(asyncio.ensure_future(radio.leave(what))))

        at(leaves_s, away)
        if returns_s is not None:
            at(returns_s, None)
        try:
            async with asyncio.timeout(ends_s):
                async with SensorSession(
                    radio.worn(),
                    radio.radio(LIMITS),
                    lambda notice: told.append(f"{notice.kind}: {notice.text}"),
                ) as session:
                    loop.call_at(begin_s + ends_s - 1.0, session.stop)
                    async for _ in session.packets():
                        pass
                    return {name: status.packets for name, status in session.status.items()}
        finally:
            await asyncio.gather(*tasks)
            await radio.switch_off()

    return told, run_virtual(main())


@pytest.mark.parametrize("away", ["powered_off", "no_service"])
@pytest.mark.parametrize("leaves_s", [float(at) for at in np.arange(0.0, 0.36, 0.06)])
def test_bluetooth_that_goes_at_any_moment_of_the_start_is_waited_for(away: Away, leaves_s: float) -> None:
    if leaves_s == 0.0:
        leaves_s = 1e-4  # the scan has begun
    told, packets = run(away, leaves_s, leaves_s + 8.0)
    assert all(count > 40 for count in packets.values()), (told, packets)
    kinds = [line.partition(":")[0] for line in told]
    if kinds[0] != "connected":
        assert "bluetooth_away" in kinds, told
        word = "switched off" if away == "powered_off" else "service does not answer"
        assert any(line.startswith("bluetooth_away: Bluetooth went away") and word in line for line in told)
    assert {"connected", "returned"} & set(kinds)


def test_no_sensor_in_the_air_is_no_trouble_of_bluetooth() -> None:
    async def main() -> None:
        radio = VirtualRadio(CONFIGS, numbered_recording(5.0, PLACES))
        told: list[str] = []
        with pytest.raises(RadioError, match=r"no sensor answered; the first said: .* was not heard"):
            async with SensorSession(
                radio.worn(), radio.radio(LIMITS), lambda notice: told.append(notice.kind)
            ):
                pass
        assert set(told) == {"missing"}

    run_virtual(main())


def test_bluetooth_that_stays_away_is_waited_for_until_it_is_broken_off() -> None:
    with pytest.raises(TimeoutError):
        run("powered_off", 0.05, None, ends_s=40.0)


def test_bluetooth_that_goes_in_mid_run_comes_back_with_its_sensors() -> None:
    told, packets = run("powered_off", 6.0, 12.0)
    kinds = [line.partition(":")[0] for line in told]
    assert kinds.count("returned") == len(PLACES)
    assert any("switched off" in line for line in told if line.startswith("missing"))
    assert "bluetooth_away" not in kinds
    assert all(count > 40 for count in packets.values())
