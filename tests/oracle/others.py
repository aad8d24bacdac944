"""Rows of section 8.3 as far as their notation can be read by a machine.

Read: ``live: ...`` (events between semicolons), ``plan: verdict ... , 30-d max X km, plan ...`` with distances,
``plan: ... +N % incline``, ``plan: verdict REST48, plan V0 walk, walking pain ...``, ``gait: own N, C_exp M``,
``gait:`` with flags in N GREEN sessions or a step in week N of the fade, ``exercise:`` lists of grades.
Alternatives are separated by `` / `` on both sides. ``screen:`` rows are free text and are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from oracle.build import NOW, ZONE, NotReadableError, VerdictRow, at, clear_answers
from tallrun.recovery.exercise import exercise_phase
from tallrun.recovery.gait_plan import GaitFacts, GaitSession, cadence_target_spm, gait_steps
from tallrun.recovery.live import LiveEvent, LiveRules, LiveState
from tallrun.recovery.model import (
    ExerciseSession,
    History,
    PainScore,
    PhaseEntry,
    PlannedSession,
    Runner,
    Screen,
)  # fmt: skip
from tallrun.recovery.plan_guard import plan_guard
from tallrun.recovery.protocol import Protocol

_FLAGS = {
    "overstride": "overstriding", "overstriding": "overstriding", "low cadence": "low_cadence",
    "tilt": "anterior_pelvic_tilt", "lean": "forward_lean",
}  # fmt: skip


def evaluate(given: str, expected: str, protocol: Protocol) -> Iterator[tuple[str, str]]:
    """Yield (state, text) for a row: same, differs or unreadable."""
    family, _, rest = given.partition(":")
    reader = {"live": _live, "plan": _plan, "gait": _gait, "exercise": _exercise}.get(family.strip().lower())
    if reader is None:
        raise NotReadableError(f"{family.strip()} rows are free text")
    wrong = reader(rest.strip(), expected, protocol)
    yield ("differs", wrong) if wrong else ("same", expected)


def _rule(expected: str) -> str | None:
    found = re.search(r"\(([A-Z]{2}\d+)", expected)
    return found[1] if found else None


# -- live ---------------------------------------------------------------------------------------------


def _live(text: str, expected: str, protocol: Protocol) -> str:
    rules, now_s, last = LiveRules(protocol), 1000.0, "GO_ON"

    def feed(kind: str, value: float | None = None) -> None:
        nonlocal last
        for action in rules.feed(LiveEvent(now_s, kind, value)):  # type: ignore[arg-type]
            last = action.action

    for part in re.split(r";", text):
        words = [word.strip() for word in part.split(",") if word.strip()]
        known = next((m for w in words if (m := re.fullmatch(r"last score (\d+)", w))), None)
        age = next((m for w in words if (m := re.fullmatch(r"(\d+) min old", w))), None)
        if known:
            rules.state = replace(
                rules.state, last_score=int(known[1]), last_score_s=now_s - 60.0 * int(age[1] if age else 1)
            )
        for word in words:
            now_s += 1.0
            if match := re.fullmatch(r"(?:score )?(\d+)", word):
                feed("score", int(match[1]))
            elif match := re.fullmatch(r"walk(?: (\d+) min)?", word):
                now_s += 60.0 * int(match[1] or 2)
                feed("tick")
            elif word in ("J", "J again"):
                feed("jump")
            elif re.fullmatch(r"no answer(?: in \d+ s)?", word):
                now_s += protocol.live.answer_s + 1.0
                feed("tick")
            elif re.fullmatch(r"limp(ing)?( reported)?", word):
                feed("limping", 1)
            elif re.fullmatch(r"red[- ]flag( button)?", word):
                feed("red_flag")
            elif re.fullmatch(r"sensor lost", word):
                feed("sensor_lost")
            elif match := re.fullmatch(r"quality (0?\.\d+|1)", word):
                feed("quality", float(match[1]))
            elif not re.fullmatch(r"no J|asked|last score \d+|\d+ min old|no score( for \d+ min)?", word):
                raise NotReadableError(f"live event {word!r}")
    state: LiveState = rules.state
    wanted = "REFER" if "REFER" in expected else "STOP" if "STOP" in expected else None
    wanted = wanted or ("GO_ON" if "go on" in expected.lower() else None)
    if wanted is None:
        raise NotReadableError(f"live outcome {expected!r}")
    grade = re.search(r"\b(AMBER|RED)\b", expected)
    rule = _rule(expected)
    if last != wanted or state.grade != (grade[1] if grade else None) or (rule and rule not in state.rules):
        return f"expected {expected}, got {last} {state.grade} {state.rules}"
    return ""


# -- plan ---------------------------------------------------------------------------------------------


def _plan(text: str, expected: str, protocol: Protocol) -> str:
    answers = [part.strip() for part in expected.split(" / ")]
    if match := re.search(r"as (\d+\.\d+) but the ([\d.]+) km was against advice, best other ([\d.]+)", text):
        runs = [(float(match[3]), False), (float(match[2]), True)]
        return _distance("V9", runs, [float(match[2])], answers, protocol)
    if match := re.search(r"verdict RUN (\w\d), 30-d max ([\d.]+) km, plan (.+)", text):
        plans = [float(km) for km in re.findall(r"([\d.]+) km", match[3])]
        return _distance(match[1], [(float(match[2]), False)], plans, answers, protocol)
    if match := re.search(r"verdict REST48, plan V0 walk, walking pain (.+)", text):
        wrong = []
        for score, answer in zip(re.findall(r"\d+", match[1]), answers, strict=True):
            row = VerdictRow("V5", "R", "red_h=30", protocol)
            history, _ = row.build()
            walking = PainScore("walk", at(0, 17, 30), "rest", int(score), provoked_by="level_walking")
            history = replace(history, scores=(*history.scores, walking))
            got = plan_guard(protocol, history, None, NOW, PlannedSession(NOW, rung="V0"))
            if got.accepted != answer.startswith("accept"):
                wrong.append(f"walking {score}: got accepted={got.accepted} {got.rules}")
        return "; ".join(wrong)
    if match := re.search(
        r"verdict RUN (\w\d), plan (\w\d) at ([+-]?\d+) % incline / one minute longer and faster", text
    ):
        row = VerdictRow(match[1], "G", "", protocol)
        history, _ = row.build()
        history = replace(
            history,
            runner=replace(history.runner, easy_speed_mps=3.0),
            sessions=tuple(replace(session, speed_mps=2.5) for session in history.sessions),
        )
        minutes = protocol.run_min[match[2]]
        plans = [
            PlannedSession(NOW, rung=match[2], run_minutes=minutes, incline_max_pct=float(match[3])),
            PlannedSession(NOW, rung=match[2], run_minutes=minutes + 1, speed_mps=2.7),
        ]
        wrong = []
        for plan, answer in zip(plans, answers, strict=True):
            guard = plan_guard(protocol, history, None, NOW, plan)
            rules = re.findall(r"PG\d", answer)
            if guard.accepted != answer.startswith("accept") or not set(rules) <= set(guard.rules):
                wrong.append(f"expected {answer}, got {guard.accepted} {guard.rules}")
        return "; ".join(wrong)
    raise NotReadableError(f"plan {text!r}")


def _distance(
    rung: str, runs: list[tuple[float, bool]], plans: list[float], answers: list[str], protocol: Protocol
) -> str:
    """runs : (km, against advice), old to new, at the rung, each GREEN. The distances become the runs' own."""
    row = VerdictRow(rung, " ".join("G!" if against else "G" for _, against in runs), "", protocol)
    history, _ = row.build()
    sessions = sorted(history.sessions, key=lambda session: session.started_at)
    for session, (km, _) in zip(sessions[-len(runs) :], runs, strict=True):
        sessions[sessions.index(session)] = replace(session, distance_m=km * 1000)
    history = replace(history, sessions=tuple(sessions))
    wrong = []
    caps = re.findall(r"cap ([\d.]+)", " ".join(answers))
    for km, answer in zip(plans, answers, strict=False):
        got = plan_guard(protocol, history, None, NOW, PlannedSession(NOW, rung=rung, distance_m=km * 1000))
        accepted = answer.startswith("accept")
        if got.accepted != accepted or (not accepted and "PG3" not in got.rules):
            wrong.append(f"{km} km: expected {answer}, got accepted={got.accepted} {got.rules}")
        elif not accepted and caps and got.cap_m != float(caps[0]) * 1000:
            wrong.append(f"{km} km: expected cap {caps[0]} km, got {got.cap_m} m")
    return "; ".join(wrong)


# -- gait and exercise --------------------------------------------------------------------------------


def _gait(text: str, expected: str, protocol: Protocol) -> str:
    if match := re.search(r"own ([\d.]+), C_exp ([\d.]+)", text):
        target = cadence_target_spm(protocol, float(match[1]), float(match[2]))
        no_step = expected.lower().startswith("no cadence step")
        wanted = re.search(r"target ([\d.]+)", expected)
        agrees = (
            target is None if no_step else wanted is not None and abs((target or 0) - float(wanted[1])) < 1
        )
        return "" if agrees else f"expected {expected}, got {target}"
    moved = bool(re.search(r"MV1 advances|ladder moves|surface changes|speed changes", text))
    found = frozenset(name for word, name in _FLAGS.items() if word in text)
    if match := re.search(r"(cadence|tall|tilt) in week (\d+) of the fade", text):
        green = GaitSession("GREEN", found or frozenset({"overstriding"}), step=match[1])
        sessions = (GaitSession("GREEN", frozenset({"overstriding"})),) * 3 + (green,) * (2 * int(match[2]))
    elif found:
        count = re.search(r"in (\d+) GREEN sessions", text)
        sessions = (GaitSession("GREEN", found),) * int(count[1] if count else 3)
    elif moved:
        sessions = (GaitSession("GREEN", frozenset({"overstriding"})),) * 3
    else:
        raise NotReadableError(f"gait {text!r}")
    got = gait_steps(protocol, GaitFacts(sessions, "RUN", moved, tilt_change_deg=7, tilt_uncertainty_deg=2))
    if "no new step" in expected:
        agrees = got.action in ("wait", "none")
    elif match := re.search(r"(start|stay on) (cadence|tall|tilt)", expected):
        agrees = (got.action, got.step) == (match[1].split()[0], match[2])
    else:
        raise NotReadableError(f"gait outcome {expected!r}")
    return "" if agrees else f"expected {expected}, got {got.action} {got.step} ({got.rule})"


def _exercise(text: str, expected: str, protocol: Protocol) -> str:
    wrong = []
    for part, answer in zip(text.split(" / "), expected.split(" / "), strict=True):
        match = re.match(r"P([123]) (.+)", part.strip())
        wanted = re.search(r"P([123])", answer)
        if match is None or wanted is None:
            raise NotReadableError(f"exercise {part!r}")
        grades: list[str] = []
        for word in match[2].split(","):
            times = re.fullmatch(r"\s*(GREEN|AMBER|LATE|RED)(?:\s*[×x]\s*(\d+))?\s*", word)
            if times is None:
                raise NotReadableError(f"exercise grade {word!r}")
            grades += [times[1]] * int(times[2] or 1)
        got = exercise_phase(protocol, _exercises(int(match[1]), grades, protocol), NOW).phase
        if got != int(wanted[1]):
            wrong.append(f"{part.strip()}: expected {answer.strip()}, got P{got}")
    return "; ".join(wrong)


def _exercises(phase: int, grades: list[str], protocol: Protocol) -> History:
    """Exercise sessions three days apart with the scores that give the grades, old to new."""
    exercise = protocol.exercise
    test = exercise.late_test if phase >= exercise.late_test_from_phase else exercise.early_test
    scores, rows = [], []
    first = 3 * len(grades)
    for ago in range(first + 20, 0, -1):
        scores.append(PainScore(f"m{ago}", at(ago, 11), "morning", 1, load_test=test, side="both"))
    for index, grade in enumerate(grades):
        ago = first - 3 * index
        during = {"AMBER": 4, "RED": 6}.get(grade, 1)
        late = 3 if grade == "LATE" else 1
        rows.append(ExerciseSession(f"e{index}", at(ago, 15), phase, pain_during=during, pain_after=1))
        scores.append(PainScore(f"h{index}", at(ago - 1, 15), "h24", late))
    screen = Screen(at(first + 10, 12), clear_answers(protocol), frozenset({"ache"}))
    return History(
        Runner(ZONE, born_on=date(1990, 1, 1)), tuple(scores), exercises=tuple(rows), screens=(screen,),
        phases=(PhaseEntry(at(first + 19, 12), phase),),
    )  # fmt: skip
