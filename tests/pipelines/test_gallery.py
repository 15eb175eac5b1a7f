"""The gallery shows every transform, from neutral to strong, and every recipe."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import pytest
import torch

from spinesynth.cli import run
from spinesynth.errors import ConfigError
from spinesynth.pipelines import draw_gallery, gallery
from spinesynth.pipelines.gallery_table import PANELS, SOURCES, VOLUME_RECIPES
from spinesynth.seeding import derive_seed32
from spinesynth.transforms import list_recipes
from spinesynth.transforms.base import RandomKernel, as_plain
from spinesynth.transforms.stage_catalogue import array_transforms
from spinesynth.viz import draw_pictures

#: They draw a place, a recipe or a contrast: no panel of theirs equals what they are given.
_NO_NEUTRAL = {
    *("RandDeformPatch", "RandObliqueSlice", "RandSagittalSlab", "RandSagittalSlice"),
    *("RandClusterContrast", "RandSynthMRI", "RandSynthesizeMRI", "RandTissueContrast"),
    *("RandContrast", "RandSequenceContrast"),
}


@pytest.fixture(scope="module")
def anatomy() -> gallery._Anatomy:
    return gallery._Anatomy(42)


def test_every_array_transform_is_in_the_table() -> None:
    assert set(PANELS) == set(array_transforms())
    assert set(SOURCES) <= set(PANELS)
    assert set(list_recipes()) >= VOLUME_RECIPES


@pytest.mark.parametrize("name", PANELS)
def test_panels_are_built_and_told_apart(name: str) -> None:
    titles = [panel.title for panel in PANELS[name]]
    assert len(titles) == len(set(titles)) >= 2
    for panel in PANELS[name]:
        array_transforms()[name](**panel.parameters or {})


@pytest.mark.parametrize("name", sorted(set(PANELS) - _NO_NEUTRAL))
def test_rows_go_from_neutral_to_strong(name: str, anatomy: gallery._Anatomy) -> None:
    data = anatomy.give(SOURCES.get(name, "image"))
    shown = [_apply(name, number, data, anatomy) for number in range(len(PANELS[name]))]
    neutral = 2 if name == "RandGammaCurve" else 0  # which has two sides
    # Single precision: sampling on the input's own grid and roots of squares are off by 1e-6.
    torch.testing.assert_close(shown[neutral], anatomy.show(data), atol=1e-5, rtol=0)
    changes = [float((picture - shown[neutral]).abs().mean()) for picture in shown]
    # A thousandth of the grey scale over the whole picture: less could not be seen.
    assert min(change for n, change in enumerate(changes) if n != neutral) > 1e-3


def _apply(name: str, number: int, data: torch.Tensor, anatomy: gallery._Anatomy) -> torch.Tensor:
    panel = PANELS[name][number]
    if panel.parameters is None:
        return anatomy.show(data)
    stage = array_transforms()[name](**panel.parameters)
    if isinstance(stage, RandomKernel):
        stage.set_random_state(derive_seed32(42, name, panel.draw))
    return anatomy.show(as_plain(stage(data)))


@pytest.mark.parametrize("name", ["RandBiasGain", "spine_t1_t2"])
def test_one_picture_is_drawn_and_listed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "_SAMPLES", 2)
    folder = tmp_path / "new" / "gallery"
    picture, index = draw_gallery(folder=folder, only=name)
    assert sorted(folder.iterdir()) == sorted([picture, index])
    assert matplotlib.image.imread(picture)[..., :3].std() > 0.1  # blank paper has none
    (line,) = (row for row in index.read_text().splitlines() if row.startswith("- "))
    assert line.startswith(f"- [{name}]({picture.name}): ")
    assert line.endswith(".")


def test_list_keeps_pictures_of_earlier_runs(tmp_path: Path) -> None:
    draw_gallery(folder=tmp_path, only="MinMaxNormalise")
    *_, index = draw_gallery(folder=tmp_path, only="RandGammaCurve")
    listed = [row for row in index.read_text().splitlines() if row.startswith("- ")]
    assert [row.split("]")[0] for row in listed] == ["- [MinMaxNormalise", "- [RandGammaCurve"]


def test_same_seed_gives_the_same_picture(tmp_path: Path) -> None:
    drawn = [
        draw_gallery(folder=tmp_path / str(n), only="MinMaxNormalise", seed=seed)[0]
        for n, seed in enumerate((3, 3, 4))
    ]
    first, again, other = (path.read_bytes() for path in drawn)
    assert first == again
    assert first != other


def test_unknown_picture_names_a_close_one_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"E-CONF-006.*'RandBias'.*'RandBiasGain'"):
        draw_gallery(folder=tmp_path / "new", only="RandBias")
    assert not (tmp_path / "new").exists()


def test_command_draws_one_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["gallery", "--output", str(tmp_path), "--only", "RandGammaCurve", "--seed", "1"]
    assert run(words, command="spinesynth gallery") == 0
    expected = [tmp_path / "RandGammaCurve.png", tmp_path / "index.md"]
    assert [Path(line) for line in capsys.readouterr().out.splitlines()] == expected
    assert all(path.is_file() for path in expected)


def test_figure_of_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="samples and columns must be at least 1, got 0 and 6"):
        draw_pictures([], title="none")
