"""A run step by step: each step refuses what does not belong to it, and says why in words for a page."""

from __future__ import annotations

import ast
import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import tallrun
from tallrun.ble.clock import run_virtual
from tallrun.ble.troubles import LinkError
from tallrun.errors import EntryError, RadioError
from tallrun.live.answering import AnsweringEmulator
from tallrun.live.demo import DAYS_BACK, invent_runner, invented_day, is_invented, last_moment, next_morning
from tallrun.live.setup import RunWishes, plan_of
from tallrun.live.stage import (
    CUT_OFF,
    NO_FURTHER,
    NO_PLACE,
    NO_SENSOR,
    NO_WISH,
    NOT_BEGUN,
    NOT_WORN,
    REAL_DAYS,
    TWO_RUNS,
    Stage,
    plain_words,
)  # fmt: skip
from tallrun.store import Store
from tallrun.store.models import RunnerRow
from tallrun.web.api_run import StepIn, step


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
            raise EntryError("pair foot_left and foot_right first", command=" ('tallrun scan --all')")

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
    heard = RadioError("none was heard", command=" ('tallrun scan --all')")
    assert (str(heard), plain_words(heard)) == ("none was heard ('tallrun scan --all')", "None was heard.")
    assert (
        plain_words(LinkError("pelvis", "Pair it again", command=" (tallrun pair pelvis)"))
        == "Pair it again."
    )


@pytest.mark.parametrize(
    "files", ["ble/*.py", "live/*.py", "journal/*.py", "store/checks.py", "store/store.py", "recovery/*.py"]
)
def test_what_a_page_may_be_told_names_a_command_only_where_a_page_leaves_it_out(files):
    named = []
    for file in Path(tallrun.__file__).parent.glob(files):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                said = " ".join(ast.unparse(argument) for argument in node.exc.args)
                named += [f"{file.name}: {said}"] if re.search(r"tallrun [a-z]|--[a-z]", said) else []
    assert named == []


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


async def settled(stage):
    """Wait for what goes on beside the pages; return the state then."""
    while stage.state()["doing"] or stage.state()["step"] in ("running", "saving"):
        await asyncio.sleep(0.5)
    return stage.state()


async def wear(stage, *names):
    for name in names:
        (found,) = (item for item in stage.state()["others"] if item["name"] == name[0])
        await step(stage, StepIn(do="pair", placement=name[1], address=found["address"]))
        await settled(stage)


WORN = (("tallrun0001", "foot_left"), ("tallrun0002", "foot_right"), ("tallrun0003", "pelvis"))


def emulated(folder: Path, act):
    async def main():
        stage = Stage(folder, folder / "sessions", AnsweringEmulator(None))
        try:
            return await act(stage)
        finally:
            await stage.close()

    return run_virtual(main(), None)


def unlogged_morning(folder: Path) -> datetime:
    """Set up an invented runner; return a morning after it of which nothing is known yet: LOG_FIRST."""
    day = invented_day(datetime.now(UTC).replace(microsecond=0))
    invent_runner(folder, day)
    return next_morning(day)


def test_where_a_walk_is_fine_it_is_recorded_as_the_walk_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("tallrun.live.answering._WAITS_S", 30.0)
    day = unlogged_morning(tmp_path)

    async def act(stage):
        stage.live_at(day)
        assert plan_of(tmp_path, None, stage.now()).verdict.state == "LOG_FIRST"
        await stage.start(walk=True, minutes=1.5)
        state = await settled(stage)
        await wear(stage, *WORN)
        for leaves in ("sensors", "feet", "still"):
            await step(stage, StepIn(do="go_on", leaves=leaves))
        stage.run()
        await asyncio.sleep(0.0)  # the run has its own hub
        page = stage.hub.join()
        while (shown := await page.next()).get("run_s", 0.0) < 80.0:
            pass
        stage.hub.take('{"type":"stop","tap_id":"stop-walk"}')
        return state, shown, await settled(stage)

    begun, shown, ended = emulated(tmp_path, act)
    assert begun["is_walk"]
    assert begun["parts"] == [["walk", 90.0]]
    assert "against" not in " ".join(begun["lines"])
    assert shown["interval"]["now"] == "WALK"
    rows = {row["name"]: row["value"] for row in ended["rows"]}
    assert "Distance walked" in rows
    assert not {"Distance run", "Running", "Cues", "In your band"} & set(rows)
    assert rows["Walking"] > "1:00"
    assert 80.0 < float(rows["Steps a minute"]) < 140.0
    assert ended["said"][0].startswith("You walked 1.")
    with Store.open(tmp_path) as store:
        runner_id = store.find_runner()
        run = store.runs(runner_id)[-1]
        (kept,) = (row for row in store.sessions(runner_id) if row.session_id == run.session_id)
    assert (run.rung, run.run_minutes, kept.context["session_kind"]) == ("V0", 0.0, "walk")


@pytest.mark.parametrize("insists", [False, True])
def test_on_a_day_for_a_walk_the_plan_is_the_walk_and_a_run_is_told_as_against_it(
    tmp_path, monkeypatch, insists
):
    day = unlogged_morning(tmp_path)
    known = plan_of(tmp_path, None, day)
    plan = replace(known, verdict=replace(known.verdict, state="WALK", rung="V4"))
    monkeypatch.setattr("tallrun.live.setup.plan_of", lambda *_: plan)

    async def act(stage):
        await stage.start(against_advice=insists)
        return stage.state()

    state = emulated(tmp_path, act)
    assert (state["is_walk"], state["parts"]) == ((False, []) if insists else (True, [["walk", 1800.0]]))
    assert ("A run now counts as against your plan." in state["lines"]) is insists


def test_sensors_are_paired_without_a_run_and_a_step_is_left_once(tmp_path):
    async def act(stage):
        await step(stage, StepIn(do="sensors"))
        state = await settled(stage)
        assert (state["step"], state["is_pairing"]) == ("sensors", True)
        with pytest.raises(EntryError) as nowhere:
            await step(stage, StepIn(do="pair", placement="nose", address=state["others"][0]["address"]))
        await wear(stage, *WORN)
        for _ in range(2):  # tapped twice at once: gone on once
            await step(stage, StepIn(do="go_on", leaves="sensors"))
        assert stage.state()["step"] == "feet"
        with pytest.raises(EntryError) as nose:
            await step(stage, StepIn(do="unpair", placement="nose"))
        assert stage.state()["step"] == "feet"
        for leaves in ("feet", "still"):
            await step(stage, StepIn(do="go_on", leaves=leaves))
        with pytest.raises(EntryError) as run:
            stage.run()
        await step(stage, StepIn(do="leave"))
        assert stage.state()["step"] == "idle"
        return str(nowhere.value), str(nose.value), str(run.value)

    assert emulated(tmp_path, act) == (NO_PLACE, NOT_WORN, NO_WISH)
