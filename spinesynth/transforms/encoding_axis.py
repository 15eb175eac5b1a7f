"""The axis along which an acquisition encodes: named by the caller or drawn in the plane."""

from __future__ import annotations

import numpy as np

_AXES = (-3, -2, -1, 1, 2, 3)


def check_axis(name: str, axis: int | None) -> None:
    """Raise unless an axis of ``(C, *spatial)`` is spatial, or None for a random one."""
    if axis is not None and axis not in _AXES:
        raise ValueError(
            f"{name} must be None or one of {_AXES}, as 0 holds the channels, got {axis}"
        )


def resolve_axis(name: str, axis: int, dimensions: int) -> int:
    """Return an axis of an array of some dimensions counted from its end, as -1, -2 or -3."""
    resolved = axis if axis < 0 else axis - dimensions
    if not -dimensions < resolved < 0:
        raise ValueError(
            f"{name} must be a spatial axis of data of {dimensions} dimensions, got {axis}"
        )
    return resolved


def draw_axis(
    name: str, axis: int | None, dimensions: int, *, random_state: np.random.RandomState
) -> int:
    """Return the axis counted from the end; None draws one of the last two, the image plane."""
    if axis is None:
        return -1 - int(random_state.randint(2))
    return resolve_axis(name, axis, dimensions)
