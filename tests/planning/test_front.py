import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from poolsim.planning.front import knee, pareto_front

ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.one_of(st.integers(0, 6), st.just(math.nan))), max_size=20
)


@given(ROWS)
def test_the_front_is_what_nothing_dominates(rows: list[tuple[float, float]]) -> None:
    table = np.array(rows, dtype=float).reshape(-1, 2)
    front = pareto_front(table)
    known = [row for row in rows if not math.isnan(row[1])]
    undominated = {
        row
        for row in known
        if not any(o != row and o[0] <= row[0] and o[1] <= row[1] for o in known)
    }
    assert {rows[number] for number in front} == undominated
    assert len(front) == len(undominated), "of equal rows one"
    assert [rows[number][0] for number in front] == sorted(rows[number][0] for number in front)


def test_the_knee_is_where_more_stops_helping() -> None:
    first = np.array([1.0, 2.0, 3.0, 4.0, 8.0])
    second = np.array([100.0, 20.0, 10.0, 9.0, 8.0])
    assert knee(first, second) == 1


def test_a_straight_line_and_two_points_have_no_knee() -> None:
    assert knee(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) is None
    assert knee(np.array([1.0, 2.0]), np.array([3.0, 1.0])) is None
    assert knee(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0])) is None
