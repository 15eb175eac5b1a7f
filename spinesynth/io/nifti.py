"""Read NIfTI strictly: every byte is accounted for before a voxel is believed.

Neither common library is safe alone: SimpleITK fills the missing part of a cut
file with zeros, nibabel never checks the checksum of a ``.nii.gz``. Here the
file is decompressed to its end (checksum, exact length), the header is checked
as it was written, and nibabel only interprets it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError

from spinesynth.io.gzip_stream import GZIP_MAGIC, inflate_exactly
from spinesynth.io.input_rules import MAGNITUDE_NOTE, MAGNITUDE_REMEDY, PLAIN, InputRules
from spinesynth.io.layout import find_layout
from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import (
    MAX_ABS_VALUE,
    MAX_SHEAR,
    Affine,
    Array,
    RawVolume,
    check_affine,
    check_file,
    check_spacing,
    shear_of,
)
from spinesynth.io.single_slice import place_slice

_LOG = logging.getLogger(__name__)

# nibabel annotates few of its functions, hence Any
_Header = Any
_HEADER_CLASSES: dict[int, Any] = {348: nibabel.Nifti1Header, 540: nibabel.Nifti2Header}
_SINGLE_FILE_MAGICS = {348: b"n+1\0", 540: b"n+2\0\r\n\x1a\n"}
_MAGIC_OFFSETS = {348: 344, 540: 4}
#: Bytes that hold the longest header.
_LONGEST_HEADER = 540

#: NIfTI datatype codes of integers and floats of up to 64 bits, and names of the others.
_SCALAR_TYPES = frozenset({2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280})
#: Those of complex numbers of up to 64 bits a part.
_COMPLEX_TYPES = frozenset({32, 1792})
_OTHER_TYPES = {
    1: "single bits",
    32: "complex64",
    128: "colour (RGB)",
    1536: "float128",
    1792: "complex128",
    2048: "complex256",
    2304: "colour (RGBA)",
}

#: NIfTI unit codes of space (xyzt_units & 7): 0 unknown, 1 m, 2 mm, 3 micrometre.
_NOT_MM = {1: "metres", 3: "micrometres"}

#: Fraction by which header fields may contradict each other about geometry, and up to which
#: they differ by rounding alone: four digits of a number, as some writers keep.
_GEOMETRY_TOLERANCE = 0.01
_ROUNDING = 1e-3


def read_nifti(path: Path, rules: InputRules = PLAIN) -> RawVolume:
    """Read a single-file NIfTI-1 or NIfTI-2 volume (.nii, .nii.gz).

    Args:
        path: the file.
        rules: what of unusual scans is read.

    Returns:
        Voxels in file order with the header's scaling applied, RAS affine.

    Raises:
        InputFileError: if anything about the file is wrong; names the remedy.
    """
    check_file(path)
    content = _read_bytes(path, rules)
    header = _parse_header(path, content, rules)
    layout = find_layout(path, _dimensions(path, header), rules)
    _check_unit(path, header)
    converted = layout.converted
    if layout.is_slice:
        affine, told = _slice_affine(path, header)
        converted += told
        check_affine(path, affine, sheared=rules.deshear)
    else:
        affine = _affine(path, header, rules)
    offset = int(header["vox_offset"])
    voxels = layout.pick(np.frombuffer(content, dtype=header.get_data_dtype(), offset=offset))
    voxels = _scaled(path, header, voxels)
    if voxels.dtype.kind == "c":
        voxels, converted = np.abs(voxels), (*converted, MAGNITUDE_NOTE)
    return RawVolume(path, voxels, affine, converted=converted)


def _read_bytes(path: Path, rules: InputRules) -> bytes:
    """Return the decompressed file, its length checked against its header."""
    with path.open("rb") as stream:
        start = stream.read(len(GZIP_MAGIC))
    is_gzip = start == GZIP_MAGIC
    if path.name.lower().endswith(".gz") != is_gzip:
        other = path.name[:-3] if path.name.lower().endswith(".gz") else path.name + ".gz"
        raise InputFileError(
            path,
            f"the contents are {'' if is_gzip else 'not '}gzip-compressed, unlike the name says",
            remedy=f"if it is a NIfTI file at all, rename it to {other}",
            code="E-FMT-001",
        )

    def promised(head: bytes) -> int:
        return _promised_length(path, head, rules)

    if is_gzip:
        return inflate_exactly(path, promised, head_bytes=_LONGEST_HEADER)
    with path.open("rb") as stream:
        head = stream.read(_LONGEST_HEADER)
    expected, size = promised(head), path.stat().st_size
    if size != expected:
        raise InputFileError(
            path,
            f"the header promises {expected} bytes, the file has {size}",
            remedy="copy or export it again",
            code="E-FMT-002" if size < expected else "E-FMT-004",
        )
    return path.read_bytes()


def _promised_length(path: Path, head: bytes, rules: InputRules) -> int:
    """Return the length of the whole file in bytes by its header."""
    header = _parse_header(path, head, rules)
    layout = find_layout(path, _dimensions(path, header), rules)
    return int(header["vox_offset"]) + layout.voxels * int(header.get_data_dtype().itemsize)


def _parse_header(path: Path, head: bytes, rules: InputRules) -> _Header:
    """Parse the header without nibabel's silent repairs, and check its type."""
    size, order = _header_size(head)
    start = _MAGIC_OFFSETS.get(size, 0)
    magic = _SINGLE_FILE_MAGICS.get(size, b"?")
    if len(head) < size or head[start : start + len(magic)] != magic:
        raise InputFileError(
            path,
            "not a single-file NIfTI volume (wrong magic number)",
            remedy="export it as .nii or .nii.gz (an .hdr/.img pair is not read)",
            code="E-FMT-001",
        )
    header = _HEADER_CLASSES[size](head[:size], endianness=order, check=False)
    kind = int(header["datatype"])
    if kind not in (_SCALAR_TYPES | _COMPLEX_TYPES if rules.magnitude else _SCALAR_TYPES):
        raise InputFileError(
            path,
            f"voxels must be integers or floats of up to 64 bits, "
            f"got {_OTHER_TYPES.get(kind, f'unknown type {kind}')}",
            remedy=MAGNITUDE_REMEDY
            if kind in _COMPLEX_TYPES
            else "convert it to a plain scalar volume",
            code="E-FMT-006",
        )
    offset = float(header["vox_offset"])
    if not size + 4 <= offset < 2**31:
        raise InputFileError(
            path,
            f"vox_offset must be at least {size + 4}, got {offset:g}",
            remedy="export it again",
            code="E-FMT-005",
        )
    return header


def _header_size(head: bytes) -> tuple[int, str]:
    """Return sizeof_hdr and the byte order in which it is a known one, or 0."""
    sizes = {"<": int.from_bytes(head[:4], "little"), ">": int.from_bytes(head[:4], "big")}
    known = ((size, order) for order, size in sizes.items() if size in _HEADER_CLASSES)
    return next(known, (0, "<"))


def _dimensions(path: Path, header: _Header) -> tuple[int, ...]:
    """Return the dimensions as written, refusing an impossible count of them."""
    count = int(header["dim"][0])
    if not 1 <= count <= 7:
        raise InputFileError(
            path,
            f"the header must name 1 to 7 dimensions, got {count}",
            remedy="export it again",
            code="E-FMT-005",
        )
    return tuple(int(size) for size in header["dim"][1 : 1 + count])


def _check_unit(path: Path, header: _Header) -> None:
    """Refuse another unit of space than mm."""
    unit = _NOT_MM.get(int(header["xyzt_units"]) & 7)
    if unit:
        raise InputFileError(
            path,
            f"the unit of space must be mm, got {unit}",
            remedy="export the spacing in mm",
            code="E-GEOM-005",
        )


def _slice_affine(path: Path, header: _Header) -> tuple[Affine, tuple[str, ...]]:
    """Return the affine of a 2D image, whose header may know nothing of the third axis."""
    placed: Affine | None = None
    if int(header["sform_code"]) > 0:
        placed = np.asarray(header.get_sform(), dtype=np.float64)
    elif int(header["qform_code"]) > 0:
        placed = _qform(path, header)
    zooms = np.asarray(header["pixdim"][1:3], dtype=np.float64)
    affine, told = place_slice(path, zooms, placed)
    _check_zooms(path, zooms, affine)
    return affine, told


def _affine(path: Path, header: _Header, rules: InputRules) -> Affine:
    """Return the affine, refusing a header that contradicts itself."""
    zooms = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    check_spacing(path, zooms)
    has_sform, has_qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    if has_sform:
        affine = np.asarray(header.get_sform(), dtype=np.float64)
        check_affine(path, affine, sheared=rules.deshear)
        _check_zooms(path, zooms, affine)
        if has_qform and shear_of(affine) <= MAX_SHEAR:  # a qform cannot be sheared
            _compare_forms(path, header, affine)
        return affine
    if not has_qform:
        _LOG.warning("%s: no sform and no qform, orientation is assumed to be RAS", path)
        return np.diag([*zooms, 1.0])
    affine = _qform(path, header)
    check_affine(path, affine)
    return affine


_QFORM_FIELDS = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")


def _qform(path: Path, header: _Header) -> Affine:
    if not all(np.isfinite(header[name]) for name in _QFORM_FIELDS):
        return np.full((4, 4), np.nan)  # nibabel would go on with any numbers
    if float(header["pixdim"][0]) == 0:
        header["pixdim"][0] = 1  # the standard reads a handedness of 0 as 1
    try:
        return np.asarray(header.get_qform(), dtype=np.float64)
    except (ValueError, HeaderDataError) as error:  # quaternion longer than 1
        raise InputFileError(
            path, f"qform unusable ({error})", remedy="repair the header", code="E-GEOM-007"
        ) from error


def _check_zooms(path: Path, zooms: Affine, affine: Affine) -> None:
    """Refuse a pixdim that contradicts the sform by more than the tolerance."""
    spacing_mm = np.linalg.norm(affine[:3, : len(zooms)], axis=0)
    _compare(
        path,
        float(np.abs(spacing_mm / zooms - 1).max()),
        f"spacing of the sform {spacing_mm.round(4).tolist()} mm contradicts pixdim "
        f"{zooms.round(4).tolist()} mm",
    )


def _compare_forms(path: Path, header: _Header, sform: Affine) -> None:
    """Refuse two forms that differ: readers disagree about which of them counts."""
    qform = _qform(path, header)
    if not np.isfinite(qform).all():
        return  # the sform counts
    spacing_mm = np.linalg.norm(sform[:3, :3], axis=0)
    turned = np.abs(sform[:3, :3] - qform[:3, :3]).max() / spacing_mm.max()
    moved = np.abs(sform[:3, 3] - qform[:3, 3]).max() / spacing_mm.max()
    _compare(path, float(max(turned, moved)), "sform and qform differ")


def _compare(path: Path, difference: float, problem: str) -> None:
    """Refuse a contradiction beyond the tolerance, and warn of one beyond rounding."""
    if difference > _GEOMETRY_TOLERANCE:
        raise InputFileError(
            path,
            f"{problem} (by {difference:.1%} of a voxel)",
            remedy="repair the header so that both agree",
            code="E-GEOM-007",
        )
    if difference > _ROUNDING:
        _LOG.warning(
            "%s: %s (by %.1f%% of a voxel), the sform is used", path, problem, 100 * difference
        )


def _scaled(path: Path, header: _Header, voxels: Array) -> Array:
    """Apply the header's slope and intercept; a slope of 0 means none."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or (slope == 1 and inter == 0):
        return voxels
    if not (np.isfinite(slope) and np.isfinite(inter)):
        raise InputFileError(
            path,
            f"scl_slope and scl_inter must be finite, got {slope:g} and {inter:g}",
            remedy="repair the header",
            code="E-VAL-003",
        )
    scaled: Array = voxels.astype(np.result_type(voxels.dtype, np.float64)) * slope + inter
    if np.abs(scaled[np.isfinite(scaled)]).max(initial=0) > MAX_ABS_VALUE:
        raise InputFileError(
            path,
            f"values must stay within {MAX_ABS_VALUE:g} after scaling by {slope:g}",
            remedy="repair scl_slope in the header",
            code="E-VAL-003",
        )
    return scaled
