"""Unusual scans are refused by an error that names the rule which reads them, and read by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spinesynth.errors import ConfigError
from spinesynth.io.array_volume import take_array
from spinesynth.io.input_rules import InputRules
from spinesynth.io.problems import InputFileError
from spinesynth.io.raw_volume import MAX_SHEAR, shear_of
from spinesynth.io.volume import read_image, read_raw
from spinesynth.io.write import write_volume
from tests.fabricate import Array, intensities, metaimage_bytes, nib, ras_affine, write_nifti
from tests.io.nrrd_files import nrrd_bytes

SLICE = intensities()[2]  # (40, 48)
SERIES = np.stack([intensities(seed) for seed in range(3)], axis=-1)
SHEARED = ras_affine()
SHEARED[1, 2] += 0.2  # the third axis leans forwards
COMPLEX = (3 + 4j) * intensities().astype(np.complex64)


def refused(path: Path, code: str, match: str, rules: InputRules | None = None) -> None:
    with pytest.raises(InputFileError, match=match) as caught:
        read_image(path, rules or InputRules())
    assert caught.value.code == code


def nifti(path: Path, voxels: Array, affine: Array | None = None) -> Path:
    image = nib.Nifti1Image(voxels, ras_affine() if affine is None else affine)
    image.to_filename(path)
    return path


def flat_metaimage(path: Path) -> Path:
    content = metaimage_bytes(
        SLICE[None], "RAS", NDims="2", DimSize="40 48", TransformMatrix="1 0 0 1", Offset="0 0",
        ElementSpacing="1.0 0.75",
    )  # fmt: skip
    path.write_bytes(content)
    return path


def flat_nrrd(path: Path) -> Path:
    content = nrrd_bytes(
        SLICE[None], "RAS", dimension="2", sizes="40 48", space=None, space_directions=None,
        space_origin=None, spacings="1.0 0.75",
    )  # fmt: skip
    path.write_bytes(content)
    return path


def flat_nifti(path: Path) -> Path:
    affine = np.diag([1.0, 0.75, 1.0, 1.0])  # of a transverse plane, as writers of 2D fill in
    return nifti(path, SLICE, affine)


FLAT = [(".nii.gz", flat_nifti), (".mha", flat_metaimage), (".nrrd", flat_nrrd)]


@pytest.mark.parametrize(("suffix", "write"), FLAT)
def test_flat_image_is_one_sagittal_slice_as_it_is_shown(
    suffix: str, write: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = write(tmp_path / f"flat{suffix}")
    refused(path, "E-FMT-005", r"must have 3 dimensions, got 2 .*predict --2d")
    image = read_image(path, InputRules(single_slice=True))
    # canonical axes increase forwards and upwards, columns and rows of a picture do not
    np.testing.assert_array_equal(image.numpy()[0, 0], SLICE[::-1, ::-1])
    spacing_mm = np.linalg.norm(image.affine.numpy()[:3, :3], axis=0)
    np.testing.assert_allclose(spacing_mm, [4.0, 1.0, 0.75])  # 4 mm by nobody's word
    (told,) = image.meta["source_converted"]
    assert told.startswith("a 2D image, read as one sagittal slice: columns from front to rear")
    write_volume(tmp_path / "out.nii", image, like=image)
    np.testing.assert_array_equal(read_raw(tmp_path / "out.nii").voxels[..., 0], SLICE)


def test_flat_image_lies_where_its_header_puts_it_in_a_sagittal_plane(tmp_path: Path) -> None:
    path = nifti(tmp_path / "flat.nii", SLICE, ras_affine()[:, [1, 2, 0, 3]])
    header = bytearray(path.read_bytes())
    for start in (88, 288, 304, 320):  # pixdim[3] and a column of the sform: a header of a
        header[start : start + 4] = np.float32(0).tobytes()  # 2D image need not know them
    path.write_bytes(bytes(header))
    image = read_image(path, InputRules(single_slice=True))
    np.testing.assert_array_equal(image.numpy()[0, 0], SLICE)
    np.testing.assert_allclose(image.affine.numpy(), ras_affine(), atol=1e-6)  # float32 stored
    assert image.meta["source_converted"] == ["a 2D image, read as one sagittal slice 4 mm thick"]


def series_nifti(path: Path) -> Path:
    return nifti(path, SERIES)


def series_metaimage(path: Path) -> Path:
    content = metaimage_bytes(
        intensities(), "RAS", compressed=False, NDims="4", DimSize="6 40 48 3",
        TransformMatrix="-1 0 0 0  0 -1 0 0  0 0 1 0  0 0 0 1", Offset="10 31 -52 0",
        ElementSpacing="4 1 0.75 2.5",
    )  # fmt: skip
    head = content[: -intensities().nbytes]
    path.write_bytes(head + SERIES.tobytes(order="F"))
    return path


def series_nrrd(path: Path, *, interleaved: bool = False) -> Path:
    plain = nrrd_bytes(intensities(), "RAS", encoding="raw").partition(b"\n\n")[0].decode()
    line = next(line for line in plain.splitlines() if line.startswith("space directions"))
    vectors = line.partition(": ")[2]
    sizes, directions, kinds, data = "6 40 48 3", f"{vectors} none", "domain " * 3 + "list", SERIES
    if interleaved:
        sizes, directions, kinds = "3 6 40 48", f"none {vectors}", "list" + " domain" * 3
        data = np.moveaxis(SERIES, -1, 0)
    head = nrrd_bytes(
        intensities(), "RAS", encoding="raw", dimension="4", sizes=sizes, kinds=kinds,
        space_directions=directions,
    ).partition(b"\n\n")[0]  # fmt: skip
    path.write_bytes(head + b"\n\n" + data.tobytes(order="F"))
    return path


def series_interleaved(path: Path) -> Path:
    return series_nrrd(path, interleaved=True)


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        (".nii.gz", series_nifti),
        (".mha", series_metaimage),
        (".nrrd", series_nrrd),
        (".nrrd", series_interleaved),
    ],
)
def test_one_volume_of_several_is_read(
    suffix: str, write: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = write(tmp_path / f"series{suffix}")
    refused(path, "E-FMT-005", r"must have 3 dimensions, got 4 .*predict --volume N")
    for number in range(3):
        image = read_image(path, InputRules(volume=number))
        np.testing.assert_array_equal(image.numpy()[0], SERIES[..., number])
        np.testing.assert_allclose(image.affine.numpy(), ras_affine())
        assert image.meta["source_converted"] == [f"volume {number} of 3 (counted from 0)"]
    refused(path, "E-FMT-008", "holds 3 volumes, of which --volume 3", InputRules(volume=3))


def test_volume_of_a_single_one_is_the_first(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", intensities())
    assert "source_converted" not in read_image(path, InputRules(volume=0)).meta
    refused(path, "E-FMT-008", "holds 1 volume, of which --volume 1", InputRules(volume=1))


def complex_nrrd(path: Path) -> Path:
    parts = np.stack([COMPLEX.real, COMPLEX.imag]).astype(np.float32)
    plain = nrrd_bytes(intensities(), "RAS", encoding="raw").partition(b"\n\n")[0].decode()
    line = next(line for line in plain.splitlines() if line.startswith("space directions"))
    head = nrrd_bytes(
        intensities(), "RAS", encoding="raw", type="float", dimension="4", sizes="2 6 40 48",
        kinds="complex domain domain domain", space_directions="none " + line.partition(": ")[2],
    ).partition(b"\n\n")[0]  # fmt: skip
    path.write_bytes(head + b"\n\n" + parts.tobytes(order="F"))
    return path


def complex_nifti(path: Path) -> Path:
    return nifti(path, COMPLEX)


@pytest.mark.parametrize(("suffix", "write"), [(".nii", complex_nifti), (".nrrd", complex_nrrd)])
def test_magnitude_of_complex_voxels_is_read(
    suffix: str, write: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = write(tmp_path / f"complex{suffix}")
    refused(path, "E-FMT-006", "predict --magnitude")
    refused(path, "E-FMT-006", "predict --magnitude", InputRules(volume=0))
    image = read_image(path, InputRules(magnitude=True))
    # |3 + 4i| = 5; all of it is whole numbers below 2**24, which float32 holds
    np.testing.assert_array_equal(image.numpy()[0], 5.0 * intensities())
    assert image.meta["source_converted"] == ["complex voxels, read as their magnitude"]


def test_parts_of_voxels_are_no_volumes(tmp_path: Path) -> None:
    colour = nrrd_bytes(
        intensities(), "RAS", dimension="4", sizes="3 6 40 48", kinds="3-color domain domain domain"
    )
    path = tmp_path / "a.nrrd"
    path.write_bytes(colour)
    refused(path, "E-FMT-006", "plain numbers, got the kinds '3-color", InputRules(volume=0))


def test_voxels_that_are_not_finite_have_the_median_of_the_others(tmp_path: Path) -> None:
    voxels = np.full((6, 40, 48), 7.0, dtype=np.float32)
    voxels[0, 0, :3] = np.nan, np.inf, -np.inf
    voxels[1] = 9.0  # fewer than there are of 7
    path = nifti(tmp_path / "a.nii", voxels)
    refused(path, "E-VAL-001", "3 of 11520 voxels .*predict --fill-nonfinite median")
    image = read_image(path, InputRules(fill_nonfinite="median"))
    assert image.numpy()[0, 0, 0, :4].tolist() == [7.0] * 4
    (told,) = image.meta["source_converted"]
    assert told == "3 of 11520 voxels were not finite, they have the median 7"
    path = nifti(tmp_path / "b.nii", np.full((6, 40, 48), np.nan, dtype=np.float32))
    refused(path, "E-VAL-001", "11520 of 11520", InputRules(fill_nonfinite="median"))


def ramp(affine: Array, shape: tuple[int, ...]) -> Array:
    """Return intensities that grow evenly through the world, from its coordinates in mm."""
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    world = grid @ affine[:3, :3].T + affine[:3, 3]
    return np.asarray(world @ [1.0, 2.0, 3.0] + 500).astype(np.float32)


def test_sheared_grid_is_read_by_an_orthogonal_one_and_written_as_it_was(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", ramp(SHEARED, (6, 40, 48)), SHEARED)
    refused(path, "E-GEOM-006", "axes must be orthogonal .*predict --deshear")
    image = read_image(path, InputRules(deshear=True))
    affine = image.affine.numpy()
    assert shear_of(affine) < 1e-9  # rounding of float64
    there = image.numpy()[0]
    inside = there > there.min()
    assert 0.7 < inside.mean() < 1  # beyond the old grid it is dark
    # interpolation keeps what grows evenly but for the outermost voxels, where it ends
    core = tuple(slice(10, -10) for _ in range(2))
    np.testing.assert_allclose(
        there[1:-1][:, *core], ramp(affine, there.shape)[1:-1][:, *core], atol=1e-2
    )
    assert image.meta["source_converted"][0].startswith("sheared axes (cosine up to 0.2")
    write_volume(tmp_path / "out.nii", image, like=image)
    written = read_raw(tmp_path / "out.nii", InputRules(deshear=True))
    np.testing.assert_allclose(written.affine, SHEARED, atol=1e-4)  # mm, as promised
    # the nearest voxel lies at most half of one away along each axis
    step = np.abs(affine[:3, :3].T @ [1.0, 2.0, 3.0]).sum() / 2
    moved = np.abs(written.voxels - ramp(SHEARED, (6, 40, 48)))
    assert moved[:, 1:-1, 1:-1].max() <= step  # that of one at the edge may be dark
    assert np.abs(nib.load(tmp_path / "out.nii").affine - SHEARED).max() < 1e-4


@pytest.mark.parametrize("suffix", [".mha", ".nrrd"])
def test_every_format_holds_a_sheared_grid(suffix: str, tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", ramp(SHEARED, (6, 40, 48)), SHEARED)
    image = read_image(path, InputRules(deshear=True))
    write_volume(tmp_path / f"out{suffix}", image, like=image)
    affine = read_raw(tmp_path / f"out{suffix}", InputRules(deshear=True)).affine
    np.testing.assert_allclose(affine, SHEARED, atol=1e-4)  # mm, as promised


def test_orthogonal_grid_is_left_as_it_is(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", intensities(), "PIR")
    plain, asked = read_image(path), read_image(path, InputRules(deshear=True))
    np.testing.assert_array_equal(plain.numpy(), asked.numpy())
    assert "source_converted" not in asked.meta
    assert shear_of(asked.affine.numpy()) <= MAX_SHEAR


def test_arrays_are_read_by_the_same_rules() -> None:
    taken = take_array(SERIES, ras_affine(), InputRules(volume=2))
    np.testing.assert_array_equal(taken.voxels, SERIES[..., 2])
    flat = take_array(SLICE, np.eye(4), InputRules(single_slice=True))
    assert flat.voxels.shape == (40, 48, 1)
    np.testing.assert_array_equal(
        take_array(COMPLEX, ras_affine(), InputRules(magnitude=True)).voxels, 5 * intensities()
    )
    for voxels, affine, code in (
        (SERIES, ras_affine(), "E-FMT-005"),
        (SLICE, ras_affine(), "E-FMT-005"),
        (COMPLEX, ras_affine(), "E-FMT-006"),
        (intensities(), SHEARED, "E-GEOM-006"),
    ):
        with pytest.raises(InputFileError, match=code):
            take_array(voxels, affine)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"volume": -1}, "correct --volume"), ({"fill_nonfinite": "mean"}, "must be one of median")],
)
def test_impossible_rules_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=rf"E-CONF-097.*{said}"):
        InputRules(**wrong)  # type: ignore[arg-type]  # what a user may pass
