"""Programmes with a name, for the command line, the bundled sessions and quick tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tallrun.errors import UsageError
from tallrun.numerics.recording import Marker
from tallrun.simulate.programme import CAR, ROAD, RUN, STAIRS, STAND, TREADMILL, WALK, Bout, Programme, Runner

STILL = Bout(STAND, 10.0)
#: Rearfoot, midfoot, forefoot.
STRIKE_CLASSES_DEG = ((5.0, 14.0), (-1.0, 5.0), (-11.0, -3.0))


def demo() -> Programme:
    """Treadmill: stand, walk, easy run, a minute of low cadence and overstriding, run with a late limp."""
    return Programme(
        (
            STILL,
            Bout(WALK, 20.0, 1.4),
            Bout(RUN, 60.0, 2.8),
            Bout(RUN, 70.0, 3.0, cadence_shift_spm=-6.0, overstride=1.6),
            Bout(RUN, 30.0, 3.0),
            Bout(RUN, 25.0, 2.8, contact_asymmetry_pct=6.0),
            Bout(WALK, 10.0, 1.3),
            Bout(STAND, 5.0),
        ),
        TREADMILL,
        "demo",
        markers=(
            Marker(1.0, "calibration_start"),
            Marker(9.0, "calibration_end"),
            Marker(30.0, "lap", "run"),
            Marker(185.0, "lap", "last minute"),
        ),
        has_heart_rate=True,
    )


def steady() -> Programme:
    """Treadmill: stand, then five minutes at 3 m/s."""
    return steady_run(5.0, 3.0)


def steady_run(
    minutes: float, speed_mps: float, surface: str = TREADMILL, name: str = "steady", **faults: Any
) -> Programme:
    """Stand 10 s, walk 10 s, then run at one speed; ``faults`` are further fields of the running ``Bout``."""
    run = Bout(RUN, minutes * 60.0, speed_mps, **faults)
    return Programme((STILL, Bout(WALK, 10.0, 1.4), run), surface, name)


def sound_run(minutes: float, seed: int, speed_mps: float = 2.8, surface: str = TREADMILL) -> Programme:
    """Stand, walk, then run without any fault at speeds that change by up to 20 % every one to six minutes."""
    rng = np.random.default_rng([seed, 77])
    bouts = [STILL, Bout(WALK, 20.0, 1.4)]
    left_s = minutes * 60.0
    while left_s > 0.0:
        length_s = min(left_s, float(rng.uniform(60.0, 360.0)))
        bouts.append(Bout(RUN, length_s, round(speed_mps * float(rng.uniform(0.8, 1.2)), 2)))
        left_s -= length_s
    return Programme(tuple(bouts), surface, "sound")


def random_runner(seed: int, **fixed: Any) -> Runner:
    """Draw a sound runner: body, strike, habits, shoe. ``fixed`` fields are kept as given."""
    rng = np.random.default_rng([seed, 78])
    height = float(np.clip(rng.normal(1.73, 0.09), 1.5, 2.0))
    drawn: dict[str, Any] = {
        "height_m": height,
        "leg_length_m": 0.531 * height,
        "mass_kg": float(rng.uniform(50.0, 95.0)),
        "cadence_offset_spm": float(np.clip(rng.normal(0.0, 2.5), -4.0, 6.0)),
        "contact_time_scale": float(rng.uniform(0.92, 1.08)),
        "foot_strike_angle_deg": float(rng.uniform(*STRIKE_CLASSES_DEG[int(rng.integers(3))])),
        "stance_flat_angle_deg": float(rng.uniform(-3.0, 0.0)),
        "foot_ahead_ratio": float(rng.uniform(0.26, 0.295)),
        "braking_g": float(rng.uniform(0.17, 0.25)),
        "running_tilt_deg": float(rng.uniform(2.0, 8.0)),
        "tilt_swing_deg": float(rng.uniform(2.0, 5.0)),
        "obliquity_deg": float(rng.uniform(2.0, 6.0)),
        "rotation_deg": float(rng.uniform(3.0, 9.0)),
        "sway_mps": float(rng.uniform(0.03, 0.1)),
        "step_width_m": float(rng.uniform(0.03, 0.12)),
        "toe_out_deg": float(rng.uniform(-2.0, 12.0)),
        "rocking_dps": float(rng.uniform(8.0, 35.0)),
        "stance_wobble_deg": float(rng.uniform(0.3, 1.5)),
        "stance_give_m": float(rng.uniform(0.0003, 0.0014)),
        "landing_down_mps": float(rng.uniform(0.8, 1.4)),
        "landing_forward_mps": float(rng.uniform(0.5, 1.2)),
        "landing_s": float(rng.uniform(0.010, 0.02)),
        "ringing_mps2": float(rng.uniform(8.0, 45.0)),
        "ringing_hz": float(rng.uniform(35.0, 70.0)),
        "soft_tissue_mps2": float(rng.uniform(1.5, 6.0)),
        "step_time_cv": float(rng.uniform(0.006, 0.018)),
    }
    return Runner(**{**drawn, **fixed})


def overstride() -> Programme:
    """Treadmill: two sound minutes, two minutes of overstriding at 1.5 x the threshold, two sound minutes."""
    return Programme(
        (STILL, Bout(RUN, 120.0, 3.0), Bout(RUN, 120.0, 3.0, overstride=1.5), Bout(RUN, 120.0, 3.0)),
        TREADMILL,
        "overstride",
    )


def low_cadence() -> Programme:
    """Treadmill: two sound minutes, two minutes 18 steps/min below, two sound minutes."""
    return Programme(
        (STILL, Bout(RUN, 120.0, 3.0), Bout(RUN, 120.0, 3.0, cadence_shift_spm=-18.0), Bout(RUN, 120.0, 3.0)),
        TREADMILL,
        "low_cadence",
    )


def tilt() -> Programme:
    """Treadmill: two sound minutes, then pelvic tilt drifts up by 8 degrees over three minutes."""
    return Programme(
        (
            STILL,
            Bout(RUN, 120.0, 3.0),
            Bout(RUN, 180.0, 3.0, end_tilt_shift_deg=8.0),
            Bout(RUN, 120.0, 3.0, tilt_shift_deg=8.0),
        ),
        TREADMILL,
        "tilt",
    )


def limp() -> Programme:
    """Treadmill: two sound minutes, then a limp of 15 % contact asymmetry for a minute."""
    return Programme(
        (STILL, Bout(RUN, 120.0, 2.8), Bout(RUN, 60.0, 2.8, contact_asymmetry_pct=15.0)), TREADMILL, "limp"
    )


def intervals() -> Programme:
    """Road: six times a minute fast, a minute walking, with bends."""
    repeats = (Bout(RUN, 60.0, 4.0), Bout(WALK, 45.0, 1.4), Bout(RUN, 30.0, 2.6, turn_radius_m=25.0))
    return Programme((STILL, Bout(WALK, 30.0, 1.4), *(repeats * 6), STILL), ROAD, "intervals")


def road() -> Programme:
    """Road: easy run with bends, a climb, a descent and fatigue towards the end."""
    return Programme(
        (
            STILL,
            Bout(WALK, 30.0, 1.4),
            Bout(RUN, 120.0, 2.9),
            Bout(RUN, 30.0, 2.9, turn_radius_m=36.5),
            Bout(RUN, 60.0, 2.6, incline_pct=5.0),
            Bout(RUN, 60.0, 3.1, incline_pct=-4.0),
            Bout(RUN, 30.0, 2.9, turn_radius_m=-20.0),
            Bout(RUN, 180.0, 2.9, fatigue=1.0),
            Bout(WALK, 30.0, 1.4),
            STILL,
        ),
        ROAD,
        "road",
        has_heart_rate=True,
    )


def treadmill60() -> Programme:
    """Treadmill: an hour with speed changes of 20 %, incline and no fault."""
    bouts: list[Bout] = [STILL, Bout(WALK, 120.0, 1.4)]
    for k in range(9):
        bouts.append(
            Bout(RUN, 360.0, (2.8, 3.1, 2.6, 3.3, 2.8, 2.5, 3.0, 2.8, 2.6)[k], incline_pct=1.0 * (k % 3))
        )
    bouts += [Bout(WALK, 220.0, 1.3), STILL]
    return Programme(tuple(bouts), TREADMILL, "treadmill60", has_heart_rate=True)


def return_to_run() -> Programme:
    """Treadmill: run-walk intervals as in an early rung."""
    repeats = (Bout(RUN, 120.0, 2.4), Bout(WALK, 60.0, 1.4))
    return Programme((STILL, Bout(WALK, 60.0, 1.4), *(repeats * 4), STILL), TREADMILL, "return_to_run")


def nuisance() -> Programme:
    """No running at all: fidgeting, a car ride, quiet standing; any step found in it is false."""
    return Programme(
        (
            STILL,
            Bout(STAND, 120.0, is_fidgeting=True),
            Bout(CAR, 300.0, is_fidgeting=True),
            Bout(STAND, 60.0),
            Bout(STAND, 100.0, is_fidgeting=True),
        ),
        ROAD,
        "nuisance",
    )


def stairs() -> Programme:
    """Road: walk, stairs up, walk, stairs down, walk, then run with steps that slip."""
    return Programme(
        (
            STILL,
            Bout(WALK, 20.0, 1.3),
            Bout(STAIRS, 20.0, 0.55, incline_pct=35.0),
            Bout(WALK, 20.0, 1.3),
            Bout(STAIRS, 20.0, 0.55, incline_pct=-35.0),
            Bout(WALK, 20.0, 1.3),
            Bout(RUN, 60.0, 2.6, slip_share=0.15),
            STILL,
        ),
        ROAD,
        "stairs",
    )


def walk() -> Programme:
    """Road: five minutes of walking with a bend."""
    return Programme(
        (
            STILL,
            Bout(WALK, 200.0, 1.4),
            Bout(WALK, 30.0, 1.2, turn_radius_m=8.0),
            Bout(WALK, 70.0, 1.5),
            STILL,
        ),
        ROAD,
        "walk",
    )


PROGRAMMES: dict[str, Callable[[], Programme]] = {
    make.__name__: make
    for make in (
        demo,
        steady,
        overstride,
        low_cadence,
        tilt,
        limp,
        intervals,
        road,
        return_to_run,
        treadmill60,
        walk,
        stairs,
        nuisance,
    )
}


def programme_names() -> dict[str, str]:
    """Each programme's name with one line about it."""
    return {name: (make.__doc__ or "").splitlines()[0] for name, make in PROGRAMMES.items()}


def named_programme(name: str) -> Programme:
    """Return the programme of this name.

    Raises
    ------
    UsageError
        When there is none.
    """
    if name not in PROGRAMMES:
        raise UsageError(f"no programme named {name!r}; choose one of {', '.join(PROGRAMMES)}")
    return PROGRAMMES[name]()
