"""What every benchmark shares: a row with its bar, the facts of the machine, tables as text, JSON and Markdown."""

from __future__ import annotations

import json
import math
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SIMULATED, REAL = "simulated", "real"


@dataclass(frozen=True)
class Row:
    """One measured figure. ``is_met`` is None where there is no bar; ``kind`` says what it was measured on."""

    section: str
    figure: str
    value: float | None
    unit: str
    bar: str
    is_met: bool | None
    kind: str = SIMULATED
    note: str = ""

    @property
    def verdict(self) -> str:
        return {True: "met", False: "NOT MET", None: "–"}[self.is_met]


def at_most(
    section: str,
    figure: str,
    value: float | None,
    bar: float,
    unit: str,
    kind: str = SIMULATED,
    note: str = "",
) -> Row:
    """A figure whose size must not exceed the bar; an unknown value does not meet it."""
    met = value is not None and bool(abs(value) <= bar)
    return Row(section, figure, value, unit, f"≤ {bar:g}", met, kind, note)


def at_least(
    section: str,
    figure: str,
    value: float | None,
    bar: float,
    unit: str,
    kind: str = SIMULATED,
    note: str = "",
) -> Row:
    """A figure that must reach the bar; an unknown value does not."""
    met = value is not None and bool(value >= bar)
    return Row(section, figure, value, unit, f"≥ {bar:g}", met, kind, note)


def told(
    section: str, figure: str, value: float | None, unit: str, kind: str = SIMULATED, note: str = ""
) -> Row:
    """A figure without a bar."""
    return Row(section, figure, value, unit, "", None, kind, note)


def machine_facts() -> dict[str, Any]:
    """What a speed depends on."""
    names = ("numpy", "numba", "scipy", "vqf", "pandas", "pyarrow")
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2),
        "platform": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def shown(value: float | None) -> str:
    """A number as the tables print it."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def print_rows(rows: list[Row]) -> None:
    """Print a table, one section after another."""
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            print(f"\n{section}")
        value = f"{shown(row.value)} {row.unit}".strip()
        print(f"  {row.figure:<66}{value:>20}  {row.bar:<9}{row.verdict:<8} {row.kind} {row.note}".rstrip())


def markdown(rows: list[Row]) -> str:
    """The same as Markdown, without the kind: a page keeps simulated and real rows apart."""
    out, section = [], ""
    for row in rows:
        if row.section != section:
            section = row.section
            out += ["", f"### {section}", "", "| figure | measured | bar | | note |", "|---|---|---|---|---|"]
        value = f"{shown(row.value)} {row.unit}".strip()
        out.append(f"| {row.figure} | {value} | {row.bar} | {row.verdict} | {row.note} |")
    return "\n".join(out).strip() + "\n"


def facts_line(facts: dict[str, Any]) -> str:
    """The machine in one line."""
    return (
        f"{facts['cpu']}, {facts['cores']} cores, load {facts['load_1_min']}; Python {facts['python']}, "
        f"numpy {facts['numpy']}, numba {facts['numba']}; {facts['measured_at']}"
    )


def save(name: str, rows: list[Row], **extra: Any) -> None:
    """Write ``results/NAME.json`` and ``results/NAME.md``."""
    RESULTS.mkdir(exist_ok=True)
    facts = machine_facts()
    body = {"machine": facts, **extra, "rows": [{**asdict(row), "value": _plain(row.value)} for row in rows]}
    (RESULTS / f"{name}.json").write_text(
        json.dumps(body, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    )
    (RESULTS / f"{name}.md").write_text(f"{facts_line(facts)}\n\n{markdown(rows)}")


def _plain(value: float | None) -> float | None:
    """A number JSON can hold; what is not finite was not measured."""
    return None if value is None or not math.isfinite(value) else float(value)


def load(name: str) -> tuple[dict[str, Any], list[Row]] | None:
    """Read what ``save`` wrote, None when it was never measured."""
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        return None
    body = json.loads(path.read_text())
    return body["machine"], [Row(**row) for row in body["rows"]]
