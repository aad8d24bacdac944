"""The door of the command line: what a person sees when a command is stopped or a disk refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tallrun.cli import main
from tallrun.cli.app import ONE_COMMAND_MODULES, build_app

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


def run(capsys, args: list[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(args)
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("trouble", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "tallrun: stopped by Ctrl-C; what was finished is kept\n"),
        (OSError(28, "No space left on device", "out/x"), 1, "tallrun: out/x: No space left on device\n"),
        (OSError("the disk\nis gone\x1b[2J"), 1, "tallrun: the disk is gone\ufffd[2J\n"),
    ],
)
def test_what_stops_a_command_is_one_line(monkeypatch, capsys, tmp_path, trouble, code, line):
    def stop(*_: object) -> None:
        raise trouble

    monkeypatch.setattr("tallrun.sessions.read_session", stop)
    got, told = run(capsys, ["report", str(tmp_path)])
    assert (got, told) == (code, line)


def test_ctrl_c_while_the_command_line_loads_is_the_same_line():
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == sys.argv[1]:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from tallrun.cli import main\n"
        "main(['doctor'])\n"
    )
    for module in ("typer", "tallrun.cli.app", "tallrun.cli.sensors"):
        done = subprocess.run([sys.executable, "-c", code, module], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (130, "")
        assert done.stderr == "tallrun: stopped by Ctrl-C; what was finished is kept\n"


def test_a_file_where_a_folder_is_to_be_is_told_alike_at_any_depth(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    told = [
        run(capsys, ["cohort", str(RECORDINGS), "--out", str(tmp_path / "file" / deeper)])
        for deeper in ("x", "x/y", "x/y/z")
    ]
    assert {code for code, _ in told} == {1}
    last = [
        lines.splitlines()[-1] for _, lines in told
    ]  # before it, on a new machine, that kernels are compiled
    assert all(
        line.startswith("tallrun: ") and "a file stands where a folder is to be" in line for line in last
    )
    assert not any("Traceback" in lines for _, lines in told)


@pytest.mark.parametrize("option", ["report", "compare", "handout"])
def test_a_page_is_written_over_nothing_but_a_page(capsys, tmp_path, option):
    session = tmp_path / "s"
    shutil.copytree(RECORDINGS / "one_foot", session)
    before = {path: path.read_bytes() for path in session.rglob("*") if path.is_file()}

    def write_to(place):
        words = {
            "report": ["report", str(session), "-o", place],
            "compare": ["compare", str(session), str(session), "-o", place],
            "handout": ["compare", str(session), str(session), "--handout", place],
        }[option]
        return run(capsys, words)

    for place in (
        str(session / "session.json"),
        str(next(session.glob("signals/*"))),
        ".",
        "/",
        "",
        "..",
    ):
        code, told = write_to(place)
        assert code == 1
        assert told.count("\n") == 1
        assert "is a folder" in told or "exists already" in told
    assert {path: path.read_bytes() for path in session.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("option", ["report", "compare", "handout"])
def test_a_page_is_made_again_over_the_one_before(capsys, tmp_path, option):
    session, page = str(RECORDINGS / "one_foot"), tmp_path / "page.html"
    words = {
        "report": ["report", session, "-o", str(page)],
        "compare": ["compare", session, session, "-o", str(page)],
        "handout": ["compare", session, session, "--handout", str(page)],
    }[option]
    page.touch()
    for _ in range(2):
        assert run(capsys, words)[0] == 0
        assert page.read_text().lstrip().startswith("<!doctype html>")


def test_a_wrong_option_is_a_usage_error_and_help_is_none(capsys):
    assert run(capsys, ["report", "--no-such-option"])[0] == 2
    assert run(capsys, ["report", "--help"]) == (0, "")


@pytest.mark.parametrize("name", sorted(ONE_COMMAND_MODULES))
def test_a_command_alone_in_its_module_is_built_alone(name):
    assert list(typer.main.get_command(build_app(name)).commands) == [name]


def test_a_word_that_is_no_such_command_has_all_built():
    assert {"analyze", "pain", "run"} <= set(typer.main.get_command(build_app("analyse")).commands)


def test_analyze_loads_no_room_and_no_library_that_it_does_not_use():
    """Half of a short analysis was importing what only reports, advice and the simulator need."""
    code = (
        "import sys, tallrun.gait.warm, tallrun.pipeline, tallrun.sessions\n"
        "import tallrun.report.measured, tallrun.report.sentences\n"
        "unused = ('scipy.stats', 'scipy.signal', 'scipy.special', 'pydantic', 'tallrun.coaching', 'tallrun.insight',\n"
        "          'tallrun.recovery', 'tallrun.simulate', 'tallrun.report.build')\n"
        "print([name for name in unused if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["clinician", "note", "\udcff\udcfe", "--by", "x"], "text"),
        (["clinician", "note", "a note", "--by", "\ud800"], "by"),
        (["log-run", "--minutes", "20", "--shoe", "\udcff"], "shoe"),
        (["setup", "--diagnosis-text", "\udcff"], "diagnosis-text"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(capsys, tmp_path, words, name):
    got, told = run(capsys, [*words, "--data-dir", str(tmp_path)])
    assert (got, told) == (1, f"tallrun: what was given for {name} is no UTF-8 text; type it again\n")
    assert list(tmp_path.iterdir()) == []


def test_every_option_of_days_is_bounded_as_rest_bounds_it(capsys, tmp_path):
    found = []

    def look(command, words):
        for name, inner in getattr(command, "commands", {}).items():
            look(inner, [*words, name])
        if any("--days" in getattr(item, "opts", ()) for item in command.params):
            found.append(words)

    look(typer.main.get_command(build_app()), [])
    assert len(found) >= 3
    for words in found:
        got, told = run(capsys, [*words, "--days", "99999999999", "--data-dir", str(tmp_path)])
        assert got == 2
        assert "3650" in told
