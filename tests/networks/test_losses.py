"""Losses by name: against MONAI, against one another, and over folded classes."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
import torch
from monai.losses.dice import DiceCELoss
from torch import Tensor

from spinesynth.networks import (
    PartialLabelLoss,
    group_logits,
    group_weights,
    loss_problems,
    make_loss,
)
from spinesynth.networks.boundary_dice_ce import boundary_weights
from spinesynth.networks.losses import LOSSES
from spinesynth.pipelines.config_fields import LossName

_PARTIAL = (0, 1, 1, 2, 0, 0)
_WEIGHTS = (0.5, 1.0, 3.0, 4.0, 7.0, 9.0)
_WEIGHTED = sorted(name for name, kind in LOSSES.items() if kind.weights != "none")


def _logits(*size: int) -> Tensor:
    return 3 * torch.randn(size, generator=torch.Generator().manual_seed(0))


def _classes(*size: int, count: int = 6) -> Tensor:
    return torch.randint(count, size, generator=torch.Generator().manual_seed(1))


def test_configuration_names_every_loss() -> None:
    assert get_args(LossName) == tuple(LOSSES)


def test_default_is_dice_ce_bit_for_bit() -> None:
    logits, classes = _logits(2, 6, 9, 7), _classes(2, 1, 9, 7)
    monai = DiceCELoss(
        include_background=False, softmax=True, to_onehot_y=True, smooth_nr=1e-5, smooth_dr=1e-5
    )
    folded = torch.tensor(_PARTIAL)[classes]
    wanted = monai(group_logits(logits, _PARTIAL), folded)
    assert torch.equal(PartialLabelLoss()(logits, classes, [_PARTIAL] * 2), wanted)


@pytest.mark.parametrize("spatial", [(9, 7), (4, 5, 6)])
@pytest.mark.parametrize("name", LOSSES)
def test_loss_has_no_preference_among_classes_that_are_not_annotated(
    name: str, spatial: tuple[int, ...]
) -> None:
    logits = _logits(2, 6, *spatial).requires_grad_()
    classes = torch.tensor([0, 1, 3])[_classes(2, 1, *spatial, count=3)]

    PartialLabelLoss(name)(logits, classes, [_PARTIAL] * 2).backward()

    # the loss sees log(e^a + e^b + e^c): what it asks of a, b and c is as their shares of it
    assert logits.grad is not None
    share = torch.softmax(logits.detach()[:, [0, 4, 5]], 1)
    gradient = logits.grad[:, [0, 4, 5]]
    torch.testing.assert_close(gradient, share * gradient.sum(1, keepdim=True))


@pytest.mark.parametrize("name", LOSSES)
def test_perfect_prediction_costs_nearly_nothing(name: str) -> None:
    classes = _classes(2, 1, 9, 9)
    logits = 40 * torch.nn.functional.one_hot(classes[:, 0], 6).movedim(-1, 1).float()
    for groups in ((0, 1, 2, 3, 4, 5), _PARTIAL):
        assert float(PartialLabelLoss(name)(logits, classes, [groups] * 2)) < 1e-5


@pytest.mark.parametrize(
    ("name", "parameters", "weights"),
    [
        ("dice_focal", {"gamma": 0}, None),
        ("boundary_dice_ce", {"boundary_weight": 0}, None),
        ("boundary_dice_ce", {"boundary_weight": 0}, _WEIGHTS),
    ],
)
def test_special_case_is_dice_ce(
    name: str, parameters: dict[str, Any], weights: tuple[float, ...] | None
) -> None:
    logits, classes = _logits(2, 6, 9, 7), _classes(2, 1, 9, 7)
    weight = None if weights is None else torch.tensor(weights)
    mine = make_loss(name, parameters, weight=weight)(logits, classes)
    torch.testing.assert_close(mine, make_loss("dice_ce", weight=weight)(logits, classes))


def test_even_tversky_is_dice() -> None:
    logits, classes = _logits(2, 6, 9, 7), _classes(2, 1, 9, 7)
    # smoothing of 1e-5 is added to halves of the sums that it is added to in Dice
    torch.testing.assert_close(
        make_loss("tversky")(logits, classes), make_loss("dice")(logits, classes), rtol=1e-5, atol=0
    )


def test_focal_part_of_one_voxel_is_as_by_hand() -> None:
    logits = torch.tensor([0.2, 0.8]).log().reshape(1, 2, 1, 1)
    loss = make_loss("dice_focal", {"lambda_dice": 0})(logits, torch.ones(1, 1, 1, 1))
    assert float(loss) == pytest.approx(-(0.2**2) * math.log(0.8), rel=1e-5)


def test_boundary_weights_follow_the_distance() -> None:
    """Against the distance of every voxel to every voxel of another class."""
    classes = (_classes(1, 1, 12, 12, count=20) == 0).long()
    places = torch.cartesian_prod(torch.arange(12), torch.arange(12))
    apart = (places[:, None] - places[None]).abs().amax(-1).float()
    flat = classes.flatten()
    other = flat[:, None] != flat[None]
    # the face lies half a voxel before the nearest voxel of another class
    distance = torch.where(other, apart, torch.inf).amin(1) - 0.5
    wanted = 1 + 5 * torch.exp(-(distance**2) / (2 * 1.5**2))
    wanted = torch.where(distance > 4.5, 1.0, wanted)  # beyond three sigma
    weights = boundary_weights(classes, peak=5.0, sigma_voxels=1.5)
    torch.testing.assert_close(weights.flatten(), wanted)


def test_boundary_counts_more_than_the_inside() -> None:
    classes = torch.zeros(1, 1, 16, 16, dtype=torch.long)
    classes[..., 8:] = 1
    right = 10.0 * torch.nn.functional.one_hot(classes[:, 0], 2).movedim(-1, 1)
    losses = []
    for column in (7, 0):  # one wrong voxel at the boundary, or far from it
        logits = right.clone()
        logits[0, :, 3, column] = logits[0, :, 3, column].flip(0)
        parameters = {"lambda_dice": 0}
        losses.append(float(make_loss("boundary_dice_ce", parameters)(logits, classes)))
    # 1 + 5 exp(-0.5^2 / 8) against a weight of 1, 7.5 voxels away
    assert losses[0] / losses[1] == pytest.approx(1 + 5 * math.exp(-0.25 / 8), rel=1e-2)


def test_weights_of_groups_are_as_documented() -> None:
    # the background keeps its own though canal and sacrum are in it; body and process: the mean
    assert group_weights(_WEIGHTS, _PARTIAL) == [0.5, 2.0, 4.0]
    assert group_weights(_WEIGHTS, range(6)) == list(_WEIGHTS)


@pytest.mark.parametrize("name", _WEIGHTED)
def test_weights_of_one_are_no_weights(name: str) -> None:
    logits, classes = _logits(2, 6, 9, 7), _classes(2, 1, 9, 7)
    groups = [_PARTIAL, (0, 1, 2, 3, 4, 5)]
    plain = PartialLabelLoss(name)(logits, classes, groups)
    ones = PartialLabelLoss(name, class_weights=[1.0] * 6)(logits, classes, groups)
    torch.testing.assert_close(plain, ones)


@pytest.mark.parametrize("name", _WEIGHTED)
def test_weights_reach_the_folded_groups(name: str) -> None:
    logits, classes = _logits(1, 6, 9, 7), _classes(1, 1, 9, 7)
    weight = torch.tensor([0.5, 2.0, 4.0])
    folded = torch.tensor(_PARTIAL)[classes]
    wanted = make_loss(name, weight=weight)(group_logits(logits, _PARTIAL), folded)
    mine = PartialLabelLoss(name, class_weights=_WEIGHTS)(logits, classes, [_PARTIAL])
    assert torch.equal(mine, wanted)
    assert float(mine) != float(PartialLabelLoss(name)(logits, classes, [_PARTIAL]))


def test_levels_count_half_as_much_as_the_one_before() -> None:
    classes, groups = _classes(2, 1, 8, 8), [_PARTIAL] * 2
    levels = _logits(2, 3, 6, 8, 8)
    loss = PartialLabelLoss()
    one, two, three = (loss(levels[:, n], classes, groups) for n in range(3))
    # 1, 1/2 and 1/4, divided by their sum
    wanted = (4 * one + 2 * two + three) / 7
    torch.testing.assert_close(loss(levels, classes, groups), wanted)


@pytest.mark.parametrize(
    ("name", "parameters", "weighted", "match"),
    [
        ("dice_c", {}, False, "training.loss: must be one of .*did you mean 'dice_ce'"),
        ("tversky", {"alpah": 1}, False, "alpah: TverskyLoss takes no .*did you mean 'alpha'"),
        ("dice", {"sigmoid": True}, False, "sigmoid: is set by the softmax"),
        ("dice_focal", {"gamma": -1}, False, "loss_parameters: gamma, .* must be at least 0"),
        ("dice_focal", {"gamma": "a lot"}, False, "training.loss_parameters: "),
        ("boundary_dice_ce", {"boundary_sigma_voxels": 0}, False, "boundary_sigma_voxels more"),
        ("tversky", {}, True, "class_weights: tversky takes none; .* use dice_ce, dice"),
    ],
)
def test_what_a_loss_cannot_do_is_told(
    name: str, parameters: dict[str, Any], weighted: bool, match: str
) -> None:
    (problem,) = loss_problems(name, parameters, weighted=weighted)
    with pytest.raises(ValueError, match=match):
        raise ValueError(problem)
