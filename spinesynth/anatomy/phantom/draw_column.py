"""Draw vertebrae, discs and sacrum of one person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan, degrees, pi, radians, sin, tan

from spinesynth.anatomy.phantom.demography import (
    COBB_SD_DEG,
    ROTATION_PER_COBB,
    RUDIMENTARY_DISC_SHARE,
    WEDGE_OF_SEX_DEG,
)
from spinesynth.anatomy.phantom.dice import Dice
from spinesynth.anatomy.phantom.findings import height_share
from spinesynth.anatomy.phantom.morphometry import (
    DISC_GROWTH_PER_YEAR,
    L1_TILT_MEAN_SD_DEG,
    LEVELS,
    LORDOSIS_OF_SEX_DEG,
    SACRAL_LEVELS,
    SACRAL_SLOPE_MEAN_SD_DEG,
    SCOLIOSIS_WAVELENGTH_MM,
    THORACIC_DISC_KYPHOSIS_DEG,
    LevelMeans,
)
from spinesynth.anatomy.phantom.parameters import (
    DiscSize,
    Person,
    SacralSegment,
    SpineVariant,
    VertebraSize,
)
from spinesynth.anatomy.phantom.population import BoneScale, degenerating_share
from spinesynth.anatomy.phantom.variants import draw_rib_mm, level_means, lumbarised, sacralised


@dataclass(frozen=True)
class Curve:
    """The spine's curves in both planes."""

    sacral_slope_deg: float
    lordosis_deg: float  # between L1 and S1; thin discs may hold back a part
    scoliosis_mm: float
    scoliosis_phase: float

    @property
    def cobb_deg(self) -> float:
        """Return the angle between the end vertebrae of the scoliosis."""
        steepest = 2 * pi * self.scoliosis_mm / SCOLIOSIS_WAVELENGTH_MM
        return 2 * degrees(atan(steepest))


@dataclass(frozen=True)
class Column:
    """Vertebrae and discs upwards from the lowest, sacral segments downwards."""

    vertebrae: tuple[VertebraSize, ...]
    discs: tuple[DiscSize, ...]
    sacrum: tuple[SacralSegment, ...]


def draw_curve(dice: Dice, person: Person) -> Curve:
    """Draw lordosis and scoliosis, which grows with age."""
    slope = dice.normal(*SACRAL_SLOPE_MEAN_SD_DEG)
    of_sex = LORDOSIS_OF_SEX_DEG if person.sex == "F" else -LORDOSIS_OF_SEX_DEG
    young, per_year = COBB_SD_DEG
    spread = young + per_year * max(0.0, person.age_years - 40.0)
    cobb = abs(dice.normal(0.0, spread))
    return Curve(
        sacral_slope_deg=slope,
        lordosis_deg=slope + of_sex + dice.normal(*L1_TILT_MEAN_SD_DEG),
        scoliosis_mm=tan(radians(cobb / 2)) * SCOLIOSIS_WAVELENGTH_MM / (2 * pi),
        scoliosis_phase=dice.uniform(0.0, 2 * pi),
    )


#: The curve of nobody in particular: no deviation from the means.
MEAN_CURVE = Curve(
    sacral_slope_deg=SACRAL_SLOPE_MEAN_SD_DEG[0],
    lordosis_deg=SACRAL_SLOPE_MEAN_SD_DEG[0] + L1_TILT_MEAN_SD_DEG[0],
    scoliosis_mm=0.0,
    scoliosis_phase=0.0,
)


def draw_column(
    dice: Dice, person: Person, scale: BoneScale, variant: SpineVariant, curve: Curve
) -> Column:
    """Draw the sizes of all segments.

    Args:
        dice: to draw with.
        person: whose age and sex shape discs and bodies.
        scale: factors of the person's bones.
        variant: which levels there are.
        curve: that discs and bodies together make.
    """
    levels = level_means(variant.lumbar_count)
    vertebrae = _draw_vertebrae(dice, levels, person, scale)
    sacrum = _draw_sacrum(dice, vertebrae[0], curve.sacral_slope_deg, scale)
    if variant.junction == "sacralised":
        vertebrae = (sacralised(vertebrae[0]), *vertebrae[1:])
    if variant.junction == "lumbarised":
        sacrum = lumbarised(sacrum, dice)
    discs = _draw_discs(dice, levels, vertebrae, person, scale, variant, curve)
    return _rotated(Column(vertebrae, discs, sacrum), curve)


def _draw_vertebrae(
    dice: Dice, levels: tuple[LevelMeans, ...], person: Person, scale: BoneScale
) -> tuple[VertebraSize, ...]:
    wedge = WEDGE_OF_SEX_DEG if person.sex == "F" else -WEDGE_OF_SEX_DEG
    waist = dice.uniform(0.9, 2.6)
    # endplates sink with age, nominal after Frobin et al. (see morphometry)
    concavity = dice.uniform(0.7, 3.0) + 0.006 * (person.age_years - 50.0)
    corner = dice.uniform(1.2, 3.0)
    spinous = scale.frame * dice.normal(0.94, 0.08)
    has_vein = dice.chance(0.6)
    return tuple(
        VertebraSize(
            name=level.name,
            posterior_height_mm=dice.vary(level.posterior_height * scale.height, 0.025),
            wedge_deg=wedge + dice.normal(level.wedge_deg, 1.5),
            depth_mm=dice.vary(level.depth * scale.depth, 0.02),
            width_mm=dice.vary(level.width * scale.width, 0.02),
            waist_mm=waist * dice.uniform(0.8, 1.2),
            endplate_concavity_mm=max(0.4, concavity * dice.uniform(0.6, 1.4)),
            corner_radius_mm=corner,
            canal_depth_mm=dice.vary(level.canal_depth * scale.canal_depth, 0.04),
            canal_width_mm=dice.vary(level.canal_width * scale.canal_width, 0.04),
            pedicle_width_mm=dice.vary(level.pedicle_width * scale.frame, 0.08),
            pedicle_height_mm=dice.vary(level.pedicle_height * scale.height, 0.05),
            transverse_span_mm=dice.vary(level.transverse_span * scale.width, 0.07),
            transverse_height_mm=dice.uniform(9.0, 11.5),
            transverse_rise_mm=dice.normal(3.2, 1.0),
            spinous_reach_mm=dice.vary(level.spinous_reach * spinous, 0.04),
            spinous_height_mm=dice.vary(level.spinous_height * spinous, 0.12),
            spinous_slant_deg=dice.normal(level.spinous_slant_deg, 4.0),
            lamina_thickness_mm=dice.uniform(4.0, 5.8),  # as labels of scans show it; nominal
            axial_rotation_deg=dice.normal(0.0, 1.0),
            basivertebral_mm=dice.uniform(4.0, 11.0) if has_vein and dice.chance(0.8) else 0.0,
            rib_mm=draw_rib_mm(dice, level),
        )
        for level in levels
    )


def _draw_discs(
    dice: Dice,
    levels: tuple[LevelMeans, ...],
    vertebrae: tuple[VertebraSize, ...],
    person: Person,
    scale: BoneScale,
    variant: SpineVariant,
    curve: Curve,
) -> tuple[DiscSize, ...]:
    wedges = _disc_wedges(dice, levels, vertebrae, variant, curve.lordosis_deg)
    general = scale.height * dice.normal(1.0, 0.11)
    general *= 1.0 + DISC_GROWTH_PER_YEAR * (person.age_years - 45.0)
    grades = _draw_degeneration(dice, person, len(levels))
    discs = []
    for index, (level, body) in enumerate(zip(levels, vertebrae, strict=True)):
        rudimentary = variant.junction == "sacralised" and index == 0
        degeneration = grades[index]
        height = level.disc_height * general * dice.normal(1.0, 0.06) * height_share(degeneration)
        height *= RUDIMENTARY_DISC_SHARE if rudimentary else 1.0
        below = vertebrae[index - 1].endplate_concavity_mm if index else 0.0
        # published heights are means over the disc; the dished endplates hold a part of them
        edge = max(0.4 * height, height - _mean_dish_mm(body.endplate_concavity_mm, below))
        posterior, wedge = _fit_disc(edge, wedges[index], body.depth_mm)
        shows_nucleus = degeneration <= 0.8 and not rudimentary
        discs.append(
            DiscSize(
                name=f"{level.name}/{levels[index - 1].name if index else 'S1'}",
                posterior_height_mm=posterior,
                wedge_deg=wedge,
                # a healthy disc ends at the rim or within it; nominal
                bulge_mm=dice.uniform(-0.6, 0.9) + 2.0 * degeneration * dice.uniform(0.0, 1.0),
                degeneration=degeneration,
                nucleus_fraction=dice.uniform(0.55, 0.72) if shows_nucleus else 0.0,
                has_cleft=dice.chance(0.35),
            )
        )
    return tuple(discs)


def _mean_dish_mm(above_mm: float, below_mm: float) -> float:
    """Return what two dished endplates add to the mean height of the disc between them.

    A dish ``c (1 - r^2)`` has a mean of c / 2 over the disc; an upper endplate is
    dished 0.7 times as deep as a lower one (:func:`body_distance`).

    Args:
        above_mm: concavity of the vertebra above.
        below_mm: concavity of the vertebra below; 0 for the sacrum.
    """
    return 0.5 * (above_mm + 0.7 * below_mm)


def _draw_degeneration(dice: Dice, person: Person, count: int) -> list[float]:
    """Draw the degeneration of all discs: of several in one spine or of none.

    The two lowest degenerate most often (Machino et al. 2022) and collapse is
    not seen before 40 years (there, in men); shares by level are nominal.
    """
    progress = (person.age_years - 20.0) / 60.0
    worst = min(1.0, 0.55 + 0.45 * max(0.0, person.age_years - 20.0) / 40.0)
    # mild in one spine, advanced in another; nominal
    worst = 0.3 + (worst - 0.3) * dice.uniform(0.0, 1.0)
    degenerates = dice.chance(degenerating_share(person.age_years))
    grades = []
    for index in range(count):
        risk = (0.8 if index < 2 else 0.5) * (0.7 + 0.4 * progress)
        if degenerates and dice.chance(risk):
            grades.append(dice.uniform(0.3, worst))
        else:
            grades.append(dice.uniform(0.0, 0.3))
    return grades


def _disc_wedges(
    dice: Dice,
    levels: tuple[LevelMeans, ...],
    vertebrae: tuple[VertebraSize, ...],
    variant: SpineVariant,
    lordosis_deg: float,
) -> list[float]:
    """Share the lordosis, less what the bodies hold, over the lumbar discs."""
    lumbar = variant.lumbar_count
    bodies = sum(v.wedge_deg for v in vertebrae[:lumbar])
    shares = [dice.vary(level.disc_wedge_share, 0.2) for level in levels]
    if variant.junction == "sacralised":  # a fused segment bends little; nominal
        shares[0] *= 0.25
    total = sum(shares[:lumbar])
    wedges = [(lordosis_deg - bodies) * share / total for share in shares[:lumbar]]
    return wedges + [-THORACIC_DISC_KYPHOSIS_DEG * share for share in shares[lumbar:]]


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


def _draw_sacrum(
    dice: Dice, lowest: VertebraSize, slope: float, scale: BoneScale
) -> tuple[SacralSegment, ...]:
    curl = dice.normal(1.0, 0.25)
    depth = lowest.depth_mm / LEVELS[0].depth  # S1 fits the vertebra above it
    lean = dice.normal(0.0, 4.0)
    return tuple(
        SacralSegment(
            name=level.name,
            height_mm=dice.vary(level.height * scale.height, 0.05),
            depth_top_mm=dice.vary(level.depth_top * depth, 0.03),
            depth_bottom_mm=dice.vary(level.depth_bottom * depth, 0.05),
            width_mm=dice.vary(level.width * scale.frame, 0.03),
            span_mm=dice.vary(level.span * scale.frame, 0.03),
            tilt_deg=slope
            + level.tilt_deg * (curl if level.tilt_deg < 0 else 1.0)
            + lean * (i > 0),
            canal_depth_mm=dice.vary(level.canal_depth * scale.canal_depth, 0.08),
            disc_height_mm=dice.vary(level.disc_height, 0.25),
        )
        for i, level in enumerate(SACRAL_LEVELS)
    )


def _rotated(column: Column, curve: Curve) -> Column:
    """Turn every body towards the convexity of the scoliosis, most at its apex."""
    rate = 2 * pi / SCOLIOSIS_WAVELENGTH_MM
    s = sum(segment.height_mm for segment in column.sacrum)
    s += sum(segment.disc_height_mm for segment in column.sacrum[:-1])
    turned = []
    for disc, body in zip(column.discs, column.vertebrae, strict=True):
        s += disc.posterior_height_mm
        middle = s + 0.5 * body.posterior_height_mm
        # a positive turn faces the body to the left, a positive shift lies to the right
        coupled = -ROTATION_PER_COBB * curve.cobb_deg * sin(middle * rate + curve.scoliosis_phase)
        turned.append(replace(body, axial_rotation_deg=body.axial_rotation_deg + coupled))
        s += body.posterior_height_mm
    return replace(column, vertebrae=tuple(turned))
