"""Evaluate any table in the decision table's notation: ``python tests/oracle/run.py TABLE.md``.

Prints one line for each row that differs and a count; exit 1 when one does. Sections are recognised by their
header columns, so order, spacing and headings do not matter. A rule of ``*`` matches any rule.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracle import others
from oracle.build import NOW, NotReadableError, VerdictRow, build_grade, build_mornings
from tallrun.errors import TallrunError
from tallrun.recovery.protocol import Protocol
from tallrun.recovery.verdicts import verdict
from tallrun.resources import protocol_texts


@dataclass(frozen=True)
class Outcome:
    """One evaluated row. state: same, differs, unreadable."""

    row: str
    state: str
    text: str


def tables(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield (lower-case header, cells) for each row of every markdown table."""
    header: list[str] | None = None
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped.startswith("|"):
            header = None
            continue
        cells = [cell.strip() for cell in stripped.strip("|").split("|")]
        if header is None:
            header = [cell.lower() for cell in cells]
        elif not all(re.fullmatch(r":?-+:?", cell) for cell in cells if cell):
            yield header, cells + [""] * (len(header) - len(cells))


def column(header: list[str], cells: list[str], *names: str) -> str | None:
    """Cell under the first header that starts with one of the names, None when there is none."""
    for name in names:
        for title, cell in zip(header, cells, strict=False):
            if title == name or title.startswith(name + " ") or title.startswith(name + ","):
                return cell.strip("` ")
    return None


def evaluate(text: str, protocol: Protocol) -> list[Outcome]:
    """Evaluate every row that carries an expectation."""
    outcomes = []
    for header, cells in tables(text):
        name = column(header, cells, "#", "id") or cells[0]
        graded = column(header, cells, "grade")
        expected = column(header, cells, "expected", "verdict")
        scores, rung = column(header, cells, "scores"), column(header, cells, "rung")
        given = column(header, cells, "input")
        try:
            if scores is not None and graded is not None:
                outcomes.append(_grade_row(name, header, cells, protocol))
            elif rung is not None and expected is not None and column(header, cells, "sessions") is not None:
                outcomes.append(_verdict_row(name, header, cells, protocol))
            elif given is not None and expected is not None:
                outcomes += [Outcome(name, *found) for found in others.evaluate(given, expected, protocol)]
        except NotReadableError as error:
            outcomes.append(Outcome(name, "unreadable", str(error)))
        except TallrunError as error:
            outcomes.append(Outcome(name, "differs", f"{type(error).__name__}: {error}"))
    outcomes += _lines(text, protocol)
    return outcomes


def _compare(name: str, got: str, want: str, rules: tuple[str, ...], want_rule: str | None) -> Outcome:
    wanted_rules = re.findall(r"[A-Z]{2}\d+", want_rule or "")
    rule_differs = bool(wanted_rules) and not any(rule in rules for rule in wanted_rules)
    if got != want or rule_differs:
        text = f"expected {want} ({want_rule}), got {got} ({', '.join(rules)})"
        return Outcome(name, "differs", text)
    return Outcome(name, "same", got)


def _grade_row(name: str, header: list[str], cells: list[str], protocol: Protocol) -> Outcome:
    history, plan = build_grade(
        column(header, cells, "b", "baseline") or "?",
        column(header, cells, "scores") or "",
        column(header, cells, "marks") or "",
        protocol,
    )
    got = verdict(protocol, history, None, NOW, plan).inputs
    want = (column(header, cells, "grade") or "").upper()
    rule = column(header, cells, "rule")
    return _compare(name, str(got["last_grade"]), want, (str(got["last_grade_rule"]),), rule)


def _verdict_row(name: str, header: list[str], cells: list[str], protocol: Protocol) -> Outcome:
    row = VerdictRow(
        column(header, cells, "rung") or "",
        column(header, cells, "sessions") or "",
        column(header, cells, "given") or "",
        protocol,
    )
    history, plan = row.build()
    got = verdict(protocol, history, None, NOW, plan)
    want = " ".join((column(header, cells, "expected", "verdict") or "").replace("–", "-").split())
    shown = f"{got.state} {got.rung or '-'}"
    if " " not in want:
        shown = got.state if want in ("REFER", "CLINICIAN") or want == got.state else shown
    return _compare(name, shown, want, got.rules, column(header, cells, "rule"))


_LINE = re.compile(r"(?P<values>[\d*,?\- ]+?)\s*→\s*(?P<want>[A-Z]{3,}|\d|\?)")


def _lines(text: str, protocol: Protocol) -> list[Outcome]:
    """Lines such as ``Baselines from mornings: 2,2,3 → 2`` and ``Trends: 1,1,1,2,2,2,2 → RISING``."""
    outcomes = []
    for line in text.splitlines():
        for label in re.finditer(r"(Baselines?|Trends?)[^:|]*:([^:]*)", line):
            is_trend = label[1].startswith("Trend")
            for match in _LINE.finditer(label[2].replace("·", "\n")):
                values = [value.strip() for value in match["values"].split(",") if value.strip()]
                if not values:
                    continue
                history = build_mornings(values, protocol, include_today=is_trend)
                inputs = verdict(protocol, history, None, NOW).inputs
                got = str(inputs["trend"]) if is_trend else str(inputs["baseline"]).replace("None", "?")
                kind = "trend" if is_trend else "baseline"
                outcomes.append(_compare(f"{kind} {','.join(values)}", got, match["want"], (), "*"))
    return outcomes


def main(arguments: list[str]) -> int:
    """Evaluate the named tables; 0 when every readable row agrees."""
    if not arguments:
        print("usage: python tests/oracle/run.py TABLE.md [TABLE.md ...]", file=sys.stderr)
        return 2
    protocol = Protocol.from_toml(protocol_texts()["pht"])
    bad = 0
    for argument in arguments:
        outcomes = evaluate(Path(argument).read_text(encoding="utf-8"), protocol)
        for outcome in outcomes:
            if outcome.state == "differs":
                print(f"{outcome.row}: {outcome.text}")
            elif outcome.state == "unreadable":
                print(f"{outcome.row}: not machine readable: {outcome.text}")
        counts = {s: sum(o.state == s for o in outcomes) for s in ("same", "differs", "unreadable")}
        print(
            f"{counts['same']} rows agree, {counts['differs']} differ, {counts['unreadable']} not machine readable"
        )
        bad += counts["differs"] + (not outcomes)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
