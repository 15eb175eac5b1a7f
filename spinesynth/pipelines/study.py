"""A study: one experiment in several arms that differ in what is asked, and nothing else.

An arm trains one model. It may start from another arm's: ``training.start_from:
arm:NAME`` means the best checkpoint of an arm further up.

Every arm is tested on the same scans, which is checked; seed, steps and network are
equal unless that is what the arms differ in. A study can be stopped and started again:
an arm that is finished is not trained twice.

======================= =======================================================
path in a study's folder what
======================= =======================================================
``arms/NAME/``          the run of an arm, as ``experiment`` writes it
``tables/metrics.csv``  long table of all arms; ``model`` is the arm
``tables/summary.csv``  mean and interval over patients, by arm
``tables/comparison.csv`` each arm against the reference, paired by patient
``study.md``            the means side by side, ready to paste
======================= =======================================================
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spinesynth.errors import ConfigError
from spinesynth.io.atomic import write_text
from spinesynth.io.discover import discover_cases
from spinesynth.io.tables import read_ids_csv, write_csv
from spinesynth.metrics import HEADLINE_METRICS, compare_models, summarise
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_fields import NAME_PATTERN
from spinesynth.pipelines.config_reading import (
    describe_problems,
    parse_config,
    read_config,
    read_values,
)
from spinesynth.pipelines.cross_validation import configs_of_folds, fold_folder, run_folds
from spinesynth.pipelines.data_plan import plan_split, refuse_shared_content
from spinesynth.pipelines.experiment import run_experiment
from spinesynth.pipelines.finished_run import is_finished
from spinesynth.pipelines.modes import modes_of_models
from spinesynth.pipelines.results import METRICS_CSV, SPLIT_CSV, TABLES, read_results
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.pipelines.settings import replace_setting
from spinesynth.pipelines.split import Split
from spinesynth.pipelines.starting_point import refuse_tested
from spinesynth.pipelines.study_arms import (
    refuse_other_tests,
    refuse_study,
    refuse_unknown_starts,
    starting_arm,
)

ARMS = Path("arms")
SUMMARY_CSV, COMPARISON_CSV = TABLES / "summary.csv", TABLES / "comparison.csv"
STUDY_MD = Path("study.md")
_GROUP = ["source", "contrast", "structure", "metric"]


class _StudyFile(BaseModel):
    """What the YAML file of a study holds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    description: str = ""
    base: str
    common: dict[str, Any] = {}
    reference: str | None = None
    arms: Annotated[
        dict[Annotated[str, Field(pattern=NAME_PATTERN)], dict[str, Any]], Field(min_length=2)
    ]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study as its file describes it.

    Args:
        name: of the study, and of its folder.
        description: the question.
        reference: name of the arm that the others are compared with.
        arms: configuration of each arm, by name, in the order of the file.
    """

    name: str
    description: str
    reference: str
    arms: Mapping[str, ExperimentConfig]


def read_study(path: Path) -> Study:
    """Read a study.

    The file names a ``base`` configuration (relative to itself), settings
    ``common`` to all arms, and ``arms`` with settings of their own. Settings are
    written with dots, as ``synthesis.recipe: full``; the value replaces the whole
    of what stands there. ``reference`` is the first arm if it is not given.

    Raises:
        ConfigError: if the file is no study, or the configuration of an arm is
            refused; the message names the arm.
    """
    try:
        file = _StudyFile.model_validate(read_values(path))
    except ValidationError as error:
        problems = describe_problems(error, _StudyFile)
        raise refuse_study(path, f"cannot be used: {problems}") from None
    reference = file.reference or next(iter(file.arms))
    if reference not in file.arms:
        raise refuse_study(
            path, f"names the reference {reference!r}, which is none of {[*file.arms]}"
        )
    base = read_config(path.parent / file.base).model_dump()
    arms = {
        name: _arm(base, {**file.common, **own, "name": name}, place=f"{path}, arm {name}")
        for name, own in file.arms.items()
    }
    refuse_other_tests(path, arms, reference)
    refuse_unknown_starts(path, arms)
    return Study(name=file.name, description=file.description, reference=reference, arms=arms)


def _arm(base: dict[str, Any], settings: Mapping[str, Any], *, place: str) -> ExperimentConfig:
    """Return the base with some settings replaced."""
    values = copy.deepcopy(base)
    for name, value in settings.items():
        try:
            replace_setting(values, name, value)
        except ValueError as error:
            raise ConfigError(f"{place}: {error}", code="E-CONF-011") from None
    config = parse_config(values, source=place)
    if len(config.models) != 1:
        raise ConfigError(
            f"{place}: models must be [A] or [B], one for an arm, got {list(config.models)}",
            code="E-CONF-011",
        )
    return config


def run_study(
    study: Study, *, data: Path | None, folder: Path, command: str, folds: int | None = None
) -> str:
    """Train and test every arm that is not finished, and compare them.

    Args:
        study: what to run.
        data: manifest CSV or folder of a data set; None for phantoms.
        folder: of the study; made if missing.
        command: the command that started it, for the records.
        folds: of a cross-validation by patient of each arm; None for the one split.

    Returns:
        The means of the arms side by side, and where the tables are.

    Raises:
        SpineSynthError: for data, configuration or an output that cannot be used.
    """
    with hold_folder(folder):
        train_arms(study, data=data, folder=folder, command=command, folds=folds)
        return _write_tables(study, folder)


def _write_tables(study: Study, folder: Path) -> str:
    """Write what the arms add up to, and return it as plain text with its place."""
    _check_tests(study, folder)
    table = collect_arms(study, folder)
    (folder / TABLES).mkdir(exist_ok=True)
    write_csv(folder / METRICS_CSV, table)
    write_csv(folder / SUMMARY_CSV, summarise(table, ["model", *_GROUP]))
    write_csv(folder / COMPARISON_CSV, compare_with_reference(table, study.reference))
    text = format_study(study, table, _modes(study, folder))
    write_text(folder / STUDY_MD, text)
    return f"{text}\nTables: {folder / TABLES}\n"


def train_arms(
    study: Study, *, data: Path | None, folder: Path, command: str, folds: int | None = None
) -> None:
    """Train and test every arm that is not finished.

    Args:
        study: what to run.
        data: manifest CSV or folder of a data set; None for phantoms.
        folder: of the study; made if missing.
        command: the command that started it, for the records.
        folds: of a cross-validation of each arm; None for the one split.
    """
    splits = _plan(study, data, folder, folds)
    for number, name in enumerate(study.arms, start=1):
        place, said = folder / ARMS / name, f"arm {number}/{len(study.arms)}, {name}"
        # asked only now: what it starts from may be new
        done = _finished(study, name, folder, folds, splits[name])
        sys.stderr.write(f"{said}: finished before\n" if done else f"{said}\n")
        configs = _configs(study, name, folder, folds)
        if folds is not None:  # joins their tables too
            run_folds(configs, data=data, folder=place, command=command)
        elif not done:
            run_experiment(configs[0], data=data, folder=place, command=command)


def _plan(
    study: Study, data: Path | None, folder: Path, folds: int | None
) -> dict[str, list[Split | None]]:
    """Return the split of each arm, one for each fold, before hours are spent on the first."""
    if data is None:  # phantoms follow from the configuration
        return {name: [None] * (folds or 1) for name in study.arms}
    cases = discover_cases(data)
    splits = dict[str, list[Split | None]]()
    for name, arm in study.arms.items():
        configs = _configs(study, name, folder, folds)
        planned = [plan_split(config, cases) for config in configs]
        splits[name] = [*planned]
        if _finished(study, name, folder, folds, splits[name]):
            continue
        for config, split in zip(configs, planned, strict=True):
            refuse_shared_content(config, split)
            if starting_arm(arm) is None:
                _refuse_start(config, split)
    return splits


def _refuse_start(config: ExperimentConfig, split: Split) -> None:
    """Refuse a checkpoint that is there and has seen who is to test it."""
    start = config.training.start_from
    if start is not None and Path(start).is_file():
        refuse_tested(config, split.test)


def _configs(study: Study, name: str, folder: Path, folds: int | None) -> list[ExperimentConfig]:
    """Return the configuration of an arm, one for each fold; an arm to start from is its file."""
    config = study.arms[name]
    configs = [config] if folds is None else configs_of_folds(config, folds)
    arm = starting_arm(config)
    if arm is None:
        return configs
    started = []
    for number, one in enumerate(configs, start=1):
        place = folder / ARMS / arm
        run = place if folds is None else fold_folder(place, number)
        path = checkpoint_path(run, study.arms[arm].models[0], "best")
        training = one.training.model_copy(update={"start_from": str(path)})
        started.append(one.model_copy(update={"training": training}))
    return started


def _finished(
    study: Study, name: str, folder: Path, folds: int | None, splits: Sequence[Split | None]
) -> bool:
    """Return whether an arm has been tested as it and the data stand, in every fold."""
    place, configs = folder / ARMS / name, _configs(study, name, folder, folds)
    return all(
        is_finished(place if folds is None else fold_folder(place, number), config, split)
        for number, (config, split) in enumerate(zip(configs, splits, strict=True), start=1)
    )


def _check_tests(study: Study, folder: Path) -> None:
    """Raise if arms were tested on other scans, as where the data changed between two calls."""
    tests = {}
    for name in study.arms:
        split = read_ids_csv(folder / ARMS / name / SPLIT_CSV)
        tests[name] = set(split.loc[split["split"] == "test", "case_id"])
    for name, cases in tests.items():
        if cases != tests[study.reference]:
            raise ConfigError(
                f"arm {name} was tested on other scans than {study.reference}: the data have "
                f"changed since; remove {folder / ARMS} to run all arms again",
                code="E-RUN-005",
            )


def collect_arms(study: Study, folder: Path) -> pd.DataFrame:
    """Return the headline scores of all arms at the original resolution; ``model`` is the arm."""
    tables = []
    for name in study.arms:
        table = read_results(folder / ARMS / name).metrics
        assert table is not None  # a finished run has scores
        headline = table["metric"].isin(HEADLINE_METRICS)
        table = table[headline & (table["condition"] == "standard")]
        tables.append(table.assign(run=study.name, model=name))
    return pd.concat(tables, ignore_index=True)


def compare_with_reference(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Return each arm minus the reference, paired by patient.

    Args:
        table: long table of :func:`collect_arms`.
        reference: name of the arm.

    Returns:
        The columns of :func:`~spinesynth.metrics.compare_models`; ``model`` is an
        arm, ``other`` the reference. Holm's correction is within each pair of arms
        and metric.
    """
    rows = []
    for name in table["model"].unique():
        if name == reference:
            continue
        # the first of a pair in sorted order is the model: their real names come after
        pair = table[table["model"].isin([name, reference])]
        pair = pair.assign(model=pair["model"].map({name: "0", reference: "1"}))
        rows.append(compare_models(pair).assign(model=name, other=reference))
    return pd.concat(rows, ignore_index=True)


def _modes(study: Study, folder: Path) -> dict[str, str]:
    """Return what the training of each arm used."""
    modes = {}
    for name, config in study.arms.items():
        record = read_results(folder / ARMS / name).manifest or {}
        modes[name] = modes_of_models(record).get(config.models[0], "not known")
    return modes


def format_study(study: Study, table: pd.DataFrame, modes: Mapping[str, str]) -> str:
    """Return the mean Dice over patients of every arm as a Markdown table.

    Args:
        study: names and order of the arms.
        table: long table of :func:`collect_arms`.
        modes: what the training of each arm used.
    """
    dice = table[table["metric"] == "dice"]
    means = summarise(dice, ["model", *_GROUP])
    lines = [
        f"# {study.name}",
        "",
        study.description,
        "",
        f"Dice, mean over patients, raw prediction; the reference is `{study.reference}`.",
        "",
        "| source | contrast | structure | patients | " + " | ".join(study.arms) + " |",
        "| --- " * (4 + len(study.arms)) + "|",
    ]
    for (source, contrast, structure), group in means.groupby(_GROUP[:3], sort=True):
        cells = group.set_index("model")["mean"].reindex(list(study.arms))
        patients = int(group["n_patients"].max())
        shown = " | ".join("-" if pd.isna(value) else f"{value:.3f}" for value in cells)
        lines.append(f"| {source} | {contrast} | {structure} | {patients} | {shown} |")
    used = " | ".join(modes[name] for name in study.arms)
    lines.append(f"| *training used* | | | | {used} |")
    return "\n".join(lines) + "\n"
