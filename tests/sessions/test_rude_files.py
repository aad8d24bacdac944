"""Files as other programs really write them: odd dates, distances that count something else, sports in any language,
tables of spreadsheets. Each kind has several members, so that a cure for one of them is none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from support.fit_bytes import Message, file_id, fit_bytes, record, session, stamp
from tallrun.errors import FormatError, TallrunError
from tallrun.sessions.activity import Activity, activity_recording
from tallrun.sessions.assembling import Imported, ImportFacts
from tallrun.sessions.csv_guess import guess_csv
from tallrun.sessions.csv_import import apart_layouts, column_layout, import_csv
from tallrun.sessions.csv_layouts import with_units
from tallrun.sessions.fit_import import _read_fit
from tallrun.sessions.sports import sport_on_foot
from tallrun.sessions.watch_points import moment, steps_per_min
from tallrun.sessions.xml_import import _read_gpx, _read_tcx

START = datetime(2025, 5, 1, 8, tzinfo=UTC)
M_PER_DEG = 111_194.9266


def gpx(points: str, before: str = "", kind: str = "", attributes: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><gpx creator="t" {attributes}>{before}<trk>{kind}<trkseg>{points}'
        "</trkseg></trk></gpx>"
    )


def points(
    n: int = 31,
    first_s: int = 0,
    mps: float = 3.0,
    inner: str = "",
    written: Callable[[datetime], str] | None = None,
) -> str:
    write = written or (lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}")
    return "".join(
        f'<trkpt lat="{10 + mps * i / M_PER_DEG:.8f}" lon="20"><time>{write(START + timedelta(seconds=first_s + i))}'
        f"</time>{inner}</trkpt>"
        for i in range(n)
    )


def tcx(
    track: Callable[[int], str], metres: float = 90.0, start: str = "2025-05-01T08:00:00Z", n: int = 31
) -> str:
    rows = "".join(
        f"<Trackpoint><Time>2025-05-01T08:00:{i:02d}Z</Time>{track(i)}</Trackpoint>" for i in range(n)
    )
    return (
        '<TrainingCenterDatabase><Activities><Activity Sport="Running"><Id>2025-05-01T08:00:00Z</Id>'
        f'<Lap StartTime="{start}"><TotalTimeSeconds>30</TotalTimeSeconds><DistanceMeters>{metres}</DistanceMeters>'
        f"<Track>{rows}</Track></Lap></Activity></Activities></TrainingCenterDatabase>"
    )


def position(i: int) -> str:
    return (
        f"<Position><LatitudeDegrees>{10 + 3 * i / M_PER_DEG:.8f}</LatitudeDegrees>"
        "<LongitudeDegrees>20</LongitudeDegrees></Position>"
    )


def read(folder: Path, content: str | bytes, kind: str = "gpx") -> Activity:
    path = folder / f"a.{kind}"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    if kind == "fit":
        return _read_fit(path, "auto", False)
    return (_read_gpx if kind == "gpx" else _read_tcx)(path, "auto")


def facts(activity: Activity) -> tuple[float, float | None, float | None]:
    said = activity_recording(activity).info["activity"]
    metres = said["distance_m"]
    return said["duration_s"], None if metres is None else round(metres), said["cadence_spm"]


# --- time ---


@pytest.mark.parametrize(
    "text",
    [
        "2025-05-01T08:00:07Z", "2025-5-1T8:0:7Z", "2025/05/01 08:00:07 UTC", "2025-05-01t08:00:07.000z",
        "2025-05-01T10:00:07+0200", "2025-05-01T08:00:07+00:00Z", "٢٠٢٥-٠٥-٠١T٠٨:٠٠:٠٧Z", "1746086407",
        "1746086407000", " 2025-05-01 08:00:07 GMT ",
    ],
)  # fmt: skip
def test_each_way_of_writing_a_moment_is_read(text: str) -> None:
    assert moment(text) == START + timedelta(seconds=7)


@pytest.mark.parametrize(
    "text", ["", "null", "today", "99999999999999", "2025-13-01T08:00:00Z", "12", "08:00:07"]
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize("year", [1970, 2000, 2568])
def test_a_clock_that_cannot_be_right_gives_a_run_without_a_start(tmp_path: Path, year: int) -> None:
    activity = read(tmp_path, gpx(points(written=lambda at: f"{at.replace(year=year):%Y-%m-%dT%H:%M:%SZ}")))
    assert activity.started_at is None
    assert facts(activity)[:2] == (30.0, 90.0)
    assert any(str(year) in note for note in activity.notes)


@pytest.mark.parametrize("astray_s", [-10_800, 7200])
def test_a_lone_point_hours_away_does_not_stretch_the_run(tmp_path: Path, astray_s: int) -> None:
    activity = read(tmp_path, gpx(points(1, astray_s) + points(30, 1)))
    assert facts(activity)[0] == 29.0
    assert activity.started_at == START + timedelta(seconds=1)
    assert any("over an hour away" in note for note in activity.notes)
    # A pause of hours between two real parts stays a pause.
    both = read(tmp_path, gpx(points(31) + points(31, 7200)))
    assert facts(both)[0] == 7230.0


# --- what an XML file is ---


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "          " + text,
        lambda text: "\ufeff\n" + text,
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("UTF-8", "UTF-16"),
        lambda text: text.replace("<trk>", "<name>Run & Fun</name><trk>"),
        lambda text: text.replace("<trk>", "<name>L\u00e4ufe</name><trk>").encode("latin-1"),
        lambda text: text.encode() + b"\0" * 64,
        lambda text: text.replace('lat="10.', 'lat="10,'),
    ],
)
def test_sloppy_xml_is_the_run_it_holds(tmp_path: Path, change: Callable[[str], str | bytes]) -> None:
    inner = "<extensions><gpxtpx:hr>150</gpxtpx:hr><gpxtpx:cad>85</gpxtpx:cad></extensions>"
    text = gpx(points(inner=inner)).replace("UTF-8", "UTF-8")
    changed = change(text)
    if isinstance(changed, bytes) and changed.startswith(b"\xff\xfe"):
        changed = text.replace("UTF-8", "UTF-16").encode("utf-16")
    activity = read(tmp_path, changed)
    assert facts(activity) == (30.0, 90.0, 170.0)
    assert set(activity.rows["heart_rate_bpm"]) == {150.0}


def test_a_file_under_the_other_formats_name_is_read_whole(tmp_path: Path) -> None:
    track = tcx(lambda i: f"<DistanceMeters>{3 * i}</DistanceMeters>")
    for text, kind in ((track, "gpx"), (gpx(points()), "tcx")):
        activity = read(tmp_path, text, kind)
        assert (len(activity.rows), facts(activity)[:2]) == (31, (30.0, 90.0))
        assert any("was expected" in note for note in activity.notes)


@pytest.mark.parametrize(
    ("word", "on_foot"),
    [
        ("Course à pied", True), ("Löpning", True), ("Hardlopen", True), ("Бег", True), ("跑步", True),
        ("ランニング", True), ("Correr", True), ("Bieganie", True), ("Caminata", True), ("Løb", True),
        ("Ciclismo", False), ("Fietsen", False), ("Natación", False), ("Велосипед", False), ("骑行", False),
        ("サイクリング", False), ("Fahrrad", False), ("Vélo", False), ("Langlauf", False), ("Schwimmen", False),
        ("Kolarstwo", False), ("Pyöräily", False), ("Inliner", False), ("bus", False), ("indoor_cardio", False),
        ("Geocaching", None), ("16", None),
    ],
)  # fmt: skip
def test_sports_are_told_apart_in_other_languages(word: str, on_foot: bool | None) -> None:
    assert sport_on_foot(word)[1] is on_foot


@pytest.mark.parametrize(
    "said",
    [
        "<type><![CDATA[cycling]]></type>",
        "<Type>Biking</Type>",
        "<extensions><typeTranslated>Biking</typeTranslated></extensions>",
        "<extensions><activity>cycling</activity></extensions>",
        "<name>Cycling 5/1/25 8:00 am</name>",
        "<name>Morning Ride</name>",
    ],
)
def test_a_ride_is_known_wherever_the_file_says_so(tmp_path: Path, said: str) -> None:
    with pytest.raises(FormatError, match="only running and walking"):
        read(tmp_path, gpx(points(), kind=said))


def test_a_file_that_does_not_say_its_sport_is_told_of_and_never_faster_than_feet(tmp_path: Path) -> None:
    activity = read(tmp_path, gpx(points(), kind="<name>Ride to the lake and run back</name>"))
    assert "the file does not say its sport; it was read as a run" in activity.notes
    assert (
        "the file does not say its sport; it was read as a run"
        not in read(tmp_path, gpx(points(), kind="<name>Evening Run</name>")).notes
    )
    assert facts(read(tmp_path, gpx(points(400, mps=5.0))))[1] == 1995.0
    with pytest.raises(FormatError, match="no runner does"):
        read(tmp_path, gpx(points(400, mps=8.0)))


# --- distance ---


@pytest.mark.parametrize(
    "track",
    [
        lambda i: position(i) + "<DistanceMeters>0.0</DistanceMeters>",
        lambda i: position(i) + f"<DistanceMeters>{0.003 * i}</DistanceMeters>",
        lambda i: position(i) + "<DistanceMeters>3</DistanceMeters>",
        lambda i: "<DistanceMeters>0</DistanceMeters>",
        lambda i: "<DistanceMeters>3</DistanceMeters>",
        lambda i: f"<DistanceMeters>{40_330 + 3 * i}</DistanceMeters>",
        lambda i: f"<DistanceMeters>{1000 + 3 * i:,.1f}</DistanceMeters>",
    ],
)
def test_a_distance_that_counts_something_else_gives_way(tmp_path: Path, track: Callable[[int], str]) -> None:
    activity = read(tmp_path, tcx(track), "tcx")
    assert facts(activity)[:2] == (30.0, 90.0)


def test_metres_since_the_point_before_are_added_up(tmp_path: Path) -> None:
    space = 'xmlns:o="http://opentracksapp.com/xmlns/v1" xmlns:c="http://www.cluetrust.com/XML/GPXDATA/1/0"'
    legs = gpx(points(inner="<o:distance>3</o:distance>"), attributes=space).replace('lat="10.', 'was="')
    assert facts(read(tmp_path, legs))[1] == 93.0
    both = legs
    for i in range(31):
        both = both.replace(
            "</o:distance></trkpt>", f"</o:distance><c:distance>{3 * i}</c:distance></trkpt>", 1
        )
    assert facts(read(tmp_path, both))[1] == 90.0


def test_nothing_measured_is_no_zero(tmp_path: Path) -> None:
    alone = read(tmp_path, tcx(lambda i: "", 0.0, n=0), "tcx")
    assert facts(alone)[:2] == (30.0, None)


@pytest.mark.parametrize(("factor", "unit"), [(3.6, "km/h"), (2.23694, "miles an hour"), (1.0, "")])
def test_speed_in_another_unit_is_seen_by_the_distance(tmp_path: Path, factor: float, unit: str) -> None:
    activity = read(tmp_path, gpx(points(inner=f"<speed>{3.0 * factor:.3f}</speed>")))
    assert activity.rows["speed_mps"].median() == pytest.approx(3.0, rel=1e-3)
    assert any("fits its distance" in note for note in activity.notes) == bool(unit)


def test_a_lap_without_a_start_begins_with_the_activity(tmp_path: Path) -> None:
    activity = read(tmp_path, tcx(lambda i: "", start="null", n=0), "tcx")
    assert activity.started_at == START


def test_steps_of_two_feet_under_their_own_name(tmp_path: Path) -> None:
    for inner in ("<StepsPerMinute>100</StepsPerMinute>", "<spm>100</spm>", "<run_cadence>50</run_cadence>"):
        assert facts(read(tmp_path, gpx(points(inner=inner))))[2] == 100.0


def test_a_value_nobody_can_run_proves_nothing_about_steps() -> None:
    values, stored_as = steps_per_min(np.array([85.0, 254.0, 85.0]), np.full(3, np.nan), "auto")
    assert stored_as == "strides"
    np.testing.assert_array_equal(values, [170.0, np.nan, 170.0])


# --- FIT ---

AT = stamp(START)


def run_fit(first_s: int = 0, sport: int = 1, **values: int) -> list[Message]:
    rows = [record(AT + first_s + i, **({"hr": 150, "cad": 85, "dist": 300 * i} | values)) for i in range(31)]
    return [*rows, session(AT + first_s, 30, 90, sport)]


def damaged_header(content: bytes) -> bytes:
    return content[:12] + b"\x12\x34" + content[14:-2] + b"\0\0"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (fit_bytes([file_id(), *run_fit()], header=12), ""),
        (fit_bytes([file_id(), *run_fit()]) + b"\0" * 100, "after the end"),
        (fit_bytes([file_id(), *run_fit()]) + b"garbage", "after the end"),
        (fit_bytes([file_id(), *run_fit(dist=0)]), "summary was taken"),
        (fit_bytes([*run_fit(), file_id()]), ""),
        (fit_bytes([file_id(), *run_fit(sport=0)]), "does not say its sport"),
        (fit_bytes([file_id(), *run_fit()[:-1], (12, [(0, "enum", 1)])]), ""),
    ],
)
def test_a_fit_file_that_is_not_by_the_book_is_the_run_it_holds(
    tmp_path: Path, content: bytes, words: str
) -> None:
    activity = read(tmp_path, content, "fit")
    assert facts(activity) == (30.0, 90.0, 170.0)
    assert words in " ".join(activity.notes)


def test_a_wrong_length_in_the_header_is_an_unclosed_file(tmp_path: Path) -> None:
    whole = fit_bytes([file_id(), *run_fit()])
    n = int.from_bytes(whole[4:8], "little")
    for said in (n // 2, n + 500):
        activity = read(tmp_path, whole[:4] + said.to_bytes(4, "little") + whole[8:], "fit")
        assert facts(activity) == (30.0, 90.0, 170.0)
        assert "never closed" in activity.notes[0]


def test_two_runs_in_one_fit_file_are_told(tmp_path: Path) -> None:
    chained = fit_bytes([file_id(), *run_fit()]) + fit_bytes([file_id(), *run_fit(36_000)])
    for content in (chained, fit_bytes([file_id(), *run_fit(), *run_fit(36_000)])):
        activity = read(tmp_path, content, "fit")
        assert facts(activity)[1] == 180.0
        assert activity_recording(activity).info["activity"]["timer_s"] == 60.0
        assert any("holds 2 runs" in note for note in activity.notes)
    with pytest.raises(FormatError, match="cycling"):
        read(tmp_path, fit_bytes([file_id(), *run_fit()]) + fit_bytes([file_id(), *run_fit(3600, 2)]), "fit")


def test_a_summary_alone_and_a_straps_own_records_count(tmp_path: Path) -> None:
    alone = read(tmp_path, fit_bytes([file_id(), session(AT, 1800, 5000)]), "fit")
    assert facts(alone)[:2] == (1800.0, 5000.0)
    heart: list[Message] = [(132, [(253, "u32", AT + i), (6, "u8", 140)]) for i in range(31)]
    swum = read(tmp_path, fit_bytes([file_id(), *heart, *run_fit(hr=None)]), "fit")  # type: ignore[arg-type]
    assert set(swum.rows["heart_rate_bpm"]) == {140.0}


@pytest.mark.parametrize("kind", [5, 6])
def test_a_plan_stays_a_plan_with_a_summary_in_it(tmp_path: Path, kind: int) -> None:
    with pytest.raises(FormatError, match="no run that took place"):
        read(tmp_path, fit_bytes([file_id(kind), *run_fit()]), "fit")


# --- tables ---

N = 120
T = np.arange(N) / 100.0
ACC_G = np.column_stack(
    (0.2 * np.sin(np.arange(N) / 5), 0.1 * np.cos(np.arange(N) / 7), 1 + 0.3 * np.sin(np.arange(N) / 3))
)


def table(
    number: Callable[[float], str] = lambda v: f"{v:.4f}",
    time: Callable[[float], str] = lambda t: f"{t:.2f}",
    sep: str = ",",
    head: str = "t,ax,ay,az",
) -> list[str]:
    rows = [sep.join((time(T[i]), *(number(v) for v in ACC_G[i]))) for i in range(N)]
    return [head.replace(",", sep), *rows]


def taken(
    folder: Path, content: list[str] | bytes, acc: str = "ax,ay,az", time: str = "t", unit: str | None = None
) -> Imported:
    path = folder / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else "\n".join(content).encode())
    layout = with_units(column_layout([acc], [], [], time, unit, None), "g", None, None)
    return import_csv([path], apart_layouts(layout, [path.name]), ["foot_left"], ImportFacts())


def comma(value: float) -> str:
    return f"{value:.4f}".replace(".", ",")


L = table()


@pytest.mark.parametrize(
    ("content", "unit"),
    [
        (table(lambda v: f"{v:.4f}".replace("-", "\u2212")), None),
        (table(lambda v: f'"{comma(v)}"', lambda t: f'"{comma(t)}"'), None),
        (table(comma, comma, "\t"), None),
        (table(comma, lambda t: f"08:00:{t:06.3f}".replace(".", ","), ";"), None),
        (table(time=lambda t: f'"{1e6 + 1000 * t:,.1f}"'), "ms"),
        (table(time=lambda t: f"{1e6 + 1000 * t:,.1f}".replace(",", "'")), "ms"),
        (table(time=lambda t: f"{1e6 + 1000 * t:,.1f}".replace(",", "\u202f")), "ms"),
        (table(sep=" "), None), (table(sep="   "), None),
        (["# " + L[0], *L[1:]], None), (["%" + L[0], *L[1:]], None),
        (["info: x"] * 80 + L, None),
        ([L[0], *(f'"{i}",{row}' for i, row in enumerate(L[1:], 1))], None),
        ([L[0], ",g,g,g", *L[1:]], None), ([L[0], "s,g,g,g", "CAL,CAL,CAL,CAL", *L[1:]], None),
        (table(time=lambda t: f"8:0:{int(t)}.{round(1000 * t) % 1000}"), None),
        (table(time=lambda t: f"{45_000.25 + t / 86_400:.10f}"), "days"),
        ("\n".join(L).encode("utf-16-le"), None),
        ([*L[:50], L[51], L[50], *L[52:]], None),
        ([*L[:60], L[0], *L[60:]], None), ([*L[:60], "# paused", "# resumed", *L[60:]], None),
        ([*L, "# end of file"], None), ([*L, "", "Total samples: 120"], None),
        ("\n".join([*L, ""]).encode() + b"\0" * 512, None),
    ],
)  # fmt: skip
def test_a_table_is_read_however_it_is_written(
    tmp_path: Path, content: list[str] | bytes, unit: str | None
) -> None:
    sensor = taken(tmp_path, content, unit=unit).recording.sensors["foot_left"]
    np.testing.assert_allclose(sensor.t_s, T, atol=1e-4)
    np.testing.assert_allclose(sensor.acc_mps2 / 9.80665, ACC_G, atol=1e-4)


@pytest.mark.parametrize("odd", ["overflow", "-", "#DIV/0!", "inf", "1e999", "null", "NaN", ""])
def test_one_odd_cell_is_unknown_and_told(tmp_path: Path, odd: str) -> None:
    for column in range(4):
        cells = L[50].split(",")
        cells[column] = odd
        imported = taken(tmp_path, [*L[:50], ",".join(cells), *L[51:]])
        sensor = imported.recording.sensors["foot_left"]
        assert sensor.t_s.size == (N - 1 if column == 0 else N)
        assert int(np.isnan(sensor.acc_mps2).sum()) == (0 if column == 0 else 1)
        told = " ".join(imported.notes)
        assert ("line 51" in told) == (odd not in ("null", "NaN", ""))
        assert column or "without a time" in told


def test_lines_that_are_no_rows_cost_themselves(tmp_path: Path) -> None:
    glued = taken(tmp_path, [*L[:50], L[50] + L[51], *L[52:]])
    assert glued.recording.sensors["foot_left"].t_s.size == N - 2
    assert "too many cells (first in line 51)" in glued.notes[0]
    for last in ("1.1", "1.19,0.1,"):
        cut = taken(tmp_path, [*L[:-1], last])
        assert cut.recording.sensors["foot_left"].t_s.size == N - 1
        assert "cut off" in cut.notes[0]


def test_a_column_of_words_and_a_clock_that_went_back_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TallrunError, match="is no number"):
        taken(tmp_path, [L[0], *(row.replace(row.split(",")[2], "x") for row in L[1:])])
    with pytest.raises(TallrunError, match="time goes back"):
        taken(tmp_path, L + L[1:])


def test_columns_may_be_named_without_their_unit_or_by_number(tmp_path: Path) -> None:
    rows = table(head="Time (s),Acc X (g),Acc Y (g),Acc Z (g)")
    for acc, time in (("Acc X,acc y,Acc Z", "Time"), ("2,3,4", "time (s)"), ("2,3,4", "1")):
        assert taken(tmp_path, rows, acc, time).recording.sensors["foot_left"].t_s.size == N
    path = tmp_path / "b.csv"
    path.write_text("\n".join(rows))
    layout = column_layout(["Acc X,Acc Y,Acc Z"], [], [], "Time", None, None)
    assert (
        import_csv([path], [layout], ["foot_left"], ImportFacts()).recording.sensors["foot_left"].t_s.size
        == N
    )
    with pytest.raises(FormatError, match="says g, but mps2"):
        import_csv([path], [with_units(layout, "mps2", None, None)], ["foot_left"], ImportFacts())


@pytest.mark.parametrize("sep", [" ", ";"])
def test_a_guess_understands_what_the_import_does(tmp_path: Path, sep: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join([*table(sep=sep)[:-1], "the end"]))
    guess = guess_csv(path)
    assert "--acc-columns ax,ay,az" in guess.command()
    assert any("100 Hz" in line for line in guess.said)
