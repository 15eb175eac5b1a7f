"""The sheet shows each phantom in every plane, its labels beside its scans."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import pytest
import torch

from spinesynth.anatomy.phantom import draw_phantom
from spinesynth.anatomy.structures import Structure
from spinesynth.anatomy.tissues import Tissue
from spinesynth.pipelines import phantom_sheet
from spinesynth.pipelines.phantom_sheet import STIR_LIKE, draw_phantom_sheet

seeds = pytest.mark.parametrize("seed", range(4))


@pytest.fixture
def one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phantom_sheet, "_ROWS", 1)


def _middle(plane: phantom_sheet._Plane) -> int:
    """Return the structure at the centre of a slice."""
    structure = plane.render().structure
    return int(structure[tuple(size // 2 for size in structure.shape)])


@seeds
def test_planes_are_centred_on_what_they_are_named_after(seed: int) -> None:
    planes = {p.title: p for p in phantom_sheet._planes(draw_phantom(seed))}
    assert _middle(planes["L3"]) == Structure.VERTEBRAL_BODY
    assert _middle(planes["coronal"]) == Structure.VERTEBRAL_BODY
    assert _middle(planes["L4/5"]) == Structure.DISC


@seeds
def test_axial_planes_lie_along_the_disc(seed: int) -> None:
    structure = (
        next(p for p in phantom_sheet._planes(draw_phantom(seed)) if p.title == "L4/5")
        .render()
        .structure
    )
    disc = int((structure == int(Structure.DISC)).sum())
    body = int((structure == int(Structure.VERTEBRAL_BODY)).sum())
    # across a disc of 5 mm a plane 5 degrees off cuts bone over less than half of its depth
    assert disc > body


def test_fat_is_dark_and_fluid_bright_in_a_stir_like_scan() -> None:
    low_fluid = STIR_LIKE.prior_of(Tissue.CSF).mean[0]
    for tissue in (Tissue.FAT, Tissue.FAT_EPIDURAL, Tissue.MARROW_BODY, Tissue.MARROW_POSTERIOR):
        assert STIR_LIKE.prior_of(tissue).mean[1] < low_fluid / 3


@pytest.mark.parametrize("contrast", ["T1", "T2", "STIR"])
def test_scan_is_half_as_fine_and_between_black_and_white(contrast: str) -> None:
    tissue = torch.full((20, 30), int(Tissue.CSF), dtype=torch.uint8)
    tissue[:10] = int(Tissue.FAT)

    image = phantom_sheet._scan(tissue, contrast, seed=1, has_coil_axis=True)

    assert image.shape == (10, 15)
    assert 0 <= float(image.min()) < float(image.max()) <= 1


@pytest.mark.usefixtures("one_row")
def test_pages_are_numbered_and_a_single_one_is_not(tmp_path: Path) -> None:
    pages = draw_phantom_sheet(tmp_path / "new" / "sheet.png", count=2, seed=1)
    single = draw_phantom_sheet(tmp_path / "sheet.png", count=1, seed=1)

    assert [page.name for page in pages] == ["sheet_1.png", "sheet_2.png"]
    assert single == [tmp_path / "sheet.png"]
    assert single[0].read_bytes() == pages[0].read_bytes()  # the same seed, the same phantom
    assert pages[0].read_bytes() != pages[1].read_bytes()
    assert matplotlib.image.imread(pages[1])[..., :3].std() > 0.1  # blank paper has none


def test_sheet_of_no_phantom_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        draw_phantom_sheet(tmp_path / "sheet.png", count=0)
