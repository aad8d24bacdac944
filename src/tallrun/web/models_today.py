"""What the REST API gives about today: who runs, the verdict, what is due, the ladder; and what a set-up takes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from tallrun.recovery.model import Grade, PainKind, Side, State
from tallrun.web.models import ByWhom, Positive, Score, Taken, Text, Word


class SetupIn(ByWhom):
    """Who runs; what is left out stays as it was."""

    code: Word = Field("me", description="A short name for this runner.")
    side: Side | None = None
    site: Word | None = None
    time_zone: Annotated[str, StringConstraints(max_length=64)] | None = Field(None, description="IANA name.")
    born_on: date | None = None
    height_m: Positive | None = None
    leg_length_m: Positive | None = None
    mass_kg: Positive | None = None
    easy_speed_mps: Positive | None = None
    fast_speed_mps: Positive | None = None
    diagnosed_by: Literal["clinician", "own", "none"] | None = None
    diagnosis_text: Text = ""
    phase: Annotated[int, Field(ge=1, le=3)] | None = None
    morning_scores: Annotated[list[Score], Field(max_length=28)] = Field(default_factory=list)
    load_test: Literal["double_leg_bridge", "single_leg_bridge"] | None = None


class ProfileOut(BaseModel):
    """Who runs, as it is kept."""

    side: Side
    site: str
    time_zone: str
    born_on: date | None
    height_m: float | None
    leg_length_m: float | None
    mass_kg: float | None
    easy_speed_mps: float | None
    fast_speed_mps: float | None


class ShownOut(BaseModel):
    """How numbers are shown: the unit of way, and the first day of a week."""

    length: Literal["km", "mile"]
    week_starts: Literal["monday", "sunday"]


class ShownIn(Taken):
    """What to set."""

    length: Literal["km", "mile"] = "km"
    week_starts: Literal["monday", "sunday"] = "monday"


class StatusOut(BaseModel):
    """What this server is and whose records it shows."""

    version: str
    runners: list[str]
    is_set_up: bool
    sessions_folder: str | None
    shown: ShownOut
    trial: Literal["offered", "on"] | None = Field(
        description="Whether an invented runner may be set up or is, with emulated sensors; null with real ones."
    )


class ProtocolOut(BaseModel):
    """Which rules were applied."""

    name: str
    version: str
    sha256: str


class FormOut(BaseModel):
    """How a question is answered: POST ``body`` with what is asked to ``path``.

    asks : name -> score (0-10), yes_no, time, date or screen. command : the same as a command.
    """

    path: str
    body: dict[str, Any]
    asks: dict[str, str]
    optional: list[str]
    command: str


class ConditionOut(BaseModel):
    """One thing a run needs: met, not met or (null) not known; what to do, who can, and from when at the earliest."""

    id: str
    met: bool | None
    text: str
    action: str | None
    who: Literal["runner", "time", "clinician"] | None
    earliest: datetime | None
    ask: str | None


class VerdictOut(BaseModel):
    """Today's verdict (design 5.5)."""

    state: State
    rung: str | None
    rules: list[str]
    inputs: dict[str, Any]
    sources: list[str]
    notices: list[str]
    changes_if: str
    protocol: ProtocolOut
    as_of: datetime
    valid_until: datetime
    reason: str
    way_out: list[ConditionOut]


class DoseOut(BaseModel):
    """One block of the dose."""

    mode: Literal["run", "walk"]
    minutes: float


class ReasonOut(BaseModel):
    """One rule that decided, in a sentence, with its sources."""

    rule: str
    text: str
    sources: list[str]


class InputOut(BaseModel):
    """One thing the verdict looked at."""

    what: str
    value: str


class CardOut(VerdictOut):
    """The verdict with its words and its dose in blocks.

    name : what the state is called. news : notices not told yesterday; what goes on unchanged is only in ``notices``.
    n_lead : how many of the first sentences say what today is; the rest say why. offers_walk : a walk is fine or asked
    for now, and no run is.
    """

    name: str
    news: list[str]
    n_lead: int
    sentences: list[str]
    run_minutes: float | None
    offers_walk: bool
    dose: list[DoseOut]
    reasons: list[ReasonOut]
    looked_at: list[InputOut]


class DueOut(BaseModel):
    """One question that is open or coming."""

    question: str
    text: str
    opens_at: datetime
    best_at: datetime
    closes_at: datetime
    session_id: str | None
    open: bool
    load_test: str | None
    form: FormOut


class GradeOut(BaseModel):
    """Grade of one session."""

    session_id: str
    grade: Grade
    rule: str
    text: str


class ScoreOut(BaseModel):
    """One score of the strip."""

    at: datetime
    kind: PainKind
    score: int
    masked: bool


class DayOut(BaseModel):
    """One local date of the strip."""

    date: date
    run_minutes: float
    walk_minutes: float
    grades: list[GradeOut]
    scores: list[ScoreOut]
    exercises: int


class WeekDayOut(BaseModel):
    """One date of a week; worst is null where no score was given."""

    day: date
    planned: list[str]
    n_runs: int
    n_walks: int
    n_advised: int
    run_minutes: float
    walk_minutes: float
    worst: int | None
    n_masked: int
    n_exercises: int
    n_met: int
    is_ahead: bool
    is_today: bool


class WeekOut(BaseModel):
    """Seven days, and what is to be said about them."""

    days: list[WeekDayOut]
    sentences: list[str]


class DoseOfExercise(BaseModel):
    """One exercise of the phase; ``done_today`` is the id of today's entry."""

    name: str
    dose: str
    per_week: str
    source: str
    done_today: str | None
    done_7d: int


class ExercisePlanOut(BaseModel):
    """The exercise phase."""

    phase: int
    title: str
    goal: str
    sentences: list[str]
    rules: list[str]
    sources: list[str]
    greens_in_a_row: int
    sessions_in_7_days: int
    exercises: list[DoseOfExercise]


class WhoOut(BaseModel):
    """The index side, site and time zone."""

    side: Side
    site: str
    time_zone: str


class TodayOut(BaseModel):
    """Everything the Today page shows."""

    runner: WhoOut
    verdict: CardOut
    due: list[DueOut]
    strip: list[DayOut]
    exercise: ExercisePlanOut | None = Field(
        description="null where the verdict refers to a doctor or clinician"
    )


class RungOut(BaseModel):
    """One level of the ladder."""

    rung: str
    work: str
    here: bool


class AdviceOut(BaseModel):
    """One advice given."""

    at: datetime
    state: State
    rung: str | None
    rules: list[str]


class LadderOut(BaseModel):
    """The ladder and the advice given so far."""

    state: State
    rung: str | None
    ladder: list[RungOut]
    advice: list[AdviceOut]
