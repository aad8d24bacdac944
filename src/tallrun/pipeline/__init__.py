"""The one pipeline: sample blocks in; strides, flags, safety events and cues out.

What runs kernels is loaded on first use: the journal asks this room for a tap or a way in runs that nobody analyses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tallrun.pipeline.setup import PipelineSetup
from tallrun.pipeline.tables import ALGORITHM_VERSION, GaitTables

if TYPE_CHECKING:
    from tallrun.pipeline.analysis import Analysis, analyse, analyze_recording
    from tallrun.pipeline.batch import belt_readings, pieces, run_recording
    from tallrun.pipeline.gait_pipeline import Contact, FlagChanged, GaitPipeline, PipelineEvent, StrideKnown

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


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in ("analysis", "batch", "gait_pipeline"):
            found = import_module(f"tallrun.pipeline.{module}")
            if hasattr(found, name):
                return getattr(found, name)
    raise AttributeError(f"module 'tallrun.pipeline' has no attribute {name!r}")
