"""Where a run keeps its numbers, and how they are read back.

The one home of these names: what writes and what reads a run's folder both use it.

============================ ==================================================
path in a run's folder       what
============================ ==================================================
``run.json``                 manifest: versions, seeds, threads, times, command
``tables/split.csv``         which case trained, validated, tested
``tables/metrics.csv``       long table of the standard evaluation
``tables/robustness.csv``    long table of the degraded conditions
``tables/failures.csv``      cases that could not be scored; no row if none failed
``tables/conditions.csv``     long table of the robustness suite, severities 0 to 5
``tables/conditions_*.csv``   its summary, areas, worst cases, what was left out and what failed
``conditions.json``          its manifest
``scores/``                  its finished scores, which a further call does not make again
``tables/detection.csv``     of a comparison: what of the vertebrae and discs was found
``tables/instances.csv``     of a comparison: vertebrae and discs, one by one
``tables/training_A.csv``    one row an epoch, one file a model
``tables/choice_A.csv``      what the kept checkpoints scored, if one was chosen at the end
``tables/paired_tests.csv``, ``reality_gap.csv``, ``bland_altman.csv``, ``strata.csv``
                             statistics by patient, if they were asked for
``tables/consistency.csv``, ``consistency_failures.csv``, ``feature_distance.csv``,
``tables/distance_dice.csv`` the gap without labels, if it was asked for
``curves/*.png``             figures made from the tables
``overlays/*.png``           pictures of scans: never committed
``models/model_A_best.pt``   checkpoints, best and last of each model: never committed
``models/model_A_step*.pt``  checkpoints that were kept, by their step: never committed
``models/model_A_state.pt``  what a training goes on from: never committed
``tensorboard/A/``           curves and pictures for TensorBoard: never committed
============================ ==================================================

``docs/tables.md`` says what each table holds; :mod:`spinesynth.io.table_kinds` is its home.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spinesynth.errors import InputError
from spinesynth.io.problems import InputFileError
from spinesynth.io.table_check import check_table
from spinesynth.io.tables import read_ids_csv

RUN_JSON = Path("run.json")
TABLES = Path("tables")
CURVES = Path("curves")
OVERLAYS = Path("overlays")
REPORT = Path("report")
MODELS = Path("models")
SPLIT_CSV = TABLES / "split.csv"
METRICS_CSV = TABLES / "metrics.csv"
ROBUSTNESS_CSV = TABLES / "robustness.csv"
FAILURES_CSV = TABLES / "failures.csv"
CONDITIONS_JSON = Path("conditions.json")
CONDITIONS_CSV = TABLES / "conditions.csv"
CONDITIONS_SUMMARY_CSV = TABLES / "conditions_summary.csv"
CONDITIONS_AREA_CSV = TABLES / "conditions_area.csv"
CONDITIONS_WORST_CSV = TABLES / "conditions_worst.csv"
CONDITIONS_DIFFERENCES_CSV = TABLES / "conditions_differences.csv"
CONDITIONS_LEFT_OUT_CSV = TABLES / "conditions_left_out.csv"
CONDITIONS_FAILURES_CSV = TABLES / "conditions_failures.csv"
#: All files of the robustness suite that a report reads or quotes.
CONDITIONS_OUTPUTS = (
    CONDITIONS_JSON, CONDITIONS_CSV, CONDITIONS_SUMMARY_CSV, CONDITIONS_AREA_CSV,
    CONDITIONS_WORST_CSV, CONDITIONS_DIFFERENCES_CSV, CONDITIONS_LEFT_OUT_CSV,
    CONDITIONS_FAILURES_CSV,
)  # fmt: skip
SCORES = Path("scores")

#: Columns of the table of what the robustness suite could not do.
LEFT_OUT_COLUMNS = ("case_id", "source", "contrast", "condition", "severity", "reason")
PAIRED_TESTS_CSV = TABLES / "paired_tests.csv"
REALITY_GAP_CSV = TABLES / "reality_gap.csv"
BLAND_ALTMAN_CSV = TABLES / "bland_altman.csv"
STRATA_CSV = TABLES / "strata.csv"
CONSISTENCY_CSV = TABLES / "consistency.csv"
CONSISTENCY_FAILURES_CSV = TABLES / "consistency_failures.csv"
FEATURE_DISTANCE_CSV = TABLES / "feature_distance.csv"
DISTANCE_DICE_CSV = TABLES / "distance_dice.csv"
DETECTION_CSV = TABLES / "detection.csv"
INSTANCES_CSV = TABLES / "instances.csv"

_TRAINING = "training_"


def training_csv(model: str) -> Path:
    """Return the path of a model's training table within a run's folder."""
    return TABLES / f"{_TRAINING}{model}.csv"


def choice_csv(model: str) -> Path:
    """Return the path of a model's table of the final choice within a run's folder."""
    return TABLES / f"choice_{model}.csv"


@dataclass(frozen=True, eq=False)
class Results:
    """Hold everything that a run has measured; ``None`` or empty is 'not run'.

    Args:
        folder: of the run.
        metrics: long table of the standard evaluation.
        robustness: long table of degraded conditions.
        failures: cases that could not be scored.
        training: model -> training table.
        manifest: contents of ``run.json``; of the robustness suite where it alone was run.
        conditions: long table of the robustness suite.
        left_out: conditions that cases of it could not take.
        split: who trained, validated and tested.
    """

    folder: Path
    metrics: pd.DataFrame | None
    robustness: pd.DataFrame | None
    failures: pd.DataFrame | None
    training: dict[str, pd.DataFrame]
    manifest: dict[str, object] | None
    conditions: pd.DataFrame | None = None
    left_out: pd.DataFrame | None = None
    split: pd.DataFrame | None = None


def read_results(folder: Path) -> Results:
    """Read the tables of a run strictly; absent files are absent results.

    Args:
        folder: of the run.

    Returns:
        Tables with numbers as float and everything else as text.

    Raises:
        InputError: if the folder is missing, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the folder of a run", code="E-IN-001")
    return Results(
        folder=folder,
        metrics=_read_table(folder / METRICS_CSV, "metrics"),
        robustness=_read_table(folder / ROBUSTNESS_CSV, "robustness"),
        failures=_read_failures(folder),
        training=_read_training(folder),
        manifest=_read_manifest(folder / RUN_JSON) or _read_manifest(folder / CONDITIONS_JSON),
        conditions=_read_table(folder / CONDITIONS_CSV, "conditions"),
        left_out=_read_table(folder / CONDITIONS_LEFT_OUT_CSV, "conditions_left_out"),
        split=_read_table(folder / SPLIT_CSV, "split"),
    )


def _read_failures(folder: Path) -> pd.DataFrame | None:
    """Read what failed in a run and in the robustness suite, None where neither was run."""
    paths = (folder / FAILURES_CSV, folder / CONDITIONS_FAILURES_CSV)
    there = [table for path in paths if (table := _read_table(path, "failures")) is not None]
    return pd.concat(there, ignore_index=True) if there else None


def _read_table(path: Path, kind: str) -> pd.DataFrame | None:
    """Read one table, or return None where it was never written."""
    return check_table(path, read_ids_csv(path), kind) if path.exists() else None


def _read_training(folder: Path) -> dict[str, pd.DataFrame]:
    """Read every training table that has at least one epoch."""
    tables: dict[str, pd.DataFrame] = {}
    for path in sorted((folder / TABLES).glob(f"{_TRAINING}*.csv")):
        table = _read_table(path, "training")
        if table is not None and len(table):
            tables[path.stem.removeprefix(_TRAINING)] = table
    return tables


def _read_manifest(path: Path) -> dict[str, object] | None:
    """Read ``run.json``, or return None where it was never written."""
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no UTF-8
        raise InputFileError(
            path, f"not JSON ({error})", remedy="restore the file that the run wrote",
            code="E-FMT-001",
        ) from error  # fmt: skip
    if not isinstance(manifest, dict):
        raise InputFileError(
            path, "must hold one JSON object", remedy="restore the file that the run wrote",
            code="E-FMT-001",
        )  # fmt: skip
    return manifest
