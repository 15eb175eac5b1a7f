"""An array transform as a TorchIO transform: drawn, remembered in the history, replayed."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
import torchio as tio
from monai.data.meta_tensor import MetaTensor
from torch import Tensor
from torchio.transforms.augmentation.random_transform import RandomTransform
from torchio.transforms.intensity_transform import IntensityTransform

from spinesynth.transforms.base import RandomKernel, as_plain
from spinesynth.transforms.torchio.replayed_face import (
    FACES,
    Records,
    Replayed,
    ReplayedIntensity,
    record_of,
)

_TORCHIO_ARGUMENTS = frozenset(inspect.signature(tio.Transform.__init__).parameters) - {"self"}


def with_affine(image: tio.Image, data: Tensor) -> MetaTensor:
    """Return data ``(C, W, H, D)`` of an image with the image's affine."""
    return MetaTensor(data, affine=torch.as_tensor(image.affine))


class RandomSpineSynthTransform(RandomTransform):
    """Base of the random faces: one seed from torch's generator, records into the history.

    A face names its ``array_class`` and says in :meth:`render` which images it
    reads and writes.

    Args:
        *values: leading parameters of ``array_class``.
        **arguments: further ones by name, and TorchIO's ``p``, ``include``,
            ``exclude``, ``keep`` and ``copy``.
    """

    array_class: ClassVar[type[RandomKernel]]
    replay_class: ClassVar[type[Replayed]]

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401  # as the base class has it
        super().__init_subclass__(**kwargs)
        if "array_class" in cls.__dict__:
            FACES[cls.__name__] = cls

    def __init__(self, *values: Any, **arguments: Any) -> None:  # noqa: ANN401  # of array_class
        own = {name: arguments.pop(name) for name in _TORCHIO_ARGUMENTS & set(arguments)}
        super().__init__(**own)  # type: ignore[no-untyped-call]  # TorchIO
        if "prob" in arguments:
            raise ValueError("prob must be given as p, as in all of TorchIO's transforms, got prob")
        signature = inspect.signature(self.array_class)
        self.parameters = dict(signature.bind_partial(*values, **arguments).arguments)
        self.array_class(**self.parameters)  # what it refuses, it refuses here

    @abstractmethod
    def render(
        self, subject: tio.Subject, *, state: np.random.RandomState, records: Records | None
    ) -> Records:
        """Change the subject in place.

        Args:
            subject: a copy that may be changed.
            state: random state to draw from, unless records are given.
            records: drawn parameters of an earlier application, by image.

        Returns:
            The parameters that were applied, by image.
        """

    def image_parameters(self, image: tio.Image) -> dict[str, Any]:
        """Return the parameters that an image gives where the user gave none."""
        taken = inspect.signature(self.array_class).parameters
        return {"spacing_mm": image.spacing} if "spacing_mm" in taken else {}

    def run_stage(
        self,
        image: tio.Image,
        data: Tensor,
        *,
        state: np.random.RandomState,
        record: Mapping[str, Any] | None,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return the transformed data of an image, and the record of what was done."""
        stage = self.array_class(**{**self.image_parameters(image), **self.parameters, "prob": 1.0})
        stage.set_random_state(state=state)
        if record is not None:
            stage.record = stage.read_record(record)
        result = stage(data, randomize=record is None)
        assert stage.record is not None  # prob is 1
        return result, stage.record.to_dict()

    def apply_transform(self, subject: tio.Subject) -> tio.Subject:
        """Draw, apply, and note in the history what repeats it."""
        state = np.random.RandomState(self._get_random_seed())
        records = self.render(subject, state=state, records=None)
        replay = self.replay_class(
            face=self.name,
            parameters=self._get_named_arguments(),
            records=records,
            **self._get_base_args(),
        )
        repeating = replay._get_reproducing_arguments()  # type: ignore[no-untyped-call]  # TorchIO
        subject.add_transform(replay, repeating)
        return subject

    def _get_named_arguments(self) -> dict[str, object]:
        """Return the arguments that build the face again, without TorchIO's own."""
        return dict(self.parameters)


class RandomIntensityFace(RandomSpineSynthTransform, IntensityTransform):
    """Base of the intensity faces: every ScalarImage by itself, a LabelMap never.

    A new face is one line: ``class RandomX(RandomIntensityFace): array_class = RandX``.
    """

    replay_class: ClassVar[type[Replayed]] = ReplayedIntensity

    def render(
        self, subject: tio.Subject, *, state: np.random.RandomState, records: Records | None
    ) -> Records:
        """Transform the scalar images one after another."""
        applied: Records = {}
        for name, image in self.get_images_dict(subject).items():
            record = None if records is None else record_of(name, records)
            data = with_affine(image, image.data.float())
            result, applied[name] = self.run_stage(image, data, state=state, record=record)
            image.set_data(as_plain(result))
        return applied
