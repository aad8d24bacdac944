"""One test per fault the script knows: nothing is lost but what the fault destroyed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from support.virtual_radio import RATE_HZ, Played, numbered_recording, play
from tallrun.ble import Limits
from tallrun.ble.faults import Absence, SensorFaults
from tallrun.sensors.codecs.open_packet import decode_open_packet
from tallrun.sensors.events import Battery, ClockReset, Gap, UnknownPacket

pytestmark = pytest.mark.radio
SECONDS = 20.0
N = int(SECONDS * RATE_HZ)
BATCH = 19


def assert_whole(played: Played, sensor: str, first: int = 1) -> None:
    """Every sample came exactly once, in order; a last batch that is not full is never sent."""
    t_s, number = played.numbers(sensor)
    np.testing.assert_array_equal(number, np.arange(first, number[-1] + 1))
    assert number[-1] >= N - BATCH
    assert (np.diff(t_s) > 0).all()


def test_a_good_day_loses_nothing() -> None:
    played = play(numbered_recording(SECONDS))
    for sensor in ("foot_left", "foot_right", "pelvis"):
        assert_whole(played, sensor)
        assert played.kinds(sensor) == ["connected"]
        assert not played.of(Gap, sensor)
    errors = {
        sensor: np.median(played.time_error_s(sensor)) for sensor in ("foot_left", "foot_right", "pelvis")
    }
    assert max(errors.values()) - min(errors.values()) < 0.002


def test_lost_packets_are_gaps_of_just_those_packets() -> None:
    played = play(numbered_recording(SECONDS), default=SensorFaults(loss=0.05))
    for sensor, ledger in played.ledger.items():
        assert ledger.lost > 0
        blocks = played.blocks(sensor)
        assert sum(block.t_s.size for block in blocks) == BATCH * ledger.delivered
        assert sum(gap.missing_samples for gap in played.of(Gap, sensor)) <= BATCH * ledger.lost
        _, number = played.numbers(sensor)
        missing = np.setdiff1d(np.arange(number[0], number[-1]), number)
        assert missing.size % BATCH == 0
        assert missing.size <= BATCH * ledger.lost


def test_packets_delivered_twice_count_once() -> None:
    played = play(numbered_recording(SECONDS), default=SensorFaults(duplicates=0.3))
    for sensor, ledger in played.ledger.items():
        assert ledger.duplicated > 10
        assert_whole(played, sensor)
        assert played.status[sensor].duplicates + played.status[sensor].late_packets == ledger.duplicated


def test_bursts_delay_and_destroy_nothing() -> None:
    played = play(
        numbered_recording(SECONDS), default=SensorFaults(burst_every_s=1.0, burst_hold_s=(0.06, 0.2))
    )
    for sensor in played.ledger:
        assert_whole(played, sensor)
        arrivals = np.array([packet.host_time_s for packet in played.packets if packet.sensor == sensor])
        assert (np.diff(arrivals) > 0.12).sum() >= 3  # stalls
        assert (np.diff(arrivals) == 0.0).sum() >= 3  # what they held comes at once
        assert np.ptp(played.time_error_s(sensor)[5 * int(RATE_HZ) :]) < 0.01


@pytest.mark.parametrize("skew_ppm", [-100.0, 100.0])
def test_a_skewed_clock_is_followed(skew_ppm: float) -> None:
    played = play(
        numbered_recording(60.0, ("foot_left", "foot_right")), {"foot_left": SensorFaults(skew_ppm=skew_ppm)}
    )
    late = slice(20 * int(RATE_HZ), None)
    apart_s = played.time_error_s("foot_left")[late] - played.time_error_s("foot_right")[late]
    assert np.percentile(np.abs(apart_s), 95) < 0.005
    for sensor in ("foot_left", "foot_right"):
        np.testing.assert_array_equal(np.diff(played.numbers(sensor)[1]), 1)


def test_a_wrapping_clock_and_counter_change_nothing() -> None:
    played = play(numbered_recording(SECONDS), {"foot_left": SensorFaults(wrap_at_s=9.7)})
    assert_whole(played, "foot_left")
    assert not played.of(ClockReset, "foot_left")
    assert np.ptp(played.time_error_s("foot_left")) < 0.01
    data = [
        decode_open_packet(p.payload)
        for p in played.packets
        if p.sensor == "foot_left" and len(p.payload) > 100
    ]
    assert any(b.t_first_us < a.t_first_us for a, b in itertools.pairwise(data))
    assert any(b.sequence < a.sequence for a, b in itertools.pairwise(data))


def test_a_clock_reset_is_told_and_loses_nothing() -> None:
    played = play(numbered_recording(SECONDS), {"pelvis": SensorFaults(clock_reset_at_s=10.0)})
    assert len(played.of(ClockReset, "pelvis")) == 1
    assert_whole(played, "pelvis")
    errors = played.time_error_s("pelvis")
    assert np.abs(np.median(errors[: N // 2 - 100]) - np.median(errors[-500:])) < 0.02


def test_a_link_with_small_packets_is_told_and_gives_no_wrong_samples() -> None:
    played = play(numbered_recording(5.0), {"foot_left": SensorFaults(mtu=23)})
    assert "small_packets" in played.kinds("foot_left")
    assert not played.blocks("foot_left")
    assert played.of(UnknownPacket, "foot_left")
    assert played.status["foot_right"].samples > 800


def test_a_slow_connection_is_waited_for() -> None:
    played = play(numbered_recording(SECONDS), {"foot_right": SensorFaults(connect_delay_s=9.0)})
    assert played.kinds("foot_right") == ["connected"]
    assert_whole(played, "foot_left")
    _, number = played.numbers("foot_right")
    np.testing.assert_array_equal(np.diff(number), 1)  # late, then whole


def test_a_connection_that_hangs_is_given_up_and_tried_again() -> None:
    played = play(
        numbered_recording(40.0),
        {"foot_left": SensorFaults(hanging_connects=1)},
        limits=Limits(connect_s=5.0),
    )
    assert played.kinds("foot_left") == ["missing", "returned"]
    assert "took longer than 5 s" in next(n.text for n in played.notices if n.kind == "missing")
    assert played.kinds("pelvis") == ["connected"]
    assert played.link["foot_left"].packets > 300


def test_a_sensor_that_drops_out_comes_back_and_the_others_go_on() -> None:
    absence = Absence(at_s=6.0, for_s=5.0)
    played = play(numbered_recording(SECONDS), {"pelvis": SensorFaults(absences=(absence,))})
    assert played.kinds("pelvis") == ["connected", "lost", "returned"]
    assert_whole(played, "foot_left")
    assert_whole(played, "foot_right")
    t_s, number = played.numbers("pelvis")
    missing_s = np.setdiff1d(np.arange(1, number[-1]), number) / RATE_HZ
    assert 5.0 <= missing_s.size / RATE_HZ <= 5.7  # the absence, the packet cut off, the new search
    assert missing_s.min() > absence.at_s - 0.2
    assert played.link["pelvis"].reconnects == 1
    after = t_s > absence.at_s + absence.for_s + played.begin_s + 1.0
    assert (
        np.abs(np.median(played.time_error_s("pelvis")[after]) - np.median(played.time_error_s("foot_left")))
        < 0.005
    )


def test_the_second_sensor_at_half_rate_is_noticed_and_read() -> None:
    played = play(numbered_recording(SECONDS), {"foot_right": SensorFaults(keep_every=2)})
    assert played.status["foot_right"].rate_hz == pytest.approx(RATE_HZ / 2, rel=1e-3)
    _, number = played.numbers("foot_right")
    np.testing.assert_array_equal(np.unique(np.diff(number)), [2])
    assert_whole(played, "foot_left")


def test_a_falling_battery_is_reported() -> None:
    faults = SensorFaults(battery_pct=80, battery_fall_pct_per_h=3600)
    played = play(
        numbered_recording(20.0, ("pelvis",)), {"pelvis": faults}, limits=Limits(battery_every_s=8.0)
    )
    levels = [battery.level_pct for battery in played.of(Battery, "pelvis")]
    assert levels[0] == 80
    assert 2 <= len(levels) <= 3
    assert 60 <= levels[-1] <= 72
    assert levels == sorted(levels, reverse=True)


def test_refused_settings_leave_the_others_running() -> None:
    played = play(numbered_recording(5.0), {"foot_left": SensorFaults(refuse_settings=True)})
    assert played.kinds("foot_left") == ["refused"]
    assert not played.blocks("foot_left")
    assert played.kinds("foot_right") == ["connected"]
    assert played.status["pelvis"].samples > 800
