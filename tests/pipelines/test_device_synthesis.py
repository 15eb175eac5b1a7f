"""Batches painted on the training's device: those of the loader, by the same names."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.checkpoint import load_checkpoint, load_training_state
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines.checkpoint_shelf import checkpoint_path
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.datasets import make_loader
from spinesynth.pipelines.device_synthesis import DevicePainter, UnpaintedDataset, pack_maps
from spinesynth.pipelines.learner import Learner
from spinesynth.pipelines.train import Trainer
from spinesynth.pipelines.training_data import make_training_data
from spinesynth.pipelines.training_state import state_path
from tests.fabricate import write_manifest
from tests.pipelines.tiny_training import Snapshots, differences, tiny_config

CPU = torch.device("cpu")
_KINDS: dict[str, dict[str, Any]] = {
    "2D": {"training": {"foreground_share": 0.5}},
    "2.5D": {"network": {"slices": 3}},
    "3D": {"network": {"dims": 3}, "training": {"patch_size": [4, 16, 16]}},
    "centres": {"training": {"centre_weight": 1.0}},
    "phantoms": {"synthesis": {"phantom_share": 0.5, "phantoms": 1}},
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    root = tmp_path_factory.mktemp("data")
    return [case for case in read_manifest(write_manifest(root)) if case.label]


def on(place: str, **sections: dict[str, Any]) -> ExperimentConfig:
    config = tiny_config(batch_size=2).model_dump(mode="json")
    config["synthesis"]["paint_on"] = place
    for name, values in sections.items():
        config[name] |= values
    return parse_config(config)


def batches(cases: list[Case], config: ExperimentConfig) -> list[dict[str, Any]]:
    data = make_training_data(cases, config, model="A")
    return list(make_loader(data, samples=4, epoch=1, config=config))


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.slow) if kind == "phantoms" else kind for kind in _KINDS],
)
def test_batches_on_the_cpu_are_those_of_the_loader_bit_for_bit(
    cases: list[Case], kind: str
) -> None:
    config = on("device", **_KINDS[kind])
    painter = DevicePainter(config, CPU)
    unpainted = batches(cases, config)
    assert "image" not in unpainted[0]
    for wanted, maps in zip(batches(cases, on("loader", **_KINDS[kind])), unpainted, strict=True):
        painted = painter(maps)
        assert painted.keys() == wanted.keys()
        for name, value in wanted.items():
            if isinstance(value, torch.Tensor):
                assert painted[name].dtype == value.dtype
                assert torch.equal(painted[name], value)
            else:
                assert painted[name] == value


@pytest.mark.parametrize("size", [1, 4])
def test_batch_of_any_size_is_one_tensor_of_its_own(cases: list[Case], size: int) -> None:
    """A worker sends each tensor through a file of shared memory, and moves it there."""
    training = {"patch_size": [4, 16, 16], "batch_size": size, "centre_weight": 1.0}
    phantoms = {"phantom_share": 1, "phantoms": 1}
    config = on("device", network={"dims": 3}, training=training, synthesis=phantoms)
    data = make_training_data(cases, config, model="A")
    assert isinstance(data, UnpaintedDataset)
    batch = next(iter(make_loader(data, samples=size, epoch=1, config=config)))
    tensors = [value for value in _leaves(batch) if isinstance(value, torch.Tensor)]
    assert len(tensors) == 1
    (flat,) = tensors
    assert type(flat) is torch.Tensor
    assert {place.name for place in batch["places"]} == {"label", "tissue", "centre"}
    assert flat.numel() == sum(math.prod(place.shape) for place in batch["places"])
    kept = {value.data_ptr() for value in data.phantoms[0].values()}
    assert flat.data_ptr() not in kept


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
    else:
        yield value


def test_maps_that_are_not_codes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"maps must be uint8, got torch.float32 for label"):
        pack_maps([{"label": MetaTensor(torch.zeros(1, 2, 2))}])


@pytest.mark.gpu
@pytest.mark.parametrize("kind", _KINDS)
def test_batches_on_a_gpu_are_those_of_the_loader_but_for_rounding(
    cases: list[Case], kind: str, cuda_device: torch.device
) -> None:
    """The bounds are those of SynthesizeBatch's own test: few voxels tip over at a tie."""
    config = on("device", **_KINDS[kind])
    painter = DevicePainter(config, cuda_device)
    for wanted, maps in zip(
        batches(cases, on("loader", **_KINDS[kind])), batches(cases, config), strict=True
    ):
        painted = painter(maps)
        assert painted["image"].device.type == "cuda"
        for name in ("target", "centre"):
            if name in wanted:
                assert (painted[name].cpu() != wanted[name]).float().mean() < 1e-3
        off = (painted["image"].cpu() - wanted["image"]).abs() > 1e-3
        assert off.float().mean() < 0.01  # a voxel that tips over is blurred into its neighbours
        learner = Learner(config)
        assert learner.device.type == "cuda"
        assert math.isfinite(learner.take_step(maps, 0))


@pytest.mark.slow
def test_workers_hand_over_the_same_maps(cases: list[Case]) -> None:
    painter, drawn = DevicePainter(on("device"), CPU), []
    for workers in (0, 2):
        config = on("device", training={"workers": workers})
        drawn.append(torch.cat([painter(batch)["image"] for batch in batches(cases, config)]))
    assert torch.equal(*drawn)


@pytest.mark.skipif(torch.cuda.is_available(), reason="elsewhere images differ by roundings")
def test_training_leaves_the_same_weights_wherever_it_paints(
    cases: list[Case], tmp_path: Path
) -> None:
    weights = []
    for place in ("loader", "device"):
        trainer = Trainer(
            on(place, training={"steps": 3, "accumulate_steps": 2}),
            "A", train=cases[1:], validation=cases[:1], folder=tmp_path / place,
        )  # fmt: skip
        assert isinstance(trainer.data, UnpaintedDataset) == (place == "device")
        trainer.run()
        weights.append(load_checkpoint(checkpoint_path(trainer.folder, "A", "last")).weights)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_training_goes_on_bit_for_bit(
    cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = on("device", training={"steps": 6, "checkpoint_every": 3})

    def trainer(folder: Path) -> Trainer:
        return Trainer(config, "A", train=cases[1:], validation=cases[:1], folder=folder)

    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "at", patch)
        trainer(tmp_path / "whole").run()
    reached = [load_training_state(state_path(folder, "A")).step for folder in snapshots.folders]
    half = snapshots.folders[reached.index(3)]
    trainer(half).run(resume=True)
    assert differences(tmp_path / "whole", half) == []


def test_model_b_has_nothing_to_paint(cases: list[Case], tmp_path: Path) -> None:
    real = [case for case in cases if case.image]
    config = on("device", training={"steps": 1, "validate_every": 1})
    Trainer(config, "B", train=real[1:], validation=real[:1], folder=tmp_path).run()


def test_mixed_batches_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"synthesis.paint_on: .* use paint_on: loader, or"):
        on("device", training={"real_share": 0.5})
