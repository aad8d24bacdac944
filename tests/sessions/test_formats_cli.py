"""The import and export commands: one line and exit 1 for a domain error, a session or file otherwise."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fhir.resources.R4B.bundle import Bundle

from support.session_files import assert_same_recording, small_recording, small_session, swinging_sensor
from tallrun.cli import main
from tallrun.numerics.recording import Marker
from tallrun.sessions import read_session
from tallrun.sessions.fit_import import import_fit
from tallrun.sessions.recorder import FlightRecorder

ROOT = Path(__file__).resolve().parents[2]


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(list(args))
    code = stopped.value.code
    out, err = capsys.readouterr()
    return (code if isinstance(code, int) else 0), out, err


@pytest.fixture(autouse=True)
def only_these_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("formats",))
    monkeypatch.setenv("TALLRUN_DATA_DIR", str(tmp_path / "records"))


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    sensor = swinging_sensor("foot_left")
    table = np.column_stack((sensor.t_s, sensor.acc_mps2, sensor.gyr_radps))
    path = tmp_path / "run.csv"
    np.savetxt(path, table, delimiter=",", header="t,ax,ay,az,gx,gy,gz", comments="")
    return path


def test_import_csv_makes_a_session_with_all_that_was_told(
    capsys: pytest.CaptureFixture[str], csv_file: Path, tmp_path: Path
) -> None:
    code, out, err = run(
        capsys, "import", "csv", str(csv_file), "--out", str(tmp_path / "s"), "--placement", "foot_left",
        "--time-column", "t", "--acc-columns", "ax,ay,az", "--acc-unit", "mps2",
        "--gyr-columns", "gx,gy,gz", "--gyr-unit", "radps", "--model", "X", "--acc-range-g", "16",
        "--started-at", "2026-05-01T08:00:00+02:00", "--time-zone", "Europe/Berlin", "--surface", "road",
        "--height-m", "1.8",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert "foot_left: 600 samples, 3.0 s at 200 Hz, accelerometer and gyroscope" in out
    recording = read_session(tmp_path / "s")
    assert recording.sensors["foot_left"].spec.acc_range_g == 16.0
    assert recording.context == {"surface": "road"}
    assert recording.runner.height_m == 1.8
    assert recording.info["source"] == "imported from CSV: run.csv"


@pytest.mark.parametrize(
    ("extra", "code", "words"),
    [
        (["--preset", "xio"], 1, "lacks column"),
        (["--preset", "fitbit"], 1, "--preset must be one of gaitmap"),
        (["--preset", "xio", "--acc-columns", "a,b,c"], 1, "either --preset or columns"),
        ([], 1, "say which columns to read"),
        (["--acc-columns", "ax,ay"], 1, "expected three column names"),
        (
            ["--time-column", "t", "--acc-columns", "ax,ay,az", "--acc-unit", "g"],
            1,
            "it fits --acc-unit mps2",
        ),
        (
            [
                "--time-column",
                "t",
                "--acc-columns",
                "ax,ay,az",
                "--acc-unit",
                "mps2",
                "--started-at",
                "yesterday",
            ],
            1,
            "started_at must be ISO 8601 with an offset",
        ),
        (["--no-such-option"], 2, "No such option"),
    ],
)
def test_wrong_imports_give_one_line_and_no_session(
    capsys: pytest.CaptureFixture[str],
    csv_file: Path,
    tmp_path: Path,
    extra: list[str],
    code: int,
    words: str,
) -> None:
    args = ["import", "csv", str(csv_file), "--out", str(tmp_path / "s"), "--placement", "foot_left", *extra]
    found, _, err = run(capsys, *args)
    assert found == code
    assert words in err
    if code == 1:
        assert err.count("\n") == 1
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("kind", "name", "shown"),
    [
        ("bids", "data", "3 tracking systems of 1 subject written to"),
        ("bundle", "run.tallrun", "not encrypted, written to"),
    ],
)
def test_export_writes_and_tells_what(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str, name: str, shown: str
) -> None:
    small_session(tmp_path / "run")
    code, out, err = run(capsys, "export", str(tmp_path / "run"), "--to", kind, "-o", str(tmp_path / name))
    assert (code, err) == (0, "")
    assert shown in out
    assert (tmp_path / name).exists()
    code, _, err = run(capsys, "export", str(tmp_path / "run"), "--to", kind, "-o", str(tmp_path / name))
    assert code == 1
    assert "exists already" in err


def one_second_gpx(path: Path, seconds: int, year: int) -> Path:
    points = "".join(
        f'<trkpt lat="{52 + 2.5e-5 * i}" lon="4"><time>{year}-03-01T10:00:{i:02d}Z</time></trkpt>'
        for i in range(seconds)
    )
    path.write_text(
        f'<gpx creator="t" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{points}</trkseg></trk></gpx>'
    )
    return path


def test_a_point_alone_and_a_day_to_come_are_no_run(
    capsys: pytest.CaptureFixture[str], csv_file: Path, tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "s"))
    alone, later = (one_second_gpx(tmp_path / f"{year}.gpx", n, year) for n, year in ((1, 2026), (30, 2099)))
    code, _, err = run(capsys, "import", "gpx", str(alone), *out)
    assert code == 1
    assert "one moment only" in err
    code, _, err = run(capsys, "import", "gpx", str(later), *out)
    assert code == 1
    assert "2099.gpx: dated 2099-03-01T10:00+00:00, which is still to come" in err
    code, told, _ = run(capsys, "import", "watch", str(later), str(alone), *out)
    assert code == 1
    assert "0 imported, 2 refused" in told
    code, _, err = run(
        capsys, "import", "csv", str(csv_file), *out, "--placement", "foot_left", "--time-column", "t",
        "--acc-columns", "ax,ay,az", "--acc-unit", "mps2", "--started-at", "2099-03-01T10:00+00:00",
    )  # fmt: skip
    assert code == 1
    assert "still to come" in err
    assert not (tmp_path / "s").exists()
    assert run(capsys, "import", "gpx", str(later), *out, "--started-at", "2026-03-01T10:00+00:00")[0] == 0


def test_a_bundle_goes_out_sealed_and_comes_back(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    small_session(tmp_path / "run")
    (tmp_path / "secret").write_text("correct horse battery\n")
    seal = ["--passphrase-file", str(tmp_path / "secret")]
    code, out, _ = run(
        capsys, "export", str(tmp_path / "run"), "--to", "bundle", "-o", str(tmp_path / "b"), *seal
    )
    assert code == 0
    assert "files, encrypted, written" in out
    assert run(capsys, "import", "bundle", str(tmp_path / "b"), "--out", str(tmp_path / "x"))[0] == 1
    assert run(capsys, "import", "bundle", str(tmp_path / "b"), "--out", str(tmp_path / "x"), *seal)[0] == 0
    assert_same_recording(read_session(tmp_path / "x"), small_recording())


def test_an_unknown_export_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "export", str(tmp_path), "--to", "docx", "-o", str(tmp_path / "x"))
    assert code == 1
    assert "--to must be one of csv, parquet, fit, bids, fhir, bundle, got 'docx'" in err


def test_the_page_of_reasons_is_the_table_of_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "reasons", "--markdown")
    assert code == 0
    assert (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8") == out, (
        "run: tallrun reasons --markdown"
    )


def test_a_reason_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "reasons", "one_foot")[1].startswith("one_foot: Only one foot wore a sensor")
    assert run(capsys, "reasons", "nonsense")[0] == 1


def test_recover_brings_an_unfinished_folder_back(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recorder = FlightRecorder(tmp_path / "run", {"started_at": "2026-05-01T08:00:00+02:00", "bindings": {}})
    recorder.append_marker(1.0, Marker(1.0, "pain", "3"))
    recorder.flush(1.0)
    os.close(recorder._descriptor)  # what the system does with a program that dies
    recorder._descriptor = None
    (tmp_path / "data").mkdir()
    args = ("recover", str(tmp_path / "run"), "--data-dir", str(tmp_path / "data"))
    code, out, err = run(capsys, *args)
    assert (code, err) == (0, "")
    assert "1 packets until 1.0 s brought back" in out
    assert read_session(tmp_path / "run").markers == (Marker(1.0, "pain", "3"),)
    code, _, err = run(capsys, *args)
    assert code == 1
    assert "finished session already" in err


def test_a_real_jog_goes_out_in_every_format(
    capsys: pytest.CaptureFixture[str], real_data: Path, tmp_path: Path
) -> None:
    jog = str(next(path.parent for path in sorted(real_data.glob("pyshoe_jog_*/session.json"))))
    for kind in ("csv", "parquet", "fit", "fhir"):
        code, _, err = run(capsys, "export", jog, "--to", kind, "-o", str(tmp_path / kind))
        assert (code, err) == (0, "")
    assert {"foot_right.csv", "strides.csv"} <= {path.name for path in (tmp_path / "csv").iterdir()}
    strides = pd.read_parquet(tmp_path / "parquet" / "strides.parquet")
    assert len(strides) == len(pd.read_csv(tmp_path / "csv" / "strides.csv"))
    Bundle.model_validate_json((tmp_path / "fhir").read_text())
    cadence_spm = import_fit(tmp_path / "fit").rows["cadence_spm"].median()
    assert cadence_spm == pytest.approx(
        strides.loc[strides["mode"] == "run", "cadence_spm"].median(), abs=6.0
    )
    assert 140.0 < cadence_spm < 180.0


def documented_commands() -> list[str]:
    text = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.startswith("tallrun ")]


@pytest.mark.parametrize("command", documented_commands())
def test_documented_commands_are_understood(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Their files are missing here, so each ends with a domain error (1) and never with a usage error (2)."""
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *shlex.split(command)[1:])
    assert code == 1, err
    assert "cannot be read" in err or "is not a folder" in err or "is missing" in err
