from __future__ import annotations

import pytest
import torch

from spinesynth.anatomy.phantom import PhantomMaps
from spinesynth.anatomy.phantom.partial import partial_instances
from spinesynth.anatomy.structures import Structure


def _maps(instances: torch.Tensor, structure: Structure) -> PhantomMaps:
    filled = (instances > 0).to(torch.uint8) * int(structure)
    return PhantomMaps(filled, instances, torch.zeros_like(filled), torch.eye(4))


def test_vertebrae_at_the_upper_and_lower_edge_are_partial() -> None:
    instances = torch.zeros((3, 8, 12), dtype=torch.uint8)
    for number, rows in ((1, slice(0, 2)), (2, slice(3, 6)), (3, slice(8, 12))):
        instances[:, 2:5, rows] = number
    assert partial_instances(_maps(instances, Structure.VERTEBRAL_BODY)) == (1, 3)
    # all of them reach the sides of the slab, which only count when asked for
    assert partial_instances(_maps(instances, Structure.VERTEBRAL_BODY), axes=(0,)) == (1, 2, 3)
    # a disc at the edge says nothing of its vertebra
    assert partial_instances(_maps(instances, Structure.DISC)) == ()


def test_spinous_process_cut_behind_makes_a_vertebra_partial() -> None:
    instances = torch.zeros((3, 8, 12), dtype=torch.uint8)
    instances[1, :4, 5] = 2
    assert partial_instances(_maps(instances, Structure.POSTERIOR_ELEMENTS)) == (2,)


def test_unknown_axis_is_refused() -> None:
    empty = _maps(torch.zeros((2, 2, 2), dtype=torch.uint8), Structure.DISC)
    with pytest.raises(ValueError, match=r"axes must be among \(0, 1, 2\), got \(3,\)"):
        partial_instances(empty, axes=(3,))
