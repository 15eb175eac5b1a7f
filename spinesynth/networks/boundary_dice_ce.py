"""Dice and a cross-entropy that counts voxels more the nearer they are to a boundary."""

from __future__ import annotations

import math

import torch
from monai.losses.dice import DiceLoss
from torch import Tensor, nn
from torch.nn import functional

_REACH_SIGMAS = 3  # beyond it the weight differs from 1 by 1 % of the most


def boundary_weights(classes: Tensor, *, peak: float, sigma_voxels: float) -> Tensor:
    """Return how much each voxel counts, by its distance to the nearest boundary.

    The weight is ``1 + peak * exp(-d^2 / (2 sigma^2))``, where d is the distance
    in voxels to the nearest face between two classes, along the longest axis of
    the way (Chebyshev); 0.5 at the boundary itself. Beyond three sigma it is 1.

    Args:
        classes: ``(B, 1, *spatial)`` class of each voxel.
        peak: what a boundary adds to the weight of 1.
        sigma_voxels: width of the band, positive.

    Returns:
        ``(B, 1, *spatial)`` float32 weights.

    Source:
        Ronneberger et al. 2015, doi 10.1007/978-3-319-24574-4_28, equation 2, with
        the distance to the nearest border alone in place of the sum of two.

    Example:
        >>> row = torch.tensor([0, 0, 0, 1, 1]).reshape(1, 1, 1, 5)
        >>> weights = boundary_weights(row, peak=1.0, sigma_voxels=1.0)
        >>> [round(float(w), 3) for w in weights.flatten()]
        [1.044, 1.325, 1.882, 1.882, 1.325]
    """
    values = classes.float()
    dims = classes.ndim - 2
    pool = functional.max_pool2d if dims == 2 else functional.max_pool3d
    weights = torch.ones_like(values)
    reached = torch.zeros_like(values, dtype=torch.bool)
    for ring in range(max(1, math.ceil(_REACH_SIGMAS * sigma_voxels))):
        if ring == 0:  # a neighbour of another class
            near = pool(values, 3, 1, 1) + pool(-values, 3, 1, 1) != 0
        else:
            near = pool(reached.float(), 3, 1, 1) > 0
        distance = ring + 0.5
        added = peak * math.exp(-(distance**2) / (2 * sigma_voxels**2))
        weights = torch.where(near & ~reached, 1 + added, weights)
        reached = reached | near
    return weights


class BoundaryDiceCELoss(nn.Module):
    """Soft Dice without the background, and cross-entropy weighted towards boundaries.

    Args:
        boundary_weight: what a boundary adds to the weight of a voxel; 0 is DiceCE.
            10 in the source; 5 is nominal.
        boundary_sigma_voxels: width of the band; 5 in the source, of cells that are
            larger than vertebral parts; 2 is nominal.
        lambda_dice: weight of the Dice part.
        lambda_ce: weight of the cross-entropy.
        weight: ``(C,)`` weight of each class; None for 1.

    Shape:
        ``forward(logits (B, C, *spatial), classes (B, 1, *spatial))`` to a scalar.

    Source:
        Ronneberger et al. 2015, doi 10.1007/978-3-319-24574-4_28, equation 2.
    """

    def __init__(
        self,
        *,
        boundary_weight: float = 5.0,
        boundary_sigma_voxels: float = 2.0,
        lambda_dice: float = 1.0,
        lambda_ce: float = 1.0,
        weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        if min(boundary_weight, lambda_dice, lambda_ce) < 0 or boundary_sigma_voxels <= 0:
            raise ValueError(
                "boundary_weight, lambda_dice and lambda_ce must be at least 0, and "
                "boundary_sigma_voxels more"
            )
        self.dice = DiceLoss(
            include_background=False,
            softmax=True,
            to_onehot_y=True,
            weight=None if weight is None else weight[1:],
        )
        self.weight = weight
        self.peak, self.sigma_voxels = boundary_weight, boundary_sigma_voxels
        self.lambda_dice, self.lambda_ce = lambda_dice, lambda_ce

    def forward(self, logits: Tensor, classes: Tensor) -> Tensor:
        """Return the weighted mean over voxels and samples."""
        voxels = boundary_weights(classes, peak=self.peak, sigma_voxels=self.sigma_voxels)[:, 0]
        target = classes[:, 0].long()
        if self.weight is not None:
            voxels = voxels * self.weight.to(voxels)[target]
        entropy = functional.cross_entropy(logits, target, reduction="none")
        dice: Tensor = self.dice(logits, classes)
        return self.lambda_dice * dice + self.lambda_ce * (voxels * entropy).sum() / voxels.sum()
