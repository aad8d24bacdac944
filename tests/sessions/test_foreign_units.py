"""A wrong unit is named with the option that sets the right one, for time, acceleration, rate and turning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from support.session_files import swinging_sensor
from tallrun.errors import FormatError, SignalError
from tallrun.sessions.assembling import ImportFacts
from tallrun.sessions.csv_import import column_layout, import_csv
from tallrun.sessions.csv_layouts import PRESETS, with_units
from tallrun.sessions.foreign_units import ACC_UNITS, GYR_UNITS, TIME_UNITS, check_sample_numbers

SENSOR = swinging_sensor("foot_left")


def stored(tmp_path: Path, time: str = "s", acc: str = "mps2", gyr: str = "radps", stride: int = 1) -> Path:
    """A file whose numbers are in these units; its header says nothing about them."""
    assert SENSOR.gyr_radps is not None
    table = np.column_stack(
        (
            SENSOR.t_s / TIME_UNITS[time],
            SENSOR.acc_mps2 / ACC_UNITS[acc],
            SENSOR.gyr_radps / GYR_UNITS[gyr],
        )
    )[::stride]
    np.savetxt(
        tmp_path / "run.csv", table, delimiter=",", header="t,ax,ay,az,gx,gy,gz", comments="", fmt="%.12g"
    )
    return tmp_path / "run.csv"


def read(
    path: Path, time: str = "s", acc: str = "mps2", gyr: str = "radps", rate_hz: float | None = None
) -> object:
    layout = column_layout(["ax,ay,az"], ["gx,gy,gz"], [], "t", time, rate_hz)
    facts = ImportFacts(rate_hz=rate_hz)
    return import_csv([path], [with_units(layout, acc, gyr, None)], ["foot_left"], facts)


@pytest.mark.parametrize("right", TIME_UNITS)
@pytest.mark.parametrize("wrong", TIME_UNITS)
def test_a_wrong_unit_of_time_is_refused_with_the_one_that_fits(
    tmp_path: Path, right: str, wrong: str
) -> None:
    path = stored(tmp_path, time=right)
    if wrong == right:
        read(path, time=wrong)
        return
    with pytest.raises(
        SignalError, match=rf"stamps in {wrong} advance at .* they fit --time-unit {right}$"
    ) as caught:
        read(path, time=wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("right", ACC_UNITS)
@pytest.mark.parametrize("wrong", ACC_UNITS)
def test_a_wrong_unit_of_acceleration_is_refused_with_the_one_that_fits(
    tmp_path: Path, right: str, wrong: str
) -> None:
    path = stored(tmp_path, acc=right)
    if wrong == right:
        read(path, acc=wrong)
        return
    with pytest.raises(
        SignalError, match=rf"specific force in {wrong} averages .* it fits --acc-unit {right}"
    ):
        read(path, acc=wrong)


@pytest.mark.parametrize("right", GYR_UNITS)
@pytest.mark.parametrize("wrong", GYR_UNITS)
def test_a_wrong_unit_of_turning_is_refused_with_the_one_that_fits(
    tmp_path: Path, right: str, wrong: str
) -> None:
    path = stored(tmp_path, gyr=right)
    if wrong == right:
        read(path, gyr=wrong)
        return
    with pytest.raises(SignalError, match=rf"angular rate in {wrong} reaches .* it fits --gyr-unit {right}"):
        read(path, gyr=wrong)


def test_numbers_that_fit_no_unit_are_said_to_fit_none(tmp_path: Path) -> None:
    path = stored(tmp_path)
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    table[:, 1:4] *= 4000.0
    np.savetxt(path, table, delimiter=",", header="t,ax,ay,az,gx,gy,gz", comments="")
    with pytest.raises(SignalError, match=r"no unit of mps2, g, mg fits: are these raw counts"):
        read(path)


@pytest.mark.parametrize("scale", [0.5, 2.6])
def test_counts_that_average_like_a_foot_are_found_out_at_rest(tmp_path: Path, scale: float) -> None:
    path = stored(tmp_path)
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    table[200:420, 1:4] = [0.0, 9.8, 0.3]
    for factor in (0.95, 1.0, 1.05):
        np.savetxt(
            path,
            table * [1, *[factor] * 3, 1, 1, 1],
            delimiter=",",
            header="t,ax,ay,az,gx,gy,gz",
            comments="",
        )
        read(path)
    np.savetxt(
        path, table * [1, *[scale] * 3, 1, 1, 1], delimiter=",", header="t,ax,ay,az,gx,gy,gz", comments=""
    )
    with pytest.raises(
        SignalError, match=rf"at rest \(from 1\.0 s\) specific force in mps2 is {scale:g} g, where"
    ):
        read(path)


def test_one_sample_a_minute_is_no_sensor(tmp_path: Path) -> None:
    path = stored(tmp_path)
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    table[:, 0] *= 200.0 * 60.0
    np.savetxt(path, table, delimiter=",", header="t,ax,ay,az,gx,gy,gz", comments="")
    with pytest.raises(
        SignalError, match=r"advance at 0\.01667 Hz, expected 5 to 10000 Hz; they fit --time-unit ms"
    ):
        read(path)


@pytest.mark.parametrize("stride", [1, 8, 20])
def test_slow_and_fast_sensors_are_no_wrong_unit(tmp_path: Path, stride: int) -> None:
    read(stored(tmp_path, stride=stride))


def test_a_typed_rate_that_contradicts_the_stamps_is_refused(tmp_path: Path) -> None:
    read(stored(tmp_path), rate_hz=200.0)
    with pytest.raises(
        SignalError, match=r"--rate-hz 100 was given, but the stamps advance at 200 Hz; leave"
    ):
        read(stored(tmp_path), rate_hz=100.0)


def test_a_column_of_time_is_no_sample_number(tmp_path: Path) -> None:
    with pytest.raises(
        SignalError, match=r"expected sample numbers rising by 1, found steps of 0\.005; .*--time-unit"
    ):
        read(stored(tmp_path), time="samples", rate_hz=200.0)
    numbers = np.arange(20.0)
    numbers[10:] += 500.0
    check_sample_numbers(numbers, "x")
    with pytest.raises(SignalError, match="found steps of 5"):
        check_sample_numbers(np.arange(0.0, 100.0, 5.0), "x")


def test_a_preset_takes_another_unit_from_the_person(tmp_path: Path) -> None:
    header = "timestamp,acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z"
    table = np.genfromtxt(stored(tmp_path, acc="g", gyr="dps", time="us"), delimiter=",", skip_header=1)
    np.savetxt(tmp_path / "m.csv", table, delimiter=",", header=header, comments="", fmt="%.12g")
    with pytest.raises(SignalError, match="they fit --time-unit us"):
        import_csv([tmp_path / "m.csv"], PRESETS["movesense"], ["foot_left"], ImportFacts())
    layouts = [with_units(layout, "g", None, "us") for layout in PRESETS["movesense"]]
    sensor = import_csv([tmp_path / "m.csv"], layouts, ["foot_left"], ImportFacts()).recording.sensors[
        "foot_left"
    ]
    np.testing.assert_allclose(sensor.acc_mps2, SENSOR.acc_mps2, rtol=1e-9)
    np.testing.assert_allclose(sensor.t_s, SENSOR.t_s, atol=1e-9)


def test_columns_by_number_read_files_without_names(tmp_path: Path) -> None:
    path = stored(tmp_path)
    bare = "\n".join(path.read_text().splitlines()[1:])
    for text in (bare, "made by hand\n" + bare, "a;b\n" + bare.replace(",", ";")):
        path.write_text(text)
        layout = column_layout(["2,3,4"], ["5,6,7"], [], "1", "s", None)
        layouts = [with_units(layout, "mps2", "radps", None)]
        sensor = import_csv([path], layouts, ["foot_left"], ImportFacts()).recording.sensors["foot_left"]
        np.testing.assert_allclose(sensor.acc_mps2, SENSOR.acc_mps2, rtol=1e-9)
        np.testing.assert_allclose(sensor.t_s, SENSOR.t_s, atol=1e-9)
    with pytest.raises(FormatError, match="lacks column"):
        import_csv([path], [column_layout(["8,9,10"], [], [], "1", "s", None)], ["foot_left"], ImportFacts())


def test_columns_of_several_sensors_need_a_placement_each() -> None:
    with pytest.raises(FormatError, match=r"--acc-columns is given 1 times for 2 sensor\(s\)"):
        column_layout(["1,2,3"], [], ["pelvis", "foot_right"], None, "s", 100.0)
    with pytest.raises(FormatError, match="say which columns to read"):
        column_layout([], [], [], None, "s", 100.0)
