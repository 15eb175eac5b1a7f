"""Draw the record of a phantom from a seed."""

from __future__ import annotations

from spinesynth.anatomy.phantom.afflict import with_findings, without_degeneration
from spinesynth.anatomy.phantom.dice import Dice
from spinesynth.anatomy.phantom.draw_column import MEAN_CURVE, draw_column, draw_curve
from spinesynth.anatomy.phantom.draw_surroundings import draw_canal, draw_habitus, draw_placement
from spinesynth.anatomy.phantom.outline import draw_outline
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.population import draw_person, draw_scale
from spinesynth.anatomy.phantom.prevalence import draw_findings
from spinesynth.anatomy.phantom.variants import draw_variant
from spinesynth.seeding import make_generator


def draw_phantom(seed: int, *, pathology: bool = True, curvature: bool = True) -> PhantomRecord:
    """Draw the record of one phantom.

    Args:
        seed: any integer; equal seeds give equal records.
        pathology: False for the same person without findings, whose discs are at
            most mildly degenerated.
        curvature: False for the same person with the mean lordosis and no scoliosis.

    Returns:
        Record of one person, with every size in mm or degrees; sizes of one
        spine follow sex, stature and age and vary little between neighbours.

    Example:
        >>> draw_phantom(3) == draw_phantom(3)
        True
        >>> [v.name for v in draw_phantom(3).vertebrae[:2]]
        ['L5', 'L4']
    """
    record = _draw_person_and_spine(seed, curvature=curvature)
    if not pathology:
        return without_degeneration(record)
    dice = Dice(make_generator(seed, "phantom", "findings"))
    return with_findings(record, draw_findings(dice, record))


def _draw_person_and_spine(seed: int, *, curvature: bool) -> PhantomRecord:
    dice = Dice(make_generator(seed, "phantom", "record"))
    person = draw_person(dice)
    scale = draw_scale(dice, person)
    variant = draw_variant(dice)
    curve = draw_curve(dice, person)
    if not curvature:
        curve = MEAN_CURVE
    column = draw_column(dice, person, scale, variant, curve)
    return PhantomRecord(
        seed=seed,
        person=person,
        variant=variant,
        sacral_slope_deg=curve.sacral_slope_deg,
        scoliosis_mm=curve.scoliosis_mm,
        scoliosis_phase=curve.scoliosis_phase,
        irregularity_mm=dice.uniform(0.4, 1.1),
        roughness_mm=dice.uniform(0.1, 0.4),
        cortex_mm=dice.uniform(0.8, 1.7),
        outline=draw_outline(dice, seed),
        vertebrae=column.vertebrae,
        discs=column.discs,
        sacrum=column.sacrum,
        canal=draw_canal(dice, variant, seed),
        habitus=draw_habitus(dice, person, scale),
        placement=draw_placement(dice, column),
    )
