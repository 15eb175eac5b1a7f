"""A sheet of every condition of the robustness suite at every severity."""

from __future__ import annotations

from pathlib import Path

import torch
from monai.data.meta_tensor import MetaTensor

from spinesynth.anatomy.phantom import draw_phantom, render_phantom
from spinesynth.io.atomic import atomic_write
from spinesynth.io.case import Case
from spinesynth.io.load_case import LoadedCase
from spinesynth.pipelines.conditions import CONDITIONS, SEVERITIES, degrade_case, obstacle
from spinesynth.pipelines.overlays import best_slice
from spinesynth.pipelines.scan import open_scan
from spinesynth.seeding import derive_seed, derive_seed32
from spinesynth.transforms import RandTissueContrast
from spinesynth.viz import Sample, draw_sheet, encode_palette_png

_SHAPE, _SPACING_MM = (28, 150, 190), (1.9, 1.0, 1.0)
_ANNOTATED = frozenset({"body", "posterior", "disc", "canal"})
#: What is seen only across the slices.
_ACROSS = ("through_plane_resolution", "through_plane_resolution_factor", "missing_slices")
#: Titles of what would not fit above a panel.
_SHORT = {
    "in_plane_resolution": "pixels", "in_plane_resolution_mm": "pixels in mm",
    "through_plane_resolution": "slices", "through_plane_resolution_factor": "slices by factor",
}  # fmt: skip
_PIXEL_MM = 2.0  # nearest voxels of the pictures, so that a page stays a small file
_GREYS = 12
_DPI = 56


def phantom_case(seed: int = 0) -> LoadedCase:
    """Return a phantom like a T2-weighted scan, with its reference, as a case without files.

    Args:
        seed: of anatomy and contrast.
    """
    record = draw_phantom(derive_seed(seed, "condition sheet"))
    maps = render_phantom(record, shape=_SHAPE, spacing_mm=_SPACING_MM)
    contrast = RandTissueContrast(
        "t2", spread=(0.01, 0.01), texture=(0.05, 0.05), partial_volume_vox=(1.0, 1.0)
    ).set_random_state(derive_seed32(seed, "condition sheet"))
    image = torch.as_tensor(contrast(maps.tissue[None]))
    affine = torch.diag(torch.tensor([*_SPACING_MM, 1.0], dtype=torch.float64))
    case = Case(
        case_id="phantom", patient_id="phantom", source="phantom", contrast="T2",
        annotated=_ANNOTATED, scheme="spine6", image=None, label=None,
    )  # fmt: skip
    structure = MetaTensor(maps.structure[None].to(torch.uint8), affine=affine)
    return LoadedCase(case, MetaTensor(image, affine=affine), structure, None)


def draw_condition_sheet(
    path: Path | str, loaded: LoadedCase | None = None, *, seed: int = 0
) -> Path:
    """Draw a case under each condition, untouched and at each severity.

    The slice with most labels is shown; where slices are thick or missing, a plane across
    them. What a case cannot take is left empty.

    Args:
        path: PNG file.
        loaded: case with image and reference; None draws a phantom.
        seed: of what the conditions draw, and of the phantom.

    Returns:
        The file.
    """
    shown = phantom_case(seed) if loaded is None else loaded
    rows = [_row(shown, name, seed) for name in CONDITIONS]
    figure = draw_sheet(rows, title="Conditions of the robustness suite, severity 0 to 5")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_bytes(encode_palette_png(figure, dpi=_DPI))
    return path


def _row(loaded: LoadedCase, name: str, seed: int) -> list[Sample]:
    """Return the panels of one condition."""
    place = best_slice(open_scan(loaded).structure)
    words = _SHORT.get(name, name.replace("_", " "))
    row = []
    for severity in (0, *SEVERITIES):
        if obstacle(loaded, name, severity):
            row.append(Sample("left out", torch.zeros(2, 2).numpy(), {}, (1.0, 1.0)))
            continue
        title = words if severity == 0 else f"{CONDITIONS[name].level(severity):g}"
        scan = open_scan(degrade_case(loaded, name, severity, seed=seed))
        sizes = scan.spacing_mm
        if name in _ACROSS:
            middle = int(scan.structure.bool().sum(dim=(0, 2)).argmax())
            picture, spacing_mm = scan.image[:, middle], (sizes[0], sizes[2])
        else:
            picture, spacing_mm = scan.image[place], sizes[1:]
        row.append(_sample(title, picture, spacing_mm))
    return row


def _sample(title: str, picture: torch.Tensor, spacing_mm: tuple[float, float]) -> Sample:
    """Return a panel with few pixels and greys."""
    size = [
        max(1, round(n * s / _PIXEL_MM)) for n, s in zip(picture.shape, spacing_mm, strict=True)
    ]
    index = [
        torch.linspace(0, n - 1, m).round().long() for n, m in zip(picture.shape, size, strict=True)
    ]
    few = picture[index[0]][:, index[1]]
    top = few.quantile(0.995).clamp(min=1e-6)
    grey = ((few / top).clamp(0, 1) * _GREYS).round() / _GREYS
    return Sample(title, grey.numpy(), {}, (_PIXEL_MM, _PIXEL_MM))
