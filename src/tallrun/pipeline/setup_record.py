"""What a live run was set up with, as plain data for ``session.json``, so that a replay starts from the same.

Without such a record (imports, simulated sessions) a replay takes the defaults, and says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from tallrun.coaching import CoachSettings, Part, SessionPlan, plan_session
from tallrun.coaching.plan import Block
from tallrun.numerics.json_ready import json_ready
from tallrun.numerics.recording import Recording
from tallrun.pipeline.live_run import LiveSetup
from tallrun.pipeline.setup import KEY, PipelineSetup, damaged_record, pipeline_record
from tallrun.recovery import Protocol

__all__ = ["KEY", "KnownSetup", "known_setup", "setup_record"]


@dataclass(frozen=True)
class KnownSetup:
    """A set-up for a replay. ``is_recorded`` False: nothing was recorded, so these are the defaults."""

    setup: LiveSetup
    is_recorded: bool


def setup_record(setup: LiveSetup) -> dict[str, Any]:
    """Return what ``known_setup`` needs to build this set-up again; JSON-ready."""
    return json_ready(
        {
            "focus": setup.focus,
            "target_spm": setup.target_spm,
            "green_limit": setup.green_limit,
            "tilt_limit_deg": setup.tilt_limit_deg,
            "max_rise_pct": setup.max_rise_pct,
            "coach": asdict(setup.coach),
            "plan": {
                "fade_share": setup.plan.fade_share,
                "blocks": [[item.kind, item.start_s, item.end_s] for item in setup.plan.blocks],
            },
            "intervals": [
                [item.kind, item.start_s, item.end_s, item.index, item.count] for item in setup.intervals
            ],
            "rung": setup.rung,
            "protocol_sha256": setup.protocol.sha256,
            "protocol_stricter": dict(setup.protocol.stricter),
        }
        | pipeline_record(setup.pipeline)
    )


def known_setup(recording: Recording, protocol: Protocol, record_waves: bool = False) -> KnownSetup:
    """Return the set-up a recorded session ran with, or the defaults for one that was never coached.

    Raises SessionError when the record is damaged.
    """
    pipeline = PipelineSetup.of(recording, record_waves=record_waves)
    record = recording.info.get(KEY)
    if record is None:
        return KnownSetup(LiveSetup(pipeline, _default_plan(recording), protocol), is_recorded=False)
    try:
        return KnownSetup(_from_record(record, pipeline, protocol), is_recorded=True)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise damaged_record(error) from error


def _from_record(record: dict[str, Any], pipeline: PipelineSetup, protocol: Protocol) -> LiveSetup:
    blocks = tuple(Block(kind, float(start), float(end)) for kind, start, end in record["plan"]["blocks"])
    known = {item.name for item in fields(CoachSettings)}
    return LiveSetup(
        pipeline=pipeline,
        plan=SessionPlan(blocks, float(record["plan"]["fade_share"])),
        # The limits of that run, whatever was entered since: a replay must stop where the run stopped.
        protocol=protocol.shipped.tightened(record.get("protocol_stricter", {})),
        focus=record["focus"],
        target_spm=record.get("target_spm"),
        green_limit=record.get("green_limit"),
        tilt_limit_deg=record.get("tilt_limit_deg"),
        max_rise_pct=record.get("max_rise_pct"),
        coach=CoachSettings(**{key: value for key, value in record["coach"].items() if key in known}),
        intervals=tuple(
            Part(kind, float(start_s), float(end_s), int(index), int(count))
            for kind, start_s, end_s, index, count in record.get("intervals", ())
        ),
        rung=record.get("rung"),
    )


def _default_plan(recording: Recording) -> SessionPlan:
    planned = recording.context.get("planned_minutes")
    ends = [float(item.t_s[-1]) for item in recording.sensors.values() if item.t_s.size]
    if isinstance(planned, (int, float)) and planned > 0:
        return plan_session(60.0 * float(planned))
    return plan_session(max([1.0, *ends]))
