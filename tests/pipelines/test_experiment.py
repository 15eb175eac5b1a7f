"""The main job from nothing to a report, as small as it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from spinesynth.errors import CheckpointError, ConfigError, InputError
from spinesynth.pipelines import experiment
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config, read_config
from spinesynth.pipelines.experiment import run_experiment, train_models
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.results import (
    FAILURES_CSV,
    METRICS_CSV,
    ROBUSTNESS_CSV,
    RUN_JSON,
    SPLIT_CSV,
    choice_csv,
    training_csv,
)
from spinesynth.pipelines.robustness_run import run_robustness
from spinesynth.pipelines.segment import segment_files
from tests.fabricate import write_manifest
from tests.pipelines.tiny_training import tiny_values

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
        [checkpoint],
        data=data / "cases.csv",
        folder=tmp_path / "rob",
        command="test",
        factors=(1, 2),
    )
    assert "phantom" in text
    done = segment_files(
        [checkpoint], data / "phantom001_T1.nii.gz", output=tmp_path / "seg", scheme="semantic4"
    )
    assert [path.name for path in done.written] == ["phantom001_T1_seg.nii.gz"]
    assert done.refused == ()


def test_second_run_on_one_folder_is_refused(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"), pytest.raises(ConfigError, match="in use by another run"):
        run_experiment(read_config(SMOKE), data=None, folder=tmp_path, command="test")


def tiny(**changes: object) -> ExperimentConfig:
    return parse_config(tiny_values(evaluation={"resolution_factors": [1, 2]}) | changes)


def three_patients(root: Path, *, images: bool = True) -> Path:
    rows = [
        f"{name},{name},home,T2,body disc canal posterior,parts,"
        f"{file + '_image.nii.gz' if images else ''},{file}_label.nii.gz,"
        for name, file in (("a", "p1_t1"), ("b", "p1_t2"), ("c", "p2_t2"))
    ]
    return write_manifest(root, rows)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ({"train_sources": ["spider_t2space"]}, "spider_t2space, but no data are given.* --data"),
        ({"phantom_patients": 5, "test_patients": 4}, "leave nobody to train on"),
        ({"train_contrasts": ["CT"]}, "leave no case"),
    ],
)
def test_phantoms_that_cannot_serve_are_refused_before_they_are_drawn(
    data: dict[str, object], match: str, tmp_path: Path
) -> None:
    for start in (run_experiment, train_models):
        with pytest.raises(ConfigError, match=match):
            start(tiny(data=data), data=None, folder=tmp_path / "run", command="test")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_training_labels_are_painted_by_model_a_alone(tmp_path: Path) -> None:
    """Other label maps of the same patients train A; the test stays that of the data."""
    data, other = three_patients(tmp_path / "data"), three_patients(tmp_path / "other")
    table = pd.read_csv(other)
    table["case_id"] += "_other"
    table.to_csv(other, index=False)
    labels = {"train_sources": ["home"], "test_patients": 1, "val_patients": 1}
    labels = {**labels, "training_labels": str(other)}
    with pytest.raises(ConfigError, match=r"painted by model A; models must be \[A\]"):
        run_experiment(tiny(data=labels), data=data, folder=tmp_path / "run", command="test")
    run_experiment(
        tiny(data=labels, models=["A"]), data=data, folder=tmp_path / "run", command="test"
    )
    split = pd.read_csv(tmp_path / "run" / SPLIT_CSV)
    assert set(split.groupby("split")["case_id"].first()) == set(split["case_id"])
    suffixed = split["case_id"].str.endswith("_other")
    assert suffixed.tolist() == (split["split"] != "test").tolist()


def test_second_training_leaves_nothing_of_the_first_but_what_is_not_its_own(
    tmp_path: Path,
) -> None:
    data, folder = three_patients(tmp_path), tmp_path / "run"
    train_models(tiny(models=["B"]), data=data, folder=folder, command="test")
    assert (folder / training_csv("B")).exists()
    own = [
        METRICS_CSV, ROBUSTNESS_CSV, FAILURES_CSV, Path("curves/dice.png"), Path("overlays/B.png"),
        Path("overlays/B_home.png"), Path("report/report.html"), Path("report/report.md"),
    ]  # fmt: skip
    kept = [Path("report/notes.md"), Path("tables/mine.csv"), Path("phantom_data/cases.csv")]
    for path in (*own, *kept):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text("old")
    train_models(tiny(models=["A"]), data=data, folder=folder, command="test")
    assert [path for path in own if (folder / path).exists()] == []
    assert all((folder / path).read_text() == "old" for path in kept)
    for model in ("A", "B"):  # one was trained after the other, both are wanted
        assert checkpoint_path(folder, model, "best").exists()
        assert (folder / training_csv(model)).exists()


def test_final_choice_sees_whole_scans_of_validation_patients_alone(tmp_path: Path) -> None:
    """They are read before training begins, and the record says that they were looked at."""
    data, folder = three_patients(tmp_path), tmp_path / "run"
    config = tiny(models=["A"])
    chosen = config.training.model_copy(update={"final_choice": "volumes"})
    volumes = config.model_copy(update={"training": chosen})
    train_models(volumes, data=data, folder=folder, command="test")
    split = pd.read_csv(folder / SPLIT_CSV).set_index("split")["case_id"]
    table = pd.read_csv(folder / choice_csv("A"))
    assert set(table["case_id"].dropna()) == {split["validation"]}
    record = json.loads((folder / RUN_JSON).read_text())
    assert record["mode"] == "label-only+real-choice"
    assert record["final_choice"]["A"]["basis"] == "real scans"
    assert record["final_choice"]["A"]["step"] == 1
    train_models(config, data=data, folder=folder, command="test")
    assert not (folder / choice_csv("A")).exists()
    record = json.loads((folder / RUN_JSON).read_text())
    assert (record["mode"], "final_choice" in record) == ("label-only", False)

    image = {"a": "p1_t1", "b": "p1_t2", "c": "p2_t2"}[split["validation"]] + "_image.nii.gz"
    (tmp_path / image).write_bytes(b"torn")
    with pytest.raises(InputError, match=image):
        train_models(volumes, data=data, folder=tmp_path / "other", command="test")
    assert not (tmp_path / "other").exists()
    train_models(config, data=data, folder=tmp_path / "other", command="test")


def test_refused_run_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / RUN_JSON).write_text("{}")
    with pytest.raises(ConfigError, match="--data"):
        train_models(tiny(), data=None, folder=tmp_path, command="test")
    assert (tmp_path / RUN_JSON).exists()


def test_scores_of_a_model_are_kept_if_the_next_one_cannot_be_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = load_predictor

    def only_a(path: Path) -> object:
        if "_B_" in path.name:
            raise CheckpointError("damaged", code="E-CKPT-002")
        return load(path)

    monkeypatch.setattr(experiment, "load_predictor", only_a)
    with pytest.raises(CheckpointError, match="damaged"):
        run_experiment(
            tiny(), data=three_patients(tmp_path), folder=tmp_path / "run", command="test"
        )
    for table in (METRICS_CSV, ROBUSTNESS_CSV):
        assert set(pd.read_csv(tmp_path / "run" / table)["model"]) == {"A"}
    assert (tmp_path / "run" / FAILURES_CSV).exists()


def test_model_a_trains_on_label_maps_alone_but_cannot_be_tested_on_them(tmp_path: Path) -> None:
    data, config = three_patients(tmp_path, images=False), tiny(models=["A"])
    with pytest.raises(ConfigError, match="no held-out patient has an image"):
        run_experiment(config, data=data, folder=tmp_path / "run", command="test")
    assert not (tmp_path / "run").exists()
    train_models(config, data=data, folder=tmp_path / "run", command="test")
    assert checkpoint_path(tmp_path / "run", "A", "best").exists()
