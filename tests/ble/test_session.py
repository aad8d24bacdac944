"""Keeping sensors connected: who is told what, and what stops a session from starting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from support.bleak_stubs import dead_client
from support.virtual_radio import CONFIGS, numbered_recording, play
from tallrun.ble import AdapterError, Limits, PairedSensor, SensorSession, Worn, scan, session
from tallrun.ble.clock import run_virtual
from tallrun.ble.faults import Absence, FaultScript, SensorFaults
from tallrun.ble.link import SensorLink
from tallrun.ble.radio import VirtualRadio
from tallrun.errors import RadioError

pytestmark = pytest.mark.radio


def worn(place: str, address: str) -> Worn:
    return Worn(PairedSensor(place, address, "open-packet"), CONFIGS.get("open-packet"))


def test_without_sensors_there_is_nothing_to_start() -> None:
    async def main() -> None:
        radio = VirtualRadio(CONFIGS, numbered_recording(2.0))
        with pytest.raises(RadioError, match="no sensor is paired"):
            async with SensorSession([], radio.radio()):
                pass

    run_virtual(main())


def test_when_no_paired_sensor_answers_the_session_does_not_start() -> None:
    async def main() -> float:
        radio = VirtualRadio(CONFIGS, numbered_recording(2.0))
        await radio.switch_on()
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        with pytest.raises(RadioError, match=r"no sensor answered.*was not heard"):
            async with SensorSession([worn("pelvis", "AA:AA:AA:AA:AA:AA")], radio.radio(Limits(find_s=6.0))):
                pass
        await radio.switch_off()
        return loop.time() - begin_s

    assert run_virtual(main()) == pytest.approx(6.0, abs=0.5)


def test_a_missing_sensor_does_not_hold_up_the_others_and_is_taken_when_it_comes() -> None:
    async def main() -> tuple[list[str], dict[str, int]]:
        radio = VirtualRadio(CONFIGS, numbered_recording(40.0))
        told: list[str] = []
        for place in ("foot_left", "foot_right"):
            await radio.sensors[place].switch_on()
        async with SensorSession(
            radio.worn(),
            radio.radio(Limits(find_s=5.0)),
            lambda notice: told.append(f"{notice.sensor} {notice.kind}"),
        ) as session:
            asyncio.get_running_loop().call_later(
                12.0, lambda: told.append("on") or asyncio.ensure_future(radio.sensors["pelvis"].switch_on())
            )
            asyncio.get_running_loop().call_later(30.0, session.stop)
            async for _ in session.packets():
                pass
            counts = {place: status.packets for place, status in session.status.items()}
        await radio.switch_off()
        return told, counts

    told, counts = run_virtual(main())
    assert told == [
        "foot_left connected", "foot_right connected", "pelvis missing", "on", "pelvis returned",
    ]  # fmt: skip
    assert counts["foot_left"] > 280
    assert 100 < counts["pelvis"] < 200


def test_notices_are_plain_sentences_with_a_time() -> None:
    played = play(
        numbered_recording(10.0), {"foot_left": SensorFaults(absences=(Absence(at_s=3.0, for_s=2.0),))}
    )
    assert [notice.text for notice in played.notices if notice.sensor == "foot_left"] == [
        "The left foot sensor is connected.",
        "The left foot sensor lost its connection. Looking for it.",
        "The left foot sensor is back.",
    ]
    times = [notice.host_time_s for notice in played.notices]
    assert times == sorted(times)


def test_a_sensor_that_falls_silent_is_connected_anew() -> None:
    # everything is lost: the link stays up and says nothing
    played = play(
        numbered_recording(20.0), {"foot_right": SensorFaults(loss=1.0)}, limits=Limits(silence_s=3.0)
    )
    assert "silent" in played.kinds("foot_right")
    silent = next(notice for notice in played.notices if notice.kind == "silent")
    assert "has sent nothing for 3 s. Reconnecting." in silent.text
    assert played.kinds("foot_left") == ["connected"]


def test_a_consumer_that_is_too_slow_loses_counted_packets_only() -> None:
    async def main() -> tuple[dict[str, int], int, list[str]]:
        radio = VirtualRadio(CONFIGS, numbered_recording(8.0, ("pelvis",)), FaultScript())
        await radio.switch_on()
        told: list[str] = []
        taken = 0
        async with SensorSession(
            radio.worn(), radio.radio(), lambda notice: told.append(notice.kind), capacity=20
        ) as session:
            await radio.played()
            session.stop()
            async for _ in session.packets():
                taken += 1
            dropped = session.dropped
        await radio.switch_off()
        return dropped, taken, told

    dropped, taken, told = run_virtual(main())
    assert taken == 20
    assert dropped["pelvis"] > 60
    assert told == ["connected", "dropped"]


def test_bluetooth_that_is_off_stops_the_start_with_its_remedy() -> None:
    from support.bleak_stubs import broken_scanner
    from tallrun.ble import Radio

    async def main() -> None:
        with pytest.raises(AdapterError, match="switched off"):
            async with SensorSession([worn("pelvis", "AA")], Radio(broken_scanner())):
                pass

    run_virtual(main())


def broken_for(sensor: str, run_steps: Any) -> Any:
    async def broken(port: Any, *args: Any) -> None:
        if port.sensor == sensor:
            raise ZeroDivisionError("a defect")
        await run_steps(port, *args)

    return broken


def test_a_defect_met_with_one_sensor_costs_that_sensor_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallrun.ble.session.run_steps", broken_for("pelvis", session.run_steps))
    played = play(numbered_recording(6.0), stop_at_s=5.0)
    assert played.kinds("pelvis") == ["missing"]
    told = next(notice.text for notice in played.notices if notice.sensor == "pelvis")
    assert "an error inside tallrun: ZeroDivisionError: a defect" in told
    for sensor in ("foot_left", "foot_right"):
        assert played.kinds(sensor) == ["connected"]
        assert played.ledger[sensor].lost == 0


def test_a_page_that_breaks_on_a_notice_costs_nothing() -> None:
    async def main() -> int:
        radio = VirtualRadio(CONFIGS, numbered_recording(4.0, ("pelvis",)))
        await radio.switch_on()

        def broken(notice: Any) -> None:
            raise OSError("the terminal is gone")

        taken = 0
        async with SensorSession(radio.worn(), radio.radio(), broken) as session:
            asyncio.get_running_loop().call_later(3.0, session.stop)
            async for _ in session.packets():
                taken += 1
        await radio.switch_off()
        return taken

    assert run_virtual(main()) > 20


def test_links_that_an_earlier_program_left_open_are_taken_over() -> None:
    async def main() -> tuple[list[str], float]:
        radio = VirtualRadio(CONFIGS, numbered_recording(8.0, ("foot_left", "pelvis")))
        await radio.switch_on()
        loop = asyncio.get_running_loop()
        left = [
            SensorLink(worn.sensor, radio.radio(), lambda packet: None, lambda: None) for worn in radio.worn()
        ]
        heard = {sighting.address: sighting for sighting in await scan(radio.radio(), 1.0)}
        for link, worn in zip(left, radio.worn(), strict=True):
            await link.connect(heard[worn.paired.address])
        assert await scan(radio.radio(), 1.0) == []
        told: list[str] = []
        begin_s = loop.time()
        async with SensorSession(
            radio.worn(), radio.radio(), lambda notice: told.append(notice.kind)
        ) as session:
            took_s = loop.time() - begin_s
            loop.call_later(2.0, session.stop)
            async for _ in session.packets():
                pass
        assert len(await scan(radio.radio(), 1.0)) == 2  # closed, so heard again
        await radio.switch_off()
        return told, took_s

    told, took_s = run_virtual(main())
    assert told == ["connected", "connected"]
    assert took_s < 1.0


def test_bluetooth_that_dies_in_mid_start_leaves_the_sensor_that_streams() -> None:
    async def main() -> tuple[list[str], int]:
        radio = VirtualRadio(CONFIGS, numbered_recording(8.0, ("foot_left", "pelvis")))
        await radio.switch_on()
        told: list[str] = []
        dying = radio.radio(Limits(retry_s=1.0))
        alive = dying.client_class

        def tell(notice: Any) -> None:
            told.append(f"{notice.sensor} {notice.kind}")
            if notice.kind == "connected":
                dying.client_class = dead_client()
            if notice.kind == "missing":
                dying.client_class = alive

        async with SensorSession(radio.worn(), dying, tell) as session:
            asyncio.get_running_loop().call_later(5.0, session.stop)
            async for _ in session.packets():
                pass
            counts = session.status["foot_left"].packets
        await radio.switch_off()
        return told, counts

    told, count = run_virtual(main())
    assert told == ["foot_left connected", "pelvis missing", "pelvis returned"]
    assert count > 40
