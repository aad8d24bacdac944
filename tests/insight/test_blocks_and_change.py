from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.errors import SignalError
from tallrun.insight import (
    Block,
    Change,
    SessionBlocks,
    by_weight,
    compare_blocks,
    flag_baseline,
    own_baseline,
    own_baselines,
    steady_blocks,
    typical_error,
    usual_speeds,
)
from tallrun.insight.change import LEVEL, paired_difference

START = datetime.fromisoformat("2026-03-01T08:00:00+01:00")


def strides(n: int = 120, speed_mps: float = 2.6, cadence: float = 168.0, **columns: object) -> pd.DataFrame:
    step_s = 60.0 / cadence
    table: dict[str, object] = {
        "initial_contact_s": np.arange(n) * step_s,
        "foot": ["left", "right"] * (n // 2),
        "mode": ["run"] * n,
        "quality": np.ones(n),
        "reasons": [""] * n,
        "stance_time_s": np.where(np.arange(n) % 2 == 0, 0.250, 0.260),
        "speed_mps": np.full(n, speed_mps),
        "cadence_spm": np.full(n, cadence),
        "pelvic_tilt_deg": np.full(n, np.nan),
    }
    return pd.DataFrame(table | columns)


def session(
    name: str, value: float, *, day: int = 0, grade: str | None = "GREEN", shoe: str | None = None,
    strap: str | None = None, speed: float = 2.6, scatter: float = 0.5, n: int = 4,
) -> SessionBlocks:  # fmt: skip
    offsets = np.linspace(-scatter, scatter, n)
    blocks = tuple(
        Block(
            i * 30.0,
            i * 30.0 + 29.0,
            speed,
            30,
            {"cadence_spm": value + offsets[i], "pelvic_tilt_deg": value / 20},
        )
        for i in range(n)
    )
    return SessionBlocks(name, START + timedelta(days=day), grade, blocks, shoe, strap)


def test_steady_running_is_cut_into_blocks_of_thirty_strides() -> None:
    blocks = steady_blocks(strides(100))
    assert [block.n_strides for block in blocks] == [30, 30, 30]
    assert blocks[0].speed_mps == pytest.approx(2.6)
    assert blocks[0].values["cadence_spm"] == 168.0
    assert blocks[0].values["asymmetry_contact_pct"] == pytest.approx(200 * 0.01 / 0.51)
    assert "pelvic_tilt_deg" not in blocks[0].values  # never measured, so absent and not 0
    assert blocks[1].start_s > blocks[0].end_s


@pytest.mark.parametrize(
    "columns",
    [
        {"mode": ["walk"] * 120},
        {"quality": np.full(120, 0.5)},
        {"quality": np.full(120, np.nan)},
        {"reasons": ["turn;clipped"] * 120},
        {"speed_mps": np.linspace(1.5, 6.0, 120)},
    ],
    ids=["walking", "poor", "unknown quality", "turning", "speeding up"],
)
def test_no_block_where_nothing_can_be_said(columns: dict[str, object]) -> None:
    assert steady_blocks(strides(**columns)) == ()


def test_empty_table_gives_no_blocks() -> None:
    assert steady_blocks(strides(120).iloc[:0]) == ()


def test_a_gap_starts_a_new_block() -> None:
    table = strides(60)
    table.loc[20:, "initial_contact_s"] += 30.0
    (block,) = steady_blocks(table)
    assert block.start_s >= 30.0


def test_belt_speed_goes_before_own_speed() -> None:
    (block,) = steady_blocks(strides(30, belt_speed_mps=np.full(30, 3.0)))
    assert block.speed_mps == 3.0


def test_unknown_speed_is_none_not_zero() -> None:
    (block,) = steady_blocks(strides(30, speed_mps=np.full(30, np.nan)))
    assert block.speed_mps is None


def test_a_missing_column_is_named() -> None:
    with pytest.raises(SignalError, match="'quality'"):
        steady_blocks(strides(30).drop(columns="quality"))


def test_baseline_is_the_median_of_three_green_sessions() -> None:
    sessions = [session(f"s{i}", value, day=i) for i, value in enumerate((165, 168, 180))]
    baseline = own_baseline(sessions, "cadence_spm", 2.6)
    assert baseline is not None
    assert baseline.value == 168.0
    assert baseline.session_ids == ("s0", "s1", "s2")
    assert own_baseline(sessions[:2], "cadence_spm", 2.6) is None


@pytest.mark.parametrize("grade", ["AMBER", "LATE", "RED", "UNKNOWN", None])
def test_only_green_sessions_make_a_baseline(grade: str | None) -> None:
    sessions = [session(f"s{i}", 168, day=i) for i in range(2)] + [session("bad", 168, day=3, grade=grade)]
    assert own_baseline(sessions, "cadence_spm", 2.6) is None


def test_sessions_at_another_speed_do_not_count() -> None:
    sessions = [session(f"s{i}", 168, day=i) for i in range(2)] + [session("fast", 176, day=3, speed=2.75)]
    assert own_baseline(sessions, "cadence_spm", 2.6) is None
    near = [session(f"s{i}", 168, day=i) for i in range(2)] + [session("near", 168, day=3, speed=2.72)]
    assert own_baseline(near, "cadence_spm", 2.6) is not None


def test_new_shoes_start_foot_metrics_afresh_and_a_new_strap_those_of_the_pelvis() -> None:
    old = [session(f"s{i}", 168, day=i, shoe="A", strap="1") for i in range(3)]
    assert own_baseline(old, "cadence_spm", 2.6, shoe="A", strap="1") is not None
    assert own_baseline(old, "cadence_spm", 2.6, shoe="B", strap="1") is None
    assert own_baseline(old, "cadence_spm", 2.6, shoe="A", strap="2") is not None
    assert own_baseline(old, "pelvic_tilt_deg", 2.6, shoe="B", strap="1") is not None
    assert own_baseline(old, "pelvic_tilt_deg", 2.6, shoe="A", strap="2") is None


def test_the_newest_ten_sessions_are_used() -> None:
    sessions = [session(f"old{i}", 150, day=i) for i in range(10)]
    sessions += [session(f"new{i}", 170, day=20 + i) for i in range(10)]
    baseline = own_baseline(sessions, "cadence_spm", 2.6)
    assert baseline is not None
    assert baseline.value == 170.0


def test_speeds_run_often_get_a_baseline_each() -> None:
    sessions = [session(f"a{i}", 165, day=i, speed=2.4) for i in range(4)]
    sessions += [session(f"b{i}", 174, day=10 + i, speed=3.2) for i in range(3)]
    sessions += [session("c", 180, day=30, speed=4.0)]
    assert usual_speeds(sessions) == (2.4, 3.2)
    found = {item.speed_mps: item.value for item in own_baselines(sessions, metrics=["cadence_spm"])}
    assert found == {2.4: 165.0, 3.2: 174.0}
    flags = flag_baseline(sessions)
    assert [item.speed_mps for item in flags.bins] == [2.4, 3.2]
    assert flags.at(2.45) is not None
    assert flags.at(2.45).cadence_spm == 165.0  # type: ignore[union-attr]
    assert math.isnan(flags.bins[0].asymmetry_contact_pct)
    assert flag_baseline([]).bins == ()


def test_typical_error_is_the_scatter_from_one_session_to_the_next(rng: np.random.Generator) -> None:
    """Neither another shoe nor a slow change over the weeks counts as error."""
    true_sd = 2.0
    sessions = [
        session(f"{shoe}{i}", level + 0.05 * i + rng.normal(0, true_sd), day=i, shoe=shoe, scatter=0.0)
        for shoe, level in (("A", 160.0), ("B", 175.0))
        for i in range(400)
    ]
    error = typical_error(sessions, "cadence_spm", 2.6)
    assert error is not None
    assert error.dof == pytest.approx(2.0 * 798**2 / (3.0 * 798 - 1.0))
    assert error.value == pytest.approx(true_sd, rel=0.06)
    assert error.detectable(LEVEL) == pytest.approx(1.96 * math.sqrt(2) * true_sd, rel=0.07)


def test_detectable_change_holds_in_unchanged_pairs(rng: np.random.Generator) -> None:
    """With few own repeats the limit must still be passed by about 5 % of unchanged pairs, not more."""
    passed = 0
    trials = 2000
    for _ in range(trials):
        repeats = [session(f"s{i}", 165 + rng.normal(0, 1.5), day=i, scatter=0.0) for i in range(4)]
        error = typical_error(repeats, "cadence_spm", 2.6)
        assert error is not None
        passed += abs(rng.normal(0, 1.5) - rng.normal(0, 1.5)) > error.detectable(LEVEL)
    assert 0.03 <= passed / trials <= 0.07


def test_too_few_repeats_give_no_error() -> None:
    assert typical_error([session("a", 165), session("b", 166)], "cadence_spm", 2.6) is None
    assert typical_error([], "cadence_spm", 2.6) is None


def test_a_change_beyond_day_to_day_error_is_real() -> None:
    history = [session(f"s{i}", value, day=i) for i, value in enumerate((165.0, 166.0, 164.0, 165.0, 166.0))]
    after = session("new", 172.0, day=9)
    change = compare_blocks("cadence_spm", history[0].blocks, after.blocks, history, 2.6)
    assert (change.word, change.reason) == ("real change", None)
    assert change.difference == 7.0
    assert change.ratio > 1
    same = compare_blocks("cadence_spm", history[0].blocks, history[1].blocks, history, 2.6)
    assert same.word == "no real change"
    assert same.ratio < 1


def test_without_day_to_day_error_a_difference_is_not_called_real() -> None:
    before, after = session("a", 165.0), session("b", 172.0, day=1)
    change = compare_blocks("cadence_spm", before.blocks, after.blocks, [before, after], 2.6)
    assert (change.word, change.reason) == ("cannot tell", "no_own_error")
    close = compare_blocks("cadence_spm", before.blocks, session("c", 165.2, day=1).blocks, [], 2.6)
    assert close.word == "no real change"


def test_unknown_metric_cannot_be_compared() -> None:
    before, after = session("a", 165.0), session("b", 166.0, day=1)
    change = compare_blocks("stride_length_m", before.blocks, after.blocks, [], 2.6)
    assert (change.word, change.reason, change.before, change.difference) == (
        "cannot tell", "too_few_strides", None, None,
    )  # fmt: skip


def made(metric: str, values: list[float]) -> list[Block]:
    return [Block(20.0 * k, 20.0 * k + 20.0, 2.6, 30, {metric: value}) for k, value in enumerate(values)]


def test_a_reader_gets_real_changes_first_then_open_ones_each_by_size_over_error() -> None:
    def change(name: str, word: str, ratio: float) -> Change:
        return Change(name, 0.0, ratio, ratio, 1.0, word, None)  # type: ignore[arg-type]

    mixed = [change("a", "no real change", 0.9), change("b", "cannot tell", 1.5), change("c", "real change", 1.1),
             change("d", "real change", -3.0), change("e", "cannot tell", 4.0)]  # fmt: skip
    assert [item.metric for item in by_weight(mixed)] == ["d", "c", "e", "b", "a"]


def test_parts_of_one_session_are_held_against_the_scatter_of_its_own_blocks() -> None:
    old = made("cadence_spm", [165.0, 165.4, 164.8, 165.1, 165.2, 164.9])
    new = made("cadence_spm", [168.1, 168.3, 167.9, 168.2, 168.0, 168.4])
    two = compare_blocks("cadence_spm", old, new, [], 2.6)
    assert (two.word, two.reason) == ("cannot tell", "no_own_error")
    one = compare_blocks("cadence_spm", old, new, [], 2.6, is_one_session=True)
    assert (one.word, one.reason) == ("real change", None)
    assert one.interval is not None
    assert one.interval[0] <= one.difference <= one.interval[1]


def test_blocks_that_disagree_give_no_verdict_however_large_the_middle() -> None:
    history = [session(f"s{i}", value, day=i) for i, value in enumerate((165.0, 165.1, 164.9) * 4)]
    old = made("cadence_spm", [165.0] * 8)
    new = made("cadence_spm", [150.0, 181.0, 150.0, 181.0, 181.0, 150.0, 181.0, 181.0])
    change = compare_blocks("cadence_spm", old, new, history, 2.6)
    assert abs(change.difference) > change.detectable
    assert (change.word, change.reason) == ("cannot tell", "blocks_disagree")


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=14))
def test_middle_and_interval_are_those_of_the_signed_rank_test(values: list[int]) -> None:
    """Against the definition: the interval holds every shift that the exact test does not reject."""
    differences = np.array(values, dtype=np.float64)
    n = len(values)
    means = sorted((values[i] + values[j]) / 2.0 for i in range(n) for j in range(i, n))
    middle, interval = paired_difference(differences)
    assert middle == float(np.median(means))
    if n < 6:
        assert interval is None
        return
    picks = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    ranks = picks @ np.arange(1, n + 1)
    cut = max(c for c in range(-1, len(means)) if (ranks <= c).mean() <= 0.025)
    assert interval == (means[cut], means[len(means) - 1 - cut])
    assert interval[0] <= middle <= interval[1]


def test_interval_covers_the_true_difference_19_times_in_20(rng: np.random.Generator) -> None:
    for n in (6, 12, 60):
        held = 0
        for _ in range(800):
            _, (low, high) = paired_difference(rng.normal(1.0, 2.0, n))
            held += low <= 1.0 <= high
        assert 0.93 <= held / 800 <= 0.985, n


@given(st.lists(st.floats(150, 190), min_size=3, max_size=8), st.randoms(use_true_random=False))
def test_order_of_sessions_never_matters(values: list[float], random: object) -> None:
    sessions = [session(f"s{i}", value, day=i) for i, value in enumerate(values)]
    mixed = sessions.copy()
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert own_baseline(sessions, "cadence_spm", 2.6) == own_baseline(mixed, "cadence_spm", 2.6)
