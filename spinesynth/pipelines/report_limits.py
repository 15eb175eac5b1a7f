"""What the numbers of a run cannot say, worked out from its tables and its record.

Each limit is a function that returns a sentence where it holds, else nothing: a
sentence stands in a report only where it is true of that run.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from spinesynth.metrics import LEAST_PATIENTS
from spinesynth.pipelines.phantom_data import PHANTOM_SOURCE
from spinesynth.pipelines.report_data import LEAK, NOT_KNOWN, check_leaks
from spinesynth.pipelines.report_facts import (
    degraded_scores,
    home_sources,
    listed,
    patients_by_source,
    plural,
    recorded,
    standard_scores,
)
from spinesynth.pipelines.results import Results

Scores = pd.DataFrame
Limit = Callable[[Results, Scores], str]


def state_limits(results: Results) -> pd.DataFrame | None:
    """Return what the numbers cannot say, a row each; None where nothing was scored."""
    scores = standard_scores(results)
    if scores is None:
        return None
    said = [text for limit in _LIMITS if (text := limit(results, scores))]
    return pd.DataFrame(
        {"No.": [str(n) for n in range(1, len(said) + 1)], "Limit": said}, dtype=str
    )


def _size(results: Results, scores: Scores) -> str:
    counts = patients_by_source(scores)
    text = f"{plural(sum(counts.values()), 'patient')} were scored ({listed(counts)})."
    few = [name for name, count in counts.items() if count < LEAST_PATIENTS]
    if few and scores["model"].nunique() > 1:
        text += (
            f" Of {', '.join(few)} fewer than {LEAST_PATIENTS} were, so that no test there can "
            "reach p < 0.05."
        )
    return text


def _phantoms(results: Results, scores: Scores) -> str:
    if set(scores["source"]) != {PHANTOM_SOURCE}:
        return ""
    return "The scans are of drawn phantoms: nothing is said of patients."


def _one_seed(results: Results, scores: Scores) -> str:
    seed, folds = recorded(results, "seed"), recorded(results, "folds")
    if seed is None:
        return ""
    trained = "once in each fold" if folds else "once"
    return (
        f"Each model was trained {trained}, with seed {seed}: the intervals hold the scatter "
        "between patients, not that between trainings."
    )


def _one_split(results: Results, scores: Scores) -> str:
    home = [name for name in home_sources(results) if name in set(scores["source"])]
    if results.split is None or recorded(results, "folds") or not home:
        return ""
    counts = patients_by_source(scores)
    held_out = sum(counts[name] for name in home)
    return (
        f"One split decides which {plural(held_out, 'patient')} of {', '.join(home)} were "
        "held out; another draw gives other numbers."
    )


def _no_other_source(results: Results, scores: Scores) -> str:
    home, tested = set(home_sources(results)), set(scores["source"])
    if not home or not tested <= home:
        return ""
    return (
        f"Every scan that was scored is of the sources that trained ({', '.join(sorted(tested))}): "
        "nothing is said of other scanners and annotators."
    )


def _part_annotated(results: Results, scores: Scores) -> str:
    sources = sorted(set(scores["source"]))
    having = {
        str(structure): sorted(set(rows["source"]))
        for structure, rows in scores.groupby("structure", sort=True)
    }
    few = [
        f"{structure} in {', '.join(names)}"
        for structure, names in having.items()
        if len(names) < len(sources)
    ]
    if not few:
        return ""
    return (
        "What a source does not annotate is not scored, so means of different sources are of "
        f"different structures: {'; '.join(few)}; of {plural(len(sources), 'source')}."
    )


def _confounded(results: Results, scores: Scores) -> str:
    pairs = scores[["source", "contrast"]].drop_duplicates()
    alone = pairs.groupby("contrast")["source"].nunique() == 1
    names = [str(name) or "unnamed" for name in alone.index[alone]]
    if not names or len(pairs) < 2:
        return ""
    return (
        f"Scans of {', '.join(names)} come from one source each: there a difference between "
        "contrasts is one between scanners, patients and annotators too."
    )


def _undefined(results: Results, scores: Scores) -> str:
    dice = scores[scores["metric"] == "dice"]
    empty = int(dice["value"].isna().sum())
    if not empty:
        return ""
    return (
        f"{empty} of {len(dice)} Dice are undefined, as both masks are empty, and are in no mean."
    )


def _failed(results: Results, scores: Scores) -> str:
    if results.failures is None or results.failures.empty:
        return ""
    failed = results.failures[["case_id", "model"]].drop_duplicates()
    return (
        f"{plural(failed['case_id'].nunique(), 'scan')} could not be scored at least once "
        "(see Failures) and are in no mean of what failed."
    )


def _one_model(results: Results, scores: Scores) -> str:
    models = sorted(set(scores["model"]))
    if len(models) > 1:
        return ""
    return f"Model {models[0]} alone was scored: there is nothing to compare it with."


def _few_degraded(results: Results, scores: Scores) -> str:
    table = degraded_scores(results)
    if table is None:
        return "Degraded images were not scored: nothing is said of robustness."
    patients, of_all = table["patient_id"].nunique(), scores["patient_id"].nunique()
    if patients >= of_all:
        return ""
    sources = ", ".join(sorted(set(table["source"])))
    return f"Degraded images are of {plural(patients, 'patient')} ({sources}), not of all {of_all}."


def _leaks(results: Results, scores: Scores) -> str:
    checks = check_leaks(results)
    if checks is None:
        return ""
    found = checks.loc[checks["State"] == LEAK, "In two parts"].tolist()
    unknown = checks.loc[checks["State"] == NOT_KNOWN, "In two parts"].tolist()
    text = f"Leak: {', '.join(found)} stand in two parts, so scores are too good. " if found else ""
    if unknown:
        text += f"Not known whether two parts share: {', '.join(unknown).lower()}."
    return text.strip()


def _modified(results: Results, scores: Scores) -> str:
    commit = recorded(results, "commit")
    if commit is None:
        return "No commit is recorded: which code made the numbers is known by its version alone."
    if not recorded(results, "modified"):
        return ""
    return f"The code had changes that commit {commit[:12]} does not hold."


def _no_persons(results: Results, scores: Scores) -> str:
    known = {"age", "sex"} & set(scores.columns)
    return "" if known else "Age and sex of the patients are in no table: no subgroup is reported."


#: In the order in which they are told.
_LIMITS: tuple[Limit, ...] = (
    _size, _phantoms, _one_seed, _one_split, _no_other_source, _part_annotated, _confounded,
    _undefined, _failed, _one_model, _few_degraded, _leaks, _modified, _no_persons,
)  # fmt: skip
