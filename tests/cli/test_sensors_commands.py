"""scan, pair, calibrate and doctor, on emulated sensors where they need some."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tallrun.ble import PairedSensor, Pairing, link
from tallrun.cli import sensors_pair
from tallrun.cli.app import build_app
from tallrun.errors import ConfigError, EntryError, RadioError
from tallrun.live import machine
from tallrun.live.calibration import keep_biases, load_standing
from tallrun.live.devices import load_configs, load_pairing, save_pairing
from tallrun.live.pairing import plain, signal_word
from tallrun.numerics.recording import Recording, SensorRecording, SensorSpec
from tallrun.sessions import write_session

pytestmark = pytest.mark.radio


def standing_sensor(
    place: str, seconds: float, up: tuple[float, float, float], shake_mps2: float = 0.0
) -> SensorRecording:
    rng = np.random.default_rng(sum(place.encode()))
    t_s = np.arange(round(seconds * 100)) / 100.0
    acc = 9.81 * np.array(up) + rng.normal(0, 0.04, (t_s.size, 3))
    acc[:, 0] += shake_mps2 * np.sin(9 * t_s)
    return SensorRecording(
        SensorSpec(place, 100.0, 16.0, 2000.0), t_s, acc, rng.normal(0, 0.01, (t_s.size, 3))
    )


def session(folder: Path, *sensors: SensorRecording) -> Path:
    write_session(folder, Recording({sensor.spec.placement: sensor for sensor in sensors}))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def still(tmp_path: Path) -> Path:
    return session(
        tmp_path / "still",
        standing_sensor("foot_left", 25, (0.6, 0.0, 0.8)),
        standing_sensor("foot_right", 25, (0.0, 0.6, 0.8)),
        standing_sensor("pelvis", 25, (1.0, 0.0, 0.0)),
    )


def run(*arguments: str, data: Path, typed: str = "") -> Any:
    return CliRunner().invoke(build_app(), [*map(str, arguments), "--data-dir", str(data)], input=typed)


def test_scan_lists_known_sensors_with_signal_and_battery(still: Path, data: Path) -> None:
    result = run("scan", "--emulate", still, "--json", "--battery", data=data)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert len(rows) == 3
    assert {row["battery_pct"] for row in rows} == {90.0}
    assert all(row["configs"] == ["open-packet"] and row["signal"] == "strong" for row in rows)
    text = run("scan", "--emulate", still, data=data).output
    assert "C0:DE:00:00:00:01" in text
    assert "tallrun pair" in text


@pytest.mark.parametrize(("n_failures", "told"), [(1, "battery 90 %"), (2, "battery not known")])
def test_a_link_that_fails_once_is_tried_again_and_one_that_fails_twice_is_said(
    still: Path, data: Path, monkeypatch: pytest.MonkeyPatch, n_failures: int, told: str
) -> None:
    tries: dict[str, int] = {}
    connect = link.connected

    @asynccontextmanager
    async def connected(item: Any, sighting: Any) -> AsyncIterator[Any]:
        tries[sighting.address] = tries.get(sighting.address, 0) + 1
        if tries[sighting.address] <= n_failures:
            raise RadioError("the link was lost while it was made")
        async with connect(item, sighting) as made:
            yield made

    monkeypatch.setattr(link, "connected", connected)
    lines = run("scan", "--emulate", still, "--battery", data=data).output.splitlines()
    heard = [line for line in lines if "dBm" in line]
    assert heard
    assert all(line.endswith(told) for line in heard)
    assert set(tries.values()) == {2}


def test_signal_strength_in_words() -> None:
    assert [signal_word(dbm) for dbm in (-50, -80, -95)] == ["strong", "fair", "weak"]


def test_names_from_sensors_cannot_steer_the_terminal() -> None:
    assert plain("\x1b[31mred\n\u202e" + "x" * 100) == "[31mred" + "x" * 33
    assert plain(None) == ""


def test_pairing_pins_the_identity_warns_and_lists(still: Path, data: Path) -> None:
    result = run("pair", "pelvis", "--address", "C0:DE:00:00:00:03", "--emulate", still, data=data)
    assert result.exit_code == 0, result.output
    assert "was not tried on the hardware" in result.output
    paired = load_pairing(data).at("pelvis")
    assert (paired.address, paired.config) == ("C0:DE:00:00:00:03", "open-packet")
    assert (data / "pairing.json").stat().st_mode & 0o077 == 0
    assert data.stat().st_mode & 0o077 == 0
    assert "C0:DE:00:00:00:03" in run("pair", data=data).output
    assert "forgotten" in run("pair", "pelvis", "--forget", data=data).output
    assert load_pairing(data) == Pairing()
    assert "Nothing is paired" in run("pair", data=data).output


def test_pairing_asks_when_it_cannot_tell(still: Path, tmp_path: Path, data: Path) -> None:
    def error(*arguments: object) -> str:
        result = run("pair", *arguments, "--emulate", still, data=data)
        assert result.exit_code == 1
        return str(result.exception)

    assert "3 sensors could be the one" in error("foot_left")
    assert "no place called 'knee'" in error("knee")
    assert "no unpaired sensor for treadmill" in error("treadmill")
    assert "no unpaired sensor" in error("foot_left", "--address", "AA:BB")
    assert "does not fit the config" in error(
        "pelvis", "--address", "C0:DE:00:00:00:03", "--config", "polar-h10"
    )
    # the sensors worn elsewhere are not candidates any more
    save_pairing(
        data,
        Pairing.of([PairedSensor("foot_left", "C0:DE:00:00:00:01", "open-packet"),
                    PairedSensor("foot_right", "C0:DE:00:00:00:02", "open-packet")]),
    )  # fmt: skip
    assert run("pair", "pelvis", "--emulate", still, data=data).exit_code == 0
    assert load_pairing(data).at("pelvis").address == "C0:DE:00:00:00:03"


def test_swapped_feet_are_found(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def moving(lifted: str) -> Path:
        return session(
            tmp_path / lifted,
            *(
                standing_sensor(place, 12, (0.0, 0.6, 0.8), shake_mps2=4.0 if place == lifted else 0.0)
                for place in ("foot_left", "foot_right")
            ),
        )

    assert (
        "Right: the left foot's sensor moved"
        in run("pair", "--check-feet", "--emulate", moving("foot_left"), data=data).output
    )
    assert "swapped" in run("pair", "--check-feet", "--emulate", moving("foot_right"), data=data).output
    neither = session(
        tmp_path / "neither",
        *(standing_sensor(f"foot_{side}", 12, (0, 0.6, 0.8)) for side in ("left", "right")),
    )
    unclear = run("pair", "--check-feet", "--emulate", neither, data=data)
    assert isinstance(unclear.exception, RadioError)
    one = session(tmp_path / "one", standing_sensor("foot_left", 12, (0, 0.6, 0.8)))
    assert isinstance(run("pair", "--check-feet", "--emulate", one, data=data).exception, EntryError)

    def lifted_right(coroutine: Any, emulation: Any) -> str:
        coroutine.close()
        return "foot_right"

    monkeypatch.setattr(sensors_pair, "run_radio", lifted_right)
    save_pairing(
        data,
        Pairing.of(
            [PairedSensor("foot_left", "A", "open-packet"), PairedSensor("foot_right", "B", "open-packet")]
        ),
    )
    run("pair", "--check-feet", data=data, typed="n\n")
    assert load_pairing(data).at("foot_left").address == "A"
    run("pair", "--check-feet", "--yes", data=data)
    assert load_pairing(data).at("foot_left").address == "B"


def test_calibration_stores_the_standing_and_finds_a_moved_strap(
    still: Path, tmp_path: Path, data: Path
) -> None:
    result = run("calibrate", "--emulate", still, data=data)
    assert result.exit_code == 0, result.output
    assert result.output.count("pass") == 3
    np.testing.assert_allclose(load_standing(data, True)["pelvis"].up_sensor, [1, 0, 0], atol=0.01)
    assert (data / "standing-emulated.json").stat().st_mode & 0o077 == 0
    moved = session(tmp_path / "moved", standing_sensor("pelvis", 25, (0.906, 0.423, 0.0)))
    rows = json.loads(run("calibrate", "--emulate", moved, "--json", data=data).stdout)
    assert rows["pelvis"]["strap_moved_deg"] == pytest.approx(25, abs=0.5)
    assert not (data / "standing.json").exists()  # what emulated sensors do never meets a real run
    assert "was the strap moved" in run("calibrate", "--emulate", still, data=data).output


def test_what_a_run_learned_of_a_gyroscope_is_kept_and_goes_with_its_sensor(still: Path, data: Path) -> None:
    run("calibrate", "--emulate", still, data=data)
    (data / "standing-emulated.json").rename(data / "standing.json")
    learned = {"gyr_bias_radps": (0.01, 0.02, 0.03), "n_rests": 2}
    unseen = {"gyr_bias_radps": (0.5, 0.5, 0.5), "n_rests": 0}
    before = load_standing(data)
    keep_biases(data, {"foot_left": learned, "foot_right": unseen, "trunk": learned, "pelvis": {}})
    after = load_standing(data)
    assert after["foot_left"].gyr_bias_radps == (0.01, 0.02, 0.03)
    assert {place: item for place, item in after.items() if place != "foot_left"} == {
        place: item for place, item in before.items() if place != "foot_left"
    }
    feet = PairedSensor("foot_left", "A", "open-packet"), PairedSensor("pelvis", "P", "open-packet")
    save_pairing(data, Pairing.of(feet))
    assert "foot_left" not in load_standing(data)
    keep_biases(data, {"foot_left": learned})
    assert "foot_left" not in load_standing(data)


def test_calibration_fails_with_a_reason_and_stores_nothing(tmp_path: Path, data: Path) -> None:
    shaking = session(
        tmp_path / "shaking",
        standing_sensor("pelvis", 25, (1, 0, 0)),
        standing_sensor("foot_left", 25, (0, 0, 1), shake_mps2=3.0),
    )
    result = run("calibrate", "--emulate", shaking, data=data)
    assert result.exit_code == 1
    assert "FAIL: there was movement" in result.output
    assert load_standing(data, True) == {}


def test_an_own_config_adds_and_replaces_and_a_broken_one_is_named(data: Path) -> None:
    folder = data / "firmware_configs"
    folder.mkdir(parents=True)
    text = (Path(__file__).parents[2] / "firmware_configs" / "sig-heart-rate.toml").read_text()
    (folder / "my-strap.toml").write_text(text)
    (folder / "sig-heart-rate.toml").write_text(text.replace("Heart-rate strap", "My own strap"))
    configs = load_configs(data)
    assert configs.get("my-strap").kind == "heart_rate"
    assert configs.get("sig-heart-rate").title.startswith("My own strap")
    (folder / "broken.toml").write_text("schema_version = 1\nsurprise = true")
    with pytest.raises(ConfigError, match="broken"):
        load_configs(data)


def test_doctor_names_a_remedy_for_everything_that_is_not_well(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = json.loads(run("doctor", "--json", data=data).stdout)
    assert {row["check"] for row in findings} == {
        "python", "bluetooth", "emulator", "folder", "disk", "browser", "kernels",
    }  # fmt: skip
    assert all(bool(row["remedy"]) != row["ok"] for row in findings)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 10 * 2**20})())
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(data / "nothing"))
    text = run("doctor", data=data).output
    for remedy in ("free at least 500 MB", "pip install 'tallrun[emulator]'", "the first run compiles them"):
        assert remedy in text


def test_doctor_says_when_the_data_folder_cannot_be_used(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    findings = json.loads(run("doctor", "--json", data=blocked / "data").stdout)
    folder = next(row for row in findings if row["check"] == "folder")
    assert not folder["ok"]
    assert "--data-dir" in folder["remedy"]
