"""Shapes moved by 1, 2 and 3 mm have the distances that geometry says.

A surface that moves by d along the superior axis is d |cos| away from itself, the
angle being that between its normal and the axis.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.ndimage import gaussian_filter1d, gaussian_gradient_magnitude

from spinesynth.anatomy.phantom import draw_phantom, render_phantom
from spinesynth.anatomy.structures import Structure
from spinesynth.metrics import MaskPair, assd, disc_height_error, hd95, surface_dice

Mask = npt.NDArray[np.bool_]
STEP_MM = 1.0
ISOTROPIC = (STEP_MM, STEP_MM, STEP_MM)


def _moved(mask: Mask, steps: int) -> Mask:
    """Return a mask moved up; both it and the unmoved one have room for it."""
    return np.roll(mask, steps, axis=2)


def _with_room(mask: Mask) -> Mask:
    return np.pad(mask, 8)


@cache
def _phantom(structure: Structure) -> Mask:
    """Return a structure of a phantom at 1 mm, two levels and what lies between them."""
    maps = render_phantom(
        draw_phantom(3, pathology=False), shape=(60, 70, 60), spacing_mm=ISOTROPIC
    )
    return _with_room((maps.structure == structure).numpy())


def _ball(radius_mm: float, step_mm: float) -> Mask:
    half = int(radius_mm / step_mm) + 8
    grid = np.indices((2 * half + 1,) * 3, dtype=float) - half
    return np.asarray((grid**2).sum(0) * step_mm**2 <= radius_mm**2)


@pytest.mark.parametrize("shift_mm", [1.0, 2.0, 3.0])
def test_ball(shift_mm: float) -> None:
    # |cos| of a sphere's normals is uniform in [0, 1]: mean 1/2, 95th percentile 0.95
    step_mm = 0.5
    ball = _ball(12.0, step_mm)
    moved = _moved(ball, round(shift_mm / step_mm))
    pair = MaskPair(moved, ball, spacing_mm=(step_mm,) * 3)
    assert hd95(pair) == pytest.approx(0.95 * shift_mm, abs=step_mm)
    assert assd(pair) == pytest.approx(0.5 * shift_mm, abs=step_mm)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (4.0, 0.5, 0.5)])
@pytest.mark.parametrize("shift_mm", [1.0, 2.0, 3.0])
def test_box(shift_mm: float, spacing_mm: tuple[float, float, float]) -> None:
    # 8 x 20 x 12 voxels; the ends are 2 x 8 x 20 of all surface voxels, 12 layers of 52 and
    # 2 x 6 x 18 within the ends. Moved up by n voxels, n whole layers of the sides and the end
    # leave the other box; the inner end lies inside, where sides may be nearer than the end.
    box = _with_room(np.ones((8, 20, 12), dtype=np.bool_))
    steps = round(shift_mm / spacing_mm[2])
    pair = MaskPair(_moved(box, steps), box, spacing_mm=spacing_mm)
    surface = 12 * 52 + 2 * 6 * 18
    outside = 6 * 18 * shift_mm + 52 * sum(n * spacing_mm[2] for n in range(1, steps + 1))
    at_most = outside + 6 * 18 * shift_mm  # as if every voxel of the inner end were that far
    assert hd95(pair) == pytest.approx(shift_mm)
    assert outside / surface <= assd(pair) <= at_most / surface + 1e-9


def _mean_cosine(mask: Mask) -> float:
    """Return the mean |cos| between the superior axis and the normals at surface voxels."""
    blurred = mask.astype(float)
    length = gaussian_gradient_magnitude(blurred, 1.5)
    for axis, order in ((0, 0), (1, 0), (2, 1)):
        blurred = gaussian_filter1d(blurred, 1.5, axis=axis, order=order)
    inside = mask.copy()
    for axis in range(3):
        inside &= np.roll(mask, 1, axis) & np.roll(mask, -1, axis)
    surface = mask & ~inside
    return float((abs(blurred[surface]) / length[surface]).mean())


@pytest.mark.parametrize("structure", [Structure.VERTEBRAL_BODY, Structure.DISC])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_truth_of_the_phantom(structure: Structure, steps: int) -> None:
    truth = _phantom(structure)
    shift_mm = steps * STEP_MM
    pair = MaskPair(_moved(truth, steps), truth, spacing_mm=ISOTROPIC)
    # endplates are more than 5 % of the surface, so the 95th percentile is the shift itself
    assert hd95(pair) == pytest.approx(shift_mm, abs=STEP_MM)
    assert hd95(pair) <= shift_mm  # every voxel has itself moved
    assert assd(pair) == pytest.approx(shift_mm * _mean_cosine(truth), abs=0.5 * STEP_MM)
    assert surface_dice(pair, tolerance_mm=shift_mm) == 1.0
    assert surface_dice(pair, tolerance_mm=shift_mm - 0.5) < 1.0


def test_moving_changes_no_height() -> None:
    maps = render_phantom(
        draw_phantom(3, pathology=False), shape=(60, 70, 60), spacing_mm=ISOTROPIC
    )
    disc = (maps.structure == Structure.DISC) & (maps.instance == maps.instance.max() - 1)
    assert bool(torch.any(disc))
    truth = _with_room(disc.numpy())
    pair = MaskPair(_moved(truth, 3), truth, spacing_mm=ISOTROPIC)
    assert disc_height_error(pair) == pytest.approx(0.0, abs=1e-9)
