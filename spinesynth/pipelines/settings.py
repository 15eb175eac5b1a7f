"""Single settings with dots, as ``training.steps=100``, put into a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from spinesynth.errors import ConfigError
from spinesynth.strict_yaml import load_strict


def replace_setting(values: dict[str, Any], name: str, value: object) -> None:
    """Put a value where a name with dots points; it replaces the whole of what stands there.

    Args:
        values: a configuration as plain data, changed in place.
        name: sections and setting with dots between.
        value: what the setting shall be.

    Raises:
        ValueError: if a part of the name but the last is no section.

    Example:
        >>> values = {"training": {"steps": 5}}
        >>> replace_setting(values, "training.batch_size", 2)
        >>> values
        {'training': {'steps': 5, 'batch_size': 2}}
    """
    *sections, last = name.split(".")
    inner = values
    for section in sections:
        inner = inner.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{section} of {name} is no section")
    inner[last] = value


def apply_settings(values: dict[str, Any], settings: Sequence[str]) -> None:
    """Put settings of a command line into a configuration.

    Args:
        values: a configuration as plain data, changed in place.
        settings: each ``a.b=c`` with a YAML value; a later one wins.

    Raises:
        ConfigError: naming every setting that cannot be read.

    Example:
        >>> values = {}
        >>> apply_settings(values, ["training.learning_rate=1e-3", "models=[A]"])
        >>> values
        {'training': {'learning_rate': 0.001}, 'models': ['A']}
    """
    problems = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not all(part.strip() for part in name.split(".")):
            problems.append(f"--set must be NAME=VALUE, as training.steps=100, got {setting!r}")
            continue
        try:
            replace_setting(values, name.strip(), load_strict(text))
        except ValueError as error:
            problems.append(f"--set {setting}: {error}")
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            problems.append(f"--set {setting}: the value is no valid YAML: {reason}")
    if problems:
        raise ConfigError("; ".join(problems), code="E-CONF-020")
