"""Whose session it is: from ``session.json`` or a level of folders, and by which code it is shown.

A code must say nothing about its bearer and yet be the same however often and with however many workers the
cohort is made. It is taken from the hash of the recorded signals, which nobody has who has not the recordings,
and kept in the key file, so that it stays when sessions are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from tallrun.errors import SessionError
from tallrun.sessions._files import read_json, write_json


def subject_codes(known: Mapping[str, str], contents: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return a code for each subject.

    known : codes given earlier, kept. contents : subject -> hashes of the sessions of theirs.
    """
    codes = {name: known[name] for name in contents if name in known}
    taken = set(known.values())
    for name, hashes in sorted(contents.items(), key=lambda item: (sorted(item[1]), item[0])):
        if name in codes:
            continue
        turn = 0
        while True:
            seed = "\n".join([*sorted(hashes), str(turn)])
            code = f"S{sha256(seed.encode()).hexdigest()[:10]}"
            if code not in taken:
                break
            turn += 1
        codes[name] = code
        taken.add(code)
    return codes


def folder_subject(name: str, level: int) -> str | None:
    """Return the folder at ``level`` (1: the first below the folder searched) of a session's name, None if higher."""
    parts = name.split("/")
    return parts[level - 1] if len(parts) >= level and name != "." else None


def shown_name(name: str, subject: str | None, code: str | None) -> str:
    """Return a session's name with every folder that is called like its subject replaced by the code."""
    if subject is None or code is None:
        return name
    return "/".join(code if part == subject else part for part in name.split("/"))


def days_since_first(started_at: Mapping[str, str | None]) -> dict[str, int | None]:
    """Return whole calendar days from the earliest session to each, by local date; None where a start is unknown."""
    dates = {name: datetime.fromisoformat(text).date() for name, text in started_at.items() if text}
    first = min(dates.values(), default=None)
    return {name: (dates[name] - first).days if first and name in dates else None for name in started_at}


def read_key(path: Path) -> dict[str, str]:
    """Return the key file: subject -> code; empty when there is none. Raises SessionError when it is damaged."""
    if not path.exists():
        return {}
    content = read_json(path).get("codes")
    if not isinstance(content, dict) or not all(isinstance(code, str) for code in content.values()):
        raise SessionError(f"{path} is damaged; subjects would get other codes: restore or remove it")
    return content


def write_key(path: Path, codes: Mapping[str, str]) -> None:
    """Write the key file, readable by its owner only."""
    write_json(
        path,
        {
            "note": "whose session is whose: keep it apart from the tables",
            "codes": dict(sorted(codes.items())),
        },
    )
