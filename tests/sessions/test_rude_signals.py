"""Signal files of other labs and makers: labels, units, structures and pieces as they come in XDF and MATLAB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from support.xdf_bytes import CHANNELS, xdf_of, xdf_stream
from tallrun.errors import FormatError, TallrunError
from tallrun.sessions.assembling import Imported, ImportFacts
from tallrun.sessions.matlab_import import import_matlab
from tallrun.sessions.xdf_import import import_xdf

N = 200
T = np.arange(N) / 100.0
ACC = np.column_stack((np.sin(6 * T), np.cos(5 * T), 9.8 + 3 * np.sin(9 * T)))
GYR = np.column_stack((2 * np.sin(6 * T), np.cos(5 * T), 3 * np.sin(9 * T)))
IMU = np.hstack((ACC, GYR))
SI = ("m/s^2",) * 3 + ("rad/s",) * 3


def xdf(folder: Path, *streams: bytes, where: dict[str, str] | None = None, **units: str) -> Imported:
    path = folder / "a.xdf"
    path.write_bytes(xdf_of(*streams))
    return import_xdf(path, where or {"IMU": "foot_left"}, ImportFacts(), **units)  # type: ignore[arg-type]


def axes(pattern: str, letters: str = "xyz") -> list[str]:
    return [pattern.replace("*", letter) for letter in letters]


@pytest.mark.parametrize(
    "labels",
    [
        axes("ACC-*", "XYZ") + axes("GYR-*", "XYZ"), axes("acc_*_left") + axes("gyr_*_left"), axes("a*") + axes("g*"),
        axes("a*", "XYZ") + axes("g*", "XYZ"), axes("acc*", "123") + axes("gyr*", "123"), axes("a*") + axes("w*"),
        axes("accel[*]", "012") + axes("gyro[*]", "012"), axes("acc_*") + axes("omega_*"),
        axes("Accelerometer.*", "XYZ") + axes("AngularRate.*", "XYZ"), axes("*_acc", "XYZ") + axes("*_gyro", "XYZ"),
    ],
)  # fmt: skip
def test_each_way_of_labelling_axes_is_read(tmp_path: Path, labels: list[str]) -> None:
    sensor = xdf(tmp_path, xdf_stream(1, "IMU", "IMU", labels, SI, T, IMU)).recording.sensors["foot_left"]
    np.testing.assert_allclose(sensor.acc_mps2, ACC)
    assert sensor.gyr_radps is not None
    np.testing.assert_allclose(sensor.gyr_radps, GYR)


@pytest.mark.parametrize(
    "units", [("meters/second^2", "radians/second"), ("m/s²", "rad/s"), ("m/s**2", "radians per second")]
)
def test_each_way_of_writing_units_is_read(tmp_path: Path, units: tuple[str, str]) -> None:
    said = [units[0]] * 3 + [units[1]] * 3
    sensor = xdf(tmp_path, xdf_stream(1, "IMU", "IMU", CHANNELS, said, T, IMU)).recording.sensors["foot_left"]
    np.testing.assert_allclose(sensor.acc_mps2, ACC)


def test_channels_that_are_not_read_are_named(tmp_path: Path) -> None:
    for more in ("mag", "lin_acc", "user_acc"):
        labels = [*CHANNELS, *axes(f"{more}_*")]
        imported = xdf(
            tmp_path, xdf_stream(1, "IMU", "IMU", labels, (*SI, "", "", ""), T, np.hstack((IMU, ACC - 9.8)))
        )
        np.testing.assert_allclose(imported.recording.sensors["foot_left"].acc_mps2, ACC)
        assert f"{more}_x" in " ".join(imported.notes)


def test_streams_that_say_what_they_are_need_no_labels(tmp_path: Path) -> None:
    force = xdf_stream(1, "LAcc", "ACC", ["", "", ""], ["", "", ""], T, ACC)
    turn = xdf_stream(2, "LGyr", "GYRO", ["", "", ""], ["", "", ""], T, GYR)
    where = {"LAcc": "foot_left", "LGyr": "foot_left"}
    for more in ({}, {"acc_channels": "1,2,3"}, {"acc_channels": "1,2,3", "gyr_channels": "1,2,3"}):
        imported = xdf(tmp_path, force, turn, where=where, acc_unit="mps2", gyr_unit="radps", **more)
        sensor = imported.recording.sensors["foot_left"]
        np.testing.assert_allclose(sensor.acc_mps2, ACC)
        np.testing.assert_allclose(sensor.gyr_radps, GYR)  # type: ignore[arg-type]
        assert any("without labels" in note for note in imported.notes) == (not more)
    plain = xdf_stream(1, "IMU", "IMU", [""] * 6, [""] * 6, T, IMU)
    with pytest.raises(FormatError, match="give them by number"):
        xdf(tmp_path, plain, acc_unit="mps2")


def test_pieces_of_one_sensor_are_put_one_behind_the_other(tmp_path: Path) -> None:
    def piece(number: int, rows: slice) -> bytes:
        return xdf_stream(number, "IMU", "IMU", CHANNELS, SI, T[rows], IMU[rows], "a")

    imported = xdf(
        tmp_path,
        piece(1, slice(0, 90)),
        piece(2, slice(120, N)),
        where={"#2": "foot_left", "#1": "foot_left"},
    )
    sensor = imported.recording.sensors["foot_left"]
    np.testing.assert_allclose(sensor.t_s, np.delete(T, np.s_[90:120]))
    assert "put behind it" in imported.notes[0]
    with pytest.raises(FormatError, match="both hold"):
        xdf(
            tmp_path,
            piece(1, slice(0, 90)),
            piece(2, slice(80, N)),
            where={"#1": "foot_left", "#2": "foot_left"},
        )
    with pytest.raises(FormatError, match="nothing to import"):
        xdf(tmp_path, piece(1, slice(0, 1)), where={"#1": "foot_left"})


def test_late_and_lost_stamps_cost_themselves_and_a_clock_set_back_is_refused(tmp_path: Path) -> None:
    late, lost, back, endless = T.copy(), T.copy(), T.copy(), IMU.copy()
    late[[50, 51]] = late[[51, 50]]
    lost[50] = np.nan
    back[100:] -= 0.3
    endless[7, 0] = np.inf

    def stream(t_s: np.ndarray, values: np.ndarray) -> bytes:
        return xdf_stream(1, "IMU", "IMU", CHANNELS, SI, t_s, values)

    sensor = xdf(tmp_path, stream(late, IMU)).recording.sensors["foot_left"]
    np.testing.assert_allclose(sensor.t_s, T)
    np.testing.assert_allclose(sensor.acc_mps2[[50, 51]], ACC[[51, 50]])
    assert xdf(tmp_path, stream(lost, IMU)).recording.sensors["foot_left"].t_s.size == N - 1
    assert np.isnan(xdf(tmp_path, stream(T, endless)).recording.sensors["foot_left"].acc_mps2).sum() == 1
    with pytest.raises(TallrunError, match="time goes back"):
        xdf(tmp_path, stream(back, IMU))


# --- MATLAB ---


def mat(
    folder: Path, content: dict[str, Any], imu: str = "imu", ts: str = "ts", rate_hz: float | None = None
) -> Imported:
    path = folder / "a.mat"
    savemat(path, content)
    return import_matlab(path, "foot_left", ImportFacts(rate_hz=rate_hz), imu_variable=imu, time_variable=ts)


@pytest.mark.parametrize(
    ("content", "imu", "ts", "rate_hz"),
    [
        ({"imu": IMU.T, "ts": T}, "imu", "ts", None),
        ({"data": {"imu": IMU, "ts": T}}, "data.imu", "data.ts", None),
        ({"acc": ACC, "gyro": GYR, "time": T}, "acc,gyro", "time", None),
        ({"s": {"Accel": ACC.T, "Gyr": GYR.T, "t": T}}, "s.Accel, s.Gyr", "s.t", None),
        ({"imu": IMU}, "imu", "ts", 100.0),
    ],
)
def test_variables_are_found_where_a_person_says(
    tmp_path: Path, content: dict[str, Any], imu: str, ts: str, rate_hz: float | None
) -> None:
    sensor = mat(tmp_path, content, imu, ts, rate_hz).recording.sensors["foot_left"]
    np.testing.assert_allclose(sensor.t_s, T)
    np.testing.assert_allclose(sensor.acc_mps2, ACC)
    np.testing.assert_allclose(sensor.gyr_radps, GYR)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ({"data": {"imu": IMU, "t": T}}, "perhaps --imu-variable data.imu --time-variable data.t"),
        ({"Acc": ACC, "Gyr": GYR, "time": T}, "perhaps --imu-variable Acc,Gyr --time-variable time"),
        ({"measured": IMU}, "perhaps --imu-variable measured and --rate-hz"),
        ({"M": np.column_stack((T, IMU))}, r"it has M \(200, 7\); name them"),
    ],
)
def test_what_a_file_holds_is_said_with_the_options_that_fit(
    tmp_path: Path, content: dict[str, Any], hint: str
) -> None:
    with pytest.raises(FormatError, match=hint):
        mat(tmp_path, content)


def test_one_lost_stamp_of_a_matlab_file_costs_its_row(tmp_path: Path) -> None:
    ts = T.copy()
    ts[5] = np.nan
    imported = mat(tmp_path, {"imu": IMU, "ts": ts})
    assert imported.recording.sensors["foot_left"].t_s.size == N - 1
    assert "without a stamp" in imported.notes[0]
