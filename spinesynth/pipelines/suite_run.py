"""The robustness suite from files: models side by side in one folder, gone on with if stopped."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.pipelines.conditions import (
    CONDITIONS,
    ORIGINAL,
    SEVERITIES,
    check_conditions,
    check_severities,
)
from spinesynth.pipelines.ensemble import Origin, Weighting
from spinesynth.pipelines.exported_images import read_export, refuse_shared_names
from spinesynth.pipelines.leak_guard import refuse_seen_content
from spinesynth.pipelines.predict import Engine
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.report import conclude
from spinesynth.pipelines.results import CONDITIONS_JSON, SCORES
from spinesynth.pipelines.robustness_run import SEEN_SUFFIX, choose_cases, scorable_cases
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.pipelines.run_record import describe_run, join_modes, write_json
from spinesynth.pipelines.score_store import ScoreStore
from spinesynth.pipelines.starting_point import mode_of
from spinesynth.pipelines.suite import evaluate_conditions
from spinesynth.pipelines.suite_models import (
    CallableModel,
    SavedPredictions,
    SuiteModel,
    load_model,
)
from spinesynth.pipelines.suite_tables import write_suite


@dataclass(frozen=True)
class SuiteOptions:
    """Say what of the suite is run.

    Args:
        conditions: keys of ``CONDITIONS``.
        severities: from 1 to 5.
        seed: of everything that is drawn.
        sources: test only these sources; None for all.
        max_cases: the first so many of the data, before seen patients are left out; None for all.
        include_seen: score patients that a model was trained on too, and say so in its name.
        weighting: of the votes of checkpoints.
        scales: that each network votes at.
        engine: what runs the networks.
    """

    conditions: tuple[str, ...] = tuple(CONDITIONS)
    severities: tuple[int, ...] = SEVERITIES
    seed: int = 0
    sources: tuple[str, ...] | None = None
    max_cases: int | None = None
    include_seen: bool = False
    weighting: Weighting = "mean"
    scales: tuple[float, ...] = (1.0,)
    engine: Engine = "torch"


def parse_models(texts: Sequence[str]) -> dict[str, list[Path]]:
    """Return checkpoints by the name of their model.

    Args:
        texts: each ``NAME=FILE``, or ``NAME=FILE,FILE`` of checkpoints that vote.

    Raises:
        ConfigError: if one is not so, or a name stands twice.

    Example:
        >>> parse_models(["A=a.pt", "AB=a.pt,b.pt"])["AB"] == [Path("a.pt"), Path("b.pt")]
        True
    """
    models: dict[str, list[Path]] = {}
    for text in texts:
        name, _, files = text.partition("=")
        paths = [Path(word.strip()) for word in files.split(",") if word.strip()]
        if not name.strip() or not paths or name.strip() in models:
            raise _refuse(f"must be NAME=FILE or NAME=FILE,FILE, each name once, got {text!r}")
        models[name.strip()] = paths
    return models


def parse_predictions(texts: Sequence[str]) -> dict[str, Path]:
    """Return folders of saved predictions by the name of their model.

    Args:
        texts: each ``NAME=FOLDER``.

    Raises:
        ConfigError: if one is not so, or a name stands twice.
    """
    folders: dict[str, Path] = {}
    for text in texts:
        name, _, folder = text.partition("=")
        if not name.strip() or not folder.strip() or name.strip() in folders:
            raise _refuse(f"of predictions must be NAME=FOLDER, each name once, got {text!r}")
        folders[name.strip()] = Path(folder.strip())
    return folders


def run_suite(
    models: Mapping[str, Sequence[Path]],
    *,
    data: Path,
    folder: Path,
    command: str,
    predictions: Mapping[str, Path] | None = None,
    scheme: str = "spine6",
    exported: Path | None = None,
    options: SuiteOptions | None = None,
) -> str:
    """Score models side by side under the conditions of the suite, with a report.

    Scores that the folder holds of the same model, case and condition are not made
    again, so that the same call goes on where a run was stopped. Patients that any of
    the checkpoints has seen are left out for all of them. Only the suite's own files
    are written, so that the folder may be that of a run.

    Args:
        models: name -> checkpoints, several of which vote; an empty name is that of the
            checkpoint.
        data: manifest CSV or folder of a data set.
        folder: where scores, tables, figures and report go; made if missing.
        command: the command that started it, for the record.
        predictions: name -> folder with what another tool made of exported images.
        scheme: label scheme of those.
        exported: folder that ``export_suite`` wrote for them; needed where there are some.
        options: what of the suite is run.

    Returns:
        The scores of the folder's untouched scans as plain text, and where the report is.

    Raises:
        CheckpointError: if a checkpoint is refused.
        ConfigError: if there is no model, or an option is impossible.
        InputError: if a file is refused, or no case can be scored.
    """
    asked = options or SuiteOptions()
    conditions, severities = check_conditions(asked.conditions), check_severities(asked.severities)
    loaded = [
        load_model(name, paths, weighting=asked.weighting, scales=asked.scales, engine=asked.engine)
        for name, paths in models.items()
    ]
    cases, known = _choose(data, [origin for _, origin in loaded], asked)
    scored: list[SuiteModel] = [
        replace(model, name=_told(model, origin, cases)) for model, origin in loaded
    ]
    if predictions:
        scored += _saved(predictions, cases, scheme=scheme, exported=exported, seed=asked.seed)
    _check_names([model.name for model in scored])
    total = len(cases) * len(scored) * (1 + len(conditions) * len(severities))
    with hold_folder(folder), StepProgress("robustness", total) as progress:

        def tell(task: str) -> None:
            progress.advance()
            if task.endswith(f" {ORIGINAL} 0"):
                progress.note(task.removesuffix(f" {ORIGINAL} 0"))

        result = evaluate_conditions(
            scored, cases, run=folder.resolve().name, store=ScoreStore(folder / SCORES),
            conditions=conditions, severities=severities, seed=asked.seed, on_task=tell,
        )  # fmt: skip
        if result.table.empty:
            why = result.failures["message"].iloc[0]
            raise InputError(f"no case could be scored; the first: {why}", code="E-CASE-005")
        write_suite(folder, result)
        names = [model.name for model in scored[: len(loaded)]]  # as the tables have them
        record = describe_run() | known | {"command": command, "seed": asked.seed}
        record |= {"conditions": conditions, "severities": severities}
        record |= {"weighting": asked.weighting, "scales": asked.scales, "engine": asked.engine}
        record |= {"predictions": sorted(predictions or {}), "scheme": scheme}
        record["models"] = {name: m.version for name, (m, _) in zip(names, loaded, strict=True)}
        record["modes"] = dict(zip(names, map(_mode, models.values()), strict=True))
        write_json(folder / CONDITIONS_JSON, record)
    return conclude(folder, command=command)


def _saved(
    folders: Mapping[str, Path],
    cases: Sequence[Case],
    *,
    scheme: str,
    exported: Path | None,
    seed: int,
) -> list[SavedPredictions]:
    """Return what tools made of exported images, refusing images that are not those scored."""
    if exported is None:
        raise _refuse("from --predictions needs --exported, the folder that --export wrote")
    refuse_shared_names(cases)
    images = read_export(exported, seed=seed)
    return [
        SavedPredictions(name, path, scheme=scheme, exported=images)
        for name, path in folders.items()
    ]


def _mode(checkpoints: Sequence[Path]) -> str:
    """Return what the training of some checkpoints used, all of them together."""
    return join_modes(mode_of(path, load_checkpoint(path)) for path in checkpoints)


def offered_cases(data: Path, asked: SuiteOptions) -> list[Case]:
    """Return the cases that are exported, and of which unseen ones are scored.

    Raises:
        InputError: if there is none.
    """
    return scorable_cases(data, asked.sources)[: asked.max_cases]


def _choose(
    data: Path, origins: Sequence[Origin], asked: SuiteOptions
) -> tuple[list[Case], dict[str, Any]]:
    """Return the cases that no model has seen, and what the record says of it."""
    cases = offered_cases(data, asked)
    silent = [origin.model for origin in origins if not origin.seen_patients]
    if silent and len(silent) < len(origins):
        sys.stderr.write(
            f"Warning: {', '.join(silent)} does not name the patients it was trained on; scores "
            "of those would be too good\n"
        )
    known: dict[str, Any] = {}
    if origins:
        seen = {patient for origin in origins for patient in origin.seen_patients}
        together = replace(origins[0], seen_patients=tuple(sorted(seen)))
        cases, _, known = choose_cases(cases, together, include_seen=asked.include_seen)
        known["seen_patients_known"] = not silent
    if not asked.include_seen:
        for origin in origins:
            where = f"the training of {origin.model}"
            refuse_seen_content(origin.seen_content, cases, where=where)
    return cases, known


def _told(model: CallableModel, origin: Origin, cases: Sequence[Case]) -> str:
    """Return a model's name, which says if patients are scored that it has seen."""
    seen = {case.patient_id for case in cases} & set(origin.seen_patients)
    return f"{model.name}{SEEN_SUFFIX}" if seen else model.name


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise _refuse("must be given: --model NAME=FILE, --checkpoint or --predictions")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _refuse(f"must have a name of its own, got {', '.join(twice)} more than once")


def _refuse(problem: str) -> ConfigError:
    return ConfigError(f"a model to score {problem}", code="E-CONF-071")
