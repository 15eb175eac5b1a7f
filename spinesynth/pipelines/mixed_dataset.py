"""Synthetic and real slices in one data set, so in one batch."""

from __future__ import annotations

from typing import Any

import torch

from spinesynth.pipelines.datasets import NamedSamples, SampleKey, SliceDataset
from spinesynth.seeding import make_generator


class MixedDataset(NamedSamples):
    """Slices of which a share is real.

    Whether a sample is real, and of which case, follows from the run seed and the name
    of the sample alone; those that are synthetic are what they would be without the
    others.

    Args:
        synthetic: slices without any image.
        real: slices of real images.
        real_share: in (0, 1], share of the samples.
    """

    def __init__(self, synthetic: SliceDataset, real: SliceDataset, *, real_share: float) -> None:
        if not 0 < real_share <= 1:
            raise ValueError(f"real_share must be in (0, 1], got {real_share}")
        self.synthetic, self.real, self.real_share = synthetic, real, real_share

    def __len__(self) -> int:
        """Return the number of what is painted over, which keys count."""
        return len(self.synthetic)

    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        """Return the sample of a name, of one kind or the other."""
        index = self.real_case(key)
        if index is None:
            return self.synthetic[key]
        return self.real[SampleKey(key.epoch, index, key.variant)]

    def real_case(self, key: SampleKey) -> int | None:
        """Return the number of the real case of a sample; None if it is synthetic."""
        name = ("mixed", self.synthetic.run_seed, key.epoch, key.case, key.variant)
        share, index = torch.rand(2, generator=make_generator(*name)).tolist()
        return int(index * len(self.real)) if share < self.real_share else None
