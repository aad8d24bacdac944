"""The report's figures as plotly dictionaries, thinned to what eyes can see.

Plain dictionaries instead of plotly's classes: the same JSON, without the seconds those classes take to load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tallrun.gait.asymmetry import asymmetry_pct
from tallrun.report.cycles import Cycle
from tallrun.report.earlier import EarlierBand
from tallrun.report.own import OwnSpan
from tallrun.report.palette import CUE_COLOUR, SIDE_COLOUR, SIDE_DASH, SIDE_LETTER, translucent

Figure = dict[str, Any]

#: Points per line; a page is about this many pixels wide.
MOST_POINTS = 420

_FONT = {"family": "system-ui, sans-serif", "size": 14}
_AXIS = {"gridcolor": "rgba(128,128,128,0.25)", "zeroline": False, "automargin": True}


def figure(traces: list[dict[str, Any]], title: str, height: int = 280, **layout: Any) -> Figure:
    """Return a figure with the common look."""
    base = {
        "title": {"text": title, "x": 0, "font": {"size": 16}},
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 44, "b": 44},
        "font": _FONT,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "y": 1.14, "x": 1, "xanchor": "right"},
        "hovermode": "x unified",
    }
    for name, axis in layout.items():
        if name.startswith(("xaxis", "yaxis")):
            axis = {**_AXIS, **axis}
            if "title" in axis:
                # a lone degree sign turned on its side reads as a dot
                if axis["title"].get("text") == "°":
                    axis["title"] = {"text": "degrees"}
                axis["title"] = {"font": {"size": 12}, "standoff": 4, **axis["title"]}
        base[name] = axis
    return {"data": traces, "layout": base}


#: Values further apart than this [s] are not joined by a line.
GAP_S = 10.0


def thin_series(
    t_s: np.ndarray, values: np.ndarray, most: int = MOST_POINTS
) -> tuple[list[float], list[Any]]:
    """Medians over equal spans of time, at most ``most`` of them; empty spans and NaN become gaps (None)."""
    known = np.isfinite(values) & np.isfinite(t_s)
    if not known.any():
        return [], []
    t_s, values = t_s[known], values[known]
    if t_s.size <= most:
        # a line must not run across a stretch without any value
        step_s = np.diff(t_s, append=t_s[-1])
        holes = np.flatnonzero(step_s > max(GAP_S, 5.0 * float(np.median(step_s))))
        t_s = np.insert(t_s, holes + 1, t_s[holes] + 0.5 * step_s[holes])
        values = np.insert(values, holes + 1, np.nan)
        return [float(item) for item in np.round(t_s / 60.0, 4)], rounded(values)
    edges = np.linspace(t_s[0], t_s[-1], most + 1)
    place = np.clip(np.searchsorted(edges, t_s, side="right") - 1, 0, most - 1)
    medians = pd.Series(values).groupby(place).median().reindex(range(most)).to_numpy()
    middle = 0.5 * (edges[:-1] + edges[1:])
    return [float(item) for item in np.round(middle / 60.0, 4)], rounded(medians)


def distribution(
    rows: pd.DataFrame,
    column: str,
    title: str,
    unit: str,
    factor: float = 1.0,
    own: Sequence[OwnSpan] = (),
) -> Figure | None:
    """Both feet's histograms over strides, the own band shaded; None when nothing is known."""
    known = factor * rows[column].to_numpy(dtype=np.float64)
    if np.isfinite(known).sum() < 5:
        return None
    low, high = np.nanpercentile(known, [0.5, 99.5])
    edges = np.linspace(low, high + 1e-9, 41)
    middle = 0.5 * (edges[:-1] + edges[1:])
    traces: list[dict[str, Any]] = []
    for foot in ("left", "right"):
        values = factor * rows.loc[rows["foot"] == foot, column].to_numpy(dtype=np.float64)
        values = values[np.isfinite(values)]
        if values.size < 5:
            continue
        share = 100.0 * np.histogram(values, edges)[0] / values.size
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{SIDE_LETTER[foot]} {foot}, middle {np.median(values):.3g} {unit}",
                "x": rounded(middle),
                "y": rounded(share),
                "line": {"color": SIDE_COLOUR[foot], "dash": SIDE_DASH[foot], "shape": "hvh"},
                "fill": "tozeroy",
                "fillcolor": translucent(SIDE_COLOUR[foot], 0.15),
            }
        )
    if not traces:
        return None
    bands = sorted({(factor * item.low, factor * item.high) for item in own})
    shapes = [
        {"type": "rect", "xref": "x", "yref": "paper", "x0": low_, "x1": high_, "y0": 0, "y1": 1,
         "fillcolor": translucent(CUE_COLOUR, 0.14), "line": {"width": 0}, "layer": "below"}
        for low_, high_ in bands
    ]  # fmt: skip
    notes = [
        {"x": low_, "y": 1, "xref": "x", "yref": "paper", "text": "your usual", "showarrow": False,
         "xanchor": "left", "yanchor": "top", "font": {"size": 12}}
        for low_, _ in bands[:1]
    ]  # fmt: skip
    return figure(
        traces,
        title,
        xaxis={"title": {"text": unit}},
        yaxis={"title": {"text": "% of strides"}},
        hovermode="closest",
        shapes=shapes,
        annotations=notes,
    )


def left_right(rows: pd.DataFrame) -> Figure | None:
    """Right against left as a share of their mean, with the middle half of neighbouring pairs."""
    names = (
        ("stance_time_s", "contact time"),
        ("flight_time_s", "flight time"),
        ("step_time_s", "step time"),
        ("stride_length_m", "stride length"),
        ("peak_impact_g", "peak impact"),
    )
    labels, values, low, high = [], [], [], []
    for column, label in names:
        left = rows.loc[rows["foot"] == "left", column].to_numpy(dtype=np.float64)
        right = rows.loc[rows["foot"] == "right", column].to_numpy(dtype=np.float64)
        pairs = min(left.size, right.size)
        if pairs < 10:
            continue
        index = asymmetry_pct(right[:pairs], left[:pairs])
        index = index[np.isfinite(index)]
        if index.size < 10:
            continue
        quarter, middle, three = np.percentile(index, [25, 50, 75])
        labels.append(label)
        values.append(float(middle))
        low.append(float(middle - quarter))
        high.append(float(three - middle))
    if not labels:
        return None
    bars: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "x": rounded(np.array(values)),
        "y": labels,
        "error_x": {"type": "data", "symmetric": False, "array": rounded(np.array(high)),
                    "arrayminus": rounded(np.array(low))},
        "marker": {"color": [SIDE_COLOUR["right" if value > 0 else "left"] for value in values]},
        "text": [f"{'R' if value > 0 else 'L'} {abs(value):.1f} %" for value in values],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }  # fmt: skip
    return figure(
        [bars],
        "Left against right: 200 (R − L)/(R + L)",
        height=90 + 44 * len(labels),
        xaxis={"title": {"text": "%   ◀ larger on L    larger on R ▶"}, "zeroline": True},
        yaxis={"autorange": "reversed"},
        hovermode="closest",
    )


def waveforms(cycles: Sequence[Cycle], signal: str, earlier: Sequence[EarlierBand] = ()) -> Figure | None:
    """Mean ± one standard deviation over the gait cycle with toe-off and its scatter, both feet.

    earlier : the runner's own band of earlier sessions at this speed. None when no foot has enough strides.
    """
    chosen = [item for item in cycles if item.signal == signal]
    if not chosen:
        return None
    percent = list(range(101))
    traces: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for band in (band for band in earlier if band.signal == signal):
        traces.append(
            {
                "type": "scatter",
                "x": percent + percent[::-1],
                "y": rounded(np.concatenate([band.mean + 2.0 * band.sd, (band.mean - 2.0 * band.sd)[::-1]])),
                "fill": "toself",
                "fillcolor": "rgba(27,127,92,0.16)",
                "line": {"width": 1, "color": CUE_COLOUR, "dash": SIDE_DASH[band.foot]},
                "hoverinfo": "skip",
                "name": f"{SIDE_LETTER[band.foot]} own earlier band, {band.n_sessions} sessions",
            }
        )
    for item in chosen:
        colour = SIDE_COLOUR[item.foot]
        if item.toe_off_pct is not None:
            at, scatter = item.toe_off_pct
            span = {"type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1}
            shapes += [
                span | {"x0": at - scatter, "x1": at + scatter, "fillcolor": translucent(colour, 0.16),
                        "line": {"width": 0}},
                span | {"type": "line", "x0": at, "x1": at,
                        "line": {"color": colour, "dash": SIDE_DASH[item.foot], "width": 1.5}},
            ]  # fmt: skip
            notes.append(
                {
                    "x": at, "xref": "x", "y": 1, "yref": "paper", "showarrow": False, "font": {"color": colour},
                    "text": f"{SIDE_LETTER[item.foot]} toe-off {at:.0f} ± {scatter:.1f} %", "xanchor": "left",
                    "yanchor": "top", "yshift": -16 * len(notes),
                }
            )  # fmt: skip
        upper, lower = item.mean + item.sd, item.mean - item.sd
        traces += [
            {
                "type": "scatter",
                "x": percent + percent[::-1],
                "y": rounded(np.concatenate([upper, lower[::-1]])),
                "fill": "toself",
                "fillcolor": translucent(colour, 0.16),
                "line": {"width": 0},
                "hoverinfo": "skip",
                "showlegend": False,
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": percent,
                "y": rounded(item.mean),
                "name": f"{SIDE_LETTER[item.foot]} {item.foot}, {item.n_strides} strides",
                "line": {"color": colour, "dash": SIDE_DASH[item.foot], "width": 2.5},
            },
        ]
    return figure(
        traces,
        f"{signal.capitalize()} over the gait cycle, mean ± 1 SD",
        xaxis={"title": {"text": "% of gait cycle, from initial contact"}, "range": [0, 100], "dtick": 10},
        yaxis={"title": {"text": chosen[0].unit}},
        shapes=shapes,
        annotations=notes,
    )


def foot_path(paths: dict[str, tuple[np.ndarray, np.ndarray]]) -> Figure | None:
    """Side view of the sensor's mean path over a stride; ``paths`` maps foot to (forward_m, up_m)."""
    traces = []
    for foot, (forward, up) in paths.items():
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": rounded(forward),
                "y": rounded(100.0 * up),
                "name": f"{SIDE_LETTER[foot]} {foot}",
                "line": {"color": SIDE_COLOUR[foot], "dash": SIDE_DASH[foot], "width": 2.5},
            }
        )
    if not traces:
        return None
    return figure(
        traces,
        "Foot path from the side, middle of all clean strides",
        xaxis={"title": {"text": "m forward from foot-flat"}},
        yaxis={"title": {"text": "cm up"}},
        hovermode="closest",
    )


def rounded(values: np.ndarray) -> list[float | None]:
    """Four significant digits are all a screen shows; NaN becomes a gap."""
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in np.asarray(values).tolist()]
