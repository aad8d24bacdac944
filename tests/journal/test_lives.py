"""Advice can be lived: who does what is due always has a true way out (10,000 lives: benchmarks/lives.py)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.browser import ServerThread
from support.commands import commands
from support.lives import (
    KINDS,
    LONGEST_WAIT_DAYS,
    CommandDoor,
    JournalDoor,
    Life,
    RestDoor,
    WatchDoor,
    in_journal,
    in_memory,
    varied,
)
from support.web_records import client
from tallrun.journal import advice, entries
from tallrun.store import Store
from tallrun.store.models import RunRow
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

BY_NAME = {kind.name: kind for kind in KINDS}
NEVER_RUN = {"evenings, no morning test", "no bridge test", "stuck at 3"}


def test_a_steady_life_goes_from_set_up_to_f2_in_the_days_its_levels_need():
    life = in_memory(BY_NAME["steady"]).live(50)
    assert life.faults == []
    assert life.reached("V1") == 4, "three mornings, a walk, and two days"
    assert life.reached("V9") <= 45
    assert life.reached("F2") <= 50
    assert life.longest_wait() <= 3


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.name != "steady"], ids=lambda kind: kind.name
)
def test_every_kind_of_life_has_a_true_way_out(kind):
    life = in_memory(kind).live(46 if kind.away.stop > 35 else 32)
    assert life.faults == []
    assert life.longest_wait() <= LONGEST_WAIT_DAYS
    assert (life.reached("V1") is None) == (kind.name in NEVER_RUN)


@settings(max_examples=4)
@given(st.integers(0, 2**30))
def test_lives_drawn_at_random_have_no_dead_end(seed):
    life = in_memory(varied(seed), seed).live(34)
    assert life.faults == []
    assert life.longest_wait() <= LONGEST_WAIT_DAYS


@pytest.mark.parametrize(("seed", "days"), [(5010, 44), (5014, 37), (20618, 30), (41049, 28)])
def test_lives_that_once_had_a_dead_end(seed, days):
    """Weeks at V0 after a break though every condition was met; a sitting score or a screen asked again and again."""
    life = in_memory(varied(seed), seed).live(days)
    assert life.faults == []


def test_who_cannot_do_the_bridge_is_told_that_the_plan_has_no_other_test():
    life = in_memory(BY_NAME["no bridge test"]).live(12)
    (baseline,) = [item for item in life.told[-1][1]["way_out"] if item["id"] == "baseline"]
    assert "If you cannot do it, ask a physio" in baseline["action"]


def test_two_runners_in_one_house_each_climb(tmp_path):
    store, one = in_journal(tmp_path, BY_NAME["steady"])
    two = Life(BY_NAME["only evenings"], JournalDoor(store, "two", Life.at(0, 6.0), side="right"), 1)
    for day in range(8):
        for life in (one, two):
            for hour in life.kind.hours:
                life.visit(day, life.at(day, hour))
    store.close()
    assert one.faults == two.faults == []
    assert one.reached("V1") is not None
    assert two.reached("V1") is not None


def test_the_journal_and_the_rules_alone_tell_the_same_life(tmp_path):
    store, kept = in_journal(tmp_path, BY_NAME["steady"])
    kept.live(9)
    store.close()
    alone = in_memory(BY_NAME["steady"]).live(9)
    assert kept.states == alone.states


def test_who_has_only_a_watch_climbs_as_the_others_do(tmp_path):
    with Store.open(tmp_path / "records") as store:
        life = Life(
            BY_NAME["only evenings"], WatchDoor(store, "me", Life.at(0, 6.0), tmp_path / "files")
        ).live(13)
        assert life.faults == []
        assert {row.source for row in store.entries(RunRow, life.door.runner_id)} == {"watch"}
    alone = in_memory(BY_NAME["only evenings"]).live(13)
    assert life.first_day_of == alone.first_day_of
    assert life.reached("V2") is not None


def test_the_same_life_through_the_rest_api(tmp_path):
    clock = [Life.at(0, 6.0)]
    desk = Desk(tmp_path / "records", clock=lambda: clock[0])
    with ServerThread(lambda: create_site(desk)) as server, client(server.url) as api:
        api.base_url = server.url
        life = Life(BY_NAME["steady"], RestDoor(api, clock, clock[0])).live(7)
    desk.close()
    assert life.faults == []
    assert life.states == in_memory(BY_NAME["steady"]).live(7).states


def test_the_same_life_through_the_commands(tmp_path, capsys, monkeypatch):
    run = commands(tmp_path / "records", capsys, monkeypatch)

    def invoke(words, now):
        done = run(*words, now=now)
        assert done.code == 0, (words, done.err)
        return done.out

    life = Life(BY_NAME["only evenings"], CommandDoor(invoke, Life.at(0, 6.0))).live(6)
    assert life.faults == []
    assert life.states == in_memory(BY_NAME["only evenings"]).live(6).states
    with Store.open(tmp_path / "records") as store:
        assert len(store.runner_codes()) == 1


@pytest.mark.parametrize(
    ("after_s", "kind", "is_as_advised"),
    [(-3600, "morning", True), (0, "morning", True), (40, "rest", True), (60, "morning", False), (0, "during", False)],
)  # fmt: skip
def test_a_score_of_the_minute_a_run_began_was_told_before_it(tmp_path, after_s, kind, is_as_advised):
    store, life = in_journal(tmp_path / "data", BY_NAME["steady"])
    life.live(6)
    start = Life.at(6, 17.0)
    mine = life.door.mine(start + timedelta(hours=2))
    felt = start + timedelta(seconds=after_s)
    entries.add_pain(mine, {"kind": kind, "score": 1, "at": felt.isoformat()}, by="runner")
    told = entries.RunAnswers(minutes=20, at=start.isoformat(), rung="V1", limping=False)
    entries.log_run(mine, told, by="runner")
    assert ("MV7" not in advice.advise(mine).rules) == is_as_advised
    store.close()
