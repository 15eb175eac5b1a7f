"""Masks of what is read in a map of structures; whole vertebrae give up their bodies."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from spinesynth.anatomy.structures import Structure
from spinesynth.postprocess.pieces import BoolArray, FloatArray

Codes = npt.NDArray[np.uint8]

_BODY = (Structure.VERTEBRAL_BODY, Structure.ENDPLATE)
_CANAL = (Structure.CANAL, Structure.CORD)
#: Depth of a body where nothing tells where it ends behind (L5 to T12, phantom/morphometry.py).
_BODY_DEPTH_MM = 34.0
_SMOOTHING_MM = 6.0  # of the wall behind the bodies, nominal
_DISC_BULGE_MM = 2.0  # by which discs may lie behind the wall, nominal


class Parts(NamedTuple):
    """Masks ``(I, J, K)`` of one map."""

    body: BoolArray
    posterior: BoolArray
    disc: BoolArray
    canal: BoolArray
    sacrum: BoolArray


def part_masks(codes: Codes, spacing_mm: FloatArray) -> Parts:
    """Return the masks of a map of ``Structure`` codes.

    Of whole vertebrae, what lies in front of the canal counts as body; without a canal, in
    front of the discs' rear; without either, the foremost 34 mm.

    Args:
        codes: ``(I, J, K)``, canonical axes.
        spacing_mm: voxel size, ``(3,)``.
    """
    body, canal = np.isin(codes, _BODY), np.isin(codes, _CANAL)
    disc, sacrum = codes == Structure.DISC, codes == Structure.SACRUM
    posterior = codes == Structure.POSTERIOR_ELEMENTS
    whole = codes == Structure.VERTEBRA
    if whole.any():
        wall = _wall(whole, disc, canal, spacing_mm)
        before = whole & (np.arange(codes.shape[1])[:, None] > wall)
        body, posterior = body | before, posterior | (whole & ~before)
    return Parts(body, posterior, disc, canal, sacrum)


def _wall(
    whole: BoolArray, disc: BoolArray, canal: BoolArray, spacing_mm: FloatArray
) -> FloatArray:
    """Return behind which voxel of axis A no body lies, at each height, ``(K,)``."""
    if canal.any():
        wall = _edge(canal, front=True)
    elif disc.any():
        wall = _edge(disc, front=False) - _DISC_BULGE_MM / spacing_mm[1]
    else:
        wall = _edge(whole, front=True) - _BODY_DEPTH_MM / spacing_mm[1]
    known = np.flatnonzero(np.isfinite(wall))
    filled = np.interp(np.arange(len(wall)), known, wall[known])
    return np.asarray(gaussian_filter1d(filled, _SMOOTHING_MM / spacing_mm[2], mode="nearest"))


def _edge(volume: BoolArray, *, front: bool) -> npt.NDArray[Any]:
    """Return the first or last voxel of each height ``(K,)`` of a mask ``(I, J, K)``, else NaN."""
    mask = np.asarray(volume.any(axis=0))
    index = mask.shape[0] - 1 - mask[::-1].argmax(axis=0) if front else mask.argmax(axis=0)
    return np.where(mask.any(axis=0), index.astype(float), np.nan)
