"""What the search believes of points that it has not simulated."""

from __future__ import annotations

import numpy as np

from poolsim.planning.recommend.surrogate import LENGTHS, Floats, Surrogate

LONGEST = LENGTHS[-1]


def spread(count: int, axes: int) -> Floats:
    """Points that leave no part of the unit cube empty."""
    steps = np.sqrt(np.array([2, 3, 5, 7, 11, 13][:axes], dtype=np.float64))
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0


def test_it_goes_through_what_is_known_and_doubts_what_is_far_away() -> None:
    known = spread(20, 2)
    values = np.sin(3 * known[:, 0]) + known[:, 1]
    at_known = Surrogate().predict(known, values, known)
    assert np.abs(at_known.mean - values).max() < 0.02
    far = Surrogate().predict(known, values, np.array([[4.0, 4.0]]))
    assert far.deviation[0] > 5 * at_known.deviation.max()


def test_a_parameter_that_changes_nothing_costs_no_points() -> None:
    known = spread(30, 4)
    values = np.exp(-4 * known[:, 1])
    surrogate = Surrogate()
    wanted = spread(200, 4)[50:]
    found = surrogate.predict(known, values, wanted)
    # At the rim there is nothing beyond to go by, so the mean over all of them.
    assert np.abs(found.mean - np.exp(-4 * wanted[:, 1])).mean() < 0.01
    assert [length == LONGEST for length in surrogate.lengths] == [True, False, True, True]


def test_a_few_points_do_not_tell_parameters_apart() -> None:
    known = spread(4, 3)
    surrogate = Surrogate()
    surrogate.predict(known, known[:, 0].copy(), spread(5, 3))
    assert len(set(surrogate.lengths)) == 1


def test_lengths_are_kept_while_data_grow_little() -> None:
    known = spread(40, 2)
    surrogate = Surrogate()
    surrogate.predict(known[:30], known[:30, 0], known)
    before = surrogate.lengths
    surrogate.predict(known[:31], known[:31, 1], known)
    assert surrogate.lengths == before
    surrogate.predict(known, known[:, 1], known)
    assert surrogate.lengths != before


def test_equal_values_predict_themselves() -> None:
    found = Surrogate().predict(spread(5, 2), np.full(5, 3.0), spread(3, 2))
    assert found.mean.tolist() == [3.0, 3.0, 3.0]
    assert (found.deviation < 1e-6).all()
