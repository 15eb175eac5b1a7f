"""The main job: train A and B, test both on everything else, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.tables import write_csv
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_plan import (
    check_phantom_plan,
    read_split,
    write_phantom_split,
)
from spinesynth.pipelines.evaluate import Evaluation, evaluate_cases
from spinesynth.pipelines.follower import refuse_unshared
from spinesynth.pipelines.overlays import OverlayCollector
from spinesynth.pipelines.predict import VolumePredictor, load_predictor
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.pseudo_cases import pseudo_record
from spinesynth.pipelines.ranks import current_ranks
from spinesynth.pipelines.report import conclude
from spinesynth.pipelines.report_figures import REPORT_FIGURES
from spinesynth.pipelines.results import (
    CONDITIONS_OUTPUTS,
    CURVES,
    FAILURES_CSV,
    METRICS_CSV,
    OVERLAYS,
    REPORT,
    ROBUSTNESS_CSV,
    RUN_JSON,
    SPLIT_CSV,
    TABLES,
    choice_csv,
    training_csv,
)
from spinesynth.pipelines.robustness import evaluate_robustness
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.pipelines.run_record import (
    describe_run,
    model_mode,
    training_mode,
    write_json,
)
from spinesynth.pipelines.split import Split
from spinesynth.pipelines.split_digest import digest_run_data, table_with_digests
from spinesynth.pipelines.starting_point import read_start, refuse_tested
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_board import check_board
from spinesynth.pipelines.training_data import ModelName
from spinesynth.pipelines.training_state import state_path

_LOG = logging.getLogger(__name__)
_CHECKPOINTS: tuple[Literal["best", "last"], ...] = ("best", "last")
_MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)


def run_experiment(
    config: ExperimentConfig,
    *,
    data: Path | None,
    folder: Path,
    command: str,
    resume: bool = False,
) -> str:
    """Train, test and report.

    Args:
        config: the experiment.
        data: manifest CSV or folder of a data set; None for phantoms.
        folder: where everything goes; made if missing.
        command: the command that started the run, for its record.
        resume: go on with the trainings that an earlier run began in the folder.

    Returns:
        The comparison of the models as plain text, and where the report is.

    Raises:
        SpineSynthError: for data, configuration or an output that cannot be used.
    """
    split = _plan(config, data)
    if split is not None and not split.test:
        raise ConfigError(
            "no held-out patient has an image to test on; add cases with image and label map, "
            "or use 'spinesynth train', which does not test",
            code="E-CONF-003",
        )
    if split is not None:
        refuse_tested(config, split.test)
    with hold_folder(folder):
        split = split or write_phantom_split(config, folder)
        refuse_tested(config, split.test)
        record = _begin_record(config, split, command)
        _train_all(config, split, folder, record, new_models=None if resume else _MODEL_NAMES)
        _evaluate(config, split, folder, record)
        write_json(folder / RUN_JSON, record)
        outcome = conclude(folder, command=command)
    return f"{outcome}Tables: {folder / TABLES}\nPictures: {folder / OVERLAYS}\n"


def train_models(
    config: ExperimentConfig,
    *,
    data: Path | None,
    folder: Path,
    command: str,
    resume: bool = False,
) -> str:
    """Train the models of an experiment and leave their checkpoints.

    Args:
        config: the experiment.
        data: manifest CSV or folder of a data set; None for phantoms.
        folder: where everything goes; made if missing.
        command: the command that started the run, for its record.
        resume: go on with the trainings that an earlier run began in the folder.

    Returns:
        Where the checkpoints are, one line each.
    """
    split = _plan(config, data)
    with hold_folder(folder):
        split = split or write_phantom_split(config, folder)
        record = _begin_record(config, split, command)
        _train_all(config, split, folder, record, new_models=None if resume else config.models)
        write_json(folder / RUN_JSON, record)
    paths = [checkpoint_path(folder, model, "best") for model in config.models]
    return "\n".join(f"Model {m}: {path}" for m, path in zip(config.models, paths, strict=True))


def _plan(config: ExperimentConfig, data: Path | None) -> Split | None:
    """Split and read the data, or check that phantoms can be drawn in their place."""
    check_board(config)
    refuse_unshared(config, current_ranks())
    read_start(config)  # refused now, if at all
    if data is None:
        check_phantom_plan(config)
        return None
    return read_split(config, data)


def _begin_record(config: ExperimentConfig, split: Split, command: str) -> dict[str, Any]:
    """Return the record of a run that begins."""
    start = read_start(config)
    before = start.mode if start else ""
    modes = {
        model: model_mode(config, model, split.train, split.scans, before=before)
        for model in config.models
    }
    return {
        **describe_run(), "command": command, "name": config.name, "seed": config.seed,
        "mode": modes.get("A") or training_mode(config, split.train) or None, "modes": modes,
        "pseudo_labels": pseudo_record(split.train, config.data.pseudo_labels),
        "started_from": start.record() if start else None,
        "data_sha256": digest_run_data(config, split),
        "config": config.model_dump(mode="json"), "seconds": {}, "parameters": {},
    }  # fmt: skip


def _train_all(
    config: ExperimentConfig,
    split: Split,
    folder: Path,
    record: dict[str, Any],
    *,
    new_models: Sequence[ModelName] | None,
) -> None:
    """Train each model, and clear the folder of what an earlier run left.

    Args:
        config: the experiment.
        split: of its data.
        folder: of the run.
        record: of the run; seconds and parameters are added.
        new_models: models whose earlier training is forgotten; None to go on with it.
    """
    if new_models is not None:
        _clear(config, split, folder, training_of=new_models)
    for model in config.models:
        trainer = Trainer(
            config, model, train=split.train, validation=split.validation, folder=folder,
            scans=split.scans,
        )  # fmt: skip
        record["parameters"][model] = trainer.learner.count_parameters()
        record["seconds"][f"train_{model}"] = round(trainer.run(resume=new_models is None), 1)
        if trainer.choice.wanted:
            outcome = trainer.choice.outcome(trainer.reached)
            record.setdefault("final_choice", {})[model] = outcome.record()
    if new_models is None:  # only now: a state that is refused costs nothing
        _clear(config, split, folder, training_of=())


def _clear(
    config: ExperimentConfig, split: Split, folder: Path, *, training_of: Sequence[ModelName]
) -> None:
    """Remove what an earlier run left, so that no report mixes runs, and write the split down.

    Tables, figures and reports go, and of ``training_of`` the training tables and states.
    """
    remove_outputs(folder, training_of=training_of)
    (folder / TABLES).mkdir(exist_ok=True)
    write_csv(folder / SPLIT_CSV, table_with_digests(config, split))


def remove_outputs(folder: Path, *, training_of: Sequence[ModelName] = _MODEL_NAMES) -> None:
    """Remove tables, figures and reports of an earlier run, by name: a folder may hold other files.

    Phantoms stay, and so do checkpoints: a model that is trained again replaces
    its own, another model's was made on purpose.

    Args:
        folder: of the run.
        training_of: models whose training tables and states go too.
    """
    outputs = [
        *(RUN_JSON, SPLIT_CSV, METRICS_CSV, ROBUSTNESS_CSV, FAILURES_CSV),
        *CONDITIONS_OUTPUTS,
        *(table(name) for name in training_of for table in (training_csv, choice_csv)),
        *(state_path(Path(), name) for name in training_of),
        *(CURVES / f"{name}.png" for name in REPORT_FIGURES),
        *(REPORT / name for name in ("report.md", "report.html")),
    ]
    overlays = [
        path
        for name in _MODEL_NAMES
        for pattern in (f"{name}.png", f"{name}_*.png")
        for path in (folder / OVERLAYS).glob(pattern)
    ]
    for path in [*(folder / output for output in outputs), *overlays]:
        path.unlink(missing_ok=True)


class _Counted:
    """A predictor that reports its progress."""

    def __init__(self, predictor: VolumePredictor, progress: StepProgress) -> None:
        self.predictor, self.progress = predictor, progress
        self.groups = predictor.groups

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
    """Test every model on the test cases; the tables are written after each test."""
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
            write_evaluation(folder, standard, degraded)
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
            write_evaluation(folder, standard, degraded)
            progress.note("robustness done")
        overlays.save(folder / OVERLAYS)
        record["seconds"][f"test_{model}"] = round(time.monotonic() - started, 1)


def robustness_cases(cases: Sequence[Case], config: ExperimentConfig) -> list[Case]:
    """Return the held-out cases of the train sources that the robustness test uses."""
    held_out = [case for case in cases if case.source in config.data.train_sources]
    return held_out[: config.evaluation.max_robustness_cases]


def write_evaluation(
    folder: Path, standard: Sequence[Evaluation], degraded: Sequence[Evaluation]
) -> None:
    """Write the tables of scores and failures of the models tested so far."""
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    if standard:
        write_csv(folder / METRICS_CSV, pd.concat([part.table for part in standard]))
    if degraded:
        write_csv(folder / ROBUSTNESS_CSV, pd.concat([part.table for part in degraded]))
    failures = pd.concat([part.failures for part in (*standard, *degraded)])
    write_csv(folder / FAILURES_CSV, failures)
