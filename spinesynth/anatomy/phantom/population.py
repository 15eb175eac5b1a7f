"""Draw the person and what sex, stature and age make of the spine's sizes."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

from spinesynth.anatomy.phantom.demography import (
    AGE_MEAN_SD_YEARS,
    AGE_RANGE_YEARS,
    BODY_GROWTH_PER_YEAR,
    SPREADS,
    STATURE_MEAN_SD_MM,
    Spread,
)
from spinesynth.anatomy.phantom.dice import Dice
from spinesynth.anatomy.phantom.parameters import Person


@dataclass(frozen=True)
class BoneScale:
    """Factors of one person on the mean sizes of both sexes together."""

    height: float
    depth: float
    width: float
    canal_depth: float
    canal_width: float

    @property
    def frame(self) -> float:
        """Return the factor of whatever follows the size of the whole trunk."""
        return 0.5 * (self.height + self.width)


def draw_person(dice: Dice) -> Person:
    """Draw age, sex and stature of an adult who comes for a scan."""
    sex = "F" if dice.chance(0.5) else "M"
    low, high = AGE_RANGE_YEARS
    age = max(low, min(high, dice.normal(*AGE_MEAN_SD_YEARS)))
    return Person(age_years=age, sex=sex, stature_mm=dice.normal(*STATURE_MEAN_SD_MM[sex]))


def draw_scale(dice: Dice, person: Person) -> BoneScale:
    """Draw the factors of a person's bones, which share stature and build."""
    mean, sd = STATURE_MEAN_SD_MM[person.sex]
    stature, build = (person.stature_mm - mean) / sd, dice.normal(0.0, 1.0)
    growth = 1.0 + BODY_GROWTH_PER_YEAR * (person.age_years - AGE_MEAN_SD_YEARS[0])

    def factor(spread: Spread) -> float:
        rest = sqrt(1.0 - spread.with_stature**2 - spread.with_build**2)
        z = spread.with_stature * stature + spread.with_build * build
        z += rest * dice.normal(0.0, 1.0)
        of_sex = sqrt(spread.male_to_female) ** (1 if person.sex == "M" else -1)
        return of_sex * (1.0 + spread.sd * z)

    return BoneScale(
        height=factor(SPREADS["height"]),
        depth=factor(SPREADS["depth"]) * growth,
        width=factor(SPREADS["width"]) * growth,
        canal_depth=factor(SPREADS["canal_depth"]),
        canal_width=factor(SPREADS["canal_width"]),
    )


def degenerating_share(age_years: float) -> float:
    """Return the share of people of an age who have a degenerated lumbar disc.

    Source:
        Brinjikji et al. 2015, AJNR 36(4):811-816, persons without pain: 37 % at
        20, 52 at 30, 68 at 40, 80 at 50 and 96 at 80 years; a logistic curve
        through the first and the last meets the others within 1 %.

    Example:
        >>> [round(degenerating_share(age), 2) for age in (20, 50, 80)]
        [0.37, 0.79, 0.96]
    """
    return 1.0 / (1.0 + exp(0.532 - 0.0618 * (age_years - 20.0)))
