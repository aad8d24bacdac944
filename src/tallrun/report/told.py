"""What was told about a session beside its recording, as its report shows it and remembers that it did."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: When a score was told for, in the words of a report.
TOLD_WORDS = {
    "before": "before it", "during": "worst during it", "after": "after it", "morning": "the morning after",
    "h24": "24 h after it", "h48": "48 h after it", "rest": "at rest", "exercise": "exercising",
}  # fmt: skip
_KEY = re.compile(r'<meta name="told" content="([0-9a-f]*)">')
#: The key stands at the very top of a report, before any text of a person.
_HEAD_BYTES = 512


@dataclass(frozen=True)
class ToldBeside:
    """scores : (kind, 0-10) beside the taps of the run itself. key : of all that was told; empty where nothing was."""

    scores: Sequence[tuple[str, int]] = ()
    key: str = ""


def told_words(told: ToldBeside) -> str:
    """Return the scores that were told beside the recording; empty where there is none."""
    said = ", ".join(f"{score} of 10 {TOLD_WORDS[kind]}" for kind, score in told.scores)
    return f"Told beside the recording: {said}." if said else ""


def key_in(report: Path) -> str | None:
    """Return the key of what was told when a report was made; empty for one that knows of nothing, None without one."""
    try:
        with report.open("rb") as file:
            found = _KEY.search(file.read(_HEAD_BYTES).decode("utf-8", "replace"))
    except OSError:
        return None
    return found[1] if found else ""
