"""Sensors are checked against each other; the one that sees is used."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from tallrun.numerics.recording import Recording, SensorRecording
from tallrun.pipeline.agreement import LEAST_PHASE, SensorAgreement
from tallrun.pipeline.analysis import analyze_recording as analyze
from tallrun.pipeline.batch import pieces
from tallrun.pipeline.gait_pipeline import AgreementChanged, GaitPipeline
from tallrun.pipeline.setup import PipelineSetup
from tallrun.reasons import REASONS
from tallrun.simulate.programme import RUN, STAND, TREADMILL, WALK, Bout, Programme
from tallrun.simulate.session import run, three_sensors

LOOSE_AT_S = 45.0


@pytest.fixture(scope="module")
def session():
    parts = (Bout(STAND, 8.0), Bout(RUN, 62.0, 3.0))
    return run(Programme(parts, TREADMILL, "test"), None, three_sensors(100.0), 3)[0]


def with_sensor(recording: Recording, name: str, change) -> Recording:
    sensors = dict(recording.sensors)
    sensors[name] = change(sensors[name])
    return dataclasses.replace(recording, sensors=sensors)


def still(sensor: SensorRecording, from_s: float = 0.0) -> SensorRecording:
    """The sensor fell off, or never left the bag: its samples go on."""
    acc, gyr = sensor.acc_mps2.copy(), None if sensor.gyr_radps is None else sensor.gyr_radps.copy()
    off = sensor.t_s >= from_s
    acc[off] = acc[0]
    if gyr is not None:
        gyr[off] = 0.0
    return dataclasses.replace(sensor, acc_mps2=acc, gyr_radps=gyr)


def without_gyroscope(sensor: SensorRecording) -> SensorRecording:
    spec = dataclasses.replace(sensor.spec, has_gyroscope=False, gyr_range_dps=None)
    return dataclasses.replace(sensor, spec=spec, gyr_radps=None)


def disagreements(recording: Recording):
    return analyze(recording).summary["quality"]["disagreements"]


def test_sound_sensors_do_not_disagree(session):
    assert disagreements(session) == []


@pytest.mark.parametrize("name", ["foot_left", "foot_right", "pelvis"])
def test_a_sensor_that_comes_loose_is_named_within_ten_seconds(session, name):
    found = disagreements(with_sensor(session, name, lambda item: still(item, LOOSE_AT_S)))
    assert [item["sensor"] for item in found] == [name]
    assert found[0]["reason"] == "sensor_silent"
    assert LOOSE_AT_S < found[0]["start_s"] < LOOSE_AT_S + 10.0


def test_feet_that_saw_nothing_leave_the_steps_of_the_pelvis(session):
    """Accelerometers on foot and pelvis: the summary once said 0 steps where the pelvis had counted 411."""
    quiet = with_sensor(
        with_sensor(session, "foot_right", lambda item: still(without_gyroscope(item))),
        "pelvis",
        without_gyroscope,
    )
    sensors = {name: quiet.sensors[name] for name in ("foot_right", "pelvis")}
    quiet = dataclasses.replace(quiet, sensors=sensors)
    summary = analyze(quiet).summary
    alone = analyze(dataclasses.replace(quiet, sensors={"pelvis": sensors["pelvis"]})).summary
    assert summary["n_steps"] == alone["n_steps"] > 150
    assert summary["n_contacts"] == 0
    assert summary["cadence_spm"]["median"] == pytest.approx(alone["cadence_spm"]["median"], abs=0.2)
    assert summary["run_time_s"] == pytest.approx(alone["run_time_s"], abs=3.0)
    assert [item["sensor"] for item in summary["quality"]["disagreements"]] == ["foot_right"]
    assert summary["quality"]["steps_seen"]["foot_right"] == 0


def test_a_foot_that_died_midway_is_followed_by_the_pelvis(session):
    dead = session
    for name in ("foot_left", "foot_right"):
        dead = with_sensor(dead, name, lambda item: still(item, LOOSE_AT_S))
    whole, part = analyze(session), analyze(dead)
    assert part.summary["n_steps"] == pytest.approx(whole.summary["n_steps"], abs=6)
    times = part.strides["initial_contact_s"].to_numpy()
    assert np.diff(times[times > 20.0]).max() < 2.0
    late = part.strides[part.strides["initial_contact_s"] > LOOSE_AT_S + 3.0]
    assert late["foot"].isna().all()
    assert late["reasons"].str.contains("no_feet").all()
    named = {item["sensor"] for item in part.summary["quality"]["disagreements"]}
    assert named == {"foot_left", "foot_right"}


def test_any_chunking_gives_the_same_doubts_and_strides(session):
    loose = with_sensor(session, "foot_left", lambda item: still(item, LOOSE_AT_S))
    seen = []
    for chunk_s in (0.1, 1.7, 100.0):
        gait = GaitPipeline(PipelineSetup(tuple(item.spec for item in loose.sensors.values())))
        events = []
        for _, blocks in pieces(loose, chunk_s):
            events += gait.feed(*blocks)
        events += gait.finish()
        seen.append([item for item in events if isinstance(item, AgreementChanged)])
    assert seen[0] == seen[1] == seen[2] != []


def watch(agreement: SensorAgreement, steps: dict[str, np.ndarray]) -> list:
    """Hand over steps as engines do, two seconds after they happened."""
    found = []
    for at, name in sorted((at, name) for name, times in steps.items() for at in times):
        found += agreement.saw(name, float(at), float(at) + 2.0)
    return found


def test_feet_that_land_together_are_told():
    both = {"foot_left": np.arange(0.0, 30.0, 0.7), "foot_right": np.arange(0.05, 30.0, 0.7)}
    assert {item.reason for item in watch(SensorAgreement(tuple(both)), both)} == {"feet_out_of_step"}
    limping = {"foot_left": np.arange(0.0, 30.0, 0.7), "foot_right": np.arange(0.28, 30.0, 0.7)}
    assert watch(SensorAgreement(tuple(limping)), limping) == []


def test_feet_land_together_by_the_median_of_all_strides(rng):
    """Whatever is left out of the reckoning must not change what comes of it."""
    seen = set()
    for _ in range(300):
        share, spread = rng.uniform(0.0, 0.5), rng.uniform(0.0, 0.2)
        right = np.cumsum(rng.uniform(0.6, 0.8, rng.integers(3, 20)))
        left = right - 0.7 * np.clip(rng.normal(share, spread, right.size), 0.0, 0.95)
        left = np.sort(left[rng.random(left.size) < 0.9])
        agreement = SensorAgreement(("foot_left", "foot_right"))
        watch(agreement, {"foot_left": left, "foot_right": right})
        from_middle = []
        for begin_s, end_s in itertools.pairwise(right):
            inside = left[(left >= begin_s) & (left < end_s)]
            from_middle += [abs((at - begin_s) / (end_s - begin_s) - 0.5) for at in inside[:1]]
        expected = len(from_middle) >= 4 and np.median(from_middle) > 0.5 - LEAST_PHASE
        assert agreement._land_together("foot_left", "foot_right") == expected
        seen.add(bool(expected))
    assert seen == {False, True}


def test_of_two_the_uneven_one_is_doubted(rng):
    steps = {"foot_left": np.arange(0.0, 30.0, 0.7), "foot_right": np.sort(rng.uniform(0.0, 30.0, 90))}
    found = watch(SensorAgreement(tuple(steps)), steps)
    assert {item.placement for item in found} == {"foot_right"}


def test_a_pause_a_walk_and_a_foot_that_still_learns_are_no_doubt():
    walk = {
        "foot_left": np.r_[np.arange(0.0, 20.0, 1.1), np.arange(40.0, 60.0, 0.7)],
        "foot_right": np.r_[np.arange(0.55, 20.0, 1.1), np.arange(40.35, 60.0, 0.7)],
        "pelvis": np.r_[np.arange(0.0, 20.0, 0.55), np.arange(40.0, 60.0, 0.35)],
    }
    assert watch(SensorAgreement(tuple(walk)), walk) == []
    learning = SensorAgreement(("foot_left", "pelvis"), ("foot_left",))
    assert watch(learning, {"pelvis": np.arange(0.0, 50.0, 0.35)}) == []
    assert watch(learning, {"pelvis": np.arange(50.0, 70.0, 0.35)}) != []


def test_a_speed_far_from_the_belt_is_told_and_forgiven():
    agreement = SensorAgreement(("foot_left",))
    found = [item for at in range(20) for item in agreement.saw_speed("foot_left", float(at), 0.6)]
    assert [(item.reason, item.against) for item in found] == [("belt_disagrees", ("treadmill",))]
    assert agreement.saw_speed("foot_left", 20.0, math.nextafter(1.0, 2.0))[0].end_s == 20.0
    assert {"sensor_silent", "sensor_disagrees", "feet_out_of_step", "belt_disagrees"} <= set(REASONS)


def test_walking_simulation_has_no_doubt():
    parts = (
        Bout(STAND, 6.0),
        Bout(WALK, 30.0, 1.3),
        Bout(RUN, 25.0, 2.8),
        Bout(STAND, 5.0),
        Bout(RUN, 15.0, 2.8),
    )
    recording, _ = run(Programme(parts, TREADMILL, "test"), None, three_sensors(100.0), 5)
    assert disagreements(recording) == []
