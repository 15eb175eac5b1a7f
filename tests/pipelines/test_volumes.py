"""Networks of volumes: what their settings must be, what they see, and where their answer lies."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor, nn

from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.manifest import read_manifest
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.datasets import SampleKey
from spinesynth.pipelines.ensemble import EnsemblePredictor
from spinesynth.pipelines.network_plan import build_loss, build_network
from spinesynth.pipelines.optimisers import make_optimiser
from spinesynth.pipelines.precision import autocast, make_scaler, memory_layout
from spinesynth.pipelines.predict import VolumePredictor, predictor_of
from spinesynth.pipelines.training_data import ModelName, make_dataset
from spinesynth.transforms.base import as_plain
from tests.fabricate import write_manifest

#: Volumes without any deformation, for the voxels to be counted.
STILL: dict[str, Any] = {
    "rotation_deg": 0, "scale": 0, "shear": 0, "elastic_mm": [0, 0], "margin": 0,
}  # fmt: skip


def volume_config(
    synthesis: dict[str, Any] | None = None,
    network: dict[str, Any] | None = None,
    **training: Any,  # noqa: ANN401 settings
) -> ExperimentConfig:
    """Return a small 3D experiment on voxels of the fabricated scans' size."""
    given = {"patch_size": [6, 24, 32], "spacing_mm": [4.0, 1.0, 0.75], "workers": 0}
    return parse_config(
        {
            "name": "volumes",
            "network": {"base_features": 2, "dims": 3} | (network or {}),
            "synthesis": synthesis or {},
            "training": {"batch_size": 2, "val_samples": 2} | given | training,
        }
    )


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    root = tmp_path_factory.mktemp("data")
    return [case for case in read_manifest(write_manifest(root)) if case.image and case.label]


@pytest.mark.parametrize(
    ("network", "training", "match"),
    [
        ({"dims": 3}, {}, r"patch_size: must hold 3 numbers \(R, A, S\) .* got \[192, 192\]"),
        ({}, {"patch_size": [32, 32, 32]}, r"patch_size: must hold 2 numbers \(A, S\)"),
        ({}, {"patch_size": [32]}, "patch_size: must hold 2 or 3 sizes"),
        ({}, {"spacing_mm": [1, 1, 1]}, r"spacing_mm: must hold 2 numbers \(A, S\)"),
        ({}, {"spacing_mm": [1, 0]}, "spacing_mm: must be one number, or two or three"),
        ({}, {"spacing_mm": "wide"}, "spacing_mm: must be one number, or two or three"),
        (
            {"dims": 3, "slices": 3},
            {"patch_size": [32, 32, 32]},
            "network.slices: must be 1 with network.dims: 3",
        ),
        (
            {"dims": 3, "name": "basic_unet"},
            {"patch_size": [30, 80, 80]},
            r"patch_size: must be multiples of \[16, 16, 16\] .* as \[32, 80, 80\]",
        ),
        ({}, {"foreground_share": 1.5}, "foreground_share: .*less than or equal to 1"),
    ],
)
def test_settings_of_other_axes_are_refused(
    network: dict[str, Any], training: dict[str, Any], match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        parse_config({"name": "x", "network": network, "training": training})


def test_old_settings_are_read_and_written_as_ever() -> None:
    training = parse_config({"name": "x"}).model_dump(mode="json")["training"]
    assert (training["patch_size"], training["spacing_mm"]) == ([192, 192], 1.0)
    each = parse_config({"name": "x", "training": {"spacing_mm": [1, 2]}})
    again = parse_config(each.model_dump(mode="json"))
    assert again == each
    assert again.training.spacing_mm == (1.0, 2.0)


@pytest.mark.parametrize("model", ["A", "B"])
def test_samples_are_patches_of_volumes_named_by_their_keys(
    cases: list[Case], model: ModelName
) -> None:
    config = volume_config()
    data = make_dataset(cases, config, model=model)
    sample = data[SampleKey(1, 0, 2)]
    assert sample["image"].shape == sample["target"].shape == (1, 6, 24, 32)
    assert sample["image"].dtype == torch.float32
    again = make_dataset(cases, config, model=model)
    other = again[SampleKey(1, 0, 3)]
    assert torch.equal(again[SampleKey(1, 0, 2)]["image"], sample["image"])
    assert not torch.equal(other["image"], sample["image"])


@pytest.mark.parametrize("model", ["A", "B"])
def test_patch_as_large_as_the_scan_shows_all_of_it(cases: list[Case], model: ModelName) -> None:
    """Full-image training: nothing is cut off, and beyond the scan there is nothing."""
    config = volume_config({"overrides": {"RandDeformPatch": STILL}}, patch_size=[8, 48, 64])
    data = make_dataset(cases, config, model=model)
    case = next(n for n, case in enumerate(cases) if "sacrum" not in case.annotated)
    sample, whole = data[SampleKey(0, case, 0)], data.cache[case]["label"].as_tensor()
    inner = sample["target"][:, 1:7, 4:44, 8:56]
    known = data.coder.classes(whole)
    # synthesis may draw a sacrum below the column, where nothing was labelled
    assert torch.equal(inner[known > 0], known[known > 0])
    outside = sample["target"].clone()
    outside[:, 1:7, 4:44, 8:56] = 0
    assert int(outside.count_nonzero()) == 0


def test_patches_about_structures_show_them(cases: list[Case]) -> None:
    """The voxel in the middle is of a structure; elsewhere many patches show none."""
    shares = []
    for share in (0.0, 1.0):
        still = {"overrides": {"RandDeformPatch": STILL}}
        config = volume_config(still, patch_size=[3, 5, 5], foreground_share=share)
        data = make_dataset(cases, config, model="B")
        samples = [data[SampleKey(0, 0, n)]["target"] for n in range(40)]
        shares.append(sum(bool(sample.any()) for sample in samples))
    assert shares[1] == 40
    assert shares[0] < 36


class BrightIsDisc(nn.Module):
    """Calls bright voxels disc, and writes down what sizes it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[tuple[int, ...]] = []

    def forward(self, image: Tensor) -> Tensor:
        self.seen.append(tuple(image.shape))
        logits = torch.full((len(image), 6, *image.shape[2:]), -20.0)
        logits[:, int(Structure.DISC)] = (image[:, 0] - 0.5) * 40
        logits[:, 0] = 0
        return logits


@pytest.mark.parametrize(
    "spacing", [(2.0, 1.0, 1.0), (4.0, 0.5, 0.5), (1.0, 1.7, 2.5), (0.7, 0.6, 0.9)]
)
def test_structures_of_volumes_return_where_they_were(spacing: tuple[float, ...]) -> None:
    affine = torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64))
    image = MetaTensor(torch.zeros(1, 20, 50, 40), affine=affine)
    image[:, 6:14, 12:36, 10:30] = 1.0
    network = BrightIsDisc()
    predictor = VolumePredictor(
        network, spacing_mm=(2.0, 1.0, 1.0), patch_size=(16, 32, 32), overlap=0.5, batch_size=2
    )
    found = predictor(image) == Structure.DISC
    expected = as_plain(image)[0] > 0
    assert found.shape == (20, 50, 40)
    assert {size[2:] for size in network.seen} == {(16, 32, 32)}
    assert max(size[0] for size in network.seen) <= 2
    # surfaces move by half a voxel of the network at most, of 16 x 24 x 20 mm and more
    assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) > 0.9
    for mine, true in zip(
        found.nonzero().float().mean(0), expected.nonzero().float().mean(0), strict=True
    ):
        assert abs(float(mine - true)) < 0.25


def test_windows_advance_by_half_a_patch() -> None:
    network = BrightIsDisc()
    predictor = VolumePredictor(
        network, spacing_mm=(1.0,) * 3, patch_size=(16, 16, 16), overlap=0.5, batch_size=1
    )
    predictor(MetaTensor(torch.rand(1, 32, 24, 16), affine=torch.eye(4, dtype=torch.float64)))
    # starts 0, 8, 16 along 32 voxels, 0 and 8 along 24, 0 along 16
    assert len(network.seen) == 3 * 2 * 1


def test_volumes_vote_with_slices_and_at_other_scales() -> None:
    """Members of other axes, windows and voxel sizes speak on the scan's own grid."""
    flat = predictor_of(
        build_network(parse_config({"name": "x", "network": {"base_features": 2}})),
        parse_config({"name": "x", "training": {"patch_size": [32, 32]}}),
    )
    config = volume_config()
    deep = predictor_of(build_network(config), config)
    larger = deep.at_scale(1.25)
    assert larger.spacing_mm == pytest.approx((3.2, 0.8, 0.6))
    affine = torch.diag(torch.tensor([3.0, 1.0, 1.0, 1.0], dtype=torch.float64))
    image = MetaTensor(torch.rand(1, 5, 30, 20), affine=affine)
    members = [flat, deep, larger]
    mean = sum(member.probabilities(image) for member in members) / 3
    voted = EnsemblePredictor(members).probabilities(image)
    assert voted.shape == (6, 5, 30, 20)
    torch.testing.assert_close(voted, mean)


def test_axes_of_window_and_voxel_size_must_agree() -> None:
    with pytest.raises(ValueError, match="spacing_mm must have one number for each axis"):
        VolumePredictor(BrightIsDisc(), spacing_mm=(1.0, 1.0), patch_size=(8, 8, 8))


def test_volumes_are_not_cast_to_bfloat16_on_a_cpu(caplog: pytest.LogCaptureFixture) -> None:
    """There it gives weights of 3D convolutions gradients of what lay in the memory."""
    cpu, flat = torch.device("cpu"), parse_config({"name": "x"})
    for config, wanted in ((volume_config(), torch.float32), (flat, torch.bfloat16)):
        make_scaler(config.training, cpu)
        with autocast(config.training, cpu):
            assert torch.mm(torch.ones(1, 1), torch.ones(1, 1)).dtype == wanted
    assert ["float32 is used in place of bfloat16" in text for text in caplog.messages] == [True]


def test_layout_is_that_of_the_axes() -> None:
    assert memory_layout(volume_config()) is torch.preserve_format
    assert memory_layout(volume_config(channels_last=True)) is torch.channels_last_3d
    flat = parse_config({"name": "x", "training": {"channels_last": True}})
    assert memory_layout(flat) is torch.channels_last


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "patch", "more"),
    [
        ("unet", (16, 32, 32), {}),
        ("basic_unet", (16, 32, 32), {}),
        ("residual_unet", (16, 32, 32), {}),
        ("segresnet", (16, 32, 32), {"base_features": 8}),
        ("dynunet", (16, 32, 32), {"deep_supervision": True}),
        (
            "swin_unetr",
            (32, 32, 64),
            {
                "base_features": 12, "gradient_checkpointing": True,
                "parameters": {
                    "depths": [2, 1, 1, 1], "num_heads": [1, 1, 1, 1], "window_size": 4,
                },
            },
        ),
        (
            "unetr",
            (16, 32, 32),
            {"parameters": {"hidden_size": 8, "mlp_dim": 8, "num_heads": 1}},
        ),
    ],
)  # fmt: skip
def test_one_step_of_each_kind_lowers_the_loss_of_its_batch(
    cases: list[Case], name: str, patch: tuple[int, ...], more: dict[str, Any]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = {"name": name, **more}
        config = volume_config(network=network, patch_size=patch, foreground_share=1.0)
        data = make_dataset(cases, config, model="A")
        samples = [data[SampleKey(0, 0, n)] for n in range(2)]
        net, loss = build_network(config), build_loss(config)
        optimiser = make_optimiser(net.parameters(), config.training)
        image, target = (torch.stack([s[key] for s in samples]) for key in ("image", "target"))
        losses = []
        for _ in range(2):
            optimiser.zero_grad()
            value = loss(net(image), target, [s["groups"] for s in samples])
            torch.autograd.backward(value)
            optimiser.step()
            losses.append(float(value.detach()))
        assert losses[1] < losses[0]
