"""The statistics of one or several runs: tests, reality gap, volumes and strata by patient.

============================= ====================================================
path in the folder            what
============================= ====================================================
``tables/paired_tests.csv``   each pair of models, paired by patient, with Holm's
                              correction and effect size
``tables/reality_gap.csv``    model minus reference in Dice, and whether it is
                              non-inferior
``tables/bland_altman.csv``   bias and limits of agreement of volumes
``tables/strata.csv``         means by contrast, grade, field strength and more
``curves/box_*.png``          every patient's score
``curves/bland_altman.png``   volumes of every patient
============================= ====================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.atomic import atomic_write
from spinesynth.io.tables import write_csv
from spinesynth.metrics import (
    DEFAULT_MARGIN,
    DEFAULT_PAIR,
    HEADLINE_METRICS,
    METRICS,
    agree_volumes,
    compare_by_scope,
    measure_gap,
    pair_volumes,
)
from spinesynth.pipelines.report_format import number, with_interval
from spinesynth.pipelines.results import (
    BLAND_ALTMAN_CSV,
    CURVES,
    METRICS_CSV,
    PAIRED_TESTS_CSV,
    REALITY_GAP_CSV,
    STRATA_CSV,
    read_results,
)
from spinesynth.pipelines.statistics_figures import build_agreement, build_boxes
from spinesynth.pipelines.strata import stratify
from spinesynth.pipelines.traits import read_traits
from spinesynth.viz import encode_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_IDENTITY = ["model", "case_id", "condition", "severity", "structure", "metric"]


@dataclass(frozen=True, kw_only=True)
class StatisticsPlan:
    """What is asked of the scores.

    Args:
        model: of the reality gap; None for A, where A and B are there.
        reference: the model trained on real images; None for B.
        margin: loss of Dice that counts as none.
        data: manifest or folder of the data, for the strata.
        overview: SPIDER's table of series; else that in ``data``.
        gradings: SPIDER's radiological gradings; else those in ``data``.
    """

    model: str | None = None
    reference: str | None = None
    margin: float = DEFAULT_MARGIN
    data: Path | None = None
    overview: Path | None = None
    gradings: Path | None = None


def run_statistics(folders: Sequence[Path], *, folder: Path, plan: StatisticsPlan) -> str:
    """Write the statistics of one or several runs.

    Args:
        folders: of runs, with ``tables/metrics.csv`` each. Where two have a model of
            one name, the names of the folders go before it.
        folder: where tables and figures go; made if missing.
        plan: what is asked.

    Returns:
        The reality gap and the files written, as plain text.

    Raises:
        ConfigError: if a model is not there, or the margin is not positive.
        InputError: if a run has no scores, or one scan is scored twice by a model.
        OutputError: if a file cannot be written.
    """
    scores = collect_scores(folders)
    pair = _pair(scores, plan)
    if not 0 < plan.margin < float("inf"):
        raise ConfigError(f"margin must be positive, got {plan.margin}", code="E-STAT-001")
    traits = read_traits(plan.data, overview=plan.overview, gradings=plan.gradings)
    headline = scores[scores["metric"].isin(HEADLINE_METRICS)]
    gap = None if pair is None else measure_gap(scores, *pair, margin=plan.margin)
    tables = {
        PAIRED_TESTS_CSV: compare_by_scope(headline),
        REALITY_GAP_CSV: gap,
        BLAND_ALTMAN_CSV: agree_volumes(pair_volumes(scores)),
        STRATA_CSV: stratify(headline, traits),
    }
    written = []
    for path, table in tables.items():
        if table is not None and len(table):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_csv(folder / path, table)
            written.append(folder / path)
    written += _draw(scores, folder / CURVES)
    lines = [_describe_gap(gap), ""]
    if traits.absent:
        lines.append(f"No column for: {', '.join(traits.absent)}")
    return "\n".join([*lines, *(f"Written: {path}" for path in written)])


def collect_scores(folders: Sequence[Path]) -> pd.DataFrame:
    """Return the scores of runs at the original condition as one long table.

    Raises:
        InputError: if a run has none, or one scan is scored twice by a model.
    """
    tables = dict[str, pd.DataFrame]()
    for folder in folders:
        table = read_results(folder).metrics
        if table is not None:
            kept = (table["condition"] == "standard") & table["metric"].isin(METRICS)
            table = table[kept]
        if table is None or table.empty:
            raise InputError(
                f"{folder / METRICS_CSV} holds no scores; name the folder of a run that was tested",
                code="E-CASE-005",
            )
        name = folder.resolve().name
        if name in tables:
            raise InputError(
                f"two folders are called {name}; rename one, as models are told apart by it",
                code="E-CASE-004",
            )
        tables[name] = table
    names = [model for table in tables.values() for model in table["model"].unique()]
    if len(set(names)) < len(names):
        tables = {n: t.assign(model=n + "/" + t["model"]) for n, t in tables.items()}
    scores = pd.concat(tables.values(), ignore_index=True)
    twice = scores[scores.duplicated(_IDENTITY)]
    if len(twice):
        listed = sorted({f"{row.model}: {row.case_id}" for row in twice.itertuples()})
        raise InputError(
            f"scored more than once: {', '.join(listed)}; keep one row for each model, scan, "
            "structure and metric",
            code="E-CASE-004",
        )
    return scores


def _pair(scores: pd.DataFrame, plan: StatisticsPlan) -> tuple[str, str] | None:
    """Return model and reference of the reality gap, None where nobody names them."""
    models = sorted(scores["model"].unique())
    asked = (plan.model or DEFAULT_PAIR[0], plan.reference or DEFAULT_PAIR[1])
    unknown = [name for name in asked if name not in models]
    if not unknown and asked[0] != asked[1]:
        return asked
    if plan.model is None and plan.reference is None:
        return None
    raise ConfigError(
        f"model and reference must be two of {', '.join(models)}, got {asked[0]} and {asked[1]}; "
        "name both with --model and --reference",
        code="E-STAT-001",
    )


def _draw(scores: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw the figures that the scores allow."""
    figures: dict[str, Callable[[pd.DataFrame], Figure | None]] = {
        f"box_{metric}": partial(build_boxes, metric=metric) for metric in HEADLINE_METRICS
    }
    figures["bland_altman"] = build_agreement
    written = []
    for name, build in figures.items():
        figure = build(scores)
        if figure is None:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / f"{name}.png") as temporary:
            temporary.write_bytes(encode_png(figure))
        written.append(folder / f"{name}.png")
    return written


def _describe_gap(gap: pd.DataFrame | None) -> str:
    """Return the overall reality gap as text, one line a structure."""
    if gap is None:
        return "Reality gap: not known; name two models with --model and --reference"
    if gap.empty:
        return "Reality gap: no scan has a Dice of both models"
    first = gap.iloc[0]
    lines = [
        f"Reality gap in Dice, {first['model']} - {first['reference']}, over all patients "
        f"(95 % interval; margin {first['margin']:g}):"
    ]
    for row in gap[gap["scope"] == "overall"].to_dict("records"):
        told = with_interval(row["gap"], row["low"], row["high"], 3)
        note = f" ({row['note']})" if row["note"] else ""
        lines.append(
            f"  {row['structure']:10} {told}, {number(row['n_patients'], 0)} patients: "
            f"{row['verdict']}{note}"
        )
    return "\n".join(lines)
