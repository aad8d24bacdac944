"""Run/walk intervals: which part of a session it is, what is left of it and what comes next. No clock of its own.

A schedule is a gap-free row of parts on session time. Skipping, repeating, ending early and being held up lay out the
rest anew; what has passed stays as it was, so the same taps at the same times give the same parts again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from tallrun.errors import UsageError

PartKind = Literal["warm_up", "run", "walk", "cool_down"]

#: Walking before the first and after the last run.
WARM_UP_S, COOL_DOWN_S = 300.0, 300.0
#: What a page shows may be this much ahead of what is known of the steps, so a tap may come before its part.
AHEAD_S = 3.0


@dataclass(frozen=True)
class Part:
    """Half-open span of session time [start_s, end_s); ``index`` of ``count`` runs, shared by the walk after it."""

    kind: PartKind
    start_s: float
    end_s: float
    index: int = 0
    count: int = 0

    @property
    def length_s(self) -> float:
        """Seconds from start to end."""
        return self.end_s - self.start_s


def lay_out(
    times: int,
    run_s: float,
    walk_s: float = 0.0,
    warm_up_s: float = WARM_UP_S,
    cool_down_s: float = COOL_DOWN_S,
) -> tuple[Part, ...]:
    """Return the parts of ``times`` runs, each with its walk, between a warm-up and a cool-down walk.

    times : 0 for one walk of ``walk_s``, which needs no other walk around it.
    Raises UsageError for a length that is not a number of seconds from 0 on, or nothing to do.
    """
    lengths = (run_s, walk_s, warm_up_s, cool_down_s)
    if (
        times < 0
        or not all(0.0 <= item < math.inf for item in lengths)
        or (times and not run_s)
        or not (times or walk_s)
    ):
        raise UsageError(
            f"intervals need lengths from 0 s on, got {times} x ({run_s} s run, {walk_s} s walk)"
        )
    spans: list[tuple[PartKind, float, int]] = []
    if not times:
        spans.append(("walk", walk_s, 1))
    else:
        spans.append(("warm_up", warm_up_s, 0))
        for index in range(1, times + 1):
            spans += [("run", run_s, index), ("walk", walk_s, index)]
        spans.append(("cool_down", cool_down_s, 0))
    parts: list[Part] = []
    at_s = 0.0
    for kind, length_s, index in spans:
        if length_s > 0.0:
            parts.append(Part(kind, at_s, at_s + length_s, index, max(times, 1)))
            at_s += length_s
    return tuple(parts)


@dataclass(frozen=True)
class Schedule:
    """Parts in order, gap-free. ``held_s``: since when the clock of the intervals stands still, None while it goes."""

    parts: tuple[Part, ...]
    held_s: float | None = None

    def _now(self, t_s: float) -> float:
        return t_s if self.held_s is None else min(t_s, self.held_s)

    def place_at(self, t_s: float) -> int | None:
        """Return the place of the part of this time, counted from 0; None after the last one."""
        t_s = self._now(t_s)
        return next((place for place, part in enumerate(self.parts) if t_s < part.end_s), None)

    def part_at(self, t_s: float) -> Part | None:
        """Return the part of this time, None after the last one."""
        place = self.place_at(t_s)
        return None if place is None else self.parts[place]

    def is_running(self, t_s: float) -> bool:
        """Return whether this is a time to run."""
        part = self.part_at(t_s)
        return self.held_s is None and part is not None and part.kind == "run"

    def left_s(self, t_s: float) -> float | None:
        """Return what is left of the part of this time."""
        part = self.part_at(t_s)
        return None if part is None else min(part.length_s, part.end_s - self._now(t_s))

    def run_s(self, t_s: float) -> float:
        """Return the seconds spent in run parts up to a time."""
        t_s = self._now(t_s)
        return sum(
            min(t_s, part.end_s) - part.start_s
            for part in self.parts
            if part.kind == "run" and t_s > part.start_s
        )

    def plan_s(self, t_s: float) -> float:
        """Return the time on which blocks of a session plan count: that of running, infinite when none is ahead."""
        runs = [part for part in self.parts if part.kind == "run"]
        return math.inf if not runs or self._now(t_s) >= runs[-1].end_s else self.run_s(t_s)

    def when_s(self, run_s: float) -> float | None:
        """Return the session time at which so much has been run; None when it never is."""
        for part in self.parts:
            if part.kind == "run":
                if run_s <= part.length_s:
                    return part.start_s + run_s
                run_s -= part.length_s
        return None

    def skip(self, t_s: float, place: int) -> Schedule:
        """Go on to what follows a part; unchanged when the part is over or the clock is held."""
        found = self._open(t_s, place)
        if found is None:
            return self
        at_s = max(t_s, found.start_s)
        return self._laid(place, (replace(found, end_s=at_s),), at_s, self.parts[place + 1 :])

    def repeat(self, t_s: float, place: int) -> Schedule:
        """Begin a part again; unchanged when the part is over or the clock is held."""
        found = self._open(t_s, place)
        if found is None:
            return self
        at_s = max(t_s, found.start_s)
        return self._laid(place, (replace(found, end_s=at_s),), at_s, self.parts[place:])

    def end_early(self, t_s: float, place: int) -> Schedule:
        """Leave out every run and walk that is still to come; the cool-down walk stays."""
        found = self._open(t_s, place)
        if found is None:
            return self
        at_s = max(t_s, found.start_s)
        rest = tuple(part for part in self.parts[place + 1 :] if part.kind == "cool_down")
        return self._laid(place, (replace(found, end_s=at_s),), at_s, rest)

    def hold(self, t_s: float) -> Schedule:
        """Stop the clock of the intervals."""
        return self if self.held_s is not None else replace(self, held_s=t_s)

    def go_on(self, t_s: float) -> Schedule:
        """Start it again: the time between was a walk, and what was left of the part follows it."""
        if self.held_s is None:
            return self
        place, since_s = self.place_at(self.held_s), self.held_s
        free = replace(self, held_s=None)
        if place is None or t_s <= since_s:
            return free
        part = self.parts[place]
        gone = replace(part, end_s=since_s)
        walk = replace(part, kind="walk" if part.kind == "run" else part.kind, start_s=since_s, end_s=t_s)
        left = replace(part, start_s=since_s)
        return free._laid(place, (gone, walk), t_s, (left, *self.parts[place + 1 :]))

    def _open(self, t_s: float, place: int) -> Part | None:
        now = self.place_at(t_s)
        if self.held_s is not None or now is None or not now <= place < len(self.parts):
            return None
        part = self.parts[place]
        return part if part.start_s - t_s <= AHEAD_S else None

    def _laid(self, place: int, new: tuple[Part, ...], at_s: float, rest: tuple[Part, ...]) -> Schedule:
        """Put ``new`` where the part at ``place`` was, and ``rest`` from ``at_s`` on."""
        out = [*self.parts[:place], *new]
        for part in rest:
            out.append(Part(part.kind, at_s, at_s + part.length_s, part.index, part.count))
            at_s = out[-1].end_s
        return replace(self, parts=tuple(out))
