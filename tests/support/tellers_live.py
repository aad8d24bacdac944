"""What a run says while it goes on, before it and at its end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from support.report_sources import PROTOCOL
from support.tellers_recovery import histories
from support.telling import Said, teller
from tallrun.coaching.coach import PHRASES
from tallrun.coaching.intervals import Part
from tallrun.coaching.ledger import CueStart, ProbeResult
from tallrun.live import end, setup, state
from tallrun.pipeline.live_run import IntervalView, LiveView
from tallrun.recovery import verdict
from tallrun.recovery.live import LiveAction
from tallrun.recovery.verdicts import Verdict


def _view(**more: Any) -> LiveView:
    blank = LiveView(None, None, None, None, None, None, None, 1, None, False, None, None, None, 0)
    return replace(blank, **more)


def _shown(
    view: LiveView, phase: Any = "running", sensors: Iterable[Any] = (), failures: Iterable[str] = ()
) -> list[str]:
    """Every word of a message to the page."""
    found = state.live_state(view, PROTOCOL, list(sensors), 5.0, phase, failures=list(failures))
    stop, part, question = found["stop"] or {}, found["interval"] or {}, found["question"] or {}
    return [
        found["cadence_text"],
        found["block_text"],
        found["sentence"] or "",
        *found["notices"],
        *(str(stop.get(key, "")) for key in ("sentence", "reason", "next", "undo")),
        *(str(part.get(key, "")) for key in ("now", "next", "say", "of")),
        str(question.get("text", "")),
        *(item["text"] for item in found["red_flags"]),
        *(item["name"] for item in found["sensors"]),
    ]


@teller(
    r"uneven|you said|battery|block \d|quick|\btall\b|buckle|then (run|walk)|\bpain (score )?(was|stayed)"
)
def live_words() -> Said:
    live = PROTOCOL.texts.live
    stops = [
        _view(
            stop=LiveAction(1.0, action, rule, "RED", live[action]),
            said_limping=limps,
            referral_rule=referral,
        )
        for action, referral in (("STOP", None), ("REFER", "SC1"), ("REFER", None))
        for limps in (True, False)
        for rule in (*state.STOP_REASONS, None)
    ]
    asks = [
        _view(question=LiveAction(1.0, "ASK", rule, None, text))
        for rule in ("LV4", "LV6")
        for text in live.values()
    ]
    cues = [
        _view(
            cue=CueStart(
                1, 1.0, focus, "voice", way, 1.0, 2.0, 3.0, 160.0, 1.0, 0.5, PHRASES[focus][way], 0.4
            ),
            cadence_spm=160.0,
            block_kind=block,
            block_number=1,
            n_blocks=3,
            block_left_s=left,
        )
        for focus in ("cadence", "tall", "tilt")
        for way in ("up", "down")
        for block, left in (("learning", 0.4), ("cued", 59.6), ("uncued", 61.0), ("probe", 3600.0))
    ]
    parts = [
        Part("warm_up", 0.0, 300.0),
        Part("run", 300.0, 360.0, 1, 2),
        Part("walk", 360.0, 361.0, 1, 2),
        Part("run", 361.0, 900.0, 2, 2),
        Part("cool_down", 900.0, 990.0),
    ]
    spans = [
        _view(
            interval=IntervalView(part, place, 3.0, after, part.index == 2, held, splits),
            block_kind="cued",
            block_number=1,
            block_left_s=1.0,
        )
        for place, (part, after) in enumerate(zip(parts, [*parts[1:], None], strict=True))
        for held in (True, False)
        for splits in (None, (), (300.0, 301.0))
    ]
    over = _view(interval=IntervalView(None, None, None, None, False, False, None))
    lights = [
        state.SensorLight(place, "ok", 99.0, pct)
        for place in ("foot_left", "pelvis", "trunk")
        for pct in (14.4, 90.0)
    ]
    dark = [state.SensorLight(place, "lost") for place in ("foot_left", "foot_right", "unheard_of")]
    doubts = tuple(
        (place, reason) for place in ("foot_left", "foot_right") for reason in (*state.DOUBTS, "another")
    )
    return {
        "holds": [
            text for view in (*stops, *asks, *cues, *spans, over) for text in _shown(view, sensors=lights)
        ],
        "fails": [
            *_shown(_view(cadence_spm=160.0, n_contacts=9)),
            *_shown(_view(can_cue=False, block_kind="cued")),
        ],
        "unknown": [
            text
            for view in (
                _view(n_contacts=4),
                _view(n_contacts=4, is_learning=True),
                _view(doubted_sensors=doubts, is_silenced=True),
            )
            for text in _shown(
                view, sensors=dark, failures=[state.FAILED.format(part="gait"), state.RECORDER_FAILED]
            )
        ],
        "empty": [text for phase in ("waiting", "running", "ended") for text in _shown(_view(), phase)],
        "contradictory": _shown(
            _view(stop=stops[0].stop, cue=cues[0].cue, is_silenced=True, interval=spans[0].interval)
        ),
    }


def _raw(**more: Any) -> Any:
    share = None if "n_judged" in more or "has_target" in more else 0.9
    run = {
        "safety_events": [],
        "is_silenced": False,
        "has_target": True,
        "n_judged": 100,
        "n_in_band": 60,
        "schedule": None,
        "splits_s": None,
        "coach_events": [ProbeResult(600.0, 570.0, 600.0, 28.0, 40, share, 2.7)],
        "gait": SimpleNamespace(end_s=600.0),
    }
    plan = {"focus": "cadence", "plan": SimpleNamespace(cued_s=300.0), "intervals": (), "rung": None}
    return SimpleNamespace(
        run=SimpleNamespace(**{name: more.pop(name, value) for name, value in run.items()}),
        setup=SimpleNamespace(**{name: more.pop(name, value) for name, value in plan.items()}),
    )


@teller(r"in your band|of strides|you ran|rule")
def end_of_a_run() -> Said:
    def told(cadence: float | None, cues: list[dict[str, Any]], **more: Any) -> list[str]:
        known = SimpleNamespace(summary={"run_time_s": 600.0, "cadence_spm": {"median": cadence}})
        raw = _raw(**more)
        probe = [f"{name}: {words}." for name, words in end._probe_rows(raw)]  # type: ignore[arg-type]
        return [
            *end.after_lines(known, cues, raw),
            end._band_words(raw) + ".",
            end._cue_words(cues) + ".",
            *probe,
        ]  # type: ignore[arg-type]

    answer = {"answer": {"in_band_share": 0.6, "n_strides": 20}}
    walked = {"run_time_s": 0.0, "walk_time_s": 600.0, "walking": {"cadence_spm": {"median": 110.0}}}
    stop = SimpleNamespace(action=LiveAction(1.0, "STOP", "LV1", "RED", PROTOCOL.texts.live["STOP"]))
    return {
        "holds": [
            *told(165.0, [answer]),
            *told(165.0, [answer, answer]),
            *told(165.0, [], safety_events=[stop]),
            *end.after_lines(SimpleNamespace(summary=walked), [], _raw(rung="V0")),  # type: ignore[arg-type]
        ],
        "fails": [
            *told(165.0, []),
            *told(165.0, [], focus=None),
            *told(165.0, [], focus="tall"),
            *told(165.0, [], plan=SimpleNamespace(cued_s=0.0)),
        ],
        "unknown": [
            *told(None, [{"answer": None}], n_judged=0),
            *told(None, [], n_judged=3),
            *told(None, [], has_target=False, n_judged=0),
            *told(None, [], has_target=False, focus="tall"),
            *told(None, [], is_silenced=True, n_judged=0),
            *end.after_lines(None, [], _raw(n_judged=0)),
            *end.after_lines(None, [], _raw(rung="V0")),
        ],
        "empty": end.after_lines(None, [], _raw(n_judged=0, n_in_band=0)),
        "contradictory": told(
            None, [answer | {"answer": {"in_band_share": None, "n_strides": 0}}], n_judged=0
        ),
    }


@teller()
def plan_of_a_run() -> Said:
    def told(found: Verdict, focus: str | None, is_walk: bool = False, **decided: Any) -> list[str]:
        decision = SimpleNamespace(
            **(
                {"step": "cadence", "rule": "GT1", "sentence": next(iter(PROTOCOL.texts.gait.values()))}
                | decided
            )
        )
        plan = SimpleNamespace(
            protocol=PROTOCOL,
            verdict=found,
            decision=decision,
            may_cue=found.state == "RUN",
            forbids_running=found.state in ("REFER", "CLINICIAN", "REST48"),
            focus=decision.step,
        )
        return setup.plan_lines(plan, focus, is_walk)  # type: ignore[arg-type]

    found = [verdict(PROTOCOL, history, None, now, plan) for history, now, plan in histories()]
    runs = [replace(item, state="RUN", rung="V4") for item in found[:2]]
    first, run, walk = (
        Part("warm_up", 0.0, 300.0),
        Part("run", 300.0, 420.0, 1, 1),
        Part("walk", 420.0, 480.0, 1, 1),
    )
    last = Part("cool_down", 480.0, 780.0)
    return {
        "holds": [text for item in runs for focus in (None, "tall", "none") for text in told(item, focus)]
        + setup.part_lines((first, run, walk, last))
        + setup.part_lines((first, run, last))
        + setup.part_lines((first,)),
        "fails": [
            text
            for item in found
            if item.state != "RUN"
            for focus in (None, "cadence")
            for is_walk in (False, True)
            for text in told(item, focus, is_walk)
        ],
        "empty": setup.part_lines(()),
    }
