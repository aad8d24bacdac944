"""What people get wrong at the import and export commands: one line, exit 1, nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.session_files import small_recording, small_session
from tallrun.cli import main
from tallrun.errors import SessionError
from tallrun.sessions import read_session
from tallrun.sessions._files import is_there, refuse_existing, whole_file

IMPORTS = {
    "csv": ["--preset", "xio", "--placement", "foot_left"],
    "matlab": [],
    "xdf": ["--stream", "A=foot_left"],
    "fit": [],
    "tcx": [],
    "gpx": [],
    "bundle": [],
}
EXPORTS = ("csv", "parquet", "fit", "bids", "fhir", "bundle")


@pytest.fixture(autouse=True)
def only_these_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("formats",))
    monkeypatch.setenv("TALLRUN_DATA_DIR", str(tmp_path / "records"))


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that must end with exit code 1 and one line on stderr; return that line."""
    with pytest.raises(SystemExit) as stopped:
        main(list(words))
    out, err = capsys.readouterr()
    assert stopped.value.code == 1
    assert err.count("\n") == 1
    assert err.startswith("tallrun: ")
    assert "written to" not in out
    return err


@pytest.fixture(params=["missing", "folder", "empty", "text", "noise", "dangling", "pipe"])
def wrong_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    match request.param:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path.write_text("hello\n")
        case "noise":
            path.write_bytes(bytes(range(256)) * 20)
        case "dangling":
            path.symlink_to(tmp_path / "nowhere")
        case "pipe":
            os.mkfifo(path)
    return path


@pytest.mark.parametrize("kind", IMPORTS)
def test_a_wrong_file_is_one_line_and_no_session(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, wrong_file: Path, kind: str
) -> None:
    before = sorted(tmp_path.iterdir())
    err = refused(capsys, "import", kind, str(wrong_file), "--out", str(tmp_path / "s"), *IMPORTS[kind])
    assert str(wrong_file) in err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", EXPORTS)
@pytest.mark.parametrize("place", ["taken", "taken_folder/x.csv/..", "file/x", "dangling"])
def test_an_export_does_not_touch_what_is_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str, place: str
) -> None:
    session = small_session(tmp_path / "run", "pelvis")
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "taken_folder").mkdir()
    (tmp_path / "taken_folder" / "x.csv").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    before = sorted(tmp_path.rglob("*"))
    err = refused(capsys, "export", str(session), "--to", kind, "-o", str(tmp_path / place))
    assert "exists already" in err or "could not be written" in err
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_of_no_session_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, wrong_file: Path, kind: str
) -> None:
    err = refused(capsys, "export", str(wrong_file), "--to", kind, "-o", str(tmp_path / "out"))
    assert str(wrong_file) in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["fit", "fhir", "bundle"])
def test_a_file_into_a_folder_that_is_not_there_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    session = small_session(tmp_path / "run", "pelvis")
    err = refused(capsys, "export", str(session), "--to", kind, "-o", str(tmp_path / "no" / "such" / "x"))
    assert f"{tmp_path / 'no' / 'such'} is no folder; make it first" in err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("kind", EXPORTS)
def test_a_full_disk_is_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    session = small_session(tmp_path / "run", "pelvis")
    before = sorted(tmp_path.rglob("*"))

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("tallrun.sessions._files.sync_file", full)
    err = refused(capsys, "export", str(session), "--to", kind, "-o", str(tmp_path / "out"))
    assert "No space left on device" in err
    assert "partial" not in err
    monkeypatch.undo()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"", "its first line must be the passphrase"),
        (b"\n\n", "its first line must be the passphrase"),
        (b"\xff\xfeh\0o\0r\0s\0e\0", "not UTF-8"),
        (b"short", "at least 8 characters"),
    ],
)
def test_a_passphrase_that_cannot_be_used(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, words: str
) -> None:
    session = small_session(tmp_path / "run", "pelvis")
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    seal = ["--passphrase-file", str(tmp_path / "secret")]
    err = refused(capsys, "export", str(session), "--to", "bundle", "-o", str(tmp_path / "b"), *seal)
    assert words in err
    assert not (tmp_path / "b").exists()


def test_one_passphrase_however_it_was_typed(tmp_path: Path) -> None:
    """Notepad's byte-order mark, Windows line ends and composed or decomposed letters are one passphrase."""
    session = small_session(tmp_path / "run", "pelvis")
    (tmp_path / "mac").write_text("gru\u0308ner Baum\n", encoding="utf-8")
    (tmp_path / "windows").write_bytes("\ufeffgr\u00fcner Baum\r\n".encode())
    for words in (
        [
            "export",
            str(session),
            "--to",
            "bundle",
            "-o",
            str(tmp_path / "b"),
            "--passphrase-file",
            str(tmp_path / "mac"),
        ],
        [
            "import",
            "bundle",
            str(tmp_path / "b"),
            "--out",
            str(tmp_path / "s"),
            "--passphrase-file",
            str(tmp_path / "windows"),
        ],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert not stopped.value.code
    assert read_session(tmp_path / "s").info == small_recording().info


def test_hostile_column_names_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "run.csv"
    path.write_text("\x1b]0;owned\x07,\x9b31m,\u202ereversed,a\n1,2,3,4\n")
    err = refused(capsys, "import", "csv", str(path), "--out", str(tmp_path / "s"), *IMPORTS["csv"])
    assert err.rstrip("\n").isprintable()
    assert "\ufffd]0;owned" in err


def test_a_folder_that_lets_nobody_look_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = small_session(tmp_path / "run", "pelvis")

    def forbidden(path: Path) -> bool:
        if path.parent.name == "signals":
            raise PermissionError(13, "Permission denied", str(path))
        return os.path.lexists(path)

    monkeypatch.setattr(Path, "exists", forbidden)
    with pytest.raises(
        SessionError, match=r"signals.* cannot be read \(permission denied\); check its owner"
    ):
        read_session(session)
    with pytest.raises(SessionError, match=r"could not be written \(Permission denied\)"):
        refuse_existing(tmp_path / "signals" / "x")
    assert is_there(tmp_path)


def test_the_first_error_is_the_one_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SessionError, match="a file stands where a folder is to be"),
        whole_file(tmp_path / "file" / "x"),
    ):
        pass
