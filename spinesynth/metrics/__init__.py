"""Prediction and reference in, numbers with units out.

Two stages: a :class:`MaskPair` checks two masks once and measures their surface
distances at most once; each metric reduces the pair to a number. Instances are matched first
and then scored as pairs.
"""

from __future__ import annotations

from spinesynth.metrics.boundary import assd, hd95, surface_dice
from spinesynth.metrics.instance_geometry import centre_error, disc_height_error, disc_height_mm
from spinesynth.metrics.instance_scores import (
    INSTANCE_METRICS,
    InstanceScore,
    pair_instances,
    score_instances,
)
from spinesynth.metrics.instances import (
    InstanceMatch,
    InstanceMatching,
    identification_rate,
    match_instances,
)
from spinesynth.metrics.mask_pair import MaskPair
from spinesynth.metrics.overlap import dice, dice_in_extent, iou, one_empty
from spinesynth.metrics.pooling import POOLINGS, pool_instances
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
    "INSTANCE_METRICS",
    "METRICS",
    "POOLINGS",
    "InstanceMatch",
    "InstanceMatching",
    "InstanceScore",
    "Interval",
    "MaskPair",
    "Metric",
    "SurfaceDistances",
    "adjust_holm",
    "assd",
    "bootstrap_interval",
    "centre_error",
    "compare_models",
    "dice",
    "dice_in_extent",
    "disc_height_error",
    "disc_height_mm",
    "get_metric",
    "hd95",
    "identification_rate",
    "iou",
    "match_instances",
    "measure_surface_distances",
    "one_empty",
    "pair_instances",
    "patient_means",
    "pool_instances",
    "relative_volume_error",
    "score_instances",
    "summarise",
    "surface_dice",
    "volume_error",
]
