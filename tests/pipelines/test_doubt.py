"""Predicted Dice and flags, and the file that they come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from spinesynth.errors import CheckpointError
from spinesynth.io.weights_digest import digest_weights
from spinesynth.pipelines.doubt import Doubt, judge
from spinesynth.pipelines.fit_quality import Lesson, learn_limits, learn_quality
from spinesynth.pipelines.prediction_features import Features
from spinesynth.pipelines.quality_model import (
    Limit,
    QualityModel,
    StructureQuality,
    quality_beside,
    quality_path,
    read_quality,
    write_quality,
)
from spinesynth.pipelines.quality_regression import QUALITY_FEATURES, fit_structure

DIGEST = digest_weights({"layer": torch.arange(3.0)})
SCAN = {"found_ml": 40.0, "hounsfield_share": 0.0, "length_mm": 200.0, "entropy": 0.1}


def simple_model(**limits: Limit) -> QualityModel:
    quality = StructureQuality(
        features=("soft_dice",), low=(0.2,), high=(1.0,), mean=(0.8,), scale=(0.1,),
        coefficients=(0.05,), intercept=0.9, cases=10, spearman=0.5, mean_absolute_error=0.1,
    )  # fmt: skip
    return QualityModel(
        weights_digest=DIGEST, phantoms=10, seed=0,
        structures={"disc": quality}, limits=limits,
    )  # fmt: skip


def names(doubt: Doubt) -> list[str]:
    return [flag.name for flag in doubt.flags]


@pytest.mark.parametrize(
    ("soft_dice", "expected"), [(0.8, 0.9), (0.7, 0.85), (0.0, 0.6), (1.0, 1.0)]
)
def test_predicted_dice_is_a_line_within_what_phantoms_showed(
    soft_dice: float, expected: float
) -> None:
    doubt = judge(Features({"disc": {"soft_dice": soft_dice}}, SCAN), simple_model())
    # 0.9 + 0.05 * (x - 0.8) / 0.1 with x within [0.2, 1]
    assert doubt.quality == pytest.approx({"disc": expected})
    assert doubt.lowest_quality == pytest.approx(expected)


def test_low_predicted_dice_raises_a_flag() -> None:
    model = simple_model()
    shaky = model.structures["disc"].model_copy(update={"intercept": 0.3})
    model = model.model_copy(update={"structures": {"disc": shaky}})
    doubt = judge(Features({"disc": {"soft_dice": 0.8}}, SCAN), model)
    assert names(doubt) == ["low_quality"]
    assert "disc" in doubt.flags[0].message


def test_nothing_found_is_flagged_without_any_model() -> None:
    doubt = judge(Features({}, {"found_ml": 0.0, "hounsfield_share": 0.0, "length_mm": 0.0}))
    assert names(doubt) == ["empty"]
    assert doubt.is_suspicious
    assert doubt.lowest_quality == 0
    assert (doubt.is_empty, doubt.degree) == (True, 1.0)


def test_degree_is_of_the_predicted_dice_and_without_one_of_the_entropy() -> None:
    known = Features({"disc": {"soft_dice": 0.7}}, SCAN)
    # predicted Dice 0.9 + 0.05 * (0.7 - 0.8) / 0.1 = 0.85
    assert judge(known, simple_model()).degree == pytest.approx(0.15)
    assert judge(known).degree == SCAN["entropy"]
    assert judge(Features({"canal": {}}, SCAN), simple_model()).degree == SCAN["entropy"]


def test_nothing_left_by_the_cleaning_is_nothing_found() -> None:
    known = Features({"disc": {"soft_dice": 0.8}}, SCAN)
    doubt = judge(known, simple_model(), is_empty=True)
    assert names(doubt) == ["empty"]
    assert doubt.quality == {}
    assert (doubt.entropy, doubt.degree) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("scan", "raised"),
    [
        ({}, []),
        ({"hounsfield_share": 0.3}, ["ct"]),
        ({"canal_behind_share": 0.2}, ["canal_in_front"]),
        ({"skewness": -0.3}, ["inverted"]),
        ({"disc_per_bone": 0.1}, ["disc_proportion"]),
        ({"disc_per_bone": 3.0}, ["disc_proportion"]),
        ({"length_mm": 20.0}, ["little_spine"]),
    ],
)
def test_flags_are_raised_beyond_their_limits_alone(
    scan: dict[str, float], raised: list[str]
) -> None:
    model = simple_model(
        inverted=Limit(low=-0.1, source="test"),
        disc_proportion=Limit(low=0.2, high=0.8, source="test"),
        little_spine=Limit(low=100.0, source="test"),
    )
    doubt = judge(Features({}, {**SCAN, **scan}), model)
    assert names(doubt) == raised
    told = json.loads(json.dumps(doubt.as_json(), allow_nan=False))
    assert told["suspicious"] is bool(raised)
    assert [flag["name"] for flag in told["flags"]] == raised


def test_quality_model_comes_back_from_its_file(tmp_path: Path) -> None:
    weights = tmp_path / "net.pt"
    assert quality_beside([weights], [DIGEST]) is None
    model = simple_model(noise=Limit(high=0.1, source="test"))
    write_quality(quality_path(weights), model)
    assert quality_beside([weights], [DIGEST]) == model
    assert quality_beside([weights, weights], [DIGEST, DIGEST]) is None  # they vote
    assert quality_beside([weights], [""]) is None  # nobody knows whether it belongs to them


def test_quality_model_of_other_weights_is_refused(tmp_path: Path) -> None:
    write_quality(tmp_path / "q.json", simple_model())
    with pytest.raises(CheckpointError, match="belongs to weights"):
        read_quality(
            tmp_path / "q.json", weights_digest=digest_weights({"layer": torch.arange(3.0) + 1})
        )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"intercept": 0.9', '"intercept": NaN'),
        ('"seed": 0', '"seed": 0, "code": "import os"'),
        ('"scale"', '"scales"'),
        ("spinesynth-quality-1", "spinesynth-quality-2"),
        ("[\n    0.05\n   ]", "[0.05, 0.05]"),
    ],
)
def test_damaged_quality_model_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "q.json"
    write_quality(path, simple_model())
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CheckpointError, match="no quality model"):
        read_quality(path, weights_digest=DIGEST)


def rows(count: int, seed: int = 0) -> list[dict[str, float]]:
    drawn = np.random.default_rng(seed).random((count, len(QUALITY_FEATURES)))
    return [dict(zip(QUALITY_FEATURES, row, strict=True)) for row in drawn.tolist()]


def test_regression_finds_a_line_and_ranks_scans_left_out() -> None:
    known = rows(400)
    dice = [0.3 + 0.5 * row["soft_dice"] - 0.2 * row["entropy_border"] for row in known]
    fitted = fit_structure(known, dice)
    assert fitted is not None
    assert fitted.spearman is not None
    # the penalty of 10 beside 400 scans shrinks by a fortieth
    assert fitted.mean_absolute_error < 0.01
    assert fitted.spearman > 0.99
    assert fitted.predict(known[0]) == pytest.approx(dice[0], abs=0.02)


def test_more_doubt_never_promises_more() -> None:
    known = rows(100)
    fitted = fit_structure(known, [row["entropy_inside"] for row in known])
    assert fitted is not None
    signs = dict(zip(fitted.features, fitted.coefficients, strict=True))
    assert signs["entropy_inside"] == 0
    assert signs["soft_dice"] >= 0 >= signs["stray_share"]


def test_few_scans_teach_nothing() -> None:
    assert fit_structure(rows(9), [0.5] * 9) is None


def lesson(condition: str, dice: float, **scan: float) -> Lesson:
    return Lesson(condition, Features({}, {**SCAN, **scan}), {"disc": dice, "sacrum": float("nan")})


def test_limits_are_the_ends_of_usable_predictions() -> None:
    limits = learn_limits(
        [
            lesson("original", 0.9, noise=0.02, skewness=0.3),
            lesson("noise", 0.8, noise=0.05, skewness=0.2),
            lesson("noise", 0.3, noise=0.4, skewness=-0.9),  # not usable
            lesson("inversion", 0.9, noise=0.03, skewness=-0.6),  # says nothing of skewness
        ]
    )
    assert (limits["noise"].low, limits["noise"].high) == (None, 0.05)
    assert (limits["inverted"].low, limits["inverted"].high) == (0.2, None)
    assert limits["little_spine"].low == 200


def test_hits_and_false_alarms_are_counted() -> None:
    good = [lesson("original", 0.9, noise=0.01 * (n % 5)) for n in range(20)]
    bad = [lesson("noise_alone", 0.0, noise=n) for n in (0.0, 1.0)]
    model = learn_quality(good, bad, weights_digest="0" * 64, seed=1)
    assert model.hits == {"noise_alone": 0.5}
    # n % 5 is also the fold: all scans of noise 0.04 are left out together, and flagged
    assert model.false_alarms == pytest.approx(4 / 20)
