"""A sheet of random phantoms with their scans, so that the anatomy can be looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan2, degrees
from pathlib import Path

import torch
from torch import Tensor

from spinesynth.anatomy.contrast_prior import ContrastPrior, TissuePrior
from spinesynth.anatomy.phantom import PhantomMaps, PhantomRecord, draw_phantom, render_phantom
from spinesynth.anatomy.phantom.parameters import Placement
from spinesynth.anatomy.phantom.spine_curve import Frame, stack_spine
from spinesynth.anatomy.tissues import TISSUE_PRIORS, Tissue
from spinesynth.io.write import atomic_write
from spinesynth.pipelines.evaluate import group_masks
from spinesynth.pipelines.phantom_data import PRIORS, make_scanner
from spinesynth.seeding import derive_seed, derive_seed32
from spinesynth.viz import Sample, draw_sheet, encode_palette_png

_ROWS = 8  # phantoms of one page
_SHOWN = ("body", "posterior", "disc", "canal", "sacrum")
_PARASAGITTAL_MM = 14.0  # where pedicles, facets and foramina lie; nominal
_PIXEL_MM = 2  # voxels of 1 mm are averaged: a page has to fit onto a screen
_GREYS = 11  # few enough that a page stays a small file
_DPI = 66  # about one pixel of the file for each of a panel

_MARROW = (Tissue.MARROW_BODY, Tissue.MARROW_POSTERIOR, Tissue.MARROW_SACRUM)
#: What an inversion pulse at the null of fat leaves, relative to fluid; nominal.
_INVERTED = (
    dict.fromkeys((Tissue.FAT, Tissue.FAT_EPIDURAL, Tissue.MARROW_FATTY), (0.02, 0.1))
    | dict.fromkeys(_MARROW, (0.08, 0.25))
    | {Tissue.CSF: (0.85, 1.0), Tissue.MUSCLE: (0.15, 0.3)}
)
#: T2 priors of all tissues but fat and fatty marrow, which are dark.
STIR_LIKE = ContrastPrior(
    "stir",
    {
        tissue: TissuePrior(mean=_INVERTED.get(tissue, prior.t2), spread=(0.005, 0.015))
        for tissue, prior in TISSUE_PRIORS.items()
    },
    default="random",
)


@dataclass(frozen=True)
class _Plane:
    """One slice of a phantom.

    Attributes:
        title: above its panels.
        record: the phantom, placed on the slice.
        shape: of the grid, one voxel across the slice, each of 1 mm.
        lateral_mm: shift of the slice to the right.
    """

    title: str
    record: PhantomRecord
    shape: tuple[int, int, int]
    lateral_mm: float = 0.0

    @property
    def across(self) -> int:
        """Return the axis across the slice."""
        return self.shape.index(1)

    def render(self) -> PhantomMaps:
        """Render the slice."""
        centre_mm = (self.lateral_mm, 0.0, 0.0)
        return render_phantom(
            self.record, shape=self.shape, spacing_mm=(1.0, 1.0, 1.0), centre_mm=centre_mm
        )


def _planes(record: PhantomRecord) -> list[_Plane]:
    """Return the slices of a phantom, all sagittal ones in its own field of view."""
    spine, names = stack_spine(record), [vertebra.name for vertebra in record.vertebrae]
    third, fourth = names.index("L3"), names.index("L4")
    body = _centred(record, spine.vertebrae[third], record.vertebrae[third].depth_mm)
    disc = _centred(record, spine.discs[fourth], record.vertebrae[fourth].depth_mm)
    sagittal, axial = (1, 170, 200), (180, 160, 1)
    return [
        _Plane("sagittal", record, sagittal),
        _Plane("facets", record, sagittal, _PARASAGITTAL_MM),
        _Plane("L3", body, axial),
        _Plane("L4/5", disc, axial),
        _Plane("coronal", body, (150, 1, 200)),
    ]


def _centred(record: PhantomRecord, frame: Frame, depth_mm: float) -> PhantomRecord:
    """Return the phantom with the grid's centre in a segment's and its axes along it."""
    level = int(record.placement.centre_level)
    anchor = (
        stack_spine(record).vertebrae[level].point(0.0, record.vertebrae[level].depth_mm / 2, 0.0)
    )
    offset = (frame.point(0.0, depth_mm / 2, 0.0) - anchor).tolist()
    tilt = atan2(float(frame.axes[1, 2]), float(frame.axes[2, 2]))  # of its axis, forward
    placement = Placement(
        centre_level=level + 0.5,
        offset_mm=(offset[0], offset[1], offset[2]),
        rotation_deg=(-degrees(tilt), 0.0, 0.0),
    )
    return replace(record, placement=placement)


def _scan(tissue: Tensor, contrast: str, *, seed: int, has_coil_axis: bool) -> Tensor:
    """Scan a slice ``(J, K)`` of tissues; the coil lies behind where J is anterior."""
    scanner = make_scanner(
        STIR_LIKE if contrast == "STIR" else PRIORS[contrast],
        spacing_mm=(1.0, 1.0),
        spread=(0.005, 0.015),
        texture=(0.01, 0.04),
        noise=(0.005, 0.012),
        coil_axis=-2 if has_coil_axis else -1,
    ).set_random_state(derive_seed32(seed, contrast))
    image = torch.as_tensor(scanner(tissue[None]))
    coarse = torch.nn.functional.avg_pool2d(image, _PIXEL_MM)[0]
    return (coarse.clamp(0, 1) * _GREYS).round() / _GREYS


def _row(number: int, seed: int) -> list[Sample]:
    """Return the panels of a phantom: labels and scans of each slice."""
    record = draw_phantom(derive_seed(seed, "phantom sheet", number))
    row = []
    for place, plane in enumerate(_planes(record)):
        maps = plane.render()
        tissue, structure = (m.squeeze(plane.across) for m in (maps.tissue, maps.structure))
        masks = {name: mask.numpy() for name, mask in group_masks(structure, _SHOWN).items()}
        first = f"{number + 1}: {plane.title}" if place == 0 else plane.title
        row.append(Sample(first, structure.numpy(), masks, (1.0, 1.0)))
        # in full for the middle slice; the others take turns, so that a page stays small
        contrasts = ("T1", "T2", "STIR")
        for contrast in contrasts if place == 0 else (contrasts[(number + place) % 3],):
            image = _scan(
                tissue, contrast, seed=record.seed, has_coil_axis=plane.title != "coronal"
            )
            row.append(Sample(contrast, image.numpy(), {}, (_PIXEL_MM, _PIXEL_MM)))
    return row


def draw_phantom_sheet(path: Path | str, *, count: int = 24, seed: int = 0) -> list[Path]:
    """Draw random phantoms with labels and T1-, T2- and STIR-like scans.

    Args:
        path: PNG file; what does not fit onto one page goes into further ones,
            ``sheet_2.png`` beside ``sheet_1.png`` if ``sheet.png`` is asked for.
        count: number of phantoms, at least 1; eight fill a page.
        seed: of the phantoms and their scans.

    Returns:
        The pages.

    Raises:
        ValueError: if there is nothing to draw.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    starts = range(0, count, _ROWS)
    pages = []
    for page, start in enumerate(starts, start=1):
        numbers = range(start, min(start + _ROWS, count))
        figure = draw_sheet(
            [_row(number, seed) for number in numbers],
            title=f"Phantoms {numbers[0] + 1} to {numbers[-1] + 1}",
        )
        file = path if len(starts) == 1 else path.with_stem(f"{path.stem}_{page}")
        with atomic_write(file) as temporary:
            temporary.write_bytes(encode_palette_png(figure, dpi=_DPI))
        pages.append(file)
    return pages
