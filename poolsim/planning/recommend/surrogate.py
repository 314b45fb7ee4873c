"""What points that were not simulated probably come to: interpolation with its uncertainty.

A Gaussian process over the places of the values (not the values themselves: 64, 128, 256 are
steps of equal size to whoever wrote them), with the Matérn kernel of smoothness 5/2; Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, chapters 2 and 4. Its only parameter, the
distance over which points resemble one another, is the one of LENGTHS that makes the data most
likely.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Floats = npt.NDArray[np.float64]

LENGTHS = (0.25, 0.5, 1.0, 2.0)
"""In units of a parameter's whole range."""
_NOISE = 1e-4
"""Variance of what replications leave uncertain, as a share of the whole variance."""
_DIGITS = 6
"""Predictions are rounded: a last bit that differs between processors must not change a search."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean and standard deviation at some points, arrays of shape (points,)."""

    mean: Floats
    deviation: Floats


def predict(known: Floats, values: Floats, wanted: Floats) -> Prediction:
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
    fits = [_fit(known, scaled, length) for length in LENGTHS]
    length, factor, weights, _ = max(fits, key=lambda fit: round(fit[3], _DIGITS))
    between = _matern(wanted, known, length)
    mean = between @ weights
    variance = 1.0 - np.einsum("ij,ji->i", between, cho_solve(factor, between.T))
    deviation = np.sqrt(np.maximum(variance, 0.0))
    return Prediction(
        np.round(centre + spread * mean, _DIGITS), np.round(spread * deviation, _DIGITS)
    )


def _fit(known: Floats, scaled: Floats, length: float) -> tuple[float, object, Floats, float]:
    """Length, Cholesky factor, weights and the logarithm of the likelihood."""
    covariance = _matern(known, known, length)
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
    return length, factor, weights, likelihood


def _matern(left: Floats, right: Floats, length: float) -> Floats:
    differences = left[:, None, :] - right[None, :, :]
    distance = np.sqrt((differences**2).sum(axis=2)) * (math.sqrt(5.0) / length)
    similar: Floats = (1.0 + distance + distance**2 / 3.0) * np.exp(-distance)
    return similar


def normal_share(z: Floats) -> Floats:
    """Share of the normal law below z."""
    from scipy.special import ndtr

    share: Floats = ndtr(z)
    return share
