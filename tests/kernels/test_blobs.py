"""Blobs: whole or in part they are the same, and every tissue has its share."""

from __future__ import annotations

import pytest
import torch

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.blobs import Blobs, draw_blobs

_TISSUES = (Tissue.MUSCLE, Tissue.FAT, Tissue.VESSEL)
shapes = pytest.mark.parametrize("shape", [(1, 90, 70), (5, 60, 50)], ids=["slice", "volume"])


def _draw(shape: tuple[int, int, int], seed: int, scale_vox: float = 6.0) -> Blobs:
    generator = torch.Generator().manual_seed(seed)
    return draw_blobs(_TISSUES, shape, (scale_vox, scale_vox), generator=generator)


@shapes
@pytest.mark.parametrize("rows", [slice(0, 20), slice(31, 32), slice(17, 60)])
def test_part_is_that_of_the_whole(shape: tuple[int, int, int], rows: slice) -> None:
    for seed in range(5):
        blobs = _draw(shape, seed)

        part = blobs.paint(rows)

        assert part.dtype == torch.uint8
        assert part.shape == (shape[0], rows.stop - rows.start, shape[2])
        # but for fields that are equal within rounding, which one voxel in a million has
        assert int((part != blobs.paint()[:, rows]).sum()) <= 1


@shapes
def test_every_tissue_has_its_share_of_many_draws(shape: tuple[int, int, int]) -> None:
    painted = torch.stack([_draw(shape, seed).paint() for seed in range(30)])

    assert set(painted.flatten().tolist()) == {int(tissue) for tissue in _TISSUES}
    # a third each; the biases make a tissue fill or miss a map, a spread of 0.25 over 30 draws
    for tissue in _TISSUES:
        assert abs(float((painted == int(tissue)).float().mean()) - 1 / 3) < 0.2


def test_larger_scale_makes_larger_blobs() -> None:
    def borders(scale_vox: float) -> float:
        maps = [_draw((1, 90, 70), seed, scale_vox).paint() for seed in range(5)]
        return sum(float((m.diff(dim=1) != 0).float().mean()) for m in maps)

    assert borders(20.0) < 0.6 * borders(5.0)


def test_strongest_field_wins() -> None:
    nodes = torch.zeros(1, 3, 2, 2)
    nodes[0, 1, 0] = 4.0  # fat where rows begin, and vessel elsewhere by its bias
    bias = torch.tensor([0.0, -1.0, 1.0])

    painted = Blobs(_TISSUES, nodes, bias, (1, 10, 4)).paint()

    assert set(painted[0, 0].tolist()) == {int(Tissue.FAT)}
    assert set(painted[0, -1].tolist()) == {int(Tissue.VESSEL)}
