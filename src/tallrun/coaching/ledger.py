"""What was cued, why, how late, and what the runner's next strides answered."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from tallrun.coaching.plan import BlockKind


@dataclass(frozen=True)
class CueStart:
    """A cue begins. The page makes the beats; it is given tempo, anchor and volume once.

    anchor_s : session time of the contact the beat is in phase with
    """

    cue_id: int
    at_s: float
    focus: str
    mode: str
    direction: str  # "up" or "down": which way the runner should go
    value: float
    low: float
    high: float
    tempo_spm: float | None
    anchor_s: float
    volume: float
    sentence: str
    latency_s: float


@dataclass(frozen=True)
class CueEnd:
    """A cue ends: ``done``, ``suspended`` or ``stopped``."""

    cue_id: int
    at_s: float
    why: str


@dataclass(frozen=True)
class CueAnswer:
    """How the strides from ``answer_after_s`` after the cue on compare with those before it.

    before, after : medians, None when too few came. back_s : from the cue until the middle of the last strides was in
    band again, None when it was not by the end of the answer.
    """

    cue_id: int
    at_s: float
    n_strides: int
    before: float | None
    after: float | None
    in_band_share: float | None
    back_s: float | None


@dataclass(frozen=True)
class ProbeResult:
    """A stretch without help: how much of it was in band (GT3 asks for 80 % over at least 60 s)."""

    at_s: float
    start_s: float
    end_s: float
    counted_s: float
    n_strides: int
    in_band_share: float | None
    speed_mps: float | None


@dataclass(frozen=True)
class BlockChange:
    """The plan moved on to another block (None: the plan is over)."""

    at_s: float
    kind: BlockKind | None
    number: int | None


CoachEvent = CueStart | CueEnd | CueAnswer | ProbeResult | BlockChange


def ledger_rows(events: list[CoachEvent]) -> list[dict[str, Any]]:
    """Return one row per cue: its start, why it ended and the answer."""
    rows: dict[int, dict[str, Any]] = {}
    for event in events:
        if isinstance(event, CueStart):
            rows[event.cue_id] = {**asdict(event), "end_s": None, "end_why": None, "answer": None}
        elif isinstance(event, CueEnd):
            rows[event.cue_id] |= {"end_s": event.at_s, "end_why": event.why}
        elif isinstance(event, CueAnswer):
            answer = asdict(event)
            del answer["cue_id"]
            rows[event.cue_id]["answer"] = answer
    return list(rows.values())


def against_band(value: float, low: float, high: float) -> str:
    """Say how a cued value lay to its band, NaN for a side that has no limit.

    In whole numbers, with a decimal where those would put it inside.
    """
    limits = [limit for limit in (low, high) if math.isfinite(limit)]
    is_hidden = all(
        round(side) <= round(value) if side is low else round(value) <= round(side) for side in limits
    )
    digits = 1 if is_hidden else 0
    return f"{value:.{digits}f} against {'–'.join(f'{limit:.{digits}f}' for limit in limits)}"
