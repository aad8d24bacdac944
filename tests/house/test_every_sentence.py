"""Every sentence in the source is said by a record of some kind here, and none says what its record does not carry.

Who adds a sentence about a person's record and no teller for it (``support/tellers.py``) breaks the first test.
"""

from __future__ import annotations

import ast
from functools import cache

import pytest

from support.sentences import Written, all_written, forbidden, written, wrong_with
from support.tellers import CLAIMS, ELSEWHERE, KINDS, TELLERS

#: Rooms whose sentences are about a person's record; of ``cli`` only the functions that make lines.
ROOMS = ("coaching", "insight", "journal", "live", "pipeline", "recovery", "report")
#: Fixed words of these are definitions or parts of the lint itself.
NOT_SAID = ("recovery/wording.py",)


@cache
def said(name: str) -> dict[str, tuple[str, ...]]:
    return {kind: tuple(text for text in texts if text) for kind, texts in TELLERS[name]().items()}


def is_of_a_record(item: Written) -> bool:
    room, place = item.where.split("/")[0], item.where
    if item.is_aside or any(
        place == known or place.startswith((f"{known} ", f"{known}.")) for known in ELSEWHERE
    ):
        return False
    is_line = (room == "cli" and place.endswith("_lines")) or place.startswith("sensors/warnings.py")
    return is_line or (room in ROOMS and (" " in place or "{" in item.text))


def unsaid(items: list[Written], texts: list[str]) -> list[str]:
    return [f"{item.where}, line {item.line}: {item.text}" for item in items
            if not any(item.is_in(text) for text in texts)]  # fmt: skip


def test_every_sentence_of_the_source_is_said_by_some_record():
    texts = list({text for name in TELLERS for of_kind in said(name).values() for text in of_kind})
    assert unsaid([item for item in all_written() if is_of_a_record(item)], texts) == []


def test_a_new_sentence_is_not_passed_by():
    source = "def told(n):\n if n is None:\n  return 'Nothing is known of it yet.'\n return f'You slept {n} hours.'\n"
    found = list(written(ast.parse(source), "report/sleep.py"))
    assert all(is_of_a_record(item) for item in found)
    assert [line.split(": ", 1)[1] for line in unsaid(found, ["You slept 7 hours."])] == [
        "Nothing is known of it yet."
    ]
    assert unsaid(found, ["You slept 7 hours.", "Nothing is known of it yet."]) == []


@pytest.mark.parametrize("name", sorted(TELLERS))
def test_what_is_said_passes_the_lint(name):
    wrong = {text: wrong_with(text) for kind in said(name).values() for text in kind}
    assert {text: found for text, found in wrong.items() if found} == {}
    assert set(said(name)) <= set(KINDS)


@pytest.mark.parametrize("name", sorted(TELLERS))
def test_what_is_not_known_is_not_told_as_if_it_were(name):
    kinds = said(name)
    known = {text for kind in ("holds", "fails") for text in kinds.get(kind, ())}
    claims = CLAIMS.get(name)
    assert claims is None or any(claims.search(text) for text in known), "the pattern finds nothing"
    for kind in ("unknown", "empty"):
        for text in kinds.get(kind, ()):
            assert not (text in known if claims is None else claims.search(text)), (kind, text)


def test_no_text_of_the_source_promises_blames_or_names_a_cause():
    wrong = {}
    for item in all_written():
        if not item.where.startswith(NOT_SAID) and (found := forbidden(item.text)):
            wrong[f"{item.where}: {item.text}"] = found
    assert wrong == {}


@pytest.mark.parametrize(
    "text",
    ["You had 1 cues.", "3 cue came.", "1 of 4 runs are done.", "Higher pain with distance_m.", "The value is nan.",
     "It was None.", "Level .", "It came..", "A change of -0 %.", "It is safe to run."],
)  # fmt: skip
def test_the_lint_bites(text):
    assert wrong_with(text)


@pytest.mark.parametrize(
    "text", ["You had 1 cue.", "3.1 runs a week.", "Runs done: 1 of 14.", "A change of −0.4 %.", "10:01 min."]
)
def test_the_lint_lets_pass(text):
    assert wrong_with(text) == []
