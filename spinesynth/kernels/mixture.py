"""Paint a tissue map: one Gaussian per tissue, looked up by tissue code."""

from __future__ import annotations

import torch
from torch import Tensor


def paint_mixture(
    tissue: Tensor, means: Tensor, *, spreads: Tensor, generator: torch.Generator
) -> Tensor:
    """Draw an image from a Gaussian mixture conditioned on the tissue map.

    Args:
        tissue: ``(B, 1, *spatial)`` integer tissue codes in [0, T).
        means: ``(B, T)`` float, mean intensity of each tissue.
        spreads: ``(B, T)`` float >= 0, standard deviation within each tissue.
        generator: CPU generator.

    Returns:
        ``(B, 1, *spatial)`` float32.

    Source: Billot et al. 2023, Medical Image Analysis 86:102789, section 3.2.
    """
    batch, count = means.shape
    offset = torch.arange(batch, device=tissue.device).reshape(-1, *[1] * (tissue.ndim - 1)) * count
    index = (tissue.to(torch.int32) + offset.to(torch.int32)).flatten()
    noise = torch.randn(tissue.shape, generator=generator).to(means.device)
    mean = means.flatten().index_select(0, index).reshape(tissue.shape)
    spread = spreads.flatten().index_select(0, index).reshape(tissue.shape)
    return torch.addcmul(mean, spread, noise)
