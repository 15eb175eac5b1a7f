"""Give a record findings, and with them the sizes that they change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import atan, degrees, radians, tan

from spinesynth.anatomy.phantom.findings import (
    OF_DISCS,
    Finding,
    FindingKind,
    height_share,
)
from spinesynth.anatomy.phantom.parameters import DiscSize, PhantomRecord, VertebraSize

_MILD = 0.25  # degeneration that passes for healthy: Pfirrmann II
_COLLAPSED = 0.8  # degeneration from which the disc is Pfirrmann V
_NUCLEUS_FRACTION = 0.62  # of a nucleus that returns, nominal
_BULGE_MM = (2.2, 4.0)  # beyond the endplate rims, least and most severe; nominal


def with_findings(record: PhantomRecord, findings: Iterable[Finding]) -> PhantomRecord:
    """Return a record that has findings too, with the sizes that they change.

    Degeneration, bulges, fractures, slips and fatty muscle are sizes of the
    record; all other findings are painted from the finding itself.

    Args:
        record: to change.
        findings: of levels that the record has.

    Raises:
        ValueError: if a finding names a level that the record lacks.
    """
    for finding in findings:
        change = _CHANGES.get(finding.kind)
        _check_level(record, finding)
        if change is not None:
            record = change(record, finding)
        record = replace(record, findings=(*record.findings, finding))
    return record


def without_degeneration(record: PhantomRecord) -> PhantomRecord:
    """Return a record whose discs are at most mildly degenerated (Pfirrmann II)."""
    return replace(
        record, discs=tuple(_degenerated(d, min(d.degeneration, _MILD)) for d in record.discs)
    )


def _check_level(record: PhantomRecord, finding: Finding) -> None:
    known = _levels(record, finding.kind)
    if finding.level not in known:
        raise ValueError(
            f"level of {finding.kind} must be one of {', '.join(map(repr, known))}, "
            f"got {finding.level!r}"
        )


def _levels(record: PhantomRecord, kind: FindingKind) -> tuple[str, ...]:
    if kind is FindingKind.FATTY_MUSCLE:
        return ("",)
    if kind in OF_DISCS:
        return tuple(disc.name for disc in record.discs)
    return tuple(vertebra.name for vertebra in record.vertebrae)


def _change_disc(
    record: PhantomRecord, level: str, change: Callable[[DiscSize], DiscSize]
) -> PhantomRecord:
    return replace(record, discs=tuple(change(d) if d.name == level else d for d in record.discs))


def _degenerate(record: PhantomRecord, finding: Finding) -> PhantomRecord:
    return _change_disc(record, finding.level, lambda d: _degenerated(d, finding.severity))


def _degenerated(disc: DiscSize, degeneration: float) -> DiscSize:
    """Return the disc with the height and nucleus of another degeneration.

    Lost height takes its share of the wedge; height that returns leaves the
    spine as curved as it was drawn.
    """
    share = height_share(degeneration) / height_share(disc.degeneration)
    was_collapsed = disc.degeneration >= _COLLAPSED
    nucleus = _NUCLEUS_FRACTION if was_collapsed else disc.nucleus_fraction
    return replace(
        disc,
        degeneration=degeneration,
        posterior_height_mm=disc.posterior_height_mm * share,
        wedge_deg=degrees(atan(tan(radians(disc.wedge_deg)) * min(1.0, share))),
        nucleus_fraction=nucleus if degeneration < _COLLAPSED else 0.0,
    )


def _bulge(record: PhantomRecord, finding: Finding) -> PhantomRecord:
    low, high = _BULGE_MM
    bulge = low + (high - low) * finding.severity
    return _change_disc(record, finding.level, lambda d: replace(d, bulge_mm=bulge))


def _slip(record: PhantomRecord, finding: Finding) -> PhantomRecord:
    index = [disc.name for disc in record.discs].index(finding.level)
    below = record.vertebrae[index - 1].depth_mm if index else record.sacrum[0].depth_top_mm
    slip = finding.severity * below
    return _change_disc(record, finding.level, lambda d: replace(d, slip_mm=slip))


def _fracture(record: PhantomRecord, finding: Finding) -> PhantomRecord:
    return replace(
        record,
        vertebrae=tuple(
            _fractured(v, finding) if v.name == finding.level else v for v in record.vertebrae
        ),
    )


def _fractured(vertebra: VertebraSize, finding: Finding) -> VertebraSize:
    """Return the vertebra with the share of its height lost in front, amid or all over."""
    kept = 1.0 - finding.severity
    posterior, anterior = vertebra.posterior_height_mm, vertebra.anterior_height_mm
    concavity = vertebra.endplate_concavity_mm
    if finding.variant == "wedge":
        anterior *= kept
    elif finding.variant == "crush":
        posterior, anterior = posterior * kept, anterior * kept
    else:  # both endplates sink; 1.7 concavities are lost amid (see body_distance)
        concavity += finding.severity * 0.5 * (posterior + anterior) / 1.7
    return replace(
        vertebra,
        posterior_height_mm=posterior,
        wedge_deg=degrees(atan((anterior - posterior) / vertebra.depth_mm)),
        endplate_concavity_mm=concavity,
        # the pedicles keep their place below the upper endplate
        pedicle_height_mm=min(vertebra.pedicle_height_mm, 0.62 * posterior),
    )


def _fatten(record: PhantomRecord, finding: Finding) -> PhantomRecord:
    return replace(record, habitus=replace(record.habitus, muscle_fat=finding.severity))


_CHANGES: dict[FindingKind, Callable[[PhantomRecord, Finding], PhantomRecord]] = {
    FindingKind.DEGENERATION: _degenerate,
    FindingKind.BULGE: _bulge,
    FindingKind.SLIP: _slip,
    FindingKind.FRACTURE: _fracture,
    FindingKind.FATTY_MUSCLE: _fatten,
}
