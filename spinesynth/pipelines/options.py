"""From the options of a command line to a configuration."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

from spinesynth.anatomy.label_schemes import SCHEMES
from spinesynth.errors import ConfigError
from spinesynth.io.discover import discover_cases
from spinesynth.pipelines.config import ExperimentConfig
from spinesynth.pipelines.config_reading import parse_config, read_values
from spinesynth.pipelines.settings import apply_settings
from spinesynth.pipelines.split import can_teach, can_train

_LOG = logging.getLogger(__name__)

#: Schemes that a network can be trained on, in the order of preference.
_TARGETS = ("spine6", "semantic4", "binary_vertebra")
_NAME_WITHOUT_FILE = "run"


def configure(
    file: Path | None,
    *,
    data: Path | None = None,
    model: str | None = None,
    seed: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    num_classes: int | None = None,
    resolution_factors: str | None = None,
    settings: Sequence[str] = (),
) -> ExperimentConfig:
    """Read a configuration and let options override it.

    Args:
        file: YAML file; None for the defaults. Where no train source is named,
            every source of ``data`` that the target can learn from is one.
        data: manifest CSV or folder of a data set; None for phantoms.
        model: ``A``, ``B`` or ``both``.
        seed: of everything random.
        epochs: times ``training.validate_every`` steps.
        batch_size: slices a step.
        learning_rate: at the start.
        num_classes: of the network, background included; chooses the scheme.
        resolution_factors: numbers with commas between, as ``1,2,4``.
        settings: any others, each ``a.b=c``; the options above go over them.

    Raises:
        ConfigError: if the file or an option cannot be used; of the file and
            ``settings`` every error at once.
        InputError: if the data cannot be read.
    """
    given = {"name": _NAME_WITHOUT_FILE} if file is None else read_values(file)
    apply_settings(given, settings)
    place = "the configuration" if file is None else str(file)
    base = parse_config(given, source=f"{place} with --set" if settings else place)
    values = base.model_dump()
    if model is not None:
        values["models"] = ("A", "B") if model == "both" else (model,)
    if num_classes is not None:
        values["target_scheme"] = scheme_of(num_classes)
    if data is not None and "train_sources" not in base.data.model_fields_set:
        values["data"]["train_sources"] = _train_sources(
            data, models=values["models"], target_scheme=values["target_scheme"]
        )
    if resolution_factors is not None:
        values["evaluation"]["resolution_factors"] = parse_factors(resolution_factors)
    training = values["training"]
    if epochs is not None:
        training["steps"] = epochs * training["validate_every"]
    overrides = {"batch_size": batch_size, "learning_rate": learning_rate}
    training.update({key: value for key, value in overrides.items() if value is not None})
    if seed is not None:
        values["seed"] = seed
    return parse_config(values, source="the configuration with the options given")


def _train_sources(data: Path, *, models: Sequence[str], target_scheme: str) -> tuple[str, ...]:
    """Return the sources of some data that can train a target, or all if none can."""
    cases = discover_cases(data)
    usable = [case for case in cases if can_train(case, models)]
    mute = {case.source for case in usable if not can_teach(case, target_scheme)}
    chosen = {case.source for case in usable} - mute
    if not chosen:  # the split says what is wrong with each
        return tuple(sorted({case.source for case in usable or cases}))
    if mute:
        _LOG.warning(
            "not trained on, since %s can learn nothing from what they annotate: %s",
            target_scheme,
            ", ".join(sorted(mute)),
        )
    return tuple(sorted(chosen))


def scheme_of(num_classes: int) -> str:
    """Return the label scheme of a network with so many classes.

    Args:
        num_classes: background included.

    Raises:
        ConfigError: if no trainable scheme has so many.

    Example:
        >>> scheme_of(4)
        'semantic4'
    """
    sizes = {SCHEMES[name].num_classes: name for name in _TARGETS}
    if num_classes not in sizes:
        allowed = ", ".join(f"{size} ({name})" for size, name in sorted(sizes.items()))
        raise ConfigError(
            f"num_classes must be one of {allowed}, got {num_classes}; train on one of these and "
            "convert what is predicted to the scheme you need",
            code="E-CONF-007",
        )
    return sizes[num_classes]


def parse_factors(text: str) -> tuple[float, ...]:
    """Return the numbers of a list with commas between.

    Args:
        text: for example ``1,2,4``; each at least 1 (coarse over original).

    Raises:
        ConfigError: if it is no such list.

    Example:
        >>> parse_factors("1, 2.5")
        (1.0, 2.5)
    """
    try:
        factors = tuple(float(word) for word in text.split(","))
    except ValueError:
        factors = ()
    if not factors or not all(math.isfinite(factor) and factor >= 1 for factor in factors):
        raise ConfigError(
            "resolution_factors must be numbers of at least 1 with commas between, as 1,2,4, "
            f"got {text!r}",
            code="E-CONF-004",
        )
    return factors
