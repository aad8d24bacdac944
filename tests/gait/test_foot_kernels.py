"""Kernels against their Python twins and against slow, obvious references."""

import numpy as np
import pytest

import reference
from support.foot_runs import RUN, STAND, WALK, rows_of, simulated
from tallrun.gait import foot_events, foot_stride, foot_turns
from tallrun.gait.foot_clipping import LOBE_WIDTH, MAX_LOBES, MAX_PEAKS, find_clipped_lobes
from tallrun.gait.foot_kernel import track
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_state import C_WIDTH, new_state

UNKNOWN = np.full(3, np.nan)


def ring(t_s, acc, gyr):
    size = 1 << int(np.ceil(np.log2(len(t_s) + 1)))
    out = [np.zeros(size), np.zeros((size, 3)), np.zeros((size, 3))]
    for array, values in zip(out, (t_s, acc, gyr), strict=True):
        array[: len(t_s)] = values
    return (*out, size - 1)


def solve(function, t_s, acc, gyr, up, params, acc_limits=UNKNOWN):
    t, a, w, mask = ring(t_s, acc, gyr)
    start = np.zeros((3, 3))
    foot_turns.level_from(up, start)
    scratch = np.zeros((len(t_s), foot_stride.S_WIDTH))
    result = np.zeros(foot_stride.R_WIDTH)
    cov = np.eye(2) * 1e-4
    function(t, a, w, mask, 0, len(t_s) - 1, start, cov, np.zeros(3), UNKNOWN, up, 0.01, np.zeros(3),
             acc_limits, True, params, scratch, np.zeros((MAX_LOBES + MAX_PEAKS, LOBE_WIDTH)), result)  # fmt: skip
    return result, scratch, start, cov


@pytest.fixture(scope="module")
def stride():
    """One simulated stride without noise, from foot-flat to foot-flat."""
    runner_truth = simulated((STAND, WALK, RUN), is_ideal=True, rate_hz=400.0)
    sensor, truth = runner_truth
    run = [row for row in truth if row["mode"] == "run"][6:8]
    pick = (sensor.t_s >= run[0]["flat_s"]) & (sensor.t_s <= run[1]["flat_s"])
    t_s, acc, gyr = sensor.t_s[pick], sensor.acc_mps2[pick], sensor.gyr_radps[pick]
    up = sensor.acc_mps2[:400].mean(axis=0)
    return t_s, acc, gyr, up / np.linalg.norm(up), run[0]["stride_length_m"]


def test_a_clean_stride_agrees_with_plain_strapdown_and_with_the_truth(stride):
    t_s, acc, gyr, up, length_m = stride
    result, _scratch, _, _ = solve(foot_stride.solve_stride, *stride[:4], FootParams(400.0))
    found = np.hypot(result[foot_stride.R_DX], result[foot_stride.R_DY])
    plain = reference.strapdown(t_s, acc, gyr, up)
    assert found == pytest.approx(np.hypot(*plain[-1, :2]), rel=0.02)
    assert found == pytest.approx(length_m, rel=0.03)
    assert result[foot_stride.R_LIFT] == pytest.approx(plain[:, 2].max(), abs=0.05)


def test_a_force_peak_cut_off_at_a_known_range_costs_little_length(stride):
    t_s, acc, gyr, up, _ = stride
    whole, *_ = solve(foot_stride.solve_stride, *stride[:4], FootParams(400.0))
    limit = 0.6 * np.abs(acc).max()
    cut = np.clip(acc, -limit, limit)
    assert 2 <= (np.abs(acc) > limit).sum() <= 20

    def off(acc_limits):
        result, *_ = solve(foot_stride.solve_stride, t_s, cut, gyr, up, FootParams(400.0), acc_limits)
        length = np.hypot(result[foot_stride.R_DX], result[foot_stride.R_DY])
        return abs(length / np.hypot(whole[foot_stride.R_DX], whole[foot_stride.R_DY]) - 1.0), result

    told, result = off(np.full(3, limit))
    untold, _ = off(UNKNOWN)
    assert told < 0.6 * untold
    assert result[foot_stride.R_CUT_S] > 0.0
    assert whole[foot_stride.R_CUT_S] == 0.0
    twin, *_ = solve(
        foot_stride.solve_stride.py_func, t_s, cut, gyr, up, FootParams(400.0), np.full(3, limit)
    )
    np.testing.assert_allclose(result, twin, rtol=1e-9, atol=1e-12)


def test_the_stride_solver_and_its_python_twin_agree(stride):
    compiled = solve(foot_stride.solve_stride, *stride[:4], FootParams(400.0))
    python = solve(foot_stride.solve_stride.py_func, *stride[:4], FootParams(400.0))
    for a, b in zip(compiled, python, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_the_tilt_covariance_stays_one(stride):
    cov = solve(foot_stride.solve_stride, *stride[:4], FootParams(400.0))[3]
    assert (np.linalg.eigvalsh(cov) > 0.0).all()
    np.testing.assert_array_equal(cov, cov.T)


def test_the_sample_loop_and_its_python_twin_agree():
    sensor, _ = simulated((RUN,))
    mount = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps)[1].status().sensor_to_foot
    out = []
    for function in (track, track.py_func):
        state = new_state(200.0, 2.5, np.nan, np.nan)
        state.mount[:, :] = mount
        rows = np.full((16, C_WIDTH), np.nan)
        n = function(
            sensor.t_s[:1200], sensor.acc_mps2[:1200], sensor.gyr_radps[:1200], state, FootParams(), rows,
            np.empty((0, 101, 4)),
        )  # fmt: skip
        out.append((n, rows[:n], state))
    assert out[0][0] == out[1][0] >= 4
    np.testing.assert_allclose(out[0][1], out[1][1], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(out[0][2].nums, out[1][2].nums, rtol=1e-8, atol=1e-8)


def test_every_swing_the_reference_sees_ends_in_a_contact():
    sensor, _ = simulated((STAND, WALK, RUN))
    rows, engine = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps)
    pitch = -sensor.gyr_radps @ engine.status().sensor_to_foot[1]
    swings = reference.toe_up_swings(sensor.t_s, pitch)
    after = np.searchsorted(rows["initial_contact_s"], swings)
    assert len(np.unique(after)) == len(swings)
    gaps = rows["initial_contact_s"][after[after < len(rows)]] - swings[after < len(rows)]
    assert gaps.max() < 0.6


def test_a_cut_off_lobe_is_found_and_its_hidden_turn_estimated():
    t_s = np.arange(200) / 200.0
    gyr = np.zeros((200, 3))
    gyr[:, 1] = 14.0 * np.exp(-(((t_s - 0.5) / 0.07) ** 2))
    cut = np.clip(gyr, -9.0, 9.0)
    t, _, w, mask = ring(t_s, cut, cut)
    lobes = np.zeros((MAX_LOBES, LOBE_WIDTH))
    assert find_clipped_lobes(t, w, mask, 0, 199, UNKNOWN, FootParams(), lobes) == 1
    hidden_rad = (gyr - cut)[:, 1].sum() / 200.0
    found_rad = lobes[0, 5] * (lobes[0, 4] - lobes[0, 3] + 1) / 200.0
    assert found_rad == pytest.approx(hidden_rad, rel=0.6)
    t, _, w, mask = ring(t_s, gyr, gyr)
    assert find_clipped_lobes(t, w, mask, 0, 199, UNKNOWN, FootParams(), lobes) == 0


def test_parabola_and_time_between_samples():
    mask = 7
    values = -((np.arange(8) - 3.3) ** 2)
    assert foot_events.between_samples(values, mask, 3, 0, 7) == pytest.approx(3.3)
    assert foot_events.time_at(np.arange(8) * 0.1, mask, 3.3) == pytest.approx(0.33)
    assert foot_events.largest_at(values, mask, 0, 7) == 3
