from __future__ import annotations

import numpy as np
import pytest

from support.sensor_player import DeviceTimer, play
from tallrun.numerics.clock_taps import align_taps, find_taps
from tallrun.numerics.recording import SampleBlock
from tallrun.sensors.ingest import Binding, Ingest

TAPS_S = np.array([4.0, 4.6, 5.3, 36.0, 36.5])


def tapped(t_s):
    acc = np.tile([0.0, 0.0, 9.80665], (t_s.size, 1))
    for tap in TAPS_S:
        acc[:, 2] += 80.0 * np.exp(-(((t_s - tap) / 0.008) ** 2))
    return acc, np.zeros_like(acc)


def test_taps_are_found_at_half_their_rise():
    t_s = np.arange(0, 8, 1 / 208)
    found = find_taps(t_s, tapped(t_s)[0])
    np.testing.assert_allclose(found, TAPS_S[:3] - 0.008 * np.sqrt(np.log(2)), atol=0.0012)


def test_quiet_noise_and_short_or_missing_samples_hold_no_taps(rng):
    assert find_taps(np.arange(2000) / 200, rng.normal(0, 1, (2000, 3))).size == 0
    assert find_taps(np.empty(0), np.empty((0, 3))).size == 0
    assert find_taps(np.arange(500) / 200, np.full((500, 3), np.nan)).size == 0


def test_offsets_are_relative_and_the_residual_is_what_they_leave():
    taps = np.array([1.0, 1.7, 2.2])
    found = align_taps({"a": taps, "b": taps + 0.012, "c": taps - 0.003 + np.array([0, 0, 0.004])})
    assert found is not None
    assert found.n_taps == 3
    assert sum(found.offsets_s.values()) == pytest.approx(0)
    assert found.offsets_s["b"] - found.offsets_s["a"] == pytest.approx(0.012, abs=1e-9)
    assert found.residual_s == pytest.approx(0.004)


@pytest.mark.parametrize("others", [{}, {"b": np.array([1.0])}, {"b": np.array([5.0, 6.0])}])
def test_without_two_common_taps_there_is_no_alignment(others):
    assert align_taps({"a": np.array([1.0, 1.7]), **others}) is None


def test_a_tap_at_the_start_removes_different_delays_and_one_at_the_end_checks_it(configs):
    config = configs.get("open-packet")
    delays_s = {"foot_left": 0.010, "foot_right": 0.045}
    arrivals = [
        item
        for number, (sensor, delay_s) in enumerate(delays_s.items())
        for item in play(
            config,
            sensor,
            40.0,
            DeviceTimer(20.0),
            np.random.default_rng(number),
            0.02,
            delay_s,
            signal=tapped,
        )
    ]
    ingest = Ingest([Binding(sensor, config) for sensor in delays_s])
    events, alignments = [], []
    due_s = [2.0, 8.0, 39.5]
    for item in sorted(arrivals):
        while due_s and item.host_s > due_s[0]:
            alignments += ingest.sync_tap(due_s.pop(0))
        events += ingest.feed(item.host_s, item.sensor, item.uuid, item.payload)
    none, start, end = (event for event in alignments if not isinstance(event, SampleBlock))
    assert (none.offsets_s, none.residual_s, none.applied) == ({}, None, False)
    assert start.applied
    assert start.offsets_s["foot_right"] - start.offsets_s["foot_left"] == pytest.approx(0.035, abs=0.006)
    assert not end.applied
    assert abs(end.offsets_s["foot_right"] - end.offsets_s["foot_left"]) < 0.005
    assert end.residual_s < 0.003
    for sensor in delays_s:
        t_s = np.concatenate([e.t_s for e in events if isinstance(e, SampleBlock) and e.placement == sensor])
        assert (np.diff(t_s) > 0).all()
