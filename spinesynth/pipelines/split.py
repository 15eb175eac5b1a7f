"""Which cases train, validate and test: by patient, and written down."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from spinesynth.anatomy.annotation import class_groups
from spinesynth.anatomy.label_schemes import (
    CLUSTER_SCHEME,
    CLUSTER_SOURCE_PREFIX,
    get_scheme,
)
from spinesynth.errors import ConfigError
from spinesynth.few import name_few
from spinesynth.io.case import Case
from spinesynth.io.splits import check_split, split_patients
from spinesynth.pipelines.config import DataConfig
from spinesynth.pipelines.folds import assign_folds
from spinesynth.pipelines.phantom_data import PHANTOM_SOURCE
from spinesynth.seeding import derive_seed

_LOG = logging.getLogger(__name__)
_NAMED = 10  # cases that a warning names, the others are counted


@dataclass(frozen=True)
class Split:
    """The cases of an experiment.

    Args:
        train: cases with label maps, and images if model B is trained.
        validation: cases of other patients of the same sources.
        test: held-out patients of the train sources, and every other source;
            all with image and label map.
        scans: validation cases with label maps that are real scans, not phantoms,
            for a final choice among checkpoints.
    """

    train: list[Case]
    validation: list[Case]
    test: list[Case]
    scans: list[Case] = field(default_factory=list)

    def table(self) -> pd.DataFrame:
        """Return one row for each case: ``case_id, patient_id, source, contrast, split``."""
        rows = [
            (case.case_id, case.patient_id, case.source, case.contrast, name)
            for name, cases in (
                ("train", self.train), ("validation", self.validation), ("test", self.test)
            )
            for case in cases
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["case_id", "patient_id", "source", "contrast", "split"])


def can_teach(case: Case, target_scheme: str) -> bool:
    """Say whether a case tells any class of a training target from the background.

    Args:
        case: what it annotates decides; no file is read.
        target_scheme: name of a scheme that networks are trained on.

    Example:
        >>> from spinesynth.io.case import Case
        >>> discs = Case(
        ...     case_id="a", patient_id="a", source="s", contrast="T2",
        ...     annotated=frozenset({"disc"}), scheme="parts", image=None, label=None,
        ... )
        >>> can_teach(discs, "semantic4"), can_teach(discs, "binary_vertebra")
        (True, False)
    """
    groups = class_groups(case.annotated, num_classes=get_scheme(target_scheme).num_classes)
    return max(groups) > 0


def can_train(case: Case, models: Sequence[str]) -> bool:
    """Say whether a case has the files that training needs: A needs no image."""
    return case.label is not None and (case.image is not None or "B" not in models)


def split_cases(
    cases: Sequence[Case],
    config: DataConfig,
    *,
    models: Sequence[str] = ("A", "B"),
    target_scheme: str = "spine6",
) -> Split:
    """Split cases by patient.

    Args:
        cases: all cases of the data.
        config: which sources train, how many patients are held out.
        models: to train; without ``B``, label maps alone train too.
        target_scheme: scheme that the networks are trained on.

    Raises:
        ConfigError: if a train source is missing, has too few patients, or
            annotates nothing that the target could learn.
        InputError: if one patient would be in two sets.
    """
    if config.include_sources is not None:
        cases = [case for case in cases if case.source in config.include_sources]
    fold = _patients_of_fold(cases, config)
    usable = _source_cases(cases, config, models, held_out=fold)
    sets = _draw_sets(usable, config, held_out=fold)
    train, validation = _taught(sets, config)
    check_teaches([*train, *validation], target_scheme)
    seen = {case.patient_id for case in (*sets["train"], *sets["val"])}
    held_out = [case for case in sets["test"] if case.image]
    others = [
        case
        for case in cases
        if case.source not in config.train_sources
        and case.image
        and case.label
        and (fold is None or case.patient_id in fold)
    ]
    _warn_of_untested([case.case_id for case in others if case.patient_id in seen])
    test = [*held_out, *(case for case in others if case.patient_id not in seen)]
    check_split({"train": train, "validation": validation, "test": test})
    scans = [case for case in validation if case.image and case.source != PHANTOM_SOURCE]
    return Split(train, validation, test, scans)


def with_training_labels(split: Split, cases: Sequence[Case], *, place: str) -> Split:
    """Exchange the training and validation cases for other label maps of the same patients.

    Args:
        split: whose test and scans stay as they are.
        cases: with other label maps; those of other patients, sources and contrasts
            are left out.
        place: where they come from, for the error.

    Raises:
        ConfigError: if a patient of the split has no other label map.
    """
    exchanged = []
    for old in (split.train, split.validation):
        patients = {case.patient_id for case in old}
        series = {(case.patient_id, case.source, case.contrast) for case in old}
        new = [
            case
            for case in cases
            if (case.patient_id, _home(case), case.contrast) in series and case.label is not None
        ]
        without = sorted(patients - {case.patient_id for case in new})
        if without:
            raise ConfigError(
                f"data.training_labels: {place} holds no label map of "
                f"{name_few(without, limit=_NAMED)} ({len(without)} training or validation "
                "patients); make them of the same data",
                code="E-CONF-003",
            )
        exchanged.append(new)
    train, validation = exchanged
    return Split(train, validation, split.test, split.scans)


def _home(case: Case) -> str:
    """Return the source that a case, or what its label map was made from, belongs to."""
    divided = case.scheme == CLUSTER_SCHEME
    return case.source.removeprefix(CLUSTER_SOURCE_PREFIX) if divided else case.source


def _patients_of_fold(cases: Sequence[Case], config: DataConfig) -> set[str] | None:
    """Return the patients that the fold tests; None without folds."""
    if config.folds is None:
        return None
    folds = assign_folds(cases, folds=config.folds, seed=config.split_seed)
    return {patient for patient, number in folds.items() if number == config.fold}


def _source_cases(
    cases: Sequence[Case], config: DataConfig, models: Sequence[str], *, held_out: set[str] | None
) -> list[Case]:
    """Return the cases of the train sources that can train."""
    sources = sorted({case.source for case in cases})
    missing = [name for name in config.train_sources if name not in sources]
    if missing:
        raise ConfigError(
            f"data.train_sources names {missing}, which the data do not hold; they hold {sources}",
            code="E-CONF-003",
        )
    usable = [c for c in cases if c.source in config.train_sources and can_train(c, models)]
    patients = {case.patient_id for case in usable}
    count = config.test_patients if held_out is None else len(patients & held_out)
    wanted = count + config.val_patients
    if len(patients) <= wanted:
        needed = "image and label map" if "B" in models else "label map"
        tested = "data.test_patients" if held_out is None else f"those of fold {config.fold}"
        raise ConfigError(
            f"{tested} + data.val_patients = {wanted} leave nobody to train on: "
            f"{', '.join(config.train_sources)} holds {len(patients)} patients with {needed}",
            code="E-CONF-003",
        )
    return usable


def _draw_sets(
    cases: Sequence[Case], config: DataConfig, *, held_out: set[str] | None
) -> dict[str, list[Case]]:
    """Draw who is held out: of the patients with images where these are enough.

    Model A trained alone is then tested on the patients that B would be, and
    patients with label maps alone all train. With folds the test is given.
    """
    counts = {"val": config.val_patients}
    if held_out is None:
        counts = {"test": config.test_patients, **counts}
    tested = [case for case in cases if held_out and case.patient_id in held_out]
    cases = [case for case in cases if not held_out or case.patient_id not in held_out]
    with_image = {case.patient_id for case in cases if case.image}
    enough = len(with_image) > sum(counts.values())
    drawn = [case for case in cases if case.patient_id in with_image or not enough]
    sets = split_patients(drawn, seed=config.split_seed, counts=counts)
    rest = [case for case in cases if enough and case.patient_id not in with_image]
    return {"test": tested, **sets, "train": [*sets["train"], *rest]}


def _taught(sets: dict[str, list[Case]], config: DataConfig) -> tuple[list[Case], list[Case]]:
    """Return the cases of the configured contrasts that train and validate."""
    taught = config.train_contrasts
    train, validation = (
        [case for case in sets[name] if taught is None or case.contrast in taught]
        for name in ("train", "val")
    )
    if not train or not validation:
        raise ConfigError(
            f"data.train_contrasts {taught} leave no case to train or validate on; "
            f"the train sources hold {sorted({c.contrast for c in sets['train']})}",
            code="E-CONF-003",
        )
    if config.max_train_patients is not None:
        order = sorted(
            {case.patient_id for case in train},
            key=lambda name: (derive_seed("training order", config.split_seed, name), name),
        )
        kept = order[: config.max_train_patients]
        train = [case for case in train if case.patient_id in kept]
    return train, validation


def check_teaches(cases: Sequence[Case], target_scheme: str) -> None:
    """Refuse cases from which the target cannot learn anything.

    Args:
        cases: that train or validate.
        target_scheme: name of the scheme that networks are trained on.

    Raises:
        ConfigError: naming their sources and what these annotate.
    """
    mute = sorted(
        {
            f"{case.source} ({', '.join(sorted(case.annotated))})"
            for case in cases
            if not can_teach(case, target_scheme)
        }
    )
    if mute:
        names = ", ".join(get_scheme(target_scheme).class_names[1:])
        raise ConfigError(
            f"the target {target_scheme} ({names}) can learn nothing from what these sources "
            f"annotate: {'; '.join(mute)}; leave them out of data.train_sources or "
            "data.pseudo_labels, or choose a finer target_scheme (--num-classes)",
            code="E-CONF-003",
        )


def _warn_of_untested(case_ids: Sequence[str]) -> None:
    """Say which cases of other sources are left out for their patients' sake."""
    if case_ids:
        _LOG.warning(
            "not tested, since their patients train or validate: %s",
            name_few(case_ids, limit=_NAMED),
        )
