"""DICOM segmentations: what is written is what an independent reader finds, and no more."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.snomed import snomed_term
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import OutputError
from spinesynth.io.volume import read_image
from tests.fabricate import intensities, ras_affine, spider_codes, write_nifti
from tests.io.dicom_files import (
    ENHANCED_MR,
    IDENTITY,
    MR,
    PLANES,
    REFERENCE,
    SERIES,
    SLICED,
    STUDY,
    content,
    enhanced,
    oblique,
    pydicom,
    raw_text,
    slices,
    volume,
    write_series,
)

pytest.importorskip("highdicom", exc_type=ImportError)

from spinesynth.io.dicom_seg import write_dicom_seg

SPIDER = get_scheme("spider")
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def labels() -> torch.Tensor:
    return torch.from_numpy(spider_codes())


def read_back(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], dict[int, Any]]:
    """Return labels, RAS affine and segment descriptions as highdicom reads them."""
    segmentation: Any = importlib.import_module("highdicom").seg.segread(path)
    read = segmentation.get_volume(combine_segments=True, rescale_fractional=False)
    descriptions = {int(one.SegmentNumber): one for one in segmentation.SegmentSequence}
    return read.array, LPS_TO_RAS @ read.affine, descriptions


def in_canonical_order(array: Any, affine: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Turn a volume to RAS with nibabel alone."""
    nib: Any = importlib.import_module("nibabel")
    image = nib.as_closest_canonical(nib.Nifti1Image(array.astype(np.int16), affine))
    return np.asarray(image.dataobj), image.affine


def check_written(path: Path, image: Any) -> None:  # noqa: ANN401
    """Check labels and places against the label map that was written.

    highdicom leaves out what lies outside of all segments' slices, so the comparison is on
    its own grid, whose corner tells the offset.
    """
    array, affine, descriptions = read_back(path)
    numbers, canonical = in_canonical_order(array, affine)
    present = [int(code) for code in np.unique(spider_codes()) if code]
    assert list(descriptions) == list(range(1, len(present) + 1))
    codes = np.array([0, *present])[numbers]
    offset = np.linalg.inv(image.affine.numpy()) @ canonical[:, 3]
    start = np.rint(offset[:3]).astype(int)
    # positions hold 10 digits: voxels are off by less than a millionth of their size
    np.testing.assert_allclose(offset[:3], start, atol=1e-5)
    np.testing.assert_allclose(canonical[:3, :3], image.affine.numpy()[:3, :3], atol=1e-6)
    whole = np.zeros_like(spider_codes())
    box = tuple(slice(s, s + n) for s, n in zip(start, codes.shape, strict=True))
    whole[box] = codes
    np.testing.assert_array_equal(whole, spider_codes())


@pytest.mark.parametrize("plane", SLICED)
def test_highdicom_reads_the_same_labels_at_the_same_place(tmp_path: Path, plane: str) -> None:
    voxels, affine = volume(PLANES[plane])
    image = read_image(write_series(tmp_path / "series", slices(voxels, affine)[::-1]))
    write_dicom_seg(tmp_path / "seg.dcm", labels(), like=image, scheme=SPIDER)
    check_written(tmp_path / "seg.dcm", image)


def test_oblique_source_keeps_its_places(tmp_path: Path) -> None:
    voxels, affine = volume()
    image = read_image(write_series(tmp_path / "series", slices(voxels, oblique(affine))))
    write_dicom_seg(tmp_path / "seg.dcm", labels(), like=image, scheme=SPIDER)
    check_written(tmp_path / "seg.dcm", image)


def test_enhanced_source_keeps_its_frames_apart(tmp_path: Path) -> None:
    source = tmp_path / "enhanced.dcm"
    source.write_bytes(content(enhanced(*volume(), order=[3, 1, 0, 2, 5, 4])))
    image = read_image(source)
    write_dicom_seg(tmp_path / "seg.dcm", labels(), like=image, scheme=SPIDER)
    check_written(tmp_path / "seg.dcm", image)
    written = pydicom().dcmread(tmp_path / "seg.dcm")
    assert written.SourceImageSequence[0].ReferencedSOPClassUID == ENHANCED_MR


def written_segmentation(folder: Path, **choices: Any) -> Any:  # noqa: ANN401
    image = read_image(write_series(folder / "series", slices(*volume())))
    write_dicom_seg(folder / "seg.dcm", labels(), like=image, scheme=SPIDER, **choices)
    return pydicom().dcmread(folder / "seg.dcm")


def test_segments_have_codes_and_levels_where_they_are_known(tmp_path: Path) -> None:
    written = written_segmentation(tmp_path, levels={1: "L5", 2: "L4"})
    told = {
        one.SegmentLabel: one.SegmentedPropertyTypeCodeSequence[0].CodeMeaning
        for one in written.SegmentSequence
    }
    assert told == {
        "vertebra 1 (L5)": "L5 vertebra",
        "vertebra 2 (L4)": "L4 vertebra",
        "vertebra 3": "Vertebra",
        "canal": "Vertebral canal",
        "disc 1 (L5)": "L5/S1 disc",
        "disc 2 (L4)": "L4/L5 disc",
        "disc 3": "Intervertebral disc",
    }
    algorithm = written.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert algorithm.AlgorithmName == "SpineSynth"
    assert algorithm.AlgorithmVersion


def test_object_refers_to_its_source_under_identifiers_of_its_own(tmp_path: Path) -> None:
    written = written_segmentation(tmp_path)
    assert (written.StudyInstanceUID, written.FrameOfReferenceUID) == (STUDY, REFERENCE)
    referenced = {one.ReferencedSOPInstanceUID for one in written.SourceImageSequence}
    assert referenced == {f"{SERIES}.{index}" for index in range(1, 7)}
    assert {one.ReferencedSOPClassUID for one in written.SourceImageSequence} == {MR}
    again = written_segmentation(tmp_path / "again")
    assert len({SERIES, written.SeriesInstanceUID, again.SeriesInstanceUID}) == 3
    assert written.SOPInstanceUID != again.SOPInstanceUID
    # 7 segments; sagittal slices 1 to 4 hold vertebrae and discs, 2 and 3 the canal
    assert written.NumberOfFrames == 6 * 4 + 2


def test_patient_is_the_one_of_the_source(tmp_path: Path) -> None:
    written = written_segmentation(tmp_path)
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate"):
        assert str(written.get(keyword)) == IDENTITY[keyword]


def test_anonymised_object_holds_nothing_of_the_patient(tmp_path: Path) -> None:
    written = written_segmentation(tmp_path, anonymise=True)
    stored = (tmp_path / "seg.dcm").read_bytes()
    for keyword, value in IDENTITY.items():
        if len(value) > 1:  # the letter of a sex is in other words too
            assert value.encode() not in stored, keyword
    assert written.PatientSex == ""
    assert written.PatientIdentityRemoved == "YES"
    assert written.FrameOfReferenceUID == REFERENCE
    check_written(tmp_path / "seg.dcm", read_image(tmp_path / "series"))


def test_poor_header_of_a_source_is_enough(tmp_path: Path) -> None:
    fields: dict[str, Any] = dict.fromkeys([*IDENTITY, "SliceThickness", "SpacingBetweenSlices"])
    made = slices(*volume(), **(fields | {"PatientSex": "X"}))
    for one in made:
        raw_text(one, "StudyDate", "2026-13-45")
    image = read_image(write_series(tmp_path / "series", made))
    write_dicom_seg(tmp_path / "seg.dcm", labels(), like=image, scheme=SPIDER)
    check_written(tmp_path / "seg.dcm", image)


@pytest.mark.parametrize(
    ("script", "name"), [("ISO_IR 100", "Müller^Jörg"), (["", "ISO 2022 IR 87"], "Yamada^Tarou")]
)
def test_name_of_the_patient_keeps_its_letters(
    tmp_path: Path, script: str | list[str], name: str
) -> None:
    made = slices(*volume(), SpecificCharacterSet=script, PatientName=name)
    image = read_image(write_series(tmp_path / "series", made))
    write_dicom_seg(tmp_path / "seg.dcm", labels(), like=image, scheme=SPIDER)
    assert str(pydicom().dcmread(tmp_path / "seg.dcm").PatientName) == name


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dicom3tools is not installed")
@pytest.mark.parametrize("anonymise", [False, True])
@pytest.mark.parametrize("source", ["classic", "enhanced"])
def test_dciodvfy_finds_no_error(tmp_path: Path, source: str, anonymise: bool) -> None:
    path = tmp_path / "enhanced.dcm"
    if source == "classic":
        path = write_series(tmp_path / "series", slices(*volume()))
    else:
        path.write_bytes(content(enhanced(*volume())))
    write_dicom_seg(
        tmp_path / "seg.dcm",
        labels(),
        like=read_image(path),
        scheme=SPIDER,
        levels={1: "L5"},
        anonymise=anonymise,
    )
    said = subprocess.run(
        ["dciodvfy", str(tmp_path / "seg.dcm")], capture_output=True, text=True
    ).stderr
    assert "Segmentation" in said.splitlines()  # the object that it took it for
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


def test_image_that_is_no_dicom_is_refused(tmp_path: Path) -> None:
    image = read_image(write_nifti(tmp_path / "scan.nii", intensities()))
    with pytest.raises(OutputError, match=r"E-DCM-030.*needs an image that was read from DICOM"):
        write_dicom_seg(tmp_path / "seg.dcm", labels(), like=image, scheme=SPIDER)
    assert not (tmp_path / "seg.dcm").exists()


def test_empty_and_unknown_labels_are_refused(tmp_path: Path) -> None:
    image = read_image(write_series(tmp_path / "series", slices(*volume())))
    target = tmp_path / "seg.dcm"
    with pytest.raises(OutputError, match=r"E-DCM-031.*nothing is labelled"):
        write_dicom_seg(target, torch.zeros_like(labels()), like=image, scheme=SPIDER)
    with pytest.raises(ValueError, match=r"scheme 'spider', got \[77\]"):
        write_dicom_seg(target, torch.full_like(labels(), 77), like=image, scheme=SPIDER)
    with pytest.raises(ValueError, match="integers of the shape of like"):
        write_dicom_seg(target, labels()[1:], like=image, scheme=SPIDER)
    assert not target.exists()


def test_codes_are_those_of_the_standard() -> None:
    """pydicom carries the context groups of DICOM PS3.16: an independent table."""
    concepts: Any = importlib.import_module("pydicom.sr.codedict").codes.SCT
    for level in ("T12", "L1", "L2", "L3", "L4", "L5"):
        assert (
            snomed_term(Structure.VERTEBRA, level).code
            == getattr(concepts, f"{level}Vertebra").value
        )
    below = {"T12": "L1", "L1": "L2", "L2": "L3", "L3": "L4", "L4": "L5", "L5": "S1"}
    for level, lower in below.items():
        disc = getattr(concepts, f"{level}{lower}Disc")
        assert snomed_term(Structure.DISC, level) == (disc.value, disc.meaning)
    for structure, name in (
        (Structure.VERTEBRA, "Vertebra"),
        (Structure.POSTERIOR_ELEMENTS, "ArchOfVertebra"),
        (Structure.CANAL, "VertebralCanal"),
        (Structure.SACRUM, "Sacrum"),
        (Structure.CORD, "SpinalCord"),
    ):
        assert snomed_term(structure) == (
            getattr(concepts, name).value,
            getattr(concepts, name).meaning,
        )


def test_structure_without_a_code_is_refused() -> None:
    with pytest.raises(ValueError, match=r"structure must be one of VERTEBRA, .* got BACKGROUND"):
        snomed_term(Structure.BACKGROUND)


def test_affine_of_the_fabricated_scan_is_kept(tmp_path: Path) -> None:
    """The comparison above would not see it if image and segmentation moved together."""
    image = read_image(write_series(tmp_path / "series", slices(*volume())))
    np.testing.assert_allclose(image.affine.numpy(), ras_affine(), atol=1e-6)
