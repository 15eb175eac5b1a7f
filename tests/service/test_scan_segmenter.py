"""What the worker leaves of a scan: label map, DICOM segmentation, picture, report."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spinesynth.errors import InputError
from spinesynth.pipelines.segmenter import SpineSegmenter
from spinesynth.service.scan_segmenter import segment_scan
from tests.fabricate import intensities, nib, write_nifti
from tests.pipelines.place_predictor import ORIGIN, NothingPredictor, PlacePredictor

SEGMENTER = SpineSegmenter.of(PlacePredictor(), ORIGIN)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


def test_scan_leaves_label_map_picture_and_report(tmp_path: Path, output: Path) -> None:
    scan = write_nifti(tmp_path / "input.nii.gz", intensities(), "PIR")
    report = segment_scan(SEGMENTER, scan, output)
    assert {path.name for path in output.iterdir()} == {"labels.nii.gz", "preview.png"}
    labels, image = nib.load(output / "labels.nii.gz"), nib.load(scan)
    assert labels.shape == image.shape
    assert np.allclose(labels.affine, image.affine, atol=1e-4)  # stored as float32
    assert set(np.unique(labels.dataobj)) == set(range(6))
    assert (report["scheme"], report["suspicious"]) == ("spine6", False)
    assert str(tmp_path) not in json.dumps(report, allow_nan=False)
    volumes = {row["structure"]: row for row in report["volumes"] if row["instance"] == 0}
    assert volumes["disc"]["voxels"] == np.count_nonzero(np.asarray(labels.dataobj) == 3)
    assert volumes["disc"]["height_mm"] is None  # NaN is no JSON


def test_scan_without_a_spine_is_suspicious(tmp_path: Path, output: Path) -> None:
    scan = write_nifti(tmp_path / "input.nii", intensities())
    report = segment_scan(SpineSegmenter.of(NothingPredictor(), ORIGIN), scan, output)
    assert report["suspicious"] is True
    assert [flag["name"] for flag in report["flags"]] == ["empty"]
    assert any("no structure was found" in line for line in report["warnings"])


def test_scan_whose_orientation_would_be_a_guess_is_refused(tmp_path: Path, output: Path) -> None:
    image = nib.Nifti1Image(intensities(), None)
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    image.to_filename(tmp_path / "input.nii")
    with pytest.raises(InputError, match=r"E-IN-007\].*input.nii: no sform and no qform"):
        segment_scan(SEGMENTER, tmp_path / "input.nii", output)


@pytest.mark.slow
def test_dicom_archive_leaves_a_dicom_segmentation(tmp_path: Path, output: Path) -> None:
    pydicom = pytest.importorskip("pydicom", exc_type=ImportError)
    pytest.importorskip("highdicom", exc_type=ImportError)
    from tests.io.dicom_files import content, slices, volume

    with zipfile.ZipFile(tmp_path / "input.zip", "w") as archive:
        for number, one in enumerate(slices(*volume())):
            archive.writestr(f"IM{number}.dcm", content(one))
    segment_scan(SEGMENTER, tmp_path / "input.zip", output)
    names = {path.name for path in output.iterdir()}
    assert names == {"labels.nii.gz", "labels.dcm", "preview.png"}
    assert pydicom.dcmread(output / "labels.dcm").Modality == "SEG"


def test_file_that_names_another_reads_none(tmp_path: Path, output: Path) -> None:
    (tmp_path / "secret").write_bytes(b"0" * 10_000)
    header = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 20 20 20\nencoding: raw\n"
    (tmp_path / "input.nrrd").write_text(header + f"data file: {tmp_path}/secret\n\n")
    with pytest.raises(InputError, match=r"E-FMT-005.*in the same folder"):
        segment_scan(SEGMENTER, tmp_path / "input.nrrd", output)
    assert list(output.iterdir()) == []


def test_scan_is_read_as_a_strangers(tmp_path: Path, output: Path) -> None:
    pytest.importorskip("pydicom", exc_type=ImportError)
    from tests.io.dicom_files import DEFLATED, content, sagittal

    (tmp_path / "input.dcm").write_bytes(content(sagittal()[0], DEFLATED))
    with pytest.raises(InputError, match=r"E-DCM-020.*deflated"):
        segment_scan(SEGMENTER, tmp_path / "input.dcm", output)
    assert SEGMENTER.segment(tmp_path / "input.dcm").labels.shape == (1, 40, 48)
