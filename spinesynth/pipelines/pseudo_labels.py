"""Self-training: what a model is confident of on scans without labels teaches the next one.

A voxel belongs to the class that the model gives most probability, and to the unknown
(code 9 of the scheme ``pseudo``) where that is less than a threshold: it teaches nothing.
Nobody has looked at these labels. They train, and never validate or test.

Source:
    Lee 2013, ICML workshop on challenges in representation learning (pseudo-labels);
    Sohn et al. 2020, arXiv 2001.07685 (those above a confidence alone).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.annotation import parse_annotated, words_of
from spinesynth.anatomy.label_schemes import PSEUDO_SCHEME
from spinesynth.anatomy.structures import Structure
from spinesynth.errors import ConfigError, InputError
from spinesynth.io.case import Case
from spinesynth.io.discover import MANIFEST_NAME, discover_cases
from spinesynth.io.file_digest import digest_file
from spinesynth.io.tables import path_in_table, read_ids_csv, require_columns, write_csv
from spinesynth.io.volume import read_image, read_label
from spinesynth.io.write import write_volume
from spinesynth.pipelines.claim_folder import claim_folder
from spinesynth.pipelines.ensemble import Predictor, load_members
from spinesynth.pipelines.run_record import PSEUDO_MODE
from spinesynth.pipelines.scan_list import find_images, stem_of

PSEUDO_JSON = "pseudo_labels.json"
#: Setting in it: digests of images and masks that the model has seen; older ones have none.
SEEN_CONTENT = "seen_content"
_LOG = logging.getLogger(__name__)
#: Columns of the manifest that a further call reads.
_COLUMNS = ("case_id", "image", "label", "image_sha256")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def confident_structures(probabilities: Tensor, structures: Tensor, *, least: float) -> Tensor:
    """Return the structure of each voxel that a model is confident of.

    Args:
        probabilities: ``(C, *spatial)``.
        structures: uint8 ``(C,)``, ``Structure`` code of each class.
        least: probability that a voxel's class must have.

    Returns:
        uint8 ``(*spatial)`` ``Structure`` codes, ``UNKNOWN`` elsewhere.

    Example:
        >>> probabilities = torch.tensor([[0.1, 0.4], [0.9, 0.6]])
        >>> confident_structures(probabilities, torch.tensor([0, 3]), least=0.8).tolist()
        [3, 9]
    """
    confidence, index = probabilities.max(0)
    codes = structures[index].to(torch.uint8)
    codes[confidence < least] = int(Structure.UNKNOWN)
    return codes


def write_pseudo_labels(
    checkpoints: Sequence[Path],
    source: Path,
    *,
    output: Path,
    min_confidence: float = 0.9,
    annotated: str | None = None,
) -> tuple[Path, list[str]]:
    """Segment scans without labels, and list them as cases that may train.

    Label maps that are there of the same images stay, so that the same call goes on where it
    ended; those of an image that has changed are made anew. Cases of an earlier call, from
    another folder, stay in the manifest while their files are there.

    Args:
        checkpoints: files that this package wrote; several vote.
        source: image file, folder of them, or manifest CSV, whose cases with an image
            and no label map are taken. Without a manifest each file is a patient.
        output: folder for label maps and the manifest ``cases.csv``; made if missing.
        min_confidence: probability that a voxel's class must have, in [0.5, 1).
        annotated: words for what the model was taught to know; None for all that it
            has classes for. A class that no source ever showed it is never predicted,
            and its absence would be taught as background.

    Returns:
        Path of the manifest, and one line for each scan that is not in it.

    Raises:
        CheckpointError: if a checkpoint is refused.
        ConfigError: if an argument is impossible, there is no image, the folder was made
            otherwise, or holds a case of the same name with another image.
        InputError: if nothing could be labelled.
        OutputError: if a file cannot be written.
    """
    predictor, origin = load_members(checkpoints)
    words = _words(predictor, annotated)
    if not 0.5 <= min_confidence < 1:
        raise refuse_pseudo(f"min_confidence must be in [0.5, 1), got {min_confidence:g}")
    cases = _unlabelled(source)
    settings = {
        "checkpoints": [digest_file(path) for path in checkpoints],
        "min_confidence": min_confidence,
        "annotated": " ".join(sorted(words)),
        "seen_patients": list(origin.seen_patients),
        SEEN_CONTENT: list(origin.seen_content),
    }
    claim_folder(output / PSEUDO_JSON, mode=PSEUDO_MODE, settings=settings)
    rows = _earlier_rows(output)
    _refuse_namesakes(cases, rows, output)
    refused, manifest = [], output / MANIFEST_NAME
    for case in cases:
        name, there = _name_of(case), rows.get(_name_of(case))
        try:
            rows[name] = _label(predictor, case, output, words, least=min_confidence, there=there)
        except (InputError, ValueError) as error:
            rows.pop(name, None)
            refused.append(str(error))
        else:
            if rows[name] != there:  # written now: a label map without its row is made anew
                write_csv(manifest, pd.DataFrame(rows.values()))
    if len(refused) == len(cases):
        raise InputError(
            f"{source}: no scan could be labelled; the first: {refused[0]}", code="E-CASE-005"
        )
    write_csv(manifest, pd.DataFrame(_with_files(rows, output)))
    return manifest, refused


def refuse_pseudo(problem: str) -> ConfigError:
    """Return the error for pseudo-labels that cannot be made or used as asked."""
    return ConfigError(f"pseudo-labels: {problem}", code="E-CONF-043")


def _words(predictor: Predictor, annotated: str | None) -> frozenset[str]:
    """Return what pseudo-labels may say that they annotate."""
    able = words_of(Structure(code) for code in predictor.structures.tolist())
    if annotated is None:
        return able
    try:
        words = parse_annotated(annotated)
    except ValueError as error:
        raise refuse_pseudo(str(error)) from None
    if not words <= able:
        raise refuse_pseudo(
            f"annotated must hold words of {', '.join(sorted(able))}, which the network has "
            f"classes for, got {', '.join(sorted(words - able))}"
        )
    return words


def _unlabelled(source: Path) -> list[Case]:
    """Return cases with an image and no label map."""
    if source.suffix.lower() == ".csv":
        cases = [case for case in discover_cases(source) if case.image and not case.label]
        if not cases:
            raise InputError(
                f"{source} holds no case with an image and without a label map; there is nothing "
                "to label",
                code="E-CASE-005",
            )
        return cases
    home = source.parent.resolve() if source.is_file() else source.resolve()
    return [
        Case(
            case_id=stem_of(path), patient_id=stem_of(path), source=home.name, contrast="",
            annotated=frozenset(), scheme=PSEUDO_SCHEME, image=path, label=None,
        )
        for path in find_images(source)
    ]  # fmt: skip


def _name_of(case: Case) -> str:
    return f"{case.case_id}_pseudo"


def _earlier_rows(output: Path) -> dict[str, dict[str, str]]:
    """Return the rows of the manifest that is there, as text, by case."""
    manifest = output / MANIFEST_NAME
    if not manifest.exists():
        return {}
    table = read_ids_csv(manifest)
    require_columns(manifest, table, *_COLUMNS)
    rows = ({str(name): text for name, text in row.items()} for row in table.to_dict("records"))
    return {row["case_id"]: row for row in rows}


def _with_files(rows: Mapping[str, dict[str, str]], output: Path) -> list[dict[str, str]]:
    """Return the rows whose files are there, and say which are not."""
    kept = [r for r in rows.values() if all((output / r[c]).exists() for c in ("image", "label"))]
    gone = [name for name, row in rows.items() if row not in kept]
    if gone:
        _LOG.warning("pseudo-labels: no longer listed, their files are gone: %s", ", ".join(gone))
    return kept


def _refuse_namesakes(
    cases: Sequence[Case], rows: Mapping[str, dict[str, str]], output: Path
) -> None:
    """Raise if a case of an earlier call has the name of one of these, and another image."""
    for case in cases:
        row = rows.get(_name_of(case))
        assert case.image is not None  # only such cases are taken
        if row is None or row["image"] == _relative(case.image, output):
            continue
        if row["image_sha256"] != _digest(case.image):
            raise refuse_pseudo(
                f"{output} holds {_name_of(case)} of another image ({row['image']}) than "
                f"{case.image}; rename the file, or choose another folder"
            )


def _relative(image: Path, output: Path) -> str:
    return path_in_table(image.resolve(), output.resolve())


def _digest(image: Path) -> str:
    try:
        return digest_file(image)
    except OSError as error:
        raise InputError(f"{image} cannot be read: {error}", code="E-IN-004") from error


def _label(
    predictor: Predictor,
    case: Case,
    output: Path,
    words: frozenset[str],
    *,
    least: float,
    there: Mapping[str, str] | None,
) -> dict[str, str]:
    """Write the label map of a scan if it is not there, and return its row of the manifest."""
    assert case.image is not None  # only such cases are taken
    if not _ID.fullmatch(case.case_id):
        raise InputError(
            f"{case.image}: its name must match {_ID.pattern} to name a case; rename it",
            code="E-CASE-003",
        )
    path, digest = output / f"{_name_of(case)}.nii.gz", _digest(case.image)
    image_name = _relative(case.image, output)
    if not path.exists() or there is None or there["image_sha256"] != digest:
        image: MetaTensor = read_image(case.image)
        found = confident_structures(
            predictor.probabilities(image), predictor.structures, least=least
        )
        write_volume(path, found, like=image)
    codes = read_label(path).as_tensor()
    unknown = codes == Structure.UNKNOWN
    if not bool((~unknown & (codes != Structure.BACKGROUND)).any()):
        raise InputError(
            f"{case.image}: the model is confident of no structure, so it is left out",
            code="E-LAB-007",
        )
    return {
        "case_id": _name_of(case), "patient_id": case.patient_id,
        "source": f"pseudo_{case.source}", "contrast": case.contrast,
        "annotated": " ".join(sorted(words)), "scheme": PSEUDO_SCHEME,
        "image": image_name, "label": path.name,
        "unknown_share": f"{float(unknown.float().mean()):.6f}", "image_sha256": digest,
    }  # fmt: skip
