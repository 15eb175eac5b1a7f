"""A loss over what a source annotates, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spinesynth.networks.losses import make_loss

#: Class of a voxel that nobody knows, in any target.
UNKNOWN_CLASS = 255
#: Log-probability of what is impossible there: finite, since some losses multiply it by 0.
_IMPOSSIBLE = -50.0


def group_logits(logits: Tensor, groups: Sequence[int]) -> Tensor:
    """Fold the classes that a source cannot tell apart.

    Args:
        logits: ``(B, C, *spatial)`` float.
        groups: group index of each of the C classes, contiguous from 0.

    Returns:
        ``(B, G, *spatial)`` log-probabilities: the probability of a group is the
        sum over its classes.

    Raises:
        ValueError: if there is not one group a class, or a group has no class.

    Example:
        >>> group_logits(torch.zeros(1, 4, 1), (0, 1, 1, 0)).exp().flatten().tolist()
        [0.5, 0.5]
    """
    if len(groups) != logits.shape[1]:
        raise ValueError(f"groups needs one entry a class ({logits.shape[1]}), got {len(groups)}")
    if set(groups) != set(range(max(groups) + 1)):
        raise ValueError(f"groups must be contiguous from 0, got {tuple(groups)}")
    log_probability = torch.log_softmax(logits, 1)
    members = [
        [c for c, group in enumerate(groups) if group == wanted]
        for wanted in range(max(groups) + 1)
    ]
    folded = [
        log_probability[:, group[0]]
        if len(group) == 1
        else torch.logsumexp(log_probability[:, group], 1)
        for group in members
    ]
    return torch.stack(folded, 1)


def group_weights(class_weights: Sequence[float], groups: Sequence[int]) -> list[float]:
    """Return the weight of each group of classes.

    Args:
        class_weights: weight of each class, the background first.
        groups: group index of each class, contiguous from 0.

    Returns:
        Of the group that the background is in, the background's; of any other the
        mean over its classes.

    Example:
        >>> group_weights((0.5, 1.0, 3.0, 4.0), (0, 1, 1, 0))
        [0.5, 2.0]
    """
    weights = []
    for wanted in range(max(groups) + 1):
        inside = [w for w, group in zip(class_weights, groups, strict=True) if group == wanted]
        weights.append(class_weights[0] if groups[0] == wanted else sum(inside) / len(inside))
    return weights


class PartialLabelLoss(nn.Module):
    """A loss on the marginal probabilities of the annotated groups.

    A voxel that a source labels 0 may be anything the source does not annotate,
    so those classes are folded into the background before the loss sees them.

    A group's weight is that of the background where the background is in it, since
    nearly all of its voxels are just that, and else the mean over its classes.

    A voxel of ``UNKNOWN_CLASS`` counts as background that was foretold with certainty,
    so that it adds nothing to any loss and has no gradient, whatever the loss is. It
    stays in the number of voxels that a mean is taken over.

    With deep supervision the loss of level l counts ``1 / 2**l``, and all levels
    together 1.

    Args:
        name: of the loss that sees the groups, a key of ``LOSSES``.
        parameters: further arguments of its class.
        class_weights: weight of each class, the background first; None for 1.

    Shape:
        ``forward(logits (B, C, *spatial), classes (B, 1, *spatial), groups)``
        to a scalar; ``groups`` has one tuple per sample. Logits may be
        ``(B, levels, C, *spatial)``, as with deep supervision.

    Source:
        marginal loss of Shi et al. 2021, doi 10.1016/j.media.2021.101979; weights of
        levels of Isensee et al. 2021, doi 10.1038/s41592-020-01008-z. The losses
        are MONAI's with their defaults, background left out of the Dice part.
    """

    def __init__(
        self,
        name: str = "dice_ce",
        parameters: Mapping[str, Any] | None = None,
        *,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.keywords, self.class_weights = name, parameters, class_weights
        self._weighted: dict[tuple[int, ...], nn.Module] = {}
        self._plain = make_loss(name, parameters)

    def _of_groups(self, groups: tuple[int, ...], device: torch.device) -> nn.Module:
        """Return the loss whose weights are those of the groups."""
        if self.class_weights is None:
            return self._plain
        if groups not in self._weighted:
            weight = torch.tensor(group_weights(self.class_weights, groups))
            self._weighted[groups] = make_loss(self.name, self.keywords, weight=weight)
        return self._weighted[groups].to(device)

    def forward(self, logits: Tensor, classes: Tensor, groups: Sequence[tuple[int, ...]]) -> Tensor:
        """Return the mean loss over samples, each scored on its own groups.

        Raises:
            ValueError: if there is not one tuple a sample, or a tuple tells no
                class from another and so teaches nothing.
        """
        if logits.ndim > classes.ndim:
            levels = logits.unbind(1)
            shares = [0.5**level for level in range(len(levels))]
            losses = [
                share / sum(shares) * self(level, classes, groups)
                for share, level in zip(shares, levels, strict=True)
            ]
            return torch.stack(losses).sum()
        if len(groups) != len(logits):
            raise ValueError(f"groups needs one tuple a sample ({len(logits)}), got {len(groups)}")
        total = logits.new_zeros(())
        for wanted in sorted(set(groups)):
            if max(wanted) == 0:
                raise ValueError(f"groups must tell 2 groups apart at least, got {wanted}")
            chosen = [n for n, group in enumerate(groups) if group == wanted]
            folded = group_logits(logits[chosen], wanted)
            fold = torch.tensor(wanted, device=classes.device)
            ours = classes[chosen]
            unknown = ours == UNKNOWN_CLASS
            target = fold[ours.masked_fill(unknown, 0).long()]
            if bool(unknown.any()):
                certain = torch.full_like(folded, _IMPOSSIBLE)
                certain[:, wanted[0]] = 0.0
                folded = torch.where(unknown, certain, folded)
            # softmax of log-probabilities gives the probabilities back
            loss = self._of_groups(wanted, logits.device)(folded, target)
            total = total + loss * len(chosen) / len(groups)
        return total
