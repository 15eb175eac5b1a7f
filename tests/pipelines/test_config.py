"""A configuration is right, or says all that is wrong with it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from spinesynth.errors import ConfigError
from spinesynth.pipelines.chains import augmentation_chain, synthesis_chain
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config, read_config

_FOLDER = Path(__file__).parents[2] / "configs"
#: A sweep is read by its own command, see test_sweep_plan.py.
CONFIGS = sorted(path for path in _FOLDER.glob("*.yaml") if path.stem != "sweep")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configuration_is_valid_and_named_after_its_file(path: Path) -> None:
    assert read_config(path).name == path.stem


def test_every_error_is_told_at_once_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"name": "x", "training": {"step": 3, "batch_size": 0}})
    message = str(caught.value)
    assert "training.step" in message
    assert "did you mean 'steps'" in message
    assert "training.batch_size" in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name: x\nname: y\n", "stands twice"),
        ("- a\n", "must hold a mapping"),
        ("name: [", "no valid YAML"),
        ("name: !!python/object/apply:os.system ['true']\n", "no valid YAML"),
    ],
)
def test_broken_yaml_is_refused(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=match):
        read_config(path)


def test_missing_file_names_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file at .*none\.yaml"):
        read_config(tmp_path / "none.yaml")


def test_numbers_in_scientific_notation_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("name: x\ntraining:\n  learning_rate: 1e-3\n")
    assert read_config(path).training.learning_rate == 1e-3


def one_setting(section: str, field: str, value: object) -> dict[str, Any]:
    return {"name": "x", section: {field: value}} if section else {"name": "x", field: value}


#: Pairs of the chains with the limits of their transforms.
PAIRS = [
    ("augmentation", "bias_strength", 0, 5),
    ("augmentation", "noise_sigma", 0, math.inf),
    ("augmentation", "log_gamma", -5, 5),
]


def build_chains(section: str, field: str, value: object) -> None:
    """Build both chains with a setting that nothing has checked."""
    config = ExperimentConfig(name="x")
    part = getattr(config, section).model_copy(update={field: value})
    unchecked = config.model_copy(update={section: part})
    synthesis_chain(unchecked)
    augmentation_chain(unchecked)


@pytest.mark.parametrize(("section", "field", "low", "high"), PAIRS)
def test_limits_of_a_pair_are_those_of_its_transform(
    section: str, field: str, low: float, high: float
) -> None:
    widest = (low, min(high, 1e6))
    parse_config(one_setting(section, field, widest))
    build_chains(section, field, widest)
    outside = [(low - 1e-4, low), (widest[1], low)]
    outside += [] if high == math.inf else [(low, high + 1e-4)]
    for pair in outside:
        with pytest.raises(ConfigError, match=rf"{section}\.{field}: must be an ordered pair"):
            parse_config(one_setting(section, field, pair))
        with pytest.raises(ValueError, match="must be an ordered pair"):
            build_chains(section, field, pair)


def test_every_pair_of_the_chains_is_tested() -> None:
    config = ExperimentConfig(name="x")
    pairs = {
        (section, field)
        for section in ("augmentation",)
        for field, value in getattr(config, section)
        if isinstance(value, tuple)
    }
    assert pairs == {pair[:2] for pair in PAIRS}


@pytest.mark.parametrize(
    ("synthesis", "match"),
    [
        ({"recipe": "ful"}, r"no recipe 'ful' \(did you mean 'full'\?\)"),
        ({"recipe": "none.yaml"}, "no recipe 'none.yaml'"),
        ({"without": ["RandNoise"]}, "without must name stages of"),
        ({"overrides": {"RandBias": {}}}, "has no stage 'RandBias' to change"),
        ({"overrides": {"RandBiasGain": {"power": 1}}}, "takes no parameter 'power'"),
        ({"overrides": {"RandBiasGain": {"strength": [1, 0]}}}, "strength must be an ordered pair"),
        ({"overrides": {"RandBiasGain": {"strength": [0, math.nan]}}}, "strength must be"),
        ({"overrides": {"RandDeformPatch": {"elastic_mm": [0, math.inf]}}}, "elastic_mm must be"),
    ],
)
def test_recipe_that_cannot_be_built_is_refused(synthesis: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        parse_config({"name": "x", "synthesis": synthesis})


def test_overrides_reach_the_stages_of_both_chains() -> None:
    config = parse_config(
        {"name": "x", "synthesis": {"overrides": {"RandDeformPatch": {"rotation_deg": 3}}}}
    )
    fused = synthesis_chain(config).transforms[-1].transform
    deform = augmentation_chain(config).transforms[2].transform
    assert fused.stages[0].rotation_deg == deform.rotation_deg == 3


@pytest.mark.parametrize(
    ("section", "field", "value", "match"),
    [
        ("evaluation", "resolution_factors", [1, 0.5], r"resolution_factors\.1: .*equal to 1"),
        ("evaluation", "resolution_factors", [1, math.inf], r"resolution_factors\.1: .*finite"),
        ("evaluation", "resolution_factors", [], "resolution_factors: must hold at least one"),
        ("augmentation", "noise_sigma", [math.nan, 1], r"noise_sigma\.0: .*finite"),
        ("synthesis", "phantom_share", math.nan, "phantom_share: .*finite"),
        ("training", "learning_rate", math.inf, "learning_rate: .*finite"),
        ("training", "patch_size", [0, 5], r"patch_size\.0: .*equal to 1"),
        ("training", "steps", True, "steps: must not be true or false"),
        ("training", "patch_size", [True, 5], "patch_size: must not be true or false"),
        ("training", "learning_rate", True, "learning_rate: must not be true or false"),
        ("", "models", [], "models: must hold at least one"),
        ("", "models", ["A", "A"], "models: must hold each only once"),
        ("", "name", "..", "name: .*should match"),
    ],
)
def test_impossible_value_is_refused_by_name(
    section: str, field: str, value: object, match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        parse_config(one_setting(section, field, value))


def test_wrong_pairs_are_told_at_once_with_other_errors() -> None:
    values = {
        "name": "x",
        "models": [],
        "synthesis": {"phantom_share": 2},
        "augmentation": {"log_gamma": [1, 0]},
        "evaluation": {"resolution_factors": [0.5]},
    }
    with pytest.raises(ConfigError) as caught:
        parse_config(values)
    for name in ("models:", "phantom_share:", "log_gamma:", "resolution_factors.0:"):
        assert str(caught.value).count(name) == 1
