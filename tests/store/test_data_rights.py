from __future__ import annotations

import csv
import json
import re
import sqlite3
import zipfile
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

import tallrun
from support.records import NOW, open_store, run_at, runner_in, score
from tallrun.errors import StoreError
from tallrun.recovery.model import ClinicianEntry, Diagnosis, ExerciseSession, Screen
from tallrun.store import Store
from tallrun.store.backup import back_up, restore
from tallrun.store.erase import _OWN_FILES, erase
from tallrun.store.export import export, read_everything
from tallrun.store.models import ENTRY_MODELS, BaselineRow, CueRow, PainRow

SECRETS = (
    "Ruth Zilver",
    "Dr Quill",
    "Lindenlaan",
    "torn labrum",
    "Brooks Ghost",
    "1985-06-30",
    "Europe/Amsterdam",
)


def filled(folder: Path) -> tuple[Store, str]:
    store, runner = open_store(folder)
    store.add(runner, Diagnosis(NOW, True, "torn labrum? says Dr Quill"), by="Dr Quill", now=NOW)
    store.add(runner, ClinicianEntry(NOW, cap="V6", note="call Ruth Zilver"), by="Dr Quill", now=NOW)
    wrong = store.add(runner, score(7, provoked_by="stairs, Lindenlaan 4"), by="runner", now=NOW)
    store.supersede(PainRow, runner, wrong, by="runner", now=NOW, score=1)
    store.add_run(runner, run_at(surface="road", rung="V3"), [score(2, kind="during")], by="runner", now=NOW,
                  shoe="Brooks Ghost")  # fmt: skip
    store.add(runner, ExerciseSession("", NOW, 2, '=HYPERLINK("http://x")'), by="runner", now=NOW)
    store.add(runner, Screen(NOW, {"pop": False}), by="runner", now=NOW)
    store.add_row(CueRow, runner, at=NOW, by="tallrun", now=NOW, session_id="s1", t_s=12.0, focus="cadence",
                  reason="own_baseline", response={"cadence_spm": 2.0, "note": "Ruth Zilver"})  # fmt: skip
    store.add_row(BaselineRow, runner, at=NOW, by="tallrun", now=NOW, metric="cadence_spm", speed_mps=2.6, value=168.0,
                  spread=1.0, shoe="Brooks Ghost", strap=None, session_ids=["s1"])  # fmt: skip
    session = folder / "sessions" / "s1"
    (session / "derived").mkdir(parents=True)
    (session / "session.json").write_text(
        json.dumps({"format": "tallrun-session", "version": 1, "sensors": {}})
    )
    (session / "derived" / "summary.json").write_text("{}")
    report = folder / "reports" / "s1.html"
    report.parent.mkdir()
    report.write_text("<p>Ruth Zilver")
    store.index_session(runner, session_id="s1", started_at=NOW, folder=session, duration_s=600.0,
                        context={"surface": "road", "note": "Lindenlaan"}, summary={"n_steps": 100})  # fmt: skip
    store.note_file(runner, report, "report", NOW)
    store.log_access(runner, "Dr Quill", "report", NOW, "s1")
    return store, runner


def everything(store: Store, runner: str) -> dict[str, list[dict[str, object]]]:
    return {name: rows for name, rows in read_everything(store, runner).items() if name != "access_log"}


def test_a_backup_brings_everything_back(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "old")
    with store:
        done = back_up(store, tmp_path / "b.zip", NOW)
        wanted = everything(store, runner)
    assert done.session_files == 2
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0
    assert sorted(zipfile.ZipFile(tmp_path / "b.zip").namelist()) == [
        "manifest.json", "sessions/s1/derived/summary.json", "sessions/s1/session.json", "tallrun.sqlite",
    ]  # fmt: skip
    assert list(tmp_path.glob(".tallrun-*")) == []
    with Store.open(tmp_path / "new") as fresh:
        back = restore(fresh, tmp_path / "b.zip", NOW)
        assert everything(fresh, runner) == wanted
        fresh.add(runner, score(3), by="runner", now=NOW)
    assert (back.session_files, back.safety_copy) == (2, None)
    assert (tmp_path / "new" / "sessions" / "s1" / "session.json").is_file()


def test_restoring_over_records_asks_and_keeps_a_copy(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "old")
    with store:
        back_up(store, tmp_path / "b.zip", NOW)
    other, _ = open_store(tmp_path / "other")
    with other:
        with pytest.raises(StoreError, match="--replace"):
            restore(other, tmp_path / "b.zip", NOW)
        back = restore(other, tmp_path / "b.zip", NOW, replace=True)
        assert list(other.runner_codes().values()) == [runner]
    assert back.safety_copy is not None
    with Store.open(tmp_path / "undo") as undo:
        restore(undo, back.safety_copy, NOW)
        assert list(undo.runner_codes()) == ["me"]


def test_a_backup_is_taken_while_another_connection_writes(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "old")
    other = sqlite3.connect(tmp_path / "old" / "tallrun.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM pain")
    with store:
        back_up(store, tmp_path / "b.zip", NOW)
    other.execute("ROLLBACK")
    other.close()
    with Store.open(tmp_path / "new") as fresh:
        restore(fresh, tmp_path / "b.zip", NOW)
        assert len(fresh.entries(PainRow, runner, every=True)) == 3


def test_a_backup_never_overwrites(tmp_path: Path) -> None:
    store, _ = filled(tmp_path / "old")
    (tmp_path / "b.zip").write_text("mine")
    with store, pytest.raises(StoreError, match="never overwrites"):
        back_up(store, tmp_path / "b.zip", NOW)
    assert (tmp_path / "b.zip").read_text() == "mine"


def _rewritten(source: Path, target: Path, changes: dict[str, bytes | None]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = changes.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def _listing(manifest: dict[str, object], files: dict[str, str]) -> dict[str, bytes]:
    return {"manifest.json": json.dumps(manifest | {"files": files}).encode()}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda m: {"tallrun.sqlite": b"SQLite format 3\x00" + b"\x00" * 500}, "damaged"),
        (lambda m: {"manifest.json": json.dumps(m | {"format": "other"}).encode()}, "not a tallrun backup"),
        (lambda m: {"manifest.json": json.dumps(m | {"version": 9}).encode()}, "version 9"),
        (lambda m: {"manifest.json": None}, "not a whole tallrun backup"),
        (lambda m: {"manifest.json": b"{"}, "not a whole tallrun backup"),
        (lambda m: {"sessions/s1/session.json": b"{}"}, "hash differs"),
        (lambda m: _listing(m, {**m["files"], "../evil": "0"}), "outside its folder"),
        (lambda m: _listing(m, {"sessions/../../x": "0"}), "outside its folder"),
        (lambda m: _listing(m, {"/etc/x": "0"}), "outside its folder"),
        (lambda m: _listing(m, {}), "no database"),
    ],
)  # fmt: skip
def test_a_spoilt_backup_changes_nothing(spoil: object, told: str, tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "old")
    with store:
        back_up(store, tmp_path / "b.zip", NOW)
        before = everything(store, runner)
        manifest = json.loads(zipfile.ZipFile(tmp_path / "b.zip").read("manifest.json"))
        bad = _rewritten(tmp_path / "b.zip", tmp_path / "bad.zip", spoil(manifest))  # type: ignore[operator]
        with pytest.raises(StoreError, match=told):
            restore(store, bad, NOW, replace=True)
        assert everything(store, runner) == before
    assert not list((tmp_path / "old").glob(".restore-*"))
    assert not (tmp_path / "x").exists()


def test_something_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("hello")
    store, _ = open_store(tmp_path / "old")
    with store, pytest.raises(StoreError, match="not a whole tallrun backup"):
        restore(store, tmp_path / "b.zip", NOW, replace=True)


def test_an_export_holds_every_row_and_the_sessions(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "old")
    runner_in(store, "somebody else")
    with store:
        files = export(store, runner, tmp_path / "out", NOW)
        rows = read_everything(store, runner)
    kept = json.loads((tmp_path / "out" / "tallrun-export.json").read_text())
    assert {name: len(part) for name, part in kept["tables"].items()} == {
        name: len(part) for name, part in rows.items()
    }
    assert len(kept["tables"]["pain"]) == 3
    assert len(kept["tables"]["runners"]) == 1
    with (tmp_path / "out" / "csv" / "pain.csv").open(newline="") as file:
        assert [row["score"] for row in csv.DictReader(file)] == ["7", "1", "2"]
    assert (tmp_path / "out" / "sessions" / "s1" / "session.json").is_file()
    assert all(path.is_file() for path in files)
    with store, pytest.raises(StoreError, match="not empty"):
        export(store, runner, tmp_path / "out", NOW)


def test_text_in_csv_cannot_become_a_formula(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "old")
    with store:
        export(store, runner, tmp_path / "out", NOW)
    with (tmp_path / "out" / "csv" / "exercises.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["name"] == '\'=HYPERLINK("http://x")'


def test_a_deidentified_export_says_nothing_of_who(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "old")
    with store:
        files = export(store, runner, tmp_path / "out", NOW, deidentify=Random(1))
        rows = read_everything(store, runner)
    content = "\n".join(path.read_text() for path in files)
    ids = {
        str(row[key])
        for part in rows.values()
        for row in part
        for key in row
        if key.endswith("_id") and len(str(row[key])) > 8
    }
    for secret in (*SECRETS, *ids, "HYPERLINK", "2026-03", str(tmp_path)):
        assert secret not in content, secret
    kept = json.loads((tmp_path / "out" / "tallrun-export.json").read_text())["tables"]
    assert "access_log" not in kept
    assert "derived_files" not in kept
    assert not (tmp_path / "out" / "sessions").exists()
    # What science needs is still there, and still hangs together.
    assert [row["score"] for row in kept["pain"]] == [7, 1, 2]
    assert kept["pain"][1]["supersedes"] == kept["pain"][0]["pain_id"]
    assert kept["runner_profiles"][0]["age_years"] == 40
    assert kept["runner_profiles"][0]["mass_kg"] == 70.0
    assert kept["runs"][0]["shoe"] == "A"
    assert kept["cues"][0]["response"] == {"cadence_spm": 2.0, "note": None}


def test_a_deidentified_export_keeps_no_key_that_came_with_a_file(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path / "records")
    with store:
        store.index_session(
            runner, session_id="s", started_at=NOW, folder=tmp_path, duration_s=60.0,
            context={"patient_number": 12345678, "surface": "road", "speed_mps": 2.5, "gait": {"step": "cadence"}},
            summary={"bsn": 123456782, "cadence_spm": {"median": 168.0, "born": 19850630.0}, "is_royal": True},
        )  # fmt: skip
        told = export(store, runner, tmp_path / "out", NOW, deidentify=Random(1))[0].read_text()
    for secret in ("12345678", "123456782", "19850630", "is_royal", "patient", "bsn"):
        assert secret not in told
    row = json.loads(told)["tables"]["sessions"][0]
    assert row["context"] == {"surface": "road", "speed_mps": 2.5, "gait": {"step": "cadence"}}
    assert row["summary"] == {"cadence_spm": {"median": 168.0}}


def test_two_deidentified_exports_cannot_be_joined_by_id_or_date(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "old")
    with store:
        first = export(store, runner, tmp_path / "a", NOW, deidentify=Random(1))[0].read_text()
        second = export(store, runner, tmp_path / "b", NOW, deidentify=Random(2))[0].read_text()
    pain_a, pain_b = (json.loads(text)["tables"]["pain"] for text in (first, second))
    assert {row["pain_id"] for row in pain_a}.isdisjoint(row["pain_id"] for row in pain_b)
    assert pain_a[0]["at"] != pain_b[0]["at"]


def test_erasing_everything_leaves_nothing_and_the_receipt_is_true(tmp_path: Path) -> None:
    home = tmp_path / "records"
    store, _ = filled(home)
    with store:
        receipt = erase(store, NOW)
    assert not home.exists()
    assert receipt.complete
    removed = {Path(item["path"]).name for item in receipt.removed}
    assert removed == {"tallrun.sqlite", "s1", "s1.html", "sessions", "reports", "records"}
    assert receipt.rows["pain"] == 3
    assert receipt.left == []
    assert receipt.verified[0] == "6 files and folders looked for afterwards and not found"


def test_erasing_finds_side_files_and_safety_copies(tmp_path: Path) -> None:
    home = tmp_path / "records"
    store, _ = filled(home)
    with store:
        back_up(store, tmp_path / "b.zip", NOW)
        restore(store, tmp_path / "b.zip", NOW, replace=True)
        (home / "notes.txt").write_text("not ours")
        (home / "tallrun.sqlite-journal").write_text("old")
        receipt = erase(store, NOW)
    assert [path.name for path in home.iterdir()] == ["notes.txt"]
    assert [(item["path"], item["asked"]) for item in receipt.left] == [(str(home / "notes.txt"), False)]
    assert {item["what"] for item in receipt.removed} >= {"safety copy", "database", "database side file"}


def test_sessions_elsewhere_are_removed_only_when_asked(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "records")
    outside = tmp_path / "study" / "s2"
    outside.mkdir(parents=True)
    (outside / "session.json").write_text(json.dumps({"format": "tallrun-session"}))
    not_ours = tmp_path / "study" / "photos"
    not_ours.mkdir()
    for name, folder in (("s2", outside), ("s3", not_ours)):
        store.index_session(
            runner, session_id=name, started_at=NOW, folder=folder, duration_s=None, context={}, summary={}
        )
    with store:
        receipt = erase(store, NOW, runner_id=runner)
    assert outside.exists()
    assert receipt.complete
    assert {item["path"] for item in receipt.left} == {str(outside), str(not_ours)}
    assert all("--also-outside" in item["why"] for item in receipt.left)


def test_sessions_elsewhere_go_when_their_folder_is_named(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "records")
    study, elsewhere = tmp_path / "study" / "s2", tmp_path / "attic" / "s3"
    not_ours = tmp_path / "study" / "photos"
    not_ours.mkdir(parents=True)
    for folder in (study, elsewhere):
        folder.mkdir(parents=True)
        (folder / "session.json").write_text(json.dumps({"format": "tallrun-session"}))
        (folder / "video.mp4").write_text("somebody's own")
    for name, folder in (("s2", study), ("s3", elsewhere), ("s4", not_ours)):
        store.index_session(
            runner, session_id=name, started_at=NOW, folder=folder, duration_s=None, context={}, summary={}
        )
    with store:
        receipt = erase(store, NOW, also_outside=(tmp_path / "study",))
    assert [path.name for path in study.iterdir()] == ["video.mp4"]
    assert (elsewhere / "session.json").exists()
    assert not_ours.exists()
    assert {item["path"] for item in receipt.left} == {
        str(study / "video.mp4"),
        str(elsewhere),
        str(not_ours),
    }


def test_erasing_one_runner_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    home = tmp_path / "records"
    store, runner = filled(home)
    other = runner_in(store, "somebody-else")
    store.add(other, score(4), by="runner", now=NOW + timedelta(days=1))
    mine = {row.pain_id for row in store.entries(PainRow, runner, every=True)}
    receipt = erase(store, NOW, runner_id=runner)
    with store:
        assert store.runner_codes() == {"somebody-else": other}
        assert len(store.entries(PainRow, other)) == 1
        assert store.access_log(runner) == []
    content = b"".join(path.read_bytes() for path in home.glob("tallrun.sqlite*"))
    for trace in (runner, *mine, *SECRETS[:5]):
        assert trace.encode() not in content, trace
    assert receipt.complete
    assert receipt.rows["runners"] == 1
    assert not (home / "sessions" / "s1").exists()
    assert not (home / "reports" / "s1.html").exists()
    assert receipt.verified[0] == f"{len(ENTRY_MODELS) + 4} tables hold no row of this runner"


def test_a_safety_copy_loses_the_runner_and_keeps_the_others(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "records")
    other = runner_in(store, "somebody-else")
    store.add(other, score(4), by="runner", now=NOW)
    with store:
        back_up(store, tmp_path / "b.zip", NOW)
        safety = restore(store, tmp_path / "b.zip", NOW, replace=True).safety_copy
        receipt = erase(store, NOW, runner_id=runner)
    assert receipt.complete
    assert safety is not None
    content = zipfile.ZipFile(safety).read("tallrun.sqlite")
    assert runner.encode() not in content
    assert b"Lindenlaan" not in content
    with Store.open(tmp_path / "undo") as undo:
        restore(undo, safety, NOW)
        assert undo.runner_codes() == {"somebody-else": other}
        assert len(undo.entries(PainRow, other)) == 1


def test_a_safety_copy_that_cannot_be_rewritten_is_told_of(tmp_path: Path) -> None:
    store, runner = filled(tmp_path / "records")
    (tmp_path / "records" / "before-restore-20260101T000000.zip").write_bytes(b"PK not a zip")
    with store:
        receipt = erase(store, NOW, runner_id=runner)
    assert not receipt.complete
    assert [item["what"] for item in receipt.left if item["asked"]] == ["safety copy"]


def test_what_cannot_be_removed_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, _ = filled(tmp_path / "records")

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("tallrun.store.erase.shutil.rmtree", refuse)
    with store:
        receipt = erase(store, NOW)
    assert not receipt.complete
    denied = {Path(item["path"]).name for item in receipt.left if item.get("why") == "Permission denied"}
    assert denied == {"derived"}
    assert "sessions" not in {Path(item["path"]).name for item in receipt.removed}


def test_a_reader_that_holds_the_log_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallrun.store.engine.BUSY_TIMEOUT_MS", 200)
    store, runner = filled(tmp_path / "records")
    reader = sqlite3.connect(tmp_path / "records" / "tallrun.sqlite")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM pain").fetchone()
    try:
        with store, pytest.raises(StoreError, match="close it"):
            erase(store, NOW, runner_id=runner)
    finally:
        reader.close()


def test_every_file_made_beside_the_records_is_known_to_an_erase():
    """By the constants that name them."""
    source = Path(tallrun.__file__).parent
    named = {
        name
        for room in ("journal", "live", "web", "store")
        for path in (source / room).glob("*.py")
        for line in re.findall(r"^[A-Z_, ]*_FILE\b[A-Z_, ]*= (.+)$", path.read_text(encoding="utf-8"), re.M)
        for name in re.findall(r'"([\w-]+\.json)"', line)
    }
    assert {"pairing.json", "phones.json", "begun.json"} <= named
    assert [name for name in sorted(named) if not _OWN_FILES.fullmatch(name)] == []
