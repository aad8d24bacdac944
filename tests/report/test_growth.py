"""What a runner waits for grows with the runs, not with their square; counted in calls, whatever the machine does."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.many_runs import NOW, many_runs, stride_table
from support.report_sources import PROTOCOL
from tallrun.cli import recovery_common
from tallrun.insight import flag_baseline, steady_blocks
from tallrun.insight.blocks import OwnSessions
from tallrun.insight.pain import pain_after
from tallrun.report.history import BLOCKS_FILE, own_history, stored_blocks, uncut
from tallrun.report.own import against_own
from tallrun.store import Store

COUNTS = (15, 60)


def calls(work) -> int:
    """Return how many Python and C functions are called."""
    count = 0

    def saw(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(saw)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> dict[int, tuple[Path, str]]:
    out = {}
    for count in COUNTS:
        folder = tmp_path_factory.mktemp(f"runs{count}") / "records"
        out[count] = folder, many_runs(folder, count)
    return out


@pytest.mark.parametrize("what", ["own sessions", "grades", "baselines", "report"])
def test_it_grows_no_faster_than_the_runs(records, what):
    found = []
    for folder, runner_id in records.values():
        with Store.open(folder) as store:
            known = tuple(own_history(store, runner_id, PROTOCOL, NOW))
            run = steady_blocks(stride_table(60.0, 2.6, 3))
            history = store.history(runner_id)
            work = {
                "own sessions": lambda: own_history(store, runner_id, PROTOCOL, NOW),  # noqa: B023
                "grades": lambda: pain_after(PROTOCOL, history, NOW),  # noqa: B023
                "baselines": lambda: flag_baseline(OwnSessions(known)),  # noqa: B023
                "report": lambda: against_own(run, OwnSessions(known), None),  # noqa: B023
            }[what]
            found.append(calls(work))
    assert found[1] / found[0] < 1.3 * COUNTS[1] / COUNTS[0], found


def test_blocks_of_one_run_are_cut_in_linear_time():
    short, long = (stride_table(seconds, 2.6, 1) for seconds in (300.0, 1200.0))
    assert calls(lambda: steady_blocks(long)) < 1.3 * 4.0 * calls(lambda: steady_blocks(short))


def test_kept_blocks_are_those_of_the_table_and_follow_it(tmp_path):
    path = tmp_path / "strides.parquet"
    stride_table(120.0, 2.6, 1).to_parquet(path)
    cut = stored_blocks(tmp_path)
    kept = stored_blocks(tmp_path)
    assert list(kept) == list(cut) == list(steady_blocks(stride_table(120.0, 2.6, 1)))
    stride_table(120.0, 3.0, 2).to_parquet(path)
    assert list(stored_blocks(tmp_path)) == list(steady_blocks(stride_table(120.0, 3.0, 2)))
    for damage in (b"", b"no array", b"\x93NUMPY"):
        (tmp_path / "blocks-1.npy").write_bytes(damage)
        assert len(stored_blocks(tmp_path)) == len(cut)
    path.unlink()
    assert stored_blocks(tmp_path) is None


def test_the_first_read_tells_how_far_it_is_and_is_done_once(tmp_path, monkeypatch):
    runner_id = many_runs(tmp_path, 6)
    told, bars = [], []

    @contextmanager
    def bar(label):
        bars.append(label)
        yield told.append

    monkeypatch.setattr(recovery_common, "progress_bar", bar)
    recovery_common.read_earlier_runs(tmp_path, None)
    assert told == [pytest.approx(k / 6) for k in range(1, 7)]
    recovery_common.read_earlier_runs(tmp_path, None)
    recovery_common.read_earlier_runs(tmp_path, "nobody")
    assert bars == ["reading earlier runs"]
    with Store.open(tmp_path) as store:
        assert uncut(store, runner_id) == []
        place = Path(store.sessions(runner_id)[2].folder) / "derived"
        (place / BLOCKS_FILE).unlink()
        assert uncut(store, runner_id) == [place]
