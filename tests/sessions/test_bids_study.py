"""A study as BIDS, held against the validator of the BIDS maintainers (bids-validator-deno)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import tallrun as tr
from support.session_files import small_recording
from tallrun.cli import main
from tallrun.cohort.bids_study import task_of
from tallrun.errors import FormatError
from tallrun.sessions import write_session
from tallrun.sessions.bids_export import StudyFacts, StudyRun, export_bids_study
from tallrun.store import Store

#: Every warning that may remain, and why it does.
NAMED_WARNINGS = {
    ("EVENTS_TSV_MISSING", None),  # running is a task, but nothing is shown to the runner: there are no stimulus events
    ("JSON_KEY_RECOMMENDED", "HEDVersion"),  # no event carries a HED tag
    ("JSON_KEY_RECOMMENDED", "SourceDatasets"),  # the data set they lie in, which has no address
    # Of the sensor and the laboratory: not known, or would name a place or a device.
    *(("SIDECAR_KEY_RECOMMENDED", name) for name in (
        "DeviceSerialNumber", "Manufacturer", "SoftwareVersions", "InstitutionName", "InstitutionAddress",
        "InstitutionalDepartmentName", "Instructions",
    )),
}  # fmt: skip


def validate(folder: Path) -> list[dict[str, Any]]:
    program = Path(sys.executable).with_name("bids-validator-deno")
    if not program.is_file():
        if os.environ.get("CI"):
            pytest.fail("bids-validator-deno is not installed")
        pytest.skip("bids-validator-deno is not installed: pip install 'tallrun[dev]'")
    done = subprocess.run(
        [program, "--format", "json", "--recursive", "--max-rows", "-1", folder],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    issues = list(found["issues"]["issues"])
    for inner in found.get("derivativesSummary", {}).values():
        issues += inner["issues"]["issues"]
    return issues


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two subjects: one with two recordings of one day and one ten days later, one with a real detection."""
    root, out = tmp_path_factory.mktemp("study"), tmp_path_factory.mktemp("out") / "bids"
    recording = small_recording()
    for name, start in (
        ("r10/a", "2026-05-01T18:00:00+02:00"), ("r10/b", "2026-05-11T08:00:00+02:00"),
        ("r10/c", "2026-05-01T08:00:00+02:00"),
    ):  # fmt: skip
        (root / name).parent.mkdir(exist_ok=True)
        write_session(
            root / name, replace(recording, info=recording.info | {"started_at": start, "session_id": name})
        )
    (root / "r9").mkdir()
    write_session(root / "r9" / "x", tr.simulate.bundled("one_foot")[0])
    with pytest.raises(SystemExit) as done:
        main(["export", str(root), "--to", "bids", "-o", str(out), "--subject-level", "1", "--author", "A. Rower",
              "--author", "B. Skater", "--licence", "CC0-1.0", "--title", "Two runners"])  # fmt: skip
    assert not done.value.code
    return root, out


def test_the_validator_finds_no_error_and_only_warnings_with_a_name(study: tuple[Path, Path]) -> None:
    issues = validate(study[1])
    assert [item for item in issues if item.get("severity") == "error"] == []
    assert {(item["code"], item.get("subCode")) for item in issues} == NAMED_WARNINGS


def test_the_validator_is_run_on_the_strides_too(study: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(study[1], tmp_path / "bids")
    strides = next((tmp_path / "bids" / "derivatives").rglob("*_events.tsv"))
    strides.write_text(strides.read_text().replace("onset", "when", 1))
    wrong = [item for item in validate(tmp_path / "bids") if item.get("severity") == "error"]
    assert wrong, "a derivative without onset must be an error"


def test_subjects_days_and_runs_are_where_they_belong(study: tuple[Path, Path]) -> None:
    _, out = study
    people = pd.read_csv(out / "participants.tsv", sep="\t", dtype=str)
    assert people.to_dict(orient="list") == {
        "participant_id": ["sub-01", "sub-02"], "n_sessions": ["1", "2"], "n_recordings": ["1", "3"],
    }  # fmt: skip
    days = pd.read_csv(out / "sub-02" / "sub-02_sessions.tsv", sep="\t")
    assert days.to_dict(orient="list") == {"session_id": ["ses-01", "ses-02"], "day": [0, 10]}
    first = {path.name for path in (out / "sub-02" / "ses-01" / "motion").glob("*_motion.tsv")}
    assert len(first) == 2 * len(small_recording().sensors)
    assert any("run-01" in name for name in first)
    assert any("run-02" in name for name in first)
    head = json.loads((out / "dataset_description.json").read_text())
    assert (head["Authors"], head["License"], head["Name"]) == (
        ["A. Rower", "B. Skater"],
        "CC0-1.0",
        "Two runners",
    )
    written = "".join(path.read_text() for path in out.rglob("*") if path.suffix in (".json", ".tsv"))
    assert "r10" not in written
    assert "2026" not in "".join(path.read_text() for path in out.rglob("*.json"))


def test_sessions_of_nobody_are_told_and_the_records_say_whose_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, records, day = tmp_path / "sessions", tmp_path / "records", datetime(2026, 5, 1, 8, tzinfo=UTC)
    root.mkdir()
    with Store.open(records) as store:
        runner_ids = [store.add_runner(code, day) for code in ("ann", "ben")]
        for k, runner_id in enumerate((runner_ids[0], runner_ids[1], runner_ids[0])):
            start = day + timedelta(days=k)
            info = {"started_at": start.isoformat(), "session_id": f"s{k}"}
            recording = small_recording()
            write_session(root / f"s{k}", replace(recording, info=recording.info | info))
            store.index_session(
                runner_id, session_id=f"s{k}", started_at=start, folder=root / f"s{k}", duration_s=1.0, context={},
                summary={},
            )  # fmt: skip
    for more, n_subjects, is_told in (((), 3, True), (("--data-dir", str(records)), 2, False)):
        out = tmp_path / f"bids{n_subjects}"
        with pytest.raises(SystemExit) as done:
            main(["export", str(root), "--to", "bids", "-o", str(out), *more])
        assert not done.value.code
        said = capsys.readouterr().out
        assert f"of {n_subjects} subjects written" in said
        assert ("3 sessions do not say whose they are" in said) == is_told
        assert len(list(out.glob("sub-*"))) == n_subjects


def test_a_walk_is_another_task() -> None:
    of = {"cadence_spm": {"value": None}, "run_time_s": 0.0, "walk_time_s": 60.0, "flags": []}
    assert task_of(of | {"walking": {"cadence_spm": {"median": 110.0, "n": 60}}}) == "walking"
    assert task_of(of | {"cadence_spm": {"median": 160.0, "n": 60}}) == "running"


def test_strides_are_a_derivative_with_units(study: tuple[Path, Path]) -> None:
    root, out = study
    (path,) = (out / "derivatives" / "tallrun" / "sub-01").rglob("*_events.tsv")
    frame = pd.read_csv(path, sep="\t", na_values="n/a")
    wanted = tr.analyze(root / "r9" / "x").strides
    assert len(frame) == len(wanted) > 20
    assert frame["onset"].tolist() == pytest.approx(wanted["initial_contact_s"].tolist(), rel=1e-8)
    notes = json.loads(path.with_suffix(".json").read_text())
    assert set(notes) == {"Description", *frame.columns}
    assert notes["stride_length_m"]["Units"] == "m"
    assert json.loads((out / "derivatives" / "tallrun" / "dataset_description.json").read_text())[
        "DatasetType"
    ] == ("derivative")


def test_one_name_is_given_once_and_an_empty_study_is_refused(tmp_path: Path) -> None:
    run = StudyRun(small_recording(), "01")
    with pytest.raises(FormatError, match="run number"):
        export_bids_study([run, run], tmp_path / "a", StudyFacts())
    with pytest.raises(FormatError, match="no session"):
        export_bids_study([], tmp_path / "b", StudyFacts())
    assert not (tmp_path / "a").exists()
