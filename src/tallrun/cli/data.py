"""``tallrun data``: backup, restore, export, erase, and who looked at the records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tallrun.cli.output import visible
from tallrun.cli.recovery_common import (
    AsJson,
    DataDir,
    RunnerCode,
    current_time,
    person_types,
    records,
    show,
)
from tallrun.errors import StoreError

Actor = Annotated[str, typer.Option("--by", help="Who does this; noted in the access log.")]


def register(app: typer.Typer) -> None:
    """Add ``tallrun data``."""
    group = typer.Typer(no_args_is_help=True, help="Your records: back up, restore, export, erase.")
    group.command("backup")(backup)
    group.command("restore")(restore)
    group.command("export")(export)
    group.command("erase")(erase)
    group.command("access-log")(access_log)
    app.add_typer(group, name="data")


def backup(
    file: Annotated[Path, typer.Argument(help="The backup, one zip file; must not exist yet.")],
    without_sessions: Annotated[
        bool, typer.Option("--without-sessions", help="Leave session folders out.")
    ] = False,
    by: Actor = "runner",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Back up all records and session folders to one file."""
    from tallrun.store import Store
    from tallrun.store.backup import back_up

    now = current_time()
    with Store.open(data_dir) as store:
        store.log_access(None, by, "backup", now)
        done = back_up(store, file, now, with_sessions=not without_sessions)
    show(
        as_json,
        {"file": str(done.path), "bytes": done.size_bytes, "session_files": done.session_files},
        f"Backed up to {done.path}: {done.size_bytes:,} bytes, {done.session_files} session files.",
        "The file is not encrypted; keep it where only you can read it.",
    )


def restore(
    file: Annotated[Path, typer.Argument(help="A backup made by tallrun data backup.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of the records here.")
    ] = False,
    by: Actor = "runner",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup. Everything in it is checked before anything is changed."""
    from tallrun.store import Store
    from tallrun.store.backup import restore as bring_back

    now = current_time()
    with Store.open(data_dir) as store:
        done = bring_back(store, file, now, replace=replace)
        store.log_access(None, by, "restore", now, file.name)
    kept = [] if done.safety_copy is None else [f"The records that were here are in {done.safety_copy}."]
    show(
        as_json,
        {
            "file": str(done.path), "bytes": done.size_bytes, "session_files": done.session_files,
            "safety_copy": None if done.safety_copy is None else str(done.safety_copy),
        },
        f"Restored {done.path}: {done.session_files} session files added.",
        *kept,
    )  # fmt: skip


def export(
    out: Annotated[Path, typer.Option("--out", help="New folder for the export.")],
    deidentify: Annotated[
        bool, typer.Option("--deidentify", help="Without ids, dates, names, free text and signals.")
    ] = False,
    without_sessions: Annotated[
        bool, typer.Option("--without-sessions", help="Leave session folders out.")
    ] = False,
    by: Actor = "runner",
    data_dir: DataDir = None,
    runner: RunnerCode = None,
    as_json: AsJson = False,
) -> None:
    """Export everything kept about one runner: JSON, CSV, session folders."""
    from random import SystemRandom

    from tallrun.store.export import export as write_export

    with records(data_dir, runner) as mine:
        mine.store.log_access(
            mine.runner_id, by, "de-identified export" if deidentify else "export", mine.now, str(out)
        )
        files = write_export(
            mine.store, mine.runner_id, out, mine.now,
            with_sessions=not without_sessions, deidentify=SystemRandom() if deidentify else None,
        )  # fmt: skip
    note = (
        ["Names, ids, dates, free text and signals are left out. A rare history can still be recognised."]
        if deidentify
        else []
    )
    show(as_json, {"folder": str(out), "files": [str(path) for path in files]},
         f"Exported {len(files)} files to {out}.", *note)  # fmt: skip


def erase(
    runner: Annotated[str | None, typer.Option("--runner", help="Only this runner; else everything.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    also_outside: Annotated[
        list[Path] | None,
        typer.Option(
            "--also-outside",
            help="A folder outside the data folder: the runner's sessions in it go too. Give it once for each folder.",
        ),
    ] = None,
    receipt: Annotated[Path | None, typer.Option("--receipt", help="Write the receipt to this file.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Erase the records and print a receipt of what was really removed. This cannot be undone."""
    from tallrun.store import Store
    from tallrun.store.erase import erase as remove

    what = f"everything about {runner!r}" if runner else "all records, session folders and reports"
    if not yes:
        if not person_types() or as_json:
            raise typer.BadParameter(f"this erases {what}; add --yes to do it")
        typed = str(typer.prompt(f"This erases {what} for good. Type erase to go on"))
        if typed.strip() != "erase":
            raise StoreError("nothing was erased")
    store = Store.open(data_dir)
    try:
        runner_id = None if runner is None else store.find_runner(runner)
        done = remove(store, current_time(), runner_id=runner_id, also_outside=also_outside or ())
    finally:
        store.close()
    payload = done.as_dict()
    if receipt is not None:
        try:
            receipt.write_text(json.dumps(payload, indent=1, ensure_ascii=False), encoding="utf-8")
        except OSError as error:
            raise StoreError(f"erased, but the receipt could not be written to {receipt}: {error}") from error
    show(as_json, payload, *_receipt_lines(payload))
    if not done.complete:
        raise StoreError("not everything could be removed; see the lines marked 'left'")


def _receipt_lines(payload: dict[str, Any]) -> list[str]:
    lines = [f"Erased at {payload['erased_at']}: {payload['scope']}"]
    lines += [f"  rows     {name}: {count}" for name, count in payload["rows"].items()]
    lines += [
        f"  removed  {item['what']}: {visible(item['path'])}"
        + (f" ({item['bytes']:,} bytes)" if "bytes" in item else "")
        for item in payload["removed"]
    ]
    lines += [
        f"  left     {item['what']}: {visible(item['path'])}"
        + (f" ({item['why']})" if item.get("why") else "")
        for item in payload["left"]
    ]
    lines += [f"  checked  {text}" for text in payload["verified"]]
    lines.append("Backups, exports and copies you made elsewhere are not reached from here.")
    return lines


def access_log(data_dir: DataDir = None, runner: RunnerCode = None, as_json: AsJson = False) -> None:
    """Show who took records out, looked at them or restored a backup, and when."""
    with records(data_dir, runner) as mine:
        rows = mine.store.access_log(mine.runner_id)
        show(
            as_json,
            [dict(row._mapping) for row in rows],
            *(
                [f"{row.at:%Y-%m-%d %H:%M}  {visible(row.actor)}: {row.action} {visible(row.detail or '')}".rstrip()
                 for row in rows]
                or ["No one has taken anything out yet."]
            ),
        )  # fmt: skip
