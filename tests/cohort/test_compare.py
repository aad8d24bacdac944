"""Two versions on the same sessions: pairing of sessions and contacts, counts of what changed."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext

import numpy as np
import pyarrow as pa
import pytest

from support import cohort_work
from support.cohort_work import N_STRIDES, bare_session
from tallrun.cli.cohort import compare_lines
from tallrun.cohort import CohortOptions, compare_cohorts, run_cohort
from tallrun.cohort.compare import pair_contacts
from tallrun.errors import SessionError


class Here:
    """A pool in this process."""

    def run(self, task, work):
        for name, arguments in work:
            yield name, task(*arguments), None


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr("tallrun.cohort.run.open_pool", lambda *_: nullcontext(Here()))

    def run(folder, out, analyse):
        run_cohort(CohortOptions(folder, out), lambda label: nullcontext(lambda share: None), analyse=analyse)
        return out

    return run


def test_two_versions_on_the_same_sessions(make, tmp_path):
    for number in range(4):
        bare_session(tmp_path / "in" / f"s{number}", n=number)
    first = make(tmp_path / "in", tmp_path / "a", cohort_work.made_up)
    shutil.copytree(tmp_path / "in" / "s3", tmp_path / "in" / "moved")  # names do not matter, bytes do
    shutil.rmtree(tmp_path / "in" / "s3")
    shutil.rmtree(tmp_path / "in" / "s0")
    bare_session(tmp_path / "in" / "new")
    second = make(tmp_path / "in", tmp_path / "b", cohort_work.shifted)
    found = compare_cohorts(first, second)
    assert json.dumps(found, allow_nan=False)
    assert found["sessions"] == {
        "paired": 3, "both_ok": 3, "status_changed": [], "only_in_first": ["s0"], "only_in_second": ["new"],
    }  # fmt: skip
    assert found["strides"] == {
        "in_first": 3 * N_STRIDES, "in_second": 3 * (N_STRIDES - 1), "paired": 3 * (N_STRIDES - 1),
        "only_in_first": 3, "only_in_second": 0, "changed": 3 * 4,
    }  # fmt: skip
    stance = found["stride_metrics"]["stance_time_s"]
    assert stance["n_changed"] == 12
    assert stance["largest_change"] == pytest.approx(0.02)
    assert stance["bias"] == pytest.approx(12 * 0.02 / (3 * (N_STRIDES - 1)))
    contacts = found["metrics"]["n_contacts"]
    assert (contacts["n"], contacts["bias"], contacts["sd"]) == (3, -1.0, 0.0)
    assert found["metrics"]["cadence_spm_median"]["reason"] == "too_few_values"
    lines = compare_lines(found)
    assert any("12 changed, by +0.00205 on average and 0.02 at most" in line for line in lines)


def test_a_cohort_equals_itself(make, tmp_path):
    for number in range(3):
        bare_session(tmp_path / "in" / f"s{number}", n=number)
    out = make(tmp_path / "in", tmp_path / "a", cohort_work.made_up)
    found = compare_cohorts(out, out)
    assert found["strides"]["changed"] == found["strides"]["only_in_first"] == 0
    item = found["metrics"]["stance_time_s_median"]
    assert (item["bias"], item["sd"], item["icc_a1"]) == (0.0, 0.0, 1.0)
    told = [name for name, item in found["metrics"].items() if item["bias"] is not None]
    assert len(compare_lines(found)) == 2 + 1 + len(told) + 1 + 2, "what is not known is told in one line"


def test_one_session_is_told_in_one_line(make, tmp_path):
    bare_session(tmp_path / "in" / "s")
    out = make(tmp_path / "in", tmp_path / "a", cohort_work.made_up)
    lines = compare_lines(compare_cohorts(out, out))
    assert [line.split(":")[0] for line in lines] == [
        "1 session in both (1 analysed in both), 0 only in the first, 0 only in the second, 0 with another status",
        "",
        "Known in both in fewer than 3 sessions, so without agreement",
        "",
        "Strides",
    ]


def test_a_session_refused_by_one_version_is_told(make, tmp_path):
    bare_session(tmp_path / "in" / "s", n=1)
    first = make(tmp_path / "in", tmp_path / "a", cohort_work.made_up)
    from tallrun.cohort import analyse_session

    second = make(tmp_path / "in", tmp_path / "b", analyse_session)  # no session the real reader takes
    found = compare_cohorts(first, second)
    assert found["sessions"]["status_changed"] == ["s"]
    assert found["sessions"]["both_ok"] == 0


def test_what_is_no_finished_cohort_is_refused(make, tmp_path):
    bare_session(tmp_path / "in" / "s")
    out = make(tmp_path / "in", tmp_path / "a", cohort_work.made_up)
    with pytest.raises(SessionError, match=r"run\.json is missing"):
        compare_cohorts(out, tmp_path)
    (out / "sessions.parquet").write_bytes(b"PAR1")
    with pytest.raises(SessionError, match="missing or damaged"):
        compare_cohorts(out, out)
    report = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(report | {"state": "unfinished"}))
    with pytest.raises(SessionError, match="no finished cohort"):
        compare_cohorts(out, out)


def contacts(*rows):
    return pa.table({
        "foot": pa.array([foot for foot, _ in rows], pa.string()),
        "initial_contact_s": pa.array([time for _, time in rows], pa.float64()),
    })  # fmt: skip


def test_contacts_are_paired_by_foot_one_to_one_and_within_40_ms():
    first = contacts(("left", 1.0), ("left", 1.7), ("right", 1.35), (None, 5.0), ("left", 9.0))
    second = contacts(
        ("left", 1.01), ("left", 1.03), ("left", 1.75), ("right", 1.0), ("right", 1.33), (None, 5.0)
    )
    left, right = pair_contacts(first, second)
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 0), (2, 4), (3, 5)]
    assert pair_contacts(first, contacts())[0].size == 0


def test_pairing_is_the_same_both_ways(rng):
    first = contacts(*(("left", t) for t in np.cumsum(rng.uniform(0.03, 0.7, 200))))
    moved = first.column("initial_contact_s").to_numpy() + rng.normal(0.0, 0.02, 200)
    second = contacts(*(("left", t) for t in np.sort(moved)))
    forth, back = pair_contacts(first, second), pair_contacts(second, first)
    assert forth[0].size > 150
    assert set(zip(*forth, strict=True)) == set(zip(*back[::-1], strict=True))
