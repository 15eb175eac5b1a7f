"""Resolution of the acquisition: thick slices and coarse pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

from spinesynth.kernels.resolution import acquire, acquired_size, restore, sampling_of_axes
from spinesynth.kernels.slice_profile import PROFILES
from spinesynth.transforms.base import (
    RandomKernel,
    RandomKerneld,
    Record,
    check_number,
    check_range,
    check_spacing,
    spacing_per_axis,
)

#: Slice orientations and the canonical axis (right, anterior, superior) across the slices.
_SLICE_AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
ORIENTATIONS = ("any", *_SLICE_AXES, "random")
#: They need a tissue map beside the image, or hold a whole chain.
_NEVER_DURING = ("RandChemicalShift", "RandSynthesizeMRI", "RandAcquiredResolution")


@dataclass(frozen=True)
class ResolutionRecord(Record):
    """Drawn acquisition: distance of voxels and their width in mm along each spatial axis.

    A width of None is the distance. ``during`` holds the record of each member,
    None where it did not act.
    """

    resolution_mm: tuple[float, ...]
    thickness_mm: tuple[float, ...] | None = None
    during: tuple[Mapping[str, Any] | None, ...] = ()


class RandAcquiredResolution(RandomKernel):
    """Acquire with larger voxels (blur by the profile, sample) and interpolate back.

    Args:
        resolution_mm: range of the acquired voxel size in mm; in the plane of the
            slices alone where there is an ``orientation``.
        spacing_mm: voxel size of the input, one number for all axes or one each.
        thick_axis_prob: probability that one random axis alone is coarse, as in
            stacks of thick slices; otherwise the axes share one voxel size. Of no
            effect with an ``orientation``.
        profile: ``"gaussian"``, ``"box"`` or ``"sinc"`` (Hamming-windowed; edges
            ring, and the magnitude is taken), of slices and of pixels.
        orientation: ``"any"`` for the two cases of ``thick_axis_prob``; or
            ``"sagittal"``, ``"axial"``, ``"coronal"`` or ``"random"`` (one of the
            three), whose slices lie across the axis I, K or J. A sagittal image
            ``(J, K)`` has no slice axis if the slices are sagittal.
        thickness_mm: range of the slice thickness in mm; belongs to an orientation.
        gap_mm: range of the gap between slices in mm, so that their distance is
            thickness plus gap.
        during: array transforms of one image, such as :class:`RandMagnitudeNoise`,
            that act at the acquired resolution, between sampling and interpolation;
            copies are kept. Not those with a voxel size of their own.
        prob: probability of acting.

    Shape:
        ``(C, *spatial)`` float; kept, and centred on the input.

    Source:
        Billot et al. 2020, MIDL (partial-volume-aware acquisition); Gaussian
        slice profile whose full width at half maximum is the voxel.

    Example:
        >>> import torch
        >>> coarse = RandAcquiredResolution((3.0, 3.0)).set_random_state(0)
        >>> coarse(torch.rand(1, 32, 32)).shape
        torch.Size([1, 32, 32])
    """

    record_class: ClassVar[type[Record]] = ResolutionRecord

    def __init__(
        self,
        resolution_mm: tuple[float, float] = (1.0, 4.0),
        *,
        spacing_mm: float | Sequence[float] = 1.0,
        thick_axis_prob: float = 0.3,
        profile: Literal["gaussian", "box", "sinc"] = "gaussian",
        orientation: Literal["any", "sagittal", "axial", "coronal", "random"] = "any",
        thickness_mm: tuple[float, float] | None = None,
        gap_mm: tuple[float, float] = (0.0, 0.0),
        during: Sequence[RandomKernel] = (),
        prob: float = 1.0,
    ) -> None:
        super().__init__(prob)
        check_range("resolution_mm", resolution_mm, low=1e-3, high=float("inf"))
        check_number("thick_axis_prob", thick_axis_prob, low=0, high=1)
        check_range("gap_mm", gap_mm, low=0, high=float("inf"))
        if profile not in PROFILES:
            raise ValueError(f"profile must be one of {PROFILES}, got {profile!r}")
        check_spacing("spacing_mm", spacing_mm)
        _check_slices(orientation, thickness_mm, gap_mm)
        _check_during(during)
        self.resolution_mm, self.spacing_mm = resolution_mm, spacing_mm
        self.thick_axis_prob, self.profile = thick_axis_prob, profile
        self.orientation, self.thickness_mm, self.gap_mm = orientation, thickness_mm, gap_mm
        # seeding the whole must not seed the caller's own instances
        self.during = tuple(deepcopy(member) for member in during)

    def draw(self, data: Tensor) -> ResolutionRecord:
        """Draw the acquired voxel size of each axis, and the records of the members."""
        if self.thickness_mm is None:
            seed, sizes = self._draw_sizes(data.ndim - 1)
            return ResolutionRecord(seed, sizes, None, self._draw_during(data, sizes))
        seed, sizes, widths = self._draw_slices(data.ndim - 1, self.thickness_mm)
        return ResolutionRecord(seed, sizes, widths, self._draw_during(data, sizes))

    def _draw_sizes(self, axes: int) -> tuple[int, tuple[float, ...]]:
        size = self.uniform(self.resolution_mm)
        alone, axis = self.R.rand() < self.thick_axis_prob, int(self.R.randint(axes))
        seed = self.draw_seed()
        fine = self.resolution_mm[0]
        return seed, tuple(size if not alone or n == axis else fine for n in range(axes))

    def _draw_slices(
        self, axes: int, thickness_mm: tuple[float, float]
    ) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
        seed, size = self.draw_seed(), self.uniform(self.resolution_mm)
        width, gap = self.uniform(thickness_mm), self.uniform(self.gap_mm)
        drawn = int(self.R.randint(len(_SLICE_AXES)))
        across = _SLICE_AXES.get(self.orientation, drawn) - (3 - axes)
        sizes, widths = [size] * axes, [size] * axes
        if across >= 0:
            sizes[across], widths[across] = width + gap, width
        return seed, tuple(sizes), tuple(widths)

    def _factors(self, resolution_mm: Sequence[float]) -> list[float]:
        """Return coarse over fine voxel size of each axis, 1 where nothing is coarser."""
        spacing = spacing_per_axis(self.spacing_mm, len(resolution_mm))
        pairs = zip(resolution_mm, spacing, strict=True)
        return [max(1.0, distance / voxel) for distance, voxel in pairs]

    def _draw_during(
        self, data: Tensor, resolution_mm: Sequence[float]
    ) -> tuple[dict[str, Any] | None, ...]:
        """Draw the members for the size at which they will act."""
        records = list[dict[str, Any] | None]()
        if not self.during:
            return ()
        pairs = zip(data.shape[1:], self._factors(resolution_mm), strict=True)
        data = data.new_zeros(()).expand(len(data), *[acquired_size(n, f) for n, f in pairs])
        for member in self.during:
            member.set_random_state(seed=self.draw_seed())
            member.randomize(data)
            records.append(None if member.record is None else member.record.to_dict())
        return tuple(records)

    def apply(self, data: Tensor, record: ResolutionRecord) -> Tensor:
        """Acquire at the voxel size of a record; finer than the input changes nothing."""
        spacing = spacing_per_axis(self.spacing_mm, data.ndim - 1)
        factor = self._factors(record.resolution_mm)
        widths = record.resolution_mm if record.thickness_mm is None else record.thickness_mm
        thickness = [width / voxel for width, voxel in zip(widths, spacing, strict=True)]
        matrices = sampling_of_axes(
            data.shape[1:], factor, thickness=thickness, profile=self.profile
        )
        coarse = acquire(data[None].float(), matrices)[0]
        if self.profile == "sinc" and any(matrices):
            coarse = coarse.abs()
        for member, fields in zip(self.during, record.during, strict=True):
            if fields is not None:
                coarse = member.apply(coarse, member.read_record(fields))
        result = restore(coarse[None], matrices)[0]
        # neither an axis coarser nor a member that acted: give the caller his own copy
        return result.clone() if result.data_ptr() == data.data_ptr() else result


def _check_slices(
    orientation: str, thickness_mm: tuple[float, float] | None, gap_mm: tuple[float, float]
) -> None:
    if orientation not in ORIENTATIONS:
        raise ValueError(f"orientation must be one of {ORIENTATIONS}, got {orientation!r}")
    if thickness_mm is not None:
        check_range("thickness_mm", thickness_mm, low=1e-3, high=float("inf"))
    if (orientation == "any") != (thickness_mm is None):
        raise ValueError(
            "thickness_mm must be given with an orientation other than 'any' and only then, got "
            f"thickness_mm={thickness_mm} and orientation={orientation!r}"
        )
    if orientation == "any" and max(gap_mm) > 0:
        raise ValueError(f"gap_mm must be (0, 0) with orientation 'any', got {tuple(gap_mm)}")


def _check_during(during: Sequence[RandomKernel]) -> None:
    for member in during:
        if not isinstance(member, RandomKernel):
            raise ValueError(
                "during must be array transforms of this package (RandMagnitudeNoise, not "
                f"RandMagnitudeNoised), got {type(member).__name__}"
            )
        lineage = {form.__name__ for form in type(member).__mro__}
        if member.takes_codes or not lineage.isdisjoint(_NEVER_DURING):
            raise ValueError(
                "during must be stages that change one image at the voxels it has, such as "
                f"RandMagnitudeNoise, got {type(member).__name__}"
            )
        if hasattr(member, "spacing_mm"):
            raise ValueError(
                "during must be stages without a voxel size of their own, which the acquisition "
                f"changes, got {type(member).__name__}; it belongs before the acquisition"
            )


class RandAcquiredResolutiond(RandomKerneld):
    """Dictionary form of :class:`RandAcquiredResolution`."""

    array_class: ClassVar[type[RandomKernel]] = RandAcquiredResolution
