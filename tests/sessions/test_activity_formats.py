"""FIT, TCX and GPX: 85.5 strides a minute are 171 steps a minute, native fields win, damage gives one clear error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fitdecode
import numpy as np
import pandas as pd
import pytest

from support.session_files import small_recording
from tallrun.errors import FormatError, SessionError
from tallrun.numerics.recording import Marker, Recording, SensorRecording
from tallrun.sessions import read_session, write_session
from tallrun.sessions.activity import Activity, activity_recording, activity_rows
from tallrun.sessions.fit_export import export_fit
from tallrun.sessions.fit_import import import_fit
from tallrun.sessions.xml_import import import_gpx, import_tcx

#: 85.5 strides a minute of each foot.
STEP_S = 60.0 / 171.0


def running_strides(duration_s: float = 60.0) -> pd.DataFrame:
    n = int(duration_s / STEP_S)
    left = np.arange(n) % 2 == 0
    return pd.DataFrame(
        {
            "foot": np.where(left, "left", "right"),
            "initial_contact_s": np.arange(n) * STEP_S,
            "stance_time_s": np.where(left, 0.24, 0.26),
            "duty_factor": 0.35,
            "cadence_spm": 171.0,
            "stride_length_m": 2.0,
            "speed_mps": 2.85,
            "foot_strike_angle_deg": np.where(left, 8.0, 5.0),
            "overstride_index": 0.25,
            "mode": "run",
            "vertical_oscillation_m": 0.08,
            "pelvic_tilt_deg": 11.0,
        }
    )


def minute(**changes: Any) -> Recording:
    recording = small_recording(duration_s=60.0)
    values = vars(recording) | {"markers": (Marker(10.2, "cue"), Marker(10.7, "cue"))} | changes
    return Recording(**values)


def decoded(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every message of a FIT file by name; units as the file declares them."""
    messages: dict[str, list[dict[str, Any]]] = {}
    with fitdecode.FitReader(path, check_crc=fitdecode.CrcCheck.RAISE) as reader:
        for frame in reader:
            if isinstance(frame, fitdecode.FitDataMessage):
                row = {item.name: item.value for item in frame.fields}
                row["developer"] = {
                    item.name for item in frame.fields if item.field_def and item.field_def.is_dev
                }
                messages.setdefault(frame.name, []).append(row)
    return messages


# --- FIT out ---


def test_fit_stores_strides_and_native_dynamics_another_reader_understands(tmp_path: Path) -> None:
    assert export_fit(minute(treadmill=None), running_strides(), tmp_path / "run.fit") == 60
    messages = decoded(tmp_path / "run.fit")
    record = messages["record"][20]
    assert record["cadence"] == 85
    assert record["fractional_cadence"] == pytest.approx(0.5, abs=1 / 128)
    assert record["stance_time"] == pytest.approx(250.0, abs=10.1)
    assert record["stance_time_percent"] == pytest.approx(35.0)
    assert record["stance_time_balance"] == pytest.approx(48.0, abs=0.01)
    assert record["vertical_oscillation"] == pytest.approx(80.0)
    assert record["vertical_ratio"] == pytest.approx(8.0)
    assert record["step_length"] == pytest.approx(1000.0)
    assert record["enhanced_speed"] == pytest.approx(2.85, abs=1e-3)
    assert record["timestamp"] == datetime(2026, 5, 1, 6, 0, 20, tzinfo=UTC)
    assert record["foot_strike_angle_left_deg"] == pytest.approx(8.0)
    assert record["foot_strike_angle_right_deg"] == pytest.approx(5.0)
    assert record["pelvic_tilt_deg"] == pytest.approx(11.0)
    assert record["developer"] == {
        "foot_strike_angle_left_deg", "foot_strike_angle_right_deg", "pelvic_tilt_deg", "overstride_index", "n_cues",
    }  # fmt: skip
    assert [row["n_cues"] for row in messages["record"]] == [0] * 10 + [2] + [0] * 49
    assert messages["session"][0]["avg_running_cadence"] == 85
    assert messages["session"][0]["sport"] == "running"
    assert messages["session"][0]["sub_sport"] == "treadmill"
    assert messages["session"][0]["total_distance"] == pytest.approx(59 * 2.85, rel=0.01)
    assert messages["activity"][0]["num_sessions"] == 1
    assert messages["file_id"][0]["type"] == "activity"


def test_fit_leaves_unknown_values_out(tmp_path: Path) -> None:
    strides = running_strides().assign(cadence_spm=np.nan, stance_time_s=np.nan, pelvic_tilt_deg=np.nan)
    export_fit(minute(heart_rate=None, treadmill=None), strides, tmp_path / "run.fit")
    record = decoded(tmp_path / "run.fit")["record"][20]
    assert record.get("cadence") is None
    assert record.get("stance_time") is None
    assert record.get("heart_rate") is None
    assert "pelvic_tilt_deg" not in record


def test_fit_comes_back_as_steps_per_minute(tmp_path: Path) -> None:
    recording, strides = minute(), running_strides()
    export_fit(recording, strides, tmp_path / "run.fit")
    activity = import_fit(tmp_path / "run.fit")
    assert activity.treadmill
    assert activity.started_at == datetime(2026, 5, 1, 6, 0, tzinfo=UTC)
    expected = activity_rows(recording, strides, 59.995)
    tolerances = {"cadence_spm": 2 / 128, "speed_mps": 1e-3, "distance_m": 0.011, "stance_left_pct": 0.01,
                  "heart_rate_bpm": 0.5, "duty_factor": 1e-4}  # fmt: skip
    for name in expected.columns:
        np.testing.assert_allclose(
            activity.rows[name], expected[name], atol=tolerances.get(name, 1e-4), err_msg=name
        )


def test_fit_needs_a_date_and_does_not_overwrite(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="started_at is unknown"):
        export_fit(minute(info={}), running_strides(), tmp_path / "run.fit")
    (tmp_path / "run.fit").touch()
    with pytest.raises(SessionError, match="exists already"):
        export_fit(minute(), running_strides(), tmp_path / "run.fit")


def test_a_session_of_nothing_gives_a_fit_file(tmp_path: Path) -> None:
    empty = Recording(sensors={}, info={"started_at": "2026-05-01T08:00:00+02:00"})
    assert export_fit(empty, running_strides(0.0), tmp_path / "run.fit") == 1
    assert decoded(tmp_path / "run.fit")["record"][0].get("cadence") is None


# --- FIT in ---


def watch_fit(path: Path, developer_heart_rate: int | None = None, sport: str = "RUNNING") -> None:
    """A watch's file: 171 steps a minute stored as 85 + 0.5 strides, and a developer field that claims otherwise."""
    from fit_tool.base_type import BaseType
    from fit_tool.developer_field import DeveloperField
    from fit_tool.fit_file_builder import FitFileBuilder
    from fit_tool.profile.messages.developer_data_id_message import DeveloperDataIdMessage
    from fit_tool.profile.messages.field_description_message import FieldDescriptionMessage
    from fit_tool.profile.messages.file_id_message import FileIdMessage
    from fit_tool.profile.messages.record_message import RecordMessage
    from fit_tool.profile.messages.session_message import SessionMessage
    from fit_tool.profile.profile_type import FileType, Sport

    builder = FitFileBuilder(auto_define=True, min_string_size=32)
    identity = FileIdMessage()
    identity.type, identity.time_created = FileType.ACTIVITY, 1_770_000_000_000
    builder.add(identity)
    owner = DeveloperDataIdMessage()
    owner.developer_data_index, owner.application_id = 0, b"another company!"
    builder.add(owner)
    description = FieldDescriptionMessage()
    description.developer_data_index = description.field_definition_number = 0
    description.fit_base_type_id, description.field_name = BaseType.UINT8.value, "heart_rate"
    builder.add(description)
    claim = DeveloperField(
        field_id=0, name="heart_rate", base_type=BaseType.UINT8, size=1, developer_data_index=0
    )
    for second in range(30):
        fields = [DeveloperField.from_developer_field(claim)] if developer_heart_rate is not None else []
        record = RecordMessage(developer_fields=fields)
        record.timestamp = 1_770_000_000_000 + 1000 * second
        record.heart_rate, record.cadence, record.fractional_cadence = 150, 85, 0.5
        record.enhanced_speed, record.distance = 3.0, 3.0 * second
        if developer_heart_rate is not None:
            record.get_developer_field(0, 0).set_value(0, developer_heart_rate)
        builder.add(record)
    session = SessionMessage()
    session.timestamp = session.start_time = 1_770_000_000_000
    session.sport = Sport[sport]
    builder.add(session)
    path.write_bytes(builder.build().to_bytes())


def test_a_watch_run_becomes_a_session_without_sensors(tmp_path: Path) -> None:
    watch_fit(tmp_path / "watch.fit")
    activity = import_fit(tmp_path / "watch.fit")
    assert set(activity.rows["cadence_spm"]) == {171.0}
    write_session(tmp_path / "run", activity_recording(activity), tables={"watch": activity.rows})
    back = read_session(tmp_path / "run")
    assert back.info["activity"] == {"duration_s": 29.0, "distance_m": 87.0, "cadence_spm": 171.0}
    assert back.heart_rate is not None
    assert set(back.heart_rate.bpm) == {150.0}
    assert back.treadmill is None
    assert pd.read_parquet(tmp_path / "run" / "watch.parquet")["speed_mps"].tolist() == [3.0] * 30


def test_native_fields_win_over_developer_fields(tmp_path: Path) -> None:
    watch_fit(tmp_path / "watch.fit", developer_heart_rate=99)
    assert set(import_fit(tmp_path / "watch.fit").rows["heart_rate_bpm"]) == {150.0}


def test_another_sport_is_refused(tmp_path: Path) -> None:
    watch_fit(tmp_path / "ride.fit", sport="CYCLING")
    with pytest.raises(FormatError, match="sport cycling; only running"):
        import_fit(tmp_path / "ride.fit")


def test_a_fit_file_cut_anywhere_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    watch_fit(tmp_path / "watch.fit")
    content = (tmp_path / "watch.fit").read_bytes()
    for cut in [0, 1, 13, 14, len(content) - 1, *rng.integers(0, len(content), 60).tolist()]:
        (tmp_path / "watch.fit").write_bytes(content[:cut])
        with pytest.raises(FormatError):
            import_fit(tmp_path / "watch.fit")


def test_any_flipped_byte_in_fit_gives_an_error_only(tmp_path: Path, rng: np.random.Generator) -> None:
    watch_fit(tmp_path / "watch.fit")
    content = (tmp_path / "watch.fit").read_bytes()
    for place in rng.integers(0, len(content), 60).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        (tmp_path / "watch.fit").write_bytes(damaged)
        with pytest.raises(FormatError):
            import_fit(tmp_path / "watch.fit")


# --- TCX and GPX ---

TCX = """<?xml version="1.0"?>
<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2">
<Activities><Activity Sport="{sport}"><Id>2026-05-01T06:00:00Z</Id>
<Lap><Track>{points}</Track></Lap></Activity></Activities>
</TrainingCenterDatabase>"""
TCX_POINT = """<Trackpoint><Time>2026-05-01T06:00:{second:02d}.000Z</Time><DistanceMeters>{distance}</DistanceMeters>
<HeartRateBpm><Value>152</Value></HeartRateBpm><Cadence>10</Cadence><Extensions>
<TPX xmlns="http://www.garmin.com/xmlschemas/ActivityExtension/v2"><Speed>3.1</Speed>
<RunCadence>{cadence}</RunCadence></TPX>
</Extensions></Trackpoint>"""
GPX = """<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1">
<trk><trkseg>{points}</trkseg></trk></gpx>"""
GPX_POINT = """<trkpt lat="{lat}" lon="8.5"><time>2026-05-01T06:00:{second:02d}Z</time><extensions>
<gpxtpx:TrackPointExtension xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v1">
<gpxtpx:hr>148</gpxtpx:hr><gpxtpx:cad>{cadence}</gpxtpx:cad></gpxtpx:TrackPointExtension></extensions></trkpt>"""


def tcx_text(sport: str = "Running", cadence: str = "85.5") -> str:
    points = "".join(TCX_POINT.format(second=i, distance=3.1 * i, cadence=cadence) for i in range(30))
    return TCX.format(sport=sport, points=points)


def gpx_text(cadence: str = "85.5") -> str:
    points = "".join(
        GPX_POINT.format(second=i, lat=47.0 + i * 3.0 / 111_195.08, cadence=cadence) for i in range(30)
    )
    return GPX.format(points=points)


def test_tcx_run_cadence_is_doubled_once(tmp_path: Path) -> None:
    (tmp_path / "run.tcx").write_text(tcx_text())
    rows = import_tcx(tmp_path / "run.tcx").rows
    assert set(rows["cadence_spm"]) == {171.0}
    assert set(rows["heart_rate_bpm"]) == {152.0}
    assert set(rows["speed_mps"]) == {3.1}
    assert rows["distance_m"].iloc[-1] == pytest.approx(89.9)


@pytest.mark.parametrize("stored", ["85.5", "171"])
def test_gpx_cadence_in_strides_or_steps_comes_out_as_steps(tmp_path: Path, stored: str) -> None:
    (tmp_path / "run.gpx").write_text(gpx_text(stored))
    rows = import_gpx(tmp_path / "run.gpx").rows
    assert set(rows["cadence_spm"]) == {171.0}
    assert rows["distance_m"].iloc[-1] == pytest.approx(87.0, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "truncated or no valid XML"),
        (tcx_text()[:900], "truncated or no valid XML"),
        (tcx_text(sport="Biking"), "sport Biking; only running"),
        (tcx_text(cadence="many"), "truncated or no valid XML"),
        (tcx_text(cadence="nan"), "'nan' is no number"),
        (TCX.format(sport="Running", points=""), "holds no points with a time"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares a document type or entities"),
    ],
)
def test_wrong_xml_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "run.tcx").write_text(text)
    with pytest.raises(FormatError, match=words):
        import_tcx(tmp_path / "run.tcx")


def test_absurd_watch_values_become_unknown(tmp_path: Path) -> None:
    (tmp_path / "run.tcx").write_text(tcx_text(cadence="250").replace("<Value>152", "<Value>0"))
    rows = import_tcx(tmp_path / "run.tcx").rows
    assert rows["cadence_spm"].isna().all()
    assert rows["heart_rate_bpm"].isna().all()


def test_a_treadmill_activity_brings_its_belt_speed() -> None:
    rows = activity_rows(minute(), running_strides(), 30.0)
    recording = activity_recording(Activity(None, rows, treadmill=True, source="x"))
    assert recording.treadmill is not None
    assert recording.treadmill.speed_mps[0] == 2.5
    assert "started_at" not in recording.info
    assert not any(isinstance(value, SensorRecording) for value in recording.sensors.values())
