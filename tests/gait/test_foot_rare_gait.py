"""Gait that is no steady run: walking with a limp and U-turns, shuffling, turning in a jog, slow grounded running.

Simulated, so an implementation check; contacts are held against the foot's own landings.
"""

import numpy as np
import pytest

from reference import match_events
from support.foot_runs import compare, rows_of, simulated
from tallrun import simulate
from tallrun.gait.rows import reason_bit

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


@pytest.mark.parametrize(
    "bouts",
    [
        [simulate.Bout("walk", 30.0, 1.0, contact_asymmetry_pct=20.0)],
        u_turns(6),  # four of 100 strides, all of the inner foot in a turn, are missed
        [simulate.Bout("walk", 30.0, 0.3)],
    ],
    ids=["limp", "u-turns", "shuffle"],
)
def test_contacts_of_altered_walking_are_found(bouts):
    hits = total = 0
    for foot in ("left", "right"):
        rows, truth = found_of(bouts, foot=foot)
        true_s = [row["landing_s"] for row in truth]
        hits += 2 * len(match_events(rows["initial_contact_s"], true_s, within_s=0.06))
        total += len(rows) + len(truth)
    assert hits / total >= 0.97


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
