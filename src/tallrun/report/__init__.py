"""Reports and comparisons: figures, single-file HTML. Shows what the tables say and computes no gait."""

from tallrun.report.build import ReportInput, build_report

__all__ = ["ReportInput", "build_report"]
