"""Instances are scored where both sides count them, by kind, case and instance."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.structures import Structure
from spinesynth.errors import InputError
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import LoadedCase
from spinesynth.metrics import pool_instances
from spinesynth.pipelines.evaluate import FAILURE_COLUMNS, LONG_COLUMNS
from spinesynth.pipelines.instance_evaluation import (
    INSTANCE_COLUMNS,
    InstanceEvaluation,
    evaluate_instances,
)
from spinesynth.pipelines.write_phantoms import write_phantom_dataset
from tests.pipelines.fabricated import make_case

SPACING_MM = (4.0, 1.0, 1.0)
SPINE = frozenset({"vertebra", "disc"})


def _make(case: Case) -> LoadedCase:
    """Load three vertebrae of 8 voxels' height and three discs of 4 below them."""
    structure = torch.zeros(1, 4, 24, 40, dtype=torch.uint8)
    instance = torch.zeros_like(structure)
    for number in (1, 2, 3):
        low = 2 + 12 * (number - 1)
        for part, code in ((slice(low, low + 4), Structure.DISC),
                           (slice(low + 4, low + 12), Structure.VERTEBRA)):  # fmt: skip
            structure[:, :, 6:18, part] = int(code)
            instance[:, :, 6:18, part] = number
    affine = torch.diag(torch.tensor([*SPACING_MM, 1.0], dtype=torch.float64))
    meta = {"source_path": Path(f"{case.case_id}.mha")}
    return LoadedCase(
        case,
        None,
        MetaTensor(structure, affine=affine, meta=meta),
        MetaTensor(instance, affine=affine),
    )


def _case(name: str = "a", annotated: frozenset[str] = SPINE) -> Case:
    return make_case(name, annotated=annotated)


def _predicted(case: Case) -> Case:
    return replace(case, scheme="spider")  # how the loaders below know it from the reference


def _compare(change: str) -> InstanceEvaluation:
    """Score a case whose prediction is the reference, changed."""

    def load(case: Case) -> LoadedCase:
        loaded = _make(case)
        assert loaded.structure is not None
        assert loaded.instance is not None
        if case.scheme == "spider":
            structure, instance = loaded.structure, loaded.instance
            disc = structure == Structure.DISC
            if change == "renumbered":
                instance[instance > 0] += 1
            elif change == "highest disc lost":
                structure[disc & (instance == 3)] = 0
            elif change == "lowest disc higher":
                structure[:, :, 6:18, 1], instance[:, :, 6:18, 1] = int(Structure.DISC), 1
            elif change == "uncounted":
                instance[disc] = 0
            elif change == "elsewhere":
                structure.affine = structure.affine + torch.eye(4, dtype=torch.float64)
        return loaded

    case = _case()
    predicted = _predicted(case)
    if change == "uncounted":  # a file should have counted them, not the scheme
        predicted = replace(predicted, instances=Path("a_instances.mha"))
    return evaluate_instances([predicted], [case], run="r", model="m", loader=load)


def _value(table: pd.DataFrame, structure: str, metric: str) -> list[float]:
    chosen = table[(table["structure"] == structure) & (table["metric"] == metric)]
    return [float(value) for value in chosen["value"]]


@pytest.mark.parametrize("spider", [True, False])
def test_truth_of_phantoms_scores_perfectly_against_itself(tmp_path: Path, spider: bool) -> None:
    folder = write_phantom_dataset(
        tmp_path, patients=1, seed=5, shape=(3, 48, 56), spacing_mm=(8.0, 4.0, 4.0),
        spider=spider, contrasts=("T1",),
    )  # fmt: skip
    cases = discover_cases(folder)
    table, instances, failures = evaluate_instances(cases, cases, run="r", model="truth")
    assert failures.empty
    kinds = ["vertebra", "disc"] if spider else ["vertebra", "body", "disc"]
    assert table["structure"].unique().tolist() == kinds
    assert tuple(table.columns) == LONG_COLUMNS
    assert tuple(instances.columns) == INSTANCE_COLUMNS
    for kind in kinds:
        assert _value(table, kind, "detection_rate") == [1.0]
        assert _value(table, kind, "identification_rate") == [1.0]
        assert _value(table, kind, "false_positives") == [0.0]
        assert len(_value(instances, kind, "dice")) > 2
    best = {"dice": 1.0, "hd95": 0.0, "centre_error": 0.0, "disc_height_error": 0.0}
    for metric, value in best.items():
        assert set(instances.loc[instances["metric"] == metric, "value"]) == {value}
    assert instances["reference_instance"].tolist() == instances["predicted_instance"].tolist()


def test_instances_off_by_one_level_are_found_and_not_identified() -> None:
    table, instances, _ = _compare("renumbered")
    for kind in ("vertebra", "disc"):
        assert _value(table, kind, "detection_rate") == [1.0]
        assert _value(table, kind, "identification_rate") == [0.0]
        assert _value(instances, kind, "dice") == [1.0, 1.0, 1.0]
    discs = instances[(instances["structure"] == "disc") & (instances["metric"] == "dice")]
    assert discs["predicted_instance"].tolist() == [2, 3, 4]


def test_a_lost_disc_costs_in_its_kind_alone() -> None:
    table, instances, _ = _compare("highest disc lost")
    assert _value(table, "disc", "detection_rate") == [pytest.approx(2 / 3)]
    assert _value(table, "disc", "false_negatives") == [1.0]
    assert _value(table, "vertebra", "detection_rate") == [1.0]
    assert _value(instances, "disc", "dice") == [1.0, 1.0, 0.0]
    # 4 x 4 mm, 24 and 40 mm
    assert _value(instances, "disc", "hd95")[2] == pytest.approx(math.sqrt(16**2 + 24**2 + 40**2))
    assert math.isnan(_value(instances, "disc", "disc_height_error")[2])
    lost = instances[(instances["reference_instance"] == 3) & (instances["structure"] == "disc")]
    assert set(lost["predicted_instance"]) == {0}


def test_height_of_discs_is_compared_in_mm() -> None:
    _, instances, _ = _compare("lowest disc higher")
    assert _value(instances, "disc", "disc_height_error") == pytest.approx(
        [1.0, 0.0, 0.0], abs=1e-9
    )
    assert _value(instances, "disc", "centre_error") == pytest.approx([0.5, 0.0, 0.0])
    assert _value(instances, "vertebra", "disc_height_error") == []


def test_tables_of_instances_pool_in_both_ways() -> None:
    _, instances, _ = _compare("highest disc lost")
    dice = instances[instances["metric"] == "dice"]
    pooled = pool_instances(dice, ["model", "structure", "metric"])
    discs = pooled[pooled["structure"] == "disc"]
    assert discs["mean"].tolist() == pytest.approx([2 / 3, 2 / 3])  # one case: no difference
    assert discs["n_instances"].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ("uncounted", "E-LAB-004", "the disc of a_label.mha is not counted"),
        ("elsewhere", "E-GEOM-003", "not on the grid of"),
    ],
)
def test_what_cannot_be_compared_is_a_failure(change: str, code: str, message: str) -> None:
    table, instances, failures = _compare(change)
    assert table.empty
    assert instances.empty
    assert tuple(failures.columns) == FAILURE_COLUMNS
    assert failures["code"].tolist() == [code]
    assert message in failures["message"].iloc[0]


def test_kinds_that_a_source_does_not_annotate_are_not_scored() -> None:
    case = _case(annotated=frozenset({"disc"}))
    table = evaluate_instances([case], [case], run="r", model="m", loader=_make).cases
    assert table["structure"].unique().tolist() == ["disc"]
    canal = _case(annotated=frozenset({"canal"}))
    failures = evaluate_instances([canal], [canal], run="r", model="m", loader=_make).failures
    assert failures["code"].tolist() == ["E-EVAL-002"]


def test_cases_without_a_partner_are_all_listed() -> None:
    names = [[_case(name) for name in side] for side in ("abx", "cdx")]
    with pytest.raises(InputError, match="no prediction of: c, d; no reference of: a, b;"):
        evaluate_instances(*names, run="r", model="m", loader=_make)
    with pytest.raises(InputError, match="case_id must be unique, got a more than once"):
        evaluate_instances([_case(), _case()], [_case()], run="r", model="m", loader=_make)
