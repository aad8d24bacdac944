"""Which tunables of the engines a quick check sees when they are off by 20 %.

    python benchmarks/mutation_params.py [--only NAME ...]

Every number of ``gait/*_params.py`` is taken times 0.8 and 1.2, one at a time, and the shipped recordings are analysed
again. A number is seen when any stride table differs from the usual one; the others are listed as insensitive: nothing
in these recordings would tell if they were wrong. ``sensitivity_foot.py`` says how much a change costs on real ground.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from tallrun.gait import foot, pelvis
from tallrun.gait.foot_params import FootParams
from tallrun.gait.pelvis_params import PelvisParams
from tallrun.numerics.recording import Recording
from tallrun.pipeline import analyse
from tallrun.sessions import read_session

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"
FACTORS = (0.8, 1.2)
#: What a sensor says of itself, not a tunable.
GIVEN = {"rate_hz", "has_gyroscope", "clip_mps2"}
ENGINES: tuple[tuple[Any, type[Any]], ...] = ((foot, FootParams), (pelvis, PelvisParams))


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


def tables(recordings: list[Recording]) -> list[pd.DataFrame]:
    """Return the stride tables as the engines stand."""
    return [analyse(recording).tables.strides for recording in recordings]


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
                found = tables(recordings)
        except Exception:
            return True
        if not all(a.equals(b) for a, b in zip(found, usual, strict=True)):
            return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="names of tunables")
    only = parser.parse_args().only
    recordings = [read_session(place.parent) for place in sorted(RECORDINGS.glob("*/session.json"))]
    usual = tables(recordings)
    for module, params in ENGINES:
        names = [
            name
            for name, value in params._field_defaults.items()
            if name not in GIVEN and not isinstance(value, bool) and (not only or name in only)
        ]
        unseen = [name for name in names if not is_seen(module, params, name, recordings, usual)]
        print(f"{params.__name__}: {len(names) - len(unseen)} of {len(names)} seen")
        print("  insensitive:", ", ".join(unseen) or "none", flush=True)


if __name__ == "__main__":
    main()
