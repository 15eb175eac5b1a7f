"""The check of a data set shows every problem at once."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from spinesynth.io.problems import InputFileError
from spinesynth.pipelines.check import COLUMNS, check_data
from tests.fabricate import (
    MANIFEST_ROWS,
    metaimage_bytes,
    parts_codes,
    spider_codes,
    write_manifest,
    write_nifti,
    write_spider,
)


def test_good_data_have_no_problems(tmp_path: Path) -> None:
    assert check_data(write_manifest(tmp_path / "made")).empty
    assert list(check_data(write_spider(tmp_path / "spider")).columns) == list(COLUMNS)


def test_all_problems_of_a_manifest_show_at_once(tmp_path: Path) -> None:
    rows = [*MANIFEST_ROWS, MANIFEST_ROWS[3].replace("p3_map", "p4").replace("parts", "spyder")]
    table = write_manifest(tmp_path, rows)
    cut = tmp_path / "p1_t1_image.nii.gz"
    cut.write_bytes(cut.read_bytes()[:-50])
    write_nifti(tmp_path / "p1_t2_label.nii.gz", parts_codes()[1:])
    odd = parts_codes()
    odd[0, 0, 0] = 77
    write_nifti(tmp_path / "p2_t2_label.nii.gz", odd)
    found = check_data(table)
    assert found[["case_id", "code"]].to_numpy().tolist() == [
        ["", "E-CASE-003"],
        ["p1_t1", "E-FMT-002"],
        ["p1_t2", "E-GEOM-003"],
        ["p2_t2", "E-LAB-001"],
    ]
    assert found["file"].iloc[1] == str(cut)
    assert (found["problem"].str.len() > 0).all()
    assert (found["remedy"].str.len() > 0).all()


def test_all_problems_of_a_spider_folder_show_at_once(tmp_path: Path) -> None:
    root = write_spider(tmp_path / "spider")
    (root / "masks" / "2_t2.mha").unlink()
    image = np.full(spider_codes().shape, 5, dtype=np.int16)
    (root / "images" / "1_t1.mha").write_bytes(metaimage_bytes(image))
    (root / "images" / "1_t2.mha").write_bytes(gzip.compress(b"no image"))
    found = check_data(root)
    assert found[["case_id", "code"]].to_numpy().tolist() == [
        ["", "E-CASE-002"],
        ["1_t1", "E-VAL-002"],
        ["1_t2", "E-FMT-001"],
    ]


def test_missing_data_is_an_error_not_a_table(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no such file or folder"):
        check_data(tmp_path / "none")


@pytest.mark.real
def test_real_scans_have_no_problems(real_data_dir: Path) -> None:
    assert check_data(real_data_dir / "cases.csv").empty
