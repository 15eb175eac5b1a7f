"""Draw the MR properties of one patient: every tissue, related as ageing and hydration relate them.

Each property of each tissue follows the mean and the standard deviation of its
:class:`~spinesynth.anatomy.relaxation.Spread`: log-normal, the fat fraction
normal, held to [0, 1]. What relates them are standard normal scores:

- **Age** goes with the fat fraction of marrow (r = 0.56: PMC7297969, 0.58 in men and
  0.54 in women, checked) and of muscle (r = 0.42: the same paper, 0.36 and 0.49,
  checked). With the nominal spreads of age and fat, marrow gains 0.39 % a year.
- **Fat** shortens the T1 of marrow, which falls with age (Radiology 155:429,
  checked), and lengthens its apparent T2 on a train, where fat stays bright, as a
  mixture of water and fat does. Both strengths are nominal.
- **Hydration** moves T1, T2 and PD of the disc together, as they move from normal
  (1164.9 ms, 101.9 ms, 0.789) over intermediate (723, 66.8, 0.608) to desiccated
  (554.4, 55.6, 0.476; Drake-Perez 2018, checked). It falls with age: T2 of the
  nucleus correlates with age by -0.20 to -0.51 in young adults (Menezes-Reis 2016,
  PMC5009110, checked) and falls from 132 to 86 ms between the twenties and the
  sixties (Marinelli 2010, checked); -0.45 is taken, nominal.
- **Twins** share their deviation: marrow fat fractions of sacrum and L5 correlate by
  0.63 to 0.75 (PMC7297969, checked); fats and disc parts nominal.

``1/T2* = 1/T2 + R2'`` with R2' >= 0 drawn, so T2* <= T2, and T2 is held to T1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.random import Generator, RandomState
from numpy.typing import NDArray

from spinesynth.anatomy.relaxation import PROPERTIES, tissue_mr
from spinesynth.anatomy.tissues import Tissue

Values = NDArray[np.float64]

#: Patients of lumbar imaging, mean and standard deviation of their age in years; nominal.
AGE_YEARS = (50.0, 16.0)
_AGE_RANGE_YEARS = (18.0, 90.0)  # adults; nominal

_FAT_WITH_AGE_MARROW = 0.56
_FAT_WITH_AGE_MUSCLE = 0.42
_T1_WITH_FAT = -0.7
_T2_WITH_FAT = 0.5
_HYDRATION_WITH_AGE = -0.45
_HYDRATION_OWN = math.sqrt(1 - _HYDRATION_WITH_AGE**2)
_DISC_WITH_HYDRATION = 0.8

_MARROW = [tissue for tissue in Tissue if tissue.name.startswith("MARROW")]
_AGEING_MARROW = [Tissue.MARROW_BODY, Tissue.MARROW_POSTERIOR, Tissue.MARROW_SACRUM]
_DISC = [Tissue.NUCLEUS, Tissue.NUCLEUS_DRY, Tissue.ANNULUS]
#: Twins, and the share of variance they have in common beyond age and hydration. That of
#: marrow makes fat fractions correlate by 0.56**2 + (1 - 0.56**2) 0.55 = 0.69.
_TWINS = ((_MARROW, 0.55), ([Tissue.FAT, Tissue.FAT_EPIDURAL], 0.8), (_DISC, 0.5))
_PD, _T1, _T2, _T2_STAR, _FAT = range(len(PROPERTIES))


@dataclass(frozen=True, kw_only=True)
class PatientMR:
    """MR properties of one patient, indexed by the code of the tissue.

    Args:
        pd: ``(K,)`` proton density, water = 1.
        t1_ms: ``(K,)`` longitudinal relaxation time.
        t2_ms: ``(K,)`` transverse relaxation time, at most T1.
        t2_star_ms: ``(K,)`` decay time of a gradient echo, at most T2.
        fat_fraction: ``(K,)`` in [0, 1].
        field_t: field strength in tesla.
        age_years: age that moved the fat fractions.
        hydration: score of the discs' hydration, 0 on average, unit spread.
    """

    pd: Values
    t1_ms: Values
    t2_ms: Values
    t2_star_ms: Values
    fat_fraction: Values
    field_t: float
    age_years: float
    hydration: float


def draw_relaxation(
    random: Generator | RandomState,
    *,
    field_t: float,
    age_years: float | None = None,
    hydration: float | None = None,
) -> PatientMR:
    """Draw the MR properties of all tissues for one patient.

    Args:
        random: explicit generator of NumPy; takes equally many numbers each time.
        field_t: field strength in tesla, 1.5 or 3.0.
        age_years: age in [0, 120], or None to draw it.
        hydration: score of the discs' hydration, or None to draw it.

    Returns:
        Properties of the ``K = len(Tissue)`` tissues.

    Raises:
        ValueError: if the field has no numbers, or age or hydration are impossible.

    Source: in the text of the module and of ``relaxation_table.yaml``.

    Example:
        >>> patient = draw_relaxation(RandomState(0), field_t=3.0)
        >>> bool((patient.t2_star_ms <= patient.t2_ms).all())
        True
    """
    if age_years is not None and not 0 <= age_years <= 120:
        raise ValueError(f"age_years must be in [0, 120], got {age_years}")
    if hydration is not None and not math.isfinite(hydration):
        raise ValueError(f"hydration must be finite, got {hydration}")
    normal = random.standard_normal(2 + (len(Tissue) + len(_TWINS)) * len(PROPERTIES))
    scores = normal[2:].reshape(-1, len(PROPERTIES))
    own, common = scores[: len(Tissue)], scores[len(Tissue) :]
    youngest, oldest = _AGE_RANGE_YEARS
    if age_years is None:
        age_years = min(max(AGE_YEARS[0] + AGE_YEARS[1] * float(normal[0]), youngest), oldest)
    age = (age_years - AGE_YEARS[0]) / AGE_YEARS[1]
    if hydration is None:
        hydration = _HYDRATION_WITH_AGE * age + _HYDRATION_OWN * float(normal[1])
    values = _values(_scores(own, common, age, hydration), field_t)
    pd, t1_ms, t2_ms, t2_star_ms, fat_fraction = values.T
    return PatientMR(
        pd=pd,
        t1_ms=t1_ms,
        t2_ms=t2_ms,
        t2_star_ms=t2_star_ms,
        fat_fraction=fat_fraction,
        field_t=field_t,
        age_years=age_years,
        hydration=hydration,
    )


def _own(correlation: Values | float) -> Values:
    """Return the weight of a score's own part, which keeps its variance at 1."""
    weight: Values = np.sqrt(1 - np.square(correlation))
    return weight


def _table(*entries: tuple[list[Tissue], list[int], float]) -> Values:
    """Return the correlations ``(K, 5)`` of tissues' properties with a cause; 0 elsewhere."""
    table = np.zeros((len(Tissue), len(PROPERTIES)))
    for tissues, columns, correlation in entries:
        table[np.ix_(tissues, columns)] = correlation
    return table


_WITH_TWINS = _table(
    *((twins, list(range(len(PROPERTIES))), share**0.5) for twins, share in _TWINS)
)
_GROUP = np.array([next((i for i, g in enumerate(_TWINS) if t in g[0]), 0) for t in Tissue])
_WITH_AGE = _table(
    (_AGEING_MARROW, [_FAT], _FAT_WITH_AGE_MARROW), ([Tissue.MUSCLE], [_FAT], _FAT_WITH_AGE_MUSCLE)
)[:, _FAT]
_WITH_FAT = _table((_MARROW, [_T1], _T1_WITH_FAT), (_MARROW, [_T2], _T2_WITH_FAT))
_WITH_HYDRATION = _table((_DISC, [_PD, _T1, _T2], _DISC_WITH_HYDRATION))
_TWINS_OWN, _AGE_OWN = _own(_WITH_TWINS), _own(_WITH_AGE)
_FAT_AND_HYDRATION_OWN = _own(_WITH_FAT + _WITH_HYDRATION)  # no score follows both


def _scores(own: Values, common: Values, age: float, hydration: float) -> Values:
    """Return the score of each tissue's properties, ``(K, 5)``."""
    scores: Values = _WITH_TWINS * common.take(_GROUP, axis=0) + _TWINS_OWN * own
    scores[:, _FAT] = _WITH_AGE * age + _AGE_OWN * scores[:, _FAT]
    causes = _WITH_FAT * scores[:, _FAT, None] + _WITH_HYDRATION * hydration
    return causes + _FAT_AND_HYDRATION_OWN * scores


def _values(scores: Values, field_t: float) -> Values:
    """Turn scores into properties, ``(K, 5)``."""
    means, deviations, sigma, half_variance = _moments(field_t)
    values: Values = means * np.exp(sigma * scores - half_variance)
    values[:, _T2] = np.minimum(values[:, _T2], values[:, _T1])
    values[:, _T2_STAR] = 1 / (1 / values[:, _T2] + values[:, _T2_STAR])
    fat = means[:, _FAT] + deviations[:, _FAT] * scores[:, _FAT]
    values[:, _FAT] = np.minimum(np.maximum(fat, 0), 1)
    return values


class _Moments(NamedTuple):
    """Mean and standard deviation of PD, T1, T2, R2' (1/ms) and fat, each ``(K, 5)``.

    ``sigma`` and ``half_variance`` are those of the logarithm.
    """

    means: Values
    deviations: Values
    sigma: Values
    half_variance: Values


@cache
def _moments(field_t: float) -> _Moments:
    rows = [tissue_mr(tissue, field_t) for tissue in Tissue]
    means = np.array([[getattr(row, name).mean for name in PROPERTIES] for row in rows])
    deviations = np.array([[getattr(row, name).sd for name in PROPERTIES] for row in rows])
    times = means[:, [_T2, _T2_STAR]]
    rates = 1 / times
    spreads = deviations[:, [_T2, _T2_STAR]] * rates**2  # first order: sd(1/x) = sd(x) / x^2
    means[:, _T2_STAR] = rates[:, 1] - rates[:, 0]
    # what T2 does not explain of the variance of R2*
    deviations[:, _T2_STAR] = np.sqrt(spreads[:, 1] ** 2 - spreads[:, 0] ** 2)
    ratio = np.divide(deviations, means, out=np.zeros_like(means), where=means > 0)
    sigma = np.sqrt(np.log1p(ratio**2))
    return _Moments(means, deviations, sigma, sigma**2 / 2)
