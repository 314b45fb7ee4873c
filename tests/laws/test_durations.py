import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from poolsim.model.laws.durations import LONGEST_NS, mean_ns, quantile_ns
from poolsim.scenario.scenario import Law

MS = 1_000_000
LAWS = {
    "constant": Law("constant", mean_ns=3 * MS),
    "exponential": Law("exponential", mean_ns=2 * MS),
    "lognormal": Law("lognormal", median_ns=1_200_000, p99_ns=12 * MS),
    "gamma": Law("gamma", mean_ns=4 * MS, shape=0.7),
    "percentiles": Law("percentiles", points=((0.5, 1_200_000), (0.99, 12 * MS), (0.999, 80 * MS))),
    "maximum": Law("percentiles", points=((0.0, MS), (0.5, 2 * MS), (1.0, 90 * MS))),
    "flat": Law("percentiles", points=((0.5, 2 * MS), (0.9, 2 * MS), (0.99, 9 * MS))),
    "one_point": Law("percentiles", points=((0.5, 2 * MS),)),
    "empirical": Law("empirical", samples_ns=(MS, 2 * MS, 2 * MS, 50 * MS)),
}


def middles(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) / count


@pytest.mark.parametrize("name", LAWS)
def test_quantile_never_falls_and_is_a_whole_positive_number(name: str) -> None:
    extremes = np.array([2.0**-53, 1 - 2.0**-53])
    u = np.sort(np.concatenate((middles(10_001), extremes)))
    values = quantile_ns(LAWS[name])(u)
    assert values.dtype == np.int64
    assert values.shape == u.shape
    assert values.min() >= 1
    assert (np.diff(values) >= 0).all()


@pytest.mark.parametrize("name", LAWS)
def test_mean_is_the_mean_of_the_quantiles(name: str) -> None:
    # Cells that shrink geometrically towards both ends: a midpoint rule that sees heavy tails.
    edges = np.concatenate(
        (np.ldexp(1.0, -np.arange(50, 12, -1)), np.linspace(2**-12, 0.5, 40_000))
    )
    edges = np.concatenate(([0.0], edges, 1.0 - edges[-2::-1], [1.0]))
    centres, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    numeric = float(np.sum(quantile_ns(LAWS[name])(centres) * widths))
    assert mean_ns(LAWS[name]) == pytest.approx(numeric, rel=2e-3)


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("exponential", stats.expon(scale=2 * MS)),
        ("gamma", stats.gamma(0.7, scale=4 * MS / 0.7)),
        ("lognormal", stats.lognorm(np.log(10) / stats.norm.ppf(0.99), scale=1_200_000)),
    ],
)
def test_quantiles_are_those_of_scipy(name: str, distribution) -> None:
    u = middles(2_001)
    # gamma with a small shape has quantiles below 1 ns, which become 1.
    expected = np.maximum(distribution.ppf(u), 1.0)
    np.testing.assert_allclose(quantile_ns(LAWS[name])(u), expected, atol=0.51, rtol=1e-12)


def test_lognormal_has_the_median_and_p99_it_was_given() -> None:
    assert quantile_ns(LAWS["lognormal"])(np.array([0.5, 0.99])).tolist() == [1_200_000, 12 * MS]


def test_percentiles_go_through_their_points() -> None:
    law = LAWS["percentiles"]
    shares = np.array([share for share, _ in law.points])
    assert quantile_ns(law)(shares).tolist() == [value for _, value in law.points]


def test_two_percentiles_are_a_lognormal_law_up_to_the_last() -> None:
    law = Law("percentiles", points=((0.5, 1_200_000), (0.99, 12 * MS)))
    u = middles(1_000)
    u = u[u < 0.99]
    expected = quantile_ns(LAWS["lognormal"])(u)
    np.testing.assert_allclose(quantile_ns(law)(u), expected, rtol=1e-9, atol=1)


def test_percentiles_invent_no_tail() -> None:
    u = np.array([0.9991, 0.99999, 1 - 2.0**-53])
    assert quantile_ns(LAWS["percentiles"])(u).tolist() == [80 * MS] * 3


def test_steep_percentiles_have_a_finite_mean() -> None:
    law = Law("percentiles", points=((0.5, MS), (0.5001, 100 * MS)))
    assert mean_ns(law) == pytest.approx(0.5 * 100 * MS, rel=0.01)


def test_empirical_takes_every_sample_equally_often() -> None:
    values = quantile_ns(LAWS["empirical"])(middles(400))
    assert np.unique(values, return_counts=True)[1].tolist() == [100, 200, 100]


def test_extreme_values_stay_within_int64() -> None:
    law = Law("lognormal", median_ns=10**15, p99_ns=10**18)
    assert quantile_ns(law)(np.array([1 - 2.0**-53])).tolist() == [LONGEST_NS]


@pytest.mark.parametrize(
    "law",
    [
        Law("zipf"),
        Law("lognormal", median_ns=5, p99_ns=4),
        Law("gamma", mean_ns=5),
        Law("empirical"),
        Law("percentiles"),
        Law("percentiles", points=((0.9, 5), (0.5, 9))),
        Law("percentiles", points=((0.5, 9), (0.9, 5))),
    ],
)
def test_impossible_laws_are_refused(law: Law) -> None:
    with pytest.raises(ValueError, match="law"):
        quantile_ns(law)


@given(
    st.sets(st.floats(0.001, 0.999), min_size=1, max_size=6),
    st.lists(st.integers(1, 10**10), min_size=6, max_size=6),
)
def test_mean_of_any_percentiles_lies_within_their_range(shares, values) -> None:
    points = tuple(zip(sorted(shares), sorted(values), strict=False))
    law = Law("percentiles", points=points)
    assert 0 < mean_ns(law) <= points[-1][1] * (1 + 1e-9)
