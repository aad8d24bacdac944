"""FHIR R4 bundle out: what a run showed and what the runner reported around it, for a clinic's record.

Codes: LOINC 8867-4 (heart rate), 55411-3 (exercise duration), 73985-4 (exercise activity), 72514-3 (pain severity 0-10,
reported); HL7 Personal Health Record Format (ballot) for running speed, stride length and ground contact time. Running
cadence, strike angle and pelvic tilt have no code known to us and use a code system of our own, declared as such.
Values that are unknown become ``dataAbsentReason``, never a number. Nothing here is a diagnosis.

Bundle, Patient, Device, Observation and Provenance are the same in R4 and R4B: HL7 says that none of the resources that
R4B changed existed in R3, and these did (hl7.org/fhir/R4B/r3maps.html).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from tallrun._version import __version__
from tallrun.errors import FormatError
from tallrun.gait.summary import numbers_of, told_gait
from tallrun.numerics.recording import HeartRate
from tallrun.sessions.fhir_parts import (
    LOINC,
    OWN,
    clean_text,
    concept,
    entry,
    instant,
    observation,
    quantity,
    reference,
    resource_id,
    value_or_absent,
)
from tallrun.sessions.fhir_records import record_entries

PGHD = "http://hl7.org/fhir/uv/phr/CodeSystem/observation-pghd-codes"
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


#: Says of a value that it is the watch's own word.
_BY_WATCH = {"method": {"text": "As the watch recorded it, not measured by this software"}}


def mean_heart_rate_bpm(heart: HeartRate | None) -> float | None:
    """Return the mean of the readings that are one; None without any. A strap that has lost the skin says 0."""
    beats = np.array([]) if heart is None else heart.bpm[np.isfinite(heart.bpm) & (heart.bpm > 0)]
    return float(beats.mean()) if beats.size else None


def fhir_bundle(
    summary: dict[str, Any],
    info: dict[str, Any],
    *,
    made_at: datetime,
    records: dict[str, list[dict[str, Any]]] | None = None,
    heart_rate_bpm: float | None = None,
) -> dict[str, Any]:
    """Return a FHIR R4 Bundle (type collection) as plain JSON data.

    Parameters
    ----------
    summary
        ``summary.json`` of an analysis; each measure becomes one Observation (median, 5th and 95th percentile).
    info
        ``Recording.info``: ``session_id`` makes identifiers repeatable, ``started_at`` dates the Observations.
    made_at
        When the bundle is made (Provenance).
    records
        Rows under ``pain``, ``exercises`` and ``questionnaires`` (see ``fhir_records``).
    heart_rate_bpm
        Mean heart rate of the run, or None.

    Raises FormatError when ``started_at`` is unknown.
    """
    if info.get("started_at") is None:
        raise FormatError("FHIR needs the date and time of the run, but started_at is unknown")
    at = instant(datetime.fromisoformat(str(info["started_at"])))
    root = _root(info)
    patient, device = resource_id(root, "patient"), resource_id(root, "device")
    subject = {"subject": reference(patient)}
    sensed = _sensed(summary, at, subject | {"device": reference(device)}, heart_rate_bpm)
    gait = [entry(resource_id(root, name), resource) for name, resource in sensed]
    told = record_entries(root, records or {}, subject | {"performer": [reference(patient)]})
    provenance = _provenance(gait, device, made_at)
    return {
        "resourceType": "Bundle",
        "id": str(root),
        "type": "collection",
        "timestamp": instant(made_at),
        "entry": [
            entry(patient, {"resourceType": "Patient"}),
            entry(device, _device(summary, info)),
            *gait,
            *told,
            entry(resource_id(root, "provenance"), provenance),
        ],
    }


def _sensed(
    summary: dict[str, Any], at: str, common: dict[str, Any], heart_rate_bpm: float | None
) -> list[tuple[str, dict[str, Any]]]:
    watch = summary.get("watch") or {}
    gait = told_gait(summary) if "walking" in summary else "run"
    made = []
    for key, system, code, words, unit, ucum, factor in _MEASURES:
        if gait == "walk" and "unning" in words:  # the codes of others are of running
            words = words.replace("Running", "Walking")
            system, code = OWN, "-".join(["walking", *words.partition(",")[0].lower().split()[1:]])
        own, of_watch = numbers_of(summary, gait).get(key), (watch.get("measures") or {}).get(key)
        by_watch = of_watch is not None and (not isinstance(own, dict) or own.get("median") is None)
        shown = observation(concept(system, code, words), at, common) | _distribution(
            of_watch if by_watch else own, unit, ucum, factor, "walking" if gait == "walk" else "running"
        )
        if by_watch and of_watch is not None:
            shown |= _BY_WATCH | {"note": [{"text": f"Median over {of_watch['n']} rows of the watch."}]}
        made.append((key, shown))
    duration = observation(concept(LOINC, "55411-3", "Exercise duration"), at, common)
    by_watch = bool(watch) and gait == "run" and not summary.get("run_time_s")
    done_s = (
        watch["recorded_s"] if by_watch else summary.get("walk_time_s" if gait == "walk" else "run_time_s")
    )
    how = {"note": [{"text": "Time walking." if gait == "walk" else "Time running; walks are not in it."}]}
    duration |= value_or_absent(done_s, "min", "min", 1.0 / 60.0) | (_BY_WATCH if by_watch else how)
    made.append(("duration", duration))
    if watch.get("distance_m") is not None:
        distance = observation(concept(OWN, "watch-distance", "Distance, from the watch"), at, common)
        made.append(("distance", distance | value_or_absent(watch["distance_m"], "m", "m") | _BY_WATCH))
    if watch.get("climb_m") is not None:
        climb = observation(concept(OWN, "watch-climb", "Climb, from the watch"), at, common)
        made.append(("climb", climb | value_or_absent(watch["climb_m"], "m", "m") | _BY_WATCH))
    if heart_rate_bpm is None:
        heart_rate_bpm = watch.get("heart_rate_bpm")
    if heart_rate_bpm is not None:
        heart = observation(concept(LOINC, "8867-4", "Heart rate"), at, common, "vital-signs")
        made.append(("heart", heart | value_or_absent(heart_rate_bpm, "beats/min", "/min")))
    return made


def _root(info: dict[str, Any]) -> UUID:
    try:
        return UUID(str(info["session_id"]))
    except (KeyError, ValueError):
        return uuid4()


def _device(summary: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    versions = [{"type": {"text": "software"}, "value": __version__}]
    algorithm = clean_text(summary.get("algorithm"))
    if algorithm is not None:
        versions.append({"type": {"text": "gait algorithm"}, "value": algorithm})
    notes = [{"text": "Wearable running-gait monitor; not a medical device."}]
    source = clean_text(info.get("source"))
    if source is not None:
        notes.append({"text": f"Source of the signals: {source}"})
    return {
        "resourceType": "Device",
        "deviceName": [{"name": "tallrun", "type": "model-name"}],
        "version": versions,
        "note": notes,
    }


def _provenance(gait: list[dict[str, Any]], device: str, made_at: datetime) -> dict[str, Any]:
    """Return who derived the gait Observations; what the runner told names the runner as performer instead."""
    return {
        "resourceType": "Provenance",
        "target": [reference(item["resource"]["id"]) for item in gait],
        "recorded": instant(made_at),
        "activity": {"text": "Computed from worn motion sensors"},
        "agent": [{"who": reference(device)}],
    }


def _distribution(measure: Any, unit: str, ucum: str, factor: float, doing: str) -> dict[str, Any]:
    if not isinstance(measure, dict) or measure.get("median") is None:
        reason = measure.get("reason") if isinstance(measure, dict) else None
        return value_or_absent(None, unit, ucum, reason=reason)
    parts = [
        {"code": {"text": words}, "valueQuantity": quantity(measure[key], unit, ucum, factor)}
        for key, words in (("p05", "5th percentile"), ("p95", "95th percentile"))
        if measure.get(key) is not None
    ]
    made = {
        "valueQuantity": quantity(measure["median"], unit, ucum, factor),
        "note": [{"text": f"Median over {measure.get('n')} strides while {doing} at sufficient quality."}],
    }
    return made | ({"component": parts} if parts else {})
