"""The web app's hold on the records: nothing is written into a database that was erased under it."""

from __future__ import annotations

import asyncio

import pytest

from support.web_records import NOW, fill
from tallrun.errors import EntryError
from tallrun.live.stage import Stage
from tallrun.store import Store
from tallrun.web import api_run
from tallrun.web.desk import Desk, NotSetUpError


def test_records_erased_beside_a_running_app_are_gone_for_it_too(tmp_path):
    fill(tmp_path)
    desk = Desk(tmp_path, clock=lambda: NOW)
    assert desk.records(None).store.runs(desk.records(None).runner_id)
    for path in tmp_path.glob("tallrun.sqlite*"):
        path.unlink()
    with pytest.raises(NotSetUpError):
        desk.records(None)
    desk.store.add_runner("new", NOW)
    with Store.open(tmp_path) as seen:
        assert list(seen.runner_codes()) == ["new"], "what is entered afterwards is where other programs look"
    desk.close()


def test_no_run_is_begun_for_records_in_a_database(tmp_path, monkeypatch):
    """It would go by the plan of whoever is set up in this computer's own folder."""
    monkeypatch.setenv("TALLRUN_DATA_DIR", str(tmp_path / "own"))
    desk = Desk(f"sqlite:///{tmp_path / 'shared.sqlite'}", clock=lambda: NOW)
    desk.store.add_runner("P-014", NOW)
    desk.store.folder = None  # as on a server
    stage = Stage(tmp_path / "own", tmp_path / "own" / "sessions")
    with pytest.raises(EntryError, match="in a database"):
        asyncio.run(api_run.start(stage, desk, api_run.StartIn(runner="P-014")))
    assert stage.state()["step"] == "idle"
    desk.close()
