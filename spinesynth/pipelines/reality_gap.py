"""The gap of one model between synthetic and real images, as far as no label is needed.

================================ =================================================
path in the folder               what
================================ =================================================
``tables/consistency.csv``       long table: predictions of two contrasts of one
                                 patient against each other
``tables/consistency_failures.csv`` pairs on other grids, images that cannot be read
``tables/feature_distance.csv``  distance of each source from the synthetic images
``tables/distance_dice.csv``     rank correlation of distance and Dice over sources
================================ =================================================
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spinesynth.errors import ConfigError
from spinesynth.io.discover import discover_cases
from spinesynth.io.tables import write_csv
from spinesynth.metrics import summarise
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.consistency import evaluate_consistency
from spinesynth.pipelines.feature_distance import (
    correlate_with_dice,
    measure_distances,
    real_features,
    synthetic_features,
)
from spinesynth.pipelines.patient_statistics import collect_scores
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.report_format import number, with_interval
from spinesynth.pipelines.results import (
    CONSISTENCY_CSV,
    CONSISTENCY_FAILURES_CSV,
    DISTANCE_DICE_CSV,
    FEATURE_DISTANCE_CSV,
    TABLES,
)
from spinesynth.pipelines.robustness_run import SEEN_SUFFIX, choose_cases


def run_gap(
    checkpoint: Path,
    *,
    data: Path,
    folder: Path,
    results: Path | None = None,
    images: int = 48,
    include_seen: bool = False,
) -> str:
    """Measure consistency between contrasts, and the distance of real from synthetic images.

    Args:
        checkpoint: of the model.
        data: manifest or folder of a data set. Images serve as the real ones, label maps
            to paint synthetic ones over.
        folder: where tables go; made if missing.
        results: folder of a run with the model's scores, to correlate them.
        images: synthetic ones.
        include_seen: take images of patients too that the checkpoint has seen.

    Returns:
        What was found, as plain text.

    Raises:
        CheckpointError: if the checkpoint is refused.
        ConfigError: if the run in ``results`` has no scores of the model.
        InputError: if the data or the scores cannot be used.
    """
    predictor, saved = load_predictor(checkpoint)
    config = parse_config(saved.config, source=str(checkpoint))
    scores = None if results is None else collect_scores([results])
    found = discover_cases(data)
    with_image = [case for case in found if case.image is not None]
    kept, model, _ = choose_cases(with_image, saved, include_seen=include_seen)
    consistency = evaluate_consistency(predictor, kept, run=config.name, model=model)
    scored = None if scores is None else _of_model(scores, saved.model, model)
    distances = measure_distances(
        synthetic_features(predictor, found, config, images=images),
        real_features(predictor, kept),
        model=model,
        scores=scored,
        seed=config.seed,
    )
    tables = {
        CONSISTENCY_CSV: consistency.table,
        CONSISTENCY_FAILURES_CSV: consistency.failures,
        FEATURE_DISTANCE_CSV: distances,
    }
    correlation = None if scored is None else correlate_with_dice(distances, scored, model)
    if correlation is not None:
        tables[DISTANCE_DICE_CSV] = correlation
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    for path, table in tables.items():
        write_csv(folder / path, table)
    written = [f"Written: {folder / path}" for path in tables]
    told = [_tell_consistency(consistency.table, len(consistency.failures)), ""]
    return "\n".join([*told, *_tell_distances(distances, correlation), "", *written])


def _of_model(scores: pd.DataFrame, plain: str, model: str) -> pd.DataFrame:
    """Return the scores of a model, under its name with or without seen patients, as of one."""
    names = {plain, f"{plain}{SEEN_SUFFIX}"}
    chosen = scores[scores["model"].isin(names)]
    if chosen.empty:
        there = ", ".join(sorted(scores["model"].unique()))
        raise ConfigError(
            f"--results holds no scores of model {plain}, only of {there}; name the run that "
            "scored the checkpoint",
            code="E-STAT-001",
        )
    return chosen.assign(model=model)


def _tell_consistency(table: pd.DataFrame, failed: int) -> str:
    """Return the mean Dice between contrasts, one line a structure."""
    if table.empty:
        return f"Consistency: no two contrasts of one patient on one grid ({failed} pairs left out)"
    dice = table[table["metric"] == "dice"]
    lines = [f"Consistency: Dice between two contrasts of one patient ({failed} pairs left out)"]
    for row in summarise(dice, ["contrast", "structure"]).to_dict("records"):
        told = with_interval(row["mean"], row["low"], row["high"], 3)
        lines.append(
            f"  {row['contrast']} {row['structure']}: {told}, {row['n_patients']} patients"
        )
    return "\n".join(lines)


def _tell_distances(distances: pd.DataFrame, correlation: pd.DataFrame | None) -> list[str]:
    """Return the distance of each source, and its correlation with Dice."""
    lines = ["Kernel distance from synthetic images (Frechet distance), patients, Dice:"]
    for row in distances.to_dict("records"):
        told = with_interval(row["mmd"], row["mmd_low"], row["mmd_high"], 3)
        name = " ".join(filter(None, (row["source"], row["contrast"])))
        lines.append(
            f"  {name}: {told} ({number(row['frechet'], 1)}), {row['n_patients']}, "
            f"{number(row['dice'], 3)}"
        )
    for row in [] if correlation is None else correlation.to_dict("records"):
        note = f" ({row['note']})" if row["note"] else ""
        lines.append(
            f"Spearman of {row['distance']} and Dice of {row['structure']}: "
            f"{number(row['spearman'], 2)} over {row['n_sources']} sources{note}"
        )
    return lines
