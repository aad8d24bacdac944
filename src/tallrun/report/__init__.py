"""Reports and comparisons: figures, single-file HTML. Shows what the tables say and computes no gait."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tallrun.report.build import ReportInput, build_report

__all__ = ["ReportInput", "build_report"]


def __getattr__(name: str) -> Any:
    """Load the report on first use: a command that asks for measured errors alone waits for no figures."""
    if name not in __all__:
        raise AttributeError(f"module 'tallrun.report' has no attribute {name!r}")
    from tallrun.report import build

    return getattr(build, name)
