"""First schema: runners, entries that are only superseded, session index, derived files, access log.

Revision 0001, after nothing.
"""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa
from alembic import op

from tallrun.errors import StoreError
from tallrun.store.entry_table import INSTANT, create_entry_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_entry_table = partial(create_entry_table, guard_on_server=False)


def upgrade() -> None:
    op.create_table(
        "runners",
        sa.Column("runner_id", sa.String(36), nullable=False),
        sa.Column("code", sa.String(80), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("runner_id", name="pk_runners"),
        sa.UniqueConstraint("code", name="uq_runners_code"),
    )
    op.create_table(
        "access_log",
        sa.Column("access_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("runner_id", sa.String(36)),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("access_id", name="pk_access_log"),
    )
    op.create_index("ix_access_log_runner_id", "access_log", ["runner_id"])
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("runner_id", sa.String(36), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("started_at_utc", sa.String(32), nullable=False),
        sa.Column("duration_s", sa.Double()),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["runner_id"], ["runners.runner_id"], name="fk_sessions_runner_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_sessions_runner_id", "sessions", ["runner_id"])
    op.create_index("ix_sessions_started_at_utc", "sessions", ["started_at_utc"])
    op.create_table(
        "derived_files",
        sa.Column("path", sa.String(1000), nullable=False),
        sa.Column("runner_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_derived_files"),
        sa.ForeignKeyConstraint(
            ["runner_id"], ["runners.runner_id"], name="fk_derived_files_runner_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_derived_files_runner_id", "derived_files", ["runner_id"])
    _entry_table(
        "advice",
        "advice_id",
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rung", sa.String(8)),
        sa.Column("run_minutes", sa.Double()),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("protocol", sa.JSON(), nullable=False),
    )
    _entry_table(
        "baselines",
        "baseline_id",
        sa.Column("metric", sa.String(48), nullable=False),
        sa.Column("speed_mps", sa.Double(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("spread", sa.Double()),
        sa.Column("shoe", sa.String(80)),
        sa.Column("strap", sa.String(80)),
        sa.Column("session_ids", sa.JSON(), nullable=False),
    )
    op.create_index("ix_baselines_metric", "baselines", ["metric"])
    _entry_table(
        "clinician_entries",
        "clinician_id",
        sa.Column("expires_at", INSTANT),
        sa.Column("clears", sa.Boolean(), nullable=False),
        sa.Column("hold", sa.Boolean(), nullable=False),
        sa.Column("cap", sa.String(8)),
        sa.Column("green_limit", sa.Integer()),
        sa.Column("permits_rung", sa.String(8)),
        sa.Column("first_gait_step", sa.String(16)),
        sa.Column("max_cadence_rise_pct", sa.Double()),
        sa.Column("tighten", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )
    _entry_table(
        "cues",
        "cue_id",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("t_s", sa.Double(), nullable=False),
        sa.Column("focus", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("response", sa.JSON(), nullable=False),
    )
    op.create_index("ix_cues_session_id", "cues", ["session_id"])
    _entry_table(
        "diagnoses",
        "diagnosis_id",
        sa.Column("by_clinician", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    _entry_table(
        "exercises",
        "exercise_id",
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("sets", sa.Integer()),
        sa.Column("reps", sa.Integer()),
        sa.Column("load_kg", sa.Double()),
        sa.Column("pain_before", sa.Integer()),
        sa.Column("pain_during", sa.Integer()),
        sa.Column("pain_after", sa.Integer()),
    )
    _entry_table(
        "gait_changes",
        "gait_change_id",
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
    )
    _entry_table(
        "pain",
        "pain_id",
        sa.Column("session_id", sa.String(64)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("site", sa.String(80), nullable=False),
        sa.Column("quality", sa.String(16)),
        sa.Column("provoked_by", sa.String(80)),
        sa.Column("load_test", sa.String(40)),
        sa.Column("painkiller", sa.String(16), nullable=False),
        sa.Column("painkiller_at", INSTANT),
        sa.Column("limping", sa.Boolean()),
        sa.CheckConstraint("score BETWEEN 0 AND 10", name="ck_pain_score_0_to_10"),
    )
    op.create_index("ix_pain_session_id", "pain", ["session_id"])
    _entry_table(
        "phases",
        "phase_id",
        sa.Column("phase", sa.Integer(), nullable=False),
    )
    _entry_table(
        "plans",
        "plan_id",
        sa.Column("rung", sa.String(8)),
        sa.Column("run_minutes", sa.Double()),
        sa.Column("distance_m", sa.Double()),
        sa.Column("speed_mps", sa.Double()),
        sa.Column("incline_min_pct", sa.Double()),
        sa.Column("incline_max_pct", sa.Double()),
        sa.Column("surface", sa.String(16)),
        sa.Column("cambered", sa.Boolean(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("runs_per_week", sa.Integer()),
    )
    _entry_table(
        "questionnaires",
        "questionnaire_id",
        sa.Column("total", sa.Integer(), nullable=False),
    )
    _entry_table(
        "runner_profiles",
        "profile_id",
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("side", sa.String(8), nullable=False),
        sa.Column("site", sa.String(80), nullable=False),
        sa.Column("born_on", sa.Date()),
        sa.Column("easy_speed_mps", sa.Double()),
        sa.Column("fast_speed_mps", sa.Double()),
        sa.Column("height_m", sa.Double()),
        sa.Column("leg_length_m", sa.Double()),
        sa.Column("mass_kg", sa.Double()),
    )
    _entry_table(
        "runs",
        "run_id",
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.Column("rung", sa.String(8)),
        sa.Column("run_minutes", sa.Double()),
        sa.Column("planned_run_minutes", sa.Double()),
        sa.Column("distance_m", sa.Double()),
        sa.Column("surface", sa.String(16)),
        sa.Column("cambered", sa.Boolean(), nullable=False),
        sa.Column("speed_mps", sa.Double()),
        sa.Column("incline_min_pct", sa.Double()),
        sa.Column("incline_max_pct", sa.Double()),
        sa.Column("session_rpe", sa.Double()),
        sa.Column("limping", sa.Boolean()),
        sa.Column("stop_reason", sa.String(8), nullable=False),
        sa.Column("sharp_change", sa.Boolean(), nullable=False),
        sa.Column("live_rules", sa.JSON(), nullable=False),
        sa.Column("advised", sa.JSON()),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("shoe", sa.String(80)),
        sa.Column("strap", sa.String(80)),
    )
    op.create_index("ix_runs_session_id", "runs", ["session_id"])
    _entry_table(
        "screens",
        "screen_id",
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("qualities", sa.JSON(), nullable=False),
        sa.Column("operation_on", sa.Date()),
        sa.Column("injection_on", sa.Date()),
    )
    _entry_table(
        "setup_baselines",
        "setup_baseline_id",
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("load_test", sa.String(40), nullable=False),
    )


def downgrade() -> None:
    raise StoreError("the first schema has nothing before it; restore a backup instead")
