"""Volumes are predicted on their own grid, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor, nn

from spinesynth.anatomy.label_schemes import get_scheme
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import CheckpointError
from spinesynth.io.checkpoint import Checkpoint, save_checkpoint
from spinesynth.pipelines.config_reading import parse_config
from spinesynth.pipelines.network_plan import build_network
from spinesynth.pipelines.predict import (
    VolumePredictor,
    expressible_groups,
    load_predictor,
)


class BrightIsDisc(nn.Module):
    """Calls bright pixels disc and the others background."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor) -> Tensor:
        logits = torch.full((len(image), 6, *image.shape[2:]), -20.0)
        logits[:, int(Structure.DISC)] = (image[:, 0] - 0.5) * 40
        logits[:, 0] = 0
        return logits


def volume(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> MetaTensor:
    affine = torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64))
    return MetaTensor(torch.rand(1, *shape) * 0.1, affine=affine)


@pytest.mark.parametrize("spacing", [(4.0, 1.0, 1.0), (4.0, 0.5, 0.5), (1.0, 1.7, 2.5)])
def test_structures_return_where_they_were(spacing: tuple[float, float, float]) -> None:
    """A bright block comes back on the source grid to within one network pixel."""
    image = volume((3, 60, 50), spacing)
    image[:, 1, 20:44, 12:36] = 1.0
    predictor = VolumePredictor(BrightIsDisc(), patch_size=(64, 64))
    labels = predictor(image)
    expected = torch.zeros(3, 60, 50, dtype=torch.bool)
    expected[1, 20:44, 12:36] = True
    found = labels == Structure.DISC
    assert labels.shape == (3, 60, 50)
    assert set(labels.flatten().tolist()) == {0, int(Structure.DISC)}
    overlap = 2 * (found & expected).sum() / (found.sum() + expected.sum())
    assert overlap > 0.9
    # no shift: the block's centre stays within a quarter of a pixel
    for mine, true in zip(
        found.nonzero().float().mean(0), expected.nonzero().float().mean(0), strict=True
    ):
        assert abs(float(mine - true)) < 0.25


@pytest.mark.parametrize(("step_mm", "apart"), [(4.0, 1), (2.0, 1), (1.0, 2), (0.9, 2)])
def test_channels_of_a_network_of_three_slices_are_the_neighbours(
    step_mm: float, apart: int
) -> None:
    """A network that reads one channel finds the block of the slice that stands there."""

    class Reads(BrightIsDisc):
        def __init__(self, channel: int) -> None:
            super().__init__()
            self.channel = channel

        def forward(self, image: Tensor) -> Tensor:
            assert image.shape[1] == 3
            return super().forward(image[:, self.channel, None])

    image = volume((7, 40, 40), (step_mm, 1.0, 1.0))
    image[:, 0, 10:30, 10:30] = 1.0  # the outermost slice, repeated beyond the end
    image[:, 4, 10:30, 10:30] = 1.0
    found = [
        (VolumePredictor(Reads(channel), patch_size=(32, 32), slices=3)(image) == Structure.DISC)
        .flatten(1)
        .any(1)
        .nonzero()
        .flatten()
        .tolist()
        for channel in range(3)
    ]
    assert found == [[*range(apart + 1), 4 + apart], [0, 4], [4 - apart]]


def test_slices_are_independent_of_the_batch() -> None:
    image = volume((5, 40, 40), (4.0, 1.0, 1.0))
    network = build_network(parse_config({"name": "x", "network": {"base_features": 2}}))
    results = [
        VolumePredictor(network, patch_size=(32, 32), batch_size=size).probabilities(image)
        for size in (1, 4)
    ]
    assert torch.allclose(results[0], results[1], atol=1e-5)  # summation order only


def test_nan_is_refused_before_and_after_the_network() -> None:
    image = volume((2, 40, 40), (4.0, 1.0, 1.0))
    broken = build_network(parse_config({"name": "x", "network": {"base_features": 2}}))
    for parameter in broken.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="output is not finite"):
        VolumePredictor(broken, patch_size=(32, 32))(image)
    image[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="image must be finite"):
        VolumePredictor(BrightIsDisc())(image)


def test_checkpoint_carries_all_that_prediction_needs(tmp_path: Path) -> None:
    config = parse_config(
        {"name": "x", "network": {"base_features": 2}, "training": {"patch_size": [32, 32]}}
    )
    network = build_network(config)
    path = tmp_path / "model.pt"
    save_checkpoint(
        path, Checkpoint(config.model_dump(mode="json"), "spine6", "A", 3, network.state_dict())
    )
    predictor, saved = load_predictor(path)
    image = volume((2, 40, 36), (4.0, 1.0, 1.0))
    direct = VolumePredictor(network, patch_size=(32, 32))(image)
    assert torch.equal(predictor(image), direct)
    assert (saved.model, saved.step) == ("A", 3)


def test_missing_checkpoint_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*gone\.pt"):
        load_predictor(tmp_path / "gone.pt")


@pytest.mark.parametrize(
    ("scheme", "groups"),
    [
        ("spine6", {"vertebra", "body", "posterior", "disc", "canal", "sacrum"}),
        ("semantic4", {"vertebra", "disc", "canal"}),
        ("binary_vertebra", {"vertebra"}),
        ("parts", {"vertebra", "body", "posterior", "disc", "canal"}),
    ],
)
def test_predictor_names_what_it_can_be_scored_for(scheme: str, groups: set[str]) -> None:
    assert expressible_groups(get_scheme(scheme)) == groups
    assert VolumePredictor(BrightIsDisc(), target_scheme=scheme).groups == groups


def _save(path: Path, scheme: str, weights: dict[str, Tensor] | None = None) -> None:
    config = parse_config({"name": "x", "network": {"base_features": 2}})
    weights = build_network(config).state_dict() if weights is None else weights
    save_checkpoint(path, Checkpoint(config.model_dump(mode="json"), scheme, "A", 3, weights))


def test_checkpoint_whose_scheme_is_not_its_configurations_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "m.pt", "semantic4")
    with pytest.raises(CheckpointError, match=r"scheme is semantic4, but .* says spine6"):
        load_predictor(tmp_path / "m.pt")


def test_checkpoint_whose_weights_do_not_fit_is_refused(tmp_path: Path) -> None:
    _save(tmp_path / "m.pt", "spine6", {"other": torch.ones(2)})
    with pytest.raises(CheckpointError, match=r"E-CKPT-002.*weights do not fit the network"):
        load_predictor(tmp_path / "m.pt")


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_slabs_are_the_volume_in_order(batch_size: int) -> None:
    image = volume((5, 40, 36), (4.0, 0.8, 0.8))
    image[:, 3, 10:30, 10:30] = 1.0
    predictor = VolumePredictor(BrightIsDisc(), patch_size=(32, 32), batch_size=batch_size)
    slabs = list(predictor.slabs(image))
    assert max(slab.shape[1] for slab in slabs) <= batch_size
    assert torch.equal(torch.cat(slabs, 1), predictor.probabilities(image))
    labels = predictor.structures[torch.cat(slabs, 1).argmax(0)]
    assert torch.equal(predictor(image), labels)


def test_threads_are_lent_for_the_prediction_alone() -> None:
    seen = []

    class Counts(BrightIsDisc):
        def forward(self, image: Tensor) -> Tensor:
            seen.append(torch.get_num_threads())
            return super().forward(image)

    before = torch.get_num_threads()
    image = volume((2, 40, 36), (4.0, 1.0, 1.0))
    VolumePredictor(Counts(), patch_size=(64, 64), threads=before + 1)(image)
    assert seen == [before + 1]
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="threads must be at least 1, or None, got 0"):
        VolumePredictor(BrightIsDisc(), threads=0)
