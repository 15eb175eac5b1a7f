"""Take a volume that is in memory already, by the rules that hold for files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spinesynth.io.input_rules import (
    MAGNITUDE_NOTE,
    MAGNITUDE_REMEDY,
    PLAIN,
    InputRules,
)
from spinesynth.io.layout import find_layout
from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import Affine, Array, RawVolume, check_affine
from spinesynth.io.single_slice import place_slice

#: What messages call it.
_NAME = Path("array")


def take_array(voxels: Array, affine: Affine, rules: InputRules = PLAIN) -> RawVolume:
    """Return voxels with their affine as a volume, or refuse them.

    Args:
        voxels: ``(I, J, K)``; by the rules also ``(I, J)``, or ``(I, J, K, volumes)``.
        affine: 4x4, voxel index to world mm (RAS+).
        rules: what of unusual scans is read.

    Raises:
        InputFileError: if they are no volume by these rules.

    Example:
        >>> take_array(np.ones((9, 9, 9, 2)), np.eye(4), InputRules(volume=1)).voxels.shape
        (9, 9, 9)
    """
    layout = find_layout(_NAME, voxels.shape, rules)
    converted = layout.converted
    volume = voxels.reshape(*layout.shape, -1)[..., layout.chosen]
    if layout.is_slice:
        spacing_mm = np.linalg.norm(affine[:3, :2], axis=0)
        affine, told = place_slice(_NAME, spacing_mm, affine)
        converted += told
    check_affine(_NAME, affine, sheared=rules.deshear)
    if np.iscomplexobj(volume):
        if not rules.magnitude:
            raise InputFileError(
                _NAME, "voxels are complex numbers", remedy=MAGNITUDE_REMEDY, code="E-FMT-006"
            )
        volume, converted = np.abs(volume), (*converted, MAGNITUDE_NOTE)
    return RawVolume(_NAME, volume, affine, converted=converted)
