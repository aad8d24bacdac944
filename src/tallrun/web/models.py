"""What the REST API takes and gives about entries and plans (design 5.4); unit-suffixed, unknown is null."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tallrun.recovery.model import (
    Painkiller,
    PainKind,
    Quality,
    Side,
    State,
    StopReason,
    Surface,
)

Score = Annotated[int, Field(strict=True, ge=0, le=10, description="0 (no pain) to 10, whole numbers.")]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
WhenText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40),
    Field(
        description="2026-03-01T07:30+01:00, 2026-03-01T07:30 (runner's zone) or 07:30 for today; null is now."
    ),
]
Rung = Annotated[str, StringConstraints(pattern=r"^[VFIHvfih][0-9]$")]
Positive = Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]
InclinePct = Annotated[float, Field(ge=-45, le=45, allow_inf_nan=False)]
Minutes = Annotated[float, Field(gt=0, le=1440, allow_inf_nan=False)]


class Taken(BaseModel):
    """Base of what comes in: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class ByWhom(Taken):
    """Base of entries."""

    entered_by: Word = "runner"


class PainIn(ByWhom):
    """One pain score; side and site default to the index ones."""

    kind: PainKind
    score: Score
    at: WhenText | None = None
    side: Side | None = None
    site: Word | None = None
    quality: Quality | None = None
    session_id: Word | None = None
    provoked_by: Word | None = None
    load_test: Word | None = None
    painkiller: Painkiller = "none"
    painkiller_at: WhenText | None = None
    limping: bool | None = None
    new_place: bool = Field(False, description="Yes, this pain is on another side or site than before.")


class PainFix(ByWhom):
    """What was wrong about a score; null leaves as it was."""

    kind: PainKind | None = None
    score: Score | None = None
    at: WhenText | None = None
    side: Side | None = None
    site: Word | None = None
    quality: Quality | None = None
    session_id: Word | None = None
    provoked_by: Word | None = None
    load_test: Word | None = None
    painkiller: Painkiller | None = None
    painkiller_at: WhenText | None = None
    limping: bool | None = None
    withdraw: bool = False
    new_place: bool = False


class PainOut(BaseModel):
    """A pain row as it is kept."""

    pain_id: str
    session_id: str | None
    at: datetime
    kind: PainKind
    score: int
    side: Side
    site: str
    quality: Quality | None
    provoked_by: str | None
    load_test: str | None
    painkiller: Painkiller
    painkiller_at: datetime | None
    limping: Literal["yes", "no"] | None
    entered_by: str
    supersedes: str | None
    in_force: bool = True
    not_counted: str | None = None
    warnings: list[str] = []


class ExerciseIn(ByWhom):
    """One exercise with its pain scores."""

    phase: Annotated[int, Field(ge=1, le=3)]
    name: Word
    at: WhenText | None = None
    sets: Annotated[int, Field(ge=1, le=100)] | None = None
    reps: Annotated[int, Field(ge=1, le=1000)] | None = None
    load_kg: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | None = None
    pain_before: Score | None = None
    pain_during: Score | None = None
    pain_after: Score | None = None


class ExercisePainIn(ByWhom):
    """How a strength session felt: the worst during it, and right after."""

    pain_during: Score | None = None
    pain_after: Score | None = None


class ExerciseOut(BaseModel):
    """An exercise row as it is kept."""

    exercise_id: str
    at: datetime
    phase: int
    name: str
    sets: int | None
    reps: int | None
    load_kg: float | None
    pain_before: int | None
    pain_during: int | None
    pain_after: int | None


class RunIn(ByWhom):
    """A run or walk without sensors."""

    minutes: Minutes
    at: WhenText | None = Field(None, description="Its start; null: it has just ended.")
    rung: Rung | None = None
    run_minutes: Annotated[float, Field(ge=0, le=1440, allow_inf_nan=False)] | None = None
    distance_m: Positive | None = None
    surface: Surface | None = None
    cambered: bool = False
    fastest_mps: Annotated[float, Field(gt=0, le=12.5, allow_inf_nan=False)] | None = None
    incline_min_pct: InclinePct | None = None
    incline_max_pct: InclinePct | None = None
    session_rpe: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    limping: bool | None = None
    stop_reason: StopReason = "none"
    sharp_change: bool = False
    pain_before: Score | None = None
    pain_during: Score | None = None
    pain_after: Score | None = None
    shoe: Word | None = None


class CountIn(ByWhom):
    """Whether a session is a run of the record, and the answers that grade it; null is not told.

    same_run : it is the run the question names. as_planned : it was the plan of that day.
    """

    count: bool = True
    same_run: bool | None = None
    as_planned: bool | None = None
    at: WhenText | None = Field(None, description="Its start, for a session that does not say it.")
    stopped_for_pain: bool | None = None
    limping: bool | None = None
    pain_before: Score | None = None
    pain_during: Score | None = None
    pain_after: Score | None = None
    session_rpe: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    shoe: Word | None = None


class CountOut(BaseModel):
    """What became of a session; run_id: the run of the record it belongs to."""

    what: Literal["counted", "merged", "left_out"]
    run_id: str | None
    pain_scores: int = 0


class RunOut(BaseModel):
    """A run as the rules see it."""

    session_id: str
    started_at: datetime
    ended_at: datetime
    minutes: float
    rung: str | None
    run_minutes: float | None
    distance_m: float | None
    surface: Surface | None
    session_rpe: float | None
    limping: bool | None
    stop_reason: StopReason
    pain_scores: int = 0


class LimpingIn(ByWhom):
    """Answer to "did you limp"."""

    limping: bool


class ScreenIn(ByWhom):
    """Answers to the screening questions: true, false, null for not answered."""

    answers: Annotated[dict[str, bool | None], Field(max_length=100)]
    qualities: Annotated[list[Quality], Field(max_length=4)] = []
    operation_on: date | None = None
    injection_on: date | None = None
    at: WhenText | None = None


class Question(BaseModel):
    """One screening question."""

    id: str
    text: str
    rule: str


class ScreenOut(BaseModel):
    """The questions, the last answers, and what is still open."""

    questions: list[Question]
    at: datetime | None
    answers: dict[str, bool | None]
    qualities: list[str]
    unanswered: list[str]


class PlanIn(ByWhom):
    """A planned session; leave all out in a check to take the one planned for today."""

    at: WhenText | None = None
    rung: Rung | None = None
    run_minutes: Annotated[float, Field(ge=0, le=1440, allow_inf_nan=False)] | None = None
    distance_m: Positive | None = None
    fastest_mps: Annotated[float, Field(gt=0, le=12.5, allow_inf_nan=False)] | None = None
    incline_min_pct: InclinePct | None = None
    incline_max_pct: InclinePct | None = None
    surface: Surface | None = None
    cambered: bool = False
    kinds: Annotated[list[Literal["I", "H"]], Field(max_length=2)] = []
    runs_per_week: Annotated[int, Field(ge=1, le=14)] | None = None


class PlanOut(BaseModel):
    """A planned session as it is kept."""

    plan_id: str | None = None
    starts_at: datetime
    rung: str | None
    run_minutes: float | None
    distance_m: float | None
    speed_mps: float | None
    incline_min_pct: float | None
    incline_max_pct: float | None
    surface: Surface | None
    cambered: bool
    kinds: list[str]
    runs_per_week: int | None


class PlanAnswerOut(BaseModel):
    """A planned session against today's verdict."""

    plan: PlanOut
    state: State
    rung: str | None
    accepted: bool
    rules: list[str]
    cap_m: float | None
    cap_minutes: float | None
    sentences: list[str]


class ClinicianIn(Taken):
    """A dated entry: it may tighten anything, raise the green limit to at most 5, hold, permit or clear."""

    entered_by: Word = "clinician"
    at: WhenText | None = None
    expires_on: date | None = Field(None, description="Last date it holds; null: until it is ended.")
    clears: bool = False
    hold: bool = False
    cap: Rung | None = None
    green_limit: Annotated[int, Field(ge=0, le=5)] | None = None
    permits_rung: Rung | None = None
    first_gait_step: Literal["cadence", "tall", "tilt"] | None = None
    max_cadence_rise_pct: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] | None = None
    tighten: Annotated[
        dict[Annotated[str, StringConstraints(max_length=80)], Annotated[float, Field(allow_inf_nan=False)]],
        Field(max_length=20),
    ] = {}
    note: Text = ""


class ClinicianOut(BaseModel):
    """A clinician's entry as it is kept, and in words."""

    clinician_id: str
    at: datetime
    expires_at: datetime | None
    clears: bool
    hold: bool
    cap: str | None
    green_limit: int | None
    permits_rung: str | None
    first_gait_step: str | None
    max_cadence_rise_pct: float | None
    tighten: dict[str, float]
    note: str
    entered_by: str
    in_force: bool
    words: str


class Ended(BaseModel):
    """Which entry was ended, and when."""

    ended: str
    at: datetime


class EndIn(Taken):
    """Who ends it."""

    entered_by: Word = "clinician"


class DiagnosisIn(Taken):
    """A diagnosis a clinician has made, in words."""

    entered_by: Word = "clinician"
    at: WhenText | None = None
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class DiagnosisOut(BaseModel):
    """The diagnosis on record."""

    at: datetime
    by_clinician: bool
    text: str


class FocusOut(BaseModel):
    """The one change of gait that is open, starts or waits."""

    action: Literal["start", "stay", "again", "withdrawn", "wait", "none"]
    step: str | None
    rule: str
    cued: bool
    target_spm: float | None
    session_of_fade: int | None
    sentence: str
    own_cadence_spm: float | None
    own_speed_mps: float | None
    own_reason: str | None
    n_sessions: int


class ExperimentIn(ByWhom):
    """What of a trial of one runner is chosen; its level, dose and length follow from the records."""

    way_a: Word = "own cadence"
    way_b: Word = "cued cadence"
    washout_runs: Annotated[int, Field(strict=True, ge=0, le=3)] = 0
    worthwhile: Annotated[float, Field(ge=0.5, le=5.0, allow_inf_nan=False, description="Points.")] = 1.0


class ExperimentRunIn(ByWhom):
    """Whether a run was run as the trial asked; without an id it is the last run."""

    as_told: bool
    session_id: Word | None = None


class ExperimentEndIn(ByWhom):
    """Why a trial is closed."""

    why: Text = ""


class NextRunOut(BaseModel):
    """How the next run of a trial is run."""

    way: str
    counts: bool
    rung: str
    run_minutes: float


class ExperimentOut(BaseModel):
    """Where the newest trial stands; the order, its key and the finding are null until it is over."""

    state: Literal["none", "open", "waiting", "ended", "finished", "closed"]
    sentences: list[str]
    experiment_id: str | None = None
    opened_at: datetime | None = None
    opened_by: str | None = None
    way_a: str | None = None
    way_b: str | None = None
    rung: str | None = None
    run_minutes: float | None = None
    n_pairs: int | None = None
    washout_runs: int | None = None
    worthwhile: float | None = None
    load_test: str | None = None
    seal: str | None = None
    runs_done: int = 0
    runs_in_all: int = 0
    next: NextRunOut | None = None
    closed_at: datetime | None = None
    closed_why: str | None = None
    visa_h: dict[str, int | None] | None = None
    finding: dict[str, Any] | None = None
    order: str | None = None
    key: str | None = None


class VisaIn(ByWhom):
    """Total of a VISA-H form."""

    total: Annotated[int, Field(strict=True, ge=0, le=100, description="100 is well.")]
    at: WhenText | None = None


class VisaOut(BaseModel):
    """A VISA-H total on record."""

    at: datetime
    total: int
