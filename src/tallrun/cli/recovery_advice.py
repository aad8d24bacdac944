"""``tallrun advise``, ``ladder`` and ``plan``: what the rules say, with rule, inputs and source."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.recovery_common import (
    NOT_A_DEVICE,
    AsJson,
    DataDir,
    EnteredBy,
    Records,
    RunnerCode,
    fields_of,
    load_protocol,
    read_instant,
    records,
    show,
    when,
)
from tallrun.errors import EntryError

if TYPE_CHECKING:
    from tallrun.recovery.protocol import Protocol
    from tallrun.recovery.verdicts import Verdict

CONTRACT_KEYS = (
    "state", "rung", "rules", "inputs", "sources", "notices", "changes_if", "protocol", "as_of", "valid_until",
)  # fmt: skip
_INTERVALS = re.compile(r"(\d+) × \((\d+) min run / (\d+) min walk\)")
_RUN, _WALK = "█", "░"
_INPUT_WORDS = {
    "pain_today": "worst pain today", "baseline": "your usual morning", "trend": "mornings over 7 days",
    "days_since_run": "days since the last run", "last_grade": "last session",
    "exercise_sessions_7d": "strength sessions in 7 days", "exercise_phase": "strength phase",
    "diagnosed": "diagnosis by a clinician",
}  # fmt: skip

AsOf = Annotated[str | None, typer.Option("--as-of", help="At another moment than now.")]
Rung = Annotated[str | None, typer.Option("--rung", help="Level: V0 ... H3; leave out for a free run.")]
PlanAt = Annotated[str | None, typer.Option("--at", help="When it starts; default: now.")]
RunMinutes = Annotated[float | None, typer.Option("--run-minutes", help="Minutes of running.")]
DistanceM = Annotated[float | None, typer.Option("--distance-m", help="Distance [m].")]
FastestKmh = Annotated[float | None, typer.Option("--fastest-kmh", help="Fastest speed [km/h].")]
InclineMin = Annotated[float | None, typer.Option("--incline-min-pct", help="Lowest incline.")]
InclineMax = Annotated[
    float | None, typer.Option("--incline-max-pct", help="Highest incline, uphill positive.")
]
Surface = Annotated[str | None, typer.Option("--surface", help="treadmill, road or trail.")]
Cambered = Annotated[bool, typer.Option("--cambered", help="The road leans to one side.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="I or H, for fast or hilly parts (repeat).")]
PerWeek = Annotated[int | None, typer.Option("--runs-per-week", min=1, max=14, help="Runs in 7 days.")]


def register(app: typer.Typer) -> None:
    """Add ``tallrun advise``, ``ladder`` and ``plan``."""
    app.command("advise")(advise)
    app.command("ladder")(ladder)
    group = typer.Typer(
        no_args_is_help=True, help="A planned session: set it, check it against today's advice."
    )
    group.command("set")(set_plan)
    group.command("check")(check_plan)
    app.add_typer(group, name="plan")


def advise(
    as_of: AsOf = None, data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False
) -> None:
    """Say what your plan allows today, by which rule, from which inputs, on which source."""
    with records(data_dir, runner) as mine:
        protocol = load_protocol()
        found = _verdict(mine, protocol, as_of)
        if as_of is None:
            mine.store.note_advice(mine.runner_id, found, mine.now)
        payload = found.as_json()
        show(as_json, {key: payload[key] for key in CONTRACT_KEYS}, *_card(found, protocol, mine))


def _verdict(mine: Records, protocol: Protocol, as_of: str | None, plan: Any = None) -> Verdict:
    from tallrun.recovery.verdicts import verdict

    at = read_instant(as_of, mine.zone, mine.now)
    return verdict(protocol, mine.store.history(mine.runner_id), None, at, plan)


def _card(found: Verdict, protocol: Protocol, mine: Records) -> list[str]:
    runner, zone = mine.runner, mine.zone
    lines = [f"{when(found.as_of, zone)} · {runner.side} {runner.site.replace('_', ' ')}", ""]
    head = found.state if found.rung is None else f"{found.state} · level {found.rung}"
    lines += [head, *(f"  {sentence}" for sentence in found.sentences[:1])]
    if found.state in ("RUN", "WALK") and found.rung is not None:
        blocks = dose_blocks(protocol.work["V0" if found.state == "WALK" else found.rung], found.run_minutes)
        if blocks:
            lines.append(f"  {blocks}   {_RUN} 1 min run  {_WALK} 1 min walk")
    lines += ["", "Why", *(f"  {sentence}" for sentence in found.sentences[1:])]
    lines.append(f"  Rules: {', '.join(found.rules)}")
    if found.rung is not None:
        lines.append(f"  Looked at: {'; '.join(_inputs_in_words(found, protocol))}")
    lines += ["  Sources:", *(f"    {source}" for source in found.sources)]
    lines += ["", "What would change it", f"  {found.changes_if}"]
    if found.notices:
        lines += ["", "Also", *(f"  {notice}" for notice in found.notices)]
    rules = found.protocol
    lines += [
        "",
        f"Holds until {when(found.valid_until - timedelta(seconds=1), zone)}. "
        f"Rules: {rules['name']} {rules['version']} ({rules['sha256'][:12]}).",
        NOT_A_DEVICE,
    ]
    return lines


def dose_blocks(work: str, run_minutes: float | None) -> str:
    """Draw a dose to scale, one sign a minute; empty when the text is not a run or walk of some minutes."""
    match = _INTERVALS.fullmatch(work)
    if match:
        times, run, walk = (int(part) for part in match.groups())
        return " ".join([_RUN * run + _WALK * walk] * times)
    if work.startswith("walk"):
        return _WALK * int(re.sub(r"\D", "", work))
    return _RUN * round(run_minutes) if run_minutes else ""


def _inputs_in_words(found: Verdict, protocol: Protocol) -> list[str]:
    told = []
    for name, words in _INPUT_WORDS.items():
        value = found.inputs.get(name)
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif name == "trend":
            value = protocol.texts.trends[str(value)]
        told.append(f"{words} {'not known' if value is None else str(value)}")
    return told


def ladder(
    as_of: AsOf = None,
    days: Annotated[int, typer.Option("--days", min=1, help="How far back.")] = 90,
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show the ladder with the level advised now, and the advice given so far."""
    with records(data_dir, runner) as mine:
        from tallrun.store.models import AdviceRow

        protocol = load_protocol()
        found = _verdict(mine, protocol, as_of)
        rows = mine.store.entries(AdviceRow, mine.runner_id, since=mine.now - timedelta(days=days))
        past = [{"at": row.at, "state": row.state, "rung": row.rung, "rules": row.rules} for row in rows]
        rungs = [
            {
                "rung": rung,
                "work": work.format(dose=f"{protocol.run_min[rung]:.0f}"),
                "here": rung == found.rung,
            }
            for rung, work in protocol.work.items()
        ]
        lines = [f"{'→' if item['here'] else ' '} {item['rung']:<3} {item['work']}" for item in rungs]
        if found.rung is None:
            lines.append(f"No level is advised now: {found.state}.")
        lines += ["", "Advice given"] if past else []
        lines += [
            f"  {when(item['at'], mine.zone)}  {item['state']:<9} {item['rung'] or '–':<3} {', '.join(item['rules'])}"
            for item in past
        ]
        show(as_json, {"rung": found.rung, "state": found.state, "ladder": rungs, "advice": past}, *lines)


def set_plan(
    rung: Rung = None, at: PlanAt = None, run_minutes: RunMinutes = None, distance_m: DistanceM = None,
    fastest_kmh: FastestKmh = None, incline_min_pct: InclineMin = None, incline_max_pct: InclineMax = None,
    surface: Surface = None, cambered: Cambered = False, kind: Kinds = None, runs_per_week: PerWeek = None,
    by: EnteredBy = "runner", data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write down a planned session."""
    with records(data_dir, runner) as mine:
        plan = _plan(
            mine, rung, at, run_minutes, distance_m, fastest_kmh, incline_min_pct, incline_max_pct, surface,
            cambered, kind, runs_per_week,
        )  # fmt: skip
        plan_id = mine.store.add(mine.runner_id, plan, by=by, now=mine.now)
        show(
            as_json,
            fields_of(plan) | {"plan_id": plan_id},
            f"Planned: {_plan_line(plan, mine)}  [{plan_id[:8]}]",
            "Check it on the day: tallrun plan check",
        )


def check_plan(
    rung: Rung = None, at: PlanAt = None, run_minutes: RunMinutes = None, distance_m: DistanceM = None,
    fastest_kmh: FastestKmh = None, incline_min_pct: InclineMin = None, incline_max_pct: InclineMax = None,
    surface: Surface = None, cambered: Cambered = False, kind: Kinds = None, runs_per_week: PerWeek = None,
    as_of: AsOf = None, data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Check a session against today's advice: the one given by options, else the one planned for today."""
    with records(data_dir, runner) as mine:
        from tallrun.recovery.plan_guard import plan_guard

        given = (rung, run_minutes, distance_m, fastest_kmh, incline_min_pct, incline_max_pct, surface, kind)
        if any(value is not None for value in given) or at is not None or cambered:
            plan = _plan(
                mine, rung, at, run_minutes, distance_m, fastest_kmh, incline_min_pct, incline_max_pct, surface,
                cambered, kind, runs_per_week,
            )  # fmt: skip
        else:
            plan = _planned_today(mine, as_of)
        protocol = load_protocol()
        found = _verdict(mine, protocol, as_of, plan)
        history = mine.store.history(mine.runner_id)
        checked = plan_guard(protocol, history, None, found.as_of, plan, found)
        show(
            as_json,
            {"plan": fields_of(plan), "state": found.state, "rung": found.rung, **fields_of(checked)},
            f"{_plan_line(plan, mine)}: {'accepted' if checked.accepted else 'refused'}",
            *(f"  {sentence}" for sentence in checked.sentences),
            NOT_A_DEVICE,
        )


def _plan(
    mine: Records, rung: str | None, at: str | None, run_minutes: float | None, distance_m: float | None,
    fastest_kmh: float | None, low_pct: float | None, high_pct: float | None, surface: str | None,
    cambered: bool, kinds: list[str] | None, runs_per_week: int | None,
) -> Any:  # fmt: skip
    from tallrun.recovery.model import PlannedSession
    from tallrun.store.checks import check_plan as check_entry

    plan = PlannedSession(
        starts_at=read_instant(at, mine.zone, mine.now),
        rung=None if rung is None else rung.upper(),
        run_minutes=run_minutes,
        distance_m=distance_m,
        speed_mps=None if fastest_kmh is None else fastest_kmh / 3.6,
        incline_min_pct=low_pct,
        incline_max_pct=high_pct,
        surface=surface,  # type: ignore[arg-type]  # checked by PlannedSession
        cambered=cambered,
        kinds=frozenset(kinds or ()),
        runs_per_week=runs_per_week,
    )
    check_entry(plan)
    return plan


def _planned_today(mine: Records, as_of: str | None) -> Any:
    from tallrun.recovery.model import PlannedSession
    from tallrun.store.models import PlanRow
    from tallrun.store.records import from_rows

    day = read_instant(as_of, mine.zone, mine.now).date()
    plans = from_rows(PlannedSession, mine.store.entries(PlanRow, mine.runner_id))
    today = [plan for plan in plans if plan.starts_at.astimezone(mine.zone).date() == day]
    if not today:
        raise EntryError(
            f"Nothing is planned for {day}; plan it with: tallrun plan set, or give --rung and so on."
        )
    return today[-1]


def _plan_line(plan: Any, mine: Records) -> str:
    parts = [when(plan.starts_at, mine.zone), f"level {plan.rung}" if plan.rung else "free run"]
    if plan.run_minutes is not None:
        parts.append(f"{plan.run_minutes:g} min")
    if plan.distance_m is not None:
        parts.append(f"{plan.distance_m / 1000:g} km")
    if plan.speed_mps is not None:
        parts.append(f"up to {plan.speed_mps * 3.6:.1f} km/h")
    return ", ".join(parts)
