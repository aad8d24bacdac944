"""Pain, gait and load on one time line, and what stands out: a pattern, not a cause."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from tallrun.insight.crossing import CrossRow, cross, flag_minutes, row_of
from tallrun.insight.exposure import exposure_of_run, load_by_day
from tallrun.insight.pain import pain_after, unmasked_mornings
from tallrun.insight.trends import morning_trend
from tallrun.journal.desk import Records
from tallrun.journal.offers import SAME_RUN_KEY
from tallrun.recovery.timeline import Clock, Timeline
from tallrun.report.ran import ran_of

#: Gait medians of a session that are put beside pain, in the order they are offered.
GAIT_COLUMNS = (
    "cadence_spm", "stance_time_s", "foot_strike_angle_deg", "pelvic_tilt_deg", "asymmetry_contact_pct",
)  # fmt: skip
LAG_WORDS = {"same_day": "the same day", "next_morning": "the next morning", "h48": "at 48 hours"}


def course(mine: Records, days: int = 56) -> dict[str, Any]:
    """Return sessions with load, gait and the pain that followed, mornings, load by day, trends and patterns.

    Unknown is null. ``patterns`` looks at the whole history, the rest at the last ``days`` local dates.
    """
    protocol, zone = mine.protocol, mine.zone
    clock = Clock(zone.key, protocol.windows.day_starts_hour)
    today = clock.day(mine.now.timestamp())
    history = mine.store.history(mine.runner_id, mine.now)
    profile = mine.store.profile(mine.runner_id)
    # A watch that saw a run of the record stands in where that has no session of its own.
    indexed = mine.store.sessions(mine.runner_id)
    summaries = {
        str(row.context[SAME_RUN_KEY]): row.summary for row in indexed if row.context.get(SAME_RUN_KEY)
    }
    watches = {run_id: summary.get("watch") or {} for run_id, summary in summaries.items()}
    summaries |= {row.session_id: row.summary for row in indexed}
    pains = {item.session_id: item for item in pain_after(protocol, history, mine.now)}
    sessions: list[dict[str, Any]] = []
    rows: list[CrossRow] = []
    loads: list[tuple[date, float | None]] = []
    for run in sorted(history.sessions, key=lambda item: item.started_at):
        pain = pains.get(run.session_id)
        if pain is None:
            continue
        exposure = exposure_of_run(run, profile.fast_speed_mps)
        gait = gait_medians(summaries.get(run.session_id) or {})
        flagged = flag_minutes(summaries.get(run.session_id) or {})
        rows.append(row_of(exposure, gait, pain.lags, flagged))
        watch = summaries.get(run.session_id, {}).get("watch") or watches.get(run.session_id) or {}
        known = ran_of(summaries.get(run.session_id) or {})
        day = clock.day(run.started_at.timestamp())
        loads.append((date.fromordinal(day), exposure.load))
        if day <= today - days:
            continue
        sessions.append(
            {
                "session_id": run.session_id, "started_at": run.started_at, "minutes": run.minutes,
                "run_minutes": exposure.run_minutes, "distance_m": exposure.distance_m,
                "session_rpe": run.session_rpe, "load": exposure.load, "rung": run.rung,
                "surface": run.surface, "grade": pain.grade, "rule": pain.rule, "baseline": pain.baseline,
                "pain": pain.windows, "gait": gait, "reasons": dict(exposure.reasons),
                "heart_rate_bpm": _first(known.heart_rate_bpm, watch.get("heart_rate_bpm")),
                "climb_m": _first(known.climb_m, watch.get("climb_m")),
                "is_recorded": run.session_id in summaries,
            }
        )  # fmt: skip
    mornings = unmasked_mornings(protocol, history, mine.now, days=days)
    numbered = [(day.toordinal(), score) for day, score in mornings]
    weekly = morning_trend(protocol, numbered, today)
    longer = morning_trend(protocol, numbered, today, days=28)
    first = date.fromordinal(today - days + 1)
    return {
        "from_date": first,
        "until_date": date.fromordinal(today),
        "sessions": sessions,
        "mornings": [{"date": day, "score": score} for day, score in mornings],
        "load_by_day": [
            asdict(item) for item in load_by_day(loads, date.fromordinal(today)) if item.day >= first
        ],
        "trends": [weekly.sentence, longer.sentence],
        "patterns": [
            {
                "lag": lag.lag, "lag_text": LAG_WORDS[lag.lag], "n_sessions": lag.n_sessions,
                "sentence": lag.sentence, "estimates": [asdict(item) for item in lag.estimates],
            }
            for lag in cross(rows)
        ],
        "green_limit": protocol.pain.green_limit,
        "stop_above": protocol.pain.stop_above,
    }  # fmt: skip


def _first(*values: float | None) -> float | None:
    return next((item for item in values if item is not None), None)


def gait_medians(summary: dict[str, Any]) -> dict[str, float | None]:
    """Return the session's medians by ``GAIT_COLUMNS``, a watch's where sensors say nothing; None where unknown."""
    found: dict[str, float | None] = {}
    for name in GAIT_COLUMNS:
        value = summary.get(name)
        if value is None or (isinstance(value, dict) and value.get("median") is None):
            value = ((summary.get("watch") or {}).get("measures") or {}).get(name)
        if isinstance(value, dict):
            value = value.get("median")
        found[name] = float(value) if isinstance(value, int | float) else None
    return found


def scores_since(mine: Records, days: int) -> list[dict[str, Any]]:
    """Return every score in force of the last days: when, kind, score, and whether a painkiller masks it."""
    since, history = mine.now - timedelta(days=days), mine.store.history(mine.runner_id, mine.now)
    is_masked = Timeline(mine.protocol, history, mine.now).is_masked
    return [
        {
            "at": item.at,
            "kind": item.kind,
            "score": item.score,
            "masked": is_masked(item.at.timestamp(), item),
        }
        for item in sorted(history.scores, key=lambda row: row.at)
        if since <= item.at <= mine.now
    ]
