"""The tables of a report that test: models against each other, and volumes against the truth."""

from __future__ import annotations

import math

import pandas as pd

from spinesynth.metrics import (
    DEFAULT_PAIR,
    HEADLINE_METRICS,
    METRICS,
    agree_volumes,
    compare_models,
    measure_gap,
    pair_volumes,
)
from spinesynth.pipelines.report_format import in_report_order, number, with_interval

_GROUP = ["source", "contrast", "structure"]
_ML_DIGITS = 2


def p_value(value: float) -> str:
    """Return a p value with three decimals."""
    return "<0.001" if value < 0.001 else number(value, 3)


def list_tests(table: pd.DataFrame) -> pd.DataFrame:
    """List the paired tests of the headline metrics as text.

    Args:
        table: long table of scores at the original condition.

    Returns:
        One row for each pair of models, group and metric.
    """
    headline = table[table["metric"].isin(HEADLINE_METRICS)]
    tests = in_report_order(compare_models(headline), ["metric", *_GROUP])
    rows = [
        {
            "Metric": METRICS[row["metric"]].title, "source": row["source"],
            "contrast": row["contrast"], "structure": row["structure"],
            "Patients": str(row["n_patients"]), "Compared": f"{row['model']} - {row['other']}",
            "Mean difference": with_interval(
                row["difference"], row["low"], row["high"], METRICS[row["metric"]].digits
            ),
            "p": p_value(row["p_value"]), "p (Holm)": p_value(row["p_holm"]),
            "Effect": number(row["rank_biserial"], 2), "Verdict": row["verdict"],
        }
        for row in tests.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def list_gap(table: pd.DataFrame) -> pd.DataFrame | None:
    """List the reality gap A - B in Dice as text, by contrast and overall.

    Args:
        table: long table of scores at the original condition.

    Returns:
        One row for each contrast, ``all`` and structure; None without both models.
    """
    model, reference = DEFAULT_PAIR
    if not {model, reference} <= set(table["model"]):
        return None
    gap = measure_gap(table, model, reference)
    gap = gap[gap["scope"] != "source and contrast"]
    gap = in_report_order(gap, ["contrast", "structure"])
    rows = [
        {
            "contrast": row["contrast"], "structure": row["structure"],
            "Patients": str(row["n_patients"]),
            f"Dice {model}": number(row["mean_model"], 3),
            f"Dice {reference}": number(row["mean_reference"], 3),
            "Gap": with_interval(row["gap"], row["low"], row["high"], 3),
            "Margin": f"{row['margin']:g}",
            "Verdict": f"{row['verdict']} ({row['note']})" if row["note"] else row["verdict"],
        }
        for row in gap.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows) if rows else None


def list_agreement(table: pd.DataFrame) -> pd.DataFrame | None:
    """List bias and limits of agreement of volumes as text.

    Args:
        table: long table of scores at the original condition.

    Returns:
        One row for each group and model; None where volumes were not measured.
    """
    found = agree_volumes(pair_volumes(table))
    if found.empty:
        return None
    rows = [
        {
            "source": row["source"], "contrast": row["contrast"], "structure": row["structure"],
            "model": row["model"], "Patients": str(row["n_patients"]),
            "Bias (ml)": with_interval(
                row["bias_ml"], row["bias_low_ml"], row["bias_high_ml"], _ML_DIGITS
            ),
            "Limits of agreement (ml)": _limits(row["lower_ml"], row["upper_ml"]),
            "Slope": number(row["slope"], 3), "Note": row["note"],
        }
        for row in in_report_order(found, [*_GROUP, "model"]).to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _limits(lower: float, upper: float) -> str:
    if math.isnan(lower):
        return number(lower, _ML_DIGITS)
    return f"{number(lower, _ML_DIGITS)} to {number(upper, _ML_DIGITS)}"
