"""Fit the joint spread of scan parameters: quantiles of each, and how their ranks go together.

A Gaussian copula: each parameter keeps its own quantiles, normal scores carry the
correlation. It needs no patient's row afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Shares of series below each entry of a parameter's quantiles.
QUANTILE_LEVELS: tuple[float, ...] = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

#: Normal scores are shrunk by this, which keeps their correlation matrix positive definite.
_SHRINKAGE = 0.95


class FittedGroup(TypedDict):
    """Fit of one kind of series at one field.

    Args:
        series: number of series that were fitted.
        quantiles: by parameter, its value at each of :data:`QUANTILE_LEVELS`.
        correlation: of the normal scores, in the parameters' order.
    """

    series: int
    quantiles: dict[str, list[float]]
    correlation: list[list[float]]


def fit_group(parameters: Mapping[str, ArrayLike]) -> FittedGroup:
    """Fit the parameters of series of one kind.

    Args:
        parameters: by name, one value > 0 per series; equally many of each.

    Returns:
        Quantiles, linear between neighbours, rounded to 0.1; correlations from
        Spearman's rank correlation rho by ``2 sin(pi rho / 6)``, shrunk by 5 % and
        rounded to 0.01. A constant parameter has correlation 0.

    Raises:
        ValueError: if a parameter has too few or impossible values.

    Source: rank correlation of the bivariate normal, Kruskal 1958, JASA 53:814.

    Example:
        >>> fit = fit_group({"tr_ms": [400, 500, 600], "te_ms": [8, 9, 10]})
        >>> fit["quantiles"]["te_ms"][3], fit["correlation"][0]
        (9.0, [1.0, 0.95])
    """
    columns = [np.asarray(values, dtype=np.float64) for values in parameters.values()]
    if len({column.shape for column in columns}) != 1 or columns[0].size < 3:
        sizes = [column.size for column in columns]
        raise ValueError(f"parameters need equally many values, at least 3, got {sizes}")
    if not all(np.isfinite(column).all() and (column > 0).all() for column in columns):
        raise ValueError("parameters must be finite and > 0")
    return FittedGroup(
        series=int(columns[0].size),
        quantiles={
            name: [round(float(q), 1) for q in np.quantile(column, QUANTILE_LEVELS)]
            for name, column in zip(parameters, columns, strict=True)
        },
        correlation=_score_correlation(columns),
    )


def _score_correlation(columns: Sequence[NDArray[np.float64]]) -> list[list[float]]:
    ranks = [_ranks(column) for column in columns]
    result = np.eye(len(columns))
    for i in range(len(columns)):
        for j in range(i):
            spreads = ranks[i].std() * ranks[j].std()
            rho = ((ranks[i] * ranks[j]).mean() / spreads) if spreads > 0 else 0.0
            result[i, j] = result[j, i] = _SHRINKAGE * 2 * math.sin(math.pi * rho / 6)
    return [[round(float(value), 2) for value in row] for row in result]


def _ranks(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return centred ranks, ties at their mean rank."""
    _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank = last - (counts - 1) / 2
    ranks: NDArray[np.float64] = mean_rank[inverse] - (column.size + 1) / 2
    return ranks


def fit_protocols(
    overview: Mapping[str, ArrayLike], *, least_series: int = 10
) -> dict[str, dict[str, FittedGroup]]:
    """Fit the series of SPIDER's ``overview.csv``.

    Args:
        overview: columns ``new_file_name``, ``MRAcquisitionType``,
            ``MagneticFieldStrength`` (tesla), ``RepetitionTime``, ``EchoTime``
            (ms) and ``EchoTrainLength``, one entry per series.
        least_series: kinds with fewer series at a field are left out.

    Returns:
        By kind (``t1_tse``, ``t2_tse`` and ``t2_space`` for T2-weighted volumes,
        which some files call plain T2) and field (``"1.5 T"``, ``"3 T"``).

    Raises:
        ValueError: of :func:`fit_group`.
    """
    names = np.asarray(overview["new_file_name"], dtype=str)
    volume = np.asarray(overview["MRAcquisitionType"], dtype=str) == "3D"
    fields = np.asarray(overview["MagneticFieldStrength"], dtype=np.float64)
    t1 = np.char.endswith(np.char.lower(names), "_t1")
    kinds = {"t1_tse": t1, "t2_tse": ~t1 & ~volume, "t2_space": ~t1 & volume}
    columns = {
        "tr_ms": "RepetitionTime",
        "te_ms": "EchoTime",
        "echo_train_length": "EchoTrainLength",
    }
    result: dict[str, dict[str, FittedGroup]] = {}
    for kind, chosen in kinds.items():
        for key, field_t in (("1.5 T", 1.5), ("3 T", 3.0)):
            here = chosen & np.isclose(fields, field_t)
            if np.count_nonzero(here) >= least_series:
                values = {name: np.asarray(overview[c])[here] for name, c in columns.items()}
                result.setdefault(kind, {})[key] = fit_group(values)
    return result
