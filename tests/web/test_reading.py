"""Reading changes nothing: every address that a page or a program may GET leaves records and folders as they were."""

from __future__ import annotations

import hashlib
import re
import sqlite3

import pytest

from support.browser import ServerThread
from support.web_records import NOW, add_sessions, client, fill, wait_for_analysis
from tallrun.report.history import BLOCKS_FILE
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

#: Only that somebody looked is written down, which the person the records are about can read.
LOOKS = 'INSERT INTO "access_log"'


@pytest.fixture
def place(tmp_path):
    fill(tmp_path / "records")
    add_sessions(tmp_path / "sessions")
    desk = Desk(tmp_path / "records", tmp_path / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        server.api, server.desk = api, desk
        yield server
    desk.close()


def rows(folder):
    (database,) = folder.rglob("tallrun.sqlite")
    with sqlite3.connect(database) as connection:
        return [line for line in connection.iterdump() if not line.startswith(LOOKS)]


def files(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        # what is worked out from a recording again at any time is no record
        if path.is_file() and ".sqlite" not in path.name and path.name != BLOCKS_FILE
    }


def addresses(place, session_id):
    """Every GET route of the application, pages and files too, with a session and a table that exist."""
    for route in place.routes:
        path = re.sub(r"\{session_id\}", session_id, route)
        path = path.replace("{name}", "strides")
        yield path + (f"?a={session_id}&b={session_id}" if "compare" in path else "")


def test_no_get_writes_anything_but_that_somebody_looked(place, tmp_path):
    place.api.post("/sessions/scan")
    session_id = place.api.get("/sessions").json()[0]["session_id"]
    assert wait_for_analysis(place.api, session_id)["state"] == "done"
    schema = place.api.get(f"{place.url}/openapi.json").json()["paths"]
    of_pages = [
        route.path
        for router in create_site(place.desk).routes
        for route in getattr(getattr(router, "original_router", None), "routes", ())
        if "GET" in getattr(route, "methods", ()) and not route.include_in_schema
    ]
    place.routes = [path for path, methods in schema.items() if "get" in methods] + of_pages
    assert len(of_pages) > 8
    assert len(place.routes) > 35
    before_rows, before_files = rows(tmp_path), files(tmp_path)
    answered = 0
    for path in addresses(place, session_id):
        answer = place.api.get(f"{place.url}{path}", timeout=60)
        assert answer.status_code < 500, (path, answer.text)
        answered += answer.status_code == 200
        assert rows(tmp_path) == before_rows, path
        assert files(tmp_path) == before_files, path
    assert answered > 30


def test_what_a_page_has_shown_is_kept_when_it_says_so(place, tmp_path):
    before = rows(tmp_path)
    told = place.api.post("/told").json()
    assert told == place.api.get("/verdict").json()
    new = [line for line in rows(tmp_path) if line not in before]
    assert len(new) == 1
    assert new[0].startswith('INSERT INTO "advice"')
    place.api.post("/told")
    assert len([line for line in rows(tmp_path) if line not in before]) == 1
