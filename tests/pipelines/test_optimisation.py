"""What optimises a training: optimisers, parts of batches, number formats, layout, compiler."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.compilation import compile_in_place, explaining_the_compiler
from spinesynth.pipelines.config import ExperimentConfig, TrainingConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.datasets import NamedSamples, SampleKey
from spinesynth.pipelines.micro_batches import micro_batches
from spinesynth.pipelines.network_plan import build_loss
from spinesynth.pipelines.optimisers import make_optimiser
from spinesynth.pipelines.precision import make_scaler
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.train import Trainer

CPU = torch.device("cpu")


class Stripes(NamedSamples):
    """Noise over stripes of every class, each sample by its name; as fast as it goes."""

    def __init__(self, config: ExperimentConfig) -> None:
        self.slices, self.size = config.network.slices, config.training.patch_size
        self.cases: list[Case] = []

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(1000 + 100 * key.epoch + key.variant)
        target = (torch.arange(self.size[1]) // 4 % 6).expand(1, *self.size)
        noise = torch.randn((self.slices, *self.size), generator=generator)
        return {"image": noise + target / 3, "target": target, "groups": (0, 1, 2, 3, 4, 5)}


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trainer]:
    """Train for two steps and return the trainer."""
    monkeypatch.setattr(
        "spinesynth.pipelines.train.make_training_data", lambda _, config, **__: Stripes(config)
    )
    folders = (tmp_path / str(number) for number in itertools.count())

    def run(training: dict[str, Any], network: dict[str, Any] | None = None) -> Trainer:
        config = parse_config(
            {
                "name": "tiny",
                "network": {"base_features": 2} | (network or {}),
                "training": {
                    "steps": 2, "validate_every": 2, "batch_size": 2, "patch_size": [64, 32],
                    "val_samples": 1, "workers": 0, "precision": "float32", **training,
                },
            }
        )  # fmt: skip
        trainer = Trainer(config, "A", train=(), validation=(), folder=next(folders))
        trainer.run()
        return trainer

    return run


def weights_of(trainer: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in trainer.network.parameters()])


def steps_of(settings: TrainingConfig, gradients: list[float]) -> list[float]:
    """Return a weight that starts at 1 after each of some gradients."""
    weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimiser, seen = make_optimiser([weight], settings), []
    for gradient in gradients:
        weight.grad = torch.full((1,), gradient, dtype=torch.float64)
        optimiser.step()
        seen.append(float(weight.detach()))
    return seen


def test_default_is_adam_without_decay() -> None:
    weight = nn.Parameter(torch.ones(1))
    optimiser = make_optimiser([weight], TrainingConfig())
    assert type(optimiser) is torch.optim.Adam
    assert optimiser.defaults["lr"] == TrainingConfig().learning_rate
    assert optimiser.defaults["weight_decay"] == 0


def test_nesterov_looks_ahead_as_by_hand() -> None:
    settings = TrainingConfig(optimiser="sgd", learning_rate=0.1, momentum=0.5)
    # velocity 2, then 0.5 * 2 + 1 = 2; each step is gradient + 0.5 * velocity
    assert steps_of(settings, [2.0, 1.0]) == pytest.approx([1 - 0.3, 1 - 0.3 - 0.2])


def test_decay_of_adamw_is_apart_from_the_gradient() -> None:
    settings = TrainingConfig(optimiser="adamw", learning_rate=0.1, weight_decay=0.2)
    # no gradient: only the decay of 0.1 * 0.2
    assert steps_of(settings, [0.0, 0.0]) == pytest.approx([0.98, 0.98**2])
    # the same decay as a penalty is a gradient, of which Adam takes the sign
    as_penalty = settings.model_copy(update={"optimiser": "adam"})
    assert steps_of(as_penalty, [0.0])[0] == pytest.approx(0.9, abs=1e-6)


@pytest.mark.parametrize(("count", "parts", "sizes"), [(8, 4, [2] * 4), (3, 2, [2, 1])])
def test_parts_hold_every_sample_once(count: int, parts: int, sizes: list[int]) -> None:
    batch = {"image": torch.arange(count), "groups": list(range(count))}
    found = list(micro_batches(batch, parts))
    assert [len(part["groups"]) for part, _ in found] == sizes
    assert torch.cat([part["image"] for part, _ in found]).tolist() == batch["groups"]
    assert [share * count for _, share in found] == pytest.approx(sizes)


def test_parts_of_a_batch_train_as_the_whole(train: Callable[..., Trainer]) -> None:
    settings = {"batch_size": 4, "learning_rate": 1e-3}
    # plain steps: those of Adam jump with the sign of a gradient near 0
    whole = train({**settings, "optimiser": "sgd"})
    parts = train({**settings, "optimiser": "sgd", "accumulate_steps": 2})
    # sums in another order
    torch.testing.assert_close(weights_of(parts), weights_of(whole), rtol=1e-4, atol=1e-6)
    assert parts.reached.rows[-1]["train_loss"] == pytest.approx(
        whole.reached.rows[-1]["train_loss"], rel=1e-5
    )


def test_parts_must_divide_the_batch() -> None:
    with pytest.raises(ConfigError, match=r"accumulate_steps must divide batch_size \(8\), got 3"):
        parse_config({"name": "x", "training": {"accumulate_steps": 3}})


def test_half_precision_is_refused_without_a_gpu() -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-022.*float16 needs a CUDA device.*use bfloat16"):
        make_scaler(TrainingConfig(precision="float16"), CPU)


@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_only_half_precision_is_scaled(wanted: Literal["float32", "bfloat16"]) -> None:
    scaler = make_scaler(TrainingConfig(precision=wanted), CPU)
    loss = torch.tensor(3.0)
    assert scaler.scale(loss) is loss
    assert scaler.state_dict() == {}


def test_scaled_steps_are_those_without(
    train: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scale is a power of two: it is taken out again before gradients are clipped."""
    settings = {"gradient_clip": 0.1}
    plain = train(settings)
    monkeypatch.setattr(
        "spinesynth.pipelines.learner.make_scaler",
        lambda *_: GradScaler("cpu", init_scale=2.0**10),
    )
    scaled = train(settings)
    assert scaled.learner.scaler.is_enabled()
    torch.testing.assert_close(weights_of(scaled), weights_of(plain), rtol=1e-4, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_half_precision_trains_on_a_gpu(train: Callable[..., Trainer]) -> None:
    trainer = train({"precision": "float16"})
    assert trainer.learner.scaler.is_enabled()
    assert bool(torch.isfinite(weights_of(trainer)).all())


def test_layout_is_that_of_the_settings_and_learns_the_same(
    train: Callable[..., Trainer],
) -> None:
    last = train({"channels_last": True})
    weight = next(p for p in last.network.parameters() if p.ndim == 4 and min(p.shape[:2]) > 1)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    # the same sums in another order; Adam's first steps take the sign of every gradient
    first = train({})
    difference = (weights_of(last) - weights_of(first)).abs()
    assert float(difference.quantile(0.9)) < 1e-4


@pytest.mark.parametrize(
    ("network", "training"),
    [
        ({"name": "dynunet", "deep_supervision": True}, {"loss": "dice_focal"}),
        ({"name": "segresnet", "base_features": 8}, {"optimiser": "adamw", "loss": "tversky"}),
        ({"name": "residual_unet"}, {"loss": "boundary_dice_ce", "schedule": "polynomial"}),
        ({"name": "basic_unet", "slices": 3}, {"class_weights": {"disc": 2}}),
    ],
)
def test_checkpoint_of_any_network_predicts(
    network: dict[str, Any], training: dict[str, Any], train: Callable[..., Trainer]
) -> None:
    trainer = train(training, network)
    path = checkpoint_path(trainer.folder, "A", "last")
    predictor, checkpoint = load_predictor(path)
    assert checkpoint.config["network"]["name"] == network["name"]
    saved = load_checkpoint(path).weights
    loaded = predictor.network.state_dict()
    assert all(torch.equal(loaded[name].cpu(), saved[name]) for name in saved)
    slices = torch.rand((1, network.get("slices", 1), 64, 32))
    assert predictor.logits(slices).shape == (1, 6, 64, 32)


def test_weights_of_classes_are_taken_by_name() -> None:
    training = {"class_weights": {"disc": 3, "background": 0.5}}
    weights = build_loss(parse_config({"name": "x", "training": training})).class_weights
    assert weights is not None
    assert (weights[0], sorted(weights)) == (0.5, [0.5, 1, 1, 1, 1, 3])


def test_all_that_is_wrong_with_a_training_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(
            {
                "name": "x",
                "network": {"name": "swin_unetr", "dims": 3, "parameters": {"depth": [1]}},
                "training": {"loss_parameters": {"lamda_dice": 2}, "class_weights": {"disk": 2}},
            }
        )
    for words in (
        "patch_size: must hold 3 numbers", "did you mean 'depths'", "multiple of 12",
        "did you mean 'lambda_dice'", "did you mean 'disc'",
    ):  # fmt: skip
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("section", "values", "match"),
    [
        ("network", {"name": "swin_unet"}, r"network\.name: .*did you mean 'swin_unetr'"),
        ("training", {"optimiser": "adamx"}, "optimiser: .*did you mean 'adam"),
        ("training", {"compile": 1}, "compile: .*valid boolean"),
        ("training", {"class_weights": {"disc": True}}, "class_weights.disc: .*valid number"),
        ("training", {"class_weights": {"disc": -1}}, "class_weights.disc: .*greater than"),
    ],
)
def test_wrong_name_or_switch_is_refused(section: str, values: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        parse_config({"name": "x", section: values})


def test_values_that_only_the_network_can_judge_are_refused_before_training() -> None:
    network = {"name": "unetr", "parameters": {"hidden_size": 7, "num_heads": 2}}
    config = parse_config({"name": "x", "network": network})
    with pytest.raises(ConfigError, match=r"E-CONF-021.*unetr cannot be built with"):
        Trainer(config, "A", train=(), validation=(), folder=Path("never"))


def test_compiler_keeps_the_names_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[object]()

    def noted(call: object) -> object:
        asked.append(call)
        return call

    monkeypatch.setattr(torch, "compile", noted)
    network = nn.Conv2d(1, 1, 1)
    compile_in_place(network, TrainingConfig())
    assert asked == []
    compile_in_place(network, TrainingConfig(compile=True))
    assert len(asked) == 1
    assert sorted(network.state_dict()) == ["bias", "weight"]


def test_failure_of_the_compiler_says_what_to_do() -> None:
    with (
        pytest.raises(ConfigError, match=r"E-CONF-023.*fake kernel.*set training.compile: false"),
        explaining_the_compiler(TrainingConfig(compile=True)),
    ):
        raise RuntimeError("no fake kernel")
    with (
        pytest.raises(RuntimeError, match=r"^of something else$"),
        explaining_the_compiler(TrainingConfig()),
    ):
        raise RuntimeError("of something else")
