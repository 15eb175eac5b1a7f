"""DICOM in: one volume by geometry, or one clear error.

Rows of the catalogue of bad inputs that are covered: 49 unsorted and without
InstanceNumber, 50 two series, 51 missing slice, 52 duplicate, uneven, tilted, 53 mixed
sizes and orientations, localiser, 54 numbers that are none, 55 cut pixels, 56 compressed,
57 deflated, 58 deep nesting, 59 Enhanced, MONOCHROME1, signed, colour, 60 no position, not
MR, no preamble, DICOMDIR. Row 62 (zip) is in ``test_dicom_zip.py``.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinesynth.errors import ConfigError
from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_image, read_raw
from tests.fabricate import intensities, nib, ras_affine, write_nifti
from tests.io import dicom_files
from tests.io.dicom_files import (
    CT,
    DEFLATED,
    PLANES,
    SLICED,
    change,
    content,
    enhanced,
    oblique,
    raw_text,
    slices,
    volume,
    write_series,
)

pytest.importorskip("pydicom", exc_type=ImportError)

#: Texts of positions hold 10 digits, NIfTI stores float32: 1e-7 of 100 mm.
AFFINE_TOLERANCE_MM = 1e-4


def sagittal(**fields: Any) -> list[Any]:  # noqa: ANN401
    return slices(*volume(), **fields)


def refused(path: Path, code: str, words: str, **choices: Any) -> None:  # noqa: ANN401
    """Check that a path is refused once, with its name, code and a remedy."""
    with pytest.raises(InputFileError, match=words) as caught:
        read_image(path, **choices)
    assert caught.value.code == code
    assert str(path) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("plane", PLANES)
def test_slices_in_any_direction_are_the_volume_of_the_nifti_file(
    tmp_path: Path, plane: str
) -> None:
    series = write_series(tmp_path / "series", slices(*volume(PLANES[plane])))
    image = read_image(series)
    other = read_image(write_nifti(tmp_path / "scan.nii.gz", intensities()))
    np.testing.assert_array_equal(image.numpy(), other.numpy())
    np.testing.assert_allclose(
        image.affine.numpy(), other.affine.numpy(), rtol=0, atol=AFFINE_TOLERANCE_MM
    )


@pytest.mark.parametrize("plane", SLICED)
def test_oblique_slices_are_the_volume_of_the_nifti_file(tmp_path: Path, plane: str) -> None:
    voxels, affine = volume(PLANES[plane])
    affine = oblique(affine)
    nib.Nifti1Image(voxels, affine).to_filename(tmp_path / "scan.nii")
    image = read_image(write_series(tmp_path / "series", slices(voxels, affine)))
    other = read_image(tmp_path / "scan.nii")
    np.testing.assert_array_equal(image.numpy(), other.numpy())
    np.testing.assert_allclose(
        image.affine.numpy(), other.affine.numpy(), rtol=0, atol=AFFINE_TOLERANCE_MM
    )


@pytest.mark.slow
def test_scan_is_the_same_in_all_48_orders_of_its_axes(tmp_path: Path) -> None:
    """Slices along either side, first rows on either side: 48 codes, all one volume."""
    axes = np.array([("R", "L"), ("A", "P"), ("S", "I")])
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    small = intensities()[:3, 4:12, 4:12]
    scan = nib.Nifti1Image(small, ras_affine())
    for number, order in enumerate(orders):
        for sides in np.ndindex(2, 2, 2):
            code = "".join(axes[axis][side] for axis, side in zip(order, sides, strict=True))
            turn = nib.orientations.ornt_transform(
                nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(code)
            )
            turned = scan.as_reoriented(turn)
            made = slices(np.asarray(turned.dataobj), turned.affine)
            image = read_image(write_series(tmp_path / f"{number}{code}", made))
            np.testing.assert_array_equal(image[0].numpy(), small)
            np.testing.assert_allclose(image.affine.numpy(), ras_affine(), atol=1e-6)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)), numbering=st.sampled_from(["gone", "same", "reversed"]))
def test_order_and_numbers_of_files_say_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], numbering: str
) -> None:
    made = sagittal()
    for index, one in enumerate(made):
        if numbering == "gone":
            del one.InstanceNumber
        else:
            one.InstanceNumber = 1 if numbering == "same" else 6 - index
    folder = write_series(tmp_path_factory.mktemp("s"), [made[index] for index in order])
    np.testing.assert_array_equal(read_image(folder)[0].numpy(), intensities())


def test_files_in_subfolders_and_without_suffix_are_found(tmp_path: Path) -> None:
    made = sagittal()
    write_series(tmp_path / "DICOM" / "A", made[:3], names="IM{:04d}")
    write_series(tmp_path / "DICOM" / "B", made[3:], names="1.2.3.{}")
    (tmp_path / "README.txt").write_text("not an image")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    image = read_image(tmp_path)
    np.testing.assert_array_equal(image[0].numpy(), intensities())
    assert "DICOMDIR, README.txt" in " ".join(image.meta["source_notes"])


# Intensities


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


@pytest.mark.parametrize("name", ["RLELossless", "JPEG2000Lossless", "JPEGLSLossless"])
def test_lossless_compression_is_undone(tmp_path: Path, name: str) -> None:
    uid = getattr(dicom_files.pydicom().uid, name)
    made = slices(*(volume()[0].astype(np.uint16), volume()[1]))
    for index, one in enumerate(made):
        one.file_meta = dicom_files.pydicom().dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = dicom_files.EXPLICIT
        one.compress(uid, generate_instance_uid=False)
        (tmp_path / f"{index}.dcm").write_bytes(content(one, uid))
    np.testing.assert_array_equal(read_image(tmp_path)[0].numpy(), intensities())


def test_deflated_file_is_read_unless_it_comes_from_a_stranger(tmp_path: Path) -> None:
    for index, one in enumerate(sagittal()):
        (tmp_path / f"{index}.dcm").write_bytes(content(one, DEFLATED))
    np.testing.assert_array_equal(read_image(tmp_path)[0].numpy(), intensities())
    refused(tmp_path, "E-DCM-020", "deflated .* send it uncompressed", untrusted=True)


# Which series


def test_several_series_are_listed_and_one_can_be_chosen(tmp_path: Path) -> None:
    write_series(tmp_path / "a", sagittal())
    other = sagittal(SeriesInstanceUID="1.2.3.4.77", SeriesDescription="T1 sagittal")
    write_series(tmp_path / "b", other[:5])
    words = r"2 series: 1\.2\.3\.4\.2 \('T2 sagittal', MR, 6 files\), 1\.2\.3\.4\.77 \('T1 sag"
    refused(tmp_path, "E-DCM-005", words)
    assert read_image(tmp_path, series_uid="1.2.3.4.77").shape == (1, 5, 40, 48)
    refused(tmp_path, "E-DCM-006", "no series 1.9, but 1.2.3.4.2", series_uid="1.9")


def test_localiser_is_dropped_where_its_type_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_series(tmp_path / "a", sagittal())
    scout = slices(*volume("LPS"), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_series(tmp_path / "scout", scout[:1])
    with caplog.at_level(logging.WARNING):
        image = read_image(tmp_path)
    np.testing.assert_array_equal(image[0].numpy(), intensities())
    assert "localisers by their ImageType, dropped: scout/IM0000.dcm" in caplog.text
    assert "localisers" in image.meta["source_notes"][0]


def test_localiser_that_does_not_say_so_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "a", sagittal())
    write_series(tmp_path / "scout", slices(*volume("LPS"))[:1])
    refused(tmp_path, "E-DCM-012", "scout/IM0000.dcm differs from a/IM0000.dcm in size")


def test_slices_of_another_orientation_are_refused(tmp_path: Path) -> None:
    voxels, affine = volume()
    made = sagittal()
    made[2] = slices(voxels, oblique(affine))[2]
    refused(write_series(tmp_path, made), "E-DCM-012", "IM0002.dcm .* orientation")


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("FrameOfReferenceUID", "1.2.9", "frame of reference"),
        ("PixelSpacing", ["0.75", "1.1"], "pixel spacing"),
    ],
)
def test_slices_of_another_grid_are_refused(
    tmp_path: Path, field: str, value: object, what: str
) -> None:
    made = sagittal()
    change(made[3], **{field: value})
    refused(write_series(tmp_path, made), "E-DCM-012", what)


# Places of the slices


def test_missing_slice_is_refused_with_the_place_of_the_gap(tmp_path: Path) -> None:
    made = sagittal()
    del made[3]
    folder = write_series(tmp_path, made)
    refused(folder, "E-DCM-014", "1 slice is missing.*between slices 2 and 3 .* 8.000 mm")
    image = read_image(folder, allow_nonuniform=True)
    assert image.meta["source_affine"][0, 2] == 5.0  # 20 mm over 4 gaps
    assert "accepted as asked" in image.meta["source_notes"][0]


def test_duplicate_slice_is_refused(tmp_path: Path) -> None:
    made = [*sagittal(), sagittal(SOPInstanceUID="1.2.3.9")[2]]
    refused(write_series(tmp_path, made), "E-DCM-013", "IM0002.dcm and IM0006.dcm lie at one")


def test_uneven_spacing_is_refused(tmp_path: Path) -> None:
    made = sagittal()
    place = [float(value) for value in made[5].ImagePositionPatient]
    made[5].ImagePositionPatient = [place[0] - 1.5, *place[1:]]  # sagittal: 5.5 mm, not 4
    refused(write_series(tmp_path, made), "E-DCM-015", "between slices .* 5.500 mm apart, 4.000")


def test_stack_that_is_tilted_is_refused(tmp_path: Path) -> None:
    made = sagittal()
    for index, one in enumerate(made):
        place = [float(value) for value in one.ImagePositionPatient]
        one.ImagePositionPatient = [
            place[0],
            place[1] + index * 4 * np.tan(np.radians(2)),
            place[2],
        ]
        one.ImagePositionPatient = [f"{float(value):.6f}" for value in one.ImagePositionPatient]
    refused(write_series(tmp_path, made), "E-DCM-016", "tilted by 2.00 degrees")


def test_slice_beside_the_row_of_the_others_is_refused(tmp_path: Path) -> None:
    made = sagittal()
    place = [float(value) for value in made[2].ImagePositionPatient]
    made[2].ImagePositionPatient = [place[0], place[1] + 3, place[2]]
    refused(write_series(tmp_path, made), "E-DCM-015", "slice 2 .* lies 3.000 mm off")


def test_rounded_positions_are_even_enough(tmp_path: Path) -> None:
    made = slices(*(volume()[0], oblique(volume()[1])))
    for one in made:
        one.ImagePositionPatient = [f"{float(value):.2f}" for value in one.ImagePositionPatient]
    np.testing.assert_array_equal(
        np.sort(read_image(write_series(tmp_path, made)).numpy(), axis=None),
        np.sort(intensities(), axis=None),
    )


def test_folder_with_one_slice_is_refused_and_the_file_itself_is_not(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "series", sagittal()[2:3])
    refused(folder, "E-DCM-017", "at least 2 slices")
    image = read_image(folder / "IM0000.dcm")
    np.testing.assert_array_equal(image[0, 0].numpy(), intensities()[2])
    assert image.affine[0, 0] == 4


# Numbers


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("RescaleSlope", "NaN"),
        ("RescaleSlope", "1e999"),
        ("RescaleSlope", "1\\2"),
        ("RescaleSlope", ""),
        ("RescaleSlope", "0"),
        ("RescaleIntercept", "inf"),
        ("RescaleIntercept", "zero"),
        ("PixelSpacing", "0.75"),
        ("PixelSpacing", "0.75\\nan"),
        ("ImagePositionPatient", "1\\2"),
        ("ImagePositionPatient", "1\\2\\1e999"),
        ("ImageOrientationPatient", "1\\0\\0\\1\\0\\0"),
        ("ImageOrientationPatient", "2\\0\\0\\0\\1\\0"),
    ],
)
def test_number_that_is_none_is_refused(tmp_path: Path, keyword: str, text: str) -> None:
    made = [raw_text(one, keyword, text) for one in sagittal()]
    refused(write_series(tmp_path, made), "E-DCM-011", keyword)


@pytest.mark.parametrize("text", ["1e999", "NaN  ", "1\\1  ", "     "])
def test_count_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    folder = write_series(tmp_path, sagittal(NumberOfFrames=77777))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"77777", text.encode()))
    refused(folder, "E-DCM-011", "NumberOfFrames of IM0000.dcm must be one finite number")


@pytest.mark.parametrize("text", ["0\\0.75", "-1\\0.75", "0.001\\0.75"])
def test_spacing_that_is_absurd_is_refused(tmp_path: Path, text: str) -> None:
    made = [raw_text(one, "PixelSpacing", text) for one in sagittal()]
    with pytest.raises(InputFileError, match="spacing must be in"):
        read_image(write_series(tmp_path, made))


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_slice_without_a_place_is_refused(tmp_path: Path, keyword: str) -> None:
    made = sagittal()
    change(made[4], **{keyword: None})
    refused(write_series(tmp_path, made), "E-DCM-010", f"IM0004.dcm has no {keyword}")


# Pixels


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


def compressed(folder: Path) -> Path:
    """Write a series compressed by run lengths, and return its last file."""
    uid = dicom_files.pydicom().uid.RLELossless
    for index, one in enumerate(sagittal()):
        one.file_meta = dicom_files.pydicom().dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = dicom_files.EXPLICIT
        one.compress(uid, generate_instance_uid=False)
        path = folder / f"{index}.dcm"
        path.write_bytes(content(one, uid))
    return path


def test_damaged_compressed_pixels_are_refused(tmp_path: Path) -> None:
    path = compressed(tmp_path)
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


# What is no MR image, or no DICOM file


@pytest.mark.parametrize(
    ("sop_class", "code", "words"),
    [
        (CT, "E-DCM-008", "is a CT image"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "E-DCM-007", "Segmentation Storage"),
        ("1.2.840.10008.5.1.4.1.1.7", "E-DCM-007", "Secondary Capture"),
        ("1.2.840.10008.5.1.4.1.1.4.3", "E-DCM-009", "colour"),
    ],
)
def test_other_kinds_of_object_are_refused(
    tmp_path: Path, sop_class: str, code: str, words: str
) -> None:
    refused(write_series(tmp_path, sagittal(SOPClassUID=sop_class)), code, words)


def test_file_without_preamble_is_refused(tmp_path: Path) -> None:
    folder = write_series(tmp_path, sagittal())
    path = folder / "IM0002.dcm"
    path.write_bytes(path.read_bytes()[132:])
    refused(folder, "E-DCM-003", "IM0002.dcm is no DICOM file")
    refused(path, "E-DCM-003", "is no DICOM file")
    path.rename(folder / "IM0002.bin")
    refused(folder, "E-DCM-003", "IM0002.bin is no DICOM file")


def test_directory_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "DICOMDIR"
    path.write_bytes(content(sagittal(SOPClassUID="1.2.840.10008.1.3.10")[0]))
    refused(path, "E-DCM-004", "list of files, .* give the folder")
    refused(tmp_path, "E-DCM-004", "list of files")
    path.rename(tmp_path / "renamed.dcm")
    refused(tmp_path / "renamed.dcm", "E-DCM-004", "list of files")


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "E-DCM-002", "no DICOM file among 0 files")
    (tmp_path / "notes.txt").write_text("nothing")
    refused(tmp_path, "E-DCM-002", "no DICOM file among 1 files")


def test_missing_extra_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_series(tmp_path, sagittal())
    monkeypatch.setitem(sys.modules, "pydicom", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"E-DCM-001.*pip install 'spinesynth\[dicom\]'"):
        read_image(folder)


def test_links_of_strangers_are_refused(tmp_path: Path) -> None:
    made = sagittal()
    folder = write_series(tmp_path / "a", made[1:])
    write_series(tmp_path / "elsewhere", made[:1])
    (folder / "link.dcm").symlink_to(tmp_path / "elsewhere" / "IM0000.dcm")
    assert read_raw(folder).voxels.shape == (40, 48, 6)
    refused(folder, "E-IN-002", "link.dcm is a link", untrusted=True)


def nested_bytes(depth: int, *, undefined: bool) -> bytes:
    """Return a file with sequences nested that deeply, made without recursion."""
    item, end, close = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
    inner = b""
    for _ in range(depth):
        length = b"\xff\xff\xff\xff" if undefined else len(inner).to_bytes(4, "little")
        body = item + length + inner + (end if undefined else b"")
        length = b"\xff\xff\xff\xff" if undefined else len(body).to_bytes(4, "little")
        inner = b"\x08\x00\x40\x11SQ\0\0" + length + body + (close if undefined else b"")
    plain = content(sagittal()[0])
    place = plain.index(b"\x10\x00\x10\x00PN")  # (0008,1140) stands before the patient's name
    return plain[:place] + inner + plain[place:]


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("depth", [40, 300, 3000])
def test_deeply_nested_sequences_are_refused(tmp_path: Path, depth: int, undefined: bool) -> None:
    path = tmp_path / "deep.dcm"
    path.write_bytes(nested_bytes(depth, undefined=undefined))
    refused(path, "E-DCM-021", "nested more than 32 deep")


@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_nested_as_usual_are_read(tmp_path: Path, undefined: bool) -> None:
    path = tmp_path / "usual.dcm"
    path.write_bytes(nested_bytes(10, undefined=undefined))
    assert read_image(path).shape == (1, 1, 40, 48)


@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_byte_of_a_header_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever a header says, the file is read or refused with a code, never a traceback."""
    path = tmp_path_factory.mktemp("flip") / "scan.dcm"
    whole = bytearray(content(sagittal()[0]))
    position = data.draw(st.integers(132, len(whole) - 3900))
    whole[position] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    with contextlib.suppress(InputFileError):
        assert np.isfinite(read_image(path).numpy()).all()
