"""A run step by step: each step refuses what does not belong to it, and says why in words for a page."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallrun.errors import EntryError, RadioError
from tallrun.live.answering import AnsweringEmulator
from tallrun.live.demo import DAYS_BACK, invent_runner, invented_day, is_invented, last_moment, next_morning
from tallrun.live.setup import RunWishes
from tallrun.live.stage import (
    CUT_OFF,
    NO_FURTHER,
    NO_SENSOR,
    NOT_BEGUN,
    REAL_DAYS,
    TWO_RUNS,
    Stage,
    plain_words,
)  # fmt: skip
from tallrun.store import Store
from tallrun.store.models import RunnerRow


def on_stage(folder: Path, act):
    async def main():
        stage = Stage(folder, folder / "sessions")
        try:
            return await act(stage)
        finally:
            await stage.close()

    return asyncio.run(main())


def test_nobody_set_up_is_refused_and_leaves_no_step(tmp_path):
    async def act(stage):
        with pytest.raises(EntryError, match="Nothing is set up"):
            await stage.start()
        return stage.state()

    assert on_stage(tmp_path, act)["step"] == "idle"


@pytest.mark.parametrize("what", ["listen", "go_on", "check_feet", "stand", "run"])
def test_no_step_is_taken_before_the_start(tmp_path, what):
    async def act(stage):
        with pytest.raises(EntryError, match="another step"):
            getattr(stage, what)()
        return stage.state()

    assert on_stage(tmp_path, act)["step"] == "idle"


def test_without_a_worn_sensor_there_is_no_going_on(tmp_path):
    async def act(stage):
        stage._way.step = "sensors"
        with pytest.raises(EntryError) as refused:
            stage.go_on()
        return str(refused.value)

    assert on_stage(tmp_path, act) == NO_SENSOR


def test_a_second_run_and_leaving_are_refused_while_one_goes_on(tmp_path):
    async def act(stage):
        stage._way.step = "running"
        with pytest.raises(EntryError) as start:
            await stage.start()
        with pytest.raises(EntryError) as leave:
            await stage.leave()
        return str(start.value), str(leave.value), stage.state()["step"]

    assert on_stage(tmp_path, act) == (TWO_RUNS, TWO_RUNS, "running")


def test_what_fails_beside_the_pages_is_said_and_the_step_stays(tmp_path):
    async def act(stage):
        async def broken():
            raise EntryError("pair foot_left and foot_right first ('tallrun scan --all')")

        stage._way.step = "feet"
        stage._begin("Checking", broken())
        with pytest.raises(EntryError, match="One thing at a time"):
            stage.go_on()
        await asyncio.sleep(0.01)
        return stage.state()

    state = on_stage(tmp_path, act)
    assert (state["step"], state["doing"]) == ("feet", None)
    assert state["problem"] == "Pair foot_left and foot_right first."


def test_days_pass_by_a_tap_for_emulated_sensors_only_and_never_ahead_of_the_clock(tmp_path):
    now = datetime.now(UTC).replace(microsecond=0)

    async def act(stage):
        with pytest.raises(EntryError) as real:
            stage.live_at(now - timedelta(days=3))
        stage._emulator = AnsweringEmulator(8.0)
        with pytest.raises(EntryError) as ahead:
            stage.live_at(now + timedelta(hours=1))
        stage._way.step = "running"
        with pytest.raises(EntryError) as busy:
            stage.live_at(now - timedelta(days=3))
        stage._way.step = "after"
        stage.live_at(now - timedelta(days=3))
        assert timedelta(0) <= stage.now() - (now - timedelta(days=3)) < timedelta(seconds=30)
        return str(real.value), str(ahead.value), str(busy.value), stage.state()["step"]

    assert on_stage(tmp_path, act) == (REAL_DAYS, NO_FURTHER, TWO_RUNS, "idle")


def test_an_invented_runner_has_no_entry_ahead_of_its_day_and_is_known_as_one(tmp_path):
    now = datetime.now(UTC).replace(microsecond=0)
    day = invented_day(now)
    assert now - timedelta(days=DAYS_BACK + 1) < day < now - timedelta(days=DAYS_BACK - 1)
    invent_runner(tmp_path, day)
    with Store.open(tmp_path) as store:
        known = store.history(store.find_runner())
        assert is_invented(store)
        assert last_moment(store) <= day < next_morning(day)
        assert {item.at <= day for item in (*known.scores, *known.exercises)} == {True}
        row = store.profile(store.find_runner())
        store.supersede(RunnerRow, store.find_runner(), row.profile_id, by="runner", now=now, side="right")
        assert not is_invented(store), "once a person says who runs, it is a person's record"


def test_a_commands_sentence_loses_its_command():
    assert plain_words("none was heard ('tallrun scan --all')") == "None was heard."
    assert "tallrun" not in plain_words("needs a sensor; pair one ('tallrun pair pelvis') or choose none")


@pytest.mark.parametrize("began", [False, True])
def test_a_run_that_fails_tells_its_live_page_instead_of_leaving_it_waiting(tmp_path, monkeypatch, began):
    async def broken(folder, emulation, out, wishes, hub, **more):
        if began:
            out.mkdir()
        raise RadioError("No sensor answered. Wake them and try again.")

    monkeypatch.setattr("tallrun.live.run.run_once", broken)
    monkeypatch.setattr("tallrun.gait.warm.warm_up", lambda: None)

    async def act(stage):
        stage._way.step, stage._way.wishes = "ready", RunWishes(minutes=10.0)
        stage.run()
        await stage._task
        answer = stage.hub.take('{"type":"pain","score":3,"tap_id":"late-tap"}')
        page = stage.hub.join()
        while (told := await page.next())["type"] != "after":
            pass
        return stage.state(), told, answer

    state, told, answer = on_stage(tmp_path, act)
    assert (state["step"], state["problem"]) == ("ready", "No sensor answered. Wake them and try again.")
    assert told["saved"] == (CUT_OFF if began else NOT_BEGUN)
    assert (told["lines"], told["next_url"]) == (["No sensor answered. Wake them and try again."], "/run")
    assert (answer["outcome"], answer["text"]) == ("refused", "The run had ended. Add it on Today.")
