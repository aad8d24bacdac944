"""The pain lane under the speed lane of page one, as SVG, so that it prints without a script."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tallrun.report.figures import thin_series
from tallrun.report.svg import ticks

_SPEED_H, _PAIN_H, _LEFT, _BOTTOM = 110, 96, 88, 28
#: The page's style sheet shows the wide drawing on desks and paper, the narrow one on phones.
_DRAWINGS = (("wide-chart", 1040), ("narrow-chart", 440))


def pain_strip(rows: pd.DataFrame, pain: Sequence[tuple[float, int]], end_s: float) -> str:
    """Return the speed of strides with the pain scores below it on one time axis; empty text when neither is known."""
    minutes, speeds = thin_series(
        rows["initial_contact_s"].to_numpy(), 3.6 * rows["speed_mps"].to_numpy(dtype=np.float64), 240
    )
    if (not minutes and not pain) or end_s <= 0.0:
        return ""
    return "".join(_drawing(name, width, minutes, speeds, pain, end_s / 60.0) for name, width in _DRAWINGS)


def _drawing(
    name: str,
    width: int,
    minutes: Sequence[float],
    speeds: Sequence[float | None],
    pain: Sequence[tuple[float, int]],
    end_min: float,
) -> str:
    plot_w = width - _LEFT - 8

    def across(minute: float) -> float:
        return _LEFT + plot_w * min(max(minute / end_min, 0.0), 1.0)

    height = _SPEED_H + _PAIN_H + _BOTTOM
    words = ", ".join(f"{score} at {at / 60:.1f} min" for at, score in pain) or "none entered"
    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" class="chart {name}" '
        f'aria-label="Speed over the run; pain: {words}">',
        '<text x="2" y="24">km/h</text>',
        f'<text x="2" y="{_SPEED_H + 24}">pain</text>',
    ]
    known = [item for item in speeds if item is not None]
    if known:
        top = max(known) * 1.08
        for value in ticks(0.0, top, 3):
            y = _SPEED_H - (_SPEED_H - 10) * value / top
            parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{width - 8}" y2="{y:.1f}" class="grid"/>')
            parts.append(f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        pen, path = "M", ""
        for minute, speed in zip(minutes, speeds, strict=True):
            if speed is None:
                pen = "M"
                continue
            path += f"{pen}{across(minute):.1f} {_SPEED_H - (_SPEED_H - 10) * speed / top:.1f}"
            pen = "L"
        parts.append(f'<path d="{path}" fill="none" class="speed-line"/>')
    base = _SPEED_H + _PAIN_H - 6
    for score in (0, 5, 10):
        y = base - (_PAIN_H - 26) * score / 10.0
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{width - 8}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{score}</text>')
    for at, score in pain:
        x, y = across(at / 60.0), base - (_PAIN_H - 26) * score / 10.0
        parts.append(f'<path d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z" class="pain-mark"/>')
        parts.append(f'<text x="{x + 9:.1f}" y="{y - 3:.1f}" class="pain-score">{score}</text>')
    for value in ticks(0.0, end_min):
        parts.append(f'<text x="{across(value):.1f}" y="{height - 10}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<text x="2" y="{height - 10}">min</text></svg>')
    return "".join(parts)
