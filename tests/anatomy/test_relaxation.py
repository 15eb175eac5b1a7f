"""MR properties of tissues: complete, physically possible, and ordered as scans show them."""

from __future__ import annotations

import pytest

from spinesynth.anatomy.relaxation import FIELDS_T, PROPERTIES, Spread, TissueMR, tissue_mr
from spinesynth.anatomy.tissues import Tissue

_NO_PROTONS = {Tissue.AIR, Tissue.BOWEL_GAS, Tissue.METAL}
_PROTONS = [tissue for tissue in Tissue if tissue not in _NO_PROTONS]


def _spreads(mr: TissueMR) -> dict[str, Spread]:
    return {name: getattr(mr, name) for name in PROPERTIES}


@pytest.mark.parametrize("field_t", FIELDS_T)
@pytest.mark.parametrize("tissue", Tissue)
def test_every_number_is_possible_and_sourced(tissue: Tissue, field_t: float) -> None:
    mr = tissue_mr(tissue, field_t)
    assert 0 < mr.t2_star_ms.mean <= mr.t2_ms.mean <= mr.t1_ms.mean
    assert 0 <= mr.pd.mean <= 1.1  # fluid measures up to 1.075 of water
    assert 0 <= mr.fat_fraction.mean <= 1
    for spread in _spreads(mr).values():
        assert spread.sd >= 0
        assert spread.source
        assert spread.certainty in ("checked", "recalled", "nominal")


@pytest.mark.parametrize("field_t", FIELDS_T)
@pytest.mark.parametrize("tissue", _PROTONS)
def test_spread_of_t2_star_leaves_room_for_dephasing(tissue: Tissue, field_t: float) -> None:
    """R2* = R2 + R2', so its variance must exceed that of R2 (first order, sd / x^2)."""
    mr = tissue_mr(tissue, field_t)
    assert mr.t2_star_ms.sd / mr.t2_star_ms.mean**2 > mr.t2_ms.sd / mr.t2_ms.mean**2
    assert 0 < mr.t1_ms.sd < mr.t1_ms.mean / 2


@pytest.mark.parametrize("tissue", _NO_PROTONS)
def test_what_has_no_protons_has_no_density(tissue: Tissue) -> None:
    assert (tissue_mr(tissue, 3.0).pd.mean, tissue_mr(tissue, 3.0).pd.sd) == (0, 0)


@pytest.mark.parametrize("tissue", _PROTONS)
def test_t1_rises_and_t2_does_not_with_the_field(tissue: Tissue) -> None:
    """T1 disperses with frequency, T2 hardly (Stanisz 2005)."""
    low, high = tissue_mr(tissue, 1.5), tissue_mr(tissue, 3.0)
    assert low.t1_ms.mean < high.t1_ms.mean
    assert low.t2_ms.mean >= high.t2_ms.mean


@pytest.mark.parametrize("field_t", FIELDS_T)
def test_fluid_is_slowest(field_t: float) -> None:
    """Free water tumbles fast: the longest T1 and T2 of the body."""
    csf = tissue_mr(Tissue.CSF, field_t)
    for tissue in _PROTONS:
        if tissue is not Tissue.CSF:
            assert tissue_mr(tissue, field_t).t1_ms.mean < csf.t1_ms.mean
            assert tissue_mr(tissue, field_t).t2_ms.mean < csf.t2_ms.mean


@pytest.mark.parametrize("field_t", FIELDS_T)
def test_fat_recovers_fastest_of_soft_tissues(field_t: float) -> None:
    """Hence it is brightest on T1-weighted images; only bone water is faster."""
    fat = tissue_mr(Tissue.FAT, field_t).t1_ms.mean
    soft = set(_PROTONS) - {Tissue.FAT, Tissue.FAT_EPIDURAL, Tissue.CORTEX}
    assert fat < min(tissue_mr(tissue, field_t).t1_ms.mean for tissue in soft)


@pytest.mark.parametrize("field_t", FIELDS_T)
@pytest.mark.parametrize(
    ("darker", "brighter"),
    [
        (Tissue.MUSCLE, Tissue.FAT),  # fat stays bright on a train
        (Tissue.ANNULUS, Tissue.NUCLEUS),  # collagen binds water
        (Tissue.NUCLEUS_DRY, Tissue.NUCLEUS),  # degeneration
        (Tissue.NUCLEUS, Tissue.CSF),
        (Tissue.CORTEX, Tissue.LIGAMENT),  # both black, bone more so
        (Tissue.LIGAMENT, Tissue.ANNULUS),
        (Tissue.MARROW_SCLEROTIC, Tissue.MARROW_BODY),  # type 3, Modic 1988
        (Tissue.MARROW_BODY, Tissue.MARROW_OEDEMA),  # type 1
        (Tissue.MARROW_BODY, Tissue.MARROW_FATTY),  # type 2
    ],
)
def test_t2_is_ordered(darker: Tissue, brighter: Tissue, field_t: float) -> None:
    assert tissue_mr(darker, field_t).t2_ms.mean < tissue_mr(brighter, field_t).t2_ms.mean


@pytest.mark.parametrize("field_t", FIELDS_T)
def test_marrow_recovers_faster_the_fatter(field_t: float) -> None:
    chain = [Tissue.FAT, Tissue.MARROW_FATTY, Tissue.MARROW_BODY, Tissue.MARROW_OEDEMA]
    marrow = [tissue_mr(tissue, field_t) for tissue in chain]
    t1 = [mr.t1_ms.mean for mr in marrow]
    fat = [mr.fat_fraction.mean for mr in marrow]
    assert t1 == sorted(t1)
    assert fat == sorted(fat, reverse=True)


def test_twin_takes_over_what_it_does_not_state() -> None:
    body, sacrum = (tissue_mr(t, 3.0) for t in (Tissue.MARROW_BODY, Tissue.MARROW_SACRUM))
    assert sacrum.t1_ms == body.t1_ms
    assert sacrum.fat_fraction != body.fat_fraction


def test_other_fields_are_refused() -> None:
    with pytest.raises(ValueError, match=r"field_t must be one of 1\.5, 3\.0, got 7"):
        tissue_mr(Tissue.CSF, 7.0)
