"""Figures over the run, all on one time axis: same range, same margins, zoomed together by the page's script.

``rows`` are the strides to draw: clean ones, of the gait the report is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from tallrun.gait.asymmetry import asymmetry_pct
from tallrun.numerics.recording import Recording
from tallrun.report.figures import MOST_POINTS, Figure, figure, rounded, thin_series
from tallrun.report.own import OwnSpan
from tallrun.report.palette import (
    CUE_COLOUR,
    FLAG_FILL,
    FLAG_NAME,
    NEUTRAL_COLOUR,
    PAIN_COLOUR,
    PELVIS_COLOUR,
    SIDE_COLOUR,
    SIDE_DASH,
    SIDE_LETTER,
    SIDE_SYMBOL,
    translucent,
)
from tallrun.report.stiffness import with_stiffness

ASYMMETRY_WINDOW_S = 30.0
LEAST_IN_WINDOW = 8


@dataclass(frozen=True)
class Marks:
    """What lies under every lane: the run's length, cues (start, end), pain (t_s, score), flags."""

    end_s: float
    cues: Sequence[tuple[float, float]] = ()
    cue_bands: Sequence[tuple[float, float, float, float]] = ()
    pain: Sequence[tuple[float, int]] = ()
    flags: Sequence[dict[str, Any]] = ()


def lane(
    traces: list[dict[str, Any]],
    title: str,
    unit: str,
    marks: Marks,
    shown_flags: Sequence[str] = (),
    shapes: Sequence[dict[str, Any]] = (),
    notes: Sequence[dict[str, Any]] = (),
    height: int = 240,
    **layout: Any,
) -> Figure:
    """Return one figure on the common time axis."""
    spans, names = flag_shapes(marks.flags, shown_flags)
    axis = {"title": {"text": "minutes"}, "range": [0, round(marks.end_s / 60.0, 3)]}
    made = figure(
        traces,
        title,
        height=height,
        xaxis=axis,
        yaxis={"title": {"text": unit}, "automargin": False},
        shapes=[*spans, *shapes],
        annotations=[*names, *notes],
        **layout,
    )
    made["layout"]["margin"] = {"l": 64, "r": 64, "t": 44, "b": 40}
    made["layout"]["meta"] = {"lane": True, "whole": axis["range"]}
    return made


def both_feet(
    rows: pd.DataFrame,
    column: str,
    title: str,
    unit: str,
    marks: Marks,
    factor: float = 1.0,
    shown_flags: Sequence[str] = (),
    own: Sequence[OwnSpan] = (),
) -> Figure | None:
    """One quantity of each foot over the run; None when nothing is known."""
    traces = []
    for foot in ("left", "right"):
        part = rows[rows["foot"] == foot]
        minutes, values = thin_series(
            part["initial_contact_s"].to_numpy(), factor * part[column].to_numpy(dtype=np.float64)
        )
        if minutes:
            traces.append(
                _line(minutes, values, f"{SIDE_LETTER[foot]} {foot}", SIDE_COLOUR[foot], unit, SIDE_DASH[foot],
                      SIDE_SYMBOL[foot])
            )  # fmt: skip
    if not traces:
        return None
    bands, names = _own_shapes(own, factor)
    return lane(traces, title, unit, marks, shown_flags, bands, names)


def cadence(rows: pd.DataFrame, marks: Marks, own: Sequence[OwnSpan] = ()) -> Figure | None:
    """Cadence with the coached band, cues, flags and the own band."""
    minutes, values = thin_series(
        rows["initial_contact_s"].to_numpy(), rows["cadence_spm"].to_numpy(dtype=np.float64)
    )
    if not minutes:
        return None
    traces = [_line(minutes, values, "both feet", NEUTRAL_COLOUR, "steps a minute")]
    shapes, notes = _own_shapes(own, 1.0)
    for start_s, end_s, low, high in marks.cue_bands:
        shapes.append(_rect(start_s, end_s, "y", low, high, translucent(CUE_COLOUR, 0.12), CUE_COLOUR))
        notes.append(_label(start_s, 0.2, f"cue: {low:.0f}–{high:.0f}"))
    for start_s, end_s in marks.cues:
        shapes.append(
            {"type": "line", "xref": "x", "yref": "paper", "x0": start_s / 60, "x1": end_s / 60, "y0": 0.01,
             "y1": 0.01, "line": {"color": CUE_COLOUR, "width": 6}}
        )  # fmt: skip
    return lane(traces, "Cadence, steps of both feet", "steps a minute", marks, ("low_cadence", "overstriding"), shapes,
                notes)  # fmt: skip


def speed_and_incline(recording: Recording, rows: pd.DataFrame, marks: Marks) -> Figure | None:
    """Measured speed, the belt's where there is one, and its incline on the right-hand axis."""
    minutes, values = thin_series(
        rows["initial_contact_s"].to_numpy(), 3.6 * rows["speed_mps"].to_numpy(dtype=np.float64)
    )
    traces = [_line(minutes, values, "from the feet", NEUTRAL_COLOUR, "km/h")] if minutes else []
    belt = recording.treadmill
    more: dict[str, Any] = {}
    if belt is not None and belt.t_s.size:
        at = np.append(belt.t_s, marks.end_s) / 60.0
        traces.append(
            _line([float(item) for item in np.round(at, 4)],
                  rounded(3.6 * np.append(belt.speed_mps, belt.speed_mps[-1])),
                  "belt", "#8A5300", "km/h", "dot", shape="hv")
        )  # fmt: skip
        if np.isfinite(belt.incline_pct).any() and np.nanmax(np.abs(belt.incline_pct)) > 0.05:
            incline = _line([float(item) for item in np.round(at, 4)],
                            rounded(np.append(belt.incline_pct, belt.incline_pct[-1])),
                            "incline (right axis)", PELVIS_COLOUR, "%", "dashdot", shape="hv")  # fmt: skip
            traces.append(incline | {"yaxis": "y2"})
            more["yaxis2"] = {
                "title": {"text": "incline, %"},
                "overlaying": "y",
                "side": "right",
                "showgrid": False,
            }
    return lane(traces, "Speed and incline", "km/h", marks, **more) if traces else None


def pain_lane(marks: Marks) -> Figure | None:
    """Pain scores over the run; None without any (unknown is not zero)."""
    if not marks.pain:
        return None
    points = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [round(at / 60.0, 4) for at, _ in marks.pain],
        "y": [score for _, score in marks.pain],
        "text": [str(score) for _, score in marks.pain],
        "textposition": "top center",
        "marker": {"color": PAIN_COLOUR, "size": 10, "symbol": "diamond"},
        "name": "pain, 0–10",
        "hovertemplate": "%{y} of 10",
    }
    made = lane([points], "Pain as entered", "0–10", marks, height=180)
    made["layout"]["yaxis"]["range"] = [-0.5, 11.5]
    return made


def pelvis(
    rows: pd.DataFrame,
    column: str,
    title: str,
    unit: str,
    marks: Marks,
    factor: float = 1.0,
    sigma: str | None = None,
    shown_flags: Sequence[str] = (),
    own: Sequence[OwnSpan] = (),
) -> Figure | None:
    """One quantity of the pelvis, with a ribbon of ± 2 of its own uncertainty where ``sigma`` names one."""
    at = rows["initial_contact_s"].to_numpy()
    values = factor * rows[column].to_numpy(dtype=np.float64)
    known = np.isfinite(values)
    minutes, middle = thin_series(at[known], values[known])
    if not minutes:
        return None
    traces: list[dict[str, Any]] = []
    if sigma is not None:
        width = 2.0 * factor * rows[sigma].to_numpy(dtype=np.float64)[known]
        if np.isfinite(width).any():
            traces += _ribbon(at[known], values[known], width)
    traces.append(_line(minutes, middle, title.split(",")[0], PELVIS_COLOUR, unit, symbol="triangle-up"))
    bands, names = _own_shapes(own, factor)
    return lane(traces, title, unit, marks, shown_flags, bands, names)


def asymmetry(rows: pd.DataFrame, marks: Marks, own: Sequence[OwnSpan] = ()) -> Figure | None:
    """Contact time, right against left, in windows of 30 s; None with one foot."""
    window = (rows["initial_contact_s"] // ASYMMETRY_WINDOW_S).astype(int)
    grouped = rows.groupby([window, "foot"])["stance_time_s"].agg(["median", "count"])
    middle = grouped["median"].where(grouped["count"] >= LEAST_IN_WINDOW).unstack("foot")
    if not {"left", "right"} <= set(middle.columns) or middle.dropna().empty:
        return None
    index = asymmetry_pct(middle["right"], middle["left"])
    minutes = [round((float(place) + 0.5) * ASYMMETRY_WINDOW_S / 60.0, 4) for place in index.index]
    line = _line(minutes, rounded(index.to_numpy(dtype=np.float64)), "R against L", NEUTRAL_COLOUR, "%")
    zero = {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": 0, "y1": 0,
            "line": {"color": NEUTRAL_COLOUR, "width": 1}}  # fmt: skip
    bands, names = _own_shapes(own, 1.0)
    return lane([line | {"mode": "lines+markers"}], "Contact time, right against left", "%   L ◂ longer ▸ R", marks,
                ("asymmetry",), [zero, *bands], names)  # fmt: skip


def stiffness(recording: Recording, rows: pd.DataFrame, marks: Marks) -> tuple[Figure | None, str | None]:
    """Vertical and leg stiffness of the spring-mass model, and the reason code when it is withheld."""
    runner = recording.runner
    if runner.mass_kg is None:
        return None, "no_body_mass"
    rows = with_stiffness(rows, runner)
    at = rows["initial_contact_s"].to_numpy()
    traces = []
    for name, values, colour, dash in (
        ("vertical", rows["vertical_stiffness_npm"], NEUTRAL_COLOUR, "solid"),
        ("leg", rows["leg_stiffness_npm"], PELVIS_COLOUR, "dash"),
    ):
        minutes, shown = thin_series(at, values.to_numpy() / 1000.0)
        if minutes:
            traces.append(_line(minutes, shown, name, colour, "kN/m", dash))
    if not traces:
        n_feet = sum(name.startswith("foot_") for name in recording.sensors)
        return None, ("no_feet", "one_foot", "too_few_strides")[min(n_feet, 2)]
    return lane(traces, "Stiffness, spring-mass model", "kN/m", marks), None


def flag_shapes(
    flags: Sequence[dict[str, Any]], shown: Sequence[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the shaded spans of flags and their names."""
    chosen = [item for item in flags if item["flag"] in shown]
    spans = [
        _rect(item["start_s"], item["end_s"], "paper", 0, 1, FLAG_FILL[item["flag"]], NEUTRAL_COLOUR)
        for item in chosen
    ]
    rows = {name: place for place, name in enumerate(dict.fromkeys(item["flag"] for item in chosen))}
    names = [
        _label(item["start_s"], 1, FLAG_NAME[item["flag"]]) | {"yshift": -14 * rows[item["flag"]]}
        for item in chosen
    ]
    return spans, names


def _own_shapes(own: Sequence[OwnSpan], factor: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shapes = [
        _rect(
            item.start_s,
            item.end_s,
            "y",
            factor * item.low,
            factor * item.high,
            translucent(CUE_COLOUR, 0.14),
            None,
        )
        for item in own
    ]
    first = [_label(own[0].start_s, factor * own[0].high, "your usual", yref="y")] if own else []
    return shapes, first


def _rect(
    start_s: float, end_s: float, yref: str, low: float, high: float, fill: str, edge: str | None
) -> dict[str, Any]:
    line = {"width": 1, "dash": "dot", "color": edge} if edge else {"width": 0}
    return {"type": "rect", "xref": "x", "yref": yref, "x0": start_s / 60.0, "x1": end_s / 60.0, "y0": low, "y1": high,
            "fillcolor": fill, "line": line, "layer": "below"}  # fmt: skip


def _label(at_s: float, y: float, text: str, yref: str = "paper", anchor: str = "top") -> dict[str, Any]:
    return {"x": at_s / 60.0, "y": y, "xref": "x", "yref": yref, "text": text, "showarrow": False, "xanchor": "left",
            "yanchor": anchor, "font": {"size": 12}}  # fmt: skip


def _line(
    minutes: list[float],
    values: list[Any],
    name: str,
    colour: str,
    unit: str,
    dash: str = "solid",
    symbol: str = "circle",
    shape: str = "linear",
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(minutes) < 60 and shape == "linear" else "lines",
        "name": name,
        "x": minutes,
        "y": values,
        "line": {"color": colour, "dash": dash, "width": 2, "shape": shape},
        "marker": {"symbol": symbol, "size": 5},
        "hovertemplate": "%{y:.4g} " + unit,
    }


def _ribbon(at_s: np.ndarray, values: np.ndarray, width: np.ndarray) -> list[dict[str, Any]]:
    minutes, upper = thin_series(at_s, values + width, MOST_POINTS // 2)
    _, lower = thin_series(at_s, values - width, MOST_POINTS // 2)
    known = [(x, low, high) for x, low, high in zip(minutes, lower, upper, strict=True) if low is not None]
    if len(known) < 2:
        return []
    # the ribbon breaks where the values do, so that it never spans a stretch without any
    gap = 3.0 * float(np.median(np.diff([item[0] for item in known]))) + 1e-6
    parts: list[list[tuple[float, Any, Any]]] = [[known[0]]]
    for before, item in pairwise(known):
        if item[0] - before[0] > gap:
            parts.append([])
        parts[-1].append(item)
    out = []
    for place, part in enumerate(parts):
        x, low, high = (list(item) for item in zip(*part, strict=True))
        out.append(
            {"type": "scatter", "x": x + x[::-1], "y": high + low[::-1], "fill": "toself", "line": {"width": 0},
             "fillcolor": translucent(PELVIS_COLOUR, 0.16), "hoverinfo": "skip", "mode": "lines",
             "name": "± 2 of its uncertainty", "showlegend": place == 0}
        )  # fmt: skip
    return out
