"""The jinja environment of the room: every value escaped unless a template says otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
    made.filters["when"] = when_words
    made.filters["day"] = day_words
    return made


def clock(seconds: float) -> str:
    """Return a moment of a session by the whole seconds passed: 4:07, 1:02:09; lengths: ``words.clock``."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def when_words(at: object, zone: object = None) -> str:
    """Return an instant as a person reads it: weekday, day and time in a zone, and that zone's name.

    The one way a time of day gets onto a report, a comparison or a hand-out. at : a datetime or ISO text. zone : IANA
    name; without a known one the time is told in the offset it was entered with, and one without an offset is told
    with the words "zone not known".
    """
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            return "day not known"
    if not isinstance(at, datetime):
        return "day not known"
    told = "zone not known" if at.tzinfo is None else "UTC" if at.tzinfo is UTC else f"UTC{at:%z}"
    if at.tzinfo is not None and isinstance(zone, str) and zone:
        try:
            at, told = at.astimezone(ZoneInfo(zone)), "UTC" if zone == "Etc/UTC" else zone
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass  # a name nobody knows: the offset still holds
    return f"{at:%A %d %B %Y, %H:%M} ({told})"


def day_words(at: date, with_year: bool = False) -> str:
    """Return a day in words, 7 March or 7 March 2026, by the zone that ``at`` is in."""
    return f"{at.day} {at:%B}" + (f" {at.year}" if with_year else "")


def minutes_words(seconds: float) -> str:
    """Return a length of time in words: 45 s, 7 min 20 s."""
    whole = round(seconds)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60:02d} s"
