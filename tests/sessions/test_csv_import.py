"""CSV imports: presets on the public recordings, mappings with every unit, and refusals that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.session_files import swinging_sensor
from tallrun.errors import FormatError, SignalError
from tallrun.sessions import csv_import
from tallrun.sessions.assembling import Imported, ImportFacts, interpolate, spread_batches, unwrap_counter
from tallrun.sessions.csv_import import import_csv, mapped_layout, three_columns
from tallrun.sessions.csv_layouts import PRESETS, Axes, CsvLayout

SENSOR = swinging_sensor("foot_left")
G = 9.80665


def table_text(
    columns: dict[str, np.ndarray], delimiter: str = ",", head: str = "", decimal: str = "."
) -> str:
    rows = [delimiter.join(columns)]
    for values in zip(*columns.values(), strict=True):
        rows.append(
            delimiter.join("" if np.isnan(value) else repr(float(value)) for value in values).replace(
                ".", decimal
            )
        )
    return head + "\n".join(rows) + "\n"


def sensor_columns(
    acc_factor: float = 1.0, gyr_factor: float = 1.0, time_factor: float = 1.0
) -> dict[str, np.ndarray]:
    assert SENSOR.gyr_radps is not None
    columns = {"t": SENSOR.t_s * time_factor}
    columns |= {f"a{axis}": SENSOR.acc_mps2[:, i] * acc_factor for i, axis in enumerate("xyz")}
    return columns | {f"g{axis}": SENSOR.gyr_radps[:, i] * gyr_factor for i, axis in enumerate("xyz")}


def mapped(
    acc_unit: str | None = "mps2", gyr_unit: str | None = "radps", time_unit: str = "s"
) -> list[CsvLayout]:
    acc, gyr = Axes(("ax", "ay", "az"), acc_unit), Axes(("gx", "gy", "gz"), gyr_unit)
    return [mapped_layout(time_column="t", time_unit=time_unit, acc=acc, gyr=gyr, rate_hz=None)]


def read_text(
    tmp_path: Path,
    text: str | bytes,
    layouts: Sequence[CsvLayout],
    name: str = "file.csv",
    facts: ImportFacts = ImportFacts(),  # noqa: B008
) -> Imported:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_csv([path], layouts, ["foot_left"], facts)


def assert_is_sensor(imported: Imported, atol: float = 1e-9) -> None:
    sensor = imported.recording.sensors["foot_left"]
    np.testing.assert_allclose(sensor.t_s, SENSOR.t_s, atol=1e-7)
    np.testing.assert_allclose(sensor.acc_mps2, SENSOR.acc_mps2, atol=atol)
    assert sensor.gyr_radps is not None
    assert SENSOR.gyr_radps is not None
    np.testing.assert_allclose(sensor.gyr_radps, SENSOR.gyr_radps, atol=atol)


# --- units, delimiters, clocks ---


@pytest.mark.parametrize(("acc_unit", "acc_factor"), [("mps2", 1.0), ("g", 1 / G), ("mg", 1000 / G)])
@pytest.mark.parametrize(
    ("gyr_unit", "gyr_factor"), [("radps", 1.0), ("dps", 180 / np.pi), ("mdps", 180e3 / np.pi)]
)
@pytest.mark.parametrize(("time_unit", "time_factor"), [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_every_unit_gives_the_same_recording(
    tmp_path: Path,
    acc_unit: str,
    acc_factor: float,
    gyr_unit: str,
    gyr_factor: float,
    time_unit: str,
    time_factor: float,
) -> None:
    text = table_text(sensor_columns(acc_factor, gyr_factor, time_factor))
    assert_is_sensor(read_text(tmp_path, text, mapped(acc_unit, gyr_unit, time_unit)))


@pytest.mark.parametrize(
    ("delimiter", "decimal"), [(",", "."), (";", "."), ("\t", "."), (";", ","), ("\t", ",")]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("head", ["", "made by Müller\nrate: 200 Hz\n\n"])
def test_any_way_of_writing_a_table_is_found(
    tmp_path: Path, delimiter: str, decimal: str, encoding: str, head: str
) -> None:
    text = table_text(sensor_columns(), delimiter, head, decimal)
    assert_is_sensor(read_text(tmp_path, text.encode(encoding), mapped()))


def test_rows_without_time_are_counted(tmp_path: Path) -> None:
    columns = sensor_columns()
    del columns["t"]
    layout = replace(mapped()[0], time_column=None)
    facts = ImportFacts(rate_hz=200.0)
    assert_is_sensor(read_text(tmp_path, table_text(columns), [layout], facts=facts))
    with pytest.raises(FormatError, match="need the sampling rate: give --rate-hz"):
        read_text(tmp_path, table_text(columns), [layout])


def test_sample_numbers_keep_their_gaps(tmp_path: Path) -> None:
    columns = sensor_columns()
    columns["t"] = np.arange(600.0) + 7000.0
    columns["t"][300:] += 40.0
    layout = replace(mapped(time_unit="samples")[0], rate_hz=200.0)
    sensor = read_text(tmp_path, table_text(columns), [layout]).recording.sensors["foot_left"]
    assert sensor.t_s[0] == 0.0
    assert sensor.t_s[300] - sensor.t_s[299] == pytest.approx(41 / 200)


def test_unix_time_in_nanoseconds_starts_at_zero_and_keeps_its_steps(tmp_path: Path) -> None:
    columns = sensor_columns()
    rows = [",".join(columns)]
    for i in range(600):
        stamp = 1_700_000_000_000_000_000 + 5_000_000 * i
        rows.append(",".join([str(stamp), *(repr(float(columns[name][i])) for name in list(columns)[1:])]))
    sensor = read_text(tmp_path, "\n".join(rows), mapped(time_unit="ns")).recording.sensors["foot_left"]
    np.testing.assert_allclose(sensor.t_s, SENSOR.t_s, atol=1e-6)


def test_the_unit_written_in_the_header_is_used_and_may_not_be_contradicted(tmp_path: Path) -> None:
    columns = sensor_columns(1 / G, 180 / np.pi)
    for axis in "xyz":
        columns[f"Acc {axis} (g)"] = columns.pop(f"a{axis}")
        columns[f"Gyr {axis} [°/s]"] = columns.pop(f"g{axis}")
    acc, gyr = (
        Axes(three_columns("acc x (g),acc y (g),acc z (g)")),
        Axes(three_columns("gyr x [°/s],gyr y [°/s],gyr z [°/s]")),
    )
    layout = mapped_layout(time_column="T", time_unit="s", acc=acc, gyr=gyr, rate_hz=None)
    assert_is_sensor(read_text(tmp_path, table_text(columns), [layout]))
    wrong = mapped_layout(
        time_column="t", time_unit="s", acc=replace(acc, unit="mps2"), gyr=None, rate_hz=None
    )
    with pytest.raises(FormatError, match="says g, but mps2 was declared; declare g"):
        read_text(tmp_path, table_text(columns), [wrong])


def test_empty_cells_become_nan_samples(tmp_path: Path) -> None:
    columns = sensor_columns()
    columns["ay"] = columns["ay"].copy()
    columns["ay"][5] = np.nan
    sensor = read_text(tmp_path, table_text(columns), mapped()).recording.sensors["foot_left"]
    assert np.flatnonzero(np.isnan(sensor.acc_mps2).any(axis=1)).tolist() == [5]


def test_a_missing_axis_is_nan(tmp_path: Path) -> None:
    layout = mapped_layout(
        time_column="t", time_unit="s", acc=Axes(three_columns("ax,-,az"), "mps2"), gyr=None, rate_hz=None
    )
    sensor = read_text(tmp_path, table_text(sensor_columns()), [layout]).recording.sensors["foot_left"]
    assert np.isnan(sensor.acc_mps2[:, 1]).all()
    assert sensor.gyr_radps is None


# --- separate files and clocks ---


def test_accelerometer_and_gyroscope_files_are_joined(tmp_path: Path) -> None:
    columns = sensor_columns()
    acc = tmp_path / "Accelerometer.csv"
    gyr = tmp_path / "Gyroscope.csv"
    units = {"a": "Acceleration {} (m/s^2)", "g": "Gyroscope {} (rad/s)"}
    acc.write_text(
        table_text({"Time (s)": columns["t"]} | {units["a"].format(k): columns[f"a{k}"] for k in "xyz"})
    )
    late = slice(20, None)
    gyr.write_text(
        table_text(
            {"Time (s)": columns["t"][late]} | {units["g"].format(k): columns[f"g{k}"][late] for k in "xyz"}
        )
    )
    imported = import_csv([acc, gyr], PRESETS["phyphox"], ["pelvis"], ImportFacts())
    sensor = imported.recording.sensors["pelvis"]
    assert sensor.gyr_radps is not None
    assert SENSOR.gyr_radps is not None
    assert np.isnan(sensor.gyr_radps[:20]).all()
    np.testing.assert_allclose(sensor.gyr_radps[20:], SENSOR.gyr_radps[20:], atol=1e-9)
    assert any("interpolated" in note for note in imported.notes)
    with pytest.raises(FormatError, match="no accelerometer for pelvis"):
        import_csv([gyr], PRESETS["phyphox"], ["pelvis"], ImportFacts())
    with pytest.raises(FormatError, match="both hold the acc signal of pelvis"):
        import_csv([acc, acc], PRESETS["phyphox"], ["pelvis"], ImportFacts())


def test_two_sensors_keep_their_offset_on_a_shared_clock_only(tmp_path: Path) -> None:
    left, right = tmp_path / "left.csv", tmp_path / "right.csv"
    for path, offset in ((left, 1000.0), (right, 1000.5)):
        columns = sensor_columns()
        columns["t"] = columns["t"] + offset
        path.write_text(table_text(columns))
    places = ["foot_left", "foot_right"]
    shared = import_csv([left, right], mapped(), places, ImportFacts()).recording.sensors
    assert shared["foot_right"].t_s[0] == pytest.approx(0.5)
    own = import_csv([left, right], mapped(), places, ImportFacts(same_clock=False)).recording.sensors
    assert own["foot_right"].t_s[0] == 0.0
    right.write_text(table_text(sensor_columns()))
    with pytest.raises(FormatError, match=r"clocks do not overlap .* --own-clocks"):
        import_csv([left, right], mapped(), places, ImportFacts())


@given(st.lists(st.integers(1, 12), min_size=3, max_size=30), st.integers(0, 5))
def test_batches_are_spread_in_order_within_their_room(counts: list[int], gap: int) -> None:
    stamps_s = np.cumsum(
        [0.0, *(count * 0.01 + (0.5 if i == gap else 0.0) for i, count in enumerate(counts))]
    )[:-1]
    t_s = np.repeat(stamps_s, counts)
    spread_s, did = spread_batches(t_s)
    assert np.all(np.diff(spread_s) >= 0.0)
    if did:
        assert np.all(np.diff(spread_s) > 0.0)
        first = np.unique(t_s, return_index=True)[1]
        np.testing.assert_array_equal(spread_s[first], stamps_s)


def test_counters_that_wrap_go_on_rising() -> None:
    ticks = np.array([2**32 - 20000.0, 2**32 - 3333.0, 13333.0, 30000.0])
    np.testing.assert_array_equal(np.diff(unwrap_counter(ticks, 2.0**32)), [16667.0, 16666.0, 16667.0])


def test_interpolation_leaves_gaps_and_ends_unknown() -> None:
    t_s = np.array([0.0, 1.0, 2.0, 3.0, 20.0])
    at_s = np.array([-0.1, 0.5, 3.0, 10.0, 20.0, 20.1])
    result = interpolate(at_s, t_s, t_s[:, None])
    np.testing.assert_array_equal(np.isnan(result[:, 0]), [True, False, False, True, False, True])


# --- presets ---


def test_the_gaitmap_preset_reads_both_feet(real_data: Path) -> None:
    path = real_data / "foreign" / "gaitmap_walk" / "imu_sample.csv"
    recording = import_csv([path], PRESETS["gaitmap"], (), ImportFacts()).recording
    assert list(recording.sensors) == ["foot_left", "foot_right"]
    raw = np.genfromtxt(path, delimiter=",", skip_header=2)
    for side, sensor in enumerate(recording.sensors.values()):
        assert sensor.spec.rate_hz == pytest.approx(204.8, abs=0.01)
        np.testing.assert_array_equal(sensor.acc_mps2, raw[:, [1 + side, 3 + side, 5 + side]])
        np.testing.assert_allclose(
            sensor.gyr_radps, np.radians(raw[:, [7 + side, 9 + side, 11 + side]]), rtol=1e-14
        )


def test_the_xio_preset_keeps_every_row(real_data: Path) -> None:
    path = real_data / "foreign" / "xio_walk" / "short_walk.csv"
    recording = import_csv([path], PRESETS["xio"], ["foot_left"], ImportFacts()).recording
    sensor = recording.sensors["foot_left"]
    raw = np.genfromtxt(path, delimiter=",", skip_header=1)
    np.testing.assert_allclose(sensor.t_s, raw[:, 0], atol=1e-12)
    np.testing.assert_allclose(sensor.acc_mps2, raw[:, 4:] * G, rtol=1e-14)
    assert sensor.spec.rate_hz == pytest.approx(400.0, rel=0.01)


DOT_HEAD = (
    "sep=,\nDeviceTag:,foot\nFirmwareVersion:,3.0.0\nAppVersion:,2023.6.0\nSyncStatus:,Synced\nOutputRate:,60Hz\n"
    "FilterProfile:,General\nMeasurement Mode:,Custom Mode 5\nStartTime: ,2025-07-11_20:06:00_086 WEST\n© Movella\n\n"
)


def dot_columns(stamps: bool) -> dict[str, np.ndarray]:
    columns = sensor_columns(1.0, 180 / np.pi)
    ticks = np.mod(2.0**32 - 1e6 + np.round(SENSOR.t_s * 1e6), 2.0**32)
    named = {"PacketCounter": np.arange(600.0), "SampleTimeFine": ticks if stamps else np.full(600, np.nan)}
    named |= {f"Acc_{axis.upper()}": columns[f"a{axis}"] for axis in "xyz"}
    return named | {f"Gyr_{axis.upper()}": columns[f"g{axis}"] for axis in "xyz"}


def test_the_xsens_dot_preset_passes_the_lines_before_the_header_and_a_counter_wrap(tmp_path: Path) -> None:
    text = table_text(dot_columns(stamps=True), head=DOT_HEAD)
    body = "\n".join(line + "," if line[:1].isdigit() else line for line in text.splitlines())
    assert_is_sensor(read_text(tmp_path, body, PRESETS["xsens-dot"]))


def test_free_acceleration_is_refused_with_the_remedy(tmp_path: Path) -> None:
    text = DOT_HEAD + "PacketCounter,SampleTimeFine,FreeAcc_X,FreeAcc_Y,FreeAcc_Z\n1,100,0.1,0.2,0.3\n"
    with pytest.raises(FormatError, match="acceleration without gravity: export the raw accelerometer"):
        read_text(tmp_path, text, PRESETS["xsens-dot"])


def test_the_movesense_preset_tells_files_apart_by_name_and_spreads_batches(tmp_path: Path) -> None:
    columns = sensor_columns(1.0, 180 / np.pi, 1000.0)
    stamps = np.repeat(columns["t"][::4], 4)
    files = []
    for letter, name in (("a", "174430000051_LinearAcc.csv"), ("g", "174430000051_Gyro.csv")):
        text = table_text({"timestamp": stamps} | {axis: columns[f"{letter}{axis}"] for axis in "xyz"})
        (tmp_path / name).write_text(text)
        files.append(tmp_path / name)
    imported = import_csv(files, PRESETS["movesense"], ["foot_left"], ImportFacts())
    assert_is_sensor(imported, atol=1e-6)
    assert any("spread evenly" in note for note in imported.notes)


# --- refusals ---


def test_wrong_units_are_refused_with_the_remedy(tmp_path: Path) -> None:
    in_g = table_text(sensor_columns(acc_factor=1 / G))
    with pytest.raises(
        SignalError, match=r"in mps2 averages 1\.16 m/s\^2.*fits --acc-unit g \(or gravity was removed"
    ):
        read_text(tmp_path, in_g, mapped())
    with pytest.raises(SignalError, match=r"specific force in g averages .* it fits --acc-unit mps2$"):
        read_text(tmp_path, table_text(sensor_columns()), mapped("g"))
    with pytest.raises(
        SignalError,
        match=r"angular rate in radps reaches .* beyond any wearable gyroscope; it fits --gyr-unit dps",
    ):
        read_text(tmp_path, table_text(sensor_columns(gyr_factor=180 / np.pi)), mapped())
    with pytest.raises(
        SignalError, match=r"angular rate in dps reaches .* too slow .* it fits --gyr-unit radps"
    ):
        read_text(tmp_path, table_text(sensor_columns()), mapped("mps2", "dps"))
    with pytest.raises(FormatError, match="does not say its unit; declare it"):
        read_text(tmp_path, in_g, mapped(None))
    with pytest.raises(FormatError, match="must be one of mps2, g, mg, got 'ft'"):
        read_text(tmp_path, in_g, mapped("ft"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("t,ax,ay\n1,2,3\n", "lacks column 'az', 'gx', 'gy', 'gz'; the widest line has: t, ax, ay"),
        ("t,ax,ay,az,gx,gy,Gz \n", "column names but no rows"),
        (
            "t,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n1,1,two,3,4,5,6\n",
            "line 3: 'two' in column 'ay' is no number",
        ),
        ("t,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n1,1,2,3,4,5,6,7,8,9\n", "is not a regular table"),
        ("t,ax,ay,az,gx,gy,gz\n0,1,2,3,4,5,6\n,1,2,3,4,5,6\n", "'t' is empty in data row 2"),
        ("t,ax,ay,az,gx,gy,gz\n0,9.8,0,0,4,5,6\n", "rate cannot be found from 1 row"),
        ("t,ax,ay,az,gx,gy,gz\n0,0,9,8,0,0,0,0,0,0,0,0\n", "are decimal commas mixed with delimiting commas"),
        ("PK\x03\x04\0\0", "is packed"),
        ("a,b\n1\0,2\n", "is no text file"),
    ],
)
def test_wrong_files_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        read_text(tmp_path, text, mapped())
    assert "\n" not in str(caught.value)


def test_a_near_miss_is_suggested(tmp_path: Path) -> None:
    layout = replace(mapped()[0], time_column="tme")
    columns = {"time": sensor_columns()["t"]} | sensor_columns()
    with pytest.raises(FormatError, match="did you mean 'time'"):
        read_text(tmp_path, table_text(columns), [layout])


def test_time_that_goes_back_is_refused(tmp_path: Path) -> None:
    columns = sensor_columns()
    columns["t"] = columns["t"][::-1]
    with pytest.raises(SignalError, match="time goes back"):
        read_text(tmp_path, table_text(columns), mapped())


def test_caps_on_size_rows_and_time_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = table_text(sensor_columns())
    with monkeypatch.context() as patch:
        patch.setattr("tallrun.sessions.csv_import.MAX_FILE_BYTES", 100)
        with pytest.raises(FormatError, match="at most 100 are accepted"):
            read_text(tmp_path, text, mapped())
    # the reader itself, since a child process may not know what this one changed
    reader = partial(csv_import._read_files, tmp_path / "file.csv", (), mapped(), ("foot_left",), None)
    with monkeypatch.context() as patch:
        patch.setattr("tallrun.sessions.csv_import.MAX_ROWS", 100)
        with pytest.raises(FormatError, match="more than 100 rows"):
            reader()
    with monkeypatch.context() as patch:
        patch.setattr("tallrun.sessions.csv_import.MAX_SECONDS", -1.0)
        with pytest.raises(FormatError, match="took more than"):
            reader()


def test_files_need_placements(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(table_text(sensor_columns()))
    with pytest.raises(FormatError, match="where was the sensor worn"):
        import_csv([path], mapped(), (), ImportFacts())
    with pytest.raises(FormatError, match="placement must be one of foot_left"):
        import_csv([path], mapped(), ["wrist"], ImportFacts())
    with pytest.raises(FormatError, match="1 files need one --placement each"):
        import_csv([path], mapped(), ["pelvis", "trunk"], ImportFacts())
    with pytest.raises(FormatError, match="cannot be read"):
        import_csv([tmp_path / "none.csv"], mapped(), ["pelvis"], ImportFacts())


@given(st.binary(max_size=300))
def test_any_bytes_give_a_recording_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for start in (b"", b"t,ax,ay,az,gx,gy,gz\n0,9.8,0,0,0,0,0\n"):
        try:
            read_text(folder, start + data, mapped())
        except (FormatError, SignalError) as error:
            message = str(error)
        else:
            message = "read"
        assert message
