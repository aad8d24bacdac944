"""Sentences from the protocol's templates, and the lint every sentence of tallrun must pass.

The lint keeps texts calm and honest: no diagnosis, no cause, no "safe to run", no blame, no cheer, readable
at about twelve years of age, and never a left that became a right (ui: Voice; design 2).
"""

from __future__ import annotations

import re
from typing import Any

from tallrun.recovery.model import RUNGS, State
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.rungs import I1
from tallrun.recovery.timeline import Clock

#: (what is wrong, pattern). Patterns are matched without regard to case.
_FORBIDDEN: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("promises safety", r"\b(safe|safely|risk[- ]free|no risk|harmless|cannot hurt)\b"),
        ("speaks of risk of injury", r"\b(risk of|injury risk|will injure|dangerous|warning!)"),
        (
            "names a cause",
            r"\b(because of your|caused? by|causes?|causing|due to your|leads? to|results? in|triggers?)\b",
        ),
        (
            "gives a diagnosis",
            r"\byou(r \w+)? (have|has|suffer from|is|are) (got )?(a |an |the )?"
            r"(tendinopathy|tendinitis|tear|torn|rupture|ruptured|fracture|fractured|sciatica|inflammation|"
            r"inflamed|injured|injury)\b|\b(diagnosed you|this is a (tear|rupture|fracture))\b",
        ),
        (
            "blames",
            r"\b(you failed|you should have|your fault|you forgot|"
            r"you ignored|you missed (your|the|a)|too lazy|bad job|wrongly)\b",
        ),
        (
            "cheers",
            r"\b(great|awesome|well done|good job|amazing|congratulations|congrats|fantastic|perfect|keep it up|"
            r"excellent|bravo)\b|!",
        ),
        ("promises healing", r"\b(cure[sd]?|heals?|healed|will recover|guarantee[sd]?)\b"),
    )
)
_MAX_AGE_YEARS = 13.0
_MAX_WORDS = 22
_WORD = re.compile(r"[A-Za-z']+")
_SENTENCE_END = re.compile(r"[.?:;](?:\s|$)")


def syllables(word: str) -> int:
    """Estimate of syllables: groups of vowels, a silent final e left out."""
    lower = word.lower().strip("'")
    groups = len(re.findall(r"[aeiouy]+", lower))
    if lower.endswith("e") and not lower.endswith(("le", "ee")) and groups > 1:
        groups -= 1
    if lower.endswith("ed") and not lower.endswith(("ted", "ded")) and groups > 1:
        groups -= 1
    return max(groups, 1)


def reading_age_years(text: str) -> float:
    """Flesch-Kincaid-like reading age: school grade + 5, over a whole text. 0 for a text without words."""
    words = _WORD.findall(text)
    if not words:
        return 0.0
    sentences = max(1, len([part for part in _SENTENCE_END.split(text) if _WORD.search(part)]))
    grade = 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    return grade + 5.0


def lint(sentence: str, side: str | None = None) -> tuple[str, ...]:
    """Return what is wrong with a text shown to a runner; empty when nothing is.

    side : "left" or "right" when the text is about one side; naming the other one is then an error.
    Very short texts (under 8 words) are not measured for reading age: one long word would decide it.
    """
    wrong = [name for name, pattern in _FORBIDDEN if pattern.search(sentence)]
    if re.search(r"[{}]", sentence):
        wrong.append("has an unfilled field")
    if re.search(r"\b(nan|NaN|None|null|inf)\b", sentence):
        wrong.append("shows a missing value as code")
    if re.search(r"\b([A-Z]+(_[A-Z]+)+|REST48|UNKNOWN)\b", sentence):
        wrong.append("shows a state by its code")
    other = {"left": "right", "right": "left"}.get(side or "")
    if other and re.search(rf"\b{other}\b", sentence, re.IGNORECASE):
        wrong.append(f"is about the {side} and names the {other}")
    for part in _SENTENCE_END.split(sentence):
        if len(_WORD.findall(part)) > _MAX_WORDS:
            wrong.append(f"has a sentence of more than {_MAX_WORDS} words")
            break
    if len(_WORD.findall(sentence)) >= 8 and reading_age_years(sentence) > _MAX_AGE_YEARS:
        wrong.append(f"reads at {reading_age_years(sentence):.0f} years, above {_MAX_AGE_YEARS:.0f}")
    return tuple(wrong)


#: Most urgent first, as ``Referral.urgency`` has them.
_URGENCIES = ("emergency", "same day", "days", "clinician")

#: A state as a person reads it, wherever it is shown; JSON keeps the rule's own word.
STATE_NAMES: dict[State, str] = {
    "REFER": "See a doctor first", "CLINICIAN": "Ask your clinician first", "REST48": "Rest 48 hours",
    "LOG_FIRST": "Log first", "WALK": "Walk today", "REST_DAY": "Rest day", "RUN": "Run today",
}  # fmt: skip
#: REFER says how soon, by the most urgent rule that fired.
REFER_NAMES = {
    "emergency": "Get help now",
    "same day": "See a doctor today",
    "days": "See a doctor within days",
}


def state_name(protocol: Protocol, state: State, rules: tuple[str, ...]) -> str:
    """Return the name of a state; that of REFER says how soon, from the rules that fired."""
    if state == "REST48":
        return f"Rest {protocol.holds.rest_after_red_h:g} hours"
    if state != "REFER":
        return STATE_NAMES[state]
    referrals = protocol.screening.referrals
    fired = {referrals[rule].urgency for rule in rules if rule in referrals}
    return next(
        (REFER_NAMES[item] for item in _URGENCIES if item in fired & set(REFER_NAMES)), STATE_NAMES[state]
    )


_MISSING_WORDS = {
    "screen": "the screen",
    "screen_answers": "answers in the screen",
    "screen_after_red": "a new screen after the red session or score",
    "new_quality": "a new screen, as the pain feels new",
    "settled": "calm mornings after the red session or score",
    "baseline": "3 mornings of the morning test",
    "today": "a score for today without a painkiller",
    "age": "your date of birth",
}


class Words:
    """Sentences of one protocol."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol, self.texts = protocol, protocol.texts

    def work(self, rung: str, dose_min: float | None) -> str:
        """Say what a rung asks for, with its dose."""
        return self.protocol.work[rung].format(dose=f"{dose_min or self.protocol.run_min[rung]:.0f}")

    def verdict(
        self,
        state: State,
        rung: str | None,
        state_rules: tuple[str, ...],
        rules: tuple[str, ...],
        missing: tuple[str, ...],
        dose_min: float | None,
        worst: int | None,
        limits: tuple[str, ...] = (),
    ) -> tuple[str, ...]:
        """Say what matters most first, then one sentence for each decisive rule.

        A referral comes before everything, the most urgent one first; a score that takes today's run away comes
        before what is left of the day. worst : highest score of today, None when there is none. limits : which of
        MV10's hold the level.
        """
        referrals = self.protocol.screening.referrals
        called = sorted(
            (referrals[rule] for rule in state_rules if rule in referrals),
            key=lambda referral: _URGENCIES.index(referral.urgency),
        )
        lines = [referral.text for referral in called]
        told = {"TD2"} if state == "WALK" and "TD2" in state_rules else set()
        lines += [self._rule(rule, worst) for rule in told]
        told.add("HD4")  # what is missing is named by the state's own sentence
        lines.append(
            self.texts.states["RUN_FAST" if state == "RUN" and rung in RUNGS[I1:] else state].format(
                rung=rung, work=self.work(rung, dose_min) if rung else "", missing=self.missing(missing),
                run="walk" if rung == "V0" else "run",
            )
        )  # fmt: skip
        for rule in rules:
            if rule == "MV10" and limits:
                lines += [self.texts.limits[name].format(rung=rung) for name in limits]
            elif rule not in referrals and rule in self.texts.rules and rule not in told:
                lines.append(self._rule(rule, worst))
        return tuple(lines)

    def _rule(self, rule: str, worst: int | None) -> str:
        return self.texts.rules[rule].format(worst=worst)

    def missing(self, missing: tuple[str, ...]) -> str:
        """Names of what is missing, as a list in words."""
        words = _MISSING_WORDS | {
            "baseline": f"{self.protocol.baseline.min_mornings} mornings of the morning test"
        }
        return "; ".join(words[name] for name in missing)

    def changes_if(
        self, state: State, state_rules: tuple[str, ...], missing: tuple[str, ...], rest_until_s: float | None,
        clock: Clock, green_limit: int, is_before_runs: bool = False,
    ) -> str:  # fmt: skip
        """Say what would change this verdict; of two kinds of walk the one that a score of today asked for."""
        key = "WALK_V0" if state == "WALK" and "TD2" not in state_rules else state
        until = "tomorrow" if rest_until_s is None else f"{clock.local(rest_until_s):%a %d %b %H:%M}"
        told = self.texts.changes[key].format(until=until, missing=self.missing(missing), limit=green_limit)
        # Before the first runs what is missing is not all: they wait for the walk as well.
        return (
            f"{told} {self.texts.rules['MV11']}"
            if is_before_runs and state in ("LOG_FIRST", "REST_DAY")
            else told
        )

    def trend(self, trend: str) -> str:
        """One sentence about the mornings."""
        return self.texts.notices["TREND"].format(trend=self.texts.trends[trend])

    def differed(self, found: tuple[tuple[str, Any, Any], ...]) -> tuple[str, ...]:
        """Say in what a session was not the one in the plan, one sentence a difference."""
        told = []
        for what, done, advised in found:
            if what == "minutes":
                told.append(f"It had {done:.0f} minutes of running against {advised:.0f} in the plan.")
            elif what == "rung":
                told.append(f"It was level {done} against {advised} in the plan.")
            elif what == "speed":
                told.append(
                    f"Its fastest minute was {done * 3.6:.1f} km/h, and easy is {advised * 3.6:.1f} or less."
                )
            elif what == "incline":
                told.append(f"It went up or down by {abs(done):g} %, and level is {advised:g} % or less.")
            else:
                told.append("That day was no running day in the plan.")
        return tuple(told)

    def side(self, side: str) -> str:
        """Word for a side."""
        return self.texts.sides[side]
