"""Learn on phantoms when a network's predictions are to be doubted.

Phantoms are drawn, scanned, degraded by the conditions of the robustness suite, and
predicted. A regression learns each structure's Dice of them and of scans without any spine.
The limits of the flags are the
farthest that any usable prediction went, one whose mean true Dice is at least 0.7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spinesynth.io.weights_digest import digest_weights
from spinesynth.pipelines.doubt import judge
from spinesynth.pipelines.doubt_flags import LEARNT_RULES, Rule, raise_flags
from spinesynth.pipelines.ensemble import Predictor
from spinesynth.pipelines.predict import load_predictor
from spinesynth.pipelines.prediction_features import Features
from spinesynth.pipelines.progress import StepProgress
from spinesynth.pipelines.quality_model import (
    Limit,
    QualityModel,
    StructureQuality,
    quality_path,
    write_quality,
)
from spinesynth.pipelines.quality_phantoms import (
    CHALLENGES,
    PhantomScan,
    draw_challenge,
    draw_scan,
)
from spinesynth.pipelines.quality_regression import fit_structure
from spinesynth.pipelines.scored_prediction import score_prediction

DEFAULT_PHANTOMS = 100
_CHALLENGE_EVERY = 4  # phantoms; nominal
_USABLE_DICE = 0.7  # mean over the structures in view; nominal
_FOLDS = 5
#: What has no spine in view, where a network is unsure and each structure's Dice is 0. What is
#: upside down is predicted wrongly without any doubt: the regression could but be misled.
_SPINELESS = ("noise_alone", "flank")


@dataclass(frozen=True)
class Lesson:
    """Hold what one phantom's scan teaches.

    Args:
        condition: as of :class:`~spinesynth.pipelines.quality_phantoms.PhantomScan`.
        features: of its prediction.
        dice: of each structure, NaN where prediction and reference have none.
    """

    condition: str
    features: Features
    dice: Mapping[str, float]

    @property
    def is_usable(self) -> bool:
        """Whether the prediction is good enough to count as ordinary."""
        known = [value for value in self.dice.values() if not math.isnan(value)]
        return bool(known) and sum(known) / len(known) >= _USABLE_DICE


def fit_quality_model(
    checkpoint: Path,
    *,
    output: Path | None = None,
    phantoms: int = DEFAULT_PHANTOMS,
    seed: int = 0,
) -> tuple[Path, QualityModel]:
    """Learn the quality model of a network, and write it.

    Args:
        checkpoint: weights of the network.
        output: JSON file; None for the one beside the weights, where it is looked for.
        phantoms: scans to learn on.
        seed: of them.

    Returns:
        The file and what is in it.

    Raises:
        CheckpointError: if the checkpoint is refused.
        OutputError: if the file cannot be written.
    """
    predictor, loaded = load_predictor(checkpoint)
    lessons, wrong = gather_lessons(predictor, phantoms=phantoms, seed=seed)
    model = learn_quality(
        lessons, wrong, weights_digest=digest_weights(loaded.weights), seed=seed
    )  # fmt: skip
    path = output or quality_path(checkpoint)
    write_quality(path, model)
    return path, model


def gather_lessons(
    predictor: Predictor, *, phantoms: int, seed: int
) -> tuple[list[Lesson], list[Lesson]]:
    """Predict scans of phantoms, and for each fourth one that deserves a flag.

    Args:
        predictor: whose predictions are to be judged.
        phantoms: how many.
        seed: of them.
    """
    lessons, wrong = [], []
    with StepProgress("phantoms", phantoms) as progress:
        for number in range(phantoms):
            lessons.append(_lesson(predictor, draw_scan(seed, number)))
            turn, rest = divmod(number, _CHALLENGE_EVERY)
            if rest == 0:
                challenge = CHALLENGES[turn % len(CHALLENGES)]
                wrong.append(_lesson(predictor, draw_challenge(seed, number, challenge)))
            progress.advance()
    return lessons, wrong


def _lesson(predictor: Predictor, scan: PhantomScan) -> Lesson:
    scored = score_prediction(predictor, scan.loaded, sorted(predictor.groups))
    return Lesson(scan.condition, scored.features, scored.dice)


def learn_quality(
    lessons: Sequence[Lesson], wrong: Sequence[Lesson], *, weights_digest: str, seed: int
) -> QualityModel:
    """Return what scans of phantoms teach.

    Args:
        lessons: good and degraded scans.
        wrong: scans that deserve a flag, to count how many get one.
        weights_digest: of the network.
        seed: that the scans were drawn with.
    """
    structures = _learn_structures(
        [*lessons, *(lesson for lesson in wrong if lesson.condition in _SPINELESS)]
    )
    model = QualityModel(
        weights_digest=weights_digest, phantoms=len(lessons), seed=seed, structures=structures,
        limits=learn_limits(lessons), false_alarms=_false_alarms(lessons),
    )  # fmt: skip
    conditions = sorted({lesson.condition for lesson in wrong})
    hits = {
        name: _share([judge(x.features, model).is_suspicious for x in wrong if x.condition == name])
        for name in conditions
    }
    return model.model_copy(update={"hits": hits})


def _learn_structures(lessons: Sequence[Lesson]) -> dict[str, StructureQuality]:
    """Return the regression of each structure that enough scans show."""
    fitted = {}
    for name in sorted({name for lesson in lessons for name in lesson.dice}):
        pairs = [
            (lesson.features.structures[name], lesson.dice[name])
            for lesson in lessons
            if name in lesson.features.structures
        ]
        quality = fit_structure([known for known, _ in pairs], [dice for _, dice in pairs])
        if quality is not None:
            fitted[name] = quality
    return fitted


def learn_limits(lessons: Sequence[Lesson]) -> dict[str, Limit]:
    """Return how far the features of usable predictions go, by flag.

    Args:
        lessons: good and degraded scans.
    """
    usable = [lesson for lesson in lessons if lesson.is_usable]
    limits = {}
    for name, rule in LEARNT_RULES.items():
        values = _values(rule, usable)
        if values:
            limits[name] = Limit(
                low=min(values) if rule.low else None,
                high=max(values) if rule.high else None,
                source=f"the farthest of {len(values)} usable predictions on phantoms",
            )
    return limits


def _values(rule: Rule, lessons: Sequence[Lesson]) -> list[float]:
    return [
        lesson.features.scan[rule.feature]
        for lesson in lessons
        if rule.feature in lesson.features.scan and lesson.condition not in rule.without
    ]


def _false_alarms(lessons: Sequence[Lesson]) -> float | None:
    """Return the share of usable predictions that limits of the other scans flag."""
    raised = []
    for fold in range(_FOLDS):
        limits = learn_limits([x for n, x in enumerate(lessons) if n % _FOLDS != fold])
        held = [x for n, x in enumerate(lessons) if n % _FOLDS == fold and x.is_usable]
        raised += [bool(raise_flags(x.features.scan, {}, limits)) for x in held]
    return _share(raised) if raised else None


def _share(raised: Sequence[bool]) -> float:
    return sum(raised) / len(raised)
