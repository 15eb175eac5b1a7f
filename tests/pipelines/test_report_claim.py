"""The checklist is filled from the record, and says where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spinesynth.pipelines.report_answers import ANSWERS, BY_AUTHORS
from spinesynth.pipelines.report_claim import CLAIM_ITEMS, fill_claim
from spinesynth.pipelines.results import Results, read_results
from tests.pipelines.fabricated_run import write_run, write_scores

#: Nothing that a program records answers these.
OF_AUTHORS = {1, 2, 3, 4, 5, 8, 11, 13, 14, 15, 16, 17, 18, 31, 34, 36, 38, 41, 44}
RECORD: dict[str, Any] = {
    "seed": 42, "spinesynth": "0.1.0", "python": "3.11.7", "packages": {"torch": "2.13.0"},
    "command": "make run", "commit": "abc", "parameters": {"A": 1948214},
    "config": {
        "description": "synthetic against real", "models": ["A", "B"], "target_scheme": "spine6",
        "data": {
            "train_sources": ["spider_t2space"], "split_seed": 3, "test_patients": 7,
            "val_patients": 1, "include_sources": None, "max_train_patients": 5,
        },
        "network": {"base_features": 16},
        "training": {"steps": 2400, "batch_size": 8, "spacing_mm": 1.0, "patch_size": [192, 160]},
    },
}  # fmt: skip


def _answers(results: Results) -> dict[int, str]:
    table = fill_claim(results)
    assert table is not None
    return {int(item): answer for item, answer in zip(table["Item"], table["Answer"], strict=True)}


def _complete(folder: Path) -> Results:
    found = read_results(write_run(folder / "run"))
    return Results(**(vars(found) | {"manifest": RECORD}))


def test_the_update_of_2024_has_44_items() -> None:
    assert len(CLAIM_ITEMS) == 44
    assert set(ANSWERS) == set(range(1, 45)) - OF_AUTHORS


def test_a_complete_record_fills_the_rest(tmp_path: Path) -> None:
    answers = _answers(_complete(tmp_path))
    assert {item for item, answer in answers.items() if answer == BY_AUTHORS} == OF_AUTHORS


def test_answers_are_those_of_the_record(tmp_path: Path) -> None:
    answers = _answers(_complete(tmp_path))
    assert answers[7] == (
        "training and validation: spider_t2space; tested only: bodies, two_contrasts"
    )
    assert answers[9].startswith("resampled to 1.0 mm; patches of 192 × 160 voxels")
    assert answers[10] == "data.max_train_patients 5"
    assert answers[12].endswith("0 of 68 Dice undefined and left out; 1 failure (see Failures)")
    assert "7 test and 1 validation patients of spider_t2space" in answers[19]
    assert "patients in two parts: checked, none" in answers[20]
    assert answers[22] == "base_features 16; classes of spine6; parameters of model A: 1,948,214"
    assert answers[23] == "spinesynth 0.1.0; Python 3.11.7; torch 2.13.0"
    assert answers[24] == "random, seed 42"
    assert answers[25].startswith("models trained: A, B; steps 2400; batch_size 8")
    assert "Holm" in answers[29]
    assert answers[30].startswith(
        "in_plane_factor, noise, through_plane_factor, through_plane_resolution, on 10 patients"
    )
    assert answers[32].endswith("sources that trained: spider_t2space 7")
    assert answers[33] == "patients of other sources: bodies 1, two_contrasts 3"
    assert "commit abc" in answers[43]


def test_starts_folds_and_votes_are_told(tmp_path: Path) -> None:
    record = RECORD | {
        "folds": 5, "started_from": [{"path": "a.pt", "sha256": "12"}],
        "checkpoint_steps": [10, 10], "weighting": "mean",
        "final_choice": {"A": {"chosen": 20, "basis": "real scans"}},
    }  # fmt: skip
    answers = _answers(Results(**(vars(_complete(tmp_path)) | {"manifest": record})))
    assert answers[19].startswith("5 folds by patient")
    assert answers[24] == "weights of the checkpoint a.pt (SHA-256 12)"
    assert answers[26] == "among the kept checkpoints: A by step 20 on real scans"
    assert answers[27] == "2 networks vote, weighting mean"


def test_scores_alone_leave_the_record_to_the_authors(tmp_path: Path) -> None:
    answers = _answers(read_results(write_scores(tmp_path / "few")))
    for item in (6, 9, 10, 19, 22, 23, 24, 25, 26, 30, 32, 33, 42, 43):
        assert answers[item] == BY_AUTHORS, item
    assert answers[7] == "tested: two_contrasts"
    assert answers[28] == "Dice, HD95 (mm)"


def test_nothing_fills_nothing() -> None:
    assert fill_claim(Results(Path(), None, None, None, {}, None)) is None
