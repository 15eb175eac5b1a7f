"""Decode the pixels of a DICOM image: every byte accounted for, intensities rescaled.

Source: DICOM PS3.3, C.7.6.3 (Image Pixel), C.11.1 (Modality LUT: rescale slope and
intercept); PS3.5, section 8 (encoding of pixels).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spinesynth.io.dicom_extra import load_pydicom, parse_errors, warnings_to_log
from spinesynth.io.dicom_frames import Frame
from spinesynth.io.dicom_header import Dataset, parse_member, transfer_syntax
from spinesynth.io.dicom_numbers import find_whole
from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import MAX_ABS_VALUE, Array

#: GDCM has an unfixed advisory (CVE-2026-3650): files are never handed to it.
_REFUSED_DECODERS = frozenset({"gdcm"})

_BITS = (8, 16, 32)


@warnings_to_log()
def read_pixels(path: Path, frames: Sequence[Frame], *, untrusted: bool = False) -> Array:
    """Return the intensities of frames of one size.

    Args:
        path: of the series, for messages.
        frames: in the order of the slices.
        untrusted: as for :func:`~spinesynth.io.dicom_header.parse_member`.

    Returns:
        (columns, rows, slices); integers as stored where nothing is rescaled, else float64.

    Raises:
        InputFileError: if pixels are in colour, cut short, damaged, encoded in a way that
            cannot be decoded, or absurd after rescaling.
    """
    decoded: dict[str, Array] = {}
    rescaled = any((frame.slope, frame.intercept) != (1, 0) for frame in frames)
    slices = []
    for frame in frames:
        member = frame.image.member
        if member.name not in decoded:
            dataset = parse_member(path, member, pixels=True, untrusted=untrusted)
            decoded[member.name] = _decode(path, member.name, dataset)
        stored = decoded[member.name][frame.index]
        slices.append(stored * frame.slope + frame.intercept if rescaled else stored)
        if len(decoded[member.name]) == 1:
            del decoded[member.name]
    voxels: Array = np.stack(slices)
    if rescaled and np.abs(voxels).max() > MAX_ABS_VALUE:
        raise InputFileError(
            path,
            f"values must stay within {MAX_ABS_VALUE:g} after rescaling",
            remedy="repair RescaleSlope in the header",
            code="E-VAL-003",
        )
    return voxels.transpose(2, 1, 0)


def _decode(path: Path, name: str, dataset: Dataset) -> Array:
    """Return the stored values (frames, rows, columns), MONOCHROME1 inverted."""
    if "PixelData" not in dataset:
        raise _cut(path, name, "it has no PixelData")
    _check_kind(path, name, dataset)
    decoder, plugin = _decoder(path, name, transfer_syntax(dataset))
    if not decoder.is_encapsulated:
        _check_length(path, name, dataset)
    try:
        values, _ = decoder.as_array(dataset, decoding_plugin=plugin, raw=True)
    except parse_errors() as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputFileError(
            path,
            f"pixels of {name} cannot be decoded ({reason[0][:200]})",
            remedy="copy or export it again",
            code="E-DCM-023",
        ) from error
    stored: Array = values.reshape((-1, *values.shape[-2:]))
    return _inverted(dataset, stored)


def _check_kind(path: Path, name: str, dataset: Dataset) -> None:
    """Refuse colour, and voxels that are no integers."""
    photometric = str(dataset.get("PhotometricInterpretation", "nothing"))
    samples = find_whole(path, name, dataset, "SamplesPerPixel", 1)
    if photometric not in {"MONOCHROME1", "MONOCHROME2"} or samples != 1:
        raise InputFileError(
            path,
            f"{name} must be in grey values (MONOCHROME1 or MONOCHROME2), got {photometric} with "
            f"{samples} samples per pixel",
            remedy="give the series that it was made from",
            code="E-DCM-009",
        )
    allocated = find_whole(path, name, dataset, "BitsAllocated", 0)
    used = find_whole(path, name, dataset, "BitsStored", 0)
    find_whole(path, name, dataset, "PixelRepresentation", 0)
    if allocated not in _BITS or not 0 < used <= allocated:
        raise InputFileError(
            path,
            f"voxels of {name} must have {', '.join(map(str, _BITS))} bits and use at least one "
            f"of them, got {used} of {allocated}",
            remedy="export it as 16-bit integers",
            code="E-FMT-006",
        )


def _check_length(path: Path, name: str, dataset: Dataset) -> None:
    """Refuse more or fewer bytes than the header promises; one may fill up to an even count."""
    frames, rows, columns = (
        find_whole(path, name, dataset, keyword, default)
        for keyword, default in (("NumberOfFrames", 1), ("Rows", 0), ("Columns", 0))
    )
    expected = frames * rows * columns * (dataset.BitsAllocated // 8)
    got = len(dataset.PixelData)
    if got < expected:
        raise _cut(path, name, f"the header promises {expected} bytes of pixels, it holds {got}")
    if got > expected + expected % 2:
        raise InputFileError(
            path,
            f"the header of {name} promises {expected} bytes of pixels, it holds {got}",
            remedy="export it again",
            code="E-FMT-004",
        )


def _decoder(path: Path, name: str, syntax: str) -> tuple[Any, str]:
    """Return pydicom's decoder and the plugin that it shall use, empty for none."""
    pixels = load_pydicom().pixels
    try:
        decoder = pixels.get_decoder(syntax)
    except NotImplementedError as error:
        raise _unsupported(path, name, syntax) from error
    if not decoder.is_encapsulated:
        return decoder, ""
    plugins = [plugin for plugin in decoder.available_plugins if plugin not in _REFUSED_DECODERS]
    if not plugins:
        raise _unsupported(path, name, syntax)
    return decoder, plugins[0]


def _unsupported(path: Path, name: str, syntax: str) -> InputFileError:
    known = load_pydicom().uid.UID(syntax).name if syntax else "none named"
    return InputFileError(
        path,
        f"pixels of {name} have the transfer syntax {known} ({syntax}), which cannot be decoded "
        f"here",
        remedy="pip install 'spinesynth[dicom]' brings JPEG 2000, JPEG-LS and RLE; send others "
        "uncompressed (Explicit VR Little Endian)",
        code="E-DCM-019",
    )


def _inverted(dataset: Dataset, stored: Array) -> Array:
    """Turn MONOCHROME1, in which the least value is white, within the bits that are used."""
    if dataset.PhotometricInterpretation != "MONOCHROME1":
        return stored
    signed = int(dataset.get("PixelRepresentation", 0)) == 1
    # least and largest value of the bits add up to this
    both = -1 if signed else 2 ** int(dataset.BitsStored) - 1
    turned: Array = (both - stored.astype(np.int64)).astype(stored.dtype)
    return turned


def _cut(path: Path, name: str, how: str) -> InputFileError:
    return InputFileError(
        path, f"{name} is cut short ({how})", remedy="copy or export it again", code="E-DCM-018"
    )
