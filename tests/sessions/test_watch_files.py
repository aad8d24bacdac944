"""Watch files as the world sends them: distance, sport, cadence, odd values, ties, totals; another reader agrees."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.errors import FormatError
from tallrun.pipeline import analyze_recording
from tallrun.sessions import read_session, write_session
from tallrun.sessions.activity import activity_recording, watch_run
from tallrun.sessions.fit_export import export_fit
from tallrun.sessions.fit_import import import_fit
from tallrun.sessions.sports import sport_on_foot
from tallrun.sessions.table_export import signal_frames
from tallrun.sessions.watch_distance import device_distance, distance_along
from tallrun.sessions.watch_points import (
    Points,
    join_moments,
    steps_per_min,
    watch_table,
)
from tallrun.sessions.xml_import import import_gpx, import_tcx

START = datetime(2025, 5, 1, 8, tzinfo=UTC)
M_PER_DEG = math.pi * 6_371_008.8 / 180.0


def gpx(*segments: str, kind: str = "", creator: str = "test") -> str:
    body = "".join(f"<trkseg>{segment}</trkseg>" for segment in segments)
    return (
        f'<?xml version="1.0"?><gpx creator="{creator}" xmlns="http://www.topografix.com/GPX/1/1" '
        'xmlns:a="http://www.garmin.com/xmlschemas/TrackPointExtension/v1" '
        'xmlns:gpxdata="http://www.cluetrust.com/XML/GPXDATA/1/0">'
        f"<trk>{f'<type>{kind}</type>' if kind else ''}{body}</trk></gpx>"
    )


def points(first_s: int, n: int, north_m: float = 0.0, inner: str = "") -> str:
    return "".join(
        f'<trkpt lat="{10 + (north_m + 3.0 * i) / M_PER_DEG:.8f}" lon="20">'
        f"<time>{(START + timedelta(seconds=first_s + i)).isoformat()}</time>{inner}</trkpt>"
        for i in range(n)
    )


def tcx(body: str, sport: str = "Running") -> str:
    return (
        '<?xml version="1.0"?><TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2">'
        f'<Activities><Activity Sport="{sport}"><Id>2025-05-01T08:00:00Z</Id>{body}</Activity></Activities>'
        "</TrainingCenterDatabase>"
    )


def lap(total_s: float, metres: float, track: str = "", start_s: int = 0) -> str:
    start = (START + timedelta(seconds=start_s)).isoformat()
    return (
        f'<Lap StartTime="{start}"><TotalTimeSeconds>{total_s}</TotalTimeSeconds>'
        f"<DistanceMeters>{metres}</DistanceMeters>"
        f"<AverageHeartRateBpm><Value>150</Value></AverageHeartRateBpm>"
        f"{f'<Track>{track}</Track>' if track else ''}</Lap>"
    )


def trackpoints(n: int, inner: str, first_s: int = 0) -> str:
    return "".join(
        f"<Trackpoint><Time>{(START + timedelta(seconds=first_s + i)).isoformat()}</Time>"
        f"{inner.format(m=3 * i)}</Trackpoint>"
        for i in range(n)
    )


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


# --- distance ---


def test_no_line_is_drawn_from_one_segment_to_the_next(tmp_path: Path) -> None:
    text = gpx(points(0, 31), points(3600, 31, north_m=11_000.0))
    facts = activity_recording(import_gpx(written(tmp_path, "a.gpx", text))).info["activity"]
    assert facts["distance_m"] == pytest.approx(180.0, abs=0.1)
    assert facts["timer_s"] == 60.0


def test_a_pause_marker_is_a_break(tmp_path: Path) -> None:
    mark = '<trkpt lat="{}" lon="0"><time>2025-05-01T08:00:30Z</time></trkpt>'
    text = gpx(points(0, 30) + mark.format(100) + mark.format(200) + points(60, 30, north_m=5000.0))
    assert activity_recording(import_gpx(written(tmp_path, "a.gpx", text))).info["activity"][
        "distance_m"
    ] == pytest.approx(174.0, abs=0.1)


@st.composite
def tracks(draw: st.DrawFn) -> list[list[tuple[float, float]]]:
    """Segments of (time, metres north), apart in time, each at its own place."""
    result, t = [], 0.0
    for _ in range(draw(st.integers(1, 4))):
        t += draw(st.integers(31, 2000))
        north = draw(st.integers(-50_000, 50_000))
        segment = []
        for _ in range(draw(st.integers(2, 12))):
            segment.append((t, float(north)))
            t += draw(st.integers(1, 20))
            north += draw(st.integers(0, 8))
        result.append(segment)
    return result


def along(segments: list[list[tuple[float, float]]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rows = [(t, north, part) for part, segment in enumerate(segments) for t, north in segment]
    t_s, north_m, part = (np.array(column) for column in zip(*rows, strict=True))
    distance, notes = distance_along(
        t_s, 10.0 + north_m / M_PER_DEG, np.full(t_s.size, 20.0), part.astype(int)
    )
    return t_s, distance, notes


@given(tracks(), st.data())
def test_order_and_doubles_do_not_change_the_distance(
    segments: list[list[tuple[float, float]]], data: st.DataObject
) -> None:
    truth_m = sum(segment[-1][1] - segment[0][1] for segment in segments)
    t_s, distance_m, notes = along(segments)
    assert distance_m.max() == pytest.approx(truth_m, abs=0.05)
    assert notes == []
    assert np.all(np.diff(distance_m[np.argsort(t_s, kind="stable")]) >= 0.0)
    shuffled = data.draw(st.permutations(segments))
    shuffled = [
        data.draw(st.permutations(segment + data.draw(st.lists(st.sampled_from(segment), max_size=3))))
        for segment in shuffled
    ]
    assert along(shuffled)[1].max() == pytest.approx(truth_m, abs=0.05)
    assert along([*segments, *shuffled])[1].max() == pytest.approx(truth_m, abs=0.05)


@given(tracks(), st.data())
def test_holes_do_not_change_the_distance_or_are_told(
    segments: list[list[tuple[float, float]]], data: st.DataObject
) -> None:
    truth_m = sum(segment[-1][1] - segment[0][1] for segment in segments)
    thinned = [
        [segment[0], *(row for row in segment[1:-1] if data.draw(st.booleans())), segment[-1]]
        for segment in segments
    ]
    _, distance_m, notes = along(thinned)
    # On a straight way a hole costs nothing; what is bridged for long is said.
    assert distance_m.max() == pytest.approx(truth_m, abs=0.05)
    long_hole = any(
        b[0] - a[0] > 30.0 and b[1] - a[1] > 1.0
        for segment in thinned
        for a, b in itertools.pairwise(segment)
    )
    assert any("hole" in note for note in notes) == long_hole


def test_a_stray_position_and_a_jump_are_no_distance() -> None:
    north = [3.0 * i for i in range(30)]
    north[10] = 40_000.0
    _, distance_m, notes = along([[(float(i), north[i]) for i in range(30)]])
    assert distance_m.max() == pytest.approx(87.0, abs=0.01)
    assert "jump" in notes[0]
    moved = [3.0 * i + (9000.0 if i > 15 else 0.0) for i in range(30)]
    _, distance_m, notes = along([[(float(i), moved[i]) for i in range(30)]])
    assert distance_m.max() == pytest.approx(84.0, abs=0.01)
    assert "jump" in notes[0]


def test_a_device_that_begins_again_with_each_lap_is_added_up() -> None:
    values = np.array([0.0, 30.0, 60.0, 90.0, 0.0, 30.0, 60.0, np.nan, 90.0])
    distance_m, notes = device_distance(np.arange(9.0), values)
    assert distance_m[-1] == 180.0
    assert "begins at zero again 1 time" in notes[0]
    spiked, notes = device_distance(np.arange(5.0), np.array([0.0, 3.0, 90_000.0, 9.0, 12.0]))
    assert spiked[-1] == 12.0
    assert math.isnan(spiked[2])
    assert notes


# --- what a file is ---


@pytest.mark.parametrize(
    ("kind", "on_foot"),
    [
        ("cycling", False), ("Biking", False), ("E-Bike Ride", False), ("open_water_swimming", False),
        ("rowing", False),
        ("mountain_biking", False), ("Triathlon", False), ("1", False), ("strength_training", False),
        ("running", True), ("trail_running", True), ("9", True), ("Walking", True), ("hiking", True),
        ("Treadmill", True),
        ("virtual_run", True), ("HKWorkoutActivityTypeRunning", True), ("HKWorkoutActivityTypeCycling", False),
        ("Other", None), ("", None), (None, None), ("my morning thing", None),
    ],
)  # fmt: skip
def test_sports_are_told_apart(kind: str | None, on_foot: bool | None) -> None:
    assert sport_on_foot(kind)[1] is on_foot


def test_a_ride_is_refused_and_a_walk_is_welcome(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="sport cycling; only running and walking"):
        import_gpx(written(tmp_path, "a.gpx", gpx(points(0, 9), kind="cycling")))
    walk = activity_recording(import_gpx(written(tmp_path, "b.gpx", gpx(points(0, 9), kind="walking"))))
    assert walk.context["session_kind"] == "walk"
    hike = import_tcx(written(tmp_path, "c.tcx", tcx(lap(600, 900), sport="Hiking")))
    assert activity_recording(hike).context["session_kind"] == "hike"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.tcx", "<TrainingCenterDatabase><Courses><Course><Track>"
         + trackpoints(9, "<DistanceMeters>{m}</DistanceMeters>")
         + "</Track></Course></Courses></TrainingCenterDatabase>", "is a course, a plan"),
        ("a.tcx", "<TrainingCenterDatabase><Workouts><Workout Sport='Running'><Step/></Workout></Workouts>"
         "</TrainingCenterDatabase>", "is a workout plan, a plan"),
        ("a.gpx", "<gpx><rte><rtept lat='1' lon='2'/></rte></gpx>", "is a route, a plan"),
        ("a.gpx", "<gpx><trk><trkseg><trkpt lat='1' lon='2'/></trkseg></trk></gpx>", "a planned route"),
    ],
)  # fmt: skip
def test_plans_are_no_runs(tmp_path: Path, name: str, text: str, words: str) -> None:
    read = import_tcx if name.endswith("tcx") else import_gpx
    with pytest.raises(FormatError, match=words):
        read(written(tmp_path, name, text))


# --- steps or strides ---


@pytest.mark.parametrize(
    ("raw", "speed", "how", "writer", "expected", "stored_as"),
    [
        ([85.5, 85.5], 3.0, "auto", "", [171.0, 171.0], "strides"),
        ([150.0, 150.0], 3.0, "auto", "", [150.0, 150.0], "steps"),
        ([100.0, 126.0], 1.5, "auto", "", [100.0, 126.0], "steps"),
        ([84.0] * 99 + [130.0], 3.0, "auto", "", [168.0] * 99 + [np.nan], "strides"),
        ([110.0], 1.5, "auto", "QZ", [110.0], "steps"),
        ([110.0], 1.5, "steps", "", [110.0], "steps"),
        ([84.0], np.nan, "strides", "QZ", [168.0], "strides"),
        ([0.0, np.nan], 3.0, "auto", "", [0.0, np.nan], None),
    ],
)  # fmt: skip
def test_steps_and_strides(
    raw: list[float], speed: float, how: str, writer: str, expected: list[float], stored_as: str | None
) -> None:
    values, found = steps_per_min(np.array(raw), np.full(len(raw), speed), how, writer)
    np.testing.assert_array_equal(values, expected)
    assert found == stored_as


GOLDEN = [
    (
        "<extensions><a:TrackPointExtension><a:hr>150</a:hr><a:cad>{}</a:cad></a:TrackPointExtension></extensions>"
    ),
    ("<extensions><gpxdata:hr>150</gpxdata:hr><gpxdata:cadence>{}</gpxdata:cadence></extensions>"),
    ("<extensions><bpm>150</bpm><cadence>{}</cadence></extensions>"),
    ("<extensions><heartrate>150</heartrate><cad>{}</cad></extensions>"),
]


@pytest.mark.parametrize("inner", GOLDEN)
@pytest.mark.parametrize("stored", ["84", "168"])
def test_each_name_of_heart_rate_and_cadence_is_read(tmp_path: Path, inner: str, stored: str) -> None:
    rows = import_gpx(written(tmp_path, "a.gpx", gpx(points(0, 9, inner=inner.format(stored))))).rows
    assert set(rows["cadence_spm"]) == {168.0}
    assert set(rows["heart_rate_bpm"]) == {150.0}


# --- odd values, ties, totals ---


@pytest.mark.parametrize("odd", ["null", "NaN", "inf", "--", "1e999", "", "1_5"])
def test_one_odd_value_costs_itself_only(tmp_path: Path, odd: str) -> None:
    good = "<HeartRateBpm><Value>150</Value></HeartRateBpm><DistanceMeters>{m}</DistanceMeters>"
    text = tcx(lap(20, 57, trackpoints(20, good)))
    for bad in (
        text.replace("<Value>150</Value>", f"<Value>{odd}</Value>", 2).replace(
            f"<Value>{odd}</Value>", "<Value>150</Value>", 1
        ),
        text.replace("<DistanceMeters>30</DistanceMeters>", f"<DistanceMeters>{odd}</DistanceMeters>"),
    ):
        activity = import_tcx(written(tmp_path, "a.tcx", bad))
        facts = activity_recording(activity).info["activity"]
        assert (facts["duration_s"], facts["distance_m"]) == (19.0, 57.0)
        assert activity.rows[["heart_rate_bpm", "distance_m"]].isna().sum().sum() <= 1
        assert not (activity.rows["heart_rate_bpm"] == 0.0).any()
        assert bool(odd) == any("could not be read" in note for note in activity.notes)
    when = text.replace((START + timedelta(seconds=7)).isoformat(), odd)
    assert len(import_tcx(written(tmp_path, "b.tcx", when)).rows) == 19


def test_a_wild_date_is_left_out_and_a_cut_file_read(tmp_path: Path) -> None:
    wild = points(0, 31).replace(START.isoformat(), "1970-01-01T00:00:00Z", 1)
    activity = import_gpx(written(tmp_path, "a.gpx", gpx(wild)))
    assert len(activity.rows) == 30
    assert activity.started_at == START + timedelta(seconds=1)
    assert "clock not yet set" in activity.notes[0]
    text = gpx(points(0, 31))
    cut = import_gpx(written(tmp_path, "b.gpx", text[: len(text) // 2]))
    assert 10 <= len(cut.rows) < 31
    assert any("cut off" in note for note in cut.notes)


def test_two_points_of_a_moment_are_put_together(tmp_path: Path) -> None:
    both = trackpoints(20, "<HeartRateBpm><Value>150</Value></HeartRateBpm>") + trackpoints(
        20, "<DistanceMeters>{m}</DistanceMeters>"
    )
    rows = import_tcx(written(tmp_path, "a.tcx", tcx(lap(19, 57, both)))).rows
    assert len(rows) == 20
    assert rows[["heart_rate_bpm", "distance_m"]].notna().all().all()
    table = pd.DataFrame({"t_s": [0.0, 0.0], "heart_rate_bpm": [150.0, 160.0], "distance_m": [1.0, np.nan]})
    joined, notes = join_moments(table)
    assert joined.to_dict("records") == [{"t_s": 0.0, "heart_rate_bpm": 155.0, "distance_m": 1.0}]
    assert "two values of heart_rate_bpm" in notes[0]


def test_lap_totals_stand_in_where_points_are_silent(tmp_path: Path) -> None:
    alone = activity_recording(import_tcx(written(tmp_path, "a.tcx", tcx(lap(1800, 5000)))))
    assert alone.info["activity"]["duration_s"] == 1800.0
    assert alone.info["activity"]["distance_m"] == 5000.0
    run = watch_run(alone)
    assert run is not None
    assert (run.minutes, run.distance_m, run.heart_rate_bpm, run.climb_m) == (30.0, 5000.0, 150.0, None)
    assert run.started_at == START
    heart_only = trackpoints(31, "<HeartRateBpm><Value>150</Value></HeartRateBpm>")
    silent = activity_recording(import_tcx(written(tmp_path, "b.tcx", tcx(lap(30, 90, heart_only)))))
    assert silent.info["activity"]["distance_m"] == 90.0


def test_a_watch_without_a_clock_has_no_start() -> None:
    found = Points()
    for second in range(30):
        found.add(1000.0 + second, 0, {"distance_m": 3.0 * second})
    table = watch_table(found)
    assert table.started_at is None
    assert table.rows["t_s"].iloc[-1] == 29.0
    assert any("no date" in note for note in table.notes)


# --- received, and then kept ---


def test_what_a_watch_recorded_reaches_summary_tables_and_exports(tmp_path: Path) -> None:
    inner = (
        "<HeartRateBpm><Value>150</Value></HeartRateBpm><AltitudeMeters>{m}</AltitudeMeters><Cadence>85</Cadence>"
        "<DistanceMeters>{m}</DistanceMeters><Extensions><TPX><Speed>3.0</Speed><Watts>250</Watts></TPX></Extensions>"
    )
    text = tcx(lap(15, 45, trackpoints(31, inner)) + lap(15, 45, trackpoints(0, inner), start_s=15))
    activity = import_tcx(written(tmp_path, "a.tcx", text))
    write_session(tmp_path / "s", activity_recording(activity))
    recording = read_session(tmp_path / "s")
    assert recording.watch is not None
    for name, values in activity.rows.items():
        np.testing.assert_array_equal(recording.watch.rows[str(name)], values)
    summary = analyze_recording(recording).summary["watch"]
    assert summary["distance_m"] == 90.0
    assert summary["heart_rate_bpm"] == 150.0
    assert summary["climb_m"] == 90.0
    assert summary["measures"]["cadence_spm"]["median"] == 170.0
    assert len(summary["laps"]) == 2
    frames = signal_frames(recording)
    read = {name for name in activity.rows if activity.rows[name].notna().any()}
    assert read == {
        "t_s",
        "heart_rate_bpm",
        "altitude_m",
        "cadence_spm",
        "distance_m",
        "speed_mps",
        "power_w",
    }
    assert read <= set(frames["watch"].columns)
    assert len(frames["laps"]) == 2
    export_fit(recording, analyze_recording(recording).strides, tmp_path / "back.fit")
    back = import_fit(tmp_path / "back.fit")
    for name in read:
        np.testing.assert_allclose(back.rows[name], activity.rows[name], atol=0.2)
    assert len(back.laps) == 2


# --- another reader agrees ---


def test_gpxpy_agrees_on_time_and_distance(tmp_path: Path) -> None:
    gpxpy = pytest.importorskip("gpxpy")
    for text in (
        gpx(points(0, 31)),
        gpx(points(3600, 31, 11_000.0), points(0, 31)),
        gpx(points(0, 9), points(100, 20)),
    ):
        other = gpxpy.parse(text)
        activity = import_gpx(written(tmp_path, "a.gpx", text))
        facts = activity_recording(activity).info["activity"]
        # Its earth is 6378 km, ours 6371 km in radius.
        assert facts["distance_m"] == pytest.approx(other.length_2d(), rel=2e-3)
        bounds = other.get_time_bounds()
        moments = [point.time for track in other.tracks for part in track.segments for point in part.points]
        assert activity.started_at == min(moments)
        assert facts["duration_s"] == (max(moments) - min(moments)).total_seconds()
        assert bounds is not None


# --- mutation ---


@given(st.data())
def test_mutated_xml_gives_a_run_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = tcx(
        lap(
            9,
            27,
            trackpoints(
                10, "<HeartRateBpm><Value>150</Value></HeartRateBpm><DistanceMeters>{m}</DistanceMeters>"
            ),
        )
    )
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(
            st.sampled_from([b"", b"<", b">", b"&", b"\0", b"\xff", b"9", b"-", b"</Lap>", b"<Track>"])
        )
        content[place : place + data.draw(st.integers(0, 5))] = piece
    path = tmp_path_factory.mktemp("m") / "a.tcx"
    path.write_bytes(content)
    from tallrun.sessions.xml_import import _read_tcx

    try:
        activity = _read_tcx(path, "auto")
    except FormatError as error:
        told = str(error)
    else:
        told = ""
        _check_rows(activity.rows)
    assert "\n" not in told


def _check_rows(rows: pd.DataFrame) -> None:
    assert rows["t_s"].is_monotonic_increasing
    assert not (rows["heart_rate_bpm"] == 0.0).any()
    assert not (rows["distance_m"].diff() < 0.0).any()
