"""The Gaussian mixture: mean and spread by tissue, whatever else the map holds."""

from __future__ import annotations

import pytest
import torch

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.mixture import paint_mixture

_MEANS = torch.linspace(0.1, 2, len(Tissue))
_SPREADS = torch.linspace(0, 0.3, len(Tissue))


def _paint(tissue: torch.Tensor, means: torch.Tensor, spreads: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return paint_mixture(tissue, means, spreads=spreads, generator=generator)


def test_each_tissue_has_its_mean_and_spread() -> None:
    voxels = 4000
    tissue = torch.arange(len(Tissue)).repeat_interleave(voxels).reshape(1, 1, -1, 40)

    image = _paint(tissue.to(torch.uint8), _MEANS[None], _SPREADS[None]).flatten()

    for member in Tissue:
        painted = image[tissue.flatten() == int(member)]
        spread = float(_SPREADS[member])
        # five standard errors; those of a standard deviation are smaller by sqrt(2)
        error = 5 * spread / voxels**0.5 + 1e-6
        assert float(painted.mean()) == pytest.approx(float(_MEANS[member]), abs=error)
        assert float(painted.std()) == pytest.approx(spread, abs=error)


def test_tissues_that_are_absent_do_not_matter() -> None:
    tissue = torch.tensor([0, 5, 18], dtype=torch.uint8).repeat(40).reshape(1, 1, 10, 12)
    others = _MEANS.clone()
    others[[1, 2, 3, 4, 17]] = 99

    image = _paint(tissue, _MEANS[None], _SPREADS[None])

    assert torch.equal(image, _paint(tissue, others[None], _SPREADS[None]))


@pytest.mark.parametrize("spatial", [(6, 7), (3, 6, 7)])
def test_without_spread_the_image_is_the_table_of_means(spatial: tuple[int, ...]) -> None:
    tissue = torch.randint(len(Tissue), (2, 1, *spatial), dtype=torch.uint8)
    means = torch.stack([_MEANS, _MEANS.flip(0)])

    image = _paint(tissue, means, torch.zeros_like(means))

    assert image.dtype == torch.float32
    for sample in range(2):
        assert torch.equal(image[sample], means[sample][tissue[sample].long()])


def test_unknown_tissue_is_an_error() -> None:
    tissue = torch.full((1, 1, 2, 2), len(Tissue), dtype=torch.uint8)

    with pytest.raises(IndexError, match="out of range"):
        _paint(tissue, _MEANS[None], _SPREADS[None])


def test_noise_is_white_over_the_map() -> None:
    tissue = torch.zeros((1, 1, 200, 200), dtype=torch.uint8)

    image = _paint(tissue, torch.zeros(1, 1), torch.ones(1, 1))[0, 0]

    # five standard errors of a correlation over 40 000 pairs
    assert abs(float((image[1:] * image[:-1]).mean())) < 0.025
    assert abs(float((image[:, 1:] * image[:, :-1]).mean())) < 0.025
