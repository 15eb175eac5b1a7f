"""What every table of this package holds: columns, units, and what a cell may be.

The one description. Tables are checked by it when they are written and read
(:mod:`spinesynth.io.table_check`), and ``docs/tables.md`` repeats it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spinesynth.io.table_columns import (
    AGREEMENT,
    COMPARED,
    COMPARED_IN_SCOPE,
    CONDITION_DIFFERENCE,
    CONDITION_MEAN,
    DOUBTED,
    FEATURE_DISTANCE,
    LONG,
    MANIFEST,
    SCORED,
    SUMMARY,
    Column,
    count,
    number,
    share,
    text,
)

Rule = Literal["metric", "interval", "file"]


@dataclass(frozen=True)
class TableKind:
    """Describe the tables of one kind.

    Args:
        title: of the table, for messages and documentation.
        places: patterns of its path, from the right.
        columns: in their order; further columns are allowed.
        apart: columns that may differ between two rows of one thing, which must not be;
            None allows rows that repeat.
        rules: over several columns, keys of ``RULES`` of the check.
    """

    title: str
    places: tuple[str, ...]
    columns: tuple[Column, ...]
    apart: tuple[str, ...] | None = None
    rules: tuple[Rule, ...] = ()


_FOLD = count("fold", "number of the fold that tested it", low=1, required=False)
_POINT = (
    text("start", "`checkpoint` or `scratch`: what the training began with", required=False),
    count("train_patients", "real patients that trained", required=False),
)
_OTHERS = ("value", "unit")

#: Name -> kind. A new table is one entry here, and a line of ``docs/tables.md``.
TABLE_KINDS: dict[str, TableKind] = {
    "metrics": TableKind(
        "Scores", ("tables/metrics.csv",), (*LONG, _FOLD, *_POINT), _OTHERS, ("metric",)
    ),
    "robustness": TableKind(
        "Scores of degraded images", ("tables/robustness.csv",), (*LONG, _FOLD), _OTHERS,
        ("metric",),
    ),
    "instances": TableKind(
        "Scores of instances", ("tables/instances.csv",),
        (
            *LONG[:9],
            count("reference_instance", "number of the vertebra or disc in the reference", low=1),
            count("predicted_instance", "what it was found as; 0 is a missed one"),
            *LONG[9:],
        ),
        _OTHERS, ("metric",),
    ),
    "failures": TableKind(
        "Cases that failed",
        (
            "tables/failures.csv", "tables/conditions_failures.csv",
            "tables/consistency_failures.csv",
        ),
        (
            *SCORED[:3], *SCORED[4:],
            text("code", "of docs/errors.md"), text("message", "what went wrong"), _FOLD,
        ),
    ),
    "split": TableKind(
        "Who trained, validated and tested", ("tables/split.csv",),
        (
            text("case_id", "scan"), text("patient_id", "patient"), text("source", "data set"),
            text("contrast", "of the scan", empty=True),
            text("split", "its part", among=("train", "validation", "test")),
            text("image_sha256", "digest of the image", required=False, empty=True),
            text("label_sha256", "digest of the label map", required=False, empty=True),
            _FOLD,
        ),
        ("image_sha256", "label_sha256"),
    ),
    "training": TableKind(
        "Course of a training", ("tables/training_*.csv",),
        (
            text("model", "its name"), count("epoch", "validations so far"),
            count("step", "optimiser steps so far"),
            number("train_loss", "mean since the last validation"),
            number("val_loss", "of the validation samples", required=False, empty=True),
            share("val_dice_mean", "mean Dice of the structures", empty=True),
            share("val_dice_*", "Dice of a structure", required=False, empty=True),
            number("learning_rate", "of the first parameters", low=0, required=False),
            number("seconds", "since the training began", unit="s", low=0, required=False),
        ),
        ("train_loss", "val_loss", "val_dice_mean", "learning_rate", "seconds"),
    ),
    "choice": TableKind(
        "What the kept checkpoints scored", ("tables/choice_*.csv",),
        (
            *(column.optional_cells() for column in LONG),
            count("step", "optimiser steps of the checkpoint"),
            text("basis", "what was scored", empty=True),
            text("note", "why that, or why there is no score", empty=True),
            count("chosen", "1 where the checkpoint became `best`", high=1),
        ),
        (*_OTHERS, "note"), ("metric",),
    ),
    "summary": TableKind(
        "Means of the arms of a study", ("tables/summary.csv",),
        (text("model", "arm"), *SUMMARY),
        ("mean", "low", "high", "n_patients", "n_cases", "n_excluded"), ("interval",),
    ),
    "comparison": TableKind(
        "Arms of a study against its reference", ("tables/comparison.csv",), COMPARED,
        ("difference", "low", "high", "n_patients", "p_value", "p_holm"), ("interval",),
    ),
    "curve": TableKind(
        "Dice over real patients", ("tables/curve.csv",),
        (
            *(column.needed() for column in _POINT),
            *(column for column in SUMMARY if column.name not in ("contrast", "metric")),
        ),
        ("mean", "low", "high", "n_patients", "n_cases", "n_excluded"), ("interval",),
    ),
    "sweep": TableKind(
        "Trials of a sweep, with a column for each setting", ("tables/sweep.csv",),
        (
            count("trial", "number"), text("state", "`complete`, `pruned`, `running` or `fail`"),
            share("dice", "what the trial is judged by", empty=True),
            count("step", "of the checkpoint that was judged", empty=True),
            number("seconds", "of the training", unit="s", low=0, empty=True),
            text("mode", "what training used", empty=True),
            text("note", "why there is no Dice", empty=True),
            text("objective", "what Dice is the mean of"),
        ),
    ),
    "conditions": TableKind(
        "Scores of the robustness suite", ("tables/conditions.csv",),
        (*LONG[:-1], LONG[-1].optional_cells()), _OTHERS, ("metric",),
    ),
    "condition_means": TableKind(
        "Means of the robustness suite, and the worst of them",
        ("tables/conditions_summary.csv", "tables/conditions_worst.csv"), CONDITION_MEAN,
        tuple(column.name for column in CONDITION_MEAN[4:]), ("interval",),
    ),
    "condition_areas": TableKind(
        "Areas under the curves of the robustness suite", ("tables/conditions_area.csv",),
        (
            *CONDITION_MEAN[:3], text("severities", "those that the curve goes through"),
            share("area_dice", "mean height of the curve of Dice", empty=True),
            number("area_score", "of that of the robustness score", unit="1", low=0, empty=True),
            CONDITION_MEAN[-2],
        ),
        ("severities", "area_dice", "area_score", "n_patients"),
    ),
    "condition_differences": TableKind(
        "Differences between models in the robustness suite",
        ("tables/conditions_differences.csv",),
        CONDITION_DIFFERENCE, ("difference", "low", "high", "n_patients"), ("interval",),
    ),
    "conditions_left_out": TableKind(
        "What the robustness suite could not do to a scan", ("tables/conditions_left_out.csv",),
        (SCORED[2], *SCORED[4:], text("reason", "why not")),
    ),
    "condition_images": TableKind(
        "Degraded images for another tool", ("images.csv",),
        (
            text("file", "path beside the table"), SCORED[2], *SCORED[6:],
            text("seed", "of what was drawn"), text("digest", "of the voxels"),
        ), (),
    ),
    "detection": TableKind(
        "Detection of instances", ("tables/detection.csv",), LONG, _OTHERS, ("metric",)
    ),
    "paired_tests": TableKind(
        "Paired tests by scope", ("tables/paired_tests.csv",),
        (
            *COMPARED_IN_SCOPE, *COMPARED[6:],
            count("family", "tests that Holm's correction is over", empty=True),
            number("rank_biserial", "effect size, in [-1, 1]", unit="1", low=-1, empty=True),
            text("verdict", "what that says", empty=True),
        ),
        (*(c.name for c in COMPARED[8:]), "family", "rank_biserial", "verdict"),
        ("interval",),
    ),
    "reality_gap": TableKind(
        "Reality gap", ("tables/reality_gap.csv",),
        (
            *COMPARED_IN_SCOPE, text("model", "its name"),
            text("reference", "the model trained on real images"),
            number("mean_model", "mean over patients", empty=True),
            number("mean_reference", "mean over patients", empty=True),
            number("gap", "model minus reference", empty=True), *COMPARED[9:12],
            number("margin", "loss that counts as none", low=0, empty=True),
            text("verdict", "of the test for non-inferiority", empty=True),
            text("note", "why there is none", empty=True),
        ),
        (
            "mean_model", "mean_reference", "gap", "low", "high", "n_patients", "margin",
            "verdict", "note",
        ),
        ("interval",),
    ),
    "bland_altman": TableKind(
        "Agreement of volumes", ("tables/bland_altman.csv",), AGREEMENT,
        tuple(column.name for column in AGREEMENT[4:]),
    ),
    "strata": TableKind(
        "Means by stratum", ("tables/strata.csv",),
        (
            text("trait", "what the strata are of"), text("stratum", "its value", empty=True),
            text("model", "its name"), *SUMMARY[2:],
        ),
        ("mean", "low", "high", "n_patients", "n_cases", "n_excluded"), ("interval",),
    ),
    "consistency": TableKind(
        "Agreement of predictions of two contrasts", ("tables/consistency.csv",), LONG,
        _OTHERS, ("metric",),
    ),
    "feature_distance": TableKind(
        "Distance of real from synthetic images", ("tables/feature_distance.csv",),
        FEATURE_DISTANCE, tuple(column.name for column in FEATURE_DISTANCE[3:]),
    ),
    "distance_dice": TableKind(
        "Correlation of distance with Dice", ("tables/distance_dice.csv",),
        (
            text("distance", "`mmd` or `frechet`"),
            text("structure", "whose Dice"),
            number("spearman", "rank correlation, in [-1, 1]", unit="1", low=-1, empty=True),
            count("n_groups", "sources and contrasts that count"),
            count("n_sources", "different sources among them"),
            text("note", "why it is not known", empty=True),
        ),
        ("spearman", "n_groups", "n_sources", "note"),
    ),
    "doubt": TableKind(
        "Predicted beside true Dice", ("tables/doubt.csv",),
        (
            *DOUBTED, text("structure", "what was scored"),
            share("predicted_dice", "of the quality model; empty where nothing was found",
                  empty=True),
            share("dice", "true one; undefined where both masks are empty", empty=True),
            share("dice_in_extent", "the same between the ends of the reference", empty=True),
        ),
        ("predicted_dice", "dice", "dice_in_extent"),
    ),
    "doubt_flags": TableKind(
        "Flags of scans", ("tables/doubt_flags.csv",),
        (
            *DOUBTED, text("flags", "their names, with spaces between", empty=True),
            share("lowest_quality", "least predicted Dice; 0 where nothing was found"),
        ),
        ("flags", "lowest_quality"),
    ),
    "doubt_agreement": TableKind(
        "Agreement of predicted with true Dice", ("tables/doubt_agreement.csv",),
        (
            text("source", "data set, or `all`"), text("contrast", "of the scans", empty=True),
            text("structure", "what was scored"),
            number("spearman", "rank correlation over patients, in [-1, 1]", unit="1", low=-1,
                   empty=True),
            share("mean_absolute_error", "mean over patients"),
            number("bias", "predicted minus true, mean over patients", unit="1", low=-1),
            count("n_patients", "patients with both"), count("n_cases", "scans with both"),
        ),
        ("spearman", "mean_absolute_error", "bias", "n_patients", "n_cases"),
    ),
    "manifest": TableKind(
        "Cases of a data set that was written", ("cases.csv",), MANIFEST, (), ("file",)
    ),
    "signals": TableKind(
        "Chart of contrast", (),
        (
            text("tissue", "its name"), number("field_t", "field strength", unit="T", low=0),
            number("tr_ms", "repetition time", unit="ms", low=0),
            number("te_ms", "echo time", unit="ms", low=0),
            number("signal", "relative to water of density 1", unit="1"),
        ),
    ),
    "volumes": TableKind(
        "Volumes of a segmentation", ("*_volumes.csv",),
        (
            text("case_id", "scan"), text("structure", "what was measured"),
            count("instance", "code in the instance map; 0 for all of the structure"),
            text("level", "name of the level, or `unknown`", empty=True),
            share("confidence", "of the name", empty=True),
            count("partial", "1 where the edge of the scan cuts it", high=1, empty=True),
            count("voxels", "of the scan's own grid"),
            number("volume_mm3", "of all of them", unit="mm3", low=0),
            number("volume_ml", "the same", unit="ml", low=0),
            number(
                "height_mm", "of a whole disc in the midline, across it",
                unit="mm", low=0, empty=True,
            ),
        ),
        (
            "level", "confidence", "partial", "voxels", "volume_mm3", "volume_ml", "height_mm",
        ),
    ),
    "worklist": TableKind(
        "Scans for annotators, the most doubtful first", ("worklist.csv",),
        (
            count("rank", "1 is to be looked at first", low=1),
            text("case_id", "scan, as in the manifest"),
            share("doubt", "1 less the least predicted Dice; without a quality model mean entropy "
                  "of what was found; 1 where nothing was"),
            text("flags", "names of those raised", empty=True),
            text("image", "path beside the table"),
            text("label", "path beside the table: the label map to correct"),
            text("preview", "path beside the table"),
            text("warnings", "what to look for", empty=True),
        ),
        ("rank", "doubt", "flags", "image", "label", "preview", "warnings"),
    ),
}  # fmt: skip


def kind_of(path: Path) -> str | None:
    """Return the kind of a table by where it lies; None if it is none of the package's.

    Example:
        >>> kind_of(Path("results/real_cpu/tables/training_A.csv"))
        'training'
    """
    return next(
        (
            name
            for name, kind in TABLE_KINDS.items()
            if any(path.absolute().match(place) for place in kind.places)
        ),
        None,
    )


def describe_tables() -> str:
    """Return a Markdown section for each kind: where it lies and what its columns hold."""
    sections = []
    for kind in TABLE_KINDS.values():
        place = ", ".join(f"`{place}`" for place in kind.places) or "beside the picture"
        rows = [
            f"| `{c.name}` | {c.type_text} | {c.unit or '–'} | {c.meaning} |" for c in kind.columns
        ]
        head = ["| column | cells | unit | what |", "| --- | --- | --- | --- |"]
        sections.append("\n".join([f"## {kind.title}", "", f"In {place}.", "", *head, *rows]))
    return "\n\n".join(sections) + "\n"
