"""Every sentence the room can say passes the lint; the lint catches what it is there for."""

from __future__ import annotations

import pytest

from support.recovery_histories import random_history
from tallrun.recovery import Protocol, verdict, wording
from tallrun.recovery.model import RUNGS, STATES
from tallrun.resources import protocol_texts

PROTOCOLS = {name: Protocol.from_toml(text) for name, text in protocol_texts().items()}
FIELDS = {
    "rung": "V4", "work": "5 × (4 min run / 1 min walk)", "until": "Wed 17 Jun 18:00", "trend": "rising",
    "cap": "7.70 km", "phase": 2, "title": "heavy and slow", "dose": 45,
    "missing": "; ".join(wording._MISSING_WORDS.values()), "run": "walk", "worst": 4, "limit": 3,
}  # fmt: skip


def all_sentences(protocol):
    texts = protocol.texts
    for group in ("states", "rules", "notices", "changes", "plan", "live", "gait", "exercise", "grades"):
        for key, template in getattr(texts, group).items():
            yield f"{group}.{key}", template.format(**FIELDS)
    for question in protocol.screening.questions:
        yield question.id, question.text
    for rule, referral in protocol.screening.referrals.items():
        yield rule, referral.text
    for trend in texts.trends:
        yield trend, wording.Words(protocol).trend(trend)
    words = wording.Words(protocol)
    for rung in RUNGS:
        for state in STATES:
            for sentence in words.verdict(state, rung, (), (), ("today",), 45, None):
                yield f"{state} {rung}", sentence
    for phase in protocol.exercise.phases:
        yield phase.title, f"{phase.title}. {phase.goal}"
        for dose in phase.exercises:
            yield dose.name, f"{dose.name}: {dose.dose}, {dose.per_week}."


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_every_sentence_passes_the_lint(name):
    found = {key: wording.lint(text) for key, text in all_sentences(PROTOCOLS[name])}
    assert {key: wrong for key, wrong in found.items() if wrong} == {}


def test_every_sentence_of_real_verdicts_passes_the_lint():
    protocol = PROTOCOLS["pht"]
    for seed in range(150):
        history, now, plan = random_history(seed, protocol)
        said = verdict(protocol, history, None, now, plan)
        for sentence in (*said.sentences, *said.notices, said.changes_if):
            assert wording.lint(sentence) == (), sentence


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_no_exercise_is_a_stretch(name):
    for phase in PROTOCOLS[name].exercise.phases:
        for dose in phase.exercises:
            assert "stretch" not in f"{dose.name} {dose.dose}".lower()


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("It is safe to run today.", "safety"),
        ("You are good to go, no risk.", "safety"),
        ("You have a tendinopathy.", "diagnosis"),
        ("Your hamstring is torn.", "diagnosis"),
        ("Overstriding causes the pain.", "cause"),
        ("The pain is due to your pace.", "cause"),
        ("Well done, keep going.", "cheers"),
        ("Run on!", "cheers"),
        ("You failed yesterday's check-in.", "blames"),
        ("You should have rested.", "blames"),
        ("Go no further than {cap}.", "unfilled"),
        ("The value is nan today.", "code"),
        ("This will heal: the tendon heals.", "healing"),
    ],
)
def test_the_lint_catches(sentence, word):
    assert any(word in wrong for wrong in wording.lint(sentence)), wording.lint(sentence)


def test_left_and_right_never_mix():
    assert wording.lint("Your right foot is slower.", side="left")
    assert wording.lint("Your left foot is slower.", side="left") == ()
    words = wording.Words(PROTOCOLS["pht"])
    assert (words.side("left"), words.side("right")) == ("left", "right")


def test_long_words_and_long_sentences_are_caught():
    heavy = "Physiological considerations necessitate immediate discontinuation of cardiovascular activities."
    assert any("reads at" in wrong for wrong in wording.lint(heavy))
    assert any("more than" in wrong for wrong in wording.lint("run and " * 14 + "run."))
