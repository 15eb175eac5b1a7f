"""Folds of a cross-validation: each patient in one, sources spread evenly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.seeding import derive_seed


def assign_folds(cases: Sequence[Case], *, folds: int, seed: int) -> dict[str, int]:
    """Deal the patients that can be tested into folds.

    The patients of a source (or of the same several sources) are dealt one by one in a
    drawn order, and the next source goes on where the last one ended: the folds of a
    source differ by one patient at most, and so do the folds as a whole.

    Args:
        cases: of a data set; those with image and label map count.
        folds: how many.
        seed: of the order.

    Returns:
        Number of the fold by patient, from 1 on.

    Raises:
        ConfigError: if there are fewer patients than folds.
    """
    sources = defaultdict[str, set[str]](set)
    for case in cases:
        if case.image is not None and case.label is not None:
            sources[case.patient_id].add(case.source)
    if len(sources) < folds:
        raise ConfigError(
            f"data.folds must be at most the {len(sources)} patients with image and label map, "
            f"got {folds}",
            code="E-CONF-003",
        )
    order = sorted(
        sources,
        key=lambda name: (sorted(sources[name]), derive_seed("fold", seed, name), name),
    )
    return {name: place % folds + 1 for place, name in enumerate(order)}
