"""Route: what a table of sensor values seems to be. Nothing is kept."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from tallrun.errors import FormatError
from tallrun.sessions.csv_guess import guess_csv
from tallrun.web.problems import PROBLEMS

router = APIRouter(prefix="/api", tags=["tables"], responses=PROBLEMS)


class GuessOut(BaseModel):
    """What was understood, what a person must say, and the command; its words in capitals are to be filled in."""

    said: list[str]
    asked: list[str]
    command: str


@router.post("/tables/guess")
async def guess(request: Request, name: Annotated[str, Query(min_length=1, max_length=300)]) -> GuessOut:
    """Say what the beginning of a CSV file, the raw body, seems to hold; ``name`` is the file's, only ever shown."""
    return await run_in_threadpool(_guess, name, await request.body())


def _guess(name: str, content: bytes) -> GuessOut:
    shown = (
        re.sub(r"[^\w.() -]", "_", name.replace("\\", "/").rpartition("/")[2])[-80:].lstrip(".-") or "FILE"
    )
    with TemporaryDirectory(prefix="tallrun-") as place:
        path = Path(place) / shown
        path.write_bytes(content)
        try:
            found = guess_csv(path)
        except FormatError as error:
            raise FormatError(str(error).replace(str(path), shown)) from None
    return GuessOut(said=found.said, asked=found.asked, command=replace(found, path=Path(shown)).command())
