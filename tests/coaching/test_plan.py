from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallrun.coaching import fade_share, plan_session
from tallrun.errors import UsageError


@given(
    minutes=st.floats(0.5, 90.0),
    session=st.integers(1, 12),
    start_s=st.floats(0.0, 600.0),
    is_uncued=st.booleans(),
)
def test_blocks_are_gap_free_and_cover_the_session(minutes, session, start_s, is_uncued):
    plan = plan_session(60.0 * minutes, session, start_s, is_uncued=is_uncued)
    assert plan.blocks[0].start_s == start_s
    assert plan.blocks[-1].end_s == pytest.approx(start_s + 60.0 * minutes)
    for before, after in pairwise(plan.blocks):
        assert before.end_s == after.start_s
        assert before.kind != after.kind
    if is_uncued:
        assert plan.cued_s == 0.0


@pytest.mark.parametrize(
    ("session", "share"), [(1, 1.0), (4, 1.0), (5, 0.75), (6, 0.5), (7, 0.25), (8, 0.1), (9, 0)]
)
def test_feedback_fades_over_eight_sessions(session, share):
    assert fade_share(session) == share
    plan = plan_session(3600.0, session)
    cueable_s = 3600.0 - 120.0 - 90.0
    assert plan.cued_s / cueable_s == pytest.approx(share, abs=1.1 * 60.0 / cueable_s)


def test_faded_minutes_are_scattered():
    kinds = [item.kind for item in plan_session(3600.0, 6).blocks]
    assert kinds.count("cued") >= 20


def test_a_session_of_no_length_is_refused():
    with pytest.raises(UsageError, match="above 0 s"):
        plan_session(0.0)
    with pytest.raises(UsageError, match="counted from 1"):
        fade_share(0)
