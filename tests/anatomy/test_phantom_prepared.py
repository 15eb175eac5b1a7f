"""A phantom that is prepared once, and the voxels of the boxes that its parts lie in."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spinesynth.anatomy.phantom import draw_phantom, prepare_phantom, render_phantom
from spinesynth.anatomy.phantom.arch import posterior_distance
from spinesynth.anatomy.phantom.canvas import PointMap
from spinesynth.anatomy.phantom.grid import SampleGrid, rotation_matrix
from spinesynth.anatomy.phantom.parts import Box, BoxTable
from spinesynth.anatomy.phantom.spine_curve import Frame
from spinesynth.anatomy.phantom.voxel_lists import list_voxels

_GRIDS = (
    {"shape": (1, 60, 70), "spacing_mm": (1.0, 4.0, 4.0)},
    {"shape": (9, 30, 1), "spacing_mm": (9.0, 5.0, 3.0), "rotation_deg": (20.0, -10.0, 30.0)},
)


def _oblique_grid() -> SampleGrid:
    centre = torch.tensor([2.0, -3.0, 5.0], dtype=torch.float64)
    return SampleGrid((7, 20, 24), (5.0, 2.0, 2.5), centre, rotation_matrix((15.0, -8.0, 30.0)))


def _box(angles_deg: tuple[float, float, float], slant: tuple[float, float]) -> Box:
    origin = torch.tensor([1.0, 2.0, -4.0], dtype=torch.float64)
    frame = Frame(origin, rotation_matrix(angles_deg), 20.0, 0.0, 0.0, 0.0, 20.0)
    return Box(frame, (0.5, -6.0, 3.0), (9.0, 14.0, 11.0), slant=slant)


def _held(box: Box, grid: SampleGrid, margin_mm: float) -> Tensor:
    """Return the voxels that a box holds with its margin, point by point."""
    u, v, w = box.frame.coordinates(*(c.double() for c in grid.body_coordinates()))
    held = torch.ones(grid.shape, dtype=torch.bool)
    for place, centre, half in zip((u, v, w), box.centre, box.half, strict=True):
        held &= (place - centre).abs() <= half + margin_mm
    low, high = box.slant
    room = 2**0.5 * margin_mm  # w - v grows by that much per mm along its normal
    return held & (w - v >= low - room) & (w - v <= high + room)


def test_a_prepared_phantom_renders_what_its_record_renders() -> None:
    record = draw_phantom(5)
    phantom = prepare_phantom(record)
    for grid in _GRIDS:
        prepared, drawn = render_phantom(phantom, **grid), render_phantom(record, **grid)  # type: ignore[arg-type]  # a dict of several types
        for name in ("structure", "instance", "tissue", "affine"):
            assert torch.equal(getattr(prepared, name), getattr(drawn, name)), name


def test_listed_voxels_are_those_that_the_box_holds() -> None:
    grid, margin_mm = _oblique_grid(), 1.5
    boxes = [
        _box((0.0, 0.0, 0.0), (-1e6, 1e6)),
        _box((25.0, 10.0, -35.0), (-4.0, 12.0)),
        _box((-50.0, 0.0, 80.0), (2.0, 9.0)),
    ]
    table = BoxTable.of(boxes)
    window = grid.around(table.windows(grid, margin_mm=margin_mm))
    assert window is not None
    listed = {
        number: set(flat.tolist())
        for lists in list_voxels(grid, PointMap.blank(grid), table, window, margin_mm=margin_mm)
        for number, flat in zip(lists.numbers, lists.flat, strict=True)
    }
    for number, box in enumerate(boxes):
        expected = _held(box, grid, margin_mm).view(-1).nonzero()[:, 0].tolist()
        assert expected
        assert listed[number] == set(expected)


@pytest.mark.parametrize("seed", [0, 12, 3])  # two with broad processes down to the sacrum
def test_arches_end_within_their_boxes(seed: int) -> None:
    record = draw_phantom(seed, pathology=False)
    phantom = prepare_phantom(record)
    origin = torch.zeros(3, dtype=torch.float64)
    # 144 x 120 x 120 mm around the middle of the arches, wider than they are
    grid = SampleGrid((72, 60, 60), (2.0, 2.0, 2.0), origin, rotation_matrix((0.0, 0.0, 0.0)))
    u, v, w = (c[None] for c in grid.body_coordinates())
    v = v - 30.0
    for number, size in enumerate(record.vertebrae):
        half_depth = 0.5 * size.canal_depth_mm
        # an elliptic canal stands for the bony canal, near enough where laminae are
        canal = torch.hypot(u * size.canal_depth_mm / size.canal_width_mm, v + half_depth)
        shape = phantom.arches.shapes([number], grid.device)
        inside = posterior_distance((u, v, w), canal - half_depth, shape) < 0.5
        assert inside.any()
        boxes = phantom.arches.boxes
        centre, half = _frame_box(boxes, number, phantom.spine.vertebrae[number])
        for place, middle, reach in zip((u, v, w), centre, half, strict=True):
            assert ((place - middle).abs()[inside] <= reach).all()
        low, high = (boxes.slants_mm[number] + centre[2] - centre[1]).tolist()
        slanted = (w - v)[inside]
        assert (slanted >= low).all()
        assert (slanted <= high).all()


def _frame_box(boxes: BoxTable, number: int, frame: Frame) -> tuple[list[float], list[float]]:
    """Return centre and half lengths of a box in its frame."""
    centre = torch.from_numpy(boxes.centres_mm[number])
    return (frame.axes.T @ (centre - frame.origin)).tolist(), boxes.halves_mm[number].tolist()
