"""Options and notices of every command that talks to sensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallrun.cli.output import say
from tallrun.errors import UsageError
from tallrun.live.devices import Emulation, require_emulator

if TYPE_CHECKING:
    from tallrun.ble import Notice

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the records; else TALLRUN_DATA_DIR or the platform's."),
]
Emulate = Annotated[
    Path | None, typer.Option("--emulate", help="Play this session as emulated sensors instead of real ones.")
]
Faults = Annotated[
    Path | None, typer.Option("--faults", help="Fault script (TOML) for --emulate; docs/emulator.md.")
]
Speed = Annotated[
    float | None,
    typer.Option("--speed", help="With --emulate: times real time. Default: as fast as possible."),
]
Model = Annotated[
    list[str] | None,
    typer.Option("--model", help="With --emulate: which sensor a place wears, e.g. pelvis=movella-dot."),
]


def data_folder(chosen: Path | None) -> Path:
    """Return the private data folder, created if needed."""
    from tallrun.store.location import data_folder as find
    from tallrun.store.location import make_private_folder

    return make_private_folder(find(chosen))


def load_emulation(
    session: Path | None, faults: Path | None, models: list[str] | None, speed: float | None
) -> Emulation | None:
    """Read what ``--emulate`` and its companions name; None without ``--emulate``."""
    if session is None:
        if faults is not None or models or speed is not None:
            raise UsageError("--faults, --model and --speed belong to --emulate")
        return None
    from tallrun.ble.faults import FaultScript
    from tallrun.sessions import read_session

    require_emulator()
    script = None
    if faults is not None:
        try:
            script = FaultScript.from_toml(faults.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"fault script {faults} cannot be read: {error}") from error
    chosen: dict[str, str] = {}
    for item in models or []:
        place, equals, name = item.partition("=")
        if not equals:
            raise UsageError(f"--model expects PLACE=CONFIG such as pelvis=movella-dot, got {item!r}")
        chosen[place] = name
    return Emulation(read_session(session), script, chosen, speed)


def tell(notice: Notice) -> None:
    """Print a notice of a sensor on stderr."""
    say(notice.text)
