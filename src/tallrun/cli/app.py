"""Assembles the ``tallrun`` command and turns domain errors into one plain line and exit code 1.

Command modules import their rooms inside the functions, so that ``tallrun --help`` stays quick.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import typer

from tallrun._version import __version__
from tallrun.cli.output import visible
from tallrun.errors import TallrunError, UsageError
from tallrun.garbage import look_seldom

COMMAND_MODULES = (
    "analyze",
    "formats",
    "simulate",
    "report",
    "cite",
    "sensors",
    "live",
    "clinic",
    "cohort",
    "recovery",
    "data",
    "serve",
)
#: Modules whose one command is named like them: for it no other module is loaded.
ONE_COMMAND_MODULES = frozenset({"analyze", "simulate", "report", "cite", "cohort", "data", "serve"})


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tallrun {__version__}")
        raise typer.Exit


def build_app(word: str | None = None) -> typer.Typer:
    """Build the typer application with every command registered, or with the one named where it has a module alone."""
    app = typer.Typer(
        name="tallrun",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Running-gait monitor. Not a medical device: use it with a clinician's diagnosis and plan.",
    )

    @app.callback()
    def root(
        version: bool = typer.Option(
            False, "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ) -> None:
        """Running-gait monitor. Not a medical device: use with a clinician's diagnosis and plan."""

    for name in [word] if word in ONE_COMMAND_MODULES else COMMAND_MODULES:
        import_module(f"tallrun.cli.{name}").register(app)
    _refuse_what_is_no_text(app)
    return app


def _refuse_what_is_no_text(app: typer.Typer) -> None:
    """Let every command refuse text that no file or database can hold; a path may be named by any bytes."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _with_whole_text(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _refuse_what_is_no_text(group.typer_instance)


def _with_whole_text(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def checked(**given: Any) -> Any:
        for name, value in given.items():
            for text in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(text, str) and any("\ud800" <= letter <= "\udfff" for letter in text):
                    raise UsageError(
                        f"what was given for {name.replace('_', '-')} is no UTF-8 text; type it again"
                    )
        return command(**given)

    return checked


def _one_line(text: str) -> str:
    """Return a message as one line; names and cells of strangers in it must not drive the terminal."""
    return visible(" ".join(text.split()))


def run_command(argv: list[str] | None = None) -> None:
    """Run the command line and end the process as ``tallrun.cli.main`` says; raises KeyboardInterrupt at Ctrl-C."""
    # A third of loading numpy is starting threads for large matrices, of which there are none here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    look_seldom()
    atexit.register(gc.freeze)  # else all that was loaded is looked through once more at the end
    words = sys.argv[1:] if argv is None else argv
    app = build_app(words[0] if words else None)
    try:
        app(args=argv)
    except TallrunError as error:
        sys.stderr.write(f"tallrun: {_one_line(str(error))}\n")
        sys.exit(1)
    except BrokenPipeError:
        # whoever read our output has gone; there is nobody to tell
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        # rooms name their files themselves; what still comes here is a disk or a folder that refused
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"tallrun: {_one_line(f'{where}{error.strerror or error}')}\n")
        sys.exit(1)
    except SystemExit as end:
        # typer ends a command at Ctrl-C by itself, and without a word
        interrupt = getattr(end.__context__, "__cause__", None)
        if isinstance(interrupt, KeyboardInterrupt):
            raise interrupt from None
        raise
