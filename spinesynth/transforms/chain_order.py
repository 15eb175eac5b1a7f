"""Which chains of stages can run: cut, shape, paint, then everything that happens to an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.transforms.transform import Transform

from spinesynth.transforms.base import RandomKernel
from spinesynth.transforms.chemical_shift import RandChemicalShift
from spinesynth.transforms.cluster_contrast import RandClusterContrast
from spinesynth.transforms.deform_patch import RandDeformPatch
from spinesynth.transforms.oblique_slice import RandObliqueSlice
from spinesynth.transforms.recipe import refuse_recipe
from spinesynth.transforms.sagittal_slice import RandSagittalSlice
from spinesynth.transforms.spatial import RandomSpatial
from spinesynth.transforms.tissue_painter import TissuePainter


def check_chain(stages: Sequence[Transform], patch_size: Sequence[int], *, place: str) -> None:
    """Refuse a chain that could not run, or would give something else than a patch.

    Args:
        stages: in the order in which they act.
        patch_size: of the image.
        place: what to name in an error.

    Raises:
        ConfigError: saying which stage stands wrong, or has no parameters for
            images of this many axes.
    """
    for stage in stages[1:]:
        if isinstance(stage, RandObliqueSlice | RandSagittalSlice):
            raise refuse_recipe(
                place,
                "must cut slices first (they are drawn where labels are), "
                f"got {type(stage).__name__} later",
            )
    makers = [type(stage).__name__ for stage in stages if isinstance(stage, RandDeformPatch)]
    if len(makers) != 1:
        raise refuse_recipe(
            place,
            "must have one stage that makes the patch, RandDeformPatch or RandObliqueSlice, "
            f"got {makers}",
        )
    paints = [n for n, stage in enumerate(stages) if isinstance(stage, TissuePainter)]
    if len(paints) != 1:
        raise refuse_recipe(
            place,
            f"must have one RandTissueContrast or other stage that paints, got {len(paints)}",
        )
    painter = type(stages[paints[0]]).__name__
    if painter == RandClusterContrast.__name__ and any(
        isinstance(stage, RandChemicalShift) for stage in stages
    ):
        raise refuse_recipe(place, "must not have RandChemicalShift: no cluster is known to be fat")
    for number, stage in enumerate(stages):
        if isinstance(stage, RandomSpatial) != (number < paints[0]) and number != paints[0]:
            raise refuse_recipe(
                place,
                f"must have spatial stages before {painter} and all others after it, "
                f"got {type(stage).__name__} as stage {number + 1}",
            )
    _check_axes(stages, patch_size, place)


def _check_axes(stages: Sequence[Transform], patch_size: Sequence[int], place: str) -> None:
    patch = torch.zeros(()).expand(1, *patch_size)
    for stage in stages:
        # the first stages see the map, whose size is not known yet
        if isinstance(stage, RandomKernel) and not isinstance(
            stage, RandDeformPatch | RandSagittalSlice
        ):
            try:
                stage.draw(patch)
            except ValueError as error:
                name = type(stage).__name__
                raise refuse_recipe(place, f"stage {name}: {error}") from None
