"""Score label maps that tell one vertebra or disc from another, instance by instance.

Both sides are cases with label maps that count, such as SPIDER's masks, a manifest
with instance maps, or the phantom's truth. A network of this package names
structures and counts nothing: its predictions need instances from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.annotation import report_groups
from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.structures import REPORT_GROUPS
from spinesynth.errors import InputError
from spinesynth.io.align import check_same_grid
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase, load_case
from spinesynth.metrics import (
    INSTANCE_METRICS,
    InstanceMatching,
    identification_rate,
    match_instances,
    score_instances,
)
from spinesynth.metrics.instances import MatchRule
from spinesynth.pipelines.evaluate import (
    CASE_ERRORS,
    FAILURE_COLUMNS,
    LONG_COLUMNS,
    failure_row,
    identify_case,
    refuse_duplicates,
    spacing_of,
)

#: Columns of a table of instances; ``predicted_instance`` 0 is a missed one.
INSTANCE_COLUMNS = (
    *LONG_COLUMNS[: LONG_COLUMNS.index("metric")],
    "reference_instance", "predicted_instance", "metric", "value", "unit",
)  # fmt: skip
#: Report groups of which there are several.
KINDS = ("vertebra", "body", "disc")

_METRICS = ("dice", "hd95", "assd", "centre_error")
_OF_DISCS = ("disc_height_error",)
_LOADER = partial(load_case, need_image=False)

Instances = npt.NDArray[np.uint8]
Rows = list[dict[str, object]]


class InstanceEvaluation(NamedTuple):
    """Hold what was measured on instances.

    Attributes:
        cases: one number for each case and kind, columns ``LONG_COLUMNS``:
            ``detection_rate``, ``identification_rate``, ``false_negatives`` and
            ``false_positives``.
        instances: one number for each reference instance, columns
            :data:`INSTANCE_COLUMNS`, ready for ``pool_instances``.
        failures: columns ``FAILURE_COLUMNS``, one row for each case that failed.
    """

    cases: pd.DataFrame
    instances: pd.DataFrame
    failures: pd.DataFrame


def evaluate_instances(
    predictions: Sequence[Case],
    references: Sequence[Case],
    *,
    run: str,
    model: str,
    metrics: Sequence[str] = _METRICS,
    rule: MatchRule = "one_to_one",
    loader: Callable[[Case], LoadedCase] = _LOADER,
) -> InstanceEvaluation:
    """Score predicted against reference instances, paired by case id.

    The level of an instance is its upward count (1 = lowest), on both sides.

    Args:
        predictions: with a label map that counts, on the reference's grid.
        references: the same.
        run: name of the run, for the tables.
        model: name of the model, for the tables.
        metrics: keys of ``INSTANCE_METRICS``; discs get the error of their
            height too.
        rule: of :func:`~spinesynth.metrics.match_instances`.
        loader: reads a label map.

    Returns:
        Tables of cases, instances and failures, in the order of ``references``.

    Raises:
        InputError: if case ids are given twice, or stand on one side alone;
            lists all of them.
    """
    _refuse_unpaired(predictions, references)
    predicted = {case.case_id: case for case in predictions}
    labels = {"run": run, "model": model, "condition": "standard", "severity": 1.0}
    cases: Rows = []
    instances: Rows = []
    failures: Rows = []
    for case in references:
        known = labels | identify_case(case) | {"patient_id": case.patient_id}
        try:
            pair = _Pair.of(loader(predicted[case.case_id]), loader(case))
            scored = [_score_kind(pair, kind, metrics, rule) for kind in pair.kinds]
        except CASE_ERRORS as error:
            failures.append(failure_row(case, labels, error))
            continue
        for of_case, of_instances in scored:
            cases += [known | row for row in of_case]
            instances += [known | row for row in of_instances]
    return InstanceEvaluation(
        pd.DataFrame(cases, columns=list(LONG_COLUMNS)),
        pd.DataFrame(instances, columns=list(INSTANCE_COLUMNS)),
        pd.DataFrame(failures, columns=list(FAILURE_COLUMNS)),
    )


class _Pair(NamedTuple):
    """Hold both label maps of a case on one grid, and the kinds that are scored."""

    prediction: LoadedCase
    reference: LoadedCase
    kinds: tuple[str, ...]
    spacing_mm: tuple[float, float, float]

    @classmethod
    def of(cls, prediction: LoadedCase, reference: LoadedCase) -> _Pair:
        """Check that two loaded cases can be compared."""
        name = reference.case.case_id
        if prediction.structure is None or reference.structure is None:
            raise InputError(
                f"case {name} needs a label map on both sides; leave it out or complete it",
                code="E-CASE-001",
            )
        check_same_grid(
            reference.structure, prediction.structure,
            remedy="put the prediction back on the reference's grid",
        )  # fmt: skip
        known = set(report_groups(prediction.case.annotated))
        annotated = report_groups(reference.case.annotated)
        kinds = tuple(kind for kind in KINDS if kind in annotated and kind in known)
        if not kinds:
            raise InputError(
                f"case {name} has none of {', '.join(KINDS)} on both sides: the reference "
                f"annotates {', '.join(annotated)}; leave it out",
                code="E-EVAL-002",
            )
        return cls(prediction, reference, kinds, spacing_of(reference.structure))

    def maps(self, kind: str) -> tuple[Instances, Instances]:
        """Return the predicted and the reference instances of a kind."""
        return _instances(self.prediction, kind), _instances(self.reference, kind)


def _instances(loaded: LoadedCase, kind: str) -> Instances:
    """Return the instance map of a kind, refusing a structure that nobody counted.

    What a scheme that counts gives no level (a tool's endplates) is left out.
    """
    assert loaded.structure is not None  # the pair was checked
    structure = _plain(loaded.structure)
    there = np.isin(structure, sorted(REPORT_GROUPS[kind]))
    counts = np.zeros_like(structure) if loaded.instance is None else _plain(loaded.instance)
    if (there & (counts == 0)).any() and not _scheme_counts(loaded.case, kind):
        raise InputError(
            f"case {loaded.case.case_id}: the {kind} of {loaded.case.label} is not counted; give "
            "an instance map, or a label map in a scheme that counts such as spider",
            code="E-LAB-004",
        )
    return np.where(there, counts, 0).astype(np.uint8)


def _scheme_counts(case: Case, kind: str) -> bool:
    """Say whether the label map alone tells one of a kind from another."""
    return case.instances is None and any(
        code.instance is not None and code.structure in REPORT_GROUPS[kind]
        for code in get_scheme(case.scheme).codes.values()
    )


def _plain(volume: MetaTensor) -> Instances:
    """Return the values of a map ``(1, I, J, K)`` as an array ``(I, J, K)``."""
    return np.asarray(volume.as_tensor()[0].numpy())


def _score_kind(
    pair: _Pair, kind: str, metrics: Sequence[str], rule: MatchRule
) -> tuple[Rows, Rows]:
    """Return the rows of a case and of its instances for one kind."""
    prediction, reference = pair.maps(kind)
    matching = match_instances(prediction, reference, rule=rule)
    wanted = (*metrics, *(_OF_DISCS if kind == "disc" else ()))
    scores = score_instances(
        prediction, reference, matching, spacing_mm=pair.spacing_mm, metrics=wanted
    )
    instances: Rows = [
        {
            "structure": kind, "reference_instance": score.reference,
            "predicted_instance": score.prediction or 0,
            "metric": name, "value": value, "unit": INSTANCE_METRICS[name].unit,
        }
        for score in scores
        for name, value in score.values.items()
    ]  # fmt: skip
    cases: Rows = [
        {"structure": kind, "metric": name, "value": value, "unit": "1"}
        for name, value in _count(matching).items()
    ]
    return cases, instances


def _count(matching: InstanceMatching) -> Mapping[str, float]:
    """Return what is counted in a case; levels are the upward counts themselves."""
    predicted = (*(match.prediction for match in matching.matches), *matching.invented)
    expected = (*(match.reference for match in matching.matches), *matching.missed)
    return {
        "detection_rate": matching.detection_rate,
        "identification_rate": identification_rate(
            matching,
            prediction_levels=_named(predicted),
            reference_levels=_named(expected),
        ),
        "false_negatives": float(len(matching.missed)),
        "false_positives": float(len(matching.invented)),
    }


def _named(instances: Iterable[int]) -> dict[int, int]:
    """Return each instance with its upward count as the name of its level."""
    return {number: number for number in instances}


def _refuse_unpaired(predictions: Sequence[Case], references: Sequence[Case]) -> None:
    """Raise if a case stands twice, or on one side alone."""
    refuse_duplicates(predictions)
    refuse_duplicates(references)
    given = {case.case_id for case in predictions}
    wanted = {case.case_id for case in references}
    problems = [
        f"{what}: {', '.join(sorted(names))}"
        for what, names in (
            ("no prediction of", wanted - given),
            ("no reference of", given - wanted),
        )
        if names
    ]
    if problems:
        raise InputError(
            f"predictions and references must be of the same cases, got {'; '.join(problems)}; "
            "name the same cases on both sides",
            code="E-CASE-001",
        )
