"""Simulated strides through sensors that cut off and links that lose: do the sigmas of length and time hold?"""

from __future__ import annotations

import functools

import numpy as np

from support.foot_runs import compare, rows_of
from tallrun import simulate

STANDARD_GRAVITY_MPS2 = 9.80665
#: What a contact is, is a matter of definition: force plates and kinematics put it up to this far apart, alike through
#: a session. So few sessions that each draws one would say more of the draws than of the sigmas: each contact is held
#: against definitions spread evenly over all of them; of initial contact and off independently for contact times.
DEFINITIONS_S = np.linspace(-0.015, 0.015, 31)
PAIRS_S = np.array([(first, last) for first in DEFINITIONS_S[::3] for last in DEFINITIONS_S[::3]])


#: Two kinds of runners: the usual one, and one who differs in all that shapes a push-off and how it is seen.
RUNNERS = (
    ({}, {}),
    (
        {
            "contact_time_scale": 1.12, "cadence_offset_spm": 9.0, "stance_give_m": 0.0015, "rocking_dps": 45.0,
            "stance_wobble_deg": 2.0, "landing_s": 0.022, "toe_out_deg": 14.0, "step_width_m": 0.12,
        },
        {"arm_m": (0.0, 0.02, 0.09)},
    ),
)  # fmt: skip


@functools.cache
def clean(speed_mps, rate_hz, seed, seconds=20.0, kind=0):
    """Samples of a sensor without a range, the foot's own strides; odd seeds land on the heel, even ones before it.

    Their contacts are those of the feet as they move, whatever definition the simulator drew.
    """
    habits, place = RUNNERS[kind]
    bouts = (
        simulate.Bout("stand", 3.0),
        simulate.Bout("walk" if speed_mps < 2.2 else "run", seconds, speed_mps),
    )
    runner = simulate.Runner(foot_strike_angle_deg=8.0 if seed % 2 else -4.0, **habits)
    setup = simulate.SensorSetup("foot_left", rate_hz, acc_range_g=100.0, gyr_range_dps=8000.0, **place)
    programme = simulate.Programme(bouts, surface="road")
    recording, truth = simulate.run(programme, runner, [setup], seed=seed)
    sensor, drawn_s = recording.sensors["foot_left"], truth["contact_offsets_s"]["left"]
    strides = [dict(row) for row in truth["strides"] if row["foot"] == "left"]
    for row in strides:
        for name, which in (("initial_contact_s", "initial"), ("final_contact_s", "final")):
            row[name] = None if row[name] is None else row[name] - drawn_s[which]
    return sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, strides


def defined(errors_s, sigma_s, definitions_s):
    """Errors in sigmas against every definition, which moves the truth on by ``definitions_s``; flat."""
    return ((errors_s[:, None] - definitions_s) / sigma_s[:, None]).ravel()


def through(signals, rate_hz, acc_g, gyr_dps, lost, hole_s, seed):
    """What arrives: cut off at the ranges, with a share of the samples lost singly or in holes."""
    t_s, acc, gyr = signals
    most, fastest = acc_g * STANDARD_GRAVITY_MPS2, np.radians(gyr_dps)
    acc, gyr = np.clip(acc, -most, most), np.clip(gyr, -fastest, fastest)
    size = max(round(hole_s * rate_hz), 1)
    draw = np.random.default_rng(seed).random(len(t_s) // size + 1)
    keep = np.repeat(draw >= lost, size)[: len(t_s)]
    keep[:5] = True
    return t_s[keep], acc[keep], gyr[keep]


def cell(acc_g, gyr_dps, rate_hz, lost, hole_s, speeds_mps, seeds=(1,), kind=0):
    """One cell of the grid: errors of length, contact, off, contact time in sigmas, of usable lengths [%], shares."""
    in_sigmas, times_in_sigmas, errors, found, usable, timed, n = [], [], [], 0, 0, 0, 0
    offs_in_sigmas, stances_in_sigmas = [], []
    for speed in speeds_mps:
        for seed in seeds:
            t_s, acc, gyr, truth = clean(speed, rate_hz, seed, kind=kind)
            arrived = through((t_s, acc, gyr), rate_hz, acc_g, gyr_dps, lost, hole_s, seed)
            rows, _ = rows_of(*arrived, rate_hz, "left", acc_range_g=acc_g, gyr_range_dps=gyr_dps)
            pairs = compare(rows, truth)
            sigma_pct = 100.0 * pairs["rows"]["stride_length_sigma_m"] / pairs["rows"]["stride_length_m"]
            known = np.isfinite(sigma_pct) & np.isfinite(pairs["length_pct"])
            sure = known & (pairs["rows"]["quality"] >= 0.6)
            in_sigmas.append((pairs["length_pct"] / (1.0 + pairs["length_pct"] / 100.0) / sigma_pct)[known])
            timing_sigma_s = pairs["rows"]["timing_sigma_s"]
            times_in_sigmas.append(defined(pairs["ic_s"], timing_sigma_s, DEFINITIONS_S))
            off_sigma_s, is_off = pairs["rows"]["final_contact_sigma_s"], np.isfinite(pairs["fc_s"])
            offs_in_sigmas.append(defined(pairs["fc_s"][is_off], off_sigma_s[is_off], DEFINITIONS_S))
            stance_sigma_s, stance_s = np.hypot(timing_sigma_s, off_sigma_s), pairs["fc_s"] - pairs["ic_s"]
            stances_in_sigmas.append(
                defined(stance_s[is_off], stance_sigma_s[is_off], PAIRS_S[:, 1] - PAIRS_S[:, 0])
            )
            errors.append(pairs["length_pct"][sure])
            found += len(pairs["rows"])
            usable += int(sure.sum())
            timed += int((timing_sigma_s <= 0.02).sum())
            n += len(truth)
    return {
        "in_sigmas": np.concatenate(in_sigmas), "times_in_sigmas": np.concatenate(times_in_sigmas),
        "offs_in_sigmas": np.concatenate(offs_in_sigmas), "stances_in_sigmas": np.concatenate(stances_in_sigmas),
        "errors_pct": np.concatenate(errors), "found": found / n, "timed": timed / n, "usable": usable / n, "n": n,
    }  # fmt: skip
