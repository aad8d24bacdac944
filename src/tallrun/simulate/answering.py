"""A simulated runner who answers cues: late, partly, less each time, and not for ever.

The motion is laid out anew from the moment of an answer; everything before it stays bit for bit, because each draw of
randomness has its own source (``_Draws``): a longer or shorter rest cannot change what came before. The same seed and
the same cues at the same times give the same signals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from tallrun.numerics.recording import FloatArray, Recording, RunnerProfile, SensorRecording, SensorSpec
from tallrun.simulate.disturbance import Disturbance
from tallrun.simulate.imu import DEFAULT_ARM_M
from tallrun.simulate.motion import Motion, make_motion
from tallrun.simulate.programme import RUN, STAND, TREADMILL, WALK, Bout, Programme, Runner
from tallrun.simulate.session import STARTED_AT, heart_rate_of, treadmill_of

RATE_HZ = 200.0
PLACES = ("foot_left", "foot_right", "pelvis")
#: Signals just before an answer are already touched by it: contacts are joined by curves over about a stride.
LEAD_S = 1.5
#: From a changed plan to doing it: looking at the page, setting the belt. The steps change before the belt has its new
#: speed, so the signals differ from ``FOLLOW_LEAD_S`` before it on; nobody stands still from one step to the next.
FOLLOWS_AFTER_S = 9.0
FOLLOW_LEAD_S = 7.0
LEAST_MOVING_S = 6.0


@dataclass(frozen=True)
class Answering:
    """How cues are answered; invented, not measured: no study gives these numbers for one runner.

    delay_s : from the cue to the first changed step.
    share : of the way from the cadence heard to the middle of the band.
    tires : each answer is this share of the one before. keeps_s : until half of an answer is forgotten.
    """

    delay_s: tuple[float, float] = (3.0, 8.0)
    share: tuple[float, float] = (0.7, 1.0)
    tires: float = 0.95
    keeps_s: tuple[float, float] = (60.0, 120.0)


class _Draws:
    """Stands in for a random generator: call number k draws from source k, so rows never depend on how many follow."""

    def __init__(self, seed: int, stream: int) -> None:
        self._key = (seed, stream)
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        seed, stream = self._key
        self._calls += 1
        return getattr(np.random.default_rng([seed, stream, self._calls]), name)

    def standard_normal(self, size: Any = None) -> Any:
        """Draw along the longer axis first: that is the one that grows with the programme."""
        draw = self.__getattr__("standard_normal")
        is_wide = isinstance(size, tuple) and len(size) == 2 and size[1] > size[0]
        return draw(size[::-1]).T if is_wide else draw(size)


@dataclass
class AnsweringRunner:
    """One person on a treadmill who does a programme and answers cues while running it.

    Signals are those of well-made sensors: noise and shoe ringing, no drift, aligned to the body. Only cadence is
    answered; other cues are heard and change nothing.
    """

    programme: Programme
    runner: Runner = field(default_factory=Runner)
    seed: int = 0
    answering: Answering = field(default_factory=Answering)
    n_answers: int = 0

    def __post_init__(self) -> None:
        self._n = int(self.programme.duration_s * RATE_HZ)
        self._dice = np.random.default_rng([self.seed, 9])
        rng = np.random.default_rng([self.seed, 8])
        self._noise = {
            place: rng.standard_normal((self._n, 6), dtype=np.float32)
            * np.repeat(np.array([0.02, 0.002], dtype=np.float32), 3)
            for place in PLACES
        }
        self._lay_out()

    def _lay_out(self) -> None:
        self.motion: Motion = make_motion(self.programme, self.runner, _Draws(self.seed, 0))  # type: ignore[arg-type]
        self._disturbances = {
            place: Disturbance(place, self.motion, True, _Draws(self.seed, number))  # type: ignore[arg-type]
            for number, place in enumerate(PLACES, start=1)
        }

    def answer(self, cue_s: float, value_spm: float, low_spm: float, high_spm: float) -> float | None:
        """Hear a cadence cue at ``cue_s``; return from when on the signals differ, None when it is not answered.

        A cue outside running, or one without numbers, is not answered.
        """
        delay_s, share, keeps_s = (
            float(self._dice.uniform(*span))
            for span in (self.answering.delay_s, self.answering.share, self.answering.keeps_s)
        )
        share *= self.answering.tires**self.n_answers
        change_spm = share * (0.5 * (low_spm + high_spm) - value_spm)
        begin_s = cue_s + delay_s
        bout = self._bout_at(begin_s)
        if bout is None or bout.mode != RUN or not np.isfinite(change_spm):
            return None
        self.n_answers += 1
        self.programme = _shifted(self.programme, begin_s, keeps_s, change_spm)
        self._lay_out()
        return begin_s - LEAD_S

    def follow(self, at_s: float, spans: Sequence[tuple[bool, float]]) -> float | None:
        """Do other (is_run, seconds) from now on, then stand; return from when on the signals differ.

        at_s : when the plan changed; it is done ``FOLLOWS_AFTER_S`` later. What does not fit into the session is left
        out. None when the session is over before.
        """
        begin_s = max(at_s, 0.0) + FOLLOWS_AFTER_S
        left_s = self.programme.duration_s - begin_s
        if left_s <= 1.0:
            return None
        done = _cut(self.programme.bouts, begin_s)
        shift_spm = next((item.cadence_shift_spm for item in reversed(done) if item.mode == RUN), 0.0)
        if sum(length_s for _, length_s in spans) < LEAST_MOVING_S:
            spans = [(False, LEAST_MOVING_S)]
        wanted = [
            replace(item, cadence_shift_spm=shift_spm if item.mode == RUN else 0.0) for item in _moving(spans)
        ]
        ahead = _cut((*wanted, Bout(STAND, left_s)), left_s)
        self.programme = replace(self.programme, bouts=(*done, *ahead))
        self._lay_out()
        return begin_s - FOLLOW_LEAD_S

    def readings(self) -> Recording:
        """Return what treadmill and strap tell as it stands now; no inertial sensors."""
        length_s = self.programme.duration_s
        return Recording(
            {}, treadmill_of(self.motion, length_s),
            heart_rate_of(self.motion, length_s, np.random.default_rng([self.seed, 5])),
        )  # fmt: skip

    def signals(self, place: str, first: int, stop: int) -> tuple[FloatArray, FloatArray]:
        """Return specific force [m/s2] and turn rate [rad/s], float64 (n, 3), of samples ``first`` to ``stop`` - 1."""
        lead = min(first, int(RATE_HZ))  # ringing of a landing just before
        t_s = np.arange(first - lead, stop) / RATE_HZ
        body = self.motion.inertial(place, t_s, np.array(DEFAULT_ARM_M[place]))
        self._disturbances[place].add(t_s, body)
        body = body[lead:] + self._noise[place][first:stop]
        return body[:, :3], body[:, 3:]

    @property
    def n_samples(self) -> int:
        """Samples of each sensor."""
        return self._n

    def recording(self) -> Recording:
        """Return the whole session as it stands now, for the virtual radio to play."""
        sensors = {}
        t_s = np.arange(self._n) / RATE_HZ
        for place in PLACES:
            acc, gyr = self.signals(place, 0, self._n)
            spec = SensorSpec(place, RATE_HZ, 16.0, 2000.0, True, "simulated")
            sensors[place] = SensorRecording(spec, t_s, acc, gyr)
        who, told = self.runner, self.readings()
        return Recording(
            sensors=sensors,
            treadmill=told.treadmill,
            heart_rate=told.heart_rate,
            runner=RunnerProfile(who.height_m, who.leg_length_m, who.mass_kg),
            info={
                "started_at": STARTED_AT,
                "time_zone": "UTC",
                "context": {"surface": TREADMILL, "session_kind": self.programme.name},
                "source": f"tallrun simulate, a runner who answers cues, seed {self.seed}",
            },
        )

    def _bout_at(self, t_s: float) -> Bout | None:
        at_s = 0.0
        for bout in self.programme.bouts:
            at_s += bout.duration_s
            if t_s < at_s:
                return bout
        return None


def _shifted(programme: Programme, begin_s: float, keeps_s: float, change_spm: float) -> Programme:
    """Return the programme with the cadence of running changed from ``begin_s`` on, by half after ``keeps_s``."""
    bouts: list[Bout] = []
    at_s = 0.0
    for bout in programme.bouts:
        end_s = at_s + bout.duration_s
        cuts = [at_s, *(cut for cut in (begin_s, begin_s + keeps_s) if at_s + 0.1 < cut < end_s - 0.1), end_s]
        for low, high in pairwise(cuts):
            held = (
                0.0
                if low < begin_s - 0.2
                else change_spm
                if low < begin_s + keeps_s - 0.2
                else change_spm / 2.0
            )
            shift = bout.cadence_shift_spm + (held if bout.mode == RUN else 0.0)
            bouts.append(replace(bout, duration_s=high - low, cadence_shift_spm=shift))
        at_s = end_s
    return replace(programme, bouts=tuple(bouts))


def _cut(bouts: Sequence[Bout], at_s: float) -> list[Bout]:
    """Return what comes before a time, exactly so long; no piece is shorter than 0.1 s."""
    before: list[Bout] = []
    left_s = at_s
    for bout in bouts:
        if left_s <= 0.1:
            break
        before.append(replace(bout, duration_s=min(bout.duration_s, left_s)))
        left_s -= before[-1].duration_s
    before[-1] = replace(before[-1], duration_s=before[-1].duration_s + left_s)
    return before


def _moving(spans: Sequence[tuple[bool, float]], run_mps: float = 2.8, walk_mps: float = 1.4) -> list[Bout]:
    return [
        Bout(RUN if is_run else WALK, length_s, run_mps if is_run else walk_mps)
        for is_run, length_s in spans
        if length_s > 0.5
    ]


def programme_of(
    spans: Sequence[tuple[bool, float]], stand_s: float = 3.0, then_stands_s: float = 10.0
) -> Programme:
    """Return standing, then the given (is_run, seconds), then standing, on a treadmill that tells its speed."""
    bouts = (Bout(STAND, stand_s), *_moving(spans), Bout(STAND, then_stands_s))
    return Programme(bouts, TREADMILL, "answering", has_heart_rate=True)


def standing(seconds: float, lifts_left: bool = False, seed: int = 0) -> Recording:
    """Return somebody who stands; if asked, the left foot is shaken: 5 cm up and down, 1.5 times a second."""
    still = AnsweringRunner(
        Programme((Bout(STAND, seconds),), TREADMILL, "standing", has_heart_rate=True), seed=seed
    ).recording()
    if lifts_left:
        left = still.sensors["foot_left"]
        left.acc_mps2[:, 2] += 0.05 * (3.0 * np.pi) ** 2 * np.sin(3.0 * np.pi * left.t_s)
    return still
