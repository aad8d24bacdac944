"""The messages of a live run to pages and terminal: numbers and short sentences. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tallrun.coaching import Part
from tallrun.pipeline.live_run import IntervalView, LiveView
from tallrun.recovery import Protocol
from tallrun.recovery.live import LiveAction
from tallrun.report.lengths import LengthUnit, distance_words, pace_words
from tallrun.words import clock, counted

LETTERS = {"foot_left": "L", "foot_right": "R", "pelvis": "P", "trunk": "T"}
NAMES = {"foot_left": "Left foot", "foot_right": "Right foot", "pelvis": "Pelvis", "trunk": "Trunk"}
#: Screening rules whose items end a run when one is tapped.
RED_FLAG_RULES = ("SC1", "SC2", "SC3", "SC4")

STOP_REASONS = {
    "LV1": "Your pain score was above 5.",
    "LV2": "You tapped a warning sign.",
    "LV3": "Your feet became uneven while pain was 4 or more.",
    "LV4": "Your feet became uneven while there was some pain, or no score came within a minute.",
    "LV5": "Your feet became uneven a second time.",
    "LV6": "Pain stayed at 4 or more after walking, or no score came within a minute.",
}
LIMPING_SAID = "You said you are limping."
#: What to do after a slip of the thumb: the stop itself stays, for nothing tells a slip from a second thought.
UNDO_SCORE = "Tapped by mistake? Correct the score on Today after the run."
UNDO_LIMPING = "Tapped by mistake? Stop here all the same. The record keeps the tap."
UNDO_RED_FLAG = "Tapped by mistake? Answer the screening questions on Today after the run."
#: A battery below this may not last the run.
LOW_BATTERY_PCT = 15.0
DOUBTS = {
    "sensor_disagrees": "{name}: its steps do not fit the other sensors'. Is it loose?",
    "sensor_silent": "{name}: it tells of fewer steps than the other sensors. Is it loose?",
    "belt_disagrees": "{name}: its speed does not fit the belt's. Is it loose?",
}
SILENCED = "Steps cannot be judged any more, so no cue will come. STOP, pain and limping work as before."
FAILED = "A part of tallrun failed ({part}). STOP, pain and limping work as before, and the run goes on being recorded."
RECORDER_FAILED = (
    "The recording failed: what comes from now on may not be kept. STOP, pain and limping work as before."
)
SCREEN_NEXT = "Answer the screening questions on Today now."
BLOCK_WORDS = {
    "learning": "learning your usual steps",
    "cued": "cues on",
    "uncued": "no cues",
    "probe": "on your own, target hidden",
}


PART_WORDS = {"warm_up": "WARM-UP WALK", "run": "RUN", "walk": "WALK", "cool_down": "COOL-DOWN WALK"}
PLAN_DONE = "Plan done"
PLAN_DONE_NEXT = "Walk on as you like, then tap STOP."
DONE_SAID = f"{PLAN_DONE}. {PLAN_DONE_NEXT}"
#: While pain or a check of the sensors comes first.
PARTS_WAIT = "The intervals wait."


@dataclass(frozen=True)
class SensorLight:
    """One sensor as the page shows it; None is unknown."""

    placement: str
    state: Literal["ok", "connecting", "lost"]
    received_pct: float | None = None
    battery_pct: float | None = None
    signal: str | None = None


def live_state(
    view: LiveView,
    protocol: Protocol,
    sensors: Sequence[SensorLight],
    now_s: float,
    phase: Literal["waiting", "running", "ended"],
    clock_s: float | None = None,
    *,
    run_id: str | None = None,
    held: Sequence[tuple[str, str, float]] = (),
    failures: Sequence[str] = (),
    heart_rate_bpm: float | None = None,
    length_unit: LengthUnit = "km",
) -> dict[str, Any]:
    """Return the ``state`` message.

    made_s in it is the session clock: the page tells by it how late a state came, for all its spans hold from then.

    clock_s : what the timer shows, ``now_s`` unless the run began later than the session.
    held : taps that can still be undone: id, kind, seconds left. failures : sentences on parts that failed.
    """
    cue = view.cue
    return {
        "type": "state",
        "run": run_id,
        "phase": phase,
        "made_s": round(now_s, 3),
        "run_s": round(now_s if clock_s is None else clock_s, 2),
        "cadence_spm": view.cadence_spm,
        "cadence_text": _cadence_text(view, phase),
        "band": list(view.band) if view.band is not None and _finite(view.band) else None,
        "belt_kmh": None if view.speed_mps is None else 3.6 * view.speed_mps,
        "incline_pct": view.incline_pct,
        "sensors": [
            {
                "placement": item.placement,
                "letter": LETTERS.get(item.placement, "?"),
                "name": NAMES.get(item.placement, item.placement),
                "state": item.state,
                "received_pct": item.received_pct,
                "battery_pct": None if item.battery_pct is None else round(item.battery_pct),
                "signal": item.signal,
                "is_low": _is_low(item),
            }
            for item in sensors
            if item.placement in LETTERS
        ],
        "so_far": _so_far(view, heart_rate_bpm, length_unit),
        "sentence": None if cue is None else cue.sentence,
        "block_text": _block_text(view),
        "interval": _interval(view, now_s),
        "cue": None
        if cue is None
        else {
            "id": cue.cue_id,
            "mode": cue.mode,
            "tempo_spm": cue.tempo_spm,
            "anchor_age_s": max(0.0, now_s - cue.anchor_s),
            "volume": cue.volume,
            "sentence": cue.sentence,
        },
        "held": [
            {"tap_id": tap_id, "kind": kind, "left_s": round(left_s, 1)} for tap_id, kind, left_s in held
        ],
        "notices": [
            *failures,
            *([SILENCED] if view.is_silenced else []),
            *_doubts(view),
            *_low_batteries(sensors),
        ],
        "question": _question(view),
        "stop": _stop(view, protocol),
        "red_flags": _red_flags(view, protocol),
    }


def after_state(
    saved: str,
    rows: Sequence[tuple[str, str]],
    lines: Sequence[str],
    next_question: str,
    report_url: str | None,
) -> dict[str, Any]:
    """Return the ``after`` message: numbers with their names, what is to be said, when the next questions come."""
    return {
        "type": "after",
        "saved": saved,
        "rows": [{"name": name, "value": value} for name, value in rows],
        "lines": list(lines),
        "next": next_question,
        "report_url": report_url,
    }


def _so_far(view: LiveView, heart_rate_bpm: float | None, unit: LengthUnit) -> list[str]:
    """Return the way run, pace and heart rate as far as they are known, each in words; nothing stands for unknown."""
    is_running = view.cadence_spm is not None and view.speed_mps is not None and view.speed_mps > 0.0
    return [
        *([] if view.run_m is None else [f"ran {distance_words(view.run_m, unit)}"]),
        *([pace_words(view.speed_mps, unit)] if is_running else []),
        *([] if heart_rate_bpm is None else [f"{heart_rate_bpm:.0f} beats/min"]),
    ]


def _is_low(light: SensorLight) -> bool:
    return light.battery_pct is not None and light.battery_pct < LOW_BATTERY_PCT


def _low_batteries(sensors: Sequence[SensorLight]) -> list[str]:
    return [
        f"{NAMES.get(item.placement, item.placement)}: battery {item.battery_pct:.0f} %. It may not last this run."
        for item in sensors
        if _is_low(item)
    ]


def _doubts(view: LiveView) -> list[str]:
    """Name each sensor that tells of other steps than the rest; why it does is not known, so it is a question."""
    return [
        DOUBTS.get(reason, DOUBTS["sensor_disagrees"]).format(name=NAMES.get(place, place))
        for place, reason in view.doubted_sensors
    ]


def _cadence_text(view: LiveView, phase: str) -> str:
    if view.cadence_spm is not None:
        return ""
    if view.is_silenced:
        return "your steps are not known"
    if phase != "running" or view.n_contacts == 0:
        return "waiting for your first steps"
    part = None if view.interval is None else view.interval.part
    if part is not None and part.kind != "run":
        return "only running steps are counted"
    return "learning how the sensors sit" if view.is_learning else "no running steps just now"


def _interval(view: LiveView, now_s: float) -> dict[str, Any] | None:
    """Return what now, how long, what next; None for a free run that goes on as it is, and after a stop."""
    walk = view.question if view.stop is None else None
    if walk is not None and walk.action == "WALK":
        return _walk(walk, view.interval is not None, now_s)
    return None if view.interval is None else _part(view.interval)


def _walk(asked: LiveAction, has_parts: bool, now_s: float) -> dict[str, Any]:
    """Return the walk that a rule asks for; it outranks whatever part goes on, and a free run has none."""
    left_s = None if asked.walk_s is None else round(max(0.0, asked.t_s + asked.walk_s - now_s), 2)
    return {
        "kind": "held", "now": "WALK", "say": asked.sentence, "left_s": left_s, "of": "", "is_last": False,
        "next": f"{asked.sentence} {PARTS_WAIT}" if has_parts else asked.sentence,
        "place": f"{asked.rule}-{asked.t_s:.1f}", "after": None, "splits": [], "n_splits": 0,
    }  # fmt: skip


def _part(view: IntervalView) -> dict[str, Any]:
    part = view.part
    is_held = view.is_held
    if part is None or view.left_s is None:
        told = {
            "kind": "done",
            "now": PLAN_DONE,
            "next": PLAN_DONE_NEXT,
            "say": DONE_SAID,
        }
    elif is_held:
        told = {"kind": "held", "now": "WALK", "next": PARTS_WAIT, "say": f"Walk. {PARTS_WAIT}"}
    else:
        told = {
            "kind": part.kind,
            "now": PART_WORDS[part.kind],
            "next": _next_words(view),
            "say": _say_part(part, view.is_last_run),
        }
    is_run = part is not None and part.kind == "run" and not is_held
    splits = view.splits_s
    return told | {
        "place": view.place,
        "left_s": None if is_held or view.left_s is None else round(view.left_s, 2),
        "of": f"{part.index} of {part.count}" if part is not None and is_run and part.count > 1 else "",
        "is_last": view.is_last_run and is_run,
        # what the page says by itself when this part ends, should the news of it come late
        "after": None if part is None or is_held else _after_part(view),
        "splits": [clock(item) for item in splits[-3:]] if splits else [],
        "n_splits": len(splits) if splits else 0,
    }


def _next_words(view: IntervalView) -> str:
    after = view.next
    if after is None:
        return "then you are done"
    length = clock(after.length_s)
    if after.kind == "run":
        return f"then run {length}"
    return f"then walk {length}"


def _after_part(view: IntervalView) -> dict[str, Any]:
    """Return which part comes next and how it is said; after the last one that the plan is done."""
    after = view.next
    if after is None:
        return {"place": None, "kind": "done", "say": DONE_SAID}
    return {
        "place": view.next_place,
        "kind": after.kind,
        "say": _say_part(after, view.is_next_last_run),
    }


def _say_part(part: Part, is_last_run: bool) -> str:
    """Return the sentence of a change, as it is spoken and as a screen reader gets it."""
    head = PART_WORDS[part.kind].capitalize()
    words = [head, _length_words(part.length_s)]
    if is_last_run:
        words.append("Last one")
    elif part.kind == "run" and part.count > 1:
        words.append(f"{part.index} of {part.count}")
    return ". ".join(words) + "."


def _length_words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    words = [counted(minutes, "minute")] if minutes else []
    words += [counted(rest, "second")] if rest or not minutes else []
    return " ".join(words)


def _block_text(view: LiveView) -> str:
    interval = view.interval
    if interval is not None and (interval.part is None or interval.part.kind != "run" or interval.is_held):
        return "No cues while you walk"
    if not view.can_cue:
        return "No cues in this run"
    if view.block_kind is None or view.block_left_s is None:
        return "No cues any more" if view.is_silenced else "Plan done: no more cues"
    left = max(0, round(view.block_left_s))
    words = BLOCK_WORDS[view.block_kind]
    return f"Block {view.block_number} of {view.n_blocks} · {words} · {left // 60}:{left % 60:02d} left"


def _question(view: LiveView) -> dict[str, Any] | None:
    action = view.question
    if action is None or view.stop is not None:
        return None
    if action.action == "ASK":
        return {"id": f"{action.rule}-{action.t_s:.1f}", "text": action.sentence}
    return None


def _red_flags(view: LiveView, protocol: Protocol) -> list[dict[str, str]]:
    """Return the warning signs that can be tapped: all, and after one only those more urgent than it."""
    told = view.referral_rule
    rules = RED_FLAG_RULES[: RED_FLAG_RULES.index(told)] if told in RED_FLAG_RULES else RED_FLAG_RULES
    return [{"id": item.id, "text": item.text} for item in protocol.screening.questions if item.rule in rules]


def _stop(view: LiveView, protocol: Protocol) -> dict[str, Any] | None:
    action = view.stop
    if action is None:
        return None
    rule = action.rule or ""
    is_said = rule == "LV3" and view.said_limping
    told = {
        "sentence": action.sentence,
        "reason": LIMPING_SAID if is_said else STOP_REASONS.get(rule, ""),
        "next": "",
        # LV5 comes from the steps alone: there was no tap
        "undo": UNDO_LIMPING if is_said else "" if rule == "LV5" else UNDO_SCORE,
        "rule": rule,
    }
    if action.action == "REFER":
        # The referral is what matters now; there is no screen to answer on this page.
        referral = protocol.screening.referrals.get(view.referral_rule or "")
        words = action.sentence if referral is None else referral.text
        first, _, rest = words.partition(". ")
        told["sentence"] = f"{first.rstrip('.')}."
        told["next"] = SCREEN_NEXT if referral is None else rest
        told["undo"] = UNDO_RED_FLAG
    return told


def _finite(band: tuple[float, float]) -> bool:
    return all(edge == edge for edge in band)
