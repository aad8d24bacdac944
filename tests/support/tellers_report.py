"""What reports and comparisons say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from support.report_sources import RECORDINGS
from support.telling import NOW, Said, teller
from tallrun.gait.summary import DISTRIBUTIONS
from tallrun.insight.change import Change
from tallrun.report import compare_page, findings, goal, methods, sentences, tables, watch
from tallrun.report.drift import Drift
from tallrun.report.own import Against
from tallrun.report.tables import ASYMMETRY, METRIC_BY_KEY
from tallrun.report.told import TOLD_WORDS, ToldBeside, told_words
from tallrun.sessions import read_session

FLAG = {
    "flag": "low_cadence",
    "start_s": 10.0,
    "end_s": 70.0,
    "evidence": {
        "window_s": 60.0,
        "n_strides": 80,
        "value": 150.0,
        "reference": 165.0,
        "reference_kind": "population",
        "terms": [],
        "uncertainty": None,
    },
}


NONE = {"value": None, "reason": "low_quality"}


DISTRIBUTION = {"median": 165.0, "p05": 160.0, "p95": 170.0, "n": 400}


def summary(**more: Any) -> dict[str, Any]:
    """A whole summary of a run of ten minutes without a flag."""
    found: dict[str, Any] = {key: dict(DISTRIBUTION) for key in DISTRIBUTIONS}
    return (
        found
        | {
            "n_steps": 1600,
            "n_contacts": 1600,
            "run_time_s": 600.0,
            "walk_time_s": 60.0,
            "flags": [],
            "asymmetry_contact_pct": 1.2,
            "watch": None,
            "walking": found | {"asymmetry_contact_pct": NONE},
            "quality": {"valid_strides_pct": 99.0, "calibration": CALIBRATED},
        }
        | more
    )


CALIBRATED = {
    "is_calibrated": True,
    "gain_applied": 1.06,
    "gain_found": 1.05,
    "n_strides": 300,
    "reason": None,
}


def unknown_summary(**more: Any) -> dict[str, Any]:
    known = summary()
    return (
        {
            name: NONE if isinstance(value, dict) and "median" in value else value
            for name, value in known.items()
        }
        | {"walking": dict.fromkeys(known["walking"], NONE)}
        | {"asymmetry_contact_pct": NONE, "quality": {"valid_strides_pct": None, "calibration": CALIBRATED}}
        | more
    )


NOTHING = {"n_steps": 0, "n_contacts": 0, "run_time_s": 0.0, "walk_time_s": 0.0}


WATCH = {
    "duration_s": 700.0,
    "recorded_s": 690.0,
    "run_s": 600.0,
    "distance_m": 2000.0,
    "speed_mps": 2.9,
    "fastest_minute_mps": 3.1,
    "climb_m": 12.0,
    "heart_rate_bpm": 140.0,
    "max_heart_rate_bpm": 160.0,
    "measures": {"cadence_spm": DISTRIBUTION},
    "laps": [],
}


NO_WATCH = {name: None for name in WATCH} | {"duration_s": 0.0, "recorded_s": 0.0, "measures": {}, "laps": []}


def _source(found: dict[str, Any], sampled: bool = True, **more: Any) -> Any:
    sensors = {"foot_left": SimpleNamespace(t_s=SimpleNamespace(size=9 if sampled else 0))}
    recording = SimpleNamespace(sensors=sensors, info=more.pop("info", {}))
    given = {"cues": [], "pain": [], "goal": None, "told": ToldBeside()} | more
    return SimpleNamespace(
        tables=SimpleNamespace(summary=found, segments=[1] if sampled else []), recording=recording, **given
    )


@teller(r"stood out in|No flag was up|cues? came|^No cue|no goal$")
def report_sentences() -> Said:
    def told(source: Any) -> list[str]:
        words = [item.about(source) for item in sentences.SENTENCES.values()]
        for known in (True, False):
            head, more = sentences.stood_out(source, 0, known)
            words += [head, *more]
        return words

    coached = {sentences.KEY: {}}
    walk = unknown_summary(run_time_s=0.0, walk_time_s=600.0, walking=summary()["walking"])
    return {
        "holds": told(_source(summary(flags=[FLAG]), cues=[1], pain=[1], goal=1))
        + told(_source(summary(), cues=[1, 2]))
        + told(_source(summary(pelvic_tilt_deg=NONE))),
        "fails": told(_source(summary(), info=coached))
        + told(_source(summary(**NOTHING)))
        + told(_source(walk)),
        "unknown": told(_source(unknown_summary()))
        + told(_source(unknown_summary(watch=WATCH), sampled=False))
        + told(_source(unknown_summary(watch=NO_WATCH), sampled=False))
        + told(_source(unknown_summary(cadence_spm={}))),
        "empty": told(_source(unknown_summary(**NOTHING), sampled=False)),
        "contradictory": told(_source(summary(**NOTHING, flags=[FLAG]))),
    }


@teller()
def against_usual() -> Said:
    return {
        "holds": [
            sentences.usual_words(
                findings.unchanged_words([_against("cadence_spm", 160.0, "no real change")]), True, True
            )
        ],
        "fails": [sentences.usual_words("", True, True), sentences.usual_words("", True, True, "walk")],
        "unknown": [sentences.usual_words("", True, False)],
        "empty": [sentences.usual_words("", False, False), findings.unchanged_words([])],
        "contradictory": [sentences.usual_words("", False, True)],
    }


def _against(
    key: str, value: float, word: str = "real change", limit: float | None = 0.1, n: int = 5
) -> Against:
    return Against(
        METRIC_BY_KEY[key], 2.7, value, 1.0, (0.9, 1.1), limit, n, word, None if limit is None else "own"
    )


def _change(key: str, **more: Any) -> Change:
    return replace(Change(key, 1.0, 2.0, 1.0, 0.2, "real change", None, (0.8, 1.2), 6), **more)


def _found(
    flags: Iterable[dict[str, Any]] = (), against: Iterable[Against] = (), drift: Iterable[Change] = ()
) -> list[str]:
    shown = {**METRIC_BY_KEY, ASYMMETRY.key: ASYMMETRY}
    drifts = [Drift(shown[item.metric], item) for item in drift]
    return [
        text if text.endswith(".") else f"{text}."
        for one in (*([item] for item in flags), [])
        for part in (
            [(one, (), ())] if one else [((), [a], ()) for a in against] + [((), (), [d]) for d in drifts]
        )
        for item in findings.find(part[0], 600.0, part[1], part[2])
        for text in (item.sentence, item.detail, item.how_sure)
    ]


@teller(r"^You|usual|real change|first third")
def report_findings() -> Said:
    def flags(**evidence: Any) -> list[dict[str, Any]]:
        return [
            FLAG | {"flag": name, "evidence": FLAG["evidence"] | evidence} for name in findings._FLAG_METRIC
        ]  # type: ignore[operator]

    terms = ["foot_strike_angle", "foot_ahead", "braking", "cadence_deficit", "another_term"]
    own = {"reference_kind": "own_baseline", "uncertainty": 2.0}
    both = [_against(key, value) for key in findings._OWN_WORDS for value in (0.5, 2.0)]
    moved = [
        _change(key, difference=sign * 10.0)
        for key in (*findings._DRIFT_WORDS, ASYMMETRY.key)
        for sign in (1, -1)
    ]
    return {
        "holds": _found(
            [*flags(**own, terms=terms), *flags(terms=terms[:1]), *flags(value=-7.0)], both, moved
        ),
        "fails": _found(
            [],
            [replace(item, word="no real change") for item in both],
            [replace(item, word="no real change") for item in moved],
        ),
        "unknown": _found(
            [*flags(value=None, uncertainty=None), *flags(reference=float("nan"))],
            [replace(item, word="cannot tell", detectable=None) for item in both],
            [replace(item, word="cannot tell", detectable=None) for item in moved],
        ),
        "empty": _found(),
        "contradictory": _found(
            [*flags(reference_kind="own_baseline", uncertainty=0.0)],
            [_against("cadence_spm", 2.0, limit=None, n=1)],
            [_change("cadence_spm", difference=None), _change("cadence_spm", before=None)],
        ),
    }


@teller()
def answers_to_cues() -> Said:
    def told(**answer: Any) -> list[str]:
        return goal.cue_sentences([{"answer": answer}])

    known = {"before": 160.0, "after": 166.0, "in_band_share": 0.8, "n_strides": 20, "back_s": 9.0}
    values = [
        goal.cue_value({"value": value, "low": low, "high": 176.1}) + "."
        for value, low in ((164.0, 169.2), (168.6, 169.2), (180.0, None))
    ]
    return {
        "holds": [
            *told(**known),
            *told(**known | {"n_strides": 1}),
            *values,
        ],
        "fails": told(**known | {"in_band_share": 0.0, "back_s": None}),
        "unknown": [
            *told(before=160.0, after=166.0, in_band_share=0.8, n_strides=20),
            *told(**known | {"in_band_share": None}),
            *told(before=None, after=None),
        ],
        "empty": [
            *goal.cue_sentences([{"answer": None}]),
            *goal.cue_sentences([]),
        ],
        "contradictory": told(**known | {"before": None}),
    }


@teller()
def scale_of_lengths() -> Said:
    plain = CALIBRATED | {"is_calibrated": False, "gain_applied": 1.0}
    return {
        "holds": [
            tables.calibration_words(CALIBRATED),
            tables.calibration_words(CALIBRATED | {"n_strides": 1}),
            tables.belt_words(CALIBRATED | {"gain_found": 1.1, "is_at_bound": True}),
            tables.belt_words(CALIBRATED | {"gain_found": 1.03}),
        ],
        "fails": [
            tables.calibration_words(plain),
            tables.belt_words(CALIBRATED),
            tables.belt_words(CALIBRATED | {"gain_found": None}),
        ],
        "unknown": [tables.calibration_words(plain | {"gain_found": None, "reason": "low_quality"})],
        "empty": [tables.calibration_words(plain | {"gain_found": None, "reason": "no_belt"}, "walk")],
    }


@teller()
def told_beside() -> Said:
    return {
        "holds": [told_words(ToldBeside([(kind, 2)])) for kind in TOLD_WORDS],
        "empty": [told_words(ToldBeside())],
    }


@teller()
def methods_of_a_paper() -> Said:
    two, one = (read_session(RECORDINGS / name) for name in ("demo_treadmill", "one_foot"))
    bare = replace(one, sensors={name: replace(item, gyr_radps=None) for name, item in one.sensors.items()})
    return {
        "holds": [methods.methods_paragraph(two, 1.06)],
        "fails": [methods.methods_paragraph(two), methods.methods_paragraph(one, 1.0)],
        "unknown": [methods.methods_paragraph(bare)],
        "empty": [methods.methods_paragraph(replace(two, sensors={}))],
    }


def _compared(rows: Iterable[Change], **more: Any) -> Any:
    calibrations = (CALIBRATED, CALIBRATED | {"gain_found": 1.03})
    a, b = (
        SimpleNamespace(name=name, tables=SimpleNamespace(summary={"quality": {"calibration": found}}))
        for name, found in zip(("one", "two"), calibrations, strict=True)
    )
    a.gait = b.gait = "run"
    given = {
        "a": a,
        "b": b,
        "speed_mps": 2.8,
        "errors": {},
        "speed_range_mps": (2.7, 2.9),
        "seconds": (60.0, 61.0),
        "rows": tuple(rows),
        "unmatched": (),
        "n_tests": 0,
        "over_time": (),
        "error_from": "between days",
        "gait": "run",
    }
    return SimpleNamespace(**given | more)


@teller(r"known in both|changed by|^You|Nothing changed for certain\.$|[1-9]\d* of \d+ changed since")
def comparisons() -> Said:
    from tallrun.insight.between_days import DayError
    from tallrun.insight.over_time import OverTime

    def told(rows: Iterable[Change], **more: Any) -> list[str]:
        found = _compared(rows, **more)
        plain = [
            compare_page.plain_sentence(row, found.gait) for row in found.rows if row.word == "real change"
        ]
        rest = [compare_page.shown_row(row).why for row in found.rows]
        lines = [
            line for line in compare_page.text_lines(found) if not line.startswith(" ") and "  " not in line
        ]
        return [
            compare_page.summary_words(found),
            f"{compare_page.window_words(found)}.",
            *lines,
            *plain,
            *rest,
            *compare_page.error_sentences(found),
            compare_page.unmatched_words(found),
        ]

    of_walk = SimpleNamespace(summary={"quality": {"calibration": CALIBRATED}})
    walk = SimpleNamespace(name="one", tables=of_walk, gait="walk")
    both_feet = [_change("flight_time_s", difference=sign) for sign in (1.0, -1.0)]
    keys = [key for key in compare_page._PLAIN if key in METRIC_BY_KEY or key == ASYMMETRY.key]
    real = [_change(key, difference=sign) for key in keys for sign in (1.0, -1.0)]
    same = [replace(row, word="no real change", difference=0.01) for row in real]
    dim = [replace(row, word="cannot tell", reason="no_own_error") for row in real]
    thin = [replace(row, word="cannot tell", interval=None, n_pairs=n) for row in real for n in (1, 2)]
    blank = [
        replace(
            row,
            word="cannot tell",
            before=None,
            after=None,
            difference=None,
            detectable=None,
            interval=None,
            reason="low_quality",
        )
        for row in real
    ]
    at = (NOW - timedelta(days=20), NOW - timedelta(days=10), NOW)
    line = OverTime(
        "cadence_spm", at, (160.0, 162.0, 168.0), 160.0, 168.0, (4.0, 9.0), "real change", None, *at
    )
    errors = {kind: DayError("cadence_spm", 1.0, 9.0, kind) for kind in compare_page.ERROR_KINDS}  # type: ignore[arg-type]
    return {
        "holds": [
            *told(real, n_tests=4, errors=errors),
            *told(real[:1], n_tests=1),
            *told(both_feet, gait="walk"),
            *told([*real[:1], *same], over_time=(line,)),
        ],
        "fails": [
            *told(same),
            *told(same[:1]),
            *told([*same, *thin[:1]], over_time=(replace(line, word="no real change"),)),
        ],
        "unknown": [
            *told(dim),
            *told(dim[:1]),
            *told([*dim[:1], *same]),
            *told(thin),
            *told(blank),
            *told(dim, n_tests=3),
            *told([], unmatched=tuple(blank), speed_mps=None, speed_range_mps=None),
            *told([], speed_mps=None, speed_range_mps=None),
            *told([], speed_mps=None, speed_range_mps=None, a=walk),
            *told([], speed_mps=None, speed_range_mps=None, a=walk, b=walk, gait="walk"),
        ],
        "empty": told([]),
        "contradictory": told([*real[:1], *dim[:1], *blank[:1]], speed_mps=None, speed_range_mps=None),
    }


@teller()
def watch_reports() -> Said:
    def told(found: dict[str, Any]) -> list[str]:
        return [" ".join(part for part in row if part) + "." for row in watch.watch_rows(found)]

    return {
        "holds": [
            *told(WATCH),
            *told(WATCH | {"measures": {key: DISTRIBUTION for key, *_ in watch._STRIDE_NUMBERS}}),
        ],
        "fails": told(WATCH | {"run_s": 0.0, "distance_m": 0.0, "speed_mps": 0.0}),
        "unknown": told(NO_WATCH | {"duration_s": 600.0, "recorded_s": 600.0}),
        "empty": told(NO_WATCH),
        "contradictory": told(WATCH | {"recorded_s": 800.0, "run_s": 900.0}),
    }
