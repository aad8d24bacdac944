"""The simulated runner who answers cues: nothing before an answer changes, the same cues give the same signals."""

from __future__ import annotations

import numpy as np
import pytest

from tallrun.simulate.answering import (
    LEAD_S,
    PLACES,
    RATE_HZ,
    Answering,
    AnsweringRunner,
    programme_of,
    standing,
)

SPANS = ((False, 10.0), (True, 40.0), (False, 5.0))


def person(seed: int = 1, **changes) -> AnsweringRunner:
    return AnsweringRunner(programme_of(SPANS), seed=seed, answering=Answering(**changes))


def test_what_came_before_an_answer_stays_bit_for_bit():
    one = person()
    before = {place: one.signals(place, 0, one.n_samples)[0] for place in PLACES}
    from_s = one.answer(20.0, 160.0, 166.0, 172.0)
    assert from_s is not None
    assert 20.0 + 3.0 - LEAD_S <= from_s <= 20.0 + 8.0
    first = int(from_s * RATE_HZ)
    for place in PLACES:
        after = one.signals(place, 0, one.n_samples)[0]
        assert np.array_equal(after[:first], before[place][:first])
        assert not np.allclose(after[first:], before[place][first:])


def test_same_seed_and_cues_give_the_same_signals_and_another_seed_does_not():
    runs = [person(), person(), person(seed=2)]
    for one in runs:
        one.answer(20.0, 160.0, 166.0, 172.0)
    acc = [one.signals("foot_left", 0, one.n_samples)[0] for one in runs]
    assert np.array_equal(acc[0], acc[1])
    assert not np.array_equal(acc[0], acc[2])


def test_an_answer_is_partial_tires_and_is_half_forgotten():
    one = person(delay_s=(3.0, 3.0), share=(0.5, 0.5), tires=0.5, keeps_s=(10.0, 10.0))
    one.answer(15.0, 160.0, 166.0, 174.0)  # 10 to the middle: half of it
    shifts = [bout.cadence_shift_spm for bout in one.programme.bouts if bout.mode == "run"]
    assert shifts == pytest.approx([0.0, 5.0, 2.5])
    one.answer(35.0, 160.0, 166.0, 174.0)
    shifts = [bout.cadence_shift_spm for bout in one.programme.bouts if bout.mode == "run"]
    assert shifts == pytest.approx([0.0, 5.0, 2.5, 2.5 + 2.5, 2.5 + 1.25])


def test_a_cue_outside_running_or_without_numbers_is_not_answered():
    one = person()
    programme = one.programme
    assert one.answer(0.0, 160.0, 166.0, 172.0) is None
    assert one.answer(20.0, float("nan"), 166.0, 172.0) is None
    assert one.answer(900.0, 160.0, 166.0, 172.0) is None
    assert one.programme is programme


def test_a_changed_plan_is_followed_soon_and_what_came_before_stays():
    one = person()
    before = {place: one.signals(place, 0, one.n_samples)[0] for place in PLACES}
    from_s = one.follow(20.0, ((False, 6.0), (True, 9.0), (False, 0.0)))
    first = int(from_s * RATE_HZ)
    assert from_s == 22.0
    for place in PLACES:
        after = one.signals(place, 0, one.n_samples)[0]
        assert np.array_equal(after[:first], before[place][:first])
    bouts = [(item.mode, round(item.duration_s, 6)) for item in one.programme.bouts]
    assert bouts == [("stand", 3), ("walk", 10), ("run", 16), ("walk", 6), ("run", 9), ("stand", 24)]
    belt = one.readings().treadmill
    assert belt.speed_mps[32] == pytest.approx(1.4, abs=0.05)
    assert belt.speed_mps[62] == 0.0
    for at_s, spans in ((30.0, ()), (44.0, ((True, 900.0),))):  # what does not fit is left out
        one = person()
        before = one.signals("foot_right", 0, one.n_samples)[0]
        first = int(one.follow(at_s, spans) * RATE_HZ)
        assert np.array_equal(one.signals("foot_right", 0, first)[0], before[:first])
        assert one.programme.duration_s == pytest.approx(68.0)
    assert one.follow(62.0, ((True, 900.0),)) is None


def test_reading_in_slices_gives_the_same_samples_but_for_ringing_at_the_seam():
    one = person()
    whole = one.signals("pelvis", 3000, 5000)[1]
    parts = np.concatenate([one.signals("pelvis", 3000, 4000)[1], one.signals("pelvis", 4000, 5000)[1]])
    assert np.allclose(whole, parts, atol=1e-9)


def test_only_the_left_foot_moves_when_it_is_lifted():
    moved = standing(10.0, lifts_left=True)
    spread = {place: float(item.acc_mps2.std(axis=0).max()) for place, item in moved.sensors.items()}
    assert spread["foot_left"] > 2.0
    assert spread["foot_right"] < 0.2
    assert spread["pelvis"] < 0.2
