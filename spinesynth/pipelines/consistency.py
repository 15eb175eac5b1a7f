"""Whether a model finds the same anatomy in two contrasts of one patient: no label needed.

Scans of one patient on one grid, such as SPIDER's T1 and T2, show the same anatomy. What a
model predicts differently in them is its own doing, or a patient who moved between them.
Agreement is no accuracy: a model that finds nothing in either agrees with itself, which is
why such a structure has no score.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.errors import InputError
from spinesynth.io.align import GRID_TOLERANCE_MM
from spinesynth.io.case import Case
from spinesynth.io.volume import grid_difference_mm, read_image
from spinesynth.metrics import METRICS, MaskPair
from spinesynth.pipelines.evaluate import (
    CASE_ERRORS,
    FAILURE_COLUMNS,
    LONG_COLUMNS,
    Evaluation,
    Predictor,
    failure_row,
    group_masks,
    refuse_duplicates,
    spacing_of,
)

CONDITION = "consistency"
_METRICS = ("dice", "hd95")
Rows = list[dict[str, object]]


def _read(case: Case) -> MetaTensor:
    assert case.image is not None  # pairs are made of images
    return read_image(case.image)


def pair_contrasts(cases: Sequence[Case]) -> list[tuple[Case, Case]]:
    """Return each two images of one patient and source with different known contrasts.

    Pairs are in order of contrast and id; whether their grids are equal is not known yet.
    """
    known = [case for case in cases if case.image is not None and case.contrast]
    ordered = sorted(known, key=lambda case: (case.source, case.patient_id, case.contrast))
    return [
        (first, second)
        for _, scans in itertools.groupby(ordered, lambda case: (case.source, case.patient_id))
        for first, second in itertools.combinations(scans, 2)
        if first.contrast != second.contrast
    ]


def evaluate_consistency(
    predictor: Predictor,
    cases: Sequence[Case],
    *,
    run: str,
    model: str,
    reader: Callable[[Case], MetaTensor] = _read,
) -> Evaluation:
    """Score the predictions of a model for two contrasts of one patient against each other.

    Args:
        predictor: of the model.
        cases: of any patients; label maps are not opened.
        run: name of the run, for the tables.
        model: name of the model, for the tables.
        reader: reads the image ``(1, I, J, K)`` of a case.

    Returns:
        One number for each pair, structure and metric (Dice and HD95): ``condition`` is
        ``consistency``, ``contrast`` both contrasts joined by ``+``, ``case_id`` both ids.
        A structure in neither prediction is undefined. Pairs on different grids or of
        single slices, and images that cannot be read or predicted, are failures.

    Raises:
        InputError: if a case id is given twice.
    """
    refuse_duplicates(cases)
    labels = {"run": run, "model": model, "condition": CONDITION, "severity": 1.0}
    rows: Rows = []
    failures: Rows = []
    for first, second in pair_contrasts(cases):
        try:
            rows += [
                {**labels, **_identify(first, second), **score}
                for score in _score_pair(predictor, reader(first), reader(second))
            ]
        except CASE_ERRORS as error:
            failures.append(failure_row(first, labels, error) | _named(first, second))
    return Evaluation(
        pd.DataFrame(rows, columns=list(LONG_COLUMNS)),
        pd.DataFrame(failures, columns=list(FAILURE_COLUMNS)),
    )


def _score_pair(predictor: Predictor, first: MetaTensor, second: MetaTensor) -> Rows:
    """Return structure, metric, value and unit of two scans on one grid."""
    apart_mm = grid_difference_mm(first, second)
    if apart_mm > GRID_TOLERANCE_MM:
        what = "of other shapes" if np.isinf(apart_mm) else f"up to {apart_mm:.4g} mm apart"
        raise InputError(
            f"both scans must be on one grid, they are {what}; leave the pair out",
            code="E-EVAL-005",
        )
    if 1 in first.shape[1:]:
        raise InputError(
            "a slice alone does not say reliably where in the patient it lies, so two of them may "
            "show different places; leave the pair out",
            code="E-EVAL-005",
        )
    found: frozenset[str] = getattr(predictor, "groups", frozenset(REPORT_GROUPS))
    groups = [name for name in REPORT_GROUPS if name in found]
    masks = [group_masks(_plain(predictor(image)), groups) for image in (first, second)]
    scores: Rows = []
    for group in groups:
        pair = MaskPair(masks[0][group], masks[1][group], spacing_mm=spacing_of(first))
        for name in _METRICS:
            value, unit = METRICS[name].function(pair), METRICS[name].unit
            scores.append({"structure": group, "metric": name, "value": value, "unit": unit})
    return scores


def _plain(codes: Tensor) -> Tensor:
    return (codes.as_tensor() if isinstance(codes, MetaTensor) else codes).detach().cpu()


def _named(first: Case, second: Case) -> dict[str, object]:
    return {
        "case_id": f"{first.case_id}+{second.case_id}",
        "contrast": f"{first.contrast}+{second.contrast}",
    }


def _identify(first: Case, second: Case) -> dict[str, object]:
    return {"patient_id": first.patient_id, "source": first.source, **_named(first, second)}
