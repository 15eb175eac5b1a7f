"""Write what was counted into the maps, and mend them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from spinesynth.anatomy.structures import Structure
from spinesynth.postprocess.canal_section import convex_sections
from spinesynth.postprocess.cleaning import Cleaning
from spinesynth.postprocess.column import Column
from spinesynth.postprocess.curve import SpineCurve
from spinesynth.postprocess.mend import continuous_canal, holes
from spinesynth.postprocess.numbering import Counted
from spinesynth.postprocess.parts import Codes
from spinesynth.postprocess.pieces import BoolArray, FloatArray, Piece
from spinesynth.postprocess.posterior import share_posterior
from spinesynth.postprocess.reading import CANAL_INSTANCE, DISC_OFFSET

Instances = npt.NDArray[np.int32]
_BACKGROUND = int(Structure.BACKGROUND)
_AS_LARGE = 0.5  # of the largest piece: then a piece is kept beside it; nominal
_CANAL = (Structure.CANAL, Structure.CORD)
#: Whose holes are filled, and whether by instance.
_FILLED = (
    Structure.VERTEBRAL_BODY,
    Structure.VERTEBRA,
    Structure.DISC,
    Structure.CANAL,
    Structure.SACRUM,
)


def paint_instances(
    codes: Codes, instances: Instances, counted: Counted, cleaning: Cleaning
) -> None:
    """Write bodies and discs into the maps, in place.

    Args:
        codes: ``(I, J, K)``; pieces that are dropped become background.
        instances: of the same shape.
        counted: the column.
        cleaning: what is dropped.
    """
    for number, body in counted.bodies.items():
        _paint(codes, instances, body.pieces, number, cleaning)
    for number, pieces in counted.discs.items():
        _paint(codes, instances, pieces, DISC_OFFSET + number, cleaning)
    for piece in counted.lost if cleaning.anatomical_order else ():
        piece.paint(codes, _BACKGROUND)


def _paint(
    codes: Codes,
    instances: Instances,
    pieces: tuple[Piece, ...] | list[Piece],
    number: int,
    cleaning: Cleaning,
) -> None:
    """Write the pieces of one instance, the largest alone if it is cleaned."""
    main, *others = pieces
    main.paint(instances, number)
    for piece in others:
        if cleaning.largest_component and piece.volume_mm3 < _AS_LARGE * main.volume_mm3:
            piece.paint(codes, _BACKGROUND)
        else:
            piece.paint(instances, number)


def paint_posterior(
    codes: Codes, instances: Instances, column: Column, counted: Counted, posterior: BoolArray
) -> None:
    """Write the vertebrae of posterior elements into the instance map, in place.

    Args:
        codes: ``(I, J, K)``.
        instances: of the same shape.
        column: with its curve.
        counted: its bodies by number.
        posterior: mask of the same shape.
    """
    if not counted.bodies:
        return
    shares = share_posterior(
        posterior & (codes > 0),
        column.spacing_mm,
        column.curve,
        numbers=list(counted.bodies),
        arcs_mm=[body.arc_mm for body in counted.bodies.values()],
        pitch_mm=column.pitch_mm,
    )
    np.copyto(instances, shares, where=shares > 0)


def mend_map(
    codes: Codes,
    instances: Instances,
    spacing_mm: FloatArray,
    cleaning: Cleaning,
    curve: SpineCurve | None,
) -> None:
    """Make the canal continuous and whole and fill holes, in place; number the canal.

    Args:
        codes: ``(I, J, K)``.
        instances: of the same shape.
        spacing_mm: voxel size, ``(3,)``.
        cleaning: what is mended.
        curve: of the spine; None without one.
    """
    if cleaning.canal_continuity:
        canal = np.isin(codes, _CANAL)
        kept, added = continuous_canal(canal, codes == _BACKGROUND, spacing_mm, curve)
        codes[canal & ~kept] = _BACKGROUND
        codes[added] = Structure.CANAL
    if cleaning.canal_sections:
        canal = np.isin(codes, _CANAL)
        codes[convex_sections(canal, codes == _BACKGROUND, spacing_mm)] = Structure.CANAL
    if cleaning.fill_holes:
        _fill(codes, instances, spacing_mm)
    instances[np.isin(codes, _CANAL)] = CANAL_INSTANCE


def _fill(codes: Codes, instances: Instances, spacing_mm: FloatArray) -> None:
    """Fill the holes of each structure, of counted ones by instance."""
    for structure in _FILLED:
        mask = codes == structure
        if not mask.any():
            continue
        numbers = instances * mask + mask  # 1 for what has no instance, 0 for what is not this
        for number, box in enumerate(ndimage.find_objects(numbers)):
            if box is None:
                continue
            added = holes(numbers[box] == number + 1, codes[box] == _BACKGROUND, spacing_mm)
            codes[box][added], instances[box][added] = structure, number
