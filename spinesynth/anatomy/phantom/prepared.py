"""What no grid changes: a record's spine, courses, waves and parts, made once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from spinesynth.anatomy.phantom.arch import ArchShape, RibShape, arch_box, rib_box
from spinesynth.anatomy.phantom.canal import CanalCourse, RootShape, canal_course, nerve_root
from spinesynth.anatomy.phantom.disc import DiscShape, disc_boxes, disc_shapes
from spinesynth.anatomy.phantom.displacement import displacement_fields
from spinesynth.anatomy.phantom.grid import SampleGrid, Window
from spinesynth.anatomy.phantom.parameters import PhantomRecord
from spinesynth.anatomy.phantom.parts import Box, BoxTable, Parts
from spinesynth.anatomy.phantom.pelvis import HipCourse, hip_course
from spinesynth.anatomy.phantom.sacrum import (
    SacralCourse,
    sacral_body_shape,
    sacral_course,
    sacral_disc_shape,
)
from spinesynth.anatomy.phantom.spine_curve import Spine, stack_spine
from spinesynth.anatomy.phantom.trunk import TrunkOutline, trunk_fields, trunk_outline
from spinesynth.anatomy.phantom.vertebra import BodyShape, body_box
from spinesynth.anatomy.phantom.waves import WaveField


@dataclass(frozen=True)
class PartWindows:
    """Windows of the boxes of :class:`PreparedPhantom` in one grid, None for those outside."""

    canal: list[Window | None]
    left_hip: list[Window | None]
    right_hip: list[Window | None]
    sacrum: list[Window | None]
    roots: list[Window | None]
    discs: list[Window | None]
    sacral_parts: list[Window | None]
    ribs: list[Window | None]
    arches: list[Window | None]
    bodies: list[Window | None]


@dataclass(frozen=True)
class PreparedPhantom:
    """A record with all that is made of it before a grid is known.

    Attributes:
        record: the drawn sizes.
        spine: its segments, stacked.
        outline: of the trunk.
        fields: three waves of displacement, roughness, and the fields of the trunk.
        canal: course of the canal.
        sacrum: course of the sacrum.
        hips: place of the hip bones.
        boxes: of all parts, in the order of :class:`PartWindows`.
        box_counts: how many each of its fields has.
        roots: nerve roots, one part for both sides of a level.
        discs: from the lowest up.
        sacral_parts: rudimentary discs and bodies, S5 to S1.
        is_sacral_disc: which of the sacral parts are discs.
        ribs: left and right of each vertebra that bears them.
        arches: posterior elements, from the lowest up.
        bodies: of the vertebrae, from the lowest up.
    """

    record: PhantomRecord
    spine: Spine
    outline: TrunkOutline
    fields: list[WaveField]
    canal: CanalCourse
    sacrum: SacralCourse
    hips: HipCourse
    boxes: BoxTable
    box_counts: list[int]
    roots: Parts[RootShape]
    discs: Parts[DiscShape]
    sacral_parts: Parts[BodyShape]
    is_sacral_disc: list[bool]
    ribs: Parts[RibShape]
    arches: Parts[ArchShape]
    bodies: Parts[BodyShape]

    def windows(self, grid: SampleGrid, *, margin_mm: float) -> PartWindows:
        """Return the windows of all boxes with a margin; one call costs less than ten."""
        windows = iter(self.boxes.windows(grid, margin_mm=margin_mm))
        return PartWindows(*(list(islice(windows, count)) for count in self.box_counts))


def prepare_phantom(record: PhantomRecord) -> PreparedPhantom:
    """Make what :func:`render_phantom` needs of a record, whatever the grid.

    Worth it for several grids of one record: slices of one spine, say.

    Args:
        record: from :func:`draw_phantom`.

    Returns:
        What :func:`render_phantom` takes in place of the record.

    Example:
        >>> from spinesynth.anatomy.phantom import draw_phantom, render_phantom
        >>> phantom = prepare_phantom(draw_phantom(1))
        >>> shape, spacing_mm = (1, 64, 64), (4.0, 4.0, 4.0)
        >>> alone = render_phantom(phantom, shape=shape, spacing_mm=spacing_mm)
        >>> same = render_phantom(phantom.record, shape=shape, spacing_mm=spacing_mm)
        >>> bool((alone.tissue == same.tissue).all())
        True
    """
    spine = stack_spine(record)
    sacral_parts, is_sacral_disc = _sacral_parts(record, spine)
    left, right = (
        Box(spine.sacrum[0], (side, 0.0, -15.0), (45.0, 80.0, 75.0)) for side in (-65.0, 65.0)
    )
    half = (28.0 + abs(record.scoliosis_mm), 60.0, 40.0)
    canal = [Box(frame, (0.0, -18.0, 0.0), half) for frame in spine.vertebrae + spine.sacrum]
    sacrum = [Box(frame, (0.0, -8.0, 0.0), (62.0, 55.0, 30.0)) for frame in spine.sacrum]
    roots, discs, ribs = _roots(record, spine), _discs(record, spine), _ribs(record, spine)
    arches, bodies = _arches(record, spine), _bodies(record, spine)
    tables = [BoxTable.of(boxes) for boxes in (canal, [left], [right], sacrum)]
    tables += [part.boxes for part in (roots, discs, sacral_parts, ribs, arches, bodies)]
    return PreparedPhantom(
        record=record,
        spine=spine,
        outline=trunk_outline(record, spine),
        fields=displacement_fields(record.seed) + trunk_fields(record),
        canal=canal_course(record, spine),
        sacrum=sacral_course(record, spine),
        hips=hip_course(record, spine),
        boxes=BoxTable.joined(tables),
        box_counts=[len(table) for table in tables],
        roots=roots,
        discs=discs,
        sacral_parts=sacral_parts,
        is_sacral_disc=is_sacral_disc,
        ribs=ribs,
        arches=arches,
        bodies=bodies,
    )


def _roots(record: PhantomRecord, spine: Spine) -> Parts[RootShape]:
    roots = [
        nerve_root(frame, size.canal_width_mm, size.canal_depth_mm)
        for frame, size in zip(spine.vertebrae, record.vertebrae, strict=True)
    ]
    boxes = [
        Box(frame, (0.0, -3.0, -8.0), (float(root.end_u_mm) + 4.0, 16.0, 22.0))
        for frame, root in zip(spine.vertebrae, roots, strict=True)
    ]
    return Parts.of(boxes, roots, RootShape)


def _discs(record: PhantomRecord, spine: Spine) -> Parts[DiscShape]:
    shapes = disc_shapes(record)
    return Parts.of(disc_boxes(spine.discs, shapes), shapes, DiscShape)


def _sacral_parts(record: PhantomRecord, spine: Spine) -> tuple[Parts[BodyShape], list[bool]]:
    """Return the parts from S5 to S1, each disc before the body above it, and which are discs."""
    boxes, shapes, is_disc = [], [], []
    for n, segment in reversed(list(enumerate(record.sacrum))):
        if n < len(spine.sacral_discs):
            shapes.append(sacral_disc_shape(segment))
            boxes.append(body_box(spine.sacral_discs[n], shapes[-1]))
            is_disc.append(True)
        shapes.append(sacral_body_shape(segment, is_first=n == 0))
        boxes.append(body_box(spine.sacrum[n], shapes[-1]))
        is_disc.append(False)
    return Parts.of(boxes, shapes, BodyShape), is_disc


def _ribs(record: PhantomRecord, spine: Spine) -> Parts[RibShape]:
    levels = zip(spine.vertebrae, record.vertebrae, strict=True)
    bearing = [(frame, size) for frame, size in levels for _ in (0, 1) if size.has_rib]
    boxes = [rib_box(frame, size, right=bool(n % 2)) for n, (frame, size) in enumerate(bearing)]
    return Parts.of(boxes, [RibShape.of_vertebra(size) for _, size in bearing], RibShape)


def _arches(record: PhantomRecord, spine: Spine) -> Parts[ArchShape]:
    gaps = [disc.posterior_height_mm for disc in record.discs]
    shapes, boxes = [], []
    levels = zip(spine.vertebrae, record.vertebrae, gaps, gaps[1:] + gaps[-1:], strict=True)
    for frame, size, lower, upper in levels:
        shapes.append(ArchShape.of_vertebra(size, gap_below_mm=lower, gap_above_mm=upper))
        boxes.append(arch_box(frame, size, gap_below_mm=lower, gap_above_mm=upper))
    return Parts.of(boxes, shapes, ArchShape)


def _bodies(record: PhantomRecord, spine: Spine) -> Parts[BodyShape]:
    shapes = [BodyShape.of_vertebra(size) for size in record.vertebrae]
    boxes = [body_box(frame, shape) for frame, shape in zip(spine.vertebrae, shapes, strict=True)]
    return Parts.of(boxes, shapes, BodyShape)
