"""Any life of records: nothing outside the data folder is touched, nothing of who was erased stays, receipts are true.

Stores, backups (changed by a stranger too), moves, restores and erasures in any order. More lives:
``TALLRUN_FUZZ_EXAMPLES=2000 pytest tests/fuzz/test_fuzz_records.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from pathlib import Path
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from support.records import NOW, runner_in, score
from tallrun.errors import StoreError
from tallrun.journal.desk import Records
from tallrun.journal.sessions import folder_of, scan
from tallrun.store import Store
from tallrun.store.backup import back_up, restore
from tallrun.store.erase import erase
from tallrun.store.models import PainRow

EXAMPLES = int(os.environ.get("TALLRUN_FUZZ_EXAMPLES", "12"))
HOMES = st.sampled_from(["one", "two"])
NUMBER = st.integers(0, 2**16)
#: What a stranger writes where a place should be; OUT and HOME are replaced by real places.
HOSTILE = st.sampled_from(
    ["OUT/photos", "OUT/study", "OUT/study/s9", "OUT", "HOME", "HOME/..", "..", "../outside/photos", ".", "",
     "sessions", "sessions/../..", "sessions/../../outside/study/s9", "tallrun.sqlite", "pairing.json", "reports", "/",
     "/etc", "sessions/link", "reports/link.html", "OUT/photos/page.html", "../outside/photos/page.html", "C:\\Windows",
     "sessions\\..\\..\\x", "~", "//", "sessions/" + "x" * 400, "sessions/\u202e", "OUT/study/s9/derived/report.html"]
)  # fmt: skip


def put_session(folder: Path, session_id: str, secret: str) -> None:
    (folder / "derived").mkdir(parents=True)
    (folder / "signals").mkdir()
    head = {
        "format": "tallrun-session",
        "version": 1,
        "session_id": session_id,
        "sensors": {},
        "note": secret,
    }
    (folder / "session.json").write_text(json.dumps(head))
    (folder / "signals" / "pelvis.parquet").write_bytes(b"signal " + secret.encode())
    (folder / "derived" / "report.html").write_text(f"<p>tallrun {secret}")


def tree(folder: Path) -> dict[str, str]:
    """Every file and link below a folder with a hash of what it is; links are not followed."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink():
                found[str(path)] = f"link to {path.readlink()}"
            elif path.is_file():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                found[str(path)] = "folder"
    return found


def texts(folder: Path, told: list[str]) -> bytes:
    """All bytes in a folder, archives opened; but for what the receipt names as left."""
    out = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or any(path.is_relative_to(item) for item in told):
            continue
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                out += [archive.read(name) for name in archive.namelist()]
        out.append(path.read_bytes())
    return b"\n".join(out)


class Lives(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="records-test-"))
        self.outside, self.vault = self.root / "outside", self.root / "vault"
        self.vault.mkdir()
        (self.outside / "photos").mkdir(parents=True)
        (self.outside / "photos" / "page.html").write_text("tallrun holiday")
        (self.outside / "photos" / "session.json").write_text("{}")
        put_session(self.outside / "study" / "s9", str(UUID(int=9)), "not yours")
        self.before = tree(self.outside)
        self.places = {name: self.root / name for name in ("one", "two")}
        self.backups: list[Path] = []
        self.secrets: dict[str, str] = {}
        self.count = 0

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def _next(self) -> int:
        self.count += 1
        return self.count

    @rule(home=HOMES, number=NUMBER)
    def run(self, home: str, number: int) -> None:
        """A new runner, or an old one, logs pain and records a session with its report."""
        with Store.open(self.places[home]) as store:
            codes = store.runner_codes()
            if len(codes) < 2:
                code = f"runner-{uuid4()}"
                runner_in(store, code)
                codes = store.runner_codes()
            code = sorted(codes)[number % len(codes)]
            runner = codes[code]
            secret = self.secrets.setdefault(runner, f"secret-{uuid4()}")
            wrong = store.add(runner, score(3, provoked_by=secret), by="runner", now=NOW)
            store.supersede(PainRow, runner, wrong, by="runner", now=NOW, score=2)
            session_id, folder = str(uuid4()), store.folder / "sessions" / f"run-{number % 5}"
            if not os.path.lexists(folder):
                put_session(folder, session_id, secret)
                store.index_session(runner, session_id=session_id, started_at=NOW, folder=folder, duration_s=1.0,
                                    context={"note": secret}, summary={})  # fmt: skip
                store.note_file(runner, folder / "derived" / "report.html", "report", NOW)
            report = store.folder / "reports" / f"{self._next()}.html"
            report.parent.mkdir(exist_ok=True)
            report.write_text(secret)
            store.note_file(runner, report, "report", NOW)

    @rule(home=HOMES, kind=st.sampled_from(["note", "session file", "links", "study", "draft"]))
    def plant(self, home: str, kind: str) -> None:
        """Somebody's own files, links out of the folder, an indexed folder elsewhere, a draft of a killed program."""
        place = self.places[home]
        sessions = place / "sessions"
        sessions.mkdir(parents=True, exist_ok=True)
        (place / "reports").mkdir(exist_ok=True)
        if kind == "note":
            (place / "notes.txt").write_text("mine")
            (sessions / "photo.jpg").write_text("mine")
        elif kind == "session file":
            for folder in sessions.glob("run-*"):
                (folder / "video.mp4").write_text("mine")
        elif kind == "links":
            for link, goal in (
                (sessions / "link", "study/s9"),
                (place / "reports" / "link.html", "photos/page.html"),
            ):
                if not os.path.lexists(link):
                    link.symlink_to(self.outside / goal)
            for folder in sessions.glob("run-*"):
                if not os.path.lexists(folder / "derived" / "away"):
                    (folder / "derived").mkdir(exist_ok=True)
                    (folder / "derived" / "away").symlink_to(self.outside / "photos")
        elif kind == "study":
            with Store.open(place) as store:
                for runner in list(store.runner_codes().values())[:1]:
                    store.index_session(
                        runner, session_id=str(UUID(int=9)), started_at=NOW, folder=self.outside / "study" / "s9",
                        duration_s=1.0, context={}, summary={},
                    )  # fmt: skip
        elif (place / "tallrun.sqlite").exists():
            for name in (".restore-abcdefgh", f".tallrun-{uuid4().hex}"):
                (place / name).mkdir(exist_ok=True)
                shutil.copy(place / "tallrun.sqlite", place / name / "tallrun.sqlite")
            shutil.copy(place / "tallrun.sqlite", place / "old.zip.tmp")

    @rule(home=HOMES, place=HOSTILE, which=st.sampled_from(["sessions", "derived_files"]))
    def lie(self, home: str, place: str, which: str) -> None:
        """A stranger changes where a session or a report is said to be."""
        database = self.places[home] / "tallrun.sqlite"
        if database.exists():
            self._change(database, self._real(place, self.places[home]), which)

    def _real(self, place: str, home: Path) -> str:
        return place.replace("OUT", str(self.outside)).replace("HOME", str(home))

    def _change(self, database: Path, place: str, which: str) -> None:
        connection = sqlite3.connect(database)
        column = "folder" if which == "sessions" else "path"
        connection.execute(f"UPDATE OR REPLACE {which} SET {column} = ? WHERE rowid = (SELECT max(rowid) FROM {which})",
                           (place,))  # fmt: skip
        connection.commit()
        connection.close()

    @rule(home=HOMES, with_sessions=st.booleans())
    def save(self, home: str, with_sessions: bool) -> None:
        target = self.vault / f"{self._next()}.zip"
        with Store.open(self.places[home]) as store:
            back_up(store, target, NOW, with_sessions=with_sessions)
        self.backups.append(target)

    @precondition(lambda self: self.backups)
    @rule(number=NUMBER, place=HOSTILE, which=st.sampled_from(["sessions", "derived_files", "name"]))
    def forge(self, number: int, place: str, which: str) -> None:
        """A stranger changes a backup: places in its rows, or a file's name."""
        source = self.backups[number % len(self.backups)]
        target = self.vault / f"{self._next()}.zip"
        with zipfile.ZipFile(source) as old:
            files = {name: old.read(name) for name in old.namelist() if name != "manifest.json"}
            manifest = json.loads(old.read("manifest.json"))
        place = self._real(place, self.places["one"])
        if which == "name":
            files[f"sessions/{place}"] = b"x"
        else:
            database = self.root / "forged.sqlite"
            database.write_bytes(files["tallrun.sqlite"])
            self._change(database, place, which)
            files["tallrun.sqlite"] = database.read_bytes()
            database.unlink()
        manifest["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        with zipfile.ZipFile(target, "w") as new:
            for name, content in (files | {"manifest.json": json.dumps(manifest).encode()}).items():
                new.writestr(name, content)
        self.backups.append(target)

    @precondition(lambda self: self.backups)
    @rule(home=HOMES, number=NUMBER)
    def bring_back(self, home: str, number: int) -> None:
        with Store.open(self.places[home]) as store:
            before = tree(self.places[home] / "sessions")
            told = ""
            try:
                restore(store, self.backups[number % len(self.backups)], NOW, replace=True)
            except StoreError as error:
                told = str(error)
            if told:
                assert "nothing was changed" in told
                assert tree(self.places[home] / "sessions") == before
            else:
                for row in store.sessions(None):
                    assert row.folder.is_relative_to(self.places[home].absolute()) or row.session_id == str(
                        UUID(int=9)
                    )

    @rule(home=HOMES)
    def move(self, home: str) -> None:
        """The data folder is carried elsewhere: what opened before opens after."""
        old = self.places[home]
        if not old.exists():
            return
        with Store.open(old) as store:
            inside = {row.session_id for row in store.sessions(None)
                      if row.folder.resolve().is_relative_to(old.resolve()) and self._opens(row)}  # fmt: skip
        new = self.root / f"{home}-{self._next()}"
        old.rename(new)
        self.places[home] = new
        with Store.open(new) as store:
            assert inside <= {row.session_id for row in store.sessions(None) if self._opens(row)}

    def _opens(self, row: object) -> bool:
        try:
            return folder_of(row).is_dir()  # type: ignore[arg-type]
        except Exception:
            return False

    @rule(home=HOMES, number=NUMBER)
    def look(self, home: str, number: int) -> None:
        """A scan points a session that was carried elsewhere to its folder."""
        with Store.open(self.places[home]) as store:
            folder = store.folder / "sessions"
            for runner in list(store.runner_codes().values())[:1]:
                if folder.is_dir():
                    for session in [path for path in folder.glob("run-*") if not path.is_symlink()][:1]:
                        if not (goal := folder / f"moved-{self._next()}").exists():
                            session.rename(goal)
                    scan(Records(store, runner, NOW), folder)

    @rule(home=HOMES, number=NUMBER, everything=st.booleans())
    def forget(self, home: str, number: int, everything: bool) -> None:
        place = self.places[home]
        with Store.open(place) as store:
            codes = store.runner_codes()
            if not codes and not everything:
                return
            runner = None if everything else sorted(codes.values())[number % len(codes)]
            code = next((code for code, own in codes.items() if own == runner), "")
            before = tree(self.root)
            receipt = erase(store, NOW, runner_id=runner)
        after = tree(self.root)
        gone = {path for path in before if path not in after and "-wal" not in path and "-shm" not in path}
        removed = [item["path"] for item in receipt.removed]
        told = {path for path in gone if any(Path(path).is_relative_to(item) for item in removed)}
        assert told == gone, f"gone without a word: {sorted(gone - told)}"
        assert not [path for path in removed if os.path.lexists(path)]
        kept = [item["path"] for item in receipt.left if not item["what"].endswith("rows")]
        assert all(os.path.lexists(path) for path in kept)
        if everything:
            assert receipt.complete, receipt.left
            for path, what in after.items():
                if Path(path).is_relative_to(place) and what != "folder" and Path(path) != place:
                    assert any(Path(path).is_relative_to(item) for item in kept) or Path(path).is_symlink(), (
                        path
                    )
            traces = [text for own, text in self.secrets.items() for text in (own, text)]
        else:
            traces = [str(runner), code, self.secrets.get(str(runner), "no secret")]
        if receipt.complete:
            # What a stranger's lies made unknowable is named as left, and only that may hold a trace.
            content = texts(place, kept) if place.exists() else b""
            assert not [trace for trace in traces if trace.encode() in content]

    @invariant()
    def nothing_outside_is_touched(self) -> None:
        assert tree(self.outside) == self.before


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=14, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip
