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
        self._last = len(table) - 1.001
        # each step's two ends in one number, so that one look-up reads both
        pairs = np.empty(len(table) - 1, dtype=np.complex64)
        pairs.real, pairs.imag = table[:-1], table[1:]
        self._pairs = torch.from_numpy(pairs)

    def __call__(self, position: Tensor) -> Tensor:
        """Return the values at positions in mm, same shape, float32."""
        (values,) = read_together(position, self)
        return values


def read_together(position: Tensor, *profiles: Profile) -> list[Tensor]:
    """Return the values of profiles that have nodes and smoothing in common.

    Args:
        position: in mm.
        profiles: with the same nodes.
    """
    first, last = profiles[0]._first, profiles[0]._last
    index = (position - first).clamp_(0.0, last)
    flat = index.int().reshape(-1)
    weight = index.frac_()
    values = []
    for profile in profiles:
        pairs = torch.view_as_real(profile._pairs.to(position.device).index_select(0, flat))
        low, high = (part.reshape(position.shape) for part in pairs.unbind(dim=1))
        values.append(torch.lerp(low, high, weight))
    return values
