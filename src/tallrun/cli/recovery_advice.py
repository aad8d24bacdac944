"""``tallrun advise``, ``ladder`` and ``plan``: what the rules say, with rule, inputs and source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallrun.cli.recovery_common import (
    NOT_A_DEVICE,
    AsJson,
    DataDir,
    Days,
    EnteredBy,
    Records,
    RunnerCode,
    fields_of,
    records,
    show,
    when,
)

if TYPE_CHECKING:
    from tallrun.journal.advice import DosePart, PlanWish
    from tallrun.recovery.protocol import Protocol
    from tallrun.recovery.verdicts import Verdict

_RUN, _WALK = "█", "░"

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
        from tallrun.journal import advice

        found = advice.tell(mine) if as_of is None else advice.advise(mine, as_of)
        show(as_json, advice.contract(found), *_card(found, mine.protocol_at(found.as_of), mine))


def _card(found: Verdict, protocol: Protocol, mine: Records) -> list[str]:
    from tallrun.journal.advice import dose_of, inputs_in_words, lead_count, news, why, yesterdays
    from tallrun.recovery.way_out import day_words
    from tallrun.recovery.wording import state_name

    runner, zone = mine.runner, mine.zone
    lines = [f"{when(found.as_of, zone)} · {runner.side} {runner.site.replace('_', ' ')}", ""]
    name = state_name(protocol, found.state, found.rules)
    head = name if found.rung is None else f"{name} · level {found.rung}"
    leads = lead_count(found)
    before = yesterdays(mine, found)
    lines += [head, *(f"  {sentence}" for sentence in found.sentences[:leads])]
    if blocks := dose_blocks(dose_of(found, protocol)):
        lines.append(f"  {blocks}   {_RUN} 1 min run  {_WALK} 1 min walk")
    if reason := why(found, before, protocol):
        lines.append(f"  {reason}")
    if found.way_out:
        lines += ["", "What a run needs"]
    who = {"runner": "you", "time": "time", "clinician": "physio or doctor", None: ""}
    for item in found.way_out:
        lines.append(f"  {item.mark} {item.text}")
        if item.action:
            since = "" if item.earliest is None else f", {day_words(item.earliest, found.as_of)}"
            since += " at the earliest" if item.earliest is not None and item.earliest > found.as_of else ""
            lines.append(f"      {item.action} ({who[item.who]}{since})")
    lines += ["", "Why", *(f"  {sentence}" for sentence in found.sentences[leads:])]
    lines.append(f"  Rules: {', '.join(found.rules)}")
    if found.rung is not None:
        looked_at = "; ".join(" ".join(pair) for pair in inputs_in_words(found, protocol))
        lines.append(f"  Looked at: {looked_at}")
    lines += ["  Sources:", *(f"    {source}" for source in found.sources)]
    lines += ["", "What would change it", f"  {found.changes_if}"]
    fresh = news(found, before, protocol)
    if fresh:
        lines += ["", "New", *(f"  {notice}" for notice in fresh)]
    if quiet := [notice for notice in found.notices if notice not in fresh]:
        lines += ["", "Also", *(f"  {notice}" for notice in quiet)]
    rules = found.protocol
    lines += [
        "",
        f"Holds until {when(found.valid_until - timedelta(seconds=1), zone)}. "
        f"Rules: {rules['name']} {rules['version']} ({rules['sha256'][:12]}).",
        NOT_A_DEVICE,
    ]
    return lines


def dose_blocks(parts: Sequence[DosePart]) -> str:
    """Draw a dose to scale, one sign a minute; every repeat of run and walk stands apart."""
    drawn = [{"run": _RUN, "walk": _WALK}[part.mode] * round(part.minutes) for part in parts]
    return " ".join("".join(drawn[k : k + 2]) for k in range(0, len(drawn), 2))


def ladder(
    as_of: AsOf = None,
    days: Days = 90,
    data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show the ladder with the level advised now, and the advice given so far."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import advice
        from tallrun.recovery.wording import state_name

        found = advice.ladder(mine, as_of, days)
        past = found["advice"]
        lines = [
            f"{'→' if item['here'] else ' '} {item['rung']:<3} {item['work']}" for item in found["ladder"]
        ]
        if found["rung"] is None:
            lines.append(
                f"No level is advised now: {state_name(mine.protocol, found['state'], tuple(found['rules']))}."
            )
        lines += ["", "Advice given"] if past else []
        lines += [
            f"  {when(item['at'], mine.zone)}  {state_name(mine.protocol, item['state'], tuple(item['rules'])):<24} "
            f"{item['rung'] or '–':<3} {', '.join(item['rules'])}"
            for item in past
        ]
        show(as_json, found, *lines)


def set_plan(
    rung: Rung = None, at: PlanAt = None, run_minutes: RunMinutes = None, distance_m: DistanceM = None,
    fastest_kmh: FastestKmh = None, incline_min_pct: InclineMin = None, incline_max_pct: InclineMax = None,
    surface: Surface = None, cambered: Cambered = False, kind: Kinds = None, runs_per_week: PerWeek = None,
    by: EnteredBy = "runner", data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write down a planned session."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.advice import keep_plan

        plan_id, plan = keep_plan(
            mine,
            _wish(rung, at, run_minutes, distance_m, fastest_kmh, incline_min_pct, incline_max_pct, surface,
                  cambered, kind, runs_per_week),
            by,
        )  # fmt: skip
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
        from tallrun.journal.advice import check_plan as check

        plan, found, checked = check(
            mine,
            _wish(rung, at, run_minutes, distance_m, fastest_kmh, incline_min_pct, incline_max_pct, surface,
                  cambered, kind, runs_per_week),
            as_of,
        )  # fmt: skip
        show(
            as_json,
            {"plan": fields_of(plan), "state": found.state, "rung": found.rung, **fields_of(checked)},
            f"{_plan_line(plan, mine)}: {'accepted' if checked.accepted else 'refused'}",
            *(f"  {sentence}" for sentence in checked.sentences),
            NOT_A_DEVICE,
        )


def _wish(
    rung: str | None, at: str | None, run_minutes: float | None, distance_m: float | None,
    fastest_kmh: float | None, low_pct: float | None, high_pct: float | None, surface: str | None,
    cambered: bool, kinds: list[str] | None, runs_per_week: int | None,
) -> PlanWish:  # fmt: skip
    from tallrun.journal.advice import PlanWish

    fastest_mps = None if fastest_kmh is None else fastest_kmh / 3.6
    return PlanWish(
        at, rung, run_minutes, distance_m, fastest_mps, low_pct, high_pct, surface, cambered,
        tuple(kinds or ()), runs_per_week,
    )  # fmt: skip


def _plan_line(plan: Any, mine: Records) -> str:
    parts = [when(plan.starts_at, mine.zone), f"level {plan.rung}" if plan.rung else "free run"]
    if plan.run_minutes is not None:
        parts.append(f"{plan.run_minutes:g} min")
    if plan.distance_m is not None:
        parts.append(f"{plan.distance_m / 1000:g} km")
    if plan.speed_mps is not None:
        parts.append(f"up to {plan.speed_mps * 3.6:.1f} km/h")
    return ", ".join(parts)
