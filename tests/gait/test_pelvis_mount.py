"""A slipped strap against a change of posture: never a flag from the one, and tilt comes back after standing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tallrun.gait.flag_terms import BaselineBin, OwnBaseline
from tallrun.gait.pelvis import PelvisEngine
from tallrun.pipeline import PipelineSetup, analyze_recording
from tallrun.simulate.imu import SensorSetup
from tallrun.simulate.programme import RUN, STAND, TREADMILL, WALK, Bout, Programme, Runner
from tallrun.simulate.session import run

SPEED_MPS = 2.8
EVENT_S, STOP_S, AGAIN_S = 80.0, 200.0, 212.0
AXES = {"forward": (0.0, 1.0, 0.0), "backward": (0.0, -1.0, 0.0), "sideways": (0.6, 0.8, 0.0)}
RUNNER = Runner(running_tilt_deg=6.0)
#: Two degrees beyond the own usual: sound, but a small push over the limit of five.
OWN_DEG = 4.0


@cache
def session(shift_deg=0.0, over_s=0.0, stays=True):
    change = STOP_S - EVENT_S if stays else 20.0
    changed = (Bout(RUN, change, SPEED_MPS, tilt_shift_deg=shift_deg),)
    if over_s:
        changed = (
            Bout(RUN, over_s, SPEED_MPS, end_tilt_shift_deg=shift_deg),
            Bout(RUN, STOP_S - EVENT_S - over_s, SPEED_MPS, tilt_shift_deg=shift_deg),
        )
    if not stays:
        changed += (Bout(RUN, STOP_S - EVENT_S - change, SPEED_MPS),)
        shift_deg = 0.0
    bouts = (
        Bout(STAND, 10.0),
        Bout(WALK, 20.0, 1.4),
        Bout(RUN, EVENT_S - 30.0, SPEED_MPS),
        *changed,
        Bout(STAND, AGAIN_S - STOP_S),
        Bout(RUN, 50.0, SPEED_MPS, tilt_shift_deg=shift_deg),
    )
    setup = SensorSetup("pelvis", 100.0, mounting_body_from_sensor="aligned")
    return run(Programme(bouts, TREADMILL, "test"), RUNNER, (setup,), 11)


def slipped(recording, axis, degrees, over_s, at_s=EVENT_S):
    """The same motion in a sensor that turns on its mount; ``over_s`` 0: at once, not felt by the gyroscope."""
    sensor = recording.sensors["pelvis"]
    axis = np.array(AXES[axis])
    share = np.clip((sensor.t_s - at_s) / max(over_s, 1e-9), 0.0, 1.0)
    angle = np.radians(degrees) * share
    back = Rotation.from_rotvec(-angle[:, None] * axis)
    rate = np.gradient(angle, sensor.t_s)[:, None] * axis if over_s else 0.0
    moved = replace(
        sensor, acc_mps2=back.apply(sensor.acc_mps2), gyr_radps=back.apply(sensor.gyr_radps + rate)
    )
    return replace(recording, sensors={"pelvis": moved})


def tilt_flags(recording):
    own = OwnBaseline((BaselineBin(SPEED_MPS, pelvic_tilt_deg=OWN_DEG),))
    told = analyze_recording(recording).flags
    told += analyze_recording(recording, PipelineSetup.of(recording, own)).flags
    return [item for item in told if item["flag"] == "anterior_pelvic_tilt"]


def running(recording, first_s, last_s):
    rows = analyze_recording(recording).strides
    at = rows["initial_contact_s"]
    return rows[(rows["mode"] == "run") & (at > first_s) & (at < last_s)]


def off_deg(rows, truth):
    t, tilt = np.array(truth["pelvis"]["t_s"]), np.array(truth["pelvis"]["tilt_mean_deg"], float)
    return np.abs(rows["pelvic_tilt_deg"] - np.interp(rows["initial_contact_s"], t, tilt)).to_numpy()


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(
    ("degrees", "over_s"), [(4.5, 0.1), (6.0, 5.0), (8.0, 20.0), (10.0, 0.0), (12.0, 2.0), (25.0, 0.3)]
)
def test_a_slip_never_flags_and_is_mended_by_the_next_standing(axis, degrees, over_s):
    recording, truth = session()
    moved = slipped(recording, axis, degrees, over_s)
    assert tilt_flags(moved) == []
    before = running(moved, 60.0, EVENT_S)
    assert (before["pelvic_tilt_sigma_deg"] < 1.0).all()
    late = running(moved, EVENT_S + over_s + 15.0, STOP_S - 2.0)
    told = late["reasons"].str.contains("strap_doubtful|mounting_changed|settling")
    assert told.all()
    known = late["pelvic_tilt_deg"].notna()
    assert (late["pelvic_tilt_sigma_deg"][known] >= off_deg(late[known], truth)).all()
    again = running(moved, AGAIN_S + 15.0, AGAIN_S + 48.0)
    assert (again["pelvic_tilt_sigma_deg"] < 1.0).all()
    assert off_deg(again, truth).mean() < 0.7


def test_a_quick_new_posture_is_shown_with_doubt_and_believed_after_standing():
    recording, truth = session(9.0)
    assert tilt_flags(recording) == []
    late = running(recording, EVENT_S + 15.0, STOP_S - 2.0)
    assert late["reasons"].str.contains("strap_doubtful").all()
    assert off_deg(late, truth).mean() < 0.7
    assert (late["pelvic_tilt_sigma_deg"] > 8.0).all()
    again = running(recording, AGAIN_S + 15.0, AGAIN_S + 48.0)
    assert (again["pelvic_tilt_sigma_deg"] < 1.0).all()
    assert off_deg(again, truth).mean() < 0.7


def test_a_posture_given_up_again_ends_the_doubt():
    recording, truth = session(9.0, stays=False)
    late = running(recording, EVENT_S + 35.0, STOP_S - 2.0)
    assert (late["pelvic_tilt_sigma_deg"] < 1.0).all()
    assert off_deg(late, truth).mean() < 0.7


def test_a_slow_new_posture_is_believed_and_flagged():
    recording, truth = session(6.0, over_s=100.0)
    late = running(recording, EVENT_S + 15.0, AGAIN_S + 48.0)
    assert (late["pelvic_tilt_sigma_deg"] < 1.0).all()
    assert off_deg(late, truth).mean() < 0.7
    assert "own_baseline" in {item["evidence"]["reference_kind"] for item in tilt_flags(recording)}


@pytest.mark.parametrize("degrees", [8.0, 25.0])
def test_a_strap_moved_while_standing_is_found_out(degrees):
    recording, truth = session()
    moved = slipped(recording, "forward", degrees, 0.3, at_s=AGAIN_S - 5.0)
    again = running(moved, AGAIN_S + 15.0, AGAIN_S + 48.0)
    assert tilt_flags(moved) == []
    known = again[again["pelvic_tilt_deg"].notna()]
    assert (2.0 * known["pelvic_tilt_sigma_deg"] >= off_deg(known, truth)).all()


def test_an_odd_standing_does_not_become_neutral():
    """The runner rests bent forward for some seconds; the strap has not moved."""
    recording, truth = session()
    bent = slipped(recording, "forward", 20.0, 1.0, at_s=STOP_S + 1.0)
    bent = replace(bent, sensors={"pelvis": _upright_again(recording, bent, AGAIN_S - 1.5)})
    again = running(bent, AGAIN_S + 25.0, AGAIN_S + 48.0)
    assert (again["pelvic_tilt_sigma_deg"] < 1.0).all()
    assert off_deg(again, truth).mean() < 0.7


def _upright_again(recording, bent, at_s):
    was, now = recording.sensors["pelvis"], bent.sensors["pelvis"]
    late = (was.t_s > at_s)[:, None]
    rise = np.where((was.t_s > at_s - 1.0) & (was.t_s <= at_s), -np.radians(20.0), 0.0)
    gyr = np.where(late, was.gyr_radps, now.gyr_radps) + rise[:, None] * np.array(AXES["forward"])
    return replace(was, acc_mps2=np.where(late, was.acc_mps2, now.acc_mps2), gyr_radps=gyr)


def test_any_chunking_gives_the_same_doubt():
    recording, _ = session()
    sensor = slipped(recording, "forward", 8.0, 0.3).sensors["pelvis"]
    whole = PelvisEngine(sensor.spec)
    rows = np.concatenate([whole.feed(sensor.t_s, sensor.acc_mps2, sensor.gyr_radps), whole.finish()])
    parts = PelvisEngine(sensor.spec)
    out = []
    for k in range(0, len(sensor.t_s), 37):
        cut = slice(k, k + 37)
        out.append(parts.feed(sensor.t_s[cut], sensor.acc_mps2[cut], sensor.gyr_radps[cut]))
    assert np.concatenate([*out, parts.finish()]).tobytes() == rows.tobytes()
    assert whole.status() == parts.status()
