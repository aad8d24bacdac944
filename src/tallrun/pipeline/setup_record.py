"""What a live run was set up with, as plain data for ``session.json``, so that a replay starts from the same.

Without such a record (imports, simulated sessions) a replay takes the defaults, and says so.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from tallrun.coaching import CoachSettings, SessionPlan, plan_session
from tallrun.coaching.plan import Block
from tallrun.errors import SessionError
from tallrun.gait.flag_terms import BaselineBin, OwnBaseline
from tallrun.numerics.recording import Recording, SensorSpec
from tallrun.pipeline.live_run import LiveSetup
from tallrun.pipeline.setup import PipelineSetup
from tallrun.pipeline.tables import json_ready
from tallrun.recovery import Protocol

#: Key of ``session.json``.
KEY = "live_setup"
_SPEC_KEYS = ("placement", "rate_hz", "acc_range_g", "gyr_range_dps", "has_gyroscope", "model")


@dataclass(frozen=True)
class KnownSetup:
    """A set-up for a replay. ``is_recorded`` False: nothing was recorded, so these are the defaults."""

    setup: LiveSetup
    is_recorded: bool


def setup_record(setup: LiveSetup) -> dict[str, Any]:
    """Return what ``known_setup`` needs to build this set-up again; JSON-ready."""
    pipeline = setup.pipeline
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
            "protocol_sha256": setup.protocol.sha256,
            "protocol_stricter": dict(setup.protocol.stricter),
            "typed_speed_mps": pipeline.typed_speed_mps,
            "stride_gain": pipeline.stride_gain,
            "is_calibrated": pipeline.is_calibrated,
            "pelvis_neutral": pipeline.pelvis_neutral,
            "baseline": None
            if pipeline.baseline is None
            else [asdict(item) for item in pipeline.baseline.bins],
            "specs": [{key: getattr(spec, key) for key in _SPEC_KEYS} for spec in pipeline.specs],
        }
    )


def known_setup(
    recording: Recording, protocol: Protocol, record_waves: bool = False, *, keep_specs: bool = False
) -> KnownSetup:
    """Return the set-up a recorded session ran with, or the defaults for one that was never coached.

    keep_specs : take the sensors as the live run knew them, not as measured since; needed for a replay that is
        to equal the live run bit for bit.
    Raises SessionError when the record is damaged.
    """
    pipeline = PipelineSetup.of(recording, record_waves=record_waves)
    record = recording.info.get(KEY)
    if record is None:
        return KnownSetup(LiveSetup(pipeline, _default_plan(recording), protocol), is_recorded=False)
    try:
        return KnownSetup(_from_record(record, pipeline, protocol, keep_specs), is_recorded=True)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise SessionError(
            f"session.json: key {KEY} is damaged ({error}); remove it to replay with defaults"
        ) from error


def _from_record(
    record: dict[str, Any], pipeline: PipelineSetup, protocol: Protocol, keep_specs: bool
) -> LiveSetup:
    blocks = tuple(Block(kind, float(start), float(end)) for kind, start, end in record["plan"]["blocks"])
    neutral, bins = record.get("pelvis_neutral"), record.get("baseline")
    specs = {
        item["placement"]: SensorSpec(**{key: item[key] for key in _SPEC_KEYS}) for item in record["specs"]
    }
    if keep_specs:
        pipeline = replace(pipeline, specs=tuple(specs.get(item.placement, item) for item in pipeline.specs))
    known = {item.name for item in fields(CoachSettings)}
    return LiveSetup(
        pipeline=replace(
            pipeline,
            typed_speed_mps=record.get("typed_speed_mps"),
            stride_gain=float(record.get("stride_gain", 1.0)),
            is_calibrated=bool(record.get("is_calibrated", False)),
            pelvis_neutral=None if neutral is None else np.array(neutral, dtype=np.float64),
            baseline=None if bins is None else OwnBaseline(tuple(_bin(item) for item in bins)),
        ),
        plan=SessionPlan(blocks, float(record["plan"]["fade_share"])),
        # The limits of that run, whatever was entered since: a replay must stop where the run stopped.
        protocol=protocol.shipped.tightened(record.get("protocol_stricter", {})),
        focus=record["focus"],
        target_spm=record.get("target_spm"),
        green_limit=record.get("green_limit"),
        tilt_limit_deg=record.get("tilt_limit_deg"),
        max_rise_pct=record.get("max_rise_pct"),
        coach=CoachSettings(**{key: value for key, value in record["coach"].items() if key in known}),
    )


def _bin(item: dict[str, Any]) -> BaselineBin:
    return BaselineBin(**{key: math.nan if value is None else float(value) for key, value in item.items()})


def _default_plan(recording: Recording) -> SessionPlan:
    planned = recording.context.get("planned_minutes")
    ends = [float(item.t_s[-1]) for item in recording.sensors.values() if item.t_s.size]
    if isinstance(planned, (int, float)) and planned > 0:
        return plan_session(60.0 * float(planned))
    return plan_session(max([1.0, *ends]))
