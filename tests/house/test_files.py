"""Files import each other in one direction only, and a class's name says which class it is."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import tallrun

PACKAGE = Path(tallrun.__file__).parent

#: The same word of the field in two rooms that never meet, or a row and its table.
SHARED_NAMES = {
    "Entry": "a database row, a cohort's shard",
    "Finding": "of the doctor, an experiment, a report",
    "Ladder": "the rungs, the protocol's numbers for them",
    "Outcome": "of a cohort's session, an experiment's run",
    "Question": "a protocol's, the same one as REST tells it",
    "Runner": "of the records, of the simulator",
    "Source": "of emulated packets, of a live view",
    "Step": "of the ladder, of a sensor's start sequence, of the pelvis in gait",
    "Stream": "of a sensor, of a foreign file",
    "Track": "a recording as it is played, a simulated body's path",
    "_Found": "in a FIT file, in an XML file",
    "Block": "of a session plan, of steady strides",
}


def circle_of(imports: dict[str, set[str]]) -> list[str]:
    """Return one circle of files, empty when there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_two_files_need_each_other():
    """Imports for type checkers alone are left out: they run nothing."""
    graph = grimp.build_graph("tallrun", cache_dir=None, exclude_type_checking_imports=True)
    imports = {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}
    assert circle_of(imports) == []


def test_a_circle_is_seen():
    assert set(circle_of({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


def test_two_classes_of_one_name_are_listed_with_a_reason():
    places = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].add(str(path.relative_to(PACKAGE)))
    twice = {name: sorted(where) for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in SHARED_NAMES} == {}
    assert SHARED_NAMES.keys() - twice.keys() == set()  # told apart by now: take it off the list


#: What a command may not do itself: work with numbers.
COMPUTING = {"numpy", "scipy", "pandas", "numba", "statistics"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=lambda path: path.name)
def test_a_command_parses_calls_and_prints(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {item.name for node in ast.walk(tree) if isinstance(node, ast.Import) for item in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} & COMPUTING == set()


def test_no_date_is_written_with_a_code_that_only_one_system_knows():
    """``%-d`` is an error on Windows and ``%e`` another thing elsewhere: ``report.pages.day_words`` writes days."""
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for pattern in ("*.py", "*.j2")
        for path in PACKAGE.rglob(pattern)
        for line in path.read_text().splitlines()
        if re.search(r"%-[a-zA-Z]", line)
    ]
    assert found == []
