"""One record on many grids: the anatomy must not depend on how it is sampled."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from spinesynth.anatomy.phantom import PhantomMaps, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.canvas import Canvas
from spinesynth.anatomy.phantom.grid import SampleGrid, rotation_matrix
from spinesynth.anatomy.phantom.masks import cover
from spinesynth.anatomy.phantom.waves import WAVE_COUNT, SampledWaves, WaveField
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue

_EXTENT_MM = (120.0, 132.0, 108.0)


def _volumes(maps: PhantomMaps) -> dict[tuple[Structure, int], float]:
    """Return the volumes in mm^3 of bodies and discs that the field of view does not cut."""
    voxel = abs(torch.linalg.det(maps.affine[:3, :3]).item())
    volumes = {}
    for structure in (Structure.VERTEBRAL_BODY, Structure.DISC):
        for number in range(1, int(maps.instance.max()) + 1):
            mask = (maps.structure == structure) & (maps.instance == number)
            if mask.any() and not _touches_edge(mask):
                volumes[structure, number] = voxel * mask.sum().item()
    return volumes


def _touches_edge(mask: Tensor) -> bool:
    edges = (mask.select(axis, side) for axis in range(3) for side in (0, -1))
    return any(bool(edge.any()) for edge in edges)


@cache
def _render(step_mm: float, rotation_deg: tuple[float, float, float]) -> PhantomMaps:
    i, j, k = (round(extent / step_mm) for extent in _EXTENT_MM)
    return render_phantom(
        draw_phantom(4, pathology=False),
        shape=(i, j, k),
        spacing_mm=(step_mm,) * 3,
        rotation_deg=rotation_deg,
    )


@pytest.mark.parametrize(
    ("step_mm", "rotation_deg"),
    [(0.8, (0, 0, 0)), (1.5, (0, 0, 0)), (2.0, (0, 0, 0)), (1.0, (12.0, -9.0, 15.0))],
)
def test_volumes_of_whole_structures_agree_on_every_grid(
    step_mm: float, rotation_deg: tuple[float, float, float]
) -> None:
    reference, volumes = _volumes(_render(1.0, (0, 0, 0))), _volumes(_render(step_mm, rotation_deg))
    shared = reference.keys() & volumes.keys()
    assert {structure for structure, _ in shared} == {Structure.VERTEBRAL_BODY, Structure.DISC}
    for key in shared:
        assert volumes[key] == pytest.approx(reference[key], rel=0.02)  # asked of the phantom


@cache
def _volumes_about_the_sacrum(seed: int, step_mm: float) -> dict[Structure, float]:
    """Volumes in mm^3 in one box of 96 x 108 x 84 mm, whose edges all steps meet."""
    record = draw_phantom(seed, pathology=False)
    placement = replace(
        record.placement, centre_level=0.2, offset_mm=(0.0, -15.0, 0.0), rotation_deg=(0, 0, 0)
    )
    i, j, k = (round(extent / step_mm) for extent in (96.0, 108.0, 84.0))
    maps = render_phantom(
        replace(record, placement=placement), shape=(i, j, k), spacing_mm=(step_mm,) * 3
    )
    return {
        structure: step_mm**3 * (maps.structure == structure).sum().item()
        for structure in Structure
        if Structure.BACKGROUND < structure <= Structure.SACRUM
    }


@pytest.mark.parametrize("seed", [1, 4, 9])
@pytest.mark.parametrize("step_mm", [0.8, 1.5, 2.0])
def test_volumes_that_the_field_of_view_cuts_agree_too(seed: int, step_mm: float) -> None:
    reference = _volumes_about_the_sacrum(seed, 1.0)
    assert min(reference.values()) > 5000.0
    # the least is the canal: 1200 voxels of 2 mm, of which half lie at its wall; their chance
    # roundings of 0.3 voxels each leave 0.6 % of its volume
    assert _volumes_about_the_sacrum(seed, step_mm) == pytest.approx(reference, rel=0.02)


def test_oblique_slice_shows_the_volume_where_its_affine_says() -> None:
    record = draw_phantom(6)
    volume = render_phantom(record, shape=(61, 121, 121), spacing_mm=(1.0, 1.0, 1.0))
    oblique = render_phantom(
        record,
        shape=(1, 81, 81),
        spacing_mm=(1.0, 1.0, 1.0),
        centre_mm=(3.0, -5.0, 2.0),
        rotation_deg=(10.0, 5.0, 20.0),
    )
    index = torch.cartesian_prod(torch.tensor([0]), torch.arange(81), torch.arange(81)).double()
    world = index @ oblique.affine[:3, :3].T + oblique.affine[:3, 3]
    inverse = torch.linalg.inv(volume.affine)
    i, j, k = (world @ inverse[:3, :3].T + inverse[:3, 3]).round().long().T
    same = volume.structure[i, j, k] == oblique.structure.reshape(-1)
    # the nearest voxel is up to 0.9 mm away: surfaces may differ, regions may not
    assert same.double().mean() > 0.95


def test_centre_is_the_world_position_of_the_middle_voxel() -> None:
    maps = render_phantom(
        draw_phantom(0),
        shape=(1, 5, 3),
        spacing_mm=(4.0, 2.0, 3.0),
        centre_mm=(7.0, -1.0, 4.0),
        rotation_deg=(0.0, 0.0, 90.0),
    )
    middle = maps.affine @ torch.tensor([0.0, 2.0, 1.0, 1.0]).double()
    assert middle[:3].tolist() == pytest.approx([7.0, -1.0, 4.0])
    # a quarter turn about S: the second axis, once anterior, points left
    assert maps.affine[:3, 1].tolist() == pytest.approx([-2.0, 0.0, 0.0])


def test_waves_in_a_window_are_the_sum_of_cosines() -> None:
    generator = torch.Generator().manual_seed(1)
    field = WaveField.draw(generator, wavelengths_mm=(9.0, 60.0))
    centre = torch.tensor([3.0, -80.0, 150.0], dtype=torch.float64)
    grid = SampleGrid((4, 5, 6), (2.0, 1.5, 3.0), centre, rotation_matrix((8.0, -3.0, 30.0)))
    window = (slice(1, 3), slice(0, 5), slice(2, 6))
    x, y, z = (c.double() for c in grid.body_coordinates(window))
    angles = torch.stack((x, y, z), dim=-1) @ field.wave_vectors.T + field.phases
    expected = angles.cos().sum(dim=-1) * math.sqrt(2 / WAVE_COUNT)
    read = SampledWaves.on_grid([field], grid).read(window)[0]
    # coordinates of 200 mm in float32 are exact to 1e-5 mm, less than 1e-4 of a wave
    assert torch.allclose(read.double(), expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 256, 256), (64, 160, 256), (7, 300, 300)])
def test_blocks_tile_the_grid(shape: tuple[int, int, int]) -> None:
    origin = torch.zeros(3, dtype=torch.float64)
    grid = SampleGrid(shape, (2.5, 1.2, 1.2), origin, rotation_matrix((0, 0, 0)))
    count = torch.zeros(shape, dtype=torch.uint8)
    for block in grid.blocks():
        assert count[block].numel() <= grid.block_voxels
        count[block] += 1
    assert bool((count == 1).all())


def test_cover_writes_codes_inside_alone() -> None:
    codes = torch.full((4, 4), 250.0)
    inside = torch.zeros(codes.shape)
    inside[1:3] = 1.0
    cover(codes, inside, 7)
    assert codes[:, 0].tolist() == [250, 7, 7, 250]
    cover(codes, inside, torch.full_like(codes, 8191))
    assert codes[:, 1].tolist() == [250, 8191, 8191, 250]


def test_canvas_keeps_what_one_number_stands_for() -> None:
    canvas = Canvas(torch.zeros((2, 3, 4)))
    window = (slice(0, 1), slice(1, 3), slice(2, 4))
    inside = torch.ones((1, 2, 2))
    canvas.paint(window, inside, Tissue.METAL, structure=Structure.DISC, instance=15)
    for painted, code in zip(canvas.maps(), (Structure.DISC, 15, Tissue.METAL), strict=True):
        assert painted.dtype == torch.uint8
        assert set(painted[window].flatten().tolist()) == {int(code)}
        assert int(painted.long().sum()) == 4 * code


@pytest.mark.gpu
def test_maps_of_the_gpu_are_those_of_the_cpu(cuda_device: torch.device) -> None:
    record = draw_phantom(1)
    cpu, gpu = (
        render_phantom(record, shape=(16, 90, 90), spacing_mm=(3.0, 2.0, 2.0), device=device)
        for device in ("cpu", cuda_device)
    )
    # sums in another order may move a surface by a rounding error
    assert (gpu.tissue.cpu() != cpu.tissue).float().mean() < 1e-3
