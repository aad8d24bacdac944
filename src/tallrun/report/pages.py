"""The jinja environment of the room: every value escaped unless a template says otherwise."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, select_autoescape


@cache
def environment() -> Environment:
    """Return the one environment."""
    made = Environment(
        loader=PackageLoader("tallrun.report", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["clock"] = clock
    return made


def clock(seconds: float) -> str:
    """Return minutes and seconds, with hours from one hour on: 4:07, 1:02:09."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def minutes_words(seconds: float) -> str:
    """Return a length of time in words: 45 s, 7 min 20 s."""
    whole = round(seconds)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60:02d} s"
