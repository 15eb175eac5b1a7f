"""Settings given one by one on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinesynth.errors import ConfigError
from spinesynth.pipelines.options import configure
from spinesynth.pipelines.settings import apply_settings


def test_settings_go_over_the_file_and_options_over_them(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: own\ntraining: {batch_size: 3, learning_rate: 0.5}\n")
    config = configure(
        file,
        learning_rate=0.25,
        settings=[
            "training.batch_size=6", "training.learning_rate=1e-1", "models=[A]",
            "training.class_weights.vertebral body=2", "training.batch_size=4",
        ],
    )  # fmt: skip
    assert (config.training.batch_size, config.training.learning_rate) == (4, 0.25)
    assert config.models == ("A",)
    assert config.training.class_weights == {"vertebral body": 2}


def test_a_setting_mends_what_is_wrong_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: own\ntraining: {steps: 0}\n")
    assert configure(file, settings=["training.steps=7"]).training.steps == 7


def test_errors_of_file_and_settings_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: own\ntraining: {step: 3}\n")
    with pytest.raises(ConfigError) as caught:
        configure(file, settings=["trainig.steps=3", "network.name=unett", "seed=x"])
    for words in (
        "own.yaml with --set", "did you mean 'steps'", "did you mean 'training'",
        "did you mean 'unet'", "seed: ",
    ):  # fmt: skip
        assert words in str(caught.value)


def test_settings_that_cannot_be_read_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        apply_settings({"seed": 1}, ["steps", "=3", "a..b=1", "seed.x=1", "models=[A", "name=y"])
    message = str(caught.value)
    assert message.startswith("[E-CONF-020]")
    assert message.count("--set must be NAME=VALUE") == 3
    assert "seed of seed.x is no section" in message
    assert "--set models=[A: the value is no valid YAML" in message
    assert "name=y" not in message


def test_sources_of_a_setting_are_kept(tmp_path: Path) -> None:
    config = configure(None, data=tmp_path, settings=["data.train_sources=[clinic]"])
    assert config.data.train_sources == ("clinic",)
