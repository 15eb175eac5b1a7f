"""Scores agree with independent implementations on random masks and solid shapes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.meandice import compute_dice
from monai.metrics.meaniou import compute_iou
from monai.metrics.surface_dice import compute_surface_dice
from monai.metrics.surface_distance import compute_average_surface_distance

from spinesynth.metrics import METRICS, MaskPair, iou

Mask = npt.NDArray[np.bool_]
masks = arrays(np.bool_, (4, 5, 6)).filter(np.any)
# hundredths of a mm: no distance comes so near 1 or 2 mm that MONAI's float32 decides
steps = st.tuples(*[st.integers(31, 499).map(lambda n: n / 100 + 0.003)] * 3)


def _ball(centre: tuple[float, ...], radius: float) -> Mask:
    grid = np.indices((12, 20, 20), dtype=float)
    return np.asarray(((grid - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0) <= radius**2)


def _monai(first: Mask, second: Mask, spacing: tuple[float, ...]) -> dict[str, float]:
    batches = [torch.from_numpy(mask.copy())[None, None].float() for mask in (first, second)]
    shared: dict[str, Any] = {"include_background": True}
    apart = shared | {"spacing": list(spacing)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI's own deprecations are not under test
        scores = {
            "dice": compute_dice(*batches, **shared),
            "iou": compute_iou(*batches, **shared),
            "hd95": compute_hausdorff_distance(*batches, percentile=95, **apart),
            "assd": compute_average_surface_distance(*batches, symmetric=True, **apart),
            "nsd_1mm": compute_surface_dice(*batches, [1.0], **apart),
            "nsd_2mm": compute_surface_dice(*batches, [2.0], **apart),
        }
    return {name: float(score.item()) for name, score in scores.items()}


def _assert_equals_monai(first: Mask, second: Mask, spacing: tuple[float, ...]) -> None:
    pair = MaskPair(first, second, spacing_mm=spacing)
    expected = _monai(first, second, spacing)
    scores = {name: METRICS[name].function(pair) for name in expected}
    assert scores == pytest.approx(expected, rel=1e-5, abs=1e-5)  # MONAI computes in float32


@settings(max_examples=40, deadline=None)
@given(first=masks, second=masks, spacing=steps)
def test_equals_monai_on_random_masks(
    first: Mask, second: Mask, spacing: tuple[float, float, float]
) -> None:
    _assert_equals_monai(first, second, spacing)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (4.4, 0.6, 0.7), (0.9, 0.94, 0.94)])
def test_equals_monai_on_solid_shapes(spacing: tuple[float, float, float]) -> None:
    _assert_equals_monai(_ball((6, 9, 10), 5), _ball((5, 11, 10), 4.5), spacing)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (4.4, 0.6, 0.7)])
def test_is_near_surface_distance_of_deepmind(spacing: tuple[float, float, float]) -> None:
    other = pytest.importorskip("surface_distance", reason="surface-distance is not installed")
    first, second = _ball((6, 9, 10), 5), _ball((5, 11, 10), 4.5)
    pair = MaskPair(first, second, spacing_mm=spacing)
    measured = other.compute_surface_distances(second, first, spacing)
    # it measures between voxel corners and weights them by area: parts of a voxel apart
    voxel_mm = max(spacing)
    robust = other.compute_robust_hausdorff(measured, 95)
    assert METRICS["hd95"].function(pair) == pytest.approx(robust, abs=voxel_mm)
    there, back = other.compute_average_surface_distance(measured)
    assert METRICS["assd"].function(pair) == pytest.approx((there + back) / 2, abs=voxel_mm)


def test_overlap_equals_panoptica() -> None:
    other = pytest.importorskip("panoptica.metrics", reason="panoptica is not installed")
    first, second = _ball((6, 9, 10), 5), _ball((5, 11, 10), 4.5)
    pair = MaskPair(first, second, spacing_mm=(1.0, 1.0, 1.0))
    found = other.Metric.IOU(reference_arr=second, prediction_arr=first)
    assert iou(pair) == pytest.approx(float(found))
