"""What several commands share: progress with an estimate, JSON on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def progress_bar(label: str, wanted: bool = True) -> Iterator[Callable[[float], None]]:
    """Yield a function that takes the share done; a bar with the time left is drawn on a terminal only."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(label, total=1.0)
        yield lambda share: bar.update(task, completed=share)


def get_engine_ready() -> None:
    """Compile what is not compiled yet, with a word on stderr: for every command that analyses."""
    from tallrun.kernel_cache import is_ready, prepare

    if not is_ready():
        from tallrun.gait.warm import warm_up

        prepare(warm_up)


def print_json(value: Any) -> None:
    """Print JSON without NaN, keys as given."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def visible(text: str) -> str:
    """Return free text with control characters made harmless, so that a note cannot drive the terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def say(text: str) -> None:
    """Print a line on stderr, where the terminal is still there: it may be closed while a run goes on."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
