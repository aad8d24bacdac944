"""The screening questions as a patient takes them home: sorted by how soon to call, without those about the past."""

from __future__ import annotations

from dataclasses import dataclass

from tallrun.recovery import Protocol

#: Urgency of a referral -> what to do on a yes.
_HEADINGS = {
    "emergency": "Call emergency help, or go to an emergency department, now",
    "same day": "See a doctor the same day, and do not run",
    "days": "Stop running, and see a doctor in the next few days",
    "clinician": "Ask your clinician before the next run",
}
#: Asked when screening, but no sign that can newly come up: a yes was told to the clinician already.
_PAST = frozenset({"cancer_history"})


@dataclass(frozen=True)
class StopSigns:
    """What to do, and the questions a yes to one of which asks for it."""

    heading: str
    signs: tuple[str, ...]


def stop_signs(protocol: Protocol) -> tuple[StopSigns, ...]:
    """Return the signs by urgency, the most urgent first; empty groups are left out.

    Of a rule that needs two answers together only the one that opens it is listed.
    """
    screening = protocol.screening
    groups: dict[str, list[str]] = {urgency: [] for urgency in _HEADINGS}
    for question in screening.questions:
        if question.role == "with" or question.id in _PAST:
            continue
        referral = screening.referrals.get(question.rule)
        groups["clinician" if referral is None else referral.urgency].append(question.text)
    return tuple(StopSigns(_HEADINGS[name], tuple(signs)) for name, signs in groups.items() if signs)
