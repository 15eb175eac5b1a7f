"""Quantities that change along one coordinate, read by linear interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import torch
from torch import Tensor

_STEP = 1.0  # mm


class Profile:
    """Piecewise linear function of arc length or height, constant beyond its ends.

    Args:
        nodes: positions in mm, increasing.
        values: values at the nodes.
        smoothing_mm: standard deviation of a Gaussian that rounds the corners.
    """

    def __init__(
        self, nodes: Sequence[float], values: Sequence[float], *, smoothing_mm: float = 0.0
    ) -> None:
        margin = 4 * smoothing_mm + _STEP
        self._first = nodes[0] - margin
        reach = ceil(4 * smoothing_mm / _STEP)
        count = ceil((nodes[-1] + margin + 2 * _STEP - self._first) / _STEP)
        samples = self._first + np.arange(-reach, count + reach) * _STEP
        table = np.interp(samples, nodes, values)
        if reach:
            kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * _STEP / smoothing_mm) ** 2)
            table = np.convolve(table, kernel / kernel.sum(), "valid")
        self._table = torch.from_numpy(table).float()

    def __call__(self, position: Tensor) -> Tensor:
        """Return the values at positions in mm, same shape, float32."""
        index = (position - self._first).mul_(1.0 / _STEP)
        index.clamp_(0.0, float(len(self._table) - 1.001))
        whole = index.int()
        flat = whole.reshape(-1)
        table = self._table.to(position.device)
        low = table.index_select(0, flat).reshape(position.shape)
        high = table.index_select(0, flat + 1).reshape(position.shape)
        return torch.lerp(low, high, index.sub_(whole))
