"""An experiment of one runner in the records: sealed, revealed run by run, outranked by pain, told as registered."""

from __future__ import annotations

import copy
import json
import shutil
from datetime import timedelta
from hashlib import sha256

import pytest

from support.browser import ServerThread
from support.commands import commands
from support.records import NOW, run_at, runner_in, score
from support.web_records import client
from tallrun.errors import EntryError
from tallrun.insight import experiment as pure
from tallrun.journal import experiment
from tallrun.journal.desk import Records, load_protocol
from tallrun.recovery.model import Advice, ClinicianEntry, Diagnosis, ExerciseSession, PhaseEntry, Screen
from tallrun.recovery.wording import lint
from tallrun.store import Store
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

NO_RED_FLAGS = dict.fromkeys((item.id for item in load_protocol().screening.questions), False)
SCATTER = (1, 0, 1, 1, 0, 1, 0, 0, 1, 1)


class Runner:
    """Somebody whose level a clinician holds at V4: a run every second day and the mornings after it."""

    def __init__(self, store):
        self.store, self.day = store, 0
        start = NOW - timedelta(days=30)
        self.id = runner_in(store, now=start)
        self.start = start
        self.add(
            PhaseEntry(start, 2), Diagnosis(start, True), ClinicianEntry(start, cap="V4", entered_by="Dr M")
        )
        self.screened()

    def add(self, *rows, at=None):
        for row in rows:
            self.store.add(self.id, row, by="test", now=at or self.start)

    def screened(self, **answers):
        at = self.at(6)
        self.add(Screen(at, NO_RED_FLAGS | answers, frozenset({"ache"})), at=at)

    def at(self, hour):
        return self.start.replace(hour=0) + timedelta(days=self.day, hours=hour)

    @property
    def mine(self):
        return Records(self.store, self.id, self.at(10))

    def next_day(self, morning, *, run=True, during=1):
        """On a running day a run at V4 that hurts ``during``; then the test of the morning after."""
        if run and self.day % 2 == 0:
            start = self.at(12)
            self.add(
                run_at(
                    start,
                    25,
                    session_id=f"r{self.day}",
                    rung="V4",
                    run_minutes=20.0,
                    limping=False,
                    surface="road",
                    advised=Advice("RUN", "V4", 20.0),
                ),
                score(during, start + timedelta(minutes=25), "during"),
                score(1, start + timedelta(minutes=40), "after"),
                at=start + timedelta(hours=1),
            )
            later = start + timedelta(hours=24, minutes=25)
            self.add(score(1, later, "h24"), at=later)
        if self.day % 10 == 0:
            self.screened()
        if self.day % 3 == 0:
            at = self.at(18)
            self.add(ExerciseSession("", at, 2, "curl", pain_during=1, pain_after=1), at=at)
        self.day += 1
        at = self.at(7)
        self.add(score(morning, at, load_test="single_leg_bridge"), at=at)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template") / "records"
    with Store.open(folder) as store:
        made = Runner(store)
        for k in range(20):
            made.next_day(SCATTER[k // 2 % len(SCATTER)])
    return folder, made


@pytest.fixture
def runner(tmp_path, template):
    folder, made = template
    shutil.copytree(folder, tmp_path / "records")
    with Store.open(tmp_path / "records") as store:
        found = copy.copy(made)
        found.store = store
        yield found


def opened(runner, **more):
    return experiment.open_one(runner.mine, by="Dr M", key=7, **more)


def test_opening_seals_an_order_and_tells_only_the_next_run(runner):
    found = opened(runner)
    assert found["state"] == "open"
    assert found["next"]["way"] in ("own cadence", "cued cadence")
    assert found["order"] is None
    assert found["key"] is None
    assert found["finding"] is None
    assert pure.LEAST_PAIRS <= found["n_pairs"] <= pure.MOST_PAIRS
    with pytest.raises(EntryError, match="open already"):
        opened(runner)


def test_the_seal_holds_what_is_told_at_the_end(runner):
    found = opened(runner, washout_runs=1)
    assert found["next"]["counts"] is False
    ended = experiment.close(runner.mine, by="runner", why="moved house")
    assert ended["finding"]["reason"] == "closed_early"
    fixed = {
        name: ended[name]
        for name in ("way_a", "way_b", "order", "n_pairs", "washout_runs", "worthwhile", "key")
    }
    assert sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest() == found["seal"]


def test_a_runner_alone_tries_cadence_only(runner):
    with pytest.raises(EntryError, match="clinician"):
        experiment.open_one(runner.mine, by="runner", way_b="forefoot first")


def test_without_scatter_or_scores_no_length_is_reckoned(tmp_path):
    with Store.open(tmp_path / "records") as store:
        found = Runner(store)
        for _ in range(14):
            found.next_day(1)
        with pytest.raises(EntryError, match="all 1"):
            opened(found)


@pytest.mark.parametrize(("answers", "state"), [({"SC3": True}, "REFER"), ({}, "LOG_FIRST")])
def test_a_day_without_a_run_suspends_it(runner, answers, state):
    """A referral, or a day whose morning is not logged, hides the next run; nothing is lost."""
    opened(runner)
    if answers:
        sudden = next(item for item in runner.mine.protocol.screening.questions if item.rule == "SC3")
        runner.screened(**{sudden.id: True})
    else:
        runner.day += 2
    found = experiment.status(runner.mine)
    assert found["state"] == "waiting"
    assert found["next"] is None


def test_a_red_run_ends_it(runner):
    opened(runner)
    runner.next_day(1, during=6)
    found = experiment.status(runner.mine)
    assert found["state"] == "ended"
    assert found["finding"]["reason"] == "stopped_for_pain"
    assert "because of pain" in " ".join(found["sentences"])
    with pytest.raises(EntryError, match="has ended"):
        experiment.answer(runner.mine, as_told=True, by="runner")


def test_a_run_not_as_told_or_off_the_dose_does_not_count(runner):
    opened(runner)
    runner.next_day(1)
    found = experiment.answer(runner.mine, as_told=False, by="runner")
    assert found["runs_done"] == 0
    with pytest.raises(EntryError, match="answered already"):
        experiment.answer(runner.mine, as_told=True, by="runner")


def test_from_opening_to_what_it_tells_by_rest(runner, tmp_path):
    """The cued way is one point below the other; error rates are those of the pure part."""
    desk = Desk(tmp_path / "records", clock=lambda: runner.at(10))
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        api.base_url = server.url
        told_by_rest(api, runner)
    desk.close()


def told_by_rest(api, runner):
    assert api.get("/api/experiment").json()["sentences"] == ["No trial is open."]
    assert api.post("/api/experiment", json={"entered_by": "runner", "way_b": "forefoot"}).status_code == 422
    opened = api.post("/api/experiment", json={"entered_by": "Dr M"})
    assert (opened.status_code, opened.json()["state"]) == (201, "open")
    assert opened.json()["order"] is opened.json()["key"] is opened.json()["finding"] is None
    assert api.post("/api/experiment", json={"entered_by": "Dr M"}).status_code == 422
    for k in range(120):
        found = api.get("/api/experiment").json()
        if found["state"] == "finished":
            break
        assert found["finding"] is None, "nothing is told before the last run"
        runs = found["next"] is not None and runner.day % 2 == 0
        is_cued = runs and found["next"]["way"] == "cued cadence"
        runner.next_day(SCATTER[k // 2 % 10] + 1 - is_cued, run=runs)
        if runs:
            told = api.post("/api/experiment/run", json={"as_told": True}).json()
            assert told["runs_done"] == found["runs_done"] + 1
    assert (found["finding"]["word"], found["seal"]) == ("lower", opened.json()["seal"])
    assert len(found["order"]) == 2 * found["n_pairs"]
    assert "In your case" in " ".join(found["sentences"])
    assert [text for text in found["sentences"] if lint(text)] == []
    assert api.post("/api/experiment/close", json={"why": "done"}).json()["state"] == "closed"
    assert api.get("/api/experiment").json()["finding"] == found["finding"]
    assert api.post("/api/experiment/close", json={}).status_code == 404


def test_by_commands(runner, tmp_path, capsys, monkeypatch):
    run = commands(tmp_path / "records", capsys, monkeypatch)
    now = runner.at(10)
    told = run("experiment", "open", "--by", "Dr M", now=now)
    assert told.code == 0
    assert "Next run:" in told.out
    assert "Seal:" in run("experiment", "status", now=now).out
    assert "Order:" not in run("experiment", "status", now=now).out
    assert "Order:" in run("experiment", "close", now=now).out
