"""Kernels against their Python twins and against slow, obvious references."""

import numpy as np
import pytest

import reference
from support.foot_runs import RUN, STAND, WALK, rows_of, simulated
from support.twins import use_twins
from tallrun.gait import foot_cycles, foot_events
from tallrun.gait.entry import Entry
from tallrun.gait.foot_clipping import find_clipped_lobes
from tallrun.gait.foot_params import FootParams
from tallrun.gait.foot_state import Flat, Samples, new_output, new_sensor, new_state, new_work
from tallrun.gait.foot_trajectory import End, solve_stride
from tallrun.gait.kernels import as_record, kernel
from tallrun.gait.vectors import level_from

UNKNOWN = np.full(3, np.nan)


def params(rate_hz=200.0):
    return as_record(FootParams(rate_hz))[0]


def ring(t_s, acc, gyr):
    size = 1 << int(np.ceil(np.log2(len(t_s) + 1)))
    out = Samples(np.zeros(size), np.zeros((size, 3)), np.zeros((size, 3)), size - 1)
    for array, values in zip(out[:3], (t_s, acc, gyr), strict=True):
        array[: len(t_s)] = values
    return out


@kernel
def _solve(samples, a, b, flat, sensor, end, settings, work):
    solve_stride(samples, a, b, flat, sensor, end, settings[0], work)


SOLVE, TRACK = Entry(_solve), Entry(foot_cycles.track)


def solve(t_s, acc, gyr, up, acc_limit=np.nan, first_up=None, tilt_rad=0.01, params=None):
    """Numbers of the fit by name, path, foot-flat of a stride worked through; ``first_up`` is known to ``tilt_rad``."""
    flat, work = Flat(np.zeros((3, 3)), np.eye(2) * tilt_rad**2), new_work(len(t_s))
    level_from(up if first_up is None else first_up, flat.level)
    sensor = new_sensor(acc_limit, np.nan)
    sensor.known[0].n_rests = 1
    settings = as_record(params or FootParams(400.0))
    SOLVE(ring(t_s, acc, gyr), 0, len(t_s) - 1, flat, sensor, End(up, 0.01, np.zeros(3), 0.0), settings, work)
    return work.fit[0], work.path, flat


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
    fit, _, _ = solve(*stride[:4])
    plain = reference.strapdown(t_s, acc, gyr, up)
    assert fit.length_m == pytest.approx(np.hypot(*plain[-1, :2]), rel=0.02)
    assert fit.length_m == pytest.approx(length_m, rel=0.03)
    assert fit.lift_m == pytest.approx(plain[:, 2].max(), abs=0.05)


def test_a_force_peak_cut_off_at_a_known_range_costs_little_length(stride, monkeypatch):
    t_s, acc, gyr, up, _ = stride
    whole, *_ = solve(*stride[:4])
    limit = 0.6 * np.abs(acc).max()
    cut = np.clip(acc, -limit, limit)
    assert 2 <= (np.abs(acc) > limit).sum() <= 20
    told, path, _ = solve(t_s, cut, gyr, up, limit)
    untold, *_ = solve(t_s, cut, gyr, up)
    assert abs(told.length_m / whole.length_m - 1.0) < 0.6 * abs(untold.length_m / whole.length_m - 1.0)
    assert told.cut_s > 0.0
    assert whole.cut_s == 0.0
    use_twins(monkeypatch)
    twin, twin_path, _ = solve(t_s, cut, gyr, up, limit)
    np.testing.assert_allclose(told.tolist(), twin.tolist(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(path.position, twin_path.position, rtol=1e-9, atol=1e-12)


def test_the_stride_solver_and_its_python_twin_agree(stride, monkeypatch):
    fit, path, flat = solve(*stride[:4])
    use_twins(monkeypatch)
    twin, twin_path, twin_flat = solve(*stride[:4])
    np.testing.assert_allclose(fit.tolist(), twin.tolist(), rtol=1e-9, atol=1e-9)
    for a, b in zip((*path, *flat), (*twin_path, *twin_flat), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_tilt_that_is_not_small_is_taken_off_and_the_stride_solved_again(stride, monkeypatch):
    """What gravity shows of a foot that is not quite still may be half a radian off."""
    t_s, acc, gyr, up, _ = stride
    right, *_ = solve(*stride[:4])
    aside = np.cross(up, [0.3, -0.5, 0.8])
    first_up = up + 0.5 * aside / np.linalg.norm(aside)
    told = {"first_up": first_up / np.linalg.norm(first_up), "tilt_rad": 0.6}
    again, path, flat = solve(t_s, acc, gyr, up, **told)
    once, *_ = solve(t_s, acc, gyr, up, **told, params=FootParams(400.0)._replace(small_turn_rad=9.0))
    assert again.length_m == pytest.approx(right.length_m, rel=0.01)
    assert abs(once.length_m / right.length_m - 1.0) > 0.03
    use_twins(monkeypatch)
    twin, twin_path, twin_flat = solve(t_s, acc, gyr, up, **told)
    np.testing.assert_allclose(again.tolist(), twin.tolist(), rtol=1e-9, atol=1e-9)
    for a, b in zip((*path, *flat), (*twin_path, *twin_flat), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_the_tilt_covariance_stays_one(stride):
    cov = solve(*stride[:4])[2].tilt_cov
    assert (np.linalg.eigvalsh(cov) > 0.0).all()
    np.testing.assert_array_equal(cov, cov.T)


def test_the_sample_loop_and_its_python_twin_agree(monkeypatch):
    sensor, _ = simulated((RUN,))
    mount = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps)[1].status().sensor_to_foot
    found = []
    for twin in (False, True):
        if twin:
            use_twins(monkeypatch)
        state, out = new_state(200.0, 2.5, np.nan, np.nan, True), new_output(16, True)
        state.foot.mount[:, :] = mount
        TRACK(
            sensor.t_s[:800],
            sensor.acc_mps2[:800],
            sensor.gyr_radps[:800],
            state,
            as_record(FootParams()),
            out,
            False,
        )
        found.append((out.rows[: out.n[0]], out.waves[: out.n[0]], state))
    (rows, waves, state), (twin_rows, twin_waves, twin_state) = found
    assert len(rows) == len(twin_rows) >= 3
    for name in rows.dtype.names:
        np.testing.assert_allclose(rows[name], twin_rows[name], rtol=1e-8, atol=1e-8, err_msg=name)
    np.testing.assert_allclose(waves, twin_waves, rtol=1e-8, atol=1e-8)
    for name in ("front", "cycle", "stance", "gait"):
        ours, theirs = getattr(state, name).tolist(), getattr(twin_state, name).tolist()
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8, err_msg=name)


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
    samples, lobes = ring(t_s, cut, cut), new_work(200).lobes
    assert find_clipped_lobes(samples, 0, 199, UNKNOWN, params(), lobes) == 1
    hidden_rad = (gyr - cut)[:, 1].sum() / 200.0
    found_rad = lobes.hidden[0] * (lobes.last[0] - lobes.first[0] + 1) / 200.0
    assert found_rad == pytest.approx(hidden_rad, rel=0.6)
    samples = ring(t_s, gyr, gyr)
    assert find_clipped_lobes(samples, 0, 199, UNKNOWN, params(), lobes) == 0


def test_time_between_samples_and_the_largest_value():
    mask = 7
    values = -((np.arange(8) - 3.3) ** 2)
    assert foot_events.time_at(np.arange(8) * 0.1, mask, 3.3) == pytest.approx(0.33)
    assert foot_events.largest_at(values, mask, 0, 7) == 3
