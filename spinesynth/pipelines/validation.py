"""Scores of a network on the fixed samples of a validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from spinesynth.networks import PartialLabelLoss, group_logits
from spinesynth.networks.partial_label_loss import UNKNOWN_CLASS

_WHOLE = "vertebra"  # where body and posterior elements are known together, not apart


def score_samples(
    logits_of: Callable[[Tensor], Tensor],
    batches: Sequence[dict[str, Any]],
    *,
    loss: PartialLabelLoss,
    class_names: Sequence[str],
) -> dict[str, float]:
    """Return the loss, and the Dice pooled over all samples.

    Args:
        logits_of: network, ``(B, channels, *patch)`` to logits ``(B, C, *patch)``.
        batches: ``image``, ``target`` and ``groups`` of each.
        loss: of logits, target and groups.
        class_names: of the channels.

    Returns:
        ``val_loss``; ``val_dice_<name>`` for each structure by the name under
        which it was known, so that whole vertebrae (``vertebra``) stand apart
        from vertebral bodies; ``val_dice_mean``, the mean over classes, where
        whole vertebrae count in the class of the bodies.
    """
    known: dict[tuple[int, str], Tensor] = {}
    losses = []
    with torch.inference_mode():
        for batch in batches:
            logits = logits_of(batch["image"])
            targets = batch["target"].to(logits.device)
            losses.append(float(loss(logits, targets, batch["groups"])))
            for sample, target, groups in zip(logits, targets, batch["groups"], strict=True):
                overlap = _group_overlap(sample[None], target[None], groups)
                for number in _first_classes(groups):
                    folded = groups.count(groups[number]) > 1
                    key = (number, _WHOLE if folded else class_names[number])
                    known[key] = known.get(key, torch.zeros(2)) + overlap[number]
    classes = torch.zeros(len(class_names), 2)
    for (number, _), pair in known.items():
        classes[number] += pair
    dice = [_dice(pair) for pair in classes if pair[1] > 0]
    return {
        "val_loss": sum(losses) / len(losses),
        "val_dice_mean": sum(dice) / max(len(dice), 1),
        **{f"val_dice_{key[1]}": _dice(known[key]) for key in sorted(known) if known[key][1]},
    }


def _dice(overlap: Tensor) -> float:
    """Return the Dice of (intersection, sum of sizes)."""
    return float(2 * overlap[0] / overlap[1])


def _first_classes(groups: tuple[int, ...]) -> list[int]:
    """Return the first class of each group but that of the background."""
    return [n for n, group in enumerate(groups) if group != 0 and groups.index(group) == n]


def _group_overlap(logits: Tensor, target: Tensor, groups: tuple[int, ...]) -> Tensor:
    """Return (intersection, sum of sizes) of each class that the groups tell apart.

    Unknown voxels count for neither side.
    """
    known = target[:, 0] != UNKNOWN_CLASS
    predicted = group_logits(logits, groups).argmax(1).masked_fill(~known, 0)
    classes = target[:, 0].long().masked_fill(~known, 0)
    reference = torch.tensor(groups, device=target.device)[classes]
    result = torch.zeros(len(groups), 2)
    for number in _first_classes(groups):
        mine, theirs = predicted == groups[number], reference == groups[number]
        result[number] = torch.tensor([(mine & theirs).sum(), mine.sum() + theirs.sum()])
    return result
