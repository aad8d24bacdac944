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
from tallrun.numerics.recording import Marker, Recording, SensorRecording, Treadmill
from tallrun.sessions import read_session, write_session
from tallrun.sessions.activity import Activity, activity_recording, activity_rows, in_time_zone
from tallrun.sessions.fit_export import export_fit
from tallrun.sessions.fit_import import import_fit
from tallrun.sessions.xml_import import _read_gpx, import_gpx, import_tcx

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


def test_only_sure_speeds_count_and_the_surer_foot_weighs_more():
    strides = running_strides().assign(
        quality=1.0, timing_sigma_s=0.003, length_sigma_m=0.02, angle_sigma_deg=1.0
    )
    plain = activity_rows(minute(treadmill=None), strides, 60.0)

    late = strides["initial_contact_s"] > 57.0
    wild = strides.assign(speed_mps=strides["speed_mps"].where(~late, 9.0))
    unsure = activity_rows(
        minute(treadmill=None), wild.assign(length_sigma_m=np.where(late, 1.0, 0.02)), 60.0
    )
    np.testing.assert_allclose(unsure["distance_m"], plain["distance_m"], rtol=1e-9)
    assert unsure["speed_mps"].max() == pytest.approx(2.85)
    assert unsure["cadence_spm"].iloc[-5] == 171.0

    none = activity_rows(minute(treadmill=None), strides.assign(length_sigma_m=1.0), 60.0)
    assert none[["speed_mps", "distance_m", "step_length_m"]].isna().all(axis=None)
    assert none["cadence_spm"].notna().all()

    left = strides["foot"] == "left"
    apart = strides.assign(speed_mps=np.where(left, 2.8, 3.0), length_sigma_m=np.where(left, 0.02, 0.04))
    far_m = activity_rows(minute(treadmill=None), apart, 60.0)["distance_m"].iloc[-1]
    assert far_m / plain["distance_m"].iloc[-1] == pytest.approx((0.8 * 2.8 + 0.2 * 3.0) / 2.85, rel=0.01)


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


def test_fit_tells_what_a_belt_climbed_of_the_whole_and_of_each_lap(tmp_path: Path) -> None:
    t_s = np.arange(0.0, 61.0)
    belt = Treadmill(t_s, np.full(t_s.size, 2.85), np.where(t_s < 30.0, 10.0, 0.0))
    run = minute(treadmill=belt, markers=(Marker(30.0, "lap"),))
    export_fit(run, running_strides(), tmp_path / "run.fit")
    told = decoded(tmp_path / "run.fit")
    assert told["session"][0]["total_ascent"] == round(30.0 * 2.85 * np.sin(np.arctan(0.1)))
    assert [lap["total_ascent"] for lap in told["lap"]] == [told["session"][0]["total_ascent"], 0]
    flat = Treadmill(t_s, belt.speed_mps, np.full(t_s.size, np.nan))
    export_fit(minute(treadmill=flat), running_strides(), tmp_path / "flat.fit")
    assert decoded(tmp_path / "flat.fit")["session"][0].get("total_ascent") is None


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


def test_fit_sums_laps_and_the_session_up(tmp_path: Path) -> None:
    recording = minute(markers=(Marker(20.0, "lap"), Marker(40.0, "lap")), treadmill=None)
    export_fit(recording, running_strides(), tmp_path / "run.fit")
    messages = decoded(tmp_path / "run.fit")
    laps, session = messages["lap"], messages["session"][0]
    assert [lap["total_elapsed_time"] for lap in laps] == [20.0, 20.0, 19.0]
    assert [lap["lap_trigger"] for lap in laps] == ["manual", "manual", "session_end"]
    assert sum(lap["total_distance"] for lap in laps) == pytest.approx(session["total_distance"], abs=0.03)
    assert sum(lap["total_strides"] for lap in laps) == pytest.approx(session["total_strides"], abs=2)
    assert session["total_strides"] == pytest.approx(59 * 85.5 / 60.0, abs=1)
    assert session["num_laps"] == 3
    for message in (*laps, session):
        assert message["avg_running_cadence"] + message["avg_fractional_cadence"] == 85.5
        assert message["avg_stance_time"] == pytest.approx(250.0, abs=10.1)
        assert message["avg_stance_time_balance"] == pytest.approx(48.0, abs=0.01)
        assert message["avg_step_length"] == pytest.approx(1000.0)
        assert message["enhanced_avg_speed"] == pytest.approx(2.85, rel=0.01)
        assert message["sport"] == "running"
    units = {row["field_name"]: row["units"] for row in messages["field_description"]}
    assert units["foot_strike_angle_left_deg"] == units["pelvic_tilt_deg"] == "deg"


def test_balance_is_the_share_of_the_left_foot(tmp_path: Path) -> None:
    strides = running_strides()
    strides["stance_time_s"] = np.where(strides["foot"] == "left", 0.30, 0.20)
    export_fit(minute(), strides, tmp_path / "run.fit")
    assert decoded(tmp_path / "run.fit")["record"][20]["stance_time_balance"] == pytest.approx(60.0)


def test_nothing_unknown_is_written_as_a_number(tmp_path: Path) -> None:
    strides = running_strides().assign(speed_mps=np.nan, stride_length_m=np.nan)
    export_fit(minute(heart_rate=None, treadmill=None), strides, tmp_path / "run.fit")
    messages = decoded(tmp_path / "run.fit")
    for row in (messages["record"][20], messages["lap"][0], messages["session"][0]):
        for name in ("distance", "total_distance", "enhanced_speed", "enhanced_avg_speed", "avg_heart_rate"):
            assert row.get(name) is None
    assert messages["session"][0]["total_strides"] > 0


def test_distance_counts_from_contact_to_contact_and_not_around_a_bout() -> None:
    strides = running_strides(30.0)
    strides["initial_contact_s"] += 10.0
    rows = activity_rows(minute(treadmill=None), strides, 60.0)
    assert rows["distance_m"].iloc[-1] == pytest.approx(30.0 * 2.85, abs=1.5)
    assert rows["distance_m"].iloc[9] == 0.0
    one_foot = activity_rows(minute(treadmill=None), strides[strides["foot"] == "left"], 60.0)
    assert one_foot["distance_m"].iloc[-1] == pytest.approx(30.0 * 2.85, abs=1.5)


@pytest.mark.parametrize(("known_share", "expected_m"), [(0.95, 59 * 2.85), (0.5, np.nan)])
def test_a_distance_with_holes_is_filled_or_unknown(known_share: float, expected_m: float) -> None:
    strides = running_strides()
    hole = strides["initial_contact_s"].to_numpy() > 60.0 * known_share
    strides.loc[hole, "speed_mps"] = np.nan
    rows = activity_rows(minute(treadmill=None), strides, 59.0)
    assert rows["distance_m"].iloc[-1] == pytest.approx(expected_m, rel=0.01, nan_ok=True)


def test_a_pelvis_alone_gives_cadence_and_strides_without_a_foot(tmp_path: Path) -> None:
    steps = running_strides().assign(foot=None, speed_mps=np.nan, stride_length_m=np.nan)
    export_fit(minute(treadmill=None), steps, tmp_path / "run.fit")
    session = decoded(tmp_path / "run.fit")["session"][0]
    assert session["total_strides"] == pytest.approx(59 * 85.5 / 60.0, abs=1)
    assert session.get("total_distance") is None


@pytest.mark.parametrize(
    ("started_at", "time_zone", "utc", "local_end"),
    [
        ("2026-05-01T23:59:30-04:00", "America/New_York", "2026-05-02T03:59:30", "2026-05-02T00:00:29"),
        # The clocks go forward at 02:00 while the run is on: the end has another offset than the start.
        ("2026-03-29T01:59:30+01:00", "Europe/Berlin", "2026-03-29T00:59:30", "2026-03-29T03:00:29"),
        ("2026-03-29T01:59:30+01:00", None, "2026-03-29T00:59:30", "2026-03-29T02:00:29"),
        ("2026-05-01T08:00:00+05:45", "Asia/Kathmandu", "2026-05-01T02:15:00", "2026-05-01T08:00:59"),
    ],
)
def test_stamps_are_utc_and_the_local_day_survives(
    tmp_path: Path, started_at: str, time_zone: str | None, utc: str, local_end: str
) -> None:
    info = {"started_at": started_at} | ({"time_zone": time_zone} if time_zone else {})
    export_fit(minute(info=info), running_strides(), tmp_path / "run.fit")
    messages = decoded(tmp_path / "run.fit")
    assert messages["record"][0]["timestamp"] == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert messages["activity"][0]["local_timestamp"].replace(tzinfo=None) == datetime.fromisoformat(
        local_end
    )
    back = import_fit(tmp_path / "run.fit")
    assert back.started_at == datetime.fromisoformat(started_at)
    if time_zone is not None:
        back = in_time_zone(back, time_zone)
        assert activity_recording(back).info["started_at"] == started_at
        assert activity_recording(back).info["time_zone"] == time_zone


@pytest.mark.parametrize("year", ["1980", "2200"])
def test_fit_refuses_dates_it_has_no_room_for(tmp_path: Path, year: str) -> None:
    with pytest.raises(FormatError, match="FIT holds dates from 1990 to 2100"):
        export_fit(
            minute(info={"started_at": f"{year}-05-01T08:00:00+00:00"}), running_strides(), tmp_path / "x"
        )
    assert not (tmp_path / "x").exists()


def test_our_own_fit_comes_back_with_the_same_sums(tmp_path: Path) -> None:
    for treadmill in (minute().treadmill, None):
        export_fit(minute(treadmill=treadmill), running_strides(), tmp_path / "run.fit")
        session = decoded(tmp_path / "run.fit")["session"][0]
        facts = activity_recording(import_fit(tmp_path / "run.fit")).info["activity"]
        assert facts["cadence_spm"] == 171.0
        assert facts["duration_s"] == session["total_elapsed_time"] == facts["timer_s"]
        assert facts["distance_m"] == pytest.approx(session["total_distance"])
        (tmp_path / "run.fit").unlink()


# --- FIT in ---


def watch_fit(
    path: Path,
    developer_heart_rate: int | None = None,
    sport: str = "RUNNING",
    second_sport: str | None = None,
    indoors: bool = False,
) -> None:
    """A watch's file: 171 steps a minute stored as 85 + 0.5 strides, and a developer field that claims otherwise."""
    from fit_tool.base_type import BaseType
    from fit_tool.developer_field import DeveloperField
    from fit_tool.fit_file_builder import FitFileBuilder
    from fit_tool.profile.messages.developer_data_id_message import DeveloperDataIdMessage
    from fit_tool.profile.messages.field_description_message import FieldDescriptionMessage
    from fit_tool.profile.messages.file_id_message import FileIdMessage
    from fit_tool.profile.messages.record_message import RecordMessage
    from fit_tool.profile.messages.session_message import SessionMessage
    from fit_tool.profile.profile_type import FileType, Sport, SubSport

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
        if not indoors:
            record.enhanced_speed, record.distance = 3.0, 3.0 * second
        if developer_heart_rate is not None:
            record.get_developer_field(0, 0).set_value(0, developer_heart_rate)
        builder.add(record)
    for name in (sport, *([second_sport] if second_sport else [])):
        session = SessionMessage()
        session.timestamp = session.start_time = 1_770_000_000_000
        session.sport = Sport[name]
        if indoors:
            session.sub_sport, session.total_distance, session.total_timer_time = (
                SubSport.TREADMILL,
                5000.0,
                25.0,
            )
        builder.add(session)
    path.write_bytes(builder.build().to_bytes())


def test_a_watch_run_becomes_a_session_without_sensors(tmp_path: Path) -> None:
    watch_fit(tmp_path / "watch.fit")
    activity = import_fit(tmp_path / "watch.fit")
    assert set(activity.rows["cadence_spm"]) == {171.0}
    write_session(tmp_path / "run", activity_recording(activity))
    back = read_session(tmp_path / "run")
    assert back.info["activity"] == {
        "duration_s": 29.0, "distance_m": 87.0, "cadence_spm": 171.0, "cadence_stored_as": "strides",
        "sport": "running",
    }  # fmt: skip
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


def test_one_foreign_part_of_many_is_enough_to_refuse(tmp_path: Path) -> None:
    watch_fit(tmp_path / "tri.fit", sport="CYCLING", second_sport="RUNNING")
    with pytest.raises(FormatError, match="sport cycling; only running"):
        import_fit(tmp_path / "tri.fit")


def test_a_treadmill_run_without_positions_or_speed_takes_its_distance_from_the_summary(
    tmp_path: Path,
) -> None:
    watch_fit(tmp_path / "indoor.fit", indoors=True)
    activity = import_fit(tmp_path / "indoor.fit")
    recording = activity_recording(activity)
    assert recording.info["activity"] == {
        "duration_s": 29.0, "distance_m": 5000.0, "cadence_spm": 171.0, "timer_s": 25.0,
        "cadence_stored_as": "strides", "sport": "running",
    }  # fmt: skip
    assert recording.context["surface"] == "treadmill"
    assert recording.treadmill is None
    assert activity.rows["distance_m"].isna().all()
    assert activity.rows["speed_mps"].isna().all()


def test_a_fit_file_cut_anywhere_is_read_as_far_as_it_goes_and_says_so(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    watch_fit(tmp_path / "watch.fit")
    content = (tmp_path / "watch.fit").read_bytes()
    lengths = []
    for cut in sorted([0, 1, 13, 14, len(content) - 1, *rng.integers(0, len(content), 25).tolist()]):
        (tmp_path / "watch.fit").write_bytes(content[:cut])
        try:
            activity = import_fit(tmp_path / "watch.fit")
        except FormatError:
            lengths.append(0)
            continue
        assert any("never closed" in note for note in activity.notes)
        assert set(activity.rows["heart_rate_bpm"].dropna()) <= {150.0}
        lengths.append(len(activity.rows))
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    assert lengths[-1] == 30


def test_any_flipped_byte_in_fit_gives_an_error_or_a_word(tmp_path: Path, rng: np.random.Generator) -> None:
    watch_fit(tmp_path / "watch.fit")
    content = (tmp_path / "watch.fit").read_bytes()
    for place in rng.integers(0, len(content), 30).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        (tmp_path / "watch.fit").write_bytes(damaged)
        try:
            activity = import_fit(tmp_path / "watch.fit")
        except FormatError:
            continue
        assert any("never closed" in note for note in activity.notes)


def test_a_damaged_fit_file_is_read_when_asked_and_says_so(tmp_path: Path) -> None:
    watch_fit(tmp_path / "watch.fit")
    content = bytearray((tmp_path / "watch.fit").read_bytes())
    content[-1] ^= 0xFF
    (tmp_path / "watch.fit").write_bytes(content)
    with pytest.raises(FormatError, match="--damaged"):
        import_fit(tmp_path / "watch.fit")
    activity = import_fit(tmp_path / "watch.fit", damaged=True)
    assert len(activity.rows) == 30
    assert any("damaged" in note for note in activity.notes)


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


def test_what_a_gpx_file_counts_can_be_said(tmp_path: Path) -> None:
    """110 steps a minute of a walker look like strides; only the person knows."""
    (tmp_path / "walk.gpx").write_text(gpx_text("110"))
    guessed, told = (import_gpx(tmp_path / "walk.gpx", cadence) for cadence in ("auto", "steps"))
    assert set(guessed.rows["cadence_spm"]) == {220.0}
    assert guessed.extra["cadence_stored_as"] == "strides"
    assert set(told.rows["cadence_spm"]) == {110.0}
    with pytest.raises(FormatError, match="--cadence must be one of auto, strides, steps"):
        import_gpx(tmp_path / "walk.gpx", "feet")


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ('<trkpt lat="1" lon="8"/>', "none of its 1 points has a time: a planned route"),
        ('<trkpt lat="1" lon="8"><time>today</time></trkpt>', "none of its 1 points has a time"),
        ('<rte><rtept lat="1" lon="8"/></rte>', "is a route, a plan and no run that took place"),
        ("<trkpt>" + "<a/>" * 1100 + "</trkpt>", "over 1000 values"),
        ("<a>" * 120 + "</a>" * 120, "over 100 deep"),
    ],
)
def test_wrong_positions_and_shapes_of_xml_are_refused(tmp_path: Path, point: str, words: str) -> None:
    (tmp_path / "run.gpx").write_text(f"<gpx>{point}</gpx>")
    with pytest.raises(FormatError, match=words) as caught:
        import_gpx(tmp_path / "run.gpx")
    assert "\n" not in str(caught.value)


def test_xml_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallrun.sessions.xml_import._MOST_ELEMENTS", 50)
    (tmp_path / "run.gpx").write_text("<gpx>" + "<a/>" * 100 + "</gpx>")
    with pytest.raises(FormatError, match="holds over 50 elements"):
        _read_gpx(tmp_path / "run.gpx", "auto")


def test_several_tcx_activities_or_one_of_another_sport_are_refused(tmp_path: Path) -> None:
    one = tcx_text()
    start, end = one.index("<Activity "), one.index("</Activities>")
    (tmp_path / "run.tcx").write_text(one[:end] + one[start:end] + one[end:])
    with pytest.raises(FormatError, match="holds 2 activities; export each run"):
        import_tcx(tmp_path / "run.tcx")
    ride = one[start:end].replace("Running", "Biking")
    (tmp_path / "run.tcx").write_text(one[:end] + ride + one[end:])
    with pytest.raises(FormatError, match="sport Biking"):
        import_tcx(tmp_path / "run.tcx")


def test_points_of_many_months_are_no_run(tmp_path: Path) -> None:
    text = tcx_text()
    for second in range(15, 30):
        text = text.replace(f"2026-05-01T06:00:{second}", f"2027-05-01T06:00:{second}")
    (tmp_path / "run.tcx").write_text(text)
    with pytest.raises(FormatError, match="365 days apart, more than one run"):
        import_tcx(tmp_path / "run.tcx")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "\0"])
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    activity = Activity(datetime(2026, 5, 1, tzinfo=UTC), pd.DataFrame(), treadmill=False, source="x")
    with pytest.raises(FormatError, match="must be an IANA name"):
        in_time_zone(activity, zone)


@pytest.mark.parametrize("stored", ["85.5", "171"])
def test_gpx_cadence_in_strides_or_steps_comes_out_as_steps(tmp_path: Path, stored: str) -> None:
    (tmp_path / "run.gpx").write_text(gpx_text(stored))
    rows = import_gpx(tmp_path / "run.gpx").rows
    assert set(rows["cadence_spm"]) == {171.0}
    assert rows["distance_m"].iloc[-1] == pytest.approx(87.0, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("no XML at all", "truncated or no valid XML"),
        (tcx_text()[:150], "truncated or no valid XML"),
        (tcx_text(sport="Biking"), "sport Biking; only running"),
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
