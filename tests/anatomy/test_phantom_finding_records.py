"""Findings as records: grades, refusals, and what is drawn; nothing is rendered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spinesynth.anatomy.phantom import PhantomRecord, draw_phantom
from spinesynth.anatomy.phantom.afflict import with_findings
from spinesynth.anatomy.phantom.findings import Finding, FindingKind, grade_finding

_Kind = FindingKind


@pytest.mark.parametrize(
    ("kind", "severity", "grade"),
    [
        (_Kind.DEGENERATION, 0.0, 1),
        (_Kind.DEGENERATION, 0.2, 2),
        (_Kind.DEGENERATION, 0.54, 3),
        (_Kind.DEGENERATION, 0.55, 4),
        (_Kind.DEGENERATION, 1.0, 5),
        (_Kind.PROTRUSION, 0.49, 1),
        (_Kind.EXTRUSION, 0.51, 2),
        (_Kind.FRACTURE, 0.2, 1),
        (_Kind.FRACTURE, 0.3, 2),
        (_Kind.FRACTURE, 0.45, 3),
        (_Kind.SLIP, 0.24, 1),
        (_Kind.SLIP, 0.26, 2),
        (_Kind.STENOSIS, 0.6, 4),
        (_Kind.FATTY_MUSCLE, 0.0, 0),
        (_Kind.FATTY_MUSCLE, 0.9, 4),
        (_Kind.METASTASIS, 0.6, 2),
    ],
)
def test_grade_follows_the_severity(kind: FindingKind, severity: float, grade: int) -> None:
    variant = {_Kind.FRACTURE: "wedge", _Kind.METASTASIS: "focal"}.get(kind, "")
    assert grade_finding(kind, "L4", severity, variant=variant).grade == grade


def test_modic_grade_is_its_type() -> None:
    types = [
        grade_finding(_Kind.MODIC, "L4/L5", 0.5, variant=v).grade
        for v in ("oedema", "fat", "sclerosis")
    ]
    assert types == [1, 2, 3]


def test_grade_that_contradicts_the_severity_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 2, got 3"):
        Finding(_Kind.FRACTURE, "L1", 0.3, 3, variant="wedge")


@pytest.mark.parametrize(
    ("kind", "severity", "where", "message"),
    [
        (_Kind.SLIP, 0.7, {}, r"severity of slip must be in \[0.0, 0.4\], got 0.7"),
        (_Kind.SLIP, float("nan"), {}, "severity of slip must be in"),
        (_Kind.FRACTURE, 0.3, {"variant": "burst"}, "variant of fracture must be one of"),
        (_Kind.BULGE, 0.3, {"side": 2.0}, r"side must be in \[-1, 1\], got 2.0"),
    ],
)
def test_impossible_finding_is_refused(
    kind: FindingKind, severity: float, where: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        grade_finding(kind, "L4/L5", severity, **where)


@pytest.mark.parametrize(
    ("kind", "level"), [(_Kind.BULGE, "L5"), (_Kind.SCREWS, "L4/L5"), (_Kind.FATTY_MUSCLE, "L4")]
)
def test_level_that_the_record_lacks_is_refused(kind: FindingKind, level: str) -> None:
    with pytest.raises(ValueError, match=f"level of {kind} must be one of"):
        with_findings(draw_phantom(0, pathology=False), [grade_finding(kind, level, 0.5)])


def test_records_with_findings_survive_json() -> None:
    for seed in range(20):
        record = draw_phantom(seed)
        again = PhantomRecord.from_json(record.to_json())
        assert again == record
        assert all(isinstance(f.kind, FindingKind) for f in again.findings)


def test_drawn_findings_grade_every_disc_and_the_muscles_as_they_are() -> None:
    record = draw_phantom(4)
    grades = {f.level: f for f in record.findings if f.kind is _Kind.DEGENERATION}
    assert {d.name: d.degeneration for d in record.discs} == {
        level: f.severity for level, f in grades.items()
    }
    (muscle,) = (f for f in record.findings if f.kind is _Kind.FATTY_MUSCLE)
    assert muscle.severity == record.habitus.muscle_fat


def test_without_pathology_all_else_stays_as_drawn() -> None:
    for seed in range(12):
        ill, well = draw_phantom(seed), draw_phantom(seed, pathology=False)
        assert not well.findings
        assert max(d.degeneration for d in well.discs) <= 0.25
        broken = {f.level for f in ill.findings if f.kind is _Kind.FRACTURE}
        for one, other in zip(ill.vertebrae, well.vertebrae, strict=True):
            assert (one == other) is (one.name not in broken)
        assert replace(ill, findings=(), vertebrae=well.vertebrae, discs=well.discs) == replace(
            well, vertebrae=well.vertebrae
        )


def test_about_half_of_the_phantoms_have_at_most_mild_degeneration() -> None:
    mild = {_Kind.BULGE, _Kind.FATTY_MUSCLE, _Kind.HAEMANGIOMA}
    calm = 0
    for seed in range(200):
        findings = draw_phantom(seed).findings
        calm += all(
            f.kind in mild or (f.kind is _Kind.DEGENERATION and (f.grade <= 3 or f.level[0] != "L"))
            for f in findings
        )
    # three standard errors of 200 draws are 0.11; the aim itself is loose
    assert 0.3 < calm / 200 < 0.65
