"""Lines of commands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.report_sources import PROTOCOL
from support.tellers_report import FLAG, NO_WATCH, NOTHING, WATCH, summary, unknown_summary
from support.telling import NOW, Said, teller
from tallrun.cli.analyze import summary_lines, watch_lines
from tallrun.cli.clinic import _correction_lines, _replay_lines
from tallrun.cli.cohort import report_lines
from tallrun.cli.data import _receipt_lines
from tallrun.report import findings


@teller(
    r"No flag was up|^Flag .*(cadence|index|tilt|left) -?\d|"
    r"^(Clean strides|Foot-strike angle|Heart rate|Distance|Speed) \d"
)
def analyze_lines() -> Said:
    def tidy(lines: Iterable[str]) -> list[str]:
        return [" ".join(line.split()) for line in lines]

    flags = [FLAG | {"flag": name} for name in findings._FLAG_METRIC]
    none = [
        FLAG | {"flag": name, "evidence": FLAG["evidence"] | {"value": None}}
        for name in findings._FLAG_METRIC
    ]  # type: ignore[operator]
    watched = ("distance_m", "speed_mps", "heart_rate_bpm", "max_heart_rate_bpm")
    return {
        "holds": tidy([*summary_lines(summary(flags=flags)), *watch_lines(WATCH)]),
        "fails": tidy(
            [*summary_lines(summary()), *summary_lines(summary(quality={"valid_strides_pct": None}))]
        ),
        "unknown": tidy(
            [
                *summary_lines(unknown_summary()),
                *summary_lines(unknown_summary(flags=none)),
                *watch_lines(NO_WATCH),
                *watch_lines(WATCH | dict.fromkeys(watched)),
            ]
        ),
        "empty": tidy(summary_lines(unknown_summary(**NOTHING))),
        "contradictory": tidy(summary_lines(summary(**NOTHING, flags=[FLAG]))),
    }


@teller(r"the same cues|NOT the cues|corrected")
def replays() -> Said:
    def told(cues: int, stops: int, **more: Any) -> list[str]:
        cue = {
            "at_s": 61.0,
            "focus": "cadence",
            "direction": "up",
            "value": 150.0,
            "low": 160.0,
            "high": 166.0,
        }
        stop = {"at_s": 61.0, "action": "STOP", "rule": None, "sentence": PROTOCOL.texts.live["STOP"]}
        done = {
            "known": SimpleNamespace(is_recorded=True),
            "what_if": SimpleNamespace(is_empty=True),
            "same_cues": None,
        }
        lines = _replay_lines(SimpleNamespace(cues=[cue] * cues, stops=[stop] * stops, **done | more))
        return [" ".join(line.split()) for line in lines]

    def fixed(many: int, touched: int, **why: str) -> list[str]:
        return _correction_lines(SimpleNamespace(n_applied=many, n_changed=touched, not_applied=why))

    return {
        "holds": [*told(1, 1, same_cues=True), *told(2, 2, same_cues=True), *fixed(1, 1), *fixed(2, 3)],
        "fails": told(0, 0, same_cues=False),
        "unknown": told(
            0, 0, known=SimpleNamespace(is_recorded=False), what_if=SimpleNamespace(is_empty=False)
        ),
        "empty": fixed(0, 0),
        "contradictory": fixed(1, 0, one="there is no contact within 0.1 s"),
    }


@teller(r"removed|checked|rows|outside|ok,? [1-9]")
def receipts() -> Said:
    def told(**more: Any) -> list[str]:
        blank = {
            "erased_at": NOW.isoformat(),
            "scope": "runner me",
            "rows": {},
            "removed": [],
            "left": [],
            "verified": [],
        }
        return [" ".join(line.split()) for line in _receipt_lines(blank | more)]

    def cohort(**counts: int) -> list[str]:
        known = (
            dict.fromkeys(("sessions", "ok", "refused", "failed", "analysed_now", "beyond_limit"), 0) | counts
        )
        rows = {"strides.parquet": {"rows": counts.get("rows", 0)}}
        options = {"is_deidentified": bool(counts)}
        return report_lines({"counts": known, "took_s": 1.0, "options": options, "tables": rows}, Path("out"))  # type: ignore[arg-type]

    item = {"what": "session folder", "path": "x", "bytes": 1000}
    return {
        "holds": [
            *told(rows={"pain scores": 3}, removed=[item], verified=["a search found no trace"]),
            *cohort(sessions=9, ok=9, analysed_now=9, rows=900),
        ],
        "fails": [*told(left=[item | {"why": "it lies outside the data folder"}])],
        "unknown": [
            *told(left=[{"what": "file", "path": "x"}]),
            *cohort(sessions=1, failed=1, beyond_limit=1, rows=1),
        ],
        "empty": [*told(), *cohort()],
        "contradictory": told(removed=[item], left=[item]),
    }
