from __future__ import annotations

import sqlite3
import stat
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from support.records import NOW, ZONE, open_store, run_at, runner_in, score
from tallrun.errors import EntryError, StoreError, UsageError
from tallrun.recovery import model
from tallrun.store import Store, data_folder
from tallrun.store.models import ENTRY_MODELS, AdviceRow, Base, BaselineRow, CueRow, PainRow, RunnerRow
from tallrun.store.records import KINDS, from_rows, to_columns
from tallrun.store.schema import HEAD, REVISIONS

RECORDS = (
    model.Diagnosis(NOW, by_clinician=True, text="PHT, right"),
    model.ClinicianEntry(
        NOW, expires_at=NOW + timedelta(days=30), cap="V6", green_limit=2, tighten={"ladder.green_streak": 3.0},
        note="see you in March", entered_by="Dr A",
    ),
    model.ClinicianEntry(NOW, clears=True, permits_rung="I2", first_gait_step="tilt", max_cadence_rise_pct=7.5),
    score(3, quality="ache", provoked_by="sitting", load_test="single_leg_bridge", painkiller="oral",
          painkiller_at=NOW - timedelta(hours=2), limping=False, entered_by="runner"),
    score(0, NOW, "after", side="both", session_id="abc"),
    model.ExerciseSession("", NOW, 2, "bridge", 3, 8, 12.5, 1, 2, 1),
    run_at(rung="V4", run_minutes=20.0, planned_run_minutes=20.0, distance_m=3200.0, surface="trail", cambered=True,
           speed_mps=2.5, incline_min_pct=-1.0, incline_max_pct=1.0, session_rpe=4.0, limping=False,
           stop_reason="other", sharp_change=False, live_rules=("LV5", "LV6"),
           advised=model.Advice("RUN", "V4", 20.0)),
    run_at(NOW - timedelta(days=3)),
    model.Screen(NOW, {"pop": False, "numb": None}, frozenset({"ache", "burning"}), date(2025, 1, 2), None),
    model.PhaseEntry(NOW, 2),
    model.GaitChange(NOW, "cadence", "target"),
    model.Questionnaire(NOW, 71),
    model.SetupBaseline(NOW, 1, "single_leg_bridge"),
    model.PlannedSession(NOW, "F1", 40.0, 7000.0, 2.6, 0.0, 1.0, "road", True, frozenset({"I"}), 4),
)  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=lambda item: type(item).__name__)
def test_every_record_comes_back_as_it_was(record: object, tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        entry_id = store.add(
            runner, record, by="Dr A" if isinstance(record, model.ClinicianEntry) else "runner", now=NOW
        )
        kind = next(kind for kind in KINDS if isinstance(record, kind.record))
        (found,) = from_rows(type(record), store.entries(kind.table, runner))
    if isinstance(record, model.PainScore):
        record = replace(record, pain_id=entry_id)
    if isinstance(record, model.ExerciseSession):
        record = replace(record, exercise_id=entry_id)
    if isinstance(record, model.ClinicianEntry):
        record = replace(record, entered_by="Dr A")
    assert found == record


def test_every_field_of_every_record_has_a_column() -> None:
    for record in RECORDS:
        kind = next(kind for kind in KINDS if isinstance(record, kind.record))
        known = set(kind.table.__table__.columns.keys())
        assert set(to_columns(record)) <= known, type(record).__name__
        assert {name for name in kind.names()} <= known, type(record).__name__
    assert {type(record) for record in RECORDS} == {kind.record for kind in KINDS}


def test_history_holds_what_was_entered_and_is_in_force(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        wrong = store.add(runner, score(3), by="runner", now=NOW)
        store.add_all(runner, RECORDS, by="runner", now=NOW)
        store.supersede(PainRow, runner, wrong, by="runner", now=NOW, score=1, kind="rest")
        gone = store.add(runner, score(9, kind="h48"), by="runner", now=NOW)
        store.supersede(PainRow, runner, gone, by="runner", now=NOW, withdrawn=True)
        history = store.history(runner)
    assert [item.score for item in history.scores if item.kind == "rest"] == [1]
    assert not [item for item in history.scores if item.score == 9]
    assert len(history.sessions) == 2
    assert history.sessions[0].started_at < history.sessions[1].started_at
    assert history.runner == model.Runner(ZONE.key, "right", "sit_bone", date(1985, 6, 30), 2.6)
    assert len(history.clinician) == 2
    assert history.phases[0].phase == 2
    assert history.setup_baselines[0].score == 1
    assert history.questionnaires[0].total == 71
    assert history.gait_changes[0].event == "target"


def test_correcting_keeps_the_old_row_and_happens_once(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        first = store.add(runner, score(3), by="runner", now=NOW)
        second = store.supersede(PainRow, runner, first, by="physio", now=NOW + timedelta(hours=1), score=4)
        with pytest.raises(EntryError, match="already replaced"):
            store.supersede(PainRow, runner, first, by="runner", now=NOW, score=0)
        with pytest.raises(EntryError, match="no entry"):
            store.supersede(PainRow, runner, "nothing", by="runner", now=NOW, score=0)
        every = store.entries(PainRow, runner, every=True)
        (now_valid,) = store.entries(PainRow, runner)
    assert [(row.score, row.entered_by) for row in every] == [(3, "runner"), (4, "physio")]
    assert (now_valid.pain_id, now_valid.supersedes, now_valid.at) == (second, first, NOW)


def test_the_database_itself_refuses_edits(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        store.add_all(runner, RECORDS, by="runner", now=NOW)
        for model_, columns in (
            (AdviceRow, {"state": "RUN", "rung": "V1", "run_minutes": 8, "rules": [], "protocol": {}}),
            (CueRow, {"session_id": "s1", "t_s": 1.0, "focus": "tall", "reason": "x", "response": {}}),
            (BaselineRow, {"metric": "cadence_spm", "speed_mps": 2.5, "value": 165.0, "session_ids": []}),
        ):
            store.add_row(model_, runner, at=NOW, by="tallrun", now=NOW, **columns)
    other = sqlite3.connect(tmp_path / "tallrun.sqlite")
    for item in ENTRY_MODELS:
        assert other.execute(f"SELECT count(*) FROM {item.__tablename__}").fetchone()[0] > 0
        with pytest.raises(sqlite3.IntegrityError, match="only superseded"):
            other.execute(f"UPDATE {item.__tablename__} SET entered_by = 'x'")
    other.close()


def test_scores_out_of_range_do_not_pass_the_database(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    columns = to_columns(score(2)) | {"score": 11}
    with store, pytest.raises(StoreError, match="refused"):
        store.add_row(PainRow, runner, by="runner", now=NOW, **columns)


def test_a_row_of_no_runner_is_refused(tmp_path: Path) -> None:
    store, _ = open_store(tmp_path)
    with store, pytest.raises(StoreError, match="refused"):
        store.add("nobody", score(2), by="runner", now=NOW)


def test_a_class_the_store_does_not_keep_is_named(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store, pytest.raises(UsageError, match="does not keep Runner"):
        store.add(runner, model.Runner(), by="runner", now=NOW)


def test_many_records_are_added_whole_or_not_at_all(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        bad = run_at()
        object.__setattr__(bad, "ended_at", datetime(2026, 3, 1))  # no offset: the column refuses it
        with pytest.raises(StoreError, match="offset"):
            store.add_all(runner, [score(1), bad], by="runner", now=NOW)
        assert store.entries(PainRow, runner) == []


def test_times_keep_their_offset_and_sort_by_instant(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    late_abroad = datetime.fromisoformat("2026-03-01T07:00:00-08:00")
    early_home = datetime.fromisoformat("2026-03-01T15:30:00+01:00")
    with store:
        store.add_all(runner, [score(1, late_abroad), score(2, early_home)], by="runner", now=NOW)
        rows = store.entries(PainRow, runner)
        assert [row.score for row in rows] == [2, 1]
        assert rows[1].at.isoformat() == "2026-03-01T07:00:00-08:00"
        assert [row.score for row in store.entries(PainRow, runner, since=late_abroad)] == [1]
        assert [row.score for row in store.entries(PainRow, runner, until=early_home)] == [2]


def test_migrations_lead_to_the_models(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    assert REVISIONS[-1] == HEAD


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        store.add(runner, score(2), by="runner", now=NOW)
    with Store.open(tmp_path) as again:
        assert again.find_runner() == runner
        assert len(again.entries(PainRow, runner)) == 1


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path)[0].close()
    with sqlite3.connect(tmp_path / "tallrun.sqlite") as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    before = (tmp_path / "tallrun.sqlite").read_bytes()
    with pytest.raises(StoreError, match="newer tallrun"):
        Store.open(tmp_path)
    assert (tmp_path / "tallrun.sqlite").read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tallrun.sqlite") as other:
        other.execute("CREATE TABLE recipes (x)")
    other.close()
    with pytest.raises(StoreError, match="belongs to another program"):
        Store.open(tmp_path)


def test_a_damaged_file_gives_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "tallrun.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="database"):
        Store.open(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_only_the_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    store, runner = open_store(folder)
    with store:
        store.add(runner, score(2), by="runner", now=NOW)
        found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(found) == {"tallrun.sqlite", "tallrun.sqlite-wal", "tallrun.sqlite-shm"}
    assert set(found.values()) == {0o600}


def test_sqlite_is_opened_with_the_promised_settings(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous", "secure_delete")
        }
    assert found == {
        "journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 10_000, "synchronous": 2, "secure_delete": 1,
    }  # fmt: skip


def test_a_url_of_sqlite_opens(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'deep' / 'clinic.db'}") as store:
        runner = runner_in(store)
        store.add(runner, score(2), by="runner", now=NOW)
        assert store.history(runner).scores[0].score == 2
    assert (tmp_path / "deep" / "clinic.db").exists()
    with Store.open("sqlite://") as store:
        assert store.runner_codes() == {}
        assert store.database_path is None


@pytest.mark.parametrize("url", ["nonsense://x", "://", "postgresql+nosuchdriver://a/b"])
def test_a_bad_url_gives_one_plain_line(url: str) -> None:
    with pytest.raises(StoreError, match="URL cannot be"):
        Store.open(url)


def test_the_folder_is_found_by_option_then_environment(tmp_path: Path) -> None:
    assert data_folder(tmp_path, {"TALLRUN_DATA_DIR": "/elsewhere"}) == tmp_path
    assert data_folder(None, {"TALLRUN_DATA_DIR": str(tmp_path)}) == tmp_path
    assert data_folder(None, {}).name == "tallrun"


def test_a_folder_that_cannot_be_made_gives_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be made private"):
        Store.open(tmp_path / "file" / "below")


def test_runners_are_kept_apart(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with pytest.raises(EntryError, match="nothing is set up"):
            store.find_runner()
        first = runner_in(store, "anna")
        assert store.find_runner() == first
        second = runner_in(store, "bert")
        with pytest.raises(EntryError, match="several runners"):
            store.find_runner()
        with pytest.raises(EntryError, match="already a runner"):
            store.add_runner("anna", NOW)
        with pytest.raises(EntryError, match="no runner called"):
            store.find_runner("carl")
        entry = store.add(first, score(5), by="runner", now=NOW)
        assert store.history(second).scores == ()
        with pytest.raises(EntryError, match="no entry"):
            store.supersede(PainRow, second, entry, by="runner", now=NOW, score=0)
        assert store.find_runner("bert") == second


def test_history_before_setup_says_what_to_do(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        runner = store.add_runner("me", NOW)
        with pytest.raises(EntryError, match="tallrun setup"):
            store.history(runner)


def test_ids_may_be_shortened_but_not_guessed(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        entry = store.add(runner, score(2), by="runner", now=NOW)
        assert store.find_entry(PainRow, runner, entry[:8]) == entry
        for wrong in ("", "zzzz", "%", "_"):
            with pytest.raises(EntryError, match="list them"):
                store.find_entry(PainRow, runner, wrong)


def test_sessions_are_indexed_once(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        for minutes in (10.0, 11.0):
            store.index_session(
                runner, session_id="s1", started_at=NOW, folder=tmp_path / "sessions" / "s1", duration_s=minutes * 60,
                context={"surface": "treadmill"}, summary={"n_steps": 100},
            )  # fmt: skip
        (row,) = store.sessions(runner)
    assert (row.duration_s, row.context["surface"]) == (660.0, "treadmill")


def test_access_log_is_readable_by_the_subject(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        store.log_access(runner, "physio", "report", NOW, "s1")
        store.log_access(None, "runner", "backup", NOW)
        assert [row.action for row in store.access_log(runner)] == ["report", "backup"]


def test_advice_of_the_day_goes_with_the_run(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    morning = datetime(2026, 3, 1, 8, tzinfo=ZONE)
    with store:
        store.add_row(
            AdviceRow, runner, at=morning, by="tallrun", now=morning, state="RUN", rung="V3",
            run_minutes=15.0, rules=["TD5"], protocol={},
        )  # fmt: skip
        assert store.advice_before(runner, morning + timedelta(hours=9), ZONE) == model.Advice(
            "RUN", "V3", 15.0
        )
        assert store.advice_before(runner, morning - timedelta(hours=1), ZONE) is None
        assert store.advice_before(runner, morning + timedelta(days=1), ZONE) is None
        # Logged after asking: what was said no longer holds, the rules work it out from the history.
        store.add(
            runner, score(1, morning + timedelta(hours=1)), by="runner", now=morning + timedelta(hours=1)
        )
        assert store.advice_before(runner, morning + timedelta(hours=9), ZONE) is None


def test_profiles_are_superseded_too(tmp_path: Path) -> None:
    store, runner = open_store(tmp_path)
    with store:
        old = store.profile(runner)
        store.supersede(RunnerRow, runner, old.profile_id, by="runner", now=NOW, side="left")
        assert store.runner(runner).side == "left"
        assert len(store.entries(RunnerRow, runner, every=True)) == 2
