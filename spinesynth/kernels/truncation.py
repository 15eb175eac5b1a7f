"""Truncation: an acquisition that ends early in k-space rings at edges (Gibbs)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spinesynth.kernels.kspace_lines import line_numbers, weigh_lines


def truncation_weights(size: int, fraction: float, *, hamming: bool) -> Tensor:
    """Return the weight of each line: 0 outside the central fraction of k-space.

    Args:
        size: lines along the axis.
        fraction: part of the lines, in (0, 1], that is kept about the centre.
        hamming: weigh the kept lines by ``0.54 + 0.46 cos(pi k / k_max)``, unless
            all are kept: nothing was cut that would ring.

    Returns:
        ``(size,)`` float in the order of the FFT, 1 at the centre, the same for +k
        as for -k so that a real image stays real. Both lines at the limit are kept,
        for example -4 to 4 of 16 lines at one half, which are nine.

    Source: Harris 1978, Proceedings of the IEEE 66:51 (Hamming window).
    """
    line, edge = line_numbers(size).abs(), fraction * size / 2
    # lines are whole numbers: a thousandth covers the rounding of the product
    kept = (line <= edge + 1e-3).float()
    if not hamming or fraction == 1:
        return kept
    return kept * (0.54 + 0.46 * torch.cos(torch.pi * line / edge))


def truncate_kspace(
    image: Tensor, fractions: Sequence[float], *, axes: Sequence[int], hamming: bool
) -> Tensor:
    """Keep the centre of k-space along some axes and interpolate by zero filling.

    Args:
        image: ``(B, C, *spatial)`` float >= 0.
        fractions: part of the lines that is kept along each of ``axes``, in (0, 1].
        axes: tensor axes to truncate.
        hamming: apodise with a Hamming window, which trades ringing for blur, along
            the axes that lose lines.

    Returns:
        ``(B, C, *spatial)`` magnitude image. Before the magnitude the mean is
        kept, and a step overshoots by 8.95 % of its height without a window.

    Source: Czervionke et al. 1988, AJNR 9:815 (truncation artefacts of the spine).
    """
    for axis, fraction in zip(axes, fractions, strict=True):
        weights = truncation_weights(image.shape[axis], fraction, hamming=hamming)
        if bool((weights != 1).any()):
            image, _ = weigh_lines(image, weights, axis=axis)
    return image.abs()
