"""Dice and cross-entropy over what a source annotates, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.losses.dice import DiceCELoss
from torch import Tensor, nn


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


class PartialLabelDiceCELoss(nn.Module):
    """DiceCE on the marginal probabilities of the annotated groups.

    A voxel that a source labels 0 may be anything the source does not annotate,
    so those classes are folded into the background before the loss sees them.

    Shape:
        ``forward(logits (B, C, *spatial), classes (B, 1, *spatial), groups)``
        to a scalar; ``groups`` has one tuple per sample.

    Source:
        marginal loss of Shi et al. 2021, doi 10.1016/j.media.2021.101979;
        DiceCE is MONAI's with its defaults, background left out of the Dice part.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loss = DiceCELoss(
            include_background=False, softmax=True, to_onehot_y=True, smooth_nr=1e-5, smooth_dr=1e-5
        )

    def forward(self, logits: Tensor, classes: Tensor, groups: Sequence[tuple[int, ...]]) -> Tensor:
        """Return the mean loss over samples, each scored on its own groups.

        Raises:
            ValueError: if there is not one tuple a sample, or a tuple tells no
                class from another and so teaches nothing.
        """
        if len(groups) != len(logits):
            raise ValueError(f"groups needs one tuple a sample ({len(logits)}), got {len(groups)}")
        total = logits.new_zeros(())
        for wanted in sorted(set(groups)):
            if max(wanted) == 0:
                raise ValueError(f"groups must tell 2 groups apart at least, got {wanted}")
            chosen = [n for n, group in enumerate(groups) if group == wanted]
            folded = group_logits(logits[chosen], wanted)
            fold = torch.tensor(wanted, device=classes.device)
            target = fold[classes[chosen].long()]
            # softmax of log-probabilities gives the probabilities back
            total = total + self.loss(folded, target) * len(chosen) / len(groups)
        return total
