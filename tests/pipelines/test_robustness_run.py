"""A checkpoint alone is scored on patients it has not seen, or says that it was not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spinesynth.cli import run
from spinesynth.errors import InputError
from spinesynth.pipelines.results import FAILURES_CSV, METRICS_CSV, ROBUSTNESS_CSV, RUN_JSON
from spinesynth.pipelines.robustness_run import run_robustness
from tests.fabricate import MANIFEST_ROWS, intensities, write_manifest, write_nifti
from tests.pipelines.tiny_checkpoint import write_checkpoint


def _patients(folder: Path, table: Path = METRICS_CSV) -> set[str]:
    return set(pd.read_csv(folder / table, dtype=str)["patient_id"])


def _run(tmp_path: Path, *seen: str, include_seen: bool = False, scheme: str = "spine6") -> Path:
    """Score a tiny network that has seen some patients; return the run's folder."""
    folder = tmp_path / "out"
    run_robustness(
        [write_checkpoint(tmp_path / "m.pt", seen_patients=seen, target_scheme=scheme)],
        data=tmp_path / "cases.csv",
        folder=folder,
        command="test",
        factors=(1.0,),
        include_seen=include_seen,
    )
    return folder


@pytest.mark.usefixtures("no_report")
def test_seen_patients_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(tmp_path)
    folder = _run(tmp_path, "p1", "elsewhere")
    assert _patients(folder) == _patients(folder, ROBUSTNESS_CSV) == {"p2"}
    assert set(pd.read_csv(folder / METRICS_CSV)["model"]) == {"A"}
    record = json.loads((folder / RUN_JSON).read_text())
    assert record["seen_patients_known"] is True
    assert record["seen_patients_left_out"] == 1
    # p1 has two cases with image and label map
    assert "Left out: 1 patients (2 cases)" in capsys.readouterr().err


@pytest.mark.slow
def test_seen_patients_show_in_the_name_of_the_model(tmp_path: Path) -> None:
    write_manifest(tmp_path)
    folder = _run(tmp_path, "p1", include_seen=True)
    assert _patients(folder) == {"p1", "p2"}
    for table in (METRICS_CSV, ROBUSTNESS_CSV):
        assert set(pd.read_csv(folder / table)["model"]) == {"A (incl. seen patients)"}
    record = json.loads((folder / RUN_JSON).read_text())
    assert (record["seen_patients_left_out"], record["seen_patients_included"]) == (0, 1)
    assert "A (incl. seen patients)" in (folder / "report" / "report.html").read_text()


@pytest.mark.usefixtures("no_report")
def test_checkpoint_that_names_nobody_warns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(tmp_path)
    folder = _run(tmp_path)
    assert _patients(folder) == {"p1", "p2"}
    assert "does not name the patients it was trained on" in capsys.readouterr().err
    assert json.loads((folder / RUN_JSON).read_text())["seen_patients_known"] is False


def test_data_of_seen_patients_alone_are_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path)
    with pytest.raises(InputError, match=r"E-CASE-005.*--include-seen"):
        _run(tmp_path, "p1", "p2")
    assert not (tmp_path / "out").exists()


def test_image_that_is_not_finite_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_manifest(tmp_path, MANIFEST_ROWS[2:3])
    image = intensities().astype(np.float32)
    image[1, 2, 3] = np.nan
    write_nifti(tmp_path / "p2_t2_image.nii.gz", image)
    checkpoint = write_checkpoint(tmp_path / "m.pt", seen_patients=("p9",))
    words = ["evaluate", "--checkpoint", str(checkpoint), "--data", str(data)]
    assert run([*words, "--save-dir", str(tmp_path / "out")], command="test") == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("spinesynth: [E-VAL-001] ")
    assert "p2_t2_image.nii.gz" in line
    assert not (tmp_path / "out").exists()


def _bodies_alone(tmp_path: Path, *rows: str) -> None:
    bodies = MANIFEST_ROWS[2].replace("body disc canal posterior", "body")
    write_manifest(tmp_path, [*rows, bodies])


@pytest.mark.usefixtures("no_report")
def test_case_that_cannot_be_scored_is_listed_once(tmp_path: Path) -> None:
    _bodies_alone(tmp_path, MANIFEST_ROWS[0])
    folder = _run(tmp_path, "p9", scheme="semantic4")
    failures = pd.read_csv(folder / FAILURES_CSV)
    assert list(failures["case_id"]) == ["p2_t2"]
    assert list(failures["code"]) == ["E-EVAL-002"]
    scores = pd.read_csv(folder / METRICS_CSV)
    assert set(scores["structure"]) == {"vertebra", "disc", "canal"}


def test_nothing_scored_is_no_success(tmp_path: Path) -> None:
    _bodies_alone(tmp_path)
    with pytest.raises(InputError, match=r"E-CASE-005.*no case could be scored.*only body"):
        _run(tmp_path, "p9", scheme="semantic4")
    assert not (tmp_path / "out").exists()
