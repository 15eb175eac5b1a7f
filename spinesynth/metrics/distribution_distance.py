"""How far two sets of feature vectors lie apart: kernel and Frechet distance.

Both compare distributions, not pairs. Of few patients neither is precise: the kernel
distance is unbiased but scatters, so that it may be negative, and has an interval; the
Frechet distance is too large, the more the fewer vectors there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.covariance import ledoit_wolf

from spinesynth.metrics.statistics import LEAST_FOR_INTERVAL

FloatArray = npt.NDArray[np.float64]

_RESAMPLES = 2_000


class KernelDistance(NamedTuple):
    """Hold a squared kernel distance with its 95 % interval over patients."""

    value: float
    low: float
    high: float


class _Blocks(NamedTuple):
    """Sums of the kernel and numbers of pairs between the patients of two sets."""

    sums: FloatArray
    pairs: FloatArray

    def mean(self, first: FloatArray, second: FloatArray) -> float:
        """Return the mean of the kernel, patients weighted by how often they were drawn."""
        pairs = float(first @ self.pairs @ second)
        return float(first @ self.sums @ second) / pairs if pairs > 0 else float("nan")


def standardise(vectors: npt.ArrayLike, like: npt.ArrayLike) -> FloatArray:
    """Scale each feature by mean and standard deviation of a set; constant ones become 0.

    Args:
        vectors: ``(n, features)``.
        like: ``(m, features)``, the set that has mean 0 and deviation 1 afterwards.
    """
    x, reference = (np.asarray(v, dtype=np.float64) for v in (vectors, like))
    deviation = reference.std(axis=0)
    used = deviation > 0
    scaled = (x - reference.mean(axis=0)) / np.where(used, deviation, 1.0)
    return np.asarray(scaled * used, dtype=np.float64)


def kernel_distance(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    first_patients: npt.ArrayLike,
    second_patients: npt.ArrayLike,
    *,
    seed: int = 0,
) -> KernelDistance:
    """Return the unbiased squared maximum mean discrepancy with a cubic kernel.

    The kernel inception distance with other features: ``k(x, y) = (x.y / d + 1)^3``,
    the mean within each set less twice that between them. Images of one patient
    resemble each other, so that pairs of one patient are left out of all three
    means; the interval comes from drawing patients.

    Args:
        first: ``(n, d)`` features.
        second: ``(m, d)`` features.
        first_patients: whose each vector of ``first`` is.
        second_patients: the same for ``second``.
        seed: of the bootstrap.

    Returns:
        About 0 for sets of one distribution, also below; NaN where a set is of one
        patient, no interval where one is of fewer than 3.

    Raises:
        ValueError: if the sets do not have equally many features.

    Source:
        Binkowski et al. 2018, arXiv 1801.01401, eq. 4; Gretton et al. 2012, JMLR 13:723.

    Example:
        >>> near = [[0.0], [0.0]]
        >>> kernel_distance(near, [[1.0], [1.0]], ["a", "b"], ["c", "d"]).value
        7.0
    """
    x, y = (np.asarray(v, dtype=np.float64) for v in (first, second))
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"sets must be (n, d) of equal d, got {x.shape} and {y.shape}")
    names = [np.asarray(patients).astype(str) for patients in (first_patients, second_patients)]
    within_x = _blocks(x, x, names[0], names[0])
    within_y = _blocks(y, y, names[1], names[1])
    between = _blocks(x, y, names[0], names[1])
    sizes = [len(np.unique(n)) for n in names]

    def distance(u: FloatArray, v: FloatArray) -> float:
        return within_x.mean(u, u) + within_y.mean(v, v) - 2 * between.mean(u, v)

    value = distance(np.ones(sizes[0]), np.ones(sizes[1]))
    if min(sizes) < LEAST_FOR_INTERVAL or np.isnan(value):
        return KernelDistance(value, float("nan"), float("nan"))
    generator = np.random.default_rng(seed)
    drawn = [generator.multinomial(n, [1 / n] * n, size=_RESAMPLES).astype(float) for n in sizes]
    resampled = [distance(u, v) for u, v in zip(*drawn, strict=True)]
    low, high = np.nanpercentile(resampled, (2.5, 97.5))
    return KernelDistance(value, float(low), float(high))


def _blocks(
    x: FloatArray, y: FloatArray, x_patients: npt.NDArray[np.str_], y_patients: npt.NDArray[np.str_]
) -> _Blocks:
    """Return sums and numbers of kernel values by pair of patients, none of one with itself."""
    kernel = (x @ y.T / x.shape[1] + 1) ** 3
    of_x, of_y = (_membership(patients) for patients in (x_patients, y_patients))
    sums = of_x @ kernel @ of_y.T
    pairs = of_x.sum(axis=1)[:, None] * of_y.sum(axis=1)[None, :]
    other = np.unique(x_patients)[:, None] != np.unique(y_patients)[None, :]
    return _Blocks(sums * other, pairs * other)


def _membership(patients: npt.NDArray[np.str_]) -> FloatArray:
    """Return ``(patients, vectors)``, 1 where a vector is of a patient."""
    return np.asarray(np.unique(patients)[:, None] == patients[None, :], dtype=np.float64)


def frechet_distance(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Return the squared Frechet distance of two normal distributions fitted to vectors.

    ``|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))`` with covariances that are shrunk
    towards a multiple of the identity, as there are mostly fewer vectors than features.

    Args:
        first: ``(n, d)`` features.
        second: ``(m, d)`` features.

    Returns:
        At least 0; NaN where a set has fewer than 2 vectors.

    Source:
        Heusel et al. 2017, arXiv 1706.08500, eq. 6; shrinkage of Ledoit and Wolf 2004,
        J Multivar Anal 88:365.
    """
    x, y = (np.asarray(v, dtype=np.float64) for v in (first, second))
    if min(len(x), len(y)) < 2:
        return float("nan")
    apart = x.mean(axis=0) - y.mean(axis=0)
    of_x, of_y = (ledoit_wolf(v)[0] for v in (x, y))
    root = _square_root(of_x)
    # the trace of (S1 S2)^(1/2) is that of its symmetric form
    cross = np.sqrt(np.linalg.eigvalsh(root @ of_y @ root).clip(min=0)).sum()
    return float(max(0.0, apart @ apart + np.trace(of_x) + np.trace(of_y) - 2 * cross))


def _square_root(matrix: FloatArray) -> FloatArray:
    """Return the symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=0))) @ vectors.T, dtype=np.float64)
