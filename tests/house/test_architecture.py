"""docs/architecture.md and docs/glossary.md name what there is: every room, and only files and names that exist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import tallrun

PACKAGE = Path(tallrun.__file__).parent
DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("architecture.md", "glossary.md")
ROOMS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
#: Words in code type that are neither files nor names of the code.
WORDS = {"lint-imports", "strides", "import tallrun as tr", "tallrun pain", "emitted_at_s"}


@cache
def names_in(file: Path) -> frozenset[str]:
    """Return what a file defines or imports: names, and ``Class.member``."""
    found = set()
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for node in [*body, *(item for part in body if isinstance(part, ast.If) for item in part.body)]:
        if isinstance(node, ast.ImportFrom | ast.Import):
            found |= {item.asname or item.name for item in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        else:
            found |= _assigned(node)
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                own = {inner.name} if hasattr(inner, "name") else _assigned(inner)
                found |= {f"{node.name}.{name}" for name in own}
    return frozenset(found)


def _assigned(node: ast.stmt) -> set[str]:
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def file_of(dotted: str) -> tuple[Path, str] | None:
    """Return the file of a dotted name and what is left of the name; None when it begins with no room."""
    parts = dotted.removeprefix("tallrun.").split(".")
    for n in range(len(parts), 0, -1):
        base = PACKAGE.joinpath(*parts[:n])
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return file, ".".join(parts[n:])
    return None


def wrong_names(text: str) -> list[str]:
    """Return the names in code type that do not exist; a bare one must stand in a file named beside it."""
    wrong = []
    for part in re.split(r"\n\s*\n|\n(?=[*|]|\d\.)", text):
        here: list[Path] = []
        bare = []
        for quoted in re.findall(r"`([^`]+)`", part):
            name = re.split(r"[( ]", quoted)[0] if quoted not in WORDS else quoted
            if quoted in WORDS or name in ROOMS:
                continue
            if "/" in name or name.endswith(".py"):
                files = [file for file in PACKAGE.glob(name) if file.suffix == ".py"]
                here += files
                wrong += [] if files or any(PACKAGE.glob(name)) else [quoted]
            elif not name.startswith(".") and (found := file_of(name)):
                here.append(found[0])
                wrong += [] if not found[1] or found[1] in names_in(found[0]) else [quoted]
            else:
                bare.append((quoted, name))
        for room in re.findall(r"^(?:\*\*|\| `)(\w+)(?:\*\*|` \|)", part, re.MULTILINE):
            here += sorted((PACKAGE / room).rglob("*.py"))
        known = {name for file in here for name in names_in(file)}
        members = {name.split(".")[-1] for name in known if "." in name}
        for quoted, name in bare:
            if name not in known and name.lstrip(".") not in members:
                wrong.append(quoted)
    return wrong


def test_every_room_has_its_row_and_every_row_its_room():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == ROOMS


def test_every_file_beside_the_rooms_is_named():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    beside = {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("_")}
    assert {name for name in beside if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", PAGES)
def test_what_is_named_is_there(page):
    assert wrong_names((DOCS / page).read_text(encoding="utf-8")) == []


def test_a_name_that_is_not_there_is_seen():
    text = "`gait/foot.py` (`FootEngine.fed`)\n\n`gait/feet.py`\n\n`gait.foot.Engine`\n\n`units.py` (`FootEngine.feed`)"
    assert wrong_names(text) == ["FootEngine.fed", "gait/feet.py", "gait.foot.Engine", "FootEngine.feed"]


def test_the_glossary_is_one_screen_and_says_each_word_once():
    rows = [
        line
        for line in (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    words = [word.strip() for row in rows for word in row.split("|")[1].split(",")]
    assert len(words) == len(set(words))
    assert len(rows) <= 40


def test_what_is_asked_every_day_loads_no_kernels():
    rooms = "entries, today, advice, reminders, pain_import"
    code = f"import sys; from tallrun.journal import {rooms}; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
