"""Losses by name, for classes that exclude one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from monai.losses.dice import DiceCELoss, DiceLoss
from monai.losses.tversky import TverskyLoss
from torch import Tensor, nn

from spinesynth.networks.boundary_dice_ce import BoundaryDiceCELoss
from spinesynth.networks.dice_focal import SoftmaxDiceFocalLoss
from spinesynth.networks.keywords import keyword_problems
from spinesynth.suggest import did_you_mean

#: Of MONAI's losses: classes exclude one another, and the background has no Dice of its own.
_MONAI = {
    "include_background": False, "softmax": True, "to_onehot_y": True,
    "smooth_nr": 1e-5, "smooth_dr": 1e-5,
}  # fmt: skip
#: Parameters of MONAI's losses that nothing but one value of fits.
_FIXED = {
    **dict.fromkeys(("softmax", "sigmoid", "other_act", "to_onehot_y"), "the softmax"),
    **dict.fromkeys(("reduction", "soft_label", "ignore_index"), "what a source annotates"),
    "include_background": "its being folded with what a source does not annotate",
    "weight": "training.class_weights",
}


@dataclass(frozen=True, kw_only=True)
class LossKind:
    """One kind of loss.

    Args:
        of: its class.
        keywords: arguments it is always made with, unless parameters replace them.
        weights: the classes that ``weight`` has an entry for: ``all``, those but the
            background (``foreground``), or ``none`` where it takes no weight.
    """

    of: type[nn.Module]
    keywords: Mapping[str, Any] = field(default_factory=dict)
    weights: str = "all"


#: Every loss by its name in a configuration.
LOSSES: Mapping[str, LossKind] = MappingProxyType(
    {
        "dice_ce": LossKind(of=DiceCELoss, keywords=_MONAI),
        "dice": LossKind(of=DiceLoss, keywords=_MONAI, weights="foreground"),
        "dice_focal": LossKind(of=SoftmaxDiceFocalLoss),
        "tversky": LossKind(of=TverskyLoss, keywords=_MONAI, weights="none"),
        "boundary_dice_ce": LossKind(of=BoundaryDiceCELoss),
    }
)


def loss_problems(name: str, parameters: Mapping[str, Any], *, weighted: bool) -> list[str]:
    """Return all that speaks against a loss, in words of the configuration.

    Args:
        name: of the loss, a key of ``LOSSES``.
        parameters: further arguments of its class.
        weighted: whether classes are to have weights.
    """
    if name not in LOSSES:
        hint = did_you_mean(name, LOSSES)
        return [f"training.loss: must be one of {', '.join(LOSSES)}{hint}, got {name!r}"]
    kind = LOSSES[name]
    found = keyword_problems(kind.of, parameters, reserved=_FIXED, where="training.loss_parameters")
    if weighted and kind.weights == "none":
        able = ", ".join(other for other, kind in LOSSES.items() if kind.weights != "none")
        found.append(f"training.class_weights: {name} takes none; leave them out, or use {able}")
    if not found:
        try:
            make_loss(name, parameters)
        except (TypeError, ValueError) as error:  # values that only the class itself can judge
            found.append(f"training.loss_parameters: {error}")
    return found


def make_loss(
    name: str, parameters: Mapping[str, Any] | None = None, *, weight: Tensor | None = None
) -> nn.Module:
    """Return a loss of logits ``(B, C, *spatial)`` and classes ``(B, 1, *spatial)``.

    Args:
        name: of the loss, a key of ``LOSSES``.
        parameters: further arguments of its class.
        weight: ``(C,)`` weight of each class, the background first; None for 1.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[[0.0]], [[0.0]]]).reshape(1, 2, 1, 1)
        >>> float(make_loss("dice_ce")(logits, torch.ones(1, 1, 1, 1)))  # 1 - 2/3 + log 2
        1.0264...
    """
    kind = LOSSES[name]
    arguments = {**kind.keywords, **(parameters or {})}
    if weight is not None and kind.weights != "none":
        arguments["weight"] = weight if kind.weights == "all" else weight[1:]
    return kind.of(**arguments)
