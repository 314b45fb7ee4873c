import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from poolsim.model.laws.normal import normal_quantile, normal_share


def test_agrees_with_scipy_over_the_whole_range_of_uniforms() -> None:
    tails = np.ldexp(1.0, -np.arange(2, 53))
    u = np.concatenate((tails, 1.0 - tails, np.linspace(1e-4, 1 - 1e-4, 20_001)))
    np.testing.assert_allclose(normal_quantile(u), ndtri(u), rtol=2e-14, atol=1e-15)


def test_joins_its_three_ranges_without_a_step() -> None:
    for join in (0.075, 0.925, np.exp(-25.0)):
        around = join * (1 + np.array([-1e-12, 0.0, 1e-12]))
        scores = normal_quantile(around)
        assert (np.diff(scores) >= 0).all()
        np.testing.assert_allclose(scores, ndtri(around), rtol=1e-14)


def test_keeps_the_shape_and_does_not_touch_its_input() -> None:
    u = np.array([[0.01, 0.5], [0.9, 0.999]])
    before = u.copy()
    assert normal_quantile(u).shape == (2, 2)
    np.testing.assert_array_equal(u, before)


@pytest.mark.parametrize("score", [-8.0, -2.0, 0.0, 0.3, 5.0])
def test_share_agrees_with_scipy(score: float) -> None:
    assert normal_share(score) == pytest.approx(float(ndtr(score)), rel=1e-13)
