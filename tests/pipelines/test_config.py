"""A configuration is right, or says all that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import parse_config, read_config

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
