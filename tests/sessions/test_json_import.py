"""Polar's and Suunto's own JSON: each value where it belongs, plans and other sports refused, odd files in one line."""

from __future__ import annotations

import copy
import json
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.cli import main
from tallrun.errors import FormatError, TallrunError
from tallrun.sessions import read_session
from tallrun.sessions.activity import Activity, activity_recording
from tallrun.sessions.json_import import import_polar, import_suunto

N = 31


@pytest.fixture(autouse=True)
def only_these_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("formats",))


def polar(sport: str = "RUNNING") -> dict:
    at = [
        (datetime(2025, 5, 1, 10) + timedelta(seconds=i)).isoformat(timespec="milliseconds") for i in range(N)
    ]

    def series(value) -> list[dict]:
        return [{"dateTime": moment, "value": value(i)} for i, moment in enumerate(at)]

    return {
        "exportVersion": "1.6", "name": "Run", "startTime": at[0], "timeZoneOffset": 120,
        "exercises": [{
            "startTime": at[0], "timezoneOffset": 120, "duration": "PT30S", "distance": 90.0, "sport": sport,
            "heartRate": {"avg": 150, "max": 160},
            "autoLaps": [
                {"duration": "PT20S", "distance": 60.0, "heartRate": {"avg": 149, "max": 155}, "cadence": {"avg": 84}},
                {"duration": "PT0M10.0S", "distance": 30.0},
            ],
            "samples": {
                "heartRate": series(lambda i: 150), "speed": series(lambda i: 10.8 if i else "NaN"),
                "distance": series(lambda i: 3.0 * i), "cadence": series(lambda i: 85),
                "altitude": series(lambda i: 100.0 + i), "power": series(lambda i: 250),
                "recordedRoute": [
                    {"dateTime": moment, "latitude": 10 + 2e-5 * i, "longitude": 20, "altitude": 7}
                    for i, moment in enumerate(at)
                ],
            },
        }],
    }  # fmt: skip


def suunto(kind: int = 3, *, text: bool = False, flat: bool = False) -> dict:
    samples = []

    def add(second: float, **values: object) -> None:
        at = (datetime(2025, 5, 1, 8) + timedelta(seconds=second)).isoformat(timespec="milliseconds") + "Z"
        inner: object = {"suunto/sml": {"Sample": values}}
        if flat:
            samples.append({"TimeISO8601": at, **values})
        else:
            samples.append({"TimeISO8601": at, "Attributes": json.dumps(inner) if text else inner})

    add(0, Events=[{"Activity": {"ActivityType": kind}}])
    for i in range(N):
        add(i + 0.1, HR=2.5)
        add(i + 0.2, Latitude=np.radians(10 + 2e-5 * i), Longitude=np.radians(20.0), GPSAltitude=7.0)
        add(i + 0.3, Speed=3.0, Distance=3.0 * i, Cadence=85 / 60, Altitude=100.0 + i, Power=250)
    return (
        {"DeviceLog": {"Header": {"ActivityType": kind}, "Samples": samples}}
        if flat
        else {"Samples": samples}
    )


def written(folder: Path, content: object) -> Path:
    (folder / "a.json").write_text(json.dumps(content))
    return folder / "a.json"


def assert_the_run(activity: Activity) -> None:
    rows = activity.rows
    assert len(rows) == N
    for name, value in (("heart_rate_bpm", 150.0), ("cadence_spm", 170.0), ("power_w", 250.0)):
        np.testing.assert_allclose(rows[name], value)
    np.testing.assert_allclose(rows["speed_mps"][1:], 3.0)
    np.testing.assert_allclose(rows["distance_m"], 3.0 * np.arange(N))
    np.testing.assert_allclose(rows["altitude_m"], 100.0 + np.arange(N))
    facts = activity_recording(activity).info["activity"]
    assert (facts["duration_s"], facts["distance_m"]) == (30.0, 90.0)


def test_polars_session_is_read(tmp_path: Path) -> None:
    (activity,) = import_polar(written(tmp_path, polar()))
    assert_the_run(activity)
    assert np.isnan(activity.rows["speed_mps"][0])  # the word NaN is unknown
    assert activity.started_at is not None
    assert activity.started_at.isoformat() == "2025-05-01T10:00:00+02:00"
    assert activity.laps["start_s"].tolist() == [0.0, 20.0]
    assert activity.laps["heart_rate_bpm"][0] == 149.0
    assert activity.laps["cadence_spm"][0] == 168.0
    totals = polar("TREADMILL_RUNNING")
    del totals["exercises"][0]["samples"], totals["exercises"][0]["autoLaps"]
    (bare,) = import_polar(written(tmp_path, totals))
    assert bare.treadmill
    assert activity_recording(bare).info["activity"]["distance_m"] == 90.0
    several = polar()
    several["exercises"].append(copy.deepcopy(several["exercises"][0]))
    assert len(import_polar(written(tmp_path, several))) == 2


@pytest.mark.parametrize("shape", [{}, {"text": True}, {"flat": True}])
def test_suuntos_recording_is_read_however_it_is_packed(tmp_path: Path, shape: dict) -> None:
    activity = import_suunto(written(tmp_path, suunto(**shape)))
    assert_the_run(activity)
    assert activity.started_at is not None
    assert activity.started_at.isoformat() == "2025-05-01T08:00:00+00:00"
    assert activity.sport == "running"
    assert not activity.notes


def test_suuntos_positions_and_rates_in_other_units_are_known_by_their_size(tmp_path: Path) -> None:
    content = suunto()
    for entry in content["Samples"]:
        values = entry["Attributes"]["suunto/sml"]["Sample"]
        for name, factor in (("HR", 60.0), ("Latitude", 180 / np.pi), ("Longitude", 180 / np.pi)):
            if name in values:
                values[name] *= factor
        values.pop("Distance", None)
    activity = import_suunto(written(tmp_path, content))
    assert (activity.rows["heart_rate_bpm"] == 150.0).all()
    assert activity.rows["distance_m"].iloc[-1] == pytest.approx(30 * 2e-5 * 111_195, rel=1e-3)


def test_a_pause_of_suunto_is_a_break(tmp_path: Path) -> None:
    content = suunto()
    for entry in content["Samples"]:
        entry["Attributes"]["suunto/sml"]["Sample"].pop("Distance", None)
    pause = {"TimeISO8601": "2025-05-01T08:00:15Z"}
    pause["Attributes"] = {"suunto/sml": {"Sample": {"Events": [{"Pause": {"State": True}}]}}}
    whole_m = import_suunto(written(tmp_path, content)).rows["distance_m"].iloc[-1]
    content["Samples"].insert(1 + 3 * 15, pause)
    paused_m = import_suunto(written(tmp_path, content)).rows["distance_m"].iloc[-1]
    assert paused_m == pytest.approx(whole_m * 29 / 30)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (polar("CYCLING"), "sport CYCLING"),
        ({"name": "plan", "exercises": [{"sport": "RUNNING", "phases": []}]}, "a plan"),
        (
            {"exercises": [{"startTime": "2025-05-01", "duration": "PT1S", "sport": {"id": 1}}]},
            "not known here",
        ),
        ([1], "another kind"),
        ({"exercises": 3}, "took place"),
    ],
)
def test_what_is_no_run_of_polars_is_refused(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        import_polar(written(tmp_path, content))


def test_what_is_no_run_of_suuntos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="sport cycling"):
        import_suunto(written(tmp_path, suunto(4)))
    with pytest.raises(FormatError, match="no samples"):
        import_suunto(written(tmp_path, {"Samples": 1}))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(FormatError):
        import_suunto(tmp_path / "deep.json")


def test_one_command_takes_what_each_maker_hands_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "polar-user-data-export.zip", "w") as archive:
        archive.writestr("training-session-2025-05-01.json", json.dumps(polar()))
        archive.writestr("account-data.json", json.dumps({"username": "r"}))
    second = json.dumps(suunto()).replace("2025-05-01", "2025-05-02")
    with zipfile.ZipFile(tmp_path / "suunto.zip", "w") as archive:
        archive.writestr("samples.json", second)
    with pytest.raises(SystemExit) as stopped:
        main(["import", "watch", str(tmp_path), "--out", str(tmp_path / "out")])
    told = capsys.readouterr().out
    assert not stopped.value.code, told
    assert "2 imported, 1 no watch files" in told
    made = sorted((tmp_path / "out").iterdir())
    assert [folder.name[:10] for folder in made] == ["2025-05-01", "2025-05-02"]
    assert read_session(made[0]).info["started_at"] == "2025-05-01T10:00:00+02:00"


ODD = [None, True, "", "NaN", -1, 1e400, 10**400, [], {}, [None], {"a": 1}, "9999-12-31T23:59:59Z"]


@given(st.data())
def test_odd_values_anywhere_give_a_run_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    make, read = data.draw(st.sampled_from([(polar, import_polar), (suunto, import_suunto)]))
    content = make()
    node: object = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(min(len(node), 3)))  # type: ignore[arg-type]
        key = data.draw(st.sampled_from(keys))
        inner = node[key]  # type: ignore[index]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 5)) == 0:
            node[key] = data.draw(  # type: ignore[index]
                st.sampled_from(
                    [
                        None,
                        True,
                        "",
                        "NaN",
                        -1,
                        1e400,
                        10**400,
                        [],
                        {},
                        [None],
                        {"a": 1},
                        "9999-12-31T23:59:59Z",
                    ]
                )
            )
            break
        node = inner
    said = ""
    try:
        read(written(tmp_path_factory.mktemp("odd"), content))
    except TallrunError as error:
        said = str(error)
    assert "\n" not in said
    assert "damaged or not what it claims" not in said  # an exception that nobody meant
