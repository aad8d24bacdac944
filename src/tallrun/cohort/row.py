"""The row of one session in the ``sessions`` table, and the columns of every table.

A distribution of ``summary.json`` becomes ``NAME_median``, ``NAME_p05``, ``NAME_p95``, ``NAME_n`` and, when it is
unknown, ``NAME_reason``. What only some sensors know is null for the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tallrun.gait.flags import FLAGS, is_judged
from tallrun.gait.rows import REASON_CODES
from tallrun.gait.strides import STRIDE_COLUMNS, WHOLE_NUMBERS
from tallrun.gait.summary import DISTRIBUTIONS, distribution, sure_gait
from tallrun.gait.table import GaitTable
from tallrun.numerics.recording import PLACEMENTS, Recording

_TEXT, _NUMBER, _COUNT, _CLAIM = pa.string(), pa.float64(), pa.int64(), pa.bool_()

#: Which row it is: the same first columns in every table.
KEY_COLUMNS = (("session", _TEXT), ("subject_id", _TEXT))
STATUS_COLUMNS = (("status", _TEXT), ("reason", _TEXT), ("subject_day", _COUNT))
FACT_COLUMNS = (
    ("duration_s", _NUMBER), ("placements", _TEXT), ("surface", _TEXT), ("session_kind", _TEXT),
    ("height_m", _NUMBER), ("leg_length_m", _NUMBER), ("mass_kg", _NUMBER),
)  # fmt: skip
SENSOR_COLUMNS = (
    ("rate_hz", _NUMBER), ("acc_range_g", _NUMBER), ("gyr_range_dps", _NUMBER), ("has_gyroscope", _CLAIM),
    ("n_samples", _COUNT), ("n_damaged", _COUNT), ("n_duplicates", _COUNT), ("n_gaps", _COUNT),
    ("lost_pct", _NUMBER), ("n_acc_clipped", _COUNT), ("n_gyr_clipped", _COUNT), ("is_mounting_known", _CLAIM),
)  # fmt: skip
#: Counters of the engines' ledgers by our name; the foot engine and the two on a grid word them differently.
_LEDGER_NAMES = {
    "n_damaged": ("n_bad", "n_damaged"),
    "n_gaps": ("n_gaps", "n_breaks"),
    "n_acc_clipped": ("n_acc_clipped", "n_clipped"),
    "is_mounting_known": ("mounting_learned", "is_mounting_known"),
}
#: Told of each session besides what ``summary.json`` has: by foot, their spread, overstriding and braking.
MORE_DISTRIBUTIONS = ("overstride_index", "foot_ahead_m", "braking_dv_mps", "peak_braking_g")
HASH_COLUMNS = tuple(
    (name, _TEXT)
    for name in ("algorithm_version", "input_sha256", "config_sha256", "code_sha256", "content_sha256")
)
#: Only when de-identification is switched off.
IDENTIFIED_COLUMNS = tuple(
    (name, _TEXT) for name in ("session_id", "started_at", "time_zone", "source", "licence")
)
#: Words for surface and kind of session that name nobody; any other text is withheld as ``other``.
PLAIN_WORDS = frozenset(
    ("treadmill", "road", "track", "trail", "grass", "gravel", "sand", "indoor", "outdoor", "run", "walk",
     "easy", "long", "tempo", "recovery", "hills", "race", "intervals", "test", "car", "stairs")
)  # fmt: skip


def _result_columns() -> tuple[tuple[str, pa.DataType], ...]:
    out: list[tuple[str, pa.DataType]] = [
        ("n_contacts", _COUNT), ("n_steps", _COUNT), ("n_steps_reason", _TEXT),
        ("run_time_s", _NUMBER), ("walk_time_s", _NUMBER),
    ]  # fmt: skip
    for name in DISTRIBUTIONS:
        out += [(f"{name}_{part}", _NUMBER) for part in ("median", "p05", "p95")]
        out += [(f"{name}_n", _COUNT), (f"{name}_reason", _TEXT)]
        out += [(f"{name}_sd", _NUMBER), *((f"{name}_{foot}_median", _NUMBER) for foot in ("left", "right"))]
    for name in MORE_DISTRIBUTIONS:
        out += [
            (f"{name}_{part}", _NUMBER)
            for part in ("median", "p05", "p95", "sd", "left_median", "right_median")
        ]
        out.append((f"{name}_n", _COUNT))
    out += [("asymmetry_contact_pct", _NUMBER), ("asymmetry_contact_pct_reason", _TEXT)]
    for name in FLAGS:
        out += [(f"flag_{name}_n", _COUNT), (f"flag_{name}_s", _NUMBER)]
    out += [("valid_strides_pct", _NUMBER), ("n_strides", _COUNT), ("clock_residual_ms", _NUMBER)]
    out += [("stride_gain_applied", _NUMBER), ("stride_gain_found", _NUMBER)]
    out += [(f"n_strides_{code}", _COUNT) for code in REASON_CODES]
    out += [(f"{place}_{name}", kind) for place in PLACEMENTS for name, kind in SENSOR_COLUMNS]
    return tuple(out)


RESULT_COLUMNS = _result_columns()


def sessions_schema(identified: bool) -> pa.Schema:
    """Return the columns of the ``sessions`` table; ``identified`` adds what could name a person or a day."""
    extra = IDENTIFIED_COLUMNS if identified else ()
    return pa.schema([*KEY_COLUMNS, *STATUS_COLUMNS, *extra, *FACT_COLUMNS, *RESULT_COLUMNS, *HASH_COLUMNS])


_STRIDE_TEXTS = ("foot", "mode", "reasons", "implausible")
STRIDES_SCHEMA = pa.schema(
    [
        (name, _TEXT if name in _STRIDE_TEXTS else _COUNT if name in WHOLE_NUMBERS else _NUMBER)
        for name in STRIDE_COLUMNS
    ]
)
SEGMENTS_SCHEMA = pa.schema([("start_s", _NUMBER), ("end_s", _NUMBER), ("mode", _TEXT)])
FLAGS_SCHEMA = pa.schema(
    [
        ("flag", _TEXT), ("start_s", _NUMBER), ("end_s", _NUMBER), ("window_s", _NUMBER), ("n_strides", _COUNT),
        ("value", _NUMBER), ("reference", _NUMBER), ("reference_kind", _TEXT), ("uncertainty", _NUMBER),
        ("terms", _TEXT),
    ]
)  # fmt: skip


def fact_values(recording: Recording) -> dict[str, Any]:
    """Return what is known about a session besides its result; ``subject_id`` and ``info`` as they came."""
    ends = [float(item.t_s[-1]) for item in recording.sensors.values() if item.t_s.size]
    runner = recording.runner
    extra = recording.info.get("runner")
    subject = extra.get("subject_id") if isinstance(extra, dict) else None
    return {
        "duration_s": max(ends, default=None),
        "placements": ";".join(name for name in PLACEMENTS if name in recording.sensors),
        "height_m": runner.height_m,
        "leg_length_m": runner.leg_length_m,
        "mass_kg": runner.mass_kg,
        "surface": _text_or_none(recording.context.get("surface")),
        "session_kind": _text_or_none(recording.context.get("session_kind")),
        "subject_id": _text_or_none(subject),
        **{name: _text_or_none(recording.info.get(name)) for name, _ in IDENTIFIED_COLUMNS},
    }


def result_values(summary: dict[str, Any], recording: Recording) -> dict[str, Any]:
    """Return ``summary.json`` as one flat row; a value that is not there is left out, never 0."""
    quality = summary["quality"]
    names = ("n_contacts", "n_steps", "n_steps_reason", "run_time_s", "walk_time_s")
    out: dict[str, Any] = {name: summary[name] for name in names}
    for name in DISTRIBUTIONS:
        out |= {f"{name}_{part}": value for part, value in summary[name].items() if part != "value"}
    asymmetry = summary["asymmetry_contact_pct"]
    if isinstance(asymmetry, dict):
        out["asymmetry_contact_pct_reason"] = asymmetry["reason"]
    else:
        out["asymmetry_contact_pct"] = asymmetry
    for name in FLAGS:
        if not is_judged(summary, name):
            continue  # not looked for, so neither up nor not up
        spans = [item["end_s"] - item["start_s"] for item in summary["flags"] if item["flag"] == name]
        out[f"flag_{name}_n"], out[f"flag_{name}_s"] = len(spans), float(sum(spans))
    out |= {name: quality[name] for name in ("valid_strides_pct", "n_strides", "clock_residual_ms")}
    calibration = quality["calibration"]
    out["stride_gain_applied"] = calibration["gain_applied"]
    out["stride_gain_found"] = calibration["gain_found"]
    # A reason no stride carries was counted: that 0 is known.
    out |= {f"n_strides_{code}": quality["reason_counts"].get(code, 0) for code in REASON_CODES}
    for place, ledger in quality["sensors"].items():
        values = {"n_samples": int(recording.sensors[place].t_s.size)}
        for name, _ in SENSOR_COLUMNS:
            known = [ledger[key] for key in _LEDGER_NAMES.get(name, (name,)) if key in ledger]
            if known and name not in values:
                values[name] = known[0]
        out |= {f"{place}_{name}": value for name, value in values.items()}
    return out


def stride_values(strides: GaitTable) -> dict[str, Any]:
    """Return spread and sides, overstriding and braking, of the same strides as ``summary.json``.

    What too few strides know is left out.
    """
    good = sure_gait(strides, "run")
    out: dict[str, Any] = {}
    for name in (*DISTRIBUTIONS, *MORE_DISTRIBUTIONS):
        values = good[name]
        found = distribution(values, "")
        if "median" not in found:
            continue
        out[f"{name}_sd"] = float(np.nanstd(values, ddof=1))
        if name in MORE_DISTRIBUTIONS:
            out |= {f"{name}_{part}": value for part, value in found.items()}
        for foot in ("left", "right"):
            side = distribution(values[good["foot"] == foot], "")
            if "median" in side:
                out[f"{name}_{foot}_median"] = side["median"]
    return out


def flag_rows(flags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return ``flags.json`` as flat rows of ``FLAGS_SCHEMA``."""
    return [
        {"flag": item["flag"], "start_s": item["start_s"], "end_s": item["end_s"]}
        | item["evidence"]
        | {"terms": ";".join(item["evidence"]["terms"])}
        for item in flags
    ]


def plain_word(text: str | None) -> str | None:
    """Return a word that names nobody, ``other`` for any other text, None for none."""
    return text if text is None or text in PLAIN_WORDS else "other"


def _text_or_none(value: Any) -> str | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    return str(value)[:200] or None
