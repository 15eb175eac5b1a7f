"""Between grids, label maps move with nearest neighbour, never mixed, and images by splines."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data.meta_tensor import MetaTensor

from spinesynth.io.align import align_image, align_label, check_same_grid
from spinesynth.io.problems import InputFileError


def column(values: list[int], *, spacing_mm: float, origin_mm: float) -> MetaTensor:
    """Return a volume one voxel wide whose last axis holds the values."""
    affine = torch.diag(torch.tensor([1.0, 1.0, spacing_mm, 1.0], dtype=torch.float64))
    affine[2, 3] = origin_mm
    tensor = torch.tensor(values, dtype=torch.int32)[None, None, None]
    return MetaTensor(tensor, affine=affine, meta={"source_path": f"{len(values)}.mha"})


def test_each_voxel_takes_the_nearest_code_up_to_half_a_voxel_beyond_the_edge() -> None:
    label = column([100, 0, 201, 3], spacing_mm=1.0, origin_mm=0.0)
    # voxel centres of the image: -0.9, -0.4, 0.1, 0.6, 1.1, 1.6, 2.1, 2.6, 3.1, 3.6 mm
    image = column([0] * 10, spacing_mm=0.5, origin_mm=-0.9)
    aligned = align_label(image, label)
    assert aligned.flatten().tolist() == [0, 100, 100, 0, 0, 201, 201, 3, 3, 0]
    assert aligned.dtype == label.dtype
    np.testing.assert_array_equal(aligned.affine, image.affine)


@given(
    values=st.lists(st.sampled_from([0, 1, 2, 100, 201]), min_size=2, max_size=12),
    spacing_mm=st.floats(0.3, 3),
    shift_mm=st.floats(-1, 1),
)
def test_no_code_is_made_up(values: list[int], spacing_mm: float, shift_mm: float) -> None:
    label = column(values, spacing_mm=1.0, origin_mm=0.0)
    image = column([0] * 40, spacing_mm=spacing_mm, origin_mm=shift_mm - 2)
    # a coarse image may step over the few labels there are, and refuse them
    with contextlib.suppress(InputFileError):
        aligned = align_label(image, label)
        assert set(aligned.flatten().tolist()) <= set(values) | {0}


def test_equal_grid_gives_the_label_map_itself() -> None:
    label = column([0, 1, 2], spacing_mm=1.0, origin_mm=5.0)
    image = column([7, 8, 9], spacing_mm=1.0, origin_mm=5.0)
    assert align_label(image, label) is label
    assert check_same_grid(image, label) is label


def test_empty_label_map_may_lie_anywhere() -> None:
    label = column([0, 0], spacing_mm=1.0, origin_mm=900.0)
    image = column([1, 2, 3], spacing_mm=1.0, origin_mm=0.0)
    assert align_label(image, label).flatten().tolist() == [0, 0, 0]


def test_label_map_that_labels_nothing_within_the_image_is_refused() -> None:
    label = column([0, 0, 1], spacing_mm=1.0, origin_mm=0.0)
    image = column([1, 2], spacing_mm=1.0, origin_mm=0.0)
    with pytest.raises(InputFileError, match=r"3\.mha: nothing it labels lies within 2\.mha"):
        align_label(image, label)


def test_image_is_resampled_by_splines_within_its_range_and_zero_beyond() -> None:
    voxels = column([0, 0, 8, 8, 8, 0], spacing_mm=1.0, origin_mm=0.0)
    meta = {"source_path": "6.mha"}
    image = MetaTensor(voxels.as_tensor().float(), affine=voxels.affine, meta=meta)
    target = column([0] * 16, spacing_mm=0.5, origin_mm=-1.0)

    aligned = align_image(target, image).flatten()

    # the centres -1 mm and 6, 6.5 mm lie beyond half a voxel; on a source voxel a spline is exact
    assert aligned[0] == 0
    assert aligned[14:].tolist() == [0, 0]
    torch.testing.assert_close(aligned[2:13:2], image.flatten(), rtol=0, atol=1e-5)
    # the centre of a step of a cubic spline; overshoot on both sides is cut
    assert float(aligned[5]) == pytest.approx(4, abs=1)
    assert (float(aligned.min()), float(aligned.max())) == (0, 8)
    assert align_image(target, image).dtype == torch.float32


def test_image_on_an_equal_grid_is_itself() -> None:
    image = column([1, 2, 3], spacing_mm=1.0, origin_mm=0.0)
    assert align_image(column([7, 8, 9], spacing_mm=1.0, origin_mm=0.0), image) is image


def test_image_that_does_not_overlap_is_refused() -> None:
    image = column([1, 2, 3], spacing_mm=1.0, origin_mm=900.0)
    with pytest.raises(InputFileError, match=r"3\.mha: does not overlap 2\.mha"):
        align_image(column([1, 2], spacing_mm=1.0, origin_mm=0.0), image)
