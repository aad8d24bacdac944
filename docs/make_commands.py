"""Writes docs/commands.md, the reference of every command, from the commands' own help (``make docs``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer.main

from tallrun.cli.app import build_app

HEAD = (
    "# Commands\n\nMade by `make docs` from the commands' own help. "
    "Exit 0 done, 1 domain error (one line), 2 usage error.\n"
)


def lines(group: Any, prefix: str) -> list[str]:
    """Return the reference of a group and everything under it."""
    out: list[str] = []
    for name, item in sorted(group.commands.items()):
        full = f"{prefix} {name}"
        if hasattr(item, "commands"):
            out += lines(item, full)
            continue
        out += [f"## `{full}`", "", " ".join((item.help or "").split()), ""]
        for option in item.params:
            names = ", ".join(getattr(option, "opts", [option.name]))
            text = " ".join((getattr(option, "help", "") or "").split())
            if "--help" not in names:
                out.append(
                    f"* `{names if option.param_type_name == 'option' else (option.name or '').upper()}` {text}"
                )
        out.append("")
    return out


def main() -> None:
    """Write the page."""
    text = HEAD + "\n" + "\n".join(lines(typer.main.get_command(build_app()), "tallrun")).rstrip() + "\n"
    (Path(__file__).parent / "commands.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
