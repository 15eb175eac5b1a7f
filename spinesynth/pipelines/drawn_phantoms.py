"""Phantoms that a training paints over, rendered once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from numpy.typing import NDArray

from spinesynth.anatomy.phantom import render_phantom
from spinesynth.anatomy.phantom.traits import Trait, draw_without, tissue_without
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import OutputError
from spinesynth.pipelines.centre_target import BodyCentresd
from spinesynth.pipelines.process_pool import run_each
from spinesynth.transforms.base import as_plain

_MANY_PHANTOMS = 16  # from here on, starting processes costs less than they save
#: Both flanks of the body with 100 mm, a little more than the widest sagittal stacks show.
_PHANTOM_SHAPE, _PHANTOM_SPACING_MM = (50, 240, 300), (2.0, 1.0, 1.0)


def draw_phantoms(
    seeds: Sequence[int], *, without: Sequence[Trait], centres: BodyCentresd | None
) -> list[dict[str, Any]]:
    """Render the maps of phantoms, as the cached part of cases.

    Args:
        seeds: one for each phantom.
        without: traits that they lack.
        centres: keep what it makes of the vertebral bodies too.

    Returns:
        ``label``, ``tissue`` and, if asked for, ``bodies`` or ``centre`` of each,
        ``(1, I, J, K)``.
    """
    if not seeds:
        return []
    render = partial(_render_maps, without=tuple(without), centres=centres)
    workers = os.cpu_count() or 1 if len(seeds) >= _MANY_PHANTOMS else 1
    try:
        rendered = run_each(render, seeds, workers=workers, title="phantoms")
    except OutputError:  # processes cannot start from a script without a main guard
        rendered = run_each(render, seeds, workers=1, title="phantoms, one process")
    return [
        {
            name: MetaTensor(torch.from_numpy(voxels)[None], affine=torch.from_numpy(affine))
            for name, voxels in maps.items()
        }
        for maps, affine in rendered
    ]


def _render_maps(
    seed: int, *, without: Sequence[Trait], centres: BodyCentresd | None
) -> tuple[dict[str, NDArray[np.uint8]], NDArray[np.float64]]:
    """Return maps and affine of a phantom as arrays, which pass between processes."""
    record = draw_without(seed, without)
    maps = render_phantom(record, shape=_PHANTOM_SHAPE, spacing_mm=_PHANTOM_SPACING_MM)
    tissue = tissue_without(maps, without)
    arrays = {"label": maps.structure.numpy(), "tissue": tissue.numpy()}
    if centres is not None:
        bodies = maps.instance * (maps.structure == Structure.VERTEBRAL_BODY)
        kept = centres.kept(MetaTensor(bodies[None], affine=maps.affine))
        arrays |= {name: as_plain(value)[0].numpy() for name, value in kept.items()}
    return arrays, maps.affine.numpy()
