"""The FHIR bundle: valid R4, nothing invented, the runner's own reports with side, site and what may hide pain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from support.session_files import small_recording, small_session
from tallrun.cli import main
from tallrun.errors import FormatError
from tallrun.journal.desk import Records
from tallrun.recovery.model import ExerciseSession, PainScore, Questionnaire
from tallrun.sessions.fhir_export import fhir_bundle
from tallrun.sessions.fhir_parts import clean_text, instant
from tallrun.store import Store
from tallrun.store.models import PainRow

MADE_AT = datetime(2026, 5, 3, 9, 0, tzinfo=UTC)
RUN_AT = datetime.fromisoformat("2026-05-01T08:00:00+02:00")
#: Elements of R4 (4.0.1) by resource or data type, as far as we use them: hl7.org/fhir/R4/{bundle, patient, device,
#: observation, provenance, datatypes}.html. The validator below knows R4B; HL7 states that no resource R4B changed
#: existed in R3 (hl7.org/fhir/R4B/r3maps.html), and all of these did.
R4_ELEMENTS = {
    "Bundle": {"resourceType", "id", "type", "timestamp", "entry"},
    "Bundle.entry": {"fullUrl", "resource"},
    "Patient": {"resourceType", "id"},
    "Device": {"resourceType", "id", "deviceName", "version", "note"},
    "Device.deviceName": {"name", "type"},
    "Device.version": {"type", "value"},
    "Observation": {
        "resourceType", "id", "status", "category", "code", "subject", "effectiveDateTime", "performer", "device",
        "valueQuantity", "valueString", "dataAbsentReason", "note", "bodySite", "component",
    },
    "Observation.component": {"code", "valueQuantity", "valueString", "valueBoolean", "valueDateTime"},
    "Provenance": {"resourceType", "id", "target", "recorded", "activity", "agent"},
    "Provenance.agent": {"who"},
    "CodeableConcept": {"coding", "text"},
    "Coding": {"system", "code", "display"},
    "Quantity": {"value", "unit", "system", "code"},
    "Reference": {"reference"},
    "Annotation": {"text"},
}  # fmt: skip
TYPE_OF = {
    "subject": "Reference", "device": "Reference", "performer": "Reference", "target": "Reference", "who": "Reference",
    "code": "CodeableConcept", "category": "CodeableConcept", "dataAbsentReason": "CodeableConcept",
    "bodySite": "CodeableConcept", "activity": "CodeableConcept", "coding": "Coding", "valueQuantity": "Quantity",
    "note": "Annotation", "type": "CodeableConcept",
}  # fmt: skip


def unknown_elements(node: Any, kind: str) -> list[str]:
    """Every element outside the list, every null and every empty value, with its path."""
    if isinstance(node, list):
        return (
            [f"{kind}: empty"] if not node else [bad for item in node for bad in unknown_elements(item, kind)]
        )
    if not isinstance(node, dict):
        return [] if node not in (None, "") and node == node else [f"{kind}: {node!r}"]
    kind = node.get("resourceType", kind)
    wrong = [f"{kind}.{name}" for name in node if name not in R4_ELEMENTS.get(kind, set())]
    for name, value in node.items():
        plain = not isinstance(value, dict | list)
        below = (
            f"{kind}.{name}"
            if f"{kind}.{name}" in R4_ELEMENTS or plain
            else TYPE_OF.get(name, f"{kind}.{name}")
        )
        wrong += unknown_elements(value, below)
    return wrong


def summary() -> dict[str, Any]:
    known = {"median": 171.0, "p05": 168.0, "p95": 174.0, "n": 300}
    unknown = {"value": None, "reason": "no_pelvis"}
    return {
        "cadence_spm": known,
        "stance_time_s": known | {"median": 0.25, "p05": 0.24, "p95": 0.26},
        "speed_mps": known | {"median": 2.8, "p05": 2.7, "p95": 2.9},
        "stride_length_m": known | {"median": 2.0, "p05": 1.9, "p95": 2.1},
        "foot_strike_angle_deg": known | {"median": 7.0, "p05": 5.0, "p95": 9.0},
        "pelvic_tilt_deg": unknown,
        "vertical_oscillation_m": unknown,
        "run_time_s": 1500.0,
        "algorithm": "1",
    }


PAIN = {
    "pain_id": "p1", "at": RUN_AT, "score": 3, "kind": "during", "side": "left", "site": "sit_bone", "quality": "ache",
    "provoked_by": None, "load_test": None, "painkiller": "oral", "painkiller_at": RUN_AT, "limping": False,
    "supersedes": None, "masked": True,
}  # fmt: skip
EXERCISE = {
    "exercise_id": "e1", "at": RUN_AT, "phase": 2, "name": "single-leg bridge", "sets": 3, "reps": 8, "load_kg": 12.5,
    "pain_before": 1, "pain_during": None, "pain_after": 0, "supersedes": "e0",
}  # fmt: skip
FORM = {"questionnaire_id": "q1", "at": RUN_AT, "total": 61, "supersedes": None}


def bundle_of(**records: list[dict[str, Any]]) -> dict[str, Any]:
    return fhir_bundle(
        summary(), small_recording().info, made_at=MADE_AT, records=records, heart_rate_bpm=141.5
    )


def observations(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        entry["resource"]["code"]["coding"][0]["code"]: entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "Observation"
    }


def test_the_bundle_is_valid_and_says_what_was_measured() -> None:
    bundle = bundle_of(pain=[PAIN])
    Bundle.model_validate_json(json.dumps(bundle, allow_nan=False))
    found = observations(bundle)
    assert found["running-cadence"]["valueQuantity"]["value"] == 171.0
    assert found["runningGroundContactTime"]["valueQuantity"] == {
        "value": 250.0, "unit": "ms", "system": "http://unitsofmeasure.org", "code": "ms",
    }  # fmt: skip
    assert found["55411-3"]["valueQuantity"]["value"] == 25.0
    assert "valueQuantity" not in found["pelvic-tilt-change"]
    assert found["pelvic-tilt-change"]["dataAbsentReason"]["text"] == "No pelvis sensor was worn."
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    assert bundle == bundle_of(pain=[PAIN])


def test_every_element_is_one_of_r4() -> None:
    bundle = bundle_of(pain=[PAIN, PAIN | {"pain_id": "p2"}], exercises=[EXERCISE], questionnaires=[FORM])
    assert unknown_elements(bundle, "Bundle") == []
    damaged = json.loads(json.dumps(bundle))
    damaged["entry"][2]["resource"]["triggeredBy"] = [{"type": "reflex"}]
    damaged["entry"][3]["resource"]["note"] = []
    assert unknown_elements(damaged, "Bundle") == [
        "Observation.triggeredBy", "Observation.triggeredBy.type", "Annotation: empty",
    ]  # fmt: skip


def test_pain_says_where_and_what_may_hide_it() -> None:
    pain = observations(bundle_of(pain=[PAIN]))["72514-3"]
    assert pain["valueQuantity"]["value"] == 3
    assert pain["bodySite"] == {"text": "sit bone, left"}
    assert pain["status"] == "final"
    assert "may be too low" in pain["note"][0]["text"]
    parts = {
        part["code"]["coding"][0]["code"]: next(part[name] for name in part if name.startswith("value"))
        for part in pain["component"]
    }
    assert parts == {
        "pain-question": "during", "pain-quality": "ache", "painkiller": "oral", "limping": False, "masked": True,
        "painkiller-taken": "2026-05-01T08:00:00+02:00",
    }  # fmt: skip
    plain = observations(bundle_of(pain=[PAIN | {"painkiller": "none", "masked": False, "limping": None}]))[
        "72514-3"
    ]
    assert "note" not in plain
    assert "limping" not in {part["code"]["coding"][0]["code"] for part in plain["component"]}


def test_exercises_and_forms_are_there_and_unasked_pain_is_not_a_zero() -> None:
    found = observations(bundle_of(exercises=[EXERCISE], questionnaires=[FORM]))
    exercise = found["73985-4"]
    assert exercise["valueString"] == "single-leg bridge"
    assert exercise["status"] == "amended"
    said = {part["code"]["text"]: part["valueQuantity"]["value"] for part in exercise["component"]}
    assert said["Load"] == 12.5
    assert said["Pain before the exercise, 0 to 10"] == 1
    assert said["Pain after the exercise, 0 to 10"] == 0
    assert "Pain during the exercise, 0 to 10" not in said
    assert found["visa-h-total"]["valueQuantity"]["value"] == 61


def test_provenance_names_the_version_that_computed_the_gait_and_only_the_gait() -> None:
    bundle = bundle_of(pain=[PAIN])
    by_type = {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}
    device = by_type["Device"]
    assert {item["type"]["text"] for item in device["version"]} == {"software", "gait algorithm"}
    provenance = by_type["Provenance"]
    assert provenance["agent"] == [{"who": {"reference": f"urn:uuid:{device['id']}"}}]
    targets = {target["reference"] for target in provenance["target"]}
    pain = observations(bundle)["72514-3"]
    assert f"urn:uuid:{pain['id']}" not in targets
    assert pain["performer"] == [{"reference": f"urn:uuid:{by_type['Patient']['id']}"}]
    assert "device" not in pain
    assert set(by_type["Patient"]) == {"resourceType", "id"}


@pytest.mark.parametrize(
    "text", ["\x00\x1b[31m", "\ud800", "<script>alert(1)</script>", "x" * 100_000, "  ", "\u202e"]
)
def test_hostile_texts_stay_texts(text: str) -> None:
    pain = PAIN | {"site": text, "provoked_by": text, "quality": text}
    bundle = bundle_of(pain=[pain], exercises=[EXERCISE | {"name": text}])
    assert unknown_elements(bundle, "Bundle") == []
    Bundle.model_validate_json(json.dumps(bundle, ensure_ascii=False).encode("utf-8"))


def test_texts_and_instants_are_written_as_fhir_asks() -> None:
    assert clean_text(" a\x07b\n ") == "a\ufffdb"
    assert clean_text("") is None
    odd = timezone(timedelta(minutes=53, seconds=28))
    assert instant(datetime(1900, 1, 1, tzinfo=odd)) == "1899-12-31T23:06:32+00:00"
    assert instant(datetime(2026, 1, 1, 8, 0, 0, 250_000, UTC)) == "2026-01-01T08:00:00.250+00:00"
    info = small_recording().info | {"started_at": "20260501T0800+0200"}
    bundle = fhir_bundle(summary(), info, made_at=MADE_AT)
    assert observations(bundle)["running-cadence"]["effectiveDateTime"] == "2026-05-01T08:00:00+02:00"


def test_a_date_is_needed() -> None:
    with pytest.raises(FormatError, match="started_at is unknown"):
        fhir_bundle(summary(), {}, made_at=MADE_AT)


# --- with the records ---


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session in the records, with pain that names it, pain around it, pain long after, and two forms before it."""
    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("formats",))
    monkeypatch.setenv("TALLRUN_DATA_DIR", str(tmp_path / "data"))
    session = small_session(tmp_path / "run")
    session_id = small_recording().info["session_id"]
    with Store.open(tmp_path / "data") as store:
        me = store.add_runner("me", MADE_AT)
        store.index_session(
            me,
            session_id=session_id,
            started_at=RUN_AT,
            folder=session,
            duration_s=3.0,
            context={},
            summary={},
        )
        hour = timedelta(hours=1)
        store.add_all(
            me,
            [
                PainScore("", RUN_AT, "during", 3, "left", session_id=session_id),
                PainScore("", RUN_AT + 20 * hour, "morning", 2, "left", painkiller="oral"),
                PainScore("", RUN_AT + 23 * hour, "rest", 1, "left"),
                PainScore("", RUN_AT + 900 * hour, "rest", 9, "left"),
                ExerciseSession("", RUN_AT - 3 * hour, 2, "bridge"),
                Questionnaire(RUN_AT - 2000 * hour, 40),
                Questionnaire(RUN_AT - 1000 * hour, 61),
            ],
            by="runner",
            now=MADE_AT,
        )
        wrong = store.entries(PainRow, me)[0]
        store.supersede(PainRow, me, wrong.pain_id, by="runner", now=MADE_AT, score=4)
    return session


def exported(tmp_path: Path, session: Path, *more: str) -> dict[str, list[Any]]:
    out = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}.json"
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(session), "--to", "fhir", "-o", str(out), *more])
    assert not stopped.value.code
    bundle = json.loads(out.read_text())
    Bundle.model_validate(bundle)
    assert unknown_elements(bundle, "Bundle") == []
    values: dict[str, list[Any]] = {}
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "Observation":
            value = resource.get("valueQuantity", {}).get("value", resource.get("valueString"))
            values.setdefault(resource["code"]["coding"][0]["code"], []).append(value)
    return values


def test_the_session_brings_its_pain_exercises_and_newest_form(tmp_path: Path, noted: Path) -> None:
    found = exported(tmp_path, noted)
    assert found["72514-3"] == [4, 2, 1]
    assert found["73985-4"] == ["bridge"]
    assert found["visa-h-total"] == [61]
    with Store.open(tmp_path / "data") as store:
        me = Records(store, store.find_runner(), MADE_AT)
        assert [row.action for row in store.access_log(me.runner_id)] == ["fhir export"]


def test_a_painkiller_masks_the_scores_of_the_next_day(tmp_path: Path, noted: Path) -> None:
    exported(tmp_path, noted)
    bundle = json.loads((tmp_path / "run-0.json").read_text())
    pain = [
        entry["resource"]
        for entry in bundle["entry"]
        if "72514-3" in json.dumps(entry["resource"].get("code"))
    ]
    assert ["note" in row for row in pain] == [False, True, True]


def test_all_or_none_of_the_records_on_request(tmp_path: Path, noted: Path) -> None:
    everything = exported(tmp_path, noted, "--records", "all")
    assert everything["72514-3"] == [4, 2, 1, 9]
    assert everything["visa-h-total"] == [40, 61]
    assert "72514-3" not in exported(tmp_path, noted, "--records", "none")


def test_a_session_of_somebody_else_takes_nobodys_pain(
    tmp_path: Path, noted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = json.loads((noted / "session.json").read_text())
    info["session_id"] = "11111111-2222-3333-4444-555555555555"
    (noted / "session.json").write_text(json.dumps(info))
    assert "72514-3" not in exported(tmp_path, noted)
    assert "the records do not know this session" in capsys.readouterr().out


def test_of_several_runners_the_one_whose_session_it_is_is_meant(tmp_path: Path, noted: Path) -> None:
    session_id = json.loads((noted / "session.json").read_text())["session_id"]
    with Store.open(tmp_path / "data") as store:
        me = store.find_runner()
        store.add_runner("second", MADE_AT)
        store.index_session(
            me,
            session_id=session_id,
            started_at=MADE_AT,
            folder=noted,
            duration_s=60.0,
            context={},
            summary={},
        )
    assert exported(tmp_path, noted)["72514-3"] == [4, 2, 1]


def test_records_without_a_runner_are_none(
    tmp_path: Path, noted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Store.open(tmp_path / "bare").close()
    assert "72514-3" not in exported(tmp_path, noted, "--data-dir", str(tmp_path / "bare"))
    assert "no records here" in capsys.readouterr().out


def test_a_walk_has_the_numbers_and_the_minutes_of_a_walk() -> None:
    known = {"median": 110.0, "p05": 105.0, "p95": 115.0, "n": 300}
    of_running = summary()
    nothing = {
        key: {"value": None, "reason": "not_running"}
        for key in of_running
        if key.endswith(("_m", "_s", "_deg"))
    }
    walk = of_running | nothing | {
        "cadence_spm": {"value": None, "reason": "not_running"}, "speed_mps": {"value": None, "reason": "not_running"},
        "run_time_s": 0.0, "walk_time_s": 600.0, "flags": [], "walking": {"cadence_spm": known},
    }  # fmt: skip
    found = observations(fhir_bundle(walk, small_recording().info, made_at=MADE_AT))
    assert found["walking-cadence"]["valueQuantity"]["value"] == 110.0
    assert found["55411-3"]["valueQuantity"]["value"] == 10.0, (
        "a walk of ten minutes is not one of no minutes"
    )
    assert not any("running" in code.lower() for code in found)


def test_without_records_none_are_made(
    tmp_path: Path, noted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "72514-3" not in exported(tmp_path, noted, "--data-dir", str(tmp_path / "nowhere"))
    assert "no records here" in capsys.readouterr().out
    assert not (tmp_path / "nowhere").exists()
