"""Coming questions as a calendar, for the phone's own reminders."""

from __future__ import annotations

from datetime import UTC, datetime

from tallrun.insight.due import Due


def calendar(found: tuple[Due, ...], now: datetime) -> str:
    """Return an iCalendar text (RFC 5545): one reminder per coming question, mornings daily for four weeks.

    Calendars are often shared, so the reminders name no pain, side or score.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//tallrun//due//EN", "CALSCALE:GREGORIAN"]
    for item in found:
        at = max(item.best_at, now)
        if item.closes_at < at or item.question == "count":
            continue  # a run to count waits until somebody looks; it has no hour
        # The morning has no zone ("floating"): it is morning wherever the runner wakes up.
        if item.question == "morning":
            times = [f"DTSTART:{item.best_at:%Y%m%dT%H%M%S}", "RRULE:FREQ=DAILY;COUNT=28"]
        else:
            times = [f"DTSTART:{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"]
        lines += [
            "BEGIN:VEVENT",
            f"UID:{item.question}-{item.session_id or f'{item.opens_at:%Y%m%d}'}@tallrun",
            f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            *times,
            "DURATION:PT5M",
            f"SUMMARY:tallrun: {item.question} answer is due",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "DESCRIPTION:tallrun: an answer is due",
            "TRIGGER:PT0S",
            "END:VALARM",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _folded(line: str) -> str:
    """Fold a line at 75 octets; continuation lines start with a space."""
    parts, rest = [], line
    while len(rest.encode()) > 75:
        cut = 74
        while len(rest[:cut].encode()) > 74:
            cut -= 1
        parts.append(rest[:cut])
        rest = f" {rest[cut:]}"
    return "\r\n".join([*parts, rest])
