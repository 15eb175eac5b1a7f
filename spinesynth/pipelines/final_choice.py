"""Which of the kept checkpoints becomes ``best`` once a training is done.

Each is scored as an evaluation scores: whole scans are predicted, here the real ones of
the validation patients. The mean goes over the structures that a scan annotates (not over
whole vertebrae where their parts are scored), over the scans of a patient and over
patients. Where there is no such scan, the validation
samples decide, which is told and written into the table.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd
import torch

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.io.atomic import link_file
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint, save_checkpoint
from spinesynth.io.tables import write_csv
from spinesynth.pipelines.checkpoint_shelf import CheckpointShelf, checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.evaluate import FAILURE_COLUMNS, LONG_COLUMNS, Evaluation, evaluate_cases
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.results import choice_csv
from spinesynth.pipelines.run_record import REAL_SCANS
from spinesynth.pipelines.training_state import Reached

_LOG = logging.getLogger(__name__)
#: Columns of the table: those of every table of numbers, whose step was scored, on what,
#: why so if that was not asked for, and whether it was chosen (1) or not (0). Rows whose
#: structure is ``mean`` hold what the choice follows.
CHOICE_COLUMNS = (*LONG_COLUMNS, "step", "basis", "note", "chosen")
#: In place of real scans, for model A, and for B by the axes of its network.
_SYNTHETIC, _SAMPLED = "synthetic samples", {2: "sampled slices", 3: "sampled patches"}
_NO_SCAN = "no validation patient has a real scan with a label map"
_NONE_SCORED = "no real scan of a validation patient could be scored"
_MEAN, _METRIC = "mean", "dice"


class Outcome(NamedTuple):
    """What the final choice came to.

    Attributes:
        dice: mean of each candidate by its step.
        chosen: step of the best one, of equal ones the earliest.
        basis: what they were scored on.
        note: why that is not what was asked for; empty where it is.
    """

    dice: dict[int, float]
    chosen: int
    basis: str
    note: str

    def record(self) -> dict[str, Any]:
        """Return what a run's record says of it, as plain JSON types."""
        return {
            "step": self.chosen, "dice": round(self.dice[self.chosen], 6),
            "basis": self.basis, "note": self.note,
        }  # fmt: skip


class FinalChoice:
    """The choice among the kept checkpoints of one training.

    Args:
        config: the experiment.
        model: ``A`` or ``B``.
        shelf: of the checkpoints.
        scans: real cases of the validation patients, with image and label map each.
    """

    def __init__(
        self, config: ExperimentConfig, model: str, shelf: CheckpointShelf, scans: Sequence[Case]
    ) -> None:
        self.config, self.model, self.shelf = config, model, shelf
        real = _SAMPLED[config.network.dims]
        self.samples = real if model == "B" else _SYNTHETIC
        if model == "A" and config.training.real_share > 0:
            self.samples = f"{_SYNTHETIC} and {real}"
        self.wanted = config.training.final_choice == "volumes"
        self.scans = tuple(scans) if self.wanted else ()
        if self.wanted and not self.scans:
            self._warn(_NO_SCAN)

    def _warn(self, why: str) -> None:
        _LOG.warning(
            "model %s: training.final_choice: volumes falls back on the validation's %s: %s",
            *(self.model, self.samples, why),
        )

    def candidates(self, reached: Reached) -> list[int]:
        """Return the steps of the checkpoints that are still to be scored."""
        if not self.scans or reached.chosen is not None:
            return []
        scored = {row["step"] for row in reached.choice}
        return [step for step in reached.kept if step not in scored]

    def score(self, step: int) -> list[dict[str, Any]]:
        """Return the rows of a checkpoint: the Dice of each structure of each scan.

        Raises:
            CheckpointError: if the checkpoint is missing or refused.
        """
        with torch.random.fork_rng(devices=[]):  # a network is made with random weights first
            predictor, _ = load_predictor(self.shelf.path(step))
        scored = evaluate_cases(
            predictor, self.scans, run=self.config.name, model=self.model,
            condition="validation", metrics=(_METRIC,),
        )  # fmt: skip
        for row in scored.failures.itertuples():
            _LOG.warning(
                "model %s, step %d: %s is not scored: %s",
                *(self.model, step, row.case_id, row.message),
            )
        return [
            {**row, "step": step, "basis": REAL_SCANS} for row in score_rows(scored, self.scans)
        ]

    def outcome(self, reached: Reached) -> Outcome:
        """Return what the scores so far lead to."""
        dice, basis, note = patient_means(reached.choice), REAL_SCANS, ""
        if not (self.scans and dice):
            dice, basis = reached.kept, self.samples
            note = _NONE_SCORED if self.scans else _NO_SCAN
        return Outcome(dice, min(dice, key=lambda step: (-dice[step], step)), basis, note)

    def conclude(self, reached: Reached) -> str:
        """Write the table, make the chosen checkpoint ``best``, and say which it is.

        Raises:
            CheckpointError: if that checkpoint is missing or refused.
            OutputError: if the disk refuses a file.
        """
        outcome = self.outcome(reached)
        self.write_table(reached)
        chosen = self.shelf.path(outcome.chosen)
        best = checkpoint_path(self.shelf.folder, self.model, "best")
        if outcome.basis == REAL_SCANS:  # it says so itself, wherever it is taken
            save_checkpoint(best, replace(load_checkpoint(chosen), selection=REAL_SCANS))
        else:
            self._warn(outcome.note)
            link_file(chosen, best)
        reached.chosen = outcome.chosen
        dice = outcome.dice[outcome.chosen]
        return f"best is step {outcome.chosen}, Dice {dice:.3f} on {outcome.basis}"

    def write_table(self, reached: Reached) -> None:
        """Write the scores of all candidates, and their means."""
        outcome = self.outcome(reached)
        rows = [{**row, "run": self.config.name} for row in reached.choice]
        for step, dice in outcome.dice.items():
            mean = {
                "run": self.config.name, "model": self.model, "condition": "validation",
                "severity": 1.0, "structure": _MEAN, "metric": _METRIC, "value": dice, "unit": "1",
                "step": step, "basis": outcome.basis, "note": outcome.note,
            }  # fmt: skip
            rows.append(mean)
        table = pd.DataFrame(rows).sort_values("step", kind="stable")
        table["chosen"] = (table["step"] == outcome.chosen).astype(int)
        path = self.shelf.folder / choice_csv(self.model)
        write_csv(path, table.reindex(columns=list(CHOICE_COLUMNS)))


def score_rows(scored: Evaluation, scans: Sequence[Case]) -> list[dict[str, Any]]:
    """Return what a choice among weights follows: Dice by scan and structure.

    Args:
        scored: the Dice of some scans.
        scans: all that were to be scored.

    Returns:
        A row with an empty ``note`` for each structure, of whole vertebrae and their
        parts the parts alone, and one that says why for each scan that failed.
    """
    patients = {case.case_id: case.patient_id for case in scans}
    failed = [
        {
            **{name: row[name] for name in FAILURE_COLUMNS if name in LONG_COLUMNS},
            "patient_id": patients[row["case_id"]], "structure": "", "metric": _METRIC,
            "value": float("nan"), "unit": "1", "note": f"[{row['code']}] {row['message']}",
        }
        for row in _records(scored.failures)
    ]  # fmt: skip
    return [*({**row, "note": ""} for row in _records(_finest(scored.table))), *failed]


def _finest(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out structures of a scan that others of it are parts of: no voxel counts twice."""
    scored = table.groupby("case_id")["structure"].agg(set)
    whole = [
        any(REPORT_GROUPS[other] < REPORT_GROUPS[name] for other in scored[case])
        for case, name in zip(table["case_id"], table["structure"], strict=True)
    ]
    return table[~pd.Series(whole, index=table.index, dtype=bool)]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def patient_means(rows: Sequence[dict[str, Any]]) -> dict[int, float]:
    """Return the mean over patients of each step; empty if no scan was scored.

    A scan that failed with every checkpoint counts for none, one that failed with some
    of them counts 0 for these. What is neither there nor predicted has no Dice, and
    counts for nothing.

    Args:
        rows: of :func:`score_rows`, each with its ``step``.
    """
    table = pd.DataFrame([row for row in rows if not math.isnan(row["value"])])
    if table.empty:
        return {}
    scans = table.groupby(["step", "patient_id", "case_id"])["value"].mean().unstack("step")
    for row in rows:
        scan = (row["patient_id"], row["case_id"])
        if row["note"] and scan in scans.index:
            scans.loc[scan, row["step"]] = 0.0
    means = scans.sort_index(axis=1).groupby("patient_id").mean().mean()
    return dict(zip(means.index.tolist(), means.tolist(), strict=True))
