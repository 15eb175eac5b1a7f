"""Heatmaps about the centres of vertebral bodies, as codes that are warped like labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: Code where the nearest centre is not known: also beyond the edge of a map that is warped.
UNKNOWN_CENTRE = 0
_FARTHEST, _AT_CENTRE = 1, 255
#: Codes to one sigma: a Gaussian's value is right to 0.6 / 50 / 2 = 0.006, and codes reach as far
#: as 5 sigma, where it is 4e-6.
_STEPS = 50
_CUT = 0.5  # section at an edge over the largest one; nominal


def centre_codes(bodies: Tensor, *, spacing_mm: Sequence[float], sigma_mm: float) -> Tensor:
    """Return how close each voxel lies to the nearest centre of a body.

    A centre is the mean position of a body's voxels. A body whose section at an edge of
    the map is more than half of its largest parallel section is cut by it, and its
    centre unknown: so are the codes of all voxels that lie nearest to the centre of
    what is left of it. (Of an ellipsoid less than 6 % is beyond the edge below that, and
    the centre is off by less than a twelfth of its half axis.) An axis of one voxel
    has no edge.

    Args:
        bodies: whole numbers of any shape, a number for each body, 0 elsewhere.
        spacing_mm: voxel size of each axis.
        sigma_mm: of the Gaussian that the codes stand for.

    Returns:
        uint8 of the same shape: 255 at a centre, one less for each fiftieth of a sigma,
        1 from 5.08 sigma on and where there is no body; 0 where it is not known. A map
        that is warped with nearest neighbours and filled with 0 stays one.

    Example:
        >>> bodies = torch.tensor([0, 0, 0, 1, 1, 1, 0, 0])
        >>> centre_codes(bodies, spacing_mm=[2.0], sigma_mm=4.0).tolist()
        [155, 180, 205, 230, 255, 230, 205, 180]
    """
    axes = [
        (torch.arange(n, device=bodies.device) * step).float()
        for n, step in zip(bodies.shape, spacing_mm, strict=True)
    ]
    nearest = torch.full(bodies.shape, torch.inf, device=bodies.device)
    unknown = torch.zeros(bodies.shape, dtype=torch.bool, device=bodies.device)
    for number in torch.unique(bodies).tolist():
        if number == 0:
            continue
        places = (bodies == number).nonzero()
        square = torch.zeros((), device=bodies.device)
        for axis, along in enumerate(axes):
            offset = (along - along[places[:, axis]].double().mean()) ** 2
            square = square + offset.reshape([-1 if a == axis else 1 for a in range(len(axes))])
        closer = square < nearest
        nearest = torch.where(closer, square, nearest)
        unknown = torch.where(closer, _is_cut(places, bodies.shape), unknown)
    steps = (nearest.sqrt() * (_STEPS / sigma_mm)).round().clamp(max=_AT_CENTRE - _FARTHEST)
    return (_AT_CENTRE - steps).to(torch.uint8).masked_fill(unknown, UNKNOWN_CENTRE)


def _is_cut(places: Tensor, shape: Sequence[int]) -> bool:
    """Return whether the edge of their map goes through the voxels ``(N, axes)`` of a body."""
    for axis, size in enumerate(shape):
        sections = torch.bincount(places[:, axis], minlength=size)
        at_edge = max(int(sections[0]), int(sections[-1]))
        if size > 1 and at_edge > _CUT * int(sections.max()):
            return True
    return False


def heatmap_of(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Gaussians that :func:`centre_codes` stands for, and where they are known.

    Args:
        codes: uint8 of any shape.

    Returns:
        float32 in [0, 1], 1 at a centre, the nearest body's where there are several; and
        bool.

    Example:
        >>> heat, known = heatmap_of(torch.tensor([255, 205, 1, 0], dtype=torch.uint8))
        >>> [round(value, 4) for value in heat.tolist()], known.tolist()
        ([1.0, 0.6065, 0.0, 0.0], [True, True, True, False])
    """
    known = codes != UNKNOWN_CENTRE
    sigmas = (_AT_CENTRE - codes.float()) / _STEPS
    return torch.exp(-0.5 * sigmas**2) * (codes > _FARTHEST), known
