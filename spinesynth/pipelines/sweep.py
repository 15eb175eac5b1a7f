"""A sweep: one training a trial, scored on real scans, with Optuna to choose and to remember.

The score of a trial is that of its final choice: the Dice of whole real scans of the
validation patients, mean over patients. Test patients are never looked at, and a training
that has no such score has none at all. A sweep that was stopped goes on where it was,
the training in progress too. Optuna is an extra: ``pip install .[sweep]``.

======================== ======================================================
path in a sweep's folder what
======================== ======================================================
``sweep.db``             the trials, an Optuna study in SQLite
``sweep.json``           what is swept, on which data, with which versions
``trials/0003/``         the run of a trial, as ``train`` writes it
``tables/sweep.csv``     one row a trial
``curves/sweep.png``     the score over each parameter
``sweep.md``             what was tried and what came out best, ready to paste
======================== ======================================================
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from spinesynth.errors import ConfigError
from spinesynth.io.atomic import atomic_write, write_text
from spinesynth.io.file_digest import digest_file
from spinesynth.io.tables import write_csv
from spinesynth.pipelines.claim_folder import claim_folder, write_record
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.data_plan import read_split
from spinesynth.pipelines.experiment import train_models
from spinesynth.pipelines.modes import modes_of_models
from spinesynth.pipelines.results import CURVES, RUN_JSON, TABLES
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.pipelines.run_record import REAL_SCANS, join_modes, training_mode
from spinesynth.pipelines.split import Split
from spinesynth.pipelines.split_digest import digest_parts, reads_images
from spinesynth.pipelines.starting_point import read_start
from spinesynth.pipelines.sweep_plan import Point, Sweep
from spinesynth.pipelines.training_data import check_centres
from spinesynth.seeding import derive_seed32
from spinesynth.viz import draw_sweep, encode_png

TRIALS, SWEEP_DB, SWEEP_MD = Path("trials"), Path("sweep.db"), Path("sweep.md")
SWEEP_CSV, SWEEP_PNG = TABLES / "sweep.csv", CURVES / "sweep.png"
_RECORD = "sweep.json"
#: What trials are scored by, as the table and the picture name it.
OBJECTIVE = "mean Dice over validation patients, whole real scans"
_DIVERGES = "E-TRAIN-001"


def check_optuna() -> ModuleType:
    """Return Optuna, which is an extra.

    Raises:
        ConfigError: with the command that installs it.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            f"a sweep needs Optuna, which cannot be imported ({error}); install it with "
            "\"pip install '.[sweep]'\" in the checkout",
            code="E-CONF-041",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    module: ModuleType = optuna  # without it installed, mypy takes it for anything
    return module


def run_sweep(sweep: Sweep, *, data: Path, folder: Path, command: str) -> str:
    """Train and score the trials that are left, and write the table and the picture.

    Args:
        sweep: what to try.
        data: manifest CSV or folder of a data set.
        folder: of the sweep; made if missing.
        command: the command that started it, for the records.

    Returns:
        What was tried and what came out best, and where the table is.

    Raises:
        SpineSynthError: for data, configuration or an output that cannot be used.
    """
    check_optuna()
    first = {name: parameter.grid()[0] for name, parameter in sweep.parameters.items()}
    config = sweep.configure(first, name=sweep.name)
    for tried in _one_by_one(sweep):
        read_start(tried)  # refused now, if at all
    split = read_split(config, data)
    for tried in _one_by_one(sweep):
        for model in tried.models:
            check_centres(split.train, tried, model)
    if not split.scans:
        raise ConfigError(
            "no validation patient has a real scan with a label map, and a sweep is never scored "
            "on synthetic images alone; add images, or name other data.train_sources",
            code="E-CONF-003",
        )
    with hold_folder(folder):
        mode, settings = training_mode(config, split.train, split.scans), _settings(sweep, split)
        claim_folder(folder / _RECORD, mode=mode, settings=settings)
        with _Trials(sweep, folder / SWEEP_DB).opened() as trials:
            while (number := trials.next()) is not None:
                point = trials.point(number)
                said = ", ".join(f"{name} {value}" for name, value in point.items())
                sys.stderr.write(f"trial {number + 1}/{sweep.count}: {said}\n")
                name = f"{number:04d}"
                outcome = _train(sweep, point, name, data, folder / TRIALS / name, command)
                trials.tell(number, outcome)
                _write(sweep, trials.table(), folder)
                _tell_modes(trials.table(), folder, settings)
            table = trials.table()
        _write(sweep, table, folder)
    return f"{format_sweep(sweep, table)}\nTable: {folder / SWEEP_CSV}\n"


def _tell_modes(table: pd.DataFrame, folder: Path, settings: dict[str, Any]) -> None:
    """Write down what all trainings so far used; trials may differ in it."""
    if used := join_modes(table["mode"].dropna()):
        write_record(folder / _RECORD, mode=used, settings=settings)


def _settings(sweep: Sweep, split: Split) -> dict[str, Any]:
    """Return what trials must share to be comparable; more of them may follow later."""
    plan = {**asdict(sweep), "parameters": _plain(sweep)}
    del plan["trials"]
    pseudo, configs = sweep.base["data"]["pseudo_labels"], _one_by_one(sweep)
    images = any(reads_images(config) for config in configs)
    data = digest_parts((split.train, images), (split.validation, images), (split.scans, True))
    starts = {config.training.start_from for config in configs} - {None}
    return {
        **plan, "objective": OBJECTIVE, "data": data[:16],
        "starts": {str(place): digest_file(Path(str(place))) for place in starts},
        "pseudo_labels": digest_file(Path(pseudo)) if pseudo else None,
    }  # fmt: skip


def _one_by_one(sweep: Sweep) -> list[ExperimentConfig]:
    """Return the configuration with each value of each parameter, the others being their first."""
    first = {name: parameter.grid()[0] for name, parameter in sweep.parameters.items()}
    return [
        sweep.configure({**first, name: value}, name=sweep.name)
        for name, parameter in sweep.parameters.items()
        for value in parameter.grid()
    ]


def _plain(sweep: Sweep) -> dict[str, Any]:
    return {name: parameter.model_dump() for name, parameter in sweep.parameters.items()}


def _train(
    sweep: Sweep, point: Point, name: str, data: Path, run: Path, command: str
) -> dict[str, Any]:
    """Train a trial, or go on with it, and return what its final choice came to."""
    try:
        config = sweep.configure(point, name=f"{sweep.name}_{name}")
    except ConfigError as error:  # each value was fine, all together are not
        return {"dice": None, "note": str(error)}
    try:
        train_models(config, data=data, folder=run, command=command, resume=True)
    except ConfigError as error:
        if error.code != _DIVERGES:
            raise
        return {"dice": None, "note": str(error)}
    record = json.loads((run / RUN_JSON).read_text(encoding="utf-8"))
    (model,) = config.models
    outcome: dict[str, Any] = record["final_choice"][model]
    told = {
        "seconds": record["seconds"][f"train_{model}"],
        "mode": modes_of_models(record).get(model),
    }
    if outcome["basis"] != REAL_SCANS:  # the Dice of synthetic samples is no score
        return {"dice": None, "note": outcome["note"], **told}
    return {**outcome, **told}


class _Trials:
    """The trials of a sweep in SQLite.

    A trial is written whole, its values included, or not at all; what comes next
    follows from the seed of the sweep and the trials before, so that a sweep that was
    stopped tries what it would have tried.

    Args:
        sweep: what to try.
        path: of the file.
    """

    def __init__(self, sweep: Sweep, path: Path) -> None:
        self.sweep, self.optuna = sweep, check_optuna()
        self._storage: Any = self.optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}")
        self._study: Any = self.optuna.create_study(
            study_name=sweep.name, storage=self._storage, direction="maximize", load_if_exists=True
        )
        make = self.optuna.distributions
        self._distributions = {
            name: make.CategoricalDistribution(parameter.labels)
            if parameter.labels
            else make.FloatDistribution(*parameter.bounds, log=parameter.log)
            for name, parameter in sweep.parameters.items()
        }

    @contextmanager
    def opened(self) -> Iterator[_Trials]:
        """Close the file in the end."""
        try:
            yield self
        finally:
            self._storage.remove_session()
            self._storage.engine.dispose()

    def next(self) -> int | None:
        """Return the number of the trial to run, None if there is none left."""
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
            if not trial.state.is_finished():  # it was stopped: this is the folder's only run
                return int(trial.number)
        if len(trials) >= self.sweep.count:
            return None
        point = self._on_grid(trials) if self.sweep.sampler == "grid" else self._likely(trials)
        self._study.add_trial(
            self.optuna.trial.create_trial(
                state=self.optuna.trial.TrialState.RUNNING,
                params=point,
                distributions=self._distributions,
            )
        )
        return len(trials)

    def _on_grid(self, trials: list[Any]) -> Point:
        return self.sweep.grid()[len(trials)]

    def _likely(self, trials: list[Any]) -> Point:
        """Ask Optuna's sampler, which draws from a seed of this trial's own."""
        seed = derive_seed32(self.sweep.seed, "trial", len(trials))
        asked = self.optuna.create_study(
            direction="maximize", sampler=self.optuna.samplers.TPESampler(seed=seed)
        )
        asked.add_trials(trials)
        point: Point = asked.ask(self._distributions).params
        return point

    def point(self, number: int) -> Point:
        """Return the values of a trial, in the order of the file."""
        params = self._study.get_trials(deepcopy=False)[number].params
        return {name: params[name] for name in self.sweep.parameters}

    def tell(self, number: int, outcome: dict[str, Any]) -> None:
        """End a trial; without a Dice it counts as worse than all that have one."""
        study = self._storage.get_study_id_from_name(self.sweep.name)
        trial = self._storage.get_trial_id_from_study_id_trial_number(study, number)
        for key, value in outcome.items():
            self._storage.set_trial_user_attr(trial, key, value)
        if outcome["dice"] is None:
            self._study.tell(number, state=self.optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(number, outcome["dice"])

    def table(self) -> pd.DataFrame:
        """Return one row a trial: its values, its score and what it came from."""
        told = ("dice", "step", "seconds", "mode", "note")
        rows = [
            {
                "trial": trial.number,
                "state": trial.state.name.lower(),
                **self.point(trial.number),
                **{name: trial.user_attrs.get(name) for name in told},
                "objective": OBJECTIVE,
            }
            for trial in self._study.get_trials(deepcopy=False)
        ]
        table = pd.DataFrame(
            rows, columns=["trial", "state", *self.sweep.parameters, *told, "objective"]
        )
        return table.astype({"dice": float, "step": "Int64", "seconds": float})


def _write(sweep: Sweep, table: pd.DataFrame, folder: Path) -> None:
    """Write the table, the picture and the text."""
    for place in (TABLES, CURVES):
        (folder / place).mkdir(exist_ok=True)
    write_csv(folder / SWEEP_CSV, table)
    figure = draw_sweep(
        table,
        orders={name: parameter.labels for name, parameter in sweep.parameters.items()},
        magnitudes={name for name, parameter in sweep.parameters.items() if parameter.log},
        title=f"{sweep.name}: {OBJECTIVE}",
    )
    with atomic_write(folder / SWEEP_PNG) as temporary:
        temporary.write_bytes(encode_png(figure))
    write_text(folder / SWEEP_MD, format_sweep(sweep, table))


def format_sweep(sweep: Sweep, table: pd.DataFrame) -> str:
    """Return what was tried and what came out best as a Markdown table.

    Args:
        sweep: what was asked.
        table: one row a trial, with the parameters and ``dice``.
    """
    scored = table.dropna(subset=["dice"])
    lines = [f"# {sweep.name}", "", sweep.description, "", f"Scored by: {OBJECTIVE}.", ""]
    if scored.empty:
        return "\n".join([*lines, "No trial has a score yet."]) + "\n"
    best = scored.iloc[int(scored["dice"].to_numpy().argmax())]
    lines += ["| parameter | tried | best trial |", "| --- | --- | --- |"]
    for name, parameter in sweep.parameters.items():
        tried = ", ".join(parameter.labels) or "{:g} to {:g}".format(*parameter.bounds)
        value = best[name]
        shown = value if isinstance(value, str) else f"{value:.3g}"
        lines.append(f"| {name} | {tried} | {shown} |")
    lines += [
        "",
        f"Trial {best['trial']} of {len(scored)} with a score ({len(table)} begun) was the best: "
        f"Dice {best['dice']:.3f}; the median trial has {scored['dice'].median():.3f}.",
        "",
        f"Its training used: {best['mode'] or 'not known'}; those of all trials: "
        f"{join_modes(table['mode'].dropna()) or 'not known'}.",
    ]
    return "\n".join(lines) + "\n"
