"""``tallrun log-run`` and ``tallrun exercise``: training without sensors."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tallrun.cli.output import visible
from tallrun.cli.recovery_common import (
    AsJson,
    At,
    DataDir,
    Days,
    EnteredBy,
    Records,
    RunnerCode,
    ask,
    ask_or_skip,
    fields_of,
    read_number,
    read_score,
    read_yes_no,
    records,
    show,
    when,
)
from tallrun.errors import UsageError
from tallrun.words import counted

PainBefore = Annotated[str | None, typer.Option("--pain-before", help="Pain before, 0-10.")]
PainDuring = Annotated[str | None, typer.Option("--pain-during", help="Worst pain during, 0-10.")]
PainAfter = Annotated[str | None, typer.Option("--pain-after", help="Pain right after, 0-10.")]

#: What became of a session.
BECAME = {
    "counted": "Noted: it counts as a run.",
    "merged": "Noted: it is a run you have already; what that did not know was filled in.",
    "left_out": "Noted: it does not count.",
}


def register(app: typer.Typer) -> None:
    """Add ``tallrun log-run`` and ``tallrun exercise``."""
    app.command("log-run")(log_run)
    group = typer.Typer(no_args_is_help=True, help="Rehabilitation exercises: add, list.")
    group.command("add")(add_exercise)
    group.command("pain")(exercise_pain)
    group.command("list")(list_exercises)
    app.add_typer(group, name="exercise")


def log_run(
    minutes: Annotated[
        str | None, typer.Option("--minutes", help="Whole duration, walk breaks included.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session", help="Count this session (an id as due prints it, or a folder) as the run."
        ),
    ] = None,
    count: Annotated[
        str | None, typer.Option("--count", help="With --session: yes, or no to leave it out.")
    ] = None,
    same_run: Annotated[
        str | None, typer.Option("--same-run", help="With --session: yes if it is the run due names.")
    ] = None,
    as_planned: Annotated[
        str | None, typer.Option("--as-planned", help="With --session: yes if it was the plan of that day.")
    ] = None,
    at: At = None,
    rung: Annotated[
        str | None, typer.Option("--rung", help="Level you did: V0 ... H3; leave out if free.")
    ] = None,
    run_minutes: Annotated[
        float | None, typer.Option("--run-minutes", help="Minutes of running without the walk breaks.")
    ] = None,
    distance_m: Annotated[float | None, typer.Option("--distance-m", help="Distance [m].")] = None,
    surface: Annotated[str | None, typer.Option("--surface", help="treadmill, road or trail.")] = None,
    cambered: Annotated[bool, typer.Option("--cambered", help="The road leaned to one side.")] = False,
    fastest_kmh: Annotated[
        float | None, typer.Option("--fastest-kmh", help="Speed of the fastest minute [km/h].")
    ] = None,
    incline_pct: Annotated[
        float | None, typer.Option("--incline-pct", help="Incline, uphill positive, when it was constant.")
    ] = None,
    incline_min_pct: Annotated[
        float | None, typer.Option("--incline-min-pct", help="Lowest incline.")
    ] = None,
    incline_max_pct: Annotated[
        float | None, typer.Option("--incline-max-pct", help="Highest incline.")
    ] = None,
    rpe: Annotated[float | None, typer.Option("--rpe", help="Effort of the whole session, 0-10.")] = None,
    limping: Annotated[str | None, typer.Option("--limping", help="yes or no: did you limp?")] = None,
    stopped: Annotated[str | None, typer.Option("--stopped", help="Cut short: none, pain or other.")] = None,
    stopped_for_pain: Annotated[
        str | None, typer.Option("--stopped-for-pain", help="yes or no; the same as --stopped pain or none.")
    ] = None,
    sharp: Annotated[bool, typer.Option("--sharp", help="There was a sudden sharp change.")] = False,
    pain_before: PainBefore = None,
    pain_during: PainDuring = None,
    pain_after: PainAfter = None,
    shoe: Annotated[str | None, typer.Option("--shoe", help="Which shoes.")] = None,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Log a run or walk that tallrun did not record, or count a session. It counts for load, breaks and spikes."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.entries import RunAnswers
        from tallrun.journal.entries import log_run as keep_run
        from tallrun.journal.offers import count as count_session
        from tallrun.journal.sessions import indexed_id
        from tallrun.recovery.model import SURFACES

        for option, value in (("--count", count), ("--same-run", same_run), ("--as-planned", as_planned)):
            if value is not None and session is None:
                raise UsageError(f"{option} goes with --session")
        if session is not None and minutes is not None:
            raise UsageError("the session says how long it was; leave --minutes out")
        leaves_out = read_yes_no(count, "--count") is False
        typing_person = minutes is None and not leaves_out
        if session is None:
            minutes = ask(minutes, "How many minutes", "--minutes", as_json=as_json)
        ended_for_pain = read_yes_no(stopped_for_pain, "Stopped for pain")
        if ended_for_pain is not None:
            stopped = "pain" if ended_for_pain else "none"
        if typing_person and session is not None and stopped is None:
            stopped = ask_or_skip(stopped, "Cut short (none/pain/other)", as_json=as_json)
        if typing_person and session is None:
            surface = ask_or_skip(surface, f"Surface ({'/'.join(SURFACES)})", as_json=as_json)
        if typing_person:
            pain_during = ask_or_skip(
                pain_during, "Worst pain during, 0-10", as_json=as_json, check=read_score
            )
            pain_after = ask_or_skip(pain_after, "Pain right after, 0-10", as_json=as_json, check=read_score)
            limping = ask_or_skip(
                limping, "Did you limp (yes/no)", as_json=as_json, check=lambda t: read_yes_no(t, "Limping")
            )
        told = RunAnswers(
            minutes=None if minutes is None else read_number(minutes, "The duration in minutes"),
            at=at,
            rung=rung,
            run_minutes=run_minutes,
            distance_m=distance_m,
            surface=surface,
            cambered=cambered,
            fastest_mps=None if fastest_kmh is None else fastest_kmh / 3.6,
            incline_min_pct=incline_pct if incline_min_pct is None else incline_min_pct,
            incline_max_pct=incline_pct if incline_max_pct is None else incline_max_pct,
            session_rpe=rpe,
            limping=read_yes_no(limping, "Limping"),
            stop_reason=stopped,
            sharp_change=sharp,
            pain=(read_score(pain_before), read_score(pain_during), read_score(pain_after)),
            shoe=shoe,
        )
        if session is not None:
            kept = count_session(
                mine, indexed_id(mine, session), told, by=by, count=not leaves_out,
                same_run=read_yes_no(same_run, "--same-run"), as_planned=read_yes_no(as_planned, "--as-planned"),
            )  # fmt: skip
            show(as_json, fields_of(kept), BECAME[kept.what], "What is asked next: tallrun due")
            return
        run, scores = keep_run(mine, told, by=by)
        show(
            as_json,
            fields_of(run) | {"pain_scores": len(scores)},
            f"Noted: {when(run.started_at, mine.zone)}, {run.minutes:g} min"
            f"{f', level {run.rung}' if run.rung else ''}, {len(scores)} pain scores.",
            "What is asked next: tallrun due",
        )


def add_exercise(
    name: Annotated[str | None, typer.Option("--name", help="Which exercise.")] = None,
    phase: Annotated[str | None, typer.Option("--phase", help="Phase 1, 2 or 3.")] = None,
    at: At = None,
    sets: Annotated[int | None, typer.Option("--sets", min=1, max=100, help="Sets.")] = None,
    reps: Annotated[int | None, typer.Option("--reps", min=1, max=1000, help="Repetitions per set.")] = None,
    load_kg: Annotated[float | None, typer.Option("--load-kg", min=0, max=1000, help="Weight [kg].")] = None,
    pain_before: PainBefore = None,
    pain_during: PainDuring = None,
    pain_after: PainAfter = None,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Log one exercise with its pain scores."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.entries import add_exercise as keep_exercise

        typing_person = name is None or phase is None
        phase = ask(phase, "Phase", "--phase", as_json=as_json, choices=("1", "2", "3"))
        number = int(read_number(phase, "An exercise phase"))
        if name is None and not as_json and number in (1, 2, 3):
            listed = mine.protocol.exercise.phases[number - 1].exercises
            name = ask(
                name, f"Which exercise ({', '.join(item.name for item in listed)})", "--name", as_json=as_json
            )
        name = ask(name, "Which exercise", "--name", as_json=as_json)
        if typing_person:
            pain_before = ask_or_skip(pain_before, "Pain before, 0-10", as_json=as_json, check=read_score)
            pain_during = ask_or_skip(
                pain_during, "Worst pain during, 0-10", as_json=as_json, check=read_score
            )
            pain_after = ask_or_skip(pain_after, "Pain right after, 0-10", as_json=as_json, check=read_score)
        entry = keep_exercise(
            mine,
            {
                "at": at, "phase": number, "name": name, "sets": sets, "reps": reps, "load_kg": load_kg,
                "pain_before": read_score(pain_before), "pain_during": read_score(pain_during),
                "pain_after": read_score(pain_after),
            },
            by=by,
        )  # fmt: skip
        show(as_json, fields_of(entry), f"Noted: {_exercise_line(entry, mine)}")


def exercise_pain(
    exercise_id: Annotated[str, typer.Argument(help="Id of an exercise of that day, as due prints it.")],
    pain_during: PainDuring = None,
    pain_after: PainAfter = None,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Say how a strength session felt; it holds for the exercises of that day that have no score yet."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.entries import answer_exercise

        found = answer_exercise(
            mine, exercise_id, pain_during=read_score(pain_during), pain_after=read_score(pain_after), by=by
        )
        show(
            as_json,
            {"exercise_ids": found},
            f"Noted for {counted(len(found), 'exercise')}.",
        )


def list_exercises(
    days: Days = 28,
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """List logged exercises, oldest first."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.entries import exercises

        found = exercises(mine, days)
        show(
            as_json,
            [fields_of(entry) for entry in found],
            *([_exercise_line(entry, mine) for entry in found] or [f"No exercises in the last {days} days."]),
        )


def _exercise_line(entry: Any, mine: Records) -> str:
    dose = " × ".join(str(part) for part in (entry.sets, entry.reps) if part is not None)
    load = "" if entry.load_kg is None else f" at {entry.load_kg:g} kg"
    pain = "/".join(
        "–" if score is None else str(score)
        for score in (entry.pain_before, entry.pain_during, entry.pain_after)
    )
    return (
        f"{when(entry.at, mine.zone)}  phase {entry.phase}  {visible(entry.name)}"
        f"{f' {dose}' if dose else ''}{load}, pain before/during/after {pain}"
    )
