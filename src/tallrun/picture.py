"""Lines, points and bands as one SVG: a first look at a table, without a plotting library (``tr.draw``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallrun.errors import UsageError

COLOURS = ("#1f6fb2", "#c2571a", "#2e7d4f", "#7a4fa3")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 300, 64, 44, 34


def _round_marks(low: float, high: float) -> NDArray[np.float64]:
    """Return about five round numbers between two values."""
    rough = (high - low) / 5
    size = 10.0 ** np.floor(np.log10(rough))
    step = size * next(factor for factor in (1, 2, 5, 10) if factor * size >= rough)
    return (
        np.round(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step, 10) + 0.0
    )  # no minus before zero


def draw(
    path: str | Path,
    lines: Mapping[str, tuple[Any, Any]],
    title: str,
    x_label: str,
    y_label: str,
    points: bool = True,
    bands: Iterable[tuple[float, float]] = (),
) -> None:
    """Write lines as one SVG picture.

    lines : name -> (x, y), each of shape (n,), in the units that the labels say; NaN is left out. points : dots instead
    of a line. bands : (start, end) along x, to shade. Raises UsageError when no line has a known value, OSError when
    ``path`` cannot be written.
    """
    known: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    for name, (x, y) in lines.items():
        x, y = np.asarray(x, float), np.asarray(y, float)
        keep = np.isfinite(x) & np.isfinite(y)
        known[name] = (x[keep], y[keep])
    x_all, y_all = (np.concatenate([pair[axis] for pair in known.values()]) for axis in (0, 1))
    if not x_all.size:
        raise UsageError("there is nothing to draw: no line has a known value")
    low, high = y_all.min(), y_all.max()
    pad = 0.08 * (high - low) or 1.0
    x_edge, y_edge = (
        (x_all.min(), x_all.max() if x_all.max() > x_all.min() else x_all.min() + 1),
        (low - pad, high + pad),
    )

    def at(value: Any, edge: tuple[float, float], start: float, end: float) -> Any:
        return start + (np.asarray(value) - edge[0]) / (edge[1] - edge[0]) * (end - start)

    def across(value: Any) -> Any:
        return at(value, x_edge, LEFT, WIDTH - 16)

    def up(value: Any) -> Any:
        return at(value, y_edge, HEIGHT - BOTTOM, TOP)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" '
        f'font-size="12"><title>{escape(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="{LEFT}" y="20" font-weight="bold">{escape(title)}</text>'
    ]
    for start, end in bands:
        left, right = across(max(start, x_edge[0])), across(min(end, x_edge[1]))
        out.append(f'<rect x="{left:.1f}" y="{TOP}" width="{max(0.0, right - left):.1f}" '
                   f'height="{HEIGHT - BOTTOM - TOP}" fill="#f2e3b3"/>')  # fmt: skip
    for value in _round_marks(*y_edge):
        out.append(f'<path d="M{LEFT} {up(value):.1f}H{WIDTH - 16}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{up(value) + 4:.1f}" text-anchor="end">{value:g}</text>')  # fmt: skip
    for value in _round_marks(*x_edge):
        out.append(
            f'<text x="{across(value):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:g}</text>'
        )
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>')
    turned = f'transform="translate(14 {HEIGHT / 2}) rotate(-90)"'
    out.append(f'<text {turned} text-anchor="middle">{escape(y_label)}</text>')
    for place, (name, (x, y)) in enumerate(known.items()):
        colour = COLOURS[place % len(COLOURS)]
        spots = list(zip(across(x).round(1), up(y).round(1), strict=True))
        if points:
            out += [f'<circle cx="{a}" cy="{b}" r="2.5" fill="{colour}"/>' for a, b in spots]
        else:
            out.append(
                f'<polyline fill="none" stroke="{colour}" points="{" ".join(f"{a},{b}" for a, b in spots)}"/>'
            )
        out.append(
            f'<text x="{WIDTH - 16}" y="{20 + 13 * place}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
        )
    Path(path).write_text("\n".join([*out, "</svg>"]) + "\n", encoding="utf-8")
