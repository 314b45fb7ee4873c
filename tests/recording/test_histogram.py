"""Buckets are narrow enough, and a sparse histogram says what sorting all values would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolsim.recording.histogram import Buckets, SparseCounts, cell_quantiles, quantile_ranks


@given(st.lists(st.integers(0, 2**53), min_size=1, max_size=50), st.sampled_from([6, 9]))
def test_the_middle_of_a_bucket_is_near_every_value_in_it(values: list[int], bits: int) -> None:
    buckets = Buckets(bits)
    exact = np.array(values, dtype=np.int64)
    middle = buckets.middle(buckets.of(exact))
    assert (np.abs(middle - exact) <= buckets.relative_error * exact).all()
    assert buckets.of(exact).max() < 1 << buckets.key_bits


def test_nine_bits_are_within_a_thousandth() -> None:
    assert Buckets(9).relative_error <= 0.001


@given(st.integers(0, 2**53 - 1), st.sampled_from([6, 9]))
def test_buckets_rise_with_the_values(value: int, bits: int) -> None:
    low, high = Buckets(bits).of(np.array([value, value + 1]))
    assert low <= high <= low + (1 if value >= 1 << bits else 1 << bits)


def test_small_values_have_a_bucket_of_their_own() -> None:
    values = np.arange(512)
    buckets = Buckets(9)
    assert len(set(buckets.of(values).tolist())) == 512
    assert buckets.middle(buckets.of(values)).tolist() == values.tolist()


@given(
    st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=12),
    st.integers(1, 64),
    st.sampled_from([100, 1 << 40]),
)
def test_sparse_counts_count(batches: list[list[int]], limit: int, keys: int) -> None:
    counts = SparseCounts(keys, limit)
    for batch in batches:
        counts.add(np.array(batch, dtype=np.int64))
    every = np.array([key for batch in batches for key in batch], dtype=np.int64)
    expected = np.unique(every, return_counts=True)
    found = counts.table()
    assert found[0].tolist() == expected[0].tolist()
    assert found[1].tolist() == expected[1].tolist()


@pytest.mark.parametrize(
    ("share", "count", "rank"),
    [(0.5, 1, 1), (0.5, 2, 1), (0.5, 3, 2), (0.99, 100, 99), (0.99, 101, 100), (0.999, 1000, 999)],
)
def test_a_quantile_is_the_smallest_value_with_enough_below(
    share: float, count: int, rank: int
) -> None:
    assert quantile_ranks(np.array([share]), np.array([count])).tolist() == [[rank]]


def test_quantiles_of_many_cells_are_those_of_each() -> None:
    random = np.random.default_rng(5)
    buckets = Buckets(9)
    cells = 700  # more than are worked out at once
    cell = random.integers(0, cells, 20_000)
    cell[cell == 17] = 18  # one stays empty
    values = random.lognormal(14, 1, len(cell)).astype(np.int64)
    counts = SparseCounts(cells << buckets.key_bits)
    counts.add((cell << buckets.key_bits) | buckets.of(values))
    found = cell_quantiles(*counts.table(), buckets, (0.5, 0.99), cells)
    assert np.isnan(found[:, 17]).all()
    for place, share in enumerate((0.5, 0.99)):
        for one in (0, 18, 255, 256, 699):
            exact = np.quantile(values[cell == one], share, method="inverted_cdf")
            assert found[place, one] == pytest.approx(exact, rel=buckets.relative_error)
