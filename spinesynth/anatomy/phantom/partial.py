"""Which vertebrae of a phantom the field of view cuts."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from spinesynth.anatomy.phantom.render import PhantomMaps
from spinesynth.anatomy.structures import Structure

_BONE = (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS)


def partial_instances(maps: PhantomMaps, *, axes: Sequence[int] = (1, 2)) -> tuple[int, ...]:
    """Return the instances whose vertebra reaches an edge of the field of view.

    Args:
        maps: from :func:`~spinesynth.anatomy.phantom.render_phantom`.
        axes: whose edges count; by default A and S, because a sagittal slab cuts
            the transverse processes of every vertebra at its sides.

    Returns:
        Instance numbers, rising. A vertebra of which no voxel is inside has none.

    Raises:
        ValueError: if an axis is not 0, 1 or 2.

    Example:
        >>> from spinesynth.anatomy.phantom import draw_phantom, render_phantom
        >>> maps = render_phantom(draw_phantom(3), shape=(1, 64, 40), spacing_mm=(1.0, 4.0, 4.0))
        >>> len(partial_instances(maps)) > 0
        True
    """
    if not set(axes) <= {0, 1, 2}:
        raise ValueError(f"axes must be among (0, 1, 2), got {tuple(axes)}")
    codes = torch.tensor([int(s) for s in _BONE], dtype=torch.uint8, device=maps.structure.device)
    bone = torch.isin(maps.structure, codes)
    numbered = torch.where(bone, maps.instance, torch.zeros_like(maps.instance))
    edges = [numbered.select(axis, side).reshape(-1) for axis in axes for side in (0, -1)]
    counts = torch.bincount(torch.cat([*edges, numbered.new_zeros(1)]).long())
    return tuple(int(number) for number in counts.nonzero()[:, 0] if number > 0)
