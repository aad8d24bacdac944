"""Nothing that is read disappears: it is in a table and in the exports, or named as not kept; other readers agree."""

from __future__ import annotations

import contextlib
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fitdecode
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat, savemat

from support.session_files import swinging_sensor
from support.xdf_bytes import xdf_file
from tallrun.errors import FormatError
from tallrun.numerics.recording import Recording, WatchData
from tallrun.pipeline import analyze_recording
from tallrun.sensors.events import FootPodReading
from tallrun.sensors.foot_pod import foot_pod_rows, run_facts
from tallrun.sessions import apple_import, fit_import, json_import, read_session, write_session, xml_import
from tallrun.sessions.activity import Activity, activity_recording
from tallrun.sessions.assembling import Imported, ImportFacts
from tallrun.sessions.csv_import import column_layout, import_csv
from tallrun.sessions.csv_layouts import with_units
from tallrun.sessions.fit_export import export_fit
from tallrun.sessions.fit_import import import_fit
from tallrun.sessions.matlab_import import import_matlab
from tallrun.sessions.table_export import signal_frames
from tallrun.sessions.watch_points import LAP_COLUMNS, ROW_COLUMNS
from tallrun.sessions.xdf_import import import_xdf

START = datetime(2025, 5, 1, 8, tzinfo=UTC)
N = 5
#: What a point may hold beside the columns of a row: cadence as written, and positions, of which distance is made.
BESIDE = {"cadence", "lat_deg", "lon_deg", "leg_m"}
#: A value of each column that a watch may write.
VALUES = {
    "heart_rate_bpm": 151.0, "cadence_spm": 172.0, "speed_mps": 3.25, "altitude_m": 120.0, "power_w": 240.0,
    "distance_m": 42.0, "stance_time_s": 0.25, "duty_factor": 0.35, "stance_left_pct": 50.5,
    "vertical_oscillation_m": 0.08, "step_length_m": 1.1, "foot_strike_angle_left_deg": 9.0,
    "foot_strike_angle_right_deg": 11.0, "pelvic_tilt_deg": 7.0, "overstride_index": 0.25, "n_cues": 1.0,
}  # fmt: skip


def moment(i: int) -> str:
    return (START + timedelta(seconds=i)).isoformat()


def test_every_reader_maps_to_columns_that_are_kept() -> None:
    mapped = {column for column, *_ in fit_import._FIELDS} | set(xml_import._NAMES.values())
    mapped |= {column for _, column, _ in json_import.POLAR_SERIES} | {
        c for _, c in json_import.SUUNTO_FIELDS
    }
    mapped |= {column for column, _ in apple_import.RECORDS.values()}
    assert mapped - BESIDE <= set(ROW_COLUMNS)
    laps = {column for column, _ in fit_import._LAP_FIELDS} | set(xml_import._LAP_NAMES.values())
    assert laps - BESIDE <= set(LAP_COLUMNS)


def kept(folder: Path, activity: Activity) -> pd.DataFrame:
    """Return the table of a run after it went to disk and through the export, which is the same."""
    write_session(folder, activity_recording(activity))
    return signal_frames(read_session(folder))["watch"]


# --- a file of each kind with any of the values it can hold, and one more ---


def _gpx(values: dict[str, float]) -> tuple[str, str]:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    points = "".join(
        f'<trkpt lat="1" lon="2"><time>{moment(i)}</time><extensions>{inner}<atemp>20</atemp></extensions></trkpt>'
        for i in range(N)
    )
    return f"<gpx><trk><trkseg>{points}</trkseg></trk></gpx>", "atemp"


def _tcx(values: dict[str, float]) -> tuple[str, str]:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    points = "".join(
        f"<Trackpoint><Time>{moment(i)}</Time>{inner}<SensorState>Present</SensorState></Trackpoint>"
        for i in range(N)
    )
    return (
        '<TrainingCenterDatabase><Activities><Activity Sport="Running"><Lap><Track>'
        f"{points}</Track></Lap></Activity></Activities></TrainingCenterDatabase>",
        "SensorState",
    )


def _polar(values: dict[str, float]) -> tuple[str, str]:
    samples: dict[str, Any] = {
        name: [{"dateTime": moment(i)[:19], "value": value} for i in range(N)]
        for name, value in values.items()
    }
    part = {"startTime": moment(0)[:19], "timezoneOffset": 0, "sport": "RUNNING", "duration": "PT4S"}
    return json.dumps({"exercises": [part | {"samples": samples | {"temperature": []}}]}), "temperature"


def _suunto(values: dict[str, float]) -> tuple[str, str]:
    header = {"ActivityType": 3}
    samples = [{"TimeISO8601": moment(i), "Temperature": 290.0, **values} for i in range(N)]
    return json.dumps({"DeviceLog": {"Header": header, "Samples": samples}}), "Temperature"


#: Reader (without its child process, for speed), writer, names in the file: column, the value as the file writes it.
KINDS: dict[str, tuple[Callable[[Path], Activity], Callable[..., tuple[str, str]], dict[str, tuple[str, float]]]] = {
    "gpx": (lambda path: xml_import._read_gpx(path, "auto"), _gpx, {
        "hr": ("heart_rate_bpm", 151), "cad": ("cadence_spm", 86), "speed": ("speed_mps", 3.25),
        "ele": ("altitude_m", 120), "power": ("power_w", 240),
    }),
    "tcx": (lambda path: xml_import._read_tcx(path, "auto"), _tcx, {
        "HeartRateBpm": ("heart_rate_bpm", 151), "Cadence": ("cadence_spm", 86), "Speed": ("speed_mps", 3.25),
        "AltitudeMeters": ("altitude_m", 120), "Watts": ("power_w", 240), "DistanceMeters": ("distance_m", 42),
    }),
    "polar": (lambda path: json_import._read_polar(path, "auto")[0], _polar, {
        "heartRate": ("heart_rate_bpm", 151), "cadence": ("cadence_spm", 86), "speed": ("speed_mps", 11.7),
        "altitude": ("altitude_m", 120), "power": ("power_w", 240), "distance": ("distance_m", 42),
    }),
    "suunto": (lambda path: json_import._read_suunto(path, "auto"), _suunto, {
        "HR": ("heart_rate_bpm", 151 / 60), "Cadence": ("cadence_spm", 86 / 60), "Speed": ("speed_mps", 3.25),
        "Altitude": ("altitude_m", 120), "Power": ("power_w", 240), "Distance": ("distance_m", 42),
    }),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_value_is_in_the_table_and_the_export_or_named(kind: str, tmp_path: Path) -> None:
    read, write, names = KINDS[kind]
    for number, chosen in enumerate([list(names), *([name] for name in names)]):
        text, foreign = write({name: names[name][1] for name in chosen})
        (tmp_path / "file").write_text(text)
        activity = read(tmp_path / "file")
        # All of them go to the disk and back; what one value alone becomes is seen before.
        table = kept(tmp_path / "s", activity) if not number else activity.rows
        for name in chosen:
            column = names[name][0]
            np.testing.assert_allclose(table[column], VALUES[column], err_msg=name)
        assert any(note.startswith("not kept: ") and foreign in note for note in activity.notes), (
            activity.notes
        )


def test_every_column_goes_out_to_fit_and_comes_back(tmp_path: Path) -> None:
    assert set(VALUES) | {"t_s"} == set(ROW_COLUMNS)
    folder, columns = tmp_path, set(VALUES)
    t_s = np.arange(float(N))
    rows = pd.DataFrame({name: np.full(N, np.nan) for name in ROW_COLUMNS} | {"t_s": t_s})
    for name in columns:
        rows[name] = VALUES[name]
    recording = activity_recording(Activity(START, rows, False, "test"))
    export_fit(recording, analyze_recording(recording).strides, folder / "out.fit")
    back = kept(folder / "s", fit_import._read_fit(folder / "out.fit", "auto", False))
    for name in columns:
        np.testing.assert_allclose(back[name], VALUES[name], rtol=0.02, err_msg=name)


def test_apples_records_of_running_are_kept(tmp_path: Path) -> None:
    units = {"count/min": 151, "km/hr": 11.7, "W": 240, "cm": 8, "ms": 250}
    records = ""
    for (kind, (_, known)), i in zip(apple_import.RECORDS.items(), range(9), strict=False):
        unit = next(unit for unit in units if unit in known)
        at = f"2025-05-01 08:00:0{i + 1} +0000"
        records += f'<Record type="{kind}" unit="{unit}" value="{units[unit]}" startDate="{at}"/>'
    (tmp_path / "export.xml").write_text(
        f'<HealthData>{records}<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="1" '
        'durationUnit="min" startDate="2025-05-01 08:00:00 +0000" endDate="2025-05-01 08:01:00 +0000"/></HealthData>'
    )
    ((activity,), _) = apple_import.import_apple(tmp_path / "export.xml")
    table = kept(tmp_path / "s", activity)
    for column, _ in apple_import.RECORDS.values():
        assert table[column].dropna().tolist() == pytest.approx([VALUES[column]])


def test_a_foot_pods_run_is_of_its_own_kind_without_flags(tmp_path: Path) -> None:
    readings = [FootPodReading("foot_pod", float(t), 3.0, 170.0, 2.1, 3.0 * t) for t in range(120)]
    rows = foot_pod_rows(readings)
    assert set(rows) <= set(ROW_COLUMNS)
    info = {"session_id": "s", "started_at": START.isoformat(), "activity": run_facts(rows)}
    write_session(tmp_path / "s", Recording(sensors={}, info=info, watch=WatchData(rows)))
    recording = read_session(tmp_path / "s")
    analysis = analyze_recording(recording)
    told = analysis.summary["watch"]
    assert told["distance_m"] == pytest.approx(357.0)
    assert told["measures"]["cadence_spm"]["median"] == 170.0
    assert told["measures"]["stride_length_m"]["median"] == pytest.approx(2.1)
    assert not len(analysis.strides)
    assert analysis.summary["flags"] == []
    assert set(rows) <= set(signal_frames(recording)["watch"].columns)


# --- tables of sensors ---


def _sensor_file(kind: str, folder: Path) -> tuple[Imported, str]:
    sensor = swinging_sensor("foot_left", duration_s=1.0)
    assert sensor.gyr_radps is not None
    values = np.column_stack((sensor.acc_mps2, sensor.gyr_radps))
    if kind == "mat":
        savemat(folder / "a.mat", {"imu": values, "ts": sensor.t_s, "mag": np.zeros(3)})
        return import_matlab(folder / "a.mat", "foot_left", ImportFacts()), "mag"
    if kind == "xdf":
        (folder / "a.xdf").write_bytes(xdf_file("IMU", sensor.t_s, values))
        return import_xdf(folder / "a.xdf", {"IMU": "foot_left"}, ImportFacts()), ""
    frame = pd.DataFrame(values, columns=["ax", "ay", "az", "gx", "gy", "gz"])
    frame.insert(0, "t", sensor.t_s)
    frame["mag_x"] = 1.0
    frame.to_csv(folder / "a.csv", index=False)
    layout = column_layout(["ax,ay,az"], ["gx,gy,gz"], [], "t", "s", None)
    layout = with_units(layout, "mps2", "radps", None)
    return import_csv(
        [folder / "a.csv"], [with_units(layout, "mps2", "radps", None)], ["foot_left"], ImportFacts()
    ), "mag_x"


@pytest.mark.parametrize("kind", ["csv", "mat", "xdf"])
def test_signals_are_kept_and_what_else_a_file_holds_is_named(kind: str, tmp_path: Path) -> None:
    imported, foreign = _sensor_file(kind, tmp_path)
    write_session(tmp_path / "s", imported.recording)
    frame = signal_frames(read_session(tmp_path / "s"))["foot_left"]
    sensor = swinging_sensor("foot_left", duration_s=1.0)
    assert sensor.gyr_radps is not None
    np.testing.assert_allclose(frame.iloc[:, 1:4], sensor.acc_mps2, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(frame.iloc[:, 4:7], sensor.gyr_radps, rtol=1e-5, atol=1e-5)
    assert any(note.startswith("not kept") and foreign in note for note in imported.notes) == bool(foreign)


# --- another reader agrees, for every foreign file beside the checkout ---


@pytest.fixture(scope="session")
def cases(real_data: Path) -> Path:
    folder = real_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip("the small inputs that fail are not beside the checkout")
    return folder


def agree(activity: Activity, at: list[datetime], hearts: list[float], cadences: list[float]) -> None:
    """Duration, start with its zone, heart rates and cadences; only where no point was left out for its date."""
    if not any("left out" in note for note in activity.notes):
        assert activity.started_at == min(at)
        assert activity.started_at is not None
        assert activity.started_at.utcoffset() == min(at).utcoffset()
        assert activity.rows["t_s"].iloc[-1] == pytest.approx((max(at) - min(at)).total_seconds())
    known = activity.rows["heart_rate_bpm"].dropna()
    assert set(known) <= set(hearts) or "differ" in " ".join(activity.notes)
    assert bool(len(known)) == any(20.0 <= heart <= 250.0 for heart in hearts)
    steps = activity.rows["cadence_spm"].dropna().unique()
    assert all(any(step in (cadence, 2.0 * cadence) for cadence in cadences) for step in steps)
    assert bool(len(steps)) == bool(cadences)


def number(text: str | None) -> list[float]:
    try:
        return [value] if np.isfinite(value := float(text or "")) else []
    except ValueError:
        return []


def fit_records(content: bytes) -> list[dict[str, Any]]:
    """Return the records of a FIT file as fitdecode reads them; of one that was never closed those that are whole."""
    length = len(content) - content[0]
    if int.from_bytes(content[4:8], "little") + content[0] + 2 != len(content):
        content = content[:4] + length.to_bytes(4, "little") + content[8:]
    if content[0] == 14:
        content = content[:12] + b"\0\0" + content[14:]
    found = []
    with (
        contextlib.suppress(fitdecode.FitError),
        fitdecode.FitReader(content, check_crc=fitdecode.CrcCheck.DISABLED) as reader,
    ):
        for frame in reader:
            if isinstance(frame, fitdecode.FitDataMessage) and frame.name == "record":
                found.append({item.name: item.value for item in frame.fields})
    return found


def test_fitdecode_agrees_on_every_fit(cases: Path) -> None:
    """Duration, start, distance, heart rate and cadence of each moment, where a run came of the file."""
    compared = []
    for path in sorted(cases.glob("*/*.fit")):
        try:
            activity = import_fit(path)
        except FormatError:
            continue
        raw = [row for row in fit_records(path.read_bytes()) if row.get("timestamp") is not None]
        at = [row["timestamp"] for row in raw]
        dated = isinstance(at[0], datetime)
        since_s = np.array([stamp.timestamp() if dated else float(stamp) for stamp in at])
        kept = np.abs(since_s - np.median(since_s)) < 86_400.0
        assert (kept.sum() < len(raw)) == any("left out" in note for note in activity.notes)
        since_s, raw = since_s[kept], [row for row, keep in zip(raw, kept, strict=True) if keep]
        facts = activity_recording(activity).info["activity"]
        assert facts["duration_s"] == since_s.max() - since_s.min()
        assert activity.started_at == (datetime.fromtimestamp(since_s.min(), UTC) if dated else None)
        rows = activity.rows.set_index("t_s")
        for name, field in (
            ("heart_rate_bpm", "heart_rate"),
            ("distance_m", "distance"),
            ("cadence_spm", "cadence"),
        ):
            told = pd.Series([row.get(field) for row in raw], since_s - since_s.min(), dtype=np.float64)
            told = told.groupby(level=0).max()
            if name == "cadence_spm":
                # Strides where no value is higher than a runner's legs can make them, else steps.
                told = told * (1.0 if told.max() > 125.0 else 2.0)
                assert facts["cadence_spm"] == (told.median() if told.notna().any() else None)
            np.testing.assert_allclose(rows[name], told.reindex(rows.index))
        compared.append(path.name)
    assert len(compared) >= 8, compared


def test_gpxpy_agrees_on_every_gpx(cases: Path) -> None:
    import gpxpy

    compared = 0
    for path in sorted(cases.glob("*/*.gpx")):
        try:
            activity, other = xml_import.import_gpx(path), gpxpy.parse(path.read_text())
        except (FormatError, gpxpy.gpx.GPXException):
            continue
        # Latitudes 100 and 200 are MyTracks' words for a pause and no points: the way ends there and begins again.
        pieces: list[list[Any]] = []
        for part in (part for track in other.tracks for part in track.segments):
            pieces.append([])
            for point in part.points:
                if abs(point.latitude) > 90.0:
                    pieces.append([])
                elif point.time is not None:
                    pieces[-1].append(point)
        points = [point for piece in pieces for point in piece]
        leaves = [leaf for point in points for top in point.extensions for leaf in top.iter()]
        hearts, cadences = (
            [value for leaf in leaves if leaf.tag.rpartition("}")[2] in names for value in number(leaf.text)]
            for names in (("hr", "bpm"), ("cad", "cadence"))
        )
        agree(activity, [point.time for point in points], hearts, cadences)
        if len(points) == len(activity.rows):
            metres = sum(gpxpy.geo.length_2d(sorted(piece, key=lambda point: point.time)) for piece in pieces)
            facts = activity_recording(activity).info["activity"]
            assert facts["distance_m"] == pytest.approx(metres, rel=2e-3)
        compared += 1
    assert compared >= 3


def test_the_standard_librarys_xml_agrees_on_every_tcx(cases: Path) -> None:
    compared = 0
    for path in sorted(cases.glob("*/*.tcx")):
        try:
            activity = xml_import.import_tcx(path)
        except FormatError:
            continue
        points = list(ET.parse(path).getroot().iter())
        track = [node for node in points if node.tag.endswith("}Trackpoint")]
        if not track:
            continue

        def texts(name: str, inside: list[ET.Element] = track) -> list[str | None]:
            return [
                leaf.text for node in inside for leaf in node.iter() if leaf.tag.rpartition("}")[2] == name
            ]

        at = [datetime.fromisoformat(text) for text in texts("Time") if text]
        hearts = [value for text in texts("Value") for value in number(text)]
        cadences = [value for text in texts("Cadence") for value in number(text)]
        agree(activity, at, hearts, cadences)
        metres = [value for text in texts("DistanceMeters") for value in number(text)]
        if metres and min(metres) >= 0.0:
            assert activity_recording(activity).info["activity"]["distance_m"] == pytest.approx(
                max(metres), abs=3.5
            )
        compared += 1
    assert compared >= 3


def test_pyxdf_and_scipy_agree_on_every_file_they_read(cases: Path) -> None:
    import pyxdf

    compared = 0
    for path in sorted(cases.glob("*/*.xdf")):
        try:
            imported = import_xdf(path, {"LeftIMU": "foot_left"}, ImportFacts(), acc_unit="mps2")
        except FormatError:
            continue
        streams, _ = pyxdf.load_xdf(str(path), dejitter_timestamps=False)
        raw = next(stream for stream in streams if stream["info"]["name"][0] == "LeftIMU")
        sensor = imported.recording.sensors["foot_left"]
        stamps = np.asarray(raw["time_stamps"])
        np.testing.assert_allclose(sensor.t_s - sensor.t_s[0], stamps - stamps[0], atol=1e-6)
        np.testing.assert_allclose(
            np.sort(sensor.acc_mps2, axis=1), np.sort(np.asarray(raw["time_series"])[:, :3], axis=1)
        )
        compared += 1
    for path in sorted(cases.glob("*/*.mat")):
        content = loadmat(path)
        names = [name for name, value in content.items() if isinstance(value, np.ndarray)]
        imu = next(name for name in names if content[name].ndim == 2 and content[name].shape[1] == 6)
        time = next(name for name in names if content[name].size == len(content[imu]))
        sensor = import_matlab(
            path, "foot_left", ImportFacts(), imu_variable=imu, time_variable=time
        ).recording.sensors["foot_left"]
        np.testing.assert_allclose(sensor.acc_mps2, content[imu][:, :3])
        span = content[time].ravel()
        assert sensor.t_s[-1] - sensor.t_s[0] == pytest.approx(span[-1] - span[0])
        compared += 1
    assert compared >= 2
