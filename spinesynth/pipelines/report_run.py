"""Tables of a run in a report: how it went, what failed, and what made it.

Each takes the results of a run and returns a frame of text; ``None`` says that nothing of the
kind was written down.
"""

from __future__ import annotations

import pandas as pd

from spinesynth.pipelines.report_facts import standard_scores
from spinesynth.pipelines.report_format import UNDEFINED, number, plain, titled
from spinesynth.pipelines.results import Results

WORST = 5  # cases of each model
_CONFIG = "config"  # entry of the record


def list_training(results: Results) -> pd.DataFrame | None:
    """Return how each training went."""
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


def list_failures(results: Results) -> pd.DataFrame | None:
    """Return the cases that failed."""
    columns = ["model", "case_id", "source", "contrast", "condition", "severity", "code", "message"]
    if results.failures is None:
        return None
    frame = results.failures[columns].copy()
    frame["severity"] = [plain(value) for value in frame["severity"]]
    return titled(frame.rename(columns={"case_id": "Case"}))


def list_worst_cases(results: Results) -> pd.DataFrame | None:
    """Return the cases of each model with the lowest mean Dice."""
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
    frame = frame.groupby("Model", sort=True).head(WORST).reset_index(drop=True)
    for column in ("Mean Dice", "Lowest Dice"):
        frame[column] = [number(value, 3) for value in frame[column]]
    return frame


def list_record(results: Results) -> pd.DataFrame | None:
    """Return the record of the run without its configuration."""
    if results.manifest is None:
        return None
    entries = {name: value for name, value in results.manifest.items() if name != _CONFIG}
    return pd.DataFrame(_flatten("", entries), columns=["Entry", "Value"])


def list_configuration(results: Results) -> pd.DataFrame | None:
    """Return every setting as it was used."""
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
