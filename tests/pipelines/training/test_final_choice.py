"""The last word on which checkpoint is best: whole real scans, or it says there is none."""

from __future__ import annotations

import math
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint, load_training_state
from spinesynth.io.load_case import load_case
from spinesynth.pipelines import final_choice
from spinesynth.pipelines.checkpoint_shelf import CheckpointShelf, checkpoint_path
from spinesynth.pipelines.evaluate import evaluate_cases
from spinesynth.pipelines.final_choice import CHOICE_COLUMNS, FinalChoice
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.results import choice_csv
from spinesynth.pipelines.training_state import Reached, state_path
from tests.pipelines.tiny_training import Make, Snapshots, differences, set_scores, tiny_config

_DICE = [0.3, 0.2, 0.9]  # of the samples: they prefer the third
_CONFIG = tiny_config(steps=3, validate_every=1, keep_last=3, final_choice="volumes")


def make_choice(folder: Path, scans: list[Case], model: str = "A") -> FinalChoice:
    shelf = CheckpointShelf(folder, model, _CONFIG.training)
    return FinalChoice(_CONFIG, model, shelf, scans)


def row(step: int, patient: str, scan: str, dice: float, note: str = "") -> dict[str, Any]:
    return {"step": step, "patient_id": patient, "case_id": scan, "value": dice, "note": note}


def failed(step: int, patient: str, scan: str) -> dict[str, Any]:
    return row(step, patient, scan, math.nan, "[E-IN-001] it could not be read")


nan = math.nan


@pytest.mark.parametrize(
    ("rows", "dice", "chosen"),
    [
        # a patient counts once, however many scans: (1 + 0)/2, not (1 + 0 + 0)/3
        (
            [row(1, "p", "a", 1), row(1, "q", "b", 0), row(1, "q", "c", 0), row(2, "p", "a", 0.4),
             row(2, "q", "b", 0.4), row(2, "q", "c", 0.4)],
            {1: 0.5, 2: 0.4}, 1,
        ),
        # a scan is the mean of its structures; one that is nowhere has none
        (
            [row(1, "p", "a", 0.2), row(1, "p", "a", 0.6), row(1, "p", "a", nan),
             row(2, "p", "a", 0.5), row(2, "p", "a", 0.5), row(2, "p", "a", nan)],
            {1: 0.4, 2: 0.5}, 2,
        ),
        # failed with one checkpoint: 0; failed with both: left out
        (
            [row(1, "p", "a", 0.8), failed(1, "q", "b"), failed(1, "r", "c"),
             row(2, "p", "a", 0.6), row(2, "q", "b", 0.6), failed(2, "r", "c")],
            {1: 0.4, 2: 0.6}, 2,
        ),
        # nowhere, and not predicted by one checkpoint: no Dice, which is no failure
        (
            [row(1, "p", "a", 0.5), row(1, "q", "b", nan), row(2, "p", "a", 0.6),
             row(2, "q", "b", 0.0)],
            {1: 0.5, 2: 0.3}, 1,
        ),
        ([row(2, "p", "a", 0.5), row(1, "p", "a", 0.5)], {1: 0.5, 2: 0.5}, 1),
    ],
    ids=["patients", "structures", "failures", "nowhere", "equal"],
)  # fmt: skip
def test_mean_goes_over_structures_scans_and_patients(
    cases: list[Case],
    tmp_path: Path,
    rows: list[dict[str, Any]],
    dice: dict[int, float],
    chosen: int,
) -> None:
    outcome = make_choice(tmp_path, cases).outcome(Reached(kept={1: 0.0, 2: 0.0}, choice=rows))
    assert outcome.dice == pytest.approx(dice)  # sums of floats
    assert (outcome.chosen, outcome.basis, outcome.note) == (chosen, "real scans", "")


@pytest.mark.parametrize("model", ["A", "B"])
def test_scans_that_all_fail_leave_the_choice_to_the_samples(
    cases: list[Case], tmp_path: Path, model: str
) -> None:
    reached = Reached(kept={1: 0.3, 2: 0.7}, choice=[failed(1, "p", "a"), failed(2, "p", "a")])
    outcome = make_choice(tmp_path, cases, model).outcome(reached)
    assert (outcome.chosen, outcome.dice) == (2, reached.kept)
    assert outcome.basis == {"A": "synthetic samples", "B": "sampled slices"}[model]
    assert "no real scan of a validation patient could be scored" in outcome.note


def test_scores_of_scans_that_are_gone_do_not_choose(tmp_path: Path) -> None:
    reached = Reached(kept={1: 0.3, 2: 0.7}, choice=[row(1, "p", "a", 0.9)])
    outcome = make_choice(tmp_path, []).outcome(reached)
    assert (outcome.chosen, outcome.basis) == (2, "synthetic samples")


def predict_well_after(monkeypatch: pytest.MonkeyPatch, case: Case, *, good: int) -> list[int]:
    """Let the checkpoint of one step predict without fault, the others nothing; list the calls."""
    structure, calls = load_case(case).structure, list[int]()
    assert structure is not None
    reference = structure.as_tensor()[0]

    def fake(path: Path) -> tuple[Callable[[MetaTensor], Tensor], object]:
        saved = load_checkpoint(path)
        calls.append(saved.step)
        right = saved.step == good
        return (lambda image: reference if right else torch.zeros_like(reference)), saved

    monkeypatch.setattr(final_choice, "load_predictor", fake)
    return calls


def train(make: Make, folder: Path, patch: pytest.MonkeyPatch, scans: list[Case]) -> None:
    trainer = make(folder, _CONFIG, scans=scans)
    set_scores(patch, trainer, _DICE)
    trainer.run(resume=True)


def test_whole_scans_overrule_the_samples_and_are_named(
    make: Make, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = cases[:1]
    assert predict_well_after(monkeypatch, scans[0], good=1) == []
    train(make, tmp_path, monkeypatch, scans)
    best, last = (load_checkpoint(checkpoint_path(tmp_path, "A", n)) for n in ("best", "last"))
    assert (best.step, best.selection) == (1, "real scans")
    assert (last.step, last.selection) == (3, "")
    assert scans[0].patient_id in best.seen_patients
    table = pd.read_csv(tmp_path / choice_csv("A"))
    assert tuple(table.columns) == CHOICE_COLUMNS
    assert set(table["basis"]) == {"real scans"}
    assert set(table["metric"]) == {"dice"}
    means = table[table["structure"] == "mean"].set_index("step")
    assert means["value"].to_dict() == {1: 1.0, 2: 0.0, 3: 0.0}
    assert means["chosen"].to_dict() == {1: 1, 2: 0, 3: 0}
    scored = table[table["structure"] != "mean"]
    assert set(scored["case_id"]) == {scans[0].case_id}
    # what the case annotates: whole vertebrae would count its bone twice
    assert set(scored["structure"]) == {"body", "disc", "canal", "posterior"}


def test_scores_are_those_of_an_evaluation(make: Make, cases: list[Case], tmp_path: Path) -> None:
    config = tiny_config(steps=1, final_choice="volumes")
    state = torch.random.get_rng_state()
    make(tmp_path, config, model="B", scans=cases[:1]).run()
    assert torch.equal(state, torch.random.get_rng_state())
    table = pd.read_csv(tmp_path / choice_csv("B")).set_index("structure")["value"].drop("mean")
    predictor, _ = load_predictor(checkpoint_path(tmp_path, "B", "last"))
    again = evaluate_cases(predictor, cases[:1], run="x", model="B").table
    dice = again[again["metric"] == "dice"].set_index("structure")["value"].drop("vertebra")
    # the table holds six digits
    pd.testing.assert_series_equal(table, dice, rtol=1e-5, check_dtype=False)


@pytest.mark.parametrize("model", ["A", "B"])
def test_without_a_real_scan_it_says_so_and_the_samples_decide(
    make: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    model: Any,  # noqa: ANN401 a name of the two
) -> None:
    trainer = make(tmp_path, _CONFIG, model=model)
    said = "falls back on the validation's .*: no validation patient has a real scan"
    assert re.search(said, caplog.text)  # before the first step
    caplog.clear()
    set_scores(monkeypatch, trainer, _DICE)
    trainer.run()
    assert re.search(said, caplog.text)  # and at the end
    best = checkpoint_path(tmp_path, model, "best")
    assert (load_checkpoint(best).step, load_checkpoint(best).selection) == (3, "")
    table = pd.read_csv(tmp_path / choice_csv(model)).set_index("step")
    assert table["value"].to_dict() == dict(enumerate(_DICE, start=1))
    assert set(table["basis"]) == {{"A": "synthetic samples", "B": "sampled slices"}[model]}
    assert set(table["note"]) == {"no validation patient has a real scan with a label map"}


def test_samples_decide_unless_told_otherwise(
    make: Make, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(final_choice, "load_predictor", lambda path: pytest.fail("it looked"))
    trainer = make(tmp_path, tiny_config(steps=1), scans=cases[:1])
    trainer.run()
    assert trainer.choice.scans == ()
    assert not (tmp_path / choice_csv("A")).exists()


def test_stopped_choice_goes_on_with_the_scores_it_has(
    make: Make, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        calls = predict_well_after(patch, cases[0], good=2)
        train(make, tmp_path / "whole", patch, cases[:1])
    assert calls == [1, 2, 3]
    assert len(snapshots.folders) == 1 + 3 + 3 + 1  # begun, validated, scored, chosen
    for number, left in ((4, [2, 3]), (6, []), (7, [])):
        calls = predict_well_after(monkeypatch, cases[0], good=2)
        train(make, snapshots.folders[number], monkeypatch, cases[:1])
        assert calls == left
        assert differences(tmp_path / "whole", snapshots.folders[number]) == []


def test_signal_stops_the_choice(
    make: Make, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = FinalChoice.score

    def interrupted(choice: FinalChoice, step: int) -> list[dict[str, Any]]:
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return score(choice, step)

    predict_well_after(monkeypatch, cases[0], good=1)
    with monkeypatch.context() as patch:
        patch.setattr(FinalChoice, "score", interrupted)
        with pytest.raises(SystemExit, match="143"):
            train(make, tmp_path, monkeypatch, cases[:1])
    saved = load_training_state(state_path(tmp_path, "A")).training
    assert saved is not None
    assert {row["step"] for row in saved["reached"]["choice"]} == {1}
    train(make, tmp_path, monkeypatch, cases[:1])
    assert load_checkpoint(checkpoint_path(tmp_path, "A", "best")).step == 1


def test_other_scans_are_another_choice(
    make: Make, cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_well_after(monkeypatch, cases[0], good=1)
    train(make, tmp_path, monkeypatch, cases[:1])
    with pytest.raises(ConfigError, match=r"E-RUN-004.*final choice case .* is new"):
        train(make, tmp_path, monkeypatch, cases[:2])


def test_checkpoint_that_is_gone_is_not_chosen(
    make: Make,
    cases: list[Case],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its Dice would have been the best one; the state is that before the choice."""
    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        predict_well_after(patch, cases[0], good=1)
        train(make, tmp_path / "whole", patch, cases[:1])
    folder = snapshots.folders[3]
    CheckpointShelf(folder, "A", _CONFIG.training).path(1).unlink()
    predict_well_after(monkeypatch, cases[0], good=1)
    train(make, folder, monkeypatch, cases[:1])
    assert "model_A_step000001.pt is missing" in caplog.text
    assert load_checkpoint(checkpoint_path(folder, "A", "best")).step == 2
