"""Do the sensors tell of the same steps? Each is checked against the others while the session goes on.

Feet against each other and against the pelvis: steps counted, and for two feet whether they take turns. Feet against
the belt: speed. A sensor that came loose, fell off, or lies in a bag still sends samples, so nothing else notices it.
Everything goes by data times and the order of rows, so a replay doubts the same sensor at the same moment.
"""

from __future__ import annotations

import itertools
import math
import operator
from bisect import bisect_left, insort
from dataclasses import dataclass
from statistics import median
from typing import Any

#: Steps are compared over this window ...
WINDOW_S = 5.0
#: ... which ends this long before now: engines need about two strides to tell a step.
LAG_S = 2.5
#: The other sensors must have stepped this long before the window: a bout counts only once it is regular.
LEAD_S = 5.0
#: Steps that may be missing or extra: ends of the window, and one missed contact of a foot.
STEPS_APART, SHARE_APART = 4.0, 0.4
#: A gap between steps longer than this ends a bout.
BOUT_GAP_S = 2.0
#: A foot with a gyroscope first learns how it is mounted.
LEARNING_S = 60.0
#: One foot lands between two landings of the other, from this share of the stride to the rest of it, limping too.
LEAST_PHASE = 0.2
#: Strides in a row whose speed and the belt's are further apart than this factor.
BELT_STRIDES, BELT_FACTOR = 8, 1.3
#: Rows of the foot that the pelvis saw no step near to are kept this long.
KEEP_S = LEAD_S + WINDOW_S + LAG_S + 5.0
_OTHER_FOOT = {"foot_left": "foot_right", "foot_right": "foot_left"}


@dataclass(frozen=True)
class SensorDoubt:
    """A sensor began (``end_s`` None) or ceased to disagree with the others.

    reason : ``sensor_silent`` (steps are missing), ``sensor_disagrees`` (other steps), ``feet_out_of_step`` (both
    feet land together), ``belt_disagrees`` (another speed than the belt's).
    against : the placements, or ``treadmill``, that tell otherwise.
    """

    placement: str
    reason: str
    against: tuple[str, ...]
    start_s: float
    end_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the doubt as plain data for the quality ledger."""
        return {
            "sensor": self.placement,
            "reason": self.reason,
            "against": list(self.against),
            "start_s": self.start_s,
            "end_s": self.end_s,
        }


class SensorAgreement:
    """Watches the steps of all sensors. ``learning`` are placements whose engine must learn its mounting first."""

    def __init__(self, placements: tuple[str, ...], learning: tuple[str, ...] = ()) -> None:
        #: Times of the last steps of each, in order.
        self._steps: dict[str, list[float]] = {name: [] for name in placements}
        #: When each began to step without a pause.
        self._bout_s = dict.fromkeys(placements, math.inf)
        self._learning = set(learning)
        self._judged_s = -math.inf
        self._first_s = math.inf
        self._off_belt = dict.fromkeys(placements, 0)
        self.counts = dict.fromkeys(placements, 0)
        self.open: dict[str, SensorDoubt] = {}
        self._closed: list[SensorDoubt] = []

    def saw(self, placement: str, step_s: float, now_s: float) -> list[SensorDoubt]:
        """Take a contact of a foot or a step of the pelvis; return doubts that begin or end by it."""
        steps = self._steps[placement]
        self.counts[placement] += 1
        self._first_s = min(self._first_s, step_s)
        self._learning.discard(placement)
        if not steps or step_s - steps[-1] > BOUT_GAP_S:
            self._bout_s[placement] = step_s
        insort(steps, step_s)
        del steps[: bisect_left(steps, now_s - KEEP_S)]
        if now_s < self._judged_s + 1.0:
            return []
        self._judged_s = now_s
        return self._judge(now_s)

    def saw_speed(self, placement: str, at_s: float, ratio: float) -> list[SensorDoubt]:
        """Take a sure stride's speed over the belt's; return doubts that begin or end by it."""
        is_off = not 1.0 / BELT_FACTOR < ratio < BELT_FACTOR
        self._off_belt[placement] = self._off_belt[placement] + 1 if is_off else 0
        was = self.open.get(placement)
        if was is not None and was.reason != "belt_disagrees":
            return []
        if is_off and self._off_belt[placement] >= BELT_STRIDES:
            return self._set(placement, ("belt_disagrees", ("treadmill",)), at_s)
        return [] if is_off else self._set(placement, None, at_s)

    def finish(self, end_s: float) -> list[dict[str, Any]]:
        """Return every doubt of the session in order of its start, open ones ended at ``end_s``."""
        still = [
            SensorDoubt(item.placement, item.reason, item.against, item.start_s, end_s)
            for item in self.open.values()
        ]
        every = sorted([*self._closed, *still], key=lambda item: (item.start_s, item.placement))
        return [item.as_dict() for item in every]

    def _judge(self, now_s: float) -> list[SensorDoubt]:
        end_s = now_s - LAG_S
        begin_s = end_s - WINDOW_S
        stepped = {
            name: (1.0 if name == "pelvis" else 2.0)
            * (bisect_left(steps, end_s) - bisect_left(steps, begin_s))
            for name, steps in self._steps.items()
        }
        steady = [name for name in stepped if self._is_steady(name, begin_s, end_s)]
        is_any_apart = max(stepped.values()) - min(stepped.values()) > STEPS_APART
        out: list[SensorDoubt] = []
        for name in stepped:
            was = self.open.get(name)
            if was is not None and was.reason == "belt_disagrees" and name in steady:
                continue
            if was is None and not is_any_apart and name not in _OTHER_FOOT:
                continue  # nothing could speak against it
            found = self._doubt_of(name, stepped, steady, now_s)
            if found or was:
                out += self._set(name, found, now_s)
        return out

    def _is_steady(self, name: str, begin_s: float, end_s: float) -> bool:
        """Return whether a sensor has stepped without a pause since well before the window."""
        steps, lead_s = self._steps[name], begin_s - LEAD_S
        first, end = bisect_left(steps, lead_s), bisect_left(steps, end_s)
        if end - first < 4 or steps[first] > lead_s + BOUT_GAP_S or steps[end - 1] < end_s - BOUT_GAP_S:
            return False
        if self._bout_s[name] <= steps[first]:
            return True
        return max(map(operator.sub, steps[first + 1 : end], steps[first:end])) <= BOUT_GAP_S

    def _doubt_of(
        self, name: str, stepped: dict[str, float], steady: list[str], now_s: float
    ) -> tuple[str, tuple[str, ...]] | None:
        others = [other for other in steady if other != name]
        if not others or (name in self._learning and now_s - self._first_s < LEARNING_S):
            return None
        mine = stepped[name]
        apart = [other for other in others if _differ(mine, stepped[other])]
        if len(apart) == len(others) and not (name in steady and self._outvotes(name, others, stepped)):
            fewer = mine < max(stepped[other] for other in apart)
            return ("sensor_silent" if fewer else "sensor_disagrees"), tuple(sorted(apart))
        other = _OTHER_FOOT.get(name, "")
        if name in steady and other in others and other not in apart and self._land_together(name, other):
            return "feet_out_of_step", (other,)
        return None

    def _outvotes(self, name: str, others: list[str], stepped: dict[str, float]) -> bool:
        """Return whether the only other sensor is the less believable one: it sees less, or steps less evenly."""
        if len(others) > 1:
            return False
        mine, its = self._unevenness(name), self._unevenness(others[0])
        return mine < its or (mine == its and stepped[name] > stepped[others[0]])

    def _unevenness(self, name: str) -> float:
        gaps = [after - at for at, after in itertools.pairwise(self._steps[name])]
        if len(gaps) < 3:
            return math.inf
        middle = median(gaps)
        return median(abs(gap - middle) for gap in gaps) / middle

    def _land_together(self, name: str, other: str) -> bool:
        landings, its = iter([*self._steps[name], math.inf]), self._steps[other]
        landing_s = next(landings)
        n_between, from_middle = 0, []
        for begin_s, end_s in itertools.pairwise(its):
            while landing_s < begin_s:
                landing_s = next(landings)
            if landing_s < end_s and end_s - begin_s <= BOUT_GAP_S:
                apart = abs((landing_s - begin_s) / (end_s - begin_s) - 0.5)
                from_middle.append(apart)
                if apart <= 0.5 - LEAST_PHASE:
                    n_between += 1
                    if 2 * n_between >= len(its):  # whatever the others are: more than half of the strides
                        return False
        return len(from_middle) >= 4 and median(from_middle) > 0.5 - LEAST_PHASE

    def _set(
        self, placement: str, found: tuple[str, tuple[str, ...]] | None, now_s: float
    ) -> list[SensorDoubt]:
        was = self.open.get(placement)
        if was is not None and found is not None and was.reason == found[0]:
            return []
        out: list[SensorDoubt] = []
        if was is not None:
            ended = SensorDoubt(was.placement, was.reason, was.against, was.start_s, now_s)
            self._closed.append(ended)
            del self.open[placement]
            out.append(ended)
        if found is not None:
            self.open[placement] = SensorDoubt(placement, found[0], found[1], now_s)
            out.append(self.open[placement])
        return out


def _differ(steps: float, others: float) -> bool:
    apart = abs(steps - others)
    return apart > STEPS_APART and apart > SHARE_APART * max(steps, others)
