"""Which cases came out best, in the middle and worst, by name."""

from __future__ import annotations

import pandas as pd

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.pipelines.overlays import overlay_name, rank_places
from spinesynth.pipelines.report_format import number
from spinesynth.pipelines.results import Results

_ALL = "mean of all"
_RANKS = ("best", "median", "worst")


def case_means(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean Dice of each case, ``model, case_id, source, value``, as they were scored.

    Args:
        table: long table of scores.
    """
    dice = table[(table["metric"] == "dice") & (table["condition"] == "standard")]
    keys = ["model", "case_id", "source"]
    return dice.dropna(subset=["value"]).groupby(keys, sort=False)["value"].mean().reset_index()


def name_ranks(means: pd.DataFrame) -> dict[str, str]:
    """Return rank -> ``case (Dice)`` of some cases, as the pictures of overlays choose them.

    Args:
        means: columns ``case_id, value``, in the order of scoring.
    """
    ordered = means.sort_values("value", ascending=False, kind="stable")
    names, values = ordered["case_id"].tolist(), ordered["value"].tolist()
    return {
        rank: f"{names[place]} ({number(values[place], 3)})"
        for place, rank in rank_places(len(ordered)).items()
    }


def best_median_worst(results: Results) -> pd.DataFrame | None:
    """Return the cases that came out best, in the middle and worst, overall and by structure."""
    table = results.metrics
    if table is None:
        return None
    dice = table[(table["metric"] == "dice") & (table["condition"] == "standard")]
    dice = dice.dropna(subset=["value"])
    rows = []
    for model in sorted(dice["model"].unique()):
        own = dice[dice["model"] == model]
        rows.append({"Model": model, "Structure": _ALL, **_cells(case_means(own))})
        for structure in [name for name in REPORT_GROUPS if name in set(own["structure"])]:
            scored = own[own["structure"] == structure]
            rows.append({"Model": model, "Structure": structure, **_cells(scored)})
    return pd.DataFrame(rows) if rows else None


def _cells(means: pd.DataFrame) -> dict[str, str]:
    named = name_ranks(means)
    only = named.get("only case")
    cells = {rank: named.get(rank, "–") for rank in _RANKS}
    if only:
        cells = dict.fromkeys(_RANKS, "–") | {"best": f"{only}, the only case"}
    return {
        "Cases": str(means["case_id"].nunique()),
        **{k.capitalize(): v for k, v in cells.items()},
    }


def caption_overlays(results: Results) -> dict[str, str]:
    """Return name of a picture of overlays -> which cases it shows, of all that may be there."""
    if results.metrics is None:
        return {}
    means = case_means(results.metrics)
    captions = {}
    for model, own in means.groupby("model", sort=True):
        captions[overlay_name(str(model))] = _caption(f"Model {model}", own)
        for source, rows in own.groupby("source", sort=True):
            name = overlay_name(str(model), str(source))
            captions[name] = _caption(f"Model {model}, {source}", rows)
    return captions


def _caption(title: str, means: pd.DataFrame) -> str:
    said = "; ".join(f"{rank}: {case}" for rank, case in name_ranks(means).items())
    return f"{title}. Mean Dice of all structures, {said}"
