"""Equal windows around several segments, so that one pass serves all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from spinesynth.anatomy.phantom.canvas import PointMap, TilePoints
from spinesynth.anatomy.phantom.grid import SampleGrid, Window, stack_windows


@dataclass(frozen=True)
class Tiles:
    """Windows of one shape, and which of the boxes they hold.

    Attributes:
        numbers: of the boxes, in their order.
        windows: of these boxes, or a little larger.
        points: of the windows, each field (L, i, j, k).
    """

    numbers: list[int]
    windows: list[Window]
    points: TilePoints

    def read(self, field: Tensor) -> Tensor:
        """Return a map (I, J, K) in the windows, (L, i, j, k)."""
        return stack_windows(field, self.windows)


def tile_windows(
    grid: SampleGrid, points: PointMap, windows: Sequence[Window | None]
) -> Iterator[Tiles]:
    """Return the boxes that the grid holds, many small ones or few large ones at a time.

    Args:
        grid: that the windows are cut from.
        points: of the grid.
        windows: of the boxes in the order of painting, None for those outside.
    """
    found = [(number, window) for number, window in enumerate(windows) if window is not None]
    while found:
        count, size = _take(found, grid)
        numbers = [number for number, _ in found[:count]]
        equal = [_grown(window, size, grid.shape) for _, window in found[:count]]
        yield Tiles(numbers, equal, points.stack(equal))
        found = found[count:]


def _take(found: list[tuple[int, Window]], grid: SampleGrid) -> tuple[int, tuple[int, int, int]]:
    """Return how many of the first windows to join, and their common size."""
    size, count = (0, 0, 0), 0
    for _, window in found:
        i, j, k = (max(n, w.stop - w.start) for n, w in zip(size, window, strict=True))
        if count and (count + 1) * i * j * k > grid.block_voxels:
            break
        size, count = (i, j, k), count + 1
    return count, size


def _grown(window: Window, size: tuple[int, int, int], shape: tuple[int, int, int]) -> Window:
    i, j, k = (
        slice(start, start + n)
        for n, start in (
            (n, min(part.start, most - n))
            for part, n, most in zip(window, size, shape, strict=True)
        )
    )
    return i, j, k
