from itertools import pairwise

import numpy as np
import pytest

from support.made_rows import running
from tallrun.errors import SignalError
from tallrun.gait.rows import MODE_OTHER, MODE_RUN, MODE_STAND, MODE_WALK
from tallrun.gait.segments import ActivityBins, build_segments


def bins_of(end_s, moving=(), rate_hz=50.0):
    """Half-second bins of a sensor that shakes in the spans given and rests otherwise."""
    t = np.arange(0.0, end_s, 1.0 / rate_hz)
    shaking = np.zeros(len(t), bool)
    for begin, end in moving:
        shaking |= (t >= begin) & (t < end)
    acc = np.tile([0.0, 0.0, 9.81], (len(t), 1))
    acc[shaking, 2] += 8.0 * (-1.0) ** np.arange(shaking.sum())
    bins = ActivityBins()
    bins.feed(t, acc, np.zeros((len(t), 3)))
    return bins


def spans(segments):
    return [(round(item.start_s, 2), round(item.end_s, 2), item.mode) for item in segments]


def test_nothing_recorded_is_no_segment():
    assert build_segments([], [], 0.0) == []


def test_rest_is_standing_and_motion_without_steps_is_other():
    segments = build_segments([], [bins_of(20.0, [(8.0, 12.0)])], 20.0)
    assert spans(segments) == [(0, 8, MODE_STAND), (8, 12, MODE_OTHER), (12, 20, MODE_STAND)]


def test_without_any_sample_nothing_is_claimed():
    assert spans(build_segments([], [ActivityBins()], 5.0)) == [(0, 5, MODE_OTHER)]


def test_one_moving_sensor_is_not_standing():
    segments = build_segments([], [bins_of(10.0), bins_of(10.0, [(0.0, 10.0)])], 10.0)
    assert spans(segments) == [(0, 10, MODE_OTHER)]


def test_bouts_cut_the_time_without_gap_or_overlap():
    strides = running(60, start_s=10.0) + running(40, start_s=40.0, mode=MODE_WALK, step_s=0.55)
    segments = build_segments(strides, [bins_of(80.0, [(10.0, 62.0)])], 80.0)
    assert segments[0].start_s == 0.0
    assert segments[-1].end_s == 80.0
    assert all(a.end_s == b.start_s for a, b in pairwise(segments))
    assert [item.mode for item in segments] == [MODE_STAND, MODE_RUN, MODE_OTHER, MODE_WALK, MODE_STAND]


def test_one_stride_of_another_gait_is_no_bout():
    modes = np.full(60, MODE_RUN)
    modes[30:32] = MODE_WALK
    segments = build_segments(running(60, start_s=5.0, mode=modes), [bins_of(40.0, [(5.0, 27.0)])], 40.0)
    assert [item.mode for item in segments] == [MODE_STAND, MODE_RUN, MODE_STAND]


def test_a_walk_break_of_five_seconds_is_one():
    modes = np.full(60, MODE_RUN)
    modes[20:34] = MODE_WALK
    segments = build_segments(running(60, start_s=5.0, mode=modes), [bins_of(40.0, [(5.0, 27.0)])], 40.0)
    assert [item.mode for item in segments] == [MODE_STAND, MODE_RUN, MODE_WALK, MODE_RUN, MODE_STAND]


@pytest.mark.parametrize("cut", [1, 7, 250])
def test_activity_does_not_depend_on_blocks(cut, rng):
    t = np.arange(500) / 100.0
    acc, gyr = rng.normal(0, 3, (500, 3)) + 9.0, rng.normal(0, 1, (500, 3))
    whole, pieces = ActivityBins(), ActivityBins()
    whole.feed(t, acc, gyr)
    for k in range(0, 500, cut):
        pieces.feed(t[k : k + cut], acc[k : k + cut], gyr[k : k + cut])
    np.testing.assert_array_equal(whole.quiet(12), pieces.quiet(12))
    assert (whole.quiet(12)[10:] == -1).all(), "no samples is neither rest nor motion"


def test_a_change_of_gait_is_put_back_to_the_stride_that_first_showed_it():
    was_run = np.arange(30) >= 10
    stance_s = np.where(was_run, 0.25, 0.65)
    strides = running(
        30,
        stance_time_s=stance_s,
        stride_time_s=np.where(was_run, 0.72, 1.05),
        mode=np.where(np.arange(30) >= 13, MODE_RUN, MODE_WALK),
    )
    segments = build_segments(strides, [], strides[-1].initial_contact_s)
    assert spans(segments)[0] == (0, round(strides[10].initial_contact_s, 2), MODE_WALK)


def test_a_stride_or_two_of_walking_before_a_run_is_getting_going():
    strides = running(30, mode=np.where(np.arange(30) < 3, MODE_WALK, MODE_RUN), stance_time_s=0.5)
    segments = build_segments(strides, [], strides[-1].initial_contact_s)
    assert {item.mode for item in segments} == {MODE_RUN}


@pytest.mark.parametrize(("n_acc", "n_gyr"), [(2, 3), (3, 2), (4, 3), (2, None)])
def test_arrays_of_different_lengths_are_refused_before_any_is_read(n_acc, n_gyr):
    bins = ActivityBins()
    gyr = None if n_gyr is None else np.zeros((n_gyr, 3))
    with pytest.raises(SignalError, match="3 times came with"):
        bins.feed(np.arange(3.0), np.ones((n_acc, 3)), gyr)
