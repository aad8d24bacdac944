"""Simulated strides through sensors that cut off and links that lose: do the sigmas of length and time hold?"""

from __future__ import annotations

import functools

import numpy as np

from support.foot_runs import compare, rows_of, simulated
from tallrun import simulate

STANDARD_GRAVITY_MPS2 = 9.80665


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
    """Samples of a sensor without a range, and the true strides; odd seeds land on the heel, even ones before it."""
    habits, place = RUNNERS[kind]
    bouts = (
        simulate.Bout("stand", 3.0),
        simulate.Bout("walk" if speed_mps < 2.2 else "run", seconds, speed_mps),
    )
    runner = simulate.Runner(foot_strike_angle_deg=8.0 if seed % 2 else -4.0, **habits)
    sensor, truth = simulated(
        bouts, runner=runner, rate_hz=rate_hz, seed=seed, acc_range_g=100.0, gyr_range_dps=8000.0, **place
    )
    return sensor.t_s, sensor.acc_mps2, sensor.gyr_radps, truth


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
            times_in_sigmas.append(pairs["ic_s"] / pairs["rows"]["timing_sigma_s"])
            off_sigma_s, is_off = pairs["rows"]["final_contact_sigma_s"], np.isfinite(pairs["fc_s"])
            offs_in_sigmas.append((pairs["fc_s"] / off_sigma_s)[is_off])
            stance_sigma_s = np.hypot(pairs["rows"]["timing_sigma_s"], off_sigma_s)
            stances_in_sigmas.append(((pairs["fc_s"] - pairs["ic_s"]) / stance_sigma_s)[is_off])
            errors.append(pairs["length_pct"][sure])
            found += len(pairs["rows"])
            usable += int(sure.sum())
            timed += int((pairs["rows"]["timing_sigma_s"] <= 0.02).sum())
            n += len(truth)
    return {
        "in_sigmas": np.concatenate(in_sigmas), "times_in_sigmas": np.concatenate(times_in_sigmas),
        "offs_in_sigmas": np.concatenate(offs_in_sigmas), "stances_in_sigmas": np.concatenate(stances_in_sigmas),
        "errors_pct": np.concatenate(errors), "found": found / n, "timed": timed / n, "usable": usable / n, "n": n,
    }  # fmt: skip
