"""A cohort from beginning to end: find, hash, do what is missing, put the tables together.

Only this process writes, each file whole, so the folder is consistent whenever the run ends, by itself or not:
finished shards are there, the tables are those of the last run that reached its end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tallrun.cohort import subjects
from tallrun.cohort.assemble import TABLE_NAMES, Entry, assemble
from tallrun.cohort.cluster import begin, open_pool, require_dask
from tallrun.cohort.discover import FoundSession, find_sessions
from tallrun.cohort.identity import (
    code_sha256,
    config_sha256,
    configuration,
    content_sha256,
    input_sha256,
    versions,
)
from tallrun.cohort.inspect import check_session
from tallrun.cohort.row import IDENTIFIED_COLUMNS, plain_word
from tallrun.cohort.shards import ShardContent, ShardStore
from tallrun.cohort.work import Outcome, analyse_session, without_quotes
from tallrun.errors import SessionError, UsageError
from tallrun.sessions._files import make_owner_folder, read_json, write_json

FORMAT_NAME = "tallrun-cohort"
FORMAT_VERSION = 1
#: Everything that is not for sharing: shards and the key of subject codes.
WORK_FOLDER = "work"

Stage = Callable[[str], AbstractContextManager[Callable[[float], None]]]


@dataclass(frozen=True)
class CohortOptions:
    """What a cohort is made of and how. n_workers None: one for each core. limit : at most so many sessions.

    subject_level : folder level that names the subject where session.json does not; 1 is the first below ``folder``.
    """

    folder: Path
    out: Path
    n_workers: int | None = None
    scheduler: str | None = None
    limit: int | None = None
    is_deidentified: bool = True
    subject_level: int | None = None


@dataclass
class Plan:
    """What there is to do. keys : content hash by session name; problems : name -> why it cannot be hashed."""

    sessions: list[FoundSession]
    inputs: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    n_left_out: int = 0


def core_count() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def plan_cohort(options: CohortOptions, stage: Stage, at_first: Callable[[], None] = lambda: None) -> Plan:
    """Find and hash the sessions and tell which of them have no shard yet; nothing is written.

    at_first : called when the first of them is found; the others are hashed meanwhile.
    Raises SessionError when the folder is none or holds no session, UsageError when the two folders cannot be
    what they are said to be.
    """
    _check_folders(options)
    found = find_sessions(options.folder, leave_out=options.out)
    if not found:
        raise SessionError(f"no session below {options.folder}: expected folders with a session.json in them")
    chosen = found[: options.limit]
    plan = Plan(chosen, n_left_out=len(found) - len(chosen))
    config_hash, algorithm = config_sha256(configuration()), configuration()["algorithm_version"]
    shards = ShardStore(options.out / WORK_FOLDER / "shards")
    seen: set[str] = set()
    with stage("reading") as show, ThreadPoolExecutor(options.n_workers or core_count()) as threads:
        for place, (item, result) in enumerate(zip(chosen, threads.map(_hash_of, chosen), strict=True)):
            if isinstance(result, SessionError):
                plan.problems[item.name] = str(result)
            else:
                key = content_sha256(result, config_hash, code_sha256(), algorithm)
                plan.inputs[item.name], plan.keys[item.name] = result, key
                if key not in seen and not shards.has(key):  # copies of one session are analysed once
                    if not plan.missing:
                        at_first()
                    plan.missing.append(item.name)
                seen.add(key)
            show((place + 1) / len(chosen))
    return plan


def checked_sessions(options: CohortOptions, stage: Stage) -> list[dict[str, Any]]:
    """Return what a run would do with each session, and its problems; nothing is written.

    One row a session: ``session``, ``state``, ``would`` (analyse, keep, nothing), ``problems``.
    """
    plan = plan_cohort(options, stage)
    missing = {plan.keys[name] for name in plan.missing}
    rows = []
    with stage("checking") as show, ThreadPoolExecutor(options.n_workers or core_count()) as threads:
        good = [item for item in plan.sessions if item.name not in plan.problems]
        checks = threads.map(check_session, (item.folder for item in good))
        found = {item.name: check for item, check in zip(good, checks, strict=True)}
        for place, item in enumerate(plan.sessions):
            state, problems = found.get(item.name) or ("refused", [plan.problems[item.name]])
            key = plan.keys.get(item.name)
            is_kept = key is not None and key not in missing
            would = "keep" if is_kept else "nothing" if state == "refused" else "analyse"
            rows.append({"session": item.name, "state": state, "would": would, "problems": problems})
            show((place + 1) / len(plan.sessions))
    return rows


def run_cohort(
    options: CohortOptions,
    stage: Stage,
    prepare: Sequence[Callable[[], Any]] = (),
    analyse: Callable[[str, str], Outcome] = analyse_session,
) -> dict[str, Any]:
    """Bring a cohort up to date and return what ``run.json`` holds.

    stage : gives, for a label, a context whose value takes the share done. prepare : what has to be done once on a
    machine before its workers start (compiling); on a cluster it runs on one worker of each machine, then on all.
    analyse : the work on one session.

    Raises TallrunError for what concerns the whole: folders, Dask, the disk. A session that fails is a row.
    """
    began_s = time.monotonic()

    def at_first() -> None:  # before anything is written
        require_dask()
        if options.scheduler is None:
            begin()
            for step in prepare:
                step()

    plan = plan_cohort(options, stage, at_first)
    config = configuration()
    report: dict[str, Any] = {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "state": "unfinished",
        "options": {
            "is_deidentified": options.is_deidentified,
            "subject_level": options.subject_level,
            "limit": options.limit,
            "n_workers": None if options.scheduler else options.n_workers or core_count(),
            "scheduler": None if options.scheduler is None else "given",
        },
        "configuration": config,
        "algorithm_version": config["algorithm_version"],
        "config_sha256": config_sha256(config),
        "code_sha256": code_sha256(),
        "versions": versions(),
    }
    _begin(options.out, report)
    shards = ShardStore(options.out / WORK_FOLDER / "shards")
    failed = _do_missing(plan, options, shards, stage, prepare, analyse)
    entries = _entries(plan, failed, shards, options, report)
    write_json(
        options.out / "run.json", report
    )  # until the tables are replaced, all of them, it is not complete
    with stage("tables") as show:
        report["tables"] = assemble(options.out, entries, shards, not options.is_deidentified, show)
    if not plan.n_left_out:  # else a shard of a session beyond the limit would be thrown away
        shards.keep_only(set(plan.keys.values()))
    states = [item.values["status"] for item in entries]
    report["counts"] = {
        "sessions": len(entries),
        **{name: states.count(name) for name in ("ok", "refused", "failed")},
        "analysed_now": len(plan.missing) - len(failed),
        "beyond_limit": plan.n_left_out,
    }
    report["state"] = "complete"
    report["took_s"] = round(time.monotonic() - began_s, 3)
    write_json(options.out / "run.json", report)
    return report


def _do_missing(
    plan: Plan,
    options: CohortOptions,
    shards: ShardStore,
    stage: Stage,
    prepare: Sequence[Callable[[], Any]],
    analyse: Callable[[str, str], Outcome],
) -> dict[str, str]:
    """Analyse what has no shard; return why, by name, for those that failed."""
    failed: dict[str, str] = {}
    if not plan.missing:
        return failed
    folders = {item.name: str(item.folder.absolute()) for item in plan.sessions}
    work = ((name, (folders[name], plan.inputs[name])) for name in plan.missing)
    n_workers = min(options.n_workers or core_count(), len(plan.missing))
    with open_pool(n_workers, options.scheduler) as pool, stage("analysing") as show:
        if options.scheduler is not None:
            pool.prepare(*prepare)
        for done, (name, outcome, why) in enumerate(pool.run(analyse, work), 1):
            if outcome is not None and outcome.code_sha256 != code_sha256():
                raise UsageError("a worker runs another tallrun than this machine; install the same on both")
            if outcome is not None and outcome.shard is not None:
                shards.write(plan.keys[name], outcome.shard)
            else:
                failed[name] = why or (outcome.reason if outcome else None) or "no reason was given"
            show(done / len(plan.missing))
    return failed


def _entries(
    plan: Plan, failed: dict[str, str], shards: ShardStore, options: CohortOptions, report: dict[str, Any]
) -> list[Entry]:
    failed_keys = {plan.keys[name]: why for name, why in failed.items()}  # copies fail together
    contents: dict[str, ShardContent] = {}
    for item in plan.sessions:
        key = plan.keys.get(item.name)
        if key is not None and key not in failed_keys:
            # Of segments and flags only one session's are ever held; they are read again for the tables.
            contents[item.name] = replace(shards.read(key), segments={}, flags=[])
    people = _subjects(plan, contents, options)
    codes, days = _codes_and_days(people, plan, contents, options)
    entries = []
    for item in plan.sessions:
        key, content, person = plan.keys.get(item.name), contents.get(item.name), people.get(item.name)
        values = dict(content.row) if content else {}
        if content:
            status, reason = content.status, content.reason
        elif key is not None:
            status, reason = "failed", failed_keys[key]
        else:
            status, reason = "refused", plan.problems[item.name]
        values |= {
            "session": item.name,
            "subject_id": person,
            "subject_day": days.get(item.name),
            "status": status,
            "reason": reason,
            "algorithm_version": report["algorithm_version"],
            "input_sha256": plan.inputs.get(item.name),
            "config_sha256": report["config_sha256"],
            "code_sha256": report["code_sha256"],
            "content_sha256": key,
        }
        if options.is_deidentified:
            values = _deidentified(values, None if person is None else codes[person])
        entries.append(Entry(values, key if content else None))
    return sorted(entries, key=lambda entry: entry.values["session"])


def _deidentified(values: dict[str, Any], code: str | None) -> dict[str, Any]:
    out = {key: value for key, value in values.items() if key not in dict(IDENTIFIED_COLUMNS)}
    out["session"] = subjects.shown_name(values["session"], values["subject_id"], code)
    out["subject_id"] = code
    for name in ("surface", "session_kind"):
        out[name] = plain_word(values.get(name))
    if values["reason"] is not None:
        out["reason"] = without_quotes(values["reason"])
    return out


def _subjects(plan: Plan, contents: dict[str, ShardContent], options: CohortOptions) -> dict[str, str | None]:
    out: dict[str, str | None] = {}
    for item in plan.sessions:
        told = contents[item.name].row.get("subject_id") if item.name in contents else None
        if told is None and options.subject_level is not None:
            told = subjects.folder_subject(item.name, options.subject_level)
        out[item.name] = told
    return out


def _codes_and_days(
    people: dict[str, str | None], plan: Plan, contents: dict[str, ShardContent], options: CohortOptions
) -> tuple[dict[str, str], dict[str, int | None]]:
    theirs: dict[str, list[str]] = {}
    for name, person in people.items():
        if person is not None:
            theirs.setdefault(person, []).append(name)
    days: dict[str, int | None] = {}
    for names in theirs.values():
        starts = {name: contents[name].row.get("started_at") for name in names if name in contents}
        days |= subjects.days_since_first(starts)
    if not options.is_deidentified or not theirs:
        return {}, days
    path = options.out / WORK_FOLDER / "subjects.json"
    known = subjects.read_key(path)
    hashes = {person: [plan.inputs.get(name, name) for name in names] for person, names in theirs.items()}
    codes = subjects.subject_codes(known, hashes)
    # Who left the folder leaves the key too, unless the limit is why they are not seen.
    kept = known | codes if plan.n_left_out else codes
    if kept != known:
        subjects.write_key(path, kept)
    return codes, days


def _hash_of(item: FoundSession) -> str | SessionError:
    if item.problem is not None:
        return SessionError(item.problem)
    try:
        return input_sha256(item.folder)
    except SessionError as error:
        return error


def _check_folders(options: CohortOptions) -> None:
    for name in ("n_workers", "limit", "subject_level"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"{name} must be at least 1, got {value}")
    if options.out.resolve() == options.folder.resolve():
        raise UsageError(f"{options.out} holds the sessions; give the tables a folder of their own")
    if options.out.exists() and not options.out.is_dir():
        raise UsageError(f"{options.out} is a file; expected a folder for the tables")
    if options.out.is_dir() and not _is_cohort(options.out) and _visible(options.out):
        raise UsageError(f"{options.out} holds something else already; choose an empty or new folder")


def _is_cohort(out: Path) -> bool:
    try:
        return read_json(out / "run.json").get("format") == FORMAT_NAME
    except SessionError:
        return False


def _visible(folder: Path) -> Iterable[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def _begin(out: Path, report: dict[str, Any]) -> None:
    try:
        make_owner_folder(out)
        if not (out / "run.json").exists():  # first of all: it tells whose folder this is
            write_json(out / "run.json", report)
        make_owner_folder(out / WORK_FOLDER)
        for name in (*TABLE_NAMES, "run.json"):  # what a kill left half written
            for path in out.glob(f".{name}.partial-*"):
                path.unlink(missing_ok=True)
    except OSError as error:
        raise SessionError(f"{out} could not be made ({error.strerror or error})") from error
