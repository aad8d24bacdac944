"""The command line: parse, call a room, print. The only place where adapters are joined."""

from tallrun.cli.app import main

__all__ = ["main"]
