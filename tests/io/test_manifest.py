"""A manifest brings data of any layout, or one clear error."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from spinesynth.io.discover import discover_cases
from spinesynth.io.manifest import read_manifest, scan_manifest
from spinesynth.io.problems import InputFileError
from tests.fabricate import MANIFEST_COLUMNS, MANIFEST_ROWS, write_manifest


def refused(table: Path, code: str, words: str) -> InputFileError:
    with pytest.raises(InputFileError, match=words) as caught:
        read_manifest(table)
    assert caught.value.code == code
    assert caught.value.remedy
    return caught.value


def test_cases_arrive_in_order_with_paths_beside_the_table(tmp_path: Path) -> None:
    cases = read_manifest(write_manifest(tmp_path))
    assert [case.case_id for case in cases] == ["p1_t1", "p1_t2", "p2_t2", "p3_map"]
    assert [case.patient_id for case in cases] == ["p1", "p1", "p2", "p3"]
    assert cases[0].image == tmp_path / "p1_t1_image.nii.gz"
    assert cases[0].annotated == {"body", "disc", "canal", "posterior"}
    assert cases[3].image is None
    assert cases[3].instances == tmp_path / "p3_inst.nii.gz"
    assert not any(case.resamples_label for case in cases)


def test_needed_columns_are_enough(tmp_path: Path) -> None:
    columns = "label,image,scheme,annotated,contrast,patient_id,case_id,TR_ms"
    rows = ["p1_t1_label.nii.gz,,parts,vertebra,T1,001,NA,500"]
    (case,) = read_manifest(write_manifest(tmp_path, rows, columns=columns))
    assert (case.case_id, case.patient_id, case.source, case.subset) == ("NA", "001", "cases", "")
    assert case.image is None
    assert case.instances is None


def test_subset_is_taken_from_either_column(tmp_path: Path) -> None:
    rows = [f"{row},training" for row in MANIFEST_ROWS]
    table = write_manifest(tmp_path, rows, columns=MANIFEST_COLUMNS + ",spider_subset")
    assert {case.subset for case in read_manifest(table)} == {"training"}


def test_folder_with_a_manifest_is_found_even_beside_folders_of_images(tmp_path: Path) -> None:
    write_manifest(tmp_path)
    (tmp_path / "images").mkdir()
    assert len(discover_cases(tmp_path)) == len(discover_cases(tmp_path / "cases.csv")) == 4


def test_label_map_that_shares_the_id_of_an_image_gets_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [*MANIFEST_ROWS, "p2_t2,p2,made,,body disc,parts,,p3_label.nii.gz,"]
    with caplog.at_level(logging.WARNING):
        cases = read_manifest(write_manifest(tmp_path, rows))
    assert [case.case_id for case in cases][2::2] == ["p2_t2", "p2_t2_labels"]
    assert "it is called p2_t2_labels" in caplog.text


@pytest.mark.parametrize(
    "row",
    [
        MANIFEST_ROWS[0],
        MANIFEST_ROWS[0].replace("p1_t1,", "P1_T1,", 1),
        "p1_t1,other,made,,body,parts,,p3_label.nii.gz,",
    ],
)
def test_repeated_case_id_is_refused(tmp_path: Path, row: str) -> None:
    refused(write_manifest(tmp_path, [*MANIFEST_ROWS, row]), "E-CASE-004", "stands twice")


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("p1_t1_image", "gone", "E-IN-001", r"gone\.nii\.gz: no such file \(image in line 2"),
        ("p1_t1_label", "gone", "E-IN-001", r"gone\.nii\.gz: no such file \(label in line 2"),
        (
            "p1_t1_image.nii.gz,p1_t1_label.nii.gz",
            ",",
            "E-CASE-003",
            "line 2: a case needs an image",
        ),
        ("body disc canal posterior", "bone", "E-CASE-003", "line 2: annotated must hold words"),
        (",parts,", ",spyder,", "E-CASE-003", "line 2: scheme must be one of .* got 'spyder'"),
        ("p1_t1,p1", "a b,p1", "E-CASE-003", "line 2: case_id must match"),
        ("p1_t1,p1", "=1,p1", "E-CASE-003", "line 2: case_id must match"),
        ("p1_t1,p1", "p1_t1,../p", "E-CASE-003", "line 2: patient_id must match"),
        ("p1_t1,p1", "p1_t1,", "E-CASE-003", "line 2: patient_id must match"),
        ("p1_t1,", "p1_t1,x,", "E-CSV-003", "line 2 has 10 cells, the header has 9"),
    ],
)
def test_bad_cell_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, code: str, words: str
) -> None:
    rows = [MANIFEST_ROWS[0].replace(old, new, 1), *MANIFEST_ROWS[1:]]
    refused(write_manifest(tmp_path, rows), code, words)


def test_missing_column_is_named(tmp_path: Path) -> None:
    table = write_manifest(tmp_path, columns=MANIFEST_COLUMNS.replace("scheme", "codes"))
    refused(table, "E-CSV-002", "column scheme missing, got case_id")


def test_empty_and_missing_tables_are_refused(tmp_path: Path) -> None:
    refused(write_manifest(tmp_path, []), "E-IN-001", "no cases listed")
    refused(tmp_path / "none.csv", "E-IN-001", r"none\.csv: no such file")


def test_patient_in_two_subsets_is_refused(tmp_path: Path) -> None:
    subsets = ("training", "validation", "training", "training")
    rows = [f"{row},{name}" for row, name in zip(MANIFEST_ROWS, subsets, strict=True)]
    table = write_manifest(tmp_path, rows, columns=MANIFEST_COLUMNS + ",subset")
    problem = refused(table, "E-SPLIT-001", "patient p1 is in two splits, 'training' and 'valid")
    assert problem.path == table


def test_scan_collects_all_problems_and_keeps_the_rest(tmp_path: Path) -> None:
    rows = [row.replace(",parts,", ",spyder,") for row in MANIFEST_ROWS[:2]]
    scan = scan_manifest(write_manifest(tmp_path, [*rows, *MANIFEST_ROWS[2:], MANIFEST_ROWS[2]]))
    assert [case.case_id for case in scan.cases] == ["p2_t2", "p3_map"]
    assert [problem.code for problem in scan.problems] == ["E-CASE-003", "E-CASE-003", "E-CASE-004"]


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("none", "E-IN-001", "no such file or folder; give a manifest"),
        ("note.txt", "E-IN-003", r"neither a \.csv manifest nor a folder"),
        ("empty", "E-IN-001", r"holds neither cases\.csv nor images/ and masks/"),
    ],
)
def test_path_without_data_says_what_was_searched(
    tmp_path: Path, name: str, code: str, words: str
) -> None:
    (tmp_path / "note.txt").write_text("note")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputFileError, match=words) as caught:
        discover_cases(tmp_path / name)
    assert caught.value.code == code
