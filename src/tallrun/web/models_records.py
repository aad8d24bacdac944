"""What the REST API takes and gives about recorded sessions, sensors and the rights over the records."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from tallrun.web.models import Taken, Text, Word
from tallrun.web.models_today import ScoreOut


class SessionOut(BaseModel):
    """A recorded session as the list shows it; numbers are null until it was analysed."""

    session_id: str
    name: str
    is_titled: bool = Field(description="Whether the name is one that a person gave.")
    folder_name: str
    started_at: datetime
    duration_s: float | None
    context: dict[str, Any]
    tags: list[str]
    note: str
    gait: Literal["run", "walk"] = Field(description="What the numbers are about: a walk where it was one.")
    gait_time_s: float | None = Field(description="Running, or walking of a walk.")
    distance_m: float | None = Field(description="Of the running; of the whole where a watch alone tells it.")
    speed_mps: float | None
    heart_rate_bpm: float | None
    climb_m: float | None
    distance_error_m: float | None = Field(
        description="The largest error found in tests like this run; null where nothing like it was tested."
    )
    distance_error_kind: str | None = Field(description="Of what kind the tests were: simulated, real.")
    cadence_spm: float | None
    valid_strides_pct: float | None
    flags: list[str]
    is_present: bool
    is_analysed: bool
    has_report: bool
    is_report_stale: bool = Field(
        description="Something was told of it since; only told where one session is asked for."
    )
    counts_as_run: bool
    thumbnail: list[float | None] | None = Field(description="cadence_spm in at most 48 points")


class RenameIn(Taken):
    """What a session is called; null leaves as it was."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = None
    note: Text | None = None
    tags: Annotated[list[Word], Field(max_length=20)] | None = None


class ScanOut(BaseModel):
    """What a scan found. moved: known ones whose folder was gone and is here now. refused: folder name -> why."""

    folder: str
    added: list[str]
    known: list[str]
    moved: list[str] = Field(default_factory=list)
    refused: dict[str, str]


class AnalysisOut(BaseModel):
    """How an analysis is doing; seconds_left is null until it can be told."""

    session_id: str
    state: Literal["none", "running", "done", "failed"]
    share: float
    seconds_left: float | None
    message: str


class TableOut(BaseModel):
    """Rows of a table as columns; unknown values are null."""

    n_rows: int
    start: int
    columns: dict[str, list[Any]]


class CourseOut(BaseModel):
    """Pain, gait and load on one time line."""

    from_date: date
    until_date: date
    sessions: list[dict[str, Any]]
    mornings: list[dict[str, Any]]
    load_by_day: list[dict[str, Any]]
    trends: list[str]
    patterns: list[dict[str, Any]]
    scores: list[ScoreOut]
    green_limit: int
    stop_above: int


class WatchFileOut(BaseModel):
    """What became of one file of a watch, or of one run in it."""

    name: str
    what: Literal["imported", "there already", "refused", "no watch files"]
    line: str


class SensorOut(BaseModel):
    """A paired sensor, and when its standing check last passed."""

    placement: str
    name: str
    address: str
    config: str
    paired_at: str
    calibrated_at: str | None


class SensorsOut(BaseModel):
    """What is paired. message: why nothing can be told, null when it can."""

    sensors: list[SensorOut]
    message: str | None


class AccessOut(BaseModel):
    """One line of the access log."""

    at: datetime
    actor: str
    action: str
    detail: str | None


class TakeOutIn(Taken):
    """What to put into an export or backup."""

    entered_by: Word = "runner"
    deidentify: bool = False
    with_sessions: bool = True


class EraseIn(Taken):
    """Erasing cannot be undone; ``confirm`` must be the word erase."""

    confirm: Literal["erase"]
    only_this_runner: bool = False
    also_outside: list[Annotated[str, StringConstraints(min_length=1, max_length=1000)]] = Field(
        default_factory=list, max_length=20,
        description="Folders outside the data folder that may be erased too, or hold such.",
    )  # fmt: skip


class ReceiptOut(BaseModel):
    """What was really removed, looked for afterwards."""

    erased_at: str
    scope: str
    rows: dict[str, int]
    removed: list[dict[str, Any]]
    left: list[dict[str, Any]]
    verified: list[str]
    complete: bool
