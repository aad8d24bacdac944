"""The one way from a recording to its tables: every command, page, report and cohort goes through ``analyse``.

What the run itself used (stride gain, standing neutral, typed speed, own baseline, sensors) is taken from its record,
so that two ways of looking at one session never differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tallrun.numerics.recording import FloatArray, Recording
from tallrun.pipeline.batch import run_recording
from tallrun.pipeline.gait_pipeline import GaitPipeline
from tallrun.pipeline.setup import PipelineSetup
from tallrun.pipeline.tables import GaitTables
from tallrun.pipeline.watch import watch_summary

if (
    TYPE_CHECKING
):  # coaching and recovery are loaded where cues are replayed: a third of what gait alone loads
    from tallrun.pipeline.live_run import LiveEvent, LiveRun, LiveSetup
    from tallrun.pipeline.setup_record import KnownSetup
    from tallrun.recovery import Protocol


@dataclass(frozen=True, eq=False)
class Analysis:
    """A recording that went through the pipeline.

    run, known : the live run replayed and the set-up it had; None when only gait was asked for.
    """

    recording: Recording
    gait: GaitPipeline
    run: LiveRun | None = None
    known: KnownSetup | None = None

    @cached_property
    def tables(self) -> GaitTables:
        """Strides, segments, timeline, flags and summary; what a watch recorded is summed up under its ``watch``."""
        tables = self.gait.tables()
        watch = watch_summary(self.recording)
        if watch is not None:
            tables.summary["watch"] = watch
        return tables

    @cached_property
    def waves(self) -> dict[str, FloatArray]:
        """Stride shapes by foot; empty unless they were asked for."""
        return self.gait.waves()

    @cached_property
    def pelvis_angles(self) -> FloatArray:
        """The pelvis's attitude over time, (n, 4); empty unless waves were asked for."""
        return self.gait.pelvis_angles()


def analyse(
    recording: Recording,
    protocol: Protocol | None = None,
    *,
    change: Callable[[LiveSetup], LiveSetup] | None = None,
    on_events: Callable[[list[LiveEvent]], None] = lambda events: None,
    record_waves: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Analysis:
    """Analyse a recording with the set-up its run used; defaults for one that was never coached.

    protocol : replays cues and safety actions too, by these rules; the tables are the same without. change : a "what
    if", applied to the set-up of the replay. on_events : is told all the replay says, in order. progress : is told the
    share done, 0 to 1.
    A recording without samples gives empty tables whose summary carries reasons. Raises SessionError when the record
    of the set-up is damaged.
    """
    if protocol is None:
        return Analysis(
            recording,
            run_recording(recording, PipelineSetup.of(recording, record_waves=record_waves), progress),
        )
    from tallrun.pipeline.replay import replay_run
    from tallrun.pipeline.setup_record import known_setup

    known = known_setup(recording, protocol, record_waves)
    run = replay_run(
        recording,
        known.setup if change is None else change(known.setup),
        on_events,
        progress=progress or (lambda share: None),
    )
    return Analysis(recording, run.gait, run, known)


def analyze_recording(recording: Recording, setup: PipelineSetup | None = None) -> GaitTables:
    """Return the tables of a recording; ``setup`` for trials that vary it, default the one the run itself used."""
    return analyse(recording).tables if setup is None else run_recording(recording, setup).tables()
