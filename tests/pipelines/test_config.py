"""A configuration is right, or says all that is wrong with it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from spinesynth.errors import ConfigError
from spinesynth.pipelines.chains import augmentation_chain, synthesis_chain
from spinesynth.pipelines.config import ExperimentConfig, parse_config, read_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


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
    ("synthesis", "alpha", 0, 1),
    ("synthesis", "elastic_mm", 0, math.inf),
    ("synthesis", "spread", 0, 10),
    ("synthesis", "texture", 0, 10),
    ("synthesis", "coil_decay_mm", 1e-3, math.inf),
    ("synthesis", "bias_strength", 0, 5),
    ("synthesis", "resolution_mm", 1e-3, math.inf),
    ("synthesis", "noise_sigma", 0, math.inf),
    ("synthesis", "noise_correlation_vox", 0, math.inf),
    ("synthesis", "log_gamma", -5, 5),
    ("augmentation", "bias_strength", 0, 5),
    ("augmentation", "noise_sigma", 0, math.inf),
    ("augmentation", "log_gamma", -5, 5),
]
NUMBERS = [("rotation_deg", 180.0), ("scale", 0.7), ("shear", 1.0), ("motion_shift_vox", math.inf)]


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
        for section in ("synthesis", "augmentation")
        for field, value in getattr(config, section)
        if isinstance(value, tuple)
    }
    assert pairs == {pair[:2] for pair in PAIRS}


@pytest.mark.parametrize(("field", "high"), NUMBERS)
def test_limits_of_a_number_are_those_of_its_transform(field: str, high: float) -> None:
    for value in (0.0, min(high, 1e6)):
        parse_config(one_setting("synthesis", field, value))
        build_chains("synthesis", field, value)
    for value in [-1e-4] if high == math.inf else [-1e-4, high + 1e-4]:
        with pytest.raises(ConfigError, match=rf"synthesis\.{field}: .*(greater|less) than"):
            parse_config(one_setting("synthesis", field, value))
        with pytest.raises(ValueError, match="must be an ordered pair"):
            build_chains("synthesis", field, value)


@pytest.mark.parametrize(
    ("section", "field", "value", "match"),
    [
        ("evaluation", "resolution_factors", [1, 0.5], r"resolution_factors\.1: .*equal to 1"),
        ("evaluation", "resolution_factors", [1, math.inf], r"resolution_factors\.1: .*finite"),
        ("evaluation", "resolution_factors", [], "resolution_factors: must hold at least one"),
        ("synthesis", "noise_sigma", [math.nan, 1], r"noise_sigma\.0: .*finite"),
        ("synthesis", "elastic_mm", [0, math.inf], r"elastic_mm\.1: .*finite"),
        ("synthesis", "rotation_deg", math.nan, "rotation_deg: .*finite"),
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
        "synthesis": {"alpha": [1, 0], "scale": 0.9},
        "evaluation": {"resolution_factors": [0.5]},
    }
    with pytest.raises(ConfigError) as caught:
        parse_config(values)
    for name in ("models:", "synthesis.alpha:", "synthesis.scale:", "resolution_factors.0:"):
        assert str(caught.value).count(name) == 1
