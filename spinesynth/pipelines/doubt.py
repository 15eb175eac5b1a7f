"""How far a prediction is to be trusted: predicted Dice of each structure, and flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spinesynth.pipelines.doubt_flags import Flag, raise_flags
from spinesynth.pipelines.prediction_features import Features
from spinesynth.pipelines.quality_model import QualityModel

_DIGITS = 4


@dataclass(frozen=True)
class Doubt:
    """Hold what is doubtful about one prediction.

    Args:
        quality: predicted Dice of each structure that was found, in [0, 1], by name; empty
            where no quality model belongs to the network.
        flags: what is not as it should be; none of an ordinary scan.
    """

    quality: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()

    @property
    def is_suspicious(self) -> bool:
        """Whether somebody should look before anything is done with it."""
        return bool(self.flags)

    @property
    def lowest_quality(self) -> float:
        """Return the least predicted Dice, 0 where nothing was found, 1 where none is known."""
        if any(flag.name == "empty" for flag in self.flags):
            return 0.0
        return min(self.quality.values(), default=1.0)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {
            "suspicious": self.is_suspicious,
            "predicted_dice": {name: round(v, _DIGITS) for name, v in self.quality.items()},
            "flags": [flag.as_json() for flag in self.flags],
        }


def judge(
    features: Features, quality_model: QualityModel | None = None, *, is_empty: bool = False
) -> Doubt:
    """Say how far a prediction is to be trusted.

    Args:
        features: of the prediction, as of
            :class:`~spinesynth.pipelines.prediction_features.DoubtGatherer`.
        quality_model: of the network; None leaves only the flags that need none.
        is_empty: whether nothing was left of it where labels were cleaned.

    Example:
        >>> doubt = judge(Features({}, {"found_ml": 0.0, "hounsfield_share": 0.0}))
        >>> [flag.name for flag in doubt.flags], doubt.lowest_quality
        (['empty'], 0.0)
    """
    if is_empty:
        features = Features({}, {**features.scan, "found_ml": 0.0})
    learnt = {} if quality_model is None else quality_model.structures
    quality = {
        name: learnt[name].predict(known)
        for name, known in features.structures.items()
        if name in learnt
    }
    limits = {} if quality_model is None else quality_model.limits
    return Doubt(quality, raise_flags(features.scan, quality, limits))
