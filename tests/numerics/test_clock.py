from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.numerics.clock import ClockLimits, DeviceClock, EnvelopeFit, _hull_slope


def lowest_line_by_trial(points):
    """Slope of the line under all points that minimises the sum of distances: every pair tried."""
    best = (np.inf, 0.0)
    for (x1, y1), (x2, y2) in itertools.combinations(points, 2):
        slope = (y2 - y1) / (x2 - x1)
        above = [y - y1 - slope * (x - x1) for x, y in points]
        if min(above) >= -1e-9:
            best = min(best, (sum(above), slope))
    return best[0]


@given(st.lists(st.floats(0, 0.1), min_size=2, max_size=25))
def test_the_hull_edge_is_the_best_line_under_the_points(lags):
    points = [(float(x), lag) for x, lag in enumerate(lags)]
    slope = _hull_slope(points)
    height = min(y - slope * x for x, y in points)
    assert sum(y - slope * x - height for x, y in points) == pytest.approx(
        lowest_line_by_trial(points), abs=1e-6
    )


def test_skew_and_offset_are_found_under_one_sided_delay(rng):
    fit = EnvelopeFit(ClockLimits())
    for device_s in np.arange(0, 60, 0.09):
        fit.observe(float(device_s), float(device_s * (1 + 80e-6) + 7.0 + rng.uniform(0, 0.05)))
    assert fit.skew == pytest.approx(80e-6, abs=30e-6)
    assert fit.lag_s(60.0) == pytest.approx(7.0 + 60 * 80e-6, abs=0.003)


def test_one_impossible_stamp_does_not_move_the_line(rng):
    fit = EnvelopeFit(ClockLimits())
    for number, device_s in enumerate(np.arange(0, 40, 0.05)):
        glitch_s = -0.2 if number == 500 else 0.0
        fit.observe(float(device_s), float(device_s + 3.0 + rng.uniform(0, 0.02) + glitch_s))
    assert fit.lag_s(40.0) == pytest.approx(3.0, abs=0.004)


def test_an_empty_fit_knows_nothing():
    assert np.isnan(EnvelopeFit(ClockLimits()).lag_s(1.0))
    assert np.isnan(DeviceClock().residual_p95_s)


@given(
    st.lists(st.tuples(st.floats(0.02, 2.0), st.floats(0, 0.3)), min_size=3, max_size=60), st.integers(0, 59)
)
def test_mapped_times_increase_and_are_never_revised(steps, restart_at):
    clock = DeviceClock()
    device_s, host_s, last_t_s = 0.0, 5.0, -np.inf
    kept = []
    for number, (step_s, delay_s) in enumerate(steps):
        if number == restart_at:
            clock.restart()
            device_s, kept = 0.0, []
        samples = device_s + step_s * np.linspace(0.25, 1.0, 4)
        device_s, host_s = device_s + step_s, host_s + step_s
        clock.observe(device_s, host_s + delay_s)
        t_s = clock.map(samples)
        assert t_s[0] > last_t_s
        assert (np.diff(t_s) > 0).all()
        last_t_s = t_s[-1]
        kept.append((samples, t_s))
        for old_samples, old_t_s in kept[1:]:  # the very first block may begin before the line does
            np.testing.assert_allclose(clock.map(old_samples), old_t_s, rtol=0, atol=1e-9)


def test_a_correction_bends_the_line_slowly():
    clock = DeviceClock()
    device_s = np.arange(0, 60, 0.05)
    t_s = []
    for now in device_s:
        clock.observe(float(now), float(now) + 1.0)
        if abs(now - 30.0) < 1e-6:
            clock.shift(-0.02)
        t_s.append(clock.map(np.array([now]))[0])
    error_s = np.array(t_s) - device_s - 1.0
    assert np.abs(error_s[device_s < 30.0]).max() < 1e-9
    assert error_s[-1] == pytest.approx(-0.02, abs=0.002)
    assert np.abs(np.diff(error_s)).max() <= 0.005 * 0.05 + 1e-9
