"""What was tapped in a run is read from its marks alone, and nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.journal.desk import load_protocol
from tallrun.numerics.recording import Marker
from tallrun.pipeline.tapped import NOTHING_TAPPED, tapped_during
from tallrun.pipeline.taps import Tap, tap_marker

PROTOCOL = load_protocol()


def told(*taps, more=()):
    return tapped_during([*(tap_marker(t_s, tap) for t_s, tap in taps), *more], PROTOCOL)


@pytest.mark.parametrize(
    ("taps", "rules", "limped", "stopped"),
    [
        ([(10.0, Tap("pain", 6))], ("LV1",), False, True),
        ([(10.0, Tap("pain", 1))], (), False, False),
        ([(10.0, Tap("limping"))], ("LV3",), True, True),
        ([(10.0, Tap("held", item="limping"))], ("LV3",), True, True),
        ([(10.0, Tap("held", item="limping")), (12.0, Tap("released", item="limping"))], (), False, False),
        ([(10.0, Tap("red_flag", item="night_pain"))], ("LV2",), False, True),
        ([(10.0, Tap("held", item="red_flag"))], ("LV2",), False, True),
        ([(10.0, Tap("stop"))], (), False, False),
        ([(10.0, Tap("held", item="stop"))], (), False, False),
        ([(10.0, Tap("pain", 4)), (500.0, Tap("pain", 4))], ("LV6",), False, True),
    ],
)
def test_each_tap_tells_what_the_live_rules_make_of_it(taps, rules, limped, stopped):
    found = told(*taps)
    assert (found.rules, found.limped, found.stopped) == (rules, limped, stopped)


def test_a_stop_that_gait_had_a_part_in_is_known_by_its_mark():
    found = told(more=[Marker(80.0, "stop", "LV4 Stop now."), Marker(90.0, "stop", "end")])
    assert (found.rules, found.limped, found.stopped) == (("LV4",), False, True)


def test_marks_that_are_no_taps_tell_nothing():
    odd = [
        Marker(0.0, "pain", "11"),
        Marker(1.0, "pain", "x"),
        Marker(2.0, "note", "held: 7"),
        Marker(3.0, "lap"),
    ]
    assert tapped_during(odd, PROTOCOL) == NOTHING_TAPPED
    assert not NOTHING_TAPPED.is_something


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["pain", "limping", "red_flag"]), st.integers(0, 10)),
        max_size=8,
    )
)
def test_whatever_is_tapped_in_whatever_order_is_there(items):
    marks = [tap_marker(t_s, Tap(kind, score if kind == "pain" else None, "x")) for t_s, kind, score in items]
    found = tapped_during(marks, PROTOCOL)
    assert sorted(score for _, score in found.scores) == sorted(
        score for _, kind, score in items if kind == "pain"
    )
    assert ("LV2" in found.rules) == any(kind == "red_flag" for _, kind, _ in items)
    assert found.rules or max([0, *(score for _, score in found.scores)]) <= PROTOCOL.pain.stop_above
