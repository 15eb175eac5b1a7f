"""Which cases a run uses: split, and read once before anything is written."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from spinesynth.errors import ConfigError
from spinesynth.io.case import Case
from spinesynth.io.discover import discover_cases
from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines.chains import check_painter
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.leak_guard import contents_of, find_leaks, refuse_leaks
from spinesynth.pipelines.phantom_data import (
    PHANTOM_ANNOTATED,
    PHANTOM_CONTRASTS,
    PHANTOM_SOURCE,
)
from spinesynth.pipelines.pseudo_cases import refuse_pseudo_labels, with_pseudo_labels
from spinesynth.pipelines.pseudo_labels import refuse_pseudo
from spinesynth.pipelines.readable import refuse_unreadable
from spinesynth.pipelines.split import Split, check_teaches, split_cases, with_training_labels
from spinesynth.pipelines.training_data import check_centres, contents_behind, with_real_image
from spinesynth.pipelines.write_phantoms import write_phantom_dataset

_LOG = logging.getLogger(__name__)

PHANTOM_FOLDER = Path("phantom_data")


def read_split(config: ExperimentConfig, data: Path) -> Split:
    """Split a data set and read each of its cases once, before anything is written.

    A scan that cannot be read is better refused now than after an hour of
    training. Of training and validation cases the images are read only if
    model B is trained, or A on a share of them, and those that a final choice is
    made on. Cases whose label map is background alone teach nothing and are left out with a
    warning.

    Args:
        config: the experiment.
        data: manifest CSV or folder of a data set.

    Raises:
        ConfigError: if the data do not hold what the configuration asks for.
        InputError: for the first file that is refused, with the number of others, or for
            an image or a mask that trains and tests.
    """
    split = plan_split(config, discover_cases(data))
    if "A" in config.models:
        check_painter(config, (*split.train, *split.validation))
    chosen_on = split.scans if config.training.final_choice == "volumes" else []
    real = "B" in config.models or config.training.real_share > 0
    trains = {case: real and case.image is not None for case in (*split.train, *split.validation)}
    empty: set[Case] = set()

    def note_empty(loaded: LoadedCase) -> None:
        if loaded.structure is not None and not bool(loaded.structure.any()):
            empty.add(loaded.case)

    read = trains | dict.fromkeys((*chosen_on, *split.test), True)
    refuse_unreadable(read.items(), data=data, check=note_empty)
    split = _without(split, empty)
    refuse_shared_content(config, split)
    return split


def _without(split: Split, empty: Collection[Case]) -> Split:
    """Leave cases out of training and validation whose label map is background alone.

    They would teach that there is no spine where one is. The test keeps them: whatever is
    found there is a false finding.
    """
    for case in (*split.train, *split.validation):
        if case in empty:
            _LOG.warning("%s: background alone, case %s is left out", case.label, case.case_id)
    train, validation, scans = (
        [case for case in part if case not in empty]
        for part in (split.train, split.validation, split.scans)
    )
    if not train or not validation:
        part = "validation" if train else "training"
        raise ConfigError(
            f"the label maps of all {part} cases are background alone; give others",
            code="E-CONF-003",
        )
    return Split(train, validation, split.test, scans)


def refuse_shared_content(config: ExperimentConfig, split: Split) -> None:
    """Refuse a split whose training and test share an image or a mask.

    Whoever plans several trainings asks this of each before the first. Files are read
    once in a process, however many splits hold them.

    Args:
        config: of the training.
        split: of :func:`plan_split`.

    Raises:
        InputError: E-SPLIT-002 naming all pairs, or if a file is refused.
    """
    trains = [*split.train, *split.validation]
    chosen_on = split.scans if config.training.final_choice == "volumes" else []
    trained = [
        content for model in config.models for content in contents_behind(config, model, trains)
    ]
    trained += contents_of(chosen_on, images=True)
    refuse_leaks(find_leaks(trained, contents_of(split.test, images=True)))


def plan_split(config: ExperimentConfig, cases: Sequence[Case]) -> Split:
    """Split cases as a configuration asks, without reading any of their files.

    With ``data.pseudo_labels`` images are read, to leave out those that are held out.

    Raises:
        ConfigError: if the cases do not hold what the configuration asks for.
        InputError: if pseudo-labels or their images are refused.
    """
    refuse_pseudo_labels(cases)
    place, bound = config.data.pseudo_labels, config.data.max_train_patients
    if place is not None and bound is not None:
        raise refuse_pseudo(
            f"data.max_train_patients is {bound}, and data.pseudo_labels would add patients to "
            "them; leave one of the two out"
        )
    split = with_pseudo_labels(_with_training_labels(_split(cases, config), config), place)
    check_teaches(split.train, config.target_scheme)
    share = config.training.real_share
    if "A" in config.models and share > 0 and not with_real_image(split.train):
        raise ConfigError(
            f"training.real_share {share:g} asks for real images, but no training patient has one "
            "with a label map; add images, or set it to 0",
            code="E-CONF-003",
        )
    for model in config.models:
        check_centres(split.train, config, model)
    return split


def _with_training_labels(split: Split, config: ExperimentConfig) -> Split:
    """Exchange the label maps that train for those that the configuration names, if any."""
    place = config.data.training_labels
    if place is None:
        return split
    if "B" in config.models:
        raise ConfigError(
            "data.training_labels are painted by model A; models must be [A], "
            f"got {list(config.models)}",
            code="E-CONF-003",
        )
    return with_training_labels(split, discover_cases(Path(place)), place=place)


def _split(cases: Sequence[Case], config: ExperimentConfig) -> Split:
    return split_cases(cases, config.data, models=config.models, target_scheme=config.target_scheme)


def check_phantom_plan(config: ExperimentConfig) -> None:
    """Refuse a configuration that phantoms cannot serve, before any is drawn.

    Raises:
        ConfigError: if the configuration trains on other sources, or its split
            or contrasts leave nobody of the phantoms that would be drawn.
    """
    pseudo = config.data.pseudo_labels
    if config.data.train_sources != (PHANTOM_SOURCE,) or pseudo:
        also = f" and data.pseudo_labels {pseudo}" if pseudo else ""
        raise ConfigError(
            f"data.train_sources names {', '.join(config.data.train_sources)}{also}, but no data "
            f"are given and phantoms are the source {PHANTOM_SOURCE!r}; give the data with --data",
            code="E-CONF-003",
        )
    planned = [
        Case(
            case_id=f"{number}_{contrast}", patient_id=str(number), source=PHANTOM_SOURCE,
            contrast=contrast, annotated=PHANTOM_ANNOTATED, scheme="spine6",
            image=Path(f"{number}_{contrast}"), label=Path(f"{number}_label"),
        )
        for number in range(config.data.phantom_patients)
        for contrast in PHANTOM_CONTRASTS
    ]  # fmt: skip
    _split(planned, config)


def write_phantom_split(config: ExperimentConfig, folder: Path) -> Split:
    """Write phantoms below a run's folder and split them.

    Args:
        config: the experiment.
        folder: of the run.
    """
    sys.stderr.write(f"No data given: drawing {config.data.phantom_patients} phantoms\n")
    manifest = write_phantom_dataset(
        folder / PHANTOM_FOLDER, patients=config.data.phantom_patients, seed=config.seed
    )
    return _split(discover_cases(manifest), config)
