from __future__ import annotations

import numpy as np
import pytest

from spinesynth.postprocess.column import Body, Column
from spinesynth.postprocess.curve import curve_through
from spinesynth.postprocess.numbering import number_discs
from spinesynth.postprocess.pieces import Piece

_PITCH_MM = 37.0


def _disc(voxels: int) -> Piece:
    return Piece(np.argwhere(np.ones((1, 1, voxels))), np.ones(3))


@pytest.mark.parametrize(
    ("off_mm", "voxels", "expected"),
    [
        (0.0, 100, 2),
        (15.0, 100, 2),  # within 0.42 of 37 mm
        (17.0, 100, 2),  # farther, but as large as a disc: between wedged or slipped bodies
        (17.0, 49, None),  # farther, and less than half of one: a spot in a body
        (15.0, 49, 2),
    ],
)
def test_a_disc_far_from_halfway_counts_if_it_is_large(
    off_mm: float, voxels: int, expected: int | None
) -> None:
    arcs = [0.0, _PITCH_MM, 2 * _PITCH_MM]
    bodies = tuple(Body((_disc(1),), arc, arc - 13.0, arc + 13.0) for arc in arcs)
    discs = (
        (0.5 * _PITCH_MM + off_mm, _disc(voxels)),
        (1.5 * _PITCH_MM, _disc(100)),
        (2.5 * _PITCH_MM, _disc(100)),
    )
    curve = curve_through(np.array([[0.0, 0.0, arc] for arc in arcs]))
    column = Column(curve, bodies, discs, (), _PITCH_MM, 0, np.ones(3))
    assert number_discs(column, [1, 2, 3]) == [expected, 3, 4]
