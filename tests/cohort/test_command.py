"""``tallrun cohort`` from the command line, with the real engines, on good, impaired and hostile sessions."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from support.session_files import small_recording, small_session
from tallrun.cli import main
from tallrun.cli.app import build_app
from tallrun.cohort import check_session
from tallrun.cohort.row import sessions_schema
from tallrun.cohort.work import without_paths, without_quotes
from tallrun.gait.foot_params import FootParams
from tallrun.gait.summary import DISTRIBUTIONS
from tallrun.numerics.recording import Recording
from tallrun.sessions import write_session

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


def command(*argv):
    try:
        main([str(part) for part in argv])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def edit(folder, **keys):
    path = folder / "session.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """The folder, the tables made from it, and nothing printed on the way."""
    place = tmp_path_factory.mktemp("cohort")
    root = place / "in"
    shutil.copytree(RECORDINGS / "one_foot", root / "anna" / "road")
    small_session(root / "anna" / "short")
    small_session(root / "ben" / "pelvis", "pelvis")
    write_session(root / "ben" / "no_sensor", replace(small_recording(), sensors={}))
    for name in ("bad_json", "truncated", "version", "rate", "missing"):
        small_session(root / "broken" / name, "foot_left")
    (root / "broken" / "bad_json" / "session.json").write_text('{"format": ')
    signals = root / "broken" / "truncated" / "signals" / "foot_left.parquet"
    signals.write_bytes(signals.read_bytes()[:2000])
    edit(root / "broken" / "version", version=7)
    edit(root / "broken" / "rate", sensors={"foot_left": {"rate_hz": "Jane Doe"}})
    (root / "broken" / "missing" / "signals" / "foot_left.parquet").unlink()
    (root / "broken" / "pipe").mkdir()
    os.mkfifo(root / "broken" / "pipe" / "session.json")
    (root / "loop").symlink_to(root)
    assert (
        command("cohort", root, "--out", place / "out", "--workers", "1", "--subject-level", "1", "--json")
        == 0
    )
    return root, place / "out"


def table(out, name):
    return pd.read_parquet(out / f"{name}.parquet")


def by_end(out):
    """Rows by the last folder of the name; the first is a code."""
    frame = table(out, "sessions")
    return frame.set_index(frame["session"].str.rpartition("/")[2])


def test_every_session_is_a_row_and_refusals_say_why(cohort):
    rows = by_end(cohort[1])
    assert rows["status"].to_dict() == {
        **dict.fromkeys(("road", "short", "pelvis", "no_sensor"), "ok"),
        **dict.fromkeys(("bad_json", "truncated", "version", "rate", "missing", "pipe"), "refused"),
    }
    for name, words in {
        "bad_json": "not valid JSON",
        "truncated": "truncated or not a Parquet",
        "version": "needs a newer tallrun",
        "rate": "rate_hz must be a positive number, found a value that is withheld",
        "missing": "foot_left.parquet is missing",
        "pipe": "no regular file",
    }.items():
        assert words in rows.loc[name, "reason"]
    assert rows["subject_id"].nunique() == 3
    assert rows.loc["short", "subject_id"] == rows.loc["road", "subject_id"]


def test_numbers_are_those_of_analyze(cohort, tmp_path):
    root, out = cohort
    rows, strides, segments, flags = (
        by_end(out),
        *(table(out, name) for name in ("strides", "segments", "flags")),
    )
    for name in ("anna/road", "anna/short", "ben/pelvis", "ben/no_sensor"):
        assert command("analyze", root / name, "--out", tmp_path / name) == 0
        row = rows.loc[name.rpartition("/")[2]]
        for frame, whole in (("strides", strides), ("segments", segments)):
            alone = pd.read_parquet(tmp_path / name / f"{frame}.parquet")
            mine = whole[whole["session"] == row["session"]].drop(columns=["session", "subject_id"])
            assert list(mine.columns) == list(alone.columns)
            pd.testing.assert_frame_equal(
                mine.reset_index(drop=True), alone, check_dtype=False, rtol=0, atol=0
            )
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        for key in ("n_contacts", "n_steps", "run_time_s", "walk_time_s"):
            assert row[key] == summary[key]
        for key in DISTRIBUTIONS:
            for part in ("median", "p05", "p95", "n"):
                value = summary[key].get(part)
                assert row[f"{key}_{part}"] == value or (value is None and pd.isna(row[f"{key}_{part}"]))
            assert row[f"{key}_reason"] == summary[key].get("reason") or "reason" not in summary[key]
        quality = summary["quality"]
        assert row["n_strides"] == quality["n_strides"]
        assert {code: row[f"n_strides_{code}"] for code in quality["reason_counts"]} == quality[
            "reason_counts"
        ]
        for place, ledger in quality["sensors"].items():
            assert row[f"{place}_rate_hz"] == ledger["rate_hz"]
            assert row[f"{place}_n_samples"] == ledger["n_samples"]
        assert (flags["session"] == row["session"]).sum() == len(summary["flags"])
    assert rows.loc["road", "cadence_spm_n"] >= 40
    assert rows.loc["road", "foot_right_lost_pct"] == 0.0
    assert pd.isna(rows.loc["road", "foot_left_n_samples"])


def test_flags_are_flat_rows():
    from tallrun.cohort.row import FLAGS_SCHEMA, flag_rows

    evidence = {"window_s": 60.0, "n_strides": 80, "value": 150.0, "reference": 165.0,
                "reference_kind": "population", "terms": ["a", "b"], "uncertainty": None}  # fmt: skip
    (row,) = flag_rows([{"flag": "low_cadence", "start_s": 1.0, "end_s": 70.0, "evidence": evidence}])
    assert set(row) == set(FLAGS_SCHEMA.names)
    assert row["terms"] == "a;b"


def test_no_place_of_this_machine_and_no_name_is_in_the_tables(cohort):
    root, out = cohort
    for path in out.iterdir():
        if path.suffix in (".csv", ".json"):
            content = path.read_text()
        elif path.suffix == ".parquet":
            content = pd.read_parquet(path).to_json()
        else:
            continue
        for secret in (str(root.parent), root.parent.name, "Jane", "anna", "6f0a0c5e"):
            assert secret not in content, f"{secret} in {path.name}"
    assert list(table(out, "sessions").columns) == sessions_schema(identified=False).names


def test_files_are_for_their_owner_only(cohort):
    for path in cohort[1].rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_run_json_says_what_it_was_made_with(cohort):
    report = json.loads((cohort[1] / "run.json").read_text())
    assert report["state"] == "complete"
    assert report["counts"] | {"sessions": 10, "ok": 4, "refused": 6, "failed": 0} == report["counts"]
    assert report["configuration"]["foot"]["rotation_rad"] == FootParams._field_defaults["rotation_rad"]
    assert report["versions"]["numpy"] == np.__version__
    rows = table(cohort[1], "sessions")
    for name in ("algorithm_version", "config_sha256", "code_sha256"):
        assert set(rows[name]) == {report[name]}


def test_a_dry_run_lists_and_writes_nothing(cohort, tmp_path, capsys):
    root, out = cohort
    assert command("cohort", root, "--out", tmp_path / "new", "--dry-run", "--json") == 0
    rows = {item["session"]: item for item in json.loads(capsys.readouterr().out)}
    assert len(rows) == 10
    assert rows["anna/road"] == {"session": "anna/road", "state": "ok", "would": "analyse", "problems": []}
    assert rows["ben/no_sensor"]["problems"] == ["no sensor is listed"]
    assert (rows["broken/rate"]["state"], rows["broken/rate"]["would"]) == ("refused", "nothing")
    assert str(root) not in json.dumps(rows)
    assert not (tmp_path / "new").exists()
    assert command("cohort", root, "--out", out, "--dry-run", "--limit", 2) == 0
    said = capsys.readouterr().out
    assert "keep" in said
    assert "2 sessions: 0 to analyse" in said


def test_a_dry_run_prints_nothing_a_terminal_would_obey(tmp_path, capsys):
    small_session(tmp_path / "in" / "red\x1b[31m", "pelvis")
    assert command("cohort", tmp_path / "in", "--out", tmp_path / "out", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "red\\x1b[31m" in said


def test_gaps_rates_and_clocks_are_remarked_on(tmp_path):
    recording = small_recording("foot_left", "pelvis", duration_s=20.0)
    left, pelvis = recording.sensors["foot_left"], recording.sensors["pelvis"]
    kept = np.r_[0:1000, 1600 : left.t_s.size]
    holed = replace(left, t_s=left.t_s[kept], acc_mps2=left.acc_mps2[kept], gyr_radps=left.gyr_radps[kept])
    slow = replace(pelvis, t_s=5.0 + pelvis.t_s * 1.02)
    write_session(tmp_path / "s", replace(recording, sensors={"foot_left": holed, "pelvis": slow}))
    state, remarks = check_session(tmp_path / "s")
    assert state == "remarks"
    assert any("1 gaps, 15.0 % missing, the longest 3.00 s" in text for text in remarks)
    assert any("pelvis: samples come -2.0 % off the declared 200 Hz" in text for text in remarks)
    assert any("start 5.0 s apart" in text for text in remarks)
    apart = replace(pelvis, t_s=pelvis.t_s + 100.0)
    write_session(tmp_path / "t", replace(recording, sensors={"foot_left": left, "pelvis": apart}))
    assert check_session(tmp_path / "t")[1] == [
        "foot_left and pelvis share no time: their clocks are not aligned"
    ]
    write_session(tmp_path / "u", Recording(sensors={"foot_left": left, "pelvis": pelvis}))
    assert check_session(tmp_path / "u") == ("ok", [])


def test_errors_are_one_line_and_exit_1(tmp_path, capsys, monkeypatch):
    small_session(tmp_path / "in" / "s", "pelvis")
    monkeypatch.setattr("tallrun.cohort.cluster.find_spec", lambda name: None)
    assert command("cohort", tmp_path / "in", "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'tallrun[cluster]'" in said
    assert command("cohort", tmp_path / "nowhere", "--out", tmp_path / "out") == 1
    assert command("cohort", "compare", tmp_path / "in", tmp_path / "in") == 1
    assert command("cohort") == 2
    assert command("cohort", tmp_path / "in") == 2
    assert command("cohort", tmp_path / "in", "--out", tmp_path / "out", "--limit", 0) == 2
    both = ("--workers", 2, "--scheduler", "tcp://127.0.0.1:1")
    assert command("cohort", tmp_path / "in", "--out", tmp_path / "other", *both) == 2
    assert not (tmp_path / "other").exists()


def test_help_of_both_commands():
    said = CliRunner().invoke(build_app(), ["cohort", "--help"]).output
    assert "--scheduler" in said
    assert "tallrun cohort compare" in said
    assert "Hold two versions" in CliRunner().invoke(build_app(), ["cohort", "compare", "--help"]).output


def test_reasons_lose_paths_and_values(tmp_path):
    text = f"{tmp_path}/session.json: time_zone must be an IANA name (Europe/Berlin), found 'Jane'"
    line = without_paths(text, tmp_path)
    assert line == "session.json: time_zone must be an IANA name (Europe/Berlin), found 'Jane'"
    assert without_quotes(line) == (
        "session.json: time_zone must be an IANA name (Europe/Berlin), found a value that is withheld"
    )
    for name, kept in (("'foot_left'", True), ("'Jane'", False)):
        assert (name in without_quotes(f"session.json: sensor {name} lacks rate_hz")) is kept
