"""Places are kept relative to the data folder: records can be moved, restored elsewhere, or be of before."""

from __future__ import annotations

import json
import shutil
import sqlite3
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command

from support.records import NOW, open_store, runner_in
from tallrun.journal.desk import Records
from tallrun.journal.sessions import folder_of, scan
from tallrun.store import Store
from tallrun.store.engine import make_engine, writing
from tallrun.store.export import export
from tallrun.store.location import found_place, is_safe_name, is_within, kept_place
from tallrun.store.schema import alembic_config


def put_session(folder: Path, session_id: str | None) -> Path:
    (folder / "signals").mkdir(parents=True)
    head = {"format": "tallrun-session", "version": 1, "sensors": {"pelvis": {"rate_hz": 100}}}
    (folder / "session.json").write_text(
        json.dumps(head | ({"session_id": session_id} if session_id else {}))
    )
    (folder / "signals" / "pelvis.parquet").write_bytes(folder.name.encode())
    return folder


def kept_in(home: Path, column: str = "folder", table: str = "sessions") -> list[str]:
    connection = sqlite3.connect(home / "tallrun.sqlite")
    try:
        return [place for (place,) in connection.execute(f"SELECT {column} FROM {table} ORDER BY 1")]
    finally:
        connection.close()


def test_what_is_inside_is_kept_relative_and_what_is_outside_absolute(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "home-of-others"
    (home / "sessions" / "s1").mkdir(parents=True)
    outside.mkdir()
    (home / "sessions" / "link").symlink_to(outside)
    (tmp_path / "door").symlink_to(home)
    assert kept_place(home / "sessions" / "s1", home) == "sessions/s1"
    assert kept_place(tmp_path / "door" / "sessions" / "s1", home) == "sessions/s1"
    assert kept_place(home / "sessions" / ".." / "sessions" / "s1", tmp_path / "door") == "sessions/s1"
    for place in (outside, home / "sessions" / "link", home / ".." / "home-of-others", home):
        assert Path(kept_place(place, home)).is_absolute()
        assert not is_within(place, home)
    assert found_place("sessions/s1", home) == home / "sessions" / "s1"
    assert found_place(str(outside), home) == outside
    assert is_within(home / "sessions" / "s1", tmp_path / "door")
    assert not is_within(found_place("../home-of-others", home), home)
    assert not is_within(Path("a\x00b"), home)


@pytest.mark.parametrize("name", ["a", "a/b c", "sessions/2026-03-01 10:30/x.parquet", "\u4e2d\u6587/\u00e9"])
def test_ordinary_names_are_safe(name: str) -> None:
    assert is_safe_name(name)


def test_records_of_before_are_brought_up_to_date(tmp_path: Path) -> None:
    home = tmp_path / "records"
    home.mkdir()
    engine = make_engine(f"sqlite:///{home / 'tallrun.sqlite'}")
    with writing(engine) as connection:
        command.upgrade(alembic_config(str(files("tallrun.store") / "migrations"), connection), "0001")
        connection.exec_driver_sql(f"INSERT INTO runners VALUES ('r', 'me', '{NOW.isoformat()}')")
        for number, folder in enumerate((home / "sessions" / "s1", tmp_path / "study" / "s2")):
            put_session(folder, None)
            connection.exec_driver_sql(
                "INSERT INTO sessions VALUES (?, 'r', ?, ?, 1.0, ?, '{}', '{}')",
                (f"s{number}", NOW.isoformat(), "2026-03-02T08:00:00.000000Z", str(folder)),
            )
            connection.exec_driver_sql(
                "INSERT INTO derived_files VALUES (?, 'r', 'report', ?)",
                (str(folder / "derived" / "report.html"), NOW.isoformat()),
            )
    engine.dispose()
    with Store.open(home) as store:
        assert [folder_of(row).name for row in store.sessions("r")] == ["s1", "s2"]
    assert kept_in(home) == [str(tmp_path / "study" / "s2"), "sessions/s1"]
    assert kept_in(home, "path", "derived_files")[1] == "sessions/s1/derived/report.html"


def test_moved_records_open_every_session_and_nothing_names_the_old_folder(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path / "old")
    with store:
        folder = put_session(tmp_path / "old" / "sessions" / "s1", str(uuid4()))
        assert scan(Records(store, runner, NOW), tmp_path / "old" / "sessions").refused == {}
        store.note_file(runner, folder / "derived" / "report.html", "report", NOW)
    shutil.move(tmp_path / "old", tmp_path / "new")
    with Store.open(tmp_path / "new") as store:
        (row,) = store.sessions(runner)
        assert folder_of(row) == tmp_path / "new" / "sessions" / "s1"
    assert str(tmp_path / "old").encode() not in (tmp_path / "new" / "tallrun.sqlite").read_bytes()


@pytest.mark.parametrize("has_id", [True, False])
def test_a_scan_points_a_session_that_was_carried_off_to_where_it_is(tmp_path: Path, has_id: bool) -> None:
    store, runner = open_store(tmp_path / "records")
    with store:
        mine = Records(store, runner, NOW)
        place = put_session(tmp_path / "study" / "s1", str(uuid4()) if has_id else None)
        (session_id,) = scan(mine, tmp_path / "study").added
        shutil.copytree(place, tmp_path / "disk" / "s1")
        assert "another folder" in scan(mine, tmp_path / "disk").refused["s1"]
        shutil.rmtree(place)
        assert scan(mine, tmp_path / "disk").moved == [session_id]
        assert scan(mine, tmp_path / "disk").known == [session_id]
        (row,) = store.sessions(runner)
        assert folder_of(row) == tmp_path / "disk" / "s1"


def test_a_scan_takes_no_session_from_another_runner(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path / "records")
    other = runner_in(store, "somebody else")
    with store:
        put_session(tmp_path / "study" / "s1", str(uuid4()))
        assert scan(Records(store, runner, NOW), tmp_path / "study").added
        assert "another runner" in scan(Records(store, other, NOW), tmp_path / "study").refused["s1"]
        assert len(store.sessions(runner)) == 1


def test_an_export_stays_in_its_folder_whatever_a_session_is_called(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path / "records")
    with store:
        folder = put_session(tmp_path / "study" / "s1", None)
        for name in ("../../away", "/etc/x", "..", "good"):
            store.index_session(runner, session_id=name, started_at=NOW, folder=folder, duration_s=None, context={},
                                summary={})  # fmt: skip
        export(store, runner, tmp_path / "out" / "export", NOW)
    assert [path.name for path in (tmp_path / "out" / "export" / "sessions").iterdir()] == ["good"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["export"]
    assert not (tmp_path / "away").exists()
