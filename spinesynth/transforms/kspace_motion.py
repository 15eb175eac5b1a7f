"""Rigid motion between k-space lines, and the plain directional blur."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spinesynth.kernels.motion import apply_kspace_motion, blur_along_axis
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    check_count,
    check_number,
    check_range,
)


@dataclass(frozen=True)
class MotionRecord(Record):
    """Drawn poses: their instants in [0, 1], angles in degrees, shifts in voxels."""

    times: tuple[float, ...]
    angles_deg: tuple[float, ...]
    shifts_vox: tuple[tuple[float, float], ...]


class RandKSpaceMotion(RandomKernel):
    """Move the patient rigidly while k-space is acquired.

    Args:
        max_shift_vox: largest shift of a pose along either in-plane axis.
        max_angle_deg: largest in-plane rotation of a pose.
        max_moves: most changes of pose in one acquisition, at least 1.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float >= 0; the last two axes are the image plane; kept.

    Source:
        Shaw et al. 2019, MIDL ("MRI k-space motion artefact augmentation").

    Example:
        >>> import torch
        >>> move = RandKSpaceMotion(max_shift_vox=2).set_random_state(0)
        >>> move(torch.rand(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    record_class: ClassVar[type[Record]] = MotionRecord

    def __init__(
        self,
        max_shift_vox: float = 3.0,
        *,
        max_angle_deg: float = 2.0,
        max_moves: int = 3,
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_number("max_shift_vox", max_shift_vox, low=0)
        check_number("max_angle_deg", max_angle_deg, low=0, high=180)
        check_count("max_moves", max_moves, low=1)
        self.max_shift_vox, self.max_angle_deg = max_shift_vox, max_angle_deg
        self.max_moves = max_moves

    def draw(self, data: Tensor) -> MotionRecord:
        """Draw the instants and the poses."""
        count = int(self.R.randint(1, self.max_moves + 1))
        times = tuple(float(t) for t in sorted(self.R.uniform(0, 1, count)))
        angles = tuple(float(a) for a in self.R.uniform(-1, 1, count) * self.max_angle_deg)
        shifts = self.R.uniform(-1, 1, (count, 2)) * self.max_shift_vox
        pairs = tuple((float(a), float(b)) for a, b in shifts)
        return MotionRecord(self.draw_seed(), times, angles, pairs)

    def apply(self, data: Tensor, record: MotionRecord) -> Tensor:
        """Compose k-space from the poses of a record."""
        if self.max_shift_vox == 0 and self.max_angle_deg == 0:
            return data.clone()
        return apply_kspace_motion(
            data[None].float(),
            record.times,
            angles_rad=[math.radians(a) for a in record.angles_deg],
            shifts_vox=record.shifts_vox,
        )[0]


class RandKSpaceMotiond(RandomKerneld):
    """Dictionary form of :class:`RandKSpaceMotion`; all keys move alike."""

    array_class: ClassVar[type[RandomKernel]] = RandKSpaceMotion


@dataclass(frozen=True)
class BlurRecord(Record):
    """Drawn blur: width in voxels and the spatial axis along which it acts."""

    sigma_vox: float
    axis: int


class RandDirectionalBlur(RandomKernel):
    """Blur along one random axis: a simple stand-in for motion, kept by its own name.

    Args:
        sigma_vox: range of the Gaussian's width in voxels.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float; kept.

    Source:
        the "directional blur" of simple augmentation pipelines; real motion is
        :class:`RandKSpaceMotion`.

    Example:
        >>> import torch
        >>> blur = RandDirectionalBlur((1.0, 1.0)).set_random_state(0)
        >>> blur(torch.rand(1, 8, 8)).shape
        torch.Size([1, 8, 8])
    """

    record_class: ClassVar[type[Record]] = BlurRecord

    def __init__(self, sigma_vox: tuple[float, float] = (0.5, 2.0), *, prob: float = 1.0) -> None:
        super().__init__(prob)
        check_range("sigma_vox", sigma_vox, low=0, high=float("inf"))
        self.sigma_vox = sigma_vox

    def draw(self, data: Tensor) -> BlurRecord:
        """Draw width and axis."""
        axis = int(self.R.randint(data.ndim - 1))
        return BlurRecord(self.draw_seed(), self.uniform(self.sigma_vox), axis)

    def apply(self, data: Tensor, record: BlurRecord) -> Tensor:
        """Blur as a record says."""
        return blur_along_axis(data[None].float(), record.sigma_vox, axis=record.axis + 2)[0]


class RandDirectionalBlurd(RandomKerneld):
    """Dictionary form of :class:`RandDirectionalBlur`."""

    array_class: ClassVar[type[RandomKernel]] = RandDirectionalBlur
