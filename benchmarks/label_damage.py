"""Damage to label maps of the kinds that networks do, from a generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from spinesynth.anatomy.structures import Structure

Codes = npt.NDArray[np.uint8]
_COUNTED = (Structure.VERTEBRAL_BODY, Structure.DISC)
# Sizes are nominal: what predictions on real scans looked like.
_BLOB_RADII_MM = (6.0, 14.0)
_BLOBS_OFF_MM = 35.0  # from any body or disc
_FLIPS, _SPECKS = 0.25, 0.0005


class Damage:
    """What is damaged.

    Attributes:
        codes: ``(I, J, K)`` of structures; changed in place.
        counts: upward counts of the same shape, as they were at first.
        spacing_mm: voxel size.
        rng: what is drawn from.
    """

    def __init__(
        self, codes: Codes, counts: Codes, spacing_mm: tuple[float, ...], seed: int
    ) -> None:
        self.codes, self.counts, self.spacing_mm = codes.copy(), counts, spacing_mm
        self.rng = np.random.default_rng(seed)

    def of(self, structure: Structure) -> list[int]:
        """Return the counts of a structure that are in the map."""
        return [int(n) for n in np.unique(self.counts[self.codes == structure]) if n]

    def _inner(self) -> list[int]:
        """Return the discs that lie between two bodies."""
        bodies = self.of(Structure.VERTEBRAL_BODY)
        return [n for n in self.of(Structure.DISC) if n in bodies and n - 1 in bodies]

    def erode(self) -> None:
        """Take a voxel off every structure within slices."""
        cross = ndimage.generate_binary_structure(2, 1)[None]
        for code in np.unique(self.codes[self.codes > 0]):
            mask = self.codes == code
            self.codes[mask & ~ndimage.binary_erosion(mask, cross, border_value=1)] = 0

    def merge(self) -> None:
        """Turn one or two discs between bodies into body."""
        for number in self.rng.permutation(self._inner())[: self.rng.integers(1, 3)]:
            disc = (self.codes == Structure.DISC) & (self.counts == number)
            near = ndimage.binary_dilation(disc, ndimage.generate_binary_structure(3, 1))
            self.codes[disc | (near & (self.codes == 0))] = Structure.VERTEBRAL_BODY

    def bridge(self) -> None:
        """Join each two neighbouring bodies by a third of the disc between them."""
        disc = self.codes == Structure.DISC
        for number in self._inner():
            voxels = np.argwhere(disc & (self.counts == number))
            edge = np.quantile(voxels[:, 1], 0.67)
            self.codes[tuple(voxels[voxels[:, 1] >= edge].T)] = Structure.VERTEBRAL_BODY

    def drop_discs(self) -> None:
        """Drop each disc with a chance of one half."""
        for number in self.of(Structure.DISC):
            if self.rng.random() < 0.5:
                self.codes[(self.codes == Structure.DISC) & (self.counts == number)] = 0

    def drop_body(self) -> None:
        """Drop one body that has neighbours, or the lowest of two."""
        bodies = self.of(Structure.VERTEBRAL_BODY)
        if len(bodies) > 2:
            number = self.rng.choice(bodies[1:-1])
            self.codes[(self.codes == Structure.VERTEBRAL_BODY) & (self.counts == number)] = 0

    def add_blobs(self) -> None:
        """Add three bodies and two discs off the spine."""
        column = np.isin(self.codes, (*_COUNTED, Structure.SACRUM, Structure.CANAL))
        away = ndimage.distance_transform_edt(~column, sampling=self.spacing_mm)
        free = np.argwhere(away > _BLOBS_OFF_MM)
        grid = np.indices(self.codes.shape)
        for kind in (Structure.VERTEBRAL_BODY,) * 3 + (Structure.DISC,) * 2:
            if not len(free):
                return
            centre, radii = self.rng.choice(free), self.rng.uniform(*_BLOB_RADII_MM, 3)
            inside = sum(
                ((axis - c) * step / radius) ** 2
                for axis, c, step, radius in zip(grid, centre, self.spacing_mm, radii, strict=True)
            )
            self.codes[(inside <= 1) & (self.codes == 0)] = kind

    def add_noise(self) -> None:
        """Give a quarter of the voxels the code of a neighbour, and strew specks."""
        shift = self.rng.integers(-1, 2, (2, *self.codes.shape))
        i, j, k = np.indices(self.codes.shape)
        moved = self.codes[
            i,
            np.clip(j + shift[0], 0, self.codes.shape[1] - 1),
            np.clip(k + shift[1], 0, self.codes.shape[2] - 1),
        ]
        flipped = self.rng.random(self.codes.shape) < _FLIPS
        self.codes[flipped] = moved[flipped]
        specks = self.rng.random(self.codes.shape) < _SPECKS
        self.codes[specks] = self.rng.integers(1, 6, int(specks.sum()))

    def all(self) -> None:
        """Drop discs, merge, erode, add blobs and noise."""
        for damage in (self.drop_discs, self.merge, self.erode, self.add_blobs, self.add_noise):
            damage()


#: Kinds of damage by name; ``none`` leaves the truth as it is.
DAMAGES: dict[str, Callable[[Damage], None]] = {
    "none": lambda damage: None,
    "eroded": Damage.erode,
    "discs dropped": Damage.drop_discs,
    "neighbours bridged": Damage.bridge,
    "neighbours merged": Damage.merge,
    "a body dropped": Damage.drop_body,
    "blobs added": Damage.add_blobs,
    "noise": Damage.add_noise,
    "all but the dropped body": Damage.all,
}
