"""What a random face leaves in the history: drawn parameters, applied again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torchio as tio
from torchio.transforms.intensity_transform import IntensityTransform
from torchio.transforms.spatial_transform import SpatialTransform

#: Drawn parameters by the name of the image they were drawn for.
Records = dict[str, dict[str, Any]]


class Face(Protocol):
    """What replaying needs of a random face."""

    def render(
        self, subject: tio.Subject, *, state: np.random.RandomState, records: Records | None
    ) -> Records:
        """Change the subject in place by records."""


#: Random faces by name, as TorchIO finds the transforms of a history by name.
FACES: dict[str, Callable[..., Face]] = {}


def record_of(name: str, records: Records) -> dict[str, Any]:
    """Return the record of an image, or say that there is none."""
    if name not in records:
        raise ValueError(f"records must hold one for image {name!r}, got {sorted(records)}")
    return records[name]


class Replayed(tio.Transform):
    """What a random face leaves in the history: it applies the same records again.

    Args:
        face: name of the random face.
        parameters: parameters of that face.
        records: drawn parameters by image, of plain JSON types.
        **arguments: TorchIO's.
    """

    def __init__(
        self,
        face: str,
        *,
        parameters: Mapping[str, Any],
        records: Records,
        **arguments: Any,  # noqa: ANN401  # TorchIO's
    ) -> None:
        super().__init__(**arguments)
        if face not in FACES:
            raise ValueError(f"face must be one of {sorted(FACES)}, got {face!r}")
        self.face, self.parameters, self.records = face, dict(parameters), records
        self.args_names = ["face", "parameters", "records"]

    def apply_transform(self, subject: tio.Subject) -> tio.Subject:
        """Apply the records."""
        face = FACES[self.face](**self.parameters, include=self.include, exclude=self.exclude)
        face.render(subject, state=np.random.RandomState(0), records=self.records)
        return subject


class ReplayedIntensity(Replayed, IntensityTransform):
    """Replay of a face that changes intensities."""


class ReplayedSpatial(Replayed, SpatialTransform):
    """Replay of a face that moves voxels."""
