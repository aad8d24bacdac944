"""Every GET of the web app leaves records and recordings as they are; only the access log notes a look."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from support.browser import ServerThread, cookies_for
from support.session_files import small_session
from support.web_records import NOW, fill, pretend_analysed
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

#: Looking is noted, for the runner to read; nothing else may change by looking.
LOG = "access_log"
QUERY = {"start_s": 0, "end_s": 5}


def state_of(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Every row of the records but the access log's, and a hash of every file that is not the database."""
    with closing(sqlite3.connect(folder / "records" / "tallrun.sqlite")) as base:
        rows = [line for line in base.iterdump() if LOG not in line]
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("tallrun.sqlite")
    }
    return rows, files


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading")
    fill(folder / "records")
    small_session(folder / "sessions" / "small")
    desk = Desk(folder / "records", folder / "sessions", clock=lambda: NOW)
    sites = []

    def site():
        sites.append(create_site(desk))
        return sites[-1]

    with ServerThread(site) as server, httpx.Client(base_url=server.url, timeout=300.0) as api:
        api.cookies = cookies_for(server.url)
        assert api.post("/api/sessions/scan").status_code < 300
        (known,) = api.get("/api/sessions").json()
        pretend_analysed(folder / "sessions" / "small")
        yield folder, api, sites[0], known["session_id"]
    desk.close()


def get_routes(site) -> list[str]:
    """Paths of every GET: of the site itself and of the routers it includes."""
    routes = [sub for route in site.routes for sub in getattr(route, "original_router", site).routes]
    found = {route.path for route in routes if isinstance(route, APIRoute) and "GET" in (route.methods or ())}
    return sorted(found)


def test_no_get_changes_records_or_recordings(place):
    folder, api, site, session_id = place
    routes = get_routes(site)
    assert len(routes) > 40
    before = state_of(folder)
    answered = 0
    for path in routes:
        address = path.replace("{session_id}", session_id).replace("{name}", "timeline")
        assert not re.search(r"[{}]", address), f"say what {path} is asked with"
        wish = QUERY | {"a": session_id, "b": session_id}
        code = api.get(
            address, params=wish if "/api/" not in path or "replay" in path or "compare" in path else None
        )
        answered += code.status_code < 400
        assert code.status_code < 500, (path, code.text)
        assert state_of(folder) == before, f"GET {path} wrote something"
    assert answered > 0.9 * len(routes)


def test_what_was_shown_is_kept_when_a_person_saw_it_and_once(place):
    folder, api, _, _ = place

    def kept() -> int:
        with closing(sqlite3.connect(folder / "records" / "tallrun.sqlite")) as base:
            return base.execute("select count(*) from advice").fetchone()[0]

    before = kept()
    said = api.get("/api/verdict").json()
    assert kept() == before
    shown = api.post("/api/told")
    assert shown.json() == said
    api.post("/api/told")
    assert kept() == before + 1
