"""The worked examples, through the real verdict on raw histories, and the runner of the oracle itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from oracle.run import evaluate
from tallrun.recovery import Protocol
from tallrun.resources import protocol_texts

EXAMPLES = Path(__file__).with_name("examples.md")
OUTCOMES = evaluate(EXAMPLES.read_text(encoding="utf-8"), Protocol.from_toml(protocol_texts()["pht"]))


@pytest.mark.parametrize("outcome", OUTCOMES, ids=[outcome.row for outcome in OUTCOMES])
def test_worked_example(outcome):
    if outcome.state == "unreadable":
        assert outcome.row in ("3.17", "3.18"), "only the free-text screen rows may stay unread"
    else:
        assert outcome.state == "same", outcome.text


def test_every_section_is_evaluated():
    assert len([o for o in OUTCOMES if o.state == "same"]) == 95


def run(table: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "table.md"
    path.write_text(table, encoding="utf-8")
    script = Path(__file__).with_name("run.py")
    return subprocess.run(
        [sys.executable, str(script), str(path)], capture_output=True, text=True, check=False
    )


def test_a_differing_row_is_printed_once_and_exits_1(tmp_path):
    table = (
        "| rule | expected | given |  rung| sessions | # |\n|-|-|-|-|-|-|\n"
        "| * | RUN V4 |  | V3 | G G | x1 |\n| * | RUN V9 | p=1 | V3 | G G | x2 |\n"
    )
    done = run(table, tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("x2:") == 1
    assert "x1:" not in done.stdout


def test_a_wrong_rule_differs_and_a_star_matches(tmp_path):
    head = "| # | rung | sessions | given | expected | rule |\n|---|---|---|---|---|---|\n"
    assert run(head + "| y | V3 | G G | | RUN V4 | MV2 |\n", tmp_path).returncode == 1
    assert run(head + "| y | V3 | G G | | RUN V4 | * |\n", tmp_path).returncode == 0


def test_a_table_without_rows_is_not_a_success(tmp_path):
    assert run("nothing here\n", tmp_path).returncode == 1
