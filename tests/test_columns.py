"""Every column of every table has a definition, a unit where its name carries one, and both are in Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import tallrun as tr
from tallrun.cohort.row import (
    FLAGS_SCHEMA,
    MORE_DISTRIBUTIONS,
    RESULT_COLUMNS,
    sessions_schema,
    stride_values,
)
from tallrun.columns import TABLES, described, unit_of
from tallrun.gait.strides import STRIDE_COLUMNS
from tallrun.gait.summary import DISTRIBUTIONS, sure_gait
from tallrun.gait.table import GaitTable
from tallrun.sessions.derived import write_tables


@pytest.fixture(scope="module")
def tables():
    return tr.analyze(tr.simulate.bundled("one_foot")[0])


def test_every_column_is_described_and_nothing_else(tables) -> None:
    made = {
        "strides": set(STRIDE_COLUMNS), "segments": set(tables.segments.columns),
        "timeline": set(tables.timeline.columns), "flags": set(FLAGS_SCHEMA.names),
        "sessions": set(sessions_schema(True).names),
    }  # fmt: skip
    assert set(made) == set(TABLES)
    for table, columns in made.items():
        assert all(item["definition"].endswith(".") for item in described(table, columns).values())
        assert set(TABLES[table]) <= columns
    with pytest.raises(KeyError):
        described("strides", ["no_such_column"])


def test_units_are_those_of_the_quantity() -> None:
    wanted = {
        "cadence_spm_median": "steps/min", "cadence_spm_n": None, "cadence_spm_reason": None,
        "peak_braking_g_left_median": "standard gravity", "n_gaps": None, "foot_left_rate_hz": "Hz",
        "trunk_gyr_range_dps": "deg/s", "overstride_index_sd": None, "flag_asymmetry_s": "s", "reasons": None,
        "clock_residual_ms": "ms", "mass_kg": "kg",
    }  # fmt: skip
    assert {name: unit_of(name) for name in wanted} == wanted


def test_parquet_carries_units_and_definitions(tables, tmp_path: Path) -> None:
    write_tables(tmp_path, tables)
    for name in ("strides", "segments", "timeline"):
        schema = pq.read_schema(tmp_path / f"{name}.parquet")
        for field in schema:
            kept = {key.decode(): value.decode() for key, value in field.metadata.items()}
            assert kept | described(name, [field.name])[field.name] == kept
        pd.testing.assert_frame_equal(
            pd.read_parquet(tmp_path / f"{name}.parquet"), getattr(tables, name), check_dtype=False
        )


def test_sides_spread_overstriding_and_braking_of_a_session(tables) -> None:
    found = stride_values(tables.table("strides"))
    good = sure_gait(tables.strides, "run")
    assert found["cadence_spm_sd"] == pytest.approx(good["cadence_spm"].std(ddof=1))
    side = good["foot"].iloc[0]
    assert found[f"cadence_spm_{side}_median"] == pytest.approx(good["cadence_spm"].median())
    assert not any("left_median" in name for name in found) or not any(
        "right_median" in name for name in found
    )
    assert not any(
        name.startswith(("braking", "peak_braking", "foot_ahead")) for name in found
    )  # no pelvis sensor
    both = tables.strides.assign(
        foot=np.where(np.arange(len(tables.strides)) % 2, "left", "right"),
        peak_braking_g=0.3,
        foot_ahead_m=0.25,
    )
    more = stride_values(GaitTable.of(both))
    assert more["peak_braking_g_median"] == more["peak_braking_g_right_median"] == 0.3
    assert set(more) <= {name for name, _ in RESULT_COLUMNS}
    assert {f"{name}_sd" for name in (*DISTRIBUTIONS, *MORE_DISTRIBUTIONS)} <= {
        name for name, _ in RESULT_COLUMNS
    }
