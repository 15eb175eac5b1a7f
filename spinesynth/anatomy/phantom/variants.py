"""Level variants: 4 to 6 lumbar vertebrae, transitional junctions, short ribs at T12."""

from __future__ import annotations

from dataclasses import fields, replace

from spinesynth.anatomy.phantom.demography import (
    JUNCTION_SHARES,
    LUMBAR_COUNT_SHARES,
    RIB_MM,
    SHORT_RIB_MM,
    T12_RIB_SHARES,
)
from spinesynth.anatomy.phantom.dice import Dice
from spinesynth.anatomy.phantom.morphometry import LEVELS, LUMBAR_COUNT, LevelMeans
from spinesynth.anatomy.phantom.parameters import SacralSegment, SpineVariant, VertebraSize


def draw_variant(dice: Dice) -> SpineVariant:
    """Draw the number of lumbar vertebrae and the kind of lumbosacral junction."""
    count = dice.pick(LUMBAR_COUNT_SHARES, otherwise=str(LUMBAR_COUNT))
    return SpineVariant(int(count), dice.pick(JUNCTION_SHARES, otherwise="typical"))


def level_means(lumbar_count: int) -> tuple[LevelMeans, ...]:
    """Return the mean sizes from the lowest lumbar vertebra up to T7.

    The five lumbar levels are spread evenly over those that there are: the
    lowest is shaped as L5, the highest as L1.

    Args:
        lumbar_count: 4, 5 or 6.

    Example:
        >>> [level.name for level in level_means(6)[:2]], [m.name for m in level_means(4)[3:5]]
        (['L6', 'L5'], ['L1', 'T12'])
    """
    step = (LUMBAR_COUNT - 1) / (lumbar_count - 1)
    lumbar = [replace(_between(n * step), name=f"L{lumbar_count - n}") for n in range(lumbar_count)]
    return (*lumbar, *LEVELS[LUMBAR_COUNT:])


def _between(position: float) -> LevelMeans:
    """Return the sizes at a position between two lumbar levels, 0 for L5."""
    low = min(int(position), LUMBAR_COUNT - 2)
    below, above, share = LEVELS[low], LEVELS[low + 1], position - low
    sizes = {
        field.name: getattr(below, field.name) * (1.0 - share) + getattr(above, field.name) * share
        for field in fields(LevelMeans)
        if field.name != "name"
    }
    return LevelMeans(name=below.name, **sizes)


def draw_rib_mm(dice: Dice, level: LevelMeans) -> float:
    """Draw the length of a level's ribs that is modelled, 0 for none."""
    if level.name.startswith("L"):
        return 0.0
    if level.name != "T12":
        return RIB_MM
    kind = dice.pick(T12_RIB_SHARES, otherwise="long")
    return {"absent": 0.0, "short": dice.uniform(*SHORT_RIB_MM), "long": RIB_MM}[kind]


def sacralised(lowest: VertebraSize) -> VertebraSize:
    """Return the lowest vertebra with processes broad enough to meet the sacral wings.

    Castellvi et al. 1984 (Spine 9(5):493-495) call a process of 19 mm or more
    dysplastic; the span is that of the wings, the squarer body is nominal.
    """
    return replace(
        lowest,
        transverse_span_mm=max(lowest.transverse_span_mm, 2.05 * lowest.width_mm),
        transverse_height_mm=2.4 * lowest.transverse_height_mm,
        transverse_rise_mm=-0.9 * lowest.posterior_height_mm,
        wedge_deg=0.5 * lowest.wedge_deg,
        waist_mm=0.7 * lowest.waist_mm,
    )


def lumbarised(sacrum: tuple[SacralSegment, ...], dice: Dice) -> tuple[SacralSegment, ...]:
    """Return a sacrum whose S1 is taller and squarer, over a well-formed S1/S2 disc.

    O'Driscoll et al. 1996 (Skeletal Radiol 25(3):225-230), type 4: a well-formed
    disc over the whole depth of the sacrum and squaring of the upper segment;
    the sizes are nominal.
    """
    first, second, *others = sacrum
    first = replace(
        first,
        height_mm=1.08 * first.height_mm,
        depth_bottom_mm=0.9 * first.depth_top_mm,
        span_mm=0.92 * first.span_mm,
        disc_height_mm=dice.uniform(5.0, 8.5),
    )
    second = replace(second, depth_top_mm=0.95 * first.depth_bottom_mm)
    return (first, second, *others)
