"""The records on a real PostgreSQL: a cluster of our own in a temporary folder, spoken to over loopback only."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from store.test_durability import OPENER, WRITER
from store.test_store import RECORDS
from support.records import NOW, runner_in, score
from tallrun.errors import StoreError
from tallrun.recovery import model
from tallrun.store import Store
from tallrun.store.backup import back_up
from tallrun.store.engine import make_engine, writing
from tallrun.store.erase import erase
from tallrun.store.export import read_everything
from tallrun.store.models import ENTRY_MODELS, Base, PainRow
from tallrun.store.records import KINDS, from_rows
from tallrun.store.schema import HEAD, alembic_config

MIGRATIONS = Path(__file__).resolve().parents[2] / "src" / "tallrun" / "store" / "migrations"
pytestmark = pytest.mark.xdist_group("postgresql")
#: Not on the path of everybody who may use it.
_RUNUSER = shutil.which("runuser") or "/usr/sbin/runuser"


def _programs() -> Path | None:
    """Return the folder of the server's programs: where Debian keeps them (newest first), else that of the path."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    return homes[0] if homes else Path(found).resolve().parent if found else None


class Cluster:
    """A running PostgreSQL. ``run`` runs one of its programs; ``url`` makes a new, empty database."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self._n = programs, folder, 0
        # The server refuses to run as root.
        self._as = [_RUNUSER, "-u", "postgres", "--"] if os.geteuid() == 0 else []
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def run(self, program: str, *args: str) -> None:
        done = subprocess.run(
            [*self._as, str(self.programs / program), *args],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    def start(self) -> None:
        self.run("initdb", "-D", "data", "-U", "tallrun", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c shared_buffers=16MB"
        # The server keeps pg_ctl's output open: it must not be a pipe somebody waits on.
        self.run("pg_ctl", "-D", "data", "-w", "-s", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "-s", "stop")

    def where(self, name: str) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "tallrun", name]

    def url(self) -> str:
        self._n += 1
        name = f"records{self._n}"
        self.run("createdb", *self.where(name))
        return f"postgresql://tallrun@127.0.0.1:{self.port}/{name}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    programs = _programs()
    missing = None if programs else "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        missing = "psycopg is not installed: pip install 'tallrun[postgres]'"
    if missing or programs is None:
        if os.environ.get("TALLRUN_REQUIRE_POSTGRES") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    # Not pytest's own temporary folder: another user must get through the folders above it.
    with tempfile.TemporaryDirectory(prefix="tallrun-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        made = Cluster(programs, folder)
        made.start()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.url()


def test_every_record_comes_back_as_it_was(url: str) -> None:
    with Store.open(url) as store:
        runner = runner_in(store)
        for record in RECORDS:
            store.add(runner, record, by="Dr A", now=NOW)
        for kind in KINDS:
            wanted = [item for item in RECORDS if isinstance(item, kind.record)]
            found = from_rows(kind.record, store.entries(kind.table, runner))
            assert len(found) == len(wanted)
            for item in found:
                same = {name: getattr(item, name) for name in ("pain_id", "exercise_id", "entered_by")
                        if hasattr(item, name)}  # fmt: skip
                assert any(replace(old, **same) == item for old in wanted)
        assert store.history(runner).scores


def test_a_database_of_the_first_version_is_brought_up(url: str) -> None:
    engine = make_engine(url)
    with writing(engine) as connection:
        command.upgrade(alembic_config(str(MIGRATIONS), connection), "0001")
        connection.execute(
            text("INSERT INTO runners (runner_id, code, created_at) VALUES ('r', 'me', :at)"),
            {"at": NOW.isoformat()},
        )
    engine.dispose()
    with Store.open(url) as store:
        assert store.runner_codes() == {"me": "r"}
        with store.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_the_database_itself_refuses_edits_and_what_cannot_be(url: str) -> None:
    with Store.open(url) as store:
        runner = runner_in(store)
        for item in ENTRY_MODELS:
            with pytest.raises(StoreError, match="only superseded"), store.write() as connection:
                connection.execute(text(f"UPDATE {item.__tablename__} SET entered_by = 'x'"))
        for wrong in (score(2, provoked_by="x" * 81), score(2, provoked_by="a\x00b")):
            with pytest.raises(StoreError, match="refused the change"):
                store.add(runner, wrong, by="runner", now=NOW)
        with pytest.raises(StoreError, match="refused the change"):
            store.add("nobody", score(2), by="runner", now=NOW)
        assert store.entries(PainRow, runner) == []


def test_two_processes_make_the_schema_and_write_at_once(url: str) -> None:
    def start(code: str, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True)

    for child in [start(OPENER, url) for _ in range(2)]:
        child.communicate(timeout=30)
        assert child.returncode == 0
    count = 15
    with Store.open(url) as store:
        runner = runner_in(store)
        writers = [start(WRITER, url, runner, name, str(count)) for name in ("desk", "ward")]
        while any(child.poll() is None for child in writers):
            history = store.history(runner)
            # One snapshot: a run and its three scores are never seen apart, though they are read one after the other.
            assert len(history.scores) == 3 * len(history.sessions)
        for child in writers:
            child.communicate(timeout=30)
            assert child.returncode == 0
        assert len(store.runs(runner)) == 2 * count


def test_an_entry_is_replaced_once_though_two_try(url: str) -> None:
    with Store.open(url) as one, Store.open(url) as two:
        runner = runner_in(one)
        entry = one.add(runner, score(3), by="runner", now=NOW)
        one.supersede(PainRow, runner, entry, by="runner", now=NOW, score=4)
        with pytest.raises(Exception, match="already replaced"):
            two.supersede(PainRow, runner, entry, by="runner", now=NOW, score=5)


def test_a_writer_that_waits_too_long_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallrun.store.engine.BUSY_TIMEOUT_MS", 50)
    with Store.open(url) as one, Store.open(url) as two:
        runner = runner_in(one)
        with one.write(), pytest.raises(StoreError, match="kept the database busy"):
            two.add(runner, score(2), by="runner", now=NOW)
        assert two.history(runner).scores == ()


def test_the_servers_own_backup_brings_everything_back(cluster: Cluster, url: str, tmp_path: Path) -> None:
    with Store.open(url) as store:
        runner = runner_in(store)
        store.add_all(runner, RECORDS, by="Dr A", now=NOW)
        store.log_access(runner, "Dr A", "report", NOW)
        wanted = read_everything(store, runner)
        with pytest.raises(StoreError, match="pg_dump"):
            back_up(store, tmp_path / "b.zip", NOW)
    fresh = cluster.url()
    cluster.run("pg_dump", "--format=custom", "--file=b.dump", *cluster.where(url.rpartition("/")[2]))
    target = cluster.where(fresh.rpartition("/")[2])
    cluster.run("pg_restore", "--exit-on-error", *target[:-1], "-d", target[-1], "b.dump")
    with Store.open(fresh) as store:
        assert read_everything(store, runner) == wanted
        store.add(runner, score(1), by="runner", now=NOW)
        store.log_access(runner, "Dr A", "report", NOW)


def test_erasing_one_runner_leaves_no_row_and_names_what_the_server_keeps(cluster: Cluster, url: str) -> None:
    with Store.open(url) as store:
        runner, other = runner_in(store, "quagmire-41"), runner_in(store, "somebody")
        marked = model.Diagnosis(NOW, by_clinician=True, text="heliotrope-9917")
        store.add(runner, marked, by="Dr A", now=NOW)
        store.add(other, score(3), by="runner", now=NOW)
        receipt = erase(store, NOW, runner_id=runner)
        assert receipt.rows["diagnoses"] == 1
        assert [item["what"] for item in receipt.left] == ["database server"]
        assert list(store.runner_codes()) == ["somebody"]
        assert len(store.entries(PainRow, other)) == 1
        with store.read() as connection:
            files = [connection.execute(text("SELECT pg_relation_filepath(:t)"), {"t": name}).scalar()
                     for name in Base.metadata.tables]  # fmt: skip
    for name in files:
        content = (cluster.folder / "data" / str(name)).read_bytes()
        assert b"heliotrope-9917" not in content
        assert b"quagmire-41" not in content


def test_another_kind_of_database_is_refused_and_a_password_never_shown(url: str) -> None:
    with pytest.raises(StoreError, match=r"cannot be used"):
        Store.open("mysql+pymysql://a:b@localhost/x")
    with Store.open(url.replace("tallrun@", "tallrun:s3cret@")) as store:
        assert "s3cret" not in store.place
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        Store.open("postgresql://tallrun:s3cret@127.0.0.1:1/none")
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
