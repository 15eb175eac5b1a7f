"""What reaches a model: label maps alone for A, and the same sample for the same name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.io.manifest import read_manifest
from spinesynth.networks.partial_label_loss import UNKNOWN_CLASS
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig, NetworkConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.datasets import KeySampler, SampleKey, TargetCoder, make_loader
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_data import make_dataset
from spinesynth.transforms.base import as_plain
from tests.fabricate import write_manifest

SMALL: dict[str, Any] = {
    "name": "small",
    "network": {"base_features": 2},
    "training": {
        "steps": 2, "validate_every": 1, "batch_size": 2, "patch_size": [32, 32],
        "val_samples": 2, "workers": 0,
    },
}  # fmt: skip


@pytest.fixture
def config() -> ExperimentConfig:
    return parse_config(SMALL)


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return [case for case in read_manifest(write_manifest(tmp_path)) if case.image and case.label]


def equal_samples(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return torch.equal(one["image"], other["image"]) and torch.equal(one["target"], other["target"])


def test_model_a_trains_to_the_same_weights_without_a_single_image_file(
    cases: list[Case], config: ExperimentConfig, tmp_path: Path
) -> None:
    """No real image reaches A: with every image file deleted nothing changes."""
    weights = []
    for attempt in range(2):
        trainer = Trainer(
            config, "A", train=cases, validation=cases, folder=tmp_path / str(attempt)
        )
        trainer.run()
        weights.append(load_checkpoint(checkpoint_path(trainer.folder, "A", "last")).weights)
        for case in cases:
            assert case.image is not None
            case.image.unlink(missing_ok=True)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    with pytest.raises(InputError, match="no such file"):
        make_dataset(cases, config, model="B")


def test_phantoms_alone_open_no_file_of_any_patient(cases: list[Case], tmp_path: Path) -> None:
    config = parse_config(SMALL | {"synthesis": {"phantom_share": 1, "phantoms": 2}})
    for case in cases:
        for path in (case.image, case.label):
            assert path is not None
            path.unlink(missing_ok=True)

    trainer = Trainer(config, "A", train=cases, validation=cases, folder=tmp_path / "run")
    trainer.run()

    saved = load_checkpoint(checkpoint_path(trainer.folder, "A", "last"))
    assert saved.seen_patients == ("phantom",)
    sample = trainer.data[SampleKey(0, 0, 0)]
    assert sample["groups"] == tuple(range(6))  # a phantom knows all of its anatomy


def test_sample_depends_on_its_name_alone(cases: list[Case], config: ExperimentConfig) -> None:
    all_cases = make_dataset(cases, config, model="A")
    last = len(cases) - 1
    first = all_cases[SampleKey(3, last, 7)]
    all_cases[SampleKey(0, 0, 0)]  # another sample in between changes nothing
    assert equal_samples(first, all_cases[SampleKey(3, last, 7)])
    alone = make_dataset(cases[last:], config, model="A")
    assert equal_samples(first, alone[SampleKey(3, 0, 7)])  # nor do the other cases
    assert not equal_samples(first, all_cases[SampleKey(3, last, 8)])
    assert not equal_samples(first, all_cases[SampleKey(4, last, 7)])


@pytest.mark.slow
def test_workers_do_not_change_the_samples(cases: list[Case], config: ExperimentConfig) -> None:
    batches = []
    for workers in (0, 1, 2):
        training = config.training.model_copy(update={"workers": workers})
        wanted = config.model_copy(update={"training": training})
        loader = make_loader(
            make_dataset(cases, wanted, model="A"), samples=6, epoch=1, config=wanted
        )
        batches.append(torch.cat([batch["image"] for batch in loader]))
    assert torch.equal(batches[0], batches[1])
    assert torch.equal(batches[0], batches[2])


def test_synthesis_leaves_the_global_generators_alone(
    cases: list[Case], config: ExperimentConfig
) -> None:
    data = make_dataset(cases, config, model="A")
    before = torch.random.get_rng_state()
    data[SampleKey(0, 0, 0)]
    assert torch.equal(before, torch.random.get_rng_state())


def test_sampler_shows_every_case_equally_often() -> None:
    keys = list(KeySampler(3, samples=9, epoch=0, run_seed=0))
    assert sorted(key.case for key in keys) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len({key.variant for key in keys}) == 9


def test_real_image_and_target_of_b_lie_on_one_grid(
    cases: list[Case], config: ExperimentConfig
) -> None:
    """A label painted as an image stays where it is through the shared deformation."""
    data = make_dataset(cases, config, model="B")
    label = data.cache[0]["label"]
    image = label.clone().float()
    moved = data.chain.transforms[2].transform
    moved.set_random_state(5)
    warped_label = moved(label[:, 2])
    warped_image = moved(image[:, 2].as_tensor(), randomize=False)
    inside = warped_image == warped_image.round()  # linear interpolation mixes at borders only
    assert inside.float().mean() > 0.5
    assert torch.equal(warped_image[inside].to(torch.uint8), warped_label.as_tensor()[inside])


def test_a_network_of_three_slices_sees_neighbours_and_learns_the_middle(
    cases: list[Case], config: ExperimentConfig
) -> None:
    """Of B, before anything random: the channels are slices of the volume in their order."""
    wide = config.model_copy(update={"network": NetworkConfig(slices=3, neighbour_mm=0.1)})
    data = make_dataset(cases, wide, model="B")
    cut, stack = data.chain.transforms[:2]
    volumes = {name: data.cache[0][name] for name in ("label", "image")}
    drawn = stack(cut.set_random_state(4)(volumes))
    index = cut.record.index
    ends = [min(max(index + k, 0), volumes["image"].shape[1] - 1) for k in (-1, 0, 1)]
    assert torch.equal(as_plain(drawn["image"]), as_plain(volumes["image"])[0, ends])
    assert torch.equal(as_plain(drawn["label"]), as_plain(volumes["label"])[:, index])


@pytest.mark.parametrize("model", ["A", "B"])
def test_samples_of_three_slices_have_three_channels_and_one_target(
    cases: list[Case], config: ExperimentConfig, model: Literal["A", "B"]
) -> None:
    wide = config.model_copy(update={"network": NetworkConfig(slices=3)})
    sample = make_dataset(cases, wide, model=model)[SampleKey(0, 0, 0)]
    size = wide.training.patch_size
    assert (sample["image"].shape, sample["target"].shape) == ((3, *size), (1, *size))
    # neighbours lie close: they are other slices, and look alike
    before, middle, after = sample["image"]
    assert not torch.equal(before, middle) or not torch.equal(after, middle)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("spine6", [0, 1, 2, 3, 4, 5, 1, 4, 1, UNKNOWN_CLASS]),
        ("semantic4", [0, 1, 1, 2, 3, 0, 1, 3, 1, UNKNOWN_CLASS]),
    ],
)
def test_target_classes_follow_the_scheme(scheme: str, expected: list[int]) -> None:
    coder = TargetCoder(scheme)
    assert coder.classes(torch.tensor([int(s) for s in Structure])).tolist() == expected


def test_annotated_limits_what_a_sample_teaches(
    cases: list[Case], config: ExperimentConfig
) -> None:
    bodies = [dataclasses.replace(case, annotated=frozenset({"body"})) for case in cases]
    sample = make_dataset(bodies, config, model="B")[SampleKey(0, 0, 0)]
    assert sample["groups"] == (0, 1, 0, 0, 0, 0)


def test_training_that_diverges_says_what_to_do(cases: list[Case], tmp_path: Path) -> None:
    training = {**SMALL["training"], "steps": 5, "learning_rate": 1e30}
    config = parse_config({**SMALL, "training": training})
    trainer = Trainer(config, "A", train=cases, validation=cases, folder=tmp_path)
    with pytest.raises(ConfigError, match=r"E-TRAIN-001.*model A.*lower .*--lr.*got 1e\+30"):
        trainer.run()


def test_whole_vertebrae_are_scored_under_their_own_name(
    cases: list[Case], config: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(config, "A", train=cases, validation=cases, folder=tmp_path)
    predicted = torch.tensor([[1, 0, 0, 0], [0, 1, 2, 0]])
    target = torch.tensor([[1, 2, 0, 0], [1, 2, 0, 0]], dtype=torch.uint8)
    logits = 50.0 * torch.nn.functional.one_hot(predicted, 6).movedim(-1, 1)[:, :, None].float()
    groups = [(0, 1, 1, 0, 0, 0), (0, 1, 2, 0, 0, 0)]
    trainer.validation = [{"image": logits, "target": target[:, None, None], "groups": groups}]
    monkeypatch.setattr(trainer.learner, "logits", lambda _, image: image)
    scores = trainer.validate()
    dice = {name: value for name, value in scores.items() if name.startswith("val_dice_")}
    assert dice == pytest.approx(
        {
            "val_dice_vertebra": 2 * 1 / (1 + 2),  # of the first sample alone
            "val_dice_vertebral body": 0.0,
            "val_dice_posterior elements": 0.0,
            # over classes: 2 * 1 / (3 + 2) for the first, which holds both, and 0
            "val_dice_mean": (0.4 + 0.0) / 2,
        }
    )


def test_saved_weights_are_the_running_mean_of_the_steps(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three steps: mean, then decays (1 + 1) / (10 + 1) and (1 + 2) / (10 + 2) of it."""
    training = {**SMALL["training"], "steps": 3, "validate_every": 3}
    config = parse_config({**SMALL, "training": training})
    trainer = Trainer(config, "A", train=cases, validation=cases, folder=tmp_path)
    seen: list[dict[str, torch.Tensor]] = []
    step = trainer.take_step

    def watched(batch: dict[str, Any]) -> float:
        loss = step(batch)
        seen.append({name: value.clone() for name, value in trainer.network.state_dict().items()})
        return loss

    monkeypatch.setattr(trainer, "take_step", watched)
    trainer.run()
    saved = load_checkpoint(checkpoint_path(tmp_path, "A", "last")).weights
    for name, value in saved.items():
        first, second, third = (weights[name] for weights in seen)
        mean = 2 / 11 * first + 9 / 11 * second
        torch.testing.assert_close(value, 3 / 12 * mean + 9 / 12 * third)
