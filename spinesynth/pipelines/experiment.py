"""The main job: train A and B, test both on everything else, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import FileLock, Timeout
from monai.data.meta_tensor import MetaTensor

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import load_case
from spinesynth.io.tables import write_csv
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.evaluate import Evaluation, evaluate_cases
from spinesynth.pipelines.overlays import OverlayCollector
from spinesynth.pipelines.phantom_data import write_phantom_dataset
from spinesynth.pipelines.predict import VolumePredictor, load_predictor
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.report import build_report, format_comparison
from spinesynth.pipelines.results import (
    FAILURES_CSV,
    METRICS_CSV,
    OVERLAYS,
    ROBUSTNESS_CSV,
    RUN_JSON,
    SPLIT_CSV,
    TABLES,
)
from spinesynth.pipelines.robustness import evaluate_robustness
from spinesynth.pipelines.run_record import describe_run, write_json
from spinesynth.pipelines.split import Split, split_cases
from spinesynth.pipelines.train import ModelName, Trainer, checkpoint_path

_PHANTOM_FOLDER = Path("phantom_data")


def read_split(config: ExperimentConfig, data: Path) -> Split:
    """Split a data set and read each of its cases once, before anything is written.

    A scan that cannot be read is better refused now than after an hour of
    training. Of training and validation cases the images are read only if
    model B is trained.

    Args:
        config: the experiment.
        data: manifest CSV or folder of a data set.

    Raises:
        ConfigError: if the data do not hold what the configuration asks for.
        InputError: for the first file that is refused, with the number of others.
    """
    split = split_cases(discover_cases(data), config.data)
    problems: list[InputError] = []
    for cases, need_image in (
        ((*split.train, *split.validation), "B" in config.models),
        (split.test, True),
    ):
        for case in cases:
            try:
                load_case(case, need_image=need_image)
            except InputError as error:
                problems.append(error)
    if len(problems) > 1:
        first = problems[0]
        raise InputError(
            f"{str(first).removeprefix(f'[{first.code}] ')}; {len(problems) - 1} more cases are "
            f"refused, 'spinesynth check {data}' lists them",
            code=first.code,
        )
    if problems:
        raise problems[0]
    return split


def _phantom_split(config: ExperimentConfig, folder: Path) -> Split:
    """Write phantoms below a run's folder and split them."""
    sys.stderr.write(f"No data given: drawing {config.data.phantom_patients} phantoms\n")
    manifest = write_phantom_dataset(
        folder / _PHANTOM_FOLDER, patients=config.data.phantom_patients, seed=config.seed
    )
    return split_cases(discover_cases(manifest), config.data)


def run_experiment(
    config: ExperimentConfig, *, data: Path | None, folder: Path, command: str
) -> str:
    """Train, test and report.

    Args:
        config: the experiment.
        data: manifest CSV or folder of a data set; None for phantoms.
        folder: where everything goes; made if missing.
        command: the command that started the run, for its record.

    Returns:
        The comparison of the models as plain text, and where the report is.

    Raises:
        SpineSynthError: for data, configuration or an output that cannot be used.
    """
    split = None if data is None else read_split(config, data)
    with _locked(folder):
        split, record = _prepare(config, split, folder, command)
        for model in config.models:
            _train(config, model, split, folder, record)
        _evaluate(config, split, folder, record)
        write_json(folder / RUN_JSON, record)
        report, page = build_report(folder, folder / "report", command=command)
    table = pd.read_csv(folder / METRICS_CSV, dtype={"case_id": str, "patient_id": str})
    return (
        f"{format_comparison(table)}\n\nReport: {page}\n        {report}\n"
        f"Tables: {folder / TABLES}\nPictures: {folder / OVERLAYS}\n"
    )


def train_models(config: ExperimentConfig, *, data: Path | None, folder: Path, command: str) -> str:
    """Train the models of an experiment and leave their checkpoints.

    Args:
        config: the experiment.
        data: manifest CSV or folder of a data set; None for phantoms.
        folder: where everything goes; made if missing.
        command: the command that started the run, for its record.

    Returns:
        Where the checkpoints are, one line each.
    """
    split = None if data is None else read_split(config, data)
    with _locked(folder):
        split, record = _prepare(config, split, folder, command)
        for model in config.models:
            _train(config, model, split, folder, record)
        write_json(folder / RUN_JSON, record)
    paths = [checkpoint_path(folder, model, "best") for model in config.models]
    return "\n".join(f"Model {m}: {path}" for m, path in zip(config.models, paths, strict=True))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder, or say that another run does."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"{folder} is in use by another run; wait for it, or choose another --save-dir",
            code="E-RUN-001",
        ) from None
    with lock:
        yield


def _prepare(
    config: ExperimentConfig, split: Split | None, folder: Path, command: str
) -> tuple[Split, dict[str, Any]]:
    """Draw phantoms where there are no data, write the split down, begin the record."""
    split = split or _phantom_split(config, folder)
    (folder / TABLES).mkdir(exist_ok=True)
    write_csv(folder / SPLIT_CSV, split.table())
    record: dict[str, Any] = {
        **describe_run(), "command": command, "name": config.name, "seed": config.seed,
        "config": config.model_dump(mode="json"), "seconds": {}, "parameters": {},
    }  # fmt: skip
    return split, record


def _train(
    config: ExperimentConfig,
    model: ModelName,
    split: Split,
    folder: Path,
    record: dict[str, Any],
) -> None:
    trainer = Trainer(config, model, train=split.train, validation=split.validation, folder=folder)
    record["parameters"][model] = trainer.network.count_parameters()
    record["seconds"][f"train_{model}"] = round(trainer.run().seconds, 1)


class _Counted:
    """A predictor that reports its progress."""

    def __init__(self, predictor: VolumePredictor, progress: StepProgress) -> None:
        self.predictor, self.progress = predictor, progress

    def __call__(self, image: MetaTensor, /) -> torch.Tensor:
        labels = self.predictor(image)
        self.progress.advance()
        return labels


def _evaluate(
    config: ExperimentConfig,
    split: Split,
    folder: Path,
    record: dict[str, Any],
) -> None:
    """Test every model on the test cases and write the tables and overlays."""
    standard: list[Evaluation] = []
    degraded: list[Evaluation] = []
    chosen = robustness_cases(split.test, config)
    conditions = 2 * (len(config.evaluation.resolution_factors) - 1) + 1
    for model in config.models:
        started = time.monotonic()
        network, _ = load_predictor(checkpoint_path(folder, model, "best"))
        total = len(split.test) + len(chosen) * conditions
        with StepProgress(f"testing {model}", total) as progress:
            predictor = _Counted(network, progress)
            overlays = OverlayCollector(model)
            standard.append(
                evaluate_cases(
                    predictor, split.test, run=config.name, model=model, on_case=overlays
                )
            )
            progress.note("standard test done")
            degraded.append(
                evaluate_robustness(
                    predictor,
                    chosen,
                    run=config.name,
                    model=model,
                    factors=config.evaluation.resolution_factors,
                )
            )
            progress.note("robustness done")
        overlays.save(folder / OVERLAYS)
        record["seconds"][f"test_{model}"] = round(time.monotonic() - started, 1)
    write_evaluation(folder, standard, degraded)


def robustness_cases(cases: Sequence[Case], config: ExperimentConfig) -> list[Case]:
    """Return the held-out cases of the train sources that the robustness test uses."""
    held_out = [case for case in cases if case.source in config.data.train_sources]
    return held_out[: config.evaluation.max_robustness_cases]


def write_evaluation(
    folder: Path, standard: Sequence[Evaluation], degraded: Sequence[Evaluation]
) -> None:
    """Write the tables of scores and failures of all models."""
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    if standard:
        write_csv(folder / METRICS_CSV, pd.concat([part.table for part in standard]))
    if degraded:
        write_csv(folder / ROBUSTNESS_CSV, pd.concat([part.table for part in degraded]))
    failures = pd.concat([part.failures for part in (*standard, *degraded)])
    write_csv(folder / FAILURES_CSV, failures)
