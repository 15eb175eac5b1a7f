"""Gaussian-mixture clusters of intensities, by expectation maximisation."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

_MAX_FITTED = 20_000  # voxels that a mixture is fitted to
_STARTS = 3
_MAX_STEPS = 300
_FLOOR_VARIANCE = 1e-6  # of intensities in [0, 1]: a thousandth of their range


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians in one dimension, by rising mean.

    Args:
        means: of the intensities.
        spreads: standard deviations.
        weights: shares, which sum to 1.
        bic: Bayesian information criterion on the fitted voxels; lower is better.
        fitted: number of voxels that it was fitted to.
        converged: whether the likelihood had stopped rising.
    """

    means: tuple[float, ...]
    spreads: tuple[float, ...]
    weights: tuple[float, ...]
    bic: float
    fitted: int
    converged: bool

    def assign(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Return the likeliest cluster of each value, from 0 upwards by mean.

        Example:
            >>> halves = Mixture((0.2, 0.8), (0.1, 0.1), (0.5, 0.5), 0.0, 2, True)
            >>> halves.assign(np.array([0.1, 0.45, 0.55])).tolist()
            [0, 0, 1]
        """
        distinct, place = np.unique(values, return_inverse=True)
        best = np.full(distinct.shape, -np.inf)
        cluster = np.zeros(distinct.shape, dtype=np.uint8)
        gaussians = zip(self.means, self.spreads, self.weights, strict=True)
        for number, (mean, spread, weight) in enumerate(gaussians):
            likelihood = np.log(weight / spread) - 0.5 * ((distinct - mean) / spread) ** 2
            cluster[likelihood > best] = number
            np.maximum(best, likelihood, out=best)
        return cluster[place].reshape(values.shape)

    def to_dict(self) -> dict[str, Any]:
        """Return the mixture as plain JSON types."""
        return asdict(self) | {"clusters": len(self.means)}


def fit_mixture(values: npt.NDArray[Any], clusters: int, *, seed: int) -> Mixture:
    """Fit a mixture of Gaussians to intensities.

    Args:
        values: ``(N,)``, finite, in [0, 1]; of more than 20 000 a random subset is
            fitted.
        clusters: number of Gaussians, at least 1; fewer distinct values give fewer.
        seed: of the subset and of the starts, in [0, 2**32 - 1).

    Returns:
        The best of three starts.

    Raises:
        ValueError: if there are no values.

    Source: McLachlan & Peel 2000, Finite Mixture Models, by scikit-learn's
        ``GaussianMixture``; starts as of Arthur & Vassilvitskii 2007 (k-means++).
    """
    if values.size == 0 or clusters < 1:
        raise ValueError(
            f"values must not be empty and clusters at least 1, got {values.size} values and "
            f"{clusters} clusters"
        )
    sample = np.asarray(_subset(values, seed), dtype=np.float64)
    count = min(clusters, np.unique(sample).size)
    if sample.size == 1:
        return Mixture((float(sample[0]),), (_FLOOR_VARIANCE**0.5,), (1.0,), 0.0, 1, True)
    return _fit(sample, count, seed)


def choose_mixture(values: npt.NDArray[Any], clusters: Sequence[int], *, seed: int) -> Mixture:
    """Fit mixtures of several sizes and return that of the lowest BIC, the smaller at a tie.

    Args:
        values: as of :func:`fit_mixture`.
        clusters: numbers of Gaussians to try, rising.
        seed: as of :func:`fit_mixture`.
    """
    return min((fit_mixture(values, n, seed=seed) for n in clusters), key=lambda found: found.bic)


def _subset(values: npt.NDArray[Any], seed: int) -> npt.NDArray[Any]:
    if values.size <= _MAX_FITTED:
        return values
    chosen = np.random.default_rng(seed).choice(values.size, _MAX_FITTED, replace=False)
    return values[chosen]


def _fit(sample: Values, count: int, seed: int) -> Mixture:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        count,
        n_init=_STARTS,
        max_iter=_MAX_STEPS,
        reg_covar=_FLOOR_VARIANCE,
        init_params="k-means++",
        random_state=seed,
    )
    column = sample[:, None]
    with warnings.catch_warnings():
        # the record tells it of each mixture by name
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(column)
    means, variances = model.means_[:, 0], model.covariances_[:, 0, 0]
    order = np.lexsort((variances, means))
    means, spreads, weights = (
        tuple(float(value) for value in part[order])
        for part in (means, np.sqrt(variances), model.weights_)
    )
    bic, converged = float(model.bic(column)), bool(model.converged_)
    return Mixture(means, spreads, weights, bic, len(sample), converged)
