"""What stands on each sheet of paper: whose it is, of which day, which page of how many, and the letterhead."""

from __future__ import annotations

from markupsafe import Markup

LEAST_HEAD = "tallrun"


def sheet_css(code: str, what: str, day: str, letterhead: str = "") -> Markup:
    """Return the page rules of a printed document: head and foot of every sheet.

    code : whose, empty where it is not known; it, what, day and letterhead are untrusted and become text of a style sheet.
    """
    left = " · ".join(part for part in (code, what, day) if part)
    return Markup(
        "@page {{ margin: 18mm 12mm 16mm; "
        "@top-left {{ content: {left}; font: 9pt system-ui, sans-serif; }} "
        "@top-right {{ content: {head}; font: 9pt system-ui, sans-serif; }} "
        '@bottom-right {{ content: "page " counter(page) " of " counter(pages); font: 9pt system-ui, sans-serif; }} '
        '@bottom-left {{ content: "Not a medical device"; font: 9pt system-ui, sans-serif; }} }}'
    ).format(left=Markup(_css_text(left)), head=Markup(_css_text(letterhead.splitlines()[0] if letterhead else LEAST_HEAD)))  # fmt: skip


def _css_text(text: str) -> str:
    """Return a string of a style sheet that can end neither itself nor its element, whatever it holds."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)[:120]
    return '"' + "".join(letter if letter.isalnum() or letter in " ·,.-–()" else f"\\{ord(letter):x} " for letter in plain) + '"'
