"""Pain, rehabilitation exercises and questionnaires as FHIR Observations, from plain rows of the records."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tallrun.sessions.fhir_parts import (
    LOINC,
    OWN,
    clean_text,
    concept,
    entry,
    instant,
    observation,
    quantity,
    resource_id,
)

PAIN = concept(LOINC, "72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported")
_EXERCISE = concept(LOINC, "73985-4", "Exercise activity")
_VISA_H = concept(OWN, "visa-h-total", "VISA-H total, 0 to 100, 100 is well")
_PAIN_PARTS = (
    ("kind", "pain-question", "Question answered"),
    ("quality", "pain-quality", "Quality of pain"),
    ("provoked_by", "provoked-by", "Provoked by"),
    ("load_test", "load-test", "Load test"),
    ("painkiller", "painkiller", "Painkiller"),
)
_EXERCISE_PARTS = (
    ("phase", "exercise-phase", "Phase of the exercise plan", "{phase}"),
    ("sets", "exercise-sets", "Sets", "{sets}"),
    ("reps", "exercise-repetitions", "Repetitions", "{repetitions}"),
    ("load_kg", "exercise-load", "Load", "kg"),
)


def record_entries(
    root: UUID, records: dict[str, list[dict[str, Any]]], common: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the Bundle entries of ``pain``, ``exercises`` and ``questionnaires`` rows.

    Rows have the columns of the records (``at`` a datetime with offset); superseded and withdrawn ones must be left out
    by the caller. A row that replaces an earlier one has the status ``amended``. ``common``: subject and performer.
    """
    made = [(f"pain {row['pain_id']}", _pain(row, common)) for row in records.get("pain", ())]
    made += [
        (f"exercise {row['exercise_id']}", _exercise(row, common)) for row in records.get("exercises", ())
    ]
    made += [
        (f"questionnaire {row['questionnaire_id']}", _form(row, common))
        for row in records.get("questionnaires", ())
    ]
    return [entry(resource_id(root, name), resource) for name, resource in made]


def _pain(row: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    made = observation(PAIN, instant(row["at"]), common, "survey", _status(row))
    made["valueQuantity"] = quantity(row["score"], "{score}", "{score}")
    site = clean_text(str(row.get("site") or "").replace("_", " "))
    side = {"both": "both sides"}.get(str(row.get("side")), row.get("side"))
    place = ", ".join(part for part in (site, clean_text(side)) if part)
    if place:
        made["bodySite"] = {"text": place}
    parts: list[dict[str, Any]] = [
        {"code": concept(OWN, code, words), "valueString": text}
        for key, code, words in _PAIN_PARTS
        if (text := clean_text(row.get(key))) is not None
    ]
    if row.get("painkiller_at") is not None:
        code = concept(OWN, "painkiller-taken", "Painkiller taken at")
        parts.append({"code": code, "valueDateTime": instant(row["painkiller_at"])})
    if row.get("limping") is not None:
        parts.append({"code": concept(OWN, "limping", "Limping"), "valueBoolean": bool(row["limping"])})
    if row.get("masked"):
        parts.append({"code": concept(OWN, "masked", "Score may be masked"), "valueBoolean": True})
        made["note"] = [{"text": "A painkiller was taken in the hours before: the score may be too low."}]
    return made | ({"component": parts} if parts else {})


def _exercise(row: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    made = observation(_EXERCISE, instant(row["at"]), common, "activity", _status(row))
    made["valueString"] = clean_text(row.get("name")) or "Rehabilitation exercise"
    parts: list[dict[str, Any]] = [
        {"code": concept(OWN, code, words), "valueQuantity": quantity(row[key], unit.strip("{}"), unit)}
        for key, code, words, unit in _EXERCISE_PARTS
        if row.get(key) is not None
    ]
    for when in ("before", "during", "after"):
        if row.get(f"pain_{when}") is not None:
            code = PAIN | {"text": f"Pain {when} the exercise, 0 to 10"}
            parts.append({"code": code, "valueQuantity": quantity(row[f"pain_{when}"], "{score}", "{score}")})
    return made | ({"component": parts} if parts else {})


def _form(row: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    made = observation(_VISA_H, instant(row["at"]), common, "survey", _status(row))
    return made | {"valueQuantity": quantity(row["total"], "{score}", "{score}")}


def _status(row: dict[str, Any]) -> str:
    return "final" if row.get("supersedes") is None else "amended"
