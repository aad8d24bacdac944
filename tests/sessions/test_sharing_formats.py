"""CSV and Parquet tables, BIDS-Motion, FHIR, XDF and the session bundle."""

from __future__ import annotations

import csv
import json
import os
import re
import stat
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from support.session_files import assert_same_recording, small_recording, small_session, swinging_sensor
from support.xdf_bytes import xdf_file
from tallrun.errors import FormatError, SessionError, SignalError
from tallrun.numerics.recording import Marker, Recording
from tallrun.sessions import read_session
from tallrun.sessions.assembling import ImportFacts
from tallrun.sessions.bids_export import StudyFacts, StudyRun, export_bids_study
from tallrun.sessions.bundle import export_bundle, import_bundle
from tallrun.sessions.csv_import import import_csv
from tallrun.sessions.csv_layouts import PRESETS
from tallrun.sessions.table_export import export_tables, harmless
from tallrun.sessions.xdf_import import import_xdf, stream_placements


def export_bids(recording: Recording, folder: Path, subject: str = "01") -> int:
    return export_bids_study([StudyRun(recording, subject)], folder, StudyFacts())[0]


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

#: Required by the BIDS schema for Motion (src/schema/rules/sidecars/motion.yaml, tabular_data/motion.yaml and
#: dataset_metadata.yaml of bids-standard/bids-specification); channel types and components are closed lists.
REQUIRED_SIDECAR = {"TaskName", "SamplingFrequency", "TrackingSystemName"}
REQUIRED_CHANNELS = ["name", "component", "type", "tracked_point", "units"]
REQUIRED_DESCRIPTION = {"Name", "BIDSVersion"}
CHANNEL_TYPES = {
    "ACCEL", "ANGACCEL", "GYRO", "JNTANG", "LATENCY", "MAGN", "MISC", "ORNT", "POS", "VEL",
}  # fmt: skip
COMPONENTS = {"x", "y", "z", "quat_x", "quat_y", "quat_z", "quat_w", "n/a"}


def late_pelvis() -> Recording:
    """Two sensors of different rates; the pelvis starts a quarter of a second after the foot."""
    recording = small_recording("foot_left", "pelvis")
    pelvis = recording.sensors["pelvis"]
    late = replace(pelvis, t_s=pelvis.t_s + 0.25, gyr_radps=None)
    return replace(recording, sensors=recording.sensors | {"pelvis": late})


def test_bids_dataset_has_what_the_specification_asks_for(tmp_path: Path) -> None:
    assert export_bids(late_pelvis(), tmp_path / "bids", subject="07") == 2
    root = tmp_path / "bids"
    assert (root / "README").read_text().strip()
    assert (root / "participants.tsv").read_text() == (
        "participant_id\tn_sessions\tn_recordings\nsub-07\t1\t1\n"
    )
    assert set(json.loads((root / "dataset_description.json").read_text())) >= REQUIRED_DESCRIPTION
    sidecars = sorted(root.rglob("*_motion.json"))
    assert len(sidecars) == 2
    for path in sidecars:
        sidecar = json.loads(path.read_text())
        stem = path.name.removesuffix("_motion.json")
        assert set(sidecar) >= REQUIRED_SIDECAR
        assert f"tracksys-{sidecar['TrackingSystemName']}" in stem
        assert f"task-{sidecar['TaskName']}" in stem
        assert None not in sidecar.values()
        channels = pd.read_csv(path.with_name(f"{stem}_channels.tsv"), sep="\t", keep_default_na=False)
        assert channels.columns[:5].tolist() == REQUIRED_CHANNELS
        assert set(channels["type"]) <= CHANNEL_TYPES
        assert set(channels["component"]) <= COMPONENTS
        assert channels["name"].is_unique
        for kind, count in channels["type"].value_counts().items():
            assert sidecar[f"{kind}ChannelCount"] == count
        frames = json.loads(path.with_name(f"{stem}_channels.json").read_text())["reference_frame"]["Levels"]
        assert set(channels["reference_frame"]) - {"n/a"} == set(frames)
        lines = path.with_name(f"{stem}_motion.tsv").read_text().splitlines()
        assert len(lines) == 600
        for line in lines:
            cells = line.split("\t")
            assert len(cells) == len(channels)
            assert re.fullmatch(r"\d+\.\d{6}", cells[0])
            assert all(np.isfinite(float(cell)) for cell in cells)


def test_bids_keeps_samples_and_the_offset_between_sensors(tmp_path: Path) -> None:
    recording = late_pelvis()
    export_bids(recording, tmp_path / "bids")
    scans = pd.read_csv(tmp_path / "bids" / "sub-01" / "sub-01_scans.tsv", sep="\t")
    assert scans.columns.tolist() == ["filename", "acq_time"]
    starts = pd.to_datetime(scans["acq_time"])
    assert (starts.dt.year < 1925).all()
    assert (starts.iloc[1] - starts.iloc[0]).total_seconds() == pytest.approx(0.25)
    for name, sensor in zip(scans["filename"], recording.sensors.values(), strict=True):
        samples = np.genfromtxt(tmp_path / "bids" / "sub-01" / name, delimiter="\t")
        np.testing.assert_allclose(samples[:, 0], sensor.t_s - sensor.t_s[0], atol=1e-6)
        np.testing.assert_allclose(samples[:, 1:4], sensor.acc_mps2, rtol=1e-8)


def test_bids_writes_missing_samples_as_not_available(tmp_path: Path) -> None:
    recording = small_recording("pelvis")
    sensor = recording.sensors["pelvis"]
    sensor.acc_mps2[5] = np.nan
    export_bids(recording, tmp_path / "bids")
    path = next((tmp_path / "bids").rglob("*_motion.tsv"))
    assert path.read_text().splitlines()[5].split("\t")[1:4] == ["n/a"] * 3


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
    with pytest.raises(FormatError, match="has no stream 'RightIMU'; it has #1 'LeftIMU'"):
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
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    return [(members[0][0], json.dumps(manifest).encode()), *members[1:], (info, content)]


def as_link(members: list[tuple[zipfile.ZipInfo, bytes]]) -> list[tuple[zipfile.ZipInfo, bytes]]:
    changed = listed(members, "link", b"/etc/passwd")
    changed[-1][0].external_attr = (stat.S_IFLNK | 0o777) << 16
    return changed


def without_key(
    members: list[tuple[zipfile.ZipInfo, bytes]], key: str
) -> list[tuple[zipfile.ZipInfo, bytes]]:
    manifest = json.loads(members[0][1])
    del manifest["files"][0][key]
    return [(members[0][0], json.dumps(manifest).encode()), *members[1:]]


def with_size(members: list[tuple[zipfile.ZipInfo, bytes]], size: int) -> list[tuple[zipfile.ZipInfo, bytes]]:
    manifest = json.loads(members[0][1])
    manifest["files"][0]["size"] = size
    return [(members[0][0], json.dumps(manifest).encode()), *members[1:]]


@pytest.mark.filterwarnings("ignore:Duplicate name")
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
        (lambda members: listed(members, "NUL.txt", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "signals/com1", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "signals./x", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "l\u00e4ufe.csv", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "a\u202etxt", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "a" * 101, b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "a/b/c/d/e/f", b"x"), "name or type is not allowed"),
        (lambda members: listed(members, "a.txt\n", b"x"), "name or type is not allowed"),
        # some Pythons refuse members that share their bytes themselves
        (lambda members: [members[0], *members], "not those its manifest lists|Overlapped entries"),
        (lambda members: [*members, members[-1]], "not those its manifest lists|Overlapped entries"),
        (lambda members: without_key(members, "path"), "no valid manifest.json"),
        (lambda members: without_key(members, "sha256"), "no valid manifest.json"),
        (lambda members: with_size(members, True), "no valid manifest.json"),
        (lambda members: with_size(members, 10**400), "would unpack to more than"),
        (lambda members: [(members[0][0], b"[" * 100_000), *members[1:]], "no valid manifest.json"),
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


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    rewrite(tmp_path / "b", lambda members: listed(members, "zeros.bin", bytes(20_000_000)))
    import_bundle(tmp_path / "b", tmp_path / "small")
    monkeypatch.setattr("tallrun.sessions.bundle._FREE_BYTES", 1_000_000)
    with pytest.raises(FormatError, match=r"would unpack to more than \d+ bytes, which no recording does"):
        import_bundle(tmp_path / "b", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_bundle_cut_anywhere_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    content = (tmp_path / "b").read_bytes()
    for cut in [0, 1, len(content) - 1, *rng.integers(0, len(content), 40).tolist()]:
        (tmp_path / "b").write_bytes(content[:cut])
        with pytest.raises(FormatError):
            import_bundle(tmp_path / "b", tmp_path / "back")
    assert read_session(tmp_path / "run")


def test_any_flipped_byte_gives_the_same_session_or_one_error(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    session = small_session(tmp_path / "run", "pelvis")
    export_bundle(session, tmp_path / "b")
    content = (tmp_path / "b").read_bytes()
    refused = 0
    for number, place in enumerate(rng.integers(0, len(content), 80).tolist()):
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        (tmp_path / "b").write_bytes(damaged)
        back = tmp_path / f"back{number}"
        try:
            import_bundle(tmp_path / "b", back)
        except (FormatError, SessionError, SignalError):
            refused += 1
            assert not back.exists()
        else:
            # Dates and the like in the ZIP's own tables are not the session's.
            for path in session.rglob("*.*"):
                assert (back / path.relative_to(session)).read_bytes() == path.read_bytes()
    assert refused > 70


def test_a_table_of_contents_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b", "w") as archive:
        for number in range(60_000):
            archive.writestr(zipfile.ZipInfo(f"{number:0100d}"), b"")
    with pytest.raises(FormatError, match="table of contents is too long"):
        import_bundle(tmp_path / "b", tmp_path / "back")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_ways_of_packing_are_refused(tmp_path: Path, method: int) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    with zipfile.ZipFile(tmp_path / "b") as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(tmp_path / "b", "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    with pytest.raises(FormatError, match="name or type is not allowed"):
        import_bundle(tmp_path / "b", tmp_path / "back")


def test_an_open_bundle_is_not_taken_where_a_sealed_one_was_expected(tmp_path: Path) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    with pytest.raises(FormatError, match="is not encrypted, but a passphrase was given"):
        import_bundle(tmp_path / "b", tmp_path / "back", "correct horse")


def test_files_of_any_date_go_into_a_bundle_and_what_cannot_is_told(tmp_path: Path) -> None:
    session = small_session(tmp_path / "run", "pelvis")
    os.utime(session / "session.json", (0, 0))
    (session / "my notes.txt").write_text("x")
    (session / "l\u00e4ufe.csv").write_text("x")
    (session / "link").symlink_to("/etc/passwd")
    (session / ".hidden").write_text("x")
    members, left_out = export_bundle(session, tmp_path / "b")
    assert left_out == ["link", "l\u00e4ufe.csv", "my notes.txt"]
    import_bundle(tmp_path / "b", tmp_path / "back")
    back = sorted(path.relative_to(tmp_path / "back").as_posix() for path in (tmp_path / "back").rglob("*.*"))
    assert back == members
    assert "session.json" in members


def test_errors_name_the_folder_that_was_asked_for(tmp_path: Path) -> None:
    export_bundle(small_session(tmp_path / "run", "pelvis"), tmp_path / "b")
    rewrite(tmp_path / "b", lambda members: listed(members, "signals/foot_left.parquet", b"PAR1"))
    with pytest.raises(SessionError) as caught:
        import_bundle(tmp_path / "b", tmp_path / "back")
    assert str(tmp_path / "back" / "signals") in str(caught.value)
    assert "partial" not in str(caught.value)
