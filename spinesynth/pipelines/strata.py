"""Scores by what is known about scans and patients: grades, field strength, age and more."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spinesynth.metrics import LEAST_FOR_INTERVAL, summarise
from spinesynth.pipelines.traits import UNKNOWN, Scan, Traits

_SCAN = list(Scan._fields)
_KEYS = ["trait", "stratum", "model", "structure", "metric"]


def stratify(table: pd.DataFrame, traits: Traits) -> pd.DataFrame:
    """Return means by stratum with intervals over patients.

    Sources and contrasts are pooled within a stratum.

    Args:
        table: long table of scores.
        traits: what is known; ``source`` and ``contrast`` come from the table.

    Returns:
        One row for each trait, stratum, model, structure and metric: ``*keys, mean,
        low, high, n_patients, n_cases, n_excluded``; no interval below 3 patients, no
        trait that is not known of any scan.
    """
    scans = table[_SCAN].drop_duplicates().reset_index(drop=True)
    found = []
    for trait, strata in _strata(scans, traits).items():
        if set(strata) <= {UNKNOWN}:
            continue
        named = scans.assign(trait=trait, stratum=strata)
        found.append(summarise(table.merge(named, on=_SCAN), _KEYS))
    if not found:
        return summarise(table.assign(trait="", stratum="").head(0), _KEYS)
    summary = pd.concat(found, ignore_index=True)
    few = summary["n_patients"] < LEAST_FOR_INTERVAL
    summary.loc[few, ["low", "high"]] = np.nan
    return summary


def _strata(scans: pd.DataFrame, traits: Traits) -> Mapping[str, list[str]]:
    """Return the stratum of every scan for each trait."""
    own = {name: [text or UNKNOWN for text in scans[name]] for name in ("source", "contrast")}
    rows = [Scan(*row) for row in scans[_SCAN].to_numpy().tolist()]
    return own | {trait: [find(row) for row in rows] for trait, find in traits.known.items()}
