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
        entropy: mean normalised entropy of all that was found, in [0, 1]; 1 where nothing was.
    """

    quality: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    entropy: float = 1.0

    @property
    def is_suspicious(self) -> bool:
        """Whether somebody should look before anything is done with it."""
        return bool(self.flags)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return any(flag.name == "empty" for flag in self.flags)

    @property
    def lowest_quality(self) -> float:
        """Return the least predicted Dice, 0 where nothing was found, 1 where none is known."""
        return 0.0 if self.is_empty else min(self.quality.values(), default=1.0)

    @property
    def degree(self) -> float:
        """Return how doubtful it is, in [0, 1], to rank the scans of one network by.

        It is one less the least predicted Dice, or :attr:`entropy` where none is known.
        """
        return 1.0 - self.lowest_quality if self.is_empty or self.quality else self.entropy

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
    entropy = 1.0 if features.scan["found_ml"] == 0 else features.scan.get("entropy", 1.0)
    return Doubt(quality, raise_flags(features.scan, quality, limits), min(entropy, 1.0))
