"""The robustness test of one checkpoint alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import Checkpoint
from spinesynth.io.discover import discover_cases
from spinesynth.pipelines.ensemble import Origin, Weighting, load_members
from spinesynth.pipelines.evaluate import Evaluation, evaluate_cases
from spinesynth.pipelines.experiment import write_evaluation
from spinesynth.pipelines.leak_guard import refuse_seen_content
from spinesynth.pipelines.overlays import OverlayCollector
from spinesynth.pipelines.readable import refuse_unreadable
from spinesynth.pipelines.report import conclude
from spinesynth.pipelines.results import OVERLAYS, RUN_JSON
from spinesynth.pipelines.robustness import DEFAULT_FACTORS, evaluate_robustness
from spinesynth.pipelines.run_record import describe_run, write_json

#: Follows the model's name where patients it has seen are scored.
SEEN_SUFFIX = " (incl. seen patients)"


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
    checkpoints: Sequence[Path],
    *,
    data: Path,
    folder: Path,
    command: str,
    factors: Sequence[float] = DEFAULT_FACTORS,
    sources: Sequence[str] | None = None,
    include_seen: bool = False,
    weighting: Weighting = "mean",
    scales: Sequence[float] = (1.0,),
) -> str:
    """Score a checkpoint, or several that vote, on every contrast and at falling resolution.

    Patients that a checkpoint was trained or validated on are left out, and
    ``run.json`` says how many. A checkpoint that does not name its patients is
    scored on all, with a warning. An image or mask that a checkpoint has seen under the
    name of another patient refuses the whole. Every case is read before anything is
    written.

    Args:
        checkpoints: files that this package wrote; several vote.
        data: manifest CSV or folder of a data set.
        folder: where tables, figures and report go.
        command: the command that started the run, for its record.
        factors: coarse over original voxel size, each at least 1.
        sources: test only these sources; None for all.
        include_seen: score seen patients too, and say so in the model's name.
        weighting: of the votes, ``mean`` or ``certainty``.
        scales: that each network votes at.

    Returns:
        The scores as plain text, and where the report is.

    Raises:
        CheckpointError: if a checkpoint is refused.
        ConfigError: if a factor is below 1, or the checkpoints do not fit together.
        InputError: if a file is refused, no case can be scored, or an image or mask of the
            training is among them.
    """
    _check_factors(factors)
    predictor, origin = load_members(checkpoints, weighting=weighting, scales=scales)
    cases, model, known = choose_cases(
        scorable_cases(data, sources), origin, include_seen=include_seen
    )
    refuse_unreadable(((case, True) for case in cases), data=data)
    if not include_seen:
        refuse_seen_content(origin.seen_content, cases)
    overlays = OverlayCollector(origin.model)
    run = origin.name
    standard = evaluate_cases(predictor, cases, run=run, model=model, on_case=overlays)
    scored = _scored(cases, standard)
    degraded = evaluate_robustness(predictor, scored, run=run, model=model, factors=factors)
    write_evaluation(folder, [standard], [degraded])
    overlays.save(folder / OVERLAYS)
    record = (
        describe_run()
        | known
        | {"command": command, "checkpoint_steps": origin.steps, "name": run}
        | {"weighting": weighting, "scales": tuple(scales)}
    )
    write_json(folder / RUN_JSON, record)
    return conclude(folder, command=command)


def _check_factors(factors: Sequence[float]) -> None:
    if not all(factor >= 1 for factor in factors):
        raise ConfigError(
            f"resolution factors must be at least 1 (coarse over original), got {list(factors)}",
            code="E-CONF-004",
        )


def choose_cases(
    cases: Sequence[Case], checkpoint: Checkpoint | Origin, *, include_seen: bool
) -> tuple[list[Case], str, dict[str, Any]]:
    """Leave out the patients that a checkpoint has seen, and say so on stderr.

    Args:
        cases: of any patients.
        checkpoint: or several; may name the patients seen.
        include_seen: keep them nevertheless.

    Returns:
        The cases to score, the model's name for the tables, and for the record
        whether the seen patients are known, and how many are in and left out.

    Raises:
        InputError: if no case is left.
    """
    known = bool(checkpoint.seen_patients)
    if not known:
        sys.stderr.write(
            "Warning: the checkpoint does not name the patients it was trained on; "
            "scores of those would be too good, so leave them out of the data\n"
        )
    seen = sorted({case.patient_id for case in cases} & set(checkpoint.seen_patients))
    left_out = [] if include_seen else seen
    kept = _without(cases, left_out)
    record = {
        "seen_patients_known": known,
        "seen_patients_included": len(seen) - len(left_out),
        "seen_patients_left_out": len(left_out),
    }
    suffix = SEEN_SUFFIX if include_seen and seen else ""
    return kept, f"{checkpoint.model}{suffix}", record


def _without(cases: Sequence[Case], left_out: Sequence[str]) -> list[Case]:
    """Return the cases of other patients and say on stderr how many are left out."""
    kept = [case for case in cases if case.patient_id not in left_out]
    if not kept:
        raise InputError(
            "every patient of the data trained or validated the checkpoint; name other data, "
            "or score them nevertheless with --include-seen",
            code="E-CASE-005",
        )
    if left_out:
        sys.stderr.write(
            f"Left out: {len(left_out)} patients ({len(cases) - len(kept)} cases) "
            "that the checkpoint was trained or validated on\n"
        )
    return kept


def _scored(cases: Sequence[Case], standard: Evaluation) -> list[Case]:
    """Return the cases that have a score, each of the others being listed as failed already."""
    failed = set(standard.failures["case_id"])
    scored = [case for case in cases if case.case_id not in failed]
    if not scored:
        raise InputError(
            f"no case could be scored; the first: {standard.failures['message'].iloc[0]}",
            code="E-CASE-005",
        )
    return scored
