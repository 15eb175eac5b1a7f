"""Our fused chain: the common work, and the whole recipe beside it."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from benchmarks.synthesis_peers.work import Maker, Work
from spinesynth.transforms import RandSynthesizeMRI

_SAME_WORK = Path(__file__).with_name("same_work.yaml")

NOTE = """\
warp by an affine map and an integrated velocity field in one sampling, at the size of the
output, from the whole map; flip of the first axis, as the peers; a Gaussian mixture;
exponential bias of a B-spline of 4 nodes an axis; gamma; slice profile (which is the blur) and
sampling on all axes or on one, Rician noise on the coarse grid, interpolation; percentiles."""

FULL_NOTE = """\
the recipe `full`: the same, with signals of a drawn scan, texture of T1, T2 and proton density
at three scales, partial volume, coil, correlated faults of k-space and saturation at their
probabilities. More than any peer does."""


def build_ours(work: Work) -> Maker:
    """Return the common work, from the whole map to an image of the work's size."""
    probs = (1.0, *[0.0] * (len(work.size) - 1))  # a sagittal slice has no sides, but peers flip it
    flip = {"RandSideFlip": {"probs": probs}}
    return _fused(RandSynthesizeMRI(_SAME_WORK, patch_size=work.size, overrides=flip))


def build_full(work: Work) -> Maker:
    """Return the recipe that models are trained with."""
    still = {"RandDeformPatch": {"margin": 0.0}}
    return _fused(RandSynthesizeMRI("full", patch_size=work.size, overrides=still))


def _fused(transform: RandSynthesizeMRI) -> Maker:
    transform.set_random_state(0)

    def make(codes: Tensor) -> Tensor:
        return transform(codes)

    return make
