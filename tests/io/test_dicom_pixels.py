"""DICOM in: pixels are the intensities that they stand for, or refused.

Rows of the catalogue of bad inputs: 55 cut pixels, 56 compressed, 57 deflated, 59 Enhanced,
MONOCHROME1, signed, colour.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinesynth.io.volume import read_image
from tests.fabricate import intensities, ras_affine
from tests.io import dicom_files
from tests.io.bad_files import refused
from tests.io.dicom_files import (
    DEFLATED,
    change,
    content,
    enhanced,
    sagittal,
    slices,
    volume,
    write_series,
)

pytest.importorskip("pydicom", exc_type=ImportError)


def test_rescaling_of_each_slice_is_applied(tmp_path: Path) -> None:
    made = sagittal()
    for index, one in enumerate(made):
        one.RescaleSlope, one.RescaleIntercept = str(index + 1), "-5"
    image = read_image(write_series(tmp_path, made))
    factors = np.arange(1, 7)[:, None, None]
    np.testing.assert_array_equal(image[0].numpy(), intensities() * factors - 5)


@pytest.mark.parametrize("signed", [False, True])
def test_monochrome1_is_inverted(tmp_path: Path, signed: bool) -> None:
    voxels, affine = volume()
    # air is white: least and largest value of 16 bits add up to -1 signed, 65535 unsigned
    white = (-1 - voxels) if signed else (65535 - voxels.astype(np.int64)).astype(np.uint16)
    made = slices(white, affine, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(
        read_image(write_series(tmp_path, made))[0].numpy(), intensities()
    )


def test_negative_values_keep_their_sign(tmp_path: Path) -> None:
    voxels, affine = volume()
    image = read_image(write_series(tmp_path, slices(voxels - np.int16(1000), affine)))
    np.testing.assert_array_equal(image[0].numpy(), intensities() - 1000.0)


def test_bits_above_those_stored_are_not_intensity(tmp_path: Path) -> None:
    voxels, affine = volume()
    made = slices((voxels.astype(np.uint16) | 0xF000), affine, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(
        read_image(write_series(tmp_path, made))[0].numpy(), intensities()
    )


def test_enhanced_multiframe_is_read_whatever_the_order_of_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "enhanced.dcm"
    path.write_bytes(content(enhanced(*volume(), order=[3, 1, 0, 2, 5, 4])))
    image = read_image(path)
    np.testing.assert_array_equal(image[0].numpy(), intensities())
    np.testing.assert_allclose(image.affine.numpy(), ras_affine(), atol=1e-6)


def test_enhanced_frame_without_description_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "enhanced.dcm"
    path.write_bytes(content(change(enhanced(*volume()), NumberOfFrames=7)))
    refused(path, "E-FMT-005", "7 frames and 6")


def compressed(folder: Path, name: str) -> Path:
    """Write a series in a compressed transfer syntax, and return its last file."""
    dicom, (voxels, affine) = dicom_files.pydicom(), volume()
    uid = getattr(dicom.uid, name)
    for index, one in enumerate(slices(voxels.astype(np.uint16), affine)):
        one.file_meta = dicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = dicom_files.EXPLICIT
        one.compress(uid, generate_instance_uid=False)
        path = folder / f"{index}.dcm"
        path.write_bytes(content(one, uid))
    return path


@pytest.mark.parametrize("name", ["RLELossless", "JPEG2000Lossless", "JPEGLSLossless"])
def test_lossless_compression_is_undone(tmp_path: Path, name: str) -> None:
    compressed(tmp_path, name)
    np.testing.assert_array_equal(read_image(tmp_path)[0].numpy(), intensities())


def test_deflated_file_is_read_unless_it_comes_from_a_stranger(tmp_path: Path) -> None:
    for index, one in enumerate(sagittal()):
        (tmp_path / f"{index}.dcm").write_bytes(content(one, DEFLATED))
    np.testing.assert_array_equal(read_image(tmp_path)[0].numpy(), intensities())
    refused(tmp_path, "E-DCM-020", "deflated .* send it uncompressed", untrusted=True)


@pytest.mark.parametrize("cut", [1, 500, 3000])
def test_cut_file_is_refused(tmp_path: Path, cut: int) -> None:
    folder = write_series(tmp_path, sagittal())
    path = folder / "IM0003.dcm"
    path.write_bytes(path.read_bytes()[:-cut])
    refused(folder, "E-DCM-018", "IM0003.dcm is cut short")


def test_missing_and_surplus_pixels_are_refused(tmp_path: Path) -> None:
    made = sagittal()
    del made[1].PixelData
    refused(write_series(tmp_path / "a", made), "E-DCM-018", "no PixelData")
    made = sagittal()
    made[1].PixelData += b"\0\0\0\0"
    refused(write_series(tmp_path / "b", made), "E-FMT-004", "promises 3840 bytes")


def test_damaged_compressed_pixels_are_refused(tmp_path: Path) -> None:
    path = compressed(tmp_path, "RLELossless")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1500])
    refused(tmp_path, "E-DCM-018", "5.dcm is cut short")
    # the table of run-length segments: their number becomes 255
    table = whole.index(b"\xfe\xff\x00\xe0", whole.index(b"\xe0\x7f\x10\x00") + 20) + 8
    path.write_bytes(whole[:table] + b"\xff" + whole[table + 1 :])
    refused(tmp_path, "E-DCM-023", "5.dcm cannot be decoded")


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("1.2.840.10008.1.2.4.70", "JPEG Lossless"),
        ("1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.110"),
        ("1.2.840.10008.1.2.4.102", "MPEG-4"),
    ],
)
def test_syntax_without_decoder_is_refused_by_name(tmp_path: Path, uid: str, name: str) -> None:
    encapsulate = dicom_files.pydicom().encaps.encapsulate
    for index, one in enumerate(sagittal()):
        one.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
        one["PixelData"].is_undefined_length = True
        written = content(one, uid.replace("110", "102"))  # pydicom writes no JPEG XL
        (tmp_path / f"{index}.dcm").write_bytes(written.replace(b"1.2.4.102", uid[14:].encode()))
    refused(tmp_path, "E-DCM-019", rf"{name}.*spinesynth\[dicom\]")


@pytest.mark.parametrize("photometric", ["RGB", "PALETTE COLOR", "YBR_FULL"])
def test_colour_is_refused(tmp_path: Path, photometric: str) -> None:
    made = sagittal(PhotometricInterpretation=photometric)
    refused(write_series(tmp_path, made), "E-DCM-009", f"grey values .* {photometric}")


def test_voxels_of_one_bit_are_refused(tmp_path: Path) -> None:
    made = sagittal(BitsAllocated=1, BitsStored=1, HighBit=0)
    refused(write_series(tmp_path, made), "E-FMT-006", "1 of 1")
