"""The three flags and asymmetry: opened after a hold time, closed with hysteresis, suspended when in doubt.

Strides come in order; a flag opens when enough of the strides of its window are beyond the limit and closes when
most are back. Strides on slopes, in turns, of low quality or at changing speed say nothing either way.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from tallrun.gait.asymmetry import RollingAsymmetry
from tallrun.gait.eligible import SteadySpeed, is_clean_run
from tallrun.gait.flag_terms import (
    OVERSTRIDE_INDEX_LIMIT,
    OVERSTRIDE_TERMS,
    BaselineBin,
    OwnBaseline,
    expected_cadence_spm,
    is_overstriding,
)
from tallrun.gait.rows import MODE_RUN
from tallrun.gait.strides import NAN, Stride
from tallrun.numerics.recording import RunnerProfile

FLAGS = ("low_cadence", "overstriding", "anterior_pelvic_tilt", "asymmetry")
#: Below this speed the cadence rule says nothing (sci:A6).
LEAST_SPEED_MPS = 2.0
LOW_CADENCE_MARGIN_SD = 1.5  # C_exp - 12 with SD 8
OWN_CADENCE_SHARE = 0.95
OWN_TILT_MARGIN_DEG = 5.0
POPULATION_TILT_DEG = 12.0
ASYMMETRY_LIMIT_PCT = 4.0
ASYMMETRY_POPULATION_LIMIT_PCT = 10.0
ASYMMETRY_STRIDES = 100
#: Without running for longer, flags close and their windows start anew.
LONG_BREAK_S = 5.0
#: What must be known of a session before a flag can be said to have been looked for.
_FLAG_NEEDS = {
    "low_cadence": ("cadence_spm",),
    "overstriding": ("cadence_spm", "foot_strike_angle_deg"),
    "anterior_pelvic_tilt": ("pelvic_tilt_deg",),
    "asymmetry": ("asymmetry_contact_pct",),
}


class Judgement(NamedTuple):
    """One stride held against one limit; ``value`` and ``reference`` in the flag's own unit."""

    beyond: bool
    value: float
    reference: float
    reference_kind: str
    uncertainty: float
    terms: tuple[str, ...] = ()


#: What nobody asks the numbers of: a flag's evidence is made of the strides beyond the limit.
_WITHIN = Judgement(False, NAN, NAN, "", NAN)


@dataclass(frozen=True)
class Flag:
    """A span during which a flag was up. ``end_s`` is None while it still is."""

    flag: str
    start_s: float
    end_s: float | None
    evidence: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of the session contract."""
        return {"flag": self.flag, "start_s": self.start_s, "end_s": self.end_s, "evidence": self.evidence}


@dataclass
class _Window:
    """Recent judged strides of one flag."""

    hold_s: float
    enter_share: float
    leave_share: float
    judged: deque[tuple[float, Judgement]] = field(default_factory=deque)
    beyond: int = 0
    opened: Flag | None = None
    gathered: list[Judgement] = field(default_factory=list)

    def clear(self) -> None:
        self.judged.clear()
        self.beyond = 0


class FlagEngine:
    """Ordered strides in, flags out.

    ``feed`` returns the flags that opened (``end_s`` None) or closed at this stride; ``finish`` closes what is
    open. Missing values never raise a flag and never clear one before its window has emptied.
    """

    def __init__(self, runner: RunnerProfile, baseline: OwnBaseline | None = None) -> None:
        self._runner = runner
        self._baseline = baseline or OwnBaseline()
        self._own_asymmetry = self._baseline.asymmetry
        self._speed = SteadySpeed()
        self._windows = {
            "low_cadence": _Window(60.0, 0.75, 0.4),
            "overstriding": _Window(30.0, 0.6, 0.4),
            "anterior_pelvic_tilt": _Window(60.0, 0.75, 0.4),
        }
        self._judges: dict[str, Callable[[Stride, float, BaselineBin | None], Judgement | None]] = {
            "low_cadence": self._judge_cadence,
            "overstriding": self._judge_overstride,
            "anterior_pelvic_tilt": self._judge_tilt,
        }
        self._asymmetry = RollingAsymmetry(ASYMMETRY_STRIDES)
        self._asymmetry_s: deque[float] = deque(maxlen=ASYMMETRY_STRIDES)
        self._asymmetry_open: Flag | None = None
        self._asymmetry_seen: list[float] = []
        self._last_s = NAN

    def feed(self, stride: Stride) -> list[Flag]:
        """Judge one stride."""
        changed = self._break_off() if stride.initial_contact_s - self._last_s > LONG_BREAK_S else []
        if stride.mode != MODE_RUN:
            self._speed.clear()
            return changed
        self._last_s = stride.initial_contact_s
        if not is_clean_run(stride.mode, stride.timing_sigma_s, stride.reasons, stride.incline_pct):
            return changed
        pace_mps = stride.pace_mps
        if not self._speed.add(pace_mps):
            return changed
        own = self._baseline.at(pace_mps)
        for name, judge in self._judges.items():
            judgement = judge(stride, pace_mps, own)
            if judgement is not None:
                changed += self._update(name, stride.initial_contact_s, judgement)
        changed += self._update_asymmetry(stride)
        return changed

    def finish(self) -> list[Flag]:
        """Close every open flag at its last stride."""
        return self._break_off()

    def _judge_cadence(self, stride: Stride, pace_mps: float, own: BaselineBin | None) -> Judgement | None:
        cadence = stride.cadence_spm
        if not (pace_mps > LEAST_SPEED_MPS and math.isfinite(cadence)):
            return None
        if own is not None and math.isfinite(own.cadence_spm):
            if not cadence < OWN_CADENCE_SHARE * own.cadence_spm:
                return _WITHIN
            return Judgement(True, cadence, own.cadence_spm, "own_baseline", 1.0)
        expected, sd = expected_cadence_spm(pace_mps, self._runner)
        if not cadence < expected - LOW_CADENCE_MARGIN_SD * sd:
            return _WITHIN
        return Judgement(True, cadence, expected, "population", sd)

    def _judge_overstride(self, stride: Stride, _: float, own: BaselineBin | None) -> Judgement | None:
        if not math.isfinite(stride.overstride_index):
            return None
        if not is_overstriding(stride):
            return _WITHIN
        is_own = own is not None and math.isfinite(own.foot_ahead_m)
        terms = tuple(
            name for place, name in enumerate(OVERSTRIDE_TERMS) if stride.overstride_terms >> place & 1
        )
        kind = "own_baseline" if is_own else "population"
        sigma = stride.overstride_sigma
        return Judgement(True, stride.overstride_index, OVERSTRIDE_INDEX_LIMIT, kind, sigma, terms)

    def _judge_tilt(self, stride: Stride, _: float, own: BaselineBin | None) -> Judgement | None:
        tilt, sigma = stride.pelvic_tilt_deg, stride.pelvic_tilt_sigma_deg
        if not math.isfinite(tilt):
            return None
        sigma = sigma if math.isfinite(sigma) else 2.0
        is_own = own is not None and math.isfinite(own.pelvic_tilt_deg)
        usual = own.pelvic_tilt_deg if own is not None and is_own else 0.0
        margin = OWN_TILT_MARGIN_DEG if is_own else POPULATION_TILT_DEG
        beyond = tilt - usual > margin and tilt - usual > 2.0 * sigma
        if 2.0 * sigma >= OWN_TILT_MARGIN_DEG:
            # The strap may have moved by sigma (GT8). Beyond the limit without that share too, it is beyond in
            # either case; else this stride says nothing, neither for a flag nor against one.
            beyond = tilt - usual - margin > sigma
            if not beyond:
                return None
        if not beyond:
            return _WITHIN
        if is_own:
            return Judgement(True, tilt, usual, "own_baseline", sigma)
        return Judgement(True, tilt, margin, "population", sigma)

    def _update(self, name: str, time_s: float, judgement: Judgement) -> list[Flag]:
        window = self._windows[name]
        window.judged.append((time_s, judgement))
        window.beyond += judgement.beyond
        while time_s - window.judged[0][0] > window.hold_s:
            window.beyond -= window.judged.popleft()[1].beyond
        count = len(window.judged)
        share = window.beyond / count
        if window.opened is None:
            if not window.beyond:
                return []
            covered = time_s - window.judged[0][0] >= 0.95 * window.hold_s
            if not (covered and count >= 20 and share >= window.enter_share):
                return []
            start = next(at for at, item in window.judged if item.beyond)
            window.gathered = [item for _, item in window.judged if item.beyond]
            window.opened = Flag(name, start, None, _evidence(window))
            return [window.opened]
        if judgement.beyond:
            window.gathered.append(judgement)
        # Closing looks at the newest half of the window, so that a flag ends soon after its cause does.
        recent = [item for at, item in window.judged if time_s - at <= 0.5 * window.hold_s]
        if len(recent) >= 8 and sum(item.beyond for item in recent) / len(recent) <= window.leave_share:
            return [self._close(window)]
        return []

    def _close(self, window: _Window) -> Flag:
        opened = window.opened
        if opened is None:
            raise RuntimeError("a window without an open flag cannot be closed")
        last = [at for at, item in window.judged if item.beyond]
        closed = Flag(opened.flag, opened.start_s, last[-1] if last else opened.start_s, _evidence(window))
        window.opened = None
        window.gathered = []
        window.clear()
        return closed

    def _break_off(self) -> list[Flag]:
        closed = [self._close(window) for window in self._windows.values() if window.opened is not None]
        for window in self._windows.values():
            window.clear()
        if self._asymmetry_open is not None:
            closed.append(self._close_asymmetry())
        self._asymmetry.clear()
        self._asymmetry_s.clear()
        self._speed.clear()
        return closed

    def _update_asymmetry(self, stride: Stride) -> list[Flag]:
        if stride.foot is None or not math.isfinite(stride.stance_time_s):
            return []
        self._asymmetry_s.append(stride.initial_contact_s)
        index = self._asymmetry.add(stride.foot, stride.stance_time_s)
        if not math.isfinite(index):
            return []
        own, own_sd = self._own_asymmetry
        if math.isfinite(own):
            spread = own_sd if math.isfinite(own_sd) else 0.0
            beyond = abs(index - own) > max(ASYMMETRY_LIMIT_PCT, 2.0 * spread)
        else:
            beyond = abs(index) > ASYMMETRY_POPULATION_LIMIT_PCT
        if self._asymmetry_open is None and beyond:
            kind = "own_baseline" if math.isfinite(own) else "population"
            self._asymmetry_seen = [index]
            evidence = {
                "window_s": self._asymmetry_s[-1] - self._asymmetry_s[0],
                "n_strides": ASYMMETRY_STRIDES,
                "value": index,
                "reference": own if math.isfinite(own) else ASYMMETRY_POPULATION_LIMIT_PCT,
                "reference_kind": kind,
                "terms": ["contact_time"],
                "uncertainty": own_sd if math.isfinite(own_sd) else None,
            }
            self._asymmetry_open = Flag("asymmetry", self._asymmetry_s[0], None, evidence)
            return [self._asymmetry_open]
        if self._asymmetry_open is not None:
            self._asymmetry_seen.append(index)
            if not beyond:
                return [self._close_asymmetry()]
        return []

    def _close_asymmetry(self) -> Flag:
        opened = self._asymmetry_open
        if opened is None:
            raise RuntimeError("no asymmetry flag is open")
        self._asymmetry_open = None
        evidence = {**opened.evidence, "value": median(self._asymmetry_seen)}
        return Flag("asymmetry", opened.start_s, self._last_s, evidence)


def _evidence(window: _Window) -> dict[str, Any]:
    items = window.gathered
    counts: dict[str, int] = {}
    for item in items:
        for term in item.terms:
            counts[term] = counts.get(term, 0) + 1
    kinds = [item.reference_kind for item in items]
    return {
        "window_s": window.hold_s,
        "n_strides": len(items),
        "value": median(item.value for item in items),
        "reference": median(item.reference for item in items),
        "reference_kind": max(sorted(set(kinds)), key=kinds.count),
        "terms": sorted(name for name, count in counts.items() if 2 * count >= len(items)),
        "uncertainty": median(item.uncertainty for item in items),
    }


def is_judged(summary: Mapping[str, Any], flag: str) -> bool:
    """Whether a session shows what a flag is judged by; a flag that is up was judged, whatever else is missing."""
    if any(item["flag"] == flag for item in summary.get("flags") or ()):
        return True
    return all(_is_known(summary.get(name)) for name in _FLAG_NEEDS[flag])


def _is_known(value: Any) -> bool:
    number = value.get("median") if isinstance(value, Mapping) else value
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
