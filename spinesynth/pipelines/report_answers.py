"""What the record of a run answers to items of the CLAIM checklist.

Each answer is a function of the results; its text is empty where the record says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spinesynth.metrics import METRICS
from spinesynth.pipelines.report_data import check_leaks, count_data
from spinesynth.pipelines.report_facts import (
    degraded_scores,
    home_sources,
    listed,
    patients_by_source,
    plural,
    recorded,
    setting,
    standard_scores,
)
from spinesynth.pipelines.results import Results

BY_AUTHORS = "to be written by the authors"
_SHOWN_PACKAGES = ("torch", "monai", "numpy", "scipy", "pandas")


def _said(parts: Iterable[tuple[str, object]]) -> str:
    """Return ``name value`` of what is known."""
    return "; ".join(f"{name} {value}" for name, value in parts if value not in (None, [], ""))


def _goal(results: Results) -> str:
    told = setting(results, "description")
    return f"as the configuration describes the run: {told}" if told else ""


def _sources(results: Results) -> str:
    scores, home = standard_scores(results), home_sources(results)
    tested = [] if scores is None else sorted(set(scores["source"]) - set(home))
    test = "tested only:" if home else "tested:"
    return _said([("training and validation:", ", ".join(home)), (test, ", ".join(tested))])


def _preprocessing(results: Results) -> str:
    spacing, size = (setting(results, "training", n) for n in ("spacing_mm", "patch_size"))
    if spacing is None:
        return ""
    shape = " × ".join(str(side) for side in size) if isinstance(size, list) else size
    return f"resampled to {_plain(spacing)} mm; patches of {shape} voxels (see Configuration)"


def _plain(value: object) -> str:
    return " × ".join(map(str, value)) if isinstance(value, list) else str(value)


def _subsets(results: Results) -> str:
    if setting(results, "data") is None:
        return ""
    names = ("include_sources", "train_contrasts", "max_train_patients")
    chosen = _said((f"data.{name}", setting(results, "data", name)) for name in names)
    return chosen or "every case of the manifest that has the files needed"


def _missing(results: Results) -> str:
    scores, failures = standard_scores(results), results.failures
    if scores is None:
        return ""
    dice = scores[scores["metric"] == "dice"]
    failed = "" if failures is None else f"; {plural(len(failures), 'failure')} (see Failures)"
    return (
        "structures that a source does not annotate are not scored; "
        f"{int(dice['value'].isna().sum())} of {len(dice)} Dice undefined and left out{failed}"
    )


def _partition(results: Results) -> str:
    folds, seed = recorded(results, "folds"), setting(results, "data", "split_seed")
    if seed is None:
        return ""
    drawn = (
        f"{folds} folds by patient, stratified by source"
        if folds
        else f"{setting(results, 'data', 'test_patients')} test and "
        f"{setting(results, 'data', 'val_patients')} validation patients of "
        f"{', '.join(home_sources(results))} drawn at random, the rest trains; sources that do "
        "not train are tested"
    )
    return f"{drawn}; seed of the split {seed}"


def _level(results: Results) -> str:
    checks = check_leaks(results)
    if checks is None:
        return ""
    states = zip(checks["In two parts"], checks["State"], checks["Found"], strict=True)
    return "patient; " + "; ".join(
        f"{what.lower()} in two parts: {state}, {found}" for what, state, found in states
    )


def _sample(results: Results) -> str:
    scores = standard_scores(results)
    if scores is None:
        return ""
    counts = patients_by_source(scores)
    return (
        f"{plural(sum(counts.values()), 'patient')} tested ({listed(counts)}); how the size was "
        f"determined: {BY_AUTHORS}"
    )


def _model(results: Results) -> str:
    network = setting(results, "network")
    if not isinstance(network, dict):
        return ""
    described = _said((name, _plain(value)) for name, value in sorted(network.items()))
    counts = recorded(results, "parameters") or {}
    parameters = _said((f"model {name}:", f"{count:,}") for name, count in sorted(counts.items()))
    classes = setting(results, "target_scheme")
    return _said([("", described), ("classes of", classes), ("parameters of", parameters)]).strip()


def _software(results: Results) -> str:
    packages = recorded(results, "packages") or {}
    names = [
        ("spinesynth", recorded(results, "spinesynth")),
        ("Python", recorded(results, "python")),
    ]
    return _said([*names, *((name, packages.get(name)) for name in _SHOWN_PACKAGES)])


def _initial(results: Results) -> str:
    if setting(results, "training") is None:
        return ""
    started = recorded(results, "started_from")
    first = started[0] if isinstance(started, list) and started else started
    if isinstance(first, dict):
        return f"weights of the checkpoint {first.get('path')} (SHA-256 {first.get('sha256')})"
    return f"random, seed {recorded(results, 'seed')}"


def _training(results: Results) -> str:
    if setting(results, "training") is None:
        return ""
    names = ("steps", "batch_size", "optimizer", "learning_rate", "loss")
    settings = _said((name, _plain(setting(results, "training", name))) for name in names
                     if setting(results, "training", name) is not None)  # fmt: skip
    models = setting(results, "models") or []
    return f"models trained: {', '.join(models)}; {settings}; all of it under Configuration"


def _selection(results: Results) -> str:
    chosen = recorded(results, "final_choice")
    if chosen:
        told = (f"{name} by step {one.get('chosen')} on {one.get('basis')}"
                for name, one in sorted(chosen.items()) if isinstance(one, dict))  # fmt: skip
        return f"among the kept checkpoints: {', '.join(told)}"
    if not results.training:
        return ""
    return "checkpoint of the best mean Dice of the validation samples (see Training)"


def _ensemble(results: Results) -> str:
    steps = recorded(results, "checkpoint_steps")
    if isinstance(steps, list) and len(steps) > 1:
        return f"{len(steps)} networks vote, weighting {recorded(results, 'weighting')}"
    return "none: one network predicts" if results.metrics is not None else ""


def _metrics(results: Results) -> str:
    scores = standard_scores(results)
    if scores is None:
        return ""
    return ", ".join(METRICS[name].label for name in METRICS if name in set(scores["metric"]))


def _uncertainty(results: Results) -> str:
    scores = standard_scores(results)
    if scores is None:
        return ""
    text = "95 % bootstrap intervals over patients"
    if scores["model"].nunique() > 1:
        text += "; Wilcoxon signed-rank tests paired by patient, Holm's correction"
    return text


def _robustness(results: Results) -> str:
    table = degraded_scores(results)
    if table is None:
        return ""
    conditions = ", ".join(sorted(set(table["condition"])))
    return f"{conditions}, on {plural(table['patient_id'].nunique(), 'patient')} (see Robustness)"


def _at_home(results: Results) -> str:
    return _tested(results, at_home=True)


def _elsewhere(results: Results) -> str:
    return _tested(results, at_home=False)


def _tested(results: Results, *, at_home: bool) -> str:
    """Return the patients tested of the sources that trained, or of the others."""
    scores, home = standard_scores(results), home_sources(results)
    if scores is None or not home:
        return ""
    rows = scores[scores["source"].isin(home) == at_home]
    counts = patients_by_source(rows)
    kind = "held-out patients of sources that trained" if at_home else "patients of other sources"
    return f"{kind}: {listed(counts)}" if counts else f"no {kind}"


def _numbers(results: Results) -> str:
    data = count_data(results)
    if data is None:
        return ""
    total = data.iloc[-1]
    counts = "; ".join(f"{name} {total[name]}" for name in data.columns[2:])
    left_out = recorded(results, "seen_patients_left_out")
    return counts + (f"; left out, as seen in training: {left_out}" if left_out else "")


def _performance(results: Results) -> str:
    return "see Models by source, contrast and structure" if results.metrics is not None else ""


def _failures(results: Results) -> str:
    if results.metrics is None:
        return ""
    return "see Best, median and worst by name, Worst cases and Failures"


def _limits(results: Results) -> str:
    return f"see Limits; further ones: {BY_AUTHORS}" if results.metrics is not None else ""


def _protocol(results: Results) -> str:
    told = recorded(results, "command")
    return f"command `{told}`; a full protocol: {BY_AUTHORS}" if told else ""


def _availability(results: Results) -> str:
    version = recorded(results, "spinesynth")
    if version is None:
        return ""
    commit = recorded(results, "commit")
    at = f", commit {commit}" if commit else ""
    return f"software: SpineSynth {version}{at}, Apache-2.0; model and data: {BY_AUTHORS}"


#: Number of an item -> what the record says of it. Only authors can answer the others.
ANSWERS: dict[int, Callable[[Results], str]] = {
    6: _goal,
    7: _sources,
    9: _preprocessing,
    10: _subsets,
    12: _missing,
    19: _partition,
    20: _level,
    21: _sample,
    22: _model,
    23: _software,
    24: _initial,
    25: _training,
    26: _selection,
    27: _ensemble,
    28: _metrics,
    29: _uncertainty,
    30: _robustness,
    32: _at_home,
    33: _elsewhere,
    35: _numbers,
    37: _performance,
    39: _failures,
    40: _limits,
    42: _protocol,
    43: _availability,
}
