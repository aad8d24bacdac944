"""Event corrections put to use: a corrected copy of the stride table; the table as detected stays as it is.

A correction is about one initial contact: it is elsewhere, it is none, or one was missed. What follows from contact
times alone is computed anew; what only the engine could measure is withheld with the reason ``corrected``. Flags,
cues and safety actions are those of the run and do not change: the runner was coached by what was detected.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tallrun.errors import EntryError
from tallrun.numerics.recording import FloatArray
from tallrun.report.overlays import Overlay, entries_in_force

REASON = "corrected"
#: A correction names a contact by its detected time; a later version may have moved the detected contact by this much.
NEAR_S = 0.05
#: Two contacts of one foot are never closer than this; the quickest stride of a sprint takes 0.4 s.
LEAST_APART_S = 0.2
#: An added contact opens or closes a stride only this near its neighbour, as the join of the feet has it.
CLOSES_WITHIN_S = 1.5
#: Values of a stride that opens or closes at a corrected contact.
SPAN_VALUES = (
    "stride_length_m", "length_sigma_m", "speed_mps", "slope_deg", "lift_m", "yaw_deg", "foot_ahead_m",
    "overstride_index",
)  # fmt: skip
#: Values of the corrected contact itself.
CONTACT_VALUES = ("foot_strike_angle_deg", "angle_sigma_deg", "peak_impact_g")
#: All an added contact can have: the rest was never measured there.
ADDED_VALUES = ("initial_contact_s", "belt_speed_mps", "incline_pct")
_TIMES = ("stride_time_s", "cadence_spm", "stance_time_s", "duty_factor", "flight_time_s", "step_time_s")


@dataclass(frozen=True)
class Corrected:
    """A corrected stride table.

    strides : columns, dtypes and order of the table as detected. detected_row : int64 (n,), row in that table, -1
    for an added contact. corrected_by : names per row, "" where nothing changed. removed : rows that are gone.
    not_applied : entry id -> why it does not fit (any more). n_applied : entries that changed something.
    """

    strides: pd.DataFrame
    detected_row: np.ndarray
    corrected_by: tuple[str, ...]
    removed: tuple[int, ...]
    not_applied: dict[str, str]
    n_applied: int

    @property
    def n_changed(self) -> int:
        """Rows of the corrected table that differ from what was detected."""
        return sum(1 for name in self.corrected_by if name)

    def counts(self) -> dict[str, int]:
        """Return how many corrections are in force and what they touched."""
        return {
            "applied": self.n_applied, "not_applied": len(self.not_applied), "strides_changed": self.n_changed,
            "contacts_removed": len(self.removed), "contacts_added": int((self.detected_row < 0).sum()),
        }  # fmt: skip


@dataclass
class _Foot:
    """Contacts of one foot in order of time. row : in the table as detected, -1 added."""

    times_s: list[float]
    rows: list[int]


@dataclass(frozen=True)
class _Change:
    """What one entry did. was_s, now_s : NaN where the contact was not, or is no more."""

    foot: str
    row: int
    was_s: float
    now_s: float
    by: str


def corrected(strides: pd.DataFrame, entries: Sequence[Overlay], end_s: float) -> Corrected:
    """Return the stride table with the corrections in force; pure.

    Parameters
    ----------
    strides : table as detected; it is not changed. An empty one stays empty.
    entries : every entry of the session, oldest first (``read_overlays``). Notes and doubted flags do nothing here. Of
        several entries about one detected contact the last one counts.
    end_s : end of the session [s].

    Notes
    -----
    Recomputed from contact times: stride_time_s, cadence_spm, stance_time_s, duty_factor, flight_time_s, step_time_s.
    A final contact stays where it was detected. Rows whose values do not depend on a correction are bit for bit the
    detected ones. An added contact has no quality (NaN), so no distribution takes it in unless it is asked to.
    """
    feet = {
        foot: _Foot(times.tolist(), rows.tolist())
        for foot in ("left", "right")
        for rows in [np.flatnonzero((strides["foot"] == foot).to_numpy(dtype=bool, na_value=False))]
        for times in [strides["initial_contact_s"].to_numpy()[rows]]
    }
    final_s = strides["final_contact_s"].to_numpy()
    changes: list[_Change] = []
    not_applied: dict[str, str] = {}
    for entry in _last_words(feet, entries):
        try:
            changes.append(_apply(feet, final_s, entry, end_s))
        except EntryError as error:
            not_applied[entry.overlay_id] = str(error)
    return _table(strides, feet, changes, not_applied)


def check_correction(strides: pd.DataFrame, entries: Sequence[Overlay], entry: Overlay, end_s: float) -> None:
    """Raise EntryError, in one line, for a correction that does not fit the session as it stands corrected."""
    if not entry.kind.startswith("contact_"):
        return
    why = corrected(strides, [*entries, entry], end_s).not_applied.get(entry.overlay_id)
    if why is not None:
        raise EntryError(why)


def _last_words(feet: dict[str, _Foot], entries: Sequence[Overlay]) -> list[Overlay]:
    """Corrections in force, one for each detected contact: the last."""
    last: dict[object, Overlay] = {}
    for entry in entries_in_force(entries):
        if not entry.kind.startswith("contact_"):
            continue
        about: object = entry.overlay_id
        if entry.kind != "contact_added" and entry.foot in feet:
            place = _nearest(feet[entry.foot].times_s, entry.t_s)
            about = about if place is None else (entry.foot, place)
        last.pop(about, None)  # so that the order is that of the last words
        last[about] = entry
    return list(last.values())


def _nearest(times_s: list[float], time_s: float) -> int | None:
    right = bisect_left(times_s, time_s)
    near = [(abs(times_s[at] - time_s), at) for at in (right - 1, right) if 0 <= at < len(times_s)]
    return min(near)[1] if near and min(near)[0] <= NEAR_S else None


def _apply(feet: dict[str, _Foot], final_s: FloatArray, entry: Overlay, end_s: float) -> _Change:
    name = entry.foot if entry.foot in feet else None
    if name is None:
        raise EntryError(f"a contact belongs to the left or the right foot, got {entry.foot!r}")
    foot, other = feet[name], feet["right" if name == "left" else "left"]
    if entry.kind == "contact_added":
        place = bisect_left(foot.times_s, entry.t_s)
        _check_place(name, foot, other, final_s, place - 1, place, entry.t_s, end_s, math.nan)
        foot.times_s.insert(place, entry.t_s)
        foot.rows.insert(place, -1)
        return _Change(name, -1, math.nan, entry.t_s, entry.by)
    found = _nearest(foot.times_s, entry.t_s)
    if found is None or foot.rows[found] < 0:
        raise EntryError(
            f"there is no detected contact of the {name} foot within {1000 * NEAR_S:.0f} ms of {entry.t_s:.3f} s"
        )
    row, was_s = foot.rows[found], foot.times_s[found]
    if entry.kind == "contact_removed":
        del foot.times_s[found], foot.rows[found]
        return _Change(name, row, was_s, math.nan, entry.by)
    now_s = math.nan if entry.moved_to_s is None else entry.moved_to_s
    if now_s >= final_s[row]:
        raise EntryError(
            f"the {name} foot leaves the ground at {final_s[row]:.3f} s; its contact must be before that"
        )
    _check_place(name, foot, other, final_s, found - 1, found + 1, now_s, end_s, was_s)
    foot.times_s[found] = now_s
    return _Change(name, row, was_s, now_s, entry.by)


def _check_place(
    name: str, foot: _Foot, other: _Foot, final_s: FloatArray, before: int, after: int, now_s: float, end_s: float,
    was_s: float,
) -> None:  # fmt: skip
    """Raise EntryError for a contact at ``now_s`` between contacts ``before`` and ``after`` of its foot.

    was_s : where it was, NaN for an added one, which may lie anywhere among the other foot's contacts.
    """
    if not 0.0 <= now_s <= end_s:
        raise EntryError(f"{now_s:.3f} s lies outside of the session, which lasts {end_s:.3f} s")
    for at in (before, after):
        if not 0 <= at < len(foot.times_s):
            continue
        gap_s = now_s - foot.times_s[at] if at == before else foot.times_s[at] - now_s
        if gap_s < LEAST_APART_S:
            raise EntryError(
                f"the {name} foot has a contact at {foot.times_s[at]:.3f} s; two contacts of one foot keep their "
                f"order, {LEAST_APART_S:g} s apart or more"
            )
    if before >= 0 and foot.rows[before] >= 0 and now_s <= final_s[foot.rows[before]]:
        raise EntryError(f"the {name} foot is on the ground until {final_s[foot.rows[before]]:.3f} s")
    if math.isfinite(was_s):
        first, last = min(was_s, now_s), max(was_s, now_s)
        passed = other.times_s[bisect_left(other.times_s, first) : bisect_right(other.times_s, last)]
        if passed:
            raise EntryError(f"that would pass the other foot's contact at {passed[0]:.3f} s")


def _table(
    strides: pd.DataFrame, feet: dict[str, _Foot], changes: list[_Change], not_applied: dict[str, str]
) -> Corrected:
    moved = {change.row: change for change in changes if change.row >= 0 and math.isfinite(change.now_s)}
    removed = tuple(sorted(change.row for change in changes if not math.isfinite(change.now_s)))
    out: list[tuple[float, str, int, dict[str, object], str]] = []
    for name, foot in feet.items() if changes else ():
        other = feet["right" if name == "left" else "left"]
        out += _changed_rows(strides, name, foot, other, changes, moved)
    n_rows, added = len(strides), [item for item in out if item[2] < 0]
    table = strides.copy(deep=True)
    if added:
        # rows of the same columns and dtypes to write on
        table = pd.concat([table, table.iloc[[0] * len(added)]], ignore_index=True)
    rows = np.concatenate([np.arange(n_rows), np.full(len(added), -1)])
    by = [""] * len(table)
    values: dict[str, dict[int, object]] = {}
    places = iter(range(n_rows, len(table)))
    for _, _, row, new, who in out:
        at = row if row >= 0 else next(places)
        by[at] = who
        for column, value in new.items():
            values.setdefault(column, {})[at] = value
    for column, found in values.items():
        kept = table[column].array.copy()
        kept[list(found)] = pd.array(list(found.values()), dtype=kept.dtype)
        table[column] = kept
    keep = np.setdiff1d(np.arange(len(table)), removed)
    order = keep[
        np.lexsort(
            (table["foot"].fillna("").to_numpy(dtype=str)[keep], table["initial_contact_s"].to_numpy()[keep])
        )
    ]
    return Corrected(
        table.iloc[order].reset_index(drop=True), rows[order], tuple(by[at] for at in order), removed, not_applied,
        len(changes),
    )  # fmt: skip


def _changed_rows(
    strides: pd.DataFrame,
    name: str,
    foot: _Foot,
    other: _Foot,
    changes: list[_Change],
    moved: dict[int, _Change],
) -> list[tuple[float, str, int, dict[str, object], str]]:
    """Return new values of the rows of one foot that are touched: (time, foot, detected row, values, by)."""
    detected = np.flatnonzero((strides["foot"] == name).to_numpy(dtype=bool, na_value=False))
    was_s = strides["initial_contact_s"].to_numpy()[detected]
    closed = np.isfinite(strides["stride_time_s"].to_numpy()[detected])
    place_of = {int(row): place for place, row in enumerate(detected)}
    side = "right" if name == "left" else "left"
    other_was = strides["initial_contact_s"].to_numpy()[
        (strides["foot"] == side).to_numpy(dtype=bool, na_value=False)
    ]
    out = []
    for at, (time_s, row) in enumerate(zip(foot.times_s, foot.rows, strict=True)):
        next_s, next_row = (
            (foot.times_s[at + 1], foot.rows[at + 1]) if at + 1 < len(foot.rows) else (math.inf, -2)
        )
        place = place_of.get(row, -1)
        next_was = was_s[place + 1] if 0 <= place < len(was_s) - 1 else math.inf
        own = row < 0 or row in moved
        span = own or next_s != next_was
        other_next = (
            other.times_s[bisect_right(other.times_s, time_s)]
            if other.times_s and other.times_s[-1] > time_s
            else math.inf
        )
        later = int(np.searchsorted(other_was, was_s[place], side="right")) if place >= 0 else len(other_was)
        other_next_was = other_was[later] if later < len(other_was) else math.inf
        if not span and other_next == other_next_was:
            continue
        is_closed = _is_closed(closed, place, place_of.get(next_row, -1), next_row, next_s - time_s)
        until = max(
            [item for item in (next_s, next_was, other_next, other_next_was) if math.isfinite(item)],
            default=time_s,
        )
        who = _names(changes, time_s, min(until, time_s + CLOSES_WITHIN_S))
        if not span:  # only the other foot's contact is another one: the stride itself is as detected
            next_s = time_s + float(strides["stride_time_s"].to_numpy()[row])
        new = _values(
            strides, row, time_s, next_s if is_closed or not span else math.nan, other_next, own, span
        )
        if row < 0:
            near = foot.rows[at - 1] if at and foot.rows[at - 1] >= 0 else next_row
            new |= _added(strides, near, name, time_s)
        new["reasons"] = _reasons(
            str(strides["reasons"].iat[row]) if row >= 0 else str(new.get("reasons", "")), is_closed, span
        )
        out.append((time_s, name, row, new, who))
    return out


def _is_closed(closed: np.ndarray, place: int, next_place: int, next_row: int, apart_s: float) -> bool:
    """Whether the stride has an end: as detected, through removed contacts, or by an added neighbour near enough."""
    if next_row == -2:
        return False
    if place < 0 or next_row < 0:
        return apart_s <= CLOSES_WITHIN_S
    return bool(closed[place:next_place].all())


def _values(
    strides: pd.DataFrame, row: int, time_s: float, next_s: float, other_next_s: float, own: bool, span: bool
) -> dict[str, object]:
    """Return what contact times tell, and NaN for what they do not."""
    final_s = float(strides["final_contact_s"].to_numpy()[row]) if row >= 0 else math.nan
    stride_s, stance_s = next_s - time_s, final_s - time_s
    limit_s = stride_s if math.isfinite(stride_s) else CLOSES_WITHIN_S
    has_step = other_next_s - time_s < limit_s
    new: dict[str, object] = {
        "step_time_s": other_next_s - time_s if has_step else math.nan,
        "flight_time_s": other_next_s - final_s if has_step else math.nan,
    }
    if span:
        new |= {
            "stride_time_s": stride_s,
            "cadence_spm": 120.0 / stride_s,
            "duty_factor": stance_s / stride_s,
        }
        new |= dict.fromkeys(SPAN_VALUES, math.nan)
    if own:
        new |= {"initial_contact_s": time_s, "stance_time_s": stance_s} | dict.fromkeys(
            CONTACT_VALUES, math.nan
        )
    return new


def _added(strides: pd.DataFrame, near: int, name: str, time_s: float) -> dict[str, object]:
    """Everything of an added row that is not a time between contacts; mode and belt are those of its neighbour."""
    unknown = {
        column: math.nan
        for column in strides.columns
        if pd.api.types.is_float_dtype(strides[column].dtype) and column not in (*ADDED_VALUES, *_TIMES)
    }
    kept: dict[str, object] = {
        "foot": name,
        "mode": "other",
        "overstride_terms": 0,
        "overstride_against": 0,
        "reasons": "",
        "implausible": "",
    }
    belt: dict[str, object] = {"belt_speed_mps": math.nan, "incline_pct": math.nan}
    if near >= 0:
        kept["mode"] = str(strides["mode"].iat[near])
        told = str(strides["reasons"].iat[near]).split(";")
        kept["reasons"] = ";".join(code for code in told if code in ("one_foot", "no_pelvis"))
        belt = {column: float(strides[column].to_numpy()[near]) for column in belt}
    return unknown | kept | belt | {"initial_contact_s": time_s}


def _reasons(told: str, is_closed: bool, span: bool) -> str:
    codes = [code for code in told.split(";") if code and code != REASON]
    if span:
        codes = [code for code in codes if code != "open_stride"]
        codes += [] if is_closed else ["open_stride"]
    return ";".join([*codes, REASON])


def _names(changes: list[_Change], from_s: float, to_s: float) -> str:
    """Who changed contacts in a stretch of time, each once, in the order of the entries."""
    found = [
        change.by
        for change in changes
        if any(from_s - 1e-9 <= time_s <= to_s + 1e-9 for time_s in (change.was_s, change.now_s))
    ]
    return ", ".join(dict.fromkeys(found))
