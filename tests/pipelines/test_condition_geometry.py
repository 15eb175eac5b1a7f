"""Conditions of the field of view: windows, rotations and lost slices take the reference along."""

from __future__ import annotations

import math

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.structures import Structure
from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines.conditions import CONDITIONS, SEVERITIES, degrade_case, level_reached
from tests.pipelines.condition_cases import case_of
from tests.pipelines.fabricated import make_case


@pytest.mark.parametrize("severity", SEVERITIES)
def test_window_of_the_field_has_its_share_and_takes_the_reference_along(severity: int) -> None:
    case = case_of(torch.full((4, 40, 60), 7.0) + torch.rand(4, 40, 60))
    degraded = degrade_case(case, "field_of_view", severity)
    assert degraded.structure is not None
    seen = degraded.structure.as_tensor()[0, 0] > 0
    share = CONDITIONS["field_of_view"].level(severity)
    rows, columns = seen.any(1), seen.any(0)
    assert (int(rows.sum()), int(columns.sum())) == (round(40 * share), round(60 * share))
    assert bool(seen[rows][:, columns].all())
    assert degraded.image is not None
    empty = degraded.image.as_tensor()[0, 0][~seen]
    assert torch.equal(empty, torch.full_like(empty, float(case.image.min())))  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize("severity", SEVERITIES)
def test_rotation_turns_image_and_reference_by_its_angle(severity: int) -> None:
    # a bar along J through the centre: its direction is that of its second moments
    codes = torch.zeros(3, 81, 81)
    codes[:, 10:71, 38:43] = int(Structure.DISC)
    degraded = degrade_case(case_of(codes * 10, codes), "rotation", severity)
    assert degraded.image is not None
    assert degraded.structure is not None
    for plane in (degraded.image.as_tensor()[0, 1] > 15, degraded.structure.as_tensor()[0, 1] > 0):
        places = plane.nonzero().double()
        places -= places.mean(0)
        values, vectors = torch.linalg.eigh(places.T @ places)
        j, k = vectors[:, values.argmax()].tolist()
        # the staircase of a bar 61 voxels long leaves less than half a degree
        assert abs(math.degrees(math.atan(k / j))) == pytest.approx(
            CONDITIONS["rotation"].level(severity), abs=0.5
        )


def test_rotation_is_one_of_millimetres() -> None:
    # pixels of 1 x 2 mm: a square of 40 mm stays one when it turns, 40 x 20 voxels stay not
    affine = torch.diag(torch.tensor([4.0, 1.0, 2.0, 1.0], dtype=torch.float64))
    codes = torch.zeros(1, 3, 101, 51)
    codes[:, :, 30:71, 15:36] = int(Structure.DISC)
    case = LoadedCase(
        make_case("a"), MetaTensor(codes * 10, affine=affine),
        MetaTensor(codes.to(torch.uint8), affine=affine), None,
    )  # fmt: skip
    turned = degrade_case(case, "rotation", 5).structure
    assert turned is not None
    places = (turned.as_tensor()[0, 1] > 0).nonzero().double() * torch.tensor([1.0, 2.0])
    spread = places.var(0).sqrt()
    # of a square any direction has the same spread, to a voxel of 2 mm at the rim
    assert float(spread[0]) == pytest.approx(float(spread[1]), rel=0.05)


def test_axial_slices_are_turned_in_their_own_plane() -> None:
    affine = torch.diag(torch.tensor([1.0, 1.0, 5.0, 1.0], dtype=torch.float64))
    codes = torch.zeros(1, 41, 41, 6)
    codes[:, 5:36, 18:23, 2] = int(Structure.DISC)
    case = LoadedCase(
        make_case("a"), MetaTensor(codes * 10, affine=affine),
        MetaTensor(codes.to(torch.uint8), affine=affine), None,
    )  # fmt: skip
    turned = degrade_case(case, "rotation", 5).structure
    assert turned is not None
    assert turned.as_tensor()[0].any(0).any(0).tolist() == [False, False, True, *[False] * 3]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_missing_slices_are_empty_and_counted(severity: int) -> None:
    case = case_of(torch.rand((20, 8, 8), generator=torch.Generator().manual_seed(0)) + 1)
    degraded = degrade_case(case, "missing_slices", severity)
    assert degraded.image is not None
    planes = degraded.image.as_tensor()[0].flatten(1)
    gone = int((planes.std(1) == 0).sum())
    share = CONDITIONS["missing_slices"].level(severity)
    assert gone == round(20 * share)
    assert level_reached(case, "missing_slices", severity) == (gone / 20, "share")
    assert torch.equal(degraded.structure, case.structure)  # type: ignore[arg-type]  # both are there
