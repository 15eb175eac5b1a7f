"""The columns that tables share: name, unit, and what a cell may be."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Column:
    """Describe one column.

    Args:
        name: in the header; ``*`` at its end stands for any ending.
        kind: of its cells.
        meaning: for the documentation.
        unit: of a number, ``"1"`` for a ratio; empty where there is none.
        low: least number.
        high: greatest number.
        among: words allowed; none for any.
        required: whether a table must have the column.
        empty: whether a cell may be empty, which for a number means undefined.
    """

    name: str
    kind: Literal["text", "number", "count"]
    meaning: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    among: tuple[str, ...] = ()
    required: bool = True
    empty: bool = False

    @property
    def type_text(self) -> str:
        """Return what a cell may be, in words."""
        said = {"text": "text", "number": "number", "count": "whole number"}[self.kind]
        if self.among:
            said = ", ".join(self.among)
        if self.range_text:
            said += f" {self.range_text}"
        return (
            said
            + ("" if self.required else "; not in every table")
            + ("; may be empty" if self.empty else "")
        )

    @property
    def range_text(self) -> str:
        """Return which numbers are allowed; nothing where all are."""
        if self.high < math.inf:
            return f"in [{self.low:g}, {self.high:g}]"
        return f">= {self.low:g}" if self.low > -math.inf else ""

    def needed(self) -> Column:
        """Return the column as one that a table must have."""
        return replace(self, required=True)

    def optional_cells(self) -> Column:
        """Return the column with cells that may be empty."""
        return replace(self, empty=True)


def text(
    name: str,
    meaning: str,
    *,
    among: tuple[str, ...] = (),
    required: bool = True,
    empty: bool = False,
) -> Column:
    """Return a column of text."""
    return Column(name, "text", meaning, among=among, required=required, empty=empty)


def number(
    name: str,
    meaning: str,
    *,
    unit: str = "",
    low: float = -math.inf,
    required: bool = True,
    empty: bool = False,
) -> Column:
    """Return a column of finite numbers."""
    return Column(name, "number", meaning, unit=unit, low=low, required=required, empty=empty)


def share(name: str, meaning: str, *, required: bool = True, empty: bool = False) -> Column:
    """Return a column of ratios in [0, 1]."""
    return Column(
        name, "number", meaning, unit="1", low=0, high=1, required=required, empty=empty
    )  # fmt: skip


def count(
    name: str,
    meaning: str,
    *,
    low: int = 0,
    high: float = math.inf,
    required: bool = True,
    empty: bool = False,
) -> Column:
    """Return a column of whole numbers."""
    return Column(
        name, "count", meaning, low=low, high=high, required=required, empty=empty
    )  # fmt: skip


#: Unit and range of a metric by its name in the tables; others need only be finite.
METRIC_RANGES: dict[str, tuple[str, float, float]] = {
    **dict.fromkeys(
        (
            "dice", "dice_in_extent", "iou", "nsd_1mm", "nsd_2mm", "one_empty",
            "detection_rate", "identification_rate",
        ),
        ("1", 0, 1),
    ),
    **dict.fromkeys(("hd95", "assd", "centre_error", "resolution"), ("mm", 0, math.inf)),
    "disc_height_error": ("mm", -math.inf, math.inf),
    "volume_error": ("ml", -math.inf, math.inf),
    "relative_volume_error": ("1", -2, 2),
}  # fmt: skip

#: What says which scan was scored, and how.
SCORED = (
    text("run", "name of the run"),
    text("model", "A: trained on synthetic images, B: on real ones; or an arm's name"),
    text("case_id", "scan"),
    text("patient_id", "patient"),
    text("source", "data set"),
    text("contrast", "of the scan", empty=True),
    text("condition", "`standard`, or what was done to the image"),
    number("severity", "how much of it; 1 is the original where it is a factor", low=0),
)
#: One number a row.
LONG = (
    *SCORED,
    text("structure", "what was scored, or `image`"),
    text("metric", "its name, as in docs/metrics.md"),
    number("value", "the number; undefined where both masks are empty", empty=True),
    text("unit", "of the number"),
)
_COUNTS = (
    count("n_patients", "patients with a score"),
    count("n_cases", "scans with a score"),
    count("n_excluded", "scans without, both masks being empty"),
)
_INTERVAL = (
    number("low", "lower end of the 95 % interval", empty=True),
    number("high", "upper end", empty=True),
)
#: A mean over patients a row; units are those of the metric.
SUMMARY = (
    text("source", "data set"),
    text("contrast", "of the scans", empty=True),
    text("structure", "what was scored"),
    text("metric", "its name"),
    number("mean", "over patients", empty=True),
    *_INTERVAL,
    *_COUNTS,
)
#: A difference between two models a row; units are those of the metric.
COMPARED = (
    text("source", "data set"),
    text("contrast", "of the scans", empty=True),
    text("condition", "what was done to the images"),
    number("severity", "how much of it", low=0),
    text("structure", "what was scored"),
    text("metric", "its name"),
    text("model", "arm"),
    text("other", "arm that is subtracted"),
    number("difference", "mean over patients of model minus other", empty=True),
    *_INTERVAL,
    count("n_patients", "patients that both scored"),
    count("n_differing", "patients whose scores differ", required=False),
    share("p_value", "two-sided Wilcoxon signed-rank test, paired by patient", empty=True),
    share("p_holm", "the same after Holm's correction", empty=True),
)
#: Who compares what with what, of a table of statistics; ``all`` where it is pooled.
COMPARED_IN_SCOPE = (
    text("scope", "`source and contrast`, `contrast` or `overall`"),
    *COMPARED[:6],
)
#: Means of a condition of the robustness suite a row.
CONDITION_MEAN = (
    text("model", "its name"),
    text("structure", "what was scored; `mean` of all"),
    text("condition", "what was done to the images"),
    number("severity", "how much of it, 0 to 5; 0 is the original", low=0),
    number("level", "what that came to, mean over scans, in the unit of the condition", empty=True),
    share("dice", "mean over patients", empty=True),
    *_INTERVAL,
    number("robustness_score", "degraded over original mean Dice", unit="1", low=0, empty=True),
    number("score_low", "lower end of its 95 % interval", unit="1", low=0, empty=True),
    number("score_high", "upper end", unit="1", low=0, empty=True),
    number("absolute_drop", "original minus degraded mean Dice", unit="1", empty=True),
    count("n_patients", "patients with a score"),
    count("n_dropped", "scans that were left out, cropped away or not scored by every model"),
)
#: Differences between two models under a condition of the robustness suite a row.
CONDITION_DIFFERENCE = (
    CONDITION_MEAN[0],
    text("other", "model that is subtracted"),
    *CONDITION_MEAN[1:4],
    number("difference", "mean over patients of the difference in Dice", unit="1", empty=True),
    *_INTERVAL,
    count("n_patients", "patients that both scored"),
)
#: Volumes of prediction and reference of a group a row.
AGREEMENT = (
    text("model", "its name"),
    text("source", "data set"),
    text("contrast", "of the scans", empty=True),
    text("structure", "what was scored"),
    number("bias_ml", "mean difference", unit="ml", empty=True),
    number("bias_low_ml", "lower end of its 95 % interval", unit="ml", empty=True),
    number("bias_high_ml", "upper end", unit="ml", empty=True),
    number("lower_ml", "lower limit of agreement", unit="ml", empty=True),
    number("upper_ml", "upper limit of agreement", unit="ml", empty=True),
    number("limit_half_width_ml", "half the interval of a limit", unit="ml", low=0, empty=True),
    number("slope", "of the difference over the mean volume", unit="1", empty=True),
    share("slope_p", "whether it is 0", empty=True),
    count("n_patients", "patients with both volumes"),
    text("note", "what that says", empty=True),
)
#: Distance of a source's images from synthetic ones a row.
FEATURE_DISTANCE = (
    text("model", "whose encoder sees them"),
    text("source", "data set, or `synthetic`: one half against the other"),
    text("contrast", "of the scans", empty=True),
    number("mmd", "kernel distance of features", empty=True),
    number("mmd_low", "lower end of its 95 % interval", empty=True),
    number("mmd_high", "upper end", empty=True),
    number("frechet", "Fréchet distance of features", empty=True),
    count("n_patients", "patients"),
    count("n_images", "images"),
    share("dice", "mean over structures of that source", empty=True),
    text("note", "why there is no distance", empty=True),
)
#: What says which scan was doubted.
DOUBTED = (
    *SCORED[2:6], text("condition", "`standard`, or how the scan was spoilt on purpose"),
)  # fmt: skip
#: As read by :mod:`spinesynth.io.manifest`.
MANIFEST = (
    text("case_id", "scan, or label map"),
    text("patient_id", "patient"),
    text("source", "data set", required=False),
    text("contrast", "of the scan", empty=True),
    text("annotated", "words for what the label map annotates"),
    text("scheme", "label scheme of the label map"),
    text("image", "path beside the manifest", empty=True),
    text("label", "path beside the manifest", empty=True),
    text("instances", "path beside the manifest", required=False, empty=True),
    count("seed", "that a synthetic image was painted with", required=False, empty=True),
)
