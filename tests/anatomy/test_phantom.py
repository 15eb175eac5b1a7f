from __future__ import annotations

import math
from dataclasses import fields, replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spinesynth.anatomy.phantom import (
    PhantomMaps,
    PhantomRecord,
    draw_phantom,
    render_phantom,
)
from spinesynth.anatomy.phantom.canvas import Locator
from spinesynth.anatomy.phantom.displacement import displacement_fields
from spinesynth.anatomy.phantom.grid import EVERYWHERE, SampleGrid, rotation_matrix
from spinesynth.anatomy.phantom.parameters import Outline
from spinesynth.anatomy.phantom.spine_curve import stack_spine
from spinesynth.anatomy.phantom.waves import SampledWaves
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

SPACING_MM = (3.0, 2.0, 2.0)
SHAPE = (22, 120, 150)  # 66 x 240 x 300 mm
SEEDS = (0, 1, 2, 3)


def _record(seed: int) -> PhantomRecord:
    """A record seen from L1 or L2 to the sacrum, whatever field of view was drawn."""
    record = draw_phantom(seed)
    return replace(record, placement=replace(record.placement, centre_level=2.5))


@cache
def _maps(seed: int) -> PhantomMaps:
    return render_phantom(_record(seed), shape=SHAPE, spacing_mm=SPACING_MM)


def _smooth_record(seed: int = 5) -> PhantomRecord:
    """A record without displacement, roughness or tilt: sizes can be measured exactly."""
    record = draw_phantom(seed)
    return replace(
        record,
        outline=Outline(),
        irregularity_mm=0.0,
        roughness_mm=0.0,
        scoliosis_mm=0.0,
        placement=replace(record.placement, offset_mm=(0.0, 0.0, 0.0), rotation_deg=(0, 0, 0)),
    )


def _values(codes: Tensor) -> list[int]:
    counts = torch.bincount(codes.reshape(-1).long())
    return [int(n) for n in counts.nonzero()[:, 0]]


def _centroid(mask: Tensor) -> Tensor:
    return mask.nonzero().double().mean(dim=0) * torch.tensor(SPACING_MM, dtype=torch.float64)


def _whole(maps: PhantomMaps, structure: Structure) -> list[int]:
    """Instances of a structure that the field of view does not cut above or below."""
    mask = maps.structure == structure
    edge = {n for k in (0, -1) for n in _values(maps.instance[..., k][mask[..., k]])}
    return sorted(set(_values(maps.instance[mask])) - edge)


def test_same_seed_gives_same_record_and_maps() -> None:
    again = render_phantom(_record(1), shape=SHAPE, spacing_mm=SPACING_MM)
    for field in fields(PhantomMaps):
        assert torch.equal(getattr(again, field.name), getattr(_maps(1), field.name))


def test_different_seeds_give_different_sizes_and_maps() -> None:
    assert replace(draw_phantom(1), seed=2) != draw_phantom(2)
    assert not torch.equal(_maps(1).structure, _maps(2).structure)


def test_rendering_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    render_phantom(draw_phantom(8), shape=(1, 20, 20), spacing_mm=(4.0, 8.0, 8.0))
    assert torch.equal(before, torch.get_rng_state())


def test_record_survives_json() -> None:
    record = draw_phantom(7)
    assert PhantomRecord.from_json(record.to_json()) == record


def test_unknown_field_in_json_is_refused_by_name() -> None:
    text = draw_phantom(7).to_json().replace('"cortex_mm"', '"cortex_cm"')
    with pytest.raises(TypeError, match="cortex_cm"):
        PhantomRecord.from_json(text)


def test_lordosis_is_the_angle_between_the_end_surfaces_of_l1_and_s1() -> None:
    record = _smooth_record()
    spine = stack_spine(record)
    l1, s1 = spine.vertebrae[record.variant.lumbar_count - 1], spine.sacrum[0]
    tilt = [
        math.atan2(f.axes[1, 2].item(), f.axes[2, 2].item()) - math.atan(f.top_slope)
        for f in (l1, s1)
    ]
    assert math.degrees(tilt[1] - tilt[0]) == pytest.approx(record.lumbar_lordosis_deg, abs=1e-6)
    assert math.degrees(tilt[1]) == pytest.approx(record.sacral_slope_deg, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_structure_and_spinal_tissue_is_present(seed: int) -> None:
    maps = _maps(seed)
    assert _values(maps.structure) == [int(s) for s in list(Structure)[:6]]
    spinal = {
        Tissue.FAT, Tissue.MUSCLE, Tissue.LIGAMENT, Tissue.CORTEX, Tissue.MARROW_BODY,
        Tissue.MARROW_POSTERIOR, Tissue.ANNULUS, Tissue.CSF, Tissue.CORD,
        Tissue.MARROW_SACRUM, Tissue.SKIN, Tissue.FAT_EPIDURAL, Tissue.AIR,
    }  # fmt: skip
    assert spinal <= {Tissue(t) for t in _values(maps.tissue)}


@pytest.mark.parametrize("seed", SEEDS)
def test_tissue_fits_the_structure_it_lies_in(seed: int) -> None:
    maps = _maps(seed)
    changed = {
        Tissue.CORTEX, Tissue.MARROW_OEDEMA, Tissue.MARROW_FATTY, Tissue.MARROW_SCLEROTIC,
        Tissue.MARROW_LESION, Tissue.METAL,
    }  # fmt: skip
    allowed = {
        Structure.VERTEBRAL_BODY: {Tissue.MARROW_BODY, Tissue.VESSEL} | changed,
        Structure.POSTERIOR_ELEMENTS: {Tissue.MARROW_POSTERIOR} | changed,
        Structure.DISC: {Tissue.NUCLEUS, Tissue.NUCLEUS_DRY, Tissue.ANNULUS, Tissue.BOWEL_GAS},
        # its label may take in what lies around the sac
        Structure.CANAL: {Tissue.CSF, Tissue.CORD, Tissue.FAT_EPIDURAL, Tissue.LIGAMENT},
        Structure.SACRUM: {Tissue.MARROW_SACRUM, Tissue.ANNULUS} | changed,
    }
    for structure, tissues in allowed.items():
        found = {Tissue(t) for t in _values(maps.tissue[maps.structure == structure])}
        assert found <= tissues


@pytest.mark.parametrize("seed", SEEDS)
def test_only_vertebrae_and_discs_have_instances(seed: int) -> None:
    maps = _maps(seed)
    numbered = torch.zeros_like(maps.structure, dtype=torch.bool)
    for structure in (Structure.VERTEBRAL_BODY, Structure.POSTERIOR_ELEMENTS, Structure.DISC):
        numbered |= maps.structure == structure
    assert torch.equal(maps.instance > 0, numbered)


@pytest.mark.parametrize("seed", SEEDS)
def test_bodies_and_discs_alternate_upwards_from_the_lowest(seed: int) -> None:
    maps = _maps(seed)
    bodies, discs = maps.structure == Structure.VERTEBRAL_BODY, maps.structure == Structure.DISC
    numbers = _whole(maps, Structure.VERTEBRAL_BODY)
    assert numbers[0] == 1
    assert numbers == list(range(1, numbers[-1] + 1))
    assert len(numbers) >= 5
    heights = []
    for number in numbers:
        heights.append(_centroid(discs & (maps.instance == number))[2].item())
        heights.append(_centroid(bodies & (maps.instance == number))[2].item())
    assert heights == sorted(heights)


@pytest.mark.parametrize("seed", SEEDS)
def test_disc_touches_both_neighbours_whose_labels_leave_no_gap(seed: int) -> None:
    record = replace(_record(seed), outline=Outline())
    maps = render_phantom(record, shape=SHAPE, spacing_mm=SPACING_MM)
    bone = (maps.structure == Structure.VERTEBRAL_BODY) | (maps.structure == Structure.SACRUM)
    for number in _whole(maps, Structure.DISC):
        disc = (maps.structure == Structure.DISC) & (maps.instance == number)
        above = (bone & (maps.instance == number))[..., 1:] & disc[..., :-1]
        below = (bone & (maps.instance == number - 1))[..., :-1] & disc[..., 1:]
        columns = disc.any(dim=2).sum()
        # a tilted, bulging disc overhangs; most of its columns still meet bone at both ends
        assert above.any(dim=2).sum() > 0.5 * columns
        assert below.any(dim=2).sum() > 0.4 * columns


def test_gap_takes_its_width_from_the_label_of_a_body_and_nothing_from_its_tissue() -> None:
    record = _smooth_record()
    shape, spacing_mm = (1, 100, 300), (1.0, 1.0, 0.25)
    full, cut = (
        render_phantom(r, shape=shape, spacing_mm=spacing_mm)
        for r in (record, replace(record, outline=Outline(endplate_gap_mm=1.5)))
    )
    assert torch.equal(full.tissue, cut.tissue)
    lost = (full.structure == Structure.VERTEBRAL_BODY) & (cut.structure == Structure.BACKGROUND)
    for number in _whole(full, Structure.VERTEBRAL_BODY):
        body = (full.structure == Structure.VERTEBRAL_BODY) & (full.instance == number)
        inner = body[0].any(dim=1).nonzero()[:, 0]
        middle = int(inner[len(inner) // 2])
        # 1.5 mm at either end; tilted by up to some 40 degrees they are longer upwards, and
        # each of the four edges is met to a quarter of a mm
        height = float((lost & body)[0, middle].sum()) * 0.25
        assert 3.0 - 1.0 <= height <= 3.0 / math.cos(math.radians(45)) + 1.0


def test_hip_bones_lie_beside_the_sacrum_and_are_not_labelled() -> None:
    record = _smooth_record()
    low = replace(record, placement=replace(record.placement, centre_level=0.1))
    maps = render_phantom(low, shape=(70, 80, 80), spacing_mm=(2.5, 2.5, 2.5))
    marrow = maps.tissue == Tissue.MARROW_SACRUM
    hips = marrow & (maps.structure == Structure.BACKGROUND)
    sides = hips.any(dim=(1, 2)).nonzero()[:, 0].double() - 34.5
    reach = maps.structure == Structure.SACRUM
    span = (reach.any(dim=(1, 2)).nonzero()[:, 0].double() - 34.5).abs().max()
    assert float(sides.min()) < 0 < float(sides.max())
    assert float(sides.abs().max()) > float(span)
    assert float(sides.abs().min()) * 2.5 > 25.0


@pytest.mark.parametrize("seed", SEEDS)
def test_canal_runs_between_bodies_and_spinous_processes(seed: int) -> None:
    maps = _maps(seed)
    canal = maps.structure == Structure.CANAL
    for number in _whole(maps, Structure.VERTEBRAL_BODY):
        of_level = maps.instance == number
        body = of_level & (maps.structure == Structure.VERTEBRAL_BODY)
        rows = body.any(dim=(0, 1)).nonzero()[:, 0]
        middle = int(rows[len(rows) // 2])
        here = canal[..., middle].nonzero()[:, 1].double()
        front = body[..., middle].nonzero()[:, 1].double()
        arch = (of_level & (maps.structure == Structure.POSTERIOR_ELEMENTS)).nonzero()
        assert len(here) > 0
        assert here.mean() < front.mean()
        assert arch[:, 1].double().min() < here.min()


@pytest.mark.parametrize("seed", SEEDS)
def test_canal_is_unbroken_down_to_the_sacrum(seed: int) -> None:
    rows = (_maps(seed).structure == Structure.CANAL).any(dim=(0, 1)).nonzero()[:, 0]
    assert int(rows[-1]) == SHAPE[2] - 1  # it enters from above
    assert len(rows) == int(rows[-1] - rows[0]) + 1


@pytest.mark.parametrize("seed", SEEDS)
def test_air_lies_behind_the_skin_and_never_inside(seed: int) -> None:
    maps = _maps(seed)
    air = maps.tissue == Tissue.AIR
    spine = maps.structure > 0
    first_spine = spine.int().argmax(dim=1)
    behind = torch.arange(SHAPE[1])[None, :, None] >= first_spine[:, None, :]
    in_front_of_back = behind & spine.any(dim=1)[:, None, :]
    front_air = air & in_front_of_back
    # in front of the spine air may only be the belly's outside: it must reach the far edge
    for i, j, k in front_air.nonzero()[::97].tolist():
        assert bool(air[i, j:, k].all())


def test_body_sizes_follow_the_record() -> None:
    record = _smooth_record()
    size = record.vertebrae[2]
    record = replace(record, placement=replace(record.placement, centre_level=2.5))
    step = 0.5
    maps = render_phantom(record, shape=(121, 121, 121), spacing_mm=(step,) * 3)
    body = (maps.structure == Structure.VERTEBRAL_BODY) & (maps.instance == 3)
    frame = stack_spine(record).vertebrae[2]
    # voxels in the vertebra's own axes; half a voxel is lost at either end
    points = (body.nonzero().double() - 60.0) * step @ frame.axes
    extent = points.amax(dim=0) - points.amin(dim=0) + step
    assert extent[0].item() == pytest.approx(size.width_mm * 1.02, abs=1.5)
    assert extent[1].item() == pytest.approx(size.depth_mm * 1.015, abs=1.5)
    midline = points[points[:, 0].abs() < 3.0]
    back, front = midline[:, 1].amin(), midline[:, 1].amax()
    for edge, height in (
        (back + 5.0, size.posterior_height_mm),
        (front - 5.0, size.anterior_height_mm),
    ):
        column = midline[(midline[:, 1] - edge).abs() < 1.0][:, 2]
        # 5 mm from the edge the endplates are dished by at most 1.7 times half the concavity
        lost = 0.85 * size.endplate_concavity_mm
        measured = (column.amax() - column.amin()).item() + step
        assert height - lost - 1.2 < measured < height + 1.2


def test_volumes_do_not_depend_on_the_spacing() -> None:
    record = draw_phantom(4)
    volumes = []
    for shape, spacing in (((40, 110, 120), (2.0, 2.0, 2.0)), ((57, 138, 150), (1.4, 1.6, 1.6))):
        maps = render_phantom(record, shape=shape, spacing_mm=spacing)
        counts = torch.bincount(maps.structure.reshape(-1).long(), minlength=6).double()
        volumes.append(counts * math.prod(spacing))
    for structure in (Structure.VERTEBRAL_BODY, Structure.DISC, Structure.CANAL):
        first, second = (v[int(structure)].item() for v in volumes)
        # the two fields differ by 0.2 to 0.8 mm at the edges; sampling noise is below 1 %
        assert first == pytest.approx(second, rel=0.025)


def test_slice_alone_equals_the_slice_of_the_volume() -> None:
    record = draw_phantom(3)
    volume = render_phantom(record, shape=(5, 80, 90), spacing_mm=(4.0, 3.0, 3.0))
    alone = render_phantom(
        record, shape=(1, 80, 90), spacing_mm=(4.0, 3.0, 3.0), centre_mm=(4.0, 0.0, 0.0)
    )
    # float32 sums in another order may move a surface by a rounding error
    assert (volume.tissue[3] != alone.tissue[0]).double().mean() < 1e-3
    assert torch.allclose(volume.affine @ torch.tensor([3.0, 0, 0, 1]).double(), alone.affine[:, 3])


def test_rotated_field_of_view_shows_the_same_anatomy() -> None:
    record = _smooth_record()
    turned = replace(record, placement=replace(record.placement, rotation_deg=(25.0, 0.0, 0.0)))
    volumes = []
    for each in (record, turned):
        maps = render_phantom(each, shape=(60, 200, 200), spacing_mm=(1.0, 1.0, 1.0))
        body = (maps.structure == Structure.VERTEBRAL_BODY) & (maps.instance == 3)
        volumes.append(body.sum().item())
    # counting voxels of 1 mm is off by up to 0.4 %, of 2 mm by up to 1.7 %
    assert volumes[0] == pytest.approx(volumes[1], rel=0.02)  # of a grid of 2 mm


def test_field_of_view_away_from_the_spine_is_background() -> None:
    maps = render_phantom(
        draw_phantom(2), shape=(4, 20, 20), spacing_mm=(2.0, 2.0, 2.0), centre_mm=(0, -400.0, 0)
    )
    assert not maps.structure.any()
    assert not maps.tissue.any()


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(min_value=0, max_value=10**6))
def test_coordinates_are_finite_and_codes_valid(seed: int) -> None:
    record = draw_phantom(seed)
    spine = stack_spine(record)
    origin = torch.zeros(3, dtype=torch.float64)
    grid = SampleGrid((3, 30, 40), (9.0, 9.0, 9.0), origin, rotation_matrix((5.0, -3.0, 2.0)))
    waves = SampledWaves.on_grid(displacement_fields(seed), grid)
    locator = Locator.prepare(grid, spine, waves, irregularity_mm=1.0, roughness_mm=0.3)
    assert all(bool(field.isfinite().all()) for field in locator.points(EVERYWHERE))
    maps = render_phantom(record, shape=(3, 30, 40), spacing_mm=(9.0, 9.0, 9.0))
    assert int(maps.structure.max()) <= int(Structure.SACRUM)
    assert int(maps.tissue.max()) <= max(int(t) for t in Tissue)


@pytest.mark.parametrize(
    ("shape", "spacing_mm", "message"),
    [
        ((0, 4, 4), (1.0, 1.0, 1.0), "shape must be three positive integers"),
        ((4, 4, 4), (1.0, 0.0, 1.0), "spacing_mm must be three positive numbers"),
        ((4, 4, 4), (1.0, math.nan, 1.0), "spacing_mm must be three positive numbers"),
    ],
)
def test_impossible_grid_is_refused(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        render_phantom(draw_phantom(0), shape=shape, spacing_mm=spacing_mm)
