"""Fit a structure's Dice to what predictions tell of themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spinesynth.pipelines.quality_model import StructureQuality, finite

#: Of ``Features.structures``, and whether more of it can only mean a better prediction or a
#: worse one. No volume or length, which tell of the field of view.
_SIGNS = {
    "soft_dice": 1.0, "certainty_inside": 1.0, "entropy_inside": -1.0, "entropy_border": -1.0,
    "border_share": -1.0, "pieces": -1.0, "stray_share": -1.0,
}  # fmt: skip
QUALITY_FEATURES = tuple(_SIGNS)
_PENALTY = 10.0  # of the ridge, beside some hundred scans; nominal
_FOLDS = 5
_LEAST_CASES = 10  # below, nothing is fitted; nominal

Array = NDArray[np.float64]


def fit_structure(
    features: Sequence[Mapping[str, float]], dice: Sequence[float]
) -> StructureQuality | None:
    """Fit a ridge regression, and say how well it does on scans that were left out.

    No coefficient may have the wrong sign: more doubt never promises a better Dice.

    Args:
        features: of the structure, of each scan in which it was found.
        dice: its true Dice there.

    Returns:
        The regression; None for fewer than ten scans.

    Source:
        Predicting Dice from a segmentation alone: Robinson et al. 2018, MICCAI, LNCS 11070:578;
        from uncertainty: Jungo et al. 2020, Frontiers in Neuroscience 14:282. Ridge
        regression: Hoerl and Kennard 1970, Technometrics 12:55.
    """
    if len(dice) < _LEAST_CASES:
        return None
    table = np.array([[row[name] for name in QUALITY_FEATURES] for row in features])
    truth = np.array(dice)
    guessed = np.empty_like(truth)
    for fold in range(_FOLDS):
        held = np.arange(len(truth)) % _FOLDS == fold
        kept = _fit(table[~held], truth[~held])
        guessed[held] = [
            kept.predict(dict(zip(QUALITY_FEATURES, row, strict=True))) for row in table[held]
        ]
    errors = np.abs(guessed - truth)
    return _fit(table, truth).model_copy(
        update={
            "spearman": finite(rank_correlation(guessed.tolist(), truth.tolist())),
            "mean_absolute_error": float(errors.mean()),
        }
    )


def _fit(table: Array, truth: Array) -> StructureQuality:
    """Fit all rows."""
    from sklearn.linear_model import Ridge

    mean, scale = table.mean(0), table.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    signs = np.array(list(_SIGNS.values()))
    ridge = Ridge(alpha=_PENALTY, positive=True).fit(signs * (table - mean) / scale, truth)
    return StructureQuality(
        features=QUALITY_FEATURES,
        low=tuple(table.min(0).tolist()),
        high=tuple(table.max(0).tolist()),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        coefficients=tuple((signs * ridge.coef_).tolist()),
        intercept=float(ridge.intercept_),
        cases=len(truth),
        spearman=None,
        mean_absolute_error=0.0,
    )


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's correlation; NaN of fewer than three pairs or where one is constant.

    Example:
        >>> rank_correlation([1, 2, 3], [1, 4, 9])
        1.0
    """
    from scipy.stats import spearmanr

    if len(first) < 3 or len(set(first)) == 1 or len(set(second)) == 1:
        return math.nan
    return round(float(spearmanr(first, second).statistic), 6)
