"""Whether the arms of a study can be compared, and can start from each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import ExperimentConfig

#: Sections that all arms have in common, and the settings in them that may differ.
_TESTED_ALIKE: dict[str, set[str]] = {
    "data": {"training_labels", "max_train_patients", "pseudo_labels", "cache", "cache_dir"},
    "evaluation": set(),
}
#: Settings of a network that its weights do not depend on.
_FREE_OF_WEIGHTS = {"gradient_checkpointing", "neighbour_mm"}
#: Before the name of an arm, in place of the path of a checkpoint.
ARM_PREFIX = "arm:"


def refuse_other_tests(path: Path, arms: Mapping[str, ExperimentConfig], reference: str) -> None:
    """Refuse arms that would not be tested, or trained, on the patients of the reference.

    Args:
        path: of the study's file.
        arms: by name, in the order of the file.
        reference: name of an arm.

    Raises:
        ConfigError: naming the arm and the setting.
    """
    for name, config in arms.items():
        for section, free in _TESTED_ALIKE.items():
            mine, theirs = (
                getattr(c, section).model_dump(exclude=free) for c in (config, arms[reference])
            )
            other = sorted(key for key in mine if mine[key] != theirs[key])
            if other:
                raise refuse_study(
                    path,
                    f"gives arm {name} another {section}.{other[0]} than {reference}; patients and "
                    "tests must be equal: set it under 'common'",
                )


def refuse_unknown_starts(path: Path, arms: Mapping[str, ExperimentConfig]) -> None:
    """Refuse arms that start from one that is missing, trained later, or of another network.

    Args:
        path: of the study's file.
        arms: by name, in the order of the file.

    Raises:
        ConfigError: naming the arm.
    """
    before = list[str]()
    for name, config in arms.items():
        start = starting_arm(config)
        if start is not None and start not in before:
            raise refuse_study(
                path,
                f"lets arm {name} start from {start!r}, which must be an arm further up: {before}",
            )
        if start is not None:
            _refuse_other_network(path, name, config, start, arms[start])
        before.append(name)


def _refuse_other_network(
    path: Path, name: str, config: ExperimentConfig, start: str, started: ExperimentConfig
) -> None:
    """Refuse an arm whose network could not take the weights of the one that it starts from."""
    mine, theirs = (
        {
            "target_scheme": arm.target_scheme,
            **{
                f"network.{key}": value
                for key, value in arm.network.model_dump(exclude=_FREE_OF_WEIGHTS).items()
            },
        }
        for arm in (config, started)
    )
    other = [key for key in mine if mine[key] != theirs[key]]
    if other:
        raise refuse_study(
            path,
            f"gives arm {name} {other[0]} {mine[other[0]]}, but {theirs[other[0]]} to {start}, "
            "which it starts from; both must be equal, or the weights do not fit",
        )


def starting_arm(config: ExperimentConfig) -> str | None:
    """Return the name of the arm that an arm starts from, if any."""
    start = config.training.start_from
    return start.removeprefix(ARM_PREFIX) if start and start.startswith(ARM_PREFIX) else None


def refuse_study(path: Path, problem: str) -> ConfigError:
    """Return the refusal of a study's file."""
    return ConfigError(f"{path} {problem}", code="E-CONF-011")
