"""A folder with a ``run.sh``: its shell runs, and the programs it would start are done in this process instead."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tallrun.cli import main
from tallrun.numerics.recording import Recording
from tallrun.sessions import read_session

#: Where a command lives that is none of files.
_GROUPS = {"analyze": "analyze", "setup": "recovery", "pain": "recovery"}
#: Stands for ``tallrun`` and ``python3``: notes its words and where it was called.
_RECORDER = """#!{python} -SE
import json, os, sys
with open(os.environ["CASE_CALLS"], "a") as file:
    print(json.dumps([os.path.basename(sys.argv[0]), os.getcwd(), *sys.argv[1:]]), file=file)
"""


@dataclass
class Ran:
    """What the commands of a folder did: for each its words, and what it printed and complained of."""

    words: list[list[str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    def sessions(self) -> list[Recording | None]:
        """Return the session each import made, in order; None where it made none."""
        outs = [Path(words[words.index("--out") + 1]) for words in self.words if words[0] == "import"]
        return [read_session(out) if (out / "session.json").is_file() else None for out in outs]

    def activities(self) -> list[dict[str, Any] | None]:
        """Return what each import's session says of a watch's run."""
        return [None if made is None else made.info["activity"] for made in self.sessions()]


def run_case(
    folder: Path, scratch: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ran:
    """Run ``folder/run.sh`` as its user would; loops, names and options are the shell's own work."""
    calls = scratch / "calls"
    calls.touch()
    for name in ("tallrun", "python3"):
        (scratch / name).write_text(_RECORDER.format(python=sys.executable))
        (scratch / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{scratch}:{os.environ['PATH']}", "CASE_CALLS": str(calls), "TMPDIR": str(scratch),
    }  # fmt: skip
    subprocess.run(["sh", folder / "run.sh"], env=environment, check=True, timeout=60.0, capture_output=True)
    monkeypatch.setenv("TALLRUN_DATA_DIR", str(scratch / "records"))
    ran = Ran()
    for line in calls.read_text().splitlines():
        program, home, *words = json.loads(line)
        if words[:1] == ["-c"]:
            continue  # prints a file of the session, which a test reads itself
        monkeypatch.chdir(home)
        # Only the group it calls, for speed; that all can be built is tried elsewhere.
        monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", (_GROUPS.get(words[0], "formats"),))
        with pytest.raises(SystemExit) if program == "tallrun" else monkeypatch.context():
            main(words) if program == "tallrun" else runpy.run_path(words[0])
        out, err = capsys.readouterr()
        ran.words.append(words)
        ran.said.append(out + err)
    return ran
