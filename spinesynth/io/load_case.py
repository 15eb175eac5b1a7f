"""Load one case: image, structures and instances on one canonical grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.label_schemes import COUNTED, get_scheme
from spinesynth.anatomy.present_codes import is_one_of
from spinesynth.anatomy.structures import REPORT_GROUPS, Structure
from spinesynth.io.align import align_label, check_same_grid
from spinesynth.io.case import Case
from spinesynth.io.problems import InputFileError
from spinesynth.io.volume import read_image, read_label

_MAX_INSTANCE = 255


@dataclass(frozen=True)
class LoadedCase:
    """Hold the volumes of a case, all on the grid of the first that is there.

    Args:
        case: what was loaded.
        image: float32 (1, I, J, K), ``None`` if it was not asked for.
        structure: uint8 (1, I, J, K) ``Structure`` codes, ``None`` without label map.
        instance: uint8 (1, I, J, K) upward counts, zero where unknown.
    """

    case: Case
    image: MetaTensor | None
    structure: MetaTensor | None
    instance: MetaTensor | None


def load_case(case: Case, *, need_image: bool = True) -> LoadedCase:
    """Read and check the files of a case.

    Args:
        case: from :func:`spinesynth.io.discover.discover_cases`.
        need_image: ``False`` never opens the image's file, so that whoever
            trains on label maps alone can prove it.

    Returns:
        Canonical volumes on one grid.

    Raises:
        InputFileError: if a needed file is missing, refused, on another grid,
            or holds codes that the case's scheme does not know.
    """
    image: MetaTensor | None = None
    if need_image:
        if case.image is None:
            raise InputFileError(
                case.label or case.case_id,
                f"case {case.case_id} has no image",
                remedy="leave label maps alone out of what needs images",
                code="E-CASE-001",
            )
        image = read_image(case.image)
    if case.label is None:
        return LoadedCase(case, image, None, None)
    label = read_label(case.label)
    structure, instance = _decode(case, case.label, label)
    if case.instances is not None:
        instance = _read_instances(case.instances, structure)
    if image is not None:
        align = align_label if case.resamples_label else check_same_grid
        structure, instance = align(image, structure), align(image, instance)
    return LoadedCase(case, image, structure, instance)


def _decode(case: Case, path: Path, label: MetaTensor) -> tuple[MetaTensor, MetaTensor]:
    """Translate a label map's codes, whole vertebrae where the source knows no parts."""
    try:
        structure, instance = get_scheme(case.scheme).decode(label.as_tensor())
    except ValueError as error:
        raise InputFileError(
            path,
            str(error),
            remedy=f"mend the mask or the scheme of case {case.case_id}",
            code="E-LAB-001",
        ) from error
    if case.annotated & {"body", "posterior"} and bool((structure == Structure.VERTEBRA).any()):
        raise InputFileError(
            path,
            f"holds whole vertebrae, but case {case.case_id} is annotated as "
            f"'{' '.join(sorted(case.annotated))}'",
            remedy="write 'vertebra' instead of 'body' and 'posterior', or mend the scheme",
            code="E-LAB-005",
        )
    if "vertebra" in case.annotated:
        structure[is_one_of(structure, REPORT_GROUPS["vertebra"])] = int(Structure.VERTEBRA)
    return _like(label, structure), _like(label, instance)


def _read_instances(path: Path, structure: MetaTensor) -> MetaTensor:
    """Read an instance map and keep it where there is something to count."""
    found = read_label(path)
    check_same_grid(structure, found)
    if int(found.max()) > _MAX_INSTANCE:
        raise InputFileError(
            path,
            f"instances must be in [0, {_MAX_INSTANCE}], got {int(found.max())}",
            remedy="count vertebrae and discs upward from 1",
            code="E-LAB-003",
        )
    counts = found.as_tensor().to(torch.uint8)
    counted = is_one_of(structure.as_tensor(), COUNTED)
    if bool((counts.bool() & ~structure.as_tensor().bool()).any()):
        raise InputFileError(
            path,
            "instances are given where the label map has background",
            remedy="make the instance map from the same label map",
            code="E-LAB-004",
        )
    return _like(structure, counts * counted)


def _like(grid: MetaTensor, values: Tensor) -> MetaTensor:
    meta = {key: value for key, value in grid.meta.items() if key != "affine"}
    return MetaTensor(values, affine=grid.affine.clone(), meta=meta)
