"""Small line charts and band strips as inline SVG: no script, sharp in print, readable without colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 14, 40
#: From a value's (x, y) to its place in the picture.
_Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One curve; NaN breaks it. dash : SVG dash pattern, empty for solid. band : (low, high) around it, as long as y.

    points : marks at each value, for values that lie apart.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    dash: str = ""
    band: tuple[np.ndarray, np.ndarray] | None = None
    points: bool = False


@dataclass(frozen=True)
class Upright:
    """A line at one x with its scatter to both sides, named on top."""

    name: str
    x: float
    scatter: float
    colour: str
    dash: str = ""


def line_chart(
    title: str,
    x_label: str,
    y_label: str,
    lines: Sequence[Line],
    uprights: Sequence[Upright] = (),
    x_names: Sequence[str] = (),
) -> str:
    """Return one chart with a legend in words; empty text when no line has two known points.

    ``title`` names the chart for a screen reader, and stands above it. x_names : what 0, 1, ... are, where they are
    no amounts.
    """
    drawn = [item for item in lines if np.isfinite(item.y).sum() >= 2]
    if not drawn:
        return ""
    x_low, x_high = _range(
        np.concatenate([item.x[np.isfinite(item.y)] for item in drawn]), 0.2 if x_names else 0.0
    )
    heights = [part for item in drawn for part in (item.y, *(item.band or ()))]
    y_low, y_high = _range(np.concatenate([part[np.isfinite(part)] for part in heights]), 0.06)
    y_high += 0.1 * len(uprights) * (y_high - y_low)  # the names of the uprights stand above the curves
    plot_w, plot_h = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + plot_w * (x - x_low) / (x_high - x_low),
            _TOP + plot_h * (1.0 - (y - y_low) / (y_high - y_low)),
        )

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}" class="chart">',
        *_grid(x_low, x_high, y_low, y_high, place, x_names),
        f'<text x="{_LEFT + plot_w / 2:.0f}" y="{_HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="12" y="{_TOP + plot_h / 2:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 12 {_TOP + plot_h / 2:.0f})">{escape(y_label)}</text>',
    ]
    for mark in uprights:
        parts += _upright(mark, place, uprights.index(mark))
    for item in drawn:
        if item.band is not None:
            low, high = (Line("", item.x, part, "") for part in item.band)
            edge = Line("", item.x[::-1], high.y[::-1], "")
            parts.append(f'<path d="{_path(low, place)}{_path(edge, place).replace("M", "L")}Z" fill="{item.colour}" '
                         'fill-opacity="0.15"/>')  # fmt: skip
    for item in drawn:
        dash = f' stroke-dasharray="{item.dash}"' if item.dash else ""
        parts.append(
            f'<path d="{_path(item, place)}" fill="none" stroke="{item.colour}" stroke-width="2"{dash}/>'
        )
        if item.points:
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{item.colour}"/>'
                for x, y in (
                    place(*at)
                    for at in zip(item.x.tolist(), item.y.tolist(), strict=True)
                    if np.isfinite(at[1])
                )
            ]
    parts.append("</svg>")
    legend = "".join(
        f'<li><svg viewBox="0 0 36 8" aria-hidden="true"><line x1="1" y1="4" x2="35" y2="4" stroke="{item.colour}" '
        f'stroke-width="3"{f" stroke-dasharray={chr(34)}{item.dash}{chr(34)}" if item.dash else ""}/></svg>'
        f"{escape(item.name)}</li>"
        for item in drawn
    )
    return f'<p class="chart-title">{escape(title)}</p>{"".join(parts)}<ul class="legend">{legend}</ul>'


def band_strip(value: float, low: float, high: float, text: str) -> str:
    """Return a strip with the own band shaded and the value marked; ``text`` says the same in words."""
    width, height, pad = 240, 34, 8
    spread = max(high - low, 1e-9)
    left, right = min(low - 0.8 * spread, value), max(high + 0.8 * spread, value)

    def at(item: float) -> float:
        return pad + (width - 2 * pad) * (item - left) / (right - left)

    x = at(value)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(text)}" class="strip">'
        f'<line x1="{pad}" y1="17" x2="{width - pad}" y2="17" class="strip-axis"/>'
        f'<rect x="{at(low):.1f}" y="9" width="{at(high) - at(low):.1f}" height="16" class="strip-band"/>'
        f'<path d="M{x:.1f} 3 l6 7 l-6 7 l-6 -7 z" class="strip-mark"/>'
        f'<line x1="{x:.1f}" y1="10" x2="{x:.1f}" y2="29" class="strip-needle"/></svg>'
    )


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers inside a range."""
    raw = (high - low) / max(most - 1, 1)
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(item * power for item in (1.0, 2.0, 2.5, 5.0, 10.0) if item * power >= raw)
    first = np.ceil(low / step - 1e-9) * step
    return [round(float(item), 10) + 0.0 for item in np.arange(first, high + 1e-9 * step, step)]


def _range(values: np.ndarray, margin: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        return low - 0.5, high + 0.5
    return low - margin * (high - low), high + margin * (high - low)


def _upright(mark: Upright, place: _Place, row: int) -> list[str]:
    bottom = _HEIGHT - _BOTTOM
    left, middle, right = (place(mark.x + side * mark.scatter, 0.0)[0] for side in (-1.0, 0.0, 1.0))
    dash = f' stroke-dasharray="{mark.dash}"' if mark.dash else ""
    return [
        f'<rect x="{left:.1f}" y="{_TOP}" width="{max(right - left, 0.0):.1f}" height="{bottom - _TOP}" '
        f'fill="{mark.colour}" fill-opacity="0.15"/>',
        f'<line x1="{middle:.1f}" y1="{_TOP}" x2="{middle:.1f}" y2="{bottom}" stroke="{mark.colour}" '
        f'stroke-width="1.5"{dash}/>',
        f'<text x="{right + 4:.1f}" y="{_TOP + 12 + 15 * row}">{escape(mark.name)}</text>',
    ]


def _grid(
    x_low: float, x_high: float, y_low: float, y_high: float, place: _Place, x_names: Sequence[str]
) -> list[str]:
    out = []
    for value in ticks(y_low, y_high):
        _, y = place(x_low, value)
        out.append(
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" class="grid"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
    names = {float(at): escape(name) for at, name in enumerate(x_names)}
    for value, name in (names or {at: f"{at:g}" for at in ticks(x_low, x_high)}).items():
        x, _ = place(value, y_low)
        out.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{name}</text>')
    return out


def _path(item: Line, place: _Place) -> str:
    out, pen = [], "M"
    for x, y in zip(item.x.tolist(), item.y.tolist(), strict=True):
        if not np.isfinite(y):
            pen = "M"
            continue
        left, top = place(x, y)
        out.append(f"{pen}{left:.1f} {top:.1f}")
        pen = "L"
    return "".join(out)
