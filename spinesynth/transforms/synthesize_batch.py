"""A batch of samples on one device: the whole chain beside the network that learns from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.transforms.synthesize_mri import RandSynthesizeMRI, SynthesisRecord


class SynthesizedBatch(NamedTuple):
    """Images, the maps that belong to them, and the record of each sample."""

    images: Tensor
    maps: Tensor
    records: tuple[dict[str, Any], ...]


class SynthesizeBatch:
    """Synthesise a batch of samples on a device, each named by its seed.

    The samples are made one after another, each wholly on the device: their
    resolutions differ, so that little could be shared. Noise is drawn on the CPU,
    so that a sample is the same on every device but for rounding (single
    precision; a nearest neighbour may tip at a tie).

    Args:
        recipe: as of :class:`RandSynthesizeMRI`.
        patch_size: size of every image; two or three spatial axes.
        spacing_mm: voxel size of the images.
        device: where the chain runs; the maps are moved there.
        **parameters: ``without`` and ``overrides`` of :class:`RandSynthesizeMRI`.

    Shape:
        maps ``(C, *spatial)`` integer, one for each sample and not necessarily of
        one size, the first channel Tissue codes; to images
        ``(B, 1, *patch_size)`` float32 and maps ``(B, C, *patch_size)``.

    Source:
        :class:`RandSynthesizeMRI`.

    Example:
        >>> maps = [torch.ones(2, 40, 40, dtype=torch.uint8)] * 3
        >>> synthesise = SynthesizeBatch("lumbar", patch_size=(24, 24))
        >>> batch = synthesise(maps, seeds=[1, 2, 3])
        >>> batch.images.shape, batch.maps.shape
        (torch.Size([3, 1, 24, 24]), torch.Size([3, 2, 24, 24]))
    """

    def __init__(
        self,
        recipe: str | Path = "lumbar",
        *,
        patch_size: Sequence[int],
        spacing_mm: float | Sequence[float] = 1.0,
        device: torch.device | str = "cpu",
        **parameters: Any,  # noqa: ANN401  # those of RandSynthesizeMRI
    ) -> None:
        self.device = torch.device(device)
        self.transform = RandSynthesizeMRI(
            recipe, patch_size=patch_size, spacing_mm=spacing_mm, **parameters
        )

    def __call__(self, maps: Sequence[Tensor], *, seeds: Sequence[int]) -> SynthesizedBatch:
        """Synthesise one sample for each map and seed.

        Raises:
            ValueError: if there is not one seed a map, or there are none.
        """
        if len(maps) == 0 or len(maps) != len(seeds):
            raise ValueError(
                f"seeds must hold one seed for each map, at least one; got {len(maps)} maps and "
                f"{len(seeds)} seeds"
            )
        images, warped, records = [], [], []
        for given, seed in zip(maps, seeds, strict=True):
            self.transform.see(given)
            plain = given.as_tensor() if isinstance(given, MetaTensor) else given
            self.transform.set_random_state(seed)
            self.transform.randomize(plain)
            record = self.transform.record
            assert isinstance(record, SynthesisRecord)  # prob is 1, so there is always one
            image, moved = self.transform.render(plain.to(self.device), record)
            images.append(image)
            warped.append(moved)
            records.append(record.to_dict())
        return SynthesizedBatch(torch.stack(images), torch.stack(warped), tuple(records))
