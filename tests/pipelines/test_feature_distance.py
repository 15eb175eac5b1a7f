"""Features are the deepest activations, and distances of them are correlated with Dice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.cli import run
from spinesynth.networks.plan import NetworkPlan
from spinesynth.networks.registry import make_network
from spinesynth.networks.unet import UNet
from spinesynth.pipelines.encoder_features import encoder_features, features_of_scan, fit_centre
from spinesynth.pipelines.feature_distance import (
    DISTANCE_COLUMNS,
    SYNTHETIC,
    FeatureSet,
    correlate_with_dice,
    measure_distances,
)
from spinesynth.pipelines.predict import VolumePredictor
from spinesynth.pipelines.results import (
    CONSISTENCY_CSV,
    DISTANCE_DICE_CSV,
    FEATURE_DISTANCE_CSV,
)
from tests.fabricate import write_manifest
from tests.pipelines.tiny_checkpoint import write_checkpoint


@pytest.fixture
def network() -> UNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return UNet(1, 6, 2).eval()


def _images(count: int) -> torch.Tensor:
    return torch.rand(count, 1, 32, 48, generator=torch.Generator().manual_seed(1))


def test_features_are_the_mean_of_the_bottleneck(network: UNet) -> None:
    images, body = _images(3), network.body
    with torch.inference_mode():
        deepest = body.down_4(body.down_3(body.down_2(body.down_1(body.conv_0(images)))))
    assert deepest.shape[1] == 32  # 2 features, doubled four times
    # one thread or several may sum in another order
    torch.testing.assert_close(encoder_features(network, images), deepest.mean(dim=(2, 3)))


def test_watching_leaves_the_network_as_it_was(network: UNet) -> None:
    encoder_features(network, _images(1))
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("name", "features"),
    # doubled three times (segresnet), four times (dynunet: 64 to 4 voxels, at most 16 times)
    [("segresnet", 64), ("dynunet", 128), ("residual_unet", 128)],
)
def test_other_networks_have_features_too(name: str, features: int) -> None:
    plan = NetworkPlan(num_classes=4, patch_size=(64, 64), base_features=8)
    found = encoder_features(make_network(name, plan), torch.rand(2, 1, 64, 64))
    assert found.shape == (2, features)


def test_middle_of_an_image_is_cut_or_filled() -> None:
    image = torch.arange(24.0).reshape(1, 1, 4, 6)
    assert fit_centre(image, (2, 8)).shape == (1, 1, 2, 8)
    assert fit_centre(image, (2, 8))[0, 0, 0].tolist() == [0, 6, 7, 8, 9, 10, 11, 0]


def test_scan_has_a_vector_for_each_slice_of_its_middle(network: UNet) -> None:
    predictor = VolumePredictor(network, spacing_mm=(1.0, 1.0), patch_size=(32, 32))
    affine = torch.diag(torch.tensor([4.0, 1.0, 1.0, 1.0], dtype=torch.float64))
    volume = torch.rand(1, 9, 40, 36, generator=torch.Generator().manual_seed(2))
    assert features_of_scan(predictor, MetaTensor(volume, affine=affine)).shape == (3, 32)
    # what lies outside the middle half plays no part; min and max stay where they were
    volume[:, :2] = volume[:, :2] * 0.5 + 0.25
    one = features_of_scan(predictor, MetaTensor(volume[:, 4:5], affine=affine))
    assert one.shape == (1, 32)


def _set(generator: np.random.Generator, patients: int, shift: float, name: str) -> FeatureSet:
    vectors = generator.normal(shift, 1, (patients, 3))
    return FeatureSet(vectors, np.array([f"{name}{n}" for n in range(patients)]))


def _scores(dice: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "model": "A", "source": source, "contrast": "T1", "structure": structure,
                "patient_id": "p", "case_id": source, "metric": "dice", "condition": "standard",
                "severity": 1.0, "value": value + step,
            }
            for source, value in dice.items()
            for structure, step in (("disc", -0.1), ("body", 0.1))
        ]
    )  # fmt: skip


def test_farther_sources_are_farther_and_correlate_with_their_dice() -> None:
    generator = np.random.default_rng(0)
    shifts = {"a": 0.0, "b": 1.0, "c": 2.0, "d": 4.0}
    real = {(s, "T1"): _set(generator, 12, shift, s) for s, shift in shifts.items()}
    real["few", "T1"] = _set(generator, 2, 9.0, "few")
    scores = _scores({"a": 0.8, "b": 0.7, "c": 0.6, "d": 0.5, "few": 0.9})
    found = measure_distances(_set(generator, 20, 0.0, "s"), real, model="A", scores=scores)
    assert list(found.columns) == list(DISTANCE_COLUMNS)
    rows = found.set_index("source")
    for name in ("mmd", "frechet"):
        assert rows.loc[list("abcd"), name].is_monotonic_increasing
    assert rows.loc["a", "dice"] == pytest.approx(0.8)  # mean of both structures
    assert rows.loc["few", "note"] == "too few patients"
    assert rows.loc["b", "n_patients"] == 12
    # one half of the synthetic patients with the other: about nothing
    mmd = rows["mmd"].to_dict()
    assert abs(mmd[SYNTHETIC]) < mmd["c"]
    told = correlate_with_dice(found, scores, "A")
    # every order of distance is the reverse of that of Dice; the source of 2 patients is left out
    assert set(zip(told["distance"], told["structure"], strict=True)) == {
        (distance, structure) for distance in ("mmd", "frechet") for structure in ("disc", "body")
    }
    assert set(told["spearman"]) == {-1.0}
    assert set(told["n_sources"]) == {4}


def test_a_structure_is_correlated_over_the_sources_that_annotate_it() -> None:
    scores = _scores({"a": 0.8, "b": 0.7, "c": 0.6, "d": 0.5, "e": 0.1})
    found = pd.DataFrame(
        {"source": list("abcde"), "contrast": "T1", "mmd": [1.0, 2, 3, 4, 0],
         "frechet": [4.0, 3, 2, 1, 0], "dice": 0.5, "note": ""}
    )  # fmt: skip
    without = scores[(scores["structure"] == "body") | (scores["source"] != "e")]
    told = correlate_with_dice(found, without, "A").set_index(["distance", "structure"])
    assert told.loc[("mmd", "disc"), "spearman"] == -1.0  # the near and bad one is no part of it
    assert told.loc[("mmd", "disc"), "n_groups"] == 4
    # ranks of distance 2 3 4 5 1 and of Dice 5 4 3 2 1: 1 - 6 (9 + 1 + 1 + 9 + 0) / 120
    assert told.loc[("mmd", "body"), "spearman"] == pytest.approx(0.0, abs=1e-12)


def test_correlation_of_few_sources_is_not_known() -> None:
    scores = _scores({"a": 0.8, "b": 0.7, "c": 0.6})
    found = pd.DataFrame(
        {"source": [*"abc", "c"], "contrast": ["T1", "T1", "T1", "T2"], "mmd": [1, 2, 3.0, 4],
         "frechet": [1, 2, 3.0, 4], "dice": 0.5, "note": ""}
    )  # fmt: skip
    told = correlate_with_dice(found, scores, "A")
    assert told["spearman"].isna().all()
    assert set(told["note"]) == {"fewer than 4 sources"}


def test_one_command_measures_a_checkpoint_the_same_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_manifest(tmp_path)
    checkpoint = write_checkpoint(tmp_path / "m.pt", seen_patients=("elsewhere",))
    for name in ("first", "second"):
        words = ["gap", "--checkpoint", str(checkpoint), "--data", str(data), "--images", "4"]
        assert run([*words, "--save-dir", str(tmp_path / name)], command="test") == 0
    for table in (CONSISTENCY_CSV, FEATURE_DISTANCE_CSV):
        first, second = ((tmp_path / name / table).read_bytes() for name in ("first", "second"))
        assert first == second
    assert not (tmp_path / "first" / DISTANCE_DICE_CSV).exists()
    told = capsys.readouterr().out
    assert "Consistency" in told
    assert "Kernel distance from synthetic images" in told
