"""Screening answers to fired rules (decision-table section 2, SC1-SC6 and SC8).

A question that was not answered never counts as "no": the screen is then incomplete.
"""

from __future__ import annotations

from tallrun.recovery.model import Screen
from tallrun.recovery.protocol import Protocol


def fired_rules(protocol: Protocol, screen: Screen) -> tuple[str, ...]:
    """Screening rules that an answered screen fires, in the order of the rules; empty when clear."""
    fired = set()
    focus: dict[str, bool] = {}
    company: dict[str, bool] = {}
    for question in protocol.screening.questions:
        yes = screen.answers.get(question.id) is True
        if question.role == "any" and yes:
            fired.add(question.rule)
        elif question.role == "focus":
            focus[question.rule] = focus.get(question.rule, False) or yes
        elif question.role == "with":
            company[question.rule] = company.get(question.rule, False) or yes
    fired |= {rule for rule, yes in focus.items() if yes and company.get(rule, False)}
    return tuple(sorted(fired))


def unanswered(protocol: Protocol, screen: Screen) -> tuple[str, ...]:
    """Ids of questions that still need an answer; a ``with`` question only once its ``focus`` is not "no"."""
    questions = protocol.screening.questions
    denied = {
        rule
        for rule in {question.rule for question in questions if question.role == "focus"}
        if all(
            screen.answers.get(question.id) is False
            for question in questions
            if question.role == "focus" and question.rule == rule
        )
    }
    return tuple(
        question.id
        for question in questions
        if screen.answers.get(question.id) is None
        and not (question.role == "with" and question.rule in denied)
    )
