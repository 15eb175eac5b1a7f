"""Dice and the focal loss over classes that exclude one another."""

from __future__ import annotations

from monai.losses.dice import DiceLoss
from monai.losses.focal_loss import FocalLoss
from torch import Tensor, nn


class SoftmaxDiceFocalLoss(nn.Module):
    """Soft Dice without the background, and focal loss of the softmax.

    MONAI's ``DiceFocalLoss`` takes a sigmoid for its focal part, which
    log-probabilities of folded classes do not survive; here both parts take the
    softmax. With ``gamma`` 0 the focal part is the cross-entropy.

    Args:
        gamma: how little a voxel counts that is nearly right, at least 0.
        lambda_dice: weight of the Dice part.
        lambda_focal: weight of the focal part.
        weight: ``(C,)`` weight of each class; None for 1.

    Shape:
        ``forward(logits (B, C, *spatial), classes (B, 1, *spatial))`` to a scalar.

    Source:
        Lin et al. 2017, doi 10.1109/ICCV.2017.324, equation 4; the sum with Dice
        as Zhu et al. 2019, doi 10.1002/mp.13300.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        lambda_dice: float = 1.0,
        lambda_focal: float = 1.0,
        weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        if min(gamma, lambda_dice, lambda_focal) < 0:
            raise ValueError("gamma, lambda_dice and lambda_focal must be at least 0")
        self.dice = DiceLoss(
            include_background=False,
            softmax=True,
            to_onehot_y=True,
            weight=None if weight is None else weight[1:],
        )
        self.focal = FocalLoss(
            use_softmax=True, to_onehot_y=True, gamma=gamma, weight=weight, reduction="none"
        )
        self.lambda_dice, self.lambda_focal = lambda_dice, lambda_focal

    def forward(self, logits: Tensor, classes: Tensor) -> Tensor:
        """Return the mean over voxels and samples."""
        # of each voxel only the channel of its class is not 0; MONAI's mean divides by all
        focal: Tensor = self.focal(logits, classes).sum(1).mean()
        dice: Tensor = self.dice(logits, classes)
        return self.lambda_dice * dice + self.lambda_focal * focal
