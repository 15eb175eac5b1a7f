"""Partial Fourier: phase encoding stops early on one side of k-space."""

from __future__ import annotations

import math

from torch import Tensor

from spinesynth.kernels.kspace_lines import line_numbers, magnitude, weigh_lines


def partial_fourier_weights(size: int, fraction: float) -> Tensor:
    """Return 1 for the lines that are acquired and 0 for the rest, in the order of the FFT.

    Args:
        size: lines along the axis.
        fraction: part of the lines, in [0.5, 1], that is acquired, from one edge
            of k-space on; the centre is always among them.
    """
    last = max(math.ceil(fraction * size - 1e-6) - size // 2, 1)
    return (line_numbers(size) < last).float()


def apply_partial_fourier(image: Tensor, fraction: float, *, axis: int) -> Tensor:
    """Acquire one side of k-space only in part and fill the rest with zeros.

    Only zero filling is done, no homodyne reconstruction or projection onto
    convex sets: the magnitude image is blurred along the axis.

    Args:
        image: ``(B, C, *spatial)`` float >= 0; it has no phase, so that the side
            of k-space makes no difference.
        fraction: part of the lines, in [0.5, 1], that is acquired; 1 is neutral.
        axis: tensor axis of phase encoding.

    Returns:
        ``(B, C, *spatial)`` magnitude image; the complex image keeps its mean.

    Source: McGibney et al. 1993, MRM 30:51 (partial Fourier reconstructions).
    """
    weights = partial_fourier_weights(image.shape[axis], fraction)
    if bool((weights == 1).all()):
        return image.clone()
    return magnitude(*weigh_lines(image, weights, axis=axis))
