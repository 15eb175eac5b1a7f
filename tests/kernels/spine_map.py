"""A lumbar spine of straight edges, drawn at test time."""

from __future__ import annotations

import torch
from torch import Tensor

from spinesynth.anatomy.structures import Structure

SPACING_MM = (1.5, 1.5)
SIZE = (110, 110)
_FRONT_MM, _DEPTH_MM, _CANAL_MM = 110.0, 34.0, 16.0
_LOWEST_MM, _DISC_MM, _BODY_MM = 62.0, 9.0, 26.0


def make_spine(*, slices: int = 0, tilt: float = 0.5) -> Tensor:
    """Draw three bodies on discs, canal and processes.

    Args:
        slices: sagittal slices of a volume ``(I, J, K)``; 0 draws a map ``(J, K)``.
        tilt: slope of the lowest disc, whose anterior edge is the lower one; the
            slope fades upwards.
    """
    a_mm = torch.arange(SIZE[0])[:, None] * SPACING_MM[0]
    s_mm = torch.arange(SIZE[1])[None] * SPACING_MM[1]
    middle = _FRONT_MM - _DEPTH_MM / 2
    fade = (1 - (s_mm - _LOWEST_MM) / 60).clamp(0, 1)
    height = s_mm - _LOWEST_MM + tilt * fade * (a_mm - middle)
    codes = torch.zeros(SIZE, dtype=torch.uint8)
    behind = _FRONT_MM - a_mm
    column = (behind >= 0) & (behind < _DEPTH_MM)
    for level in range(3):
        above = height - level * (_DISC_MM + _BODY_MM)
        codes[column & (above >= 0) & (above < _DISC_MM)] = int(Structure.DISC)
        bone = (above >= _DISC_MM) & (above < _DISC_MM + _BODY_MM)
        codes[column & bone] = int(Structure.VERTEBRAL_BODY)
        process = (behind >= _DEPTH_MM + _CANAL_MM + 2) & (behind < _DEPTH_MM + _CANAL_MM + 22)
        codes[process & bone & (above < _DISC_MM + 15)] = int(Structure.POSTERIOR_ELEMENTS)
    canal = (behind >= _DEPTH_MM) & (behind < _DEPTH_MM + _CANAL_MM)
    codes[canal & (height >= -5)] = int(Structure.CANAL)
    return codes.expand(slices, *SIZE).clone() if slices else codes
