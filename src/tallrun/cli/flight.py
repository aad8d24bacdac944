"""The recording builder under the name that scripts outside this repository import it by."""

from tallrun.live.rebuild import RecordingBuilder

__all__ = ["RecordingBuilder"]
