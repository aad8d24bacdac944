"""Change from the first to the last third of a run, at like speed, against the scatter inside the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from tallrun.insight import Block, Change, compare_blocks, steady_blocks
from tallrun.insight.blocks import metric_values
from tallrun.insight.change import LEVEL
from tallrun.reasons import REASONS
from tallrun.report.compare import shared_speeds
from tallrun.report.tables import METRIC_BY_KEY, Metric

DRIFT_KEYS = (
    "cadence_spm", "stance_time_s", "flight_time_s", "stride_length_m", "foot_strike_angle_deg", "peak_impact_g",
    "pelvic_tilt_deg", "vertical_oscillation_m", "asymmetry_contact_pct",
)  # fmt: skip


@dataclass(frozen=True)
class Drift:
    """One metric over the run: how it is shown, and its change."""

    metric: Metric
    change: Change


def drifts(strides: pd.DataFrame, blocks: tuple[Block, ...] | None = None) -> tuple[Drift, ...]:
    """Return the drift of each metric, largest against its error first; empty without steady running."""
    blocks = steady_blocks(strides) if blocks is None else blocks
    if not blocks:
        return ()
    start_s, end_s = blocks[0].start_s, blocks[-1].end_s
    third_s = (end_s - start_s) / 3.0
    first = tuple(item for item in blocks if item.end_s <= start_s + third_s)
    last = tuple(item for item in blocks if item.start_s >= end_s - third_s)
    speeds = shared_speeds(first, last)
    if not speeds:
        return ()
    old, new = (
        [item for item in part if item.speed_mps and abs(item.speed_mps - speeds[0]) <= 0.05 * speeds[0]]
        for part in (first, last)
    )
    out = []
    looked_at = [key for key in DRIFT_KEYS if len(metric_values(old, key)) and len(metric_values(new, key))]
    for key in DRIFT_KEYS:
        change = compare_blocks(
            key, old, new, (), speeds[0], is_one_session=True, level=LEVEL / max(len(looked_at), 1)
        )
        if change.before is None and change.after is None:
            continue
        out.append(Drift(METRIC_BY_KEY[key], change))
    return tuple(sorted(out, key=lambda item: -item.change.ratio))


def drift_rows(drift: Sequence[Drift]) -> list[dict[str, str]]:
    """Each metric in the first and the last third."""

    def show(metric: Metric, value: float | None) -> str:
        return "–" if value is None else metric.show(metric.factor * value)

    def limit(metric: Metric, value: float | None) -> str:
        return "–" if value is None else metric.show_error(metric.factor * value)

    return [
        {
            "label": item.metric.label,
            "scale": item.metric.scale,
            "unit": item.metric.unit,
            "first": show(item.metric, item.change.before),
            "last": show(item.metric, item.change.after),
            "detectable": limit(item.metric, item.change.detectable),
            "word": item.change.word,
            "why": REASONS[item.change.reason] if item.change.reason else "",
        }
        for item in drift
    ]
