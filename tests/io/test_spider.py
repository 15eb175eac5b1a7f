"""SPIDER's layout is read as the data set has it, whatever the storage of a series."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import LoadedCase, load_case
from spinesynth.io.problems import InputFileError
from spinesynth.io.spider import read_spider, scan_spider
from spinesynth.io.spider_tables import read_gradings, read_overview
from spinesynth.kernels.intensity import normalise_intensity
from tests.fabricate import (
    SPIDER_SERIES,
    Array,
    intensities,
    metaimage_bytes,
    ras_affine,
    spider_codes,
    write_overview,
    write_spider,
)


def refused(root: Path, code: str, words: str) -> None:
    with pytest.raises(InputFileError, match=words) as caught:
        read_spider(root)
    assert caught.value.code == code
    assert caught.value.remedy


def spider_codes_of(loaded: LoadedCase) -> Array:
    assert loaded.structure is not None
    assert loaded.instance is not None
    return get_scheme("spider").encode(loaded.structure, loaded.instance)[0].numpy()


@pytest.mark.parametrize("nested", [False, True])
def test_two_storages_of_one_anatomy_arrive_identical(tmp_path: Path, nested: bool) -> None:
    cases = {case.case_id: case for case in read_spider(write_spider(tmp_path, nested=nested))}
    # 1_t2: LPS, padded with -1000; 2_t2: PIR, starting at 0
    first, second = load_case(cases["1_t2"]), load_case(cases["2_t2"])
    assert first.image is not None
    assert second.image is not None
    assert first.image.meta["source_orientation"] == "LPS"
    assert second.image.meta["source_orientation"] == "PIR"
    assert first.image.min() == -1000
    assert second.image.min() == 0
    for one, two in ((first.structure, second.structure), (first.instance, second.instance)):
        assert one is not None
        assert two is not None
        assert one.dtype == two.dtype == torch.uint8
        assert torch.equal(one, two)
    assert torch.equal(normalise_intensity(first.image), normalise_intensity(second.image))
    np.testing.assert_array_equal(first.image.affine, second.image.affine)
    np.testing.assert_array_equal(second.image[0].numpy(), intensities())
    np.testing.assert_allclose(second.image.affine.numpy(), ras_affine(), atol=1e-9)
    np.testing.assert_array_equal(spider_codes_of(first), spider_codes())


def test_cases_carry_patient_contrast_and_subset(tmp_path: Path) -> None:
    cases = read_spider(write_spider(tmp_path))
    assert [(c.case_id, c.patient_id, c.contrast, c.subset) for c in cases] == [
        ("1_t1", "1", "T1", "training"),
        ("1_t2", "1", "T2", "training"),
        ("2_t2", "2", "T2", "validation"),
        ("2_t2_SPACE", "2", "T2_SPACE", "validation"),
    ]
    assert {case.annotated for case in cases} == {frozenset({"vertebra", "disc", "canal"})}
    assert discover_cases(tmp_path) == cases


def test_space_series_can_be_left_out_and_are_never_taken_for_t2(tmp_path: Path) -> None:
    cases = read_spider(write_spider(tmp_path), include_space=False)
    assert [case.case_id for case in cases] == ["1_t1", "1_t2", "2_t2"]


def test_names_are_matched_whole_and_whatever_their_case(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_spider(tmp_path)
    for folder in ("images", "masks"):
        (tmp_path / folder / "1_t1.mha").rename(tmp_path / folder / "1_T1.MHA")
        (tmp_path / folder / "2_t2_SPACE.mha").rename(tmp_path / folder / "2_t2_space.mha")
    (tmp_path / "images" / "1_t2_copy.mha").write_bytes(b"")
    (tmp_path / "images" / "._1_t2.mha").write_bytes(b"")
    (tmp_path / "masks").rename(tmp_path / "Masks")
    with caplog.at_level(logging.WARNING):
        cases = read_spider(tmp_path)
    assert [case.case_id for case in cases] == list(SPIDER_SERIES)
    assert "1_t2_copy.mha: ignored" in caplog.text
    assert "._1_t2" not in caplog.text


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_missing_or_empty_folder_is_refused(tmp_path: Path, folder: str) -> None:
    write_spider(tmp_path)
    for path in (tmp_path / folder).iterdir():
        path.unlink()
    refused(tmp_path, "E-IN-001", rf"{folder}: no series found; it must hold files such as 1_t1")
    (tmp_path / folder).rmdir()
    refused(tmp_path, "E-IN-001", rf"{folder}: no such folder; unpack SPIDER's {folder}\.zip")


@pytest.mark.parametrize(("kept", "lost"), [("images", "masks"), ("masks", "images")])
def test_image_and_mask_come_in_pairs(tmp_path: Path, kept: str, lost: str) -> None:
    write_spider(tmp_path)
    (tmp_path / lost / "1_t2.mha").unlink()
    words = rf"{kept}/1_t2\.mha: has no {lost[:-1]} of the same name; unpack all of {lost}\.zip"
    refused(tmp_path, "E-CASE-002", words)
    assert len(scan_spider(tmp_path).cases) == 3


def test_series_given_twice_is_refused(tmp_path: Path) -> None:
    write_spider(tmp_path)
    (tmp_path / "images" / "01_t1.mha").write_bytes(b"")
    refused(tmp_path, "E-CASE-004", "the same series as 01_t1.mha")


def test_patient_in_two_subsets_is_refused(tmp_path: Path) -> None:
    write_spider(tmp_path)
    write_overview(tmp_path / "overview.csv", {"1_t1": "training", "1_t2": "validation"})
    refused(tmp_path, "E-SPLIT-001", r"overview\.csv: patient 1 is in two splits")


def test_mask_with_an_unknown_code_is_refused_by_name(tmp_path: Path) -> None:
    write_spider(tmp_path)
    codes = spider_codes()
    codes[0, 0, :2] = (50, 210)
    (tmp_path / "masks" / "1_t1.mha").write_bytes(metaimage_bytes(codes))
    with pytest.raises(
        InputFileError, match=r"masks/1_t1\.mha: codes must be in scheme 'spider' .* got 50, 210;"
    ) as caught:
        load_case(read_spider(tmp_path)[0])
    assert caught.value.code == "E-LAB-001"


def test_mask_on_another_grid_is_resampled_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_spider(tmp_path)
    # every voxel doubled along the last axis and half as high: the same anatomy, a finer grid
    fine = np.repeat(spider_codes(), 2, axis=2)
    lps_offset = f"10.0 31.0 {-52.0 - 0.75 / 4}"
    content = metaimage_bytes(
        fine,
        "RAS",
        ElementSpacing="4.0 1.0 0.375",
        Offset=lps_offset,
    )
    (tmp_path / "masks" / "1_t1.mha").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        loaded = load_case(read_spider(tmp_path)[0])
    assert "resampled with nearest neighbour onto the grid of" in caplog.text
    np.testing.assert_array_equal(spider_codes_of(loaded), spider_codes())


def test_mask_elsewhere_is_refused(tmp_path: Path) -> None:
    write_spider(tmp_path)
    content = metaimage_bytes(spider_codes(), Offset="500 0 0")
    (tmp_path / "masks" / "1_t1.mha").write_bytes(content)
    with pytest.raises(
        InputFileError, match=r"nothing it labels lies within .*1_t1\.mha"
    ) as caught:
        load_case(read_spider(tmp_path)[0])
    assert caught.value.code == "E-GEOM-004"


def test_overview_is_found_under_its_other_name_and_read_tolerantly(tmp_path: Path) -> None:
    write_spider(tmp_path)
    name = "SPIDER Lumbar Spine Segmentation Overview.csv"
    text = (tmp_path / "overview.csv").read_text()
    text = text.replace("new_file_name", "New_File_Name").replace("1_t1,", "1_T1.mha,")
    (tmp_path / "overview.csv").unlink()
    (tmp_path / name).write_text(text)
    assert {case.subset for case in read_spider(tmp_path)} == {"training", "validation"}
    overview = read_overview(tmp_path / name)
    assert overview["series"].tolist() == ["1_t1", "1_t2", "2_t2", "2_t2_space"]
    assert set(overview["sex"]) == {"F"}  # not "F "


def test_overview_is_not_needed_but_missed_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_spider(tmp_path)
    (tmp_path / "overview.csv").unlink()
    with caplog.at_level(logging.WARNING):
        cases = read_spider(tmp_path)
    assert {case.subset for case in cases} == {""}
    assert "no overview table, no subsets are known" in caplog.text


def test_two_overviews_are_refused(tmp_path: Path) -> None:
    write_spider(tmp_path)
    write_overview(tmp_path / "old overview.csv", {})
    refused(tmp_path, "E-CASE-004", "several overview tables")


def test_overview_without_series_names_is_refused(tmp_path: Path) -> None:
    write_spider(tmp_path)
    (tmp_path / "overview.csv").write_text("a,b\n1,2\n")
    refused(tmp_path, "E-CSV-002", "no column of series names")


def test_overview_without_subsets_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_spider(tmp_path)
    (tmp_path / "overview.csv").write_text("new_file_name\n1_t1\n")
    with caplog.at_level(logging.WARNING):
        assert {case.subset for case in read_spider(tmp_path)} == {""}
    assert "no column 'subset'" in caplog.text


def test_gradings_name_the_disc_in_the_mask_and_drop_what_belongs_to_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_spider(tmp_path)
    with caplog.at_level(logging.WARNING):
        gradings = read_gradings(tmp_path / "radiological_gradings.csv")
    assert gradings["mask_code"].tolist() == [201, 202]
    assert gradings["pfirrman_grade"].tolist() == ["3", "2"]
    assert "1 rows with disc 0 dropped (patients 2)" in caplog.text


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("Patient,Modic\n1,0\n", "E-CSV-002", "column ivd_label missing"),
        ("Patient,IVD label\n1,2\n1,low\n", "E-CASE-003", "line 3: 'IVD label' must be a number"),
    ],
)
def test_broken_gradings_are_refused(tmp_path: Path, content: str, code: str, words: str) -> None:
    path = tmp_path / "radiological_gradings.csv"
    path.write_text(content)
    with pytest.raises(InputFileError, match=words) as caught:
        read_gradings(path)
    assert caught.value.code == code
