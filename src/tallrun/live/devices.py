"""The sensors of a run: their configs, which are paired, how they last stood still, and the radio that reaches them.

Real sensors on the system's Bluetooth, or emulated ones on a virtual radio that plays a recording.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tallrun.errors import ConfigError, RadioError, UsageError

if TYPE_CHECKING:
    from tallrun.ble import Limits, Pairing, Radio, Worn
    from tallrun.ble.faults import FaultScript
    from tallrun.ble.radio import VirtualRadio
    from tallrun.numerics.recording import Recording
    from tallrun.sensors.config import ConfigSet
    from tallrun.simulate.answering import AnsweringRunner

T = TypeVar("T")

#: What ends a program from outside: the system going down or a closed terminal. Links are closed before it ends.
ENDING_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
IN_USE_FILE = "sensors.lock"
IN_USE = (
    "another tallrun is using the sensors, such as a run that is being recorded: "
    "while it holds them they answer nobody else. End it first",
    "",
)
#: Two runs at once, emulated or not, would be one runner's in two places.
RUN_IN_USE = (
    "another run is being recorded for the same records, emulated or not. End it first",
    ", or choose another --data-dir",
)
PAIRING_FILE = "pairing.json"
#: Emulated sensors are nobody's: what they stood like is kept apart and never meets a real run.
STANDING_FILE, EMULATED_STANDING_FILE = "standing.json", "standing-emulated.json"
CONFIGS_FOLDER = "firmware_configs"


def load_configs(folder: Path) -> ConfigSet:
    """Return the shipped firmware configs, with those of the user's own folder added or in their place."""
    from tallrun.resources import firmware_config_texts
    from tallrun.sensors.config import ConfigSet

    own: dict[str, str] = {}
    for path in sorted((folder / CONFIGS_FOLDER).glob("*.toml")):
        try:
            own[path.stem] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"firmware config {path} cannot be read: {error}") from error
    return ConfigSet.from_texts(firmware_config_texts(), own)


def load_pairing(folder: Path) -> Pairing:
    """Return what is paired; nothing when there is no pairing file yet."""
    from tallrun.ble import Pairing

    text = read_private(folder / PAIRING_FILE)
    return Pairing() if text is None else Pairing.from_json(text)


def save_pairing(folder: Path, pairing: Pairing) -> None:
    """Write the pairing file, readable by its owner only; a place with another sensor has never stood still."""
    from tallrun.sessions import write_text

    before = {item.placement: item.address for item in load_pairing(folder).sensors}
    now = {item.placement: item.address for item in pairing.sensors}
    write_text(folder / PAIRING_FILE, pairing.to_json())
    _forget_standing(folder, {place for place in before | now if before.get(place) != now.get(place)})


def _forget_standing(folder: Path, places: set[str]) -> None:
    from tallrun.sessions import write_text

    text = read_private(folder / STANDING_FILE)
    try:
        known = json.loads(text) if text else {}
        kept = {place: entry for place, entry in known["sensors"].items() if place not in places}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return  # nothing is known from a file that nobody can read
    if len(kept) < len(known["sensors"]):
        write_text(folder / STANDING_FILE, json.dumps({**known, "sensors": kept}, indent=2))


def read_private(path: Path) -> str | None:
    """Return the text of one of our own files, None when it is not there."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}; delete it and pair or calibrate again") from error


@dataclass(frozen=True)
class Emulation:
    """What to play instead of real sensors; ``speed`` None plays as fast as the processor allows.

    answering : the simulated runner whose recording it is, when that runner answers cues.
    pairing : which emulated sensor is worn where; None takes each at the place it plays.
    away : how far the day of an invented runner lies from this computer's; negative in the past.
    """

    recording: Recording
    faults: FaultScript | None
    models: dict[str, str]
    speed: float | None
    answering: AnsweringRunner | None = None
    pairing: Pairing | None = None
    away: timedelta = timedelta(0)


@dataclass(frozen=True)
class Air:
    """The sensors of a command and the radio that reaches them; ``virtual`` is None with real sensors."""

    worn: list[Worn]
    radio: Radio
    virtual: VirtualRadio | None


@asynccontextmanager
async def open_air(
    folder: Path, emulation: Emulation | None, limits: Limits | None = None
) -> AsyncIterator[Air]:
    """Give the paired sensors on the system's Bluetooth, or emulated ones on a virtual radio."""
    from tallrun.ble import Limits, Radio, Worn

    configs = load_configs(folder)
    if emulation is None:
        worn = [Worn(sensor, configs.get(sensor.config)) for sensor in load_pairing(folder).sensors]
        with sensors_in_use(folder):
            yield Air(worn, Radio(limits=limits or Limits()), None)
        return
    virtual = make_virtual_radio(configs, emulation)
    await virtual.switch_on()
    try:
        chosen = emulation.pairing
        worn = (
            virtual.worn()
            if chosen is None
            else [Worn(item, configs.get(item.config)) for item in chosen.sensors]
        )
        yield Air(worn, virtual.radio(limits), virtual)
    finally:
        await virtual.switch_off()


@contextmanager
def sensors_in_use(folder: Path, refusal: tuple[str, str] = IN_USE) -> Iterator[None]:
    """Keep the sensors of these records for this program alone; raises RadioError when another tallrun has them.

    refusal : the words of that error, and their end for a terminal.
    """
    from tallrun.sessions.recorder import try_lock

    try:
        descriptor = os.open(folder / IN_USE_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(f"{folder / IN_USE_FILE} cannot be opened: {error.strerror or error}") from error
    try:
        if not try_lock(descriptor):
            raise RadioError(refusal[0], command=refusal[1])
        yield
    finally:
        os.close(descriptor)


def require_emulator() -> None:
    """Raise RadioError at once when the package that emulated sensors need is not installed."""
    if find_spec("bumble") is None:
        raise RadioError("emulated sensors need the extra 'emulator': pip install 'tallrun[emulator]'")


def make_virtual_radio(configs: ConfigSet, emulation: Emulation) -> VirtualRadio:
    """Build the virtual radio; raises RadioError when the package it needs is not installed."""
    require_emulator()
    from tallrun.ble.radio import VirtualRadio

    return VirtualRadio(configs, emulation.recording, emulation.faults, emulation.models)


def run_radio(main: Coroutine[Any, Any, T], emulation: Emulation | None) -> T:
    """Run a command's coroutine on the host's clock, or on the emulated run's own clock."""
    from tallrun.ble.clock import HostLoop, run_virtual

    if emulation is None:
        with asyncio.Runner(loop_factory=HostLoop) as runner:
            return runner.run(_ending_in_order(main))

    return run_virtual(main, emulation.speed)


async def _ending_in_order(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main``; let a signal that ends the program break it off as Ctrl-C does, so that links are closed."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    caught: list[int] = []

    def end(number: int, _frame: Any) -> None:
        caught.append(number)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    before: dict[Any, Any] = {}
    with suppress(ValueError):  # not the main thread: whoever started us handles signals
        for number in ENDING_SIGNALS:
            before[number] = signal.signal(number, end)
    try:
        return await main
    except asyncio.CancelledError:
        if caught:
            raise SystemExit(128 + caught[0]) from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
