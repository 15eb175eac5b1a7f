"""How often findings are drawn, by age and level.

Shares of people by age follow Brinjikji et al. 2015 (AJNR 36(4):811-816, 3110
people without symptoms, ages 20 to 80) where it has them: bulges 30-84 %,
protrusions 29-43 %, slips 3-50 %. Others: vertebral fractures 12 % of those of
50 to 79 (O'Neill et al. 1996, J Bone Miner Res 11:1010-8), haemangiomas 27 % of
lumbar MRI (Barzin & Maleki 2009, Pak J Biol Sci 12:895-7), stenosis 4 % below
40 to 19 % at 60 to 69 (absolute, Kalichman et al. 2009, Spine J 9:545-50), Modic
changes mostly type 2 and beside degenerated discs (Jensen et al. 2008, Eur Spine
J 17:1407-22). All are thinned by :data:`_KEPT` (nominal), so that about half of
the phantoms have at most mild degeneration: segmentation needs both. Extrusions,
metastases, surgery and the shares by level are nominal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spinesynth.anatomy.phantom.dice import Dice
from spinesynth.anatomy.phantom.findings import (
    OF_DISCS,
    Finding,
    FindingKind,
    grade_finding,
)
from spinesynth.anatomy.phantom.parameters import PhantomRecord

_Kind = FindingKind
_KEPT = 0.3
#: Share of people at 20 and at 80 years, straight between.
_SHARES: dict[FindingKind, tuple[float, float]] = {
    _Kind.BULGE: (0.30, 0.84),
    _Kind.PROTRUSION: (0.29, 0.43),
    _Kind.EXTRUSION: (0.05, 0.10),
    _Kind.SCHMORL: (0.15, 0.25),
    _Kind.SLIP: (0.03, 0.50),
    _Kind.STENOSIS: (0.04, 0.25),
    _Kind.FRACTURE: (0.01, 0.20),
    _Kind.HAEMANGIOMA: (0.15, 0.30),
    _Kind.METASTASIS: (0.01, 0.06),
    _Kind.LAMINECTOMY: (0.03, 0.09),
    _Kind.SCREWS: (0.03, 0.08),
}
#: Severities drawn, uniformly.
_SEVERITIES: dict[FindingKind, tuple[float, float]] = {
    _Kind.BULGE: (0.0, 1.0),
    _Kind.PROTRUSION: (0.18, 0.55),
    _Kind.EXTRUSION: (0.35, 0.9),
    _Kind.SCHMORL: (0.0, 1.0),
    _Kind.SLIP: (0.08, 0.33),
    _Kind.STENOSIS: (0.15, 0.62),
    _Kind.FRACTURE: (0.2, 0.55),
    _Kind.HAEMANGIOMA: (0.0, 1.0),
    _Kind.METASTASIS: (0.05, 0.9),
    _Kind.LAMINECTOMY: (1.0, 1.0),
    _Kind.SCREWS: (0.0, 1.0),
    _Kind.MODIC: (0.0, 1.0),
    _Kind.OSTEOPHYTE: (0.0, 1.0),
}
#: Weights of the levels from the lowest upwards, zero beyond.
_LOW_DISCS = (0.38, 0.38, 0.13, 0.07, 0.04)
_ANY_LEVEL = (0.15, 0.2, 0.2, 0.2, 0.15, 0.1)
_WEIGHTS: dict[FindingKind, tuple[float, ...]] = {
    _Kind.BULGE: (0.3, 0.33, 0.2, 0.1, 0.07),
    _Kind.PROTRUSION: _LOW_DISCS,
    _Kind.EXTRUSION: _LOW_DISCS,
    _Kind.SCHMORL: (0.05, 0.12, 0.2, 0.2, 0.2, 0.13, 0.1),
    _Kind.SLIP: (0.4, 0.5, 0.1),
    _Kind.STENOSIS: (0.1, 0.45, 0.3, 0.15),
    _Kind.FRACTURE: (0.05, 0.1, 0.15, 0.2, 0.25, 0.2, 0.05),
    _Kind.HAEMANGIOMA: _ANY_LEVEL,
    _Kind.METASTASIS: _ANY_LEVEL,
    _Kind.LAMINECTOMY: (0.4, 0.4, 0.2),
    _Kind.SCREWS: (0.55, 0.35, 0.1),
}
_MODIC_BY_PFIRRMANN = {3: 0.04, 4: 0.15, 5: 0.3}
_OSTEOPHYTES_BY_PFIRRMANN = {3: 0.06, 4: 0.3, 5: 0.6}


def draw_findings(dice: Dice, record: PhantomRecord) -> tuple[Finding, ...]:
    """Draw the findings of a record's person.

    Args:
        dice: source of the draws.
        record: whose discs and muscles are graded as they are.

    Returns:
        Pfirrmann's grade of every disc, Goutallier's of the muscles, and what
        else was drawn; not yet given to the record.
    """
    age = min(1.0, max(0.0, (record.person.age_years - 20.0) / 60.0))
    return (
        *_graded(record),
        *_beside_degenerated(dice, record, age),
        *_by_person(dice, record, age),
    )


def _graded(record: PhantomRecord) -> Iterator[Finding]:
    for disc in record.discs:
        yield grade_finding(_Kind.DEGENERATION, disc.name, disc.degeneration)
    yield grade_finding(_Kind.FATTY_MUSCLE, "", record.habitus.muscle_fat)


def _beside_degenerated(dice: Dice, record: PhantomRecord, age: float) -> Iterator[Finding]:
    """Draw Modic changes and osteophytes disc by disc."""
    for disc in record.discs:
        grade = grade_finding(_Kind.DEGENERATION, disc.name, disc.degeneration).grade
        if dice.chance(_MODIC_BY_PFIRRMANN.get(grade, 0.0)):
            yield _draw(dice, _Kind.MODIC, disc.name, variant=_variant(dice, _Kind.MODIC))
        if dice.chance(age * _OSTEOPHYTES_BY_PFIRRMANN.get(grade, 0.0)):
            yield _draw(dice, _Kind.OSTEOPHYTE, disc.name)


def _by_person(dice: Dice, record: PhantomRecord, age: float) -> Iterator[Finding]:
    for kind, (young, old) in _SHARES.items():
        if not dice.chance(_KEPT * (young + (old - young) * age)):
            continue
        level = _draw_level(dice, kind, record)
        yield _draw(dice, kind, level, variant=_variant(dice, kind))
        if kind is _Kind.SCREWS:  # a fusion holds two neighbours at least
            names = [vertebra.name for vertebra in record.vertebrae]
            yield _draw(dice, kind, names[names.index(level) + 1])


def _draw_level(dice: Dice, kind: FindingKind, record: PhantomRecord) -> str:
    if kind not in OF_DISCS:
        weights = {v.name: w for v, w in zip(record.vertebrae, _WEIGHTS[kind], strict=False)}
    else:
        weights = {  # what is degenerated gives way; a rudimentary disc bears no load
            d.name: w * (0.15 + d.degeneration)
            for d, w in zip(record.discs, _WEIGHTS[kind], strict=False)
        }
        if record.variant.junction == "sacralised":
            del weights[record.discs[0].name]
    return _pick(dice, weights)


_VARIANTS = {
    _Kind.MODIC: {"oedema": 0.3, "fat": 0.6, "sclerosis": 0.1},
    _Kind.FRACTURE: {"wedge": 0.55, "biconcave": 0.3, "crush": 0.15},
    _Kind.METASTASIS: {"focal": 0.7, "diffuse": 0.3},
}


def _variant(dice: Dice, kind: FindingKind) -> str:
    return _pick(dice, _VARIANTS[kind]) if kind in _VARIANTS else ""


def _pick(dice: Dice, weights: Mapping[str, float]) -> str:
    total = sum(weights.values())
    last = list(weights)[-1]
    return dice.pick({name: weight / total for name, weight in weights.items()}, otherwise=last)


def _draw(dice: Dice, kind: FindingKind, level: str, *, variant: str = "") -> Finding:
    return grade_finding(
        kind,
        level,
        dice.uniform(*_SEVERITIES[kind]),
        variant=variant,
        side=dice.uniform(-1.0, 1.0),
        upper=dice.chance(0.5),
        recent=dice.chance(0.4) and kind is _Kind.FRACTURE,
    )
