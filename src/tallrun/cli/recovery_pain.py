"""``tallrun pain``: add, list, fix, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from tallrun.cli.output import visible
from tallrun.cli.recovery_common import (
    AsJson,
    At,
    DataDir,
    Days,
    EnteredBy,
    RunnerCode,
    ask,
    ask_or_skip,
    read_score,
    read_yes_no,
    records,
    show,
    when,
)  # fmt: skip
from tallrun.errors import EntryError

if TYPE_CHECKING:
    from tallrun.recovery.model import PainScore

Score = Annotated[str | None, typer.Option("--score", help="0 (no pain) to 10, whole numbers.")]
PainKind = Annotated[
    str | None, typer.Option("--kind", help="before, during, after, morning, h24, h48, rest or exercise.")
]
Side = Annotated[str | None, typer.Option("--side", help="left, right or both; default: your index side.")]
Site = Annotated[str | None, typer.Option("--site", help="Where; default: your index site (sit_bone).")]
Quality = Annotated[str | None, typer.Option("--quality", help="ache, sharp, burning or tingling.")]
SessionId = Annotated[str | None, typer.Option("--session", help="Id of the run it belongs to.")]
ProvokedBy = Annotated[
    str | None, typer.Option("--provoked-by", help="What brought it on: sitting, lying, level_walking ...")
]
LoadTest = Annotated[
    str | None,
    typer.Option("--load-test", help="double_leg_bridge or single_leg_bridge, for morning scores."),
]
Painkiller = Annotated[str | None, typer.Option("--painkiller", help="none, oral, topical or injection.")]
PainkillerAt = Annotated[str | None, typer.Option("--painkiller-at", help="When it was taken.")]
Limping = Annotated[str | None, typer.Option("--limping", help="yes or no: did you limp?")]
NewPlace = Annotated[
    bool, typer.Option("--new-place", help="Yes, this pain is on another side or site than before.")
]


def register(app: typer.Typer) -> None:
    """Add ``tallrun pain``."""
    group = typer.Typer(no_args_is_help=True, help="Pain scores: add, list, fix, import.")
    group.command("add")(add)
    group.command("limping")(answer_limping)
    group.command("list")(list_scores)
    group.command("fix")(fix)
    group.command("import")(import_scores)
    app.add_typer(group, name="pain")


def _answers(
    score: str | None, painkiller: str | None = None, limping: str | None = None, **typed: str | None
) -> dict[str, Any]:
    """Turn typed answers into those of ``journal.entries``."""
    return {
        "score": read_score(score), "painkiller": painkiller, "limping": read_yes_no(limping, "Limping"), **typed,
    }  # fmt: skip


def answer_limping(
    session: Annotated[str, typer.Option("--session", help="Id of the run, as due prints it.")],
    limping: Annotated[str, typer.Option("--limping", help="yes or no.")],
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Answer "did you limp" for a run."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import entries

        answer = read_yes_no(limping, "Limping")
        if answer is None:
            raise EntryError("Limping must be answered yes or no.")
        entries.answer_limping(mine, session, answer, by=by)
        show(
            as_json,
            {"session_id": session, "limping": answer},
            f"Noted: limping {'yes' if answer else 'no'}.",
        )


def add(
    score: Score = None,
    kind: PainKind = None,
    at: At = None,
    side: Side = None,
    site: Site = None,
    quality: Quality = None,
    session: SessionId = None,
    provoked_by: ProvokedBy = None,
    load_test: LoadTest = None,
    painkiller: Painkiller = None,
    painkiller_at: PainkillerAt = None,
    limping: Limping = None,
    new_place: NewPlace = False,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Add one pain score (asks for what is missing when you type)."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import entries
        from tallrun.recovery.model import PAIN_KINDS, PAINKILLERS

        typing_person = score is None or kind is None
        kind = ask(kind, "Which question", "--kind", as_json=as_json, choices=PAIN_KINDS)
        score = ask(score, "Pain now, 0-10", "--score", as_json=as_json)
        if typing_person:
            painkiller = ask_or_skip(
                painkiller, f"Painkiller in the last 24 h ({'/'.join(PAINKILLERS)})", as_json=as_json
            )
            if kind in {"during", "after"}:
                limping = ask_or_skip(
                    limping,
                    "Did you limp (yes/no)",
                    as_json=as_json,
                    check=lambda t: read_yes_no(t, "Limping"),
                )
        entry, warnings = entries.add_pain(
            mine,
            _answers(
                score, painkiller, limping, kind=kind, at=at, side=side, site=site, quality=quality,
                session_id=session, provoked_by=provoked_by, load_test=load_test, painkiller_at=painkiller_at,
            ),
            by=by, new_place=new_place,
        )  # fmt: skip
        show(
            as_json,
            entries.pain_payload(entry) | {"warnings": warnings},
            f"Noted: {_line(entry, mine.zone)}  [{entry.pain_id[:8]}]",
            *warnings,
        )


def list_scores(
    days: Days = 14,
    every: Annotated[
        bool, typer.Option("--all", help="Also entries that were replaced or taken back.")
    ] = False,
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """List pain scores, oldest first."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import entries

        found = entries.pain_scores(mine, days, every=every)
        reasons = entries.not_counted(mine, [score for score, _ in found])
        payload = [
            entries.pain_payload(score) | {"in_force": in_force, "not_counted": why}
            for (score, in_force), why in zip(found, reasons, strict=True)
        ]
        lines = []
        for (score, in_force), why in zip(found, reasons, strict=True):
            mark = "" if in_force else "  (not in force)"
            lines.append(f"{score.pain_id[:8]}  {_line(score, mine.zone)}{mark}")
            if in_force and why is not None:
                lines.append(f"          {why}")
        show(as_json, payload, *(lines or [f"No scores in the last {days} days. Add one: tallrun pain add"]))


def fix(
    pain_id: Annotated[str, typer.Argument(help="Id of the score, or its first letters, from pain list.")],
    score: Score = None,
    kind: PainKind = None,
    at: At = None,
    side: Side = None,
    site: Site = None,
    quality: Quality = None,
    session: SessionId = None,
    provoked_by: ProvokedBy = None,
    load_test: LoadTest = None,
    painkiller: Painkiller = None,
    painkiller_at: PainkillerAt = None,
    limping: Limping = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the score back.")] = False,
    new_place: NewPlace = False,
    by: EnteredBy = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Correct a score. The old row stays in the records, replaced by the new one."""
    with records(data_dir, runner) as mine:
        from tallrun.journal import entries

        new, warnings = entries.fix_pain(
            mine,
            pain_id,
            _answers(
                score, painkiller, limping, kind=kind, at=at, side=side, site=site, quality=quality,
                session_id=session, provoked_by=provoked_by, load_test=load_test, painkiller_at=painkiller_at,
            ),
            by=by, withdraw=withdraw, new_place=new_place,
        )  # fmt: skip
        done = "Taken back" if withdraw else "Corrected"
        show(
            as_json,
            entries.pain_payload(new) | {"withdrawn": withdraw, "warnings": warnings},
            f"{done}: {_line(new, mine.zone)}  [{new.pain_id[:8]}, in place of {str(new.supersedes)[:8]}]",
            *warnings,
        )


def import_scores(
    file: Annotated[
        Path, typer.Argument(help="CSV with a header; columns as in the pain row: at,kind,score,...")
    ],
    new_place: NewPlace = False,
    by: EnteredBy = "import",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Import pain scores from a CSV file: all rows or none; skips rows equal in every field to one there."""
    with records(data_dir, runner) as mine:
        from tallrun.journal.pain_import import import_pain

        n_new, n_there = import_pain(
            mine, file, lambda cells: _answers(**cells), by=by, new_place=new_place,
            note=lambda text: typer.echo(text, err=True),
        )  # fmt: skip
        show(
            as_json,
            {"imported": n_new, "already_there": n_there},
            f"Imported {n_new} scores; {n_there} skipped, equal in every field to one that was there.",
        )


def _line(score: PainScore, zone: ZoneInfo) -> str:
    extras = [score.quality, score.load_test, score.provoked_by]
    if score.painkiller != "none":
        extras.append(f"painkiller: {score.painkiller}")
    if score.limping is not None:
        extras.append("limped" if score.limping else "no limp")
    told = ", ".join(visible(text.replace("_", " ")) for text in extras if text)
    place = f"{score.side} {visible(score.site.replace('_', ' '))}"
    return (
        f"{when(score.at, zone)}  {score.kind:<8} {score.score:>2}/10  {place}{f' ({told})' if told else ''}"
    )
