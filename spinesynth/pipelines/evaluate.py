"""Score a predictor on cases: a long table of numbers, and a table of what failed.

A source is scored only for what it annotates, and a network only for what it
has a class for. A case that cannot be read or
predicted becomes a row of the failures and never stops the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.annotation import report_groups
from spinesynth.anatomy.label_schemes import PSEUDO_SCHEME
from spinesynth.anatomy.present_codes import present_codes
from spinesynth.anatomy.structures import REPORT_GROUPS, Structure
from spinesynth.errors import InputError, SpineSynthError
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase, load_case
from spinesynth.metrics import METRICS, MaskPair

#: Columns of every table of numbers, in their order.
LONG_COLUMNS = (
    "run", "model", "case_id", "patient_id", "source", "contrast", "condition", "severity",
    "structure", "metric", "value", "unit",
)  # fmt: skip
#: Columns of every table of failures, in their order.
FAILURE_COLUMNS = (
    "run", "model", "case_id", "source", "contrast", "condition", "severity", "code", "message",
)  # fmt: skip

_UNCODED = "E-EVAL-001"  # failures of the prediction itself, which carry no code of their own
#: What reading, predicting and scoring raise for one case; anything else is a bug and propagates.
CASE_ERRORS = (SpineSynthError, ValueError, RuntimeError, OSError, MemoryError)


class Predictor(Protocol):
    """Describe a model: canonical image in, structure codes on the same grid out.

    A model that cannot express every report group says so in an attribute
    ``groups: frozenset[str]``, as ``VolumePredictor`` does; without it, all that
    a source annotates is scored.
    """

    def __call__(self, image: MetaTensor, /) -> Tensor:
        """Return ``Structure`` codes ``(I, J, K)`` for an image ``(1, I, J, K)``."""


class CaseResult(NamedTuple):
    """Hold what was measured on one case, for callbacks such as overlays.

    Attributes:
        case: which case.
        image: float ``(1, I, J, K)`` as the predictor saw it.
        reference: uint8 ``(I, J, K)`` ``Structure`` codes.
        prediction: integer ``(I, J, K)`` ``Structure`` codes.
        spacing_mm: distance of voxel centres along I, J, K.
        table: rows of this case, columns :data:`LONG_COLUMNS`.
    """

    case: Case
    image: MetaTensor
    reference: Tensor
    prediction: Tensor
    spacing_mm: tuple[float, float, float]
    table: pd.DataFrame


class Evaluation(NamedTuple):
    """Hold the scores and the failures of an evaluation.

    Attributes:
        table: columns :data:`LONG_COLUMNS`.
        failures: columns :data:`FAILURE_COLUMNS`, one row for each case that failed.
    """

    table: pd.DataFrame
    failures: pd.DataFrame


def group_masks(codes: Tensor, groups: Sequence[str]) -> dict[str, Tensor]:
    """Return one boolean mask for each report group.

    Args:
        codes: integer ``Structure`` codes of any shape.
        groups: keys of ``REPORT_GROUPS``.
    """
    return {
        name: torch.isin(codes, torch.tensor(sorted(REPORT_GROUPS[name]), dtype=codes.dtype))
        for name in groups
    }


def spacing_of(image: MetaTensor) -> tuple[float, float, float]:
    """Return the distance of voxel centres in mm along I, J, K."""
    i, j, k = torch.linalg.vector_norm(image.affine[:3, :3].double(), dim=0).tolist()
    return (i, j, k)


def evaluate_cases(
    predictor: Predictor,
    cases: Sequence[Case],
    *,
    run: str,
    model: str,
    condition: str = "standard",
    severity: float = 1.0,
    prepare: Callable[[MetaTensor], MetaTensor] | None = None,
    on_case: Callable[[CaseResult], None] | None = None,
    loader: Callable[[Case], LoadedCase] = load_case,
    metrics: Sequence[str] | None = None,
) -> Evaluation:
    """Predict and score each case.

    Args:
        predictor: model to score.
        cases: with image and label map each.
        run: name of the run, for the table.
        model: name of the model, for the table.
        condition: what was done to the images, for the table.
        severity: how much of it was done, for the table; 1 is the original.
        prepare: changes an image ``(1, I, J, K)`` before the prediction.
        on_case: called after each scored case.
        loader: reads a case.
        metrics: keys of ``METRICS``; None for all: what they share is measured once.

    Returns:
        Scores and failures, in the order of ``cases``.

    Raises:
        InputError: if a case id is given twice.
    """
    refuse_duplicates(cases)
    tables: list[pd.DataFrame] = []
    failures: list[dict[str, object]] = []
    labels = {"run": run, "model": model, "condition": condition, "severity": float(severity)}
    wanted = tuple(METRICS) if metrics is None else metrics
    for case in cases:
        try:
            result = _evaluate_case(predictor, case, labels, prepare, loader, wanted)
        except CASE_ERRORS as error:
            failures.append(failure_row(case, labels, error))
            continue
        tables.append(result.table)
        if on_case is not None:
            on_case(result)
    return Evaluation(
        concatenate(tables, LONG_COLUMNS), pd.DataFrame(failures, columns=list(FAILURE_COLUMNS))
    )


def concatenate(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Put tables of the same columns below each other, none giving an empty one."""
    filled = [table for table in tables if not table.empty]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    return pd.concat(filled, ignore_index=True)[list(columns)]


def refuse_duplicates(cases: Sequence[Case]) -> None:
    """Raise if a case would be counted twice."""
    counts = Counter(case.case_id for case in cases)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise InputError(
            f"case_id must be unique, got {', '.join(twice)} more than once; rename or drop them",
            code="E-CASE-004",
        )


def _evaluate_case(
    predictor: Predictor,
    case: Case,
    labels: dict[str, object],
    prepare: Callable[[MetaTensor], MetaTensor] | None,
    loader: Callable[[Case], LoadedCase],
    metrics: Sequence[str],
) -> CaseResult:
    """Load, predict and score one case."""
    loaded = loader(case)
    if loaded.image is None or loaded.structure is None:
        raise InputError(
            f"case {case.case_id} needs an image and a label map to be scored; "
            "leave it out or complete it",
            code="E-CASE-002",
        )
    if case.scheme == PSEUDO_SCHEME:
        raise InputError(
            f"case {case.case_id} holds pseudo-labels, which a model made and nobody checked: they "
            "are no reference; leave it out",
            code="E-EVAL-003",
        )
    groups = _scored_groups(predictor, case)
    spacing_mm = spacing_of(loaded.image)
    reference = loaded.structure.as_tensor()[0]
    image = loaded.image if prepare is None else prepare(loaded.image)
    prediction = _checked(predictor(image), reference)
    rows = [
        {**labels, **identify_case(case), "patient_id": case.patient_id, **score}
        for score in _score(prediction, reference, groups, spacing_mm, metrics)
    ]
    table = pd.DataFrame(rows, columns=list(LONG_COLUMNS))
    return CaseResult(case, image, reference, prediction, spacing_mm, table)


def _scored_groups(predictor: Predictor, case: Case) -> tuple[str, ...]:
    """Return the report groups that the case annotates and the predictor can express."""
    annotated = report_groups(case.annotated)
    expressible: frozenset[str] = getattr(predictor, "groups", frozenset(REPORT_GROUPS))
    groups = tuple(name for name in annotated if name in expressible)
    if not groups:
        raise InputError(
            f"case {case.case_id} annotates only {', '.join(annotated)}, of which the network has "
            f"no class (it has {', '.join(sorted(expressible))}); leave it out",
            code="E-EVAL-002",
        )
    return groups


def _checked(prediction: Tensor, reference: Tensor) -> Tensor:
    """Return a plain prediction on the reference's grid, or say why there is none."""
    plain = prediction.as_tensor() if isinstance(prediction, MetaTensor) else prediction
    plain = plain.detach().cpu()
    if plain.shape != reference.shape:
        raise ValueError(
            f"prediction must have the shape of the image {tuple(reference.shape)}, "
            f"got {tuple(plain.shape)}"
        )
    if plain.is_floating_point() or plain.is_complex() or plain.dtype == torch.bool:
        kind = "NaN" if bool(torch.isnan(plain).any()) else str(plain.dtype)
        raise ValueError(f"prediction must hold integer Structure codes, got {kind}")
    unknown = sorted(set(present_codes(plain)) - {int(code) for code in Structure})
    if unknown:
        raise ValueError(f"prediction must hold Structure codes, got {unknown}")
    return plain


def _score(
    prediction: Tensor,
    reference: Tensor,
    groups: Sequence[str],
    spacing_mm: tuple[float, float, float],
    metrics: Sequence[str],
) -> list[dict[str, object]]:
    """Return structure, metric, value and unit of every metric and group."""
    predicted, expected = group_masks(prediction, groups), group_masks(reference, groups)
    scores: list[dict[str, object]] = []
    for group in groups:
        pair = MaskPair(predicted[group], expected[group], spacing_mm=spacing_mm)
        for name in metrics:
            value, unit = METRICS[name].function(pair), METRICS[name].unit
            scores.append({"structure": group, "metric": name, "value": value, "unit": unit})
    return scores


def failure_row(case: Case, labels: dict[str, object], error: Exception) -> dict[str, object]:
    """Return the row of a case that could not be scored."""
    code = error.code if isinstance(error, SpineSynthError) else _UNCODED
    message = str(error).removeprefix(f"[{code}] ") or type(error).__name__
    return {**labels, **identify_case(case), "code": code, "message": message}


def identify_case(case: Case) -> dict[str, object]:
    """Return the columns that name a case in every table."""
    return {"case_id": case.case_id, "source": case.source, "contrast": case.contrast}
