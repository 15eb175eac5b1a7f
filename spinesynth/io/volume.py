"""Read one image or label map as a canonical RAS tensor, or refuse it.

Canonical: tensor (1, I, J, K), axes increasing to Right, Anterior, Superior.
``meta`` remembers the source's grid (``source_path``, ``source_affine``,
``source_shape``, ``source_orientation``), so that
:func:`spinesynth.io.write.write_volume` can go back to it; of DICOM also
``source_series_uid``, and ``source_notes`` of what was dropped or accepted. What was made of
an unusual scan because somebody asked for it stands in ``source_converted``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.utils.enums import SpaceKeys

from spinesynth.io.deshear import without_shear
from spinesynth.io.dicom import read_dicom
from spinesynth.io.dicom_members import has_dicom_magic
from spinesynth.io.dicom_series import DicomChoices
from spinesynth.io.input_rules import PLAIN, InputRules
from spinesynth.io.metaimage import read_metaimage
from spinesynth.io.nifti import read_nifti
from spinesynth.io.nrrd import read_nrrd
from spinesynth.io.orientation import axis_names, corner_distance_mm, to_ras
from spinesynth.io.problems import InputFileError, unreadable
from spinesynth.io.raw_volume import Affine, Array, RawVolume, check_file

_LOG = logging.getLogger(__name__)

_READERS: dict[str, Callable[[Path, InputRules], RawVolume]] = {
    ".nii": read_nifti,
    ".nii.gz": read_nifti,
    ".mha": read_metaimage,
    ".mhd": read_metaimage,
    ".nrrd": read_nrrd,
    ".nhdr": read_nrrd,
}
#: A folder, and a file that begins as DICOM does, are read the same way.
DICOM_SUFFIXES = (".dcm", ".ima", ".zip")
#: Ends of the names of files that are read, the longest first.
IMAGE_SUFFIXES = tuple(sorted(_READERS, key=len, reverse=True))

#: Keys of ``meta`` for the grid of a file whose axes are not orthogonal.
SHEARED_AFFINE, SHEARED_SHAPE = "source_sheared_affine", "source_sheared_shape"

#: In-plane voxels below which no spine is to be seen, and below which few are.
_MIN_IN_PLANE = 8
_FEW_IN_PLANE = 32

#: Largest distance of a stored label value from an integer.
_INTEGER_TOLERANCE = 1e-4

#: Largest label code: SPIDER's go to 209, no scheme needs more than 16 bits.
_MAX_LABEL = 2**16 - 1


def read_raw(
    path: Path | str, rules: InputRules = PLAIN, **choices: Unpack[DicomChoices]
) -> RawVolume:
    """Read a volume in the order of its file, choosing the reader by suffix.

    Args:
        path: ``.nii``, ``.nii.gz``, ``.mha``, or DICOM: a folder, a ``.zip`` of one, a file.
        rules: what of unusual scans is read.
        **choices: of DICOM, instead of those of the rules: ``series_uid``,
            ``untrusted``, ``allow_nonuniform``; see
            :class:`~spinesynth.io.dicom_series.DicomChoices`. Other formats ignore them.

    Raises:
        InputFileError: if the type is not supported or the file is refused.
        ConfigError: if DICOM is given but the extra is not installed.
    """
    path = Path(path)
    suffix = next((name for name in _READERS if path.name.lower().endswith(name)), None)
    try:
        if suffix is not None:
            return _READERS[suffix](path, rules)
        if _is_dicom(path):
            known: DicomChoices = {
                "series_uid": rules.series_uid, "allow_nonuniform": rules.allow_nonuniform
            }  # fmt: skip
            known.update(choices)
            return read_dicom(path, **known)
        if not path.exists():
            check_file(path)
    except OSError as error:
        raise unreadable(path, error) from error
    raise InputFileError(
        path,
        f"file type must be one of {', '.join((*_READERS, *DICOM_SUFFIXES))} or a folder of "
        f"DICOM files, got '{path.suffix}'",
        remedy="convert it to .nii.gz, .nrrd or .mha",
        code="E-IN-003",
    )


def _is_dicom(path: Path) -> bool:
    return path.is_dir() or path.name.lower().endswith(DICOM_SUFFIXES) or has_dicom_magic(path)


def read_image(
    path: Path | str, rules: InputRules = PLAIN, **choices: Unpack[DicomChoices]
) -> MetaTensor:
    """Read an image as a canonical RAS volume.

    Args:
        path: ``.nii``, ``.nii.gz``, ``.mha``, ``.mhd``, ``.nrrd``, ``.nhdr``, or DICOM:
            a folder, a ``.zip`` of one, a file.
        rules: what of unusual scans is read.
        **choices: of DICOM, as :func:`read_raw` takes them.

    Returns:
        float32 (1, I, J, K), finite, not constant.

    Raises:
        InputFileError: if the file is refused; names it and the remedy.
        ConfigError: if DICOM is given but the extra is not installed.
    """
    return canonical_image(read_raw(path, rules, **choices), rules)


def canonical_image(raw: RawVolume, rules: InputRules = PLAIN) -> MetaTensor:
    """Turn a volume to RAS as :func:`read_image` does, whatever it was read from.

    Args:
        raw: voxels with their affine, already checked as
            :func:`spinesynth.io.raw_volume.check_affine` does.
        rules: what of unusual scans is read.

    Returns:
        float32 (1, I, J, K), finite, not constant.

    Raises:
        InputFileError: if it holds no signal or is too small; names its path.
    """
    if rules.fill_nonfinite is not None:
        raw = _filled(raw)
    _check_intensities(raw)
    _check_extent(raw)
    if not rules.deshear:
        return canonical_tensor(raw, np.float32)
    upright = without_shear(raw)
    image = canonical_tensor(upright, np.float32)
    if upright is not raw:
        image.meta |= {
            SHEARED_AFFINE: torch.from_numpy(raw.affine.copy()),
            SHEARED_SHAPE: tuple(int(size) for size in raw.voxels.shape),
        }
    return image


def read_label(path: Path | str) -> MetaTensor:
    """Read a label or instance map as a canonical RAS volume.

    Args:
        path: as of :func:`read_image`; integers, of any voxel type.

    Returns:
        int32 (1, I, J, K), values in [0, 65535].

    Raises:
        InputFileError: if the file is refused; names it and the remedy.
    """
    raw = read_raw(path)
    if raw.voxels.dtype.kind == "f":
        raw = replace(raw, voxels=_rounded(raw))
    low, high = int(raw.voxels.min()), int(raw.voxels.max())
    if low < 0 or high > _MAX_LABEL:
        raise InputFileError(
            raw.path,
            f"label codes must be in [0, {_MAX_LABEL}], got [{low}, {high}]",
            remedy="give a label map, not an image, or map its codes first",
            code="E-LAB-003",
        )
    return canonical_tensor(raw, np.int32)


def canonical_tensor(raw: RawVolume, dtype: type[np.generic]) -> MetaTensor:
    """Turn a volume to RAS as a (1, I, J, K) tensor, remembering its own grid."""
    voxels, affine = to_ras(raw.voxels, raw.affine)
    tensor = torch.from_numpy(np.array(voxels, dtype=dtype, order="C"))[None]
    meta: dict[str, object] = {
        "source_path": str(raw.path),
        "source_affine": torch.from_numpy(raw.affine.copy()),
        "source_shape": tuple(int(size) for size in raw.voxels.shape),
        "source_orientation": axis_names(raw.affine),
        "space": SpaceKeys.RAS,
    }
    if raw.series_uid:
        meta |= {"source_series_uid": raw.series_uid, "source_notes": list(raw.notes)}
    if raw.converted:
        meta["source_converted"] = list(raw.converted)
    return MetaTensor(tensor, affine=torch.from_numpy(affine), meta=meta)


def grid_difference_mm(first: MetaTensor, second: MetaTensor) -> float:
    """Return how far apart two grids place their corner voxels.

    Args:
        first: (1, I, J, K) with affine.
        second: (1, I, J, K) with affine.

    Returns:
        Largest distance in mm over the eight corners, infinite if shapes differ.
    """
    shape = tuple(first.shape)
    if shape != tuple(second.shape):
        return float("inf")
    return corner_distance_mm(_numpy(first.affine), _numpy(second.affine), shape[1:])


def _numpy(affine: torch.Tensor) -> Affine:
    return np.asarray(affine.detach().cpu().numpy(), dtype=np.float64)


def _check_intensities(raw: RawVolume) -> None:
    """Refuse voxels that are not finite, and an image without any signal."""
    if raw.voxels.dtype.kind == "f":
        bad = ~np.isfinite(raw.voxels)
        count = int(bad.sum())
        if count:
            first = tuple(int(index) for index in np.argwhere(bad)[0])
            raise InputFileError(
                raw.path,
                f"{count} of {raw.voxels.size} voxels are not finite, the first at index {first}",
                remedy="replace NaN and infinity, as spinesynth predict --fill-nonfinite median "
                "does",
                code="E-VAL-001",
            )
    low, high = float(raw.voxels.min()), float(raw.voxels.max())
    if low == high:
        raise InputFileError(
            raw.path,
            f"the image is constant ({low:g}), there is no signal",
            remedy="check the export of this scan",
            code="E-VAL-002",
        )


def _filled(raw: RawVolume) -> RawVolume:
    """Return an image whose voxels that are not finite have the median of the others."""
    bad = ~np.isfinite(raw.voxels)
    count = int(bad.sum())
    if not count or count == raw.voxels.size:
        return raw
    median = float(np.median(raw.voxels[~bad]))
    note = f"{count} of {raw.voxels.size} voxels were not finite, they have the median {median:g}"
    return replace(raw, voxels=np.where(bad, median, raw.voxels), converted=(*raw.converted, note))


def _check_extent(raw: RawVolume) -> None:
    """Refuse an image too small in-plane to hold anything; warn about small ones."""
    in_plane = sorted(raw.voxels.shape)[1]
    if in_plane < _MIN_IN_PLANE:
        raise InputFileError(
            raw.path,
            f"the image must have at least {_MIN_IN_PLANE} voxels in-plane, "
            f"got shape {raw.voxels.shape}",
            remedy="give a whole scan",
            code="E-GEOM-008",
        )
    if in_plane < _FEW_IN_PLANE:
        _LOG.warning("%s: only %d voxels in-plane", raw.path, in_plane)


def _rounded(raw: RawVolume) -> Array:
    """Return float labels as integers, refusing those that are none."""
    bad = ~np.isfinite(raw.voxels)
    if bad.any():
        raise InputFileError(
            raw.path,
            f"{int(bad.sum())} label values are not finite",
            remedy="export the label map with integers",
            code="E-VAL-001",
        )
    rounded = np.rint(raw.voxels)
    off = np.abs(raw.voxels - rounded)
    if off.max() > _INTEGER_TOLERANCE:
        worst = float(raw.voxels.flat[int(off.argmax())])
        raise InputFileError(
            raw.path,
            f"label values must be integers, got {worst:g}",
            remedy="export integer codes (label maps are resampled with nearest neighbour only)",
            code="E-LAB-002",
        )
    clipped: Array = np.clip(rounded, -1, _MAX_LABEL + 1).astype(np.int64)
    return clipped
