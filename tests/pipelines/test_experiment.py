"""The main job from nothing to a report, as small as it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import read_config
from spinesynth.pipelines.experiment import run_experiment
from spinesynth.pipelines.results import METRICS_CSV, ROBUSTNESS_CSV, RUN_JSON, SPLIT_CSV
from spinesynth.pipelines.robustness_run import run_robustness
from spinesynth.pipelines.segment import segment_files
from spinesynth.pipelines.train import checkpoint_path

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("smoke")
    text = run_experiment(read_config(SMOKE), data=None, folder=folder, command="test")
    return folder, text


@pytest.mark.slow
def test_smoke_run_leaves_tables_record_and_report(finished: tuple[Path, str]) -> None:
    folder, text = finished
    metrics = pd.read_csv(folder / METRICS_CSV)
    assert set(metrics["model"]) == {"A", "B"}
    assert {"vertebra", "disc", "canal"} <= set(metrics["structure"])
    assert set(metrics["contrast"]) == {"T1", "T2"}
    robustness = pd.read_csv(folder / ROBUSTNESS_CSV)
    assert {1.0, 3.0} <= set(robustness["severity"])
    record = json.loads((folder / RUN_JSON).read_text())
    assert record["seed"] == 1
    assert record["parameters"]["A"] == record["parameters"]["B"]
    assert (folder / "report" / "report.html").stat().st_size > 1000
    assert "phantom" in text
    assert str(folder / "report") in text
    split = pd.read_csv(folder / SPLIT_CSV)
    assert split.groupby("patient_id")["split"].nunique().max() == 1


@pytest.mark.slow
def test_checkpoint_of_a_run_serves_the_other_commands(
    finished: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = finished
    checkpoint = checkpoint_path(folder, "A", "best")
    data = folder / "phantom_data"
    text = run_robustness(
        checkpoint, data=data / "cases.csv", folder=tmp_path / "rob", command="test", factors=(1, 2)
    )
    assert "phantom" in text
    written, refused = segment_files(
        checkpoint, data / "phantom001_T1.nii.gz", output=tmp_path / "seg", scheme="semantic4"
    )
    assert [path.name for path in written] == ["phantom001_T1_seg.nii.gz"]
    assert refused == []


def test_second_run_on_one_folder_is_refused(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"), pytest.raises(ConfigError, match="in use by another run"):
        run_experiment(read_config(SMOKE), data=None, folder=tmp_path, command="test")
