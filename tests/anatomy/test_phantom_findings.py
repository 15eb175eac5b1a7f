from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from spinesynth.anatomy.phantom import PhantomMaps, PhantomRecord, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.afflict import with_findings
from spinesynth.anatomy.phantom.findings import (
    Finding,
    FindingKind,
    grade_finding,
    height_share,
)
from spinesynth.anatomy.phantom.grid import SampleGrid, rotation_matrix
from spinesynth.anatomy.phantom.hardware import screw_axis
from spinesynth.anatomy.phantom.spine_curve import stack_spine
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_Kind = FindingKind
_STEP_MM = 1.5
_SHAPE = (66, 74, 80)  # 99 x 111 x 120 mm: L3 to L5, out to the tips of the processes
_MARROW = (Tissue.MARROW_BODY, Tissue.MARROW_POSTERIOR)


@cache
def _healthy() -> PhantomRecord:
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
        vertebrae=tuple(replace(v, axial_rotation_deg=0.0) for v in record.vertebrae),
        discs=tuple(replace(d, degeneration=0.2, has_cleft=False) for d in record.discs),
        placement=replace(
            record.placement, centre_level=0.6, offset_mm=(0.0, -15.0, 25.0), rotation_deg=(0, 0, 0)
        ),
    )


def _render(record: PhantomRecord) -> PhantomMaps:
    return render_phantom(record, shape=_SHAPE, spacing_mm=(_STEP_MM,) * 3)


@cache
def _before() -> PhantomMaps:
    return _render(_healthy())


@cache
def _after(*findings: Finding) -> PhantomMaps:
    return _render(with_findings(_healthy(), findings))


def _one(kind: FindingKind, level: str, severity: float, **where: object) -> PhantomMaps:
    return _after(grade_finding(kind, level, severity, **where))


def _changed(after: PhantomMaps) -> Tensor:
    before = _before()
    return (before.structure != after.structure) | (before.tissue != after.tissue)


def _is(maps: PhantomMaps, structure: Structure, instance: int | None = None) -> Tensor:
    mask = maps.structure == structure
    return mask if instance is None else mask & (maps.instance == instance)


def _in_frame(level: int) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates u, v, w of all voxels in the frame of a vertebra (0 is L5)."""
    record = _healthy()
    spine = stack_spine(record)
    anchor = spine.vertebrae[0].point(0.0, record.vertebrae[0].depth_mm / 2, 0.1 * 30.0)
    offset = torch.tensor(record.placement.offset_mm, dtype=torch.float64)
    grid = SampleGrid(_SHAPE, (_STEP_MM,) * 3, anchor + offset, rotation_matrix((0, 0, 0)))
    return spine.vertebrae[level].coordinates(*grid.body_coordinates())


def _tissues(codes: Tensor) -> set[Tissue]:
    return {Tissue(t) for t in set(codes.tolist())}


def _pieces(mask: Tensor, *, smallest: int = 1) -> int:
    labels, _ = ndimage.label(mask.numpy(), np.ones((3,) * mask.ndim))
    return int((np.bincount(labels.reshape(-1))[1:] >= smallest).sum())


def _canal_is_unbroken(maps: PhantomMaps) -> bool:
    rows = (maps.structure == Structure.CANAL).any(dim=(0, 1)).nonzero()[:, 0]
    return len(rows) == int(rows[-1] - rows[0]) + 1


@pytest.mark.parametrize(
    ("finding", "reach_mm"),
    [
        (grade_finding(_Kind.PROTRUSION, "L4/L5", 0.4), 36.0),
        (grade_finding(_Kind.EXTRUSION, "L4/L5", 0.8), 45.0),
        (grade_finding(_Kind.SCHMORL, "L4/L5", 0.6, upper=True), 40.0),
        (grade_finding(_Kind.MODIC, "L4/L5", 0.6, variant="fat"), 60.0),
        (grade_finding(_Kind.HAEMANGIOMA, "L4", 0.6), 40.0),
        (grade_finding(_Kind.METASTASIS, "L4", 0.3, variant="focal"), 45.0),
        (grade_finding(_Kind.METASTASIS, "L4", 0.8, variant="diffuse"), 80.0),
        (grade_finding(_Kind.STENOSIS, "L4/L5", 0.5), 50.0),
        (grade_finding(_Kind.OSTEOPHYTE, "L4/L5", 0.8), 70.0),
        (grade_finding(_Kind.LAMINECTOMY, "L4", 1.0), 80.0),
        (grade_finding(_Kind.SCREWS, "L4", 0.5), 60.0),
        (grade_finding(_Kind.BULGE, "L4/L5", 1.0), 50.0),
    ],
    ids=lambda value: f"{value.kind} {value.variant}" if isinstance(value, Finding) else "",
)
def test_finding_changes_its_level_and_nothing_else(finding: Finding, reach_mm: float) -> None:
    after = _after(finding)
    changed = _changed(after)
    u, v, w = _in_frame(1)
    assert changed.any()
    centre = 0.5 * _healthy().vertebrae[1].depth_mm
    assert torch.sqrt(u * u + (v - centre) ** 2 + w * w)[changed].max() < reach_mm
    assert _canal_is_unbroken(after)


def test_disc_thins_with_its_grade_by_the_documented_share() -> None:
    second, fifth = (
        with_findings(_healthy(), [grade_finding(_Kind.DEGENERATION, "L4/L5", d)])
        for d in (0.2, 0.9)
    )
    share = height_share(0.9) / height_share(0.2)
    assert fifth.discs[1].posterior_height_mm == pytest.approx(
        share * second.discs[1].posterior_height_mm
    )
    volumes = [_is(_render(r), Structure.DISC, 2).sum().item() for r in (second, fifth)]
    # what the dished endplates enclose does not thin, so the volume falls less
    assert share - 0.05 < volumes[1] / volumes[0] < share + 0.3
    assert fifth.vertebrae == second.vertebrae


def test_nucleus_darkens_with_the_grade() -> None:
    seen = [
        _tissues(maps.tissue[_is(maps, Structure.DISC, 2)])
        for maps in (_one(_Kind.DEGENERATION, "L4/L5", d) for d in (0.05, 0.2, 0.4, 0.7, 0.9))
    ]
    bright, grey = {Tissue.NUCLEUS, Tissue.ANNULUS}, {Tissue.NUCLEUS_DRY, Tissue.ANNULUS}
    assert seen == [bright, bright, grey, {Tissue.ANNULUS}, {Tissue.ANNULUS}]


def test_cleft_of_a_collapsed_disc_holds_gas() -> None:
    record = _healthy()
    record = replace(record, discs=tuple(replace(d, has_cleft=True) for d in record.discs))
    maps = _render(with_findings(record, [grade_finding(_Kind.DEGENERATION, "L4/L5", 0.95)]))
    gas = maps.tissue == Tissue.BOWEL_GAS
    assert (gas & _is(maps, Structure.DISC, 2)).any()
    assert not (gas & _is(maps, Structure.DISC, 3)).any()


def test_slip_moves_all_above_by_its_millimetres() -> None:
    record = with_findings(_healthy(), [grade_finding(_Kind.SLIP, "L4/L5", 0.2)])
    slip = record.discs[1].slip_mm
    assert slip == pytest.approx(0.2 * _healthy().vertebrae[0].depth_mm)
    old, new = stack_spine(_healthy()), stack_spine(record)
    forward = old.discs[1].axes[:, 1]
    for n, (one, other) in enumerate(zip(old.vertebrae, new.vertebrae, strict=True)):
        moved = other.point(0.0, 0.0, 0.0) - one.point(0.0, 0.0, 0.0)
        assert torch.allclose(moved, forward * (slip if n else 0.0), atol=1e-9)
    before, after = _before(), _render(record)
    centroids = [
        _is(maps, Structure.VERTEBRAL_BODY, 2).nonzero().double().mean(dim=0) * _STEP_MM
        for maps in (before, after)
    ]
    # centroids of some 10^4 voxels are sharp; the canal trims a little of the wall
    assert ((centroids[1] - centroids[0]) @ forward).item() == pytest.approx(slip, abs=0.5)
    below = _is(before, Structure.SACRUM)
    assert (after.structure[below] != Structure.SACRUM).double().mean() < 0.03
    assert _canal_is_unbroken(after)


@pytest.mark.parametrize(
    ("variant", "tissue"),
    [
        ("oedema", Tissue.MARROW_OEDEMA),
        ("fat", Tissue.MARROW_FATTY),
        ("sclerosis", Tissue.MARROW_SCLEROTIC),
    ],
)
def test_modic_changes_only_marrow_of_the_two_adjoining_bodies(
    variant: str, tissue: Tissue
) -> None:
    after = _one(_Kind.MODIC, "L4/L5", 0.6, variant=variant)
    changed = _changed(after)
    assert _tissues(_before().tissue[changed]) == {Tissue.MARROW_BODY}
    assert _tissues(after.tissue[changed]) == {tissue}
    assert torch.equal(after.structure, _before().structure)
    assert set(after.instance[changed].tolist()) == {1, 2}


def test_modic_of_the_lowest_disc_reaches_the_sacrum() -> None:
    after = _one(_Kind.MODIC, "L5/S1", 0.6, variant="fat")
    fatty = after.tissue == Tissue.MARROW_FATTY
    assert (fatty & _is(after, Structure.SACRUM)).any()
    assert (fatty & _is(after, Structure.VERTEBRAL_BODY, 1)).any()


@pytest.mark.parametrize("kind", [_Kind.PROTRUSION, _Kind.EXTRUSION])
def test_herniation_takes_room_from_the_sac(kind: FindingKind) -> None:
    after, before = _one(kind, "L4/L5", 0.7), _before()
    gained = _is(after, Structure.DISC, 2) & ~_is(before, Structure.DISC, 2)
    assert (gained & _is(before, Structure.CANAL)).any()
    lost = _is(before, Structure.CANAL) & ~_is(after, Structure.CANAL)
    assert not (lost & ~gained).any()
    assert _pieces(_is(after, Structure.DISC, 2)) == 1


def test_extrusion_leaves_the_height_of_its_disc_and_a_protrusion_does_not() -> None:
    _, _, w = (
        stack_spine(_healthy())
        .discs[1]
        .coordinates(
            *SampleGrid(
                _SHAPE, (_STEP_MM,) * 3, _grid_centre(), rotation_matrix((0, 0, 0))
            ).body_coordinates()
        )
    )
    limit = 0.5 * _healthy().discs[1].posterior_height_mm
    reached = {}
    for kind in (_Kind.PROTRUSION, _Kind.EXTRUSION):
        after = _one(kind, "L4/L5", 0.7, upper=True)
        gained = _is(after, Structure.DISC, 2) & _is(_before(), Structure.CANAL)
        reached[kind] = w[gained].max().item()
    assert reached[_Kind.PROTRUSION] < limit + 1.0  # roughness
    assert reached[_Kind.EXTRUSION] > limit + 3.0


def _grid_centre() -> Tensor:
    record = _healthy()
    frame = stack_spine(record).vertebrae[0]
    anchor = frame.point(0.0, record.vertebrae[0].depth_mm / 2, 0.1 * 30.0)
    return anchor + torch.tensor(record.placement.offset_mm, dtype=torch.float64)


def test_schmorls_node_turns_body_into_disc() -> None:
    after, before = _one(_Kind.SCHMORL, "L4/L5", 0.6, upper=True), _before()
    changed = _changed(after)
    gained = _is(after, Structure.DISC) & ~_is(before, Structure.DISC)
    assert gained.any()
    turned = before.structure != after.structure
    assert _is(before, Structure.VERTEBRAL_BODY, 2)[turned].all()
    rim = changed & _is(after, Structure.VERTEBRAL_BODY, 2)
    assert _tissues(after.tissue[rim]) == {Tissue.CORTEX}
    assert _pieces(_is(after, Structure.DISC, 2)) == 1
    assert _pieces(_is(after, Structure.VERTEBRAL_BODY, 2)) == 1


def test_stenosis_narrows_the_sac_by_its_share_at_the_disc() -> None:
    severity = 0.5
    after, before = _one(_Kind.STENOSIS, "L4/L5", severity), _before()
    areas = [_is(maps, Structure.CANAL).sum(dim=(0, 1)).double() for maps in (before, after)]
    left = (areas[1] / areas[0].clamp_min(1.0))[areas[0] > 0]
    # depth falls to 1 - severity, width to 0.4 + 0.6 of that; sections of 100 voxels, oblique
    expected = (1 - severity) * (0.4 + 0.6 * (1 - severity))
    assert left.min().item() == pytest.approx(expected, abs=0.15)
    assert left.max().item() == 1.0


@pytest.mark.parametrize("variant", ["wedge", "biconcave", "crush"])
def test_fracture_takes_its_share_of_height(variant: str) -> None:
    finding = grade_finding(_Kind.FRACTURE, "L4", 0.3, variant=variant)
    record = with_findings(_healthy(), [finding])
    old, new = _healthy().vertebrae[1], record.vertebrae[1]
    front = new.anterior_height_mm / old.anterior_height_mm
    back = new.posterior_height_mm / old.posterior_height_mm
    sunk = 1.7 * (new.endplate_concavity_mm - old.endplate_concavity_mm)
    mean = 0.5 * (old.posterior_height_mm + old.anterior_height_mm)
    expected = {"wedge": (0.7, 1.0, 0.0), "biconcave": (1.0, 1.0, 0.3), "crush": (0.7, 0.7, 0.0)}
    assert (front, back, sunk / mean) == pytest.approx(expected[variant])
    after = _render(record)
    volumes = [_is(maps, Structure.VERTEBRAL_BODY, 2).sum().item() for maps in (_before(), after)]
    # a wedge loses half of the share, a crush all of it, a dish in between
    assert 0.65 < volumes[1] / volumes[0] < 0.92
    assert _canal_is_unbroken(after)
    # no gap opens between the sunken endplate and its disc
    column = after.structure[33, :, :]
    inside = (column == Structure.VERTEBRAL_BODY) | (column == Structure.DISC)
    assert _pieces(inside) == 1


def test_recent_fracture_shows_oedema() -> None:
    old, recent = (
        _one(_Kind.FRACTURE, "L4", 0.3, variant="wedge", recent=flag) for flag in (False, True)
    )
    assert not (old.tissue == Tissue.MARROW_OEDEMA).any()
    assert set(recent.instance[recent.tissue == Tissue.MARROW_OEDEMA].tolist()) == {2}


def test_haemangioma_is_fat_within_the_marrow() -> None:
    after = _one(_Kind.HAEMANGIOMA, "L4", 0.6)
    changed = _changed(after)
    assert _tissues(_before().tissue[changed]) == {Tissue.MARROW_BODY}
    assert _tissues(after.tissue[changed]) == {Tissue.MARROW_FATTY}


def test_focal_metastasis_replaces_its_share_of_the_body() -> None:
    severity = 0.3
    after = _one(_Kind.METASTASIS, "L4", severity, variant="focal")
    changed = _changed(after)
    assert _tissues(_before().tissue[changed]) <= set(_MARROW)
    assert _tissues(after.tissue[changed]) == {Tissue.MARROW_LESION}
    share = changed.sum().item() / _is(_before(), Structure.VERTEBRAL_BODY, 2).sum().item()
    # the sphere of that volume is cut by the posterior wall and the cortex
    assert 0.5 * severity < share < 1.1 * severity


def test_osteophytes_add_bone_in_front_and_take_none() -> None:
    after, before = _one(_Kind.OSTEOPHYTE, "L4/L5", 1.0), _before()
    gained = _is(after, Structure.VERTEBRAL_BODY) & ~_is(before, Structure.VERTEBRAL_BODY)
    assert not (_is(before, Structure.VERTEBRAL_BODY) & ~_is(after, Structure.VERTEBRAL_BODY)).any()
    assert set(after.instance[gained].tolist()) == {1, 2}
    _, v, _ = _in_frame(1)
    assert v[gained & (after.instance == 2)].min() > 0.2 * _healthy().vertebrae[1].depth_mm
    assert torch.equal(_is(after, Structure.CANAL), _is(before, Structure.CANAL))
    for instance in (1, 2):
        bone = (after.instance == instance) & (after.structure <= Structure.POSTERIOR_ELEMENTS)
        assert _pieces(bone) == 1


def test_fatty_muscles_hold_more_fat() -> None:
    lean, fatty = (_one(_Kind.FATTY_MUSCLE, "", s) for s in (0.0, 1.0))
    behind = slice(0, 20)
    counts = [(m.tissue[:, behind] == Tissue.MUSCLE).sum().item() for m in (lean, fatty)]
    assert counts[1] < 0.8 * counts[0]
    assert torch.equal(lean.structure, fatty.structure)


def test_laminectomy_opens_the_canal_and_leaves_one_vertebra() -> None:
    after, before = _one(_Kind.LAMINECTOMY, "L4", 1.0), _before()
    u, v, _ = _in_frame(1)
    size = _healthy().vertebrae[1]
    middle = (u.abs() < 0.35 * size.canal_width_mm) & (v < -0.5 * size.canal_depth_mm)
    assert (_is(before, Structure.POSTERIOR_ELEMENTS, 2) & middle).any()
    assert not (_is(after, Structure.POSTERIOR_ELEMENTS, 2) & middle).any()
    assert torch.equal(_is(after, Structure.CANAL), _is(before, Structure.CANAL))
    bone = (after.instance == 2) & (after.structure <= Structure.POSTERIOR_ELEMENTS)
    assert _pieces(bone) == 1


def test_screws_reach_from_the_pedicle_into_the_body() -> None:
    after, before = _one(_Kind.SCREWS, "L4", 0.5), _before()
    metal = after.tissue == Tissue.METAL
    assert torch.equal(after.structure, before.structure)
    assert torch.equal(_changed(after), metal)
    u, v, w = _in_frame(1)
    size = _healthy().vertebrae[1]
    body, arch = (
        metal & _is(after, s, 2) for s in (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS)
    )
    for side in (-1, 1):
        assert (body & (side * u > 0)).any()
        pedicle = (side * u > 0) & (v.abs() < 6.0) & (w > 0)
        assert (pedicle & arch).any()
    assert v[body].max().item() == pytest.approx(screw_axis(size)[1][1] + 3.0, abs=3.0)
    assert not (metal & (_is(after, Structure.CANAL) | _is(after, Structure.DISC))).any()


def test_void_of_screws_spares_the_discs_of_a_crushed_vertebra() -> None:
    screws = grade_finding(_Kind.SCREWS, "L4", 1.0)
    after = _after(grade_finding(_Kind.FRACTURE, "L4", 0.6, variant="crush"), screws)
    metal = after.tissue == Tissue.METAL
    assert not (metal & (_is(after, Structure.CANAL) | _is(after, Structure.DISC))).any()


def test_rods_join_neighbouring_screws() -> None:
    screws = [grade_finding(_Kind.SCREWS, level, 0.5) for level in ("L5", "L4")]
    metal = _after(*screws).tissue == Tissue.METAL
    assert _pieces(metal) == 2  # one construct on each side


def test_slice_alone_equals_the_slice_of_the_volume() -> None:
    findings = [
        grade_finding(_Kind.EXTRUSION, "L4/L5", 0.7),
        grade_finding(_Kind.SCREWS, "L4", 0.5),
        grade_finding(_Kind.OSTEOPHYTE, "L3/L4", 0.8),
        grade_finding(_Kind.METASTASIS, "L3", 0.4, variant="diffuse"),
        grade_finding(_Kind.SLIP, "L5/S1", 0.2),
    ]
    record = with_findings(_healthy(), findings)
    shape = (5, 80, 90)
    volume = render_phantom(record, shape=shape, spacing_mm=(4.0, 2.0, 2.0))
    alone = render_phantom(
        record, shape=(1, *shape[1:]), spacing_mm=(4.0, 2.0, 2.0), centre_mm=(4.0, 0.0, 0.0)
    )
    # float32 sums in another order may move a surface by a rounding error
    assert (volume.tissue[3] != alone.tissue[0]).double().mean() < 1e-3


def test_worst_combination_keeps_the_anatomy_whole() -> None:
    findings = [
        grade_finding(_Kind.SLIP, "L4/L5", 0.4),
        grade_finding(_Kind.STENOSIS, "L4/L5", 0.65),
        grade_finding(_Kind.EXTRUSION, "L4/L5", 0.9, upper=True),
        grade_finding(_Kind.DEGENERATION, "L4/L5", 1.0),
        grade_finding(_Kind.LAMINECTOMY, "L4", 1.0),
        grade_finding(_Kind.FRACTURE, "L3", 0.6, variant="biconcave"),
        grade_finding(_Kind.FRACTURE, "L5", 0.6, variant="crush"),
    ]
    maps = _after(*findings)
    assert _canal_is_unbroken(maps)
    for instance in (1, 2):
        bone = (maps.instance == instance) & (maps.structure <= Structure.POSTERIOR_ELEMENTS)
        # a crumb of a facet may lie across the joint with its neighbour
        assert _pieces(bone, smallest=60) == 1
