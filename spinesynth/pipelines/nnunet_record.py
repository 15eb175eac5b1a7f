"""What the ``dataset.json`` of an exported data set says beside what nnU-Net reads of it.

nnU-Net ignores the key, so that its predictions can be scored with the file alone: it
names the label scheme, the patients and the contents that trained.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spinesynth import __version__
from spinesynth.anatomy.label_schemes import LabelScheme, get_scheme
from spinesynth.io.case import Case
from spinesynth.io.problems import InputFileError
from spinesynth.pipelines.leak_guard import Content, parse_contents
from spinesynth.pipelines.tool_predictions import Learnt

_KEY = "spinesynth"
_ENDING = ".json"


def describe_export(
    scheme: str, cases: Sequence[Case], contents: Sequence[Content]
) -> dict[str, Any]:
    """Return the key that an export adds to ``dataset.json``.

    Args:
        scheme: name of the label scheme of its labels.
        cases: that train.
        contents: of their images and masks.
    """
    return {
        _KEY: {
            "version": __version__,
            "scheme": scheme,
            "patients": sorted({(case.source, case.patient_id) for case in cases}),
            "contents": sorted(content.as_text() for content in contents),
        }
    }


def is_nnunet_record(scheme: str) -> bool:
    """Say whether what stands for a scheme is the path of a ``dataset.json``."""
    return scheme.lower().endswith(_ENDING)


def read_nnunet_record(path: Path) -> tuple[LabelScheme, Learnt]:
    """Return the scheme of nnU-Net's predictions, and what nnU-Net was trained on.

    Args:
        path: ``dataset.json`` of an exported data set.

    Raises:
        InputFileError: if it is missing, damaged, or of a data set that was not exported
            by this package.
    """
    if not path.is_file():
        raise InputFileError(
            path, "no such file", remedy="name the dataset.json of the exported data set",
            code="E-IN-001",
        )  # fmt: skip
    try:
        said = json.loads(path.read_text(encoding="utf-8"))[_KEY]
        patients = frozenset(_source_and_id(patient) for patient in _listed(said, "patients"))
        contents = [_text(line) for line in _listed(said, "contents")]
        parsed = tuple(parse_contents(contents))
        if len(parsed) < len(contents):
            raise ValueError(f"{len(contents) - len(parsed)} of its contents are no digests")
        return get_scheme(said["scheme"]), Learnt(patients, parsed)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputFileError(
            path, f"not the dataset.json of an export ({type(error).__name__}: {error})",
            remedy="name the file that 'spinesynth export nnunet' wrote, or a label scheme",
            code="E-CMP-004",
        ) from error  # fmt: skip


def _listed(said: Mapping[str, object], name: str) -> list[object]:
    """Return a list of the record, or raise: nothing else may turn the guard off."""
    items = said[name]
    if not isinstance(items, list) or not items:
        raise TypeError(f"{name} must be a list, got {items!r:.40}")
    return items


def _text(item: object) -> str:
    if not isinstance(item, str):
        raise TypeError(f"must be a list of texts, got {item!r:.40} in it")
    return item


def _source_and_id(patient: object) -> tuple[str, str]:
    if not isinstance(patient, list) or len(patient) != 2:
        raise TypeError(f"patients must be a list of sources and ids, got {patient!r:.40} in it")
    source, name = map(_text, patient)
    return source, name
