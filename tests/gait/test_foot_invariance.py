"""What must not change the rows: blocks, mounting, the clock's zero, which foot, repeated samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from support.foot_runs import optical_errors, read_pyshoe, rows_of, simulated

TURNS = [Rotation.create_group("O")[k].as_matrix() for k in range(24)]
RANDOM = [Rotation.random(random_state=100 + k).as_matrix() for k in range(50)]


@pytest.fixture(scope="module")
def run():
    sensor, _ = simulated()
    return sensor.t_s, sensor.acc_mps2, sensor.gyr_radps


@pytest.fixture(scope="module")
def rows(run):
    return rows_of(*run)[0]


@pytest.mark.parametrize("chunk", [1, 7, 50, 1000])
def test_blocks_of_any_size_give_the_same_bits(run, rows, chunk):
    assert rows_of(*run, chunk=chunk)[0].tobytes() == rows.tobytes()


@settings(max_examples=8)
@given(st.lists(st.integers(0, 900), max_size=12))
def test_blocks_cut_anywhere_give_the_same_bits(run, rows, sizes):
    assert rows_of(*run, chunk=sizes)[0].tobytes() == rows.tobytes()


def assert_same_strides(turned, straight):
    assert len(turned) == len(straight)
    for name in ("initial_contact_s", "final_contact_s"):
        assert np.nanmax(np.abs(turned[name] - straight[name])) <= 0.005
    assert np.nanmax(np.abs(turned["stride_length_m"] / straight["stride_length_m"] - 1.0)) <= 0.005
    assert np.nanmax(np.abs(turned["foot_strike_angle_deg"] - straight["foot_strike_angle_deg"])) <= 0.5


def test_any_mounting_gives_the_same_strides(run, rows):
    t_s, acc, gyr = run
    for turn in TURNS + RANDOM:
        assert_same_strides(rows_of(t_s, acc @ turn.T, gyr @ turn.T)[0], rows)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["11-11-24", "11-13-41"])
def test_any_mounting_of_a_real_jog_gives_the_same_strides(real_data, name):
    t_s, acc, gyr, _, rate = read_pyshoe(real_data / f"pyshoe_jog_2017-11-27-{name}")
    straight = rows_of(t_s, acc, gyr, rate)[0]
    for turn in TURNS[::3] + RANDOM[:12]:
        assert_same_strides(rows_of(t_s, acc @ turn.T, gyr @ turn.T, rate)[0], straight)


def test_the_learned_mounting_is_the_inverse_of_the_turn(run):
    t_s, acc, gyr = run
    straight = rows_of(t_s, acc, gyr)[1].status().sensor_to_foot
    turned = rows_of(t_s, acc @ RANDOM[0].T, gyr @ RANDOM[0].T)[1].status().sensor_to_foot
    np.testing.assert_allclose(turned @ RANDOM[0], straight, atol=1e-6)


def test_a_shift_of_time_shifts_times_only(run, rows):
    t_s, acc, gyr = run
    later = rows_of(t_s + 1024.0, acc, gyr)[0]
    np.testing.assert_allclose(later["initial_contact_s"] - 1024.0, rows["initial_contact_s"], atol=1e-6)
    np.testing.assert_allclose(later["stride_length_m"], rows["stride_length_m"], rtol=1e-4)


def test_a_mirrored_foot_gives_the_same_strides_with_opposite_turns(run, rows):
    t_s, acc, gyr = run
    mirror = np.diag([1.0, -1.0, 1.0])  # a reflection turns the rate's sign too: it is an axial vector
    mirrored = rows_of(t_s, acc @ mirror, -gyr @ mirror, foot="left")[0]
    np.testing.assert_allclose(mirrored["initial_contact_s"], rows["initial_contact_s"], atol=1e-6)
    np.testing.assert_allclose(mirrored["stride_length_m"], rows["stride_length_m"], rtol=1e-3)
    np.testing.assert_allclose(mirrored["yaw_deg"], -rows["yaw_deg"], atol=0.05)


def test_repeated_and_broken_samples_change_nothing(run, rows):
    t_s, acc, gyr = run
    order = np.sort(np.concatenate([np.arange(len(t_s)), np.arange(100, len(t_s), 37)]))
    t2, acc2, gyr2 = t_s[order], acc[order].copy(), gyr[order].copy()
    broken = np.flatnonzero(np.diff(order, prepend=-1) == 0)
    acc2[broken[::2]] = np.nan
    gyr2[broken[1::2], 1] = np.inf
    again, engine = rows_of(t2, acc2, gyr2)
    assert_same_strides(again, rows)  # not the same bits: the mounting is looked for after so many samples
    assert engine.status().n_bad == len(broken)


@pytest.mark.real_data
def test_an_unknown_range_is_no_worse_than_a_given_one(real_data):
    t_s, acc, gyr, instants, rate = read_pyshoe(real_data / "pyshoe_jog_2017-11-27-11-24-07")
    _, unknown = optical_errors(rows_of(t_s, acc, gyr, rate)[0], instants)
    assert np.std(unknown) < 3.0
