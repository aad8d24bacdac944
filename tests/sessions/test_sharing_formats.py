"""CSV and Parquet tables, BIDS-Motion, FHIR, XDF and the session bundle."""

from __future__ import annotations

import csv
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fhir.resources.R4B.bundle import Bundle

from support.session_files import assert_same_recording, small_recording, small_session, swinging_sensor
from support.xdf_bytes import xdf_file
from tallrun.errors import FormatError, SessionError, SignalError
from tallrun.numerics.recording import Marker, Recording
from tallrun.sessions import read_session
from tallrun.sessions.assembling import ImportFacts
from tallrun.sessions.bids_export import export_bids
from tallrun.sessions.bundle import export_bundle, import_bundle
from tallrun.sessions.csv_import import import_csv
from tallrun.sessions.csv_layouts import PRESETS
from tallrun.sessions.fhir_export import fhir_bundle
from tallrun.sessions.table_export import export_tables, harmless
from tallrun.sessions.xdf_import import import_xdf, stream_placements

# --- tables ---


def test_exported_csv_names_units_and_reads_back(tmp_path: Path) -> None:
    recording = small_recording()
    names = export_tables(
        recording, {"strides": pd.DataFrame({"cadence_spm": [171.0]})}, tmp_path / "out", "csv"
    )
    assert sorted(names) == sorted(path.name for path in (tmp_path / "out").iterdir())
    header = (tmp_path / "out" / "foot_left.csv").read_text().splitlines()[0].replace('"', "")
    assert header == (
        "t [s],acc_x [m/s^2],acc_y [m/s^2],acc_z [m/s^2],gyr_x [rad/s],gyr_y [rad/s],gyr_z [rad/s]"
    )
    back = import_csv([tmp_path / "out" / "foot_left.csv"], PRESETS["tallrun"], ["foot_left"], ImportFacts())
    sensor, original = back.recording.sensors["foot_left"], recording.sensors["foot_left"]
    np.testing.assert_array_equal(sensor.t_s, original.t_s)
    np.testing.assert_array_equal(sensor.acc_mps2.astype(np.float32), original.acc_mps2.astype(np.float32))


def test_exported_parquet_keeps_the_numbers(tmp_path: Path) -> None:
    export_tables(small_recording(), {}, tmp_path / "out", "parquet")
    frame = pd.read_parquet(tmp_path / "out" / "heart_rate.parquet")
    assert frame.columns.tolist() == ["t [s]", "heart_rate [1/min]"]
    assert frame["heart_rate [1/min]"].tolist() == [120.0, 121.0, 124.0]


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '  =HYPERLINK("x")']
)
def test_texts_cannot_run_as_formulas(tmp_path: Path, text: str) -> None:
    recording = Recording(sensors={}, markers=(Marker(-1.0, "note", text),))
    export_tables(recording, {}, tmp_path / "out", "csv")
    with (tmp_path / "out" / "markers.csv").open(newline="") as file:
        row = list(csv.reader(file))[1]
    assert row[2] == "'" + text.replace("\r", "\n")
    assert float(row[0]) == -1.0


def test_harmless_texts_are_left_alone() -> None:
    frame = pd.DataFrame({"a": ["left", "a=b", None], "b": [-1.0, 2.0, np.nan]})
    pd.testing.assert_frame_equal(harmless(frame), frame)


# --- BIDS ---


def test_bids_dataset_has_what_the_specification_asks_for(tmp_path: Path) -> None:
    assert export_bids(small_recording("foot_left", "pelvis"), tmp_path / "bids", subject="07") == 2
    description = json.loads((tmp_path / "bids" / "dataset_description.json").read_text())
    assert {"Name", "BIDSVersion", "DatasetType", "License"} <= set(description)
    stem = tmp_path / "bids" / "sub-07" / "motion" / "sub-07_task-running_tracksys-FootLeft"
    sidecar = json.loads(Path(f"{stem}_motion.json").read_text())
    assert (sidecar["SamplingFrequency"], sidecar["TaskName"], sidecar["MotionChannelCount"]) == (
        200.0,
        "running",
        7,
    )
    channels = pd.read_csv(f"{stem}_channels.tsv", sep="\t", keep_default_na=False)
    assert channels["type"].tolist() == ["LATENCY"] + ["ACCEL"] * 3 + ["GYRO"] * 3
    assert channels["units"].tolist() == ["s"] + ["m/s^2"] * 3 + ["rad/s"] * 3
    samples = np.genfromtxt(f"{stem}_motion.tsv", delimiter="\t")
    sensor = small_recording("foot_left").sensors["foot_left"]
    np.testing.assert_allclose(samples[:, 0], sensor.t_s, rtol=1e-8)
    np.testing.assert_allclose(samples[:, 1:4], sensor.acc_mps2, rtol=1e-8)


def test_bids_tells_nobody_who_ran_or_when(tmp_path: Path) -> None:
    export_bids(small_recording(), tmp_path / "bids")
    described = [path for path in (tmp_path / "bids").rglob("*") if path.is_file() and path.suffix != ".tsv"]
    described += (tmp_path / "bids").rglob("*channels.tsv")
    text = "".join(path.read_text() for path in [*described, tmp_path / "bids" / "participants.tsv"])
    for private in ("2026", "Berlin", "1.75", "6f0a0c5e"):
        assert private not in text


def test_bids_refuses_labels_that_are_paths(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="letters and digits only"):
        export_bids(small_recording(), tmp_path / "bids", subject="../x")


# --- FHIR ---


def summary() -> dict[str, Any]:
    known = {"median": 171.0, "p05": 168.0, "p95": 174.0, "n": 300}
    unknown = {"value": None, "reason": "no_pelvis"}
    return {
        "cadence_spm": known,
        "stance_time_s": known | {"median": 0.25, "p05": 0.24, "p95": 0.26},
        "speed_mps": known | {"median": 2.8, "p05": 2.7, "p95": 2.9},
        "stride_length_m": known | {"median": 2.0, "p05": 1.9, "p95": 2.1},
        "foot_strike_angle_deg": known | {"median": 7.0, "p05": 5.0, "p95": 9.0},
        "pelvic_tilt_deg": unknown,
        "vertical_oscillation_m": unknown,
        "run_time_s": 1500.0,
    }


def test_the_fhir_bundle_is_valid_r4(tmp_path: Path) -> None:
    pain = [{"pain_id": "p1", "at": "2026-05-01T09:00:00+02:00", "score": 3}]
    bundle = fhir_bundle(summary(), small_recording().info, pain, heart_rate_bpm=141.5)
    Bundle.model_validate_json(json.dumps(bundle, allow_nan=False))
    observations = {
        entry["resource"]["code"]["coding"][0]["code"]: entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "Observation"
    }
    assert observations["running-cadence"]["valueQuantity"]["value"] == 171.0
    assert observations["runningGroundContactTime"]["valueQuantity"] == {
        "value": 250.0, "unit": "ms", "system": "http://unitsofmeasure.org", "code": "ms",
    }  # fmt: skip
    assert observations["55411-3"]["valueQuantity"]["value"] == 25.0
    assert observations["72514-3"]["valueQuantity"]["value"] == 3
    assert "valueQuantity" not in observations["pelvic-tilt-change"]
    assert observations["pelvic-tilt-change"]["dataAbsentReason"]["text"] == "No pelvis sensor was worn."
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    assert bundle == fhir_bundle(summary(), small_recording().info, pain, heart_rate_bpm=141.5)


def test_fhir_needs_a_date() -> None:
    with pytest.raises(FormatError, match="started_at is unknown"):
        fhir_bundle(summary(), {})


# --- XDF ---


def write_xdf(path: Path, units: tuple[str, str] = ("m/s^2", "rad/s")) -> np.ndarray:
    sensor = swinging_sensor("foot_left", duration_s=1.0)
    values = np.column_stack((sensor.acc_mps2, sensor.gyr_radps))
    path.write_bytes(xdf_file("LeftIMU", 5000.0 + sensor.t_s, values, units))
    return values


def test_an_xdf_stream_becomes_a_sensor(tmp_path: Path) -> None:
    values = write_xdf(tmp_path / "lab.xdf")
    imported = import_xdf(tmp_path / "lab.xdf", stream_placements(["LeftIMU=foot_left"]), ImportFacts())
    sensor = imported.recording.sensors["foot_left"]
    np.testing.assert_array_equal(sensor.acc_mps2, values[:, :3])
    np.testing.assert_array_equal(sensor.gyr_radps, values[:, 3:])
    np.testing.assert_allclose(sensor.t_s, np.arange(200) / 200.0, atol=1e-9)


def test_xdf_refusals_are_clear(tmp_path: Path, rng: np.random.Generator) -> None:
    write_xdf(tmp_path / "lab.xdf", ("", ""))
    with pytest.raises(FormatError, match="has no stream 'RightIMU'; it has 'LeftIMU'"):
        import_xdf(tmp_path / "lab.xdf", {"RightIMU": "foot_right"}, ImportFacts())
    with pytest.raises(FormatError, match="'acc_x' does not say its unit"):
        import_xdf(tmp_path / "lab.xdf", {"LeftIMU": "foot_left"}, ImportFacts())
    with pytest.raises(SignalError, match=r"fits --acc-unit mps2"):
        import_xdf(
            tmp_path / "lab.xdf", {"LeftIMU": "foot_left"}, ImportFacts(), acc_unit="g", gyr_unit="radps"
        )
    with pytest.raises(FormatError, match="expected NAME=PLACEMENT"):
        stream_placements(["LeftIMU"])
    (tmp_path / "none.xdf").write_bytes(b"RIFF")
    with pytest.raises(FormatError, match="no XDF file"):
        import_xdf(tmp_path / "none.xdf", {"LeftIMU": "foot_left"}, ImportFacts())


# --- bundle ---


@pytest.mark.parametrize("passphrase", [None, "correct horse battery"])
def test_a_bundle_brings_the_session_back(tmp_path: Path, passphrase: str | None) -> None:
    session = small_session(tmp_path / "run")
    (session / "truth.json").write_text("{}")
    export_bundle(session, tmp_path / "run.tallrun", passphrase)
    assert stat.S_IMODE((tmp_path / "run.tallrun").stat().st_mode) == 0o600
    recording = import_bundle(tmp_path / "run.tallrun", tmp_path / "back", passphrase)
    assert_same_recording(recording, small_recording())
    for path in session.rglob("*"):
        if path.is_file():
            assert (tmp_path / "back" / path.relative_to(session)).read_bytes() == path.read_bytes()
    if passphrase is not None:
        assert b"foot_left" not in (tmp_path / "run.tallrun").read_bytes()


def test_an_encrypted_bundle_needs_its_passphrase(tmp_path: Path) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b", "correct horse")
    with pytest.raises(FormatError, match=r"is encrypted; give its passphrase"):
        import_bundle(tmp_path / "b", tmp_path / "back")
    with pytest.raises(FormatError, match="wrong passphrase, or the file is damaged"):
        import_bundle(tmp_path / "b", tmp_path / "back", "wrong horse")
    with pytest.raises(FormatError, match="at least 8 characters"):
        export_bundle(tmp_path / "run", tmp_path / "c", "short")
    assert not (tmp_path / "back").exists()


def test_pieces_of_an_encrypted_bundle_cannot_be_cut_or_swapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallrun.sessions.bundle._PIECE_BYTES", 1000)
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b", "correct horse")
    content = (tmp_path / "b").read_bytes()
    head, piece = 44, 1016
    for damaged in (
        content[: head + 3 * piece],
        content[:head]
        + content[head + piece : head + 2 * piece]
        + content[head : head + piece]
        + content[head + 2 * piece :],
        content[:head] + content[head + piece :],
        content[:40],
        content[:-1],
        content[:-1] + bytes([content[-1] ^ 1]),
    ):
        (tmp_path / "b").write_bytes(damaged)
        with pytest.raises(FormatError, match=r"cannot be decrypted|truncated"):
            import_bundle(tmp_path / "b", tmp_path / "back", "correct horse")
        assert not (tmp_path / "back").exists()


def rewrite(path: Path, change: Any) -> None:
    """Write the bundle again with changed members: ``change(list of (ZipInfo, bytes))``."""
    with zipfile.ZipFile(path) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in change(members):
            archive.writestr(info, content)


def listed(
    members: list[tuple[zipfile.ZipInfo, bytes]], name: str, content: bytes
) -> list[tuple[zipfile.ZipInfo, bytes]]:
    """Add a member and enter it into the manifest with its right checksum."""
    import hashlib

    manifest = json.loads(members[0][1])
    manifest["files"].append(
        {"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    )
    return [(members[0][0], json.dumps(manifest).encode()), *members[1:], (zipfile.ZipInfo(name), content)]


def as_link(members: list[tuple[zipfile.ZipInfo, bytes]]) -> list[tuple[zipfile.ZipInfo, bytes]]:
    changed = listed(members, "link", b"/etc/passwd")
    changed[-1][0].external_attr = (stat.S_IFLNK | 0o777) << 16
    return changed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda members: listed(members, "../evil.txt", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "/etc/evil", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "a/../../evil", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "C:\\evil", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "folder/", b""), "name or type is not allowed"),
        (as_link, "name or type is not allowed"),
        (lambda members: listed(members, "SESSION.json", b"x"), "not those its manifest lists"),
        (lambda members: [*members, (zipfile.ZipInfo("extra.txt"), b"x")], "not those its manifest lists"),
        (lambda members: members[:-1], "not those its manifest lists"),
        (lambda members: members[1:], "no valid manifest.json"),
        (lambda members: [(members[0][0], b"{}"), *members[1:]], "no valid manifest.json"),
        (
            lambda members: [*members[:-1], (members[-1][0], members[-1][1] + b" ")],
            "does not match its checksum",
        ),
        (
            lambda members: [*members[:-1], (members[-1][0], members[-1][1][:-1])],
            "does not match its checksum",
        ),
    ],
)
def test_hostile_bundles_are_refused_and_leave_nothing(tmp_path: Path, change: Any, words: str) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    rewrite(tmp_path / "b", change)
    before = sorted(tmp_path.parent.rglob("*"))
    with pytest.raises(FormatError, match=words):
        import_bundle(tmp_path / "b", tmp_path / "back")
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_a_bundle_that_unpacks_to_no_session_is_refused(tmp_path: Path) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    rewrite(tmp_path / "b", lambda members: listed(members, "signals/foot_left.parquet", b"PAR1"))
    with pytest.raises(SessionError, match="does not list sensor foot_left"):
        import_bundle(tmp_path / "b", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_small_file_that_claims_to_be_huge_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    monkeypatch.setattr("tallrun.sessions.bundle.MAX_TOTAL_BYTES", 1000)
    with pytest.raises(FormatError, match="would unpack to more than 1000 bytes"):
        import_bundle(tmp_path / "b", tmp_path / "back")


def test_a_bundle_cut_anywhere_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    content = (tmp_path / "b").read_bytes()
    for cut in [0, 1, len(content) - 1, *rng.integers(0, len(content), 40).tolist()]:
        (tmp_path / "b").write_bytes(content[:cut])
        with pytest.raises(FormatError):
            import_bundle(tmp_path / "b", tmp_path / "back")
    assert read_session(tmp_path / "run")
