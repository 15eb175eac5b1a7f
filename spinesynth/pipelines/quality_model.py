"""What is learnt of phantoms about one network's predictions: numbers in a JSON file.

It stands beside the weights as ``NAME.quality.json`` and belongs to them alone: another
network is sure and unsure at other places.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spinesynth import __version__
from spinesynth.errors import CheckpointError
from spinesynth.io.atomic import write_text

QUALITY_SUFFIX = ".quality.json"
_SHORT = 12  # hexadecimal digits that a message shows


class _Numbers(BaseModel):
    """Plain finite numbers and words, checked when they are read."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StructureQuality(_Numbers):
    """A regression of one structure's Dice on features of its prediction.

    Args:
        features: their names, in the order of the other lists.
        low: least of each among the phantoms; what is less counts as that.
        high: greatest of each.
        mean: of each.
        scale: standard deviation of each.
        coefficients: Dice for one standard deviation more.
        intercept: Dice where each feature has its mean.
        cases: scans of phantoms it was fitted on.
        spearman: rank correlation with the true Dice of phantoms left out; None if it
            is not defined.
        mean_absolute_error: the same, of Dice.
    """

    features: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    cases: int = Field(ge=1)
    spearman: float | None
    mean_absolute_error: float = Field(ge=0)

    @model_validator(mode="after")
    def _one_number_each(self) -> Self:
        lists = (self.low, self.high, self.mean, self.scale, self.coefficients)
        if any(len(numbers) != len(self.features) for numbers in lists):
            raise ValueError("low, high, mean, scale and coefficients must have one number for "
                             f"each of {len(self.features)} features")  # fmt: skip
        if not all(scale > 0 for scale in self.scale):
            raise ValueError("scale must be > 0")
        return self

    def predict(self, known: Mapping[str, float]) -> float:
        """Return the Dice to expect, in [0, 1].

        Args:
            known: features of the structure, by name.

        Raises:
            KeyError: if one is missing.
        """
        total = self.intercept
        rows = zip(
            self.features, self.low, self.high, self.mean, self.scale, self.coefficients,
            strict=True,
        )  # fmt: skip
        for name, low, high, mean, scale, coefficient in rows:
            total += coefficient * (min(max(known[name], low), high) - mean) / scale
        return min(max(total, 0.0), 1.0)


class Limit(_Numbers):
    """How far a feature of a scan may go before a flag is raised.

    Args:
        low: least value without a flag; None where any is small enough.
        high: greatest.
        source: what says so.
    """

    low: float | None = None
    high: float | None = None
    source: str


class QualityModel(_Numbers):
    """All that is learnt about the predictions of one network.

    Args:
        format: of the file.
        version: of the package that wrote it.
        weights_digest: of the network it belongs to, as of ``digest_weights``.
        phantoms: scans of phantoms it was learnt on.
        seed: of them.
        structures: how good each structure is, by name.
        limits: of the scans' features, by flag.
        hits: share of phantom scans with something plainly wrong that raised any flag,
            by what was wrong.
        false_alarms: share of usable predictions on phantoms left out that raised one.
    """

    format: Literal["spinesynth-quality-1"] = "spinesynth-quality-1"
    version: str = __version__
    weights_digest: str = Field(pattern="^[0-9a-f]{64}$")
    phantoms: int = Field(ge=1)
    seed: int
    structures: dict[str, StructureQuality]
    limits: dict[str, Limit]
    hits: dict[str, float] = {}
    false_alarms: float | None = None


def quality_path(weights: Path) -> Path:
    """Return where the quality model of a file of weights stands.

    Example:
        >>> quality_path(Path("models/model_A_best.pt")).name
        'model_A_best.quality.json'
    """
    return weights.with_name(weights.stem + QUALITY_SUFFIX)


def write_quality(path: Path, model: QualityModel) -> None:
    """Write a quality model to its final name only once it is complete.

    Raises:
        OutputError: if the disk refuses it.
    """
    text = json.dumps(model.model_dump(mode="json"), indent=1, allow_nan=False)
    write_text(path, text + "\n")


def read_quality(path: Path, *, weights_digest: str) -> QualityModel:
    """Read the quality model of a network, refusing that of another.

    Args:
        path: JSON file.
        weights_digest: of the network, as of
            :func:`~spinesynth.io.weights_digest.digest_weights`.

    Raises:
        CheckpointError: if it cannot be read, is damaged, or belongs to other weights.
    """
    try:
        model = QualityModel.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = str(error).splitlines()[0]
        raise CheckpointError(
            f"{path} is refused: it is no quality model ({why}); make one with "
            "'spinesynth fit-quality'",
            code="E-QUAL-001",
        ) from error
    if model.weights_digest != weights_digest:
        raise CheckpointError(
            f"{path} is refused: it belongs to weights {model.weights_digest[:_SHORT]}, these are "
            f"{weights_digest[:_SHORT]}; make one for them with 'spinesynth fit-quality'",
            code="E-QUAL-001",
        )
    return model


def quality_beside(files: Sequence[Path], weights_digests: Sequence[str]) -> QualityModel | None:
    """Return the quality model beside the weights; None if there is none.

    Args:
        files: of the weights; several vote, about which nothing was learnt.
        weights_digests: of each, as of ``digest_weights``; empty where they are not
            known, as of ONNX files that an older version wrote.

    Raises:
        CheckpointError: if the file there is refused.
    """
    if len(files) != 1 or not all(weights_digests) or not quality_path(files[0]).is_file():
        return None
    return read_quality(quality_path(files[0]), weights_digest=weights_digests[0])


def tell_quality(
    files: Sequence[Path], weights_digests: Sequence[str], *, plain: bool, known: bool
) -> str:
    """Return where predicted Dice come from, or why there are none, for a report.

    Args:
        files: of the weights.
        weights_digests: of each; empty where they are not known.
        plain: whether the anatomy is shown once, at its own size.
        known: whether a quality model is used.

    Example:
        >>> tell_quality([Path("a.pt")], ["0" * 64], plain=True, known=False)
        'none: there is no a.quality.json beside the weights'
    """
    if known:
        return quality_path(files[0]).name
    if len(files) != 1 or not plain:
        return "none: nothing was learnt about votes of several networks, or at other scales"
    if not all(weights_digests):
        return "none: the file does not tell which weights it holds; export it again"
    return f"none: there is no {quality_path(files[0]).name} beside the weights"


def finite(value: float) -> float | None:
    """Return a number, or None for what JSON cannot hold."""
    return value if math.isfinite(value) else None
