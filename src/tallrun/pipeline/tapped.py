"""What a person told while a run went on, read from the marks of its recording, and what the live rules made of it.

For a run that no live run noted in the records: one that a power cut ended, or that was recorded elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallrun.numerics.recording import Marker
from tallrun.pipeline.taps import Tap, marker_tap
from tallrun.recovery import Protocol
from tallrun.recovery.live import EventKind, LiveEvent, live_rules

#: Stops of the rules are kept as marks that begin with the rule; those that gait had a part in are found by them only.
_STOP_RULES = ("LV1", "LV2", "LV3", "LV4", "LV5", "LV6")
_HELD: dict[str, EventKind] = {"limping": "limping", "red_flag": "red_flag"}


@dataclass(frozen=True)
class Tapped:
    """scores : (t_s, 0-10) of each pain tap. rules : live rules that fired, without LV7. limped, stopped : by them."""

    scores: tuple[tuple[float, int], ...] = ()
    rules: tuple[str, ...] = ()
    limped: bool = False
    stopped: bool = False

    @property
    def is_something(self) -> bool:
        """Return whether anything was told."""
        return bool(self.scores or self.rules)


NOTHING_TAPPED = Tapped()


def tapped_during(markers: Sequence[Marker], protocol: Protocol) -> Tapped:
    """Return what the marks tell, in the order of their times; a mark that is no tap is passed over.

    A tap that could still be undone when the recording broke off counts as made: nobody took it back.
    """
    taps = [
        (mark.t_s, tap)
        for mark in sorted(markers, key=lambda mark: mark.t_s)
        if (tap := marker_tap(mark)) is not None
    ]
    events = [LiveEvent(t_s, kind, value) for t_s, kind, value in map(_event, taps) if kind is not None]
    events += [LiveEvent(t_s, _HELD[item], None) for t_s, item in _open(taps)]
    actions, state = live_rules(protocol, sorted(events, key=lambda event: event.t_s))
    marked = [mark.text[:3] for mark in markers if mark.kind == "stop" and mark.text[:3] in _STOP_RULES]
    rules = tuple(dict.fromkeys(rule for rule in (*state.rules, *marked) if rule != "LV7"))
    return Tapped(
        scores=tuple((t_s, tap.score) for t_s, tap in taps if tap.score is not None),
        rules=rules,
        limped="LV3" in rules,
        stopped=bool(marked) or any(action.action in ("STOP", "REFER") for action in actions),
    )


def _event(tap_at: tuple[float, Tap]) -> tuple[float, EventKind | None, float | None]:
    t_s, tap = tap_at
    if tap.kind == "pain":
        return t_s, "score", tap.score
    if tap.kind == "limping":
        return t_s, "limping", 1.0
    return t_s, "red_flag" if tap.kind == "red_flag" else None, None


def _open(taps: Sequence[tuple[float, Tap]]) -> list[tuple[float, str]]:
    """Return (t_s, what) of taps that were held when the recording ended, neither taken back nor acted."""
    held: dict[str, float] = {}
    for t_s, tap in taps:
        if tap.kind == "held" and tap.item in _HELD:
            held.setdefault(tap.item, t_s)
        elif tap.kind == "released":
            held.pop(tap.item, None)
    return [(t_s, item) for item, t_s in held.items()]
