"""Prediction and reference in, numbers with units out.

Two stages: a :class:`MaskPair` checks two masks once and measures their surface
distances at most once; each metric reduces the pair to a number. Instances are matched first
and then scored as pairs.
"""

from __future__ import annotations

from spinesynth.metrics.agreement import Agreement, agree_volumes, bland_altman, pair_volumes
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
from spinesynth.metrics.non_inferiority import (
    DEFAULT_MARGIN,
    DEFAULT_PAIR,
    NonInferiority,
    judge_non_inferiority,
    measure_gap,
)
from spinesynth.metrics.overlap import dice, dice_in_extent, iou, one_empty
from spinesynth.metrics.pooling import POOLINGS, pool_instances
from spinesynth.metrics.registry import HEADLINE_METRICS, METRICS, Metric, get_metric
from spinesynth.metrics.signed_ranks import LEAST_PATIENTS, rank_biserial, wilcoxon_p
from spinesynth.metrics.statistics import (
    LEAST_FOR_INTERVAL,
    Interval,
    adjust_holm,
    bootstrap_interval,
    bootstrap_ratio,
    by_scope,
    compare_by_scope,
    compare_models,
    pair_models,
    patient_means,
    summarise,
)
from spinesynth.metrics.surface import SurfaceDistances, measure_surface_distances
from spinesynth.metrics.volume import relative_volume_error, volume_error

__all__ = [
    "DEFAULT_MARGIN",
    "DEFAULT_PAIR",
    "HEADLINE_METRICS",
    "INSTANCE_METRICS",
    "LEAST_FOR_INTERVAL",
    "LEAST_PATIENTS",
    "METRICS",
    "POOLINGS",
    "Agreement",
    "InstanceMatch",
    "InstanceMatching",
    "InstanceScore",
    "Interval",
    "MaskPair",
    "Metric",
    "NonInferiority",
    "SurfaceDistances",
    "adjust_holm",
    "agree_volumes",
    "assd",
    "bland_altman",
    "bootstrap_interval",
    "bootstrap_ratio",
    "by_scope",
    "centre_error",
    "compare_by_scope",
    "compare_models",
    "dice",
    "dice_in_extent",
    "disc_height_error",
    "disc_height_mm",
    "get_metric",
    "hd95",
    "identification_rate",
    "iou",
    "judge_non_inferiority",
    "match_instances",
    "measure_gap",
    "measure_surface_distances",
    "one_empty",
    "pair_instances",
    "pair_models",
    "pair_volumes",
    "patient_means",
    "pool_instances",
    "rank_biserial",
    "relative_volume_error",
    "score_instances",
    "summarise",
    "surface_dice",
    "volume_error",
    "wilcoxon_p",
]
