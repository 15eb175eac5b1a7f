"""How much Dice is kept as severity rises: curves, the area under them, and the worst case."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from spinesynth.metrics import bootstrap_interval, bootstrap_ratio, patient_means
from spinesynth.pipelines.paired_scores import count_original, pair_scores

_SUMMARY_COLUMNS = (
    "model", "structure", "condition", "severity", "level", "dice", "low", "high",
    "robustness_score", "score_low", "score_high", "absolute_drop", "n_patients", "n_dropped",
)  # fmt: skip
_AREA_COLUMNS = (
    "model", "structure", "condition", "severities", "area_dice", "area_score", "n_patients",
)  # fmt: skip
_DIFFERENCE_COLUMNS = (
    "model", "other", "structure", "condition", "severity", "difference", "low", "high",
    "n_patients",
)  # fmt: skip
_POINT = ["model", "structure", "condition", "severity"]


def severity_summary(
    table: pd.DataFrame, *, original: float, record: str, seed: int = 0, mean: bool = False
) -> pd.DataFrame:
    """Return how much Dice each model keeps at each severity.

    A degraded mean is compared with the original mean of the same scans, and models with each
    other on the same scans, see :func:`spinesynth.pipelines.paired_scores.pair_scores`.

    Args:
        table: long table of any number of models.
        original: severity of the untouched images.
        record: metric of the rows that tell what a severity came to.
        seed: of the bootstrap intervals.
        mean: add the structure ``mean``.

    Returns:
        One row for each model, structure, condition and severity: mean ``level``
        reached, mean ``dice`` with its 95 % interval ``low, high``,
        ``robustness_score`` = degraded / original (NaN if the original is 0) with its interval
        ``score_low, score_high``, ``absolute_drop`` = original - degraded, ``n_patients``, and
        ``n_dropped`` scans with an original score of some model that do not count: left out,
        cropped away, or failed for one of the models.

    Example:
        A mean Dice of 0.9 that falls to 0.6 has the score 0.667 and the drop 0.3.
    """
    paired = pair_scores(table, original=original, mean=mean)
    level = _with_level(paired, table, record).groupby(_POINT, as_index=False)["level"].mean()
    scans = paired.groupby(_POINT)["case_id"].nunique().reset_index()
    counts = scans.merge(count_original(table, original=original, mean=mean))
    counts["n_dropped"] = counts["n_original"] - counts["case_id"]
    told = level.merge(counts, on=_POINT).set_index(_POINT)
    rows = []
    for names, group in _by_patient(paired).groupby(_POINT, sort=True):
        values, before = group["value"].to_numpy(), group["original"].to_numpy()
        interval = bootstrap_interval(values, seed=seed)
        score = bootstrap_ratio(values, before, seed=seed)
        drop = float((before - values).mean())
        reached, dropped = float(told.loc[names, "level"]), int(told.loc[names, "n_dropped"])
        rows.append((*names, reached, *interval[:3], *score[:3], drop, interval.n, dropped))
    return pd.DataFrame(rows, columns=list(_SUMMARY_COLUMNS))


def _by_patient(paired: pd.DataFrame) -> pd.DataFrame:
    """Return the means of each patient: ``value`` and ``original``."""
    means = patient_means(paired, _POINT).drop(columns=["n_cases", "n_excluded"])
    untouched = patient_means(paired.assign(value=paired["original"]), _POINT)
    untouched = untouched.rename(columns={"value": "original"})
    same = [*_POINT, "patient_id"]
    joined: pd.DataFrame = means.merge(untouched[[*same, "original"]], on=same)
    return joined


def _with_level(dice: pd.DataFrame, table: pd.DataFrame, record: str) -> pd.DataFrame:
    """Return the rows of Dice with what the severity of each came to."""
    keys = ["model", "case_id", "condition", "severity"]
    reached = table.loc[table["metric"] == record, [*keys, "value"]]
    return dice.merge(reached.rename(columns={"value": "level"}), on=keys, how="left")


def severity_areas(
    table: pd.DataFrame, *, original: float = 0.0, mean: bool = False
) -> pd.DataFrame:
    """Return the area under each curve over severity, divided by its span.

    Straight lines join the severities that were scored. Only scans that took all of them
    count, so that every point of a curve is of the same scans (and the structure ``mean`` of
    the same structures). 1 is no loss in ``area_score`` and perfect segmentation in
    ``area_dice``.

    Args:
        table: long table of any number of models.
        original: severity of the untouched images.
        mean: add the structure ``mean``.

    Returns:
        One row for each model, structure and condition: ``severities`` scored,
        ``area_dice``, ``area_score`` (NaN where a score is), ``n_patients``. A curve of one
        point has none, nor has one whose severities no scan took all of.

    Example:
        Dice 0.8, 0.8, 0.4 at severities 0, 1, 2 has the area (0.8 + 0.6) / 2 = 0.7.
    """
    means = _by_patient(pair_scores(table, original=original, mean=mean, whole=True))
    keys = ["model", "structure", "condition"]
    rows = []
    for names, group in means.groupby(keys, sort=False):
        curve = group.groupby("severity", sort=True)[["value", "original"]].mean()
        at = curve.index.to_numpy(dtype=float)
        if len(at) < 2:
            continue
        dice, before = curve["value"].to_numpy(), curve["original"].to_numpy()
        score = np.divide(dice, before, out=np.full_like(dice, np.nan), where=before > 0)
        areas = [float(np.trapezoid(height, at) / (at[-1] - at[0])) for height in (dice, score)]
        told = " ".join(f"{severity:g}" for severity in at)
        rows.append((*names, told, *areas, group["patient_id"].nunique()))
    return pd.DataFrame(rows, columns=list(_AREA_COLUMNS))


def worst_conditions(summary: pd.DataFrame, *, original: float = 0.0) -> pd.DataFrame:
    """Return where each model and structure loses most: the largest drop of mean Dice.

    Conditions leave different scans out, so that their Dice cannot be compared; each drop is
    from the original of its own scans.

    Args:
        summary: of :func:`severity_summary`.
        original: severity that does not count.

    Returns:
        One row of the summary for each model and structure; of equals the first.
    """
    degraded = summary[summary["severity"] > original].dropna(subset=["absolute_drop"])
    chosen = degraded.groupby(["model", "structure"], sort=False)["absolute_drop"].idxmax()
    worst: pd.DataFrame = summary.loc[sorted(chosen)].reset_index(drop=True)
    return worst


def model_differences(
    table: pd.DataFrame, *, original: float = 0.0, seed: int = 0, mean: bool = False
) -> pd.DataFrame:
    """Return how much each model's Dice differs from another's on the same scans.

    Args:
        table: long table of any number of models.
        original: severity of the untouched images.
        seed: of the bootstrap intervals.
        mean: add the structure ``mean``.

    Returns:
        One row for each pair of models, structure, condition and severity: mean over patients
        of ``model`` minus ``other`` as ``difference`` with its 95 % interval ``low, high``,
        ``n_patients``. Pairs are in the order of the table.
    """
    paired = pair_scores(table, original=original, mean=mean)
    place = ["structure", "condition", "severity", "patient_id"]
    wide = patient_means(paired, _POINT).pivot_table(index=place, columns="model", values="value")
    models = [name for name in table["model"].unique() if name in wide]
    rows = []
    for first, second in itertools.combinations(models, 2):
        gaps = (wide[first] - wide[second]).dropna()
        for names, group in gaps.groupby(level=place[:3], sort=True):
            rows.append((first, second, *names, *bootstrap_interval(group.to_numpy(), seed=seed)))
    return pd.DataFrame(rows, columns=list(_DIFFERENCE_COLUMNS))


def spread_original(table: pd.DataFrame, *, name: str, order: Sequence[str]) -> pd.DataFrame:
    """Give each condition the untouched scans of its cases as severity 0.

    Args:
        table: long table in which they stand once.
        name: condition of the untouched scans there.
        order: of the conditions.
    """
    untouched, degraded = table[table["condition"] == name], table[table["condition"] != name]
    parts = []
    for condition in order:
        own = degraded[degraded["condition"] == condition]
        if len(own):
            same = untouched[untouched["case_id"].isin(set(own["case_id"]))]
            parts += [same.assign(condition=condition), own]
    return pd.concat(parts, ignore_index=True) if parts else table.iloc[:0]
