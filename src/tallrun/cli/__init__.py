"""The command line: parse, call a room, print. The only place where adapters are joined."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> None:
    """Run the command line; exit 0 done, 1 domain error (one line on stderr), 2 usage error, 130 Ctrl-C."""
    try:
        from tallrun.cli.app import run_command  # Ctrl-C while it loads is told like any other

        run_command(argv)
    except KeyboardInterrupt:
        sys.stderr.write("tallrun: stopped by Ctrl-C; what was finished is kept\n")
        sys.exit(130)
