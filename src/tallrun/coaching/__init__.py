"""Which cue, when and how often. Pure and replayable: the same strides give the same cues."""

from tallrun.coaching.coach import PHRASES, Coach, CoachSettings, Focus, SeenStride
from tallrun.coaching.intervals import Part, Schedule, lay_out
from tallrun.coaching.ledger import (
    BlockChange,
    CoachEvent,
    CueAnswer,
    CueEnd,
    CueStart,
    ProbeResult,
    ledger_rows,
)
from tallrun.coaching.plan import Block, SessionPlan, fade_share, plan_session
from tallrun.coaching.target import RAISE_SHARE, CadenceTarget, own_cadence

__all__ = [
    "PHRASES",
    "RAISE_SHARE",
    "Block",
    "BlockChange",
    "CadenceTarget",
    "Coach",
    "CoachEvent",
    "CoachSettings",
    "CueAnswer",
    "CueEnd",
    "CueStart",
    "Focus",
    "Part",
    "ProbeResult",
    "Schedule",
    "SeenStride",
    "SessionPlan",
    "fade_share",
    "lay_out",
    "ledger_rows",
    "own_cadence",
    "plan_session",
]
