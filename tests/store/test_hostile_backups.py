"""A backup may come from a stranger: refused in one line with nothing changed, or its values taken and no more."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.records import NOW, open_store, score
from tallrun.errors import StoreError
from tallrun.store import Store
from tallrun.store.backup import back_up, restore
from tallrun.store.models import Base, PainRow


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a good backup."""
    folder = tmp_path_factory.mktemp("honest")
    store, runner = open_store(folder / "records")
    with store:
        store.add(runner, score(2, provoked_by="stairs"), by="runner", now=NOW)
        session = folder / "records" / "sessions" / "s1"
        session.mkdir(parents=True)
        (session / "session.json").write_text('{"format": "tallrun-session"}')
        store.index_session(runner, session_id="s1", started_at=NOW, folder=session, duration_s=1.0, context={},
                            summary={})  # fmt: skip
        store.note_file(runner, session / "derived" / "report.html", "report", NOW)
        back_up(store, folder / "b.zip", NOW)
    with zipfile.ZipFile(folder / "b.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(path: Path, members: dict[str, bytes], manifest: object = None) -> Path:
    files = {name: content for name, content in members.items() if name != "manifest.json"}
    told = {"format": "tallrun-backup", "version": 1,
            "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}}  # fmt: skip
    text = (
        manifest
        if isinstance(manifest, bytes)
        else json.dumps(told if manifest is None else manifest).encode()
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in (files | {"manifest.json": text}).items():
            out.writestr(name, content)
    return path


def changed(database: bytes, folder: Path, *commands: str) -> bytes:
    path = folder / "change.sqlite"
    path.write_bytes(database)
    connection = sqlite3.connect(path)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for command in commands:
        connection.executescript(command)
    connection.commit()
    connection.close()
    return path.read_bytes()


def refused(tmp_path: Path, backup: Path) -> str:
    """Restore into records of one's own, which must be as before; returns the line."""
    store, runner = open_store(tmp_path / "own")
    outside = sorted(tmp_path.iterdir())
    with store:
        with pytest.raises(StoreError) as caught:
            restore(store, backup, NOW, replace=True)
        assert store.runner_codes() == {"me": runner}
    line = str(caught.value)
    assert len(line) < 600
    assert "nothing was changed" in line
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == ["tallrun.sqlite"]
    assert sorted(tmp_path.iterdir()) == outside
    return line


@pytest.mark.parametrize(
    "name", ["sessions/../../x", "sessions/a/../../../x", "/etc/x", "sessions/\x1b[2J/x", "sessions/a\nb/x",
             "sessions//x", "sessions/./x", "sessions\\..\\x", "x", "sessions/" + "n" * 300 + "/x",
             "sessions/" + "d/" * 40 + "x", "tallrun.sqlite-wal", "../tallrun.sqlite",
             "sessions/\u202etxt/x", "sessions"]
)  # fmt: skip
def test_names_that_lead_elsewhere_or_cannot_be(honest: dict[str, bytes], tmp_path: Path, name: str) -> None:
    assert "outside its folder" in refused(tmp_path, archive(tmp_path / "b.zip", honest | {name: b"x"}))


CONTROLS = [chr(code) for code in (*range(32), *range(127, 160))]


def test_no_control_letter_in_a_name_is_taken_or_printed(honest: dict[str, bytes], tmp_path: Path) -> None:
    """NUL among them: zipfile will not write such a name, so it is put into the zip afterwards."""
    store, runner = open_store(tmp_path / "own")
    with store:
        for letter in CONTROLS:
            raw = letter.encode()
            made, name = "sessions/a" + "Q" * len(raw) + "b/x", f"sessions/a{letter}b/x"
            members = honest | {made: b"x"}
            hashes = {key: hashlib.sha256(content).hexdigest() for key, content in members.items()}
            hashes.pop("manifest.json", None)
            hashes[name] = hashes.pop(made)
            told = {"format": "tallrun-backup", "version": 1, "files": hashes}
            backup = archive(tmp_path / "b.zip", members, told)
            backup.write_bytes(backup.read_bytes().replace(made.encode(), name.encode()))
            with pytest.raises(StoreError, match="nothing was changed") as caught:
                restore(store, backup, NOW, replace=True)
            assert str(caught.value).isprintable(), repr(str(caught.value))
        assert store.runner_codes() == {"me": runner}
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["tallrun.sqlite"]


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"null", b"[" * 100_000, b'{"files": ' + b"[" * 100_000, b"\xff\xfe", b"{" * 10,
                 b'{"format": "tallrun-backup", "version": 1, "files": []}',
                 b'{"format": "tallrun-backup", "version": 1, "files": {"tallrun.sqlite": {}}}',
                 b'{"format": "tallrun-backup", "version": 1, "files": {"tallrun.sqlite": null, "sessions/no": 1}}',
                 b'{"format": "tallrun-backup", "version": {"a": []}, "files": {}}', b'{"a": 1e999}']
)  # fmt: skip
def test_manifests_that_cannot_be(honest: dict[str, bytes], tmp_path: Path, manifest: bytes) -> None:
    refused(tmp_path, archive(tmp_path / "b.zip", honest, manifest))


def test_a_small_file_that_would_write_much_is_refused(honest: dict[str, bytes], tmp_path: Path) -> None:
    backup = archive(tmp_path / "b.zip", honest | {"sessions/s1/packets.arrow": bytes(120 * 2**20)})
    assert backup.stat().st_size < 2**20
    assert "which no backup does" in refused(tmp_path, backup)


def test_a_member_longer_than_it_says_is_refused(honest: dict[str, bytes], tmp_path: Path) -> None:
    backup = archive(tmp_path / "b.zip", honest | {"sessions/s1/packets.arrow": bytes(3 * 2**20)})
    content = bytearray(backup.read_bytes())
    size = (3 * 2**20).to_bytes(4, "little")
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = (10).to_bytes(4, "little")
    backup.write_bytes(bytes(content))
    refused(tmp_path, backup)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with (
            Store.open(tmp_path / "own") as store,
            pytest.raises(StoreError, match=r"nothing was changed|no file"),
        ):
            restore(store, path, NOW, replace=True)


@pytest.mark.parametrize(
    "command",
    [
        "CREATE TRIGGER x AFTER INSERT ON pain BEGIN DELETE FROM runners; END",
        "CREATE VIEW x AS SELECT 1",
        "CREATE TABLE x (y)",
        "DROP TABLE pain; CREATE VIEW pain AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i FROM n",
        "ALTER TABLE pain ADD COLUMN x GENERATED ALWAYS AS (hex(zeroblob(100000000))) VIRTUAL",
        "CREATE INDEX x ON pain (hex(zeroblob(100000000)))",
        "UPDATE alembic_version SET version_num = '9999'",
        "DELETE FROM alembic_version",
        "DROP TABLE pain",
        "UPDATE pain SET score = 99",
        "UPDATE pain SET score = 'many'",
        "UPDATE pain SET score = 1.5",
        "UPDATE pain SET at = 'yesterday'",
        "UPDATE pain SET at = '2026-03-01T07:00'",
        "UPDATE pain SET site = CAST(x'fffe' AS TEXT)",
        "UPDATE pain SET site = 'a' || char(0) || 'b'",
        "UPDATE pain SET site = hex(zeroblob(500))",
        "UPDATE runner_profiles SET time_zone = '../../../etc/passwd'",
        "UPDATE runner_profiles SET born_on = 'never'",
        "UPDATE runner_profiles SET mass_kg = 9e999",
        "UPDATE sessions SET context = replace(hex(zeroblob(2000)), '00', '[')",
        "UPDATE sessions SET context = '{'",
        "UPDATE sessions SET context = '{\"a\":' || replace(hex(zeroblob(100)), '00', '[') || "
        "replace(hex(zeroblob(100)), '00', ']') || '}'",
        "PRAGMA foreign_keys = OFF; UPDATE pain SET runner_id = 'nobody'",
    ],
)
def test_databases_that_cannot_be_ours(honest: dict[str, bytes], tmp_path: Path, command: str) -> None:
    database = changed(honest["tallrun.sqlite"], tmp_path, command)
    refused(tmp_path, archive(tmp_path / "b.zip", honest | {"tallrun.sqlite": database}))


def test_nothing_of_the_foreign_file_is_kept_but_values(honest: dict[str, bytes], tmp_path: Path) -> None:
    database = changed(
        honest["tallrun.sqlite"], tmp_path,
        "CREATE TRIGGER pain_never_edited BEFORE INSERT ON access_log BEGIN DELETE FROM runners; END",
        "UPDATE sessions SET folder = '/etc'; UPDATE derived_files SET path = '/etc/passwd'",
    )  # fmt: skip
    with Store.open(tmp_path / "own") as store:
        restore(store, archive(tmp_path / "b.zip", honest | {"tallrun.sqlite": database}), NOW)
        runner = store.find_runner()
        store.log_access(runner, "me", "look", NOW)
        assert store.find_runner() == runner
        assert [row.folder for row in store.sessions(runner)] == [
            (tmp_path / "own" / "sessions" / "etc").absolute()
        ]
        with store.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM derived_files").scalar() == 0
        with pytest.raises(StoreError, match="never edited"), store.write() as connection:
            connection.execute(PainRow.__table__.update().values(score=9))
    assert {table for table in Base.metadata.tables} <= _tables(tmp_path / "own")


def _tables(folder: Path) -> set[str]:
    connection = sqlite3.connect(folder / "tallrun.sqlite")
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()


@given(
    st.lists(st.tuples(st.integers(0, 2**31), st.binary(min_size=1, max_size=4)), min_size=1, max_size=30),
    st.sampled_from(["bytes", "cut"]),
)
@settings(max_examples=int(os.environ.get("TALLRUN_FUZZ_EXAMPLES", "25")))
def test_a_spoilt_file_is_one_line(
    honest: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    spots: list[tuple[int, bytes]],
    how: str,
) -> None:
    folder = tmp_path_factory.mktemp("spoilt")
    backup = archive(folder / "b.zip", honest)
    content = bytearray(backup.read_bytes())
    if how == "cut":
        del content[spots[0][0] % len(content) :]
    else:
        for at, piece in spots:
            content[at % len(content) : at % len(content) + len(piece)] = piece
    backup.write_bytes(bytes(content))
    with Store.open(folder / "own") as store:
        told = ""
        try:
            restore(store, backup, NOW)
        except StoreError as error:
            told = str(error)
    assert "\n" not in told
