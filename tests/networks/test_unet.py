"""The network: its size, the sizes it takes, and that it learns."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spinesynth.networks import UNet


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _count_by_hand(base: int, *, channels: int, classes: int, dims: int) -> int:
    """Add up weights and biases of a BasicUNet whose features double."""

    def convolution(inside: int, outside: int, width: int) -> int:
        return int(width**dims) * inside * outside + outside

    def two_convolutions(inside: int, outside: int) -> int:
        norm = 2 * outside  # scale and shift
        return convolution(inside, outside, 3) + convolution(outside, outside, 3) + 2 * norm

    features = [base * 2**level for level in range(5)]
    total = two_convolutions(channels, features[0])
    total += sum(two_convolutions(a, b) for a, b in pairwise(features))
    for low, skip in ((4, 3), (3, 2), (2, 1)):  # upsampling halves the features
        half = features[low] // 2
        total += convolution(features[low], half, 2)
        total += two_convolutions(half + features[skip], features[skip])
    # the last one does not
    total += convolution(features[1], features[1], 2)
    total += two_convolutions(features[1] + features[0], base)
    return total + convolution(base, classes, 1)


@pytest.mark.parametrize(("base_features", "printed"), [(8, 488_358), (16, 1.95e6), (32, 7.78e6)])
def test_parameters_of_14_classes_are_as_documented(base_features: int, printed: float) -> None:
    count = UNet(1, 14, base_features).count_parameters()

    assert count == pytest.approx(printed, rel=0 if base_features == 8 else 2e-3)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(("base", "channels", "classes"), [(2, 1, 2), (3, 2, 6), (4, 1, 14)])
def test_parameters_are_those_counted_by_hand(
    base: int, channels: int, classes: int, dims: int
) -> None:
    network = UNet(channels, classes, base, dims=dims)

    wanted = _count_by_hand(base, channels=channels, classes=classes, dims=dims)
    assert network.count_parameters() == wanted


def test_frozen_parameters_are_not_counted() -> None:
    network = UNet(1, 2, 2)
    total = network.count_parameters()
    first = next(network.parameters())
    first.requires_grad = False

    assert network.count_parameters() == total - first.numel()


@settings(max_examples=15)
@given(st.integers(1, 70), st.integers(1, 70))
def test_any_size_of_image_is_taken(rows: int, columns: int) -> None:
    logits = UNet(1, 3, 2)(torch.rand((2, 1, rows, columns), generator=_generator()))

    assert logits.shape == (2, 3, rows, columns)
    assert bool(torch.isfinite(logits).all())


@pytest.mark.parametrize("size", [(5, 33, 17), (32, 32, 32), (1, 40, 9)])
def test_any_size_of_volume_is_taken(size: tuple[int, int, int]) -> None:
    logits = UNet(2, 3, 2, dims=3)(torch.rand((1, 2, *size), generator=_generator()))

    assert logits.shape == (1, 3, *size)
    assert bool(torch.isfinite(logits).all())


def test_size_that_fits_passes_without_padding() -> None:
    network = UNet(1, 3, 2).eval()
    image = torch.rand((1, 1, 48, 64), generator=_generator())

    assert torch.equal(network(image), network.body(image))


def test_padding_is_behind_the_image() -> None:
    network = UNet(1, 3, 2).eval()
    image = torch.rand((1, 1, 40, 50), generator=_generator())
    padded = torch.zeros(1, 1, 48, 64)
    padded[..., :40, :50] = image

    assert torch.equal(network(image), network(padded)[..., :40, :50])


@pytest.mark.parametrize(("dims", "size"), [(2, (33, 20)), (3, (16, 20, 9))])
def test_gradient_reaches_every_parameter(dims: int, size: tuple[int, ...]) -> None:
    network = UNet(1, 4, 2, dims=dims)
    image = torch.rand((2, 1, *size), generator=_generator())

    network(image).square().mean().backward()

    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name
    reached = [bool(p.grad.any()) for p in network.parameters() if p.grad is not None]
    # a bias before an instance norm is taken out again; everything else must move
    assert sum(reached) > len(reached) / 2


def test_few_steps_learn_a_threshold() -> None:
    torch.manual_seed(0)
    network = UNet(1, 2, 4)
    image = torch.rand((2, 1, 32, 32), generator=_generator())
    wanted = (image[:, 0] > 0.5).long()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(network(image), wanted)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))

    # a coin gives log 2 = 0.69
    assert losses[-1] < 0.35 < losses[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"num_classes": 1}, "num_classes must be at least 2, got 1"),
        ({"base_features": 0}, "base_features must be at least 1, got 0"),
        ({"dims": 4}, "dims must be 2 or 3, got 4"),
    ],
)
def test_impossible_networks_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UNet(**arguments)
