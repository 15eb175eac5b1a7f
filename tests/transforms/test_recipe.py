"""Recipes: written down, read strictly, and built as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import ConfigError
from spinesynth.transforms import RandSynthesizeMRI, list_recipes, read_recipe

PATCH = (24, 24)
HEAD = "description: d\nsource: s\nstages:\n"
DERIVED = "description: d\nsource: s\nbase: lumbar\ninstead:\n  RandBiasGain: RandGaussianBlur\n"
PATCH_STAGE = "  - RandDeformPatch\n"


@pytest.mark.parametrize(
    ("name", "patch_size"),
    [(n, (4, 24, 24)) for n in list_recipes()]
    + [(n, (24, 24)) for n in list_recipes() if n != "thesis_synthseg"],
)
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
    path.write_text(
        HEAD + PATCH_STAGE + "  - RandTissueContrast: {contrast: t1, spread: [0, 0.02]}\n"
    )
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
        (DERIVED + "stages: []\n", "keys description, source and stages"),
        (DERIVED.replace("lumbar", "lumber"), "base, got 'lumber' .did you mean 'lumbar'"),
        (DERIVED.replace("RandBias", "RandBiass"), "must map stages of .* by instead"),
        (DERIVED.replace("RandBiasGain: R", "RandBiasGain: 3 #"), "must list stages as"),
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
        (PATCH_STAGE + "  - RandBiasGain\n", "must have one RandTissueContrast or"),
        (
            PATCH_STAGE + "  - RandClusterContrast\n  - RandChemicalShift\n",
            "no cluster is known to be fat",
        ),
        (PATCH_STAGE + "  - RandBiasGain\n  - RandTissueContrast\n", "got RandBiasGain as stage 2"),
        ("  - RandTissueContrast\n" + PATCH_STAGE, "got RandDeformPatch as stage 2"),
        ("  - RandTissueContrast\n", r"one stage that makes the patch, .*, got \[\]"),
        (PATCH_STAGE + "  - RandObliqueSlice\n  - RandTissueContrast\n", "must cut slices first"),
        (
            PATCH_STAGE + "  - RandSideFlip: {probs: [1, 0, 0]}\n  - RandTissueContrast\n",
            "stage RandSideFlip: probs must be one or 2 numbers",
        ),
    ],
)
def test_chain_that_could_not_run_is_refused(tmp_path: Path, stages: str, match: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + stages)
    with pytest.raises(ConfigError, match=match):
        RandSynthesizeMRI(path, patch_size=PATCH)


@pytest.mark.parametrize("name", ["RandSynthesizeMRI", "RandFillContext"])
def test_chain_within_a_chain_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + PATCH_STAGE + f"  - RandTissueContrast\n  - {name}\n")
    with pytest.raises(ConfigError, match=f"unknown stage '{name}'"):
        RandSynthesizeMRI(path, patch_size=PATCH)


def test_stage_inside_another_can_be_left_out_and_changed() -> None:
    built = RandSynthesizeMRI(
        "full",
        patch_size=PATCH,
        without=("RandMagnitudeNoise", "RandBiasGain"),
        overrides={"RandTruncation": {"window": "none"}},
    )
    (acquired,) = (s for s in built.stages if type(s).__name__ == "RandAcquiredResolution")
    inside = {type(member).__name__: member for member in acquired.during}  # type: ignore[attr-defined]  # checked by name
    assert "RandMagnitudeNoise" not in inside
    assert inside["RandTruncation"].window == "none"
    assert "RandBiasGain" not in [type(stage).__name__ for stage in built.stages]


def test_derived_recipe_exchanges_stages_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(DERIVED)
    names = [stage.name for stage in read_recipe("lumbar").stages]
    wanted = ["RandGaussianBlur" if name == "RandBiasGain" else name for name in names]
    assert [stage.name for stage in read_recipe(path).stages] == wanted


def test_four_contrasts_differ_from_each_other_and_from_lumbar_in_nothing_else() -> None:
    plain = read_recipe("lumbar").stages
    arms, drawn = ("random", "interpolated", "physics", "hybrid"), dict[str, object]()
    for name in arms:
        stages = read_recipe(name).stages
        assert [s for s in stages if s.name != "RandContrast"] == [
            s for s in plain if s.name != "RandTissueContrast"
        ]
        (contrast,) = (s.parameters for s in stages if s.name == "RandContrast")
        assert contrast["contrast"] == name
        (mixture,) = (s.parameters for s in plain if s.name == "RandTissueContrast")
        for key in ("spread", "texture", "least_contrast"):
            assert contrast.get(key, mixture[key]) == mixture[key]
        drawn |= {k: v for k, v in contrast.items() if k not in drawn}
        assert {k: drawn[k] for k in contrast if k != "contrast"} == {
            k: v for k, v in contrast.items() if k != "contrast"
        }
