"""A run from the phone, step by step: sensors, feet, standing still, the run, its end. The computer keeps the step.

Any page, reloaded or on another phone, asks for the state and shows it; nothing of the way lives in a page. Each step
calls what the commands call (``pair``, ``calibrate``, ``run``), with the same refusals.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from tallrun.errors import EntryError, RadioError, TallrunError
from tallrun.kernel_cache import is_ready, prepare
from tallrun.live.hub import LiveHub
from tallrun.live.state import LETTERS, LOW_BATTERY_PCT, NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallrun.ble import Notice, Pairing
    from tallrun.coaching import Part
    from tallrun.live.devices import Emulation
    from tallrun.live.setup import RunWishes

Step = Literal["idle", "sensors", "feet", "still", "ready", "running", "saving", "after"]

LISTEN_S = 4.0
#: Standing still before a run, once all sensors are connected.
STAND_S = 10.0
FREE_MINUTES = 30.0
#: What may be worn, in the order it is asked for; one foot is enough for a run.
PLACES = ("foot_left", "foot_right", "pelvis", "trunk", "treadmill", "heart_rate", "foot_pod")
WORDS = NAMES | {"treadmill": "Treadmill", "heart_rate": "Heart-rate strap", "foot_pod": "Foot pod"}
MARKS = LETTERS | {"treadmill": "B", "heart_rate": "H", "foot_pod": "F"}
BUSY = "One thing at a time: this is still going on. Wait for it, or leave."
TWO_RUNS = "A run is going on already. End it first, on its page."
PREPARING = (
    "The stride engine is being prepared: a minute or so, the first time and after an update. "
    "Wait; the run begins by itself."
)
NO_SENSOR = "No foot or back sensor is paired yet. Pair one first."
NOT_WORN = "No sensor is paired there."
NO_PLACE = "A sensor is not worn there. Choose one of the places that are offered."
PAIRING_ONLY = "The sensors are kept for the next run."
NO_WISH = "Nothing was said about a run yet. Leave, and start it."
FEET_UNCLEAR = (
    "It was not clear which foot moved. "
    "Stand on the right foot, lift the left one, shake it a little, and put it down."
)
FEET_SWAPPED = "The two were swapped. They are changed over now."
REAL_DAYS = "Days pass by a tap only for an invented runner with emulated sensors."
NO_FURTHER = "The invented days have caught up with the clock of this computer. They go on tomorrow."
NOT_BEGUN = "The run did not begin. Nothing was recorded."
CUT_OFF = "The run was cut off. What was recorded is kept; it becomes a session when tallrun starts again."


class Emulator(Protocol):
    """Where emulated sensors come from: one for each step before the run, and one for the run itself."""

    def standing(self, lifts_left: bool) -> Emulation:
        """Return sensors on somebody who stands, lifting and shaking the left foot if asked."""

    def running(self, parts: Sequence[Part], minutes: float) -> Emulation:
        """Return sensors on somebody who does these parts, or runs freely for so long."""


@dataclass
class _Way:
    """What is known of the run that is being set up."""

    step: Step = "idle"
    runner: str | None = None
    wishes: RunWishes | None = None
    lines: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] | None = None
    feet: str = ""
    still: dict[str, dict[str, Any]] = field(default_factory=dict)
    session: Path | None = None
    session_id: str | None = None
    rows: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    failures: tuple[str, ...] = ()


class Stage:
    """One run at a time, for all pages of one server. All calls on the server's event loop.

    folder : the data folder. sessions : where runs are kept. emulator : None for real sensors.
    """

    def __init__(
        self,
        folder: Path,
        sessions: Path,
        emulator: Emulator | None = None,
        on_trouble: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._folder, self._sessions, self._emulator = folder, sessions, emulator
        self._on_trouble = on_trouble
        self._way = _Way()
        self._task: asyncio.Task[None] | None = None
        self._doing = ""
        self._problem = ""
        self._notices: list[str] = []
        self._emulated_pairing: Pairing | None = None
        self.hub = LiveHub()
        self._ended_at = datetime.min.replace(tzinfo=UTC)
        self._away = timedelta(0)

    def now(self) -> datetime:
        """Return the present moment, an invented runner's where there is one.

        After an emulated run faster than life not before that run's end.
        """
        return max(datetime.now(UTC) + self._away, self._ended_at).replace(microsecond=0)

    # an invented runner, to try the pages with emulated sensors

    @property
    def can_invent(self) -> bool:
        """Whether an invented runner may be set up: with emulated sensors only."""
        return self._emulator is not None

    def live_at(self, moment: datetime) -> None:
        """Go on at this moment of an invented runner's life; a run that is over is put away.

        Raises EntryError for real sensors, while something is going on, and for a moment that is still to come.
        """
        if not self.can_invent:
            raise EntryError(REAL_DAYS)
        self._free_or_refuse()
        if moment > datetime.now(UTC):
            raise EntryError(NO_FURTHER)
        self._way, self._problem = _Way(), ""
        self._away = moment - datetime.now(UTC)
        self._ended_at = datetime.min.replace(tzinfo=UTC)

    # what pages see

    def state(self) -> dict[str, Any]:
        """Return the step and all that belongs to it, as plain data; unknown is None."""
        way = self._way
        return {
            "step": way.step,
            "doing": self._doing or None,
            "problem": self._problem or None,
            "notices": self._notices[-3:],
            "is_emulated": self._emulator is not None,
            "lines": way.lines,
            "parts": []
            if way.wishes is None
            else [[item.kind, item.length_s] for item in way.wishes.intervals],
            "is_pairing": way.wishes is None and way.step != "idle",
            "is_walk": way.wishes is not None and way.wishes.rung == "V0",
            "sensors": self._sensors() if way.step in ("sensors", "feet", "still", "ready") else [],
            "others": self._others(),
            "feet": way.feet or None,
            "still": [_standing_row(place, row) for place, row in way.still.items()],
            "stand_s": STAND_S,
            "session_id": way.session_id,
            "rows": [{"name": name, "value": value} for name, value in way.rows],
            "said": [*way.said, *way.failures],
        }

    def _sensors(self) -> list[dict[str, Any]]:
        heard = {item["address"]: item for item in self._way.heard or ()}
        rows = []
        for item in self._pairing().sensors:
            near = heard.get(item.address)
            level = None if near is None else near["battery_pct"]
            rows.append(
                {
                    "placement": item.placement,
                    "letter": MARKS.get(item.placement, "·"),
                    "name": WORDS.get(item.placement, item.placement),
                    "model": item.config,
                    "is_heard": None if self._way.heard is None else near is not None,
                    "signal": None if near is None else near["signal"],
                    "battery_pct": level,
                    "is_low": level is not None and level < LOW_BATTERY_PCT,
                }
            )
        return sorted(rows, key=lambda row: PLACES.index(row["placement"]))

    def _others(self) -> list[dict[str, Any]]:
        """Return what was heard and is not paired, each with the places it may be worn at."""
        from tallrun.live.devices import load_configs

        if not self._way.heard or self._way.step != "sensors":
            return []
        paired = {item.address for item in self._pairing().sensors}
        taken = {item.placement for item in self._pairing().sensors}
        configs = load_configs(self._folder)
        rows = []
        for item in sorted(self._way.heard, key=lambda item: item["name"] or item["address"]):
            if item["address"] in paired:
                continue
            kinds = {configs.get(name).kind for name in item["configs"]}
            places = [
                place for place in PLACES
                if place not in taken
                and (place in kinds if place in ("treadmill", "heart_rate", "foot_pod") else "imu" in kinds)
            ]  # fmt: skip
            rows.append(
                {
                    "address": item["address"],
                    "name": item["name"] or item["address"],
                    "signal": item["signal"],
                    "battery_pct": item["battery_pct"],
                    "emulates": WORDS.get(item["emulates"]),
                    "places": [{"placement": place, "name": WORDS[place]} for place in places],
                }
            )
        return rows

    # what pages do

    async def start(
        self,
        runner: str | None = None,
        minutes: float | None = None,
        surface: str | None = None,
        speed_mps: float | None = None,
        against_advice: bool = False,
        walk: bool = False,
    ) -> None:
        """Begin a run, or a walk: today's plan is asked first. On a day for a walk no more is the plan.

        Raises UsageError on a day that is no day for it.
        """
        from tallrun.live.setup import RunWishes, plan_lines, plan_of, wishes_for

        self._free_or_refuse()
        plan = await asyncio.to_thread(plan_of, self._folder, runner, self.now())
        if plan is None:
            raise EntryError("Nothing is set up yet. Say who runs first, on the Today page.")
        wishes = RunWishes(
            FREE_MINUTES if minutes is None else minutes, surface=surface, speed_mps=speed_mps, plan=plan, runner=runner
        )  # fmt: skip
        wishes = wishes_for(wishes, minutes, walk, against_advice)
        self._way = _Way("sensors", runner, wishes, plan_lines(plan, None, wishes.rung == "V0"))
        self.hub = LiveHub()
        self._begin("Looking for sensors", self._listen())

    def sensors(self) -> None:
        """Pair sensors without a run; in the middle of setting one up, look at its sensors again."""
        if self._way.step != "idle":
            self.listen()
            return
        self._free_or_refuse()
        self._way = _Way("sensors", lines=[PAIRING_ONLY])
        self._begin("Looking for sensors", self._listen())

    def listen(self) -> None:
        """Look for sensors again."""
        self._at("sensors", "feet", "still", "ready")
        self._way.step = "sensors"
        self._begin("Looking for sensors", self._listen())

    async def _listen(self) -> None:
        from tallrun.live.pairing import sensors_heard

        self._way.heard = await sensors_heard(self._folder, self._standing(False), LISTEN_S, True, False)

    async def pair(self, place: str, address: str) -> None:
        """Say that the sensor with this address is worn at ``place``."""
        from tallrun.live.pairing import choose_sensor

        self._at("sensors")
        if place not in PLACES:
            raise EntryError(NO_PLACE)

        async def work() -> None:
            paired, limits = await choose_sensor(
                self._folder, self._standing(False), self._pairing(), place, address, None, LISTEN_S
            )
            self._keep(self._pairing().with_sensor(paired))
            self._notices += [text for text in limits if text not in self._notices]

        self._begin(f"Pairing: {WORDS.get(place, place)}", work())

    def unpair(self, place: str) -> None:
        """Forget the sensor worn at ``place``."""
        self._at("sensors", "feet", "still", "ready")
        if place not in {item.placement for item in self._pairing().sensors}:
            raise EntryError(NOT_WORN)
        self._way.step = "sensors"
        self._way.feet, self._way.still = "", {}
        self._keep(self._pairing().without(place))

    def go_on(self, leaves: Step | None = None) -> None:
        """Go to the next step before the run; raises EntryError where this one must be done first.

        leaves : the step that was seen; another one now has been gone on from already, and nothing is done.
        """
        way = self._way
        if leaves is not None and leaves != way.step:
            return
        self._at("sensors", "feet", "still")
        worn = {item.placement for item in self._pairing().sensors}
        if way.step == "sensors":
            if not worn & set(NAMES):
                raise EntryError(NO_SENSOR)
            way.step = "feet" if {"foot_left", "foot_right"} <= worn else "still"
        else:
            way.step = "still" if way.step == "feet" else "ready"
        self._problem = ""

    def check_feet(self) -> None:
        """Find swapped feet by lifting the left one; swapped ones are changed over."""
        from tallrun.live.pairing import lifted_foot

        self._at("feet", "still", "ready")
        way = self._way

        async def work() -> None:
            moved = await lifted_foot(self._folder, self._standing(True), self._tell)
            if moved is None:
                way.feet = "unclear"
                raise RadioError(FEET_UNCLEAR)
            if moved == "foot_left":
                way.feet, way.step = "right", "still"
                return
            way.feet = "swapped"
            self._keep(self._pairing().feet_swapped())
            self._notices.append(FEET_SWAPPED)
            way.step = "still"

        way.step = "feet"
        self._begin("Lift the left foot, shake it a little, put it down", work())

    def stand(self) -> None:
        """Have the runner stand still for ``STAND_S``; goes on when every sensor passes."""
        from tallrun.live.calibration import calibrate

        self._at("still", "ready")
        way = self._way

        async def work() -> None:
            way.still = await calibrate(self._folder, self._standing(False), STAND_S, self._tell)
            if way.still and all(row["passed"] for row in way.still.values()):
                way.step = "ready"

        way.step, way.still = "still", {}
        self._begin("Stand still, upright, feet under the hips", work())

    def run(self) -> None:
        """Start the recording; ends with STOP on the live page."""
        self._at("ready")
        if self._way.wishes is None:
            raise EntryError(NO_WISH)
        self._way.step = "running"
        self._begin("", self._record())

    async def _record(self) -> None:
        from tallrun.gait.warm import warm_up
        from tallrun.live.conclude import conclude
        from tallrun.live.run import CalledOffError, run_once
        from tallrun.live.state import after_state
        from tallrun.pipeline.unheard import recorded_s

        way = self._way
        hub = self.hub = LiveHub()
        assert way.wishes is not None
        out = _free_name(self._sessions, self.now().astimezone())
        try:
            if not is_ready():
                hub.publish({"type": "trouble", "sentences": [PREPARING]})
            await asyncio.to_thread(prepare, warm_up, True)
            hub.publish({"type": "trouble", "sentences": []})
            self._sessions.mkdir(parents=True, exist_ok=True, mode=0o700)
            emulation = None
            if self._emulator is not None:
                emulation = await asyncio.to_thread(
                    self._emulator.running, way.wishes.intervals, way.wishes.minutes
                )
                emulation = replace(emulation, pairing=self._pairing(), away=self._away)
            raw = await run_once(
                self._folder, emulation, out, way.wishes, hub, on_notice=self._tell, on_trouble=self._on_trouble
            )  # fmt: skip
            way.session, way.step = out, "saving"
            result = await conclude(self._folder, out, raw, hub, next_url="/run")
            way.session_id = str(result.recording.info["session_id"])
            if self._emulator is not None:
                began_at = datetime.fromisoformat(result.recording.info["started_at"])
                self._ended_at = began_at + timedelta(seconds=recorded_s(result.recording) + 1.0)
            way.rows, way.said, way.failures = list(result.rows), result.lines, result.failures
            way.step = "after"
        except CalledOffError as error:
            hub.end()
            hub.publish(after_state(str(error), (), (), "", None) | {"next_url": "/run"})
            way.step = "ready"
        except BaseException as error:
            way.step = "ready" if way.session is None else "after"
            if isinstance(error, Exception):  # else the live page would wait for ever
                hub.end()
                kept = CUT_OFF if out.exists() else NOT_BEGUN
                hub.publish(after_state(kept, (), [_words(error)], "", None) | {"next_url": "/run"})
            raise

    async def leave(self) -> None:
        """Give up before the run, or put its end away; a run itself ends with STOP only."""
        if self._way.step in ("running", "saving"):
            raise EntryError(TWO_RUNS)
        await self._break_off()
        self._way = _Way()
        self._problem = ""
        self._notices.clear()

    async def close(self) -> None:
        """End with the server: a run in progress is stopped and saved as far as it goes."""
        await self._break_off()

    async def _break_off(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
        self._doing = ""

    # how it is done

    def _begin(self, doing: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the pages; what fails is said in the state."""
        if self._doing or (self._task is not None and not self._task.done()):
            work.close()
            raise EntryError(BUSY)
        self._doing, self._problem = doing, ""

        async def all_of_it() -> None:
            try:
                await work
            except Exception as error:
                self._problem = _words(error)
                if not isinstance(error, TallrunError):
                    self._on_trouble(self._problem)
            finally:
                self._doing = ""

        self._task = asyncio.get_running_loop().create_task(all_of_it())

    def _at(self, *steps: Step) -> None:
        if self._way.step in ("running", "saving"):
            raise EntryError(TWO_RUNS)
        if self._way.step not in steps:
            raise EntryError("That belongs to another step of the run. The page shows the right one now.")
        if self._doing:
            raise EntryError(BUSY)

    def _free_or_refuse(self) -> None:
        if self._way.step in ("running", "saving"):
            raise EntryError(TWO_RUNS)
        if self._doing:
            raise EntryError(BUSY)

    def _standing(self, lifts_left: bool) -> Emulation | None:
        if self._emulator is None:
            return None
        return replace(self._emulator.standing(lifts_left), pairing=self._pairing())

    def _pairing(self) -> Pairing:
        from tallrun.ble import Pairing
        from tallrun.live.devices import load_pairing

        if self._emulator is None:
            return load_pairing(self._folder)
        if self._emulated_pairing is None:
            self._emulated_pairing = Pairing()
        return self._emulated_pairing

    def _keep(self, pairing: Pairing) -> None:
        from tallrun.live.devices import save_pairing

        if self._emulator is None:
            save_pairing(self._folder, pairing)
        else:
            self._emulated_pairing = pairing  # emulated sensors are nobody's

    def _tell(self, notice: Notice) -> None:
        self._notices.append(notice.text)
        with suppress(OSError):
            sys.stderr.write(f"{notice.text}\n")


def _standing_row(place: str, row: dict[str, Any]) -> dict[str, Any]:
    kept = {key: row[key] for key in ("passed", "reason", "strap_moved_deg")}
    return {"placement": place, "name": WORDS.get(place, place), **kept}


def _words(error: Exception) -> str:
    if isinstance(error, TallrunError):
        return plain_words(error)
    return f"tallrun made a mistake here ({type(error).__name__}: {error})."


def plain_words(error: TallrunError) -> str:
    """Return a refusal for a page: without the command to type, beginning with a capital."""
    said = error.plain[:1].upper() + error.plain[1:]
    return said if said.endswith((".", "?", "!")) else f"{said}."


def _free_name(sessions: Path, now: datetime) -> Path:
    """Return a folder for a session that begins now: its local date and time."""
    base = f"{now:%Y-%m-%d-%H%M}-run"
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, 1000))
    return next(sessions / name for name in names if not (sessions / name).exists())
