"""Kernels stay readable: they fit a screen, take few arguments, and leave no tunable unread."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import tallrun
from tallrun.gait.acc_only_kernel import AccFootParams
from tallrun.gait.entry import Entry
from tallrun.gait.foot_params import FootParams
from tallrun.gait.kernels import as_record, kernel, new_record, plain
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
        and any(getattr(item, "id", "") in ("kernel", "inlined") for item in node.decorator_list)
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
    assert too_large("@kernel\ndef long(a):\n" + "    a += 1\n" * MOST_LINES) == ["long"]


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


@kernel
def _first_of(values):
    return values[0, 0]


def test_whatever_array_comes_an_entry_reads_its_numbers():
    """An entry asks for the types once, so all that reaches it must be alike in memory."""
    entry, plainly = Entry(_first_of, float), np.arange(6.0).reshape(2, 3) + 1.0
    shifted = np.zeros(49, np.uint8)[1:].view(np.float64).reshape(2, 3)
    shifted[:] = plainly
    frozen = plainly.copy()
    frozen.flags.writeable = False
    assert plain(plainly) is plainly
    for odd in (
        plainly.astype(">f8"), plainly.astype(np.float32), plainly.astype(np.int64), np.asfortranarray(plainly),
        plainly[::-1][::-1], shifted, frozen, plainly.tolist(), np.ma.masked_array(plainly),
    ):  # fmt: skip
        ready = plain(odd)
        assert type(ready) is np.ndarray
        assert ready.flags.carray
        assert (entry(ready), ready[1].tolist()) == (1.0, [4.0, 5.0, 6.0])
