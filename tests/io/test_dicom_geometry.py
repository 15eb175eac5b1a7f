"""DICOM in: the places of the slices make one volume, or one clear error.

Rows of the catalogue of bad inputs: 49 unsorted and without InstanceNumber, 51 missing
slice, 52 duplicate, uneven, tilted, 60 no position.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinesynth.io.volume import read_image
from tests.fabricate import intensities, nib, ras_affine, write_nifti
from tests.io.bad_files import refused
from tests.io.dicom_files import (
    PLANES,
    SLICED,
    change,
    oblique,
    sagittal,
    slices,
    volume,
    write_series,
)

pytest.importorskip("pydicom", exc_type=ImportError)

#: Texts of positions hold 10 digits, NIfTI stores float32: 1e-7 of 100 mm.
AFFINE_TOLERANCE_MM = 1e-4


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


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_slice_without_a_place_is_refused(tmp_path: Path, keyword: str) -> None:
    made = sagittal()
    change(made[4], **{keyword: None})
    refused(write_series(tmp_path, made), "E-DCM-010", f"IM0004.dcm has no {keyword}")
