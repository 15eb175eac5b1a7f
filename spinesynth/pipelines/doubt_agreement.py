"""How predicted and true Dice agree, patient by patient."""

from __future__ import annotations

import pandas as pd

from spinesynth.pipelines.quality_regression import rank_correlation

_ALL = "all"
_COLUMNS = (
    "source", "contrast", "structure", "spearman", "mean_absolute_error", "bias", "n_patients",
    "n_cases",
)  # fmt: skip


def compare_by_patient(table: pd.DataFrame) -> pd.DataFrame:
    """Return how predicted and true Dice agree, of all scans and of each source and contrast.

    Scans of one patient are averaged first. Truth is ``dice_in_extent``, since most sources
    annotate a part of the column that is in view.

    Args:
        table: as ``tables/doubt.csv``.

    Returns:
        ``source, contrast, structure, spearman, mean_absolute_error, bias, n_patients,
        n_cases``; ``bias`` is predicted minus true.
    """
    known = table.dropna(subset=["predicted_dice", "dice_in_extent"])
    parts = [((_ALL, ""), known), *known.groupby(["source", "contrast"], sort=True)]
    rows = []
    for (source, contrast), part in parts:
        for structure, scans in part.groupby("structure", sort=False):
            numbers = scans.groupby("patient_id")[["predicted_dice", "dice_in_extent"]].mean()
            predicted, true = numbers["predicted_dice"], numbers["dice_in_extent"]
            rows.append(
                {
                    "source": source, "contrast": contrast, "structure": structure,
                    "spearman": rank_correlation(predicted.tolist(), true.tolist()),
                    "mean_absolute_error": float((predicted - true).abs().mean()),
                    "bias": float((predicted - true).mean()),
                    "n_patients": len(numbers), "n_cases": len(scans),
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(_COLUMNS))
