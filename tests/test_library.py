"""``import tallrun as tr``: frames in, frames with units out, and refusals in one line."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

import tallrun as tr
from tallrun.errors import ConfigError, SignalError, UsageError
from tallrun.recovery import History, Runner
from tallrun.units import DEG_PER_RAD, STANDARD_GRAVITY_MPS2


@pytest.fixture(scope="module")
def simulated():
    return tr.simulate.bundled("one_foot")


@pytest.fixture(scope="module")
def tables(simulated):
    return tr.analyze(simulated[0])


def frame_of(sensor, acc_factor=1.0, gyr_factor=1.0):
    names = ["acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z"]
    values = np.hstack([sensor.acc_mps2 * acc_factor, sensor.gyr_radps * gyr_factor])
    return pd.DataFrame(values, columns=names).assign(t_s=sensor.t_s)


def test_import_loads_no_heavy_library():
    code = "import sys, tallrun as tr; assert not {'numpy', 'numba', 'pandas'} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_of_the_contract_is_there_and_documented():
    for name in set(tr.__all__) - {"__version__"}:
        assert getattr(tr, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute"):
        _ = tr.no_such_thing


def test_frames_carry_units(tables):
    units = tables.strides.attrs["units"]
    assert units["stride_length_m"] == "m"
    assert units["speed_mps"] == "m/s"
    assert units["cadence_spm"] == "steps/min"
    assert units["foot"] is None


def test_the_middle_of_running_is_that_of_the_summary(tables):
    running = tr.running(tables)
    assert running.attrs["units"]["stride_length_m"] == "m"
    assert set(running["mode"]) == {"run"}
    for name in ("cadence_spm", "stride_length_m", "stance_time_s", "foot_strike_angle_deg"):
        assert running[name].median() == tables.summary[name]["median"]
    assert running["stride_length_m"].median() != tables.strides["stride_length_m"].median()


def test_frames_in_declared_units_give_the_same_strides_as_the_recording(simulated, tables):
    (place, sensor), *_ = simulated[0].sensors.items()
    frame = frame_of(sensor, 1.0 / STANDARD_GRAVITY_MPS2, DEG_PER_RAD)
    again = tr.analyze(
        {place: frame},
        acc_unit="g",
        gyr_unit="dps",
        rate_hz=sensor.spec.rate_hz,
        acc_range_g=16.0,
        gyr_range_dps=2000.0,
        runner=simulated[0].runner,
    )
    columns = ["initial_contact_s", "stride_time_s"]
    np.testing.assert_allclose(again.strides[columns], tables.strides[columns], atol=1e-6, equal_nan=True)
    np.testing.assert_allclose(
        again.strides["stride_length_m"].median(), tables.strides["stride_length_m"].median(), rtol=1e-3
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop(columns="acc_z"), "expected columns acc_x"),
        (lambda frame: frame.rename(columns={"acc_x": "acc_pa"}), "body-frame"),
        (lambda frame: frame.drop(columns="t_s"), "rate_hz"),
        (lambda frame: frame.assign(t_s=frame["t_s"].to_numpy()[::-1]), "must rise"),
        (lambda frame: frame.assign(t_s=frame["t_s"] * 1000.0), "expected 5 to"),
        (lambda frame: frame.assign(**{c: frame[c] / 9.81 for c in ("acc_x", "acc_y", "acc_z")}), "acc-unit"),
    ],
)
def test_frames_that_cannot_be_are_refused_in_one_line(simulated, change, words):
    (place, sensor), *_ = simulated[0].sensors.items()
    with pytest.raises(SignalError, match=words) as caught:
        tr.analyze({place: change(frame_of(sensor))})
    assert "\n" not in str(caught.value)


def test_unknown_placement_and_options_of_frames_are_refused(simulated):
    with pytest.raises(SignalError, match="placements are"):
        tr.recording_of({"wrist": pd.DataFrame()})
    with pytest.raises(SignalError, match="got none"):
        tr.recording_of({})
    with pytest.raises(UsageError, match="only for DataFrames"):
        tr.analyze(simulated[0], rate_hz=100.0)


def test_flags_are_a_frame_with_the_same_columns_when_there_is_none(tables):
    found = tr.flags(tables)
    assert len(found) == len(tables.flags)
    assert list(tr.flags(tables).columns)[:3] == ["flag", "start_s", "end_s"]


def test_a_session_against_itself_is_no_real_change(simulated):
    found = tr.compare(simulated[0], simulated[0])
    assert len(found)
    assert not (found["word"] == "real change").any()


def test_verdict_without_any_data_is_no_run_and_names_its_protocol():
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    found = tr.verdict(History(Runner()), now)
    assert found.state != "RUN"
    with pytest.raises(ConfigError, match="pht"):
        tr.verdict(History(Runner()), now, protocol="none")
