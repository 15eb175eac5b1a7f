"""The channel beside the logits: where it lies, when it is there, and what it costs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spinesynth.networks import CentreHeadNetwork, centre_loss, split_centre


class Numbered(nn.Module):
    """Give channels that hold their number, and in training levels that add 10 each."""

    def __init__(self, channels: int, levels: int = 1) -> None:
        super().__init__()
        self.channels, self.levels = channels, levels

    def forward(self, image: Tensor) -> Tensor:
        numbers = torch.arange(float(self.channels)).reshape(1, -1, 1, 1)
        full = numbers.expand(len(image), -1, *image.shape[2:])
        if self.levels == 1 or not self.training:
            return full
        return torch.stack([full + 10 * level for level in range(self.levels)], 1)


def test_last_channel_is_the_heatmap_and_is_gone_in_evaluation() -> None:
    network = CentreHeadNetwork(Numbered(4), num_classes=3)
    image = torch.zeros(2, 1, 5, 6)
    logits, heat = split_centre(network(image), dims=2)
    assert logits[0, :, 0, 0].tolist() == [0, 1, 2]
    assert heat.shape == (2, 1, 5, 6)
    assert set(heat.flatten().tolist()) == {3}
    assert torch.equal(network.eval()(image), logits)


def test_with_deep_supervision_it_is_that_of_the_full_level() -> None:
    network = CentreHeadNetwork(Numbered(4, levels=2), num_classes=3)
    image = torch.zeros(2, 1, 5, 6)
    logits, heat = split_centre(network(image), dims=2)
    assert logits[0, :, :, 0, 0].tolist() == [[0, 1, 2], [10, 11, 12]]
    assert set(heat.flatten().tolist()) == {3}
    assert network.eval()(image).shape == (2, 3, 5, 6)


def test_unknown_voxels_cost_nothing_and_have_no_gradient() -> None:
    predicted = torch.tensor([[[0.5, 9.0, 1.0]]], requires_grad=True)
    known = torch.tensor([[[True, False, True]]])
    loss = centre_loss(predicted, torch.zeros(1, 1, 3), known)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == (0.25 + 1) / 2
    assert predicted.grad is not None
    assert predicted.grad.flatten().tolist() == [0.5, 0.0, 1.0]  # 2 (p - w) / 2


def test_parts_of_a_batch_have_the_mean_of_the_batch() -> None:
    """So ranks and accumulated parts see the same loss, whatever each sample knows."""
    generator = torch.Generator().manual_seed(0)
    predicted, wanted = torch.rand(2, 4, 1, 3, 3, generator=generator)
    known = torch.rand(4, 1, 3, 3, generator=generator) > 0.5
    known[3] = False
    halves = [centre_loss(predicted[h], wanted[h], known[h]) for h in (slice(2), slice(2, 4))]
    # sums in another order: a rounding or two
    torch.testing.assert_close(sum(halves) / 2, centre_loss(predicted, wanted, known))
