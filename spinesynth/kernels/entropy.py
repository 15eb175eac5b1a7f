"""How undecided class probabilities are."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def normalised_entropy(probabilities: Tensor) -> Tensor:
    """Return the entropy of each voxel's classes over the greatest there can be.

    ``H = -sum_c p_c ln p_c / ln C``: 0 where one class has all of the probability, 1 where
    all ``C`` have the same.

    Args:
        probabilities: ``(C, *spatial)``, two classes or more, summing to 1 over them.

    Returns:
        ``(*spatial)`` in [0, 1].

    Source:
        Shannon 1948, Bell System Technical Journal 27:379,
        https://doi.org/10.1002/j.1538-7305.1948.tb01338.x; divided by the entropy of equal
        probabilities.

    Example:
        >>> normalised_entropy(torch.tensor([[1.0, 0.5], [0.0, 0.5]])).tolist()
        [0.0, 1.0]
    """
    total: Tensor = torch.special.entr(probabilities).sum(0) / math.log(len(probabilities))
    return total
