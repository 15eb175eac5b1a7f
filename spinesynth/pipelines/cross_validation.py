"""Cross-validation by patient: an experiment once for each fold, the tables joined.

======================= =======================================================
path in the folder      what
======================= =======================================================
``folds/N/``            the run of a fold, as ``experiment`` writes it
``tables/*.csv``        scores, failures and split of all folds; column ``fold``
``run.json``            record of the whole
``report/``             of the joined tables
======================= =======================================================
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spinesynth.errors import ConfigError
from spinesynth.io.discover import discover_cases
from spinesynth.io.tables import read_ids_csv, write_csv
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_plan import (
    PHANTOM_FOLDER,
    check_phantom_plan,
    plan_split,
    refuse_shared_content,
)
from spinesynth.pipelines.experiment import remove_outputs, run_experiment
from spinesynth.pipelines.finished_run import is_finished
from spinesynth.pipelines.modes import modes_of_models
from spinesynth.pipelines.report import conclude
from spinesynth.pipelines.results import (
    FAILURES_CSV,
    METRICS_CSV,
    ROBUSTNESS_CSV,
    RUN_JSON,
    SPLIT_CSV,
    TABLES,
)
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.pipelines.run_record import describe_run, join_modes, write_json
from spinesynth.pipelines.starting_point import refuse_tested
from spinesynth.pipelines.write_phantoms import write_phantom_dataset

FOLDS = Path("folds")
#: Column of the joined tables.
FOLD = "fold"


def fold_folder(folder: Path, number: int) -> Path:
    """Return where a cross-validation keeps the run of a fold, from 1 on."""
    return folder / FOLDS / str(number)


def configs_of_folds(config: ExperimentConfig, folds: int) -> list[ExperimentConfig]:
    """Return the configuration of each fold, in their order.

    Args:
        config: the experiment.
        folds: how many, at least 2.
    """
    return [
        config.model_copy(
            update={"data": config.data.model_copy(update={"folds": folds, "fold": number})}
        )
        for number in range(1, folds + 1)
    ]


def run_folds(
    configs: Sequence[ExperimentConfig],
    *,
    data: Path | None,
    folder: Path,
    command: str,
    resume: bool = False,
) -> str:
    """Run every fold that is not finished, and join their tables.

    Args:
        configs: of :func:`configs_of_folds`.
        data: manifest CSV or folder of a data set; None for phantoms.
        folder: of the whole; made if missing.
        command: the command that started the run, for the records.
        resume: go on with the training that an earlier call began in a fold.

    Returns:
        The comparison of the models over all patients, and where the report is.

    Raises:
        SpineSynthError: for data, configuration or an output that cannot be used.
    """
    if data is None:
        check_phantom_plan(configs[0])
    with hold_folder(folder):
        data = data or write_phantom_dataset(
            folder / PHANTOM_FOLDER, patients=configs[0].data.phantom_patients,
            seed=configs[0].seed,
        )  # fmt: skip
        finished = _plan(configs, data, folder)
        for number, config in enumerate(configs, start=1):
            place, said = fold_folder(folder, number), f"fold {number}/{len(configs)}"
            if finished[number - 1]:
                sys.stderr.write(f"{said}: finished before\n")
                continue
            sys.stderr.write(f"{said}\n")
            run_experiment(config, data=data, folder=place, command=command, resume=resume)
        join_folds(configs, folder, command=command)
        return conclude(folder, command=command)


def _plan(configs: Sequence[ExperimentConfig], data: Path, folder: Path) -> list[bool]:
    """Return which folds are finished; refuse what another could not train or test."""
    cases = discover_cases(data)
    finished = list[bool]()
    for number, config in enumerate(configs, start=1):
        split = plan_split(config, cases)
        finished.append(is_finished(fold_folder(folder, number), config, split))
        if not finished[-1]:
            refuse_tested(config, split.test)
            refuse_shared_content(config, split)
    return finished


def join_folds(configs: Sequence[ExperimentConfig], folder: Path, *, command: str) -> None:
    """Write the tables of all folds below each other, and the record of the whole.

    Args:
        configs: of the folds.
        folder: of the whole; every fold is finished.
        command: for the record.

    Raises:
        ConfigError: if a scan was tested twice, as where the data changed between two calls.
    """
    numbers = range(1, len(configs) + 1)
    tables = {
        name: pd.concat(
            [
                read_ids_csv(path).assign(**{FOLD: str(number)})
                for number in numbers
                if (path := fold_folder(folder, number) / name).exists()
            ],
            ignore_index=True,
        )
        for name in (METRICS_CSV, ROBUSTNESS_CSV, FAILURES_CSV, SPLIT_CSV)
    }
    split = tables[SPLIT_CSV]
    tested = split.loc[split["split"] == "test", "case_id"]
    if tested.duplicated().any():
        twice = sorted(set(tested[tested.duplicated()]))
        raise ConfigError(
            f"case {twice[0]} was tested in two folds ({len(twice)} such cases): the data have "
            f"changed since; remove {folder / FOLDS} to run all folds again",
            code="E-RUN-005",
        )
    remove_outputs(folder)  # of a single run that was there before
    (folder / TABLES).mkdir(exist_ok=True)
    for name, table in tables.items():
        write_csv(folder / name, table)
    records = [json.loads((fold_folder(folder, n) / RUN_JSON).read_text()) for n in numbers]
    write_json(
        folder / RUN_JSON,
        {
            **describe_run(), "command": command, "name": configs[0].name,
            "seed": configs[0].seed, "folds": len(configs),
            "mode": join_modes(record["mode"] for record in records) or None,
            "modes": {
                model: join_modes(modes_of_models(record).get(model) for record in records)
                for model in configs[0].models
            },
            "pseudo_labels": _pseudo_labels(records),
            "started_from": [record["started_from"] for record in records],
            "config": configs[0].model_dump(mode="json", exclude={"data": {"fold"}}),
        },
    )  # fmt: skip


def _pseudo_labels(records: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what the folds say of the same pseudo-labels: in each as many cases may train."""
    told = [record.get("pseudo_labels") for record in records]
    known = [pseudo for pseudo in told if pseudo]
    if not known:
        return None
    return {**known[0], "cases": [pseudo["cases"] for pseudo in known]}
