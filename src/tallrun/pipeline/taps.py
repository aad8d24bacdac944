"""What a person (or the radio) tells during a run, as data on the time line and as markers of the recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tallrun.numerics.recording import Marker

TapKind = Literal[
    "pain",
    "limping",
    "red_flag",
    "stop",
    "held",
    "released",
    "sensor_lost",
    "sensor_back",
    "skip",
    "repeat",
    "end_early",
]

_NOTES: dict[TapKind, str] = {
    "limping": "limping",
    "sensor_lost": "sensor lost",
    "sensor_back": "sensors back",
}
_RED_FLAG = "red flag: "
#: Notes that begin like this, and the tap whose ``item`` follows.
_STARTS: dict[TapKind, str] = {
    "held": "held: ",
    "released": "released: ",
    "skip": "intervals, skipped: ",
    "repeat": "intervals, again: ",
    "end_early": "intervals, ended early: ",
}
#: Text of the marker that ends every live session.
END_TEXT = "end"
_RUNNER_STOP = "stopped by the runner"


@dataclass(frozen=True)
class Tap:
    """One tap, or news of the sensors (LV7).

    ``score`` belongs to ``pain``; ``item`` names the screening question of ``red_flag``.
    ``held``: a tap that can be undone for some seconds has come; cues stop at once, the rules wait. ``released``: its
    time is over, because it was taken back or because it now acts. ``item`` says which tap it was.
    ``skip``, ``repeat``, ``end_early``: of the intervals; ``item`` is the place of the part that was meant, from 0, so
    that a tap that comes late never meets another part.
    """

    kind: TapKind
    score: int | None = None
    item: str = ""


def tap_marker(t_s: float, tap: Tap) -> Marker:
    """Return the marker that keeps a tap in the record."""
    if tap.kind == "pain":
        return Marker(t_s, "pain", str(tap.score))
    if tap.kind == "stop":
        return Marker(t_s, "stop", _RUNNER_STOP)
    if tap.kind in _STARTS:
        return Marker(t_s, "note", f"{_STARTS[tap.kind]}{tap.item}")
    return Marker(t_s, "note", _NOTES.get(tap.kind, f"{_RED_FLAG}{tap.item}"))


def marker_tap(marker: Marker) -> Tap | None:
    """Return the tap a marker stands for, or None when it is something else (also: pain text out of 0-10)."""
    if marker.kind == "pain":
        whole = marker.text.isascii() and marker.text.isdigit() and int(marker.text) <= 10
        return Tap("pain", int(marker.text)) if whole else None
    if marker.kind == "stop":
        return Tap("stop") if marker.text == _RUNNER_STOP else None
    if marker.kind != "note":
        return None
    for kind, text in _NOTES.items():
        if marker.text == text:
            return Tap(kind)
    for kind, start in _STARTS.items():
        if marker.text.startswith(start):
            return Tap(kind, item=marker.text.removeprefix(start))
    if marker.text.startswith(_RED_FLAG):
        return Tap("red_flag", item=marker.text.removeprefix(_RED_FLAG))
    return None
