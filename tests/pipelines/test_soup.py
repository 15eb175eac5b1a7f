"""A soup is the mean of the weights that fit, and says what is in it."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from spinesynth.cli import run
from spinesynth.errors import ConfigError
from spinesynth.io.checkpoint import load_checkpoint, save_checkpoint
from spinesynth.pipelines import soup as home
from spinesynth.pipelines.evaluate import FAILURE_COLUMNS, Evaluation
from spinesynth.pipelines.predict import VolumePredictor, load_predictor
from spinesynth.pipelines.soup import cook_soup, mean_weights
from tests.fabricate import MANIFEST_ROWS, write_manifest
from tests.pipelines.tiny_checkpoint import write_checkpoint


def variant(path: Path, value: float, **fields: Any) -> Path:  # noqa: ANN401 of any type
    """Write a checkpoint whose floating weights are all of one value."""
    fields.setdefault("seen_patients", (path.stem,))
    plain = load_checkpoint(write_checkpoint(path))
    weights = {
        name: torch.full_like(weight, value) if weight.is_floating_point() else weight
        for name, weight in plain.weights.items()
    }
    save_checkpoint(path, replace(plain, weights=weights, **fields))
    return path


def value_of(weights: dict[str, Tensor]) -> float:
    """Return the one value of all floating weights."""
    found = {float(v) for w in weights.values() if w.is_floating_point() for v in w.flatten()}
    assert len(found) == 1
    return found.pop()


def test_uniform_soup_is_the_mean_and_can_predict(tmp_path: Path) -> None:
    paths = [variant(tmp_path / f"{n}.pt", n, step=10 * n) for n in (1, 2, 6)]
    out = tmp_path / "soup.pt"
    cook_soup(paths, output=out, command="test")
    predictor, soup = load_predictor(out)
    assert value_of(soup.weights) == 3  # (1 + 2 + 6) / 3
    assert value_of(predictor.network.state_dict()) == 3
    assert (soup.step, soup.model, soup.selection) == (60, "A", "")
    assert soup.seen_patients == ("1", "2", "6")
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert list(soup.ingredients) == sums
    record = json.loads((tmp_path / "soup.pt.json").read_text())
    assert [one["sha256"] for one in record["ingredients"]] == sums
    assert [one["kept"] for one in record["ingredients"]] == [True] * 3
    assert record["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


def test_mean_does_not_depend_on_the_order_and_leaves_whole_numbers() -> None:
    generator = torch.Generator().manual_seed(0)
    states = [{"w": torch.randn(50, generator=generator), "n": torch.tensor(n)} for n in range(5)]
    mean, other = mean_weights(states), mean_weights([states[0], *states[:0:-1]])
    torch.testing.assert_close(mean, other, rtol=0, atol=0)
    assert mean["w"].dtype == torch.float32
    assert mean["n"] == 0


def test_a_soup_forgets_patients_only_if_one_does(tmp_path: Path) -> None:
    paths = [variant(tmp_path / "1.pt", 1), variant(tmp_path / "2.pt", 2, seen_patients=())]
    cook_soup(paths, output=tmp_path / "soup.pt", command="test")
    assert load_checkpoint(tmp_path / "soup.pt").seen_patients == ()


def test_real_scans_that_chose_an_ingredient_are_told(tmp_path: Path) -> None:
    paths = [variant(tmp_path / "1.pt", 1), variant(tmp_path / "2.pt", 2, selection="real scans")]
    cook_soup(paths, output=tmp_path / "soup.pt", command="test")
    assert load_checkpoint(tmp_path / "soup.pt").selection == "real scans"


@pytest.mark.parametrize(
    ("modes", "mode"),
    [
        (("label-only+real-images", "phantom"), "label-only+real-images+phantom"),
        (("label-only", ""), "label-only+phantom"),  # the tiny one's configuration: phantoms
    ],
)
def test_a_soup_has_used_what_its_ingredients_have(
    modes: tuple[str, str], mode: str, tmp_path: Path
) -> None:
    paths = [variant(tmp_path / f"{n}.pt", n, mode=one) for n, one in enumerate(modes)]
    cook_soup(paths, output=tmp_path / "soup.pt", command="test")
    assert load_checkpoint(tmp_path / "soup.pt").mode == mode


@pytest.mark.parametrize(
    ("source", "before", "mode"),
    [
        ("made", "label-only", "label-only+real-choice"),
        ("made", "real-images", "real-images"),
        ("phantom", "label-only", "label-only"),  # nobody's
    ],
)
def test_a_soup_judged_on_real_scans_says_so(
    source: str, before: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row.replace(",made,", f",{source},") for row in MANIFEST_ROWS[:1]]
    paths = [variant(tmp_path / f"{n}.pt", n, mode=before) for n in (1, 2)]
    monkeypatch.setattr(home, "_choose_greedily", lambda *_: ([0, 1], {}))
    cook_soup(
        paths, output=tmp_path / "soup.pt", method="greedy", command="test",
        data=write_manifest(tmp_path / "data", rows),
    )  # fmt: skip
    soup = load_checkpoint(tmp_path / "soup.pt")
    assert soup.mode == mode
    assert soup.selection == ("" if source == "phantom" else "real scans")


@pytest.mark.parametrize(
    ("section", "setting", "value", "said"),
    [
        ("network", "neighbour_mm", 3.0, "the network of"),
        ("training", "spacing_mm", 0.5, "the voxel size in mm of .* is 0.5"),
    ],
)
def test_another_architecture_is_refused(
    section: str, setting: str, value: object, said: str, tmp_path: Path
) -> None:
    config = load_checkpoint(write_checkpoint(tmp_path / "a.pt")).config
    other = {**config, section: {**config[section], setting: value}}
    paths = [tmp_path / "a.pt", variant(tmp_path / "b.pt", 2, config=other)]
    with pytest.raises(ConfigError, match=f"E-CONF-042.*{said}"):
        cook_soup(paths, output=tmp_path / "soup.pt", command="test")
    assert not (tmp_path / "soup.pt").exists()


def test_other_classes_and_the_same_file_are_refused(tmp_path: Path) -> None:
    one = write_checkpoint(tmp_path / "1.pt")
    other = write_checkpoint(tmp_path / "2.pt", target_scheme="semantic4")
    with pytest.raises(ConfigError, match=r"E-CONF-042.*label scheme of .*semantic4"):
        cook_soup([one, other], output=tmp_path / "soup.pt", command="test")
    twin = tmp_path / "best.pt"
    twin.hardlink_to(one)
    with pytest.raises(ConfigError, match=r"E-CONF-042.*are the same; give each once"):
        cook_soup([one, twin], output=tmp_path / "soup.pt", command="test")


def test_statistics_of_batches_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [variant(tmp_path / f"{n}.pt", n) for n in (1, 2)]

    def with_statistics(path: Path) -> tuple[VolumePredictor, Any]:
        predictor, saved = load_predictor(path)
        weights = {**saved.weights, "norm.running_mean": torch.zeros(2)}
        return predictor, replace(saved, weights=weights)

    monkeypatch.setattr(home, "load_predictor", with_statistics)
    with pytest.raises(ConfigError, match=r"E-CONF-042.*batch normalisation"):
        cook_soup(paths, output=tmp_path / "soup.pt", command="test")


def test_other_beginnings_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = {**load_checkpoint(write_checkpoint(tmp_path / "x.pt")).config, "seed": 7}
    paths = [variant(tmp_path / "1.pt", 1), variant(tmp_path / "2.pt", 2, config=config)]
    with caplog.at_level(logging.WARNING):
        cook_soup(paths, output=tmp_path / "soup.pt", command="test")
    assert "began from other weights" in caplog.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "greedy"}, "name them with --data"),
        ({"data": Path("d")}, "uniform is judged on no scans"),
    ],
)
def test_scans_belong_to_the_greedy_soup(
    options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    paths = [variant(tmp_path / f"{n}.pt", n) for n in (1, 2)]
    with pytest.raises(ConfigError, match=f"E-CONF-042.*{said}"):
        cook_soup(paths, output=tmp_path / "soup.pt", command="test", **options)


def test_one_alone_and_an_ingredient_as_output_are_refused(tmp_path: Path) -> None:
    paths = [variant(tmp_path / f"{n}.pt", n) for n in (1, 2)]
    with pytest.raises(ConfigError, match=r"E-CONF-042.*two at least, got 1"):
        cook_soup(paths[:1], output=tmp_path / "soup.pt", command="test")
    before = paths[0].read_bytes()
    with pytest.raises(ConfigError, match=r"E-OUT-002.*is one of the checkpoints"):
        cook_soup(paths, output=paths[0], command="test")
    assert paths[0].read_bytes() == before


@pytest.fixture
def scored_by_value(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the Dice of weights be 1 minus their distance to 3, and keep what was scored."""
    tried: list[float] = []

    def evaluate(predictor: VolumePredictor, cases: Any, **_: object) -> Evaluation:  # noqa: ANN401 cases
        value = value_of(predictor.network.state_dict())
        tried.append(value)
        rows = [
            {"case_id": c.case_id, "patient_id": c.patient_id, "structure": "disc",
             "value": 1 - abs(value - 3) / 10}
            for c in cases
        ]  # fmt: skip
        return Evaluation(pd.DataFrame(rows), pd.DataFrame(columns=list(FAILURE_COLUMNS)))

    monkeypatch.setattr(home, "evaluate_cases", evaluate)
    return tried


def test_greedy_keeps_what_does_not_lower_the_dice(
    tmp_path: Path, scored_by_value: list[float]
) -> None:
    """Of 1, 2, 9, 4: first 2 (or its equal 4), with 4 it is 3, 1 or 9 would lower it."""
    paths = [variant(tmp_path / f"{n}.pt", n) for n in (1, 2, 9, 4)]
    data = write_manifest(tmp_path / "data")
    out = tmp_path / "soup.pt"
    text = cook_soup(paths, output=out, command="test", method="greedy", data=data)
    soup = load_checkpoint(out)
    assert value_of(soup.weights) == 3
    assert scored_by_value == pytest.approx([1, 2, 9, 4, 3, 7 / 3, 5])
    assert soup.selection == "real scans"
    assert soup.seen_patients == ("2", "4", "p1", "p2")  # what was left out taught it nothing
    record = json.loads((tmp_path / "soup.pt.json").read_text())
    assert [one["kept"] for one in record["ingredients"]] == [False, True, False, True]
    assert [one["dice"] for one in record["ingredients"]] == pytest.approx([0.8, 0.9, 0.4, 0.9])
    assert record["scans"] == ["p1_t1", "p1_t2", "p2_t2"]
    assert "2 of 4 checkpoints, greedy" in text


def test_greedy_may_be_judged_by_the_validation_cases_of_a_run(
    tmp_path: Path, scored_by_value: list[float]
) -> None:
    paths = [variant(tmp_path / f"{n}.pt", n) for n in (2, 4)]
    split = tmp_path / "split.csv"
    split.write_text("case_id,split\np1_t1,train\np2_t2,validation\n")
    options: dict[str, Any] = {
        "output": tmp_path / "soup.pt", "command": "test", "split": split,
    }  # fmt: skip
    data = write_manifest(tmp_path / "data")
    cook_soup(paths, method="greedy", data=data, **options)
    assert json.loads((tmp_path / "soup.pt.json").read_text())["scans"] == ["p2_t2"]
    split.write_text("case_id,split\nelsewhere,validation\n")
    with pytest.raises(ConfigError, match=r"E-CONF-042.*none of the validation cases"):
        cook_soup(paths, method="greedy", data=data, **options)


def test_command_judges_real_predictions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [write_checkpoint(tmp_path / "1.pt"), variant(tmp_path / "2.pt", 0.01)]
    data = write_manifest(tmp_path / "data", MANIFEST_ROWS[:1])
    words = ["soup", "-o", str(tmp_path / "soup.pt"), "--method", "greedy", "--data", str(data)]
    for path in paths:
        words += ["--checkpoint", str(path)]
    assert run(words, command="test") == 0
    assert "checkpoints, greedy" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "soup.pt").target_scheme == "spine6"
