"""No engine's output holds a number that cannot be true: whatever rows come in, the joined strides are a person's."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.made_rows import foot_row, pelvis_row, running
from tallrun.gait.join import StrideJoiner
from tallrun.gait.rows import MODE_RUN, MODES, PELVIS_WITHHELD, reason_text
from tallrun.gait.strides import FASTEST_MPS, LONGEST_STRIDE_M, stride_table, withhold_implausible
from tallrun.pipeline.ledger import quality_ledger

WILD = st.one_of(st.floats(-3.0, 3.0), st.just(math.nan))


def check_plausible(stride):
    """Every relation a person's stride keeps; NaN is always allowed."""
    stance, step, whole = stride.stance_time_s, stride.step_time_s, stride.stride_time_s
    for name in ("stance_time_s", "step_time_s", "stride_time_s", "cadence_spm", "duty_factor"):
        assert not getattr(stride, name) <= 0.0
    assert not stance >= whole
    if stride.mode == MODE_RUN:
        assert not stance >= step
        assert not stance >= 0.5 * whole or step == step
    assert not stride.speed_mps < 0.0
    assert not stride.speed_mps > FASTEST_MPS
    assert not stride.stride_length_m > LONGEST_STRIDE_M
    assert not abs(stride.speed_mps * whole - stride.stride_length_m) > 0.02 * abs(stride.stride_length_m)
    assert not abs(stride.foot_strike_angle_deg) > 60.0
    assert not abs(stride.pelvic_tilt_deg) > 60.0
    assert not stride.vertical_oscillation_m > 0.4
    assert not stride.duty_factor >= 1.0


@given(
    st.lists(st.tuples(*[WILD] * 7, st.sampled_from(range(len(MODES)))), min_size=1, max_size=8),
    st.booleans(),
)
def test_whatever_the_feet_tell_no_impossible_number_leaves(rows, both):
    joiner = StrideJoiner(("left", "right") if both else ("left",), has_pelvis=True)
    out = []
    for place, (stance, whole, length, angle, tilt, rise, contact, mode) in enumerate(rows):
        at = 1.0 + 0.36 * place
        foot = "right" if both and place % 2 else "left"
        row = foot_row(
            at, whole, stance, stride_length_m=2.0 * length, foot_strike_angle_deg=40.0 * angle, mode=mode
        )
        joiner.add_contact(foot, row)
        pelvis = pelvis_row(
            at + 0.02,
            tilt_deg=30.0 * tilt,
            vertical_oscillation_m=0.2 * rise,
            contact_time_s=contact,
            mode=mode,
        )
        joiner.add_pelvis(pelvis)
        out += joiner.release(at)
    out += joiner.release(100.0, final=True)
    assert len(out) == len(rows)
    for stride in out:
        check_plausible(stride)
        assert bool(stride.implausible) == ("implausible" in reason_text(stride.reasons))


@given(st.lists(st.tuples(WILD, WILD, WILD), min_size=3, max_size=8))
def test_whatever_the_pelvis_tells_no_impossible_number_leaves(rows):
    joiner = StrideJoiner((), has_pelvis=True)
    for place, (contact, tilt, step) in enumerate(rows):
        row = pelvis_row(1.0 + 0.3 * place, step, tilt_deg=40.0 * tilt, contact_time_s=contact)
        joiner.add_pelvis(row)
    for stride in joiner.release(100.0, final=True):
        check_plausible(stride)


@pytest.mark.parametrize(
    ("changes", "gone", "told"),
    [
        ({"stance_time_s": 0.39, "step_time_s": 0.28}, "stance_time_s", "stance_time_s=0.39>=0.28"),
        ({"stance_time_s": -0.05}, "stance_time_s", "stance_time_s=-0.05<=0"),
        ({"speed_mps": 4.0, "stride_length_m": 2.16}, "speed_mps", "speed_mps=4!=3"),
        ({"stride_length_m": 30.0, "speed_mps": 30.0 / 0.72}, "stride_length_m", "stride_length_m=30>6"),
        ({"pelvic_tilt_deg": 75.0}, "pelvic_tilt_deg", "pelvic_tilt_deg=75>60"),
        ({"foot_strike_angle_deg": -80.0}, "foot_strike_angle_deg", "foot_strike_angle_deg=-80<-60"),
    ],
)
def test_what_cannot_be_is_withheld_and_says_so(changes, gone, told):
    (stride,) = running(1, **changes)
    withhold_implausible(stride)
    assert stride.implausible == told
    assert math.isnan(getattr(stride, gone))
    assert "implausible" in reason_text(stride.reasons)
    assert stride.cadence_spm == pytest.approx(60.0 / 0.36)


def test_what_the_pelvis_engine_withheld_is_named_and_counted():
    """Beside a foot its number was unknown without a reason."""
    joiner = StrideJoiner(("left",), has_pelvis=True)
    tilt, contact = (1 << PELVIS_WITHHELD.index(name) for name in ("pelvic_tilt_deg", "stance_time_s"))
    joiner.add_contact("left", foot_row(1.0, 0.72))
    joiner.add_pelvis(pelvis_row(1.01, tilt_deg=math.nan, impossible=tilt | contact))
    (stride,) = joiner.release(100.0, final=True)
    assert stride.implausible == "pelvic_tilt_deg"
    assert "implausible" in reason_text(stride.reasons)
    (other,) = running(1, stance_time_s=-0.05)
    withhold_implausible(other)
    ledger = quality_ledger(stride_table([stride, other, *running(2, start_s=3.0)]), {}, {})
    assert ledger["implausible_counts"] == {"pelvic_tilt_deg": 1, "stance_time_s": 1}


def test_sound_strides_are_left_alone():
    (before,), (after,) = running(1), running(1)
    withhold_implausible(after)
    assert repr(before) == repr(after)
