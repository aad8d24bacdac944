"""Pieces every FHIR resource of ours is made of: codes, quantities, instants, texts a server accepts."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from tallrun.reasons import REASONS

LOINC = "http://loinc.org"
#: Codes of our own, where no public system known to us has one.
OWN = "urn:tallrun:observation"
UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_MAX_TEXT = 2000


def resource_id(root: UUID, name: str) -> str:
    """Return an id that is the same at every export of the same thing."""
    return str(uuid5(NAMESPACE_URL, f"{OWN}:{root}:{name}"))


def entry(identity: str, resource: dict[str, Any]) -> dict[str, Any]:
    """Return the Bundle entry of a resource."""
    return {"fullUrl": f"urn:uuid:{identity}", "resource": {**resource, "id": identity}}


def reference(identity: str) -> dict[str, Any]:
    """Return a reference to another entry of the Bundle."""
    return {"reference": f"urn:uuid:{identity}"}


def instant(at: datetime) -> str:
    """Return an instant as FHIR writes it: seconds, and an offset in whole minutes (else UTC)."""
    offset = at.utcoffset()
    if offset is None or offset.total_seconds() % 60.0:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def clean_text(value: Any) -> str | None:
    """Return a text FHIR accepts (no control characters, no lone surrogates, not empty), or None."""
    if value is None:
        return None
    letters = (
        letter if letter in "\t\n" or letter.isprintable() else "\ufffd" for letter in str(value)[:_MAX_TEXT]
    )
    return "".join(letters).strip() or None


def concept(system: str, code: str, words: str) -> dict[str, Any]:
    """Return a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": words}], "text": words}


def observation(
    code: dict[str, Any], at: str, common: dict[str, Any], category: str = "activity", status: str = "final"
) -> dict[str, Any]:
    """Return an Observation without its value."""
    kind = {"system": f"{_TERMINOLOGY}/observation-category", "code": category}
    return {
        "resourceType": "Observation",
        "status": status,
        "category": [{"coding": [kind]}],
        "code": code,
        "effectiveDateTime": at,
        **common,
    }


def quantity(value: float, unit: str, ucum: str, factor: float = 1.0) -> dict[str, Any]:
    """Return a Quantity in UCUM."""
    return {"value": round(float(value) * factor, 4), "unit": unit, "system": UCUM, "code": ucum}


def value_or_absent(
    value: float | None, unit: str, ucum: str, factor: float = 1.0, reason: str | None = None
) -> dict[str, Any]:
    """Return ``valueQuantity``, or ``dataAbsentReason`` with our reason in words when the value is unknown."""
    if value is not None and math.isfinite(value):
        return {"valueQuantity": quantity(value, unit, ucum, factor)}
    absent: dict[str, Any] = {"coding": [{"system": f"{_TERMINOLOGY}/data-absent-reason", "code": "unknown"}]}
    if reason is not None:
        absent["text"] = REASONS.get(reason, reason)
    return {"dataAbsentReason": absent}
