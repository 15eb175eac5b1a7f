"""Doubt held against the truth."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from spinesynth.errors import CheckpointError
from spinesynth.io.tables import read_ids_csv
from spinesynth.pipelines.doubt_agreement import compare_by_patient
from spinesynth.pipelines.fit_quality import fit_quality_model
from spinesynth.pipelines.measure_doubt import DoubtTest, run_doubt_test
from spinesynth.pipelines.write_phantoms import write_phantom_dataset
from tests.pipelines.tiny_checkpoint import write_checkpoint


def row(patient: str, predicted: float, true: float, source: str = "x") -> dict[str, object]:
    return {
        "case_id": f"{patient}{true}", "patient_id": patient, "source": source, "contrast": "T2",
        "condition": "standard", "structure": "disc", "predicted_dice": predicted, "dice": true,
        "dice_in_extent": true,
    }  # fmt: skip


def test_patients_are_averaged_before_they_are_compared() -> None:
    table = pd.DataFrame(
        [
            row("a", 0.8, 0.6), row("a", 0.6, 0.8),  # mean 0.7 and 0.7
            row("b", 0.9, 0.8), row("c", 0.5, 0.6, "y"),
            row("d", float("nan"), 0.1),  # not found: nothing was predicted
        ]
    )  # fmt: skip
    found = compare_by_patient(table).set_index("source")
    together = found.loc["all"]
    assert (together["n_patients"], together["n_cases"]) == (3, 4)
    assert together["spearman"] == 1
    assert together["mean_absolute_error"] == pytest.approx((0.0 + 0.1 + 0.1) / 3)
    assert together["bias"] == pytest.approx(0, abs=1e-12)  # float64 rounding
    assert found.loc["x", "n_patients"] == 2
    assert found["spearman"].isna().loc["y"]


def test_missing_quality_model_is_refused(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match="is no quality model"):
        run_doubt_test(weights, data=tmp_path, folder=tmp_path / "out")


@pytest.mark.slow
def test_a_network_is_learnt_about_and_tested(tmp_path: Path) -> None:
    weights = write_checkpoint(tmp_path / "net.pt")
    path, model = fit_quality_model(weights, phantoms=20, seed=1)
    assert path == tmp_path / "net.quality.json"
    assert model.phantoms == 20
    assert set(model.hits) == {"negative", "upside_down", "turned", "noise_alone", "flank"}
    data = write_phantom_dataset(
        tmp_path / "data", patients=2, seed=2, contrasts=("T2",), shape=(6, 64, 64)
    )
    asked = DoubtTest(slices=2, spoilt=1)
    run_doubt_test(weights, data=data, folder=tmp_path / "out", asked=asked)
    scores = read_ids_csv(tmp_path / "out" / "tables" / "doubt.csv")
    flags = read_ids_csv(tmp_path / "out" / "tables" / "doubt_flags.csv")
    assert sorted(set(scores["patient_id"])) == ["phantom001", "phantom002"]
    # two scans, and four ways to spoil the first
    assert len(flags) == 6
    # a network that was never trained is right about nothing
    assert all(flags["flags"].str.len() > 0)
