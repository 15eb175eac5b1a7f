"""A run's folder made at test time: tables with invented numbers, no scan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from spinesynth.io.tables import write_csv
from spinesynth.pipelines.evaluate import FAILURE_COLUMNS, LONG_COLUMNS
from spinesynth.pipelines.results import (
    CONDITIONS_CSV,
    CONDITIONS_LEFT_OUT_CSV,
    FAILURES_CSV,
    LEFT_OUT_COLUMNS,
    METRICS_CSV,
    ROBUSTNESS_CSV,
    RUN_JSON,
    SPLIT_CSV,
    TABLES,
    training_csv,
)

#: source, contrast, structures, patients
GROUPS = (
    ("spider_t2space", "T2_SPACE", ("vertebra", "disc", "canal"), 7),
    ("two_contrasts", "T1", ("vertebra", "disc"), 3),
    ("two_contrasts", "T2", ("vertebra", "disc"), 3),
    ("bodies", "GRE", ("body",), 1),
)


def _rows(
    labels: dict[str, object], structures: tuple[str, ...], dice: float, *, further: bool = False
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for place, structure in enumerate(structures):
        scores = [("dice", dice - 0.02 * place, "1"), ("hd95", 9 - 8 * dice, "mm")]
        if further:
            scores += [("assd", 2 - 2 * dice, "mm"), ("volume_error", dice - 0.75, "ml")]
        for metric, value, unit in scores:
            score = {"structure": structure, "metric": metric, "value": value, "unit": unit}
            rows.append(labels | score)
    return rows


def make_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a long table of scores and one of degraded conditions, models A and B."""
    generator = np.random.default_rng(11)
    scores: list[dict[str, object]] = []
    degraded: list[dict[str, object]] = []
    for source, contrast, structures, patients in GROUPS:
        for patient in range(patients):
            for model, mean in (("A", 0.8), ("B", 0.85 if contrast == "T2_SPACE" else 0.6)):
                dice = float(mean + generator.normal(0, 0.03))
                labels: dict[str, object] = {
                    "run": "invented", "model": model, "case_id": f"{source}{contrast}{patient}",
                    "patient_id": f"{source}{patient}", "source": source, "contrast": contrast,
                }  # fmt: skip
                standard = labels | {"condition": "standard", "severity": 1.0}
                scores += _rows(standard, structures, dice, further=True)
                if source != "spider_t2space":
                    continue
                for condition in ("in_plane_factor", "through_plane_factor"):
                    for factor in (1.0, 2.0, 4.0):
                        at = labels | {"condition": condition, "severity": factor}
                        degraded += _rows(at, structures, dice - 0.05 * (factor - 1))
                        degraded.append(
                            at | {"structure": "image", "metric": "resolution",
                                  "value": 0.9 * factor, "unit": "mm"}
                        )  # fmt: skip
    columns = list(LONG_COLUMNS)
    return pd.DataFrame(scores, columns=columns), pd.DataFrame(degraded, columns=columns)


def make_conditions() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a long table of the robustness suite, models A and B, and what was left out."""
    rows: list[dict[str, object]] = []
    for patient in range(3):
        for model, loss in (("A", 0.02), ("B", 0.08)):
            labels: dict[str, object] = {
                "run": "invented", "model": model, "case_id": f"c{patient}",
                "patient_id": f"p{patient}", "source": "spider_t2space", "contrast": "T2_SPACE",
            }  # fmt: skip
            dice = 0.8 + 0.02 * patient
            original = labels | {"condition": "original", "severity": 0.0}
            rows += _rows(original, ("vertebra", "disc"), dice)
            for condition, first in (("noise", 1), ("through_plane_resolution", 4)):
                for severity in range(first, 6):
                    at = labels | {"condition": condition, "severity": float(severity)}
                    rows += _rows(at, ("vertebra", "disc"), dice - loss * severity)
                    rows.append(
                        at | {"structure": "image", "metric": "level", "value": 2.0 * severity,
                              "unit": "mm"}
                    )  # fmt: skip
    left_out = [
        ("c0", "spider_t2space", "T2_SPACE", "through_plane_resolution", float(severity),
         "its slices lie 4.40 mm apart already")
        for severity in (1, 2, 3)
    ]  # fmt: skip
    return (
        pd.DataFrame(rows, columns=list(LONG_COLUMNS)),
        pd.DataFrame(left_out, columns=list(LEFT_OUT_COLUMNS)),
    )


def make_training(model: str) -> pd.DataFrame:
    """Return a training table of twelve epochs."""
    step = np.arange(1, 13) * 50
    return pd.DataFrame(
        {
            "model": model, "epoch": np.arange(12), "step": step,
            "train_loss": 1.5 * np.exp(-step / 200) + 0.2,
            "val_dice_mean": 0.85 - 0.8 * np.exp(-step / 150),
            "val_dice_body": 0.9 - 0.8 * np.exp(-step / 150),
            "val_dice_disc": 0.8 - 0.8 * np.exp(-step / 150),
            "learning_rate": 1e-3, "seconds": 30.0,
        }
    )  # fmt: skip


def make_split() -> pd.DataFrame:
    """Return who trained (4 patients), validated (1) and was tested, without digests."""
    home = "spider_t2space"
    drawn = [(f"{home}_{n}", f"{home}_{n}", home, "T2_SPACE", "train") for n in range(4)]
    drawn.append((f"{home}_v", f"{home}_v", home, "T2_SPACE", "validation"))
    columns = ["case_id", "patient_id", "source", "contrast", "split"]
    tested = make_tables()[0][columns[:-1]].drop_duplicates().assign(split="test")
    return pd.concat([pd.DataFrame(drawn, columns=columns), tested], ignore_index=True)


def write_scores(folder: Path) -> Path:
    """Write a run with nothing but a few scores, and return its folder."""
    (folder / TABLES).mkdir(parents=True)
    scores, _ = make_tables()
    few = (scores["source"] == "two_contrasts") & (scores["structure"] == "disc")
    old = scores["metric"].isin(["dice", "hd95"])  # as runs wrote them that knew no others
    write_csv(folder / METRICS_CSV, scores[few & old])
    return folder


def write_run(folder: Path) -> Path:
    """Write every file of a complete run and return its folder."""
    (folder / TABLES).mkdir(parents=True)
    scores, degraded = make_tables()
    write_csv(folder / METRICS_CSV, scores)
    write_csv(folder / ROBUSTNESS_CSV, degraded)
    conditions, left_out = make_conditions()
    write_csv(folder / CONDITIONS_CSV, conditions)
    write_csv(folder / CONDITIONS_LEFT_OUT_CSV, left_out)
    failure = {
        "run": "invented", "model": "A", "case_id": "torn", "source": "bodies", "contrast": "GRE",
        "condition": "standard", "severity": 1.0, "code": "E-FMT-002",
        "message": "torn.mha: cut short | <copy it again>",
    }  # fmt: skip
    write_csv(folder / FAILURES_CSV, pd.DataFrame([failure], columns=list(FAILURE_COLUMNS)))
    for model in "AB":
        write_csv(folder / training_csv(model), make_training(model))
    write_csv(folder / SPLIT_CSV, make_split())
    versions = {"torch": "2.13.0"}
    config = {"data": {"train_sources": ["spider_t2space"], "split_seed": 3}, "models": ["A", "B"]}
    manifest = {"command": "make run", "seed": 42, "versions": versions, "threads": [1, 2]}
    manifest |= {"config": config}
    (folder / RUN_JSON).write_text(json.dumps(manifest), encoding="utf-8")
    return folder
