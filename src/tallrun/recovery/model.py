"""Plain data of the recovery room: what was logged, what was asked, what is planned. Nothing here decides.

Every class is frozen and checks itself on construction (``EntryError``). Every instant is a time-zone-aware
``datetime``; local dates come from ``Runner.time_zone``. Unknown is None, never 0 and never a default.
The rows are those of the pain, exercise and manual-run contract; the store keeps and returns exactly these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tallrun.errors import EntryError

PainKind = Literal["before", "during", "after", "morning", "h24", "h48", "rest", "exercise"]
Side = Literal["left", "right", "both"]
Quality = Literal["ache", "sharp", "burning", "tingling"]
Painkiller = Literal["none", "oral", "topical", "injection"]
StopReason = Literal["none", "pain", "other"]
Surface = Literal["treadmill", "road", "trail"]
Grade = Literal["GREEN", "AMBER", "LATE", "RED", "UNKNOWN"]
State = Literal["REFER", "CLINICIAN", "REST48", "LOG_FIRST", "WALK", "REST_DAY", "RUN"]

PAIN_KINDS = ("before", "during", "after", "morning", "h24", "h48", "rest", "exercise")
SIDES = ("left", "right", "both")
QUALITIES = ("ache", "sharp", "burning", "tingling")
PAINKILLERS = ("none", "oral", "topical", "injection")
STOP_REASONS = ("none", "pain", "other")
SURFACES = ("treadmill", "road", "trail")
GAIT_STEPS = ("cadence", "tall", "tilt")

#: Most binding first; every comparison of states uses this order.
STATES: tuple[State, ...] = ("REFER", "CLINICIAN", "REST48", "LOG_FIRST", "WALK", "REST_DAY", "RUN")
RUNGS = ("V0", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9",
         "F1", "F2", "I1", "I2", "I3", "H1", "H2", "H3")  # fmt: skip

_NOTHING: Mapping[str, float] = MappingProxyType({})


#: Dates outside these years are slips of the pen, and calendar arithmetic on them runs off the calendar.
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
#: Lowest value and upper limit of what is measured; minutes, metres and m/s only need to be sane numbers.
_AMOUNT = (0.0, 1e6)
_INCLINE_PCT = (-100.0, 100.0)
_LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"incline_min_pct": _INCLINE_PCT, "incline_max_pct": _INCLINE_PCT, "session_rpe": (0.0, 10.0)}
)


def check_date(name: str, day: date | None) -> None:
    """Raise EntryError unless a date (or instant) is None or lies in the years 1900-2200."""
    if day is not None and not (isinstance(day, date) and _FIRST_YEAR <= day.year <= _LAST_YEAR):
        raise EntryError(
            f"{name} must be a date in the years {_FIRST_YEAR} to {_LAST_YEAR}, got {day}; check the year."
        )


def check_instant(name: str, at: datetime | None) -> None:
    """Raise EntryError unless an instant is None or has a time zone and a year in 1900-2200."""
    if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
        raise EntryError(f"{name} must be a date and time with a time zone, got {at!r}; add the offset.")
    check_date(name, at)


def _numbers(row: object, *names: str) -> None:
    for name in names:
        value = getattr(row, name)
        low, high = _LIMITS.get(name, _AMOUNT)
        # NaN fails both comparisons.
        if value is not None and (not isinstance(value, int | float) or not low <= value <= high):
            raise EntryError(f"{name} must be a number from {low:g} to {high:.0f}, got {value!r}.")


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise EntryError(f"{name} must be one of {', '.join(allowed)}, got {value!r}.")


def check_score(name: str, value: object) -> None:
    """Raise EntryError unless ``value`` is None or a whole number from 0 to 10."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10:
        raise EntryError(f"{name} must be a whole number from 0 to 10, got {value!r}.")


@dataclass(frozen=True, slots=True)
class PainScore:
    """One answer to "how much does it hurt, 0-10", at one place and instant; superseded, never edited.

    at : when it was felt. kind : the question it answers; windows go by time, the kind is a label, except
    that ``morning`` is the morning load test (``load_test`` None: the one the exercise phase asked for ``at`` it).
    load_test : name of the test in the protocol file, e.g. ``single_leg_bridge``; None when none was done.
    painkiller_at : when the painkiller was taken; None with a painkiller means just before the score.
    provoked_by : free word; ``level_walking``, ``lying`` and ``sitting`` have a meaning in the rules.
    """

    pain_id: str
    at: datetime
    kind: PainKind
    score: int
    side: Side = "both"
    site: str = "sit_bone"
    quality: Quality | None = None
    session_id: str | None = None
    provoked_by: str | None = None
    load_test: str | None = None
    painkiller: Painkiller = "none"
    painkiller_at: datetime | None = None
    limping: bool | None = None
    entered_by: str = "runner"
    supersedes: str | None = None

    def __post_init__(self) -> None:
        check_instant("at", self.at)
        check_instant("painkiller_at", self.painkiller_at)
        if self.score is None:
            raise EntryError("A pain score must be a whole number from 0 to 10, got nothing.")
        check_score("A pain score", self.score)
        _one_of("kind", self.kind, PAIN_KINDS)
        _one_of("side", self.side, SIDES)
        _one_of("quality", self.quality, QUALITIES)
        _one_of("painkiller", self.painkiller, PAINKILLERS)


@dataclass(frozen=True, slots=True)
class Advice:
    """What the runner was told before a session. run_minutes : the dose of that rung, None when unknown."""

    state: State
    rung: str | None
    run_minutes: float | None = None

    def __post_init__(self) -> None:
        _one_of("advised state", self.state, STATES)
        _one_of("advised rung", self.rung, RUNGS)
        _numbers(self, "run_minutes")


@dataclass(frozen=True, slots=True)
class RunSession:
    """One run or V0 walk, sensed or typed in.

    started_at, ended_at : instants. run_minutes : minutes of running, walk breaks left out; 0 for a walk;
    None when only the whole duration is known (then the whole duration counts as running).
    rung : the rung done; None for a free run (placed by its run minutes).
    planned_run_minutes : what was planned; None means the advised dose of the rung.
    speed_mps : fastest minute. incline_min_pct, incline_max_pct : None means level or unknown.
    limping, stop_reason, sharp_change, live_rules : answers and live events (``LV1`` ... ``LV6``).
    advised : what was advised before it; None means "work it out from the history".
    """

    session_id: str
    started_at: datetime
    ended_at: datetime
    rung: str | None = None
    run_minutes: float | None = None
    planned_run_minutes: float | None = None
    distance_m: float | None = None
    surface: Surface | None = None
    cambered: bool = False
    speed_mps: float | None = None
    incline_min_pct: float | None = None
    incline_max_pct: float | None = None
    session_rpe: float | None = None
    limping: bool | None = None
    stop_reason: StopReason = "none"
    sharp_change: bool = False
    live_rules: tuple[str, ...] = ()
    advised: Advice | None = None

    def __post_init__(self) -> None:
        check_instant("started_at", self.started_at)
        check_instant("ended_at", self.ended_at)
        if self.ended_at.timestamp() < self.started_at.timestamp():
            raise EntryError(
                f"Session {self.session_id} ends at {self.ended_at} before it starts; swap them."
            )
        _one_of("rung", self.rung, RUNGS)
        _one_of("surface", self.surface, SURFACES)
        _one_of("stop_reason", self.stop_reason, STOP_REASONS)
        _numbers(self, "run_minutes", "planned_run_minutes", "distance_m", "speed_mps",
                 "incline_min_pct", "incline_max_pct", "session_rpe")  # fmt: skip

    @property
    def minutes(self) -> float:
        """Whole duration in minutes."""
        return (self.ended_at.timestamp() - self.started_at.timestamp()) / 60.0


@dataclass(frozen=True, slots=True)
class ExerciseSession:
    """One rehabilitation session. phase : 1, 2 or 3. Pain scores are None where not asked."""

    exercise_id: str
    at: datetime
    phase: int
    name: str = ""
    sets: int | None = None
    reps: int | None = None
    load_kg: float | None = None
    pain_before: int | None = None
    pain_during: int | None = None
    pain_after: int | None = None

    def __post_init__(self) -> None:
        check_instant("at", self.at)
        if self.phase not in (1, 2, 3):
            raise EntryError(f"An exercise phase is 1, 2 or 3, got {self.phase!r}.")
        check_score("pain_before", self.pain_before)
        check_score("pain_during", self.pain_during)
        check_score("pain_after", self.pain_after)


@dataclass(frozen=True, slots=True)
class Screen:
    """Answers to the screening questions of the protocol.

    answers : question id -> yes/no; an id that is absent or None was not answered.
    qualities : how the pain feels at this time. operation_on, injection_on : latest dates, None when never.
    """

    at: datetime
    answers: Mapping[str, bool | None]
    qualities: frozenset[str] = frozenset()
    operation_on: date | None = None
    injection_on: date | None = None

    def __post_init__(self) -> None:
        check_instant("at", self.at)
        check_date("operation_on", self.operation_on)
        check_date("injection_on", self.injection_on)


@dataclass(frozen=True, slots=True)
class ClinicianEntry:
    """A dated entry by a clinician; without effect before ``at`` and from ``expires_at`` on.

    clears : ends every REFER and CLINICIAN that arose before ``at`` (this does not expire).
    hold : no running. cap : highest rung. green_limit : 0-5, the protocol's default elsewhere.
    permits_rung : highest rung above I1 that may be entered.
    max_cadence_rise_pct : cadence target above own, may exceed the protocol's.
    first_gait_step : the step coached first. tighten : protocol number -> stricter value.
    """

    at: datetime
    expires_at: datetime | None = None
    clears: bool = False
    hold: bool = False
    cap: str | None = None
    green_limit: int | None = None
    permits_rung: str | None = None
    first_gait_step: str | None = None
    max_cadence_rise_pct: float | None = None
    tighten: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    note: str = ""
    entered_by: str = "clinician"

    def __post_init__(self) -> None:
        check_instant("at", self.at)
        check_instant("expires_at", self.expires_at)
        _one_of("cap", self.cap, RUNGS)
        _one_of("permits_rung", self.permits_rung, RUNGS)
        _one_of("first_gait_step", self.first_gait_step, GAIT_STEPS)
        if self.green_limit is not None and not 0 <= self.green_limit <= 5:
            raise EntryError(f"The green limit must lie between 0 and 5, got {self.green_limit!r}.")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis on record. by_clinician : False for the runner's own guess, which opens nothing."""

    at: datetime
    by_clinician: bool
    text: str = ""

    def __post_init__(self) -> None:
        check_instant("at", self.at)


@dataclass(frozen=True, slots=True)
class PhaseEntry:
    """The exercise phase a runner or clinician states at set-up or later; derivation goes on from here."""

    at: datetime
    phase: int
    entered_by: str = "runner"

    def __post_init__(self) -> None:
        check_instant("at", self.at)
        if self.phase not in (1, 2, 3):
            raise EntryError(f"An exercise phase is 1, 2 or 3, got {self.phase!r}.")


@dataclass(frozen=True, slots=True)
class GaitChange:
    """A gait step or target begun or withdrawn at an instant."""

    at: datetime
    step: str
    event: Literal["begun", "target", "withdrawn"] = "begun"

    def __post_init__(self) -> None:
        check_instant("at", self.at)
        _one_of("step", self.step, GAIT_STEPS)


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A VISA-H total, 0-100 (100 is well)."""

    at: datetime
    total: int

    def __post_init__(self) -> None:
        check_instant("at", self.at)
        if not 0 <= self.total <= 100:
            raise EntryError(f"A VISA-H total lies between 0 and 100, got {self.total!r}.")


@dataclass(frozen=True, slots=True)
class SetupBaseline:
    """Baseline taken at set-up over three mornings."""

    at: datetime
    score: int
    load_test: str = "double_leg_bridge"

    def __post_init__(self) -> None:
        check_instant("at", self.at)
        check_score("A set-up baseline", self.score)


@dataclass(frozen=True, slots=True)
class Runner:
    """Who runs. time_zone : IANA name. side, site : the index side and site; scores elsewhere are "new"."""

    time_zone: str = "UTC"
    side: Side = "both"
    site: str = "sit_bone"
    born_on: date | None = None
    easy_speed_mps: float | None = None

    def __post_init__(self) -> None:
        _one_of("side", self.side, SIDES)
        check_date("born_on", self.born_on)
        _numbers(self, "easy_speed_mps")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise EntryError(
                f"The time zone must be an IANA name such as Europe/Amsterdam, got {self.time_zone!r}."
            ) from error


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """What the runner means to do. None means "as the rung says" or unknown."""

    starts_at: datetime
    rung: str | None = None
    run_minutes: float | None = None
    distance_m: float | None = None
    speed_mps: float | None = None
    incline_min_pct: float | None = None
    incline_max_pct: float | None = None
    surface: Surface | None = None
    cambered: bool = False
    kinds: frozenset[str] = frozenset()
    runs_per_week: int | None = None

    def __post_init__(self) -> None:
        check_instant("starts_at", self.starts_at)
        _one_of("rung", self.rung, RUNGS)
        _one_of("surface", self.surface, SURFACES)
        _numbers(self, "run_minutes", "distance_m", "speed_mps", "incline_min_pct", "incline_max_pct")


@dataclass(frozen=True, slots=True)
class History:
    """Everything logged for one runner, in any order. Rows later than ``now`` are left out by the rules."""

    runner: Runner
    scores: tuple[PainScore, ...] = ()
    sessions: tuple[RunSession, ...] = ()
    exercises: tuple[ExerciseSession, ...] = ()
    screens: tuple[Screen, ...] = ()
    clinician: tuple[ClinicianEntry, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    phases: tuple[PhaseEntry, ...] = ()
    gait_changes: tuple[GaitChange, ...] = ()
    questionnaires: tuple[Questionnaire, ...] = ()
    setup_baselines: tuple[SetupBaseline, ...] = ()
