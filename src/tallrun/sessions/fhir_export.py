"""FHIR R4 bundle out: what a run showed, as Observations with their units, for a clinic's record.

Codes: LOINC 8867-4 (heart rate), 55411-3 (exercise duration), 72514-3 (pain severity 0-10, reported); HL7 Personal
Health Record Format (ballot) for running speed, stride length and ground contact time. Running cadence, strike angle
and pelvic tilt have no code known to us and use a code system of our own, declared as such. Values that are unknown
become ``dataAbsentReason``, never a number. Nothing here is a diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from tallrun._version import __version__
from tallrun.errors import FormatError
from tallrun.reasons import REASONS

LOINC = "http://loinc.org"
PGHD = "http://hl7.org/fhir/uv/phr/CodeSystem/observation-pghd-codes"
OWN = "urn:tallrun:observation"
UCUM = "http://unitsofmeasure.org"
#: Summary key, code system, code, words, unit shown, UCUM code, factor from the summary's unit.
_MEASURES = (
    ("cadence_spm", OWN, "running-cadence", "Running cadence, both feet", "steps/min", "{steps}/min", 1.0),
    ("speed_mps", PGHD, "runningSpeed", "Running speed", "m/s", "m/s", 1.0),
    ("stride_length_m", PGHD, "runningStrideLength", "Running stride length", "m", "m", 1.0),
    ("stance_time_s", PGHD, "runningGroundContactTime", "Running ground contact time", "ms", "ms", 1000.0),
    (
        "foot_strike_angle_deg",
        OWN,
        "foot-strike-angle",
        "Foot-strike angle, toes up positive",
        "deg",
        "deg",
        1.0,
    ),
    (
        "pelvic_tilt_deg",
        OWN,
        "pelvic-tilt-change",
        "Pelvic tilt from standing, anterior positive",
        "deg",
        "deg",
        1.0,
    ),
    (
        "vertical_oscillation_m",
        OWN,
        "vertical-oscillation",
        "Vertical oscillation of the pelvis",
        "cm",
        "cm",
        100.0,
    ),
)


def fhir_bundle(
    summary: dict[str, Any],
    info: dict[str, Any],
    pain_rows: Iterable[dict[str, Any]] = (),
    heart_rate_bpm: float | None = None,
) -> dict[str, Any]:
    """Return a FHIR R4 Bundle (type collection) as plain JSON data.

    Parameters
    ----------
    summary
        ``summary.json`` of an analysis; each measure becomes one Observation (median, 5th and 95th percentile).
    info
        ``Recording.info``: ``session_id`` makes identifiers repeatable, ``started_at`` dates the Observations.
    pain_rows
        Rows of the pain log (``pain_id``, ``at``, ``score``); superseded rows must be left out by the caller.
    heart_rate_bpm
        Mean heart rate of the run, or None.

    Raises FormatError when ``started_at`` is unknown.
    """
    at = info.get("started_at")
    if at is None:
        raise FormatError("FHIR needs the date and time of the run, but started_at is unknown")
    root = _root(info)
    patient, device = _id(root, "patient"), _id(root, "device")
    common = {"subject": {"reference": f"urn:uuid:{patient}"}, "device": {"reference": f"urn:uuid:{device}"}}
    entries = [
        _entry(patient, {"resourceType": "Patient"}),
        _entry(device, _device()),
    ]
    for key, system, code, words, unit, ucum, factor in _MEASURES:
        body = _observation(system, code, words, at, common) | _distribution(
            summary.get(key), unit, ucum, factor
        )
        entries.append(_entry(_id(root, key), body))
    run_time_s = summary.get("run_time_s")
    duration = _observation(LOINC, "55411-3", "Exercise duration", at, common)
    entries.append(_entry(_id(root, "duration"), duration | _value(run_time_s, "min", "min", 1.0 / 60.0)))
    if heart_rate_bpm is not None:
        heart = _observation(LOINC, "8867-4", "Heart rate", at, common, "vital-signs")
        entries.append(_entry(_id(root, "heart"), heart | _value(heart_rate_bpm, "beats/min", "/min", 1.0)))
    for row in pain_rows:
        words = "Pain severity - 0-10 verbal numeric rating [Score] - Reported"
        pain = _observation(LOINC, "72514-3", words, str(row["at"]), common, "survey")
        del pain["device"]
        entries.append(
            _entry(
                _id(root, f"pain {row['pain_id']}"), pain | _value(row["score"], "{score}", "{score}", 1.0)
            )
        )
    return {
        "resourceType": "Bundle",
        "id": str(root),
        "type": "collection",
        "timestamp": at,
        "entry": entries,
    }


def _root(info: dict[str, Any]) -> UUID:
    try:
        return UUID(str(info["session_id"]))
    except (KeyError, ValueError):
        return uuid4()


def _id(root: UUID, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{OWN}:{root}:{name}"))


def _entry(identity: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"urn:uuid:{identity}", "resource": {**resource, "id": identity}}


def _device() -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "tallrun", "type": "model-name"}],
        "version": [{"value": __version__}],
        "note": [{"text": "Wearable running-gait monitor; not a medical device."}],
    }


def _observation(
    system: str, code: str, words: str, at: str, common: dict[str, Any], category: str = "activity"
) -> dict[str, Any]:
    kind = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [kind]}],
        "code": {"coding": [{"system": system, "code": code, "display": words}], "text": words},
        "effectiveDateTime": at,
        **common,
    }


def _value(value: float | None, unit: str, ucum: str, factor: float) -> dict[str, Any]:
    if value is None:
        return _absent(None)
    return {"valueQuantity": _quantity(value, unit, ucum, factor)}


def _distribution(measure: Any, unit: str, ucum: str, factor: float) -> dict[str, Any]:
    if not isinstance(measure, dict) or measure.get("median") is None:
        return _absent(measure.get("reason") if isinstance(measure, dict) else None)
    parts = {"5th percentile": measure.get("p05"), "95th percentile": measure.get("p95")}
    return {
        "valueQuantity": _quantity(measure["median"], unit, ucum, factor),
        "note": [{"text": f"Median over {measure.get('n')} strides while running at sufficient quality."}],
        "component": [
            {"code": {"text": words}, "valueQuantity": _quantity(value, unit, ucum, factor)}
            for words, value in parts.items()
            if value is not None
        ],
    }


def _quantity(value: float, unit: str, ucum: str, factor: float) -> dict[str, Any]:
    return {"value": round(float(value) * factor, 4), "unit": unit, "system": UCUM, "code": ucum}


def _absent(reason: str | None) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}
    absent: dict[str, Any] = {"coding": [coding]}
    if reason is not None:
        absent["text"] = REASONS.get(reason, reason)
    return {"dataAbsentReason": absent}
