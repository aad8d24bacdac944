"""What must not change the tables: cutting, interleaving, mounting, the origin of time, which foot is called left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from tallrun import simulate
from tallrun.numerics.recording import Recording, SampleBlock
from tallrun.pipeline import GaitPipeline, PipelineSetup, analyze_recording, belt_readings

NUMBERS = (
    "initial_contact_s",
    "final_contact_s",
    "stride_length_m",
    "foot_strike_angle_deg",
    "pelvic_tilt_deg",
)


@pytest.fixture(scope="module")
def run() -> Recording:
    programme = simulate.Programme(
        (
            simulate.Bout("stand", 8.0),
            simulate.Bout("walk", 8.0, 1.4),
            simulate.Bout("run", 24.0, 2.9),
            simulate.Bout("stand", 4.0),
        )
    )
    return simulate.run(programme, simulate.Runner(), simulate.three_sensors(200.0, loss=0.01), seed=11)[0]


def with_sensors(recording: Recording, change) -> Recording:
    return replace(recording, sensors={name: change(item) for name, item in recording.sensors.items()})


def fed(recording: Recording, sizes, order, rng=None):
    """Feed blocks of the given sizes, sensors in the given order, each no more than 0.2 s ahead of the others."""
    pipeline = GaitPipeline(PipelineSetup.of(recording))
    for reading in belt_readings(recording):
        pipeline.feed_treadmill(reading)
    at = dict.fromkeys(recording.sensors, 0)
    horizon_s = 0.0
    end_s = max(float(item.t_s[-1]) for item in recording.sensors.values())
    while horizon_s <= end_s:
        horizon_s += 0.2
        for name in order if rng is None else rng.permutation(order):
            item = recording.sensors[str(name)]
            while at[name] < len(item.t_s) and item.t_s[at[name]] < horizon_s:
                limit = int(np.searchsorted(item.t_s, horizon_s))
                size = sizes if rng is None else int(rng.integers(1, sizes + 1))
                cut = slice(at[name], min(at[name] + size, limit))
                gyr = None if item.gyr_radps is None else item.gyr_radps[cut]
                pipeline.feed(SampleBlock(str(name), item.t_s[cut], item.acc_mps2[cut], gyr))
                at[name] = cut.stop
    pipeline.finish()
    return pipeline.tables()


def assert_same_tables(left, right):
    pd.testing.assert_frame_equal(left.strides, right.strides, check_exact=True)
    pd.testing.assert_frame_equal(left.segments, right.segments, check_exact=True)
    pd.testing.assert_frame_equal(left.timeline, right.timeline, check_exact=True)
    assert left.flags == right.flags
    assert left.summary == right.summary


@pytest.mark.parametrize("size", [7, 50, 10_000])
def test_cutting_changes_nothing_bit_for_bit(run, size):
    assert_same_tables(fed(run, size, list(run.sensors)), analyze_recording(run))


def test_single_samples_change_nothing(run):
    short = with_sensors(
        run,
        lambda item: replace(
            item,
            t_s=item.t_s[item.t_s < 22.0],
            acc_mps2=item.acc_mps2[item.t_s < 22.0],
            gyr_radps=item.gyr_radps[item.t_s < 22.0],
        ),
    )
    assert_same_tables(fed(short, 1, list(short.sensors)), analyze_recording(short))


def test_interleaving_changes_nothing_bit_for_bit(run, rng):
    whole = analyze_recording(run)
    assert_same_tables(fed(run, 30, list(run.sensors)[::-1]), whole)
    assert_same_tables(fed(run, 40, list(run.sensors), rng), whole)


def test_any_mounting_gives_the_same_strides(run, rng):
    whole = analyze_recording(run).strides
    for matrix in Rotation.random(4, rng=rng).as_matrix():
        turned = with_sensors(
            run,
            lambda item, m=matrix: replace(
                item, acc_mps2=item.acc_mps2 @ m.T, gyr_radps=item.gyr_radps @ m.T
            ),
        )
        strides = analyze_recording(turned).strides
        assert len(strides) == len(whole)
        for name, most in zip(NUMBERS, (0.005, 0.005, 0.005, 0.5, 0.5), strict=True):
            off = (strides[name] - whole[name]).abs()
            assert off.isna().equals(whole[name].isna())
            assert off.max() <= most, name


def test_a_shift_of_time_shifts_the_strides(run):
    shift_s = 3600.0
    later = replace(with_sensors(run, lambda item: replace(item, t_s=item.t_s + shift_s)), treadmill=None)
    strides, whole = analyze_recording(later).strides, analyze_recording(replace(run, treadmill=None)).strides
    assert len(strides) == len(whole)
    np.testing.assert_allclose(strides["initial_contact_s"] - shift_s, whole["initial_contact_s"], atol=1e-6)
    np.testing.assert_allclose(strides["stride_length_m"], whole["stride_length_m"], rtol=1e-4)


def test_swapping_the_feet_swaps_the_strides(run):
    swap = {"foot_left": "foot_right", "foot_right": "foot_left"}
    feet = {name: item for name, item in run.sensors.items() if name in swap}
    swapped = replace(
        run,
        sensors={
            swap[name]: replace(item, spec=replace(item.spec, placement=swap[name]))
            for name, item in feet.items()
        },
    )
    whole = analyze_recording(replace(run, sensors=feet))
    other = analyze_recording(swapped)
    for foot, opposite in (("left", "right"), ("right", "left")):
        mine = whole.strides[whole.strides["foot"] == foot]
        theirs = other.strides[other.strides["foot"] == opposite]
        np.testing.assert_array_equal(mine["initial_contact_s"], theirs["initial_contact_s"])
        np.testing.assert_array_equal(mine["flight_time_s"], theirs["flight_time_s"])
    assert whole.summary["asymmetry_contact_pct"] == pytest.approx(-other.summary["asymmetry_contact_pct"])


def test_samples_said_twice_or_damaged_change_little(run, rng):
    def spoil(item):
        twice = np.sort(rng.integers(0, len(item.t_s), 60))
        index = np.sort(np.concatenate([np.arange(len(item.t_s)), twice]))
        acc = item.acc_mps2[index].copy()
        acc[rng.integers(0, len(index), 15)] = np.nan
        return replace(item, t_s=item.t_s[index], acc_mps2=acc, gyr_radps=item.gyr_radps[index])

    whole, tables = analyze_recording(run), analyze_recording(with_sensors(run, spoil))
    assert abs(len(tables.strides) - len(whole.strides)) <= 2
    assert tables.summary["cadence_spm"]["median"] == pytest.approx(
        whole.summary["cadence_spm"]["median"], abs=0.5
    )
    counted = tables.summary["quality"]["sensors"]["foot_left"]
    assert counted["n_duplicates"] >= 50
    assert counted["n_bad"] > 0
