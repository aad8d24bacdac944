"""One run against the runner's own baseline at the same speed: real change, no real change, or cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tallrun.gait.eligible import paces_mps
from tallrun.insight import Baseline, Block, SessionBlocks, own_baselines
from tallrun.insight.baselines import SPEED_TOLERANCE
from tallrun.insight.between_days import Kind
from tallrun.insight.blocks import OwnSessions, metric_values
from tallrun.insight.change import LEVEL
from tallrun.numerics.recording import Recording
from tallrun.report.cycles import clean_strides
from tallrun.report.measured import ERROR_KINDS, error_between_days, measured_error
from tallrun.report.tables import METRIC_BY_KEY, Metric, error_words

#: Half width of the own band, in standard deviations between sessions.
BAND_SPREADS = 2.0
_SPAN_S = 10.0


@dataclass(frozen=True)
class Against:
    """One metric of this run beside its baseline. word as in insight; detectable None: error not known.

    error_kind : where the error between days is from, a key of ``ERROR_KINDS``; None where there is none.
    """

    metric: Metric
    speed_mps: float
    value: float
    usual: float
    band: tuple[float, float]
    detectable: float | None
    n_sessions: int
    word: str
    error_kind: Kind | None = None

    @property
    def ratio(self) -> float:
        """|difference| over the detectable one, 0 when unknown."""
        return abs(self.value - self.usual) / self.detectable if self.detectable else 0.0


@dataclass(frozen=True)
class OwnSpan:
    """Stretch of the run at a baseline's speed, and the band there, in SI."""

    start_s: float
    end_s: float
    low: float
    high: float


def against_own(
    blocks: Sequence[Block],
    history: Sequence[SessionBlocks],
    shoe: str | None,
    recording: Recording | None = None,
) -> tuple[Against, ...]:
    """Return each metric that has a baseline at a speed of this run, largest against its error first.

    This session's median is held against the error between days, that of comparisons. The limit is that of all of
    them together: of 20 sessions in which nothing changed about one shows any real change.
    """
    history = OwnSessions.of(history)
    seen = []
    baselines = _baselines(history, shoe)
    for baseline in baselines:
        metric = METRIC_BY_KEY.get(baseline.metric)
        near = [
            item
            for item in blocks
            if item.speed_mps is not None
            and abs(item.speed_mps - baseline.speed_mps) <= SPEED_TOLERANCE * baseline.speed_mps
        ]
        values = metric_values(near, baseline.metric)
        if metric is None or not len(values):
            continue
        usual = {item.metric: item.value for item in baselines if item.speed_mps == baseline.speed_mps}
        error = error_between_days(history, baseline.metric, baseline.speed_mps, usual, (recording,))
        seen.append((baseline, metric, float(np.median(values)), error))
    n_looked_at = sum(error is not None for _, _, _, error in seen)
    out = []
    for baseline, metric, value, error in seen:
        limit = None if error is None else error.detectable(LEVEL / n_looked_at)
        word = "cannot tell" if limit is None else "no real change"
        if limit is not None and abs(value - baseline.value) > limit:
            word = "real change"
        out.append(
            Against(
                metric, baseline.speed_mps, value, baseline.value, _band(baseline), limit,
                len(baseline.session_ids), word, None if error is None else error.kind,
            )
        )  # fmt: skip
    return tuple(sorted(out, key=lambda item: -item.ratio))


def own_spans(
    strides: pd.DataFrame, key: str, history: Sequence[SessionBlocks], shoe: str | None
) -> list[OwnSpan]:
    """Return where on the time line a baseline of this metric applies, and its band."""
    baselines = [item for item in _baselines(history, shoe) if item.metric == key]
    rows = clean_strides(strides)
    if not baselines or rows.empty:
        return []
    bins = (rows["initial_contact_s"] // _SPAN_S).astype(int)
    out: list[OwnSpan] = []
    speeds = pd.Series(paces_mps(rows), rows.index).groupby(bins).median()
    for place, speed in zip(speeds.index.to_list(), speeds.to_list(), strict=True):
        found = next(
            (item for item in baselines if abs(item.speed_mps - speed) <= SPEED_TOLERANCE * item.speed_mps),
            None,
        )
        if found is None:
            continue
        low, high = _band(found)
        start_s = _SPAN_S * float(str(place))
        if out and out[-1].end_s == start_s and (out[-1].low, out[-1].high) == (low, high):
            out[-1] = OwnSpan(out[-1].start_s, start_s + _SPAN_S, low, high)
        else:
            out.append(OwnSpan(start_s, start_s + _SPAN_S, low, high))
    return out


def _baselines(history: Sequence[SessionBlocks], shoe: str | None) -> tuple[Baseline, ...]:
    return own_baselines(history, shoe=shoe) if history else ()


def _band(item: Baseline) -> tuple[float, float]:
    return item.value - BAND_SPREADS * item.spread, item.value + BAND_SPREADS * item.spread


def own_rows(
    against: Sequence[Against], recording: Recording, is_calibrated: bool = False
) -> list[dict[str, str]]:
    """Each metric of this run beside its own baseline, with its measured error at that speed and set-up."""
    return [
        {
            "label": item.metric.label,
            "scale": item.metric.scale,
            "unit": item.metric.unit,
            "speed": f"{3.6 * item.speed_mps:.1f}",
            "value": item.metric.show(item.metric.factor * item.value),
            "usual": item.metric.show(item.metric.factor * item.usual),
            "detectable": "–"
            if item.detectable is None
            else item.metric.show_error(item.metric.factor * item.detectable),
            "error_kind": "" if item.error_kind is None else ERROR_KINDS[item.error_kind][0],
            "error": error_words(
                item.metric,
                item.value,
                measured_error(item.metric.key, recording, item.speed_mps, is_calibrated),
            )["error"],
            "sessions": str(item.n_sessions),
            "word": item.word,
        }
        for item in against
    ]
