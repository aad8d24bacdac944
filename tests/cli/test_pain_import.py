"""``tallrun pain import``: a diary kept in a spreadsheet, as spreadsheets of several countries save it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.commands import Command, commands
from support.records import open_store


@pytest.fixture
def tallrun(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    open_store(tmp_path)[0].close()
    return commands(tmp_path, capsys, monkeypatch)


@pytest.mark.parametrize(
    "text",
    [
        "At,Kind,Score\n2025-05-24 08:00,Morning,3\n", " at ; kind ; score \n2025-05-24 08:00; morning ; 3 \n",
        "sep=;\nat;kind;score\n24.05.2025 08:00;morning;3,0\n", "Diary\n\nat,kind,score\n2025/05/24 8:00,morning,3\n",
        "at,kind,score\n5/24/2025 8:00 AM,morning,3/10\n", "at,kind,score\n24/5/2025 08:00,morning,3\n",
        "at;kind;score\n45801,3333333;morning;3\n", "at,kind,score\n2025-05-24 08:00,morning,3,,\n,,,,\n\n",
        "at,kind,score\r2025-05-24 08:00,morning,3\r", "at\tkind\tscore\r\n2025-05-24\u00a008:00\tmorning\t3\r\n",
    ],
)  # fmt: skip
def test_a_spreadsheets_diary_is_read(tallrun: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "p.csv").write_bytes(text.encode())
    assert "Imported 1 scores" in tallrun("pain", "import", tmp_path / "p.csv").out
    (score,) = tallrun("pain", "list", "--days", "999", "--json").json
    assert (score["at"][:16], score["kind"], score["score"]) == ("2025-05-24T08:00", "morning", 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("at,kind,score\n5/4/2025 8:00,morning,3\n", "may be two dates"),
        ("at,kind,score\n2025-05-24,morning,3\n", "no time of day"),
        ("at,kind,score\n2025-05-24 08:00,morning,3.5\n", "whole number"),
        ("at,kind,score\n2025-05-24 08:00,morning,3,more\n", "more values than columns"),
        ("at,kind,score,score\n2025-05-24 08:00,morning,3,4\n", "columns twice: score"),
        ("Diary\n\nat,kind,score\n2025-05-24 08:00,morning,\n", "line 4: score is empty"),
    ],
)
def test_what_may_mean_two_things_is_refused_whole(
    tallrun: Command, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "p.csv").write_text(text)
    done = tallrun("pain", "import", tmp_path / "p.csv")
    assert (done.code, "Nothing was imported" in done.err or "unknown" in done.err) == (1, True)
    assert words in done.err
    assert tallrun("pain", "list", "--days", "999", "--json").json == []


def test_one_date_tells_how_all_are_written(tallrun: Command, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("at,kind,score\n3/4/2025 08:00,morning,2\n24/5/2025 08:00,morning,3\n")
    tallrun("pain", "import", tmp_path / "p.csv")
    days = [score["at"][:10] for score in tallrun("pain", "list", "--days", "999", "--json").json]
    assert days == ["2025-04-03", "2025-05-24"]
