"""A watch's run goes from its file to the record by commands and by REST, with the forms that are offered."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta

import pytest

from support.browser import ServerThread
from support.commands import commands
from support.records import NOW
from support.session_files import watch_session
from support.web_records import client
from tallrun.cli.formats_import import _hand_off
from tallrun.store import Store
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

SETUP = "setup --side right --time-zone Europe/Amsterdam --born-on 1985-06-30 --phase 1 --diagnosis clinician --json"
START = (NOW - timedelta(hours=20)).isoformat()


@pytest.fixture
def tallrun(tmp_path, capsys, monkeypatch):
    run = commands(tmp_path / "records", capsys, monkeypatch)
    assert run(*shlex.split(SETUP)).code == 0
    return run


def test_an_imported_run_is_offered_and_counted_by_the_command_that_due_prints(
    tallrun, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("tallrun.journal.sessions.current_time", lambda: NOW)
    session_id = watch_session(tmp_path / "out", START)
    with monkeypatch.context() as patch:
        patch.setenv("TALLRUN_DATA_DIR", str(tmp_path / "elsewhere"))
        _hand_off(tmp_path / "out", None)
    assert "tallrun log-run --session" in capsys.readouterr().out
    _hand_off(tmp_path / "out", tmp_path / "records")
    assert "tallrun due asks whether it counts" in capsys.readouterr().out
    row = next(row for row in tallrun("due", "--json").json if row["question"] == "count")
    assert row["session_id"] == session_id
    assert "is not in your record. Count it?" in tallrun("due").out
    said = {"count": "yes", "stopped_for_pain": "no", "limping": "no", "pain_during": "2", "pain_after": "1"}
    done = tallrun(*shlex.split(row["form"]["command"].format(**said))[1:], "--json")
    assert (done.code, done.json["what"], done.json["pain_scores"]) == (0, "counted", 2)
    assert not any(row["question"] == "count" for row in tallrun("due", "--json").json)
    again = tallrun("log-run", "--session", session_id, "--stopped", "none")
    assert (again.code, again.out) == (1, "")
    assert again.err == "tallrun: This session is in your record of runs already.\n"


def test_a_folder_is_counted_by_its_place_and_left_out_by_a_no(tallrun, tmp_path):
    watch_session(tmp_path / "one", START)
    watch_session(tmp_path / "two", (NOW - timedelta(hours=44)).isoformat())
    assert "what" in tallrun("log-run", "--session", tmp_path / "one", "--stopped", "none", "--json").json
    assert tallrun("log-run", "--session", tmp_path / "two", "--count", "no").out.startswith(
        "Noted: it does not count."
    )
    with Store.open(tmp_path / "records") as store:
        assert len(store.runs(store.find_runner())) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--session", "nobody", "--stopped", "none"), 1),
        (("--session", "nobody", "--minutes", "30"), 1),
        (("--minutes", "30", "--count", "no"), 1),
        (("--session", "nobody", "--count", "perhaps"), 1),
    ],
)
def test_what_cannot_be_is_one_line(tallrun, words, code):
    done = tallrun("log-run", *words)
    assert (done.code, done.out) == (code, "")
    assert done.err.count("\n") == 1


def test_the_same_through_rest_with_the_form_of_today(tallrun, tmp_path):
    files = tmp_path / "files"
    session_id = watch_session(files / "one", START)
    desk = Desk(tmp_path / "records", files, clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        api.base_url = server.url
        assert api.post("/api/sessions/scan").json()["added"] == [session_id]
        (row,) = [row for row in api.get("/api/today").json()["due"] if row["question"] == "count"]
        body = {"count": True, "stopped_for_pain": False, "limping": False, "pain_during": 1, "pain_after": 1}
        assert set(row["form"]["asks"]) == set(body)
        refused = api.post(row["form"]["path"], json={"count": True})
        assert refused.status_code == 422 or refused.status_code == 400, refused.text
        kept = api.post(row["form"]["path"], json=row["form"]["body"] | body)
        assert kept.status_code == 200, kept.text
        assert kept.json() == {"what": "counted", "run_id": session_id, "pain_scores": 2}
        assert [run["session_id"] for run in api.get("/api/runs").json()] == [session_id]
        assert api.get(f"/api/sessions/{session_id}").json()["counts_as_run"]
        assert json.loads(api.get("/api/course").text)["sessions"][0]["heart_rate_bpm"] == 140.0
    desk.close()
