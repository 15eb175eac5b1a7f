"""The robustness test of one checkpoint alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.pipelines.evaluate import evaluate_cases
from spinesynth.pipelines.experiment import write_evaluation
from spinesynth.pipelines.overlays import OverlayCollector
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.report import build_report, format_comparison
from spinesynth.pipelines.results import OVERLAYS, RUN_JSON
from spinesynth.pipelines.robustness import DEFAULT_FACTORS, evaluate_robustness
from spinesynth.pipelines.run_record import describe_run, write_json


def scorable_cases(data: Path, sources: Sequence[str] | None = None) -> list[Case]:
    """Return the cases that have an image and a label map.

    Args:
        data: manifest CSV or folder of a data set.
        sources: keep only these sources; None for all.

    Raises:
        InputError: if none is left.
    """
    cases = [
        case
        for case in discover_cases(data)
        if case.image and case.label and (sources is None or case.source in sources)
    ]
    if not cases:
        chosen = "" if sources is None else f" of the sources {', '.join(sources)}"
        raise InputError(
            f"{data} holds no case{chosen} with image and label map to score", code="E-CASE-005"
        )
    return cases


def run_robustness(
    checkpoint: Path,
    *,
    data: Path,
    folder: Path,
    command: str,
    factors: Sequence[float] = DEFAULT_FACTORS,
    sources: Sequence[str] | None = None,
) -> str:
    """Score a checkpoint on every contrast and at falling resolution.

    The cases are taken as they are: that none of them trained the checkpoint is
    the caller's to know, and the report says so.

    Args:
        checkpoint: file that this package wrote.
        data: manifest CSV or folder of a data set.
        folder: where tables, figures and report go.
        command: the command that started the run, for its record.
        factors: coarse over original voxel size, each at least 1.
        sources: test only these sources; None for all.

    Returns:
        The scores as plain text, and where the report is.
    """
    if not all(factor >= 1 for factor in factors):
        raise ConfigError(
            f"resolution factors must be at least 1 (coarse over original), got {list(factors)}",
            code="E-CONF-004",
        )
    predictor, saved = load_predictor(checkpoint)
    cases = scorable_cases(data, sources)
    overlays = OverlayCollector(saved.model)
    run = str(saved.config["name"])
    standard = evaluate_cases(predictor, cases, run=run, model=saved.model, on_case=overlays)
    degraded = evaluate_robustness(predictor, cases, run=run, model=saved.model, factors=factors)
    write_evaluation(folder, [standard], [degraded])
    overlays.save(folder / OVERLAYS)
    record = {**describe_run(), "command": command, "checkpoint_step": saved.step, "name": run}
    write_json(folder / RUN_JSON, record)
    report, page = build_report(folder, folder / "report", command=command)
    return f"{format_comparison(standard.table)}\n\nReport: {page}\n        {report}\n"
