"""Raw signals by window: what was recorded, with its gaps, and not more than asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.report_sources import demo_source
from tallrun.errors import UsageError
from tallrun.numerics.recording import Recording
from tallrun.report.replay_signals import MOST_POINTS, SignalStrip


@pytest.fixture(scope="module")
def recording() -> Recording:
    return demo_source().recording


def known(column):
    return np.array([np.nan if value is None else value for value in column])


def test_a_window_holds_every_sample_of_it(recording):
    found = SignalStrip(recording).window(100.0, 103.0)["sensors"]
    assert set(found) == {"foot_left", "foot_right", "pelvis"}
    for place, columns in found.items():
        sensor = recording.sensors[place]
        inside = (sensor.t_s >= 100.0) & (sensor.t_s < 103.0)
        t_s = known(columns["t_s"])
        at = np.isin(np.round(t_s, 4), np.round(sensor.t_s[inside], 4))
        assert at.sum() == inside.sum()
        force = np.linalg.norm(sensor.acc_mps2[inside], axis=1) / 9.80665
        np.testing.assert_allclose(known(columns["force_g"])[at], force, atol=1e-3)
        turn = np.degrees(np.linalg.norm(sensor.gyr_radps[inside], axis=1))
        np.testing.assert_allclose(known(columns["turn_dps"])[at], turn, atol=0.06)


def test_a_gap_breaks_the_line_and_a_missing_gyroscope_is_no_zero(recording):
    sensor = recording.sensors["foot_left"]
    keep = (sensor.t_s < 101.0) | (sensor.t_s > 101.4)
    holed = replace(sensor, t_s=sensor.t_s[keep], acc_mps2=sensor.acc_mps2[keep], gyr_radps=None)
    strip = SignalStrip(Recording({"foot_left": holed}))
    columns = strip.window(100.9, 101.5)["sensors"]["foot_left"]
    hole = [place for place, value in enumerate(columns["t_s"]) if value is None]
    assert len(hole) == 1
    assert columns["force_g"][hole[0]] is None
    assert columns["t_s"][hole[0] - 1] < 101.0 < 101.4 < columns["t_s"][hole[0] + 1]
    assert columns["turn_dps"] is None
    assert strip.scales()["foot_left"]["turn_dps"] is None


def test_a_long_window_is_thinned_and_keeps_its_peaks(recording):
    columns = SignalStrip(recording).window(60.0, 120.0)["sensors"]["foot_left"]
    sensor = recording.sensors["foot_left"]
    inside = (sensor.t_s >= 60.0) & (sensor.t_s < 120.0)
    assert len(columns["t_s"]) < inside.sum()
    assert sum(value is not None for value in columns["t_s"]) <= MOST_POINTS
    force = np.linalg.norm(sensor.acc_mps2[inside], axis=1) / 9.80665
    assert np.nanmax(known(columns["force_g"])) == pytest.approx(force.max(), abs=1e-3)
    # thinning makes no gaps of its own
    times = sensor.t_s[inside]
    gaps = int((np.diff(times) > 3.0 / sensor.spec.rate_hz).sum())
    assert sum(value is None for value in columns["t_s"]) <= gaps


def test_a_window_outside_of_the_session_is_empty(recording):
    found = SignalStrip(recording).window(1e5, 1e5 + 10)["sensors"]["pelvis"]
    assert len(found["t_s"]) <= 1


@pytest.mark.parametrize("window", [(5.0, 5.0), (5.0, 4.0), (-1.0, 2.0), (0.0, 61.0), (0.0, float("nan"))])
def test_a_window_that_is_none_is_refused(recording, window):
    with pytest.raises(UsageError, match="window of signals"):
        SignalStrip(recording).window(*window)
