"""The session folder: what is written comes back, what cannot be right is refused with one clear line."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.session_files import assert_same_recording, small_recording, small_session, swinging_sensor
from tallrun.errors import SessionError, SignalError, TallrunError
from tallrun.numerics.recording import Marker, Recording, SensorRecording
from tallrun.sessions import read_session, read_truth, write_session
from tallrun.sessions._tables import arrow_column, column_of, constant_column, rows_table


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_session(tmp_path_factory.mktemp("pristine") / "run")


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return small_session(tmp_path / "run", "foot_left")


def edit_json(session: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = session / "session.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_signal(session: Path, change: Callable[[pa.Table], pa.Table], name: str = "foot_left") -> None:
    path = session / "signals" / f"{name}.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def set_column(name: str, values: Any) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, pa.chunked_array([values]))


def with_sensor(**changes: Any) -> Recording:
    sensor = swinging_sensor("foot_left")
    return Recording(sensors={"foot_left": replace(sensor, **changes)})


# --- what comes back ---


def test_a_session_comes_back_as_written(pristine: Path) -> None:
    assert_same_recording(read_session(pristine), small_recording())


def test_unknown_keys_and_columns_survive_reading_and_writing(session: Path, tmp_path: Path) -> None:
    def add_unknown(content: dict[str, Any]) -> None:
        content["from_the_future"] = {"a": [1, 2.5, None, "ü"]}
        content["sensors"]["foot_left"]["firmware"] = "9.1"
        content["runner"]["shoe"] = "blue"

    edit_json(session, add_unknown)
    edit_signal(session, lambda table: table.append_column("mag_x", pa.array(np.arange(600, dtype=np.int16))))
    write_session(tmp_path / "copy", read_session(session))
    before = json.loads((session / "session.json").read_text())
    assert json.loads((tmp_path / "copy" / "session.json").read_text()) == before
    column = pq.read_table(tmp_path / "copy" / "signals" / "foot_left.parquet").column("mag_x")
    assert column.type == pa.int16()
    assert column.to_pylist() == list(range(600))


def test_only_format_version_and_sensors_are_required(session: Path) -> None:
    path = session / "session.json"
    path.write_text('{"format": "tallrun-session", "version": 1, "sensors": {"foot_left": {"rate_hz": 200}}}')
    recording = read_session(session)
    assert recording.info == {}
    assert recording.sensors["foot_left"].spec.acc_range_g is None


def test_truth_comes_back_and_holds_no_nan(tmp_path: Path) -> None:
    truth = {"seed": np.int64(3), "strides": [{"foot": "left", "initial_contact_s": np.float64("nan")}]}
    write_session(tmp_path / "run", small_recording("pelvis"), truth)
    assert read_truth(tmp_path / "run") == {
        "seed": 3,
        "strides": [{"foot": "left", "initial_contact_s": None}],
    }


def test_a_session_without_truth_has_none(pristine: Path) -> None:
    assert read_truth(pristine) is None


def test_files_are_readable_by_their_owner_only(pristine: Path) -> None:
    for path in (pristine, *pristine.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_every_public_recording_reads_and_survives_a_round_trip(real_data: Path, tmp_path: Path) -> None:
    folders = sorted(path.parent for path in real_data.glob("*/session.json"))
    assert len(folders) >= 9
    for folder in folders:
        recording = read_session(folder)
        write_session(tmp_path / folder.name, recording)
        assert_same_recording(read_session(tmp_path / folder.name), recording)


@given(
    columns=st.lists(
        st.tuples(*[st.floats(-300.0, 300.0, width=32) | st.just(float("nan"))] * 6), min_size=0, max_size=9
    ),
    keys=st.dictionaries(
        st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text(), max_size=4
    ),
    texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=3),
)
def test_any_samples_keys_and_texts_come_back(
    tmp_path_factory: pytest.TempPathFactory, columns: list[Any], keys: dict[str, Any], texts: list[str]
) -> None:
    values = np.array(columns, np.float64).reshape(-1, 6)
    template = swinging_sensor("pelvis")
    sensor = SensorRecording(template.spec, np.arange(len(values)) / 200.0, values[:, :3], values[:, 3:])
    reserved = ("format", "version", "sensors", "runner", "context")
    recording = Recording(
        sensors={"pelvis": sensor},
        markers=tuple(Marker(0.0, "note", text) for text in texts),
        info={key: value for key, value in keys.items() if key not in reserved},
    )
    folder = tmp_path_factory.mktemp("any") / "run"
    write_session(folder, recording)
    assert_same_recording(read_session(folder), recording)


# --- impaired data is carried ---


def test_nan_samples_equal_stamps_and_gaps_are_carried(tmp_path: Path) -> None:
    sensor = swinging_sensor("foot_left")
    acc, t_s = sensor.acc_mps2.copy(), sensor.t_s.copy()
    acc[100:130] = np.nan
    t_s[200] = t_s[199]
    t_s[300:] += 1.0
    recording = with_sensor(acc_mps2=acc, t_s=t_s)
    write_session(tmp_path / "run", recording)
    assert_same_recording(read_session(tmp_path / "run"), recording)


@pytest.mark.parametrize("n", [0, 1, 2, 9, 60])
def test_empty_and_very_short_sensors_are_carried(tmp_path: Path, n: int) -> None:
    sensor = swinging_sensor("foot_left")
    recording = with_sensor(t_s=sensor.t_s[:n], acc_mps2=sensor.acc_mps2[:n], gyr_radps=sensor.gyr_radps[:n])  # type: ignore[index]
    write_session(tmp_path / "run", recording)
    assert_same_recording(read_session(tmp_path / "run"), recording)


def test_heavy_loss_is_no_wrong_rate(tmp_path: Path, rng: np.random.Generator) -> None:
    keep = np.sort(rng.choice(600, 240, replace=False))
    sensor = swinging_sensor("foot_left")
    assert sensor.gyr_radps is not None
    kept = with_sensor(t_s=sensor.t_s[keep], acc_mps2=sensor.acc_mps2[keep], gyr_radps=sensor.gyr_radps[keep])
    packets = np.repeat(np.arange(60) % 3 == 0, 10)
    lost = with_sensor(
        t_s=sensor.t_s[packets], acc_mps2=sensor.acc_mps2[packets], gyr_radps=sensor.gyr_radps[packets]
    )
    write_session(tmp_path / "packets", lost)
    assert read_session(tmp_path / "packets").sensors["foot_left"].t_s.size == 200
    with pytest.raises(SignalError, match="rate_hz 200 is declared"):
        write_session(tmp_path / "wrong", replace_rate(kept, 200.0, stretch=2.0))


def replace_rate(recording: Recording, rate_hz: float, stretch: float) -> Recording:
    sensor = recording.sensors["foot_left"]
    spec = replace(sensor.spec, rate_hz=rate_hz)
    return Recording(sensors={"foot_left": replace(sensor, spec=spec, t_s=sensor.t_s * stretch)})


def test_a_file_without_gyroscope_reads_as_accelerometer_only(session: Path) -> None:
    edit_signal(session, lambda table: table.drop_columns(["gyr_x", "gyr_y", "gyr_z"]))
    sensor = read_session(session).sensors["foot_left"]
    assert sensor.gyr_radps is None
    assert not sensor.spec.has_gyroscope


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_nulls_of_any_row_group_are_nan(session: Path, kind: pa.DataType) -> None:
    path = session / "signals" / "foot_left.parquet"
    before = read_session(session).sensors["foot_left"].acc_mps2
    missing = np.isin(np.arange(600), (0, 8, 250, 251, 599))
    values = pa.array(before[:, 1].astype(kind.to_pandas_dtype()), kind, mask=missing)
    table = set_column("acc_y", values)(pq.read_table(path))
    pq.write_table(table, path, row_group_size=251)
    after = read_session(session).sensors["foot_left"].acc_mps2
    np.testing.assert_array_equal(np.isnan(after[:, 1]), missing)
    exact = 2e-3 if kind == pa.float16() else 0.0
    np.testing.assert_allclose(after[~missing, 1], before[~missing, 1], rtol=exact)
    np.testing.assert_array_equal(after[:, [0, 2]], before[:, [0, 2]])


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.5, np.nan, -0.0, np.inf]),
        np.array([np.nan]),
        np.arange(17.0)[::2],
        np.array([3, -4, 2**40]),
        np.array([True, False, True]),
        np.array(["", None, "ä;b", "c" * 300], dtype=object),
        np.zeros(0),
        np.zeros(0, dtype=object),
    ],
)
def test_columns_become_what_arrow_makes_of_them(values: np.ndarray) -> None:
    found = arrow_column(values)
    found.validate(full=True)
    kind = pa.large_string() if values.dtype == object else None
    assert found.equals(pa.array(values, kind, from_pandas=True))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.string(), ["", None, "ä;b", "c" * 300]),
        (pa.string(), []),
        (pa.float64(), [1.5, None, -0.0, 3]),
        (pa.int64(), [2**40, None, -1]),
        (pa.bool_(), [True, None, False] * 4),
        (pa.bool_(), []),
    ],
)
def test_plain_values_become_what_arrow_makes_of_them(kind: pa.DataType, values: list[Any]) -> None:
    found = column_of(values, kind)
    found.validate(full=True)
    assert found.equals(pa.array(values, kind))
    for value in values[:3]:
        if kind == pa.string():
            assert constant_column(value, 11).equals(pa.array([value] * 11, kind))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.string(), 1),
        (pa.float64(), "1.5"),
        (pa.float64(), float("nan")),
        (pa.float64(), [1.0]),
        (pa.int64(), 1.5),
        (pa.int64(), 2**70),
        (pa.bool_(), 2),
    ],
)
def test_a_value_of_another_kind_is_refused(kind: pa.DataType, value: Any) -> None:
    with pytest.raises(pa.ArrowInvalid, match="holds something else"):
        column_of([None, value], kind)


def test_rows_become_columns_of_the_schema() -> None:
    schema = pa.schema([("a", pa.float64()), ("b", pa.string())])
    rows = [{"a": 1.0, "c": 3}, {"b": "x"}]
    assert rows_table(rows, schema).equals(pa.table({"a": [1.0, None], "b": [None, "x"]}, schema))
    assert rows_table([], schema).equals(schema.empty_table())


def test_an_axis_of_nulls_is_a_missing_axis(session: Path) -> None:
    edit_signal(session, set_column("acc_y", pa.nulls(600)))
    assert np.isnan(read_session(session).sensors["foot_left"].acc_mps2[:, 1]).all()


# --- what is refused, and the words ---


def refused(session: Path, words: str, kind: type[TallrunError] = SessionError) -> None:
    with pytest.raises(kind, match=words) as caught:
        read_session(session)
    assert "\n" not in str(caught.value)


def test_missing_folder_and_missing_files_are_named(session: Path, tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "nowhere is not a folder")
    (session / "signals" / "foot_left.parquet").unlink()
    refused(session, r"foot_left\.parquet is missing")
    (session / "session.json").unlink()
    refused(session, r"session\.json is missing")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[1]", "must hold a JSON object, found list"),
        ('{"format": NaN}', "NaN is not allowed"),
        ("[" * 100_000, "not valid JSON"),
        ('{"format": "fit"}', "format must be 'tallrun-session', found 'fit'"),
        (
            '{"format": "tallrun-session", "version": 2}',
            "version must be 1, found 2; it needs a newer tallrun",
        ),
        ('{"format": "tallrun-session", "version": "1"}', "version must be 1, found '1'"),
        ('{"format": "tallrun-session", "version": true}', "version must be 1, found True"),
        ('{"format": "tallrun-session", "version": 1}', "key sensors is missing"),
        (
            '{"format": "tallrun-session", "version": 1, "sensors": {"wrist": {"rate_hz": 1}}}',
            "'wrist' is no known",
        ),
        (
            '{"format": "tallrun-session", "version": 1, "sensors": {"../x": {"rate_hz": 1}}}',
            "is no known placement",
        ),
        ('{"format": "tallrun-session", "version": 1, "sensors": {"pelvis": {}}}', "'pelvis' lacks rate_hz"),
        (
            '{"format": "tallrun-session", "version": 1, "sensors": {"pelvis": {"rate_hz": -3}}}',
            "positive number",
        ),
        (
            '{"format": "tallrun-session", "version": 1, "sensors": {"pelvis": {"rate_hz": "200"}}}',
            "positive number",
        ),
        (
            '{"format": "tallrun-session", "version": 1, "sensors": {}, "runner": {"mass_kg": 0}}',
            "mass_kg must be",
        ),
        (
            '{"format": "tallrun-session", "version": 1, "sensors": {}, "runner": {"leg_length_m": 93}}',
            "leg_length_m must be at most 2",
        ),
        (
            f'{{"format": "tallrun-session", "version": 1, "sensors": {{}}, "runner": {{"mass_kg": 1{"0" * 400}}}}}',
            "mass_kg must be a positive number",
        ),
        (
            '{"format": "tallrun-session", "version": 1, "sensors": {}, "runner": [1]}',
            "runner must be an object",
        ),
    ],
)
def test_wrong_session_json_is_refused(session: Path, text: str, words: str) -> None:
    (session / "session.json").write_text(text)
    refused(session, words)


def test_session_json_that_is_not_text_is_refused(session: Path) -> None:
    (session / "session.json").write_bytes(b'{"format": "\xff"}')
    refused(session, "not UTF-8 text")


def test_a_signal_nobody_declared_is_refused(session: Path) -> None:
    edit_json(session, lambda content: content["sensors"].clear())
    refused(session, "does not list sensor foot_left")


def test_missing_columns_are_named_with_those_found(session: Path) -> None:
    edit_signal(session, lambda table: table.drop_columns(["acc_y"]))
    refused(session, "lacks column acc_y; it has t_s, acc_x")
    edit_signal(
        session, lambda table: table.append_column("acc_y", table.column("acc_x")).drop_columns(["gyr_z"])
    )
    refused(session, "lacks column gyr_z; give all three gyroscope columns")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            set_column("t_s", pa.array(np.arange(600) / 200.0, pa.float32())),
            "t_s must be float64 seconds, found float",
        ),
        (set_column("t_s", pa.array(np.arange(600))), "t_s must be float64 seconds, found int64"),
        (
            set_column("acc_x", pa.array(["1"] * 600)),
            "acc_x must be floating point in SI units, found string",
        ),
        (
            set_column("acc_x", pa.array([4096] * 600)),
            "acc_x must be floating point in SI units, found int64",
        ),
        (
            set_column("t_s", pa.array([*np.arange(599) / 200.0, np.nan])),
            "t_s must be finite, found nan in row 599",
        ),
        (
            set_column("t_s", pa.array([None, *np.arange(599) / 200.0])),
            "t_s must be finite, found nan in row 0",
        ),
        (
            set_column("t_s", pa.array(np.arange(600)[::-1] / 200.0)),
            r"time goes back from 2.995000 s to 2.990000 s",
        ),
        (
            set_column("t_s", pa.array(1.7e9 + np.arange(600) / 200.0)),
            "expected seconds since started_at, not a date",
        ),
        (set_column("t_s", pa.array(np.zeros(600))), "all 600 rows carry the same t_s"),
        (
            set_column("t_s", pa.array(np.arange(600) / 100.0)),
            "rate_hz 200 is declared, but the stamps advance like 100",
        ),
        (
            set_column("t_s", pa.array(np.arange(600) * 5.0)),
            "advance like 0.2 Hz; correct rate_hz or the unit of time",
        ),
    ],
)
def test_wrong_signals_are_refused(session: Path, change: Callable[[pa.Table], pa.Table], words: str) -> None:
    edit_signal(session, change)
    refused(session, words, SignalError)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1.0 / 9.80665, "values look like g: multiply by 9.80665"),
        (9.80665, "values look like m/s.2 declared as g"),
        (1000.0 / 9.80665, "look like mg or raw counts"),
    ],
)
@pytest.mark.parametrize("gyroscope", [True, False])
def test_specific_force_in_a_wrong_unit_is_refused(
    tmp_path: Path, factor: float, words: str, gyroscope: bool
) -> None:
    sensor = swinging_sensor("foot_left", gyroscope=gyroscope)
    recording = Recording(sensors={"foot_left": replace(sensor, acc_mps2=sensor.acc_mps2 * factor)})
    with pytest.raises(SignalError, match=words):
        write_session(tmp_path / "run", recording)


def test_a_few_wild_samples_do_not_hide_a_wrong_unit_nor_feign_one(tmp_path: Path) -> None:
    sensor = swinging_sensor("foot_left")
    assert sensor.gyr_radps is not None
    acc, gyr = sensor.acc_mps2.copy(), sensor.gyr_radps.copy()
    acc[50], gyr[50] = 600.0, 70.0
    write_session(tmp_path / "wild", with_sensor(acc_mps2=acc, gyr_radps=gyr))
    with pytest.raises(SignalError, match="look like g"):
        write_session(tmp_path / "g", with_sensor(acc_mps2=acc / 9.80665))


def test_gravity_removed_is_named(tmp_path: Path, rng: np.random.Generator) -> None:
    with pytest.raises(SignalError, match=r"gravity seems to be removed"):
        write_session(tmp_path / "run", with_sensor(acc_mps2=rng.normal(0.0, 0.05, (600, 3))))


def test_degrees_per_second_are_refused(tmp_path: Path) -> None:
    gyr = swinging_sensor("foot_left").gyr_radps
    assert gyr is not None
    with pytest.raises(SignalError, match="values look like deg/s: multiply by pi/180"):
        write_session(tmp_path / "run", with_sensor(gyr_radps=np.degrees(gyr)))
    assert not (tmp_path / "run").exists()


def test_public_recordings_in_wrong_units_are_refused(real_data: Path, tmp_path: Path) -> None:
    for folder in sorted(path.parent for path in real_data.glob("*/session.json")):
        recording = read_session(folder)
        ((placement, sensor),) = recording.sensors.items()
        in_g = replace(recording, sensors={placement: replace(sensor, acc_mps2=sensor.acc_mps2 / 9.80665)})
        with pytest.raises(SignalError, match="look like g"):
            write_session(tmp_path / "x", in_g)
        if sensor.gyr_radps is not None:
            in_deg = replace(sensor, gyr_radps=np.degrees(sensor.gyr_radps))
            with pytest.raises(SignalError, match="look like deg/s"):
                write_session(tmp_path / "x", replace(recording, sensors={placement: in_deg}))


def test_wrong_treadmill_heart_rate_and_markers_are_refused(pristine: Path, tmp_path: Path) -> None:
    session = tmp_path / "run"
    shutil.copytree(pristine, session)
    edit_signal(session, set_column("speed_mps", pa.array([2.5, 36.0])), "treadmill")
    refused(session, "speed_mps is 36 in row 1, expected -0.1 to 15 m/s", SignalError)
    (session / "signals" / "treadmill.parquet").unlink()
    edit_signal(session, set_column("bpm", pa.array(["a", "b", "c"])), "heart_rate")
    refused(session, "bpm must be a number, found string", SignalError)
    (session / "signals" / "heart_rate.parquet").unlink()
    pq.write_table(pa.table({"t_s": [0.1], "kind": ["party"], "text": [""]}), session / "markers.parquet")
    refused(session, "marker kind must be one of lap, pain")


def test_a_table_that_would_fill_the_memory_is_refused(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallrun.sessions._tables.MAX_TABLE_BYTES", 1000)
    refused(session, "at most 1000 are accepted")


def test_absurd_row_counts_are_refused_before_they_are_loaded(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallrun.sessions._tables.MAX_ROWS", 599)
    refused(session, "declares 600 rows; at most 599")


# --- whole or nothing ---


def test_an_existing_session_is_not_overwritten(session: Path) -> None:
    before = {path: path.read_bytes() for path in session.rglob("*") if path.is_file()}
    with pytest.raises(SessionError, match="exists already; nothing is ever overwritten"):
        write_session(session, small_recording())
    assert {path: path.read_bytes() for path in session.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("value", [object(), "\ud800", {1: {2}}])
def test_what_json_cannot_hold_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(SessionError, match=r"session\.json cannot hold"):
        write_session(tmp_path / "run", Recording(sensors={}, info={"note": value}))
    assert list(tmp_path.iterdir()) == []


def test_half_a_character_in_a_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="lone surrogate"):
        write_session(tmp_path / "run", Recording(sensors={}, markers=(Marker(0.0, "note", "\udc00"),)))


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    small_session(tmp_path / "run", "pelvis")
    assert list(read_session(tmp_path / "run").sensors) == ["pelvis"]


@pytest.mark.parametrize("nth", range(1, 7))
def test_a_disk_that_refuses_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    import tallrun.sessions._files as files

    calls = iter(range(1, 100))
    honest = files.sync_file

    def full_disk(path: Path) -> None:
        if next(calls) == nth:
            raise OSError(28, "No space left on device")
        honest(path)

    monkeypatch.setattr(files, "sync_file", full_disk)
    with pytest.raises(SessionError, match="No space left on device"):
        write_session(tmp_path / "run", small_recording(), truth={"seed": 1})
    assert list(tmp_path.iterdir()) == []


def test_any_file_cut_at_any_byte_is_refused_or_whole(
    pristine: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    whole = read_session(pristine)
    session = tmp_path / "run"
    shutil.copytree(pristine, session)
    for path in sorted(path for path in session.rglob("*") if path.is_file()):
        content = path.read_bytes()
        cuts = {0, 1, len(content) - 1, *rng.integers(0, len(content), 25).tolist()}
        for cut in sorted(cuts):
            path.write_bytes(content[:cut])
            try:
                assert_same_recording(read_session(session), whole)
            except TallrunError:
                continue
        path.write_bytes(content)


def test_flipped_bits_never_give_other_samples(
    pristine: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    whole = read_session(pristine)
    session = tmp_path / "run"
    shutil.copytree(pristine, session)
    path = session / "signals" / "pelvis.parquet"
    content = bytearray(path.read_bytes())
    body = len(content) - int.from_bytes(content[-8:-4], "little") - 8
    for place in rng.integers(4, body, 60).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            assert_same_recording(read_session(session), whole)
        except TallrunError:
            continue
