"""What weights are, how they were made and where they fail, as a page of Markdown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.errors import InputError
from spinesynth.io.checkpoint import Checkpoint
from spinesynth.pipelines.results import read_results

#: Lowest scores that the card names one by one; nominal.
_WORST = 10
_LIMITS = """\
- Not for diagnosis. Nobody has approved these weights as a medical device.
- They say nothing about CT, X-ray or ultrasound, the neck, the thorax, or other animals, and
  they may find a spine in any of them.
- What the training never showed is at their mercy: metal, tumours, fractures, surgery, strong
  scoliosis, and artefacts beyond those that were synthesised.
- Look at every label map before you use a number from it.
"""


def model_card(
    checkpoint: Checkpoint, *, name: str, parameters: int, results: Path | None = None
) -> str:
    """Return the model card of some weights.

    Args:
        checkpoint: the weights, and what they say of themselves.
        name: of them.
        parameters: of the network.
        results: folder of a run that tested them; None where nobody did.

    Returns:
        Markdown, the same text for the same facts.

    Raises:
        InputError: if the folder has no scores.
    """
    return "\n".join(
        [
            f"# {name}", "",
            "Segments lumbar spine MRI. Written from the facts in the file of the weights"
            + (" and in the tables of the run that tested them." if results else "."), "",
            "## What it is", "", *_facts(checkpoint, parameters), "",
            "## What it gives", "", *_classes(checkpoint), "",
            "## What it learnt from", "", *_sources(checkpoint), "",
            "## How good it is", "", *_scores(checkpoint, results), "",
            "## Where it fails", "", *_failures(checkpoint, results), _LIMITS,
            "## Configuration", "", "```yaml",
            yaml.safe_dump(checkpoint.config, sort_keys=True, allow_unicode=True).strip(),
            "```", "",
        ]
    )  # fmt: skip


def _facts(checkpoint: Checkpoint, parameters: int) -> list[str]:
    """Return the facts of the file, a row each."""
    rows = {
        "experiment": checkpoint.config.get("name", "not written down"),
        "model": checkpoint.model,
        "label scheme": checkpoint.target_scheme,
        "optimiser steps": checkpoint.step,
        "parameters": parameters,
        "version of spinesynth": checkpoint.version,
        "chosen on": checkpoint.selection or "its own validation samples",
    }
    if checkpoint.ingredients:
        rows["mean of checkpoints"] = len(checkpoint.ingredients)
    return ["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows.items())]


def _classes(checkpoint: Checkpoint) -> list[str]:
    names = get_scheme(checkpoint.target_scheme).class_names
    return [
        "| code | structure |",
        "| --- | --- |",
        *(f"| {n} | {w} |" for n, w in enumerate(names)),
    ]


def _sources(checkpoint: Checkpoint) -> list[str]:
    """Return what the training used: words of its mode, and how many patients it saw."""
    mode = checkpoint.mode or "not written down"
    seen = len(checkpoint.seen_patients)
    patients = f"It was trained and validated on {seen} patients or phantoms by name."
    return [
        f"Mode of the training: `{mode}` (`phantom`: procedural phantoms, no data; `label-only`: "
        "label maps of scans, never an image; `real-images`: images too).",
        patients if seen else "No patient is named in the file.",
    ]


def _scores(checkpoint: Checkpoint, results: Path | None) -> list[str]:
    """Return the mean Dice of each source, contrast and structure."""
    table = _dice(checkpoint, results)
    if table is None:
        return ["No scores were given when this card was written."]
    keys = ["source", "contrast", "structure"]
    means = table.groupby(keys)["value"].agg(["mean", "count"]).reset_index()
    rows = [
        f"| {row['source']} | {row['contrast']} | {row['structure']} | {row['mean']:.3f} "
        f"| {row['count']} |"
        for row in means.to_dict("records")
    ]
    head = [
        "| source | contrast | structure | mean Dice | scans |",
        "| --- | --- | --- | --- | --- |",
    ]
    return [*head, *rows]


def _failures(checkpoint: Checkpoint, results: Path | None) -> list[str]:
    """Return the lowest scores and the scans that could not be scored."""
    table = _dice(checkpoint, results)
    if results is None or table is None:
        return ["Nobody has said yet for this file. In general:", ""]
    worst = table.nsmallest(_WORST, "value")
    lines = [
        f"- {row.case_id} ({row.source}, {row.contrast}), {row.structure}: Dice {row.value:.3f}"
        for row in worst.itertuples()
    ]
    failed = read_results(results).failures
    count = 0 if failed is None else len(failed)
    return [
        f"The {len(lines)} lowest scores of the run; {count} scans could not be scored:", "",
        *lines, "", "In general:", "",
    ]  # fmt: skip


def _dice(checkpoint: Checkpoint, results: Path | None) -> pd.DataFrame | None:
    """Return the Dice of the model on undegraded scans, where both masks are not empty."""
    if results is None:
        return None
    table = read_results(results).metrics
    if table is None:
        raise InputError(
            f"{results} has no table of scores; run 'spinesynth evaluate' first", code="E-IN-001"
        )
    if checkpoint.model in set(table["model"]):
        table = table[table["model"] == checkpoint.model]
    return table[(table["metric"] == "dice") & table["value"].notna()]
