"""The tables of a report, in their order, with what a reader must know of each.

Each builder takes :class:`Results` and returns a frame of text, ready to print;
``None`` says that the run never measured it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from spinesynth.pipelines.report_cases import best_median_worst
from spinesynth.pipelines.report_claim import fill_claim
from spinesynth.pipelines.report_data import check_leaks, count_data
from spinesynth.pipelines.report_limits import state_limits
from spinesynth.pipelines.report_run import (
    WORST,
    list_configuration,
    list_failures,
    list_record,
    list_training,
    list_worst_cases,
)
from spinesynth.pipelines.report_scores import (
    list_comparison,
    list_contrast_shift,
    list_further_metrics,
    list_resolution,
    list_robustness,
    of_standard_scores,
)
from spinesynth.pipelines.report_statistics import list_agreement, list_gap, list_tests
from spinesynth.pipelines.results import Results
from spinesynth.pipelines.suite_tables import (
    list_areas,
    list_curves,
    list_differences,
    list_left_out,
    list_levels,
    list_scores,
    list_worst,
)


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
    "training": ReportTable(
        "Training", "Validation Dice is the mean of structures.", list_training
    ),
    "comparison": ReportTable(
        "Models by source, contrast and structure", _INTERVAL_NOTE, list_comparison
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
        list_further_metrics,
    ),
    "contrast_shift": ReportTable(
        "Contrast shift",
        "Dice of each model on every contrast in the data; an empty cell is not annotated. "
        "T2_SPACE is a contrast of its own.",
        list_contrast_shift,
    ),
    "resolution": ReportTable(
        "Resolution degradation",
        "Images degraded by the factor and scored on the original grid; factor 1 is the original. "
        "Voxel: mean size reached. Intervals and undefined scans as above.",
        list_resolution,
    ),
    "robustness": ReportTable(
        "Robustness",
        "Robustness score: degraded over original mean Dice of the same patients, undefined if "
        "the original is 0. Absolute drop: original minus degraded.",
        list_robustness,
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
        partial(of_standard_scores, build=list_tests),
    ),
    "reality_gap": ReportTable(
        "Reality gap",
        "Dice of A (synthetic images) minus that of B (real images) over the same patients, with "
        "Student's 95 % interval. Non-inferior: the whole interval lies above minus the margin; "
        "inferior: below; else inconclusive, as with fewer than 6 patients. All sources and, where "
        "it says all, all contrasts together: it depends on their mixture.",
        partial(of_standard_scores, build=list_gap),
    ),
    "volumes": ReportTable(
        "Agreement of volumes",
        "Bland-Altman: predicted minus true volume over patients, with the 95 % interval of the "
        "bias; limits of agreement are 1.96 standard deviations away. Slope: of the difference on "
        "the mean of both volumes.",
        partial(of_standard_scores, build=list_agreement),
    ),
    "best_median_worst": ReportTable(
        "Best, median and worst by name",
        "Case and its Dice, of all sources together: by the mean over structures, as the pictures "
        "show them, and by each structure.",
        best_median_worst, after=True,
    ),
    "worst_cases": ReportTable(
        "Worst cases", f"The {WORST} cases of each model with the lowest mean Dice.",
        list_worst_cases, after=True,
    ),
    "failures": ReportTable(
        "Failures", "Cases that could not be read or predicted.", list_failures, after=True
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
        "Run", "Versions, machine, seed and times of what made these results.", list_record,
        after=True,
    ),
    "configuration": ReportTable(
        "Configuration", "Every setting as it was used, defaults included.", list_configuration,
        after=True, folded=True,
    ),
}  # fmt: skip
