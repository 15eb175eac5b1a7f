"""Recipes: a chain of synthesis stages written down in YAML, so that it can be read and cited."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from monai.transforms.transform import Transform

from spinesynth.errors import ConfigError
from spinesynth.strict_yaml import load_strict
from spinesynth.suggest import did_you_mean

_FOLDER = "recipes"
#: Parameters that name further stages, applied inside the one that has them.
_NESTED = "during"
_KEYS = {"description", "source", "stages"}
#: Those of a recipe that says only how it differs from another.
_DERIVED_KEYS = {"description", "source", "base", "instead"}


@dataclass(frozen=True)
class Stage:
    """One stage of a recipe: the name of an array transform and its parameters."""

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A chain from tissue map to image.

    Args:
        name: by which it is asked for.
        description: what it is for.
        source: whose ranges these are.
        stages: in the order in which they act.
    """

    name: str
    description: str
    source: str
    stages: tuple[Stage, ...]


def list_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files(__package__) / _FOLDER
    return tuple(sorted(Path(f.name).stem for f in folder.iterdir() if f.name.endswith(".yaml")))


def read_recipe(recipe: str | Path) -> Recipe:
    """Read a recipe of the package by its name, or a file of one's own.

    Raises:
        ConfigError: if there is no such recipe, or it is not written as one.

    Example:
        >>> read_recipe("synthseg").name
        'synthseg'
    """
    if isinstance(recipe, str) and recipe in list_recipes():
        text = (resources.files(__package__) / _FOLDER / f"{recipe}.yaml").read_text("utf-8")
        return _parse(text, name=recipe, place=f"recipe {recipe}")
    path = Path(recipe)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        hint = did_you_mean(str(recipe), list_recipes())
        raise ConfigError(
            f"no recipe {str(recipe)!r}{hint}; the package has {', '.join(list_recipes())}, and a "
            "path to a YAML file is taken too",
            code="E-CONF-009",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise refuse_recipe(str(path), "is no text in UTF-8") from None
    return _parse(text, name=path.stem, place=str(path))


def _parse(text: str, *, name: str, place: str) -> Recipe:
    try:
        content = load_strict(text)
    except yaml.YAMLError as error:
        raise refuse_recipe(place, "is no valid YAML: " + " ".join(str(error).split())) from None
    if not isinstance(content, dict) or set(content) not in (_KEYS, _DERIVED_KEYS):
        got = sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise refuse_recipe(
            place,
            "must have the keys description, source and stages, or base and instead in place of "
            f"stages, and no other, got {got}",
        )
    stages = _derive(content, place) if "base" in content else _list(content["stages"], place)
    names = [stage.name for stage in stages]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise refuse_recipe(place, f"has stage {twice[0]} twice; a stage acts once")
    return Recipe(name, str(content["description"]), str(content["source"]), stages)


def _list(listed: object, place: str) -> tuple[Stage, ...]:
    """Read the stages of a recipe that stands on its own."""
    if not isinstance(listed, list) or not listed:
        raise refuse_recipe(place, "must list at least one stage")
    return tuple(_stage(entry, place) for entry in listed)


def _derive(content: Mapping[str, Any], place: str) -> tuple[Stage, ...]:
    """Return the stages of the recipe ``base``, some of them exchanged for others."""
    base, instead = content["base"], content["instead"]
    if base not in list_recipes():
        hint = did_you_mean(str(base), list_recipes())
        raise refuse_recipe(place, f"must have a recipe of the package as base, got {base!r}{hint}")
    stages = read_recipe(base).stages
    names = [stage.name for stage in stages]
    if not isinstance(instead, dict) or not set(instead) <= set(names):
        raise refuse_recipe(place, f"must map stages of {names} by instead, got {instead!r}")
    return tuple(
        _stage(instead[stage.name], place) if stage.name in instead else stage for stage in stages
    )


def _stage(entry: object, place: str) -> Stage:
    """Read ``Name: {parameter: value}`` or a bare ``Name``."""
    if isinstance(entry, str):
        return Stage(entry, {})
    if isinstance(entry, dict) and len(entry) == 1:
        ((name, parameters),) = entry.items()
        if isinstance(name, str) and isinstance(parameters, dict | None):
            return Stage(name, parameters or {})
    raise refuse_recipe(place, f"must list stages as 'Name: {{parameter: value}}', got {entry!r}")


def refuse_recipe(place: str, problem: str) -> ConfigError:
    """Return the error of a recipe that cannot be used."""
    return ConfigError(f"{place} {problem}", code="E-CONF-009")


def leave_out(stages: Sequence[Stage], without: Sequence[str]) -> list[Stage]:
    """Return a chain without some stages, also those inside others.

    Raises:
        ValueError: if a name is not that of a stage.
    """
    inner = {stage.name: _inner(stage, stage.name) for stage in stages}
    names = [*inner, *(member.name for members in inner.values() for member in members)]
    for name in without:
        if name not in names:
            raise ValueError(f"without must name stages of {names}, got {name!r}")
    kept = []
    for stage in stages:
        if stage.name in without:
            continue
        parameters = dict(stage.parameters)
        if _NESTED in parameters:
            members = [member for member in inner[stage.name] if member.name not in without]
            parameters[_NESTED] = [{member.name: member.parameters} for member in members]
        kept.append(Stage(stage.name, parameters))
    return kept


def build_stages(
    stages: Sequence[Stage],
    catalogue: Mapping[str, type[Transform]],
    *,
    given: Mapping[str, Any],
    overrides: Mapping[str, Mapping[str, Any]],
    place: str,
) -> list[Transform]:
    """Build the array transforms of a chain.

    Args:
        stages: what to build.
        catalogue: array transforms by name.
        given: parameters that belong to the caller's grid (``patch_size``,
            ``spacing_mm``); each stage that takes one gets it unless its recipe
            or an override says otherwise.
        overrides: parameters by stage name that replace those of the recipe.
        place: what to name in an error.

    Raises:
        ConfigError: if a stage or a parameter is unknown or refused.
    """
    known = {stage.name for stage in stages} | {
        inner.name for stage in stages for inner in _inner(stage, place)
    }
    for name in overrides:
        if name not in known:
            raise refuse_recipe(place, f"has no stage {name!r} to change; it has {sorted(known)}")
    return [_build(stage, catalogue, given, overrides, place) for stage in stages]


def _inner(stage: Stage, place: str) -> list[Stage]:
    return [_stage(entry, place) for entry in stage.parameters.get(_NESTED, ())]


def _build(
    stage: Stage,
    catalogue: Mapping[str, type[Transform]],
    given: Mapping[str, Any],
    overrides: Mapping[str, Mapping[str, Any]],
    place: str,
) -> Transform:
    form = catalogue.get(stage.name)
    if form is None:
        hint = did_you_mean(stage.name, catalogue, otherwise=f"; there are {sorted(catalogue)}")
        raise refuse_recipe(place, f"has an unknown stage {stage.name!r}{hint}")
    taken = inspect.signature(form).parameters
    values = stage_parameters(stage, form, given=given, overrides=overrides)
    if _NESTED in values:
        members = _inner(Stage(stage.name, {_NESTED: values[_NESTED]}), place)
        values[_NESTED] = [_build(m, catalogue, given, overrides, place) for m in members]
    unknown = sorted(set(values) - set(taken))
    if unknown:
        raise refuse_recipe(
            place,
            f"stage {stage.name} takes no parameter {unknown[0]!r}; it takes {sorted(taken)}",
        )
    try:
        return form(**values)
    except (TypeError, ValueError) as error:
        raise refuse_recipe(place, f"stage {stage.name}: {error}") from None


def stage_parameters(
    stage: Stage,
    form: type[Transform],
    *,
    given: Mapping[str, Any],
    overrides: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the parameters of a stage: the caller's, then the recipe's, then the overrides."""
    taken = inspect.signature(form).parameters
    values = {name: value for name, value in given.items() if name in taken}
    values |= {**stage.parameters, **overrides.get(stage.name, {})}
    return {name: _tuples(value) for name, value in values.items()}


def _tuples(value: object) -> object:
    """Return lists as tuples: YAML has no tuple, and the transforms' ranges are tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
