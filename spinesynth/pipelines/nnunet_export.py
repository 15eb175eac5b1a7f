"""Write a data set in the layout of nnU-Net version 2.

Volumes go out whole on their own grids as three-dimensional files, single slices too:
nnU-Net's 2D configuration takes the slices itself. Where a source does not annotate what a
class means, voxels get nnU-Net's ignore label, so that nothing is taught to be background
that nobody looked at.

Source:
    Isensee et al. 2021, Nat Methods 18:203-211; ``documentation/dataset_format.md`` and
    ``documentation/ignore_label.md`` of github.com/MIC-DKFZ/nnUNet.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from spinesynth.anatomy.annotation import class_groups
from spinesynth.anatomy.label_schemes import CLUSTER_SCHEME, PSEUDO_SCHEME, get_scheme
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.atomic import write_text
from spinesynth.io.case import Case
from spinesynth.io.discover import scan_cases
from spinesynth.io.load_case import load_case
from spinesynth.io.write import write_volume
from spinesynth.networks.partial_label_loss import UNKNOWN_CLASS
from spinesynth.pipelines.datasets import TargetCoder
from spinesynth.pipelines.folds import assign_folds
from spinesynth.pipelines.leak_guard import contents_of, find_leaks, refuse_leaks
from spinesynth.pipelines.nnunet_place import refuse_taken, unfinished
from spinesynth.pipelines.nnunet_record import describe_export
from spinesynth.pipelines.nnunet_split import read_split_table, refuse_empty_parts
from spinesynth.pipelines.readable import refuse_unreadable
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.pipelines.run_record import write_json

Partial = Literal["ignore", "leave-out"]
TARGETS = ("semantic4", "spine6", "binary_vertebra")
_ENDING = ".nii.gz"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_MAX_ID = 999
_FOLDS = 5  # of nnU-Net's own cross-validation
_NAMED = 5  # cases that a message names


@dataclass(frozen=True)
class Export:
    """What is written, decided before the first file.

    Attributes:
        train: cases with image and label map.
        test: cases whose image alone is written.
        folds: training and validation case ids of each fold.
        scheme: name of the label scheme of the labels.
        uses_ignore: whether some voxels get the ignore label.
        left_out: why a case is left out, by case id.
    """

    train: list[Case]
    test: list[Case]
    folds: list[dict[str, list[str]]]
    scheme: str
    uses_ignore: bool
    left_out: dict[str, str]


def export_nnunet(
    data: Path,
    out: Path,
    *,
    name: str = "LumbarSpine",
    number: int = 501,
    target_scheme: str = "semantic4",
    partial: Partial = "ignore",
    split: Path | None = None,
    sources: Sequence[str] | None = None,
    seed: int = 0,
) -> str:
    """Write ``Dataset<number>_<name>`` for nnU-Net.

    Args:
        data: manifest CSV or folder of a data set.
        out: folder that the data set goes to, as ``nnUNet_raw``.
        name: letters, digits and hyphens.
        number: 1 to 999; nnU-Net's own data sets use the lower ones.
        target_scheme: classes of the labels, one of :data:`TARGETS`.
        partial: what becomes of voxels whose class the source does not tell: ``ignore``
            gives them nnU-Net's ignore label, ``leave-out`` leaves such cases out.
        split: ``tables/split.csv`` of a run, so that nnU-Net trains, validates and is
            tested on the same patients; else all train, in folds by patient.
        sources: only these sources of the data.
        seed: of the folds.

    Returns:
        What was written and what was left out, and the next command.

    Raises:
        ConfigError: if the options are impossible, the number is taken, another export writes
            into the folder, or no case teaches the background.
        InputError: if data or split are refused, or train and test share a patient or content.
        OutputError: if a file cannot be written.
    """
    place = _place(out, name, number, target_scheme)
    scan = scan_cases(data)
    if scan.problems:
        raise scan.problems[0]
    cases = [case for case in scan.cases if sources is None or case.source in sources]
    parts = None
    if split is not None:
        parts = read_split_table(split, {case.case_id for case in scan.cases})
    plan = _plan(cases, target_scheme, partial, parts, seed)
    if not plan.train:
        raise InputError(
            f"{data} holds no case that can train: {_reasons(plan.left_out)}", code="E-CASE-005"
        )
    if split is not None and parts is not None:
        refuse_empty_parts(split, parts, (*plan.train, *plan.test), _reasons(plan.left_out))
    refuse_unreadable(((case, True) for case in (*plan.train, *plan.test)), data=data)
    contents = contents_of(plan.train, images=True)
    refuse_leaks(find_leaks(contents, contents_of(plan.test, images=True)))
    record = _describe(plan) | describe_export(plan.scheme, plan.train, contents)
    with hold_folder(out):
        refuse_taken(place)  # another may have come first
        with unfinished(place) as folder:
            _write(plan, folder, record)
    said = f"{place}: {len(plan.train)} training cases, {len(plan.test)} test images\n"
    if plan.left_out:
        said += f"Left out: {len(plan.left_out)} cases ({_reasons(plan.left_out)})\n"
    return said + f"Next: nnUNetv2_plan_and_preprocess -d {number} --verify_dataset_integrity\n"


def known_classes(annotated: frozenset[str], target_scheme: str) -> frozenset[int]:
    """Return the classes of a target that a source tells from all others.

    Args:
        annotated: words of :data:`spinesynth.anatomy.annotation.WORDS`.
        target_scheme: one of :data:`TARGETS`.

    Example:
        >>> sorted(known_classes(frozenset({"vertebra", "disc", "canal"}), "semantic4"))
        [0, 1, 2, 3]
        >>> sorted(known_classes(frozenset({"vertebra", "disc", "canal"}), "spine6"))
        [3, 4]
    """
    groups = class_groups(annotated, num_classes=get_scheme(target_scheme).num_classes)
    sizes = Counter(groups)
    return frozenset(label for label, group in enumerate(groups) if sizes[group] == 1)


def export_labels(structure: Tensor, annotated: frozenset[str], coder: TargetCoder) -> Tensor:
    """Return the labels of a case, with the ignore label where its source does not tell.

    Args:
        structure: ``Structure`` codes of any shape.
        annotated: what the source annotates.
        coder: of the target.

    Returns:
        uint8 of the same shape: classes, and their number where nobody knows.
    """
    groups = coder.groups(annotated)
    sizes = Counter(groups)
    classes = coder.classes(structure)
    unknown = [label for label, group in enumerate(groups) if sizes[group] > 1]
    ignored = torch.isin(classes, torch.tensor([*unknown, UNKNOWN_CLASS], dtype=classes.dtype))
    return classes.masked_fill(ignored, coder.num_classes)


def _place(out: Path, name: str, number: int, target_scheme: str) -> Path:
    """Return the folder of the data set, refusing impossible names and one that is in use."""
    if not _NAME.fullmatch(name) or not 1 <= number <= _MAX_ID:
        raise ConfigError(
            f"a data set is called by letters, digits and hyphens and a number of 1 to {_MAX_ID}, "
            f"got {name!r} and {number}",
            code="E-CONF-081",
        )
    if target_scheme not in TARGETS:
        raise ConfigError(
            f"target scheme must be one of {', '.join(TARGETS)}, got {target_scheme!r}",
            code="E-CONF-005",
        )
    place = out / f"Dataset{number:03d}_{name}"
    refuse_taken(place)
    return place


def _plan(
    cases: Sequence[Case], scheme: str, partial: Partial, split: dict[str, str] | None, seed: int
) -> Export:
    """Decide which cases train and test, and in which fold."""
    train: list[Case] = []
    test: list[Case] = []
    left_out: dict[str, str] = {}
    for case in cases:
        why = "not in the split" if split is not None and case.case_id not in split else ""
        tests = case.label is None if split is None else split.get(case.case_id) == "test"
        why = why or ("no image" if case.image is None else "")
        why = why or ("" if tests else _cannot_train(case, scheme, partial))
        if why:
            left_out[case.case_id] = why
        else:
            (test if tests else train).append(case)
    _refuse_no_background(train, scheme)
    classes = range(get_scheme(scheme).num_classes)
    ignores = any(known_classes(case.annotated, scheme) != set(classes) for case in train)
    _refuse_shared_patients(train, test)
    return Export(train, test, _folds(train, split, seed), scheme, ignores, left_out)


def _cannot_train(case: Case, scheme: str, partial: Partial) -> str:
    """Say why a case cannot train, empty if it can."""
    if case.label is None:
        return "no label map"
    if case.scheme in (CLUSTER_SCHEME, PSEUDO_SCHEME):
        return f"label map of the scheme {case.scheme}"
    known = known_classes(case.annotated, scheme)
    if not known - {0}:
        return f"annotates no class of {scheme}"
    if partial == "leave-out" and len(known) < get_scheme(scheme).num_classes:
        return f"annotates only a part of {scheme}"
    return ""


def _refuse_no_background(train: Sequence[Case], scheme: str) -> None:
    """Raise if no case says what background is: nnU-Net would call everything a structure."""
    if train and not any(0 in known_classes(case.annotated, scheme) for case in train):
        raise ConfigError(
            f"no case annotates every class of {scheme}, so that none teaches the background; "
            "choose a coarser --target-scheme, such as semantic4",
            code="E-CONF-081",
        )


def _refuse_shared_patients(train: Sequence[Case], test: Sequence[Case]) -> None:
    """Raise if a patient trains and tests."""
    shared = sorted({case.patient_id for case in train} & {case.patient_id for case in test})
    refuse_leaks([f"patient {patient} would train and test" for patient in shared])


def _folds(
    train: Sequence[Case], split: dict[str, str] | None, seed: int
) -> list[dict[str, list[str]]]:
    """Return the folds of nnU-Net's cross-validation: those of the split, or by patient."""
    ids = sorted(case.case_id for case in train)
    if split is not None:
        held_out = [name for name in ids if split[name] == "validation"]
        return [{"train": [n for n in ids if n not in held_out], "val": held_out}]
    patients = {case.patient_id for case in train}
    if len(patients) == 1:
        return [{"train": ids, "val": ids}]
    count = min(_FOLDS, len(patients))
    fold_of = assign_folds(train, folds=count, seed=seed)
    tested_in = {case.case_id: fold_of[case.patient_id] for case in train}
    return [
        {
            "train": [name for name in ids if tested_in[name] != fold],
            "val": [name for name in ids if tested_in[name] == fold],
        }
        for fold in range(1, count + 1)
    ]


def _describe(plan: Export) -> dict[str, Any]:
    """Return what nnU-Net reads: channels, labels, count and file ending."""
    contrasts = sorted({case.contrast for case in plan.train} - {""})
    labels = {name: label for label, name in enumerate(get_scheme(plan.scheme).class_names)}
    if plan.uses_ignore:
        labels["ignore"] = len(labels)
    return {
        "channel_names": {"0": contrasts[0] if len(contrasts) == 1 else "MRI"},
        "labels": labels,
        "numTraining": len(plan.train),
        "file_ending": _ENDING,
    }


def _write(plan: Export, folder: Path, record: dict[str, Any]) -> None:
    """Write everything of a data set into a folder."""
    coder = TargetCoder(plan.scheme)
    for case in plan.train:
        _write_case(case, folder, coder, train=True)
    for case in plan.test:
        _write_case(case, folder, coder, train=False)
    write_text(folder / "splits_final.json", json.dumps(plan.folds, indent=2) + "\n")
    write_json(folder / "dataset.json", record)


def _write_case(case: Case, place: Path, coder: TargetCoder, *, train: bool) -> None:
    """Write an image, and its labels if it trains, on one grid."""
    loaded = load_case(case)
    assert loaded.image is not None  # it was asked for
    images = place / ("imagesTr" if train else "imagesTs")
    images.mkdir(parents=True, exist_ok=True)
    write_volume(
        images / f"{case.case_id}_0000{_ENDING}",
        _compact(loaded.image.as_tensor()),
        like=loaded.image,
    )
    if train:
        assert loaded.structure is not None  # it has been planned so
        labels = export_labels(loaded.structure.as_tensor(), case.annotated, coder)
        folder = place / "labelsTr"
        folder.mkdir(parents=True, exist_ok=True)
        write_volume(folder / f"{case.case_id}{_ENDING}", labels, like=loaded.image)


def _compact(image: Tensor) -> Tensor:
    """Return whole numbers, as scanners store them, in half the bytes."""
    limits = torch.iinfo(torch.int16)
    fits = limits.min <= float(image.min()) and float(image.max()) <= limits.max
    return image.short() if fits and bool((image == image.round()).all()) else image


def _reasons(left_out: dict[str, str]) -> str:
    """Return each reason with its number of cases, and some of their ids."""
    by_reason: dict[str, list[str]] = {}
    for name, why in left_out.items():
        by_reason.setdefault(why, []).append(name)
    return (
        "; ".join(
            f"{why}: {', '.join(names[:_NAMED])}"
            + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
            for why, names in sorted(by_reason.items())
        )
        or "it has no cases"
    )
