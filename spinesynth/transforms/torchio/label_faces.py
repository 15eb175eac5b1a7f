"""Faces of the stages that make something new of a label map."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torchio as tio
from torch import Tensor
from torchio.transforms.intensity_transform import IntensityTransform

from spinesynth.transforms.base import RandomKernel, as_plain
from spinesynth.transforms.context import RandFillContext
from spinesynth.transforms.tissue_contrast import RandTissueContrast
from spinesynth.transforms.torchio.random_face import RandomSpineSynthTransform, with_affine
from spinesynth.transforms.torchio.replayed_face import (
    Records,
    Replayed,
    ReplayedIntensity,
    record_of,
)
from spinesynth.transforms.whole_numbers import whole_numbers


class RandomLabelFace(RandomSpineSynthTransform, IntensityTransform):
    """Base of the faces that read one label map and put an image beside it.

    Args:
        *values: leading parameters of ``array_class``.
        label_key: name of the label map; None takes the subject's first.
        image_key: name under which the result is put.
        **arguments: further parameters of ``array_class`` and TorchIO's.
    """

    replay_class: ClassVar[type[Replayed]] = ReplayedIntensity
    default_image_key: ClassVar[str]

    def __init__(
        self,
        *values: Any,  # noqa: ANN401  # of array_class
        label_key: str | None = None,
        image_key: str | None = None,
        **arguments: Any,  # noqa: ANN401  # of array_class
    ) -> None:
        super().__init__(*values, **arguments)
        self.label_key = label_key
        self.image_key = self.default_image_key if image_key is None else image_key

    def _get_named_arguments(self) -> dict[str, object]:
        keys = {"label_key": self.label_key, "image_key": self.image_key}
        return {**super()._get_named_arguments(), **keys}

    def _find(self, subject: tio.Subject) -> str:
        names = [str(key) for key, image in subject.items() if isinstance(image, tio.LabelMap)]
        name = self.label_key if self.label_key is not None or not names else names[0]
        if name is None or name not in names:
            raise ValueError(f"label_key must be a label map of the subject {names}, got {name!r}")
        return name

    def render(
        self, subject: tio.Subject, *, state: np.random.RandomState, records: Records | None
    ) -> Records:
        """Read the label map and put the result."""
        name = self._find(subject)
        image = subject.get_label_map(name)
        if image.data.shape[0] != 1:
            raise ValueError(f"label map {name!r} must have 1 channel, got {image.data.shape[0]}")
        record = None if records is None else record_of(name, records)
        data = with_affine(image, whole_numbers(image.data, f"label map {name!r}"))
        result, applied = self.run_stage(image, data, state=state, record=record)
        self.put(subject, image, as_plain(result))
        return {name: applied}

    def put(self, subject: tio.Subject, source: tio.LabelMap, result: Tensor) -> None:
        """Put the result into the subject."""
        raise NotImplementedError


class RandomTissuesToImage(RandomLabelFace):
    """Face of :class:`~spinesynth.transforms.RandTissueContrast`.

    Priors are keyed by tissue: a tissue that a patch does not hold moves no
    other's, and any codes may be missing.
    """

    array_class: ClassVar[type[RandomKernel]] = RandTissueContrast
    default_image_key: ClassVar[str] = "image_from_labels"  # as RandomLabelsToImage has it

    def put(self, subject: tio.Subject, source: tio.LabelMap, result: Tensor) -> None:
        """Put the painted image on the grid of the tissue map."""
        image = tio.ScalarImage(tensor=result, affine=source.affine)  # type: ignore[no-untyped-call]  # TorchIO
        subject.add_image(image, self.image_key)


class RandomFillContext(RandomLabelFace):
    """Face of :class:`~spinesynth.transforms.RandFillContext`.

    The completed structure map replaces the one that was read, in its own data
    type; the tissue map is put under ``image_key``.
    """

    array_class: ClassVar[type[RandomKernel]] = RandFillContext
    default_image_key: ClassVar[str] = "tissue"

    def put(self, subject: tio.Subject, source: tio.LabelMap, result: Tensor) -> None:
        """Put the completed structure map and the tissue map."""
        source.set_data(result[:1].to(source.data.dtype))
        tissue = tio.LabelMap(tensor=result[1:], affine=source.affine)  # type: ignore[no-untyped-call]  # TorchIO
        subject.add_image(tissue, self.image_key)
