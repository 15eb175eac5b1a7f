"""The loss over partial labels against MONAI and a voxel worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.losses.dice import DiceCELoss
from torch import Tensor

from spinesynth.networks import PartialLabelLoss, group_logits
from spinesynth.networks.losses import LOSSES
from spinesynth.networks.partial_label_loss import UNKNOWN_CLASS

_SIX = (0, 1, 2, 3, 4, 5)
#: Body and process as one vertebra, disc alone; canal and sacrum not annotated.
_PARTIAL = (0, 1, 1, 2, 0, 0)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _logits(*size: int, seed: int = 0) -> Tensor:
    return 3 * torch.randn(size, generator=_generator(seed))


def _classes(*size: int, count: int = 6) -> Tensor:
    return torch.randint(count, size, generator=_generator(1))


def _monai() -> DiceCELoss:
    return DiceCELoss(
        include_background=False, softmax=True, to_onehot_y=True, smooth_nr=1e-5, smooth_dr=1e-5
    )


@pytest.mark.parametrize("spatial", [(9, 7), (4, 5, 6)])
def test_loss_of_full_labels_is_that_of_monai(spatial: tuple[int, ...]) -> None:
    logits, classes = _logits(3, 6, *spatial), _classes(3, 1, *spatial)

    loss = PartialLabelLoss()(logits, classes, [_SIX] * 3)

    torch.testing.assert_close(loss, _monai()(logits, classes))


def test_loss_of_samples_with_other_groups_is_their_mean() -> None:
    logits, classes = _logits(3, 6, 8, 8), _classes(3, 1, 8, 8)
    loss = PartialLabelLoss()
    groups = [_SIX, _PARTIAL, _SIX]

    alone = [loss(logits[n : n + 1], classes[n : n + 1], groups[n : n + 1]) for n in range(3)]

    torch.testing.assert_close(loss(logits, classes, groups), torch.stack(alone).mean())


def test_one_voxel_is_marginalised_as_by_hand() -> None:
    probability = torch.tensor([0.1, 0.2, 0.05, 0.3, 0.25, 0.1])
    logits = probability.log().reshape(1, 6, 1, 1)
    # background, canal and sacrum 0.45; body and process 0.25; disc 0.3
    smooth = 1e-5
    dice = [1 - smooth / (0.25 + smooth), 1 - (2 * 0.3 + smooth) / (0.3 + 1 + smooth)]
    wanted = sum(dice) / 2 - math.log(0.3)

    loss = PartialLabelLoss()(logits, torch.full((1, 1, 1, 1), 3), [_PARTIAL])

    assert float(loss) == pytest.approx(wanted, rel=1e-5)


def test_loss_has_no_preference_among_classes_that_are_not_annotated() -> None:
    logits = _logits(1, 6, 5, 5).requires_grad_()
    classes = torch.tensor([0, 1, 3])[_classes(1, 1, 5, 5, count=3)]

    PartialLabelLoss()(logits, classes, [_PARTIAL]).backward()

    # the loss sees log(e^a + e^b + e^c): what it asks of a, b and c is as their shares of it
    assert logits.grad is not None
    share = torch.softmax(logits.detach()[:, [0, 4, 5]], 1)
    gradient = logits.grad[:, [0, 4, 5]]
    torch.testing.assert_close(gradient, share * gradient.sum(1, keepdim=True))


def test_probability_moved_between_classes_that_are_not_annotated_changes_nothing() -> None:
    logits, classes = _logits(1, 6, 5, 5), torch.zeros(1, 1, 5, 5, dtype=torch.long)
    swapped = logits[:, [4, 1, 2, 3, 5, 0]]
    loss = PartialLabelLoss()

    torch.testing.assert_close(
        loss(logits, classes, [_PARTIAL]), loss(swapped, classes, [_PARTIAL])
    )
    assert float(loss(logits, classes, [_SIX])) != float(loss(swapped, classes, [_SIX]))


def test_perfect_prediction_costs_nearly_nothing() -> None:
    classes = _classes(2, 1, 9, 9)
    logits = 40 * torch.nn.functional.one_hot(classes[:, 0], 6).movedim(-1, 1).float()

    for groups in (_SIX, _PARTIAL):
        assert float(PartialLabelLoss()(logits, classes, [groups] * 2)) < 1e-5


@given(st.integers(0, 1000), st.permutations([0, 0, 1, 1, 2, 3]))
def test_probabilities_of_groups_sum_to_one_and_to_their_classes(
    seed: int, groups: list[int]
) -> None:
    logits = _logits(2, 6, 3, 4, seed=seed)
    probability = torch.softmax(logits, 1)

    folded = group_logits(logits, groups).exp()

    assert folded.shape == (2, 4, 3, 4)
    torch.testing.assert_close(folded.sum(1), torch.ones(2, 3, 4))
    for group in range(4):
        members = [c for c, g in enumerate(groups) if g == group]
        torch.testing.assert_close(folded[:, group], probability[:, members].sum(1))


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([1e4, -1e4, 0.0, 0.0]).reshape(1, 4, 1, 1).requires_grad_()

    loss = PartialLabelLoss()(logits, torch.ones(1, 1, 1, 1), [(0, 1, 1, 2)])
    loss.backward()

    assert bool(torch.isfinite(loss))
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_classes_of_any_type_are_taken(dtype: torch.dtype) -> None:
    logits, classes = _logits(1, 6, 4, 4), _classes(1, 1, 4, 4)
    loss = PartialLabelLoss()

    assert torch.equal(
        loss(logits, classes.to(dtype), [_PARTIAL]), loss(logits, classes, [_PARTIAL])
    )


def test_one_tuple_of_groups_is_needed_for_each_sample() -> None:
    with pytest.raises(ValueError, match=r"groups needs one tuple a sample \(2\), got 1"):
        PartialLabelLoss()(_logits(2, 6, 2, 2), _classes(2, 1, 2, 2), [_SIX])


@pytest.mark.parametrize("groups", [(0, 1, 2), (0, 1, 2, 3, 4, 5, 6)])
def test_one_group_is_needed_for_each_class(groups: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"groups needs one entry a class \(6\), got"):
        PartialLabelLoss()(_logits(1, 6, 2, 2), _classes(1, 1, 2, 2), [groups])


@pytest.mark.parametrize("groups", [(0, 2, 2, 3, 0, 0), (1, 2, 1, 2, 1, 2), (0, -1, 1, 1, 1, 1)])
def test_groups_must_be_contiguous(groups: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="groups must be contiguous from 0, got"):
        PartialLabelLoss()(_logits(1, 6, 2, 2), _classes(1, 1, 2, 2), [groups])


def test_groups_that_tell_nothing_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="groups must tell 2 groups apart at least"):
        PartialLabelLoss()(_logits(1, 6, 2, 2), _classes(1, 1, 2, 2), [(0,) * 6])


@pytest.mark.parametrize("groups", [_SIX, _PARTIAL])
@pytest.mark.parametrize("name", sorted(LOSSES))
def test_what_stands_at_unknown_voxels_does_not_matter(name: str, groups: tuple[int, ...]) -> None:
    logits, classes = _logits(2, 6, 8, 8).requires_grad_(), _classes(2, 1, 8, 8)
    classes[:, :, :3] = UNKNOWN_CLASS
    loss = PartialLabelLoss(name)(logits, classes, [groups] * 2)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(gradient).all()
    assert not gradient[:, :, :3].any()
    assert gradient[:, :, 3:].any()
    other = logits.detach().clone()
    other[:, :, :3] = _logits(2, 6, 3, 8, seed=9)
    torch.testing.assert_close(PartialLabelLoss(name)(other, classes, [groups] * 2), loss)


def test_dice_and_cross_entropy_are_those_of_the_known_voxels() -> None:
    """Cross-entropy is a mean over all 64 voxels, of which 40 are known and the others add 0."""
    logits, classes = _logits(1, 6, 8, 8), _classes(1, 1, 8, 8)
    classes[:, :, :3] = UNKNOWN_CLASS
    whole, known = (logits, classes), (logits[:, :, 3:], classes[:, :, 3:])
    dice, both = PartialLabelLoss("dice"), PartialLabelLoss("dice_ce")
    torch.testing.assert_close(dice(*whole, [_SIX]), dice(*known, [_SIX]))
    entropy = [both(*of, [_SIX]) - dice(*of, [_SIX]) for of in (whole, known)]
    torch.testing.assert_close(entropy[0], entropy[1] * 40 / 64)


def test_a_sample_of_which_nothing_is_known_teaches_nothing() -> None:
    logits = _logits(1, 6, 4, 4).requires_grad_()
    classes = torch.full((1, 1, 4, 4), UNKNOWN_CLASS)
    loss = PartialLabelLoss("dice_ce")(logits, classes, [_SIX])
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(loss)
    assert not gradient.any()
