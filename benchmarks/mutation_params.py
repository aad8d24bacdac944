"""Which tunables of the engines a quick check sees when they are off by 20 %.

    python benchmarks/mutation_params.py [--only NAME ... | --unseen]

Every number of the engines' parameters is taken times 0.8 and 1.2, one at a time, and the shipped recordings are
analysed again, as they are and without their gyroscopes, then the simulated sessions of ``before_after.py`` (slow and
quick sensors, losses, cut-off tops, bends, stairs, slides, a mount that slips). A number is seen when any stride table
differs from the usual one; the others are listed as insensitive: nothing in all these would tell if they were wrong.
``sensitivity_foot.py`` says how much a change costs on real ground. The lists are kept in ``results/tunables.json`` and
``.md``; with ``--only``, after a new tunable or another value, the rest stays as it was found and what is no tunable
any more goes; with ``--unseen`` only those listed as insensitive are looked at again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from before_after import simulated
from tallrun.gait import acc_only_kernel, foot, pelvis
from tallrun.gait.acc_only_kernel import AccFootParams
from tallrun.gait.foot_params import FootParams
from tallrun.gait.pelvis_params import PelvisParams
from tallrun.numerics.recording import Recording
from tallrun.pipeline import analyse
from tallrun.sessions import read_session

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"
FACTORS = (0.8, 1.2)
#: What a sensor says of itself, not a tunable.
GIVEN = {"rate_hz", "has_gyroscope", "clip_mps2", "clip_g"}
ENGINES: tuple[tuple[Any, type[Any]], ...] = (
    (foot, FootParams),
    (pelvis, PelvisParams),
    (acc_only_kernel, AccFootParams),
)
Found = dict[str, dict[str, dict[str, float]]]
RESULTS = Path(__file__).resolve().parent / "results"
HEAD = """Made by `python benchmarks/mutation_params.py`: each tunable × 0.8 and × 1.2, one at a time, on the shipped
recordings, as they are and without their gyroscopes, and on the simulated sessions of `before_after.py`. Seen: a
stride table changed. Insensitive: nothing in them would tell.
"""


def tunables(params: type[Any]) -> dict[str, float]:
    """Return names and values of what can be tuned."""
    defaults = params._field_defaults.items()
    return {name: value for name, value in defaults if name not in GIVEN and not isinstance(value, bool)}


def without_gyroscopes(recording: Recording) -> Recording:
    """Return a recording as plain accelerometers would have made it."""
    sensors = {
        place: replace(item, spec=replace(item.spec, has_gyroscope=False), gyr_radps=None)
        for place, item in recording.sensors.items()
    }
    return replace(recording, sensors=sensors)


@contextmanager
def changed(module: Any, params: type[Any], name: str, value: float) -> Iterator[None]:
    """Let the engine of a module take its parameters with one number changed."""

    def made(*args: Any, **more: Any) -> Any:
        return params(*args, **more)._replace(**{name: value})

    setattr(module, params.__name__, made)
    try:
        yield
    finally:
        setattr(module, params.__name__, params)


def strides(recording: Recording) -> pd.DataFrame:
    """Return the stride table as the engines stand."""
    return analyse(recording).tables.strides


def is_seen(
    module: Any, params: type[Any], name: str, recordings: list[Recording], usual: list[pd.DataFrame]
) -> bool:
    """Tell whether a change of the number, either way, changes a table; an engine that fails counts as seen."""
    value = params._field_defaults[name]
    for factor in FACTORS:
        to = round(value * factor) if isinstance(value, int) else value * factor
        if to == value:  # a small whole number: the next one
            to = value + (1 if factor > 1.0 else -1)
        try:
            with changed(module, params, name, to):
                if any(
                    not strides(item).equals(table) for item, table in zip(recordings, usual, strict=True)
                ):
                    return True
        except Exception:
            return True
    return False


def kept() -> Found:
    """Return the lists as they were kept; empty where there are none yet."""
    file = RESULTS / "tunables.json"
    found: Found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found


def write(found: Found) -> None:
    """Keep the lists, for a test and for a reader."""
    (RESULTS / "tunables.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    parts = [HEAD]
    for name, lists in found.items():
        n_seen, n_all = len(lists["seen"]), len(lists["seen"]) + len(lists["insensitive"])
        parts.append(f"### {name}: {n_seen} of {n_all} seen\n")
        rows = [f"| {key} | {value:g} |" for key, value in lists["insensitive"].items()]
        parts.append("\n".join(["| insensitive | value |", "|---|---|", *rows]) + "\n")
    (RESULTS / "tunables.md").write_text("\n".join(parts), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="names of tunables")
    parser.add_argument("--unseen", action="store_true", help="those listed as insensitive")
    given = parser.parse_args()
    only = set(given.only or ())
    if given.unseen:
        only |= {name for lists in kept().values() for name in lists["insensitive"]}
    recordings = [read_session(place.parent) for place in sorted(RECORDINGS.glob("*/session.json"))]
    recordings.sort(key=lambda item: sum(sensor.t_s.size for sensor in item.sensors.values()))
    recordings += [without_gyroscopes(item) for item in recordings]
    recordings += [item for _, item in simulated()]
    usual = [strides(item) for item in recordings]
    earlier = kept() if only else {}
    found: Found = {}
    for module, params in ENGINES:
        lists: dict[str, dict[str, float]] = {"seen": {}, "insensitive": {}}
        before = {name: kind for kind, names in earlier.get(params.__name__, lists).items() for name in names}
        for name, value in tunables(params).items():
            if only and name not in only:
                if name in before:
                    lists[before[name]][name] = earlier[params.__name__][before[name]][name]
                continue
            kind = "seen" if is_seen(module, params, name, recordings, usual) else "insensitive"
            lists[kind][name] = value
            if only:
                print(f"{params.__name__}.{name}: {kind}", flush=True)
        found[params.__name__] = lists
        print(f"{params.__name__}: {len(lists['seen'])} seen, {len(lists['insensitive'])} not")
        print("  insensitive:", ", ".join(lists["insensitive"]) or "none", flush=True)
    write(found)


if __name__ == "__main__":
    main()
