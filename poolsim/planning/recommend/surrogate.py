"""What points that were not simulated probably come to: interpolation with its uncertainty.

A Gaussian process over the places of the values (not the values themselves: 64, 128, 256 are
steps of equal size to whoever wrote them), with the Matérn kernel of smoothness 5/2; Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, chapters 2, 4 and 5. Along each parameter
there is a distance over which points resemble one another: those of LENGTHS that make the data most
likely. A parameter that changes nothing gets the longest, so that nothing is spent on it; but only
where the data say so clearly, since few points cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Floats = npt.NDArray[np.float64]

LENGTHS = (0.25, 0.5, 1.0, 2.0, 8.0)
"""In units of a parameter's whole range."""
CLEARLY = 2.0
"""By so much the logarithm of the likelihood must rise before one parameter gets a length of its
own: twice what Akaike's criterion asks for."""
_MORE_DATA = 1.25
"""Lengths are looked for again once there are so many times as many points."""
_MOST_TURNS = 3
_NOISE = 1e-4
"""Variance of what replications leave uncertain, as a share of the whole variance."""
_DIGITS = 6
"""Predictions are rounded: a last bit that differs between processors must not change a search."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean and standard deviation at some points, arrays of shape (points,)."""

    mean: Floats
    deviation: Floats


@dataclass(frozen=True, slots=True)
class _Fit:
    """Lengths by parameter, Cholesky factor of the covariance, weights, logarithm of the
    likelihood."""

    lengths: tuple[float, ...]
    factor: tuple[Floats, bool]
    weights: Floats
    likelihood: float


class Surrogate:
    """Interpolates one quantity of a search, and remembers its lengths while data grow little."""

    def __init__(self) -> None:
        self.lengths: tuple[float, ...] = ()
        """By parameter, one of LENGTHS each; none before the first prediction."""
        self._looked_at = 0

    def predict(self, known: Floats, values: Floats, wanted: Floats) -> Prediction:
        """Interpolate.

        Args:
            known: places that were simulated, from 0 to 1: shape (known, parameters).
            values: what came of them: shape (known,).
            wanted: places to predict: shape (points, parameters).
        """
        centre, spread = float(values.mean()), float(values.std())
        if spread < 1e-12 or len(values) < 3:
            return Prediction(np.full(len(wanted), centre), np.full(len(wanted), max(spread, 1e-9)))
        scaled = (values - centre) / spread
        if not self.lengths or len(known) >= _MORE_DATA * self._looked_at:
            self.lengths = _best_lengths(known, scaled)
            self._looked_at = len(known)
        fit = _fit(known, scaled, self.lengths)
        between = _matern(wanted, known, fit.lengths)
        mean = between @ fit.weights
        variance = 1.0 - np.einsum("ij,ji->i", between, cho_solve(fit.factor, between.T))
        deviation = np.sqrt(np.maximum(variance, 0.0))
        return Prediction(
            np.round(centre + spread * mean, _DIGITS), np.round(spread * deviation, _DIGITS)
        )


def _best_lengths(known: Floats, scaled: Floats) -> tuple[float, ...]:
    """The same length along all parameters at first, then one after the other its own."""
    axes = known.shape[1]
    best = max(
        (_fit(known, scaled, (length,) * axes) for length in LENGTHS),
        key=lambda fit: round(fit.likelihood, _DIGITS),
    )
    for _ in range(_MOST_TURNS):
        before = best
        for axis in range(axes):
            for length in LENGTHS:
                if length == best.lengths[axis]:
                    continue
                lengths = (*best.lengths[:axis], length, *best.lengths[axis + 1 :])
                other = _fit(known, scaled, lengths)
                if round(other.likelihood - best.likelihood - CLEARLY, _DIGITS) > 0:
                    best = other
        if best is before:
            break
    return best.lengths


def _fit(known: Floats, scaled: Floats, lengths: tuple[float, ...]) -> _Fit:
    covariance = _matern(known, known, lengths)
    noise = _NOISE
    while True:
        try:
            factor = cho_factor(covariance + noise * np.eye(len(known)), lower=True)
            break
        except LinAlgError:
            noise *= 10
    weights: Floats = cho_solve(factor, scaled)
    halves = np.log(np.diag(factor[0])).sum()
    likelihood = -0.5 * float(scaled @ weights) - float(halves)
    return _Fit(lengths, factor, weights, likelihood)


def _matern(left: Floats, right: Floats, lengths: tuple[float, ...]) -> Floats:
    squares = np.zeros((len(left), len(right)))
    for axis, length in enumerate(lengths):
        squares += ((left[:, axis, None] - right[None, :, axis]) / length) ** 2
    distance = np.sqrt(5.0 * squares)
    similar: Floats = (1.0 + distance + distance**2 / 3.0) * np.exp(-distance)
    return similar


def normal_share(z: Floats) -> Floats:
    """Share of the normal law below z."""
    from scipy.special import ndtr

    share: Floats = ndtr(z)
    return share
