"""The chain of cornucopia that is made for this, without its two slowest parts."""

from __future__ import annotations

import importlib

from torch import Tensor

from benchmarks.synthesis_peers.work import Maker, Work

NOTE = """\
tuned: `order=1` (linear instead of cubic fields) and `gmm_fwhm=False` (no texture), which makes it
much faster than its defaults. Affine and a field that is not integrated in one sampling
at the size of the output, from the whole map; one Gaussian per label; multiplicative bias; gamma;
blur; sampling and interpolation of one or all axes; chi noise with a g-factor, which ours leaves
out of this work; percentiles. No flip."""


def build_cornucopia(work: Work) -> Maker:
    """Return the chain, from the whole map to an image of the work's size."""
    module = importlib.import_module("cornucopia")
    patch = None if work.size == work.source else work.size
    chain = module.SynthFromLabelTransform(patch=patch, order=1, gmm_fwhm=False)

    def make(codes: Tensor) -> Tensor:
        image: Tensor = chain(codes)["image"]
        return image

    return make
