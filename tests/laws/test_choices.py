import numpy as np
import pytest

from poolsim.model.laws.choices import codes, integers_between, listed, yes_with

LOWEST = np.array([2.0**-53])
HIGHEST = np.array([1 - 2.0**-53])
MIDDLES = (np.arange(3000) + 0.5) / 3000


def test_integers_are_uniform_and_reach_both_ends() -> None:
    values, counts = np.unique(integers_between(85, 87)(MIDDLES, 0), return_counts=True)
    assert values.tolist() == [85, 86, 87]
    assert counts.tolist() == [1000, 1000, 1000]
    assert integers_between(85, 87)(HIGHEST, 0).tolist() == [87]


def test_codes_span_52_bits_and_their_low_bits_vary() -> None:
    cells = np.random.default_rng(3).integers(0, 1 << 52, 4000)
    made = codes()((cells + 0.5) * 2.0**-52, 0)
    np.testing.assert_array_equal(made, cells)
    assert np.bincount(made % 4, minlength=4).min() > 800


def test_yes_with_a_share() -> None:
    assert yes_with(0.25)(MIDDLES, 0).sum() == 750
    assert yes_with(1.0)(HIGHEST, 0).tolist() == [1]
    assert yes_with(0.0)(LOWEST, 0).tolist() == [0]
    assert (yes_with(0.3)(MIDDLES, 0) >= yes_with(0.2)(MIDDLES, 0)).all()


def test_listed_values_belong_to_request_numbers() -> None:
    transform = listed([10, 20, 30], beyond=-1)
    assert transform(MIDDLES[:3], 0).tolist() == [10, 20, 30]
    assert transform(MIDDLES[:3], 2).tolist() == [30, -1, -1]
    assert listed([], beyond=7)(MIDDLES[:2], 0).tolist() == [7, 7]


@pytest.mark.parametrize(("lowest", "highest"), [(5, 4), (0, 1 << 52)])
def test_ranges_that_a_uniform_cannot_fill_are_refused(lowest: int, highest: int) -> None:
    with pytest.raises(ValueError, match="uniform"):
        integers_between(lowest, highest)
