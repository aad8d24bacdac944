"""The tables. Rows that a person or a clinician entered are never edited, only superseded.

Every such row (``Entry``) says when it applies, when and by whom it was entered, and which earlier row it
replaces; an earlier row can be replaced once. A replacement marked ``withdrawn`` takes the entry back. What
is in force is therefore: rows that nothing supersedes and that are not withdrawn. Migrations add triggers
that refuse UPDATE, so the rule holds even for other programs.

Tables of derived facts (``sessions``, ``derived_files``) may be rewritten: they can be recomputed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Date, Dialect, ForeignKey, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from tallrun.errors import StoreError


class Instant(TypeDecorator[datetime]):
    """A point in time kept as ISO-8601 text with the offset it was entered with (the local date matters)."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Refuse times without an offset."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise StoreError(f"the time {value.isoformat()} has no UTC offset; give one, such as +02:00")
        return value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Return an aware datetime."""
        return None if value is None else datetime.fromisoformat(value)


def sort_key(at: datetime) -> str:
    """Return UTC text that sorts in time order (fixed width)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Base(DeclarativeBase):
    """Common metadata; constraint names are fixed so that later migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Instant,
        str: String(200),
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


class RunnerKey(Base):
    """Whose records these are; everything personal is in ``RunnerRow``."""

    __tablename__ = "runners"
    runner_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    code: Mapped[str] = mapped_column(String(80), unique=True)
    created_at: Mapped[datetime]


class Entry:
    """Columns every entered row has. The primary key is ``<key>``, named by the subclass."""

    key: ClassVar[str]

    runner_id: Mapped[str] = mapped_column(ForeignKey("runners.runner_id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    at_utc: Mapped[str] = mapped_column(String(32), index=True)
    entered_at: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(String(80))
    supersedes: Mapped[str | None] = mapped_column(String(36), unique=True)
    withdrawn: Mapped[bool] = mapped_column(default=False)


def _key() -> Mapped[str]:
    return mapped_column(String(36), primary_key=True)


class RunnerRow(Entry, Base):
    """Who the runner is (``recovery.model.Runner``) and the body measures. None is unknown."""

    __tablename__ = "runner_profiles"
    key = "profile_id"
    profile_id: Mapped[str] = _key()
    time_zone: Mapped[str] = mapped_column(String(64))
    side: Mapped[str] = mapped_column(String(8))
    site: Mapped[str] = mapped_column(String(80))
    born_on: Mapped[date | None] = mapped_column(Date)
    easy_speed_mps: Mapped[float | None]
    fast_speed_mps: Mapped[float | None]
    height_m: Mapped[float | None]
    leg_length_m: Mapped[float | None]
    mass_kg: Mapped[float | None]


class DiagnosisRow(Entry, Base):
    """Whether a clinician has said what this is."""

    __tablename__ = "diagnoses"
    key = "diagnosis_id"
    diagnosis_id: Mapped[str] = _key()
    by_clinician: Mapped[bool]
    text: Mapped[str] = mapped_column(Text)


class ClinicianRow(Entry, Base):
    """What a clinician wrote: a note, a limit, a hold, or the end of one; may expire."""

    __tablename__ = "clinician_entries"
    key = "clinician_id"
    clinician_id: Mapped[str] = _key()
    expires_at: Mapped[datetime | None]
    clears: Mapped[bool]
    hold: Mapped[bool]
    cap: Mapped[str | None] = mapped_column(String(8))
    green_limit: Mapped[int | None]
    permits_rung: Mapped[str | None] = mapped_column(String(8))
    first_gait_step: Mapped[str | None] = mapped_column(String(16))
    max_cadence_rise_pct: Mapped[float | None]
    tighten: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(Text)


class PainRow(Entry, Base):
    """One pain score."""

    __tablename__ = "pain"
    __table_args__ = (CheckConstraint("score BETWEEN 0 AND 10", name="score_0_to_10"),)
    key = "pain_id"
    pain_id: Mapped[str] = _key()
    session_id: Mapped[str | None] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    score: Mapped[int]
    side: Mapped[str] = mapped_column(String(8))
    site: Mapped[str] = mapped_column(String(80))
    quality: Mapped[str | None] = mapped_column(String(16))
    provoked_by: Mapped[str | None] = mapped_column(String(80))
    load_test: Mapped[str | None] = mapped_column(String(40))
    painkiller: Mapped[str] = mapped_column(String(16))
    painkiller_at: Mapped[datetime | None]
    limping: Mapped[bool | None]


class ExerciseRow(Entry, Base):
    """One exercise of a rehab session, with its pain scores."""

    __tablename__ = "exercises"
    key = "exercise_id"
    exercise_id: Mapped[str] = _key()
    phase: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    sets: Mapped[int | None]
    reps: Mapped[int | None]
    load_kg: Mapped[float | None]
    pain_before: Mapped[int | None]
    pain_during: Mapped[int | None]
    pain_after: Mapped[int | None]


class RunRow(Entry, Base):
    """One run as the rules see it, sensed or typed in; ``at`` is its start.

    ``session_id`` stays the same when the row is superseded; ``source`` is sensor, typed or the name of the
    imported file. ``shoe`` and ``strap`` name what was worn (a change makes new baselines).
    """

    __tablename__ = "runs"
    key = "run_id"
    run_id: Mapped[str] = _key()
    session_id: Mapped[str] = mapped_column(String(64), index=True)
    ended_at: Mapped[datetime]
    rung: Mapped[str | None] = mapped_column(String(8))
    run_minutes: Mapped[float | None]
    planned_run_minutes: Mapped[float | None]
    distance_m: Mapped[float | None]
    surface: Mapped[str | None] = mapped_column(String(16))
    cambered: Mapped[bool]
    speed_mps: Mapped[float | None]
    incline_min_pct: Mapped[float | None]
    incline_max_pct: Mapped[float | None]
    session_rpe: Mapped[float | None]
    limping: Mapped[bool | None]
    stop_reason: Mapped[str] = mapped_column(String(8))
    sharp_change: Mapped[bool]
    live_rules: Mapped[list[Any]]
    advised: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    source: Mapped[str] = mapped_column(default="typed")
    shoe: Mapped[str | None] = mapped_column(String(80))
    strap: Mapped[str | None] = mapped_column(String(80))


class ScreenRow(Entry, Base):
    """One pass through the screening questions; ``answers`` holds every answer given."""

    __tablename__ = "screens"
    key = "screen_id"
    screen_id: Mapped[str] = _key()
    answers: Mapped[dict[str, Any]]
    qualities: Mapped[list[Any]]
    operation_on: Mapped[date | None] = mapped_column(Date)
    injection_on: Mapped[date | None] = mapped_column(Date)


class PhaseRow(Entry, Base):
    """The exercise phase somebody stated."""

    __tablename__ = "phases"
    key = "phase_id"
    phase_id: Mapped[str] = _key()
    phase: Mapped[int]


class GaitChangeRow(Entry, Base):
    """A gait step or target begun or withdrawn."""

    __tablename__ = "gait_changes"
    key = "gait_change_id"
    gait_change_id: Mapped[str] = _key()
    step: Mapped[str] = mapped_column(String(16))
    event: Mapped[str] = mapped_column(String(16))


class QuestionnaireRow(Entry, Base):
    """A VISA-H total."""

    __tablename__ = "questionnaires"
    key = "questionnaire_id"
    questionnaire_id: Mapped[str] = _key()
    total: Mapped[int]


class SetupBaselineRow(Entry, Base):
    """The morning baseline taken at set-up."""

    __tablename__ = "setup_baselines"
    key = "setup_baseline_id"
    setup_baseline_id: Mapped[str] = _key()
    score: Mapped[int]
    load_test: Mapped[str] = mapped_column(String(40))


class PlanRow(Entry, Base):
    """A planned session; ``at`` is its start."""

    __tablename__ = "plans"
    key = "plan_id"
    plan_id: Mapped[str] = _key()
    rung: Mapped[str | None] = mapped_column(String(8))
    run_minutes: Mapped[float | None]
    distance_m: Mapped[float | None]
    speed_mps: Mapped[float | None]
    incline_min_pct: Mapped[float | None]
    incline_max_pct: Mapped[float | None]
    surface: Mapped[str | None] = mapped_column(String(16))
    cambered: Mapped[bool]
    kinds: Mapped[list[Any]]
    runs_per_week: Mapped[int | None]


class AdviceRow(Entry, Base):
    """Ladder history: what was advised, when, by which rules of which protocol."""

    __tablename__ = "advice"
    key = "advice_id"
    advice_id: Mapped[str] = _key()
    state: Mapped[str] = mapped_column(String(16))
    rung: Mapped[str | None] = mapped_column(String(8))
    run_minutes: Mapped[float | None]
    rules: Mapped[list[Any]]
    protocol: Mapped[dict[str, Any]]


class CueRow(Entry, Base):
    """One cue given in a session and what the next strides did."""

    __tablename__ = "cues"
    key = "cue_id"
    cue_id: Mapped[str] = _key()
    session_id: Mapped[str] = mapped_column(String(64), index=True)
    t_s: Mapped[float]
    focus: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str]
    response: Mapped[dict[str, Any]]


class BaselineRow(Entry, Base):
    """An own baseline of one metric at one speed, for one shoe and strap."""

    __tablename__ = "baselines"
    key = "baseline_id"
    baseline_id: Mapped[str] = _key()
    metric: Mapped[str] = mapped_column(String(48), index=True)
    speed_mps: Mapped[float]
    value: Mapped[float]
    spread: Mapped[float | None]
    shoe: Mapped[str | None] = mapped_column(String(80))
    strap: Mapped[str | None] = mapped_column(String(80))
    session_ids: Mapped[list[Any]]


class ExperimentRow(Entry, Base):
    """An experiment of one runner; ``at`` is its opening. A run that is answered, and the end, each supersede it.

    registration : what was fixed at the opening, with the sealed order and its key. runs : session_id of each run
    answered and whether it was run as told. closed_at : when it ended, None while it runs.
    """

    __tablename__ = "experiments"
    key = "experiment_id"
    experiment_id: Mapped[str] = _key()
    registration: Mapped[dict[str, Any]]
    runs: Mapped[list[Any]]
    closed_at: Mapped[datetime | None]
    closed_why: Mapped[str | None] = mapped_column(Text)


class SessionRow(Base):
    """Where a recorded session is, and what was computed from it (may be rewritten).

    ``folder`` is relative to the data folder, absolute only for one outside it (``location.kept_place``).
    """

    __tablename__ = "sessions"
    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    runner_id: Mapped[str] = mapped_column(ForeignKey("runners.runner_id", ondelete="CASCADE"), index=True)
    started_at: Mapped[datetime]
    started_at_utc: Mapped[str] = mapped_column(String(32), index=True)
    duration_s: Mapped[float | None]
    folder: Mapped[str] = mapped_column(Text)
    context: Mapped[dict[str, Any]]
    summary: Mapped[dict[str, Any]]


class DerivedFile(Base):
    """A report or other file made from the records, so that erasing finds it; ``path`` as in ``SessionRow``."""

    __tablename__ = "derived_files"
    path: Mapped[str] = mapped_column(String(1000), primary_key=True)
    runner_id: Mapped[str] = mapped_column(ForeignKey("runners.runner_id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    made_at: Mapped[datetime]


class AccessRow(Base):
    """Who looked at or took out what; the runner can read it."""

    __tablename__ = "access_log"
    access_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    runner_id: Mapped[str | None] = mapped_column(String(36), index=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(Text)


#: Tables whose rows are only ever superseded.
ENTRY_MODELS: tuple[type[Any], ...] = (
    RunnerRow, DiagnosisRow, ClinicianRow, PainRow, ExerciseRow, RunRow, ScreenRow, PhaseRow, GaitChangeRow,
    QuestionnaireRow, SetupBaselineRow, PlanRow, AdviceRow, CueRow, BaselineRow,
    ExperimentRow,
)  # fmt: skip
