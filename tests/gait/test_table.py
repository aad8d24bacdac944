"""Columns and data frames of them: the same table, and functions of one take the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from support.made_rows import running
from tallrun.gait.eligible import QUANTITY_OF, paces_mps, sure_strides, sure_values
from tallrun.gait.rows import MODE_WALK
from tallrun.gait.segments import segment_table
from tallrun.gait.strides import STRIDE_COLUMNS, WHOLE_NUMBERS, stride_table
from tallrun.gait.summary import sure_gait, timeline_table
from tallrun.gait.table import GaitTable
from tallrun.pipeline import GaitTables


@pytest.fixture(scope="module")
def table() -> GaitTable:
    sigmas = np.where(np.arange(40) % 3 == 0, 0.03, 0.01)
    strides = running(40, timing_sigma_s=sigmas, length_sigma_m=np.where(np.arange(40) % 4 == 0, 0.5, 0.02))
    strides += running(20, start_s=30.0, mode=MODE_WALK, belt_speed_mps=1.5)
    strides[7] = replace(strides[7], foot=None, reasons=5)
    return stride_table(strides)


def test_a_frame_has_the_types_of_the_contract_and_comes_back(table: GaitTable) -> None:
    frame = table.frame()
    assert tuple(frame.columns) == STRIDE_COLUMNS
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    texts = {"foot", "mode", "reasons", "implausible"}
    assert {name for name, kind in kinds.items() if kind == "string"} == texts
    assert {kinds.pop(name) for name in WHOLE_NUMBERS} == {"int64"}
    assert set(kinds.values()) == {"string", "float64"}
    assert pd.isna(frame["foot"][7])
    assert frame["reasons"][7] == "open_stride;inferred"
    pd.testing.assert_frame_equal(GaitTable.of(frame).frame(), frame)
    pd.testing.assert_frame_equal(
        GaitTable.of(frame[frame["mode"] == "walk"]).frame(), frame[40:].reset_index(drop=True)
    )


def test_a_frame_is_a_copy(table: GaitTable) -> None:
    before = table["stance_time_s"].copy()
    frame = table.frame()
    frame.loc[:, "stance_time_s"] = 1.0
    np.testing.assert_array_equal(table["stance_time_s"], before)


@pytest.mark.parametrize("rows", [60, 0])
def test_columns_and_frames_are_judged_alike(table: GaitTable, rows: int) -> None:
    some = table[np.arange(60) < rows]
    frame = some.frame()
    assert len(some) == len(frame) == rows
    for quantity in set(QUANTITY_OF.values()):
        np.testing.assert_array_equal(sure_strides(some, quantity), sure_strides(frame, quantity))
    sure = sure_values(some)
    pd.testing.assert_frame_equal(sure.frame(), sure_values(frame))
    np.testing.assert_array_equal(paces_mps(sure), paces_mps(sure_values(frame)))
    for gait in ("run", "walk"):
        found = sure_gait(frame, gait).reset_index(drop=True)
        pd.testing.assert_frame_equal(sure_gait(some, gait).frame(), found)


def test_the_medians_of_windows_are_those_of_pandas(table: GaitTable) -> None:
    found = timeline_table(table, [], 60.0).frame()
    frame = sure_values(table.frame())
    window = (frame["initial_contact_s"] // 5.0).astype(int)
    for name in ("cadence_spm", "speed_mps", "pelvic_tilt_deg", "quality"):
        wanted = frame[name].groupby(window).median().reindex(range(12))
        np.testing.assert_array_equal(found[name], wanted)
    assert found["cadence_spm"].notna().sum() > 3


def test_tables_are_frames_where_somebody_asks(table: GaitTable) -> None:
    tables = GaitTables(
        strides=table,
        segments=segment_table([]),
        timeline=timeline_table(table, [], 0.0),
        flags=[],
        summary={},
    )
    assert tables.table("strides") is table
    assert tables.strides is tables.strides
    frame = tables.strides
    frame.loc[0, "foot"] = "right"
    assert tables.table("strides")["foot"][0] == "right"  # there is one truth
    cut = replace(tables, strides=tables.strides[:3])
    assert len(cut.strides) == len(cut.table("strides")) == 3
    assert [len(tables.segments), len(tables.timeline)] == [0, 0]
