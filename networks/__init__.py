"""Catalogue of the networks: tensors in, logits out.

Each name is the object of :mod:`spinesynth.networks`, given here under a short
name for the checkout. Installed, import from there.

========================== =====================================================
``UNet``                   the default network: features doubling, 2D or 3D
``PartialLabelDiceCELoss`` the loss, over what a source annotates
``group_logits``           fold the classes that a source cannot tell apart
========================== =====================================================

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
