"""Our chain."""

from __future__ import annotations

from typing import Any

from monai.transforms.compose import Compose
from torch import Tensor

from benchmarks.synthesis_peers.work import Maker, Work
from spinesynth import transforms

NOTE = """\
warp by an affine map and an integrated velocity field in one sampling, at the size of the
output, from the whole map; a Gaussian mixture with texture at three scales; exponential bias
of a B-spline of 4 nodes an axis; slice profile (which is the blur), sampling and interpolation
on all axes or on one; Rician noise; gamma; percentiles. Without motion."""


def _side_flip(work: Work) -> list[Any]:
    # a sagittal slice has no sides
    stage = getattr(transforms, "RandSideFlip", None)
    return [] if stage is None or len(work.size) == 2 else [stage(prob=1.0)]


def build_ours(work: Work) -> Maker:
    """Return our chain, from the whole map to an image of the work's size."""
    chain = Compose(
        [
            transforms.RandDeformPatch(work.size, margin=0.0),
            *_side_flip(work),
            transforms.RandTissueContrast("random"),
            transforms.RandBiasGain(),
            transforms.RandAcquiredResolution(),
            transforms.RandMagnitudeNoise(),
            transforms.RandGammaCurve(),
            transforms.PercentileNormalise(),
        ]
    ).set_random_state(0)

    def make(codes: Tensor) -> Tensor:
        image: Tensor = chain(codes)
        return image

    return make
