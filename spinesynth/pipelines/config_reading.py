"""Read a configuration from a file or a mapping, and say all that is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.strict_yaml import load_strict
from spinesynth.suggest import did_you_mean


def _nearest(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    """Suggest the valid name nearest to an unknown one."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type):
            return ""
        model = field.annotation
    return did_you_mean(str(location[-1]), model.model_fields)


def describe_problems(error: ValidationError, model: type[BaseModel]) -> str:
    """Return every problem of a file in one line, with the nearest valid name of an unknown one.

    Args:
        error: what pydantic raised.
        model: of the file.
    """
    lines = []
    for problem in error.errors():
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:  # of the whole: it says itself what is wrong
            lines.append(message)
            continue
        where = ".".join(str(part) for part in problem["loc"])
        hint = ""
        if problem["type"] == "extra_forbidden":
            hint = _nearest(problem["loc"], model)
        elif problem["type"] == "literal_error" and isinstance(problem["input"], str):
            hint = did_you_mean(problem["input"], re.findall(r"'([^']+)'", problem["msg"]))
        lines.append(f"{where}: {message}{hint}, got {problem['input']!r}")
    return "; ".join(lines)


def parse_config(values: dict[str, Any], *, source: str = "configuration") -> ExperimentConfig:
    """Check a configuration and return it, or raise with every error at once.

    Raises:
        ConfigError: naming each wrong field, and the nearest valid name of an
            unknown one.
    """
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        problems = describe_problems(error, ExperimentConfig)
        raise ConfigError(f"{source} cannot be used: {problems}", code="E-CONF-002") from None


def read_values(path: Path) -> dict[str, Any]:
    """Read the settings of a YAML file, unchecked.

    Raises:
        ConfigError: if the file is missing or holds no mapping of YAML.
    """
    if not path.is_file():
        raise ConfigError(
            f"no configuration file at {path}; see configs/ for examples", code="E-CONF-001"
        )
    try:
        values = load_strict(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = " ".join(str(error).split())
        raise ConfigError(f"{path} is no valid YAML: {message}", code="E-CONF-001") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a mapping of settings", code="E-CONF-001")
    return values


def read_config(path: Path) -> ExperimentConfig:
    """Read and check a YAML configuration.

    Raises:
        ConfigError: if the file is missing, is not YAML, or has wrong fields.
    """
    return parse_config(read_values(path), source=str(path))
