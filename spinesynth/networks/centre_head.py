"""A further channel of a network that says where the centres of bodies are, and its loss."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class CentreHeadNetwork(nn.Module):
    """A network whose last channel is a heatmap in training, and not there otherwise.

    Args:
        network: whose output has a channel more than there are classes.
        num_classes: channels that are logits.

    Shape:
        what the network gives; in evaluation ``(B, num_classes, *spatial)``, so that
        nobody who predicts or validates has to know of the heatmap.

    Example:
        >>> import torch
        >>> both = CentreHeadNetwork(nn.Conv2d(1, 3, 1), num_classes=2)
        >>> image = torch.zeros(1, 1, 4, 4)
        >>> both(image).shape[1], both.eval()(image).shape[1]
        (3, 2)
    """

    def __init__(self, network: nn.Module, *, num_classes: int) -> None:
        super().__init__()
        self.network, self.num_classes = network, num_classes

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits of an image, in training followed by the heatmap."""
        output: Tensor = self.network(image)
        return output if self.training else output[:, : self.num_classes]


def without_centre(weights: Mapping[str, Tensor], like: nn.Module) -> dict[str, Tensor]:
    """Return weights of a :class:`CentreHeadNetwork` as those of the network without it.

    Where the last layer alone makes the channels of the output, the logits stay what they were. A
    layer that mixes these channels loses what the heatmap added to the others.

    Args:
        weights: of a network with the head, otherwise of the same kind.
        like: the network without it.

    Example:
        >>> both = CentreHeadNetwork(nn.Conv2d(1, 3, 1), num_classes=2)
        >>> without_centre(both.state_dict(), nn.Conv2d(1, 2, 1))["weight"].shape
        torch.Size([2, 1, 1, 1])
    """
    plain = {}
    for name, wanted in like.state_dict().items():
        value = weights[f"network.{name}"]
        for axis, size in enumerate(wanted.shape):
            value = value.narrow(axis, 0, size)
        plain[name] = value.clone()
    return plain


def split_centre(output: Tensor, *, dims: int) -> tuple[Tensor, Tensor]:
    """Part the output of a :class:`CentreHeadNetwork` in training.

    Args:
        output: ``(B, C + 1, *spatial)``, or ``(B, levels, C + 1, *spatial)`` as with deep
            supervision, the full level first.
        dims: number of spatial axes.

    Returns:
        Logits of C channels, and the heatmap ``(B, 1, *spatial)`` of the full level.
    """
    axis = output.ndim - dims - 1
    classes = output.shape[axis] - 1
    full = output if axis == 1 else output[:, 0]
    return output.narrow(axis, 0, classes), full[:, classes:]


def centre_loss(predicted: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """Return the mean squared error of heatmaps where they are known.

    Args:
        predicted: ``(B, 1, *spatial)``.
        wanted: of the same shape.
        known: bool of the same shape.

    Returns:
        The mean over samples of the mean over a sample's known voxels, 0 for a sample
        without any: a batch in parts has the mean of theirs.

    Source:
        regression of Gaussians by the squared error: Payer et al. 2019,
        doi 10.1016/j.media.2019.03.007.

    Example:
        >>> import torch
        >>> wanted = torch.tensor([[[0.0, 1.0]], [[0.0, 0.0]]])
        >>> known = torch.tensor([[[True, True]], [[False, False]]])
        >>> float(centre_loss(torch.ones(2, 1, 2), wanted, known))  # (1/2 + 0) / 2
        0.25
    """
    # chosen before squaring: an overflow where nothing is known gives no NaN, nor its gradient
    errors = (torch.where(known, predicted - wanted, 0.0) ** 2).flatten(1).sum(1)
    return (errors / known.flatten(1).sum(1).clamp(min=1)).mean()
