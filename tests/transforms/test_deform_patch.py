"""Patches drawn and deformed: where they lie, what they are about, what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.transforms import (
    RandDeformPatch,
    RandDeformPatchd,
)

_STILL: dict[str, Any] = {"rotation_deg": 0.0, "scale": 0.0, "shear": 0.0, "elastic_mm": (0.0, 0.0)}


def _records(transform: Any, data: torch.Tensor, count: int = 300) -> list[Any]:  # noqa: ANN401
    transform.set_random_state(0)
    return [transform.draw(data) for _ in range(count)]


def test_patch_is_sampled_at_the_voxel_size_of_the_input() -> None:
    codes = torch.arange(16, dtype=torch.uint8).reshape(1, 4, 4)
    affine = torch.diag(torch.tensor([2.0, 2.0, 1.0], dtype=torch.float64))
    enlarge = RandDeformPatch((8, 8), spacing_mm=1.0, margin=0.0, **_STILL)

    patch = enlarge(MetaTensor(codes, affine=affine))

    wanted = codes.repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert torch.equal(torch.as_tensor(patch), wanted)


def test_turned_patch_is_torchs_quarter_turn() -> None:
    codes = torch.arange(25, dtype=torch.uint8).reshape(1, 5, 5)
    turn = RandDeformPatch((5, 5), **{**_STILL, "rotation_deg": 180.0}, margin=0.0)
    record = turn.draw(codes)

    turned = turn.apply(codes, type(record)(**{**record.to_dict(), "angles_deg": (90.0,)}))

    # the sampling place turns from the first axis to the second, the picture the other way
    assert torch.equal(turned, torch.rot90(codes, -1, (1, 2)))


@pytest.mark.parametrize("margin", [0.0, 0.15, 0.5])
def test_patch_leaves_the_input_by_its_margin_at_most(margin: float) -> None:
    stay = RandDeformPatch((10, 20), margin=margin, **_STILL)
    data = torch.zeros(1, 40, 50)

    centres = torch.tensor([record.centre_vox for record in _records(stay, data)])

    for axis, (patch, size) in enumerate(((10, 40), (20, 50))):
        low, high = centres[:, axis].min() - patch / 2, centres[:, axis].max() + patch / 2
        assert -0.5 - margin * patch <= float(low) < patch / 4
        assert size - patch / 4 < float(high) <= size - 0.5 + margin * patch


@pytest.mark.parametrize(("patch", "shear"), [((8, 8), 0.9), ((8, 8, 8), 0.45)])
def test_shear_never_turns_the_patch_inside_out(patch: tuple[int, ...], shear: float) -> None:
    strong = RandDeformPatch(patch, shear=shear)
    data = torch.zeros(1, *patch)

    volumes = [float(torch.det(strong._matrix(r))) for r in _records(strong, data)]

    assert min(volumes) > 0.05


def _two_labels() -> torch.Tensor:
    """Return a map with a box of 216 voxels of code 2 and one voxel of code 7."""
    codes = torch.zeros(1, 30, 40, 50, dtype=torch.uint8)
    codes[:, 8:14, 10:16, 20:26] = 2
    codes[:, 20, 30, 40] = 7
    return codes


def test_patches_about_labels_show_rare_ones_as_often_as_large_ones() -> None:
    codes = _two_labels()
    about = RandDeformPatch((6, 6, 6), foreground_prob=1.0, margin=0.0, **_STILL)
    found = [
        int(codes[0][tuple(int(place) for place in record.centre_vox)])
        for record in _records(about, codes)
    ]
    assert set(found) == {2, 7}
    # 300 fair draws: five standard deviations of 8.7
    assert abs(found.count(7) - 150) < 44


def test_patches_are_never_about_an_ignored_code() -> None:
    codes = _two_labels()
    about = RandDeformPatch(
        (6, 6, 6), foreground_prob=1.0, ignored_codes=(2,), margin=0.0, **_STILL
    )
    assert {record.centre_vox for record in _records(about, codes)} == {(20.0, 30.0, 40.0)}


def test_share_of_patches_about_labels_is_as_asked() -> None:
    codes = _two_labels()
    half = RandDeformPatch((6, 6, 6), foreground_prob=0.5, **_STILL)
    whole = [
        all(place == int(place) for place in record.centre_vox) for record in _records(half, codes)
    ]
    # other centres are real numbers; 300 fair draws as above
    assert abs(sum(whole) - 150) < 44


def test_centre_on_a_label_at_the_edge_is_moved_as_far_as_the_margin_asks() -> None:
    codes = torch.zeros(1, 20, 20, 20, dtype=torch.uint8)
    codes[0, 0, 10, 19] = 1
    about = RandDeformPatch((8, 8, 8), foreground_prob=1.0, margin=0.25, **_STILL)
    # at most 2 of 8 voxels leave: from 2 - 0.5 to 20 - 0.5 - 2
    assert {record.centre_vox for record in _records(about, codes, 5)} == {(1.5, 10.0, 17.5)}


def test_without_a_label_or_a_share_patches_lie_where_they_always_did() -> None:
    empty, codes = torch.zeros(1, 20, 20, 20, dtype=torch.uint8), _two_labels()
    for data, prob in ((empty, 1.0), (codes, 0.0)):
        other = RandDeformPatch((6, 6, 6), foreground_prob=prob, **_STILL)
        assert len({record.centre_vox for record in _records(other, data, 20)}) == 20
    plain = _records(RandDeformPatch((6, 6, 6)), codes, 5)
    assert _records(RandDeformPatch((6, 6, 6), foreground_prob=0.0), codes, 5) == plain


def test_patches_about_labels_need_a_map_first() -> None:
    about = RandDeformPatch((6, 6, 6), foreground_prob=1.0)
    with pytest.raises(ValueError, match="foreground_prob above 0 needs a map"):
        about(torch.rand(1, 20, 20, 20))


def test_maps_and_images_are_deformed_alike() -> None:
    codes = torch.randint(5, (1, 30, 30), dtype=torch.uint8)
    deform = RandDeformPatchd(("label", "image"), patch_size=(16, 16))
    deform.set_random_state(3)

    # an image of the codes, sampled linearly, is near the codes where neighbours agree
    flat = codes.clone()
    flat[:, :15], flat[:, 15:] = 1, 3
    result = deform({"label": flat, "image": flat.float()})

    certain = (result["image"] == 1) | (result["image"] == 3)
    assert float(certain.float().mean()) > 0.7
    assert torch.equal(result["image"][certain], result["label"][certain].float())


def test_arrays_on_other_grids_cannot_be_deformed_together() -> None:
    deform = RandDeformPatchd(("label", "image"), patch_size=(4, 4))

    with pytest.raises(ValueError, match="keys must share one grid"):
        deform({"label": torch.zeros(1, 8, 8), "image": torch.zeros(1, 8, 9)})


def test_patch_needs_as_many_axes_as_its_input() -> None:
    with pytest.raises(ValueError, match=r"data must have 3 spatial axes .* got shape \(1, 8, 8\)"):
        RandDeformPatch((4, 4, 4))(torch.zeros(1, 8, 8))


def test_patch_larger_than_the_map_is_refused_where_padding_is_not_allowed() -> None:
    small, fits = torch.ones(1, 20, 30, dtype=torch.uint8), torch.ones(1, 24, 30, dtype=torch.uint8)
    strict = RandDeformPatch((24, 24), allow_padding=False).set_random_state(0)
    with pytest.raises(ValueError, match="patch_size must fit the input without padding, 20 voxel"):
        strict(small)
    assert strict(fits).shape == (1, 24, 24)
    assert RandDeformPatch((24, 24)).set_random_state(0)(small).shape == (1, 24, 24)


def test_patch_of_the_inputs_own_size_fits_whatever_its_voxel_size_rounds_to() -> None:
    # float32 keeps neither 1.1 nor 0.9: one comes back larger, the other smaller
    affine = torch.diag(torch.tensor([1.1, 0.9, 1.0]).double())
    codes = MetaTensor(torch.ones(1, 24, 24, dtype=torch.uint8), affine=affine)
    strict = RandDeformPatch((24, 24), spacing_mm=(1.1, 0.9), allow_padding=False, margin=0.0)

    assert strict.set_random_state(0)(codes).shape == (1, 24, 24)
    with pytest.raises(ValueError, match="patch_size must fit the input without padding"):
        strict(codes[:, :-1])
