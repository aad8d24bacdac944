"""Rules while a run is going on (decision-table section 6, LV1-LV7): events with times in, actions out.

Pain outranks gait: every action but GO_ON stops cues at once. Time is whatever the events carry; ``tick`` lets
it pass when nothing happens, so a live run and a replay give the same actions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tallrun.errors import EntryError
from tallrun.recovery.model import Grade, check_score
from tallrun.recovery.protocol import Protocol

EventKind = Literal["score", "limping", "red_flag", "jump", "sensor_lost", "sensor_back", "quality", "tick"]
ActionKind = Literal["GO_ON", "WALK", "ASK", "STOP", "REFER"]


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something that happened at ``t_s`` (session seconds).

    score : value 0-10. jump : an asymmetry jump by the rule of section 1. quality : value 0-1.
    """

    t_s: float
    kind: EventKind
    value: float | None = None


@dataclass(frozen=True, slots=True)
class LiveAction:
    """What to do now. grade : the effect on the session's grade, None for none. sentence : from the protocol."""

    t_s: float
    action: ActionKind
    rule: str | None
    grade: Grade | None
    sentence: str
    walk_s: float | None = None


@dataclass(frozen=True, slots=True)
class LiveState:
    """Where the rules stand. Restart from a saved state gives the same actions."""

    stopped: bool = False
    refer: bool = False
    last_score: int | None = None
    last_score_s: float | None = None
    walk_until_s: float | None = None
    answer_until_s: float | None = None
    waiting_for: str | None = None
    walked_for_pain: bool = False
    checked_sensor: bool = False
    sensors_ok: bool = True
    rules: tuple[str, ...] = ()
    grade: Grade | None = None

    @property
    def cues_allowed(self) -> bool:
        """No cue while stopped, walking, waiting for an answer, or with a lost or poor sensor."""
        return not self.stopped and self.waiting_for is None and self.sensors_ok


_ORDER: dict[Grade | None, int] = {None: 0, "GREEN": 0, "UNKNOWN": 0, "AMBER": 1, "LATE": 2, "RED": 3}


class LiveRules:
    """State machine of one run. ``feed`` takes events in order of time and returns what to do."""

    def __init__(
        self, protocol: Protocol, green_limit: int | None = None, state: LiveState | None = None
    ) -> None:
        self.protocol = protocol
        limit = protocol.pain.green_limit if green_limit is None else protocol.green_limit(green_limit)
        self.green_limit = limit
        self.state = state or LiveState()
        self._now_s = float("-inf")

    def feed(self, event: LiveEvent) -> list[LiveAction]:
        """Advance to the event's time, then apply it. Raises EntryError on a bad score or time going back."""
        if event.t_s < self._now_s:
            raise EntryError(f"Live events must come in order of time: {event.t_s} s after {self._now_s} s.")
        actions = self._pass_time(event.t_s)
        self._now_s = event.t_s
        if not self.state.refer and event.kind == "red_flag":
            actions.append(self._end(event.t_s, "REFER", "LV2", "RED"))
        elif not self.state.stopped:
            actions += self._apply(event)
        return actions

    def _apply(self, event: LiveEvent) -> list[LiveAction]:
        live, state, t_s = self.protocol.live, self.state, event.t_s
        if event.kind == "score":
            if event.value is None or event.value != int(event.value):
                raise EntryError(f"A pain score must be a whole number from 0 to 10, got {event.value!r}.")
            check_score("A pain score", int(event.value))
            return self._score(t_s, int(event.value))
        if event.kind == "limping":
            return [self._end(t_s, "STOP", "LV3", "RED")] if event.value != 0 else []
        if event.kind == "jump":
            return self._jump(t_s)
        if event.kind in ("sensor_lost", "sensor_back", "quality"):
            good = event.kind == "sensor_back" or (
                event.kind == "quality" and event.value is not None and event.value >= live.quality_min
            )
            if good == state.sensors_ok:
                return []
            self.state = replace(state, sensors_ok=good)
            return [] if good else [self._act(t_s, "GO_ON", "LV7", None)]
        return []

    def _score(self, t_s: float, score: int) -> list[LiveAction]:
        pain, live, state = self.protocol.pain, self.protocol.live, self.state
        self.state = state = replace(state, last_score=score, last_score_s=t_s)
        if score > pain.stop_above:
            return [self._end(t_s, "STOP", "LV1", "RED")]
        if state.waiting_for == "jump":
            self.state = replace(state, waiting_for=None, answer_until_s=None)
            return self._jump(t_s)
        if score > self.green_limit:
            if state.walked_for_pain:
                return [self._end(t_s, "STOP", "LV6", "AMBER")]
            self.state = replace(
                state, walked_for_pain=True, waiting_for="pain", walk_until_s=t_s + live.ask_walk_s,
                answer_until_s=None,
            )  # fmt: skip
            return [self._act(t_s, "WALK", "LV6", "AMBER", live.ask_walk_s)]
        if state.waiting_for == "pain":
            if state.walk_until_s is not None and t_s < state.walk_until_s:
                return []
            self.state = replace(state, waiting_for=None, walk_until_s=None, answer_until_s=None)
            return [self._act(t_s, "GO_ON", "LV6", "AMBER")]
        return [self._act(t_s, "GO_ON", None, None)]

    def _jump(self, t_s: float) -> list[LiveAction]:
        live, state = self.protocol.live, self.state
        if not state.sensors_ok or state.waiting_for in ("sensor", "jump"):
            return []
        if state.checked_sensor:
            return [self._end(t_s, "STOP", "LV5", None)]
        fresh = state.last_score_s is not None and t_s - state.last_score_s <= live.last_score_max_age_s
        if not fresh or state.last_score is None:
            self.state = replace(state, waiting_for="jump", answer_until_s=t_s + live.answer_s)
            return [self._act(t_s, "ASK", "LV4", None)]
        if state.last_score > self.green_limit:
            return [self._end(t_s, "STOP", "LV3", "RED")]
        if state.last_score > 0:
            return [self._end(t_s, "STOP", "LV4", "AMBER")]
        self.state = replace(
            state, waiting_for="sensor", checked_sensor=True, walk_until_s=t_s + live.check_walk_s
        )
        return [self._act(t_s, "WALK", "LV5", None, live.check_walk_s)]

    def _pass_time(self, t_s: float) -> list[LiveAction]:
        """Handle walks that end and answers that do not come, up to ``t_s``, each at its own time."""
        actions: list[LiveAction] = []
        while not self.state.stopped:
            state, live = self.state, self.protocol.live
            if state.walk_until_s is not None and state.walk_until_s <= t_s:
                at_s = state.walk_until_s
                if state.waiting_for == "pain":
                    self.state = replace(state, walk_until_s=None, answer_until_s=at_s + live.answer_s)
                    actions.append(self._act(at_s, "ASK", "LV6", None))
                else:
                    self.state = replace(state, walk_until_s=None, waiting_for=None)
                    actions.append(self._act(at_s, "GO_ON", "LV5", None))
                continue
            if state.answer_until_s is not None and state.answer_until_s < t_s:
                rule = "LV4" if state.waiting_for == "jump" else "LV6"
                actions.append(self._end(state.answer_until_s, "STOP", rule, "AMBER"))
                continue
            break
        return actions

    def _end(self, t_s: float, action: ActionKind, rule: str, grade: Grade | None) -> LiveAction:
        self.state = replace(
            self.state, stopped=True, refer=self.state.refer or action == "REFER", waiting_for=None,
            walk_until_s=None, answer_until_s=None,
        )  # fmt: skip
        return self._act(t_s, action, rule, grade)

    def _act(
        self,
        t_s: float,
        action: ActionKind,
        rule: str | None,
        grade: Grade | None,
        walk_s: float | None = None,
    ) -> LiveAction:
        state = self.state
        if rule is not None and rule not in state.rules and not (action == "ASK" and rule == "LV4"):
            state = replace(state, rules=(*state.rules, rule))
        if _ORDER[grade] > _ORDER[state.grade]:
            state = replace(state, grade=grade)
        self.state = state
        texts = self.protocol.texts.live
        key = {"GO_ON": "go_on", "ASK": "ask", "STOP": "STOP", "REFER": "REFER"}.get(action)
        if key is None:
            key = "walk_check" if rule == "LV5" else "walk_ask"
        return LiveAction(t_s, action, rule, grade, texts[key], walk_s)


def is_jump(
    protocol: Protocol, change_points: float, own_sd_points: float, n_strides: int, quality: float
) -> bool:
    """Asymmetry jump J: contact-time SI minus own baseline, in points, over the strides it was taken on.

    More than 4 points and 2 own SD over 100 strides, or more than 15 points over 20 strides (art:B1, sci:A5);
    False below the quality limit (LV7) or when a value is NaN.
    """
    live = protocol.live
    if not quality >= live.quality_min:
        return False
    size = abs(change_points)
    slow = size > live.jump_points and size > live.jump_sd * own_sd_points and n_strides >= live.jump_strides
    return slow or (size > live.jump_big_points and n_strides >= live.jump_big_strides)


def live_rules(
    protocol: Protocol, events: list[LiveEvent], green_limit: int | None = None
) -> tuple[list[LiveAction], LiveState]:
    """Run the events of a whole session; returns every action in order and the last state."""
    rules = LiveRules(protocol, green_limit)
    actions = [action for event in events for action in rules.feed(event)]
    return actions, rules.state
