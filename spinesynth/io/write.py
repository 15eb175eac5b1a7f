"""Write volumes on the grid of their source, verified by reading them again.

NIfTI is written with nibabel (SimpleITK reports no error on a full disk and
leaves a cut file), MetaImage with SimpleITK, and all read back by our own readers.
"""

from __future__ import annotations

import gzip
import importlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from torch import Tensor

from spinesynth.errors import InputError, OutputError
from spinesynth.io.atomic import atomic_write
from spinesynth.io.deshear import to_sheared
from spinesynth.io.input_rules import InputRules
from spinesynth.io.nrrd_write import write_nrrd
from spinesynth.io.orientation import corner_distance_mm, from_ras
from spinesynth.io.raw_volume import LPS_TO_RAS, MAX_SHEAR, Affine, Array, shear_of
from spinesynth.io.volume import SHEARED_AFFINE, SHEARED_SHAPE, read_raw

if TYPE_CHECKING:
    from monai.data.meta_tensor import MetaTensor

__all__ = ["atomic_write", "on_source_grid", "write_volume"]

#: Corner voxels may move this far when an affine is stored in a file.
_STORED_TOLERANCE_MM = 1e-3

# nibabel annotates few of its functions
_NIFTI_IMAGE: Any = nibabel.Nifti1Image

#: NIfTI form code 1: coordinates of the scanner.
_SCANNER = 1


def write_volume(
    path: Path | str,
    tensor: Tensor,
    *,
    like: MetaTensor,
    fields: Mapping[str, str] | None = None,
) -> None:
    """Write a canonical volume on the grid and in the axis order of its source.

    Args:
        path: ``.nii``, ``.nii.gz``, ``.mha`` or ``.nrrd``; replaced only by a complete
            file. The same volume gives the same bytes.
        tensor: (I, J, K) or (1, I, J, K) on the canonical grid of ``like``.
        like: volume from :mod:`spinesynth.io.volume`, whose ``meta`` names the
            source's grid; without it the canonical grid is written.
        fields: key/value pairs for the header of a format that has them (NRRD).

    Raises:
        OutputError: if the file cannot be written and read back equal, would
            overwrite the source, or has an unknown type.
        ValueError: if the tensor is not on the grid of ``like`` or not finite.
    """
    path = Path(path)
    writer = next((w for suffix, w in _WRITERS.items() if path.name.lower().endswith(suffix)), None)
    if writer is None:
        raise OutputError(
            f"{path}: file type must be one of {', '.join(_WRITERS)}; choose one of them",
            code="E-OUT-003",
        )
    _check_not_source(path, like)
    voxels, affine = on_source_grid(tensor, like)
    if writer is write_nrrd:
        writer = partial(write_nrrd, fields=fields)
    with atomic_write(path) as temporary:
        writer(temporary, voxels, affine)
        _verify(path, temporary, voxels, affine)


def on_source_grid(tensor: Tensor, like: MetaTensor) -> tuple[Array, Affine]:
    """Return voxels in the source's axis order, and the source's affine.

    Args:
        tensor: (I, J, K) or (1, I, J, K) on the canonical grid of ``like``.
        like: as of :func:`write_volume`.

    Raises:
        ValueError: if the tensor is not on the grid of ``like`` or not finite.
    """
    shape = tuple(like.shape[-3:])
    if tuple(tensor.shape) not in {shape, (1, *shape)}:
        raise ValueError(
            f"tensor must have the shape of like {shape}, got {tuple(tensor.shape)}; "
            f"bring it back to the source's canonical grid first"
        )
    canonical = _storable(tensor.detach().cpu().numpy().reshape(shape))
    if "source_affine" not in like.meta:
        return canonical, like.affine.cpu().numpy().astype(np.float64)
    affine: Affine = np.asarray(like.meta["source_affine"], dtype=np.float64)
    voxels = from_ras(canonical, affine)
    expected = tuple(int(size) for size in like.meta["source_shape"])
    if voxels.shape != expected:
        raise ValueError(
            f"tensor must fit the source's grid {expected}, got {voxels.shape}; "
            f"undo cropping and resampling first"
        )
    if SHEARED_AFFINE not in like.meta:
        return voxels, affine
    sheared: Affine = np.asarray(like.meta[SHEARED_AFFINE], dtype=np.float64)
    shape = tuple(int(size) for size in like.meta[SHEARED_SHAPE])
    return to_sheared(voxels, affine, sheared=sheared, shape=shape), sheared


def _storable(values: Array) -> Array:
    """Return the values in a type that every reader of the formats knows."""
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError("tensor must be finite, got NaN or infinity; nothing was written")
        return values.astype(np.float32)
    if values.dtype.kind not in "biu":
        raise ValueError(f"tensor must be boolean, integer or float, got {values.dtype}")
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    for candidate in (values.dtype, np.dtype(np.int32)):
        limits = np.iinfo(candidate)
        if candidate.itemsize <= 4 and limits.min <= low and high <= limits.max:
            return values.astype(candidate)
    raise ValueError(f"integers must fit 32 bits, got [{low}, {high}]")


def _write_nifti(path: Path, voxels: Array, affine: Affine) -> None:
    image = _NIFTI_IMAGE(voxels, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=_SCANNER)
    if shear_of(affine) <= MAX_SHEAR:  # a qform cannot hold more
        image.set_qform(affine, code=_SCANNER)
    content = image.to_bytes()
    if path.name.lower().endswith(".gz"):
        content = gzip.compress(content, mtime=0)  # no time stamp: equal bytes
    path.write_bytes(content)


def _write_metaimage(path: Path, voxels: Array, affine: Affine) -> None:
    sitk: Any = importlib.import_module("SimpleITK")  # heavy, and only needed here
    lps = LPS_TO_RAS @ affine
    spacing_mm = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(voxels.transpose(2, 1, 0))
    image.SetSpacing(spacing_mm.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing_mm).ravel().tolist())
    try:
        sitk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        raise OSError(str(error).strip().splitlines()[-1]) from error


_WRITERS: dict[str, Callable[[Path, Array, Affine], None]] = {
    ".nii": _write_nifti,
    ".nii.gz": _write_nifti,
    ".mha": _write_metaimage,
    ".nrrd": write_nrrd,
}


def _verify(path: Path, temporary: Path, voxels: Array, affine: Affine) -> None:
    """Read the file again and compare every voxel and the corners' places."""
    try:
        written = read_raw(temporary, InputRules(deshear=True))
    except InputError as error:
        raise _not_verified(path, str(error)) from error
    if not np.array_equal(written.voxels, voxels):
        raise _not_verified(path, "voxels differ")
    moved_mm = corner_distance_mm(written.affine, affine, voxels.shape)
    if moved_mm > _STORED_TOLERANCE_MM:
        raise _not_verified(path, f"voxels moved by up to {moved_mm:.4g} mm")


def _not_verified(path: Path, why: str) -> OutputError:
    return OutputError(
        f"{path}: what was written could not be read back ({why}); "
        f"check the disk's free space and the grid's orientation",
        code="E-OUT-001",
    )


def _check_not_source(path: Path, like: MetaTensor) -> None:
    source = Path(str(like.meta.get("source_path", "")))
    if path.exists() and source.is_file() and os.path.samefile(path, source):
        raise OutputError(
            f"{path}: output would overwrite its own input; choose another name",
            code="E-OUT-002",
        )
