"""How a score falls with the resolution of the image.

Two separate tests, because anatomy suffers differently: larger voxels within
the slices, and thicker slices. Images are degraded and interpolated back, so
that every prediction is scored against the original reference on its own grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
from monai.data.meta_tensor import MetaTensor

from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase, load_case
from spinesynth.kernels.resolution import degrade_resolution
from spinesynth.metrics import HEADLINE_METRICS
from spinesynth.pipelines.evaluate import (
    FAILURE_COLUMNS,
    LONG_COLUMNS,
    CaseResult,
    Evaluation,
    Predictor,
    concatenate,
    evaluate_cases,
)
from spinesynth.pipelines.severity_summary import severity_summary

IN_PLANE = "in_plane_factor"
THROUGH_PLANE = "through_plane_factor"
DEFAULT_FACTORS = (1.0, 2.0, 3.0, 4.0)
#: Rows that record the voxel size reached, beside the scores of the same case.
IMAGE, RESOLUTION = "image", "resolution"

_THICK = 1.5  # slices this much thicker than the pixels are wide are the acquisition's slices


def slice_axis(shape: Sequence[int], spacing_mm: Sequence[float]) -> int:
    """Return the axis across the slices of an acquisition.

    Args:
        shape: number of voxels along I, J, K.
        spacing_mm: distance of voxel centres along I, J, K.

    Returns:
        The axis with a single slice; else the one whose spacing is more than
        1.5 times both others; else 0, as lumbar scans are sagittal.
    """
    if 1 in shape:
        return list(shape).index(1)
    thickest = max(range(3), key=lambda axis: spacing_mm[axis])
    others = [step for axis, step in enumerate(spacing_mm) if axis != thickest]
    return thickest if spacing_mm[thickest] > _THICK * max(others) else 0


def evaluate_robustness(
    predictor: Predictor,
    cases: Sequence[Case],
    *,
    run: str,
    model: str,
    factors: Sequence[float] = DEFAULT_FACTORS,
    on_case: Callable[[CaseResult], None] | None = None,
    loader: Callable[[Case], LoadedCase] = load_case,
) -> Evaluation:
    """Score a predictor at falling in-plane and through-plane resolution.

    Args:
        predictor: model to score.
        cases: with image and label map each; each is read once.
        run: name of the run, for the table.
        model: name of the model, for the table.
        factors: coarse over original voxel size, each at least 1; the original
            (1) is always scored, as everything is compared with it.
        on_case: called after each scored case and condition.
        loader: reads a case.

    Returns:
        Scores of the headline metrics, and one row for each case and condition with
        structure ``image``, metric ``resolution``: the voxel size reached, mm. A
        factor that leaves less than two voxels along an axis is left out: a
        single slice has no through-plane resolution to lose. A case whose
        original cannot be scored appears once among the failures.

    Raises:
        ValueError: if a factor is below 1 or not finite.
    """
    if not all(math.isfinite(factor) and factor >= 1 for factor in factors):
        raise ValueError(f"factors must be finite and >= 1 (coarse over fine), got {list(factors)}")
    steps = sorted({1.0, *(float(factor) for factor in factors)})
    evaluate = partial(evaluate_cases, predictor, run=run, model=model, metrics=HEADLINE_METRICS)
    parts: list[Evaluation] = []
    for case in cases:
        parts.extend(_evaluate_case(evaluate, case, steps, on_case, loader))
    return Evaluation(
        concatenate([part.table for part in parts], LONG_COLUMNS),
        concatenate([part.failures for part in parts], FAILURE_COLUMNS),
    )


def _evaluate_case(
    evaluate: Callable[..., Evaluation],
    case: Case,
    steps: Sequence[float],
    on_case: Callable[[CaseResult], None] | None,
    loader: Callable[[Case], LoadedCase],
) -> list[Evaluation]:
    """Score one case in every condition that applies to it."""
    read: list[LoadedCase] = []
    seen: list[CaseResult] = []

    def load_once(case: Case) -> LoadedCase:
        if not read:
            read.append(loader(case))
        return read[0]

    def keep(result: CaseResult) -> None:
        seen.append(result)
        if on_case is not None:
            on_case(result)

    original = evaluate([case], condition=IN_PLANE, severity=1.0, on_case=keep, loader=load_once)
    if not seen:
        return [original]
    parts = []
    for condition, axes in _conditions(seen[0]).items():
        for factor in _applicable(steps, [seen[0].reference.shape[axis] for axis in axes]):
            part = original
            if factor > 1:
                part = evaluate(
                    [case], condition=condition, severity=factor, on_case=on_case,
                    loader=load_once, prepare=partial(_degrade, factor=factor, axes=axes),
                )  # fmt: skip
            spacing_mm = factor * sum(seen[0].spacing_mm[axis] for axis in axes) / len(axes)
            parts.append(_with_resolution(part, condition, spacing_mm))
    return parts


def _conditions(result: CaseResult) -> dict[str, tuple[int, ...]]:
    """Return the axes that each condition degrades."""
    across = slice_axis(tuple(result.reference.shape), result.spacing_mm)
    return {
        IN_PLANE: tuple(axis for axis in range(3) if axis != across),
        THROUGH_PLANE: (across,),
    }


def _applicable(steps: Sequence[float], sizes: Sequence[int]) -> list[float]:
    """Return the factors that leave at least two voxels along every degraded axis."""
    return [factor for factor in steps if round(min(sizes) / factor) >= 2]


def _degrade(image: MetaTensor, *, factor: float, axes: tuple[int, ...]) -> MetaTensor:
    """Degrade an image along some of its axes and keep its grid."""
    factors = tuple(factor if axis in axes else 1.0 for axis in range(3))
    degraded = degrade_resolution(image.as_tensor()[None], factor=factors)[0]
    return MetaTensor(degraded, meta=dict(image.meta))


def _with_resolution(part: Evaluation, condition: str, spacing_mm: float) -> Evaluation:
    """Name the condition of a part and add the voxel size it reached."""
    table = part.table.assign(condition=condition)
    record = table.head(1).assign(structure=IMAGE, metric=RESOLUTION, value=spacing_mm, unit="mm")
    return Evaluation(concatenate([table, record], LONG_COLUMNS), part.failures)


def robustness_summary(table: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return how much Dice each model keeps at each severity.

    A degraded mean is compared with the original mean of the same patients.

    Args:
        table: from :func:`evaluate_robustness`, of any number of models.
        seed: of the bootstrap interval of Dice.

    Returns:
        One row for each model, structure, condition and severity: mean
        ``resolution_mm``, mean ``dice`` with its 95 % interval ``low, high``,
        ``robustness_score`` = degraded / original (NaN if the original is 0),
        ``absolute_drop`` = original - degraded, ``n_patients``.

    Example:
        A mean Dice of 0.9 that falls to 0.6 has the score 0.667 and the drop 0.3.
    """
    summary = severity_summary(table, original=1.0, record=RESOLUTION, seed=seed)
    return summary.rename(columns={"level": "resolution_mm"})
