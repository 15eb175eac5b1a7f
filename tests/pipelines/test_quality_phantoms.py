"""Scans of phantoms that teach doubt."""

from __future__ import annotations

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.structures import Structure
from spinesynth.pipelines.quality_phantoms import draw_challenge, draw_scan, spoil

IMAGE = MetaTensor(torch.arange(24.0).reshape(1, 2, 3, 4), affine=torch.eye(4))


def test_a_scan_is_its_seed_and_number() -> None:
    first, again, other = draw_scan(3, 1), draw_scan(3, 1), draw_scan(3, 2)
    assert first.loaded.image is not None
    assert again.loaded.image is not None
    assert other.loaded.image is not None
    assert torch.equal(first.loaded.image, again.loaded.image)
    assert (first.condition, first.severity) == (again.condition, again.severity)
    assert first.loaded.image.shape != other.loaded.image.shape


def test_flank_shows_no_spine() -> None:
    flank = draw_challenge(0, 1, "flank").loaded.structure
    assert flank is not None
    column = [Structure.VERTEBRAL_BODY, Structure.DISC, Structure.CANAL]
    assert not bool(torch.isin(flank.as_tensor(), torch.tensor(column)).any())


@pytest.mark.parametrize(
    ("challenge", "expected"),
    [
        ("negative", 23 - IMAGE.as_tensor()),
        ("upside_down", IMAGE.as_tensor().flip(3)),
        ("turned", IMAGE.as_tensor().flip(2).flip(3)),
        ("flank", IMAGE.as_tensor()),
    ],
)
def test_scans_are_spoilt_as_said(challenge: str, expected: torch.Tensor) -> None:
    spoilt = spoil(IMAGE, challenge, generator=torch.manual_seed(0))
    assert torch.equal(spoilt.as_tensor(), expected)
    assert torch.equal(spoilt.affine, IMAGE.affine)


def test_noise_alone_knows_nothing_of_the_scan() -> None:
    a, b = (
        spoil(image, "noise_alone", generator=torch.Generator().manual_seed(5))
        for image in (IMAGE, MetaTensor(IMAGE.as_tensor() * 0, affine=torch.eye(4)))
    )
    assert torch.equal(a.as_tensor(), b.as_tensor())
    assert float(a.min()) > 0
