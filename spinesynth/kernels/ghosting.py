"""Ghosts: breathing and pulsation modulate the phase-encoding lines periodically."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.kernels.kspace_lines import line_numbers, magnitude, weigh_lines


def ghosting_weights(
    size: int, *, cycles: float, amplitude: float, displacement_vox: float, phase_rad: float
) -> Tensor:
    """Return the factor of each phase-encoding line under a periodic change.

    The lines are acquired one after another from one edge of k-space to the
    other. The signal follows ``1 + amplitude cos(2 pi cycles k / size + phase)``,
    the place ``displacement sin(...)`` along the axis. Ghosts of whole cycles
    leave the still image as it is: the mean of the signal over the lines is 1.

    Returns:
        ``(size,)`` complex, in the order of the FFT.
    """
    line = line_numbers(size).float()
    angle = 2 * torch.pi * cycles * line / size + phase_rad
    signal = 1 + amplitude * torch.cos(angle)
    place = displacement_vox * torch.sin(angle)
    return torch.polar(signal, -2 * torch.pi * line * place / size)


def apply_periodic_ghosting(
    image: Tensor, weights: Tensor, *, axis: int, moving: Tensor | None = None
) -> Tensor:
    """Add the ghosts that periodic line weights leave along the phase-encoding axis.

    A change of ``n`` cycles in one acquisition repeats the moving part ``n``
    voxels away on both sides: at ``amplitude / 2`` of its height for a change of
    signal, at its edges for a change of place. The ghosts wrap around.

    Args:
        image: ``(B, C, *spatial)`` float >= 0.
        weights: ``(size,)`` of :func:`ghosting_weights`.
        axis: tensor axis of phase encoding.
        moving: share in [0, 1] of each voxel that moves, broadcast against the
            image; None is all of it.

    Returns:
        ``(B, C, *spatial)`` magnitude image.

    Source: Wood and Henkelman 1986, Medical Physics 13:794, doi 10.1118/1.595851
    (periodic motion as a function of spatial frequency).
    """
    if moving is None:
        return magnitude(*weigh_lines(image, weights, axis=axis))
    real, imaginary = weigh_lines(image * moving, weights - 1, axis=axis)
    return magnitude(image + real, imaginary)


def anterior_share(size: int, fraction: float) -> Tensor:
    """Return a share that rises from 0 to 1 behind the start of an axis's last part.

    Args:
        size: voxels along the axis, whose last voxel is the most anterior.
        fraction: part of the axis, in [0, 1], that moves; its first tenth of the
            axis is a ramp, as tissue that is attached moves less.
    """
    depth = (torch.arange(size) + 0.5) / size - (1 - fraction)
    return (depth / 0.1).clamp(0, 1)
