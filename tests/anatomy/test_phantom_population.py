from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinesynth.anatomy.phantom import PhantomRecord, draw_phantom
from spinesynth.anatomy.phantom.cited_ranges import CITED_RANGES, CitedRange
from spinesynth.anatomy.phantom.demography import (
    JUNCTION_SHARES,
    LUMBAR_COUNT_SHARES,
    SPREADS,
    STATURE_MEAN_SD_MM,
    T12_RIB_SHARES,
)
from spinesynth.anatomy.phantom.morphometry import SCOLIOSIS_WAVELENGTH_MM
from spinesynth.anatomy.phantom.population import degenerating_share
from spinesynth.anatomy.phantom.spine_curve import stack_spine

DRAWS = 500


@cache
def _population(pathology: bool = False) -> tuple[PhantomRecord, ...]:
    return tuple(draw_phantom(seed, pathology=pathology) for seed in range(DRAWS))


def _typical() -> list[PhantomRecord]:
    """Spines as published morphometry selects them, of all ages, with aged discs."""
    return [
        r
        for r in _population(pathology=True)
        if r.variant.lumbar_count == 5 and r.variant.junction == "typical"
    ]


def _of(sex: str) -> list[PhantomRecord]:
    return [r for r in _population() if r.person.sex == sex]


def _disc_height(record: PhantomRecord, index: int) -> float:
    """The mean over the disc: of its edges, and of the dishes of its endplates."""
    disc, above = record.discs[index], record.vertebrae[index]
    below = record.vertebrae[index - 1].endplate_concavity_mm if index else 0.0
    edge = disc.posterior_height_mm + 0.5 * above.depth_mm * math.tan(math.radians(disc.wedge_deg))
    return edge + 0.5 * (above.endplate_concavity_mm + 0.7 * below)


def _value(record: PhantomRecord, cited: CitedRange) -> float:
    if cited.structure == "lordosis_deg":
        return record.lumbar_lordosis_deg
    index = [v.name for v in record.vertebrae].index(cited.level)
    if cited.structure == "disc_height_mm":
        return _disc_height(record, index)
    return float(getattr(record.vertebrae[index], cited.structure))


def _cited_id(cited: CitedRange) -> str:
    return f"{cited.structure}-{cited.level or 'spine'}"


@pytest.mark.parametrize("cited", CITED_RANGES, ids=_cited_id)
def test_population_meets_the_published_mean_and_range(cited: CitedRange) -> None:
    values = [_value(record, cited) for record in _typical()]
    # published means differ by up to a standard deviation; half of one each way is closer
    assert abs(statistics.mean(values) - cited.mean) < 0.5 * cited.sd
    within = sum(cited.low <= value <= cited.high for value in values) / len(values)
    assert within >= 0.95
    # nor may it be a narrow caricature of a population
    assert 0.6 * cited.sd < statistics.stdev(values) < 1.4 * cited.sd


def test_every_cited_range_names_its_source() -> None:
    assert all("measured" in c.source or "recalled" in c.source for c in CITED_RANGES)
    cited = {(c.structure, c.level) for c in CITED_RANGES}
    assert len(cited) == len(CITED_RANGES) == 7 * 5 + 1


@pytest.mark.parametrize(
    ("field", "spread"),
    [
        ("posterior_height_mm", "height"),
        ("depth_mm", "depth"),
        ("width_mm", "width"),
        ("canal_depth_mm", "canal_depth"),
        ("canal_width_mm", "canal_width"),
    ],
)
def test_men_are_larger_by_the_published_ratio(field: str, spread: str) -> None:
    def mean(sex: str) -> float:
        return statistics.mean(float(getattr(v, field)) for r in _of(sex) for v in r.vertebrae[:4])

    # the standard error of a ratio of two means of 250 spines with a spread of 6 to 11 %
    # is 0.5 to 1 %; three of them
    tolerance = 3.0 * SPREADS[spread].sd * math.sqrt(2 / 250)
    assert mean("M") / mean("F") == pytest.approx(SPREADS[spread].male_to_female, abs=tolerance)


@pytest.mark.parametrize("sex", ["F", "M"])
def test_heights_of_bodies_follow_stature_moderately(sex: str) -> None:
    people = _of(sex)
    stature = [r.person.stature_mm for r in people]
    height = [statistics.mean(v.posterior_height_mm for v in r.vertebrae[:5]) for r in people]
    # 0.55 less the levels' own spread; three standard errors of a correlation of 250
    assert statistics.correlation(stature, height) == pytest.approx(0.53, abs=0.15)
    mean, sd = STATURE_MEAN_SD_MM[sex]
    assert statistics.mean(stature) == pytest.approx(mean, abs=3 * sd / math.sqrt(250))


@pytest.mark.parametrize("field", ["posterior_height_mm", "depth_mm", "width_mm"])
def test_sizes_agree_within_one_spine(field: str) -> None:
    people = [r for r in _population() if r.variant.lumbar_count == 5]
    low = [getattr(r.vertebrae[1], field) for r in people]
    high = [getattr(r.vertebrae[4], field) for r in people]
    # a shared spread of 6.5 to 10 % and an own one of 2 to 2.5 % leave at least 0.85
    assert statistics.correlation(low, high) > 0.8


def _share(condition: Callable[[PhantomRecord], bool]) -> float:
    return sum(map(condition, _population())) / DRAWS


def _check_share(found: float, expected: float) -> None:
    """Three binomial standard errors."""
    assert found == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / DRAWS))


@pytest.mark.parametrize("count", ["4", "6"])
def test_numbers_of_lumbar_vertebrae_have_the_published_shares(count: str) -> None:
    found = _share(lambda r: r.variant.lumbar_count == int(count))
    _check_share(found, LUMBAR_COUNT_SHARES[count])


@pytest.mark.parametrize("junction", ["sacralised", "lumbarised"])
def test_transitional_junctions_have_the_published_shares(junction: str) -> None:
    _check_share(_share(lambda r: r.variant.junction == junction), JUNCTION_SHARES[junction])


def test_ribs_of_t12_are_absent_or_short_as_often_as_published() -> None:
    ribs = [next(v.rib_mm for v in r.vertebrae if v.name == "T12") for r in _population()]
    _check_share(sum(rib == 0 for rib in ribs) / DRAWS, T12_RIB_SHARES["absent"])
    _check_share(sum(0 < rib < 50 for rib in ribs) / DRAWS, T12_RIB_SHARES["short"])


def test_degenerated_discs_are_as_frequent_at_each_age_as_published() -> None:
    # Brinjikji et al. 2015; drawn spines of 11 discs nearly always show a risk of one in
    # two; the youngest have fewer
    published = {20: 0.37, 30: 0.52, 40: 0.68, 50: 0.80, 80: 0.96}
    for age, share in published.items():
        assert degenerating_share(age) == pytest.approx(share, abs=0.02)
    for low, high in ((18, 40), (40, 60), (60, 90)):
        people = [r for r in _population(pathology=True) if low <= r.person.age_years < high]
        expected = statistics.mean(degenerating_share(r.person.age_years) for r in people)
        found = sum(any(d.degeneration >= 0.3 for d in r.discs) for r in people) / len(people)
        # three binomial standard errors, and 2 % of spines that degenerate in no disc
        assert found == pytest.approx(expected, abs=0.02 + 3 * math.sqrt(0.25 / len(people)))


def test_age_makes_discs_collapse_and_muscles_fatty() -> None:
    young = [r for r in _population(pathology=True) if r.person.age_years < 40]
    old = [r for r in _population(pathology=True) if r.person.age_years > 65]
    assert max(d.degeneration for r in young for d in r.discs) < 0.8  # no Pfirrmann V
    assert max(d.degeneration for r in old for d in r.discs) > 0.8

    def fat(people: list[PhantomRecord]) -> float:
        return statistics.mean(r.habitus.muscle_fat for r in people)

    assert fat(old) > fat(young) + 0.1


def test_bodies_turn_towards_the_convexity_of_the_scoliosis() -> None:
    record = max(_population(), key=lambda r: r.scoliosis_mm)
    spine = stack_spine(record)
    shifts, turns = [], []
    for frame, size in zip(spine.vertebrae, record.vertebrae, strict=True):
        shifts.append(frame.origin[0].item())
        turns.append(frame.axes[0, 1].item())  # how far the body's front faces right
        assert math.degrees(math.asin(abs(turns[-1]))) < abs(size.axial_rotation_deg) + 1e-6
    # the coupled turn of up to 5 degrees outweighs the own one of 1
    assert statistics.correlation(shifts, turns) > 0.8


def test_scoliosis_of_ten_degrees_grows_with_age_as_published() -> None:
    def share(low: float, high: float) -> float:
        people = [r for r in _population() if low <= r.person.age_years < high]
        steepest = [2 * math.pi * r.scoliosis_mm / SCOLIOSIS_WAVELENGTH_MM for r in people]
        return sum(2 * math.degrees(math.atan(s)) > 10 for s in steepest) / len(people)

    # between Perennou (2 and 15 %) and McAviney (13 and 36 %), below and above 60 years
    assert 0.02 < share(18, 60) < 0.13
    assert 0.08 < share(60, 90) < 0.36
    assert share(60, 90) > share(18, 60)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(min_value=-(2**40), max_value=2**40))
def test_drawn_sizes_are_possible_anatomy(seed: int) -> None:
    record = draw_phantom(seed, pathology=False)  # a fracture takes more from a body
    names = [v.name for v in record.vertebrae]
    lumbar = record.variant.lumbar_count
    assert names == [f"L{n}" for n in range(lumbar, 0, -1)] + [f"T{n}" for n in range(12, 6, -1)]
    below = ["S1", *names]
    assert [d.name for d in record.discs] == [
        f"{n}/{b}" for n, b in zip(names, below[:-1], strict=True)
    ]
    # 38 (SD 8) and 9 (SD 7) degrees, each cut at 2.2 SD, and 2 by sex; thin discs hold back
    assert 20.0 <= record.sacral_slope_deg <= 56.0
    assert -5.0 <= record.lumbar_lordosis_deg <= 82.0 + 1e-6
    for disc, above in zip(record.discs, record.vertebrae, strict=True):
        anterior = disc.posterior_height_mm + above.depth_mm * math.tan(
            math.radians(disc.wedge_deg)
        )
        assert disc.posterior_height_mm > 0.5
        assert anterior > 0.5
        assert above.anterior_height_mm > 0.7 * above.posterior_height_mm
    for vertebra in record.vertebrae[:lumbar]:
        # five limits of 2.2 SD and sex and age all at once; for the canal 16.3 mm (L5) and
        # 17.5 mm (L1) by 1.026 of sex, 0.11 * 2.71 of the spine and 0.04 * 2.2 of the level
        assert 22.0 < vertebra.depth_mm < 50.0
        assert 10.1 < vertebra.canal_depth_mm < 25.4


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**40))
def test_bodies_follow_upon_each_other_upwards(seed: int) -> None:
    spine = stack_spine(draw_phantom(seed))
    frames = [f for pair in zip(spine.discs, spine.vertebrae, strict=True) for f in pair]
    for lower, upper in pairwise(frames):
        assert lower.s_high == pytest.approx(upper.s_low)
        assert upper.origin[2] > lower.origin[2]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**40))
def test_centre_of_the_field_of_view_is_lumbar(seed: int) -> None:
    record = draw_phantom(seed)
    assert 0.0 < record.placement.centre_level < record.variant.lumbar_count


def test_fields_of_view_differ_as_protocols_do() -> None:
    centres = [r.placement.centre_level for r in _population()]
    assert sum(c < 1.0 for c in centres) > 0.05 * DRAWS  # on the lumbosacral junction
    assert sum(c > 3.7 for c in centres) > 0.01 * DRAWS  # on the thoracolumbar junction
    assert 0.6 < sum(1.6 <= c <= 3.3 for c in centres) / DRAWS < 0.85
