"""The coach: silent in band, one cue at a time, never two messages in twenty seconds.

Pure: told of strides in order, it answers with cue events. The same strides give the same cues, so a recorded
session replays its cues exactly, and another target can be tried on it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from tallrun.coaching.ledger import BlockChange, CoachEvent, CueAnswer, CueEnd, CueStart, ProbeResult
from tallrun.coaching.plan import Block, SessionPlan

Mode = Literal["metronome", "tone", "voice", "visual"]
FocusName = Literal["cadence", "tall", "tilt"]
#: Fewer strides tell nothing of before or after a cue.
LEAST_ANSWER = 5

PHRASES: dict[str, dict[str, str]] = {
    "cadence": {"up": "quick, light steps", "down": "ease the rhythm a little"},
    "tall": {"up": "tall, as if lifted by a string", "down": "tall, as if lifted by a string"},
    "tilt": {"up": "belt buckle up a touch", "down": "belt buckle up a touch"},
}


@dataclass(frozen=True)
class CoachSettings:
    """Times and limits; the defaults are the design's (sci:A6, sci:D7).

    answer_after_s : a cue must be heard and taken up first; strides before that tell how fast it was, not whether it
    helped. Chosen, not measured.
    """

    mode: Mode = "metronome"
    band_share: float = 0.02
    hold_s: float = 10.0
    cue_s: float = 30.0
    refractory_s: float = 60.0
    message_gap_s: float = 20.0
    smooth_strides: int = 8
    answer_strides: int = 30
    answer_after_s: float = 8.0
    volume: float = 0.7
    recall_phrase: str | None = None


@dataclass(frozen=True)
class Focus:
    """The one thing coached. ``band_at(speed)`` gives (low, high) in the unit of the value, NaN when unknown."""

    name: FocusName
    band_at: Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class SeenStride:
    """One stride as the coach sees it.

    at_s : when it became known; contact_s : the contact that closed it; value : in the focus's unit, NaN unknown
    is_clean : running, of good quality, level, straight, at steady speed
    """

    at_s: float
    contact_s: float
    value: float
    speed_mps: float
    is_clean: bool


@dataclass
class _OpenAnswer:
    """What the strides after a cue have answered so far. back_s : from the cue until they were in band again."""

    cue: CueStart
    before: float | None
    after: list[float] = field(default_factory=list)
    n_inside: int = 0
    back_s: float | None = None

    def closed(self, now_s: float) -> CueAnswer:
        enough = len(self.after) >= LEAST_ANSWER
        return CueAnswer(
            cue_id=self.cue.cue_id,
            at_s=now_s,
            n_strides=len(self.after),
            before=self.before,
            after=median(self.after) if enough else None,
            in_band_share=self.n_inside / len(self.after) if enough else None,
            back_s=self.back_s,
        )


class Coach:
    """One session's coach for one focus, or none (``focus`` None: blocks are announced, nothing is cued)."""

    def __init__(
        self,
        plan: SessionPlan,
        focus: Focus | None,
        settings: CoachSettings | None = None,
        plan_time: Callable[[float], float] | None = None,
    ) -> None:
        self.plan = plan
        #: Session time -> the time the blocks count on: that of running, with intervals. None: session time itself.
        self._plan_time = plan_time
        self._block_from_s = 0.0
        self.focus = focus
        self.settings = settings or CoachSettings()
        self._recent: deque[float] = deque(maxlen=self.settings.smooth_strides)
        self._history: deque[float] = deque(maxlen=self.settings.answer_strides)
        self._out_since_s: float | None = None
        self._cue: CueStart | None = None
        self._cue_until_s = -math.inf
        self._free_from_s = -math.inf
        self._last_message_s = -math.inf
        self._answers: list[_OpenAnswer] = []
        self._stopped = False
        self._block: Block | None = None
        self._probe: list[tuple[float, bool, float]] = []
        self._next_id = 1
        self._band: tuple[float, float] | None = None

    @property
    def band(self) -> tuple[float, float] | None:
        """Band at the last known speed, or None before there is one."""
        return self._band

    def see(self, stride: SeenStride) -> list[CoachEvent]:
        """Take one stride; return what follows from it."""
        out = self.advance(stride.at_s)
        if self.focus is None:
            return out
        if not stride.is_clean or not math.isfinite(stride.value):
            self._recent.clear()
            self._out_since_s = None
            return out + self._end_cue(stride.at_s, "suspended")
        low, high = self.focus.band_at(stride.speed_mps)
        if not (math.isfinite(low) or math.isfinite(high)):
            return out
        self._band = (low, high)
        self._recent.append(stride.value)
        self._history.append(stride.value)
        block = self._block
        if block is not None and block.kind == "probe":
            self._probe.append((stride.contact_s, _inside(stride.value, low, high), stride.speed_mps))
        is_full = len(self._recent) >= self.settings.smooth_strides
        value = median(self._recent)
        out += self._count_answers(stride, low, high, is_full and _inside(value, low, high))
        if not is_full:
            return out
        if _inside(value, low, high):
            self._out_since_s = None
            return out
        if self._out_since_s is None:
            self._out_since_s = stride.contact_s
        if self._may_cue(stride):
            out.append(self._start_cue(stride, value, low, high))
        return out

    def advance(self, now_s: float) -> list[CoachEvent]:
        """Let time pass: blocks change, a cue runs out."""
        out: list[CoachEvent] = []
        block = self.plan.block_at(now_s if self._plan_time is None else self._plan_time(now_s))
        if block != self._block:
            if self._block is not None and self._block.kind == "probe":
                out.append(self._close_probe(self._block, now_s))
            if self._cue is not None and (block is None or block.kind != "cued"):
                out += self._end_cue(now_s, "done")
            self._block = block
            self._block_from_s = now_s
            self._out_since_s = None
            out.append(
                BlockChange(
                    now_s,
                    block.kind if block else None,
                    self.plan.index_of(block) if block else None,
                )
            )
        if self._cue is not None and now_s >= self._cue_until_s:
            out += self._end_cue(self._cue_until_s, "done")
        return out

    def stop(self, now_s: float) -> list[CoachEvent]:
        """Pain or limping came up: whatever is on ends at once, and nothing is cued any more."""
        out = self._end_cue(now_s, "stopped")
        self._stopped = True
        return out

    def rest(self, now_s: float) -> list[CoachEvent]:
        """End the cue of a run that is over; the next run is judged from its own strides."""
        self._recent.clear()
        self._out_since_s = None
        return self._end_cue(now_s, "done") + self._close_answers(now_s)

    def resume(self) -> None:
        """Allow cues again (after a question was answered and the plan said go on)."""
        if self._stopped:
            self._stopped = False
            self._out_since_s = None

    def finish(self, now_s: float) -> list[CoachEvent]:
        """End of session: close the cue, the probe and the open answers."""
        out = self._end_cue(now_s, "done")
        if self._block is not None and self._block.kind == "probe":
            out.append(self._close_probe(self._block, now_s))
            self._block = None
        return out + self._close_answers(now_s)

    def _may_cue(self, stride: SeenStride) -> bool:
        now_s, settings = stride.at_s, self.settings
        return (
            not self._stopped
            and self._cue is None
            and self._block is not None
            and self._block.kind == "cued"
            and self._out_since_s is not None
            and stride.contact_s - self._out_since_s >= settings.hold_s
            and now_s >= self._free_from_s
            and now_s - self._last_message_s >= settings.message_gap_s
        )

    def _start_cue(self, stride: SeenStride, value: float, low: float, high: float) -> CueStart:
        focus = self.focus
        if focus is None:
            raise RuntimeError("a cue without a focus")
        up = value < low if focus.name == "cadence" else True
        direction = "up" if up else "down"
        sentence = PHRASES[focus.name][direction]
        if up and self.settings.recall_phrase:
            sentence = self.settings.recall_phrase
        tempo = 0.5 * (low + high) if focus.name == "cadence" else None
        cue = CueStart(
            cue_id=self._next_id,
            at_s=stride.at_s,
            focus=focus.name,
            mode=self.settings.mode if focus.name == "cadence" else _spoken(self.settings.mode),
            direction=direction,
            value=value,
            low=low,
            high=high,
            tempo_spm=tempo,
            anchor_s=stride.contact_s,
            volume=self.settings.volume,
            sentence=sentence,
            latency_s=stride.at_s - stride.contact_s,
        )
        self._next_id += 1
        self._cue = cue
        self._cue_until_s = stride.at_s + self.settings.cue_s
        self._last_message_s = stride.at_s
        before = median(self._history) if len(self._history) >= LEAST_ANSWER else None
        self._answers.append(_OpenAnswer(cue, before))
        return cue

    def _end_cue(self, now_s: float, why: str) -> list[CoachEvent]:
        cue = self._cue
        if cue is None:
            return []
        self._cue = None
        self._free_from_s = now_s + self.settings.refractory_s
        self._out_since_s = None
        return [CueEnd(cue.cue_id, now_s, why)]

    def _count_answers(self, stride: SeenStride, low: float, high: float, is_back: bool) -> list[CoachEvent]:
        done: list[CoachEvent] = []
        for item in self._answers:
            since_s = stride.contact_s - item.cue.at_s
            if is_back and item.back_s is None and since_s > 0.0:
                item.back_s = since_s
            if since_s >= self.settings.answer_after_s:
                item.after.append(stride.value)
                item.n_inside += _inside(stride.value, low, high)
            if len(item.after) >= self.settings.answer_strides:
                done.append(item.closed(stride.at_s))
        self._answers = [item for item in self._answers if len(item.after) < self.settings.answer_strides]
        return done

    def _close_answers(self, now_s: float) -> list[CoachEvent]:
        done: list[CoachEvent] = [item.closed(now_s) for item in self._answers]
        self._answers = []
        return done

    def _close_probe(self, block: Block, now_s: float) -> ProbeResult:
        seen = self._probe
        self._probe = []
        speeds = [speed for _, _, speed in seen if math.isfinite(speed)]
        counted_s = seen[-1][0] - seen[0][0] if len(seen) > 1 else 0.0
        return ProbeResult(
            at_s=now_s,
            start_s=block.start_s if self._plan_time is None else self._block_from_s,
            end_s=min(block.end_s, now_s) if self._plan_time is None else now_s,
            counted_s=counted_s,
            n_strides=len(seen),
            in_band_share=sum(inside for _, inside, _ in seen) / len(seen) if len(seen) >= 20 else None,
            speed_mps=median(speeds) if speeds else None,
        )


def _inside(value: float, low: float, high: float) -> bool:
    """Return whether the value lies in the band; a NaN bound is no bound."""
    return not (value < low or value > high)


def _spoken(mode: Mode) -> Mode:
    """Posture cannot be beaten by a metronome; it is said, or shown."""
    return "visual" if mode == "visual" else "voice"
