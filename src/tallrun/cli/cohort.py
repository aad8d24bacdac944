"""``tallrun cohort``: many sessions into one set of tables, and two such sets held against each other."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from tallrun.cli.output import get_engine_ready, print_json, progress_bar
from tallrun.words import counted

if TYPE_CHECKING:
    from tallrun.cohort import CohortOptions


class _RunUnlessNamed(TyperGroup):
    """``tallrun cohort FOLDER`` is ``tallrun cohort run FOLDER``; a folder called like a command needs ``./``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` before arguments that name no command."""
        named = bool(args) and args[0] in self.commands
        return super().parse_args(ctx, args if named else ["run", *args])


def register(app: typer.Typer) -> None:
    """Add ``cohort``."""
    group = typer.Typer(cls=_RunUnlessNamed, help="Analyse many sessions into one set of tables.")
    group.command("run")(run)
    group.command("compare")(compare)
    app.add_typer(group, name="cohort")


def run(
    folder: Annotated[Path, typer.Argument(help="Folder with session folders anywhere below it.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the tables; made if missing.")],
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Worker processes; one for each core without it.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", help="Use the workers of a running Dask scheduler: tcp://host:8786."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="List sessions, their problems and what would be done; write nothing."
        ),
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first so many sessions, to try it out.")
    ] = None,
    subject_level: Annotated[
        int | None,
        typer.Option(
            "--subject-level",
            min=1,
            help="Folder level that names the subject where session.json does not; 1 is right below FOLDER.",
        ),
    ] = None,
    de_identify: Annotated[
        bool,
        typer.Option(
            "--de-identify/--identified",
            help="Codes for subjects; no dates, ids and free text (default), or all as recorded.",
        ),
    ] = True,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Analyse every session below a folder into one set of tables; a second call does only what is missing.

    Two such sets are held against each other with: tallrun cohort compare A B
    """
    if scheduler is not None and workers is not None:
        raise typer.BadParameter(
            "--workers starts workers, --scheduler uses those it has; give one of the two"
        )
    from tallrun.cohort.forking import begin_loading

    if scheduler is None and not dry_run and not (out / "run.json").exists():
        begin_loading()  # everything is to be done: workers load while this process does
    from tallrun.cohort import CohortOptions, run_cohort

    options = CohortOptions(folder, out, workers, scheduler, limit, de_identify, subject_level)

    def stage(label: str) -> AbstractContextManager[Any]:
        return progress_bar(label, not json_)

    if dry_run:
        _dry_run(options, stage, json_)
        return
    try:
        report = run_cohort(options, stage, prepare=(get_engine_ready,))
    except KeyboardInterrupt:
        sys.stderr.write(
            "tallrun: stopped by Ctrl-C; what was finished is kept, the same call goes on from there\n"
        )
        raise typer.Exit(130) from None
    if json_:
        print_json(report)
        return
    for line in report_lines(report, out):
        typer.echo(line)


def report_lines(report: dict[str, Any], out: Path) -> list[str]:
    """Return what became of a cohort as plain lines."""
    counts = report["counts"]
    lines = [
        f"{counted(counts['sessions'], 'session')}: {counts['ok']} ok, {counts['refused']} refused, "
        f"{counts['failed']} failed; "
        f"{counts['analysed_now']} done now, in {report['took_s']:.1f} s"
    ]
    if counts["refused"] or counts["failed"]:
        lines.append("Why is in column reason of sessions.csv; failed ones are tried again at the next call.")
    if counts["beyond_limit"]:
        lines.append(f"Beyond --limit and not in the tables: {counted(counts['beyond_limit'], 'session')}.")
    if report["options"]["is_deidentified"]:
        lines.append(
            f"Folder names are kept. Before sharing look through them, and leave {out / 'work'} out."
        )
    lines.append(f"{counted(report['tables']['strides.parquet']['rows'], 'stride')}. Tables are in {out}")
    return lines


def _dry_run(options: CohortOptions, stage: Any, json_: bool) -> None:
    from tallrun.cohort import checked_sessions

    rows = checked_sessions(options, stage)
    if json_:
        print_json(rows)
        return
    typer.echo(f"{'state':<9}{'would':<9}session")
    for row in rows:
        typer.echo(f"{row['state']:<9}{row['would']:<9}{_printable(str(row['session']))}")
        for problem in row["problems"]:
            typer.echo(f"{'':<18}  {_printable(problem)}")
    n_todo = sum(row["would"] == "analyse" for row in rows)
    n_refused = sum(row["state"] == "refused" for row in rows)
    typer.echo(
        f"{len(rows)} sessions: {n_todo} to analyse, {n_refused} would be refused. Nothing was written."
    )


def _printable(text: str) -> str:
    """Return text from a file or a folder's name without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def compare(
    first: Annotated[Path, typer.Argument(help="Tables made by one version (--out of cohort).")],
    second: Annotated[Path, typer.Argument(help="Tables made by another version of the same sessions.")],
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Hold two versions of a cohort against each other: bias, limits of agreement, ICC, changed strides."""
    from tallrun.cohort import compare_cohorts

    result = compare_cohorts(first, second)
    if json_:
        print_json(result)
        return
    for line in compare_lines(result):
        typer.echo(line)


def compare_lines(result: dict[str, Any]) -> list[str]:
    """Return a comparison as plain lines, second minus first."""
    from tallrun.cohort.agreement import LEAST_PAIRS

    sessions, strides = result["sessions"], result["strides"]
    lines = [
        f"{counted(sessions['paired'], 'session')} in both ({sessions['both_ok']} analysed in both), "
        f"{len(sessions['only_in_first'])} only in the first, {len(sessions['only_in_second'])} only in the second, "
        f"{len(sessions['status_changed'])} with another status",
        "",
    ]
    known = {name: item for name, item in result["metrics"].items() if item["bias"] is not None}
    if known:
        lines.append(
            f"{'Second minus first':<32}{'n':>5}{'bias':>11}{'limits of agreement':>25}"
            f"{'ICC(A,1)':>10}{'ICC(3,1)':>10}"
        )
    for name, item in known.items():
        limits = f"{item['limit_low']:+.4g} to {item['limit_high']:+.4g}"
        icc = "".join(
            f"{'–' if item[key] is None else format(item[key], '.4f'):>10}" for key in ("icc_a1", "icc_31")
        )
        lines.append(f"{name:<32}{item['n']:>5}{item['bias']:>+11.4g}{limits:>25}{icc}")
    if unknown := [name for name in result["metrics"] if name not in known]:
        lines.append(
            f"Known in both in fewer than {LEAST_PAIRS} sessions, so without agreement: "
            + (", ".join(unknown) if known else "every quantity")
        )
    lines += [
        "",
        f"Strides: {strides['in_first']} and {strides['in_second']}; {strides['paired']} paired, of which "
        f"{strides['changed']} changed; {strides['only_in_first']} gone, {strides['only_in_second']} new",
    ]
    lines += [
        f"  {name:<30}{item['n_changed']:>8} changed, by {item['bias']:+.3g} on average and "
        f"{item['largest_change']:.3g} at most; {item['n_became_unknown']} became unknown, "
        f"{item['n_became_known']} known"
        for name, item in result["stride_metrics"].items()
        if item["bias"] is not None
        and (item["n_changed"] or item["n_became_unknown"] or item["n_became_known"])
    ]
    return lines
