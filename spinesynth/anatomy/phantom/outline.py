"""Draw where annotators would let labels end.

Annotators of one structure differ by a voxel or so: some outline bone with its dark cortex,
others the bright marrow; most leave a line between disc and body; some take the epidural fat
into the canal. Nothing in an image says which, so a network that learns from labels drawn one
way is off by as much on labels drawn another. Drawn at random, it learns the middle.
"""

from __future__ import annotations

from spinesynth.anatomy.phantom.dice import Dice
from spinesynth.anatomy.phantom.parameters import Outline
from spinesynth.seeding import make_generator

#: Greatest gaps and margin in mm; nominal, about a voxel of a common lumbar protocol. Masks of the
#: canal end a voxel behind and in front of the fluid (three T2 SPACE patients, looked at).
_ENDPLATE_MM, _WALL_MM, _ARCH_MM, _DISC_MM, _CANAL_MM = 1.5, 0.8, 0.8, 1.2, 2.6


def draw_outline(dice: Dice, seed: int) -> Outline:
    """Draw how one annotator outlines.

    Args:
        dice: of the record, for the endplates.
        seed: of the record, for the other gaps, which have dice of their own.
    """
    own = Dice(make_generator(seed, "phantom", "outline"))
    return Outline(
        endplate_gap_mm=dice.uniform(0.0, _ENDPLATE_MM),
        wall_gap_mm=own.uniform(0.0, _WALL_MM),
        arch_gap_mm=own.uniform(0.0, _ARCH_MM),
        disc_gap_mm=own.uniform(0.0, _DISC_MM),
        canal_margin_mm=own.uniform(0.0, _CANAL_MM),
    )
