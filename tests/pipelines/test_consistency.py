"""Two contrasts of one patient are compared with each other, without any label."""

from __future__ import annotations

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.io.case import Case
from spinesynth.pipelines.consistency import evaluate_consistency, pair_contrasts
from spinesynth.pipelines.evaluate import LONG_COLUMNS
from tests.pipelines.fabricated import make_case, make_loaded, read_codes, read_codes_shifted

T1, T2 = (make_case(f"p_{c}", patient_id="p", contrast=c) for c in ("T1", "T2"))


def _read(case: Case) -> MetaTensor:
    """Read the boxes; those of T2 are 100 brighter, so that a predictor can tell."""
    image = make_loaded(case).image
    assert image is not None
    if case.contrast == "T1":
        return image
    return MetaTensor(image.as_tensor() + 100.0, affine=image.affine)


def _predict(image: MetaTensor) -> Tensor:
    """Find the boxes of T1, and those of T2 one voxel too far anterior."""
    if float(image.max()) < 50:
        return read_codes(image)
    return read_codes_shifted(MetaTensor(image.as_tensor() - 100.0, affine=image.affine))


def test_agreement_of_shifted_predictions_by_hand() -> None:
    found = evaluate_consistency(_predict, [T1, T2], run="r", model="A", reader=_read)
    assert list(found.table.columns) == list(LONG_COLUMNS)
    assert found.failures.empty
    dice = found.table[found.table["metric"] == "dice"].set_index("structure")["value"]
    # boxes of 4 voxels along the shift, of which 3 are common
    assert dice[["body", "disc", "canal"]].tolist() == [0.75] * 3
    assert dice[["sacrum"]].isna().all()  # found in neither
    row = found.table.iloc[0]
    assert (row["case_id"], row["contrast"]) == ("p_T1+p_T2", "T1+T2")
    assert (row["condition"], row["patient_id"]) == ("consistency", "p")
    assert set(found.table["metric"]) == {"dice", "hd95"}


def test_pairs_are_of_one_patient_and_source_with_two_known_contrasts() -> None:
    cases = [
        T2, T1,
        make_case("q_T1", patient_id="q", contrast="T1"),
        make_case("p_other", patient_id="p", contrast="PD", source="elsewhere"),
        make_case("p_none", patient_id="p", contrast=""),
        make_case("p_T1b", patient_id="p", contrast="T1"),
    ]  # fmt: skip
    pairs = [(a.case_id, b.case_id) for a, b in pair_contrasts(cases)]
    assert pairs == [("p_T1", "p_T2"), ("p_T1b", "p_T2")]


def test_scans_on_other_grids_are_failures_that_stop_nobody() -> None:
    second = [make_case(f"q_{c}", patient_id="q", contrast=c) for c in ("T1", "T2")]

    def read(case: Case) -> MetaTensor:
        spacing = (4.0, 1.0, 2.5) if case.case_id == "p_T2" else (4.0, 1.0, 2.0)
        image = make_loaded(case, spacing_mm=spacing).image
        assert image is not None
        return image

    found = evaluate_consistency(read_codes, [T1, T2, *second], run="r", model="A", reader=read)
    assert set(found.table["case_id"]) == {"q_T1+q_T2"}
    (failure,) = found.failures.to_dict("records")
    assert (failure["case_id"], failure["code"]) == ("p_T1+p_T2", "E-EVAL-005")
    assert "must be on one grid" in failure["message"]
    dice = found.table[found.table["metric"] == "dice"]["value"].dropna()
    assert torch.tensor(dice.tolist()).eq(1).all()


def test_single_slices_are_left_out_as_nobody_knows_where_they_lie() -> None:
    def read(case: Case) -> MetaTensor:
        image = make_loaded(case, shape=(1, 16, 24)).image
        assert image is not None
        return image

    found = evaluate_consistency(read_codes, [T1, T2], run="r", model="A", reader=read)
    assert found.table.empty
    assert found.failures["message"].str.contains("a slice alone").tolist() == [True]
