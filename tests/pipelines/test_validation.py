"""The Dice of validation samples: what counts, and what is unknown."""

from __future__ import annotations

import pytest
import torch

from spinesynth.networks import PartialLabelLoss
from spinesynth.networks.partial_label_loss import UNKNOWN_CLASS
from spinesynth.pipelines.validation import score_samples


def test_unknown_voxels_count_for_neither_side() -> None:
    """Six voxels: one of class 1 found, one missed, one found that is none, three unknown."""
    target = torch.tensor([[[1, 1, 0], [UNKNOWN_CLASS] * 3]], dtype=torch.uint8)[None]
    found = torch.tensor([[1, 0, 1], [1, 1, 0]])[None]
    logits = 10.0 * torch.nn.functional.one_hot(found, 2).permute(0, 3, 1, 2).float()
    batch = {"image": torch.zeros(1, 1, 2, 3), "target": target, "groups": [(0, 1)]}

    scores = score_samples(
        lambda _: logits, [batch], loss=PartialLabelLoss(), class_names=("", "body")
    )

    assert scores["val_dice_body"] == pytest.approx(2 * 1 / (2 + 2))
