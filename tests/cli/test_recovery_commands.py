from __future__ import annotations

import csv
import shlex
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from support.commands import Command, commands
from support.records import NOW
from support.session_files import watch_session
from tallrun.cli import main
from tallrun.journal import sessions
from tallrun.journal.desk import Records
from tallrun.journal.sessions import runner_of_sessions
from tallrun.journal.today import _dated
from tallrun.store import Store

SETUP = (
    "setup", "--side", "right", "--time-zone", "Europe/Amsterdam", "--born-on", "1985-06-30", "--easy-pace-min-per-km",
    "6:30", "--diagnosis", "clinician", "--phase", "2", "--baseline-mornings", "1,2,1",
)  # fmt: skip
CONTRACT = [
    "state",
    "rung",
    "rules",
    "inputs",
    "sources",
    "notices",
    "changes_if",
    "protocol",
    "as_of",
    "valid_until",
]


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records right after set-up; each test gets a copy."""
    folder = tmp_path_factory.mktemp("template") / "records"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallrun.cli.recovery_setup.current_time", lambda: NOW)
        patch.setattr("tallrun.cli.app.COMMAND_MODULES", ("recovery",))
        with pytest.raises(SystemExit) as stop:
            main([*SETUP, "--data-dir", str(folder)])
    assert stop.value.code == 0
    return folder


@pytest.fixture
def tallrun(
    set_up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    shutil.copytree(set_up, tmp_path / "records")
    return commands(tmp_path / "records", capsys, monkeypatch)


def test_nothing_works_before_setup_and_the_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = commands(tmp_path / "empty", capsys, monkeypatch)
    for argv in (("advise",), ("pain", "list"), ("due",), ("ladder",), ("data", "access-log")):
        done = run(*argv)
        assert (done.code, done.out) == (1, "")
        assert done.err == "tallrun: nothing is set up yet; run: tallrun setup\n"


def test_setup_again_changes_only_what_is_named(tallrun: Command) -> None:
    done = tallrun("setup", "--leg-length-m", "0.93", "--json")
    assert done.json["leg_length_m"] == 0.93
    assert (done.json["side"], done.json["born_on"]) == ("right", "1985-06-30")
    assert done.json["easy_speed_mps"] == pytest.approx(1000 / 390)


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_the_mornings_told_later_are_those_of_the_phase_in_force(tallrun: Command, phase: int) -> None:
    assert tallrun("setup", "--phase", str(phase)).code == 0
    assert tallrun("setup", "--baseline-mornings", "1,2,1").code == 0
    asked = [row for row in tallrun("due", "--json").json if row["question"] in ("morning", "this_morning")]
    assert {row["load_test"] for row in asked} == {"double_leg_bridge" if phase == 1 else "single_leg_bridge"}


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--side", "up"), "side must be one of left, right, both"),
        (("--time-zone", "Mars/Base"), "IANA name"),
        (("--born-on", "30-06-1985"), "write 1985-06-30"),
        (("--born-on", "2030-01-01"), "cannot be right"),
        (("--leg-length-m", "93"), "check the unit"),
        (("--easy-pace-min-per-km", "fast"), "minutes and seconds per kilometre"),
        (("--fast-pace-min-per-km", "8:00"), "slower than the easy pace"),
        (("--diagnosis", "aunt"), "one of clinician, own, none"),
        (("--baseline-mornings", "1,2"), "at least 3 mornings"),
        (("--baseline-mornings", "1,2,x"), "whole number from 0 to 10"),
        (("--phase", "4"), "phase is 1, 2 or 3"),
    ],
)
def test_bad_setup_is_one_line_and_changes_nothing(
    argv: tuple[str, ...], told: str, tallrun: Command
) -> None:
    before = tallrun(
        "data", "export", "--out", "unused", "--help"
    ).code  # a harmless command, to drain output
    done = tallrun("setup", *argv)
    assert (before, done.code, done.out) == (0, 1, "")
    assert told in done.err
    assert done.err.count("\n") == 1
    assert tallrun("setup", "--json").json["side"] == "right"


# pain


def test_a_score_is_noted_listed_and_corrected(tallrun: Command) -> None:
    first = tallrun("pain", "add", "--score", 3, "--kind", "morning", "--at", "07:30", "--json").json
    assert first["at"] == "2026-03-02T07:30:00+01:00"
    assert (first["side"], first["site"], first["painkiller"], first["warnings"]) == (
        "right",
        "sit_bone",
        "none",
        [],
    )
    fixed = tallrun("pain", "fix", first["pain_id"][:8], "--score", 2, "--painkiller", "oral", "--json").json
    assert (fixed["score"], fixed["painkiller"], fixed["supersedes"]) == (2, "oral", first["pain_id"])
    (kept,) = tallrun("pain", "list", "--json").json
    assert kept["pain_id"] == fixed["pain_id"]
    every = tallrun("pain", "list", "--all", "--json").json
    assert [(item["score"], item["in_force"]) for item in every] == [(3, False), (2, True)]
    gone = tallrun("pain", "fix", fixed["pain_id"], "--withdraw")
    assert gone.out.startswith("Taken back")
    assert tallrun("pain", "list", "--json").json == []


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--score", "11"), "whole number from 0 to 10, got '11'"),
        (("--score", "-1"), "whole number from 0 to 10"),
        (("--score", "2.5"), "whole number from 0 to 10"),
        (("--score", "two"), "whole number from 0 to 10"),
        (("--score", "2", "--side", "left"), "about the right side, this score says left"),
        (("--score", "2", "--side", "up"), "side must be one of"),
        (("--score", "2", "--site", "knee"), "add --new-place"),
        (("--score", "2", "--at", "2026-03-03T08:00"), "cannot lie in the future"),
        (("--score", "2", "--at", "09:30"), "cannot lie in the future"),
        (("--score", "2", "--at", "yesterday"), "cannot be read"),
        (("--score", "2", "--at", "2025-03-30T02:30"), "does not exist in Europe/Amsterdam"),
        (("--score", "2", "--quality", "fizzy"), "quality must be one of"),
        (("--score", "2", "--painkiller", "tea"), "painkiller must be one of"),
        (("--score", "2", "--painkiller-at", "07:00"), "no painkiller"),
        (("--score", "2", "--limping", "perhaps"), "answered yes or no"),
        (("--score", "2", "--session", "nowhere"), "no run with the id"),
        (("--score", "2", "--kind", "lunch"), "kind must be one of"),
    ],
)
def test_a_bad_score_is_one_line_and_not_kept(argv: tuple[str, ...], told: str, tallrun: Command) -> None:
    done = tallrun("pain", "add", "--kind", "morning", *argv)
    assert (done.code, done.out) == (1, "")
    assert told in done.err
    assert done.err.count("\n") == 1
    assert tallrun("pain", "list", "--days", 3650, "--json").json == []


def test_a_script_that_leaves_something_out_gets_a_usage_error(tallrun: Command) -> None:
    done = tallrun("pain", "add", "--kind", "morning")
    assert done.code == 2
    assert "--score is missing" in done.err
    assert tallrun("pain", "add", "--json", typed="morning\n2\n").code == 2


def test_a_person_is_asked(tallrun: Command) -> None:
    done = tallrun("pain", "add", typed="lunch\nduring\n3\n\nno\n")
    assert done.code == 0, done.err
    assert "one of before, during" in done.out
    (kept,) = tallrun("pain", "list", "--json").json
    assert (kept["kind"], kept["score"], kept["painkiller"], kept["limping"]) == ("during", 3, "none", "no")


def test_two_answers_of_one_minute_are_kept_and_said(tallrun: Command) -> None:
    add = ("pain", "add", "--kind", "rest", "--at", "07:30", "--json", "--score")
    assert tallrun(*add, 3).json["warnings"] == []
    assert "There is another score of this kind and minute" in tallrun(*add, 5).json["warnings"][0]
    assert "already: 3, 5." in tallrun(*add, 5).json["warnings"][0]
    assert (
        tallrun("pain", "add", "--kind", "rest", "--at", "07:32", "--json", "--score", 4).json["warnings"]
        == []
    )


def test_a_new_place_is_kept_when_said_so(tallrun: Command) -> None:
    done = tallrun("pain", "add", "--score", 2, "--kind", "rest", "--side", "left", "--new-place", "--json")
    assert done.json["side"] == "left"
    assert tallrun("advise", "--json").json["state"] == "CLINICIAN"


def test_what_will_not_count_as_expected_is_said(tallrun: Command) -> None:
    late = tallrun(
        "pain", "add", "--score", 2, "--kind", "morning", "--at", "2026-03-01T14:00", "--painkiller", "oral"
    )
    assert "between 03:00 and 12:00" in late.out
    assert "never freer" in late.out


def _csv(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("at,kind,score,side,painkiller,limping", *lines)), encoding="utf-8")
    return path


def test_import_takes_all_rows_once(tallrun: Command, tmp_path: Path) -> None:
    file = _csv(
        tmp_path / "p.csv",
        "2026-02-27T07:00:00+01:00,morning,2,right,,",
        "2026-02-28T07:00,morning,1,,oral,no",
    )
    assert tallrun("pain", "import", file, "--json").json == {"imported": 2, "already_there": 0}
    assert tallrun("pain", "import", file, "--json").json == {"imported": 0, "already_there": 2}
    scores = tallrun("pain", "list", "--json").json
    assert [(item["score"], item["painkiller"], item["entered_by"]) for item in scores] == [
        (2, "none", "import"), (1, "oral", "import"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2026-02-28T07:00,morning,12,,,", "line 3: A pain score"),
        ("2026-02-28T07:00,morning,,,,", "line 3: score is empty"),
        ("2026-02-28T07:00,morning,2,left,,", "about the right side"),
        ("2027-02-28T07:00,morning,2,,,", "future"),
        ("2026-02-28T07:00,morning,2,,,,,,more", "more values than columns"),
    ],
)
def test_import_keeps_nothing_of_a_file_with_a_bad_row(
    line: str, told: str, tallrun: Command, tmp_path: Path
) -> None:
    file = _csv(tmp_path / "p.csv", "2026-02-27T07:00,morning,2,right,,", line)
    done = tallrun("pain", "import", file)
    assert done.code == 1
    assert told in done.err
    assert tallrun("pain", "list", "--json").json == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b\n1,2\n", "needs the columns"),
        (b"at,kind,score,painkilller\n", "unknown columns"),
        (b"\xff\xfe\x00", "needs the columns"),
    ],
)
def test_a_file_that_is_no_pain_table_is_named(
    content: bytes, told: str, tallrun: Command, tmp_path: Path
) -> None:
    (tmp_path / "p.csv").write_bytes(content)
    done = tallrun("pain", "import", tmp_path / "p.csv")
    assert done.code == 1
    assert told in done.err


def test_an_export_can_be_imported_again(tallrun: Command, tmp_path: Path) -> None:
    tallrun("pain", "add", "--score", 3, "--kind", "morning", "--at", "07:30")
    tallrun("data", "export", "--out", tmp_path / "out")
    with (tmp_path / "out" / "csv" / "pain.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["score"] for row in rows] == ["3"]
    with (tmp_path / "again.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["pain_id", "at", "kind", "score", "side", "site"], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(rows)
    assert tallrun("pain", "import", tmp_path / "again.csv", "--json").json["already_there"] == 1


# runs and exercises


def test_a_run_is_logged_with_its_scores(tallrun: Command) -> None:
    done = tallrun(
        "log-run", "--minutes", 30, "--at", "07:00", "--surface", "road", "--rpe", 4, "--limping", "no",
        "--pain-before", 1, "--pain-during", 2, "--pain-after", 1, "--fastest-kmh", 9, "--incline-pct", 0, "--json",
    )  # fmt: skip
    assert (done.json["run_minutes"], done.json["speed_mps"], done.json["incline_max_pct"]) == (
        None,
        2.5,
        0.0,
    )
    scores = tallrun("pain", "list", "--json").json
    assert [(item["kind"], item["score"]) for item in scores] == [("before", 1), ("during", 2), ("after", 1)]
    assert {item["session_id"] for item in scores} == {done.json["session_id"]}


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--minutes", "0"), "above 0"),
        (("--minutes", "half"), "above 0"),
        (("--minutes", "1500", "--at", "2026-02-27T09:00"), "1 minute and 24 hours"),
        (("--minutes", "30", "--at", "08:45"), "cannot lie in the future"),
        (("--minutes", "30", "--at", "06:15"), "overlaps the one from 2026-03-02T06:00"),
        (("--minutes", "30", "--rung", "V77"), "rung must be one of"),
        (("--minutes", "30", "--surface", "moon"), "surface must be one of"),
        (("--minutes", "30", "--run-minutes", "40"), "do not fit"),
        (("--minutes", "30", "--distance-m", "90000"), "faster than anyone"),
        (("--minutes", "30", "--rpe", "11"), "from 0 to 10"),
        (("--minutes", "30", "--incline-min-pct", "5", "--incline-max-pct", "1"), "swap them"),
        (("--minutes", "30", "--pain-during", "eleven"), "whole number"),
        (("--minutes", "30", "--stopped", "boredom"), "stop_reason must be one of"),
    ],
)
def test_a_bad_run_is_one_line_and_not_kept(argv: tuple[str, ...], told: str, tallrun: Command) -> None:
    assert tallrun("log-run", "--minutes", 30, "--at", "06:00").code == 0
    done = tallrun("log-run", *argv)
    assert (done.code, done.out) == (1, "")
    assert told in done.err
    assert done.err.count("\n") == 1
    asked = {item["session_id"] for item in tallrun("due", "--as-of", "08:00", "--json").json}
    assert len(asked - {None}) == 1, "the bad run is not kept"
    assert tallrun("pain", "list", "--json").json == []


def test_what_was_due_at_an_earlier_moment_is_answered_with_its_time(tallrun: Command) -> None:
    rows = {row["question"]: row for row in tallrun("due", "--as-of", "08:30", "--json").json}
    words = shlex.split(rows["morning"]["form"]["command"].format(score=1))
    assert words[-2:] == ["--at", "2026-03-02T08:30+01:00"]
    assert rows["morning"]["form"]["body"]["at"] == "2026-03-02T08:30+01:00"
    assert tallrun(*words[1:]).code == 0
    (score,) = tallrun("pain", "list", "--json").json
    assert score["at"] == "2026-03-02T08:30:00+01:00"
    assert "--at" not in rows["screen"]["form"]["command"]
    assert (
        "at" not in {row["question"]: row for row in tallrun("due", "--json").json}["screen"]["form"]["body"]
    )
    walk = {
        "path": "/api/runs",
        "body": {"minutes": 30.0},
        "asks": {"at": "time"},
        "command": "tallrun log-run",
    }
    _dated(walk, NOW.replace(hour=8, minute=30))
    assert (walk["command"], walk["asks"]) == ("tallrun log-run --at 2026-03-02T08:00+01:00", {})


def test_exercises_are_logged_and_listed(tallrun: Command) -> None:
    done = tallrun("exercise", "add", "--phase", 2, "--name", "bridge", "--sets", 3, "--reps", 8, "--load-kg", 10,
                   "--pain-during", 2)  # fmt: skip
    assert "phase 2  bridge 3 × 8 at 10 kg, pain before/during/after –/2/–" in done.out
    assert tallrun("exercise", "list", "--json").json[0]["pain_during"] == 2
    assert tallrun("exercise", "add", "--phase", 7, "--name", "x").code == 1
    assert tallrun("exercise", "add", "--phase", 2, "--name", "x", "--at", "2027-01-01").code == 1


def test_a_form_total_is_noted(tallrun: Command) -> None:
    assert tallrun("visa-h", 71, "--json").json["total"] == 71
    assert "whole number" in tallrun("visa-h", "7.5").err
    assert "between 0 and 100" in tallrun("visa-h", 101).err


def test_a_run_keeps_the_advice_it_followed(tallrun: Command) -> None:
    def later(minutes: float) -> datetime:
        return NOW + timedelta(minutes=minutes)

    tallrun("screen", "--rest-no", "--quality", "ache", now=later(1))
    tallrun("pain", "add", "--score", 1, "--kind", "morning", now=later(1))
    assert tallrun("advise", "--json", now=later(2)).json["state"] == "WALK"
    done = tallrun("log-run", "--minutes", 30, "--rung", "V0", "--json", now=later(40))
    assert done.json["advised"]["state"] == "WALK"
    assert done.json["advised"]["rung"] == "V0"


# advice


def test_advice_has_exactly_the_keys_of_the_contract(tallrun: Command) -> None:
    found = tallrun("advise", "--json").json
    assert list(found)[: len(CONTRACT)] == CONTRACT
    assert set(found) - set(CONTRACT) == {"reason", "way_out"}
    assert found["state"] == "LOG_FIRST"
    assert found["inputs"]["baseline"] == 1
    assert list(found["protocol"]) == ["name", "version", "sha256"]
    assert found["valid_until"] == "2026-03-03T00:00:00+01:00"


def test_advice_for_a_person_says_why_and_what_would_change_it(tallrun: Command) -> None:
    tallrun("screen", "--rest-no", "--quality", "ache")
    tallrun("pain", "add", "--score", 1, "--kind", "morning")
    said = tallrun("advise").out
    assert "Walk today · level V0" in said
    assert "░" * 30 in said
    for part in (
        "Why",
        "Rules: TD5",
        "Looked at:",
        "Sources:",
        "What would change it",
        "Holds until",
        "Not a medical device",
    ):
        assert part in said, part
    assert "right sit bone" in said
    assert "left" not in said


def test_a_red_flag_gives_the_referral_text_and_nothing_else(tallrun: Command) -> None:
    asked = tallrun("screen", "--questions", "--json").json
    first = next(iter(asked))
    assert tallrun("screen", "--yes", first, "--rest-no").code == 0
    said = tallrun("advise").out
    assert any(line.startswith("Get help now") for line in said.splitlines()[:4])
    assert "level" not in said.split("Not a medical")[0]
    assert tallrun("advise", "--json").json["rung"] is None
    assert tallrun("clinician", "clear", "--by", "Dr A", now=NOW + timedelta(hours=1)).code == 0
    assert tallrun("advise", "--json", now=NOW + timedelta(hours=2)).json["state"] != "REFER"


def test_screen_answers_are_checked(tallrun: Command, tmp_path: Path) -> None:
    assert "no screening questions" in tallrun("screen", "--yes", "hungry", "--rest-no").err
    assert tallrun("screen").code == 2
    (tmp_path / "a.json").write_text("[1")
    assert "cannot be read as JSON" in tallrun("screen", "--answers", tmp_path / "a.json").err
    assert "feels one of" in tallrun("screen", "--rest-no", "--quality", "fizzy").err


def test_as_of_looks_back_and_leaves_no_advice_behind(tallrun: Command) -> None:
    tallrun("pain", "add", "--score", 6, "--kind", "rest", "--at", "2026-03-01T20:00")
    assert "TD1" in tallrun("advise", "--as-of", "2026-03-01T21:00", "--json").json["rules"]
    earlier = tallrun("advise", "--as-of", "2026-03-01T19:00", "--json").json
    assert "TD1" not in earlier["rules"]
    assert tallrun("ladder", "--json").json["advice"] == []
    tallrun("advise")
    tallrun("advise")
    assert len(tallrun("ladder", "--json").json["advice"]) == 1


def test_the_ladder_shows_where_you_are(tallrun: Command) -> None:
    found = tallrun("ladder", "--json").json
    assert [item["rung"] for item in found["ladder"]][:2] == ["V0", "V1"]
    assert [item["rung"] for item in found["ladder"] if item["here"]] == [found["rung"]]
    assert "→ V0  walk 30 min" in tallrun("ladder").out


def test_a_plan_is_kept_and_checked(tallrun: Command) -> None:
    tallrun("screen", "--rest-no", "--quality", "ache")
    tallrun("pain", "add", "--score", 1, "--kind", "morning")
    assert "Nothing is planned" in tallrun("plan", "check").err
    assert tallrun("plan", "set", "--rung", "v0", "--at", "18:00").code == 0
    assert "accepted" in tallrun("plan", "check").out
    refused = tallrun("plan", "check", "--rung", "V5", "--json").json
    assert (refused["accepted"], refused["rules"][:2]) == (False, ["PG1", "PG2"])
    assert "check the unit" in tallrun("plan", "set", "--rung", "V1", "--fastest-kmh", 90).err


# clinician


def test_a_clinician_tightens_and_never_loosens(tallrun: Command) -> None:
    capped = tallrun("clinician", "cap", "v4", "--by", "Dr A", "--expires-on", "2026-04-01", "--json").json
    assert (capped["cap"], capped["expires_at"]) == ("V4", "2026-04-02T00:00:00+02:00")
    assert "would loosen" in tallrun("clinician", "tighten", "pain.stop_above=7").err
    assert "no number" in tallrun("clinician", "tighten", "pain.nothing=1").err
    assert "name=value" in tallrun("clinician", "tighten", "ladder").err
    assert tallrun("clinician", "tighten", "ladder.green_streak=3").code == 0
    assert "between 0 and 5" in tallrun("clinician", "green-limit", 6).err
    assert "before it begins" in tallrun("clinician", "hold", "--expires-on", "2026-03-01").err
    assert "cap must be one of" in tallrun("clinician", "cap", "V44").err
    entries = tallrun("clinician", "list", "--json").json
    assert [item["entered_by"] for item in entries] == ["Dr A", "clinician"]
    ended = tallrun("clinician", "end", capped["clinician_id"])
    assert ended.code == 0
    assert {item["cap"]: item["in_force"] for item in tallrun("clinician", "list", "--json").json} == {
        "V4": False, None: True,
    }  # fmt: skip


def test_a_hold_stops_running_until_cleared(tallrun: Command) -> None:
    tallrun("clinician", "hold", "--note", "see me first")
    assert tallrun("advise", "--json").json["state"] == "CLINICIAN"
    tallrun("clinician", "clear", now=NOW + timedelta(minutes=5))
    assert tallrun("advise", "--json", now=NOW + timedelta(minutes=6)).json["state"] != "CLINICIAN"


def test_notes_cannot_drive_the_terminal(tallrun: Command) -> None:
    tallrun("clinician", "note", "look\x1b[31m red\u202e")
    said = tallrun("clinician", "list").out
    assert "\x1b" not in said
    assert "\u202e" not in said


# due


def test_due_lists_questions_and_writes_reminders(tallrun: Command, tmp_path: Path) -> None:
    tallrun("log-run", "--minutes", 30, "--at", "08:00")
    found = {item["question"]: item["open"] for item in tallrun("due", "--json").json}
    questions = {
        "morning": True, "during": True, "after": True, "limping": True, "h24": False, "h48": False, "screen": True,
    }  # fmt: skip
    assert found == questions | {"sitting": True, "strength": True, "walk": False}
    done = tallrun("due", "--ics", tmp_path / "d.ics")
    assert done.code == 0
    text = (tmp_path / "d.ics").read_bytes().decode()
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") == len(found)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "\n" not in text.replace("\r\n", "")
    assert "DTSTART:20260303T073000Z" in text  # 24 h after the end, in UTC
    assert "RRULE:FREQ=DAILY" in text
    for private in ("pain", "bone", "right", "left"):
        assert private not in text.lower()
    assert "could not be written" in tallrun("due", "--ics", tmp_path / "no" / "d.ics").err


# data


def test_records_go_round_by_command(tallrun: Command, tmp_path: Path) -> None:
    tallrun("pain", "add", "--score", 3, "--kind", "rest")
    assert tallrun("data", "backup", tmp_path / "b.zip").code == 0
    assert "--replace" in tallrun("data", "restore", tmp_path / "b.zip").err
    assert tallrun("data", "erase").code == 2
    assert "nothing was erased" in tallrun("data", "erase", typed="no\n").err
    receipt = tmp_path / "receipt.json"
    erased = tallrun("data", "erase", "--yes", "--receipt", receipt, "--json").json
    assert erased["complete"]
    assert receipt.exists()
    assert not (tmp_path / "records").exists()
    assert tallrun("data", "restore", tmp_path / "b.zip").code == 0
    assert [item["score"] for item in tallrun("pain", "list", "--json").json] == [3]
    assert tallrun("data", "export", "--out", tmp_path / "out", "--deidentify").code == 0
    log = [item["action"] for item in tallrun("data", "access-log", "--json").json]
    assert log == ["backup", "restore", "de-identified export"]


def test_several_runners_must_be_named(tallrun: Command) -> None:
    assert tallrun("setup", "--runner", "ben", "--side", "left", "--time-zone", "UTC", "--json").code == 0
    assert "several runners" in tallrun("advise").err
    assert tallrun("advise", "--runner", "ben", "--json").json["inputs"]["diagnosed"] is False
    assert tallrun("data", "erase", "--runner", "ben", "--yes").code == 0
    assert tallrun("advise", "--json").json["inputs"]["diagnosed"] is True


def test_a_session_of_one_runner_needs_no_name_among_several(
    tallrun: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tallrun("setup", "--runner", "ben", "--side", "left", "--time-zone", "UTC", "--json")
    folders = [tmp_path / "files" / name for name in ("a", "b", "c")]
    for folder, day in zip(folders, (1, 2, 3), strict=True):
        watch_session(folder, f"2026-03-0{day}T09:00:00+01:00", ((30.0, 165.0, 2.6),))
    with Store.open(tmp_path / "records") as store:
        for code, folder in zip(("me", "ben", "ben"), folders, strict=True):
            sessions.scan(Records(store, store.find_runner(code), NOW), folder)
    where = tmp_path / "records"
    assert [runner_of_sessions(where, folder) for folder in folders] == ["me", "ben", "ben"]
    assert runner_of_sessions(where, *folders[1:]) == "ben"
    assert runner_of_sessions(where, *folders) is None
    assert runner_of_sessions(where, folders[0], tmp_path) is None
    monkeypatch.setattr("tallrun.cli.app.COMMAND_MODULES", ("clinic",))
    data = ("--data-dir", where)
    assert tallrun("report", folders[1], *data, "--out", tmp_path / "r.html").code == 0
    assert "several runners" in tallrun("compare", *folders[:2], *data).err
    assert "several runners" not in tallrun("compare", *folders[1:], *data).err


def test_a_wrong_answer_is_named_before_one_that_is_missing(tallrun: Command, tmp_path: Path) -> None:
    for argv, told in (
        (
            ("setup", "--runner", "new", "--side", "links"),
            "--side must be one of left, right, both, got 'links'",
        ),
        (("pain", "add", "--kind", "knee"), "--kind must be one of"),
        (("exercise", "add", "--phase", "7"), "--phase must be one of 1, 2, 3, got '7'"),
    ):
        done = tallrun(*argv)
        assert done.code == 1
        assert told in done.err
        assert "missing" not in done.err


@pytest.mark.parametrize(
    "argv",
    [
        ("setup",), ("screen",), ("pain",), ("pain", "add"), ("pain", "list"), ("pain", "fix"), ("pain", "import"),
        ("exercise", "add"), ("exercise", "list"), ("log-run",), ("ladder",), ("plan", "set"), ("plan", "check"),
        ("advise",), ("clinician",), ("clinician", "cap"), ("data",), ("data", "backup"), ("data", "restore"),
        ("data", "export"),
        ("data", "erase"), ("due",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_has_help(argv: tuple[str, ...], tallrun: Command) -> None:
    done = tallrun(*argv, "--help")
    assert done.code == 0
    assert "Usage:" in done.out


def test_a_morning_of_the_other_bridge_is_kept_and_said_not_to_count(tallrun: Command) -> None:
    """A phase-1 runner's single-leg bridge: kept, told at entry and in the list, no part of the usual morning."""
    tallrun("setup", "--side", "right", "--time-zone", "Europe/Amsterdam", "--phase", "1")
    told = tallrun("pain", "add", "--kind", "morning", "--score", "1", "--load-test", "single_leg_bridge")
    assert "not counted: the morning test of your strength phase is the double leg bridge" in told.out
    assert "not counted" in tallrun("pain", "list").out
    assert "not counted" in tallrun("pain", "list", "--json").json[0]["not_counted"]
    fine = tallrun("pain", "add", "--kind", "morning", "--score", "1", "--load-test", "double_leg_bridge")
    assert "not counted" not in fine.out
