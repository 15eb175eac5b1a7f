"""NRRD is read as SimpleITK reads it where it is whole, and refused where it is not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spinesynth.io.nrrd import read_nrrd
from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_image, read_label, read_raw
from spinesynth.io.write import write_volume
from tests.fabricate import intensities, parts_codes, ras_affine
from tests.io.bad_files import refused, refused_or_unharmed, save
from tests.io.nrrd_files import nrrd_bytes

ORIENTATIONS = ["RAS", "LPS", "PIR", "ASL", "IRP"]


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_voxels_and_affine_are_those_of_simpleitk(
    tmp_path: Path,
    sitk: Any,  # noqa: ANN401
    orientation: str,
    encoding: str,
) -> None:
    content = nrrd_bytes(intensities(), orientation, encoding=encoding)
    path = save(tmp_path / "scan.nrrd", content)
    raw, other = read_nrrd(path), sitk.ReadImage(str(path))
    np.testing.assert_array_equal(raw.voxels, sitk.GetArrayFromImage(other).transpose(2, 1, 0))
    index = (1, 7, 5)
    place = np.diag([-1, -1, 1]) @ other.TransformIndexToPhysicalPoint(index)
    # both compute in float64
    np.testing.assert_allclose((raw.affine @ [*index, 1])[:3], place, atol=1e-9)
    image = read_image(path)
    np.testing.assert_array_equal(image[0].numpy(), intensities())
    np.testing.assert_allclose(image.affine.numpy(), ras_affine(), atol=1e-9)


@pytest.mark.parametrize("space", ["RAS", "right-anterior-superior", "left-anterior-superior"])
def test_other_spaces_mirror_the_axes_that_they_name(tmp_path: Path, space: str) -> None:
    path = save(tmp_path / "a.nrrd", nrrd_bytes(intensities(), space=space))
    lps = read_nrrd(save(tmp_path / "b.nrrd", nrrd_bytes(intensities()))).affine
    signs = [-1, -1, 1, 1] if space[:1] in "Rr" else [1, -1, 1, 1]
    np.testing.assert_allclose(read_nrrd(path).affine, np.diag(signs) @ lps, atol=1e-9)


def test_written_file_is_read_by_simpleitk_with_its_segments(
    tmp_path: Path,
    sitk: Any,  # noqa: ANN401
) -> None:
    image = read_image(save(tmp_path / "a.nrrd", nrrd_bytes(intensities(), "PIR")))
    fields = {"Segment0_Name": "disc: all", "Segment0_LabelValue": "2"}
    codes = torch.from_numpy(parts_codes())
    for name in ("one", "two"):
        write_volume(tmp_path / f"{name}.nrrd", codes, like=image, fields=fields)
    assert (tmp_path / "one.nrrd").read_bytes() == (tmp_path / "two.nrrd").read_bytes()
    other, source = sitk.ReadImage(str(tmp_path / "one.nrrd")), sitk.ReadImage(tmp_path / "a.nrrd")
    assert other.GetMetaData("Segment0_Name") == "disc: all"
    np.testing.assert_allclose(other.GetOrigin(), source.GetOrigin(), atol=1e-9)
    np.testing.assert_allclose(other.GetDirection(), source.GetDirection(), atol=1e-9)
    np.testing.assert_array_equal(read_label(tmp_path / "one.nrrd")[0].numpy(), parts_codes())


@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_data_beside_a_header_are_read(tmp_path: Path, encoding: str) -> None:
    whole = nrrd_bytes(intensities(), encoding=encoding, data_file="scan.bin")
    header, _, data = whole.partition(b"\n\n")
    save(tmp_path / "scan.bin", data)
    path = save(tmp_path / "scan.nhdr", header + b"\n")  # no empty line, as teem writes it
    np.testing.assert_array_equal(read_image(path)[0].numpy(), intensities())


@pytest.mark.parametrize(
    "name",
    ["../scan.bin", "/etc/passwd", "a\\b", "LIST", "LIST 2", "scan%03d.raw 1 9 1", "..", "c:x"],
)
def test_data_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    whole = nrrd_bytes(intensities(), encoding="raw", data_file=name)
    path = save(tmp_path / "scan.nhdr", whole.partition(b"\n\n")[0] + b"\n\n")
    refused(path, "E-FMT-005", "one file in the same folder, named without a path")


def test_missing_data_are_refused(tmp_path: Path) -> None:
    whole = nrrd_bytes(intensities(), data_file="gone.gz")
    path = save(tmp_path / "a.nhdr", whole.partition(b"\n\n")[0])
    with pytest.raises(InputFileError, match=r"E-IN-001.*gone\.gz: no such file"):
        read_image(path)


@settings(max_examples=30)
@given(cut=st.integers(1, 5_000), encoding=st.sampled_from(["gzip", "raw"]))
def test_no_cut_of_a_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, cut: int, encoding: str
) -> None:
    content = nrrd_bytes(intensities(), encoding=encoding)
    path = save(tmp_path_factory.mktemp("cut") / "a.nrrd", content[:-cut])
    refused(path, "E-FMT-002", "cut short|the file holds")


@settings(max_examples=30)
@given(position=st.floats(0, 1), bit=st.integers(0, 7))
def test_no_flipped_bit_in_compressed_voxels_does_harm(
    tmp_path_factory: pytest.TempPathFactory, position: float, bit: int
) -> None:
    content = bytearray(nrrd_bytes(intensities()))
    start = content.index(b"\n\n") + 2 + 10  # the first ten bytes are gzip's name and time
    content[start + int(position * (len(content) - 1 - start))] ^= 1 << bit
    path = save(tmp_path_factory.mktemp("flip") / "a.nrrd", bytes(content))
    refused_or_unharmed(path, intensities(), ("E-FMT-002", "E-FMT-003", "E-FMT-004"))


def test_compression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    head = nrrd_bytes(intensities()).partition(b"\n\n")[0] + b"\n\n"
    path = save(tmp_path / "bomb.nrrd", head + gzip.compress(bytes(100_000_000), 1))
    refused(path, "E-FMT-004", "promises 23040 bytes")


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"sizes": "40000 40000 40000"}, "E-FMT-007", "at most 1 GiB are read"),
        ({"sizes": "6 40 0"}, "E-FMT-005", "every dimension must be positive"),
        ({"sizes": "6 40", "dimension": "2"}, "E-FMT-005", "must have 3 dimensions, got 2"),
        ({"sizes": "3 6 40 48", "dimension": "4"}, "E-FMT-005", "must have 3 dimensions, got 4"),
        ({"dimension": "4"}, "E-FMT-005", "field dimension cannot be used"),
        ({"sizes": "six"}, "E-FMT-005", "field sizes cannot be used, got 'six'"),
        ({"type": "block"}, "E-FMT-006", "integer or float of up to 64 bits, got 'block'"),
        ({"endian": None}, "E-FMT-005", "field endian cannot be used, got 'nothing'"),
        ({"encoding": "bzip2"}, "E-FMT-005", "encoding must be raw or gzip, got 'bzip2'"),
        ({"encoding": "ascii"}, "E-FMT-005", "encoding must be raw or gzip, got 'ascii'"),
        ({"byte_skip": "-1"}, "E-FMT-005", "field byte skip cannot be used"),
        ({"line_skip": "3"}, "E-FMT-005", "field line skip cannot be used"),
        ({"space": "scanner-xyz"}, "E-FMT-005", "space must be one of"),
        ({"space": None}, "E-FMT-005", "space must be one of"),
        ({"space_directions": "(1,0,0) (0,1,0) none"}, "E-FMT-005", "space directions"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,0)"}, "E-GEOM-002", "must be invertible"),
        ({"space_directions": "(1,0,0) (0,nan,0) (0,0,1)"}, "E-GEOM-001", "must be finite"),
        ({"space_directions": "(1,0,0) (.1,1,0) (0,0,1)"}, "E-GEOM-006", "must be orthogonal"),
        ({"space_directions": "(.001,0,0) (0,.001,0) (0,0,.004)"}, "E-GEOM-005", "spacing must be"),
        ({"space_origin": "(1e30,0,0)"}, "E-GEOM-001", "origin within"),
        ({"space_origin": "1 2 3"}, "E-FMT-005", "space origin"),
        ({"space_units": '"m" "m" "m"'}, "E-GEOM-005", "unit of space must be mm, got m, m, m"),
    ],
)
def test_spoilt_header_is_refused_with_its_reason(
    tmp_path: Path, fields: dict[str, str | None], code: str, words: str
) -> None:
    encoding = fields.get("encoding") or "gzip"
    rest = {name: value for name, value in fields.items() if name != "encoding"}
    content = nrrd_bytes(intensities(), encoding=encoding, **rest)  # type: ignore[arg-type]  # fields
    refused(save(tmp_path / "a.nrrd", content), code, words)


def test_field_with_two_values_is_refused(tmp_path: Path) -> None:
    content = nrrd_bytes(intensities()).replace(b"NRRD0004\n", b"NRRD0004\nsizes: 1 1 1\n")
    refused(save(tmp_path / "a.nrrd", content), "E-FMT-005", "field sizes .* 'two values'")


@pytest.mark.parametrize("content", [b"\0" * 400, b"<html>\n</html>\n", b"NRRD0009\n\n"])
def test_other_contents_are_refused(tmp_path: Path, content: bytes) -> None:
    refused(save(tmp_path / "a.nrrd", content), "E-FMT-001", "not a NRRD file")


def test_spacings_alone_are_read_as_simpleitk_does_with_a_warning(
    tmp_path: Path,
    sitk: Any,  # noqa: ANN401
    caplog: pytest.LogCaptureFixture,
) -> None:
    none = {"space": None, "space_directions": None, "space_origin": None}
    content = nrrd_bytes(intensities(), **none, spacings="4 1 0.75")  # type: ignore[arg-type]  # fields
    path = save(tmp_path / "a.nrrd", content)
    raw, other = read_raw(path), sitk.ReadImage(str(path))
    assert "axes are assumed to be LPS" in caplog.text
    place = np.diag([-1, -1, 1]) @ other.TransformIndexToPhysicalPoint((1, 2, 3))
    np.testing.assert_allclose((raw.affine @ [1, 2, 3, 1])[:3], place, atol=1e-9)
