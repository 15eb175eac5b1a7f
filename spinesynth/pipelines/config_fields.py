"""The kinds of values that settings of a configuration have."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
)

from spinesynth.anatomy.phantom.traits import Trait

#: Of what names a folder: no path, and nothing that a shell or a file system would read otherwise.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
Probability = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=1)]  # coarse over original voxel size
Size = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0), Strict()]
Switch = Annotated[bool, Strict()]
#: Keys of ``NETWORKS`` and ``LOSSES``.
NetworkName = Literal[
    "unet", "basic_unet", "residual_unet", "segresnet", "dynunet", "swin_unetr", "unetr"
]
LossName = Literal["dice_ce", "dice", "dice_focal", "tversky", "boundary_dice_ce"]


def _within(low: float, high: float = math.inf) -> AfterValidator:
    """Check that a (low, high) pair is ordered and within limits, those of its transform."""

    def check(bounds: tuple[float, float]) -> tuple[float, float]:
        if not low <= bounds[0] <= bounds[1] <= high:
            limits = f"of at least {low:g}" if high == math.inf else f"within [{low:g}, {high:g}]"
            raise ValueError(f"must be an ordered pair {limits}")
        return bounds

    return AfterValidator(check)


def _filled(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not items:
        raise ValueError("must hold at least one")
    return items


def _unique(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(items)) < len(items):
        raise ValueError("must hold each only once")
    return items


def _odd(count: int) -> int:
    if count % 2 == 0:
        raise ValueError("must be odd: a slice in the middle, as many on either side")
    return count


def _read_spacing(value: Any) -> float | tuple[float, ...]:  # noqa: ANN401  # as it was written
    """Take one voxel size, or one for each of two or three axes."""
    several = isinstance(value, list | tuple)
    try:
        sizes = tuple(float(size) for size in (value if several else [value]))
    except (TypeError, ValueError):
        sizes = ()
    if len(sizes) not in (1, 2, 3) or not all(0 < size < math.inf for size in sizes):
        raise ValueError("must be one number, or two or three numbers, finite and above 0")
    return sizes if several else sizes[0]


def _as_it_is(value: Any) -> Any:  # noqa: ANN401  # a number or several
    return value


def _two_or_three(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if len(sizes) not in (2, 3):
        raise ValueError("must hold 2 or 3 sizes, one for each axis")
    return sizes


#: Voxels of each axis, and their size in mm; of slices (A, S), of volumes (R, A, S).
PatchSize = Annotated[tuple[Size, ...], AfterValidator(_two_or_three)]
SpacingMM = Annotated[
    float | tuple[float, ...],
    PlainValidator(_read_spacing),
    PlainSerializer(_as_it_is),  # pydantic's own warns of every tuple beside a number
]
#: Slices seen at once: as many on either side of the middle one.
OddSize = Annotated[Size, AfterValidator(_odd)]
Traits = Annotated[tuple[Trait, ...], AfterValidator(_unique)]
Models = Annotated[tuple[Literal["A", "B"], ...], AfterValidator(_filled), AfterValidator(_unique)]
Factors = Annotated[tuple[Factor, ...], AfterValidator(_filled)]
NonNegative = Annotated[tuple[float, float], _within(0)]
Thickness = Annotated[tuple[float, float], _within(0, 50)]
LogStrength = Annotated[tuple[float, float], _within(0, 5)]
LogGamma = Annotated[tuple[float, float], _within(-5, 5)]
