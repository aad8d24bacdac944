"""One sensor alone, no gyroscope, nothing at all: what cannot be known is null with its reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.contract import check_output
from tallrun import simulate
from tallrun.numerics.recording import Recording, SensorRecording, SensorSpec
from tallrun.pipeline import analyze_recording
from tallrun.sessions import write_tables


@pytest.fixture(scope="module")
def run() -> Recording:
    programme = simulate.Programme((simulate.Bout("stand", 8.0), simulate.Bout("run", 25.0, 3.0)))
    return simulate.run(programme, simulate.Runner(), simulate.three_sensors(200.0), seed=12)[0]


def only(recording: Recording, *names: str) -> Recording:
    return replace(recording, sensors={name: recording.sensors[name] for name in names})


def bare(recording: Recording) -> Recording:
    return replace(
        recording,
        sensors={
            name: replace(item, gyr_radps=None, spec=replace(item.spec, has_gyroscope=False))
            for name, item in recording.sensors.items()
        },
    )


def written(recording: Recording, folder) -> dict:
    tables = analyze_recording(recording)
    write_tables(folder, tables)
    end_s = max((float(item.t_s[-1]) for item in recording.sensors.values() if item.t_s.size), default=0.0)
    return check_output(folder, end_s)


def test_a_pelvis_alone_counts_steps_and_knows_no_side(run, tmp_path):
    tables = analyze_recording(only(run, "pelvis"))
    assert tables.strides["foot"].isna().all()
    summary = written(only(run, "pelvis"), tmp_path / "out")
    assert summary["n_contacts"] == 0
    assert 60 <= summary["n_steps"] <= 72
    assert summary["cadence_spm"]["median"] == pytest.approx(166.0, abs=3.0)
    assert summary["stance_time_s"]["n"] > 40
    for name in ("stride_length_m", "foot_strike_angle_deg", "peak_impact_g"):
        assert summary[name] == {"value": None, "reason": "no_feet"}
    assert summary["pelvic_tilt_deg"]["n"] > 40


def test_a_foot_alone(run, tmp_path):
    summary = written(only(run, "foot_left"), tmp_path / "out")
    assert summary["n_steps"] == 2 * summary["n_contacts"]
    assert summary["n_steps_reason"] == "one_foot"
    assert summary["stride_length_m"]["n"] > 20
    assert summary["flight_time_s"]["reason"] == "one_foot"


@pytest.mark.parametrize(
    "names", [("foot_left", "foot_right"), ("pelvis",), ("foot_left", "foot_right", "pelvis")]
)
def test_accelerometers_alone(run, names, tmp_path):
    summary = written(bare(only(run, *names)), tmp_path / "out")
    assert summary["cadence_spm"]["median"] == pytest.approx(166.0, abs=3.0)
    assert summary["stance_time_s"]["n"] > 20
    expected = "no_gyroscope" if "foot_left" in names else "no_feet"
    assert summary["stride_length_m"] == {"value": None, "reason": expected}
    assert summary["run_time_s"] > 20.0


def test_the_trunk_gives_no_strides_but_rest_and_motion(run, tmp_path):
    pelvis = run.sensors["pelvis"]
    trunk = replace(pelvis, spec=replace(pelvis.spec, placement="trunk"))
    summary = written(replace(run, sensors={"trunk": trunk}), tmp_path / "out")
    assert summary["n_steps"] == 0
    assert summary["cadence_spm"]["value"] is None


def test_no_samples_give_empty_tables_with_reasons(tmp_path):
    empty = SensorRecording(SensorSpec("foot_left", 200.0), np.empty(0), np.empty((0, 3)), np.empty((0, 3)))
    for sensors in ({}, {"foot_left": empty}):
        summary = written(Recording(sensors), tmp_path / f"out{len(sensors)}")
        assert summary["n_steps"] == 0
        assert summary["cadence_spm"]["value"] is None
        assert summary["quality"]["valid_strides_pct"] is None


@pytest.mark.parametrize("begin_s", [0.0, 20.0])
def test_two_seconds_are_enough_not_to_fail(run, begin_s, tmp_path):
    def short(item):
        keep = (item.t_s >= begin_s) & (item.t_s < begin_s + 2.0)
        return replace(
            item, t_s=item.t_s[keep] - begin_s, acc_mps2=item.acc_mps2[keep], gyr_radps=item.gyr_radps[keep]
        )

    recording = replace(
        run, sensors={name: short(item) for name, item in run.sensors.items()}, treadmill=None
    )
    summary = written(recording, tmp_path / "out")
    assert summary["n_contacts"] <= 8
    if begin_s == 0.0:
        assert summary["n_contacts"] == 0
        assert summary["run_time_s"] == 0.0


def test_only_noise_is_no_running(rng, tmp_path):
    t = np.arange(4000) / 200.0
    acc = rng.normal([0.0, 0.0, 9.81], 0.3, (4000, 3))
    noise = SensorRecording(SensorSpec("foot_left", 200.0), t, acc, rng.normal(0.0, 0.02, (4000, 3)))
    summary = written(Recording({"foot_left": noise}), tmp_path / "out")
    assert summary["n_steps"] == 0


def test_constant_nan_is_no_samples(tmp_path):
    nothing = np.full((400, 3), np.nan)
    item = SensorRecording(SensorSpec("foot_left", 200.0), np.arange(400) / 200.0, nothing, nothing)
    assert written(Recording({"foot_left": item}), tmp_path / "out")["n_steps"] == 0
