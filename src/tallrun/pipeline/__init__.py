"""The one pipeline: sample blocks in; strides, flags, safety events and cues out."""

from tallrun.pipeline.batch import analyze_recording, pieces, run_recording
from tallrun.pipeline.gait_pipeline import Contact, FlagChanged, GaitPipeline, PipelineEvent, StrideKnown
from tallrun.pipeline.setup import HeartRateReading, PipelineSetup, TreadmillReading
from tallrun.pipeline.tables import ALGORITHM_VERSION, GaitTables, json_ready

__all__ = [
    "ALGORITHM_VERSION",
    "Contact",
    "FlagChanged",
    "GaitPipeline",
    "GaitTables",
    "HeartRateReading",
    "PipelineEvent",
    "PipelineSetup",
    "StrideKnown",
    "TreadmillReading",
    "analyze_recording",
    "json_ready",
    "pieces",
    "run_recording",
]
