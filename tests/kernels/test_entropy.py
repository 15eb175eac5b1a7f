"""How undecided class probabilities are."""

from __future__ import annotations

import math

import pytest
import torch

from spinesynth.kernels.entropy import normalised_entropy


def test_entropy_is_that_of_shannon_over_that_of_equal_classes() -> None:
    given = torch.tensor([[0.5], [0.25], [0.25], [0.0]], dtype=torch.float64)
    expected = (0.5 * math.log(2) + 0.5 * math.log(4)) / math.log(4)
    # float64 sums of four terms
    assert float(normalised_entropy(given)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 6])
def test_entropy_is_one_where_all_classes_are_alike_and_zero_where_one_is_certain(
    classes: int,
) -> None:
    alike = torch.full((classes, 3), 1 / classes)
    certain = torch.nn.functional.one_hot(torch.tensor([0, 1, 1]), classes).T.float()
    # float32 rounding of the logarithm
    torch.testing.assert_close(normalised_entropy(alike), torch.ones(3), atol=1e-6, rtol=0)
    assert normalised_entropy(certain).tolist() == [0, 0, 0]
