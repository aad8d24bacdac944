"""Writes docs/dictionary.md: every column of every table with its unit and what it is, from the code."""

from __future__ import annotations

from pathlib import Path

from tallrun.cohort.row import FLAGS_SCHEMA, sessions_schema
from tallrun.columns import SEGMENTS, TIMELINE, described
from tallrun.gait.strides import STRIDE_COLUMNS

HEAD = """# Data dictionary

Made by `python docs/make_dictionary.py` from the code. The same texts are in every Parquet file (metadata of each
column), in the data frames of `import tallrun` (`attrs`), and beside the strides in BIDS. Unknown is null (NaN), never
0; docs/reasons.md says why.
Tables of a cohort begin with `session` and `subject_id` besides.
"""


def page() -> str:
    """Return the page as Markdown."""
    tables = {
        "strides": ("One row for each initial contact.", STRIDE_COLUMNS),
        "segments": ("One row for each stretch of one mode, without gaps.", tuple(SEGMENTS)),
        "timeline": ("One row for each five seconds.", tuple(TIMELINE)),
        "flags": ("One row for each flag with its evidence.", tuple(FLAGS_SCHEMA.names)),
        "sessions": ("One row for each session of a cohort.", tuple(sessions_schema(True).names)),
    }
    parts = [HEAD]
    for name, (what, columns) in tables.items():
        parts.append(f"\n## {name}\n\n{what}\n\n| column | unit | what it is |\n|---|---|---|\n")
        for column, found in described(name, columns).items():
            parts.append(f"| `{column}` | {found.get('unit', '')} | {found['definition']} |\n")
    return "".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("dictionary.md").write_text(page(), encoding="utf-8")
