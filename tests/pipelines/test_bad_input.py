"""Bad data end the main job with one line, the right status, and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spinesynth.cli import run
from tests.fabricate import (
    intensities,
    metaimage_bytes,
    parts_codes,
    spider_codes,
    write_manifest,
    write_nifti,
    write_overview,
    write_spider,
)

CONFIG = """
name: bad
data: {train_sources: [SOURCE], test_patients: 1, val_patients: 1}
network: {base_features: 2}
training:
  {steps: 1, validate_every: 1, batch_size: 1, patch_size: [32, 32], val_samples: 1, workers: 0}
"""


def three_patients(root: Path, annotated: str = "body disc canal posterior") -> Path:
    rows = [
        f"{name},{name},home,T2,{annotated},parts,{file}_image.nii.gz,{file}_label.nii.gz,"
        for name, file in (("a", "p1_t1"), ("b", "p1_t2"), ("c", "p2_t2"))
    ]
    return write_manifest(root, rows)


def unknown_code(root: Path) -> str:
    codes = parts_codes()
    codes[0, 0, 0] = 77
    return write_nifti(root / "p1_t1_label.nii.gz", codes).name


def truncated(root: Path) -> str:
    path = root / "p2_t2_image.nii.gz"
    path.write_bytes(path.read_bytes()[:-500])
    return path.name


def not_finite(root: Path) -> str:
    image = intensities().astype(np.float32)
    image[1, 2, 3] = np.nan
    return write_nifti(root / "p1_t2_image.nii.gz", image).name


def other_grid(root: Path) -> str:
    return write_nifti(root / "p1_t1_label.nii.gz", parts_codes()[:, :-1]).name


def attempt(
    root: Path, data: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Run the main job and return its status and what it said."""
    config = root / "bad.yaml"
    config.write_text(CONFIG.replace("SOURCE", source))
    results = root / "results"
    words = ["experiment", "--config", str(config), "--data", str(data), "--save-dir", str(results)]
    status = run(words, command="test")
    assert not results.exists()
    said = capsys.readouterr().err.strip()
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("spinesynth:")]
    assert len(lines) == 1
    return status, lines[0]


@pytest.mark.parametrize("spoil", [unknown_code, truncated, not_finite, other_grid])
def test_spoilt_file_is_named_before_training_starts(
    spoil: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = three_patients(tmp_path)
    name = spoil(tmp_path)
    status, line = attempt(tmp_path, manifest, "home", capsys)
    assert status == 3
    assert name in line
    assert ";" in line  # what is wrong; what mends it


def test_good_files_of_the_same_folder_would_train(tmp_path: Path) -> None:
    """The refusals above are due to what was spoilt, not to the data set itself."""
    from spinesynth.pipelines.config_reading import parse_config
    from spinesynth.pipelines.data_plan import read_split

    values = {
        "name": "x",
        "data": {"train_sources": ["home"], "test_patients": 1, "val_patients": 1},
    }
    split = read_split(parse_config(values), three_patients(tmp_path))
    assert [len(part) for part in (split.train, split.validation, split.test)] == [1, 1, 1]


@pytest.mark.parametrize("lost", ["masks", "images"])
def test_missing_folder_is_named(
    lost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_spider(tmp_path / "spider")
    (root / lost).rename(root / f"not_{lost}")
    status, line = attempt(tmp_path, root, "spider", capsys)
    assert status == 3
    assert lost in line


def test_image_without_mask_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_spider(tmp_path / "spider")
    (root / "masks" / "1_t2.mha").unlink()
    status, line = attempt(tmp_path, root, "spider", capsys)
    assert status == 3
    assert "1_t2.mha" in line


def test_unknown_code_of_a_spider_mask_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_spider(tmp_path / "spider")
    for stem in ("3_t2", "1_t2"):
        codes = spider_codes()
        codes[0, 0, 0] = 99
        (root / "images" / f"{stem}.mha").write_bytes(metaimage_bytes(intensities()))
        (root / "masks" / f"{stem}.mha").write_bytes(metaimage_bytes(codes))
    status, line = attempt(tmp_path, root, "spider", capsys)
    assert status == 3
    assert "t2.mha" in line
    assert "99" in line


def test_patient_in_two_splits_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_spider(tmp_path / "spider")
    subsets = {"1_t1": "training", "1_t2": "validation", "2_t2": "training"}
    write_overview(root / "overview.csv", subsets | {"2_t2_SPACE": "training"})
    status, line = attempt(tmp_path, root, "spider", capsys)
    assert status == 3
    assert "overview.csv" in line
    assert "two splits" in line


def test_missing_data_and_missing_configuration_differ_in_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, line = attempt(tmp_path, tmp_path / "nowhere.csv", "home", capsys)
    assert (status, "nowhere.csv" in line) == (3, True)
    words = ["experiment", "--config", str(tmp_path / "none.yaml")]
    assert run(words, command="test") == 2
    assert "none.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("classes", "annotated"), [("4", "body"), ("2", "body"), ("2", "disc"), ("2", "disc canal")]
)
def test_target_that_the_annotation_cannot_teach_is_refused(
    classes: str, annotated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = three_patients(tmp_path, annotated)
    config = tmp_path / "bad.yaml"
    config.write_text(CONFIG.replace("SOURCE", "home"))
    results = tmp_path / "results"
    words = ["train", "--config", str(config), "--data", str(data), "--save-dir", str(results)]
    assert run([*words, "--num-classes", classes], command="test") == 2
    said = capsys.readouterr().err
    assert "home (" in said
    assert "Traceback" not in said
    assert not results.exists()


def test_empty_label_map_is_left_out_of_the_training_and_kept_in_the_test(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would teach that there is no spine; in the test all that is found there is wrong."""
    from spinesynth.errors import ConfigError
    from spinesynth.pipelines.config_reading import parse_config
    from spinesynth.pipelines.data_plan import read_split

    values = {
        "name": "x",
        "data": {"train_sources": ["home"], "test_patients": 1, "val_patients": 1},
    }
    config, manifest = parse_config(values), three_patients(tmp_path)
    (taught,), (tested,) = (read_split(config, manifest).train, read_split(config, manifest).test)
    rows = manifest.read_text().splitlines()
    for number, case in enumerate((taught, tested)):  # another scan of each patient
        assert case.label is not None
        row = next(row for row in rows if row.startswith(f"{case.case_id},"))
        empty = write_nifti(tmp_path / f"empty{number}.nii.gz", np.zeros_like(parts_codes()))
        row = row.replace(case.label.name, empty.name)
        rows.append(f"empty{number}," + row.partition(",")[2])
    manifest.write_text("\n".join(rows) + "\n")
    split = read_split(config, manifest)
    assert [case.case_id for case in split.train] == [taught.case_id]
    assert [case.case_id for case in split.test] == [tested.case_id, "empty1"]
    assert "background alone, case empty0 is left out" in caplog.text
    assert taught.label is not None
    write_nifti(taught.label, np.zeros_like(parts_codes()))
    with pytest.raises(ConfigError, match=r"E-CONF-003.*all training cases are background alone"):
        read_split(config, manifest)
