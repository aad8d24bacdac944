"""The REST API over real HTTP: same answers as the rules, one-line errors, no way past the door."""

from __future__ import annotations

import io
import json
import shutil
import stat
import zipfile

import httpx
import pytest

from support.browser import ServerThread
from support.web_records import ARABIC, NASTY, NOW, add_sessions, client, fill, wait_for_analysis
from tallrun.journal.desk import load_protocol
from tallrun.recovery.verdicts import verdict
from tallrun.store import Store
from tallrun.web.desk import Desk
from tallrun.web.site import create_site


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Filled records and session folders, made once and copied."""
    folder = tmp_path_factory.mktemp("template")
    fill(folder / "records")
    add_sessions(folder / "sessions")
    return folder


@pytest.fixture
def place(tmp_path, template):
    """A filled store, served; ``folder`` holds the records, ``sessions`` the recordings."""
    for name in ("records", "sessions"):
        shutil.copytree(template / name, tmp_path / name)
    desk = Desk(tmp_path / "records", tmp_path / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        server.api, server.folder, server.sessions = api, tmp_path / "records", tmp_path / "sessions"
        yield server
    desk.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, template):
    """A filled store for tests that change nothing."""
    folder = tmp_path_factory.mktemp("shared") / "records"
    shutil.copytree(template / "records", folder)
    desk = Desk(folder, template / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        server.api = api
        yield server
    desk.close()


@pytest.fixture
def bare(tmp_path):
    """An empty store, served."""
    desk = Desk(tmp_path / "records", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        server.api = api
        yield server
    desk.close()


def test_verdict_is_that_of_the_rules(place):
    told = place.api.get("/verdict").json()
    with Store.open(place.folder) as store:
        history = store.history(store.find_runner())
    expected = verdict(load_protocol(), history, None, NOW, None)
    assert told["state"] == expected.state
    assert told["rung"] == expected.rung
    assert told["rules"] == list(expected.rules)
    assert told["sources"] == list(expected.sources)
    assert told["changes_if"] == expected.changes_if
    card = place.api.get("/card").json()
    assert [item["rule"] for item in card["reasons"]] == told["rules"]
    assert all(item["text"] and item["sources"] for item in card["reasons"])


def test_a_score_changes_the_verdict_and_can_be_taken_back(place):
    before = place.api.get("/verdict").json()
    kept = place.api.post("/pain", json={"kind": "rest", "score": 7}).json()
    assert place.api.get("/verdict").json()["state"] == "REST48"
    gone = place.api.post(f"/pain/{kept['pain_id']}/fix", json={"withdraw": True}).json()
    assert gone["supersedes"] == kept["pain_id"]
    assert place.api.get("/verdict").json()["state"] == before["state"]
    every = place.api.get("/pain", params={"every": True}).json()
    assert [item["in_force"] for item in every if item["pain_id"] in (kept["pain_id"], gone["pain_id"])] == [
        False,
        False,
    ]


def test_due_questions_close_when_answered(place):
    open_now = {item["question"]: item for item in place.api.get("/due").json() if item["open"]}
    assert {"morning", "limping"} <= open_now.keys()
    assert open_now["morning"]["load_test"] == "single_leg_bridge"
    place.api.post(
        "/pain", json={"kind": "morning", "score": 1, "load_test": open_now["morning"]["load_test"]}
    )
    limping = open_now["limping"]
    assert (
        place.api.post(f"/runs/{limping['session_id']}/limping", json={"limping": False}).status_code == 204
    )
    left = {item["question"] for item in place.api.get("/due").json() if item["open"]}
    assert not {"morning", "limping"} & left


def test_strip_never_shows_a_missing_score_as_zero(shared):
    strip = shared.api.get("/today").json()["strip"]
    assert len(strip) == 14
    assert strip[-1]["date"] == NOW.date().isoformat()
    assert strip[-1]["scores"] == []
    assert any(day["grades"] and day["run_minutes"] > 0 for day in strip)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/pain", {"kind": "rest", "score": 11}, "score"),
        ("/pain", {"kind": "rest", "score": 2.5}, "score"),
        ("/pain", {"kind": "rest", "score": 2, "side": "left"}, "right side"),
        ("/pain", {"kind": "rest", "score": 2, "at": "2030-01-01T10:00"}, "future"),
        ("/pain", {"kind": "rest", "score": 2, "at": "yesterday"}, "cannot be read"),
        ("/pain", {"kind": "rest", "score": 2, "colour": "red"}, "colour"),
        ("/runs", {"minutes": 30, "distance_m": 90000}, "faster than anyone"),
        ("/clinician", {"green_limit": 6}, "green_limit"),
        ("/clinician", {"tighten": {"pain.stop_above": 9}}, "loosen"),
        ("/plans", {"rung": "Q7"}, "rung"),
        ("/screen", {"answers": {"nothing": True}}, "nothing"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(shared, path, body, words):
    answer = shared.api.post(path, json=body)
    assert answer.status_code == 422
    told = answer.json()
    assert set(told) == {"code", "message"}
    assert words in told["message"]
    assert "\n" not in told["message"]
    assert "Traceback" not in answer.text


def test_plan_is_checked_against_the_verdict(place):
    place.api.post("/pain", json={"kind": "morning", "score": 1, "load_test": "single_leg_bridge"})
    told = place.api.get("/verdict").json()
    above = place.api.post("/plans/check", json={"rung": "H3"}).json()
    assert not above["accepted"]
    assert "PG2" in above["rules"]
    assert above["state"] == told["state"]
    assert place.api.post("/plans/check", json={}).json()["message"].startswith("Nothing is planned")
    place.api.post("/plans", json={"rung": "h3"})
    assert place.api.post("/plans/check", json={}).json()["plan"]["rung"] == "H3"


def test_clinician_may_hold_and_end_it(place):
    kept = place.api.post("/clinician", json={"hold": True, "entered_by": "Dr X", "note": ARABIC}).json()
    assert "no running" in kept["words"]
    assert place.api.get("/verdict").json()["state"] == "CLINICIAN"
    place.api.post(f"/clinician/{kept['clinician_id']}/end", json={})
    assert place.api.get("/clinician").json()[-1]["in_force"] is False


def test_a_run_without_sensors_counts(place):
    before = place.api.get("/course").json()
    kept = place.api.post(
        "/runs",
        json={
            "minutes": 20,
            "run_minutes": 8,
            "rung": "v1",
            "session_rpe": 4,
            "pain_during": 2,
            "limping": False,
        },
    ).json()
    assert kept["pain_scores"] == 1
    after = place.api.get("/course").json()
    assert len(after["sessions"]) == len(before["sessions"]) + 1
    assert after["sessions"][-1]["load"] == 80
    assert after["sessions"][-1]["gait"]["cadence_spm"] is None


def test_sessions_are_scanned_named_analysed_and_reported(place):
    api = place.api
    found = api.post("/sessions/scan").json()
    assert len(found["added"]) == 2
    assert "broken" in found["refused"]
    assert api.post("/sessions/scan").json()["known"] == found["added"]
    listed = {item["folder_name"]: item for item in api.get("/sessions").json()}
    one = listed["one_foot"]
    assert one["cadence_spm"] is None
    assert not one["is_analysed"]
    path = f"/sessions/{one['session_id']}"
    assert api.get(f"{path}/summary").status_code == 404
    assert wait_for_analysis(api, one["session_id"])["state"] == "done"
    told = api.get(f"{path}/summary").json()
    assert api.get(path).json()["cadence_spm"] == told["cadence_spm"]["median"]
    table = api.get(f"{path}/tables/strides", params={"count": 3}).json()
    assert len(table["columns"]["initial_contact_s"]) == 3
    assert table["n_rows"] == told["n_contacts"]
    report = api.get(f"{path}/report")
    assert "sandbox" in report.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in report.headers["content-security-policy"]
    assert (
        api.post(f"{path}/rename", json={"title": NASTY, "tags": ["tempo"], "note": ARABIC}).json()["name"]
        == NASTY
    )
    assert [item["session_id"] for item in api.get("/sessions", params={"query": "TEMPO"}).json()] == [
        one["session_id"]
    ]
    assert api.post("/sessions/scan").json()["added"] == []
    assert api.get(path).json()["tags"] == ["tempo"]
    report_file = place.sessions / "one_foot" / "derived" / "report.html"
    assert stat.S_IMODE(report_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "name", ["..", "../../etc/passwd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "a" * 65, "\u202e"]
)
def test_a_session_id_is_never_a_path(shared, name):
    for tail in ("", "/report", "/summary", "/tables/strides", "/tables/..%2f..%2fsession"):
        answer = shared.api.get(f"/sessions/{name}{tail}")
        assert answer.status_code in (404, 405, 422) or answer.url.path in ("/api/sessions", "/today")
        assert "root:" not in answer.text


def test_export_and_backup_are_whole_and_logged(place):
    place.api.post("/sessions/scan")
    full = zipfile.ZipFile(io.BytesIO(place.api.post("/export", json={}).content))
    content = json.loads(full.read("tallrun-export/tallrun-export.json"))
    assert len(content["tables"]["pain"]) == len(place.api.get("/pain", params={"days": 3650}).json())
    assert any("demo_treadmill" in name or "session.json" in name for name in full.namelist())
    bare = zipfile.ZipFile(io.BytesIO(place.api.post("/export", json={"deidentify": True}).content))
    assert b"Amsterdam" not in bare.read("tallrun-export/tallrun-export.json")
    backup = zipfile.ZipFile(io.BytesIO(place.api.post("/backup", json={}).content))
    assert "tallrun.sqlite" in backup.namelist()
    actions = [row["action"] for row in place.api.get("/access-log").json()]
    assert {"export", "de-identified export", "backup", "looked at in the web app"} <= set(actions)


def test_erase_tells_the_truth(place):
    place.api.post("/sessions/scan")
    assert place.api.post("/erase", json={"confirm": "yes"}).status_code == 422
    assert (place.folder / "tallrun.sqlite").exists()
    receipt = place.api.post("/erase", json={"confirm": "erase"}).json()
    assert receipt["complete"]
    assert not (place.folder / "tallrun.sqlite").exists()
    assert (place.sessions / "one_foot" / "session.json").exists(), "outside folders stay unless asked for"
    assert any(item["path"] == str(place.sessions / "one_foot") for item in receipt["left"])
    answer = place.api.get("/today")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_set_up")


def test_set_up_from_nothing(bare):
    assert bare.api.get("/status").json()["is_set_up"] is False
    assert bare.api.get("/today").json()["code"] == "not_set_up"
    assert bare.api.post("/setup", json={"side": "left"}).status_code == 422
    assert bare.api.post("/setup", json={"side": "left", "time_zone": "Mars/Base"}).status_code == 422
    assert bare.api.get("/status").json()["is_set_up"] is False
    told = bare.api.post(
        "/setup",
        json={
            "side": "left",
            "time_zone": "Europe/Paris",
            "born_on": "1990-01-02",
            "morning_scores": [1, 2, 1],
        },
    ).json()
    assert told["site"] == "sit_bone"
    assert bare.api.get("/verdict").json()["state"] == "LOG_FIRST"
    again = bare.api.post("/setup", json={"mass_kg": 64}).json()
    assert (again["side"], again["mass_kg"]) == ("left", 64)


def test_two_runners_need_a_name(bare):
    for code in ("ann", "bea"):
        bare.api.post("/setup", json={"code": code, "side": "left", "time_zone": "UTC"})
    assert bare.api.get("/today").json()["message"].endswith("several runners (ann, bea); say which")
    bare.api.post("/pain", params={"runner": "ann"}, json={"kind": "rest", "score": 9})
    assert bare.api.get("/pain", params={"runner": "bea"}).json() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "evil.example"}, 421),
        ({}, 201),
    ],
)
def test_other_sites_cannot_write(shared, headers, status):
    answer = shared.api.post("/pain", json={"kind": "rest", "score": 2}, headers=headers)
    assert answer.status_code == status


def test_a_form_of_another_site_is_no_json(shared):
    answer = shared.api.post(
        "/pain", content=b'{"kind":"rest","score":2}', headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 422


def test_pages_carry_the_policy_and_nothing_from_elsewhere(shared):
    page = httpx.get(f"{shared.url}/today", cookies=shared.cookies)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "http://" not in page.text
    script = httpx.get(f"{shared.url}/vendor/plotly.min.js", cookies=shared.cookies)
    assert script.status_code == 200
    assert len(script.content) > 1_000_000
