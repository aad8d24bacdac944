"""Runs every example of docs/gallery, keeps its picture beside it and writes the page that shows all."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
from pathlib import Path

GALLERY = Path(__file__).with_name("gallery")
HEAD = (
    "# Gallery\n\nMade by `python docs/make_gallery.py`; a test runs every example. Each stands alone: copy it and "
    "run it with `python`.\nRuns are simulated.\n"
)


def examples() -> list[Path]:
    """Return the examples, in order of their names."""
    return sorted(GALLERY.glob("*.py"))


def run(example: Path, folder: Path) -> str:
    """Run one example with ``folder`` as its working folder; return what it printed."""
    before, said = Path.cwd(), io.StringIO()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(str(example), run_name="__main__")
    finally:
        os.chdir(before)
    return said.getvalue()


def page() -> str:
    """Return the page as Markdown, from the examples as they are."""
    parts = [HEAD]
    for example in examples():
        code = example.read_text(encoding="utf-8")
        title = code.split('"""')[1].strip()
        body = code.split('"""', 2)[2].strip().replace("  # fmt: skip", "")
        parts.append(
            f"\n## {example.stem.replace('_', ' ')}\n\n{title}\n\n![{title}](gallery/{example.stem}.svg)\n\n"
        )
        parts.append(f"```python\n{body}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    for item in examples():
        run(item, GALLERY)
    GALLERY.with_name("gallery.md").write_text(page(), encoding="utf-8")
