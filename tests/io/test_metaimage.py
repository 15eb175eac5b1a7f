"""MetaImage: a whole .mha arrives as it was, anything else is refused by name."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinesynth.io.metaimage import read_metaimage
from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_image, read_label
from tests.fabricate import intensities, metaimage_bytes, ras_affine, spider_codes
from tests.io.bad_files import refused, refused_or_unharmed, save

ORIENTATIONS = ["LPS", "PIR", "RAS", "ASL"]


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_voxels_and_affine_are_those_of_simpleitk(
    tmp_path: Path,
    sitk: Any,  # noqa: ANN401
    orientation: str,
    compressed: bool,
) -> None:
    content = metaimage_bytes(intensities(), orientation, compressed=compressed)
    path = save(tmp_path / "scan.mha", content)
    raw, other = read_metaimage(path), sitk.ReadImage(str(path))
    np.testing.assert_array_equal(raw.voxels, sitk.GetArrayFromImage(other).transpose(2, 1, 0))
    index = (1, 7, 5)
    place = np.diag([-1, -1, 1]) @ other.TransformIndexToPhysicalPoint(index)
    np.testing.assert_allclose((raw.affine @ [*index, 1])[:3], place, atol=1e-9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_arrives_as_the_same_ras_volume(tmp_path: Path, orientation: str) -> None:
    image = read_image(save(tmp_path / "a.mha", metaimage_bytes(intensities(), orientation)))
    np.testing.assert_array_equal(image[0].numpy(), intensities())
    np.testing.assert_allclose(image.affine.numpy(), ras_affine(), atol=1e-9)
    assert image.meta["source_orientation"] == orientation


@pytest.mark.parametrize("compressed", [True, False])
def test_big_endian_voxels_are_read(tmp_path: Path, compressed: bool) -> None:
    swapped = intensities().byteswap()  # the same bytes as big-endian numbers
    content = metaimage_bytes(swapped, compressed=compressed, BinaryDataByteOrderMSB="True")
    image = read_image(save(tmp_path / "a.mha", content))
    np.testing.assert_array_equal(image[0].numpy(), intensities())


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_label_map_of_any_voxel_type_arrives_as_integers(tmp_path: Path, dtype: str) -> None:
    content = metaimage_bytes(spider_codes().astype(dtype))
    label = read_label(save(tmp_path / "a.mha", content))
    np.testing.assert_array_equal(label[0].numpy(), spider_codes())


@given(cut=st.integers(1, 5_000), compressed=st.booleans())
def test_no_cut_of_a_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int, compressed: bool
) -> None:
    content = metaimage_bytes(intensities(), compressed=compressed)
    path = save(tmp_path_factory.mktemp("cut") / "a.mha", content[:-cut])
    refused(path, "E-FMT-002", "cut short|holds only")


@given(position=st.floats(0, 1), bit=st.integers(0, 7))
def test_no_flipped_bit_in_compressed_voxels_does_harm(
    tmp_path_factory: pytest.TempPathFactory, position: float, bit: int
) -> None:
    content = bytearray(metaimage_bytes(intensities()))
    start = content.index(b"LOCAL\n") + 6
    content[start + int(position * (len(content) - 1 - start))] ^= 1 << bit
    path = save(tmp_path_factory.mktemp("flip") / "a.mha", bytes(content))
    refused_or_unharmed(path, intensities(), ("E-FMT-002", "E-FMT-003", "E-FMT-004"))


@pytest.mark.parametrize("compressed", [True, False])
def test_surplus_bytes_are_refused(tmp_path: Path, compressed: bool) -> None:
    content = metaimage_bytes(intensities(), compressed=compressed) + b"more"
    refused(save(tmp_path / "a.mha", content), "E-FMT-004", "promises 23040 bytes of voxels")


def test_compression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    head = metaimage_bytes(intensities(), compressed=True).split(b"LOCAL\n")[0] + b"LOCAL\n"
    path = save(tmp_path / "bomb.mha", head + zlib.compress(bytes(200_000_000), 1))
    refused(path, "E-FMT-004", "promises 23040 bytes of voxels")


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"ElementDataFile": "../secret.raw"}, "E-FMT-005", "LOCAL.*got '../secret.raw'"),
        ({"ElementDataFile": "LIST"}, "E-FMT-005", "got 'LIST'"),
        ({"ElementNumberOfChannels": "3"}, "E-FMT-006", "must have 1 channel, got 3"),
        ({"ElementType": "MET_UCHAR_ARRAY"}, "E-FMT-006", "got MET_UCHAR_ARRAY"),
        ({"DimSize": "6 40"}, "E-FMT-005", "must have 3 dimensions, got 2"),
        ({"DimSize": "6 40 0"}, "E-FMT-005", "every dimension must be positive"),
        ({"DimSize": "40000 40000 40000"}, "E-FMT-007", "at most 1 GiB are read"),
        ({"DimSize": "six"}, "E-FMT-005", "field DimSize cannot be used, got 'six'"),
        ({"NDims": "4"}, "E-FMT-005", "NDims = 3 and BinaryData = True"),
        ({"BinaryData": "False"}, "E-FMT-005", "NDims = 3 and BinaryData = True"),
        ({"ElementSpacing": "1 0 1"}, "E-GEOM-005", "ElementSpacing must be positive"),
        ({"ElementSpacing": "1 -1 1"}, "E-GEOM-005", "ElementSpacing must be positive"),
        ({"ElementSpacing": "1 nan 1"}, "E-GEOM-001", "affine must be finite"),
        ({"ElementSpacing": "0.001 0.001 0.004"}, "E-GEOM-005", r"must be in \[0\.05, 20\.0\] mm"),
        ({"ElementSpacing": "1 1"}, "E-FMT-005", "field ElementSpacing cannot be used"),
        ({"Offset": "nan 0 0"}, "E-GEOM-001", "affine must be finite"),
        ({"Offset": "1e30 0 0"}, "E-GEOM-001", "affine must be finite"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "E-GEOM-002", "affine must be invertible"),
        ({"TransformMatrix": "0 0 0 0 1 0 0 0 1"}, "E-GEOM-002", "affine must be invertible"),
        ({"TransformMatrix": "1 .1 0 0 1 0 0 0 1"}, "E-GEOM-006", "axes must be orthogonal"),
    ],
)
def test_spoilt_header_is_refused_with_its_reason(
    tmp_path: Path, fields: dict[str, str], code: str, words: str
) -> None:
    content = metaimage_bytes(intensities(), compressed=True, **fields)
    refused(save(tmp_path / "a.mha", content), code, words)


@pytest.mark.parametrize("content", [b"\0" * 400, b"<html>\n</html>\n", b"NDims = 3\n"])
def test_other_contents_are_refused(tmp_path: Path, content: bytes) -> None:
    refused(save(tmp_path / "a.mha", content), "E-FMT-001", "not a MetaImage file")


def test_voxel_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    image = intensities().astype(np.float32)
    image[0, 0, 0] = np.nan
    refused(save(tmp_path / "a.mha", metaimage_bytes(image)), "E-VAL-001", "1 of 11520 voxels")


def test_data_beside_a_header_are_read(tmp_path: Path) -> None:
    for compressed in (True, False):
        content = metaimage_bytes(intensities(), compressed=compressed, ElementDataFile="a.raw")
        header, mark, data = content.partition(b"ElementDataFile = a.raw\n")
        save(tmp_path / "a.raw", data)
        image = read_image(save(tmp_path / "a.mhd", header + mark))
        np.testing.assert_array_equal(image[0].numpy(), intensities())


@pytest.mark.parametrize("name", ["../a.raw", "/etc/passwd", "LIST", "a%02d.raw 1 9 1", ".."])
def test_data_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    content = metaimage_bytes(intensities(), ElementDataFile=name)
    path = save(tmp_path / "a.mhd", content[: content.index(name.encode()) + len(name)] + b"\n")
    refused(path, "E-FMT-005", "one file in the same folder, named without a path")


def test_data_beside_a_header_must_be_whole(tmp_path: Path) -> None:
    content = metaimage_bytes(intensities(), compressed=False, ElementDataFile="a.raw")
    header, mark, data = content.partition(b"ElementDataFile = a.raw\n")
    path = save(tmp_path / "a.mhd", header + mark)
    with pytest.raises(InputFileError, match=r"E-IN-001.*a\.raw: no such file"):
        read_image(path)
    save(tmp_path / "a.raw", data[:-1])
    refused(path, "E-FMT-002", "holds only 23039")
    save(path, header + b"HeaderSize = -1\n" + mark)
    refused(path, "E-FMT-005", "field HeaderSize cannot be used")
