"""Intensity curves: what an unknown sequence or export may do to the order of grey values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spinesynth.kernels.intensity import high_intensity


def apply_intensity_curve(
    image: Tensor, places: Sequence[float], values: Sequence[float]
) -> Tensor:
    """Send intensities through straight pieces between nodes.

    Intensities are scaled so that 0 stays 0 and the 99.5th percentile above the padding is 1,
    which what is brighter takes too; the curve is scaled back.

    Args:
        image: tensor of any shape, float >= 0; it is treated as one image.
        places: of the nodes, rising from 0 to 1.
        values: of the curve at the nodes.

    Returns:
        New float32 tensor of the same shape; an image without signal as it is.

    Raises:
        ValueError: if places do not rise from 0 to 1, or values are not as many.

    Example:
        >>> grey = torch.tensor([0.0, 1.0, 3.0, 4.0])
        >>> apply_intensity_curve(grey, [0, 0.5, 1], [0, 0.5, 0]).tolist()
        [0.0, 1.0, 1.0, 0.0]
    """
    if len(values) != len(places) or list(places) != sorted(set(places)) or len(places) < 2:
        raise ValueError(
            f"places must rise and have as many values, got {list(places)} and {list(values)}"
        )
    if (places[0], places[-1]) != (0, 1):
        raise ValueError(f"places must begin at 0 and end at 1, got {list(places)}")
    peak = high_intensity(image)
    if peak <= 0:
        return image.float().clone()
    share = (image.float() / peak).clamp_(0, 1)
    nodes, heights = (torch.tensor(numbers).float() for numbers in (places, values))
    slopes = heights.diff() / nodes.diff()
    piece = torch.bucketize(share, nodes[1:-1])
    return (heights[piece] + slopes[piece] * (share - nodes[piece])).mul_(peak)
