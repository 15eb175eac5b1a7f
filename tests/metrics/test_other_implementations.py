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

from spinesynth.metrics import METRICS, MaskPair, match_instances, score_instances

Mask = npt.NDArray[np.bool_]
masks = arrays(np.bool_, (4, 5, 6)).filter(np.any)
# hundredths of a mm: no distance comes so near 1 or 2 mm that MONAI's float32 decides
steps = st.tuples(*[st.integers(31, 499).map(lambda n: n / 100 + 0.003)] * 3)


def _ball(centre: tuple[float, ...], radius: float) -> Mask:
    grid = np.indices((12, 20, 20), dtype=float)
    return np.asarray(((grid - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0) <= radius**2)


def _monai(first: Mask, second: Mask, spacing: tuple[float, ...]) -> dict[str, float]:
    one, two = (torch.from_numpy(mask.copy())[None, None].float() for mask in (first, second))
    shared: dict[str, Any] = {"include_background": True}
    apart = shared | {"spacing": list(spacing)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI's own deprecations are not under test
        scores = {
            "dice": compute_dice(one, two, **shared),
            "iou": compute_iou(one, two, **shared),
            "hd95": compute_hausdorff_distance(one, two, **apart, percentile=95),
            "assd": compute_average_surface_distance(one, two, **apart, symmetric=True),
            "nsd_1mm": compute_surface_dice(one, two, [1.0], **apart),
            "nsd_2mm": compute_surface_dice(one, two, [2.0], **apart),
        }
    return {name: float(score.item()) for name, score in scores.items()}


def _assert_equals_monai(first: Mask, second: Mask, spacing: tuple[float, ...]) -> None:
    pair = MaskPair(first, second, spacing_mm=spacing)
    expected = _monai(first, second, spacing)
    scores = {name: METRICS[name].function(pair) for name in expected}
    # MONAI computes in float32: the rank of the 95th percentile among some 200 distances is
    # off by up to 1.4e-5 of the gap between two of them, which may be as wide as the image
    gap_mm = float(np.linalg.norm(np.multiply(first.shape, spacing)))
    assert scores.pop("hd95") == pytest.approx(expected.pop("hd95"), rel=1e-5, abs=2e-5 * gap_mm)
    assert scores == pytest.approx(expected, rel=1e-5, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(first=masks, second=masks, spacing=steps)
def test_equals_monai_on_random_masks(
    first: Mask, second: Mask, spacing: tuple[float, float, float]
) -> None:
    _assert_equals_monai(first, second, spacing)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (4.4, 0.6, 0.7), (0.9, 0.94, 0.94)])
def test_equals_monai_on_solid_shapes(spacing: tuple[float, float, float]) -> None:
    _assert_equals_monai(_ball((6, 9, 10), 5), _ball((5, 11, 10), 4.5), spacing)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its own, of its imports from scipy
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


@pytest.mark.filterwarnings("ignore")  # its own, of what it imports
@pytest.mark.parametrize("seed", range(6))
def test_instances_equal_panoptica(seed: int) -> None:
    other = pytest.importorskip("panoptica", reason="panoptica is not installed")
    prediction, reference = _columns(seed)
    evaluator = other.Panoptica_Evaluator(
        expected_input=other.InputType.UNMATCHED_INSTANCE,
        instance_matcher=other.NaiveThresholdMatching(matching_threshold=0.5),
        instance_metrics=[other.Metric.IOU, other.Metric.DSC],
        global_metrics=[],
    )
    found = evaluator.evaluate(prediction, reference, verbose=False)["ungrouped"]
    matching = match_instances(prediction, reference)
    counts = (len(matching.matches), len(matching.invented), len(matching.missed))
    assert counts == (found.tp, found.fp, found.fn)
    scores = score_instances(prediction, reference, matching, spacing_mm=(1.0, 1.0, 1.0))
    dice = [score.values["dice"] for score in scores if score.prediction is not None]
    assert np.mean([match.iou for match in matching.matches]) == pytest.approx(found.sq)
    assert np.mean(dice) == pytest.approx(found.sq_dsc)


def _columns(seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return boxes on top of each other, and the same moved, lost, invented and renumbered."""
    generator = np.random.default_rng(seed)
    prediction, reference = np.zeros((2, 6, 20, 60), dtype=np.uint8)
    numbers = generator.permutation(np.arange(1, 7))
    for place, number in enumerate(numbers):
        low, height = 10 * place, generator.integers(5, 9)
        move = generator.integers(0, 5)
        if place != 2:
            reference[1:5, 4:14, low : low + height] = place + 1
        if place != 4:
            prediction[1:5, 4 + move : 14 + move, low : low + height] = number
    return prediction, reference
