"""Errors as the pages and programs see them: one plain line and a code; never a stack trace."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from tallrun.errors import EntryError, SessionError, StoreError, TallrunError
from tallrun.journal.desk import NotThereError


class NotSetUpError(EntryError):
    """Nobody is set up in these records yet."""

    def __init__(self) -> None:
        super().__init__("Nothing is set up yet. Say who runs first, on the Today page.")


class Problem(BaseModel):
    """What went wrong, in one line that says what to do."""

    code: str = Field(description="not_set_up, not_found, refused, busy, wrong_input or internal.")
    message: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such thing in these records."},
    409: {"model": Problem, "description": "The records cannot do this now."},
    422: {"model": Problem, "description": "What was given cannot be accepted."},
}


def _answer(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": " ".join(message.split())}, status_code=status)


def add_problem_handlers(app: FastAPI) -> None:
    """Turn every error into a ``Problem``."""

    async def deliberate(_: Request, error: Exception) -> JSONResponse:
        said = error.plain if isinstance(error, TallrunError) else str(error)
        if isinstance(error, NotSetUpError):
            return _answer(404, "not_set_up", said)
        if isinstance(error, NotThereError | SessionError):
            return _answer(404, "not_found", said)
        if isinstance(error, StoreError):
            return _answer(409, "busy", said)
        return _answer(422, "refused", said)

    async def wrong_input(_: Request, error: Exception) -> JSONResponse:
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        # What came in is not repeated: it may hold anything, of any length.
        message = str(first["msg"]).removeprefix("Value error, ")
        return _answer(422, "wrong_input", f"{where}: {message}" if where else message)

    async def plain(_: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = str(error.detail) if isinstance(error, HTTPException) else ""
        answer = _answer(status, "not_found" if status == 404 else "refused", text)
        if isinstance(error, HTTPException) and error.headers:
            answer.headers.update(error.headers)
        return answer

    async def unforeseen(_: Request, error: Exception) -> JSONResponse:
        return _answer(
            500,
            "internal",
            f"tallrun made a mistake here ({type(error).__name__}). Nothing was kept; please report it.",
        )

    app.add_exception_handler(TallrunError, deliberate)
    app.add_exception_handler(RequestValidationError, wrong_input)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, unforeseen)
