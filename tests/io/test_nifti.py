"""NIfTI: a whole file arrives as it was, anything else is refused by name."""

from __future__ import annotations

import gzip
import logging
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.io.nifti import read_nifti
from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_image, read_label
from tests.fabricate import intensities, nib, ras_affine, spider_codes, turned, write_nifti
from tests.io.bad_files import refused, refused_or_unharmed

# offsets of the NIfTI-1 header fields that the tests spoil
DIM, DATATYPE, PIXDIM, VOX_OFFSET, SLOPE = 40, 70, 76, 108, 112
XYZT_UNITS, QFORM_CODE, SFORM_CODE, QUATERN, SROW_X = 123, 252, 254, 256, 280


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return write_nifti(tmp_path / "scan.nii", intensities())


def spoil(path: Path, offset: int, layout: str, *values: float) -> Path:
    """Overwrite header fields in place."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<" + layout, content, offset, *values)
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR", "LAS", "SRA"])
def test_voxels_and_affine_are_those_of_an_independent_reader(
    tmp_path: Path, suffix: str, orientation: str
) -> None:
    path = write_nifti(tmp_path / f"scan{suffix}", intensities(), orientation)
    raw = read_nifti(path)
    other = nib.load(path)
    np.testing.assert_array_equal(raw.voxels, np.asarray(other.dataobj))
    np.testing.assert_array_equal(raw.affine, other.affine)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR", "ASL", "IRP"])
def test_every_orientation_arrives_as_the_same_ras_volume(tmp_path: Path, orientation: str) -> None:
    image = read_image(write_nifti(tmp_path / "scan.nii.gz", intensities(), orientation))
    np.testing.assert_array_equal(image[0].numpy(), intensities())
    np.testing.assert_allclose(image.affine.numpy(), ras_affine(), atol=1e-4)  # float32 header
    assert image.meta["source_orientation"] == orientation
    assert image.meta["source_shape"] == turned(intensities(), orientation)[0].shape


def test_nifti2_is_read_like_nifti1(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    nib.Nifti2Image(intensities(), ras_affine()).to_filename(path)
    np.testing.assert_array_equal(read_image(path)[0].numpy(), intensities())


def test_big_endian_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii"
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">i2")
    nib.Nifti1Image(intensities().astype(">i2"), ras_affine(), header).to_filename(path)
    assert path.read_bytes()[:4] == b"\0\0\x01\x5c"  # 348 in big-endian order
    np.testing.assert_array_equal(read_image(path)[0].numpy(), intensities())


def test_scaling_of_the_header_is_applied(scan: Path) -> None:
    spoil(scan, SLOPE, "2f", 0.5, 10.0)
    np.testing.assert_array_equal(read_image(scan)[0].numpy(), intensities() * 0.5 + 10)


def test_slope_zero_means_no_scaling(scan: Path) -> None:
    spoil(scan, SLOPE, "2f", 0.0, 7.0)
    np.testing.assert_array_equal(read_image(scan)[0].numpy(), intensities())


def test_trailing_dimension_of_one_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii"
    nib.Nifti1Image(intensities()[..., None], ras_affine()).to_filename(path)
    assert read_image(path).shape == (1, *intensities().shape)


def test_members_of_a_gzip_file_are_joined_with_a_warning(
    tmp_path: Path, scan: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = scan.read_bytes()
    path = tmp_path / "joined.nii.gz"
    path.write_bytes(gzip.compress(content[:9000]) + gzip.compress(content[9000:]))
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(read_image(path)[0].numpy(), intensities())
    assert "2 gzip members were joined" in caplog.text


@given(cut=st.integers(1, 10_000))
def test_no_cut_of_a_compressed_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "scan.nii.gz"
    whole = write_nifti(path, intensities()).read_bytes()
    path.write_bytes(whole[: max(2, len(whole) - cut)])
    refused(path, "E-FMT-002", "cut short .* copy or download it again")


@given(position=st.floats(0.01, 0.99), bit=st.integers(0, 7))
def test_no_flipped_bit_in_compressed_voxels_does_harm(
    tmp_path_factory: pytest.TempPathFactory, position: float, bit: int
) -> None:
    path = tmp_path_factory.mktemp("flip") / "scan.nii.gz"
    content = bytearray(write_nifti(path, intensities()).read_bytes())
    content[int(40 + position * (len(content) - 40))] ^= 1 << bit
    path.write_bytes(bytes(content))
    # what breaks first depends on the bit: the stream, its length, the header or the checksum
    refused_or_unharmed(path, intensities(), ("E-FMT", "E-GEOM", "E-VAL"))


def test_wrong_checksum_is_refused_though_the_voxels_decompress(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "scan.nii.gz", intensities())
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # first byte of the stored CRC
    path.write_bytes(bytes(content))
    assert nib.load(path) is not None  # other readers notice nothing
    refused(path, "E-FMT-003", "corrupt .*incorrect data check")


@pytest.mark.parametrize("kept", [100, 352, 5000])
def test_cut_uncompressed_file_is_refused(scan: Path, kept: int) -> None:
    scan.write_bytes(scan.read_bytes()[:kept])
    code, words = ("E-FMT-001", "not a single-file NIfTI") if kept < 348 else (
        "E-FMT-002",
        f"promises 23392 bytes, the file has {kept}",  # 352 + 6 * 40 * 48 * 2
    )  # fmt: skip
    refused(scan, code, words)


def test_surplus_bytes_are_refused(tmp_path: Path, scan: Path) -> None:
    content = scan.read_bytes() + b"more"
    scan.write_bytes(content)
    refused(scan, "E-FMT-004", "promises 23392 bytes, the file has 23396")
    packed = tmp_path / "scan.nii.gz"
    packed.write_bytes(gzip.compress(content))
    refused(packed, "E-FMT-004", "promises 23392 bytes, the contents have more")
    packed.write_bytes(gzip.compress(content[:-4]) + b"garbage")
    refused(packed, "E-FMT-004", "data follow after the end of the compressed stream")


def test_zero_padding_after_a_gzip_member_is_accepted(tmp_path: Path, scan: Path) -> None:
    path = tmp_path / "padded.nii.gz"
    path.write_bytes(gzip.compress(scan.read_bytes()) + bytes(512))
    np.testing.assert_array_equal(read_image(path)[0].numpy(), intensities())


def test_gzip_bomb_is_refused_by_its_header(tmp_path: Path, scan: Path) -> None:
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(scan.read_bytes() + bytes(200_000_000), compresslevel=1))
    refused(path, "E-FMT-004", "the contents have more than 23392")


@pytest.mark.parametrize(
    ("offset", "layout", "values", "code", "words"),
    [
        (344, "4s", (b"xxx\0",), "E-FMT-001", "wrong magic number"),
        (344, "4s", (b"ni1\0",), "E-FMT-001", r"hdr/\.img pair is not read"),
        (DIM, "h", (0,), "E-FMT-005", "1 to 7 dimensions, got 0"),
        (DIM, "h", (9,), "E-FMT-005", "1 to 7 dimensions, got 9"),
        (DIM, "h", (1,), "E-FMT-005", "must have 3 dimensions, got 1"),
        (DIM, "h", (2,), "E-FMT-005", "must have 3 dimensions, got 2"),
        (DIM, "5h", (4, 6, 40, 24, 2), "E-FMT-005", "must have 3 dimensions, got 4"),
        (DIM + 2, "h", (0,), "E-FMT-005", "every dimension must be positive"),
        (DIM + 2, "h", (-6,), "E-FMT-005", "every dimension must be positive"),
        (DIM + 2, "3h", (32767,) * 3, "E-FMT-007", "GiB, at most 1 GiB are read"),
        (DATATYPE, "h", (128,), "E-FMT-006", "got colour"),
        (DATATYPE, "h", (32,), "E-FMT-006", "got complex64"),
        (DATATYPE, "h", (1536,), "E-FMT-006", "got float128"),
        (DATATYPE, "h", (9999,), "E-FMT-006", "got unknown type 9999"),
        (VOX_OFFSET, "f", (0.0,), "E-FMT-005", "vox_offset must be at least 352"),
        (VOX_OFFSET, "f", (np.nan,), "E-FMT-005", "vox_offset must be at least 352"),
        (PIXDIM + 4, "f", (0.0,), "E-GEOM-005", "voxel spacing must be in"),
        (PIXDIM + 4, "f", (-1.0,), "E-GEOM-005", "voxel spacing must be in"),
        (PIXDIM + 4, "f", (np.nan,), "E-GEOM-005", "voxel spacing must be in"),
        (PIXDIM + 4, "f", (8.0,), "E-GEOM-007", "contradicts pixdim"),
        (XYZT_UNITS, "b", (1,), "E-GEOM-005", "must be mm, got metres"),
        (SROW_X, "f", (np.nan,), "E-GEOM-001", "affine must be finite"),
        (SROW_X + 12, "f", (1e30,), "E-GEOM-001", "affine must be finite"),
        (SROW_X, "f", (0.0,), "E-GEOM-002", "affine must be invertible"),
        (SROW_X + 4, "f", (0.1,), "E-GEOM-006", "axes must be orthogonal"),
        (SLOPE, "f", (np.inf,), "E-VAL-003", "must be finite, got inf"),
        (SLOPE, "f", (np.nan,), "E-VAL-003", "must be finite, got nan"),
        (SLOPE, "2f", (np.nan, np.nan), "E-VAL-003", "must be finite, got nan"),
        (SLOPE, "f", (1e30,), "E-VAL-003", "within 1e\\+12 after scaling"),
        (QUATERN, "3f", (0.9, 0.9, 0.9), "E-GEOM-007", "qform unusable"),
        (QUATERN + 12, "f", (50.0,), "E-GEOM-007", "sform and qform differ"),
    ],
)  # fmt: skip
def test_spoilt_header_is_refused_with_its_reason(
    scan: Path, offset: int, layout: str, values: tuple[float, ...], code: str, words: str
) -> None:
    refused(spoil(scan, offset, layout, *values), code, words)


def test_forms_that_differ_are_refused_though_they_name_two_spaces(scan: Path) -> None:
    spoil(scan, QUATERN + 12, "f", 50.0)
    refused(spoil(scan, SFORM_CODE, "h", 2), "E-GEOM-007", "sform and qform differ")


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (QUATERN + 12, -10.02, "sform and qform differ"),  # 0.02 of 4 mm
        (PIXDIM + 4, 4.02, "contradicts pixdim"),
    ],
)
def test_forms_that_hardly_differ_are_read_with_a_warning(
    scan: Path, caplog: pytest.LogCaptureFixture, offset: int, value: float, words: str
) -> None:
    with caplog.at_level(logging.WARNING):
        image = read_image(spoil(scan, offset, "f", value))
    assert words in caplog.text
    assert "(by 0.5% of a voxel), the sform is used" in caplog.text
    np.testing.assert_allclose(image.affine.numpy(), ras_affine(), atol=1e-4)


def test_qform_alone_gives_the_affine(scan: Path) -> None:
    spoil(scan, SFORM_CODE, "h", 0)
    np.testing.assert_allclose(read_image(scan).affine.numpy(), ras_affine(), atol=1e-4)


def test_without_any_form_ras_is_assumed_aloud(
    scan: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(scan, QFORM_CODE, "2h", 0, 0)
    with caplog.at_level(logging.WARNING):
        image = read_image(scan)
    assert "no sform and no qform" in caplog.text
    assert image.affine.diagonal().tolist() == [4.0, 1.0, 0.75, 1.0]


def test_qform_that_is_not_finite_is_refused_where_it_counts(scan: Path) -> None:
    spoil(scan, SFORM_CODE, "h", 0)
    refused(spoil(scan, QUATERN, "f", np.nan), "E-GEOM-001", "affine must be finite")


@pytest.mark.parametrize(
    ("name", "make", "code", "words"),
    [
        ("empty.nii.gz", lambda _: b"", "E-IN-002", "the file is empty"),
        ("page.nii.gz", lambda _: b"<html>no scan</html>", "E-FMT-001", "not gzip-compressed"),
        ("raw.nii.gz", lambda whole: whole, "E-FMT-001", r"rename it to raw\.nii$|raw\.nii"),
        ("packed.nii", gzip.compress, "E-FMT-001", r"rename it to packed\.nii\.gz"),
        ("text.nii", lambda _: b"words " * 100, "E-FMT-001", "not a single-file NIfTI"),
        ("zlib.nii.gz", zlib.compress, "E-FMT-001", "not gzip-compressed"),
    ],
)
def test_contents_decide_not_the_name(
    tmp_path: Path, scan: Path, name: str, make: Callable[[bytes], bytes], code: str, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(make(scan.read_bytes()))
    refused(path, code, words)


def test_missing_file_folder_and_link_to_nowhere_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.nii.gz", "E-IN-001", "no such file")
    folder = tmp_path / "folder.nii.gz"
    folder.mkdir()
    refused(folder, "E-IN-002", "not a regular file")
    link = tmp_path / "link.nii.gz"
    link.symlink_to(tmp_path / "nowhere")
    refused(link, "E-IN-001", "no such file")
    refused(tmp_path / ("x" * 300 + ".nii"), "E-IN-004", "cannot be read")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxel_that_is_not_finite_is_refused_with_its_place(tmp_path: Path, value: float) -> None:
    image = intensities().astype(np.float32)
    image[2, 3, 4] = value
    path = write_nifti(tmp_path / "scan.nii.gz", image)
    refused(path, "E-VAL-001", r"1 of 11520 voxels are not finite, the first at index \(2, 3, 4\)")


def test_constant_image_is_refused(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "flat.nii.gz", np.full((6, 40, 48), 7, dtype=np.int16))
    refused(path, "E-VAL-002", r"constant \(7\), there is no signal")


def test_image_of_a_few_voxels_is_refused_and_a_small_one_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refused(
        write_nifti(tmp_path / "tiny.nii", intensities()[:, :7, 20:27]),
        "E-GEOM-008",
        "at least 8 voxels in-plane",
    )
    with caplog.at_level(logging.WARNING):
        read_image(write_nifti(tmp_path / "small.nii", intensities()[:, 4:20, 4:20]))
    assert "only 16 voxels in-plane" in caplog.text


def test_single_slice_is_a_volume(tmp_path: Path) -> None:
    image = read_image(write_nifti(tmp_path / "slice.nii", intensities()[:1]))
    assert image.shape == (1, 1, 40, 48)


@pytest.mark.parametrize("spacing_mm", [0.01, 25.0])
def test_absurd_spacing_is_refused(tmp_path: Path, spacing_mm: float) -> None:
    path = tmp_path / "scan.nii"
    nib.Nifti1Image(intensities(), np.diag([spacing_mm, 1, 1, 1])).to_filename(path)
    refused(path, "E-GEOM-005", r"must be in \[0\.05, 20\.0\] mm")


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_label_map_of_any_voxel_type_arrives_as_integers(
    tmp_path: Path, dtype: type[np.generic]
) -> None:
    label = read_label(write_nifti(tmp_path / "label.nii.gz", spider_codes().astype(dtype), "PIR"))
    assert str(label.dtype) == "torch.int32"
    np.testing.assert_array_equal(label[0].numpy(), spider_codes())


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_64_bit_label_map_is_read_if_its_codes_are_small(
    tmp_path: Path, dtype: type[np.generic]
) -> None:
    path = tmp_path / "label.nii.gz"
    nib.Nifti1Image(spider_codes().astype(dtype), ras_affine(), dtype=dtype).to_filename(path)
    np.testing.assert_array_equal(read_label(path)[0].numpy(), spider_codes())


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (100.5, "E-LAB-002", r"must be integers, got 100\.5"),
        (1.01, "E-LAB-002", r"must be integers, got 1\.01"),
        (np.nan, "E-VAL-001", "1 label values are not finite"),
        (-1.0, "E-LAB-003", r"must be in \[0, 65535\], got \[-1, 203\]"),
        (1e9, "E-LAB-003", r"must be in \[0, 65535\]"),
    ],
)
def test_label_value_that_is_no_code_is_refused(
    tmp_path: Path, value: float, code: str, words: str
) -> None:
    codes = spider_codes().astype(np.float32)
    codes[0, 0, 0] = value
    path = write_nifti(tmp_path / "label.nii.gz", codes)
    with pytest.raises(InputFileError, match=words) as caught:
        read_label(path)
    assert caught.value.code == code


def test_rounding_noise_of_a_float_label_map_is_forgiven(tmp_path: Path) -> None:
    codes = spider_codes() + np.float32(3e-5)
    label = read_label(write_nifti(tmp_path / "label.nii.gz", codes.astype(np.float32)))
    np.testing.assert_array_equal(label[0].numpy(), spider_codes())
