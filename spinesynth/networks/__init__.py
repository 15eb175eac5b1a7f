"""Networks (tensors in, logits out) and the loss that trains them.

========================== ====================================================
``UNet``                   the default: BasicUNet, features doubling, 2D or 3D
``PartialLabelDiceCELoss`` DiceCE over what a source annotates
``group_logits``           folds the classes that a source cannot tell apart
========================== ====================================================
"""

from __future__ import annotations

from spinesynth.networks.partial_label_loss import PartialLabelDiceCELoss, group_logits
from spinesynth.networks.unet import UNet

__all__ = ["PartialLabelDiceCELoss", "UNet", "group_logits"]
