"""The tables of a report: numbers from the run's files, as text with fixed digits.

Each builder takes :class:`Results` and returns a frame of text, ready to print;
``None`` says that the run never measured it. A mean always stands with its
number of patients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.metrics import HEADLINE_METRICS, METRICS, summarise
from spinesynth.pipelines.report_cases import best_median_worst
from spinesynth.pipelines.report_claim import fill_claim
from spinesynth.pipelines.report_data import check_leaks, count_data
from spinesynth.pipelines.report_facts import standard_scores
from spinesynth.pipelines.report_format import (
    UNDEFINED,
    compare_side_by_side,
    in_report_order,
    interval_cell,
    list_further,
    number,
    plain,
    with_interval,
)
from spinesynth.pipelines.report_limits import state_limits
from spinesynth.pipelines.report_statistics import list_agreement, list_gap, list_tests
from spinesynth.pipelines.results import Results
from spinesynth.pipelines.robustness import robustness_summary
from spinesynth.pipelines.suite_tables import (
    list_areas,
    list_curves,
    list_differences,
    list_left_out,
    list_levels,
    list_scores,
    list_worst,
)

_WORST = 5
_CONFIG = "config"  # entry of the record
_GROUP = ["source", "contrast", "structure"]
_CASE_COLUMNS = (*_GROUP, "severity", "code", "message")


@dataclass(frozen=True)
class ReportTable:
    """Describe one table of the report.

    Args:
        title: above the table.
        note: how to read it.
        build: returns the rows as text, ``None`` where nothing was measured.
        after: whether it stands behind the figures.
        folded: whether a page shows it only when asked.
    """

    title: str
    note: str
    build: Callable[[Results], pd.DataFrame | None]
    after: bool = False
    folded: bool = False


def _degraded(results: Results) -> pd.DataFrame | None:
    """Return the table of degraded conditions, None where there are no scores."""
    table = results.robustness
    if table is None or not table["metric"].isin(METRICS).any():
        return None
    return table


def _titled(frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns the names that readers see."""
    names = {"in_plane_factor": "in-plane", "through_plane_factor": "through-plane"}
    if "condition" in frame:
        frame = frame.assign(condition=frame["condition"].replace(names))
    capitals = {name: name.capitalize() for name in ("model", "condition", *_CASE_COLUMNS)}
    return frame.rename(columns=capitals)


def _comparison(results: Results) -> pd.DataFrame | None:
    table = standard_scores(results)
    return None if table is None else _titled(compare_side_by_side(table, _GROUP))


def _further(results: Results) -> pd.DataFrame | None:
    table = standard_scores(results)
    if table is None or table["metric"].isin(HEADLINE_METRICS).all():
        return None
    return _titled(list_further(table, _GROUP))


def _contrast_shift(results: Results) -> pd.DataFrame | None:
    table = standard_scores(results)
    if table is None:
        return None
    keys = ["contrast", "source", "model"]
    summary = summarise(table[table["metric"] == "dice"], [*keys, "structure"])
    structures = [name for name in REPORT_GROUPS if name in set(summary["structure"])]
    rows = []
    for names, group in summary.groupby(keys, sort=True):
        counts = sorted(set(group["n_patients"]))
        row = dict(zip(keys, names, strict=True))
        row["Patients"] = "–".join(str(count) for count in {counts[0]: 0, counts[-1]: 0})
        for structure in structures:
            known = group[group["structure"] == structure]
            row[f"Dice {structure}"] = "" if known.empty else interval_cell(known, "dice")
        rows.append(row)
    return _titled(pd.DataFrame(rows))


def _resolution(results: Results) -> pd.DataFrame | None:
    table = _degraded(results)
    if table is None:
        return None
    scores = table[table["metric"].isin(METRICS)]
    frame = compare_side_by_side(scores, ["condition", "structure", "severity"])
    keys = ["condition", "structure", "severity"]
    reached = robustness_summary(table).groupby(keys)["resolution_mm"].mean().reset_index()
    voxels = {
        (row["condition"], row["structure"], plain(row["severity"])): row["resolution_mm"]
        for row in reached.to_dict("records")
    }
    rows = zip(*(frame[key] for key in keys), strict=True)
    at = [number(voxels.get(row, float("nan")), 2) for row in rows]
    frame.insert(3, "Voxel (mm)", at)
    return _titled(frame.rename(columns={"severity": "Factor"}))


def _robustness(results: Results) -> pd.DataFrame | None:
    table = _degraded(results)
    if table is None:
        return None
    summary = robustness_summary(table)
    summary = in_report_order(
        summary[summary["severity"] > 1], ["condition", "structure", "severity", "model"]
    )
    rows = [
        {
            "condition": row["condition"], "structure": row["structure"],
            "Factor": plain(float(row["severity"])), "model": row["model"],
            "Patients": str(row["n_patients"]),
            "Dice": with_interval(row["dice"], row["low"], row["high"], 3),
            "Robustness score": number(row["robustness_score"], 3),
            "Absolute drop": number(row["absolute_drop"], 3),
        }
        for row in summary.to_dict("records")
    ]  # fmt: skip
    return _titled(pd.DataFrame(rows)) if rows else None


def _of_standard(
    results: Results, build: Callable[[pd.DataFrame], pd.DataFrame | None]
) -> pd.DataFrame | None:
    """Build a table from the scores at the original condition, if there are any."""
    table = standard_scores(results)
    frame = None if table is None else build(table)
    return None if frame is None or frame.empty else _titled(frame)


def _training(results: Results) -> pd.DataFrame | None:
    rows = []
    for model, table in results.training.items():
        dice = table["val_dice_mean"]
        best = None if dice.isna().all() else table[dice == dice.max()].iloc[0]
        # counted from the start of the training, so the last is the whole
        seconds = float(table["seconds"].max()) if "seconds" in table else float("nan")
        rows.append(
            {
                "Model": model, "Epochs": str(len(table)), "Steps": f"{table['step'].max():.0f}",
                "Last training loss": number(float(table["train_loss"].iloc[-1]), 4),
                "Best validation Dice": UNDEFINED if best is None else number(dice.max(), 3),
                "Best epoch": UNDEFINED if best is None else f"{best['epoch']:.0f}",
                "Minutes": number(seconds / 60, 1),
            }
        )  # fmt: skip
    return pd.DataFrame(rows) if rows else None


def _failures(results: Results) -> pd.DataFrame | None:
    columns = ["model", "case_id", "source", "contrast", "condition", "severity", "code", "message"]
    if results.failures is None:
        return None
    frame = results.failures[columns].copy()
    frame["severity"] = [plain(value) for value in frame["severity"]]
    return _titled(frame.rename(columns={"case_id": "Case"}))


def _worst_cases(results: Results) -> pd.DataFrame | None:
    table = standard_scores(results)
    if table is None:
        return None
    dice = table[table["metric"] == "dice"].dropna(subset=["value"])
    keys = ["model", "case_id", "source", "contrast"]
    rows = []
    for names, group in dice.groupby(keys, sort=True):
        lowest = group.sort_values("value", kind="stable").iloc[0]
        rows.append((*names, group["value"].mean(), lowest["structure"], lowest["value"]))
    columns = [
        "Model",
        "Case",
        "Source",
        "Contrast",
        "Mean Dice",
        "Lowest structure",
        "Lowest Dice",
    ]
    frame = pd.DataFrame(rows, columns=columns).sort_values(["Model", "Mean Dice", "Case"])
    frame = frame.groupby("Model", sort=True).head(_WORST).reset_index(drop=True)
    for column in ("Mean Dice", "Lowest Dice"):
        frame[column] = [number(value, 3) for value in frame[column]]
    return frame


def _manifest(results: Results) -> pd.DataFrame | None:
    if results.manifest is None:
        return None
    entries = {name: value for name, value in results.manifest.items() if name != _CONFIG}
    return pd.DataFrame(_flatten("", entries), columns=["Entry", "Value"])


def _configuration(results: Results) -> pd.DataFrame | None:
    settings = (results.manifest or {}).get(_CONFIG)
    if not isinstance(settings, dict):
        return None
    return pd.DataFrame(_flatten("", settings), columns=["Setting", "Value"])


def _flatten(prefix: str, value: object) -> list[tuple[str, str]]:
    """Return ``a.b`` and text for every leaf of nested mappings."""
    if isinstance(value, dict):
        return [
            pair
            for key, inner in value.items()
            for pair in _flatten(f"{prefix}.{key}" if prefix else str(key), inner)
        ]
    if isinstance(value, list):
        return [(prefix, ", ".join(str(item) for item in value))]
    return [(prefix, str(value))]


_INTERVAL_NOTE = (
    "Mean over patients (scans of one patient averaged first) with 95 % bootstrap interval; "
    "no interval where there is one patient. HD95 in mm. A missed or invented structure "
    "counts as Dice 0 and HD95 = diagonal of the image; where both masks are empty the score "
    "is undefined, left out and counted."
)

#: Name in a marker -> table, in the order of the report.
REPORT_TABLES: dict[str, ReportTable] = {
    "data": ReportTable(
        "Data",
        "Patients, with their scans in brackets, by what they were used for. A patient of several "
        "sources or contrasts counts once in each, and once in all.",
        count_data,
    ),
    "leaks": ReportTable(
        "Leak check",
        "What must not be in two of the parts training, validation and test. Identical files are "
        "known by their SHA-256, where the run recorded it.",
        check_leaks,
    ),
    "training": ReportTable("Training", "Validation Dice is the mean of structures.", _training),
    "comparison": ReportTable(
        "Models by source, contrast and structure", _INTERVAL_NOTE, _comparison
    ),
    "further_metrics": ReportTable(
        "Further metrics",
        "Means over patients with intervals as above. Dice in extent leaves out the axial levels "
        "below the lowest and above the highest that the reference labels, as some sources "
        "annotate only a part of the column; it stands beside the plain Dice, never in its place. "
        "Surface Dice: share of both surfaces within the tolerance. Volume errors carry a sign "
        "(too much is positive); the relative one is a share of the mean of both volumes. Missed "
        "or invented: share of scans with exactly one empty mask, whose ratios are 0, whose ASSD "
        "is the diagonal of the image and whose relative volume error is -2 or 2.",
        _further,
    ),
    "contrast_shift": ReportTable(
        "Contrast shift",
        "Dice of each model on every contrast in the data; an empty cell is not annotated. "
        "T2_SPACE is a contrast of its own.",
        _contrast_shift,
    ),
    "resolution": ReportTable(
        "Resolution degradation",
        "Images degraded by the factor and scored on the original grid; factor 1 is the original. "
        "Voxel: mean size reached. Intervals and undefined scans as above.",
        _resolution,
    ),
    "robustness": ReportTable(
        "Robustness",
        "Robustness score: degraded over original mean Dice of the same patients, undefined if "
        "the original is 0. Absolute drop: original minus degraded.",
        _robustness,
    ),
    "severity_levels": ReportTable(
        "Robustness suite: levels",
        "What each severity came to, mean over cases; a dash where no case could take it. "
        "Severity 0 is the untouched scan.",
        list_levels,
    ),
    "severity_curves": ReportTable(
        "Robustness suite: curves",
        "Mean Dice over patients at each severity, with its 95 % bootstrap interval. Mean: of "
        "a scan's structures. Only scans that every model has a score for count, and structures "
        "that are defined before and after.",
        list_curves,
    ),
    "severity_scores": ReportTable(
        "Robustness suite: what is kept",
        "Robustness score: degraded over original mean Dice of the same scans, with its 95 % "
        "bootstrap interval over patients.",
        list_scores,
    ),
    "severity_differences": ReportTable(
        "Robustness suite: differences between models",
        "Mean over patients of the difference in Dice on the same scans, with its 95 % bootstrap "
        "interval; positive where the first model is the better one. No correction for the "
        "number of comparisons.",
        list_differences,
    ),
    "severity_areas": ReportTable(
        "Robustness suite: area under the curve",
        "Area under the curve over severity, divided by its span. Of Dice, and of the robustness "
        "score (degraded over original mean Dice of the same scans), of which 1 is no loss. "
        "Only scans that took every severity count.",
        list_areas,
    ),
    "severity_worst": ReportTable(
        "Robustness suite: worst conditions",
        "Condition and severity at which each structure loses most Dice, against the original of "
        "the same scans. Dropped: scans left out, cropped away, or failed for one of the models.",
        list_worst,
    ),
    "severity_left_out": ReportTable(
        "Robustness suite: left out", "Scans that a condition does not apply to.", list_left_out
    ),
    "statistics": ReportTable(
        "Statistics",
        "Two-sided exact Wilcoxon signed-rank test paired by patient, over scans that both models "
        "have a score for; equal scores are left out. With fewer than 6 patients who differ p "
        "cannot fall below 0.05: Holm's correction is over all other tests of a metric. Effect: "
        "matched-pairs rank-biserial, positive where the first value is larger (of HD95 worse).",
        partial(_of_standard, build=list_tests),
    ),
    "reality_gap": ReportTable(
        "Reality gap",
        "Dice of A (synthetic images) minus that of B (real images) over the same patients, with "
        "Student's 95 % interval. Non-inferior: the whole interval lies above minus the margin; "
        "inferior: below; else inconclusive, as with fewer than 6 patients. All sources and, where "
        "it says all, all contrasts together: it depends on their mixture.",
        partial(_of_standard, build=list_gap),
    ),
    "volumes": ReportTable(
        "Agreement of volumes",
        "Bland-Altman: predicted minus true volume over patients, with the 95 % interval of the "
        "bias; limits of agreement are 1.96 standard deviations away. Slope: of the difference on "
        "the mean of both volumes.",
        partial(_of_standard, build=list_agreement),
    ),
    "best_median_worst": ReportTable(
        "Best, median and worst by name",
        "Case and its Dice, of all sources together: by the mean over structures, as the pictures "
        "show them, and by each structure.",
        best_median_worst, after=True,
    ),
    "worst_cases": ReportTable(
        "Worst cases", f"The {_WORST} cases of each model with the lowest mean Dice.",
        _worst_cases, after=True,
    ),
    "failures": ReportTable(
        "Failures", "Cases that could not be read or predicted.", _failures, after=True
    ),
    "limits": ReportTable(
        "Limits", "What these numbers cannot say, worked out from the tables and the record.",
        state_limits, after=True,
    ),
    "claim": ReportTable(
        "CLAIM checklist",
        "Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al. "
        "2024, Radiology: Artificial Intelligence 6(4):e240300, doi 10.1148/ryai.240300). Items "
        "that the record of the run can fill are filled from it.",
        fill_claim, after=True,
    ),
    "manifest": ReportTable(
        "Run", "Versions, machine, seed and times of what made these results.", _manifest,
        after=True,
    ),
    "configuration": ReportTable(
        "Configuration", "Every setting as it was used, defaults included.", _configuration,
        after=True, folded=True,
    ),
}  # fmt: skip
