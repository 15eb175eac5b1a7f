"""Patients: spread as tabulated, related as ageing and hydration relate them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from numpy.random import RandomState, default_rng

from spinesynth.anatomy.relaxation import FIELDS_T, PROPERTIES, tissue_mr
from spinesynth.anatomy.relaxation_draw import PatientMR, Values, draw_relaxation
from spinesynth.anatomy.tissues import Tissue

_PATIENTS = 1500


@pytest.fixture(scope="module", params=FIELDS_T)
def patients(request: pytest.FixtureRequest) -> list[PatientMR]:
    random = RandomState(5)
    return [draw_relaxation(random, field_t=request.param) for _ in range(_PATIENTS)]


def _stack(patients: list[PatientMR], name: str) -> Values:
    return np.array([getattr(patient, name) for patient in patients])


def _correlation(first: Values, second: Values) -> float:
    return float(np.corrcoef(first, second)[0, 1])


def test_every_draw_is_possible(patients: list[PatientMR]) -> None:
    pd, t1, t2, t2_star, fat = (_stack(patients, name) for name in PROPERTIES)
    assert pd.shape == (_PATIENTS, len(Tissue))
    assert (pd >= 0).all()
    assert (t2_star > 0).all()
    assert (t2_star <= t2).all()
    assert (t2 <= t1).all()
    assert ((fat >= 0) & (fat <= 1)).all()


@pytest.mark.parametrize("name", PROPERTIES)
def test_draws_spread_as_tabulated(patients: list[PatientMR], name: str) -> None:
    """Means to 7 %, spreads to 25 %.

    Those of T2* are first order in relative spreads of up to 0.33, so off by up to
    0.33**2 / 2 in the mean and more in the spread; sampling adds 1.8 % to spreads, and
    more where log-normal tails are long.
    """
    drawn = _stack(patients, name)
    for tissue in Tissue:
        spread = getattr(tissue_mr(tissue, patients[0].field_t), name)
        assert drawn[:, tissue].mean() == pytest.approx(spread.mean, rel=0.07), tissue
        assert drawn[:, tissue].std() == pytest.approx(spread.sd, rel=0.25, abs=1e-12), tissue


def test_marrow_gains_fat_with_age(patients: list[PatientMR]) -> None:
    """0.56 x 0.11 / 16 years = 0.39 % a year; sampling error 9.1 / (16 sqrt(1500)) = 0.015."""
    age = np.array([patient.age_years for patient in patients])
    fat = _stack(patients, "fat_fraction")[:, Tissue.MARROW_BODY]
    assert 100 * np.polyfit(age, fat, 1)[0] == pytest.approx(0.39, abs=0.05)
    assert _correlation(age, _stack(patients, "fat_fraction")[:, Tissue.MUSCLE]) > 0.3
    assert _correlation(age, _stack(patients, "fat_fraction")[:, Tissue.FAT]) < 0.1


def test_fatter_marrow_has_short_t1_and_long_t2(patients: list[PatientMR]) -> None:
    """Strengths 0.7 and 0.5; log-normal tails take a few hundredths, sampling 0.03."""
    fat = _stack(patients, "fat_fraction")[:, Tissue.MARROW_BODY]
    t1, t2 = (_stack(patients, name)[:, Tissue.MARROW_BODY] for name in ("t1_ms", "t2_ms"))
    assert _correlation(fat, t1) == pytest.approx(-0.7, abs=0.1)
    assert _correlation(fat, t2) == pytest.approx(0.5, abs=0.1)


def test_marrow_and_fats_share_their_deviation(patients: list[PatientMR]) -> None:
    fat = _stack(patients, "fat_fraction")
    # measured: 0.63 in men, 0.75 in women (PMC7297969)
    assert 0.6 < _correlation(fat[:, Tissue.MARROW_SACRUM], fat[:, Tissue.MARROW_BODY]) < 0.78
    t1 = _stack(patients, "t1_ms")
    assert _correlation(t1[:, Tissue.MARROW_POSTERIOR], t1[:, Tissue.MARROW_BODY]) > 0.5
    assert _correlation(t1[:, Tissue.FAT_EPIDURAL], t1[:, Tissue.FAT]) > 0.7
    assert abs(_correlation(t1[:, Tissue.MUSCLE], t1[:, Tissue.FAT])) < 0.1


def test_hydration_moves_disc_properties_together(patients: list[PatientMR]) -> None:
    """Each goes with hydration by 0.8, two of them by 0.64."""
    hydration = np.array([patient.hydration for patient in patients])
    for tissue in (Tissue.NUCLEUS, Tissue.NUCLEUS_DRY, Tissue.ANNULUS):
        for name in ("pd", "t1_ms", "t2_ms"):
            assert _correlation(hydration, _stack(patients, name)[:, tissue]) > 0.7
    t1, t2 = (_stack(patients, name)[:, Tissue.NUCLEUS] for name in ("t1_ms", "t2_ms"))
    assert _correlation(t1, t2) == pytest.approx(0.64, abs=0.08)


def test_discs_dry_with_age(patients: list[PatientMR]) -> None:
    age = np.array([patient.age_years for patient in patients])
    t2 = _stack(patients, "t2_ms")[:, Tissue.NUCLEUS]
    # published between -0.20 and -0.51 (Menezes-Reis 2016)
    assert -0.51 < _correlation(age, t2) < -0.20


def test_age_and_hydration_may_be_given() -> None:
    young, old = (draw_relaxation(RandomState(1), field_t=3.0, age_years=age) for age in (20, 80))
    assert (young.age_years, old.age_years) == (20, 80)
    marrow = Tissue.MARROW_BODY
    # 60 years at 0.385 % a year; all else is equal, as the same numbers are drawn
    assert old.fat_fraction[marrow] - young.fat_fraction[marrow] == pytest.approx(0.231)
    dry, wet = (draw_relaxation(RandomState(1), field_t=3.0, hydration=h) for h in (-2.0, 2.0))
    assert dry.t2_ms[Tissue.NUCLEUS] < wet.t2_ms[Tissue.NUCLEUS]
    assert dry.t2_ms[Tissue.CSF] == wet.t2_ms[Tissue.CSF]


@pytest.mark.parametrize("make", [RandomState, default_rng])
def test_draws_repeat_by_seed(make: type[RandomState]) -> None:
    first, again, other = (draw_relaxation(make(seed), field_t=1.5) for seed in (3, 3, 4))
    for entry in fields(PatientMR):
        np.testing.assert_array_equal(getattr(first, entry.name), getattr(again, entry.name))
    assert (first.t1_ms != other.t1_ms).any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"field_t": 0.5}, r"field_t must be one of 1\.5, 3\.0, got 0\.5"),
        ({"field_t": 3.0, "age_years": -1}, r"age_years must be in \[0, 120\], got -1"),
        ({"field_t": 3.0, "hydration": float("nan")}, "hydration must be finite, got nan"),
    ],
)
def test_impossible_patients_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_relaxation(RandomState(0), **wrong)
