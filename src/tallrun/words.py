"""Words that every room puts its sentences together with."""

from __future__ import annotations


def counted(count: int, thing: str) -> str:
    """Return a number with its thing, one or many: "1 run", "3 runs", "0 runs"."""
    return f"{count} {thing}{'' if count == 1 else 's'}"
