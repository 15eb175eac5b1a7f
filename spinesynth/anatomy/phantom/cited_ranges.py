"""Published ranges that the drawn populations must meet, as data for tests and reports.

``measured``, ``recalled`` and ``nominal`` mean what they mean in
:mod:`~spinesynth.anatomy.phantom.morphometry`, which also names the sources in
brackets. Where the sources differ, the mean is between them and the standard
deviation nominal. Transitional vertebrae and fractures are not in the ranges.
"""

from __future__ import annotations

from dataclasses import dataclass

_LIMIT_SD = 2.5


@dataclass(frozen=True)
class CitedRange:
    """Mean and spread of one size at one level among adults of both sexes.

    Attributes:
        structure: name of the size, with its unit.
        level: of the vertebra, or of the one above the disc; "" for the whole spine.
        mean: of the population.
        sd: of the population.
        source: where from, and how sure.
    """

    structure: str
    level: str
    mean: float
    sd: float
    source: str

    @property
    def low(self) -> float:
        """Return 2.5 standard deviations below the mean."""
        return self.mean - _LIMIT_SD * self.sd

    @property
    def high(self) -> float:
        """Return 2.5 standard deviations above the mean."""
        return self.mean + _LIMIT_SD * self.sd


_LEVELS = ("L1", "L2", "L3", "L4", "L5")
_SIZES: tuple[tuple[str, str, tuple[tuple[float, float], ...]], ...] = (
    (
        "posterior_height_mm",
        "L5 [CB21] measured, others nominal between it and lateral radiographs",
        ((27.2, 1.9), (28.0, 1.9), (28.0, 1.9), (27.5, 1.9), (26.3, 1.9)),
    ),
    (
        "anterior_height_mm",
        "L5 [CB21] measured, others the posterior height and the wedge of [M10], measured",
        ((25.2, 1.9), (27.0, 1.9), (28.0, 1.9), (28.7, 1.9), (30.3, 1.9)),
    ),
    (
        "depth_mm",
        "L5 [CB21] measured, others [P92] recalled (34.7, 34.8, 35.0, 34.7), spread of [CB21]",
        ((34.7, 3.3), (34.8, 3.4), (35.0, 3.4), (34.7, 3.4), (35.7, 3.5)),
    ),
    (
        "width_mm",
        "[P92] recalled, mean of both endplates; spread nominal",
        ((42.3, 4.0), (44.1, 4.0), (46.1, 4.2), (48.1, 4.3), (48.4, 4.4)),
    ),
    (
        "disc_height_mm",
        "mean of front and back, between [N] and [T] measured; the spread is [T]'s in the middle",
        ((7.6, 1.9), (9.0, 1.9), (10.2, 2.0), (10.9, 2.2), (10.2, 2.5)),
    ),
    (
        "canal_depth_mm",
        "L5 between [CB21] 15.6 measured and [P92] 19.7 recalled, others between [CB21]'s "
        "constancy and [P92] 19.0, 18.2, 17.5, 18.6; spread of [CB21] measured",
        ((17.3, 2.1), (16.9, 2.1), (16.6, 2.1), (17.1, 2.1), (16.6, 2.1)),
    ),
    (
        "canal_width_mm",
        "L5 [CB21] measured, others [P92] recalled; spread nominal",
        ((23.7, 2.5), (23.8, 2.5), (24.3, 2.6), (25.4, 2.8), (28.2, 3.1)),
    ),
)
#: All ranges, by size and then from L1 down to L5.
CITED_RANGES: tuple[CitedRange, ...] = (
    *(
        CitedRange(structure, level, mean, sd, source)
        for structure, source, values in _SIZES
        for level, (mean, sd) in zip(_LEVELS, values, strict=True)
    ),
    CitedRange(
        "lordosis_deg",
        "",
        43.3,
        12.2,
        "between lying 36.8 (13.2) and standing 49.8 (11.2) of [KB20], measured",
    ),
)
