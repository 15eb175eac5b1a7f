"""What a run's record says, asked for by name; a record of an older version says less."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spinesynth.metrics import METRICS
from spinesynth.pipelines.conditions import ORIGINAL
from spinesynth.pipelines.results import Results
from spinesynth.pipelines.suite_tables import untouched


def recorded(results: Results, *names: str) -> Any:  # noqa: ANN401  # JSON
    """Return an entry of the record by the names that lead to it; None where it is missing.

    Args:
        results: of a run.
        names: as ``"config", "training", "steps"``.
    """
    value: Any = results.manifest
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def setting(results: Results, *names: str) -> Any:  # noqa: ANN401  # JSON
    """Return a setting of the configuration; None where the record does not tell it."""
    return recorded(results, "config", *names)


def standard_scores(results: Results) -> pd.DataFrame | None:
    """Return the scores at the original condition, None where there are none."""
    table = results.metrics
    if table is None:
        return untouched(results)
    table = table[table["metric"].isin(METRICS) & (table["condition"] == "standard")]
    return table if len(table) else None


def degraded_scores(results: Results) -> pd.DataFrame | None:
    """Return the scores of degraded images, those of the suite too; None without any."""
    there = [t for t in (results.conditions, results.robustness) if t is not None and len(t)]
    if not there:
        return None
    table = pd.concat(there, ignore_index=True)
    return table[table["condition"] != ORIGINAL]


def home_sources(results: Results) -> list[str]:
    """Return the sources that trained, as far as the record or the split tells them."""
    named = setting(results, "data", "train_sources")
    if named:
        return [str(source) for source in named]
    if results.split is None:
        return []
    return sorted(set(results.split.loc[results.split["split"] == "train", "source"]))


def patients_by_source(table: pd.DataFrame) -> dict[str, int]:
    """Return the number of patients with scores of each source."""
    counts = table.groupby("source", sort=True)["patient_id"].nunique()
    return {str(source): int(count) for source, count in counts.items()}


def listed(counts: dict[str, int]) -> str:
    """Return names with their numbers.

    Example:
        >>> listed({"a": 2, "b": 1})
        'a 2, b 1'
    """
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def plural(number: int, word: str) -> str:
    """Return a number with its word.

    Example:
        >>> plural(1, "patient"), plural(2, "patient")
        ('1 patient', '2 patients')
    """
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
