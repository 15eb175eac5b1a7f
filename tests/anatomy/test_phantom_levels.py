from __future__ import annotations

import math
import statistics
from dataclasses import replace
from functools import cache

import pytest

from spinesynth.anatomy.phantom import PhantomRecord, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.morphometry import LEVELS
from spinesynth.anatomy.phantom.parameters import Placement
from spinesynth.anatomy.phantom.variants import level_means, sacralised
from spinesynth.anatomy.structures import Structure


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (4, ["L4", "L3", "L2", "L1", "T12"]),
        (5, ["L5", "L4", "L3", "L2", "L1", "T12"]),
        (6, ["L6", "L5", "L4", "L3", "L2", "L1", "T12"]),
    ],
)
def test_levels_are_named_from_the_lowest_upwards(count: int, names: list[str]) -> None:
    levels = level_means(count)
    assert [level.name for level in levels[: count + 1]] == names
    # the lowest is shaped as L5 and the highest as L1, whatever their number
    assert replace(levels[0], name="L5") == LEVELS[0]
    assert levels[count - 1].depth == pytest.approx(LEVELS[4].depth)


def test_five_lumbar_levels_are_the_table() -> None:
    for level, expected in zip(level_means(5), LEVELS, strict=True):
        assert vars(level) == pytest.approx(vars(expected))


def _disc_height(record: PhantomRecord) -> float:
    disc, above = record.discs[0], record.vertebrae[0]
    return disc.posterior_height_mm + 0.5 * above.depth_mm * math.tan(math.radians(disc.wedge_deg))


@cache
def _spine_with(lumbar_count: int, junction: str) -> PhantomRecord:
    seeds = range(20_000)
    drawn = (draw_phantom(seed, pathology=False) for seed in seeds)
    return next(
        r
        for r in drawn
        if r.variant.lumbar_count == lumbar_count and r.variant.junction == junction
    )


@pytest.mark.parametrize(
    ("lumbar_count", "junction"),
    [(4, "typical"), (6, "typical"), (5, "sacralised"), (5, "lumbarised")],
)
def test_variants_render_with_instances_from_the_lowest_upwards(
    lumbar_count: int, junction: str
) -> None:
    record = _spine_with(lumbar_count, junction)
    centred = Placement(lumbar_count / 2, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    record = replace(record, placement=centred)
    maps = render_phantom(record, shape=(1, 60, 130), spacing_mm=(2.0, 3.0, 3.0))
    bodies = maps.structure == Structure.VERTEBRAL_BODY
    heights = []
    for number in range(1, lumbar_count + 2):
        rows = (bodies & (maps.instance == number)).nonzero()[:, 2].double()
        assert len(rows) > 20
        heights.append(rows.mean().item())
    assert heights == sorted(heights)
    assert bool((maps.structure == Structure.SACRUM).any())


def test_sacralised_processes_are_dysplastic_and_reach_the_wings() -> None:
    lowest = sacralised(draw_phantom(0).vertebrae[0])
    assert lowest.transverse_height_mm >= 19.0  # Castellvi
    assert lowest.transverse_span_mm >= 2.0 * lowest.width_mm
    record = _spine_with(5, "sacralised")
    # 45 % of the usual height, and at most two limits of 2.2 SD more
    assert _disc_height(record) < 0.75 * LEVELS[0].disc_height
    assert record.discs[0].nucleus_fraction == 0.0


def test_lumbarised_s1_is_squarer_over_a_tall_disc() -> None:
    first = _spine_with(5, "lumbarised").sacrum[0]
    usual = [_spine_with(5, "typical").sacrum[0], _spine_with(6, "typical").sacrum[0]]
    assert first.depth_bottom_mm / first.depth_top_mm == pytest.approx(0.9)
    assert all(first.depth_bottom_mm / first.depth_top_mm > u.depth_bottom_mm / u.depth_top_mm
               for u in usual)  # fmt: skip
    assert first.disc_height_mm >= 5.0 > statistics.mean(u.disc_height_mm for u in usual)
