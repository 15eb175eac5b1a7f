"""The TorchIO faces that move voxels, and those that make something of a label map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchio as tio

import spinesynth.transforms.torchio as faces
from tests.transforms.contract_case import FAR_CODES, make_codes, make_image
from tests.transforms.torchio_subject import (
    SIZE,
    SPACING_MM,
    assert_same,
    codes_of,
    labels,
    make_subject,
    scalar,
)


def test_patch_shares_one_grid_and_never_mixes_codes() -> None:
    marked = make_codes(*SIZE).float()
    codes = make_subject().get_image("codes")
    subject = make_subject(as_floats=labels(marked, affine=codes.affine))

    for seed in range(5):
        torch.manual_seed(seed)
        result = faces.RandomDeformPatch((5, 18, 20), elastic_mm=(3.0, 4.0))(subject)

        assert {image.spatial_shape for image in result.get_images(False)} == {(5, 18, 20)}
        assert codes_of(result.get_image("codes")) <= set(FAR_CODES)
        assert result.get_image("codes").data.dtype == torch.uint8
        # same codes stored as floats: nearest neighbour, at the same coordinates
        assert torch.equal(
            result.get_image("as_floats").data, result.get_image("codes").data.float()
        )
        assert torch.equal(result.get_image("t1").data, result.get_image("t2").data)
        result.check_consistent_space()


def test_image_and_label_move_together() -> None:
    """A ramp read at the patch tells where its label came from."""
    ramp = torch.arange(40.0).reshape(1, 1, 40, 1).expand(1, 20, 40, 40).contiguous()
    subject = tio.Subject(
        image=scalar(ramp),
        label=labels(ramp.to(torch.uint8)),
        inside=scalar(torch.ones_like(ramp)),
    )
    torch.manual_seed(1)

    result = faces.RandomDeformPatch((8, 16, 16), margin=0.0)(subject)

    inside = (
        result.get_image("inside").data > 1 - 1e-6
    )  # at the rim, linear interpolation fades to 0
    apart = (result.get_image("image").data - result.get_image("label").data)[inside].abs()
    assert inside.float().mean() > 0.5
    # nearest neighbour lies within half a voxel; a little more for rounding of coordinates
    assert float(apart.max()) <= 0.5 + 1e-4


STILL: dict[str, Any] = {
    "rotation_deg": 0.0,
    "scale": 0.0,
    "shear": 0.0,
    "elastic_mm": (0.0, 0.0),
    "margin": 0.0,
}


@pytest.mark.parametrize("spacing_mm", [SPACING_MM, (4.0, 0.6, 0.8)])
def test_affine_of_an_undeformed_patch_tells_where_it_was_cut(
    spacing_mm: tuple[float, float, float],
) -> None:
    """World coordinates stored as intensities: what the affine says, the voxels must hold."""
    turn = np.array([[0, -1.0, 0], [1.0, 0, 0], [0, 0, 1.0]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(SPACING_MM)
    affine[:3, 3] = (-7.0, 11.0, 3.0)
    grid = np.indices(SIZE).reshape(3, -1)
    world = (affine[:3, :3] @ grid + affine[:3, 3:]).reshape(3, *SIZE)
    image = scalar(torch.as_tensor(world, dtype=torch.float32), affine=affine)
    torch.manual_seed(2)

    patch = faces.RandomDeformPatch((2, 8, 10), spacing_mm=spacing_mm, **STILL)(image)

    inner = np.indices((2, 8, 10)).reshape(3, -1)
    wanted = (patch.affine[:3, :3] @ inner + patch.affine[:3, 3:]).reshape(3, 2, 8, 10)
    np.testing.assert_allclose(patch.spacing, spacing_mm, rtol=1e-12)
    assert patch.orientation == image.orientation
    # float32 coordinates of up to 24 voxels, times 4 mm: a few units in the last place
    np.testing.assert_allclose(patch.data.numpy(), wanted, atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slice_is_deformed_in_its_plane(axis: int) -> None:
    shape = [20, 20, 20]
    shape[axis] = 1
    subject = tio.Subject(
        label=labels(make_codes(*shape)),
        image=scalar(make_image(*shape)),
    )
    result = faces.RandomDeformPatch((10, 12))(subject)

    wanted = [10, 12]
    wanted.insert(axis, 1)
    assert (
        result.get_image("label").spatial_shape
        == result.get_image("image").spatial_shape
        == tuple(wanted)
    )
    assert codes_of(result.get_image("label")) <= set(FAR_CODES)
    assert_same(result.get_composed_history()(subject), result)


def test_two_sizes_for_a_volume_are_refused() -> None:
    with pytest.raises(ValueError, match="patch_size must have three sizes for a volume"):
        faces.RandomDeformPatch((10, 12))(make_subject())


def test_images_on_different_grids_are_not_deformed_together() -> None:
    other = scalar(make_image(*SIZE), affine=np.diag([1.0, 2.0, 3.0, 1.0]))
    with pytest.raises(RuntimeError, match="not in the same space"):
        faces.RandomDeformPatch((4, 8, 8))(make_subject(t1=other))
    result = faces.RandomDeformPatch((4, 8, 8), exclude=["t1"])(make_subject(t1=other))
    assert result.get_image("t1").spatial_shape == SIZE


def test_partial_volumes_in_a_label_map_are_refused() -> None:
    half = labels(torch.full((1, *SIZE), 0.5))
    with pytest.raises(ValueError, match="label map 'pv' must hold whole numbers, got fractions"):
        faces.RandomDeformPatch((4, 8, 8))(tio.Subject(pv=half))


def test_painting_takes_the_first_label_map_and_keeps_it() -> None:
    subject = tio.Subject(map=make_subject().get_image("tissues"))
    face = faces.RandomTissuesToImage()

    result = face(subject)

    image = result.get_image("image_from_labels")
    assert isinstance(image, tio.ScalarImage)
    assert image.data.dtype == torch.float32
    assert np.array_equal(image.affine, subject.get_image("map").affine)
    assert torch.equal(result.get_image("map").data, subject.get_image("map").data)
    assert face.label_key is None  # TorchIO's keeps the first name that it met
    assert_same(result.get_composed_history()(subject), result)


def test_missing_label_map_is_named() -> None:
    face = faces.RandomTissuesToImage(label_key="tissue")
    with pytest.raises(ValueError, match=r"must be a label map of the subject \['codes'.*'tissue'"):
        face(make_subject())
    with pytest.raises(ValueError, match=r"of the subject \[\], got None"):
        faces.RandomTissuesToImage()(make_image(*SIZE))


def test_one_hot_map_is_refused() -> None:
    hot = labels(torch.zeros(3, *SIZE, dtype=torch.uint8))
    with pytest.raises(ValueError, match="label map 'hot' must have 1 channel, got 3"):
        faces.RandomTissuesToImage()(tio.Subject(hot=hot))


def test_context_keeps_structures_and_adds_a_tissue_map() -> None:
    subject = make_subject()
    result = faces.RandomFillContext(label_key="structure", image_key="around")(subject)
    labelled = subject.get_image("structure").data > 0

    assert isinstance(result.get_image("around"), tio.LabelMap)
    assert torch.equal(
        result.get_image("structure").data[labelled], subject.get_image("structure").data[labelled]
    )
    assert len(codes_of(result.get_image("around"))) > 4
