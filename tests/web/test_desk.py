"""The web app's hold on the records: nothing is written into a database that was erased under it."""

from __future__ import annotations

import pytest

from support.web_records import NOW, fill
from tallrun.store import Store
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
