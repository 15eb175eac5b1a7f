"""Spatial: crop, rotate, scale, shear and deform in one sampling at patch size."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.kernels.warp import (
    SamplingGrid,
    integrate_velocity,
    rotation_matrix,
    sampling_grid,
    warp_linear,
    warp_nearest,
)
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    as_list,
    as_plain,
    check_number,
    check_range,
    check_spacing,
    is_number,
    is_whole,
    rewrap,
    spacing_per_axis,
)
from spinesynth.transforms.spatial import RandomSpatial

#: Largest shear by the number of axes.
_LARGEST_SHEAR = {2: 0.9, 3: 0.45}


@dataclass(frozen=True)
class DeformRecord(Record):
    """Drawn deformation: where the patch lies and how it is turned, scaled, sheared, bent."""

    centre_vox: tuple[float, ...]
    angles_deg: tuple[float, ...]
    scales: tuple[float, ...]
    shears: tuple[float, ...]
    elastic_mm: float
    spacing_in_mm: tuple[float, ...]


class RandDeformPatch(RandomSpatial):
    """Sample a randomly deformed patch of a map or an image, once, at patch size.

    The deformation is an affine map composed with a diffeomorphism (stationary
    velocity field, scaling and squaring on a coarse grid). Integer arrays are
    sampled by nearest neighbour and never gain a value; floats linearly.

    Args:
        patch_size: output size of each spatial axis.
        spacing_mm: voxel size of the patch, one number or one for each axis.
        rotation_deg: largest rotation in the sagittal plane; other planes turn a third.
        scale: largest relative change of size, for example 0.2.
        shear: largest shear; at most 0.9 in two dimensions and 0.45 in three, beyond which
            shears along several axes could turn the patch inside out.
        elastic_mm: range of the standard deviation of the velocity field in mm.
        node_mm: distance between the nodes of the velocity field; small patches get
            more nodes, at a quarter of it at least.
        margin: part of the patch that may leave the input, in [0, 1].
        foreground_prob: probability in [0, 1] that the centre of the patch lies on a voxel
            other than 0 of the first channel of a map, as near as ``margin`` lets it: of
            a code drawn among those there, each as likely, any of its voxels.
        ignored_codes: codes that are never at the centre for it, such as one for "unknown".
        fill: value of labels outside the input.
        allow_padding: take inputs smaller than the patch and pad them with ``fill``;
            False refuses them.
        prob: must be 1; the patch has a fixed size.

    Shape:
        ``(C, *spatial)`` of two or three axes to ``(C, *patch_size)``.

    Source:
        Billot et al. 2023, Medical Image Analysis 86:102789; Arsigny et al. 2006,
        doi 10.1007/11866565_113.

    Example:
        >>> import torch
        >>> deform = RandDeformPatch((16, 16)).set_random_state(0)
        >>> deform(torch.zeros(1, 24, 24, dtype=torch.uint8)).shape
        torch.Size([1, 16, 16])
    """

    record_class: ClassVar[type[Record]] = DeformRecord

    def __init__(
        self,
        patch_size: Sequence[int],
        *,
        spacing_mm: float | Sequence[float] = 1.0,
        rotation_deg: float = 15.0,
        scale: float = 0.2,
        shear: float = 0.1,
        elastic_mm: tuple[float, float] = (0.0, 4.0),
        node_mm: float = 32.0,
        margin: float = 0.15,
        foreground_prob: float = 0.0,
        ignored_codes: Sequence[int] = (),
        fill: int = 0,
        allow_padding: bool = True,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        if prob != 1:
            raise ValueError(f"prob must be 1 (the patch has a fixed size), got {prob}")
        sizes = as_list(patch_size)
        if len(sizes) not in (2, 3) or not all(is_whole(size) and size >= 1 for size in sizes):
            raise ValueError(
                f"patch_size must be 2 or 3 sizes >= 1, whole numbers, got {patch_size!r}"
            )
        check_number("rotation_deg", rotation_deg, low=0, high=180)
        # sizes change by up to 4/3 of it; an axis must neither vanish nor turn over
        check_number("scale", scale, low=0, high=0.7)
        # a diagonal of ones that outweighs the rest of each row has a determinant above 0
        check_number("shear", shear, low=0, high=_LARGEST_SHEAR[len(patch_size)])
        check_range("elastic_mm", elastic_mm, low=0, high=float("inf"))
        check_number("margin", margin, low=0, high=1)
        check_number("foreground_prob", foreground_prob, low=0, high=1)
        if not is_number(node_mm) or not node_mm > 0:
            raise ValueError(f"node_mm must be > 0, got {node_mm!r}")
        if not is_whole(fill):
            raise ValueError(f"fill must be a whole number, as labels are, got {fill!r}")
        check_spacing("spacing_mm", spacing_mm, len(patch_size))
        self.spacing_mm = spacing_per_axis(spacing_mm, len(patch_size))
        self.patch_size, self.rotation_deg, self.scale = tuple(patch_size), rotation_deg, scale
        self.shear, self.elastic_mm, self.node_mm = shear, elastic_mm, node_mm
        self.margin, self.fill, self.allow_padding = margin, fill, allow_padding
        self.foreground_prob, self.ignored_codes = foreground_prob, tuple(ignored_codes)
        self._spacing_in = list(self.spacing_mm)

    def see(self, data: Tensor | np.ndarray) -> None:
        """Take the voxel size of an input from its affine; without one it is that of the patch."""
        axes = len(self.patch_size)
        if data.ndim != axes + 1:
            raise ValueError(
                f"data must have {axes} spatial axes after the channel, "
                f"got shape {tuple(data.shape)}"
            )
        self._spacing_in = list(self.spacing_mm)
        if isinstance(data, MetaTensor):
            self._spacing_in = [float(p) for p in data.pixdim[-axes:]]

    def output_size(self, spatial: Sequence[int]) -> tuple[int, ...]:
        """Return the size of the patch."""
        return self.patch_size

    def output_affine(self) -> Tensor:
        """Return the voxel size of the patch as an affine."""
        return torch.diag(torch.tensor([*self.spacing_mm, 1.0], dtype=torch.float64))

    def __call__(self, data: Tensor | np.ndarray, randomize: bool = True) -> Tensor:
        """Sample a patch of a channel-first array; its affine, if any, gives its voxel size."""
        self.see(data)
        plain = as_plain(data)
        if randomize:
            self.randomize(plain)
        record = self.record
        assert isinstance(record, DeformRecord)  # prob is 1, so there is always one
        return rewrap(self.apply(plain, record), data, affine=self.output_affine())

    def _draw_centre(self, size: int, axis: int, wanted: float | None) -> float:
        """Draw a centre such that at most ``margin`` of the patch leaves the input.

        A wanted centre is moved no farther than that takes.
        """
        half = self.patch_size[axis] * self.spacing_mm[axis] / self._spacing_in[axis] / 2
        reach = half * (1 - 2 * self.margin)
        low, high = reach - 0.5, size - 0.5 - reach
        # voxel sizes are read from affines: a patch of the input's own size must fit
        if 2 * half > size * (1 + 1e-6) and not self.allow_padding:
            raise ValueError(
                f"patch_size must fit the input without padding, {size} voxels of "
                f"{self._spacing_in[axis]:g} mm along axis {axis}, got {self.patch_size[axis]} of "
                f"{self.spacing_mm[axis]:g} mm; make it smaller or allow_padding"
            )
        if low >= high:
            return (size - 1) / 2
        return self.uniform((low, high)) if wanted is None else min(max(wanted, low), high)

    def _draw_labelled(self, data: Tensor) -> Sequence[float | None]:
        """Draw a labelled voxel, each code as likely; None an axis where any centre will do."""
        anywhere = [None] * (data.ndim - 1)
        if self.foreground_prob == 0 or self.R.rand() >= self.foreground_prob:
            return anywhere
        if data.is_floating_point():
            raise ValueError(
                "foreground_prob above 0 needs a map of whole numbers as the first array, got "
                f"{data.dtype}; name the label map first, or leave foreground_prob at 0"
            )
        codes = np.asarray(data[0].cpu())
        present = np.setdiff1d(np.flatnonzero(np.bincount(codes.ravel())), (0, *self.ignored_codes))
        if len(present) == 0:
            return anywhere
        places = np.flatnonzero(codes == present[self.R.randint(len(present))])
        place = np.unravel_index(places[self.R.randint(len(places))], codes.shape)
        return [float(index) for index in place]

    def draw(self, data: Tensor) -> DeformRecord:
        """Draw position, affine parameters and the strength of the deformation."""
        axes = len(self.patch_size)
        seed = self.draw_seed()
        wanted = self._draw_labelled(data)
        sizes = data.shape[1:]
        centre = tuple(self._draw_centre(n, a, wanted[a]) for a, n in enumerate(sizes))
        angles = [self.uniform((-self.rotation_deg, self.rotation_deg))]
        if axes == 3:
            third = self.rotation_deg / 3
            angles += [self.uniform((-third, third)) for _ in range(2)]
        common = self.uniform((-self.scale, self.scale))
        scales = tuple(
            1 + common + self.uniform((-self.scale, self.scale)) / 3 for _ in range(axes)
        )
        shears = tuple(self.uniform((-self.shear, self.shear)) for _ in range(axes * (axes - 1)))
        return DeformRecord(
            seed,
            centre,
            tuple(angles),
            scales,
            shears,
            self.uniform(self.elastic_mm),
            tuple(self._spacing_in),
        )

    def _matrix(self, record: DeformRecord) -> Tensor:
        axes = len(self.patch_size)
        shear = torch.eye(axes)
        off_diagonal = [(a, b) for a in range(axes) for b in range(axes) if a != b]
        for (a, b), value in zip(off_diagonal, record.shears, strict=True):
            shear[a, b] = value
        turn = rotation_matrix([math.radians(a) for a in record.angles_deg])
        return turn @ shear @ torch.diag(torch.tensor(record.scales))

    def _displacement_mm(self, record: DeformRecord) -> Tensor | None:
        if record.elastic_mm == 0:
            return None
        sizes = zip(self.patch_size, self.spacing_mm, strict=True)
        extent = [n * s for n, s in sizes]
        # at least four, unless that puts them so close that the flow folds: one is a plain shift
        nodes = [
            max(min(4, int(4 * e / self.node_mm) + 1), round(e / self.node_mm) + 1) if n > 1 else 1
            for e, n in zip(extent, self.patch_size, strict=True)
        ]
        per_node = torch.tensor([e / max(n - 1, 1) for e, n in zip(extent, nodes, strict=True)])
        shape = (1, -1, *[1] * len(nodes))
        velocity = torch.randn(1, len(nodes), *nodes, generator=record.generator())
        velocity = velocity * record.elastic_mm / per_node.reshape(shape)
        return integrate_velocity(velocity) * per_node.reshape(shape)

    def grid_of(self, record: DeformRecord) -> SamplingGrid:
        """Return where each voxel of a record's patch samples the input."""
        return sampling_grid(
            self.patch_size,
            self._matrix(record),
            centre_vox=record.centre_vox,
            spacing_out_mm=self.spacing_mm,
            spacing_in_mm=record.spacing_in_mm,
            displacement_mm=self._displacement_mm(record),
        )

    def apply(self, data: Tensor, record: DeformRecord) -> Tensor:
        """Sample the patch of a record: nearest for integers, linear for floats."""
        grid = self.grid_of(record).to(data.device)
        if data.is_floating_point():
            return warp_linear(data, grid)
        return warp_nearest(data, grid, fill=self.fill)


class RandDeformPatchd(RandomKerneld):
    """Dictionary form of :class:`RandDeformPatch`: all keys share one sampling grid.

    Args:
        keys: keys of maps and images on one grid; the first gives its size.
        allow_missing_keys: do not raise if a key is missing.
        **parameters: those of :class:`RandDeformPatch`.
    """

    array_class: ClassVar[type[RandomKernel]] = RandDeformPatch

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Deform the arrays under ``keys`` alike."""
        sizes = {key: tuple(data[key].shape[1:]) for key in self.key_iterator(dict(data))}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"keys must share one grid to be deformed alike, got sizes {sizes}")
        return super().__call__(data)
