"""Safety properties over many random histories: ``python benchmarks/recovery_histories.py [COUNT] [FIRST_SEED]``.

Prints the count, the spread of states, comparisons set aside because a baseline or trend moved, and every
violation with its seed; exit 1 when there is one. One seed is one history and one property (the seed's rest
modulo 4): a worse score, a score left out, a score masked, or a red flag added; the order of rows with it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.recovery_histories import check_properties, random_history
from tallrun.recovery import (
    Diagnosis,
    ExerciseSession,
    History,
    PainScore,
    Protocol,
    Runner,
    RunSession,
    Screen,
)
from tallrun.recovery import verdict as give_verdict
from tallrun.resources import protocol_texts


def year_of_entries(protocol: Protocol) -> tuple[History, datetime]:
    """A year with two scores a day, a run every other day and three exercise sessions a week, no advice kept."""
    first = datetime(2025, 1, 1, 7, 0, tzinfo=UTC)
    scores, sessions, exercises, screens = [], [], [], []
    clear: dict[str, bool | None] = {question.id: False for question in protocol.screening.questions}
    for day in range(365):
        morning = first + timedelta(days=day)
        scores.append(PainScore(f"m{day}", morning, "morning", 1))
        scores.append(PainScore(f"e{day}", morning + timedelta(hours=13), "after", 1))
        if day % 2:
            start = morning + timedelta(hours=11)
            sessions.append(RunSession(f"r{day}", start, start + timedelta(minutes=40), rung="V3", run_minutes=15,
                                       surface="road", limping=False))  # fmt: skip
        if day % 7 in (0, 2, 4):
            exercises.append(ExerciseSession(f"x{day}", morning + timedelta(hours=9), 1, pain_during=1))
        if day % 21 == 0:
            screens.append(Screen(morning - timedelta(hours=1), clear, frozenset({"ache"})))
    history = History(Runner("Europe/Amsterdam", born_on=date(1990, 1, 1)), tuple(scores), tuple(sessions),
                      tuple(exercises), tuple(screens), diagnoses=(Diagnosis(first, True),))  # fmt: skip
    return history, first + timedelta(days=364, hours=14)


def main(arguments: list[str]) -> int:
    """Run the sweep and the year."""
    count = int(arguments[0]) if arguments else 200_000
    first_seed = int(arguments[1]) if len(arguments) > 1 else 0
    protocol = Protocol.from_toml(protocol_texts()["pht"])
    began = time.process_time()
    violations: list[str] = []
    moved = 0
    states: Counter[str] = Counter()
    for seed in range(first_seed, first_seed + count):
        wrong, apart = check_properties(seed, protocol)
        violations += wrong
        moved += apart
        if seed % 50 == 0:
            history, now, plan = random_history(seed, protocol)
            states[give_verdict(protocol, history, None, now, plan).state] += 1
    spent_s = time.process_time() - began
    print(f"{count} histories from seed {first_seed}, {spent_s:.0f} s of processor time")
    print(f"states of every 50th: {dict(states)}")
    print(f"comparisons set aside because a baseline, trend or load test moved: {moved}")
    for line in violations:
        print(line)
    print(f"violations: {len(violations)}")
    history, now = year_of_entries(protocol)
    times_ms = []
    for _ in range(7):
        began = time.process_time()
        give_verdict(protocol, history, None, now)
        times_ms.append((time.process_time() - began) * 1e3)
    print(
        f"a year: {len(history.scores)} scores, {len(history.sessions)} runs: "
        f"median {sorted(times_ms)[3]:.0f} ms of processor time, first {times_ms[0]:.0f} ms"
    )
    return 1 if violations else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
