"""Which cases train, validate and test: by patient, and written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.splits import check_split, split_patients
from spinesynth.pipelines.config import DataConfig


@dataclass(frozen=True)
class Split:
    """The cases of an experiment.

    Args:
        train: cases with label maps (and images, which only model B opens).
        validation: cases of other patients of the same sources.
        test: held-out patients of the train sources, and every other source.
    """

    train: list[Case]
    validation: list[Case]
    test: list[Case]

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


def _source_cases(cases: Sequence[Case], config: DataConfig) -> list[Case]:
    sources = sorted({case.source for case in cases})
    missing = [name for name in config.train_sources if name not in sources]
    if missing:
        raise ConfigError(
            f"data.train_sources names {missing}, which the data do not hold; they hold {sources}",
            code="E-CONF-003",
        )
    complete = [c for c in cases if c.source in config.train_sources and c.image and c.label]
    patients = {case.patient_id for case in complete}
    wanted = config.test_patients + config.val_patients
    if len(patients) <= wanted:
        raise ConfigError(
            f"data.test_patients + data.val_patients = {wanted} leave nobody to train on: "
            f"{', '.join(config.train_sources)} holds {len(patients)} patients with image and "
            "label map",
            code="E-CONF-003",
        )
    return complete


def split_cases(cases: Sequence[Case], config: DataConfig) -> Split:
    """Split cases by patient.

    Args:
        cases: all cases of the data.
        config: which sources train, how many patients are held out.

    Raises:
        ConfigError: if a train source is missing or has too few patients.
        InputError: if one patient would be in two sets.
    """
    if config.include_sources is not None:
        cases = [case for case in cases if case.source in config.include_sources]
    sets = split_patients(
        _source_cases(cases, config),
        seed=config.split_seed,
        counts={"test": config.test_patients, "val": config.val_patients},
    )
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
        kept = sorted({case.patient_id for case in train})[: config.max_train_patients]
        train = [case for case in train if case.patient_id in kept]
    seen = {case.patient_id for case in (*sets["train"], *sets["val"])}
    others = [
        case
        for case in cases
        if case.source not in config.train_sources
        and case.image
        and case.label
        and case.patient_id not in seen
    ]
    split = Split(train, validation, [*sets["test"], *others])
    check_split({"train": train, "validation": validation, "test": split.test})
    return split
