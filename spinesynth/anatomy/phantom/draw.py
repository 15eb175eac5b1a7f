"""Draw the record of a phantom from a seed."""

from __future__ import annotations

from math import atan, degrees, radians, tan

import torch

from spinesynth.anatomy.phantom.morphometry import (
    L1_TILT_MEAN_SD_DEG,
    LEVELS,
    LUMBAR_COUNT,
    SACRAL_LEVELS,
    SACRAL_SLOPE_MEAN_SD_DEG,
    THORACIC_DISC_KYPHOSIS_DEG,
    LevelMeans,
)
from spinesynth.anatomy.phantom.parameters import (
    CanalSize,
    DiscSize,
    Habitus,
    PhantomRecord,
    Placement,
    SacralSegment,
    VertebraSize,
)
from spinesynth.seeding import make_generator

_NORMAL_LIMIT = 2.2  # standard deviations; keeps every draw inside the living range


class _Dice:
    """Scalar draws from one generator, as Python floats."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * float(torch.rand((), generator=self._generator))

    def normal(self, mean: float, sd: float) -> float:
        """Return a normal number, limited to 2.2 standard deviations."""
        z = float(torch.randn((), generator=self._generator))
        return mean + sd * max(-_NORMAL_LIMIT, min(_NORMAL_LIMIT, z))

    def vary(self, mean: float, relative_sd: float) -> float:
        """Return ``mean`` times a normal number around one."""
        return mean * self.normal(1.0, relative_sd)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.uniform(0.0, 1.0) < probability


def draw_phantom(seed: int) -> PhantomRecord:
    """Draw the record of one phantom.

    Args:
        seed: any integer; equal seeds give equal records.

    Returns:
        Record with every size in mm or degrees; sizes of one spine share a
        common scale, and neighbours vary little against each other.

    Example:
        >>> draw_phantom(3) == draw_phantom(3)
        True
        >>> [v.name for v in draw_phantom(3).vertebrae[:2]]
        ['L5', 'L4']
    """
    dice = _Dice(make_generator(seed, "phantom", "record"))
    size = dice.normal(1.0, 0.065)  # stature and sex together
    slope = dice.normal(*SACRAL_SLOPE_MEAN_SD_DEG)
    lordosis = slope + dice.normal(*L1_TILT_MEAN_SD_DEG)
    vertebrae = _draw_vertebrae(dice, size)
    return PhantomRecord(
        seed=seed,
        sacral_slope_deg=slope,
        scoliosis_mm=abs(dice.normal(0.0, 2.5)),
        scoliosis_phase=dice.uniform(0.0, 6.283),
        irregularity_mm=dice.uniform(0.4, 1.1),
        roughness_mm=dice.uniform(0.15, 0.5),
        cortex_mm=dice.uniform(0.8, 1.7),
        vertebrae=vertebrae,
        discs=_draw_discs(dice, vertebrae, lordosis, size),
        sacrum=_draw_sacrum(dice, vertebrae[0], slope, size),
        canal=_draw_canal(dice),
        habitus=_draw_habitus(dice, size),
        placement=_draw_placement(dice),
    )


def _draw_vertebrae(dice: _Dice, size: float) -> tuple[VertebraSize, ...]:
    height, depth, width = (size * dice.normal(mean, 0.04) for mean in (1.0, 1.03, 1.02))
    canal = dice.normal(1.0, 0.08)
    waist = dice.uniform(0.9, 2.6)
    concavity = dice.uniform(0.7, 3.2)
    corner = dice.uniform(1.2, 3.0)
    spinous = dice.normal(1.0, 0.08)
    has_vein = dice.chance(0.6)
    return tuple(
        VertebraSize(
            name=level.name,
            posterior_height_mm=dice.vary(level.posterior_height * height, 0.025),
            wedge_deg=dice.normal(level.wedge_deg, 1.5),
            depth_mm=dice.vary(level.depth * depth, 0.02),
            width_mm=dice.vary(level.width * width, 0.02),
            waist_mm=waist * dice.uniform(0.8, 1.2),
            endplate_concavity_mm=concavity * dice.uniform(0.6, 1.4),
            corner_radius_mm=corner,
            canal_depth_mm=dice.vary(level.canal_depth * canal, 0.03),
            canal_width_mm=dice.vary(level.canal_width * canal, 0.03),
            pedicle_width_mm=dice.vary(level.pedicle_width * size, 0.08),
            pedicle_height_mm=dice.vary(level.pedicle_height * height, 0.05),
            transverse_span_mm=dice.vary(level.transverse_span * width, 0.07),
            spinous_reach_mm=dice.vary(level.spinous_reach * size * spinous, 0.04),
            spinous_height_mm=dice.vary(level.spinous_height * size * spinous, 0.12),
            spinous_slant_deg=dice.normal(level.spinous_slant_deg, 4.0),
            lamina_thickness_mm=dice.uniform(5.0, 7.0),
            axial_rotation_deg=dice.normal(0.0, 1.5),
            basivertebral_mm=dice.uniform(4.0, 11.0) if has_vein and dice.chance(0.8) else 0.0,
            has_rib=level.name.startswith("T"),
        )
        for level in LEVELS
    )


def _draw_discs(
    dice: _Dice, vertebrae: tuple[VertebraSize, ...], lordosis: float, size: float
) -> tuple[DiscSize, ...]:
    wedges = _disc_wedges(dice, vertebrae, lordosis)
    general = dice.normal(1.04, 0.13)
    ageing = dice.uniform(0.0, 1.0)  # one spine degenerates in several discs or in none
    discs = []
    for index, (level, body, wedge) in enumerate(zip(LEVELS, vertebrae, wedges, strict=True)):
        risk = ageing * (0.75 if index < 2 else 0.45)
        degeneration = dice.uniform(0.3, 1.0) if dice.chance(risk) else dice.uniform(0.0, 0.3)
        mean_height = level.disc_height * size * dice.vary(general, 0.06)
        mean_height *= 1.0 - 0.5 * degeneration
        posterior, kept_wedge = _fit_disc(mean_height, wedge, body.depth_mm)
        discs.append(
            DiscSize(
                name=_disc_name(index, level),
                posterior_height_mm=posterior,
                wedge_deg=kept_wedge,
                bulge_mm=dice.uniform(0.4, 1.6) + 1.6 * degeneration * dice.uniform(0.0, 1.0),
                degeneration=degeneration,
                nucleus_fraction=0.0 if degeneration > 0.8 else dice.uniform(0.55, 0.72),
                has_cleft=dice.chance(0.35),
            )
        )
    return tuple(discs)


def _disc_wedges(dice: _Dice, vertebrae: tuple[VertebraSize, ...], lordosis: float) -> list[float]:
    """Share the lordosis, less what the bodies hold, over the lumbar discs."""
    bodies = sum(v.wedge_deg for v in vertebrae[:LUMBAR_COUNT])
    shares = [dice.vary(level.disc_wedge_share, 0.2) for level in LEVELS]
    total = sum(shares[:LUMBAR_COUNT])
    lumbar = [(lordosis - bodies) * share / total for share in shares[:LUMBAR_COUNT]]
    thoracic = [-THORACIC_DISC_KYPHOSIS_DEG * share for share in shares[LUMBAR_COUNT:]]
    return lumbar + thoracic


def _fit_disc(mean_height: float, wedge_deg: float, depth_mm: float) -> tuple[float, float]:
    """Limit the wedge of a thin disc so that its posterior edge keeps 35 % of the height.

    Returns:
        Posterior height in mm and the wedge in degrees that it allows.
    """
    half_gain = tan(radians(wedge_deg)) * depth_mm / 2
    limit = 0.65 * mean_height
    half_gain = max(-limit, min(limit, half_gain))
    kept = degrees(atan(2 * half_gain / depth_mm))
    return mean_height - half_gain, kept


def _disc_name(index: int, level: LevelMeans) -> str:
    return f"{level.name}/{LEVELS[index - 1].name if index else 'S1'}"


def _draw_sacrum(
    dice: _Dice, lowest: VertebraSize, slope: float, size: float
) -> tuple[SacralSegment, ...]:
    curl = dice.normal(1.0, 0.25)
    depth = lowest.depth_mm / LEVELS[0].depth  # S1 fits the L5 above it
    lean = dice.normal(0.0, 4.0)
    return tuple(
        SacralSegment(
            name=level.name,
            height_mm=dice.vary(level.height * size, 0.05),
            depth_top_mm=dice.vary(level.depth_top * depth, 0.03),
            depth_bottom_mm=dice.vary(level.depth_bottom * depth, 0.05),
            width_mm=dice.vary(level.width * size, 0.03),
            span_mm=dice.vary(level.span * size, 0.03),
            tilt_deg=slope
            + level.tilt_deg * (curl if level.tilt_deg < 0 else 1.0)
            + lean * (i > 0),
            canal_depth_mm=dice.vary(level.canal_depth, 0.1),
            disc_height_mm=dice.vary(level.disc_height, 0.25),
        )
        for i, level in enumerate(SACRAL_LEVELS)
    )


def _draw_canal(dice: _Dice) -> CanalSize:
    return CanalSize(
        sac_depth_fraction=dice.uniform(0.62, 0.88),
        sac_width_fraction=dice.uniform(0.62, 0.85),
        anterior_gap_lumbar_mm=dice.uniform(0.6, 1.8),
        anterior_gap_sacral_mm=dice.uniform(1.5, 6.0),
        fat_pad_mm=dice.uniform(3.0, 7.5),
        sac_end_segments=dice.normal(1.6, 0.35),
        conus_levels=dice.normal(4.55, 0.45),
        cord_depth_mm=dice.uniform(6.5, 8.5),
        cord_width_mm=dice.uniform(8.5, 10.5),
        cauda_fraction=dice.uniform(0.2, 0.6),
    )


def _draw_habitus(dice: _Dice, size: float) -> Habitus:
    fat = dice.uniform(0.0, 1.0)
    return Habitus(
        fat_back_mm=4.0 + 26.0 * fat * dice.uniform(0.6, 1.0),
        fat_sacral_mm=4.0 + 26.0 * fat * dice.uniform(0.4, 1.0),
        fat_front_mm=8.0 + 40.0 * fat * dice.uniform(0.6, 1.0),
        skin_mm=dice.uniform(1.4, 2.6),
        trunk_half_width_mm=size * dice.uniform(140.0, 175.0) + 30.0 * fat,
        trunk_depth_mm=dice.uniform(60.0, 120.0) + 60.0 * fat,
        back_flattening=dice.uniform(0.2, 0.9),
        psoas_radius_mm=size * dice.uniform(15.0, 24.0),
        muscle_fat=dice.uniform(0.0, 1.0) ** 1.5,
        aorta_radius_mm=dice.uniform(7.5, 11.5),
        cava_radius_mm=dice.uniform(7.5, 12.5),
        aorta_side_mm=dice.uniform(3.0, 14.0),
        cava_side_mm=dice.uniform(11.0, 20.0),
        viscera_fill=dice.uniform(0.35, 0.85),
        viscera_size_mm=dice.uniform(16.0, 42.0),
        gas_share=dice.uniform(0.0, 0.35),
        has_lung=dice.chance(0.4),
    )


def _draw_placement(dice: _Dice) -> Placement:
    return Placement(
        centre_level=dice.uniform(1.6, 3.3),
        offset_mm=(dice.normal(0.0, 3.0), dice.uniform(-20.0, 32.0), dice.uniform(-10.0, 10.0)),
        rotation_deg=(dice.normal(0.0, 6.0), dice.normal(0.0, 1.8), dice.normal(0.0, 2.0)),
    )
