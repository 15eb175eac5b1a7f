"""No output replaces an input, and none is begun that cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spinesynth.errors import ConfigError, OutputError
from spinesynth.pipelines.segment import segment_files
from spinesynth.pipelines.segment_outputs import OutputOptions
from tests.fabricate import intensities, write_nifti
from tests.io.dicom_files import slices, volume, write_series
from tests.pipelines.segmented_scans import names, segmented
from tests.pipelines.tiny_checkpoint import write_checkpoint


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "m.pt")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_nifti(tmp_path / "scan.nii.gz", intensities(), "LPS")


@pytest.mark.parametrize("how", ["same", "hard link", "symbolic link"])
def test_output_that_would_replace_an_input_is_refused_before_work(
    how: str, weights: Path, tmp_path: Path
) -> None:
    scan = write_nifti(tmp_path / "in" / "scan.nii.gz", intensities())
    target = scan if how == "same" else tmp_path / "out_seg.nii.gz"
    if how == "hard link":
        os.link(scan, target)
    elif how == "symbolic link":
        target.symlink_to(scan)
    before = scan.read_bytes()
    with pytest.raises(ConfigError, match=r"E-OUT-002.*would overwrite the input"):
        segmented(weights, scan, target)
    assert scan.read_bytes() == before
    assert names(tmp_path / "in") == ["scan.nii.gz"]


@pytest.mark.parametrize("how", ["same", "hard link"])
def test_no_slice_of_a_series_is_replaced(how: str, weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("pydicom", exc_type=ImportError)
    folder = write_series(tmp_path / "series", slices(*volume()))
    first = sorted(folder.iterdir())[0].rename(folder / "series_seg.dcm")
    out = folder if how == "same" else tmp_path / "out"
    if how == "hard link":
        out.mkdir()
        os.link(first, out / "series_seg.dcm")
    before = first.read_bytes()
    with pytest.raises((ConfigError, OutputError), match=r"E-OUT-002.*would overwrite the input"):
        segmented(weights, folder, out)
    assert first.read_bytes() == before
    assert not list(tmp_path.rglob("*.nii.gz"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.mhd", "choose .mha"),
        ("x.NHDR", "choose .nrrd"),
        ("x.png", "choose one of them, or a folder"),
        ("x.dcm", "choose one of them, or a folder"),
        ("x.hdr", "choose one of them, or a folder"),
        ("there", "choose one of them, or a folder"),
    ],
)
def test_output_of_a_type_that_is_not_written_is_refused_before_work(
    name: str, said: str, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("a file")
    before = names(tmp_path)
    with pytest.raises(ConfigError, match=rf"E-OUT-003\].*\.nii\.gz, \.nii, .*; {said}"):
        segment_files([tmp_path / "gone.pt"], image, output=tmp_path / name)  # nor are weights read
    assert names(tmp_path) == before


def test_name_and_format_of_the_label_map_agree(weights: Path, image: Path, tmp_path: Path) -> None:
    options = OutputOptions("mha", volumes=False, preview=False, instances=False)
    with pytest.raises(ConfigError, match=r"E-CONF-094.*asks for \.nii, --format for mha"):
        segment_files([weights], image, output=tmp_path / "x.nii", options=options)
    folder = tmp_path / "run.png"  # a folder that is there may be called anything
    folder.mkdir()
    assert segmented(weights, image, folder).exit_code == 0
