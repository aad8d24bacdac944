"""The order of events depends on their times, not on how they arrived."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tallrun.pipeline.order import LAG_LIMIT_S, EventOrder


def drain(order, final=False):
    return [(at_s, item) for at_s, _, item in order.ready(math.inf if final else None)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0.0, 0.9 * LAG_LIMIT_S))
def test_any_interleaving_inside_the_window_gives_one_order(seed, n_pieces, lag_s):
    rng = np.random.default_rng(seed)
    streams = {name: np.sort(rng.uniform(0.0, 10.0, 60)) for name in ("a", "b", "c")}
    expected = sorted((time, rank) for rank, name in enumerate(streams) for time in streams[name])
    order = EventOrder(tuple(streams))
    seen = []
    fed = dict.fromkeys(streams, 0)
    lags = dict.fromkeys(streams, 0.0) | {str(rng.choice(["a", "b", "c"])): lag_s}
    for edge in np.linspace(0.0, 11.0, n_pieces + 1)[1:]:
        # sensors of one piece are handed over together; one of them lags
        for rank, name in enumerate(streams):
            upto = edge - lags[name]
            while fed[name] < 60 and streams[name][fed[name]] <= upto:
                order.put(streams[name][fed[name]], rank, (streams[name][fed[name]], rank))
                fed[name] += 1
            order.saw(name, upto)
        seen += [item for _, item in drain(order)]
    for rank, name in enumerate(streams):
        for time in streams[name][fed[name] :]:
            order.put(time, rank, (time, rank))
    seen += [item for _, item in drain(order, final=True)]
    assert seen == expected


def test_a_silent_sensor_stops_holding_the_others_back():
    order = EventOrder(("a", "b"))
    order.saw("a", 10.0)
    assert order.watermark_s == 10.0 - LAG_LIMIT_S
    order.saw("b", 9.9)
    assert order.watermark_s == 9.9


def test_the_session_clock_goes_on_without_any_sensor():
    order = EventOrder(("a",))
    order.put(5.0, 4, "question")
    assert drain(order) == []
    order.tick(5.9)
    assert drain(order) == []
    order.tick(6.1)
    assert drain(order) == [(5.0, "question")]
    assert math.isclose(order.now_s, 5.0)


def test_what_comes_too_late_takes_effect_now_and_not_in_the_past():
    order = EventOrder(("a",))
    order.saw("a", 10.0)
    order.put(8.0, 0, "first")
    drain(order)
    order.put(7.0, 1, "late")
    assert drain(order) == [(8.0, "late")]
