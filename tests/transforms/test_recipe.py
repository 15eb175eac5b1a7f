"""Recipes: written down, read strictly, and built as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import ConfigError
from spinesynth.transforms import RandSynthesizeMRI, list_recipes, read_recipe

PATCH = (24, 24)
HEAD = "description: d\nsource: s\nstages:\n"


@pytest.mark.parametrize("name", list_recipes())
@pytest.mark.parametrize("patch_size", [(24, 24), (4, 24, 24)])
def test_every_recipe_of_the_package_can_be_built(name: str, patch_size: tuple[int, ...]) -> None:
    recipe = read_recipe(name)
    built = RandSynthesizeMRI(name, patch_size=patch_size)
    assert [type(stage).__name__ for stage in built.stages] == [s.name for s in recipe.stages]
    assert recipe.description
    assert recipe.source


def test_recipes_stand_where_configurations_stand() -> None:
    folder = Path(__file__).parents[2] / "configs" / "recipes"
    assert {path.stem for path in folder.glob("*.yaml")} == set(list_recipes())


def test_recipe_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + "  - RandTissueContrast: {contrast: t1, spread: [0, 0.02]}\n")
    built = RandSynthesizeMRI(path, patch_size=PATCH)
    assert built.recipe.name == "mine"
    assert built.parameters_of("RandTissueContrast") == {"contrast": "t1", "spread": (0, 0.02)}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("stages: [", "no valid YAML"),
        ("description: d\nsource: s\nsource: t\nstages: []\n", "stands twice"),
        ("description: d\nstages: []\n", "keys description, source and stages"),
        (HEAD.replace("stages:\n", "stages: []\n"), "at least one stage"),
        (HEAD + "  - 3\n", "must list stages as"),
        (HEAD + "  - RandBiasGain: 3\n", "must list stages as"),
        (HEAD + "  - RandTissueContrast\n  - RandTissueContrast\n", "has stage .* twice"),
        (HEAD + "  - RandTissueContrasts\n", "did you mean 'RandTissueContrast'"),
        (HEAD + "  - RandTissueContrast: {colour: red}\n", "takes no parameter 'colour'"),
        (HEAD + "  - RandTissueContrast: {contrast: t3}\n", "RandTissueContrast: contrast must"),
    ],
)
def test_recipe_that_cannot_be_used_is_refused(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=match):
        RandSynthesizeMRI(path, patch_size=PATCH)


@pytest.mark.parametrize(
    ("stages", "match"),
    [
        ("  - RandBiasGain\n", "must have one RandTissueContrast"),
        ("  - RandBiasGain\n  - RandTissueContrast\n", "got RandBiasGain as stage 1"),
        ("  - RandTissueContrast\n  - RandDeformPatch\n", "got RandDeformPatch as stage 2"),
    ],
)
def test_chain_that_could_not_run_is_refused(tmp_path: Path, stages: str, match: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + stages)
    with pytest.raises(ValueError, match=match):
        RandSynthesizeMRI(path, patch_size=PATCH)
