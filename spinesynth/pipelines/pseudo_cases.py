"""Which pseudo-labels train, that none of them tests, and what the record says of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spinesynth.anatomy.label_schemes import PSEUDO_SCHEME
from spinesynth.few import name_few
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.io.splits import check_split
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.content_digest import digest_image
from spinesynth.pipelines.leak_guard import refuse_seen_content
from spinesynth.pipelines.pseudo_labels import PSEUDO_JSON, SEEN_CONTENT, refuse_pseudo
from spinesynth.pipelines.run_record import opens_cases
from spinesynth.pipelines.split import Split

_LOG = logging.getLogger(__name__)
_NAMED = 3  # patients that a refusal names


@dataclass(frozen=True)
class PseudoLabels:
    """Pseudo-labels that a run trains on beside annotated cases.

    Attributes:
        cases: of the manifest.
        settings: what made them, as their folder says.
    """

    cases: tuple[Case, ...]
    settings: dict[str, Any]


def read_pseudo_labels(manifest: Path) -> PseudoLabels:
    """Read the manifest of :func:`write_pseudo_labels`, and what made it.

    Raises:
        ConfigError: if it lists other label maps, or does not lie beside its record.
        InputError: if the table is refused.
    """
    cases = tuple(discover_cases(manifest))
    others = [case.case_id for case in cases if case.scheme != PSEUDO_SCHEME]
    if others:
        raise refuse_pseudo(f"{manifest} lists {others[0]}, which is none; give it with --data")
    try:
        record = json.loads((manifest.parent / PSEUDO_JSON).read_text(encoding="utf-8"))
        settings = dict(record["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        raise refuse_pseudo(
            f"no {PSEUDO_JSON} can be read beside {manifest}, and without it nobody knows which "
            "patients their model has seen; keep both together"
        ) from None
    return PseudoLabels(cases, settings)


def refuse_pseudo_labels(cases: Sequence[Case]) -> None:
    """Raise if pseudo-labels stand among annotated cases, where they would validate and test.

    Raises:
        ConfigError: naming one, and where they belong.
    """
    made = [case.case_id for case in cases if case.scheme == PSEUDO_SCHEME]
    if made:
        raise refuse_pseudo(
            f"the data list some ({made[0]}, {len(made)} in all), which only train; name their "
            "manifest by data.pseudo_labels instead"
        )


def with_pseudo_labels(split: Split, place: str | None) -> Split:
    """Add pseudo-labels to the training cases, but those of validation and test patients.

    Those of an image that validates or tests are left out too, whatever its patient or file is
    called.

    Args:
        split: of the annotated cases.
        place: manifest of the pseudo-labels; None for none.

    Raises:
        ConfigError: if their model has seen a test patient, or none is left.
        InputError: if the table or an image is refused, a patient or file would be in two
            sets, or their model has seen an image or mask of the test.
    """
    if place is None:
        return split
    pseudo = read_pseudo_labels(Path(place))
    tested = {case.patient_id for case in split.test}
    seen = set(pseudo.settings["seen_patients"])
    leaked = sorted(tested & seen)
    if leaked:
        raise refuse_pseudo(
            f"their model has seen {len(leaked)} test patients "
            f"({name_few(leaked, limit=_NAMED)}), so the test would be none; "
            "use a model of the same split"
        )
    refuse_seen_content(
        _seen_content(pseudo), split.test, where="the training of the pseudo-labels' model"
    )
    ids = {case.case_id.lower() for case in (*split.train, *split.validation, *split.test)}
    twice = [case.case_id for case in pseudo.cases if case.case_id.lower() in ids]
    if twice:
        raise refuse_pseudo(f"{twice[0]} is the name of an annotated case too; rename one")
    chosen = _not_held_out(pseudo.cases, [*split.validation, *split.scans, *split.test])
    if not seen:
        _LOG.warning("pseudo-labels: their model does not say which patients it has seen")
    _LOG.info("pseudo-labels: %d of %d cases train", len(chosen), len(pseudo.cases))
    whole = replace(split, train=[*split.train, *chosen])
    check_split({"train": whole.train, "validation": whole.validation, "test": whole.test})
    return whole


def _not_held_out(cases: Sequence[Case], held_out: Sequence[Case]) -> list[Case]:
    """Return the pseudo-labels of other patients and of other images.

    Without a manifest a file is a patient of its own, so that patients do not tell; copies
    of an image are found by what they hold.
    """
    patients = {case.patient_id for case in held_out}
    images = {digest_image(case.image) for case in held_out if case.image}
    chosen = [
        case
        for case in cases
        if case.patient_id not in patients and case.image and digest_image(case.image) not in images
    ]
    if not chosen:
        raise refuse_pseudo("all are of validation or test patients, so none can train")
    return chosen


def patients_of_teacher(config: ExperimentConfig, model: str) -> set[str]:
    """Return the patients that the model behind a training's pseudo-labels has seen.

    What it learnt from them is in its label maps, so that they cannot test the student.

    Args:
        config: of the training; where it has no pseudo-labels, there are none.
        model: ``A`` or ``B``; A painted over phantoms alone opens no label map.

    Raises:
        ConfigError: if the manifest does not lie beside its record.
        InputError: if the table is refused.
    """
    place = config.data.pseudo_labels
    if place is None or not opens_cases(config, model):
        return set()
    return set(read_pseudo_labels(Path(place)).settings["seen_patients"])


def contents_of_teacher(config: ExperimentConfig, model: str) -> set[str]:
    """Return the digests of what the model behind a training's pseudo-labels has seen.

    Args:
        config: of the training; where it has no pseudo-labels, there are none.
        model: as of :func:`patients_of_teacher`.

    Returns:
        Lines of :meth:`spinesynth.pipelines.leak_guard.Content.as_text`.

    Raises:
        ConfigError: as :func:`patients_of_teacher`.
        InputError: if the table is refused.
    """
    place = config.data.pseudo_labels
    if place is None or not opens_cases(config, model):
        return set()
    return set(_seen_content(read_pseudo_labels(Path(place))))


def _seen_content(pseudo: PseudoLabels) -> list[str]:
    """Return what a record says, nothing if it is of before digests were kept."""
    return list(pseudo.settings.get(SEEN_CONTENT, ()))


def pseudo_record(cases: Sequence[Case], place: str | None) -> dict[str, Any] | None:
    """Return what a run's record says of the pseudo-labels that train, None if there are none.

    Args:
        cases: that train.
        place: manifest of the pseudo-labels.
    """
    if place is None:
        return None
    chosen = [case for case in cases if case.scheme == PSEUDO_SCHEME]
    settings = read_pseudo_labels(Path(place)).settings
    settings.pop(SEEN_CONTENT, None)  # the checkpoint keeps it
    return {"cases": len(chosen), "manifest": place, **settings}
