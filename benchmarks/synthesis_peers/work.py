"""What every library makes: an image of a given size from one map of 20 labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from spinesynth.anatomy.tissues import Tissue
from spinesynth.kernels.smooth_noise import smooth_noise

#: From the ``(1, *source)`` uint8 map to the ``(1, *size)`` float32 image.
Maker = Callable[[Tensor], Tensor]

_REGION_VOX = 18.0
#: Labels of the map: some peers draw noise over the whole map for each.
LABELS = tuple(Tissue)[:20]


@dataclass(frozen=True)
class Work:
    """Output size, size of the map it is made from, samples per repeat, memory asked for."""

    name: str
    size: tuple[int, ...]
    source: tuple[int, ...]
    rounds: int
    limit_mib: float

    @property
    def corner(self) -> tuple[int, ...]:
        """First voxel of the output's size in the middle of the source."""
        return tuple((n - s) // 2 for n, s in zip(self.source, self.size, strict=True))

    def cut(self, data: Tensor) -> Tensor:
        """Cut the middle of a ``(1, *source)`` map or image to the output's size."""
        box = (slice(a, a + s) for a, s in zip(self.corner, self.size, strict=True))
        return data[(slice(None), *box)]


WORKS = (
    Work("volume", (160, 256, 64), (160, 256, 64), rounds=1, limit_mib=200),
    Work("patch", (80, 80, 32), (160, 256, 64), rounds=3, limit_mib=30),
    Work("slice", (256, 256), (256, 256), rounds=6, limit_mib=20),
)


def make_map(size: tuple[int, ...]) -> Tensor:
    """Draw a ``(1, *size)`` uint8 map in which each of the labels holds some regions."""
    generator = torch.Generator().manual_seed(0)
    best = torch.full(size, -torch.inf)
    codes = torch.zeros(size, dtype=torch.uint8)
    for tissue in LABELS:
        field = smooth_noise(size, [_REGION_VOX] * len(size), generator=generator)[0, 0]
        codes[field > best] = int(tissue)
        best = torch.maximum(best, field)
    return codes[None]


def check_output(work: Work, image: Tensor) -> None:
    """Raise if a library did not make what the work asks for."""
    if tuple(image.shape) != (1, *work.size) or not image.is_floating_point():
        raise RuntimeError(
            f"{work.name} must be a float image of shape {(1, *work.size)}, "
            f"got {image.dtype} of shape {tuple(image.shape)}"
        )
