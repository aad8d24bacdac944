"""Two cohorts of the same sessions, as made by two versions or configurations, held against each other.

Sessions are paired by the hash of their input, so nothing but the algorithm can differ. Strides are paired by
foot and nearest initial contact.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tallrun.cohort.agreement import agreement
from tallrun.cohort.run import FORMAT_NAME, WORK_FOLDER
from tallrun.cohort.shards import ShardStore
from tallrun.errors import SessionError
from tallrun.gait.summary import DISTRIBUTIONS
from tallrun.sessions._files import read_json

FloatArray = NDArray[np.float64]
#: Contacts further apart than this are not the same contact.
NEAR_S = 0.04
SESSION_METRICS = (
    *(f"{name}_median" for name in DISTRIBUTIONS),
    "asymmetry_contact_pct", "run_time_s", "walk_time_s", "n_contacts", "valid_strides_pct",
)  # fmt: skip
STRIDE_METRICS = (
    "initial_contact_s", "final_contact_s", "stance_time_s", "flight_time_s", "cadence_spm", "stride_length_m",
    "speed_mps", "foot_strike_angle_deg", "peak_impact_g", "overstride_index", "pelvic_tilt_deg",
    "vertical_oscillation_m", "quality",
)  # fmt: skip
_KEYS = ("session", "status", "input_sha256", "content_sha256")


def compare_cohorts(first: Path, second: Path) -> dict[str, Any]:
    """Return how two cohorts differ, second minus first; JSON-ready, unknown is None.

    ``sessions`` : counts, ``metrics`` : agreement of session values, ``strides`` : contacts paired, new, gone and
    changed, ``stride_metrics`` : number and largest size of the changes of each value of paired strides.
    Raises SessionError when one of the folders is no finished cohort.
    """
    left, right = _Cohort(first), _Cohort(second)
    pairs, unpaired = _pairs(left.rows, right.rows)
    both_ok = [(a, b) for a, b in pairs if a["status"] == b["status"] == "ok"]
    metrics = {}
    for name in SESSION_METRICS:
        values = [_column([pair[side] for pair in both_ok], name) for side in (0, 1)]
        found = asdict(agreement(*values))
        gone, new = (
            int(np.count_nonzero(np.isfinite(values[side]) & ~np.isfinite(values[1 - side])))
            for side in (0, 1)
        )
        metrics[name] = found | {"n_became_unknown": gone, "n_became_known": new}
    return {
        "first": left.made_with,
        "second": right.made_with,
        "sessions": {
            "paired": len(pairs),
            "both_ok": len(both_ok),
            "status_changed": sorted(a["session"] for a, b in pairs if a["status"] != b["status"]),
            "only_in_first": unpaired[0],
            "only_in_second": unpaired[1],
        },
        "metrics": metrics,
        **_compare_strides(both_ok, left.shards, right.shards),
    }


class _Cohort:
    """The rows and shards of one cohort folder."""

    def __init__(self, folder: Path) -> None:
        about = read_json(folder / "run.json")
        if about.get("format") != FORMAT_NAME or about.get("state") != "complete":
            raise SessionError(
                f"{folder} is no finished cohort; make it with: tallrun cohort SESSIONS --out {folder}"
            )
        try:
            table = pq.read_table(folder / "sessions.parquet", columns=[*_KEYS, *SESSION_METRICS])
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise SessionError(
                f"{folder / 'sessions.parquet'} is missing or damaged; call cohort again"
            ) from error
        self.rows: list[dict[str, Any]] = table.to_pylist()
        self.shards = ShardStore(folder / WORK_FOLDER / "shards")
        self.made_with = {
            name: about.get(name) for name in ("algorithm_version", "config_sha256", "code_sha256")
        }


def _pairs(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], tuple[list[str], list[str]]]:
    """Pair rows by input hash, copies of one session in order of their names; return pairs and names left over."""
    waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in reversed(second):
        if row["input_sha256"] is not None:
            waiting[row["input_sha256"]].append(row)
    pairs, only_first = [], []
    for row in first:
        partners = waiting.get(row["input_sha256"] or "")
        if partners:
            pairs.append((row, partners.pop()))
        else:
            only_first.append(row["session"])
    taken = {id(b) for _, b in pairs}
    return pairs, (only_first, [row["session"] for row in second if id(row) not in taken])


def _column(rows: list[dict[str, Any]], name: str) -> FloatArray:
    return np.array([np.nan if row[name] is None else float(row[name]) for row in rows], np.float64)


def _compare_strides(
    pairs: list[tuple[dict[str, Any], dict[str, Any]]], left: ShardStore, right: ShardStore
) -> dict[str, Any]:
    counts = dict.fromkeys(
        ("in_first", "in_second", "paired", "only_in_first", "only_in_second", "changed"), 0
    )
    changes = {name: _Changes() for name in STRIDE_METRICS}
    for a, b in pairs:
        first, second = left.strides(a["content_sha256"]), right.strides(b["content_sha256"])
        i, j = pair_contacts(first, second)
        counts["in_first"] += first.num_rows
        counts["in_second"] += second.num_rows
        counts["paired"] += i.size
        counts["only_in_first"] += first.num_rows - i.size
        counts["only_in_second"] += second.num_rows - j.size
        changed = np.zeros(i.size, dtype=bool)
        for name, item in changes.items():
            changed |= item.add(_numbers(first, name)[i], _numbers(second, name)[j])
        for name in ("mode", "reasons"):
            words = [
                table.column(name).to_numpy(zero_copy_only=False).astype(str) for table in (first, second)
            ]
            changed |= words[0][i] != words[1][j]
        counts["changed"] += int(changed.sum())
    return {"strides": counts, "stride_metrics": {name: item.result() for name, item in changes.items()}}


class _Changes:
    """Running counts of how one value of paired strides changed; no stride is kept."""

    def __init__(self) -> None:
        self.n_both = self.n_changed = self.n_became_unknown = self.n_became_known = 0
        self._sum = self._largest = 0.0

    def add(self, first: FloatArray, second: FloatArray) -> NDArray[np.bool_]:
        """Take the values of one session's paired strides; return which changed, unknown to known included."""
        known = np.isfinite(first), np.isfinite(second)
        both = known[0] & known[1]
        difference = (second - first)[both]
        self.n_both += int(both.sum())
        self.n_changed += int(np.count_nonzero(difference))
        self.n_became_unknown += int(np.count_nonzero(known[0] & ~known[1]))
        self.n_became_known += int(np.count_nonzero(known[1] & ~known[0]))
        self._sum += float(difference.sum())
        self._largest = max(self._largest, float(np.max(np.abs(difference), initial=0.0)))
        return (known[0] != known[1]) | (both & (first != second))

    def result(self) -> dict[str, Any]:
        return {
            "n_both_known": self.n_both,
            "n_changed": self.n_changed,
            "n_became_unknown": self.n_became_unknown,
            "n_became_known": self.n_became_known,
            "bias": self._sum / self.n_both if self.n_both else None,
            "largest_change": self._largest if self.n_both else None,
        }


def pair_contacts(first: pa.Table, second: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows, in each of two stride tables, of contacts that are the same: one foot, within 40 ms, 1 to 1.

    Each takes the nearest contact of the other table; both must agree, so a doubled contact is paired once.
    """
    left, right = [], []
    feet = [table.column("foot").fill_null("").to_numpy(zero_copy_only=False) for table in (first, second)]
    times = [_numbers(table, "initial_contact_s") for table in (first, second)]
    for foot in ("left", "right", ""):
        i, j = (np.flatnonzero(item == foot) for item in feet)
        if not i.size or not j.size:
            continue
        there, back = _nearest(times[0][i], times[1][j]), _nearest(times[1][j], times[0][i])
        mutual = back[there] == np.arange(i.size)
        near = np.abs(times[1][j][there] - times[0][i]) <= NEAR_S
        left.append(i[mutual & near])
        right.append(j[there[mutual & near]])
    if not left:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(left), np.concatenate(right)


def _nearest(of: FloatArray, among: FloatArray) -> NDArray[np.int64]:
    """Return, for each sorted time, the place of the nearest in another sorted array that is not empty."""
    after = np.clip(np.searchsorted(among, of), 0, among.size - 1)
    before = np.clip(after - 1, 0, among.size - 1)
    return np.where(np.abs(among[before] - of) <= np.abs(among[after] - of), before, after)


def _numbers(table: pa.Table, name: str) -> FloatArray:
    values: FloatArray = table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return values
