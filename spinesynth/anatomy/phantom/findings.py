"""Findings of a phantom: what is abnormal where, how severe, and on which published scale.

The grade always follows from the severity, so that evaluation can be stratified
by it. Scales:

    * DEGENERATION: Pfirrmann 1-5 (Pfirrmann et al. 2001, Spine 26(17):1873-8).
    * BULGE, SCHMORL: present (1) as in the gradings of SPIDER (van der Graaf et
      al. 2024, doi 10.1038/s41597-024-03090-w).
    * PROTRUSION, EXTRUSION: MSU size 1-2, up to or beyond half of the way to the
      line through the facets (Mysliwiec et al. 2010, Eur Spine J 19:1087-93);
      the words as in Fardon et al. 2014 (Spine J 14(11):2525-45).
    * MODIC: type 1-3 (Modic et al. 1988, Radiology 166:193-9); the type is a kind
      of change, given by the variant, and the severity its extent.
    * FRACTURE: Genant 1-3 for 20-25, 25-40 and over 40 % of height lost (Genant et
      al. 1993, J Bone Miner Res 8(9):1137-48); severity is the share lost.
    * METASTASIS: points of body involvement in the Spinal Instability Neoplastic
      Score, here 1 (up to half) or 2 (more; Fisher et al. 2010, Spine 35:E1221-9).
    * SLIP: Meyerding 1-2 (Meyerding 1932); severity is the share of the depth of
      the body.
    * STENOSIS: Schizas A-D as 1-4 (Schizas et al. 2010, Spine 35(21):1919-24);
      severity is the share of the sac's depth that is lost.
    * OSTEOPHYTE: Nathan 1-3 (Nathan 1962, J Bone Joint Surg Am 44:243-68).
    * FATTY_MUSCLE: Goutallier 0-4 (Goutallier et al. 1994, Clin Orthop 304:78-83).
    * SCREWS: Gertzbein-Robbins A as 1 (Spine 1990, 15(1):11-14): inside the pedicle.
    * HAEMANGIOMA, LAMINECTOMY: present (1).

Where a published scale is in words, the severities that part its grades are
nominal.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FindingKind(StrEnum):
    """What a finding is."""

    DEGENERATION = "degeneration"
    BULGE = "bulge"
    PROTRUSION = "protrusion"
    EXTRUSION = "extrusion"
    SCHMORL = "schmorl"
    MODIC = "modic"
    FRACTURE = "fracture"
    HAEMANGIOMA = "haemangioma"
    METASTASIS = "metastasis"
    SLIP = "slip"
    STENOSIS = "stenosis"
    OSTEOPHYTE = "osteophyte"
    FATTY_MUSCLE = "fatty_muscle"
    LAMINECTOMY = "laminectomy"
    SCREWS = "screws"


#: Kinds whose level is a disc.
OF_DISCS = frozenset(
    {
        FindingKind.DEGENERATION, FindingKind.BULGE, FindingKind.PROTRUSION,
        FindingKind.EXTRUSION, FindingKind.SCHMORL, FindingKind.MODIC, FindingKind.SLIP,
        FindingKind.STENOSIS, FindingKind.OSTEOPHYTE,
    }
)  # fmt: skip


@dataclass(frozen=True)
class _Scale:
    """How severities become grades: ``first`` below the first limit, one more at each."""

    name: str
    first: int
    limits: tuple[float, ...] = ()
    lowest: float = 0.0  # severities that the phantom can show
    highest: float = 1.0


_Kind = FindingKind
_SCALES: dict[FindingKind, _Scale] = {
    _Kind.DEGENERATION: _Scale("Pfirrmann", 1, (0.12, 0.3, 0.55, 0.8)),
    _Kind.BULGE: _Scale("SPIDER disc bulging", 1),
    _Kind.PROTRUSION: _Scale("MSU", 1, (0.5,), 0.1, 0.9),
    _Kind.EXTRUSION: _Scale("MSU", 1, (0.5,), 0.1, 0.9),
    _Kind.SCHMORL: _Scale("SPIDER endplate changes", 1),
    _Kind.MODIC: _Scale("Modic", 1),
    _Kind.FRACTURE: _Scale("Genant", 1, (0.25, 0.4), 0.2, 0.6),
    _Kind.HAEMANGIOMA: _Scale("present", 1),
    _Kind.METASTASIS: _Scale("SINS body involvement", 1, (0.5,)),
    _Kind.SLIP: _Scale("Meyerding", 1, (0.25,), 0.0, 0.4),
    _Kind.STENOSIS: _Scale("Schizas", 1, (0.25, 0.4, 0.55), 0.0, 0.65),
    _Kind.OSTEOPHYTE: _Scale("Nathan", 1, (1 / 3, 2 / 3)),
    _Kind.FATTY_MUSCLE: _Scale("Goutallier", 0, (0.08, 0.3, 0.6, 0.85)),
    _Kind.LAMINECTOMY: _Scale("present", 1),
    _Kind.SCREWS: _Scale("Gertzbein-Robbins", 1),
}
#: Variants by kind, with the grade where the variant decides it.
_VARIANTS: dict[FindingKind, tuple[str, ...]] = {
    _Kind.MODIC: ("oedema", "fat", "sclerosis"),
    _Kind.FRACTURE: ("wedge", "biconcave", "crush"),
    _Kind.METASTASIS: ("focal", "diffuse"),
}


@dataclass(frozen=True)
class Finding:
    """One finding; :func:`grade_finding` makes it with the grade of its severity.

    Attributes:
        kind: what it is.
        level: name of the vertebra ("L4") or disc ("L5/S1"), or "" for the whole spine.
        severity: in the range of its kind, mostly [0, 1].
        grade: on the published scale of the kind, see this module.
        variant: of Modic changes, fractures and metastases, else "".
        side: -1 left to 1 right, 0 central.
        upper: whether it lies at, or moves towards, the upper side.
        recent: whether marrow oedema goes with it (fractures).
    """

    kind: FindingKind
    level: str
    severity: float
    grade: int
    variant: str = ""
    side: float = 0.0
    upper: bool = False
    recent: bool = False

    def __post_init__(self) -> None:
        """Refuse what no phantom can show, and grades that contradict the severity."""
        object.__setattr__(self, "kind", FindingKind(self.kind))
        scale, variants = _SCALES[self.kind], _VARIANTS.get(self.kind, ("",))
        if not scale.lowest <= self.severity <= scale.highest:
            raise ValueError(
                f"severity of {self.kind} must be in [{scale.lowest}, {scale.highest}], "
                f"got {self.severity}"
            )
        if self.variant not in variants:
            raise ValueError(
                f"variant of {self.kind} must be one of {variants}, got {self.variant!r}"
            )
        if not -1.0 <= self.side <= 1.0:
            raise ValueError(f"side must be in [-1, 1], got {self.side}")
        expected = grade_of(self.kind, self.severity, variant=self.variant)
        if self.grade != expected:
            raise ValueError(
                f"grade of {self.kind} with severity {self.severity} must be {expected}, "
                f"got {self.grade}; make findings with grade_finding"
            )

    @property
    def scale(self) -> str:
        """Return the name of the scale that the grade is on."""
        return _SCALES[self.kind].name


def grade_of(kind: FindingKind, severity: float, *, variant: str = "") -> int:
    """Return the grade that a severity (a variant, for Modic changes) has on its scale.

    Example:
        >>> grade_of(FindingKind.FRACTURE, 0.3)
        2
    """
    if kind is FindingKind.MODIC:
        return 1 + _VARIANTS[kind].index(variant)
    scale = _SCALES[kind]
    return scale.first + bisect_right(scale.limits, severity)


def grade_finding(kind: FindingKind, level: str, severity: float, **where: Any) -> Finding:  # noqa: ANN401
    """Return a finding with the grade of its severity.

    Args:
        kind: what it is.
        level: vertebra, disc or "".
        severity: in the range of its kind.
        **where: variant, side, upper and recent of :class:`Finding`.

    Raises:
        ValueError: if the severity, variant or side is not possible.

    Example:
        >>> grade_finding(FindingKind.SLIP, "L5/S1", 0.3).grade
        2
    """
    variant = where.get("variant", "")
    if variant not in _VARIANTS.get(kind, ("",)):
        raise ValueError(
            f"variant of {kind} must be one of {_VARIANTS.get(kind, ('',))}, got {variant!r}"
        )
    return Finding(kind, level, severity, grade_of(kind, severity, variant=variant), **where)


def height_share(degeneration: float) -> float:
    """Return the share of its height that a disc keeps: 1 healthy, 0.45 collapsed.

    Falls slowly at first, as in the words of Pfirrmann's scale: grade III is
    "normal to slightly decreased", V "collapsed"; the numbers are nominal.

    Example:
        >>> height_share(0.0), round(height_share(1.0), 2)
        (1.0, 0.45)
    """
    return 1.0 - 0.55 * degeneration * degeneration
