"""The sentences in the source, as they are written, and what is wrong with one as it is said.

A sentence is a text (also one with values in it) that a function or a constant holds: it ends with a stop, or it begins
with a capital and goes on for some words. Docstrings are none. What is raised or printed as help is written here, too,
and marked, because it says something about a file or an option and not about a person's record.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tallrun.recovery import wording

SOURCE = Path(__file__).resolve().parents[2] / "src" / "tallrun"
_STOP = re.compile(r"[a-z}\d%°)] ?[.?!]( |$)")
_WORDS = re.compile(r"^[A-Z][a-z]*(?:[ ,]+[^\s]+){3,}")
_COUNTED = (
    "contact|cue|exercise|day|difference|hour|metre|minute|"
    "morning|pair|point|quantity|question|run|score|second|session|step|stride|thing|time|week"
)
_PLURALS = _COUNTED.replace("quantity", "quantitie").replace("|", "s|") + "s"
#: Says that it is no cause; the bounds of a file.
_ALLOWED = (
    "A pattern, not a cause. Your pain rules come first.", "The protocol breaks its safe bounds or schema at {}: {}{}.",
)  # fmt: skip
_NUMBERS = (
    ("one of many", re.compile(rf"(?<![\d.,:–-])\b1 ({_PLURALS})\b")),
    ("one that are", re.compile(r"(?<![\d.,:–-])\b1 (of (the |your )?(last )?[\w]+ )?\w* ?(are|have|differ|were)\b")),
    ("many of one", re.compile(rf"(?<![\d.,:–-])\b(?:0|[2-9]|[1-9]\d+) ({_COUNTED})\b(?! (of|limit|test))")),
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """One sentence of the source. text : ``{}`` for each value. where : file and function. is_aside : not said."""

    where: str
    line: int
    text: str
    is_aside: bool

    def is_in(self, text: str) -> bool:
        """Whether a text holds this sentence, whatever its values are."""
        at, text = 0, " ".join(text.split())
        for part in re.split(r"\{\w*\}", " ".join(self.text.split())):
            at = text.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return True


def written(tree: ast.Module, where: str) -> Iterator[Written]:
    """Every sentence of one module."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip

    def walk(node: ast.AST, name: str, aside: bool) -> Iterator[Written]:
        for child in ast.iter_child_nodes(node):
            inside, is_aside = name, aside or isinstance(child, ast.Raise)
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inside = f"{name}.{child.name}".lstrip(".")
            if isinstance(child, ast.keyword) and child.arg in (
                "help",
                "description",
                "epilog",
                "short_help",
            ):
                is_aside = True
            text = _text(child)
            if text is not None and id(child) not in docs and (_STOP.search(text) or _WORDS.search(text)):
                yield Written(f"{where} {inside}".strip(), child.lineno, text, is_aside)  # type: ignore[attr-defined]
            if text is None or isinstance(child, ast.JoinedStr):
                for part in (
                    [child]
                    if text is None
                    else [p for p in child.values if isinstance(p, ast.FormattedValue)]
                ):  # type: ignore[attr-defined]
                    yield from walk(part, inside, is_aside)

    yield from walk(tree, "", False)


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


@cache
def all_written() -> list[Written]:
    """Every sentence of the package."""
    return [
        item
        for path in sorted(SOURCE.rglob("*.py"))
        for item in written(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(SOURCE).as_posix())
    ]


def wrong_with(text: str) -> list[str]:
    """What is wrong with a text as it is said: the product's lint (but for length), raw names, numbers of things."""
    said = text.replace(_ALLOWED[0], "")
    wrong = [item for item in wording.lint(said) if "years" not in item and "more than" not in item]
    if re.search(r"[a-z]_[a-z]", text):
        wrong.append("shows a raw name")
    if re.search(r"\s\s|\s[.,;](?=\s|$)|[.,]{2}|\(\)|--(?=\s)|[-−]0(\.0*)?(?![\d.])\b", text):
        wrong.append("is put together badly")
    wrong += [f"counts {name}" for name, pattern in _NUMBERS if pattern.search(text)]
    return wrong


def forbidden(text: str) -> list[str]:
    """What no text may hold, whatever it is about: a diagnosis, a cause, a promise, blame or cheers."""
    if text in _ALLOWED:
        return []
    plain = re.sub(r"\{\w*\}", "7", text)
    return [
        item
        for item in wording.lint(plain)
        if item.startswith(("promises", "speaks", "names a cause", "gives", "blames", "cheers"))
    ]
