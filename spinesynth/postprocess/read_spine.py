"""Read a label map: clean it, tell vertebrae and discs apart, and name their levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.postprocess.cleaning import Cleaning
from spinesynth.postprocess.column import find_column
from spinesynth.postprocess.curve import SpineCurve
from spinesynth.postprocess.describe import describe_levels, describe_notes
from spinesynth.postprocess.levels import NamedLevel, name_levels
from spinesynth.postprocess.names import names_upwards
from spinesynth.postprocess.numbering import count_column
from spinesynth.postprocess.paint import mend_map, paint_instances, paint_posterior
from spinesynth.postprocess.parts import Codes, part_masks
from spinesynth.postprocess.pieces import FloatArray, find_pieces
from spinesynth.postprocess.reading import SpineReading

#: Pieces that are smaller are dropped, or not looked at; nominal, a cube of 5 mm.
LEAST_MM3 = 125.0


def read_spine(
    structures: Tensor,
    affine: Tensor,
    *,
    cleaning: Cleaning | None = None,
    lowest: str | None = None,
) -> SpineReading:
    """Clean a label map, number its vertebrae and discs, and name their levels.

    Levels are counted along the spine's own curve from the sacral end. Without sacrum they
    are ``unknown``, unless the lowest disc has no body below it though there is room, or
    ``lowest`` tells.

    Args:
        structures: uint8 ``(I, J, K)``, codes of ``Structure``, canonical axes (R, A, S).
        affine: ``(4, 4)`` voxel to world in mm, RAS.
        cleaning: what is mended; None for the default.
        lowest: name of the lowest vertebra in view, such as ``L5``, if a user knows it.

    Returns:
        Cleaned structures, instances, levels and notes.

    Raises:
        TypeError: if the map is not of an integer dtype.
        ValueError: if the map has not three axes, holds other codes, the affine is not
            ``(4, 4)`` and finite, or ``lowest`` is no level.

    Example:
        >>> from spinesynth.anatomy.phantom import draw_phantom, render_phantom
        >>> maps = render_phantom(draw_phantom(3), shape=(1, 100, 128), spacing_mm=(4.0, 2.0, 2.0))
        >>> reading = read_spine(maps.structure, maps.affine)
        >>> [level.name for level in reading.of_kind("vertebra")][:3]
        ['L5', 'L4', 'L3']
    """
    cleaning = Cleaning() if cleaning is None else cleaning
    codes, spacing_mm = _checked(structures, affine)
    if lowest is not None:
        names_upwards(lowest, 1)  # refuses a name that is none before anything is done
    if cleaning.small_objects:
        _drop_small(codes, spacing_mm)
    parts = part_masks(codes, spacing_mm)
    least = LEAST_MM3 if cleaning.small_objects else 0.0
    column = find_column(parts, spacing_mm, least_mm3=least, splits=cleaning.split_merged)
    instances = np.zeros(codes.shape, dtype=np.int32)
    curve: SpineCurve | None = None
    names: dict[int, NamedLevel] = {}
    notes: tuple[str, ...] = ("no vertebra and no disc found",)
    if column is not None:
        curve, counted = column.curve, count_column(column, parts, spacing_mm)
        paint_instances(codes, instances, counted, cleaning)
        paint_posterior(codes, instances, column, counted, parts.posterior)
        names = name_levels(counted, lowest)
        notes = describe_notes(column, counted, names, cleaning)
    mend_map(codes, instances, spacing_mm, cleaning, curve)
    levels = describe_levels(codes, instances, affine.double().numpy(), names)
    return SpineReading(torch.from_numpy(codes), torch.from_numpy(instances), levels, notes, curve)


def _checked(structures: Tensor, affine: Tensor) -> tuple[Codes, FloatArray]:
    """Return a copy of the codes and the voxel size, or raise."""
    plain = structures.detach().cpu().as_subclass(Tensor)
    if plain.is_floating_point() or plain.is_complex() or plain.dtype == torch.bool:
        raise TypeError(f"structures must be of an integer dtype, got {plain.dtype}")
    if plain.ndim != 3:
        raise ValueError(f"structures must be (I, J, K), got {tuple(plain.shape)}")
    unknown = sorted(set(torch.unique(plain).tolist()) - {int(code) for code in Structure})
    if unknown:
        raise ValueError(f"structures must hold codes of Structure, got {unknown}")
    if affine.shape != (4, 4) or not bool(torch.isfinite(affine).all()):
        raise ValueError(f"affine must be (4, 4) and finite, got {tuple(affine.shape)}")
    spacing = torch.linalg.vector_norm(affine[:3, :3].double(), dim=0)
    if not bool((spacing > 0).all()):
        raise ValueError(f"affine must have columns of a length > 0 mm, got {spacing.tolist()}")
    return plain.to(torch.uint8).numpy().copy(), np.asarray(spacing.numpy())


def _values(codes: npt.NDArray[np.integer[Any]]) -> list[int]:
    """Return the values of a map; by counting, which takes a tenth of sorting."""
    if codes.size and (codes.min() < 0 or codes.max() > 255):
        return [int(value) for value in np.unique(codes)]
    return [int(value) for value in np.flatnonzero(np.bincount(codes.ravel()))]


def _drop_small(codes: Codes, spacing_mm: FloatArray) -> None:
    """Take small pieces of each structure out of a map, in place."""
    for code in _values(codes):
        if code == Structure.BACKGROUND:
            continue
        for piece in find_pieces(codes == code, spacing_mm):
            if piece.volume_mm3 < LEAST_MM3:
                piece.paint(codes, int(Structure.BACKGROUND))
