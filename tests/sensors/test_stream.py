"""Counters and stamps unwrapped, duplicates dropped, late packets put in order, gaps told, restarts found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sensor_player import DeviceTimer, play
from tallrun.numerics.recording import SampleBlock
from tallrun.sensors.events import ClockReset, Gap, UnknownPacket
from tallrun.sensors.ingest import Binding, Ingest

IMUS = (
    "open-packet", "movesense-imu6-208", "polar-verity-sense-sdk", "movella-dot",
    "witmotion-wt9011dcl", "metamotion-bmi270",
)  # fmt: skip
STAMPED = IMUS[:4]


def timed(t_s):
    """Acceleration that tells the true time: y runs through 100 m/s2 in ten seconds, z counts them."""
    acc = np.stack([np.zeros_like(t_s), (t_s % 10) * 10 - 50, np.floor(t_s / 10) % 15], axis=1)
    return acc, np.zeros_like(acc)


def told_time(acc_mps2):
    return np.round(acc_mps2[:, 2]) * 10 + (acc_mps2[:, 1] + 50) / 10


def run(bindings, *arrivals):
    ingest = Ingest(bindings)
    events = []
    for item in sorted(itertools.chain(*arrivals)):
        events += ingest.feed(item.host_s, item.sensor, item.uuid, item.payload)
    return ingest, events + ingest.finish()


def samples(events, sensor):
    blocks = [event for event in events if isinstance(event, SampleBlock) and event.placement == sensor]
    t_s = np.concatenate([block.t_s for block in blocks])
    assert (np.diff(t_s) > 0).all()
    return t_s, np.concatenate([block.acc_mps2 for block in blocks])


def others(events):
    return [event for event in events if not isinstance(event, SampleBlock)]


def assert_on_time(t_s, acc):
    """Mapped times lie at the radio's least delay after the true ones; the first seconds have seen few packets."""
    error_s = np.abs(t_s - told_time(acc) - 0.010)
    assert error_s.max() < 0.035
    assert np.percentile(error_s[t_s > 5.0], 95) < 0.006


def one(configs, name, rng, timer=None, seconds=20.0, change=list, **options):
    config = configs.get(name)
    arrivals = change(
        play(config, "foot_left", seconds, timer or DeviceTimer(), rng, signal=timed, **options)
    )
    return run([Binding("foot_left", config)], arrivals)


@pytest.mark.parametrize("name", IMUS)
def test_every_sample_arrives_at_its_time(configs, rng, name):
    ingest, events = one(configs, name, rng, DeviceTimer(40.0))
    t_s, acc = samples(events, "foot_left")
    assert others(events) == []
    # a cut-off batch at the end of play and, where two streams are joined, its partners may be missing
    assert t_s.size >= 20.0 * configs.get(name).imu.rate_hz - 130
    assert_on_time(t_s, acc)
    status = ingest.status()["foot_left"]
    assert (status.missing_samples, status.duplicates, status.late_packets) == (0, 0, 0)
    assert status.rate_hz == pytest.approx(configs.get(name).imu.rate_hz, rel=0.01)


@pytest.mark.parametrize("name", STAMPED)
def test_stamps_and_counters_wrap_unseen(configs, rng, name):
    imu = configs.get(name).imu
    wrap_s = imu.time.unit_s * 2.0**imu.time.bits
    _, events = one(configs, name, rng, DeviceTimer(-30.0, offset_s=min(wrap_s, 2e9) - 7.0))
    t_s, acc = samples(events, "foot_left")
    assert others(events) == []
    assert_on_time(t_s, acc)


def test_a_counter_that_wraps_within_a_gap(configs, rng):
    # 16-bit counter of the open packet at 70000 packets: play the last seconds only
    config = configs.get("open-packet")
    timer = DeviceTimer(offset_s=2.0)
    arrivals = play(config, "foot_left", 30.0, timer, rng, signal=timed, keep=lambda n: not 40 <= n < 60)
    shifted = [
        a
        if len(a.payload) == 16
        else type(a)(a.host_s, a.number, a.sensor, a.uuid, _with_counter(a.payload, 65536 - 50))
        for a in arrivals
    ]
    ingest, events = run([Binding("foot_left", config)], shifted)
    (gap,) = others(events)
    assert gap.missing_samples == 20 * 19
    assert ingest.status()["foot_left"].clock_resets == 0


def _with_counter(payload, add):
    counter = (int.from_bytes(payload[2:4], "little") + add) % 65536
    return payload[:2] + counter.to_bytes(2, "little") + payload[4:]


@pytest.mark.parametrize("name", STAMPED)
def test_duplicates_are_dropped_and_counted(configs, rng, name):
    # halves of a split value are told apart by their order alone, which the link keeps
    delay_s = 0.0 if name == "movesense-imu6-208" else 0.12

    def twice(arrivals):
        chosen = [a for a in arrivals[30:230] if a.number % 8 < 2]
        return [
            *arrivals,
            *(type(a)(a.host_s + delay_s, a.number, a.sensor, a.uuid, a.payload) for a in chosen),
        ]

    plain = samples(one(configs, name, np.random.default_rng(3))[1], "foot_left")
    ingest, events = one(configs, name, np.random.default_rng(3), change=twice)
    acc = samples(events, "foot_left")[1]
    np.testing.assert_array_equal(told_time(acc), told_time(plain[1]))
    status = ingest.status()["foot_left"]
    assert status.duplicates + status.late_packets + status.unknown_packets >= 20
    assert status.missing_samples == 0
    assert not [event for event in others(events) if not isinstance(event, UnknownPacket)]


def test_packets_up_to_their_time_limit_are_put_back_in_order(configs):
    def swap(arrivals):
        out = list(arrivals)
        for index in range(30, len(out) - 2, 10):
            late = out[index]
            host_s = out[index + 1].host_s + 0.005
            out[index] = type(late)(host_s, late.number, late.sensor, late.uuid, late.payload)
        return out

    plain = one(configs, "open-packet", np.random.default_rng(3), burst_s=0)[1]
    ingest, events = one(configs, "open-packet", np.random.default_rng(3), change=swap, burst_s=0)
    np.testing.assert_array_equal(samples(events, "foot_left")[1], samples(plain, "foot_left")[1])
    assert others(events) == []
    assert ingest.status()["foot_left"].late_packets == 0


def test_what_comes_after_the_limit_is_a_gap_and_a_late_packet(configs):
    def delay(arrivals):
        out = list(arrivals)
        late = out[60]
        out[60] = type(late)(late.host_s + 0.6, late.number, late.sensor, late.uuid, late.payload)
        return out

    ingest, events = one(configs, "open-packet", np.random.default_rng(3), change=delay, burst_s=0)
    (gap,) = others(events)
    assert isinstance(gap, Gap)
    assert gap.missing_samples == 19
    assert ingest.status()["foot_left"].late_packets == 1


@pytest.mark.parametrize("name", STAMPED)
def test_losses_are_told_exactly_and_nothing_is_filled_in(configs, rng, name):
    lost = {50, 51, 90}
    ingest, events = one(configs, name, rng, DeviceTimer(60.0), seconds=40.0, keep=lambda n: n not in lost)
    t_s, acc = samples(events, "foot_left")
    gaps = [event for event in events if isinstance(event, Gap)]
    period_s = 1 / configs.get(name).imu.rate_hz
    expected = [gap for gap in np.diff(told_time(acc)) if gap > 1.5 * period_s]
    assert len(gaps) == len(expected) >= 1
    for gap, true_s in zip(gaps, expected, strict=True):
        assert gap.missing_samples == round(true_s / period_s) - 1
        assert gap.end_s - gap.start_s == pytest.approx(true_s, abs=0.002)
        assert not gap.inferred
        assert not ((t_s > gap.start_s) & (t_s < gap.end_s)).any()
    assert ingest.status()["foot_left"].loss_pct > 0


@pytest.mark.parametrize("name", IMUS[4:])
def test_large_losses_of_unstamped_sensors_are_inferred(configs, rng, name):
    n_lost = 60
    _, events = one(configs, name, rng, seconds=40.0, keep=lambda n: not 700 <= n < 700 + n_lost)
    gaps = [event for event in events if isinstance(event, Gap)]
    assert gaps
    assert all(gap.inferred for gap in gaps)
    t_s, acc = samples(events, "foot_left")
    settled = t_s > 35.0
    assert np.abs(t_s - told_time(acc) - 0.010)[settled].max() < 0.04


@pytest.mark.parametrize("name", IMUS)
def test_a_sensor_that_was_away_comes_back_at_the_right_time(configs, rng, name):
    config = configs.get(name)

    def cut(arrivals):
        return [a for a in arrivals if not 15.0 < a.host_s < 21.0]

    _, events = one(configs, name, rng, DeviceTimer(30.0), seconds=35.0, change=cut)
    t_s, acc = samples(events, "foot_left")
    # without stamps the time of absence is known to the first burst after it only
    assert np.abs(t_s - told_time(acc) - 0.010)[t_s > 20.0].max() < (0.012 if name in STAMPED else 0.045)
    away = [event for event in events if isinstance(event, Gap) and event.end_s - event.start_s > 5.0]
    assert len(away) >= 1
    assert away[0].missing_samples == pytest.approx(6.0 * config.imu.rate_hz, rel=0.1)


@pytest.mark.parametrize("name", STAMPED)
def test_a_restart_of_the_sensors_clock_is_found_once(configs, rng, name):
    timer = DeviceTimer(50.0, offset_s=500.0, reset_at_s=15.0, reset_to_s=0.2)
    ingest, events = one(configs, name, rng, timer, seconds=40.0)
    (reset,) = [event for event in events if isinstance(event, ClockReset)]
    assert reset.step_s == pytest.approx(-514.8, abs=0.1)
    assert reset.t_s == pytest.approx(15.0, abs=1.0)
    assert not [event for event in events if isinstance(event, UnknownPacket)]
    t_s, acc = samples(events, "foot_left")
    assert np.abs(t_s - told_time(acc) - 0.010)[t_s > 20.0].max() < 0.012
    assert ingest.status()["foot_left"].clock_resets == 1


@pytest.mark.parametrize("step_s", [-0.05, 0.05, -3.0, 3.0])
def test_small_steps_of_a_counted_clock_are_found_too(configs, rng, step_s):
    timer = DeviceTimer(offset_s=500.0, reset_at_s=15.0, reset_to_s=515.0 + step_s)
    _, events = one(configs, "open-packet", rng, timer, seconds=30.0, reset_counter=False)
    (reset,) = [event for event in events if isinstance(event, ClockReset)]
    assert reset.step_s == pytest.approx(step_s, abs=0.02)
    t_s, acc = samples(events, "foot_left")
    assert np.abs(t_s - told_time(acc) - 0.010)[t_s > 20.0].max() < 0.012


def test_a_sensor_at_half_its_rate_keeps_true_times(configs, rng):
    for name in ("open-packet", "movesense-imu6-208", "witmotion-wt9011dcl"):
        rate_hz = configs.get(name).imu.rate_hz / 2
        ingest, events = one(configs, name, rng, rate_hz=rate_hz)
        t_s, acc = samples(events, "foot_left")
        assert others(events) == []
        assert_on_time(t_s, acc)
        assert ingest.status()["foot_left"].rate_hz == pytest.approx(rate_hz, rel=0.02)


def test_a_refused_gyroscope_does_not_stop_the_acceleration(configs, rng):
    _, events = one(
        configs,
        "polar-verity-sense-sdk",
        rng,
        change=lambda arrivals: [a for a in arrivals if a.payload[0] != 5],
    )
    blocks = [event for event in events if isinstance(event, SampleBlock)]
    assert sum(block.t_s.size for block in blocks) > 0.8 * 20 * 208
    assert all(np.isnan(block.gyr_radps).all() for block in blocks)


def test_unknown_characteristics_and_unread_scales_are_counted_not_lost(configs):
    config = configs.get("open-packet")
    ingest = Ingest([Binding("pelvis", config)])
    (unknown,) = ingest.feed(1.0, "pelvis", "2a00", b"\x01")
    assert "does not know" in unknown.why
    assert unknown.characteristic == "00002a00-0000-1000-8000-00805f9b34fb"
    (early,) = ingest.feed(
        1.0, "pelvis", config.uuid("data"), bytes.fromhex("01 00 00 00 00000000 C812 01 43") + bytes(12)
    )
    assert "info characteristic" in early.why
    assert ingest.status()["pelvis"].unknown_packets == 2


@pytest.mark.parametrize("name", IMUS)
def test_the_same_arrivals_give_the_same_events_to_the_bit(configs, name):
    first, second = (
        one(configs, name, np.random.default_rng(5), keep=lambda n: n % 17 != 3)[1] for _ in range(2)
    )
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        if isinstance(a, SampleBlock):
            np.testing.assert_array_equal(a.t_s, b.t_s)
            np.testing.assert_array_equal(a.acc_mps2, b.acc_mps2)
        else:
            assert a == b


@pytest.mark.parametrize("name", STAMPED)
def test_sensors_stay_together_at_100_ppm_with_bursts_and_a_restart(configs, name):
    """The bar: p95 of the difference between two sensors at most 5 ms."""
    config = configs.get(name)
    timers = {
        "foot_left": DeviceTimer(100.0, offset_s=50.0, reset_at_s=60.3),
        "foot_right": DeviceTimer(-100.0, offset_s=4000.0),
    }
    arrivals = [
        play(config, sensor, 120.0, timer, np.random.default_rng(number), 0.05, signal=timed)
        for number, (sensor, timer) in enumerate(timers.items())
    ]
    _, events = run([Binding(sensor, config) for sensor in timers], *arrivals)
    grid_s = np.arange(1.0, 119.0, 0.01)
    errors = []
    for sensor in timers:
        t_s, acc = samples(events, sensor)
        errors.append(np.interp(grid_s, told_time(acc), t_s - told_time(acc)))
    assert np.percentile(np.abs(errors[0] - errors[1]), 95) <= 0.005


@given(st.lists(st.floats(0, 0.2), min_size=60, max_size=60), st.sets(st.integers(0, 59), max_size=20))
def test_times_increase_whatever_the_radio_does(configs, delays, lost):
    config = configs.get("open-packet")
    arrivals = play(
        config, "foot_left", 5.48, DeviceTimer(), np.random.default_rng(1), burst_s=0, signal=timed
    )
    disturbed = [
        type(a)(max(0.0, a.host_s + delays[i % 60]), a.number, a.sensor, a.uuid, a.payload)
        for i, a in enumerate(arrivals)
        if i == 0 or i % 60 not in lost
    ]
    _, events = run([Binding("foot_left", config)], disturbed)
    if any(isinstance(event, SampleBlock) for event in events):
        samples(events, "foot_left")
