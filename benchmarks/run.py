"""Every table of design section 6 and of the speeds, printed and kept in ``benchmarks/results/``.

    python benchmarks/run.py            # everything, about an hour on one core
    python benchmarks/run.py --quick    # a few sessions of each kind

``make bench`` sets up the yardsticks' own environment first. Also writes docs/accuracy.md from what was measured.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import accuracy
import live
import speed
from tables import REAL, Row, facts_line, load, machine_facts, markdown, save

PAGE = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"
HEAD = """# Accuracy and speed

This page is written by `make bench` (or `python benchmarks/run.py`) from what it measured; nothing here is typed.
`python benchmarks/accuracy.py --only real` measures one part again, `--quick` a few sessions of each kind.

**Simulated rows check the implementation and are never a claim about people.** The simulator shares no code and no
definition with the engine, but every simulated runner is a variation of one model (docs/simulator.md).
**Real rows** are public recordings made by others: slow jogs and walks of one foot that turn all the time, with
optical positions; two short sacral trials on a force-plate treadmill; a raw sacral recording; two walks.
No public set in hand has both feet and the pelvis in running, so nothing here is a validated accuracy for
tallrun on a runner.
"""


def page(tables: dict[str, tuple[dict, list[Row]]]) -> str:
    """The documentation page: bars not met first, then every table."""
    rows = [row for _, part in tables.values() for row in part]
    missed = [row for row in rows if row.is_met is False]
    met = sum(row.is_met is True for row in rows)
    out = [
        HEAD,
        f"{met} of {met + len(missed)} bars are met. Not met:\n" if missed else f"All {met} bars are met.\n",
    ]
    if missed:
        out.append(
            markdown(
                [
                    replace(row, section="Bars not met", figure=f"{row.section}: {row.figure}")
                    for row in missed
                ]
            )
        )
    for title, name in (("Accuracy", "accuracy"), ("Speed", "speed"), ("The live run", "live")):
        if name not in tables:
            continue
        facts, part = tables[name]
        for kind, word in ((REAL, "on real recordings"), ("simulated", "simulated")):
            chosen = [row for row in part if (row.kind == REAL) == (kind == REAL)]
            if chosen:
                label = title if name != "accuracy" else f"{title}, {word}"
                out.append(f"## {label}\n\n{facts_line(facts)}\n\n{markdown(chosen)}")
    return "\n".join(out)


def write_page() -> None:
    """Write docs/accuracy.md from the newest results."""
    found = {name: kept for name in ("accuracy", "speed", "live") if (kept := load(name)) is not None}
    PAGE.write_text(page(found))
    print(f"\nwritten: {PAGE.relative_to(PAGE.parents[1])}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--page-only", action="store_true", help="write docs/accuracy.md from the results kept"
    )
    options = parser.parse_args()
    if not options.page_only:
        print(facts_line(machine_facts()))
        save("speed", speed.measure(options.quick), is_quick=options.quick)
        save("live", live.measure(options.quick), is_quick=options.quick)
        save("accuracy", accuracy.measure(options.quick, []), is_quick=options.quick)
    write_page()


if __name__ == "__main__":
    main()
