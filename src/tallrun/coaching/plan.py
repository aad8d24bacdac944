"""When cues may come in a session: learning, cued and uncued blocks, and probes without any help.

Feedback is full for four sessions of a step and then fades to 75, 50, 25 and 10 % of the minutes, scattered
(Crowell & Davis 2011; Bowser 2018; sci:A6). Afterwards only probes remain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallrun.errors import UsageError

BlockKind = Literal["learning", "cued", "uncued", "probe"]

FADE_SHARES = (1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.1)
LEARNING_S = 120.0
PROBE_S = 90.0
SLOT_S = 60.0


@dataclass(frozen=True)
class Block:
    """Half-open span of session time [start_s, end_s)."""

    kind: BlockKind
    start_s: float
    end_s: float


@dataclass(frozen=True)
class SessionPlan:
    """Blocks in order, gap-free; after the last one there are no cues."""

    blocks: tuple[Block, ...]
    fade_share: float

    def block_at(self, time_s: float) -> Block | None:
        """Return the block of this time, or None before the first and after the last."""
        for block in self.blocks:
            if block.start_s <= time_s < block.end_s:
                return block
        return None

    def index_of(self, block: Block) -> int:
        """Return the block's place, counted from 1."""
        return self.blocks.index(block) + 1

    @property
    def cued_s(self) -> float:
        """Seconds in which cues may come."""
        return sum(item.end_s - item.start_s for item in self.blocks if item.kind == "cued")


def fade_share(step_session: int) -> float:
    """Share of the minutes with feedback in the n-th session of a step (from 1); 0 after the eighth."""
    if step_session < 1:
        raise UsageError(f"sessions of a step are counted from 1, got {step_session}")
    return FADE_SHARES[step_session - 1] if step_session <= len(FADE_SHARES) else 0.0


def plan_session(
    duration_s: float,
    step_session: int = 1,
    start_s: float = 0.0,
    learning_s: float = LEARNING_S,
    probe_s: float = PROBE_S,
    is_uncued: bool = False,
) -> SessionPlan:
    """Lay out the blocks of one session.

    duration_s : planned length from ``start_s``
    learning_s, probe_s : at most a third and a fifth of a short session, so that something is left to coach
    step_session : which session of this gait step it is, from 1
    is_uncued : after AMBER, LATE or RED the next session has no cues (GT5)

    Raises UsageError for a duration that is not above zero.
    """
    if not duration_s > 0.0:
        raise UsageError(f"a session needs a duration above 0 s, got {duration_s}")
    share = 0.0 if is_uncued else fade_share(step_session)
    end_s = start_s + duration_s
    learning_end_s = start_s + min(learning_s, duration_s / 3.0)
    probe_start_s = end_s - min(probe_s, duration_s / 5.0)
    blocks = [Block("learning", start_s, learning_end_s)]
    slots = max(1, round((probe_start_s - learning_end_s) / SLOT_S))
    width_s = (probe_start_s - learning_end_s) / slots
    done = 0.0
    for place in range(slots):
        # Spreading by a running remainder scatters the cued slots evenly and needs no random number.
        done += share
        kind: BlockKind = "cued" if done >= 1.0 - 1e-9 else "uncued"
        if kind == "cued":
            done -= 1.0
        low = learning_end_s + place * width_s
        high = probe_start_s if place == slots - 1 else learning_end_s + (place + 1) * width_s
        if blocks[-1].kind == kind:
            blocks[-1] = Block(kind, blocks[-1].start_s, high)
        else:
            blocks.append(Block(kind, low, high))
    if end_s > blocks[-1].end_s:
        blocks.append(Block("probe", blocks[-1].end_s, end_s))
    return SessionPlan(tuple(item for item in blocks if item.end_s > item.start_s), share)
