"""Prediction and reference in, numbers with units out.

Two stages: a :class:`MaskPair` checks two masks once and measures their surface
distances at most once; each metric reduces the pair to a number.
"""

from __future__ import annotations

from spinesynth.metrics.boundary import hd95
from spinesynth.metrics.mask_pair import MaskPair
from spinesynth.metrics.overlap import dice
from spinesynth.metrics.registry import METRICS, Metric, get_metric
from spinesynth.metrics.statistics import (
    Interval,
    adjust_holm,
    bootstrap_interval,
    compare_models,
    patient_means,
    summarise,
)
from spinesynth.metrics.surface import SurfaceDistances, measure_surface_distances

__all__ = [
    "METRICS",
    "Interval",
    "MaskPair",
    "Metric",
    "SurfaceDistances",
    "adjust_holm",
    "bootstrap_interval",
    "compare_models",
    "dice",
    "get_metric",
    "hd95",
    "measure_surface_distances",
    "patient_means",
    "summarise",
]
