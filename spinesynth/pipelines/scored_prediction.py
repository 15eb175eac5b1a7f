"""One prediction with what it tells of itself and how good it truly is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spinesynth.io.load_case import LoadedCase
from spinesynth.metrics import METRICS, MaskPair
from spinesynth.pipelines.ensemble import Predictor
from spinesynth.pipelines.evaluate import group_masks, spacing_of
from spinesynth.pipelines.prediction_features import DoubtGatherer, Features
from spinesynth.pipelines.slab_reading import likeliest_structures


@dataclass(frozen=True)
class ScoredPrediction:
    """Hold the features of a prediction and its true scores.

    Args:
        features: what the prediction tells of itself.
        scores: by metric, then by structure; NaN where prediction and reference are empty.
    """

    features: Features
    scores: Mapping[str, Mapping[str, float]]

    @property
    def dice(self) -> Mapping[str, float]:
        """Return the Dice of each structure."""
        return self.scores["dice"]


def score_prediction(
    predictor: Predictor,
    loaded: LoadedCase,
    groups: Sequence[str],
    *,
    metrics: Sequence[str] = ("dice",),
) -> ScoredPrediction:
    """Predict a scan, and compare with its reference.

    Args:
        predictor: of probabilities.
        loaded: scan with its image; without a reference there are no scores.
        groups: keys of ``REPORT_GROUPS`` to score.
        metrics: keys of ``METRICS``.
    """
    image = loaded.image
    assert image is not None  # asked for by whoever loaded it
    gatherer = DoubtGatherer(predictor.structures, image, groups=predictor.groups)
    structures = likeliest_structures(predictor, image, watchers=(gatherer,))
    scores: dict[str, dict[str, float]] = {name: {} for name in metrics}
    if loaded.structure is not None:
        predicted = group_masks(structures, groups)
        expected = group_masks(loaded.structure.as_tensor()[0], groups)
        for group in groups:
            pair = MaskPair(predicted[group], expected[group], spacing_mm=spacing_of(image))
            for name in metrics:
                scores[name][group] = METRICS[name].function(pair)
    return ScoredPrediction(gatherer.features(), scores)
