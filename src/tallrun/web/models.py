"""What the REST API takes and gives: the contracts of design 5.4 and 5.5, unit-suffixed, unknown is null."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tallrun.recovery.model import (
    Grade,
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
    morning_scores: Annotated[list[Score], Field(max_length=28)] = []
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


class StatusOut(BaseModel):
    """What this server is and whose records it shows."""

    version: str
    runners: list[str]
    is_set_up: bool
    sessions_folder: str | None


class ProtocolOut(BaseModel):
    """Which rules were applied."""

    name: str
    version: str
    sha256: str


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
    """The verdict with its words and its dose in blocks."""

    sentences: list[str]
    run_minutes: float | None
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
    exercise: ExercisePlanOut | None = Field(description="null where the verdict refers to a doctor or clinician")


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


class SessionOut(BaseModel):
    """A recorded session as the list shows it; numbers are null until it was analysed."""

    session_id: str
    name: str
    folder_name: str
    started_at: datetime
    duration_s: float | None
    context: dict[str, Any]
    tags: list[str]
    note: str
    run_time_s: float | None
    cadence_spm: float | None
    valid_strides_pct: float | None
    flags: list[str]
    is_present: bool
    is_analysed: bool
    has_report: bool
    counts_as_run: bool
    thumbnail: list[float | None] | None = Field(description="cadence_spm in at most 48 points")


class RenameIn(Taken):
    """What a session is called; null leaves as it was."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = None
    note: Text | None = None
    tags: Annotated[list[Word], Field(max_length=20)] | None = None


class ScanOut(BaseModel):
    """What a scan found. refused: folder name -> why."""

    folder: str
    added: list[str]
    known: list[str]
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
    also_outside: bool = Field(False, description="Also session folders outside the data folder.")


class ReceiptOut(BaseModel):
    """What was really removed, looked for afterwards."""

    erased_at: str
    scope: str
    rows: dict[str, int]
    removed: list[dict[str, Any]]
    left: list[dict[str, Any]]
    verified: list[str]
    complete: bool


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


class VisaIn(ByWhom):
    """Total of a VISA-H form."""

    total: Annotated[int, Field(strict=True, ge=0, le=100, description="100 is well.")]
    at: WhenText | None = None


class VisaOut(BaseModel):
    """A VISA-H total on record."""

    at: datetime
    total: int
