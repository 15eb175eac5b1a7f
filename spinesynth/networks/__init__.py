"""Networks (tensors in, logits out) by name, and the losses that train them.

===================== =========================================================
``CentreHeadNetwork`` a network with a heatmap of centres beside its logits
``NetworkPlan``       what is asked of a network, whichever it is
``PartialLabelLoss``  any loss, over what a source annotates
``UNet``              the default: BasicUNet, features doubling, 2D or 3D
``centre_loss``       squared error of such heatmaps, where they are known
``group_logits``      folds the classes that a source cannot tell apart
``group_weights``     the weights of such groups
``loss_problems``     all that speaks against a loss
``make_loss``         a loss by name
``make_network``      an untrained network by name
``network_problems``  all that speaks against a network
``split_centre``      parts logits and heatmap
``without_centre``    weights of such a network as those of a plain one
===================== =========================================================
"""

from __future__ import annotations

from spinesynth.networks.centre_head import (
    CentreHeadNetwork,
    centre_loss,
    split_centre,
    without_centre,
)
from spinesynth.networks.losses import loss_problems, make_loss
from spinesynth.networks.partial_label_loss import PartialLabelLoss, group_logits, group_weights
from spinesynth.networks.plan import NetworkPlan
from spinesynth.networks.registry import make_network, network_problems
from spinesynth.networks.unet import UNet

__all__ = [
    "CentreHeadNetwork",
    "NetworkPlan",
    "PartialLabelLoss",
    "UNet",
    "centre_loss",
    "group_logits",
    "group_weights",
    "loss_problems",
    "make_loss",
    "make_network",
    "network_problems",
    "split_centre",
    "without_centre",
]
