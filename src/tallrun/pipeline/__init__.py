"""The one pipeline: sample blocks in; strides, flags, safety events and cues out."""

from tallrun.pipeline.analysis import Analysis, analyse, analyze_recording
from tallrun.pipeline.batch import belt_readings, pieces, run_recording
from tallrun.pipeline.gait_pipeline import Contact, FlagChanged, GaitPipeline, PipelineEvent, StrideKnown
from tallrun.pipeline.setup import PipelineSetup
from tallrun.pipeline.tables import ALGORITHM_VERSION, GaitTables

__all__ = [
    "ALGORITHM_VERSION",
    "Analysis",
    "Contact",
    "FlagChanged",
    "GaitPipeline",
    "GaitTables",
    "PipelineEvent",
    "PipelineSetup",
    "StrideKnown",
    "analyse",
    "analyze_recording",
    "belt_readings",
    "pieces",
    "run_recording",
]
