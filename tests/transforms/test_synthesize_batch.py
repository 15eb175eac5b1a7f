"""A batch gives what its samples give one by one, on any device."""

from __future__ import annotations

import pytest
import torch

from spinesynth.transforms import RandSynthesizeMRI, SynthesizeBatch
from tests.transforms.contract_case import make_tissue

SEEDS = [5, 6, 7]
MAPS = [make_tissue(40, 44), make_tissue(48, 40), make_tissue(40, 44)]


def test_sample_of_a_batch_is_the_sample_of_its_seed() -> None:
    batch = SynthesizeBatch("full", patch_size=(24, 28))(MAPS, seeds=SEEDS)
    for number, seed in enumerate(SEEDS):
        lone = RandSynthesizeMRI("full", patch_size=(24, 28)).set_random_state(seed)
        assert torch.equal(batch.images[number], lone(MAPS[number]))
        assert lone.record is not None
        assert batch.records[number] == lone.record.to_dict()
    other = SynthesizeBatch("full", patch_size=(24, 28))(MAPS[1:], seeds=SEEDS[1:])
    assert torch.equal(batch.images[1:], other.images)


@pytest.mark.parametrize(("maps", "seeds"), [([], []), (MAPS, SEEDS[:2])])
def test_seed_is_missing(maps: list[torch.Tensor], seeds: list[int]) -> None:
    with pytest.raises(ValueError, match="seeds must hold one seed for each map"):
        SynthesizeBatch("full", patch_size=(24, 28))(maps, seeds=seeds)


@pytest.mark.gpu
@pytest.mark.parametrize("size", [(96, 80), (24, 96, 80)])
def test_batch_on_the_gpu_is_that_of_the_cpu(
    size: tuple[int, ...], cuda_device: torch.device
) -> None:
    """Single precision: coordinates differ in the last place, so that few voxels tip over."""
    patch = tuple(n // 2 for n in size)
    maps = [make_tissue(*size)] * 4
    cpu = SynthesizeBatch("full", patch_size=patch)(maps, seeds=range(4))
    gpu = SynthesizeBatch("full", patch_size=patch, device=cuda_device)(maps, seeds=range(4))
    assert (gpu.maps.cpu() != cpu.maps).float().mean() < 1e-3
    assert (gpu.images.cpu() - cpu.images).abs().median() < 1e-4
    assert gpu.records == cpu.records
