import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.made_rows import foot_row, pelvis_row
from tallrun.gait.join import StrideJoiner
from tallrun.gait.rows import MODE_RUN, MODE_WALK, reason_bit, reason_text


def contacts(n=12, step_s=0.36):
    return [("left" if place % 2 == 0 else "right", 0.5 + place * step_s) for place in range(n)]


def join(feet=("left", "right"), pelvis=False, drop=(), n=12):
    joiner = StrideJoiner(feet, pelvis)
    for foot in feet:
        joiner.learned(foot, 0.0)
    items = []
    for place, (foot, ic) in enumerate(contacts(n)):
        if foot in feet and place not in drop:
            row = foot_row(ic)
            items.append((row.emitted_at_s, foot, row))
        if pelvis:
            row = pelvis_row(ic + 0.03, tilt_deg=float(place), crossing_s=ic + 0.1)
            items.append((row.emitted_at_s, "pelvis", row))
    out = []
    for time_s, source, row in sorted(items, key=lambda item: item[0]):
        if source == "pelvis":
            joiner.add_pelvis(row)
        else:
            joiner.add_contact(source, row)
        out += joiner.release(time_s)
    return out + joiner.release(math.inf, final=True)


def test_flight_is_the_next_contact_of_the_other_foot_minus_this_final_contact():
    strides = join()
    assert [item.foot for item in strides] == ["left", "right"] * 6
    for item in strides[:-1]:
        assert item.flight_time_s == pytest.approx(0.36 - 0.26)
        assert item.step_time_s == pytest.approx(0.36)
        assert item.cadence_spm == pytest.approx(120 / 0.72)
        assert item.duty_factor == pytest.approx(0.26 / 0.72)
    assert math.isnan(strides[-1].flight_time_s)


def test_one_foot_has_no_flight_and_says_why():
    strides = join(feet=("left",))
    assert len(strides) == 6
    assert all(math.isnan(item.flight_time_s) for item in strides)
    assert all("one_foot" in reason_text(item.reasons).split(";") for item in strides)


def test_a_missed_contact_of_the_other_foot_is_not_bridged():
    strides = join(drop=(3,))
    left = next(item for item in strides if item.initial_contact_s == pytest.approx(0.5 + 2 * 0.36))
    assert math.isnan(left.flight_time_s), "the contact after next was taken for the next"


def test_pelvis_steps_go_to_their_own_contact():
    strides = join(pelvis=True)
    assert [item.pelvic_tilt_deg for item in strides] == [float(place) for place in range(12)]
    for item in strides:
        assert item.foot_ahead_m == pytest.approx(0.1 * item.speed_mps)


def test_pelvis_alone_gives_strides_of_no_side():
    strides = join(feet=(), pelvis=True)
    assert len(strides) == 12
    assert all(item.foot is None for item in strides)
    assert strides[0].stride_time_s == pytest.approx(0.72)
    assert strides[0].stance_time_s == pytest.approx(0.25)
    assert "no_feet" in reason_text(strides[0].reasons)


def test_strides_wait_for_the_other_foots_mounting():
    joiner = StrideJoiner(("left", "right"), False)
    joiner.learned("left", 6.0)
    for place in range(8):
        joiner.add_contact("left", foot_row(0.5 + 0.72 * place, emitted_at_s=6.0 + 0.72 * place))
    assert joiner.release(11.0) == [], "left strides left before the right foot could tell its flight end"
    joiner.learned("right", 12.0)
    for place in range(8):
        joiner.add_contact("right", foot_row(0.86 + 0.72 * place, emitted_at_s=12.0))
    strides = joiner.release(12.0)
    assert [item.foot for item in strides[:4]] == ["left", "right", "left", "right"]
    assert strides[0].flight_time_s == pytest.approx(0.1)
    assert strides[0].emitted_at_s == 12.0


def test_a_sensor_that_dies_does_not_hold_the_run_up():
    joiner = StrideJoiner(("left", "right"), False)
    joiner.learned("left", 0.0)
    joiner.learned("right", 0.0)
    deadline = joiner.add_contact("left", foot_row(1.0))
    assert joiner.release(deadline - 0.01) == []
    assert len(joiner.release(deadline)) == 1


@pytest.mark.parametrize("feet", [("left", "right"), ()])
@pytest.mark.parametrize("late", range(2, 10))
def test_a_row_told_after_the_next_one_of_its_sensor_changes_nothing(feet, late):
    """A foot whose lost samples held one stride up, and a pelvis that did: what waits long enough is the same."""
    strides = []
    for swapped in (False, True):
        rows = [(foot, foot_row(ic), pelvis_row(ic + 0.03, crossing_s=ic + 0.1)) for foot, ic in contacts()]
        if swapped:  # by two: the next one of the same foot
            rows[late], rows[late - 2] = rows[late - 2], rows[late]
        joiner = StrideJoiner(feet, True)
        for foot in feet:
            joiner.learned(foot, 0.0)
        for foot, row, step in rows:
            joiner.add_pelvis(step)
            if feet:
                joiner.add_contact(foot, row)
        strides.append([repr(item) for item in joiner.release(60.0, final=True)])
    assert strides[0] == strides[1]


@given(st.integers(0, 2**32 - 1))
def test_order_and_identity_hold_for_random_losses(seed):
    rng = np.random.default_rng(seed)
    drop = tuple(int(item) for item in np.flatnonzero(rng.random(40) < 0.15))
    strides = join(drop=drop, pelvis=True, n=40)
    assert len(strides) == 40 - len(drop)
    times = [item.initial_contact_s for item in strides]
    assert times == sorted(times)
    for item in strides:
        assert math.isnan(item.flight_time_s) or item.flight_time_s == pytest.approx(0.1)


@pytest.mark.parametrize(("reasons", "is_withheld"), [(reason_bit("gap"), True), (0, False)])
def test_a_stride_with_samples_missing_that_looks_like_a_walker_s_may_be_two_of_a_runner(
    reasons, is_withheld
):
    joiner, out, at = StrideJoiner(("left",), False), [], 1.0
    joiner.learned("left", 0.0)
    for stride_s in (0.72,) * 8 + (1.45,) + (0.72,) * 3:
        is_long = stride_s > 1.0
        mode = MODE_WALK if is_long else MODE_RUN
        joiner.add_contact("left", foot_row(at, stride_s, mode=mode, reasons=reasons if is_long else 0))
        out += joiner.release(at + stride_s + 3.0)
        at += stride_s
    assert sum(math.isnan(item.stride_time_s) for item in out) == is_withheld
    assert sum(math.isnan(item.stride_length_m) for item in out) == is_withheld


def test_a_swallowed_contact_is_no_slow_stride():
    joiner = StrideJoiner(("left",), False)
    joiner.learned("left", 0.0)
    out, at = [], 1.0
    for stride_s in (0.72,) * 8 + (1.45,) + (0.72,) * 3:
        joiner.add_contact("left", foot_row(at, stride_s))
        out += joiner.release(at + stride_s + 3.0)
        at += stride_s
    doubtful = [item for item in out if math.isnan(item.cadence_spm)]
    assert len(doubtful) == 1
    assert doubtful[0].quality < 0.6
    assert "open_stride" in reason_text(doubtful[0].reasons).split(";")
    assert math.isfinite(doubtful[0].stance_time_s)
