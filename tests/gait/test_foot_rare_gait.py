"""Gait that is no steady run: walking with a limp and U-turns, shuffling, turning in a jog, slow grounded running.

Simulated, so an implementation check; contacts are held against the foot's own landings.
"""

from dataclasses import replace

import numpy as np
import pytest

import tallrun.simulate.motion as motion
from reference import match_events
from support.foot_runs import compare, rows_of, simulated
from tallrun import simulate
from tallrun.gait.rows import reason_bit
from tallrun.pipeline import analyze_recording

STAND = simulate.Bout("stand", 4.0)


def found_of(bouts, runner=None, foot="left"):
    sensor, truth = simulated((STAND, *bouts), runner, foot=foot)
    rows, _ = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, foot=foot)
    return rows, truth


def u_turns(n):
    """Walk 10 m, turn within 2.5 s on a radius of a foot's length, to either side by turns."""
    out = []
    for k in range(n):
        out.append(simulate.Bout("walk", 8.0, 1.2))
        out.append(simulate.Bout("walk", 2.5, 0.6, turn_radius_m=0.35 if k % 2 else -0.35))
    return out


def f1_of(rows, truth):
    true_s = [row["landing_s"] for row in truth]
    return 2 * len(match_events(rows["initial_contact_s"], true_s, within_s=0.06)) / (len(rows) + len(truth))


@pytest.mark.parametrize(
    "bouts",
    [
        [simulate.Bout("walk", 30.0, 1.0, contact_asymmetry_pct=20.0)],
        u_turns(6),
        [simulate.Bout("walk", 30.0, 0.3)],
        [simulate.Bout("walk", 30.0, 0.4, contact_asymmetry_pct=30.0)],
    ],
    ids=["limp", "u-turns", "shuffle", "slow limp"],
)
@pytest.mark.parametrize("foot", ["left", "right"])
def test_contacts_of_altered_walking_are_found_on_each_foot(bouts, foot):
    assert f1_of(*found_of(bouts, foot=foot)) >= 0.97


def dropped(monkeypatch, contact_deg):
    """Let the foot land flat or toe first in walking, push off weakly and clear the ground by little."""
    make_contacts, make_footfalls = motion.make_contacts, motion.make_footfalls

    def contacts(*given):
        own = make_contacts(*given)
        return replace(own, strike_rad=np.where(own.is_running, own.strike_rad, np.radians(contact_deg)))

    def footfalls(*given):
        own = make_footfalls(*given)
        pitch, rate = own.pitch_rad.copy(), own.pitch_rate_radps.copy()
        pitch[:, 3], rate[:, 3] = 0.7 * pitch[:, 3], 0.7 * rate[:, 3]
        return replace(own, pitch_rad=pitch, pitch_rate_radps=rate)

    monkeypatch.setattr(motion, "make_contacts", contacts)
    monkeypatch.setattr(motion, "make_footfalls", footfalls)


@pytest.mark.parametrize("contact_deg", [0.0, -8.0])
@pytest.mark.parametrize("speed_mps", [0.5, 1.0])
@pytest.mark.parametrize("foot", ["left", "right"])
def test_contacts_of_a_dropped_foot_are_found(monkeypatch, contact_deg, speed_mps, foot):
    dropped(monkeypatch, contact_deg)
    rows, truth = found_of([simulate.Bout("walk", 40.0, speed_mps)], foot=foot)
    assert f1_of(rows, truth) >= 0.97


@pytest.mark.parametrize("speed_mps", [0.3, 0.45])
def test_shuffling_steps_are_strides_with_length_and_mark(speed_mps):
    programme = simulate.Programme((STAND, simulate.Bout("walk", 30.0, speed_mps)), surface="road")
    setups = [simulate.SensorSetup(f"foot_{foot}", 200.0) for foot in ("left", "right")]
    recording, truth = simulate.run(programme, None, setups, seed=2)
    strides = analyze_recording(recording).strides
    true = {foot: [row for row in truth["strides"] if row["foot"] == foot] for foot in ("left", "right")}
    for foot, rows in true.items():
        own = strides[strides["foot"] == foot]
        pairs = match_events(own["initial_contact_s"].to_numpy(), [row["landing_s"] for row in rows])
        assert len(pairs) >= len(rows) - 1
        length_m = own["stride_length_m"].to_numpy()
        known = [(i, j) for i, j in pairs if rows[i]["stride_length_m"] is not None]
        off = np.array([length_m[j] / rows[i]["stride_length_m"] - 1.0 for i, j in known])
        assert 0.2 < np.median([rows[i]["stride_length_m"] for i, _ in known]) / 2.0 < 0.5
        assert np.isfinite(off).mean() > 0.9
        assert np.nanmax(np.abs(off)) < 0.08
        told = own["reasons"].str.contains("short_steps")[np.isfinite(length_m)]
        assert told.mean() > 0.9


@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 400.0])
@pytest.mark.parametrize("angle_deg", [-15.0, -22.0, -30.0])
def test_a_forefoot_landing_is_timed_at_its_first_touch_at_any_rate(angle_deg, rate_hz):
    for speed_mps in (2.5, 3.5):
        runner = simulate.Runner(foot_strike_angle_deg=angle_deg, contact_offsets_s=(0.0, 0.0))
        bouts = (STAND, simulate.Bout("run", 15.0, speed_mps))
        sensor, truth = simulated(bouts, runner, rate_hz=rate_hz)
        rows, _ = rows_of(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, rate_hz, "left")
        found = compare(rows, truth)
        assert len(found["rows"]) == len(rows) >= len(truth) - 1  # the recording ends with the last
        assert np.abs(found["ic_s"]).max() < 0.025  # its heel comes down 50 to 70 ms later
        assert np.mean(np.abs(found["ic_s"]) < 2.0 * found["rows"]["timing_sigma_s"]) >= 0.93


def test_turning_in_a_jog_keeps_each_short_stride_and_marks_it():
    turn = simulate.Bout("run", 4.0, 0.6, turn_radius_m=0.4)
    rows, truth = found_of((simulate.Bout("run", 15.0, 2.2), turn, simulate.Bout("run", 8.0, 2.2)))
    turning = [row for row in truth if 20.0 < row["initial_contact_s"] < 22.5]
    assert len(turning) >= 3
    for row in turning:
        found = rows[np.argmin(np.abs(rows["initial_contact_s"] - row["landing_s"]))]
        assert abs(found["initial_contact_s"] - row["landing_s"]) < 0.02
        assert int(found["reasons"]) & reason_bit("turn")
        assert found["stride_length_m"] == pytest.approx(row["stride_length_m"], abs=0.06)


@pytest.mark.parametrize("contact_time_scale", [1.0, 1.08])
def test_contact_time_of_a_slow_grounded_run_is_within_20_ms(contact_time_scale):
    runner = simulate.Runner(contact_time_scale=contact_time_scale, contact_offsets_s=(0.0, 0.0))
    rows, truth = found_of((simulate.Bout("run", 20.0, 1.94),), runner)
    found = compare(rows, truth)
    off_s = (found["fc_s"] - found["ic_s"])[4:]
    assert np.nanmax(np.abs(off_s)) <= 0.020
