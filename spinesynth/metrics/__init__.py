"""Prediction and reference in, numbers with units out.

Two stages: a :class:`MaskPair` checks two masks once and measures their surface
distances at most once; each metric reduces the pair to a number.
"""

from __future__ import annotations

from spinesynth.metrics.boundary import assd, hd95, surface_dice
from spinesynth.metrics.mask_pair import MaskPair
from spinesynth.metrics.overlap import dice, dice_in_extent, iou, one_empty
from spinesynth.metrics.registry import HEADLINE_METRICS, METRICS, Metric, get_metric
from spinesynth.metrics.statistics import (
    Interval,
    adjust_holm,
    bootstrap_interval,
    compare_models,
    patient_means,
    summarise,
)
from spinesynth.metrics.surface import SurfaceDistances, measure_surface_distances
from spinesynth.metrics.volume import relative_volume_error, volume_error

__all__ = [
    "HEADLINE_METRICS",
    "METRICS",
    "Interval",
    "MaskPair",
    "Metric",
    "SurfaceDistances",
    "adjust_holm",
    "assd",
    "bootstrap_interval",
    "compare_models",
    "dice",
    "dice_in_extent",
    "get_metric",
    "hd95",
    "iou",
    "measure_surface_distances",
    "one_empty",
    "patient_means",
    "relative_volume_error",
    "summarise",
    "surface_dice",
    "volume_error",
]
