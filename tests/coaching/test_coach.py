"""Cue properties on random strides: silent in band, never in a probe, never two messages in 20 s."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.coaching import (
    CadenceTarget,
    Coach,
    CoachSettings,
    CueAnswer,
    CueEnd,
    CueStart,
    Focus,
    ProbeResult,
    SeenStride,
    ledger_rows,
    plan_session,
)
from tallrun.numerics.recording import RunnerProfile

TARGET = 170.0
LOW, HIGH = 0.98 * TARGET, 1.02 * TARGET


def band(_speed):
    return LOW, HIGH


def run(values, plan, settings=None, clean=None, delay_s=0.15):
    coach = Coach(plan, Focus("cadence", band), settings)
    events, time_s = [], plan.blocks[0].start_s
    for place, value in enumerate(values):
        time_s += 60.0 / 165.0
        is_clean = True if clean is None else clean[place]
        events += coach.see(SeenStride(time_s + delay_s, time_s, value, 2.8, is_clean))
    events += coach.finish(time_s + delay_s)
    return events, time_s


@st.composite
def wandering(draw):
    """A cadence that wanders in and out of band, with noise and doubtful strides."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(200, 2500))
    levels = rng.uniform(155.0, 185.0, size=n // 50 + 1)
    values = np.repeat(levels, 50)[:n] + rng.normal(0.0, 1.5, n)
    clean = rng.random(n) > draw(st.sampled_from([0.0, 0.02, 0.2]))
    return values, clean


@given(wandering(), st.integers(1, 10))
def test_cue_rules_hold_for_any_run(signal, session):
    values, clean = signal
    plan = plan_session(60.0 * 15.0, session)
    settings = CoachSettings()
    events, _ = run(values, plan, settings, clean)
    starts = [item for item in events if isinstance(item, CueStart)]
    ends = {item.cue_id: item for item in events if isinstance(item, CueEnd)}
    for cue in starts:
        assert not LOW <= cue.value <= HIGH, "cued in band"
        block = plan.block_at(cue.at_s)
        assert block is not None
        assert block.kind == "cued", "cued outside a cued block"
        assert ends[cue.cue_id].at_s <= cue.at_s + settings.cue_s + 1e-9
        assert cue.tempo_spm == pytest.approx(TARGET)
    for first, second in pairwise(starts):
        assert second.at_s - first.at_s >= settings.message_gap_s
        assert second.at_s - ends[first.cue_id].at_s >= settings.refractory_s


@given(st.integers(0, 2**32 - 1))
def test_silence_in_band(seed):
    rng = np.random.default_rng(seed)
    values = np.clip(rng.normal(TARGET, 1.0, 2000), LOW, HIGH)
    events, _ = run(values, plan_session(900.0))
    assert not [item for item in events if isinstance(item, CueStart)]


def test_out_of_band_is_cued_after_the_hold_and_answered():
    values = [160.0] * 380 + [170.0] * 200
    events, _ = run(values, plan_session(900.0))
    starts = [item for item in events if isinstance(item, CueStart)]
    assert starts
    first = starts[0]
    assert first.at_s >= 120.0 + 10.0
    assert first.at_s <= 120.0 + 10.0 + 5.0
    assert first.direction == "up"
    assert first.latency_s == pytest.approx(0.15)
    answers = [item for item in events if isinstance(item, CueAnswer)]
    assert answers[0].cue_id == first.cue_id
    assert answers[0].n_strides == 30
    rows = ledger_rows(events)
    assert rows[0]["end_why"] == "done"
    assert rows[0]["answer"]["before"] == 160.0


def test_an_answer_begins_when_a_cue_can_be_taken_up_and_tells_how_soon_the_band_was_met_again():
    coach = Coach(plan_session(900.0), Focus("cadence", band))
    events, time_s, value, cue_s = [], 0.0, 160.0, math.inf
    while not any(isinstance(item, CueAnswer) for item in events):
        time_s += 0.37
        value = 170.0 if time_s > cue_s + 5.0 else 160.0  # answers after 5 s
        told = coach.see(SeenStride(time_s, time_s, value, 2.8, True))
        cue_s = next((item.at_s for item in told if isinstance(item, CueStart)), cue_s)
        events += told
    answer = next(item for item in events if isinstance(item, CueAnswer))
    assert (answer.before, answer.after, answer.in_band_share) == (160.0, 170.0, 1.0)
    assert answer.n_strides == 30
    # four of the eight strides that are looked at
    assert answer.back_s == pytest.approx(5.0 + 5 * 0.37, abs=0.4)


def test_strides_of_the_next_run_part_do_not_answer_a_cue_of_this_one():
    coach = Coach(plan_session(900.0), Focus("cadence", band))
    events, time_s = [], 0.0
    while not any(isinstance(item, CueStart) for item in events):
        time_s += 0.37
        events += coach.see(SeenStride(time_s, time_s, 160.0, 2.8, True))
    ended = coach.rest(time_s + 3.0)
    answer = next(item for item in ended if isinstance(item, CueAnswer))
    assert (answer.n_strides, answer.after, answer.in_band_share, answer.back_s) == (0, None, None, None)


def test_stop_ends_the_cue_at_once_and_silences_the_rest():
    coach = Coach(plan_session(900.0), Focus("cadence", band))
    events, time_s = [], 0.0
    while not any(isinstance(item, CueStart) for item in events):
        time_s += 0.37
        events += coach.see(SeenStride(time_s, time_s, 160.0, 2.8, True))
    stopped = coach.stop(time_s + 0.1)
    assert [type(item) for item in stopped] == [CueEnd]
    assert stopped[0].why == "stopped"
    later = []
    for _ in range(600):
        time_s += 0.37
        later += coach.see(SeenStride(time_s, time_s, 160.0, 2.8, True))
    assert not [item for item in later if isinstance(item, CueStart)]


def test_probe_reports_the_share_in_band():
    plan = plan_session(600.0)
    values = [170.0] * 1400 + [160.0] * 251
    events, _ = run(values, plan)
    probe = next(item for item in events if isinstance(item, ProbeResult))
    assert probe.counted_s >= 60.0
    assert probe.in_band_share is not None
    assert probe.in_band_share < 0.2


def test_doubtful_strides_suspend_a_running_cue():
    coach = Coach(plan_session(900.0), Focus("cadence", band))
    events, time_s = [], 0.0
    while not any(isinstance(item, CueStart) for item in events):
        time_s += 0.37
        events += coach.see(SeenStride(time_s, time_s, 160.0, 2.8, True))
    ended = coach.see(SeenStride(time_s + 0.4, time_s + 0.4, 160.0, 2.8, False))
    assert [item.why for item in ended if isinstance(item, CueEnd)] == ["suspended"]


def test_target_follows_speed_and_is_capped():
    runner = RunnerProfile(height_m=1.75)
    target = CadenceTarget(own_spm=160.0, own_speed_mps=3.0, runner=runner)
    assert target.at(3.0) == pytest.approx(168.0)
    assert target.at(3.5) == pytest.approx(1.05 * 163.5)
    fast_feet = CadenceTarget(own_spm=185.0, own_speed_mps=3.0, runner=runner)
    assert fast_feet.at(3.0) == pytest.approx(174.0)
    assert not fast_feet.is_step(3.0)
    assert math.isclose(target.at(math.nan), 168.0)
