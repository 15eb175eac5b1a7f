"""Phantoms without one of their traits, to ask what the trait is worth in training.

============== ================================================================
trait          without it
============== ================================================================
pathology      the same persons without findings
curvature      every spine has the mean lordosis and no scoliosis
placement      every field of view is centred on L3 and lies straight
surroundings   whatever has no label is air: one black background
cortex         bone has no dark shell
============== ================================================================
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal, get_args

from torch import Tensor

from spinesynth.anatomy.phantom.draw import draw_phantom
from spinesynth.anatomy.phantom.parameters import PhantomRecord, Placement
from spinesynth.anatomy.phantom.render import PhantomMaps
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

Trait = Literal["pathology", "curvature", "placement", "surroundings", "cortex"]
TRAITS: tuple[Trait, ...] = get_args(Trait)
#: Middle of L3, the third vertebra above S1, as most lumbar protocols are centred; nominal.
_STRAIGHT = Placement(centre_level=2.5, offset_mm=(0.0, 0.0, 0.0), rotation_deg=(0.0, 0.0, 0.0))


def draw_without(seed: int, without: Collection[Trait]) -> PhantomRecord:
    """Draw a phantom without some traits of its anatomy.

    Args:
        seed: of :func:`draw_phantom`; what is left is drawn as it would be.
        without: traits; those of the tissue map do not matter here.

    Raises:
        ValueError: if there is no such trait.
    """
    _check(without)
    record = draw_phantom(
        seed, pathology="pathology" not in without, curvature="curvature" not in without
    )
    return replace(record, placement=_STRAIGHT) if "placement" in without else record


def tissue_without(maps: PhantomMaps, without: Collection[Trait]) -> Tensor:
    """Return the tissue map without some traits, uint8 ``(I, J, K)``; the maps stay as they are.

    Args:
        maps: of a phantom.
        without: traits; those of the anatomy do not matter here.

    Raises:
        ValueError: if there is no such trait.
    """
    _check(without)
    tissue = maps.tissue
    if "cortex" in without:
        tissue = tissue.masked_fill(tissue == Tissue.CORTEX, int(Tissue.MARROW_BODY))
    if "surroundings" in without:
        tissue = tissue.masked_fill(maps.structure == Structure.BACKGROUND, int(Tissue.AIR))
    return tissue


def _check(without: Collection[Trait]) -> None:
    unknown = sorted(set(without) - set(TRAITS))
    if unknown:
        raise ValueError(f"without must name traits of {TRAITS}, got {unknown}")
