"""Routes: the index of recorded sessions, their tables, analysis and report."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from tallrun.errors import SessionError
from tallrun.journal import course, offers, sessions
from tallrun.journal.desk import Records
from tallrun.journal.entries import RunAnswers
from tallrun.web.desk import Mine, OpenDesk
from tallrun.web.jobs import Jobs
from tallrun.web.models import CountIn, CountOut
from tallrun.web.models_records import (
    AnalysisOut,
    CourseOut,
    RenameIn,
    ScanOut,
    SessionOut,
    TableOut,
    WatchFileOut,
)
from tallrun.web.models_today import DueOut
from tallrun.web.problems import PROBLEMS
from tallrun.web.security import REPORT_POLICY

router = APIRouter(prefix="/api", tags=["sessions"], responses=PROBLEMS)
SessionId = Annotated[str, Path(min_length=1, max_length=64, description="As the list of sessions gives it.")]
#: Shown inside our own page only, and as if it came from nowhere: it can reach neither the records nor the API.
FRAMED_REPORT_POLICY = (
    f"{REPORT_POLICY}; frame-ancestors 'self'; sandbox allow-scripts allow-modals allow-downloads"
)


@router.get("/sessions", response_model=list[SessionOut])
def list_sessions(mine: Mine, query: Annotated[str, Query(max_length=200)] = "") -> Any:
    """List recorded sessions, newest first; every word of ``query`` must be found in name, context, tags or note."""
    return sessions.listing(mine, query)


@router.post("/sessions/scan")
def scan(mine: Mine, desk: OpenDesk) -> ScanOut:
    """Look through the sessions folder and index what is there; nothing is analysed."""
    folder = desk.sessions_folder
    if folder is None:
        raise SessionError("These records have no folder; start the app with --sessions FOLDER.")
    if not folder.exists():
        return ScanOut(folder=str(folder), added=[], known=[], refused={})
    return ScanOut(folder=str(folder), **asdict(sessions.scan(mine, folder)))


@router.post("/sessions/watch", status_code=201, response_model=list[WatchFileOut])
async def take_watch_file(
    request: Request, mine: Mine, desk: OpenDesk, name: Annotated[str, Query(min_length=1, max_length=300)]
) -> Any:
    """Take one file of a watch (FIT, TCX, GPX) or an archive of them, as the raw body; says what became of each run."""
    folder = desk.sessions_folder
    if folder is None:
        raise SessionError("These records have no folder; start the app with --sessions FOLDER.")
    return await run_in_threadpool(sessions.take_watch_file, mine, folder, name, await request.body())


@router.get("/sessions/{session_id}/run", response_model=DueOut)
def ask_run(mine: Mine, session_id: SessionId) -> Any:
    """Return the question whether a session counts as a run, with its form, however old it is."""
    return asdict(offers.question_of(mine, session_id)) | {"open": True}


@router.get("/sessions/{session_id}", response_model=SessionOut)
def get_session(mine: Mine, session_id: SessionId) -> Any:
    """Return one session of the list."""
    return sessions.one(mine, session_id)


@router.post("/sessions/{session_id}/rename", response_model=SessionOut)
def rename(mine: Mine, session_id: SessionId, given: RenameIn) -> Any:
    """Give a session a title, note or tags, in the index only; the recording stays as it is."""
    return sessions.rename(mine, session_id, title=given.title, note=given.note, tags=given.tags)


@router.post("/sessions/{session_id}/run", response_model=CountOut)
def count_run(mine: Mine, session_id: SessionId, given: CountIn) -> Any:
    """Count a session as a run of the record, say which run it is another view of, or leave it out."""
    stop = {None: None, True: "pain", False: "none"}[given.stopped_for_pain]
    told = RunAnswers(
        at=given.at, session_rpe=given.session_rpe, limping=given.limping, stop_reason=stop, shoe=given.shoe,
        pain=(given.pain_before, given.pain_during, given.pain_after),
    )  # fmt: skip
    return asdict(
        offers.count(
            mine, session_id, told, by=given.entered_by, count=given.count, same_run=given.same_run,
            as_planned=given.as_planned,
        )
    )  # fmt: skip


@router.post("/sessions/{session_id}/analysis", status_code=202)
def analyse(request: Request, mine: Mine, session_id: SessionId) -> AnalysisOut:
    """Start an analysis: tables and report are written beside the session."""
    sessions.folder_of(sessions.find(mine, session_id))
    jobs: Jobs = request.app.state.jobs
    jobs.start(session_id, lambda progress: sessions.analyse(mine, session_id, progress))
    return _analysis(jobs, mine, session_id)


@router.get("/sessions/{session_id}/analysis")
def analysis(request: Request, mine: Mine, session_id: SessionId) -> AnalysisOut:
    """Say how the analysis of a session is doing."""
    sessions.find(mine, session_id)
    return _analysis(request.app.state.jobs, mine, session_id)


@router.get("/sessions/{session_id}/summary")
def summary(mine: Mine, session_id: SessionId) -> dict[str, Any]:
    """Return the session's summary, as ``tallrun analyze --json``."""
    return sessions.summary(mine, session_id)


@router.get("/sessions/{session_id}/tables/{name}", response_model=TableOut)
def table(
    mine: Mine,
    session_id: SessionId,
    name: Literal["strides", "segments", "timeline"],
    start: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    count: Annotated[int, Query(ge=1, le=20_000)] = 5000,
) -> Any:
    """Return rows of strides, segments or timeline as columns."""
    return sessions.table(mine, session_id, name, start, count)


@router.get("/sessions/{session_id}/report", response_class=FileResponse)
def report(mine: Mine, session_id: SessionId) -> FileResponse:
    """Return the single-file report of an analysed session."""
    return FileResponse(
        sessions.report_path(mine, session_id), media_type="text/html",
        headers={"content-security-policy": FRAMED_REPORT_POLICY},
    )  # fmt: skip


@router.get("/course", response_model=CourseOut)
def get_course(mine: Mine, days: Annotated[int, Query(ge=7, le=3650)] = 56) -> Any:
    """Return pain, gait and load on one time line."""
    return course.course(mine, days) | {"scores": course.scores_since(mine, days)}


def _analysis(jobs: Jobs, mine: Records, session_id: str) -> AnalysisOut:
    job, left = jobs.of(session_id)
    state = job.state
    if state == "none" and sessions.one(mine, session_id)["is_analysed"]:
        state = "done"
    return AnalysisOut(
        session_id=session_id, state=state, share=job.share, seconds_left=left, message=job.message
    )
