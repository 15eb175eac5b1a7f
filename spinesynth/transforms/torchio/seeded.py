"""Any TorchIO transform in a MONAI chain, drawn from MONAI's random state."""

from __future__ import annotations

import random
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torchio as tio
from monai.config.type_definitions import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms.transform import MapTransform, Randomizable
from torch import Tensor

from spinesynth.transforms.base import Record, as_plain, rewrap

_MAX_SEED = 2**31 - 1


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """Seed the global CPU generators of torch, numpy and Python; put them back afterwards."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would seed the generators of GPUs too, which are not put back
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)


class SeededTorchIOd(MapTransform, Randomizable):
    """Apply a TorchIO transform to the arrays of a dictionary, repeatably.

    MONAI's own ``RandTorchIOd`` lets TorchIO draw from torch's global generator,
    whatever ``set_random_state`` says. This one draws a seed from its own state,
    runs the transform under it, and leaves the global generators as they were.

    Args:
        keys: keys of the arrays, which share one ``torchio.Subject``: floats
            become a ScalarImage, integers a LabelMap.
        transform: a TorchIO transform, or a ``torchio.Compose``.
        label_keys: keys that are label maps whatever their data type.
        allow_missing_keys: do not raise if a key is missing.

    Shape:
        ``(C, *spatial)`` of two or three axes; whatever the transform makes of it.
        Images that it adds are put under their own name. Tensors come back on the
        device they came from, with their data type; numpy arrays as tensors, as from
        every transform of this package.

    Example:
        >>> import torch, torchio
        >>> noise = SeededTorchIOd("image", torchio.RandomNoise()).set_random_state(0)
        >>> one = noise({"image": torch.zeros(1, 4, 4, 4)})["image"]
        >>> again = noise.apply({"image": torch.zeros(1, 4, 4, 4)}, noise.record)["image"]
        >>> bool((one == again).all())
        True
    """

    def __init__(
        self,
        keys: KeysCollection,
        transform: tio.Transform,
        *,
        label_keys: Collection[Hashable] = (),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if not isinstance(transform, tio.Transform):
            raise TypeError(f"transform must be a torchio.Transform, got {type(transform)}")
        self.transform = transform
        self.label_keys = frozenset(label_keys)
        self.record: Record | None = None
        # MONAI's R is one object shared by all instances; ours has its own
        self.R = np.random.RandomState(np.random.MT19937())

    def set_random_state(
        self, seed: int | None = None, state: np.random.RandomState | None = None
    ) -> SeededTorchIOd:
        """Seed the transform, as MONAI's ``Compose`` does for its members."""
        Randomizable.set_random_state(self, seed, state)
        return self

    def randomize(self, data: Any = None) -> None:  # noqa: ANN401  # MONAI's signature
        """Draw the seed."""
        self.record = Record(int(self.R.randint(_MAX_SEED)))

    def read_record(self, fields: Mapping[str, Any]) -> Record:
        """Return the record that :meth:`Record.to_dict` wrote."""
        return Record(**fields)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw a seed and transform the arrays under ``keys`` together."""
        self.randomize()
        assert self.record is not None  # just drawn
        return self.apply(data, self.record)

    def apply(self, data: Mapping[Hashable, Any], record: Record) -> dict[Hashable, Any]:
        """Transform with the seed of a record."""
        result = dict(data)
        sources = {str(key): key for key in self.key_iterator(result)}
        if not sources:
            return result
        images = {name: self._image(result[key], key) for name, key in sources.items()}
        with seeded_globals(record.seed):
            subject = self.transform(tio.Subject(images))
        first = result[next(iter(sources.values()))]
        for name, image in subject.get_images_dict(intensity_only=False).items():
            key = sources.get(name, name)
            result[key] = _array(image, like=data[key] if name in sources else first)
            if name in sources:
                result[key] = result[key].to(as_plain(data[key]).dtype)
        return result

    def _image(self, array: Tensor | np.ndarray, key: Hashable) -> tio.Image:
        plain = as_plain(array)
        if plain.ndim not in (3, 4):
            raise ValueError(
                f"{key!r} must have two or three spatial axes after the channel, "
                f"got shape {tuple(plain.shape)}"
            )
        is_map = key in self.label_keys or not plain.is_floating_point()
        form = tio.LabelMap if is_map else tio.ScalarImage
        affine = array.affine.cpu().double() if isinstance(array, MetaTensor) else torch.eye(4)
        volume = plain.unsqueeze(-1) if plain.ndim == 3 else plain
        return form(tensor=volume.cpu().clone(), affine=np.asarray(to_affine_nd(3, affine)))


def _array(image: tio.Image, *, like: Tensor | np.ndarray) -> Tensor:
    """Return an image with the axes, the device and the affine of what it was made from."""
    plain: Tensor = image.data
    if like.ndim == 3:
        if plain.shape[-1] != 1:
            raise ValueError(f"transform must keep a slice flat, got shape {tuple(plain.shape)}")
        plain = plain[..., 0]
    if isinstance(like, Tensor):
        plain = plain.to(like.device)
    if not isinstance(like, MetaTensor):
        return plain
    rank = len(like.affine) - 1
    affine = torch.as_tensor(to_affine_nd(rank, np.asarray(image.affine)))
    return rewrap(plain, like, affine=affine.to(like.affine))
