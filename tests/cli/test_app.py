"""The door of the command line: what a person sees when a command is stopped or a disk refuses."""

from __future__ import annotations

import pytest

from tallrun.cli.app import main


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


def test_a_wrong_option_is_a_usage_error_and_help_is_none(capsys):
    assert run(capsys, ["report", "--no-such-option"])[0] == 2
    assert run(capsys, ["report", "--help"]) == (0, "")
