"""Run ``tallrun`` in this process, as a script would: exit code, standard output, standard error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support.records import NOW
from tallrun.cli import main


@dataclass(frozen=True)
class Done:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Done]


def commands(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs one command on the records in ``folder``; ``now=`` sets the clock."""
    monkeypatch.setenv("TALLRUN_DATA_DIR", str(folder))
    # The whole command is built and tried elsewhere; here only the groups under test, for speed.
    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("recovery", "data"))

    def run(*argv: object, now: datetime = NOW, typed: str | None = None) -> Done:
        from io import StringIO

        monkeypatch.setattr("tallrun.cli.recovery_common.current_time", lambda: now)
        for module in ("recovery_setup", "data"):
            monkeypatch.setattr(f"tallrun.cli.{module}.current_time", lambda: now)
        terminal = StringIO(typed or "")
        terminal.isatty = lambda: typed is not None  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", terminal)
        try:
            main([str(part) for part in argv])
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run
