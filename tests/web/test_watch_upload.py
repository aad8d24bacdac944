"""A watch's files in the browser: each read or refused by one line, counted however old, by route and by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.browser import ServerThread, chromium
from support.web_records import NOW, client, fill
from tallrun.web.desk import Desk
from tallrun.web.security import BODY_LIMIT_BYTES
from tallrun.web.site import create_site


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def api(tmp_path):
    fill(tmp_path / "records")
    desk = Desk(tmp_path / "records", tmp_path / "sessions", clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as found:
        found.site = server.url
        yield found
    desk.close()


def tcx(start, seconds=1800, step_m=2.6, comment=""):
    points = "".join(
        f"<Trackpoint><Time>{(start + timedelta(seconds=t)).isoformat()}</Time>"
        f"<DistanceMeters>{step_m * t}</DistanceMeters></Trackpoint>"
        for t in range(0, seconds + 1, 10)
    )
    return (
        f'<?xml version="1.0"?><TrainingCenterDatabase '
        'xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"><Activities><Activity Sport="Running">'
        f'<Id>{start.isoformat()}</Id><Lap StartTime="{start.isoformat()}"><TotalTimeSeconds>{seconds}'
        f"</TotalTimeSeconds><DistanceMeters>{step_m * seconds}</DistanceMeters><Track>{points}</Track></Lap>"
        f"</Activity></Activities><!--{comment}--></TrainingCenterDatabase>"
    ).encode()


def send(api, name, content):
    return api.post("/sessions/watch", params={"name": name}, content=content)


def test_each_file_is_read_or_refused_by_one_line(api):
    start = NOW - timedelta(days=50, hours=3)
    (read,) = send(api, "evening.tcx", tcx(start)).json()
    assert read["what"] == "imported"
    assert read["line"].startswith("evening.tcx: ")
    assert "4680 m" in read["line"]
    assert "/" not in read["line"].replace("steps/min", "")
    (again,) = send(api, "copy.tcx", tcx(start)).json()
    assert again["what"] == "there already"
    (bad,) = send(api, "../../x/broken.tcx", b"<TrainingCenterDatabase>").json()
    assert bad["what"] == "refused"
    assert bad["line"].startswith("broken.tcx: ")
    (other,) = send(api, "letter.txt", b"Dear runner").json()
    assert other["what"] == "no watch files"
    assert send(api, "empty.fit", b"").status_code == 201


def test_a_run_older_than_what_is_offered_can_be_counted(api):
    send(api, "old.tcx", tcx(NOW - timedelta(days=64, hours=3)))
    row = next(item for item in api.get("/sessions").json() if not item["counts_as_run"])
    assert not [item for item in api.get("/today").json()["due"] if item["question"] == "count"]
    asked = api.get(f"/sessions/{row['session_id']}/run").json()
    given = {"stopped_for_pain": False, "limping": False, "pain_during": 1, "pain_after": 1}
    given |= {"same_run": False} if "same_run" in asked["form"]["asks"] else {"count": True}
    given |= {"as_planned": False} if "as_planned" in asked["form"]["asks"] else {}
    assert api.post(asked["form"]["path"].removeprefix("/api"), json=given).json()["what"] == "counted"
    assert api.get(f"/sessions/{row['session_id']}/run").status_code == 422
    assert api.get("/sessions/nowhere/run").status_code == 404


def test_only_this_route_takes_a_large_body(api):
    large = tcx(NOW - timedelta(days=3, hours=3), comment="x" * BODY_LIMIT_BYTES)
    assert send(api, "large.tcx", large).json()[0]["what"] == "imported"
    assert api.post("/pain", content=large).status_code == 413


def test_the_form_on_the_sessions_page(api, browser, tmp_path):
    for name, content in (("a.tcx", tcx(NOW - timedelta(days=3, hours=3))), ("b.gpx", b"<gpx>")):
        (tmp_path / name).write_bytes(content)
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{api.site}/sessions")
    page.wait_for_selector("#main[data-state=ready], #main[data-state=empty]")
    page.locator("#watch-files summary").click()
    page.locator("#watch-files input").set_input_files([str(tmp_path / "a.tcx"), str(tmp_path / "b.gpx")])
    page.get_by_role("button", name="Read them").click()
    page.get_by_text("✓ a.tcx").wait_for()
    assert page.get_by_text("✕ b.gpx").count() == 1
    page.get_by_role("button", name="Count").first.click()
    page.get_by_text("Does it count?").wait_for()
    page.close()
