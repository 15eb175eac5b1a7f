"""Every network by name: one step of training, volumes, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from spinesynth.networks import (
    NetworkPlan,
    PartialLabelLoss,
    make_network,
    network_problems,
)
from spinesynth.networks.dynunet import derive_topology
from spinesynth.networks.registry import NETWORKS
from spinesynth.pipelines.config_fields import NetworkName

#: The smallest of each kind that still has all of its parts.
TINY: dict[str, dict[str, Any]] = {
    "swin_unetr": {"depths": [2, 1, 1, 1], "num_heads": [1, 1, 1, 1], "window_size": 4},
    "unetr": {"hidden_size": 8, "mlp_dim": 8, "num_heads": 1},
}
FEATURES = {"segresnet": 8, "swin_unetr": 12}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def tiny(
    name: str,
    patch_size: tuple[int, ...],
    **wanted: Any,  # noqa: ANN401 flags of a plan
) -> nn.Module:
    plan = NetworkPlan(
        num_classes=3, patch_size=patch_size, in_channels=2,
        base_features=FEATURES.get(name, 2), **wanted,
    )  # fmt: skip
    return make_network(name, plan, TINY.get(name))


def image_of(*size: int) -> Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(1))


def test_configuration_names_every_network() -> None:
    assert get_args(NetworkName) == tuple(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_step_lowers_the_loss_of_its_batch(name: str) -> None:
    network = tiny(name, (64, 32))
    image, groups = image_of(2, 2, 64, 32), [(0, 1, 2)] * 2
    classes = (image[:, :1] * 3).long()
    loss, losses = PartialLabelLoss(), []
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(2):
        logits = network(image)
        assert logits.shape == (2, 3, 64, 32)
        value = loss(logits, classes, groups)
        optimiser.zero_grad()
        torch.autograd.backward(value)
        optimiser.step()
        losses.append(float(value.detach()))
    assert losses[1] < losses[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_volumes_pass_through(name: str) -> None:
    size = (32, 16, 16) if name != "swin_unetr" else (64, 32, 32)
    with torch.no_grad():
        logits = tiny(name, size)(image_of(1, 2, *size))
    assert logits.shape == (1, 3, *size)
    assert bool(torch.isfinite(logits).all())


def test_default_is_the_network_it_always_was() -> None:
    from spinesynth.networks import UNet

    plan = NetworkPlan(num_classes=6, patch_size=(192, 192), base_features=4)
    torch.manual_seed(3)
    made = make_network("unet", plan).state_dict()
    torch.manual_seed(3)
    direct = UNet(1, 6, 4).state_dict()
    assert list(made) == list(direct)
    assert all(torch.equal(made[key], direct[key]) for key in direct)


def test_topology_of_equal_voxels_is_worked_by_hand() -> None:
    # 40 -> 20 -> 10 -> 5 and 24 -> 12 -> 6: below 8 voxels nothing is halved
    kernels, strides = derive_topology((40, 24), (1.0, 1.0))
    assert strides == [(1, 1), (2, 2), (2, 2), (2, 1)]
    assert kernels == [(3, 3)] * 4


def test_long_voxels_wait_until_the_others_are_as_long() -> None:
    # 4 mm against 1 mm: 1 -> 2 without it, then 2 against 4 is near enough
    kernels, strides = derive_topology((64, 64, 16), (1.0, 1.0, 4.0))
    assert strides[:3] == [(1, 1, 1), (2, 2, 1), (2, 2, 2)]
    assert kernels[:2] == [(3, 3, 1), (3, 3, 3)]


def test_deep_supervision_adds_levels_in_training_only() -> None:
    network = tiny("dynunet", (64, 32), deep_supervision=True)
    image = image_of(1, 2, 64, 32)
    assert network(image).shape == (1, 3, 3, 64, 32)
    assert network.eval()(image).shape == (1, 3, 64, 32)


def test_gradient_checkpointing_changes_no_gradient() -> None:
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        network = tiny("swin_unetr", (64, 32), gradient_checkpointing=checkpointing)
        network(image_of(1, 2, 64, 32)).square().mean().backward()
        gradients.append([p.grad for p in network.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1])
    for plain, again in zip(*gradients, strict=True):
        # the same operations once more, on the same numbers
        torch.testing.assert_close(plain, again)


@pytest.mark.parametrize(
    ("name", "patch_size", "near"),
    [
        ("basic_unet", (100, 48), r"\[16, 16\] voxels for this network, as \[96, 48\]"),
        ("residual_unet", (100, 48), r"\[16, 16\] .*as \[96, 48\]"),
        ("segresnet", (100, 48), r"\[8, 8\] .*as \[96, 48\]"),
        ("dynunet", (100, 48), r"\[16, 8\] .*as \[96, 48\]"),
        ("swin_unetr", (192, 144), r"\[32, 32\] .*as \[192, 128\]"),
        ("unetr", (192, 150), r"\[16, 16\] .*as \[192, 144\]"),
    ],
)
def test_size_that_cannot_be_halved_is_refused_with_the_nearest(
    name: str, patch_size: tuple[int, int], near: str
) -> None:
    with pytest.raises(ValueError, match=f"training.patch_size: must be multiples of {near}"):
        tiny(name, patch_size)


def test_patch_of_one_voxel_at_the_bottom_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be more than \[32, 32\] voxels"):
        tiny("swin_unetr", (32, 32))


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"swin_unetr"}))
def test_checkpointing_is_refused_where_there_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="gradient_checkpointing: this network has none"):
        tiny(name, (64, 64), gradient_checkpointing=True)


def test_deep_supervision_is_refused_where_there_is_none() -> None:
    with pytest.raises(ValueError, match="deep_supervision: this network has none"):
        tiny("segresnet", (64, 64), deep_supervision=True)


@pytest.mark.parametrize(
    ("name", "features", "parameters", "match"),
    [
        ("basic_unet", 2, {"dropuot": 0.1}, r"dropuot: .*did you mean 'dropout'"),
        ("basic_unet", 2, {"spatial_dims": 3}, "spatial_dims: is set by network.dims"),
        ("unet", 2, {"dropout": 0.1}, "dropout: UNet takes no such parameter"),
        ("swin_unetr", 16, {}, "base_features: must be a multiple of 12 .*got 16"),
        ("segresnet", 4, {}, "base_features: must be a multiple of 8 .*got 4"),
        ("dynunet", 2, {"strides": [1, 2]}, "DynUNet needs 3 levels at least"),
        ("unetr", 2, {"hidden_size": 7, "num_heads": 2}, "unetr cannot be built with"),
        ("unett", 2, {}, "network.name: must be one of .*did you mean 'unet'"),
    ],
)
def test_wrong_parameters_are_refused(
    name: str, features: int, parameters: dict[str, Any], match: str
) -> None:
    plan = NetworkPlan(num_classes=3, patch_size=(64, 64), base_features=features)
    with pytest.raises(ValueError, match=match):
        make_network(name, plan, parameters)


def test_every_problem_is_told_at_once() -> None:
    plan = NetworkPlan(
        num_classes=3, patch_size=(64, 64), base_features=5, gradient_checkpointing=True
    )
    problems = network_problems("segresnet", plan, {"act": "RELU", "atc": "RELU", "img_size": 3})
    assert [problem.split(":")[0] for problem in problems] == [
        "network.parameters.atc",
        "network.parameters.img_size",
        "network.gradient_checkpointing",
        "network.base_features",
    ]


def test_parameters_reach_the_network() -> None:
    plan = NetworkPlan(num_classes=3, patch_size=(32, 64), base_features=4)
    network = make_network("basic_unet", plan, {"dropout": 0.3, "act": ["relu", {}]})
    assert any(isinstance(module, nn.ReLU) for module in network.modules())
    assert {module.p for module in network.modules() if isinstance(module, nn.Dropout)} == {0.3}


@pytest.mark.parametrize(
    ("sizes", "spacing", "match"),
    [((64,), None, "2 or 3 axes"), ((64, 64), (1.0,), "one number for each of 2 axes")],
)
def test_impossible_plans_are_refused(
    sizes: tuple[int, ...], spacing: tuple[float, ...] | None, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        NetworkPlan(num_classes=2, patch_size=sizes, spacing_mm=spacing)
