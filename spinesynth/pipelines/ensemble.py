"""Predict with several networks, or with one at several scales, as with one.

Members vote with their class probabilities on the image's own grid, so that they may have
been trained on different voxel sizes, windows and slices. What they were trained on may
differ too: synthetic and real images, or the folds of a cross-validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from spinesynth.errors import ConfigError
from spinesynth.io.weights_digest import digest_weights
from spinesynth.kernels.entropy import normalised_entropy
from spinesynth.pipelines.predict import Engine, load_predictor
from spinesynth.pipelines.slab_reading import each_slice, join_slabs, likeliest_structures

Weighting = Literal["mean", "certainty"]
WEIGHTINGS: tuple[Weighting, ...] = get_args(Weighting)
#: Weight of a member that cannot tell at all, beside 1 of one that is certain; nominal. Where
#: nobody can tell, members count alike.
_LEAST_WEIGHT = 1e-3
#: Scales beyond these show anatomy in sizes that no patient has; nominal.
_SCALES = (0.5, 2.0)


class Predictor(Protocol):
    """Describe what segments a volume: a :class:`VolumePredictor`, or several as one."""

    structures: Tensor
    groups: frozenset[str]

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        """Yield ``(C, slices, J, K)`` class probabilities on the image's own grid, in order."""

    def probabilities(self, image: MetaTensor) -> Tensor:
        """Return ``(C, I, J, K)`` class probabilities on the image's own grid."""

    def __call__(self, image: MetaTensor) -> Tensor:
        """Return uint8 ``(I, J, K)`` Structure codes on the image's own grid."""


class EnsemblePredictor:
    """Segment canonical volumes by the weighted mean of the members' probabilities.

    Args:
        members: predictors of the same classes.
        weighting: ``mean`` counts all alike. ``certainty`` weighs each at each voxel by
            one minus its entropy over the greatest there can be, so that a member that
            does not know a contrast leaves the word to those that do.

    Raises:
        ConfigError: if there is no member, or their classes differ.
    """

    def __init__(self, members: Sequence[Predictor], *, weighting: Weighting = "mean") -> None:
        if not members:
            raise ConfigError("an ensemble must have at least one member", code="E-CONF-031")
        first = members[0]
        for number, member in enumerate(members[1:], start=2):
            if not torch.equal(member.structures, first.structures):
                raise ConfigError(
                    "members of an ensemble must have the same classes; the first has "
                    f"structures {first.structures.tolist()}, number {number} has "
                    f"{member.structures.tolist()}",
                    code="E-CONF-031",
                )
        self.members, self.weighting = tuple(members), weighting
        self.structures, self.groups = first.structures, first.groups

    def slabs(self, image: MetaTensor) -> Iterator[Tensor]:
        """Yield ``(C, 1, J, K)`` class probabilities of one sagittal slice after another.

        Args:
            image: ``(1, I, J, K)`` float, canonical axes, finite.

        Raises:
            ValueError: if a member refuses the image.
        """
        for votes in zip(*(each_slice(member, image) for member in self.members), strict=True):
            total, weights = torch.zeros(()), torch.zeros(())
            for voted in votes:
                weight = certainty(voted) if self.weighting == "certainty" else torch.ones(())
                total, weights = total + voted * weight, weights + weight
            yield total / weights

    def probabilities(self, image: MetaTensor) -> Tensor:
        """Return ``(C, I, J, K)`` class probabilities on the image's own grid.

        Args:
            image: as of :meth:`slabs`, which also says what is raised.
        """
        return join_slabs(self, image)

    def __call__(self, image: MetaTensor) -> Tensor:
        """Return uint8 ``(I, J, K)`` Structure codes on the image's own canonical grid."""
        return likeliest_structures(self, image)


def read_weighting(name: str) -> Weighting:
    """Return the weighting of a name.

    Raises:
        ConfigError: if there is none.
    """
    for weighting in WEIGHTINGS:
        if name == weighting:
            return weighting
    raise ConfigError(
        f"weighting must be one of {', '.join(WEIGHTINGS)}, got {name!r}", code="E-CONF-031"
    )


def certainty(probabilities: Tensor) -> Tensor:
    """Return one minus the normalised entropy of each voxel, at least a thousandth.

    Args:
        probabilities: ``(C, *spatial)``, two classes or more, summing to 1 over them.

    Returns:
        ``(*spatial)`` in (0, 1].

    Example:
        >>> certainty(torch.tensor([[1.0, 0.5], [0.0, 0.5]])).tolist()
        [1.0, 0.0010000000474974513]
    """
    return (1.0 - normalised_entropy(probabilities)).clamp_min(_LEAST_WEIGHT)


@dataclass(frozen=True)
class Origin:
    """What the members of a predictor say of themselves.

    Attributes:
        name: of the experiments, each once.
        model: letters of the members, joined by ``+``.
        target_scheme: of the first.
        steps: of training, each.
        seen_patients: by any of them; empty if one does not say.
        seen_content: digests of images and masks seen by any of them that says.
        weights_digests: of each network's weights; empty where they are not known.
    """

    name: str
    model: str
    target_scheme: str
    steps: tuple[int, ...]
    seen_patients: tuple[str, ...]
    seen_content: tuple[str, ...] = ()
    weights_digests: tuple[str, ...] = ()


def load_members(
    checkpoints: Sequence[Path],
    *,
    weighting: Weighting = "mean",
    scales: Sequence[float] = (1.0,),
    engine: Engine = "torch",
    threads: int | None = None,
    device: torch.device | None = None,
) -> tuple[Predictor, Origin]:
    """Return what predicts with all of some checkpoints at all of some scales.

    Args:
        checkpoints: files that this package wrote; one or more.
        weighting: of the votes.
        scales: sizes at which each network sees the anatomy, relative to what it was
            trained on (test-time augmentation); 1 alone is the plain prediction.
        engine: what runs them, ``torch`` or ``onnx``.
        threads: of the processor; None for as many as torch has.
        device: that torch runs on; None for the best there is.

    Raises:
        CheckpointError: if a file is refused.
        ConfigError: if there is none, their classes differ, or a scale is impossible.
    """
    low, high = _SCALES
    if not scales or not all(low <= scale <= high for scale in scales):
        raise ConfigError(
            f"scales must be one or more numbers within [{low:g}, {high:g}], got {list(scales)}",
            code="E-CONF-031",
        )
    loaded = [
        load_predictor(path, engine=engine, threads=threads, device=device) for path in checkpoints
    ]
    members = [predictor.at_scale(scale) for predictor, _ in loaded for scale in scales]
    single: Predictor = (
        members[0] if len(members) == 1 else EnsemblePredictor(members, weighting=weighting)
    )
    saved = [checkpoint for _, checkpoint in loaded]
    told = all(checkpoint.seen_patients for checkpoint in saved)
    seen = {patient for checkpoint in saved for patient in checkpoint.seen_patients}
    return single, Origin(
        name="+".join(dict.fromkeys(str(checkpoint.config["name"]) for checkpoint in saved)),
        model="+".join(checkpoint.model for checkpoint in saved),
        target_scheme=saved[0].target_scheme,
        steps=tuple(checkpoint.step for checkpoint in saved),
        seen_patients=tuple(sorted(seen)) if told else (),
        seen_content=tuple(sorted({line for one in saved for line in one.seen_content})),
        weights_digests=tuple(
            digest_weights(one.weights) if one.weights else one.weights_digest for one in saved
        ),
    )
