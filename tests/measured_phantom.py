"""Measured maps are not to be had: a phantom's maps, with noise and outliers, and TSE images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from spinesynth.anatomy.phantom import PhantomMaps, draw_phantom, render_phantom
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

#: TR and TE of the two TSE images in ms, as in the thesis (its table I).
T1W_MS, T2W_MS = (436.0, 8.0), (2435.0, 100.0)

#: PD, T1 and T2 in ms; round numbers near those of the lumbar spine at 1.5 T, nominal.
_TISSUES = {
    Tissue.AIR: (0.0, 0.0, 0.0),
    Tissue.BOWEL_GAS: (0.0, 0.0, 0.0),
    Tissue.METAL: (0.0, 0.0, 0.0),
    Tissue.FAT: (0.9, 290.0, 165.0),
    Tissue.FAT_EPIDURAL: (0.9, 290.0, 165.0),
    Tissue.MUSCLE: (0.8, 1000.0, 35.0),
    Tissue.LIGAMENT: (0.5, 600.0, 9.0),
    Tissue.CORTEX: (0.25, 170.0, 1.0),
    Tissue.ANNULUS: (0.55, 700.0, 52.0),
    Tissue.CSF: (1.07, 4270.0, 1570.0),
}
_OTHERS = (0.85, 550.0, 100.0)
_SHARE_OF_OUTLIERS = 0.02
_VERTEBRA = torch.tensor(
    [Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.SACRUM], dtype=torch.uint8
)


@dataclass(frozen=True)
class MeasuredPhantom:
    """Maps and images ``(1, 1, I, J, K)``; the true ones, and as they are measured.

    The signal falls from back to front, as behind a spine coil.
    """

    pd: Tensor
    true_t1_ms: Tensor
    true_t2_ms: Tensor
    t1_ms: Tensor
    t2_ms: Tensor
    t1w: Tensor
    t2w: Tensor
    vertebra: Tensor
    maps: PhantomMaps

    def true_tse(self, tr_ms: float, te_ms: float) -> Tensor:
        """Return the image without noise, by the equation in float64."""
        t1_ms, t2_ms = (t.double().clamp(min=1e-6) for t in (self.true_t1_ms, self.true_t2_ms))
        signal = self.pd * (1 - torch.exp(-tr_ms / t1_ms)) * torch.exp(-te_ms / t2_ms)
        return signal.float()


def measure_phantom(shape: tuple[int, int, int] = (2, 104, 128)) -> MeasuredPhantom:
    """Return a phantom's maps with noise of 8 and 12 %, and outliers in 2 % of the voxels."""
    maps = render_phantom(draw_phantom(3), shape=shape, spacing_mm=(4.0, 2.0, 2.0))
    table = torch.tensor([_TISSUES.get(tissue, _OTHERS) for tissue in Tissue])
    pd, t1_ms, t2_ms = table[maps.tissue[None, None].long()].unbind(-1)
    pd = 1000 * pd * torch.linspace(1, 0.3, shape[1])[:, None]
    generator = torch.Generator().manual_seed(0)

    def noise() -> Tensor:
        return torch.randn(pd.shape, generator=generator)

    def outliers(times_ms: Tensor, largest_ms: float) -> Tensor:
        there = torch.rand(pd.shape, generator=generator) < _SHARE_OF_OUTLIERS
        wrong = largest_ms * torch.rand(pd.shape, generator=generator) ** 2
        return torch.where(there & (times_ms > 0), wrong, times_ms)

    true = MeasuredPhantom(
        pd, t1_ms, t2_ms,
        outliers(t1_ms * (1 + 0.08 * noise()), 5000.0),
        outliers(t2_ms * (1 + 0.12 * noise()), 1000.0),
        pd, pd,
        torch.isin(maps.structure, _VERTEBRA)[None, None], maps,
    )  # fmt: skip
    t1w, t2w = (
        torch.hypot(true.true_tse(*at) + 5 * noise(), 5 * noise()) for at in (T1W_MS, T2W_MS)
    )
    return replace(true, t1w=t1w, t2w=t2w)
