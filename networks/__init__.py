"""Catalogue of the networks: tensors in, logits out.

Each name is the object of :mod:`spinesynth.networks`, given here under a short
name for the checkout. Installed, import from there.

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

Example:
    >>> from networks import UNet
    >>> UNet.__module__
    'spinesynth.networks.unet'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import spinesynth.networks as _home

if TYPE_CHECKING:
    from spinesynth.networks import *  # noqa: F403 type checkers need the names

__all__ = _home.__all__


def __getattr__(name: str) -> object:
    """Return what :mod:`spinesynth.networks` has under the name."""
    return getattr(_home, name)
