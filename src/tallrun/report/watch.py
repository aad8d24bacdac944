"""What a report tells of a run that a watch recorded: its numbers in words, its laps, and what it cannot know."""

from __future__ import annotations

from typing import Any

from tallrun.numerics.recording import Recording
from tallrun.report.lengths import METRES, LengthUnit, distance_words, pace_words
from tallrun.words import clock

#: A watch sees neither foot by itself, so these are never told of its run.
MISSING = (
    "A watch recorded this run, no sensor on foot or pelvis. Not known, and so not judged: each foot by itself, how "
    "the foot lands, where it lands, the tilt of the pelvis, and every flag."
)
_STRIDE_NUMBERS = (
    ("cadence_spm", "Cadence", 1.0, 0, "steps/min"),
    ("stride_length_m", "Stride length", 1.0, 2, "m"),
    ("stance_time_s", "Ground contact", 1000.0, 0, "ms"),
    ("vertical_oscillation_m", "Bounce", 100.0, 1, "cm"),
)


def is_of_watch_only(recording: Recording, summary: dict[str, Any]) -> bool:
    """Whether all that is known of a run is what a watch recorded."""
    has_samples = any(item.t_s.size for item in recording.sensors.values())
    return summary.get("watch") is not None and not has_samples


def watch_rows(watch: dict[str, Any], unit: LengthUnit = "km") -> list[tuple[str, str, str]]:
    """Return (what, number with unit, remark) of a watch's summary; what it did not record says so."""
    speed_mps, fastest_mps = watch["speed_mps"], watch["fastest_minute_mps"]
    ran = (
        "running not told from walking"
        if watch["run_s"] is None
        else f"{_clock(watch['run_s'])} of it running"
    )
    paused_s = watch["duration_s"] - watch["recorded_s"]
    if paused_s >= 1.0:
        ran += f", {_clock(paused_s)} paused"
    highest = watch["max_heart_rate_bpm"]
    rows = [
        ("Time", _clock(watch["recorded_s"]), ran),
        ("Distance", _or_not(watch["distance_m"], lambda m: distance_words(m, unit)), ""),
        (
            "Pace",
            _or_not(speed_mps, lambda mps: pace_words(mps, unit)),
            "" if not fastest_mps else f"fastest minute {pace_words(fastest_mps, unit)}",
        ),
    ]
    for key, label, factor, digits, of in _STRIDE_NUMBERS:
        found = watch["measures"].get(key)
        if found is not None:
            low, middle, high = (factor * found[name] for name in ("p05", "median", "p95"))
            rows.append((label, f"{middle:.{digits}f} {of}", f"{low:.{digits}f} to {high:.{digits}f}"))
        elif key == "cadence_spm":
            rows.append((label, "not recorded", ""))
    rows += [
        (
            "Heart rate",
            _or_not(watch["heart_rate_bpm"], lambda bpm: f"{bpm:.0f} beats/min"),
            "" if highest is None else f"highest {highest:.0f}",
        ),
        ("Climb", _or_not(watch["climb_m"], lambda m: f"{m:.0f} m"), ""),
    ]
    return rows


def lap_rows(watch: dict[str, Any], unit: LengthUnit = "km") -> list[list[str]]:
    """Return number, time, way, pace, cadence and heart rate of each lap; "–" where it does not say."""
    rows = []
    for number, lap in enumerate(watch["laps"], 1):
        seconds, metres = lap.get("duration_s"), lap.get("distance_m")
        rows.append(
            [
                str(number),
                "–" if seconds is None else _clock(seconds),
                "–" if metres is None else f"{metres / METRES[unit]:.2f}",
                pace_words(metres / seconds, unit) if metres and seconds else "–",
                *(
                    "–" if lap.get(key) is None else f"{lap[key]:.0f}"
                    for key in ("cadence_spm", "heart_rate_bpm")
                ),
            ]
        )
    return rows


def _or_not(value: float | None, words: Any) -> str:
    return "not recorded" if value is None else str(words(value))


def _clock(seconds: float) -> str:
    words = clock(seconds)
    return f"{words} {'h' if words.count(':') > 1 else 'min'}"
