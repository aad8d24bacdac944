"""An experiment of one runner keeps its error rates, tells nothing early, and says no more than its data carry."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.insight.experiment import (
    LEAST_PAIRS,
    Outcome,
    judge,
    pairs_needed,
    randomisation_p,
    register,
    words_of,
)
from tallrun.recovery.wording import lint

SCORES = st.integers(0, 10)


def naive_p(differences):
    means = [
        abs(np.mean([sign * value for sign, value in zip(signs, differences, strict=True)]))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return np.mean([value >= abs(np.mean(differences)) - 1e-9 for value in means])


def lived(registration, effect, rng, drift=0.0):
    """Outcomes of a simulated runner whose scores wander, drift and shift by ``effect`` under way B."""
    wander, outcomes = 0.0, []
    for index, way in enumerate(registration.order):
        wander = 0.5 * wander + rng.normal(0.0, 0.7)
        score = 2.5 + wander + drift * index + (effect if way == "B" else 0.0)
        outcomes.append(Outcome(way, int(np.clip(round(score), 0, 10))))
    return outcomes


@given(st.lists(st.integers(-10, 10), min_size=1, max_size=9))
def test_p_counts_every_sign_pattern(differences):
    values = np.array(differences, dtype=float)
    assert randomisation_p(values) == pytest.approx(naive_p(values))


@given(st.lists(SCORES, min_size=12, max_size=12), st.integers(0, 1000))
def test_interval_holds_zero_exactly_when_nothing_is_found(scores, seed):
    plan = register("own", "cued", 6, seed)
    finding = judge(
        plan,
        [Outcome(way, score) for way, score in zip(plan.order, scores, strict=True)],
        stopped_for_pain=False,
    )
    low, high = finding.interval
    assert low - 1e-9 <= finding.difference <= high + 1e-9
    if finding.word == "lower":
        assert high <= 1e-9
    elif finding.word == "higher":
        assert low >= -1e-9
    else:
        assert low <= 1e-9
        assert high >= -1e-9


def test_no_effect_is_rarely_found_even_when_scores_drift(rng):
    found = 0
    for trial in range(400):
        plan = register("own", "cued", 8, trial)
        outcomes = lived(plan, 0.0, rng, drift=-0.1)
        found += judge(plan, outcomes, stopped_for_pain=False).word != "cannot tell"
    assert found / 400 <= 0.07


def test_a_real_effect_is_found_as_often_as_the_reckoned_length_says(rng):
    found = trials = 0
    for trial in range(200):
        usual = [item.score for item in lived(register("own", "cued", 14, trial), 0.0, rng)]
        n_pairs = pairs_needed(usual, 2.0, seed=trial)
        if n_pairs is None:
            continue
        plan = register("own", "cued", n_pairs, trial, worthwhile=2.0)
        trials += 1
        found += judge(plan, lived(plan, -2.0, rng), stopped_for_pain=False).word == "lower"
    assert trials >= 150
    assert found / trials >= 0.70


def test_nothing_is_told_early_after_a_stop_or_with_holes(rng):
    plan = register("own", "cued", 6, 1)
    whole = lived(plan, -3.0, rng)
    for outcomes, stopped, reason in (
        (whole[:-1], False, "not_finished"),
        (whole, True, "stopped_for_pain"),
        ([Outcome(whole[0].way, None), *whole[1:]], False, "missing_scores"),
    ):
        finding = judge(plan, outcomes, stopped_for_pain=stopped)
        assert (finding.word, finding.difference, finding.interval, finding.reason) == (
            "cannot tell",
            None,
            None,
            reason,
        )
        assert not lint(words_of(plan, finding))


def test_every_finding_has_a_sentence_that_passes_the_language_lint(rng):
    plan = register("own steps", "cued steps", 8, 3)
    for effect in (-3.0, 0.0, 3.0):
        finding = judge(plan, lived(plan, effect, rng), stopped_for_pain=False)
        assert not lint(words_of(plan, finding))
        assert "cause" not in words_of(plan, finding)


def test_each_pair_holds_both_ways_and_the_seal_shows_any_change():
    plan = register("own", "cued", 9, 5)
    assert all({*plan.order[k : k + 2]} == {"A", "B"} for k in range(0, 18, 2))
    assert register("own", "cued", 9, 5).seal == plan.seal
    others = {register("own", "cued", 9, 5, worthwhile=2.0).seal, register("own", "tall", 9, 5).seal}
    assert plan.seal not in others
    assert len(others) == 2


def test_a_run_of_the_other_way_is_refused():
    plan = register("own", "cued", 6, 1)
    other = "A" if plan.order[0] == "B" else "B"
    with pytest.raises(ValueError, match="registered way"):
        judge(plan, [Outcome(other, 2)], stopped_for_pain=False)


@pytest.mark.parametrize("n_pairs", [0, LEAST_PAIRS - 1, 15])
def test_too_short_and_too_long_are_refused(n_pairs):
    with pytest.raises(ValueError, match="pairs of runs"):
        register("own", "cued", n_pairs, 1)


@pytest.mark.parametrize("mornings", [[], [1, 2, 1], [2] * 20])
def test_length_is_not_reckoned_from_too_little(mornings):
    assert pairs_needed(mornings) is None


def test_a_large_scatter_makes_it_too_long():
    assert pairs_needed([0, 6, 1, 7, 0, 5, 2, 8, 0, 6], 0.5) is None
