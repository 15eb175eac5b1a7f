"""Draw what lies in and around the column, and the field of view."""

from __future__ import annotations

from spinesynth.anatomy.phantom.demography import AORTA_RADIUS_MEAN_SD_MM, AORTA_WIDENING_PER_YEAR
from spinesynth.anatomy.phantom.dice import Dice
from spinesynth.anatomy.phantom.draw_column import Column
from spinesynth.anatomy.phantom.parameters import (
    CanalSize,
    Habitus,
    Person,
    Placement,
    SpineVariant,
)
from spinesynth.anatomy.phantom.population import BoneScale
from spinesynth.seeding import make_generator

_MOST_DISCS = 9
_HALF_FIELD_MM = 160.0  # 128, the largest offset upwards, and what tilts and curves add


def draw_canal(dice: Dice, variant: SpineVariant, seed: int) -> CanalSize:
    """Draw the sizes of what the bony canal holds.

    Args:
        dice: of the record.
        variant: how many lumbar vertebrae there are.
        seed: of the record, for the cauda and the sac's end, which have dice of their own.
    """
    own = Dice(make_generator(seed, "phantom", "sac"))
    return CanalSize(
        # labels of T2 SPACE take in 13 mm front to back (20 patients), of which some 2 mm are rim
        sac_depth_fraction=dice.uniform(0.52, 0.92),
        sac_width_fraction=dice.uniform(0.68, 0.92),
        anterior_gap_lumbar_mm=dice.uniform(-0.6, 0.8),
        anterior_gap_sacral_mm=dice.uniform(0.8, 5.0),
        fat_pad_mm=dice.uniform(2.0, 7.0),
        # middle of S2, from S1 to S4: Macdonald et al., Clin Anat 1999, recalled; SD nominal
        sac_end_segments=max(0.2, dice.normal(1.5, 0.6)),
        conus_levels=variant.lumbar_count - dice.normal(0.45, 0.45),  # [S98] of morphometry
        cord_depth_mm=dice.uniform(6.5, 8.5),
        cord_width_mm=dice.uniform(8.5, 10.5),
        cauda_fraction=dice.uniform(0.2, 0.6),
        # lying, the roots sink into a band at the back; the sac of many stays as deep as its
        # canal down to S1 (eight T2 SPACE patients, looked at); ranges nominal
        cauda_packing=own.uniform(0.0, 1.0),
        sac_fullness=own.uniform(0.0, 1.0),
        dura_mm=own.uniform(0.0, 1.2),  # 0.3 mm of dura, wider where fat is shifted beside it
    )


def draw_habitus(dice: Dice, person: Person, scale: BoneScale) -> Habitus:
    """Draw the soft tissues; muscles grow fatty and vessels wide with age."""
    fat = dice.uniform(0.0, 1.0)
    beneath = 1.15 if person.sex == "F" else 0.85  # subcutaneous share, nominal
    aorta = dice.normal(*AORTA_RADIUS_MEAN_SD_MM[person.sex])
    return Habitus(
        fat_back_mm=4.0 + 26.0 * beneath * fat * dice.uniform(0.6, 1.0),
        fat_sacral_mm=4.0 + 26.0 * beneath * fat * dice.uniform(0.4, 1.0),
        fat_front_mm=8.0 + 40.0 * beneath * fat * dice.uniform(0.6, 1.0),
        skin_mm=dice.uniform(1.4, 2.6),
        trunk_half_width_mm=scale.frame * dice.uniform(140.0, 175.0) + 30.0 * fat,
        trunk_depth_mm=dice.uniform(60.0, 120.0) + 60.0 * fat,
        back_flattening=dice.uniform(0.2, 0.9),
        psoas_radius_mm=scale.frame * dice.uniform(15.0, 24.0),
        muscle_fat=_draw_muscle_fat(dice, person),
        aorta_radius_mm=aorta + AORTA_WIDENING_PER_YEAR * (person.age_years - 50.0),
        cava_radius_mm=dice.uniform(7.5, 12.5),
        aorta_side_mm=dice.uniform(3.0, 14.0),
        cava_side_mm=dice.uniform(11.0, 20.0),
        viscera_fill=dice.uniform(0.35, 0.85),
        viscera_size_mm=dice.uniform(16.0, 42.0),
        gas_share=dice.uniform(0.0, 0.35),
        has_lung=dice.chance(0.4),
    )


def _draw_muscle_fat(dice: Dice, person: Person) -> float:
    """Draw the fat of the paraspinal muscles on the scale of :class:`Habitus`.

    It rises with age and is higher in women (Si et al. 2023, Quant Imaging Med
    Surg 13(7):4526-4539, multifidus: 21.1 (SD 6.8) % in women, 16.2 (6.3) % in
    men); on the scale from 0 to 1 the numbers are nominal.
    """
    mean = 0.2 + 0.006 * (person.age_years - 20.0) + (0.05 if person.sex == "F" else -0.05)
    return max(0.0, min(1.0, dice.normal(mean, 0.2)))


def draw_placement(dice: Dice, column: Column) -> Placement:
    """Draw the field of view; all nominal, after what lumbar protocols show.

    Most are centred on L3, some on L5/S1 and some on the thoracolumbar junction
    (where a field of 256 mm ends at T10 or T9); one in six lies askew.
    """
    reach = dice.pick({"low": 0.15, "high": 0.12}, otherwise="usual")
    bounds = {"low": (0.1, 1.6), "high": (3.3, 4.8), "usual": (1.6, 3.3)}[reach]
    askew = 2.2 if dice.chance(1 / 6) else 1.0
    return Placement(
        centre_level=min(dice.uniform(*bounds), _highest_centre(column)),
        offset_mm=(
            dice.normal(0.0, 3.0 * askew),
            dice.uniform(-20.0, 32.0),
            dice.uniform(-15.0, 12.0),
        ),
        rotation_deg=(
            dice.normal(0.0, 6.0),
            dice.normal(0.0, 1.8 * askew),
            dice.normal(0.0, 2.0 * askew),
        ),
    )


def _highest_centre(column: Column) -> float:
    """Return the level from which a field of 256 mm hardly ever reaches the tenth disc.

    Nine are the most that the lumbar scans of SPIDER show (and its codes name).
    """
    room = _HALF_FIELD_MM
    for index in range(_MOST_DISCS - 1, -1, -1):
        body, disc = column.vertebrae[index], column.discs[index]
        height = body.posterior_height_mm + disc.posterior_height_mm
        if room < height:
            return index + 1.0 - room / height
        room -= height
    return 0.0
