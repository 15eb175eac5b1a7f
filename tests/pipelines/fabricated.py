"""Cases made at test time: boxes for structures, no file anywhere."""

from __future__ import annotations

from pathlib import Path

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.anatomy.structures import Structure
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase

SHAPE = (8, 16, 24)
ALL = frozenset({"body", "posterior", "disc", "canal"})


def make_codes(shape: tuple[int, int, int] = SHAPE) -> Tensor:
    """Draw one box for each structure, all 4 voxels wide along J, away from the edges."""
    codes = torch.zeros(shape, dtype=torch.uint8)
    i = slice(2, 6) if shape[0] >= 8 else slice(None)
    codes[i, 9:13, 4:10] = int(Structure.VERTEBRAL_BODY)
    codes[i, 9:13, 12:15] = int(Structure.DISC)
    codes[i, 5:9, 4:20] = int(Structure.CANAL)
    codes[i, 1:5, 6:9] = int(Structure.POSTERIOR_ELEMENTS)
    return codes


def make_case(
    case_id: str,
    *,
    patient_id: str | None = None,
    source: str = "boxes",
    contrast: str = "T2",
    annotated: frozenset[str] = ALL,
) -> Case:
    """Name a case whose files do not exist."""
    return Case(
        case_id=case_id, patient_id=patient_id or case_id, source=source, contrast=contrast,
        annotated=annotated, scheme="spine6", image=Path(f"{case_id}.mha"),
        label=Path(f"{case_id}_label.mha"),
    )  # fmt: skip


def make_loaded(
    case: Case,
    *,
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: tuple[float, float, float] = (4.0, 1.0, 2.0),
) -> LoadedCase:
    """Load a case: the image is its label map, as intensities."""
    codes = make_codes(shape)[None]
    affine = torch.diag(torch.tensor([*spacing_mm, 1.0], dtype=torch.float64))
    structure = MetaTensor(codes, affine=affine)
    if "vertebra" in case.annotated:
        whole = (codes == Structure.VERTEBRAL_BODY) | (codes == Structure.POSTERIOR_ELEMENTS)
        structure = MetaTensor(codes.masked_fill(whole, int(Structure.VERTEBRA)), affine=affine)
    return LoadedCase(case, MetaTensor(codes.float(), affine=affine), structure, None)


def read_codes(image: MetaTensor) -> Tensor:
    """Predict perfectly: intensities are codes."""
    return image.as_tensor()[0].round().to(torch.uint8)


def read_codes_shifted(image: MetaTensor) -> Tensor:
    """Predict everything one voxel too far anterior (+J)."""
    return torch.roll(read_codes(image), 1, dims=1)
