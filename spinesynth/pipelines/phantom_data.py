"""T1- and T2-like scans of phantoms, and what is known of them.

They stand in for real scans in the demonstration and show how the pipeline
works. They say nothing about how well a network does on real scans.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.transforms.compose import Compose
from torch import Tensor

from spinesynth.anatomy.contrast_prior import ContrastPrior
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
from spinesynth.transforms.contrast_names import ContrastName

PHANTOM_CONTRASTS = ("T1", "T2")
#: Prior of each contrast.
PRIORS: dict[str, ContrastName] = {"T1": "t1", "T2": "t2"}
PHANTOM_SOURCE = "phantom"
#: A phantom knows all of its anatomy.
PHANTOM_ANNOTATED = frozenset({"body", "posterior", "disc", "canal", "sacrum"})
_PEAK = 1000.0  # magnitude images are stored as integers of about this size


def make_scanner(
    prior: ContrastName | ContrastPrior,
    *,
    spacing_mm: Sequence[float],
    spread: tuple[float, float],
    texture: tuple[float, float],
    noise: tuple[float, float],
    coil_axis: int = -2,
) -> Compose:
    """Return a good scanner: tissue map in, image in [0, 1] out.

    Args:
        prior: of the tissues' means.
        spacing_mm: voxel size of the tissue map.
        spread: range of the white noise within a tissue.
        texture: range of its smooth texture.
        noise: range of the Rician noise.
        coil_axis: axis that points away from the coil.
    """
    return Compose(
        [
            RandTissueContrast(prior, spread=spread, texture=texture),
            RandSurfaceCoil((120.0, 250.0), floor=(0.1, 0.3), axis=coil_axis),
            RandBiasGain((0.0, 0.15)),
            RandAcquiredResolution((1.0, 1.4), spacing_mm=spacing_mm, thick_axis_prob=0.0),
            RandMagnitudeNoise(noise),
            PercentileNormalise(),
        ]
    )


def scan_phantom(maps: PhantomMaps, contrast: str, *, seed: int) -> Tensor:
    """Return a scan ``(1, I, J, K)`` float32 of a phantom.

    Args:
        maps: rendered phantom.
        contrast: ``"T1"`` or ``"T2"``.
        seed: of everything random about the scan.
    """
    scanner = make_scanner(
        PRIORS[contrast],
        spacing_mm=maps.affine.diagonal()[:3].tolist(),
        spread=(0.01, 0.03),
        texture=(0.02, 0.08),
        noise=(0.01, 0.025),
    ).set_random_state(derive_seed32(seed, contrast))
    return (torch.as_tensor(scanner(maps.tissue[None])) * _PEAK).round()
