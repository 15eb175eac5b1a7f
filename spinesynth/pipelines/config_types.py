"""Types of settings: what a number, a pair or a list of them may be."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, Strict

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


def is_unique(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return items of which none is there twice, or raise."""
    if len(set(items)) < len(items):
        raise ValueError("must hold each only once")
    return items


def is_odd(count: int) -> int:
    """Return an odd number, or raise."""
    if count % 2 == 0:
        raise ValueError("must be odd: a slice in the middle, as many on either side")
    return count


Models = Annotated[
    tuple[Literal["A", "B"], ...], AfterValidator(_filled), AfterValidator(is_unique)
]
Factors = Annotated[tuple[Factor, ...], AfterValidator(_filled)]
NonNegative = Annotated[tuple[float, float], _within(0)]
Thickness = Annotated[tuple[float, float], _within(0, 50)]
LogStrength = Annotated[tuple[float, float], _within(0, 5)]
LogGamma = Annotated[tuple[float, float], _within(-5, 5)]
