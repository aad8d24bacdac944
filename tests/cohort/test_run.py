"""A cohort as a whole: resumed, changed, failing, stopped, on any number of workers. The work is made up."""

from __future__ import annotations

import csv
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest

from support import cohort_work
from support.cohort_work import N_STRIDES, bare_session
from support.session_files import small_session
from tallrun.cohort import CohortOptions, analyse_session, run_cohort
from tallrun.cohort.assemble import TABLE_NAMES
from tallrun.cohort.cluster import EXTRA_MISSING, _quiet, open_pool
from tallrun.cohort.identity import input_sha256
from tallrun.cohort.shards import ShardStore
from tallrun.errors import SessionError, UsageError

ROOT = Path(__file__).resolve().parents[2]


def stage(label):
    return nullcontext(lambda share: None)


class InProcess:
    """A pool without processes, that finishes work in another order than it got it."""

    def run(self, task, work):
        for name, arguments in reversed(list(work)):
            try:
                yield name, task(*arguments), None
            except Exception as error:
                yield name, None, f"{type(error).__name__}: {error}"


def make(folder, out, analyse=cohort_work.made_up, **options):
    """Without ``n_workers`` in this process; with it in that many workers of a cluster of our own."""
    with pytest.MonkeyPatch.context() as patch:
        if "n_workers" not in options and "scheduler" not in options:
            patch.setattr("tallrun.cohort.run.open_pool", lambda *_: nullcontext(InProcess()))
        return run_cohort(CohortOptions(folder, out, **options), stage, analyse=analyse)


def sessions(out):
    return pd.read_parquet(out / "sessions.parquet").set_index("session", drop=False)


def hashes(report):
    return {name: item["sha256"] for name, item in report["tables"].items()}


@pytest.fixture
def five(tmp_path):
    for number in range(5):
        bare_session(tmp_path / "in" / f"s{number}", n=number)
    return tmp_path / "in"


def test_a_second_call_does_nothing_and_gives_the_same_bytes(five, tmp_path):
    first = make(five, tmp_path / "out")
    assert first["counts"] | {"sessions": 5, "ok": 5, "analysed_now": 5} == first["counts"]
    assert first["tables"]["strides.parquet"]["rows"] == 5 * N_STRIDES
    second = make(five, tmp_path / "out", analyse=None)  # would fail if it were called
    assert second["counts"]["analysed_now"] == 0
    assert hashes(second) == hashes(first)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*TABLE_NAMES, "run.json", "work"}


def test_workers_and_order_of_completion_do_not_show(five, tmp_path):
    assert hashes(make(five, tmp_path / "one")) == hashes(make(five, tmp_path / "two", n_workers=2))


def test_changed_new_and_removed_sessions(five, tmp_path):
    make(five, tmp_path / "out")
    before = sessions(tmp_path / "out")
    (five / "s1" / "session.json").write_text("{}")
    shutil.rmtree(five / "s2")
    shutil.copytree(five / "s3", five / "copy")
    bare_session(five / "new")
    shutil.copytree(five / "new", five / "newer")
    report = make(five, tmp_path / "out")
    assert report["counts"]["analysed_now"] == 2  # copies cost nothing, of old or of new
    after = sessions(tmp_path / "out")
    assert list(after.index) == ["copy", "new", "newer", "s0", "s1", "s3", "s4"]
    assert after.loc["s0", "content_sha256"] == before.loc["s0", "content_sha256"]
    assert after.loc["s1", "content_sha256"] != before.loc["s1", "content_sha256"]
    assert after.loc["copy", "content_sha256"] == after.loc["s3", "content_sha256"]
    strides = pd.read_parquet(tmp_path / "out" / "strides.parquet")
    assert strides["session"].value_counts().to_dict() == dict.fromkeys(after.index, N_STRIDES)
    left = [path.stem for path in (tmp_path / "out" / "work" / "shards").glob("*/*.parquet")]
    assert sorted(left) == sorted(set(after["content_sha256"]))


def test_a_worker_that_dies_and_one_that_raises_cost_their_session_only(five, tmp_path):
    (five / "s1" / "dies").touch()
    (five / "s3" / "raises").touch()
    report = make(five, tmp_path / "out", n_workers=2)
    assert report["counts"]["ok"] == 3
    assert report["counts"]["failed"] == 2
    table = sessions(tmp_path / "out")
    assert "worker process died" in table.loc["s1", "reason"]
    assert table.loc["s3", "reason"].startswith("RuntimeError: no such luck")
    for name in ("dies", "raises"):
        next(five.glob(f"*/{name}")).unlink()
    report = make(five, tmp_path / "out")
    assert report["counts"] | {"ok": 5, "failed": 0, "analysed_now": 2} == report["counts"]


def test_a_damaged_shard_is_made_again(five, tmp_path):
    whole = make(five, tmp_path / "out")
    key = sessions(tmp_path / "out").loc["s2", "content_sha256"]
    path = ShardStore(tmp_path / "out" / "work" / "shards").path(key)
    path.write_bytes(path.read_bytes()[:-20])
    again = make(five, tmp_path / "out")
    assert again["counts"]["analysed_now"] == 1
    assert hashes(again) == hashes(whole)


def test_a_limit_takes_the_first_and_throws_nothing_away(five, tmp_path):
    make(five, tmp_path / "out")
    report = make(five, tmp_path / "out", limit=2)
    assert list(sessions(tmp_path / "out").index) == ["s0", "s1"]
    assert report["counts"]["beyond_limit"] == 3
    assert make(five, tmp_path / "out")["counts"]["analysed_now"] == 0


def test_subjects_get_codes_that_stay(five, tmp_path):
    bare_session(five / "Jane Doe" / "a", subject_id="Jane Doe", started_at="2026-05-01T08:00:00+02:00")
    bare_session(five / "Jane Doe" / "b", subject_id="Jane Doe", started_at="2026-05-08T23:00:00+02:00")
    bare_session(five / "Joe" / "a", surface="Jane's lawn")
    first = make(five, tmp_path / "out", subject_level=1)
    table = sessions(tmp_path / "out")
    for name in ("sessions.csv", "run.json"):
        assert "Jane" not in (tmp_path / "out" / name).read_text()
    for name in ("sessions", "strides", "segments"):
        content = pd.read_parquet(tmp_path / "out" / f"{name}.parquet")
        assert "Jane" not in content.to_json()
    jane = table[table["subject_day"] == 7]["subject_id"].item()
    assert sorted(name for name in table.index if jane in name) == [f"{jane}/a", f"{jane}/b"]
    assert table["subject_id"].nunique() == 7
    assert table.loc[table["surface"].notna(), "surface"].tolist() == ["other"]
    assert "started_at" not in table
    assert hashes(make(five, tmp_path / "other", subject_level=1)) == hashes(first)
    bare_session(five / "Jane Doe" / "c", subject_id="Jane Doe")
    make(five, tmp_path / "out", subject_level=1)
    assert sessions(tmp_path / "out").loc[f"{jane}/c", "subject_id"] == jane


def test_identified_tables_hold_what_was_recorded(five, tmp_path):
    bare_session(five / "x", subject_id="Jane", started_at="2026-05-01T08:00:00+02:00", surface="lawn")
    make(five, tmp_path / "out", is_deidentified=False)
    row = sessions(tmp_path / "out").loc["x"]
    assert (row["subject_id"], row["started_at"], row["surface"]) == (
        "Jane",
        "2026-05-01T08:00:00+02:00",
        "lawn",
    )
    assert not (tmp_path / "out" / "work" / "subjects.json").exists()


def test_hostile_names_stay_in_their_cell(tmp_path):
    names = ["=cmd|x", "a,b", 'quo"te', "new\nline", "<b>", "-1+1"]
    for name in names:
        bare_session(tmp_path / "in" / name)
    make(tmp_path / "in", tmp_path / "out")
    assert sorted(sessions(tmp_path / "out").index) == sorted(names)
    with (tmp_path / "out" / "sessions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["session"].lstrip("'") for row in rows] == sorted(names)
    assert {row["session"] for row in rows} >= {"'=cmd|x", "'-1+1"}


def test_tables_are_written_in_groups_that_do_not_grow_with_the_cohort(five, tmp_path, monkeypatch):
    whole = make(five, tmp_path / "whole")
    monkeypatch.setattr("tallrun.cohort.assemble.GROUP_ROWS", 30)
    monkeypatch.setattr("tallrun.cohort.assemble.SESSION_GROUP", 2)
    make(five, tmp_path / "out")
    groups = pq.ParquetFile(tmp_path / "out" / "strides.parquet").metadata
    sizes = [groups.row_group(place).num_rows for place in range(groups.num_row_groups)]
    assert sizes == [30] * 6 + [20]
    for name in ("sessions", "strides"):
        one, other = (pd.read_parquet(tmp_path / place / f"{name}.parquet") for place in ("whole", "out"))
        pd.testing.assert_frame_equal(one, other)
    assert (tmp_path / "out" / "sessions.csv").read_bytes() == (
        tmp_path / "whole" / "sessions.csv"
    ).read_bytes()
    assert whole["tables"]["strides.parquet"]["rows"] == sum(sizes)


def test_folders_that_cannot_be_meant_are_refused(five, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SessionError, match="no session below"):
        make(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(SessionError, match="not a folder"):
        make(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(UsageError, match="folder of their own"):
        make(five, five)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "strides.parquet").write_bytes(b"mine")
    with pytest.raises(UsageError, match="something else"):
        make(five, foreign)
    assert (foreign / "strides.parquet").read_bytes() == b"mine"
    with pytest.raises(UsageError, match="limit must be at least 1"):
        make(five, tmp_path / "out", limit=0)


def test_tables_below_the_sessions_are_not_sessions(five):
    first = make(five, five / "out")
    assert make(five, five / "out")["counts"]["sessions"] == first["counts"]["sessions"] == 5


def test_without_dask_one_line_says_what_to_install(five, tmp_path, monkeypatch):
    monkeypatch.setattr("tallrun.cohort.cluster.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install"):
        make(five, tmp_path / "out")
    assert "tallrun[cluster]" in EXTRA_MISSING


def test_nothing_listens_beyond_the_loopback_interface():
    with open_pool(1):
        me = psutil.Process()
        listening = [
            item.laddr.ip
            for process in (me, *me.children(recursive=True))
            for item in process.net_connections(kind="inet")
            if item.status == psutil.CONN_LISTEN
        ]
    assert listening
    assert set(listening) == {"127.0.0.1"}


@pytest.mark.parametrize("address", ["foo", "inproc://x", "tcp://", "http://127.0.0.1:8786"])
def test_what_is_no_address_of_a_scheduler_is_refused_at_once(five, tmp_path, address):
    with pytest.raises(UsageError, match="tcp://host:8786"), open_pool(1, address):
        pass


def test_a_running_scheduler_is_used(five, tmp_path):
    from distributed import LocalCluster

    alone = make(five, tmp_path / "alone")
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1",
        dashboard_address=None, scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
    ) as cluster:  # fmt: skip
        ready = tmp_path / "ready"

        def prepare():
            with ready.open("a") as file:
                file.write("one\n")

        options = CohortOptions(five, tmp_path / "out", scheduler=cluster.scheduler_address)
        report = run_cohort(options, stage, prepare=(prepare,), analyse=cohort_work.made_up)
    assert hashes(report) == hashes(alone)
    assert ready.read_text() == "one\none\n"  # on each of the two workers
    assert cluster.scheduler_address not in (tmp_path / "out" / "run.json").read_text()


def test_a_worker_with_other_code_ends_the_call(five, tmp_path):
    def other_code(folder, expected_sha256):
        return replace(cohort_work.made_up(folder, expected_sha256), code_sha256="0" * 64)

    with pytest.raises(UsageError, match="another tallrun"):
        make(five, tmp_path / "out", analyse=other_code)
    assert make(five, tmp_path / "out")["counts"]["analysed_now"] == 5


def test_a_session_that_changed_meanwhile_is_filed_nowhere(tmp_path):
    folder = small_session(tmp_path / "s", "pelvis")
    assert analyse_session(str(folder), input_sha256(folder)).status == "ok"
    outcome = analyse_session(str(folder), "0" * 64)
    assert (outcome.status, outcome.shard) == ("failed", None)
    assert "changed while it was read" in outcome.reason
    gone = analyse_session(str(tmp_path / "elsewhere"), "0" * 64)
    assert (gone.status, gone.shard) == ("failed", None)
    assert "is the disk shared" in gone.reason


def test_a_scheduler_that_goes_away_is_one_clear_error_and_nothing_is_lost(five, tmp_path):
    from distributed import LocalCluster

    for number in range(5):
        (five / f"s{number}" / "slow").touch()
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1",
        dashboard_address=None, scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}, silence_logs=60,
    ) as cluster:  # fmt: skip
        options = CohortOptions(five, tmp_path / "out", scheduler=cluster.scheduler_address)

        def pull_the_plug(label):
            return nullcontext(lambda share: cluster.close() if label == "analysing" else None)

        with pytest.raises(UsageError, match="scheduler went away"):
            run_cohort(options, pull_the_plug, analyse=cohort_work.made_up)
    assert make(five, tmp_path / "out")["counts"]["analysed_now"] == 4


def test_dask_does_not_talk_meanwhile():
    logger = logging.getLogger("distributed.client")
    level = logger.level
    logger.setLevel(logging.WARNING)  # as Dask's own configuration does, below its parent
    with _quiet():
        assert not logger.isEnabledFor(logging.CRITICAL)
    assert logger.level == logging.WARNING
    logger.setLevel(level)


def test_no_scheduler_is_one_clear_error(five, tmp_path, monkeypatch):
    monkeypatch.setattr("tallrun.cohort.cluster.CONNECT_S", 0.3)
    with pytest.raises(UsageError, match="no Dask scheduler answers"):
        make(five, tmp_path / "out", scheduler="tcp://127.0.0.1:9")


SLOW_RUN = """
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from support.cohort_work import made_up
from support.session_files import small_session
from tallrun.cohort import CohortOptions, analyse_session, run_cohort
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins without it
    try:
        options = CohortOptions(Path(sys.argv[1]), Path(sys.argv[2]), 1)
        run_cohort(options, lambda label: nullcontext(lambda share: None), analyse=made_up)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_stopped_midway_it_goes_on_where_it_was(five, tmp_path, blow):
    for number in range(5):
        (five / f"s{number}" / "slow").touch()
    script = tmp_path / "slow_run.py"
    script.write_text(SLOW_RUN)
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    process = subprocess.Popen(
        [sys.executable, str(script), str(five), str(tmp_path / "out")],
        env=os.environ | {"PYTHONPATH": paths, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    shards = tmp_path / "out" / "work" / "shards"
    until = time.monotonic() + 60.0
    while len(list(shards.glob("*/*.parquet"))) < 2:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < until
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    if blow == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C: the workers get it too
    said = process.communicate(timeout=30)[1].decode()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive
    if blow == signal.SIGINT:
        assert (process.returncode, said) == (130, "")
    assert not (tmp_path / "out" / "sessions.parquet").exists()
    n_done = len(list(shards.glob("*/*.parquet")))
    assert 2 <= n_done < 5
    report = make(five, tmp_path / "out")
    assert report["counts"] | {"ok": 5, "analysed_now": 5 - n_done} == report["counts"]
    for slow in five.glob("*/slow"):
        slow.unlink()
    assert hashes(report) == hashes(make(five, tmp_path / "whole"))
    assert not [path for path in (tmp_path / "out").rglob(".*")]
