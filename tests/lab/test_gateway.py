"""The counting of calls in the gateway's log."""

from hypothesis import given
from hypothesis import strategies as st

from lab.gateway import Calls

spans = st.tuples(st.floats(0, 100), st.floats(0.1, 100)).map(lambda both: (both[0], both[0] + both[1]))


@given(st.lists(spans, max_size=8))
def test_calls_are_at_once_as_often_as_some_moment_lies_in_all_of_them(spans: list[tuple[float, float]]) -> None:
    most = Calls(spans=spans).at_once()
    moments = [moment for span in spans for moment in span]
    assert most == max((sum(begun <= moment < ended for begun, ended in spans) for moment in moments), default=0)


def test_calls_one_after_the_other_are_not_at_once() -> None:
    assert Calls(spans=[(0.0, 1.0), (1.0, 2.0), (2.5, 3.0)]).at_once() == 1
    assert Calls(spans=[(0.0, 1.0), (0.5, 2.0), (0.9, 3.0)]).at_once() == 3
