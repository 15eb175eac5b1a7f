"""Score models side by side under every condition, and keep what is finished.

The untouched scan is scored once and counts as severity 0 of every condition. Models see
the same images: what is drawn does not depend on the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from spinesynth.io.case import Case
from spinesynth.io.file_digest import digest_file
from spinesynth.io.load_case import LoadedCase, load_case
from spinesynth.metrics import HEADLINE_METRICS
from spinesynth.pipelines.conditions import (
    CONDITIONS,
    ORIGINAL,
    SEVERITIES,
    check_conditions,
    check_severities,
    degrade_case,
    level_reached,
    obstacle,
)
from spinesynth.pipelines.evaluate import (
    FAILURE_COLUMNS,
    LONG_COLUMNS,
    concatenate,
    evaluate_cases,
    identify_case,
    refuse_duplicates,
)
from spinesynth.pipelines.exported_images import task_name
from spinesynth.pipelines.results import LEFT_OUT_COLUMNS
from spinesynth.pipelines.score_store import Outcome, Score, ScoreStore
from spinesynth.pipelines.suite_models import SuiteModel

#: Rows that record the level reached, beside the scores of the same task.
IMAGE, LEVEL = "image", "level"


class SuiteResult(NamedTuple):
    """Hold what the suite found.

    Attributes:
        table: columns ``LONG_COLUMNS``; condition ``original`` has severity 0. Rows of the
            structure ``image`` and metric ``level`` tell what each severity came to.
        failures: columns ``FAILURE_COLUMNS``. A case whose original could not be scored
            stands there once.
        left_out: columns :data:`LEFT_OUT_COLUMNS`, conditions that a case cannot take.
    """

    table: pd.DataFrame
    failures: pd.DataFrame
    left_out: pd.DataFrame


class _Task(NamedTuple):
    """Name what is done to a case."""

    condition: str
    severity: int


@dataclass(eq=False)
class _Opened:
    """A case whose files are read, and degraded, when somebody asks and once for all."""

    case: Case
    seed: int
    loader: Callable[[Case], LoadedCase]
    _loaded: LoadedCase | None = None
    _last: tuple[_Task, LoadedCase] | None = None

    def load(self) -> LoadedCase:
        """Return the case as it is."""
        if self._loaded is None:
            self._loaded = self.loader(self.case)
        return self._loaded

    def degraded(self, task: _Task) -> LoadedCase:
        """Return the case as a task leaves it."""
        if self._last is None or self._last[0] != task:
            self._last = (task, degrade_case(self.load(), *task, seed=self.seed))
        return self._last[1]


def digest_case(case: Case) -> str:
    """Return a digest of a case's files and of how they are read; of none, of their names."""
    read = f"{sorted(case.annotated)} {case.scheme} {case.resamples_label}"
    total = hashlib.sha256(read.encode())
    for path in (case.image, case.label, case.instances):
        try:
            total.update(b"none" if path is None else digest_file(path).encode())
        except OSError:
            total.update(str(path).encode())  # reading it will fail, and say so
    return total.hexdigest()


def evaluate_conditions(
    models: Sequence[SuiteModel],
    cases: Sequence[Case],
    *,
    run: str,
    store: ScoreStore,
    conditions: Sequence[str] = tuple(CONDITIONS),
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    loader: Callable[[Case], LoadedCase] = load_case,
    on_task: Callable[[str], None] | None = None,
) -> SuiteResult:
    """Score each model on each case, untouched and under each condition and severity.

    Args:
        models: of different names.
        cases: with image and label map each.
        run: name of the run, for the tables.
        store: finished scores, which are not made again; failures are tried again.
        conditions: keys of ``CONDITIONS``.
        severities: from 1 to 5.
        seed: of everything that is drawn.
        loader: reads a case.
        on_task: called with model and task after each score.

    Returns:
        The same tables whether the run was interrupted or not, in the order of models, cases,
        conditions and severities.

    Raises:
        ConfigError: if a condition or severity is unknown.
        InputError: if a case id is given twice.
    """
    refuse_duplicates(cases)
    tasks = [_Task(ORIGINAL, 0)] + [
        _Task(name, severity)
        for name in check_conditions(conditions)
        for severity in check_severities(severities)
    ]
    found: dict[tuple[str, str], list[_Done]] = {}
    for case in cases:
        opened = _Opened(case, seed, loader)
        for model, done in _evaluate_case(models, opened, tasks, store, digest_case(case)):
            found.setdefault((model, case.case_id), []).append(done)
            if on_task is not None:
                on_task(f"{model} {case.case_id} {done.task.condition} {done.task.severity}")
    return _assemble(models, cases, found, run)


class _LeftOutError(Exception):
    """Tell why a case cannot take a condition; it is no failure of the case."""


class _Done(NamedTuple):
    """Hold a task and what came of it: an outcome, or a row of the failures."""

    task: _Task
    outcome: Outcome
    failure: Mapping[str, object] | None = None


def _evaluate_case(
    models: Sequence[SuiteModel],
    opened: _Opened,
    tasks: Sequence[_Task],
    store: ScoreStore,
    case_digest: str,
) -> Iterator[tuple[str, _Done]]:
    """Yield what came of each task for each model, whose original could be scored."""
    alive = list(models)
    for task in tasks:
        name = task_name(opened.case.case_id, *task)
        how = None if task.condition == ORIGINAL else CONDITIONS[task.condition]
        for model in tuple(alive):
            decides = {
                "model": model.digest(name), "case": case_digest, "id": opened.case.case_id,
                "condition": task.condition, "severity": task.severity, "seed": opened.seed,
                "level": how.level(task.severity) if how else 0.0,
                "revision": how.revision if how else 0,
            }  # fmt: skip
            outcome = store.get(**decides)
            done = _Done(task, outcome) if outcome else _score(model, opened, task, name)
            if outcome is None and done.failure is None:
                store.put(done.outcome, **decides)
            if done.failure is not None and task.condition == ORIGINAL:
                alive.remove(model)
            yield model.name, done


def _score(model: SuiteModel, opened: _Opened, task: _Task, name: str) -> _Done:
    """Score one model on one task."""

    def load(_: Case) -> LoadedCase:
        reason = "" if task.condition == ORIGINAL else obstacle(opened.load(), *task)
        if reason:
            raise _LeftOutError(reason)
        return opened.degraded(task)

    try:
        table, failures = evaluate_cases(
            model.predictor(name), [opened.case], run="", model=model.name,
            condition=task.condition, severity=task.severity, metrics=HEADLINE_METRICS, loader=load,
        )  # fmt: skip
    except _LeftOutError as reason:
        return _Done(task, Outcome(left_out=str(reason)))
    if len(failures):
        first = {str(name): value for name, value in failures.iloc[0].items()}
        return _Done(task, Outcome(), first)
    rows = table[["structure", "metric", "value", "unit"]].itertuples(index=False, name=None)
    scores = [Score(*row) for row in rows]
    if task.condition != ORIGINAL:
        reached, unit = level_reached(opened.load(), *task)
        scores.append(Score(IMAGE, LEVEL, reached, unit))
    return _Done(task, Outcome(tuple(scores)))


def _assemble(
    models: Sequence[SuiteModel],
    cases: Sequence[Case],
    found: Mapping[tuple[str, str], Sequence[_Done]],
    run: str,
) -> SuiteResult:
    """Put all outcomes into tables."""
    rows: list[dict[str, object]] = []
    failures: list[dict[str, object]] = []
    left_out: dict[tuple[str, _Task], dict[str, object]] = {}
    for model in models:
        for case in cases:
            for task, outcome, failure in found.get((model.name, case.case_id), ()):
                names = {**identify_case(case), "condition": task.condition}
                labels = {
                    **names,
                    "run": run,
                    "model": model.name,
                    "severity": float(task.severity),
                }
                rows += [
                    {**labels, "patient_id": case.patient_id, **score._asdict()}
                    for score in outcome.scores
                ]
                if failure is not None:
                    failures.append({**failure, "run": run})
                if outcome.left_out:
                    told = {**names, "severity": float(task.severity), "reason": outcome.left_out}
                    left_out[case.case_id, task] = told
    return SuiteResult(
        concatenate([pd.DataFrame(rows)], LONG_COLUMNS),
        concatenate([pd.DataFrame(failures)], FAILURE_COLUMNS),
        pd.DataFrame(list(left_out.values()), columns=list(LEFT_OUT_COLUMNS)),
    )
