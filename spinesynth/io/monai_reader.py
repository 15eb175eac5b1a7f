"""Let MONAI's ``LoadImage`` read ``.mha`` without the ``itk`` wheel.

``LoadImage`` alone needs ``itk`` for MetaImage files, and fails without it with
a misleading DICOM error. Pass this reader explicitly::

    LoadImaged(keys=("image", "label"), reader=MetaImageReader(), ensure_channel_first=True)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config.type_definitions import PathLike
from monai.data.image_reader import ImageReader
from monai.utils.enums import SpaceKeys

from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import Array, RawVolume
from spinesynth.io.volume import read_raw

_SUFFIXES = (".mha", ".nii", ".nii.gz")


class MetaImageReader(ImageReader):
    """Read ``.mha`` and NIfTI as strictly as :mod:`spinesynth.io.volume` does.

    Voxels keep the order of the file and the affine is RAS, as MONAI's own
    readers have it: follow it with ``Orientation("RAS")``.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Say whether this reader takes all the files."""
        return all(str(name).lower().endswith(_SUFFIXES) for name in _several(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: object) -> list[RawVolume]:
        """Read one file, or several that are stacked as channels.

        Raises:
            InputFileError: if a file is refused; names it and the remedy.
        """
        return [read_raw(Path(str(name))) for name in _several(data)]

    def get_data(self, img: list[RawVolume]) -> tuple[Array, dict[str, Any]]:
        """Return voxels and the meta data that MONAI's transforms need.

        Args:
            img: from :meth:`read`.

        Returns:
            Array (I, J, K), or (C, I, J, K) for several files, in file order;
            dictionary with ``affine`` (RAS), ``spatial_shape`` and others.

        Raises:
            InputFileError: if several files lie on different grids.
        """
        first = img[0]
        for other in img[1:]:
            same_shape = other.voxels.shape == first.voxels.shape
            if not (same_shape and np.allclose(other.affine, first.affine, rtol=0, atol=1e-3)):
                raise InputFileError(
                    other.path,
                    f"not on the grid of {first.path}",
                    remedy="give files on one grid to stack them as channels",
                    code="E-GEOM-003",
                )
        voxels = first.voxels if len(img) == 1 else np.stack([one.voxels for one in img])
        meta = {
            "affine": first.affine,
            "original_affine": first.affine.copy(),
            "space": SpaceKeys.RAS,
            "spatial_shape": np.asarray(first.voxels.shape),
            "original_channel_dim": float("nan") if len(img) == 1 else 0,
            "filename_or_obj": str(first.path),
        }
        return np.array(voxels, dtype=voxels.dtype.newbyteorder("=")), meta


def _several(names: Sequence[PathLike] | PathLike) -> list[PathLike]:
    return [names] if isinstance(names, str | os.PathLike) else list(names)
