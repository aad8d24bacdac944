"""The emulated runner who answers: cues and changes of the plan go to the simulation, what they change into the air."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallrun.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallrun.ble.radio import VirtualRadio
    from tallrun.coaching import Part
    from tallrun.live.devices import Emulation
    from tallrun.live.loop import LiveLoop
    from tallrun.simulate.answering import AnsweringRunner

#: An answer begins at least ``Answering.delay_s`` after its cue, so looking this often is never too late.
_LOOK_EVERY_S = 0.25
#: Samples are put in the air in slices, so that the page beside it is never kept waiting: 10 s of them at a time.
_SLICE = 2000
#: A run from the phone is ended there: the runner waits standing when the plan is done.
_WAITS_S = 600.0


def answering_emulation(
    parts: Sequence[Part],
    speed: float | None,
    seed: int = 1,
    minutes: float = 10.0,
    then_stands_s: float = 10.0,
) -> Emulation:
    """Return emulated sensors on a simulated runner who does the parts of the plan and answers cues.

    parts : empty for a free run of ``minutes`` after a short walk.
    """
    from tallrun.live.devices import Emulation
    from tallrun.simulate.answering import AnsweringRunner, programme_of

    spans = [(item.kind == "run", item.length_s) for item in parts] or [(False, 20.0), (True, 60.0 * minutes)]
    person = AnsweringRunner(programme_of(spans, then_stands_s=then_stands_s), seed=seed)
    return Emulation(person.recording(), None, {}, speed, person)


@dataclass(frozen=True)
class AnsweringEmulator:
    """Emulated sensors for a whole run from the phone: on the simulated runner who answers cues."""

    speed: float | None = 1.0
    seed: int = 1

    def standing(self, lifts_left: bool) -> Emulation:
        """Return sensors on somebody who stands, lifting and shaking the left foot if asked."""
        from tallrun.live.devices import Emulation
        from tallrun.simulate.answering import standing

        return Emulation(standing(30.0, lifts_left, self.seed), None, {}, self.speed)

    def running(self, parts: Sequence[Part], minutes: float) -> Emulation:
        """Return sensors on somebody who does these parts, or runs freely for so long."""
        return answering_emulation(parts, self.speed, self.seed, minutes, _WAITS_S)


@dataclass(frozen=True)
class RecordedEmulator:
    """Emulated sensors that play a recording in each step, whatever it asks for."""

    emulation: Emulation

    def standing(self, lifts_left: bool) -> Emulation:
        """Return the recording: whether anybody stands or lifts a foot in it is for the checks to tell."""
        return self.emulation

    def running(self, parts: Sequence[Part], minutes: float) -> Emulation:
        """Return the recording."""
        return self.emulation


async def answer(loop: LiveLoop, radio: VirtualRadio, person: AnsweringRunner) -> None:
    """Let the simulated runner hear each cue of the run and follow its plan; ends with the run."""
    from tallrun.ble.faults import SensorFaults
    from tallrun.ble.sources import ImuSource, ReadingSource, make_source
    from tallrun.coaching import CueStart
    from tallrun.simulate.answering import PLACES, RATE_HZ

    sources = {place: radio.sensors[place].source for place in PLACES}
    if not all(isinstance(item, ImuSource) for item in sources.values()):
        raise UsageError("the runner who answers wears sensors with inertial packets")
    clock = asyncio.get_running_loop()
    begin_s = await radio.begin_s() - (clock.time() - loop.session.now_s)
    heard, changed, schedule = 0, person.n_samples, loop.run.schedule
    while True:
        events = loop.run.coach_events
        for event in events[heard:]:
            if isinstance(event, CueStart) and event.focus == "cadence":
                from_s = person.answer(event.at_s - begin_s, event.value, event.low, event.high)
                if from_s is not None:
                    changed = min(changed, math.floor(from_s * RATE_HZ))
        heard = len(events)
        if loop.run.schedule is not None and loop.run.schedule is not schedule:
            schedule, now_s = loop.run.schedule, loop.session.now_s
            # while the plan waits, the runner walks for as long as it does
            spans = [(False, person.programme.duration_s)] if schedule.held_s is not None else [
                (item.kind == "run", item.end_s - max(item.start_s, now_s)) for item in schedule.parts
            ]  # fmt: skip
            from_s = person.follow(now_s - begin_s, spans)
            if from_s is not None:
                changed = min(changed, math.floor(from_s * RATE_HZ))
            for place in ("treadmill", "heart_rate"):
                sensor = radio.sensors.get(place)
                if sensor is not None and isinstance(sensor.source, ReadingSource):
                    new = make_source(sensor.config, place, person.readings(), SensorFaults(), 1)
                    assert isinstance(new, ReadingSource)
                    sensor.source.become(new)
        if changed < person.n_samples:
            stop = min(changed + _SLICE, person.n_samples)
            for place, source in sources.items():
                assert isinstance(source, ImuSource)
                source.overwrite(changed, *person.signals(place, changed, stop))
            changed = stop
        await asyncio.sleep(_LOOK_EVERY_S)
