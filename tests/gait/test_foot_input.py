"""Odd input to the foot engine: empty, short, wrong shapes, finished, gaps between bouts."""

import numpy as np
import pytest

from support.foot_runs import RUN, rows_of, simulated
from tallrun import simulate
from tallrun.errors import SignalError, UsageError
from tallrun.gait.foot import FootEngine
from tallrun.gait.rows import FOOT_CONTACT_DTYPE, reason_bit
from tallrun.numerics.recording import SensorSpec

SPEC = SensorSpec("foot_left", 200.0)


def test_empty_input_gives_no_rows():
    engine = FootEngine(SPEC, "left")
    rows = engine.feed(np.empty(0), np.empty((0, 3)), np.empty((0, 3)))
    assert rows.dtype == FOOT_CONTACT_DTYPE
    assert len(rows) == 0
    assert len(engine.finish()) == 0
    assert np.isnan(engine.last_time_s)
    assert not engine.status().mounting_learned


def test_two_seconds_of_running_give_rows_without_error():
    sensor, _ = simulated((RUN,))
    pick = (sensor.t_s > 8.0) & (sensor.t_s < 10.0)
    rows, engine = rows_of(sensor.t_s[pick], sensor.acc_mps2[pick], sensor.gyr_radps[pick])
    assert 1 <= len(rows) <= 3
    assert engine.status().mounting_quality < 0.55


def test_a_single_sample_is_enough_to_finish():
    engine = FootEngine(SPEC, "right")
    engine.feed(np.array([0.0]), np.array([[0.0, 0.0, 9.8]]), np.zeros((1, 3)))
    assert len(engine.finish()) == 0
    assert engine.last_time_s == 0.0


def test_wrong_shapes_are_refused_with_what_was_expected():
    engine = FootEngine(SPEC, "left")
    with pytest.raises(SignalError, match=r"expected t_s \(n,\)"):
        engine.feed(np.zeros(3), np.zeros((3, 2)), np.zeros((3, 3)))


@pytest.mark.parametrize(
    ("spec", "foot", "match"),
    [
        (SPEC, "middle", '"left" or "right"'),
        (SensorSpec("foot_left", 200.0, has_gyroscope=False), "left", "needs a gyroscope"),
        (SensorSpec("foot_left", 3.0), "left", "rate_hz must be"),
    ],
)
def test_impossible_engines_are_refused(spec, foot, match):
    with pytest.raises(UsageError, match=match):
        FootEngine(spec, foot)


def test_a_finished_engine_takes_no_more_samples():
    engine = FootEngine(SPEC, "left")
    engine.finish()
    with pytest.raises(UsageError, match="finished"):
        engine.feed(np.zeros(1), np.zeros((1, 3)), np.zeros((1, 3)))


def test_float32_strided_and_read_only_arrays_are_taken():
    sensor, _ = simulated((RUN,))
    both = np.concatenate([sensor.acc_mps2, sensor.gyr_radps], axis=1).astype(np.float32)
    both.flags.writeable = False
    rows, _ = rows_of(sensor.t_s, both[:, :3], both[:, 3:])
    assert len(rows) > 15


def test_a_long_pause_closes_the_bout_and_the_next_one_starts_clean():
    sensor, _ = simulated((RUN,))
    pause = np.where(np.arange(len(sensor.t_s)) > len(sensor.t_s) // 2, 30.0, 0.0)
    rows, _ = rows_of(sensor.t_s + pause, sensor.acc_mps2, sensor.gyr_radps)
    open_rows = rows[(rows["reasons"] & reason_bit("open_stride")) != 0]
    assert len(open_rows) == 2
    assert np.nanmax(rows["next_initial_contact_s"] - rows["initial_contact_s"]) < 1.2


def test_noise_never_gives_rows_or_errors(rng):
    t_s = np.arange(4000) / 200.0
    for scale in (0.01, 1.0, 50.0):
        rows, _ = rows_of(
            t_s, scale * rng.standard_normal((4000, 3)), scale * rng.standard_normal((4000, 3)) / 5
        )
        assert np.isfinite(rows["initial_contact_s"]).all()


def test_numbers_of_other_kinds_are_the_same_numbers():
    """Machine code reads what it was compiled for; whatever comes is made that first."""
    sensor, _ = simulated((RUN,))
    acc = sensor.acc_mps2.astype(np.float32)
    plain, _ = rows_of(sensor.t_s, acc.astype(np.float64), sensor.gyr_radps)
    odd, _ = rows_of(sensor.t_s, np.asfortranarray(acc), sensor.gyr_radps[::-1][::-1])
    assert odd.tobytes() == plain.tobytes()


def _bias_error_dps(kept_off_dps, bouts):
    """How far the engine's gyroscope bias is off when the true one is 3 deg/s; ``kept_off_dps`` None keeps none."""
    sensor, _ = simulated(bouts, gyr_bias_sd_dps=0.0)
    true = np.radians(3.0) * np.array([0.6, -0.64, 0.48])
    kept = None if kept_off_dps is None else true + np.radians(kept_off_dps) * np.array([0.0, 0.6, -0.8])
    engine = FootEngine(SPEC, "left", kept_bias_radps=kept)
    engine.feed(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps + true)
    engine.finish()
    status = engine.status()
    return np.degrees(np.linalg.norm(np.array(status.gyr_bias_radps) - true)), status.n_rests


def test_a_bias_kept_from_the_last_session_counts_until_the_foot_rests():
    moving = (simulate.Bout("run", 15.0, 3.0),)
    assert _bias_error_dps(None, moving)[0] > 1.5
    error_dps, n_rests = _bias_error_dps(0.6, moving)
    assert error_dps < 1.0
    assert n_rests == 0
    error_dps, n_rests = _bias_error_dps(8.0, (simulate.Bout("stand", 4.0), *moving))
    assert error_dps < 0.2
    assert n_rests > 0


def test_no_row_is_lost_however_fast_the_foot_turns():
    """A gyroscope that swings from end to end at 20 Hz: more rows than any foot gives, the same for any cutting."""
    sensor, _ = simulated((RUN,))
    _, engine = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps)
    later_s = 0.01 * np.arange(1, 6001)
    swing = np.zeros((6000, 3))
    swing[:, 1] = 34.0 * np.sign(np.sin(2.0 * np.pi * 20.0 * later_s + 0.1))
    t_s = np.concatenate([sensor.t_s, sensor.t_s[-1] + later_s])
    gyr = np.concatenate([sensor.gyr_radps, swing @ engine.status().sensor_to_foot])
    acc = np.concatenate([sensor.acc_mps2, np.tile([0.0, 0.0, 9.81], (6000, 1))])
    whole, _ = rows_of(t_s, acc, gyr)
    assert len(whole) > 1000
    pieces = FootEngine(engine.spec, "left")
    cut = [pieces.feed(t_s[k : k + 300], acc[k : k + 300], gyr[k : k + 300]) for k in range(0, len(t_s), 300)]
    parts = np.concatenate([*cut, pieces.finish()])
    np.testing.assert_array_equal(parts["initial_contact_s"], whole["initial_contact_s"])


def test_a_kept_bias_of_another_kind_is_the_same_bias():
    sensor, _ = simulated((RUN,))
    spec = SensorSpec("foot_left", 200.0)
    bias = np.array([0.01, -0.02, 0.03])
    found = []
    for kept in (bias, tuple(bias.tolist()), np.repeat(bias, 2)[::2]):
        engine = FootEngine(spec, "left", kept_bias_radps=kept)
        found.append(
            np.concatenate([engine.feed(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps), engine.finish()])
        )
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()
    with pytest.raises(UsageError, match=r"must be \(3,\)"):
        FootEngine(spec, "left", kept_bias_radps=np.zeros(2))
