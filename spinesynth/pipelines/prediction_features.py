"""What a prediction tells of itself: sums over slabs of probabilities, and ratios of them.

========================== ========================================================
of each structure          what
========================== ========================================================
``volume_ml``              of its voxels
``soft_dice``              Dice of its probabilities with its own voxels
``entropy_inside``         mean normalised entropy of its voxels
``entropy_border``         the same of a band of two voxels along its border
``certainty_inside``       mean probability of the likeliest class in its voxels
``border_share``           voxels of that band over voxels inside: how ragged it is
``pieces``                 connected pieces in a slice, mean over slices that show it
``stray_share``            voxels beside the largest piece of each slice
``length_mm``              from its lowest to its highest voxel
========================== ========================================================

All slices are looked at one by one, so that it does not matter how they come in slabs, on
pixels of about 1 mm, so that finer ones cost no time and count alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.kernels.entropy import normalised_entropy
from spinesynth.pipelines.evaluate import spacing_of
from spinesynth.pipelines.intensity_features import intensity_features

_PIXEL_MM = 1.0  # as the shipped networks see anatomy; nominal
_BORDER = 2  # pixels around a structure that its border needs
_LEAST_SACRUM = 0.02  # of the bone's volume; less is a stray voxel; nominal
#: Rows of the sums of a structure.
_COUNT, _SOFT, _SOFT_INSIDE, _ENTROPY, _CERTAINTY, _BAND, _BAND_ENTROPY = range(7)
_PIECES, _SHOWING, _STRAY = range(7, 10)
_SUMS = 10


@dataclass(frozen=True)
class Features:
    """Hold what is known of one prediction, numbers alone.

    Args:
        structures: of each structure that was found, by name.
        scan: of the whole prediction and of the image's intensities; what cannot be known
            of a scan is missing.
    """

    structures: Mapping[str, Mapping[str, float]]
    scan: Mapping[str, float]


class DoubtGatherer:
    """Gather what a prediction tells of itself while its probabilities pass by, slab by slab.

    It is a watcher of slabs, called with the number of a slab's first slice and the slab:

    .. code-block:: python

        gatherer = DoubtGatherer(predictor.structures, image, groups=predictor.groups)
        uncertainty = UncertaintyMap(tuple(image.shape[1:]))
        structures = likeliest_structures(predictor, image, watchers=(gatherer, uncertainty))
        doubt = judge(gatherer.features(), quality_model)

    Args:
        structures: ``Structure`` code of each channel, as of a predictor.
        image: ``(1, I, J, K)`` float, canonical axes; its grid and intensities count.
        groups: keys of ``REPORT_GROUPS`` that the channels have classes for.
    """

    def __init__(self, structures: Tensor, image: MetaTensor, *, groups: frozenset[str]) -> None:
        self.image, self._sizes_mm = image, spacing_of(image)
        steps = [max(1, round(_PIXEL_MM / size)) for size in self._sizes_mm[1:]]
        self._steps = (steps[0], steps[1])
        self.groups = tuple(name for name in REPORT_GROUPS if name in groups)
        self._channels = [
            [n for n, code in enumerate(structures.tolist()) if code in REPORT_GROUPS[name]]
            for name in self.groups
        ]
        #: Channels of whatever counts as found.
        self._any_structure = torch.tensor(sorted({c for some in self._channels for c in some}))
        rows = -(-image.shape[-1] // steps[1])
        self._sums = torch.zeros(len(self.groups), _SUMS, dtype=torch.float64)
        #: Voxels of each structure at each height, and the sum of how far in front they lie.
        self._at_height = torch.zeros(2, len(self.groups), rows, dtype=torch.float64)
        self._found = torch.zeros(2, dtype=torch.float64)  # voxels of anything, their entropy

    def __call__(self, start: int, slab: Tensor) -> None:
        """Take a slab ``(C, slices, J, K)`` of probabilities whose first slice is ``start``."""
        few = slab[:, :, :: self._steps[0], :: self._steps[1]].float()
        soft = few.sum((1, 2, 3)).tolist()
        for number, channels in enumerate(self._channels):
            self._sums[number, _SOFT] += sum(soft[channel] for channel in channels)
        likeliest = few.max(0).indices
        found = torch.isin(likeliest, self._any_structure)
        box = _box_around(found)
        if box is None:
            return
        self._add_box(few[:, :, box[0], box[1]], likeliest[:, box[0], box[1]], box)

    def _add_box(self, few: Tensor, likeliest: Tensor, box: tuple[slice, slice]) -> None:
        """Add the part of a slab ``(C, slices, J, K)`` that shows any structure."""
        entropy, best = normalised_entropy(few), few.max(0).values
        anything = torch.isin(likeliest, self._any_structure)
        for number, channels in enumerate(self._channels):
            inside = torch.isin(likeliest, torch.tensor(channels))
            if bool(inside.any()):
                self._add(number, inside, few[channels].sum(0), entropy, best)
                self._add_places(number, inside, box)
        self._found[0] += int(anything.sum())
        self._found[1] += float(entropy[anything].sum())

    def _add(
        self, number: int, inside: Tensor, soft: Tensor, entropy: Tensor, best: Tensor
    ) -> None:
        """Add slices ``(slices, J, K)`` to the sums of a structure."""
        band = _border_band(inside)
        pieces, showing, stray = _count_pieces(inside.numpy())
        self._sums[number] += torch.tensor(
            [
                inside.sum(), 0.0, soft[inside].sum(), entropy[inside].sum(),
                best[inside].sum(), band.sum(), entropy[band].sum(), pieces, showing, stray,
            ],
            dtype=torch.float64,
        )  # fmt: skip

    def _add_places(self, number: int, inside: Tensor, box: tuple[slice, slice]) -> None:
        """Add where a structure lies: its voxels at each height, and how far in front."""
        voxels = inside.sum(0).double()
        forward = torch.arange(box[0].start, box[0].stop, dtype=torch.float64)[:, None]
        self._at_height[0, number, box[1]] += voxels.sum(0)
        self._at_height[1, number, box[1]] += (voxels * forward).sum(0)

    def features(self) -> Features:
        """Return what the slabs so far tell."""
        structures = {
            name: self._of_structure(number)
            for number, name in enumerate(self.groups)
            if self._sums[number, _COUNT] > 0
        }
        scan = {**intensity_features(self.image), **self._of_all(structures)}
        return Features(structures, scan)

    @property
    def _pixel_mm(self) -> tuple[float, float]:
        """Return the distance of the pixels looked at, along J and K."""
        return (
            self._sizes_mm[1] * self._steps[0],
            self._sizes_mm[2] * self._steps[1],
        )

    def _of_structure(self, number: int) -> dict[str, float]:
        """Return the features of a structure that was found."""
        sums = self._sums[number].tolist()
        count, band = sums[_COUNT], max(sums[_BAND], 1.0)
        heights = self._at_height[0, number].nonzero()
        return {
            "volume_ml": count * self._sizes_mm[0] * self._pixel_mm[0] * self._pixel_mm[1] / 1000,
            "soft_dice": 2 * sums[_SOFT_INSIDE] / (sums[_SOFT] + count),
            "entropy_inside": sums[_ENTROPY] / count,
            "entropy_border": sums[_BAND_ENTROPY] / band,
            "certainty_inside": sums[_CERTAINTY] / count,
            "border_share": sums[_BAND] / count,
            "pieces": sums[_PIECES] / sums[_SHOWING],
            "stray_share": sums[_STRAY] / count,
            "length_mm": float(heights.max() - heights.min() + 1) * self._pixel_mm[1],
        }

    def _of_all(self, structures: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """Return how the structures lie to each other, and how unsure all of it is."""
        known = {"found_ml": max((s["volume_ml"] for s in structures.values()), default=0.0)}
        known["length_mm"] = max((s["length_mm"] for s in structures.values()), default=0.0)
        if structures:
            known["entropy"] = float(self._found[1] / self._found[0])
        bone = "body" if "body" in structures else "vertebra"
        for part, whole in (("disc", bone), ("canal", bone)):
            if part in structures and whole in structures:
                ratio = structures[part]["volume_ml"] / structures[whole]["volume_ml"]
                known[f"{part}_per_bone"] = ratio
        return {**known, **self._places(structures, bone)}

    def _places(self, structures: Mapping[str, Mapping[str, float]], bone: str) -> dict[str, float]:
        """Return what should lie behind and below the vertebral bodies, and whether it does."""
        places = {}
        if bone in structures and "canal" in structures:
            places["canal_behind_share"] = self._share_behind("canal", bone)
        if bone in structures and "sacrum" in structures:
            bulk, length = structures["sacrum"]["volume_ml"], structures[bone]["length_mm"]
            if bulk >= _LEAST_SACRUM * structures[bone]["volume_ml"]:
                below = self._mean_height(bone) - self._mean_height("sacrum")
                places["sacrum_below_share"] = below * self._pixel_mm[1] / length
        return places

    def _share_behind(self, part: str, bone: str) -> float:
        """Return at what share of the heights that show both a part lies behind the bone."""
        counts, forward = self._at_height
        a, b = self.groups.index(part), self.groups.index(bone)
        both = (counts[a] > 0) & (counts[b] > 0)
        if not bool(both.any()):
            return 0.0
        behind = forward[a, both] / counts[a, both] < forward[b, both] / counts[b, both]
        return float(behind.double().mean())

    def _mean_height(self, name: str) -> float:
        """Return the mean row of a structure."""
        counts = self._at_height[0, self.groups.index(name)]
        return float((counts * torch.arange(len(counts))).sum() / counts.sum())


def _box_around(found: Tensor) -> tuple[slice, slice] | None:
    """Return the box in the plane of the slices around what was found, a border wider."""
    sides = []
    for other, size in zip((2, 1), found.shape[1:], strict=True):
        places = found.any(0).any(other - 1).nonzero()
        if not len(places):
            return None
        low, high = int(places.min()), int(places.max())
        sides.append(slice(max(0, low - _BORDER), min(size, high + _BORDER + 1)))
    return sides[0], sides[1]


def _border_band(inside: Tensor) -> Tensor:
    """Return the voxels on either side of a border in the plane, ``(slices, J, K)``."""
    mask = inside[:, None].float()
    grown = functional.max_pool2d(mask, 3, stride=1, padding=1)
    shrunk = -functional.max_pool2d(-mask, 3, stride=1, padding=1)
    return (grown > shrunk)[:, 0]


def _count_pieces(inside: NDArray[np.bool_]) -> tuple[int, int, int]:
    """Return pieces, slices that show any, and voxels beside the largest of each slice."""
    pieces = showing = stray = 0
    for plane in inside:
        if not plane.any():
            continue
        labels, number = ndimage.label(plane)
        sizes = np.bincount(labels.ravel())[1:]
        pieces, showing, stray = (
            pieces + number,
            showing + 1,
            stray + int(sizes.sum() - sizes.max()),
        )
    return pieces, showing, stray
