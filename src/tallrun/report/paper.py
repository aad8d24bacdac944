"""What stands on each sheet of paper: whose it is, of which day, which page of how many, and the letterhead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

LEAST_HEAD = "tallrun"


@dataclass(frozen=True)
class HandoutPlan:
    """What the records say beside a comparison. week : planned sessions, in words. limits : sentences.

    exercises : (name, dose with days a week).
    """

    as_of: datetime
    today: tuple[str, ...]
    week: tuple[str, ...]
    limits: tuple[str, ...]
    exercises: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sheet:
    """Whose a printed page is. code, letterhead : untrusted. plan : makes what a hand-out says of the coming week."""

    code: str = ""
    letterhead: str = ""
    plan: Callable[[], HandoutPlan | None] = lambda: None


def sheet_css(sheet: Sheet, what: str, day: str) -> Markup:
    """Return the page rules of a printed document: head and foot of every sheet of paper, all of it plain text."""
    left = " · ".join(part for part in (sheet.code, what, day) if part)
    head = sheet.letterhead.strip().splitlines()
    return Markup(
        "@page {{ margin: 18mm 12mm 16mm; "
        "@top-left {{ content: {left}; font: 9pt system-ui, sans-serif; }} "
        "@top-right {{ content: {head}; font: 9pt system-ui, sans-serif; }} "
        '@bottom-right {{ content: "page " counter(page) " of " counter(pages); font: 9pt system-ui, sans-serif; }} '
        '@bottom-left {{ content: "Not a medical device"; font: 9pt system-ui, sans-serif; }} }}'
    ).format(left=Markup(_css_text(left)), head=Markup(_css_text(head[0] if head else LEAST_HEAD)))  # fmt: skip


def _css_text(text: str) -> str:
    """Return a string of a style sheet that can end neither itself nor its element, whatever it holds."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)[:120]
    return (
        '"'
        + "".join(
            letter if letter.isalnum() or letter in " ·,.-–()" else f"\\{ord(letter):x} " for letter in plain
        )
        + '"'
    )
