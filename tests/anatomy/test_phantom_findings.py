from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from spinesynth.anatomy.phantom import render_phantom
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
from tests.anatomy.phantom_findings_cases import (
    MARROW,
    SHAPE,
    STEP_MM,
    after_findings,
    after_one,
    before_findings,
    canal_is_unbroken,
    changed_voxels,
    count_pieces,
    frame_coordinates,
    grid_centre,
    healthy_record,
    is_of,
    render_findings,
    tissues_of,
)

_Kind = FindingKind


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
    after = after_findings(finding)
    changed = changed_voxels(after)
    u, v, w = frame_coordinates(1)
    assert changed.any()
    centre = 0.5 * healthy_record().vertebrae[1].depth_mm
    assert torch.sqrt(u * u + (v - centre) ** 2 + w * w)[changed].max() < reach_mm
    assert canal_is_unbroken(after)


def test_disc_thins_with_its_grade_by_the_documented_share() -> None:
    second, fifth = (
        with_findings(healthy_record(), [grade_finding(_Kind.DEGENERATION, "L4/L5", d)])
        for d in (0.2, 0.9)
    )
    share = height_share(0.9) / height_share(0.2)
    assert fifth.discs[1].posterior_height_mm == pytest.approx(
        share * second.discs[1].posterior_height_mm
    )
    volumes = [is_of(render_findings(r), Structure.DISC, 2).sum().item() for r in (second, fifth)]
    # what the dished endplates enclose does not thin, so the volume falls less
    assert share - 0.05 < volumes[1] / volumes[0] < share + 0.3
    assert fifth.vertebrae == second.vertebrae


def test_nucleus_darkens_with_the_grade() -> None:
    seen = [
        tissues_of(maps.tissue[is_of(maps, Structure.DISC, 2)])
        for maps in (after_one(_Kind.DEGENERATION, "L4/L5", d) for d in (0.05, 0.2, 0.4, 0.7, 0.9))
    ]
    bright, grey = {Tissue.NUCLEUS, Tissue.ANNULUS}, {Tissue.NUCLEUS_DRY, Tissue.ANNULUS}
    assert seen == [bright, bright, grey, {Tissue.ANNULUS}, {Tissue.ANNULUS}]


def test_cleft_of_a_collapsed_disc_holds_gas() -> None:
    record = healthy_record()
    record = replace(record, discs=tuple(replace(d, has_cleft=True) for d in record.discs))
    maps = render_findings(
        with_findings(record, [grade_finding(_Kind.DEGENERATION, "L4/L5", 0.95)])
    )
    gas = maps.tissue == Tissue.BOWEL_GAS
    assert (gas & is_of(maps, Structure.DISC, 2)).any()
    assert not (gas & is_of(maps, Structure.DISC, 3)).any()


def test_slip_moves_all_above_by_its_millimetres() -> None:
    record = with_findings(healthy_record(), [grade_finding(_Kind.SLIP, "L4/L5", 0.2)])
    slip = record.discs[1].slip_mm
    assert slip == pytest.approx(0.2 * healthy_record().vertebrae[0].depth_mm)
    old, new = stack_spine(healthy_record()), stack_spine(record)
    forward = old.discs[1].axes[:, 1]
    for n, (one, other) in enumerate(zip(old.vertebrae, new.vertebrae, strict=True)):
        moved = other.point(0.0, 0.0, 0.0) - one.point(0.0, 0.0, 0.0)
        assert torch.allclose(moved, forward * (slip if n else 0.0), atol=1e-9)
    before, after = before_findings(), render_findings(record)
    centroids = [
        is_of(maps, Structure.VERTEBRAL_BODY, 2).nonzero().double().mean(dim=0) * STEP_MM
        for maps in (before, after)
    ]
    # centroids of some 10^4 voxels are sharp; the canal trims a little of the wall
    assert ((centroids[1] - centroids[0]) @ forward).item() == pytest.approx(slip, abs=0.5)
    below = is_of(before, Structure.SACRUM)
    assert (after.structure[below] != Structure.SACRUM).double().mean() < 0.03
    assert canal_is_unbroken(after)


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
    after = after_one(_Kind.MODIC, "L4/L5", 0.6, variant=variant)
    changed = changed_voxels(after)
    assert tissues_of(before_findings().tissue[changed]) == {Tissue.MARROW_BODY}
    assert tissues_of(after.tissue[changed]) == {tissue}
    assert torch.equal(after.structure, before_findings().structure)
    assert set(after.instance[changed].tolist()) == {1, 2}


def test_modic_of_the_lowest_disc_reaches_the_sacrum() -> None:
    after = after_one(_Kind.MODIC, "L5/S1", 0.6, variant="fat")
    fatty = after.tissue == Tissue.MARROW_FATTY
    assert (fatty & is_of(after, Structure.SACRUM)).any()
    assert (fatty & is_of(after, Structure.VERTEBRAL_BODY, 1)).any()


@pytest.mark.parametrize("kind", [_Kind.PROTRUSION, _Kind.EXTRUSION])
def test_herniation_takes_room_from_the_sac(kind: FindingKind) -> None:
    after, before = after_one(kind, "L4/L5", 0.7), before_findings()
    gained = is_of(after, Structure.DISC, 2) & ~is_of(before, Structure.DISC, 2)
    assert (gained & is_of(before, Structure.CANAL)).any()
    lost = is_of(before, Structure.CANAL) & ~is_of(after, Structure.CANAL)
    assert not (lost & ~gained).any()
    assert count_pieces(is_of(after, Structure.DISC, 2)) == 1


def test_extrusion_leaves_the_height_of_its_disc_and_a_protrusion_does_not() -> None:
    _, _, w = (
        stack_spine(healthy_record())
        .discs[1]
        .coordinates(
            *SampleGrid(
                SHAPE, (STEP_MM,) * 3, grid_centre(), rotation_matrix((0, 0, 0))
            ).body_coordinates()
        )
    )
    limit = 0.5 * healthy_record().discs[1].posterior_height_mm
    reached = {}
    for kind in (_Kind.PROTRUSION, _Kind.EXTRUSION):
        after = after_one(kind, "L4/L5", 0.7, upper=True)
        gained = is_of(after, Structure.DISC, 2) & is_of(before_findings(), Structure.CANAL)
        reached[kind] = w[gained].max().item()
    assert reached[_Kind.PROTRUSION] < limit + 1.0  # roughness
    assert reached[_Kind.EXTRUSION] > limit + 3.0


def test_schmorls_node_turns_body_into_disc() -> None:
    after, before = after_one(_Kind.SCHMORL, "L4/L5", 0.6, upper=True), before_findings()
    changed = changed_voxels(after)
    gained = is_of(after, Structure.DISC) & ~is_of(before, Structure.DISC)
    assert gained.any()
    turned = before.structure != after.structure
    assert is_of(before, Structure.VERTEBRAL_BODY, 2)[turned].all()
    rim = changed & is_of(after, Structure.VERTEBRAL_BODY, 2)
    assert tissues_of(after.tissue[rim]) == {Tissue.CORTEX}
    assert count_pieces(is_of(after, Structure.DISC, 2)) == 1
    assert count_pieces(is_of(after, Structure.VERTEBRAL_BODY, 2)) == 1


def test_stenosis_narrows_the_sac_by_its_share_at_the_disc() -> None:
    severity = 0.5
    after, before = after_one(_Kind.STENOSIS, "L4/L5", severity), before_findings()
    areas = [is_of(maps, Structure.CANAL).sum(dim=(0, 1)).double() for maps in (before, after)]
    left = (areas[1] / areas[0].clamp_min(1.0))[areas[0] > 0]
    # depth falls to 1 - severity, width to 0.4 + 0.6 of that; sections of 100 voxels, oblique
    expected = (1 - severity) * (0.4 + 0.6 * (1 - severity))
    assert left.min().item() == pytest.approx(expected, abs=0.15)
    assert left.max().item() == 1.0


@pytest.mark.parametrize("variant", ["wedge", "biconcave", "crush"])
def test_fracture_takes_its_share_of_height(variant: str) -> None:
    finding = grade_finding(_Kind.FRACTURE, "L4", 0.3, variant=variant)
    record = with_findings(healthy_record(), [finding])
    old, new = healthy_record().vertebrae[1], record.vertebrae[1]
    front = new.anterior_height_mm / old.anterior_height_mm
    back = new.posterior_height_mm / old.posterior_height_mm
    sunk = 1.7 * (new.endplate_concavity_mm - old.endplate_concavity_mm)
    mean = 0.5 * (old.posterior_height_mm + old.anterior_height_mm)
    expected = {"wedge": (0.7, 1.0, 0.0), "biconcave": (1.0, 1.0, 0.3), "crush": (0.7, 0.7, 0.0)}
    assert (front, back, sunk / mean) == pytest.approx(expected[variant])
    after = render_findings(record)
    volumes = [
        is_of(maps, Structure.VERTEBRAL_BODY, 2).sum().item() for maps in (before_findings(), after)
    ]
    # a wedge loses half of the share, a crush all of it, a dish in between
    assert 0.65 < volumes[1] / volumes[0] < 0.92
    assert canal_is_unbroken(after)
    # no gap opens between the sunken endplate and its disc
    column = after.structure[33, :, :]
    inside = (column == Structure.VERTEBRAL_BODY) | (column == Structure.DISC)
    assert count_pieces(inside) == 1


def test_recent_fracture_shows_oedema() -> None:
    old, recent = (
        after_one(_Kind.FRACTURE, "L4", 0.3, variant="wedge", recent=flag) for flag in (False, True)
    )
    assert not (old.tissue == Tissue.MARROW_OEDEMA).any()
    assert set(recent.instance[recent.tissue == Tissue.MARROW_OEDEMA].tolist()) == {2}


def test_haemangioma_is_fat_within_the_marrow() -> None:
    after = after_one(_Kind.HAEMANGIOMA, "L4", 0.6)
    changed = changed_voxels(after)
    assert tissues_of(before_findings().tissue[changed]) == {Tissue.MARROW_BODY}
    assert tissues_of(after.tissue[changed]) == {Tissue.MARROW_FATTY}


def test_focal_metastasis_replaces_its_share_of_the_body() -> None:
    severity = 0.3
    after = after_one(_Kind.METASTASIS, "L4", severity, variant="focal")
    changed = changed_voxels(after)
    assert tissues_of(before_findings().tissue[changed]) <= set(MARROW)
    assert tissues_of(after.tissue[changed]) == {Tissue.MARROW_LESION}
    share = (
        changed.sum().item() / is_of(before_findings(), Structure.VERTEBRAL_BODY, 2).sum().item()
    )
    # the sphere of that volume is cut by the posterior wall and the cortex
    assert 0.5 * severity < share < 1.1 * severity


def test_osteophytes_add_bone_in_front_and_take_none() -> None:
    after, before = after_one(_Kind.OSTEOPHYTE, "L4/L5", 1.0), before_findings()
    gained = is_of(after, Structure.VERTEBRAL_BODY) & ~is_of(before, Structure.VERTEBRAL_BODY)
    assert not (
        is_of(before, Structure.VERTEBRAL_BODY) & ~is_of(after, Structure.VERTEBRAL_BODY)
    ).any()
    assert set(after.instance[gained].tolist()) == {1, 2}
    _, v, _ = frame_coordinates(1)
    assert v[gained & (after.instance == 2)].min() > 0.2 * healthy_record().vertebrae[1].depth_mm
    assert torch.equal(is_of(after, Structure.CANAL), is_of(before, Structure.CANAL))
    for instance in (1, 2):
        bone = (after.instance == instance) & (after.structure <= Structure.POSTERIOR_ELEMENTS)
        assert count_pieces(bone) == 1


def test_fatty_muscles_hold_more_fat() -> None:
    lean, fatty = (after_one(_Kind.FATTY_MUSCLE, "", s) for s in (0.0, 1.0))
    behind = slice(0, 20)
    counts = [(m.tissue[:, behind] == Tissue.MUSCLE).sum().item() for m in (lean, fatty)]
    assert counts[1] < 0.8 * counts[0]
    assert torch.equal(lean.structure, fatty.structure)


def test_laminectomy_opens_the_canal_and_leaves_one_vertebra() -> None:
    after, before = after_one(_Kind.LAMINECTOMY, "L4", 1.0), before_findings()
    u, v, _ = frame_coordinates(1)
    size = healthy_record().vertebrae[1]
    middle = (u.abs() < 0.35 * size.canal_width_mm) & (v < -0.5 * size.canal_depth_mm)
    assert (is_of(before, Structure.POSTERIOR_ELEMENTS, 2) & middle).any()
    assert not (is_of(after, Structure.POSTERIOR_ELEMENTS, 2) & middle).any()
    assert torch.equal(is_of(after, Structure.CANAL), is_of(before, Structure.CANAL))
    bone = (after.instance == 2) & (after.structure <= Structure.POSTERIOR_ELEMENTS)
    assert count_pieces(bone) == 1


def test_screws_reach_from_the_pedicle_into_the_body() -> None:
    after, before = after_one(_Kind.SCREWS, "L4", 0.5), before_findings()
    metal = after.tissue == Tissue.METAL
    assert torch.equal(after.structure, before.structure)
    assert torch.equal(changed_voxels(after), metal)
    u, v, w = frame_coordinates(1)
    size = healthy_record().vertebrae[1]
    body, arch = (
        metal & is_of(after, s, 2) for s in (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS)
    )
    for side in (-1, 1):
        assert (body & (side * u > 0)).any()
        pedicle = (side * u > 0) & (v.abs() < 6.0) & (w > 0)
        assert (pedicle & arch).any()
    assert v[body].max().item() == pytest.approx(screw_axis(size)[1][1] + 3.0, abs=3.0)
    assert not (metal & (is_of(after, Structure.CANAL) | is_of(after, Structure.DISC))).any()


def test_void_of_screws_spares_the_discs_of_a_crushed_vertebra() -> None:
    screws = grade_finding(_Kind.SCREWS, "L4", 1.0)
    after = after_findings(grade_finding(_Kind.FRACTURE, "L4", 0.6, variant="crush"), screws)
    metal = after.tissue == Tissue.METAL
    assert not (metal & (is_of(after, Structure.CANAL) | is_of(after, Structure.DISC))).any()


def test_rods_join_neighbouring_screws() -> None:
    screws = [grade_finding(_Kind.SCREWS, level, 0.5) for level in ("L5", "L4")]
    metal = after_findings(*screws).tissue == Tissue.METAL
    assert count_pieces(metal) == 2  # one construct on each side


def test_slice_alone_equals_the_slice_of_the_volume() -> None:
    findings = [
        grade_finding(_Kind.EXTRUSION, "L4/L5", 0.7),
        grade_finding(_Kind.SCREWS, "L4", 0.5),
        grade_finding(_Kind.OSTEOPHYTE, "L3/L4", 0.8),
        grade_finding(_Kind.METASTASIS, "L3", 0.4, variant="diffuse"),
        grade_finding(_Kind.SLIP, "L5/S1", 0.2),
    ]
    record = with_findings(healthy_record(), findings)
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
    maps = after_findings(*findings)
    assert canal_is_unbroken(maps)
    for instance in (1, 2):
        bone = (maps.instance == instance) & (maps.structure <= Structure.POSTERIOR_ELEMENTS)
        # a crumb of a facet may lie across the joint with its neighbour
        assert count_pieces(bone, smallest=60) == 1
