"""DICOM in: one series of MR images is found among whatever a folder holds, or named.

Rows of the catalogue of bad inputs: 44 links, 50 two series, 53 mixed sizes and orientations,
localiser, 60 not MR, no preamble, DICOMDIR.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from spinesynth.errors import ConfigError
from spinesynth.io.volume import read_image, read_raw
from tests.fabricate import intensities
from tests.io.bad_files import refused
from tests.io.dicom_files import (
    CT,
    change,
    content,
    oblique,
    sagittal,
    slices,
    volume,
    write_series,
)

pytest.importorskip("pydicom", exc_type=ImportError)


def test_files_in_subfolders_and_without_suffix_are_found(tmp_path: Path) -> None:
    made = sagittal()
    write_series(tmp_path / "DICOM" / "A", made[:3], names="IM{:04d}")
    write_series(tmp_path / "DICOM" / "B", made[3:], names="1.2.3.{}")
    (tmp_path / "README.txt").write_text("not an image")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    image = read_image(tmp_path)
    np.testing.assert_array_equal(image[0].numpy(), intensities())
    assert "DICOMDIR, README.txt" in " ".join(image.meta["source_notes"])


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
