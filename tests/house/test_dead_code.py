"""No function, method, class or constant that nothing in the package uses.

Fields of records are not looked at: tables, templates and pages read them by name.
"""

from __future__ import annotations

from pathlib import Path

from vulture import Vulture

import tallrun

PACKAGE = Path(tallrun.__file__).parent

#: Called by a framework through its decorator.
DECORATORS = ["@router.*", "@field_validator*", "@model_validator*"]
#: Called by a framework, or by Python itself, through its name.
FRAMEWORK = [
    "__getattr__", "__dir__",
    "unpair", "read_gatt_descriptor", "write_gatt_descriptor",  # bleak's client
    "process_bind_param", "process_result_value", "downgrade",  # SQLAlchemy, Alembic
]  # fmt: skip
#: Used by nothing in the package, and wanted all the same.
WANTED = {
    "stand": "step of a run from the phone, called by its name",
    "sync_tap": "call of the library: sensors tapped together",
    "set_half_open": "handle of the virtual radio",
    "lint": "what every sentence, and whoever writes a protocol file, is held against",
    "contact_times": "the sacral detector without its engine, for whoever brings whole signals",
    "last_time_s": "status of the foot engine",
}
#: Names that stand in a row of column numbers.
COLUMNS = {"X", "Y", "Z"}


def unused(folder: Path) -> dict[str, str]:
    """Return where each unused name stands; private attributes and constants count, fields of records do not."""
    found = Vulture(ignore_decorators=DECORATORS, ignore_names=FRAMEWORK)
    found.scavenge([folder])
    return {
        item.name: f"{Path(item.filename).relative_to(folder)}:{item.first_lineno} {item.typ} {item.name}"
        for item in found.get_unused_code(min_confidence=60)
        if item.typ in ("function", "method", "property", "class", "import", "unreachable_code")
        or (item.typ == "variable" and item.name.isupper())
    }


def test_nothing_stands_that_nobody_uses():
    found = unused(PACKAGE)
    assert [where for name, where in found.items() if name not in WANTED.keys() | COLUMNS] == []
    assert WANTED.keys() - found.keys() == set()  # used by now: take it off the list


def test_dead_code_is_seen(tmp_path):
    (tmp_path / "one.py").write_text(
        "def used():\n    return 1\n\ndef dead():\n    return used()\n\nDEAD = 2\n"
    )
    assert set(unused(tmp_path)) == {"dead", "DEAD"}
