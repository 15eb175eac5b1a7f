"""T1- and T2-like scans of phantoms, and what is known of them.

They stand in for real scans in the demonstration and show how the pipeline
works. They say nothing about how well a network does on real scans.
"""

from __future__ import annotations

import torch
from monai.transforms.compose import Compose
from torch import Tensor

from spinesynth.anatomy.phantom import PhantomMaps
from spinesynth.seeding import derive_seed32
from spinesynth.transforms import (
    PercentileNormalise,
    RandAcquiredResolution,
    RandBiasGain,
    RandMagnitudeNoise,
    RandSurfaceCoil,
    RandTissueContrast,
)

PHANTOM_CONTRASTS = ("T1", "T2")
PHANTOM_SOURCE = "phantom"
#: A phantom knows all of its anatomy.
PHANTOM_ANNOTATED = frozenset({"body", "posterior", "disc", "canal", "sacrum"})
_PEAK = 1000.0  # magnitude images are stored as integers of about this size


def scan_phantom(maps: PhantomMaps, contrast: str, *, seed: int) -> Tensor:
    """Return a scan ``(1, I, J, K)`` float32 of a phantom.

    Args:
        maps: rendered phantom.
        contrast: ``"T1"`` or ``"T2"``.
        seed: of everything random about the scan.
    """
    name = {"T1": "t1", "T2": "t2"}[contrast]
    spacing_mm = maps.affine.diagonal()[:3].tolist()
    scanner = Compose(
        [
            RandTissueContrast(name, spread=(0.01, 0.03), texture=(0.02, 0.08)),  # type: ignore[arg-type]
            RandSurfaceCoil((120.0, 250.0), floor=(0.1, 0.3)),
            RandBiasGain((0.0, 0.15)),
            RandAcquiredResolution((1.0, 1.4), spacing_mm=spacing_mm, thick_axis_prob=0.0),
            RandMagnitudeNoise((0.01, 0.025)),
            PercentileNormalise(),
        ]
    ).set_random_state(derive_seed32(seed, contrast))
    return (torch.as_tensor(scanner(maps.tissue[None])) * _PEAK).round()
