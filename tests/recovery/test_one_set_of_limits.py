"""One set of limits: every part of tallrun reckons with the protocol in force, and tightening never frees anything."""

from __future__ import annotations

import ast
import re
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tallrun
from support.recovery_histories import is_freer, random_history
from tallrun.coaching.target import ABOVE_EXPECTED_SPM, RAISE_SHARE
from tallrun.gait.asymmetry import AsymmetryMonitor, JumpLimits
from tallrun.gait.rows import MODE_RUN
from tallrun.gait.strides import Stride
from tallrun.insight.due import everything_due, questions_due
from tallrun.journal.desk import load_protocol
from tallrun.pipeline.live_run import jump_limits
from tallrun.recovery import ClinicianEntry, LiveEvent, PlannedSession, exercise_phase, live_rules, verdict
from tallrun.recovery.model import RUNGS
from tallrun.recovery.plan_guard import plan_guard
from tallrun.recovery.timeline import Timeline

PROTOCOL = load_protocol()
SOURCE = Path(tallrun.__file__).parent
#: Where the untightened file may be named, and why. Anything new that takes it fails here: take ``Records.protocol``.
MAY_TAKE_THE_FILE = {
    "journal/desk.py": "builds the protocol in force",
    "journal/clinician.py": "checks a new entry against the file",
    "cli/recovery_clinician.py": "checks a new entry against the file",
    "journal/profile.py": "names of the tests, before the runner exists",
    "cli/recovery_setup.py": "lists the questions, before the runner exists",
    "cli/recovery_common.py": "hands it on",
    "cli/report.py": "a recording of nobody in the records",
    "cli/clinic.py": "a recording of nobody in the records",
    "web/kept.py": "pages of recordings of nobody in the records; the app gives the rules in force",
    "web/desk.py": "nobody or several people in the records",
    "journal/sessions.py": "whether a level has walk breaks, which no entry changes",
    "live/setup.py": "a walk of nobody in the records",
    "library.py": "verdict() tightens it by the history it is given",
}


def stricter_value(key: str, rnd: Random) -> float:
    """A random allowed value of a number, at least as strict as the shipped one."""
    part, name = key.split(".")
    section = getattr(PROTOCOL.data, part)
    now = getattr(section, name)
    least, most = 0.0, 2.0 * now + 1.0
    for bound in type(section).model_fields[name].metadata:
        least, most = getattr(bound, "ge", least), min(getattr(bound, "le", most), most)
    low, high = (least, now) if PROTOCOL.directions[key] == "lower" else (now, most)
    return rnd.randint(int(low), int(high)) if isinstance(now, int) else rnd.uniform(low, high)


def tightenings(rnd: Random, parts: tuple[str, ...] = ()) -> dict[str, float]:
    """One to three numbers made stricter, of some parts of the file or of all."""
    keys = sorted(key for key in PROTOCOL.directions if not parts or key.split(".")[0] in parts)
    return {key: stricter_value(key, rnd) for key in rnd.sample(keys, rnd.choice((1, 1, 2, 3)))}


def test_the_untightened_file_is_taken_only_where_no_runner_is_concerned():
    takers = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
            if named in ("load_protocol", "protocol_texts"):
                takers.add(path.relative_to(SOURCE).as_posix())
    assert takers <= {*MAY_TAKE_THE_FILE, "resources.py"}, "these bypass the clinician's entries"


def test_no_default_elsewhere_differs_from_the_file():
    assert JumpLimits() == jump_limits(PROTOCOL)
    assert RAISE_SHARE == 1 + PROTOCOL.gait.cadence_rise_pct / 100
    assert ABOVE_EXPECTED_SPM == PROTOCOL.gait.cadence_over_expected_spm


@pytest.mark.parametrize("key", sorted(PROTOCOL.directions))
def test_every_number_reaches_everybody_through_one_object(key):
    rnd = Random(key)
    value = stricter_value(key, rnd)
    history, now, _ = random_history(1, PROTOCOL)
    entry = ClinicianEntry(now - timedelta(days=3), tighten={key: value})
    mine = PROTOCOL.in_force((entry,), now)
    part, name = key.split(".")
    assert getattr(getattr(mine, part), name) == value
    timeline = Timeline(PROTOCOL, replace(history, clinician=(entry,)), now)
    assert timeline.protocol.data == mine.data
    assert mine.in_force((entry,), now).data == mine.data, "taking it in twice changes nothing"
    assert PROTOCOL.in_force((entry,), now - timedelta(days=4)) is PROTOCOL.shipped
    limits = asdict(jump_limits(mine))
    if part == "live" and name.removeprefix("jump_") in limits:
        assert limits[name.removeprefix("jump_")] == value


def test_of_two_entries_the_stricter_holds_and_a_raised_green_limit_stays_below_both():
    now = random_history(1, PROTOCOL)[1]
    ago = [now - timedelta(days=day) for day in (5, 3, 1)]
    strict = ClinicianEntry(ago[0], tighten={"pain.stop_above": 4})
    laxer = ClinicianEntry(ago[1], tighten={"pain.stop_above": 5})
    raised = ClinicianEntry(ago[2], green_limit=5)
    for order in ((strict, laxer, raised), (raised, laxer, strict)):
        mine = PROTOCOL.in_force(order, now)
        assert (mine.pain.stop_above, mine.pain.green_limit) == (4, 4)


def test_a_lower_stop_takes_the_green_limit_with_it():
    mine = PROTOCOL.tightened({"pain.stop_above": 2})
    assert (mine.pain.stop_above, mine.pain.green_limit) == (2, 2)
    assert [action.action for action in live_rules(mine, [LiveEvent(10, "score", 3)])[0]] == ["STOP"]


@settings(max_examples=150)
@example(5007253645)  # the file alone knew a red session, the tightened rules none
@given(st.integers(0, 2**40))
def test_tightening_never_frees_verdict_plan_or_questions(seed):
    rnd = Random(seed)
    history, now, plan = random_history(seed, PROTOCOL)
    since = min(screen.at for screen in history.screens)
    entry = ClinicianEntry(since, tighten=tightenings(rnd))
    tight = replace(history, clinician=(*history.clinician, entry))
    before, after = (verdict(PROTOCOL, rows, None, now, plan) for rows in (history, tight))
    assert not is_freer(after, before), entry.tighten
    assert after.reason or after.state in ("REFER", "CLINICIAN"), entry.tighten
    if after.state not in ("RUN", "REFER", "CLINICIAN"):
        closed = {item.id for item in before.way_out if item.met is not True}
        assert closed <= {item.id for item in after.way_out if item.met is not True}, entry.tighten
    assert isinstance(everything_due(PROTOCOL, tight, now), tuple)
    wish = PlannedSession(
        now, rung=rnd.choice((None, *RUNGS)), run_minutes=rnd.choice((None, 8, 20, 45)),
        speed_mps=rnd.choice((None, 3.0)), incline_max_pct=rnd.choice((None, 0.8)), distance_m=rnd.choice((None, 7000)),
    )  # fmt: skip
    was, became = (plan_guard(PROTOCOL, rows, None, now, wish) for rows in (history, tight))
    assert was.accepted or not became.accepted, entry.tighten
    assert exercise_phase(PROTOCOL, tight, now).phase <= 3
    assert isinstance(questions_due(PROTOCOL, tight, now), tuple)


_HARSH = {"GO_ON": 0, "ASK": 1, "WALK": 2, "STOP": 3, "REFER": 4}


@settings(max_examples=200)
@given(st.integers(0, 2**40))
def test_tightening_never_frees_a_run(seed):
    """Where the file alone has stopped the run, the tightened rules have stopped it or have the runner walk."""
    rnd = Random(seed)
    # How long the walks last only moves the question after them.
    walks = {"live.ask_walk_s", "live.check_walk_s"}
    found = tightenings(rnd, ("pain", "live"))
    tight = PROTOCOL.tightened({key: value for key, value in found.items() if key not in walks})
    events, t_s = [], 0.0
    for _ in range(rnd.randrange(1, 12)):
        t_s += rnd.choice((5, 30, 70, 200, 700))
        kind = rnd.choice(("score", "score", "score", "jump", "quality", "tick"))
        value = {"score": rnd.randrange(8), "quality": rnd.choice((0.5, 0.6, 0.7))}.get(kind)
        if kind == "jump" and live_rules(tight, [*events, LiveEvent(t_s, "tick")])[1].waiting_for:
            continue  # nobody's running steps are uneven while the rules have them walk
        events.append(LiveEvent(t_s, kind, value))
        before, after = live_rules(PROTOCOL, events)[1], live_rules(tight, events)[1]
        assert not before.stopped or after.stopped or after.waiting_for, (tight.stricter, events)


@settings(max_examples=25)
@given(st.integers(0, 2**40))
def test_a_tightened_monitor_tells_of_a_limp_no_later(seed):
    rnd = Random(seed)
    tight = PROTOCOL.tightened(tightenings(rnd, ("live",)))
    own, sd, limp = rnd.uniform(-3, 3), rnd.uniform(0.2, 4), rnd.uniform(0, 20)
    strides = []
    for k in range(400):
        shift = (own + (limp if k > 120 else 0) + rnd.gauss(0, 1.5)) / 400
        foot = ("left", "right")[k % 2]
        stance_s = 0.25 * (1 + (shift if foot == "right" else -shift))
        strides.append(Stride(foot=foot, initial_contact_s=float(k), stance_time_s=stance_s, mode=MODE_RUN,
                              stance_sigma_s=rnd.choice((0.012, 0.02, 0.028)), reasons=0))  # fmt: skip
    first = []
    for protocol in (PROTOCOL, tight):
        monitor = AsymmetryMonitor(own, sd, jump_limits(protocol))
        told = (k for k, stride in enumerate(strides) if monitor.feed(stride, float(k)) is not None)
        first.append(next(told, 10**9))
    assert first[1] <= first[0], tight.stricter


@pytest.mark.parametrize(
    "group", ["states", "rules", "notices", "changes", "plan", "live", "exercise", "grades"]
)
def test_no_text_has_a_limit_written_in(group):
    """What is said follows from the numbers in force: texts name them, and never repeat them."""
    allowed = re.compile(r"\b(0 to 10|24 or 48 hours|24 hours|7 days are|[VFIH]\d)\b|\{[^}]*\}")
    for key, text in getattr(PROTOCOL.data.texts, group).items():
        assert not re.search(r"\d", allowed.sub("", text)), f"{group}.{key}: {text}"
    assert "6 or more" in PROTOCOL.texts.rules["TD1"]
    assert "5 or more" in PROTOCOL.tightened({"pain.stop_above": 4}).texts.rules["TD1"]
