"""STOP while the sensors are still being connected: nothing begins, nothing is recorded, every link is let go."""

from __future__ import annotations

import asyncio
import json

import pytest

from support.live_run import long_run
from tallrun.ble.faults import FaultScript, SensorFaults
from tallrun.errors import RadioError
from tallrun.live.devices import Emulation, run_radio, sensors_in_use
from tallrun.live.hub import LiveHub
from tallrun.live.run import CalledOffError, run_once
from tallrun.live.setup import RunWishes

#: One sensor answers nobody for a while, so that connecting takes about half a minute.
SLOW = FaultScript(sensors={"foot_left": SensorFaults(hanging_connects=1), "foot_right": SensorFaults()})
STOP = json.dumps({"type": "stop", "tap_id": "stop-early"})


def run_with_stop_at(folder, seconds):
    """Tap STOP so many seconds after the start; return what came of the run, when it ended, and the answers."""
    emulation = Emulation(long_run(20.0), SLOW, {}, None)
    hub, answers = LiveHub(), []

    async def main():
        clock = asyncio.get_running_loop()
        began_s = clock.time()
        clock.call_later(seconds, lambda: answers.append((clock.time() - began_s, hub.take(STOP))))
        try:
            return await run_once(
                folder, emulation, folder / "run", RunWishes(minutes=10.0), hub,
                on_notice=lambda notice: None, on_trouble=lambda text: None,
            ), clock.time() - began_s  # fmt: skip
        except CalledOffError as error:
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            await asyncio.sleep(0)
            assert not [task for task in left if not task.done() and "_keep" in repr(task)]
            return error, clock.time() - began_s

    came, ended_s = run_radio(main(), emulation)
    return came, ended_s, answers


@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0, 3.0, 8.0, 15.0])
def test_stop_calls_off_a_run_whose_sensors_are_still_being_connected(tmp_path, seconds):
    came, ended_s, answers = run_with_stop_at(tmp_path, seconds)
    ((tapped_s, answer),) = answers
    assert answer["outcome"] == "done"
    assert isinstance(came, CalledOffError)
    assert "nothing was recorded" in str(came)
    assert ended_s - tapped_s < 1.0
    assert not (tmp_path / "run").exists()


def test_a_stop_after_the_beginning_ends_the_run_as_ever(tmp_path):
    came, _, answers = run_with_stop_at(tmp_path, 40.0)
    assert not isinstance(came, CalledOffError)
    assert [answer["outcome"] for _, answer in answers] == ["held"]
    assert (tmp_path / "run").exists()


def test_a_second_emulated_run_of_the_same_records_is_refused_before_it_begins_and_the_first_goes_on(
    tmp_path,
):
    with (
        sensors_in_use(tmp_path),
        pytest.raises(RadioError, match="another run is being recorded for the same records"),
    ):
        run_with_stop_at(tmp_path, 40.0)
    assert not (tmp_path / "run").exists()
    came, _, _ = run_with_stop_at(tmp_path, 40.0)
    assert not isinstance(came, Exception), "the lock is let go"
    assert (tmp_path / "run").exists()
