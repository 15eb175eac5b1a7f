"""What a sweep tries: settings with their values, over one base configuration."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, model_validator

from spinesynth.errors import ConfigError
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_fields import NAME_PATTERN
from spinesynth.pipelines.config_reading import (
    describe_problems,
    parse_config,
    read_config,
    read_values,
)
from spinesynth.pipelines.settings import replace_setting

#: Value of each parameter of a trial: a number of a range, or the name of a choice.
Point = dict[str, float | str]
#: They decide on which scans and structures trials are scored, so all share them.
_SHARED = ("name", "models", "target_scheme", "data", "evaluation")
_FINAL_CHOICE = "training.final_choice"


class SweptParameter(BaseModel):
    """One parameter: a range of a setting, or choices.

    Attributes:
        setting: name with dots; not where ``choices`` names settings itself.
        low: end of a range.
        high: other end.
        log: whether the range is one of magnitudes.
        points: of the range on a grid, its ends among them.
        choices: values of the setting, or settings by the name of the choice where
            one choice sets several.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    setting: str | None = None
    low: float | None = None
    high: float | None = None
    log: Annotated[bool, Strict()] = False
    points: Annotated[int, Field(ge=2)] = 3
    choices: list[Any] | dict[str, dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _is_a_range_or_choices(self) -> Self:
        if self.choices is None:
            if self.setting is None or self.low is None or self.high is None:
                raise ValueError("must have setting, low and high, or choices")
            if not (0 if self.log else -math.inf) < self.low < self.high:
                raise ValueError(
                    f"low must be below high{' and above 0 with log' if self.log else ''}, "
                    f"got {self.low:g} and {self.high:g}"
                )
            return self
        if self.low is not None or self.high is not None or self.log:
            raise ValueError("must be a range or choices, got both")
        if isinstance(self.choices, dict) == (self.setting is not None):
            raise ValueError("choices must be a list with a setting, or settings by name without")
        if len(self._by_label()) < max(2, len(self.choices)):
            raise ValueError("choices must be two different ones at least")
        return self

    def _by_label(self) -> dict[str, dict[str, Any]]:
        """Return the settings of each choice by its name; none of a range."""
        if isinstance(self.choices, dict):
            return self.choices
        assert self.setting is not None or not self.choices  # checked when it was read
        return {json.dumps(value): {str(self.setting): value} for value in self.choices or ()}

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the choices, in the order of the file; none of a range."""
        return tuple(self._by_label())

    @property
    def bounds(self) -> tuple[float, float]:
        """Return both ends of a range."""
        assert self.low is not None  # a range has both
        assert self.high is not None
        return self.low, self.high

    def grid(self) -> tuple[float | str, ...]:
        """Return every choice, or the points of a range at even distances.

        Example:
            >>> SweptParameter(setting="x", low=1e-4, high=1e-2, log=True).grid()
            (0.0001, 0.001, 0.01)
        """
        if self.labels:
            return self.labels
        low, high = self.bounds
        shares = [n / (self.points - 1) for n in range(self.points)]
        if not self.log:
            return tuple(float(f"{low + share * (high - low):.12g}") for share in shares)
        return tuple(float(f"{low * (high / low) ** share:.12g}") for share in shares)

    def settings(self, value: float | str) -> dict[str, Any]:
        """Return the settings that a value stands for, names with dots."""
        if isinstance(value, str):
            return self._by_label()[value]
        return {str(self.setting): value}


class _SweepFile(BaseModel):
    """What the YAML file of a sweep holds."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    description: str = ""
    base: str
    common: dict[str, Any] = {}
    sampler: Literal["grid", "tpe"] = "tpe"
    trials: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    parameters: Annotated[
        dict[Annotated[str, Field(pattern=NAME_PATTERN)], SweptParameter], Field(min_length=1)
    ]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A sweep as its file describes it.

    Args:
        name: of the sweep, and of its folder.
        description: the question.
        sampler: ``grid`` tries every combination, ``tpe`` what the trials before it
            make likely to be good (Bergstra et al. 2011).
        trials: how many in all; None for the whole grid.
        seed: of the sampler; each training has that of the configuration.
        base: configuration that all trials share, as plain data.
        parameters: by their names, in the order of the file.
    """

    name: str
    description: str
    sampler: Literal["grid", "tpe"]
    trials: int | None
    seed: int
    base: Mapping[str, Any]
    parameters: Mapping[str, SweptParameter]

    def grid(self) -> list[Point]:
        """Return every combination; the last parameter changes fastest."""
        values = [parameter.grid() for parameter in self.parameters.values()]
        return [
            dict(zip(self.parameters, point, strict=True)) for point in itertools.product(*values)
        ]

    @property
    def count(self) -> int:
        """Return how many trials there are in all."""
        if self.sampler == "tpe":
            assert self.trials is not None  # read_sweep refuses it otherwise
            return self.trials
        size = math.prod(len(parameter.grid()) for parameter in self.parameters.values())
        return min(size, self.trials or size)

    def configure(self, point: Point, *, name: str) -> ExperimentConfig:
        """Return the configuration of a trial.

        Raises:
            ConfigError: if the settings do not go together.
        """
        values = copy.deepcopy(dict(self.base))
        for parameter, value in point.items():
            for setting, replaced in self.parameters[parameter].settings(value).items():
                replace_setting(values, setting, copy.deepcopy(replaced))
        return parse_config({**values, "name": name}, source=f"sweep {self.name}, trial {point}")


def read_sweep(path: Path, *, sampler: str | None = None, trials: int | None = None) -> Sweep:
    """Read a sweep, and check each value of each parameter.

    The file names a ``base`` configuration (relative to itself), settings
    ``common`` to all trials, and ``parameters``; settings are written with dots.
    ``training.final_choice`` is ``volumes`` in all: trials are scored by it.

    Args:
        path: YAML file.
        sampler: in place of the file's.
        trials: in place of the file's.

    Raises:
        ConfigError: if the file is no sweep, or a value of a parameter is refused.
    """
    given = {"sampler": sampler, "trials": trials}
    values = read_values(path) | {key: value for key, value in given.items() if value is not None}
    try:
        file = _SweepFile.model_validate(values)
    except ValidationError as error:
        raise _refuse(path, f"cannot be used: {describe_problems(error, _SweepFile)}") from None
    if file.sampler == "tpe" and file.trials is None:
        raise _refuse(path, "must say how many trials: tpe has no end of its own; set trials")
    base = read_config(path.parent / file.base).model_dump()
    for setting, value in {**file.common, _FINAL_CHOICE: "volumes"}.items():
        try:
            replace_setting(base, setting, value)
        except ValueError as error:
            raise _refuse(path, f"cannot be used: common: {error}") from None
    sweep = Sweep(
        name=file.name, description=file.description, sampler=file.sampler, trials=file.trials,
        seed=file.seed, base=base, parameters=file.parameters,
    )  # fmt: skip
    _refuse_unfit(path, sweep)
    return sweep


def _refuse(path: Path, problem: str) -> ConfigError:
    return ConfigError(f"{path} {problem}", code="E-CONF-040")


def _refuse_unfit(path: Path, sweep: Sweep) -> None:
    """Refuse parameters that make trials unlike in what they are scored on, or cannot be set."""
    by_setting: dict[str, str] = {}
    for name, parameter in sweep.parameters.items():
        for value in parameter.grid():
            for setting in parameter.settings(value):
                if setting.split(".")[0] in _SHARED or setting == _FINAL_CHOICE:
                    raise _refuse(path, f"sweeps {setting}, which all trials must share")
                if by_setting.setdefault(setting, name) != name:
                    raise _refuse(path, f"sweeps {setting} as {by_setting[setting]} and as {name}")
    first = {name: parameter.grid()[0] for name, parameter in sweep.parameters.items()}
    for name, parameter in sweep.parameters.items():
        for value in parameter.grid():
            try:
                config = sweep.configure({**first, name: value}, name=sweep.name)
            except ValueError as error:
                raise _refuse(path, f"cannot be used: {name}: {error}") from None
    if len(config.models) != 1:
        raise _refuse(
            path, f"must train one model: set models under 'common', got {list(config.models)}"
        )
