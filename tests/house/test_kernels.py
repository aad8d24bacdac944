"""Kernels stay readable: they fit a screen, take few arguments, and leave no tunable unread."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tallrun
from tallrun.gait.acc_only_kernel import AccFootParams
from tallrun.gait.foot_params import FootParams
from tallrun.gait.kernels import as_record, new_record
from tallrun.gait.pelvis_params import PelvisParams

GAIT = Path(tallrun.__file__).parent / "gait"
MOST_LINES = 60
MOST_ARGUMENTS = 8


def too_large(text: str) -> list[str]:
    """Names of kernels that a reader cannot take in at once."""
    kernels = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
        and any(getattr(item, "id", "") in ("kernel", "maker", "inlined") for item in node.decorator_list)
    ]
    return [
        item.name
        for item in kernels
        if (item.end_lineno or 0) - item.lineno >= MOST_LINES or len(item.args.args) > MOST_ARGUMENTS
    ]


@pytest.mark.parametrize("path", sorted(GAIT.glob("*.py")), ids=lambda path: path.name)
def test_a_kernel_fits_a_screen_and_takes_few_arguments(path):
    assert too_large(path.read_text(encoding="utf-8")) == []


def test_a_kernel_too_large_is_seen():
    many = ", ".join("abcdefghi")
    assert too_large(f"@kernel\ndef one({many}):\n    pass\n") == ["one"]
    assert too_large("@maker\ndef long(a):\n" + "    a += 1\n" * MOST_LINES) == ["long"]


@pytest.mark.parametrize("params", [FootParams, PelvisParams, AccFootParams])
def test_every_tunable_is_read(params):
    text = "\n".join(path.read_text(encoding="utf-8") for path in GAIT.glob("*.py"))
    read = set(re.findall(r"params\.(\w+)", text))
    assert set(params._fields) - read == set()


def test_a_record_is_read_by_name_in_python_as_in_kernels():
    record = as_record(FootParams(100.0))[0]
    assert (record.rate_hz, record.moved_flats) == (100.0, FootParams().moved_flats)
    with pytest.raises(RuntimeError, match="flat"):
        new_record(floats="flat")
