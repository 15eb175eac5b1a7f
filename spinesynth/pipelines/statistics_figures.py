"""Figures of every patient's score: boxplots by contrast, Bland-Altman plots of volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from spinesynth.metrics import (
    agree_volumes,
    by_scope,
    get_metric,
    pair_volumes,
    patient_means,
)
from spinesynth.pipelines.report_format import in_report_order
from spinesynth.viz import draw_agreement, draw_boxes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KEYS = ["contrast", "structure", "model"]


def build_boxes(table: pd.DataFrame, *, metric: str) -> Figure | None:
    """Draw each patient's score by contrast and overall, as in the thesis.

    Args:
        table: long table of scores at the original condition.
        metric: key of ``METRICS``.

    Returns:
        The figure; None where the metric was not measured.
    """
    scores = table[table["metric"] == metric]
    pooled = [scoped for name, scoped in by_scope(scores) if name in ("contrast", "overall")]
    points = patient_means(pd.concat(pooled), _KEYS).dropna(subset=["value"])
    if points.empty:
        return None
    points["group"] = points["contrast"].replace("", "not known")
    known = sorted(set(points["group"]) - {"all"})
    groups = [*known, "all"] if len(known) > 1 else known
    points = points[points["group"].isin(groups)]
    kind = get_metric(metric)
    return draw_boxes(
        in_report_order(points, ["structure", "group", "model"]),
        title=f"{kind.title} of every patient by contrast ({kind.better} is better)",
        label=kind.label,
        groups=groups,
    )


def build_agreement(table: pd.DataFrame) -> Figure | None:
    """Draw predicted against true volumes of every structure, group and model.

    Args:
        table: long table of scores at the original condition.

    Returns:
        The figure; None where volumes were not measured, or of no group with a limit.
    """
    pairs = pair_volumes(table)
    limits = agree_volumes(pairs).dropna(subset=["lower_ml"])
    if limits.empty:
        return None
    keys = ["structure", "source", "contrast", "model"]
    return draw_agreement(
        pairs, in_report_order(limits, keys), title="Predicted and true volumes (Bland-Altman)"
    )
