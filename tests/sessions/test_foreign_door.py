"""The door for files of strangers, tables as devices write them, guesses, archives: kept or refused in one line."""

from __future__ import annotations

import gzip
import os
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.cli import main
from tallrun.errors import FormatError, TallrunError
from tallrun.sessions import read_session
from tallrun.sessions.assembling import ImportFacts
from tallrun.sessions.csv_guess import guess_csv
from tallrun.sessions.csv_import import apart_layouts, column_layout, import_csv
from tallrun.sessions.csv_layouts import PRESETS
from tallrun.sessions.door import behind_door
from tallrun.sessions.fit_import import import_fit
from tallrun.sessions.matlab_import import import_matlab
from tallrun.sessions.xdf_import import import_xdf
from tallrun.sessions.xml_import import import_gpx, import_tcx

N, RATE_HZ = 120, 100.0
T_S = np.arange(N) / RATE_HZ
ACC_G = np.column_stack((0.2 * np.sin(9 * T_S), np.full(N, 0.1), 1.0 + 0.3 * np.sin(25 * T_S)))
GYR_DPS = np.column_stack((5.0 * T_S, 250.0 * np.cos(6 * T_S), 3.0 * np.sin(T_S)))


@pytest.fixture(autouse=True)
def only_these_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("formats",))


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main([str(arg) for arg in args])
    told = capsys.readouterr()
    return (stopped.value.code if isinstance(stopped.value.code, int) else 0), told.out + told.err


def _crash(path: Path) -> None:
    os.abort()


def _fill(path: Path) -> int:
    return len(bytearray(64 * 1024**3))


def _spin(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
    while True:
        pass


def _raise(path: Path) -> None:
    raise ZeroDivisionError("of its own")


@pytest.mark.parametrize(
    ("read", "words"),
    [(_crash, "ends the reader"), (_fill, "needs more memory"), (_spin, "takes more than"),
     (_raise, "is damaged or not")],
)  # fmt: skip
def test_what_a_parser_does_costs_one_line(
    tmp_path: Path, read: Callable[[Path], object], words: str
) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(FormatError, match=words) as caught:
        behind_door(read, tmp_path / "x", most_bytes=10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [import_fit, import_tcx, import_gpx, guess_csv])
def test_pipes_devices_and_folders_are_no_files(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "none"):
        started_s = time.monotonic()
        with pytest.raises(FormatError, match="cannot be read"):
            read(path)
        assert time.monotonic() - started_s < 5.0


def test_hostile_content_is_quickly_refused_or_read(tmp_path: Path) -> None:
    started_s = time.monotonic()
    attribute = (
        '<gpx><trk><trkseg><trkpt lat="1" lon="2" name="' + "a" * 12_000_000 + '"/></trkseg></trk></gpx>'
    )
    (tmp_path / "a.gpx").write_text(attribute)
    with pytest.raises(FormatError):
        import_gpx(tmp_path / "a.gpx")
    rows = "\n".join(f"{t},{x},{y},{z}" for t, (x, y, z) in zip(T_S, ACC_G, strict=True))
    (tmp_path / "a.csv").write_text("t,x,y,z\n" + rows.replace("\n", "\n", 1) + "\n1.2,1e3086375122,0,0\n")
    layout = column_layout(["x,y,z"], [], [], "t", "s", None)
    with pytest.raises(TallrunError):
        import_csv([tmp_path / "a.csv"], [layout], ["pelvis"], ImportFacts())
    assert time.monotonic() - started_s < 30.0


# --- tables ---


def table(
    path: Path, names: str, columns: list[np.ndarray | list[str]], before: str = "", sep: str = ","
) -> Path:
    rows = (sep.join(str(value) for value in row) for row in zip(*columns, strict=True))
    path.write_text(before + names.replace(",", sep) + "\n" + "\n".join(rows) + "\n")
    return path


def test_signals_in_files_of_their_own_are_joined(tmp_path: Path) -> None:
    acc = table(tmp_path / "a.csv", "elapsed (s),x (g),y (g),z (g)", [T_S, *ACC_G.T])
    gyr = table(tmp_path / "g.csv", "elapsed (s),x (deg/s),y (deg/s),z (deg/s)", [T_S, *GYR_DPS.T])
    layout = column_layout(
        ["x (g),y (g),z (g)"], ["x (deg/s),y (deg/s),z (deg/s)"], [], "elapsed (s)", None, None
    )
    imported = import_csv([acc, gyr], apart_layouts(layout, ["a.csv", "g.csv"]), ["foot_left"], ImportFacts())
    sensor = imported.recording.sensors["foot_left"]
    assert sensor.gyr_radps is not None
    np.testing.assert_allclose(np.degrees(sensor.gyr_radps), GYR_DPS, atol=1e-9)
    same = column_layout(["x,y,z"], ["x,y,z"], [], "t", None, None)
    with pytest.raises(FormatError, match="same column names"):
        apart_layouts(same, ["one.csv", "two.csv"])


def test_a_row_of_units_is_read(tmp_path: Path) -> None:
    units = "ms,m/(s^2),m/(s^2),m/(s^2)\n"
    path = table(
        tmp_path / "a.csv",
        "T_CAL,X_CAL,Y_CAL,Z_CAL\n" + units.strip(),
        [1000 * T_S, *(9.80665 * ACC_G).T],
        '"sep=,"\n',
    )
    layout = column_layout(["X_CAL,Y_CAL,Z_CAL"], [], [], "T_CAL", None, None)
    sensor = import_csv([path], [layout], ["pelvis"], ImportFacts()).recording.sensors["pelvis"]
    assert sensor.t_s.size == N
    assert sensor.spec.rate_hz == RATE_HZ
    np.testing.assert_allclose(sensor.acc_mps2, 9.80665 * ACC_G)


@pytest.mark.parametrize(
    "clock",
    ["{h:02d}:{m:02d}:{s:06.3f}", "5/{d}/2025 {h}:{m:02d}:{s:06.3f}", "2025-05-0{d}T{h:02d}:{m:02d}:{s:06.3f}",
     "2025-5-{d} {h}:{m}:{s:06.3f}"],
)  # fmt: skip
def test_clock_times_keep_gaps_and_pass_midnight(tmp_path: Path, clock: str) -> None:
    t_s = np.concatenate((T_S[:60], T_S[60:] + 2.0)) + 86_399.5
    stamps = []
    for t in t_s:
        day, rest = divmod(round(t, 3), 86_400.0)
        stamps.append(clock.format(d=1 + int(day), h=int(rest // 3600), m=int(rest // 60 % 60), s=rest % 60))
    if "{m}:" in clock:
        stamps = [stamp.replace(":0:", ":00:") for stamp in stamps]
    path = table(
        tmp_path / "a.csv",
        "when,x (g),y (g),z (g)",
        [stamps, *ACC_G.T],
        "StartTime: 2025-05-01 08:00:00\n",
        "\t",
    )
    layout = column_layout(["x (g),y (g),z (g)"], [], [], "when", None, None)
    sensor = import_csv([path], [layout], ["pelvis"], ImportFacts()).recording.sensors["pelvis"]
    np.testing.assert_allclose(sensor.t_s, t_s - t_s[0], atol=2e-3)


def test_an_empty_stamp_column_leaves_the_counter(tmp_path: Path) -> None:
    names = "PacketCounter,SampleTimeFine,Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z"
    columns = [np.arange(N) + 27_626, [""] * N, *(9.80665 * ACC_G).T, *GYR_DPS.T]
    path = table(tmp_path / "a.csv", names, columns)
    sensor = import_csv([path], PRESETS["xsens-dot"], ["foot_left"], ImportFacts()).recording.sensors[
        "foot_left"
    ]
    assert (sensor.t_s.size, sensor.spec.rate_hz) == (N, 60.0)


def test_a_name_that_is_there_twice_is_asked(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "t,x,y,z,x,y,z", [T_S, *ACC_G.T, *GYR_DPS.T])
    with pytest.raises(FormatError, match="'x' is there 2 times"):
        import_csv([path], [column_layout(["x,y,z"], [], [], "t", "s", None)], ["pelvis"], ImportFacts())


@pytest.mark.parametrize(
    ("acc_unit", "factor", "time_unit", "ticks", "sep"),
    [("g", 1.0, "s", 1.0, ","), ("mps2", 9.80665, "ms", 1e3, ";"), ("mg", 1000.0, "us", 1e6, "\t")],
)
def test_a_guess_names_units_rate_and_gaps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], acc_unit: str, factor: float, time_unit: str, ticks: float,
    sep: str,
) -> None:  # fmt: skip
    t = np.concatenate((T_S[:60], T_S[60:] + 0.5)) * ticks
    path = table(
        tmp_path / "a.csv",
        "time,Acc_X,Acc_Y,Acc_Z,Gyr_X,Gyr_Y,Gyr_Z",
        [t, *(factor * ACC_G).T, *GYR_DPS.T],
        "",
        sep,
    )
    guess = guess_csv(path)
    command = guess.command()
    assert f"--time-unit {time_unit}" in command
    assert f"--acc-unit {acc_unit}" in command
    assert "--gyr-unit dps" in command
    assert "100 Hz" in " ".join(guess.said)
    assert "1 gap, the longest 0.51 s" in " ".join(guess.said)
    assert len(guess.asked) == 1
    assert run(capsys, "import", "csv", "--guess", path)[0] == 0
    words = command.replace("WHERE", "foot_left").replace("SESSION", str(tmp_path / "s")).split()[1:]
    assert run(capsys, *words)[0] == 0
    assert len(read_session(tmp_path / "s").sensors["foot_left"].t_s) == N


def test_what_is_unsure_is_asked(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "n,p,q,r", [np.arange(N), *ACC_G.T])
    assert any("no x, y and z" in line for line in guess_csv(path).asked)
    (tmp_path / "b.csv").write_text("dear diary,\nnothing here, really\n")
    with pytest.raises(FormatError, match="no row of column names"):
        guess_csv(tmp_path / "b.csv")


# --- archives ---


GPX = (
    '<gpx><trk><type>{kind}</type><trkseg><trkpt lat="1" lon="2"><time>2025-05-0{day}T08:00:00Z</time></trkpt>'
    '<trkpt lat="1.0005" lon="2"><time>2025-05-0{day}T08:00:30Z</time></trkpt></trkseg></trk></gpx>'
)


def test_a_folder_of_watch_files_is_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "export"
    home.mkdir()
    (home / "1.gpx").write_text(GPX.format(kind="running", day=1))
    (home / "2.gpx.gz").write_bytes(gzip.compress(GPX.format(kind="walking", day=2).encode()))
    (home / "3.gpx").write_text(GPX.format(kind="cycling", day=3))
    (home / "notes.csv").write_text("a,b\n")
    (home / "bad.zip").write_bytes(b"PK\x03\x04 no archive")
    with zipfile.ZipFile(home / "in.zip", "w") as inner:
        inner.writestr("../../evil.gpx", GPX.format(kind="running", day=4))
        inner.writestr("double.gpx", GPX.format(kind="running", day=1))
    (tmp_path / "apple").mkdir()
    (tmp_path / "apple" / "export.xml").write_text(
        "<!DOCTYPE HealthData [<!ELEMENT HealthData ANY>]><HealthData>"
        '<Record type="HKQuantityTypeIdentifierHeartRate" startDate="2025-05-05 08:10:00 +0200" value="140"/>'
        '<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="30" durationUnit="min" '
        'startDate="2025-05-05 08:00:00 +0200" endDate="2025-05-05 08:30:00 +0200">'
        '<WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="5" unit="km"/></Workout>'
        '<Workout workoutActivityType="HKWorkoutActivityTypeSwimming" startDate="2025-05-06 08:00:00 +0200"/>'
        "</HealthData>"
    )
    out = tmp_path / "out"
    code, told = run(capsys, "import", "watch", home, tmp_path / "apple", "--out", out)
    assert code == 0, told
    made = sorted(path.name for path in out.iterdir())
    assert [name[:10] for name in made] == ["2025-05-01", "2025-05-02", "2025-05-04", "2025-05-05"]
    assert "4 imported, 1 there already, 2 refused, 1 no watch files" in told
    apple = read_session(out / made[-1])
    assert apple.info["activity"]["duration_s"] == 1800.0
    assert apple.info["activity"]["distance_m"] == 5000.0
    assert apple.info["started_at"] == "2025-05-05T08:00:00+02:00"
    assert not (tmp_path.parent / "evil.gpx").exists()
    assert "0 imported, 4 there already" in run(capsys, "import", "watch", home, "--out", out)[1]


def test_an_archive_that_unpacks_without_end_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bomb.gpx.gz").write_bytes(gzip.compress(b"<gpx>" + b" " * 60_000_000))
    code, told = run(capsys, "import", "watch", tmp_path / "bomb.gpx.gz", "--out", tmp_path / "o")
    assert code == 1
    assert "which no watch file does" in told


# --- mutation over every reader ---


READERS: dict[str, Callable[[Path], object]] = {
    "fit": import_fit,
    "gpx": import_gpx,
    "tcx": import_tcx,
    "mat": lambda path: import_matlab(path, "foot_left", ImportFacts()),
    "xdf": lambda path: import_xdf(path, {"LeftIMU": "foot_left"}, ImportFacts(), acc_unit="mps2"),
    "csv": guess_csv,
}


@pytest.mark.parametrize("kind", READERS)
@given(st.data())
def test_mutated_files_of_the_world_give_a_result_or_one_line(
    kind: str, real_data: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    files = sorted((real_data.parent / "cases").glob(f"*/*.{kind}"))
    if not files:
        pytest.skip("the small inputs that fail are not beside the checkout")
    content = bytearray(data.draw(st.sampled_from(files)).read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    path = tmp_path_factory.mktemp("m") / f"a.{kind}"
    path.write_bytes(
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    try:
        READERS[kind](path)
    except TallrunError as error:
        told = str(error)
    else:
        told = ""
    assert "\n" not in told
