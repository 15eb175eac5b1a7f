"""A healthy phantom, the same with findings, and questions to both."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from spinesynth.anatomy.phantom import PhantomMaps, PhantomRecord, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.afflict import with_findings
from spinesynth.anatomy.phantom.findings import (
    Finding,
    FindingKind,
    grade_finding,
)
from spinesynth.anatomy.phantom.grid import SampleGrid, rotation_matrix
from spinesynth.anatomy.phantom.parameters import Outline
from spinesynth.anatomy.phantom.spine_curve import stack_spine
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

STEP_MM = 1.5
SHAPE = (66, 74, 80)  # 99 x 111 x 120 mm: L3 to L5, out to the tips of the processes
MARROW = (Tissue.MARROW_BODY, Tissue.MARROW_POSTERIOR)


@cache
def healthy_record() -> PhantomRecord:
    """A straight record without displacement, five lumbar vertebrae and no findings."""
    record = next(
        r
        for r in (draw_phantom(seed, pathology=False) for seed in range(20))
        if r.variant.lumbar_count == 5 and r.variant.junction == "typical"
    )
    return replace(
        record,
        irregularity_mm=0.0,
        roughness_mm=0.15,
        scoliosis_mm=0.0,
        outline=Outline(),  # labels end where tissues do
        vertebrae=tuple(replace(v, axial_rotation_deg=0.0) for v in record.vertebrae),
        discs=tuple(replace(d, degeneration=0.2, has_cleft=False) for d in record.discs),
        placement=replace(
            record.placement, centre_level=0.6, offset_mm=(0.0, -15.0, 25.0), rotation_deg=(0, 0, 0)
        ),
    )


def render_findings(record: PhantomRecord) -> PhantomMaps:
    return render_phantom(record, shape=SHAPE, spacing_mm=(STEP_MM,) * 3)


@cache
def before_findings() -> PhantomMaps:
    return render_findings(healthy_record())


@cache
def after_findings(*findings: Finding) -> PhantomMaps:
    return render_findings(with_findings(healthy_record(), findings))


def after_one(kind: FindingKind, level: str, severity: float, **where: object) -> PhantomMaps:
    return after_findings(grade_finding(kind, level, severity, **where))


def changed_voxels(after: PhantomMaps) -> Tensor:
    before = before_findings()
    return (before.structure != after.structure) | (before.tissue != after.tissue)


def is_of(maps: PhantomMaps, structure: Structure, instance: int | None = None) -> Tensor:
    mask = maps.structure == structure
    return mask if instance is None else mask & (maps.instance == instance)


def frame_coordinates(level: int) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates u, v, w of all voxels in the frame of a vertebra (0 is L5)."""
    record = healthy_record()
    spine = stack_spine(record)
    anchor = spine.vertebrae[0].point(0.0, record.vertebrae[0].depth_mm / 2, 0.1 * 30.0)
    offset = torch.tensor(record.placement.offset_mm, dtype=torch.float64)
    grid = SampleGrid(SHAPE, (STEP_MM,) * 3, anchor + offset, rotation_matrix((0, 0, 0)))
    return spine.vertebrae[level].coordinates(*grid.body_coordinates())


def tissues_of(codes: Tensor) -> set[Tissue]:
    return {Tissue(t) for t in set(codes.tolist())}


def count_pieces(mask: Tensor, *, smallest: int = 1) -> int:
    labels, _ = ndimage.label(mask.numpy(), np.ones((3,) * mask.ndim))
    return int((np.bincount(labels.reshape(-1))[1:] >= smallest).sum())


def canal_is_unbroken(maps: PhantomMaps) -> bool:
    rows = (maps.structure == Structure.CANAL).any(dim=(0, 1)).nonzero()[:, 0]
    return len(rows) == int(rows[-1] - rows[0]) + 1


def grid_centre() -> Tensor:
    record = healthy_record()
    frame = stack_spine(record).vertebrae[0]
    anchor = frame.point(0.0, record.vertebrae[0].depth_mm / 2, 0.1 * 30.0)
    return anchor + torch.tensor(record.placement.offset_mm, dtype=torch.float64)
