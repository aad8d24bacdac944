"""Routes: sensors, and the runner's rights over the records: export, backup, erase, who looked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from tallrun.errors import StoreError
from tallrun.journal import rights
from tallrun.live.devices import PAIRING_FILE, STANDING_FILE
from tallrun.store.erase import erase as remove
from tallrun.web.desk import Mine, OpenDesk
from tallrun.web.models_records import AccessOut, EraseIn, ReceiptOut, SensorOut, SensorsOut, TakeOutIn
from tallrun.web.problems import PROBLEMS

router = APIRouter(prefix="/api", tags=["records"], responses=PROBLEMS)


@router.get("/sensors")
def sensors(mine: Mine) -> SensorsOut:
    """Return the paired sensors and when their standing check last passed."""
    folder = mine.store.folder
    if folder is None:
        return SensorsOut(
            sensors=[], message="These records are on a server; sensors are paired on the runner's machine."
        )
    try:
        paired = _read(folder / PAIRING_FILE).get("sensors", [])
        stood = _read(folder / STANDING_FILE).get("sensors", {})
        found = [
            SensorOut(
                placement=item["placement"], name=item.get("name", ""), address=item["address"],
                config=item["config"], paired_at=item.get("paired_at", ""),
                calibrated_at=(stood.get(item["placement"]) or {}).get("at"),
            )
            for item in paired
        ]  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return SensorsOut(sensors=[], message="The pairing file cannot be read. Pair the sensors again.")
    return SensorsOut(sensors=found, message=None)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(path.name)
    return found


@router.get("/access-log", response_model=list[AccessOut])
def access_log(mine: Mine) -> Any:
    """Return who looked at the records or took them out, newest first."""
    return [dict(row._mapping) for row in reversed(mine.store.access_log(mine.runner_id))]


@router.post("/export", response_class=FileResponse)
def export(mine: Mine, desk: OpenDesk, given: TakeOutIn) -> FileResponse:
    """Return everything kept about a runner as one zip: JSON, CSV and session folders."""
    file = rights.export_zip(
        mine,
        by=desk.signature(given.entered_by),
        deidentify=given.deidentify,
        with_sessions=given.with_sessions,
    )
    return _download(file)


@router.post("/backup", response_class=FileResponse)
def backup(mine: Mine, desk: OpenDesk, given: TakeOutIn) -> FileResponse:
    """Return a backup of all records as one zip; ``tallrun data restore`` brings it back."""
    return _download(
        rights.backup_file(mine, by=desk.signature(given.entered_by), with_sessions=given.with_sessions)
    )


def _download(file: Path) -> FileResponse:
    return FileResponse(
        file, filename=file.name, media_type="application/zip",
        background=BackgroundTask(rights.discard, file.parent),
    )  # fmt: skip


@router.post("/erase", response_model=ReceiptOut)
def erase(mine: Mine, desk: OpenDesk, given: EraseIn) -> Any:
    """Erase this runner, or everything, and return the receipt. This cannot be undone."""
    try:
        done = remove(
            mine.store, mine.now, runner_id=mine.runner_id if given.only_this_runner else None,
            also_outside=tuple(Path(folder) for folder in given.also_outside),
        )  # fmt: skip
    except StoreError:
        desk.close()
        raise
    desk.close()
    return done.as_dict()
